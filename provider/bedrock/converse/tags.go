package converse

import (
	"slices"
	"strings"

	"outcrop/llm"
)

// Some models write their reasoning into their text, between <thinking> and </thinking> (the first
// Nova models, as in public recordings of AWS's responses). Clients receive it as reasoning.

// whiteSpace may precede a tag, and is dropped after it.
const whiteSpace = " \t\r\n"

// Bounds on what is held back until its kind is known, so that the memory of a stream is bounded.
const (
	maxBlank = 1 << 10 // bytes of white space before a tag
	maxLate  = 1 << 10 // citations of a text whose thoughts have not ended
)

// openTag looks for a tag at the beginning of a text. rest is what follows it; more
// is whether a tag may still come when the text goes on.
func openTag(text string) (tag, rest string, more bool) {
	text = strings.TrimLeft(text, whiteSpace)
	for _, tag := range []string{"thinking", "think"} {
		open := "<" + tag + ">"
		if rest, ok := strings.CutPrefix(text, open); ok {
			return tag, rest, false
		}
		more = more || strings.HasPrefix(open, text)
	}
	return "", "", more
}

// isTagged reports whether a block is text that begins with tagged reasoning.
func isTagged(b llm.Block) bool {
	tag, _, _ := openTag(b.Text)
	return b.Kind == llm.BlockText && tag != ""
}

// splitThinkTags turns tagged reasoning in text into reasoning blocks.
func splitThinkTags(blocks []llm.Block) []llm.Block {
	if !slices.ContainsFunc(blocks, isTagged) {
		return blocks
	}
	var out []llm.Block
	for _, b := range blocks {
		if !isTagged(b) {
			out = append(out, b)
			continue
		}
		tag, rest, _ := openTag(b.Text)
		thought, seen, _ := strings.Cut(rest, "</"+tag+">")
		if thought != "" {
			out = append(out, llm.Block{Kind: llm.BlockReasoning, Text: thought})
		}
		if b.Text = strings.TrimLeft(seen, whiteSpace); b.Text != "" || len(b.Extra) > 0 {
			out = append(out, b)
		}
	}
	return out
}

// thinkTagStream turns <thinking> text into reasoning blocks.
type thinkTagStream struct {
	llm.Stream
	queue []llm.Event // to return before the next of Stream
	err   error       // to return after the queue

	state tagState
	index int         // of the open text, in Stream
	shift int         // what is added to the indices of Stream
	tag   string      // that is open
	held  string      // text of which it is not known what it is
	late  []llm.Event // of the text that comes behind the tag
	begun bool        // the block of index+shift has begun
}

// tagState is the parse state of a text.
type tagState uint8

const (
	noText    tagState = iota // no text is open
	undecided                 // a tag may come
	inTag                     // thoughts
	behindTag                 // nothing has come behind the thoughts yet
	noTag                     // text that is passed on
)

func (u *thinkTagStream) Next(ev *llm.Event) error {
	for {
		if len(u.queue) > 0 {
			*ev = u.queue[0]
			if u.queue = u.queue[1:]; len(u.queue) == 0 {
				u.queue = nil // a stream may be open for long
			}
			return nil
		}
		if u.err != nil {
			return u.err
		}
		if err := u.Stream.Next(ev); err != nil {
			u.close()
			u.err = err
			continue
		}
		if u.pass(ev) {
			return nil
		}
	}
}

// More processes what Stream has buffered, which may produce no event.
func (u *thinkTagStream) More() bool {
	for len(u.queue) == 0 && u.err == nil && u.state != noTag && u.Stream.More() {
		ev := new(llm.Event)
		if err := u.Stream.Next(ev); err != nil {
			u.close()
			u.err = err
		} else if u.pass(ev) {
			u.put(ev)
		}
	}
	return len(u.queue) > 0 || u.err == nil && u.state == noTag && u.Stream.More()
}

