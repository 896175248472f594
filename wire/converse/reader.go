package converse

import (
	"io"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/awserror"
	"outcrop/wire/eventstream"
)

// Reader reads the body of a ConverseStream response as events.
//
// The start of a text or reasoning block is left out where AWS leaves it out. Members of a frame
// without a field in llm are in Event.Extra. A citation is a delta of its text block, with Other
// named citation; an event or a delta of an unknown name keeps that name in Other.
type Reader struct {
	frames  *eventstream.Decoder
	payload payload
	queue   []llm.Event // further events of the last frame read
	some    bool        // a frame has arrived
	stopped bool        // messageStop has arrived
	err     error       // the error that Next keeps returning
}

// NewReader makes a Reader of the body of a response with status 200.
func NewReader(body io.Reader) *Reader {
	return &Reader{frames: eventstream.NewDecoder(body)}
}

// Share makes the Reader take its buffers for large frames from b, and gives the Reader.
// It is called before the first Next.
func (r *Reader) Share(b *eventstream.Buffers) *Reader {
	r.frames.Share(b)
	return r
}

// Next fills ev with the next event. It returns io.EOF where the body ends after
// messageStop and between two frames. Any other end is a *Fault with InStream
// set: FaultException where AWS says what went wrong; FaultEmpty where the body
// ends without a frame; FaultCut where it ends, or its reader fails, before the
// end of the answer; FaultCorrupt where the frames or what they hold cannot be
// read. An error ends the stream: Next returns it from then on.
func (r *Reader) Next(ev *llm.Event) error {
	*ev = llm.Event{}
	if len(r.queue) > 0 {
		*ev = r.queue[0]
		r.queue = r.queue[1:]
		return nil
	}
	if r.err == nil {
		if r.err = r.next(ev); r.err == nil {
			return nil
		}
		r.frames.Release()
	}
	return r.err
}

// More reports whether Next can return without waiting for the network, so that a writer may delay
// flushing.
func (r *Reader) More() bool {
	return len(r.queue) > 0 || r.err == nil && r.frames.More()
}

func (r *Reader) next(ev *llm.Event) error {
	frame, err := r.frames.Next()
	if err != nil {
		return awserror.Ended(err, r.some, r.stopped)
	}
	r.some = true
	if fault := awserror.Exception(frame); fault != nil {
		return fault
	}
	r.payload.ev, r.payload.more = ev, nil
	if !r.payload.name(frame.Header(eventstream.HeaderEventType)) {
		other(ev, frame)
		r.frames.Trim()
		return nil
	}
	if err := r.payload.decode(frame.Payload); err != nil {
		return corrupt(frame, err)
	}
	r.payload.ev = nil // the caller's, who may let go of it
	r.frames.Trim()
	r.queue, r.payload.more = r.payload.more, nil
	r.stopped = r.stopped || ev.Kind == llm.EventStop
	return nil
}

// other makes an event of a frame of an unknown type. It is apart from next because its stack would come on top of what a waiting stream
// needs, as that of corrupt would.
//
//go:noinline
func other(ev *llm.Event, frame *eventstream.Frame) {
	ev.Kind = llm.EventOther
	ev.Other = &jsonx.Member{Name: string(frame.Header(eventstream.HeaderEventType))}
	if jsonx.Valid(frame.Payload) {
		ev.Other.Value = jsonx.Raw(frame.Payload).Clone()
	}
}

// corrupt is the fault of a frame whose payload cannot be decoded.
//
//go:noinline
func corrupt(frame *eventstream.Frame, err error) error {
	return &Fault{
		Kind: FaultCorrupt, InStream: true, Err: err,
		Message: "an event " + string(frame.Header(eventstream.HeaderEventType)) + " cannot be decoded: " + err.Error(),
	}
}

// payload reads the JSON of one frame into an event. One value is reused for every frame, so that a
// delta allocates only its text.
type payload struct {
	ev    *llm.Event
	more  []llm.Event // further events of the same frame
	fault *jsonx.Error
}

func (p *payload) decode(data []byte) error {
	kind := p.ev.Kind
	var s source
	s.plainly = true
	s.plain.Begin(data)
	if p.event(&s); s.plain.Done() {
		return nil
	}
	return p.thoroughly(kind, data)
}

// thoroughly is decode with the JSON library. It is apart as other is, and so are start, picture and metadata.
//
//go:noinline
func (p *payload) thoroughly(kind llm.EventKind, data []byte) error {
	*p.ev, p.more = llm.Event{Kind: kind}, nil
	p.fault = nil
	err := jsonx.Unmarshal(data, p)
	if p.fault != nil {
		return p.fault
	}
	return err
}

// name sets the event's kind from the frame's event type; false if it is unknown.
func (p *payload) name(eventType []byte) bool {
	switch string(eventType) {
	case "contentBlockDelta":
		p.ev.Kind = llm.EventDelta
	case "contentBlockStart":
		p.ev.Kind = llm.EventBlockStart
	case "contentBlockStop":
		p.ev.Kind = llm.EventBlockEnd
	case "messageStart":
		p.ev.Kind = llm.EventStart
	case "messageStop":
		p.ev.Kind = llm.EventStop
	case "metadata":
		p.ev.Kind = llm.EventUsage
	default:
		return false
	}
	return true
}

// UnmarshalJSONFrom receives jsonx's decoder.
func (p *payload) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	s := source{d: d}
	p.event(&s)
	p.fault = s.fault
	return s.err
}

