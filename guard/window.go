package guard

import (
	"context"
	"strings"
	"unicode/utf8"
)

// Window checks a text that arrives in pieces. It holds back as much of it as is needed to find what is looked for although it
// arrives in several pieces, and never all of it. The zero value is a text that has not begun.
type Window struct {
	before string // the end of what has been released, to see what was in front
	held   string
	fresh  int  // how many bytes of held have not been checked
	open   bool // what was found at the end may go on, and has not been replaced
}

// behind is how many bytes of what has been released are checked again with what follows.
const behind = 512

// Judge checks a text, as Checker does with one text, and returns it with what is masked. before is what was in front of it, and
// has been released.
type Judge func(ctx context.Context, before, text string) (replaced string, block *Block, err error)

// Split is the reason for which a text is refused of which a part to be masked has been released already.
const Split = "Content blocked: something that must be masked is longer than what is held back"

// Add adds a piece, and returns what can be released. held and every are those of Checker.Reach. The text is checked if every
// bytes are new or if it is over.
func (w *Window) Add(ctx context.Context, piece string, over bool, held, every int, judge Judge) (released string, block *Block, err error) {
	w.held += piece
	w.fresh += len(piece)
	if len(w.held) == 0 || !over && (w.fresh < every || len(w.held) <= held) {
		return "", nil, nil
	}
	if over && w.fresh == 0 && !w.open { // all of it has been checked
		return w.release(len(w.held)), nil, nil
	}
	w.fresh, w.open = 0, false
	replaced, block, err := judge(ctx, w.before, w.held)
	if block != nil || err != nil {
		return "", block, err
	}
	end := len(w.held) - held
	if replaced != w.held {
		same, tail := common(w.held, replaced)
		if over || tail >= held/2 || len(w.held) > 4*held+every {
			w.held = replaced
			end = len(w.held) - min(held, tail)
		} else { // what is masked may go on in the next piece
			end = min(end, same)
			w.open = true
		}
	}
	if over {
		end = len(w.held)
	}
	return w.release(end), nil, nil
}

// Again is a Judge's answer of a check that sees before and text together: what is left of the text, or the refusal of what
// would have to be masked in what has been released.
func Again(before, replaced string) (string, *Block) {
	text, ok := strings.CutPrefix(replaced, before)
	if !ok {
		return "", &Block{Reason: Split}
	}
	return text, nil
}

// release cuts the beginning off what is held, between characters.
func (w *Window) release(end int) string {
	for end > 0 && end < len(w.held) && !utf8.RuneStart(w.held[end]) {
		end--
	}
	if end <= 0 {
		return ""
	}
	released := w.held[:end]
	w.held = strings.Clone(w.held[end:])
	w.before += released
	if cut := len(w.before) - behind; cut > 0 {
		for !utf8.RuneStart(w.before[cut]) {
			cut++
		}
		w.before = strings.Clone(w.before[cut:])
	}
	return released
}

// common is how many bytes two texts have in common at the beginning, and at the end behind that.
func common(a, b string) (beginning, end int) {
	shorter := min(len(a), len(b))
	for beginning < shorter && a[beginning] == b[beginning] {
		beginning++
	}
	for end < shorter-beginning && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	return beginning, end
}