// pass changes the event, and reports whether it is passed on; otherwise its results are in the
// queue.
func (u *thinkTagStream) pass(ev *llm.Event) bool {
	ofBlock := ev.Kind == llm.EventBlockStart || ev.Kind == llm.EventDelta || ev.Kind == llm.EventBlockEnd
	sameText := ofBlock && ev.Index == u.index && (ev.Kind == llm.EventBlockEnd || ev.Block == llm.BlockText)
	switch {
	case u.state == noText && (!ofBlock || ev.Kind == llm.EventBlockEnd || ev.Block != llm.BlockText):
		ev.Index += u.shift
		return true
	case u.state == noText:
		u.state, u.index, u.begun = undecided, ev.Index, false
	case !sameText: // the text was not ended
		u.close()
		if !u.pass(ev) {
			return false
		}
		u.put(ev)
		return false
	case u.state == noTag && ev.Kind == llm.EventDelta:
		ev.Index += u.shift
		return true
	}
	switch {
	case ev.Kind == llm.EventBlockEnd:
		u.close()
	case len(ev.Extra) > 0 || ev.Other != nil: // more than words, be it a citation
		u.late = append(u.late, *ev)
		if u.state != inTag && u.state != behindTag || len(u.late) > maxLate {
			u.decide()
		}
	case ev.Kind == llm.EventDelta:
		u.held += ev.Text
		u.read()
	}
	return false
}

// read processes the held text as far as its kind is known.
func (u *thinkTagStream) read() {
	if u.state == undecided {
		tag, rest, more := openTag(u.held)
		switch {
		case tag != "":
			u.state, u.tag, u.held = inTag, tag, rest
		case more && len(u.held) <= maxBlank:
			return
		default:
			u.decide()
			return
		}
	}
	if u.state == inTag {
		end := "</" + u.tag + ">"
		thought, seen, closed := strings.Cut(u.held, end)
		if !closed {
			keep := partial(u.held, end)
			u.say(llm.BlockReasoning, u.held[:len(u.held)-keep])
			u.held = u.held[len(u.held)-keep:]
			return
		}
		u.say(llm.BlockReasoning, thought)
		if u.begun {
			u.end()
			u.shift++
		}
		u.state, u.held = behindTag, seen
	}
	if u.held = strings.TrimLeft(u.held, whiteSpace); u.held != "" {
		u.decide()
	}
}

// partial is the length of the end of text with which end may begin.
func partial(text, end string) int {
	for n := min(len(text), len(end)-1); n > 0; n-- {
		if strings.HasSuffix(text, end[:n]) {
			return n
		}
	}
	return 0
}

// decide passes on the held text, and what follows it.
func (u *thinkTagStream) decide() {
	u.say(llm.BlockText, u.held)
	for i := range u.late {
		u.put(&u.late[i])
		u.queue[len(u.queue)-1].Index = u.index + u.shift
		u.begun = true
	}
	u.state, u.held, u.late = noTag, "", nil
}

// close ends the open text.
func (u *thinkTagStream) close() {
	switch {
	case u.state == noText:
		return
	case u.state == undecided && u.held == "": // a text that says nothing is one all the same
		u.add(llm.EventBlockStart).Block = llm.BlockText
		u.begun = true
	case u.state == inTag:
		u.say(llm.BlockReasoning, u.held)
		if u.held = ""; len(u.late) > 0 {
			if u.begun {
				u.end()
				u.shift++
			}
			u.decide()
		}
	default:
		u.decide()
	}
	if u.begun {
		u.end()
	} else { // nothing is left of it
		u.shift--
	}
	u.state, u.held, u.late = noText, "", nil
}

func (u *thinkTagStream) say(kind llm.BlockKind, text string) {
	if text != "" {
		ev := u.add(llm.EventDelta)
		ev.Block, ev.Text = kind, text
		u.begun = true
	}
}

func (u *thinkTagStream) end() {
	u.add(llm.EventBlockEnd)
	u.begun = false
}

// add puts an event of the block into the queue. Events are filled in where they stand:
// on the stack they would make that of every stream larger than it has to be.
func (u *thinkTagStream) add(kind llm.EventKind) *llm.Event {
	n := len(u.queue)
	u.queue = slices.Grow(u.queue, 1)[:n+1]
	ev := &u.queue[n]
	*ev = llm.Event{}
	ev.Kind, ev.Index = kind, u.index+u.shift
	return ev
}

// put puts an event into the queue as it is.
func (u *thinkTagStream) put(ev *llm.Event) { *u.add(ev.Kind) = *ev }