// event reads an event of a known kind.
func (p *payload) event(s *source) {
	ev := p.ev
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			break
		}
		if !p.member(s, name) {
			ev.Extra = append(ev.Extra, s.rest(name))
		}
	}
	if ev.Kind == llm.EventDelta && ev.Block == 0 {
		ev.Block = llm.BlockText // of a delta without content
	}
	for i := range p.more {
		p.more[i].Index = ev.Index // the index may come after the delta
	}
}

// member reads a member of the event's kind; false if the kind has no member of that name. The
// padding p is a member of every kind.
func (p *payload) member(s *source, name []byte) bool {
	ev := p.ev
	if string(name) == "p" {
		s.skip()
		return true
	}
	switch ev.Kind {
	case llm.EventDelta:
		switch string(name) {
		case "contentBlockIndex":
			ev.Index = s.index()
		case "delta":
			p.delta(s)
		default:
			return false
		}
	case llm.EventBlockStart:
		switch string(name) {
		case "contentBlockIndex":
			ev.Index = s.index()
		case "start":
			p.start(s)
		default:
			return false
		}
	case llm.EventBlockEnd:
		if string(name) != "contentBlockIndex" {
			return false
		}
		ev.Index = s.index()
	case llm.EventStart:
		if string(name) != "role" {
			return false
		}
		ev.Role = llm.Role(s.text())
	case llm.EventStop:
		switch string(name) {
		case "stopReason":
			ev.RawStop = s.text()
			ev.Stop = stopReason(ev.RawStop)
		case "additionalModelResponseFields":
			ev.Raw = s.raw()
		default:
			return false
		}
	default:
		return s.metadata(ev, name)
	}
	return true
}

//go:noinline
func (s *source) metadata(ev *llm.Event, name []byte) bool {
	switch string(name) {
	case "usage":
		ev.Usage = &llm.Usage{}
		s.usage(ev.Usage)
	case "metrics":
		s.metrics(&ev.LatencyMs, &ev.Extra)
	case "serviceTier":
		s.serviceTier(&ev.ServiceTier, &ev.Extra)
	case "trace":
		ev.Trace = s.raw()
	default:
		return false
	}
	return true
}

// start reads the union that describes the block that begins.
//
//go:noinline
func (p *payload) start(s *source) {
	ev := p.ev
	ev.Block = llm.BlockText // an empty union has no kind; deltas correct it
	var b llm.Block
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			break
		}
		if b.Kind != 0 || !s.known(&b, name) {
			b.Extra = append(b.Extra, s.rest(name))
		}
	}
	if b.Kind == 0 && len(b.Extra) > 0 {
		b.Kind, b.Other, b.Extra = llm.BlockOther, &b.Extra[0], b.Extra[1:]
	}
	if b.Kind != 0 {
		ev.Block = b.Kind
	}
	ev.ToolUse, ev.ToolResult, ev.Media, ev.Other = b.ToolUse, b.ToolResult, b.Media, b.Other
	ev.Extra = append(ev.Extra, b.Extra...)
	if b.Text != "" || b.Signature != "" {
		p.more = append(p.more, llm.Event{Kind: llm.EventDelta, Block: b.Kind, Text: b.Text, Signature: b.Signature})
	}
}

// delta reads the union with a piece of a block.
func (p *payload) delta(s *source) {
	ev := p.ev
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			return
		}
		if ev.Block != 0 {
			ev.Extra = append(ev.Extra, s.rest(name))
			continue
		}
		switch string(name) {
		case "text":
			ev.Block, ev.Text = llm.BlockText, s.text()
		case "toolUse":
			ev.Block = llm.BlockToolUse
			s.toolUseDelta(ev)
		case "reasoningContent":
			ev.Block = llm.BlockReasoning
			s.reasoningDelta(ev)
		case "toolResult":
			p.toolResultDelta(s)
		case "citation":
			ev.Block = llm.BlockText
			other := s.rest(name)
			ev.Other = &other
		case "image":
			s.picture(ev)
		default:
			ev.Block = llm.BlockOther
			other := s.rest(name)
			ev.Other = &other
		}
	}
}

//go:noinline
func (s *source) picture(ev *llm.Event) {
	b := llm.Block{}
	s.media(&b)
	ev.Block, ev.Media = llm.BlockImage, b.Media
	ev.Extra = append(ev.Extra, b.Extra...)
}

func (s *source) toolUseDelta(ev *llm.Event) {
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			return
		}
		if string(name) == "input" {
			ev.Text = s.text()
			continue
		}
		ev.Extra = append(ev.Extra, s.rest(name))
	}
}

func (s *source) reasoningDelta(ev *llm.Event) {
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			return
		}
		switch string(name) {
		case "text":
			ev.Text = s.text()
		case "signature":
			ev.Signature = s.text()
		case "redactedContent":
			ev.Block, ev.Text = llm.BlockRedacted, s.text()
		default:
			ev.Extra = append(ev.Extra, s.rest(name))
		}
	}
}

// toolResultDelta reads an array of pieces, each a separate event.
func (p *payload) toolResultDelta(s *source) {
	p.ev.Block = llm.BlockToolResult
	first := true
	s.open('[')
	for s.element() {
		for _, m := range s.members() {
			piece := &llm.Event{Kind: llm.EventDelta, Block: llm.BlockToolResult}
			if first {
				piece = p.ev
				first = false
			}
			piece.Other = &m
			if m.Name == "text" {
				plain(m.Value, &piece.Text)
			}
			if piece != p.ev {
				p.more = append(p.more, *piece)
			}
		}
	}
}
