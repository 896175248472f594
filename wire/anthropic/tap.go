package anthropic

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Tapped is what a response that is passed on as it is says of itself.
type Tapped struct {
	// ID is the message's id, and Model the model as the provider names it.
	ID, Model string
	Usage     llm.Usage
	// Counted is whether the response reported usage.
	Counted bool
	// ServiceTier is the tier that served the call; empty if not reported.
	ServiceTier string
	// Stop is why the model stopped, and RawStop Anthropic's name for it; unset until the response
	// says so.
	Stop    llm.StopReason
	RawStop string
	// Done is whether the event message_stop has arrived: only then is a stream complete.
	Done bool
}

// RawAnswer is a complete response that is passed on.
type RawAnswer struct {
	Tapped
	// Body is the provider's body with the client's name for the model, in segments that share the
	// memory of the provider's.
	Body [][]byte
}

// Errors of ReadAnswer, besides an *APIError and those of the JSON library.
var (
	ErrEmpty      = errors.New("the response is empty")
	ErrManyValues = errors.New("the response has more values than any model returns")
	ErrNotMessage = errors.New("the response is not a message")
)

// APIError is an error in Anthropic's form, such as an error event in a stream
// (https://platform.claude.com/docs/en/api/errors).
type APIError struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

func (f *APIError) Error() string { return f.Type + ": " + f.Message }

// DecodeFailure reads the body of an error response. requestID is the member request_id, which not
// every host writes. It returns nil if the body is no error in Anthropic's form.
func DecodeFailure(body []byte) (f *APIError, requestID string) {
	var e struct {
		Error     *APIError `json:"error"`
		RequestID string    `json:"request_id"`
	}
	if err := jsonx.Unmarshal(body, &e); err == nil && e.Error != nil && e.Error.Type != "" {
		return e.Error, e.RequestID
	}
	return nil, ""
}

// ReadAnswer reads the body of a complete response. model is the client's name for the model; if it
// is empty, the provider's stays. The bytes of the body are unchanged otherwise.
func ReadAnswer(body []byte, model string) (*RawAnswer, error) {
	if len(body) == 0 {
		return nil, ErrEmpty
	}
	if jsonx.ManyValues(body, maxSentValues) {
		return nil, ErrManyValues
	}
	a := &RawAnswer{}
	m := wholeMessage{tapped: &a.Tapped}
	if err := jsonx.Unmarshal(body, &m); err != nil {
		return nil, err
	}
	switch {
	case m.failure != nil:
		return nil, m.failure
	case m.typ != "message" || !m.content:
		return nil, ErrNotMessage
	}
	a.Body = [][]byte{body}
	if model != "" && m.end > 0 {
		a.Body = [][]byte{body[:m.start], jsonx.AppendString(nil, model), body[m.end:]}
	}
	return a, nil
}

// Bytes returns Body in one piece.
func (a *RawAnswer) Bytes() []byte { return bytes.Join(a.Body, nil) }

// wholeMessage reads a message into what is tapped of it.
type wholeMessage struct {
	tapped     *Tapped
	typ        string
	start, end int // where the value of the member model stands, if end is not 0
	content    bool
	failure    *APIError
}

// UnmarshalJSONFrom receives jsonx's decoder.
func (m *wholeMessage) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	return jsonx.Each(d, func(name []byte) (err error) {
		switch string(name) {
		case "type":
			return jsonx.Text(d, &m.typ)
		case "model":
			m.start, m.end, err = m.tapped.model(d)
			return err
		case "content":
			m.content = d.PeekKind() != 'n'
			return d.SkipValue()
		case "error":
			return jsonx.UnmarshalDecode(d, &m.failure)
		default:
			return m.tapped.member(d, name)
		}
	})
}

// model reads the name of the model, and returns where it stands.
func (t *Tapped) model(d *jsonx.Decoder) (start, end int, err error) {
	value, err := d.ReadValue()
	if err != nil {
		return 0, 0, err
	}
	end = int(d.InputOffset())
	start = end - len(value)
	if value.Kind() != '"' {
		return start, end, jsonx.Unmarshal(value, &t.Model)
	}
	t.Model = jsonx.Word(value)
	return start, end, nil
}

// member reads a member of a message, or of the delta of one, but for the model.
func (t *Tapped) member(d *jsonx.Decoder, name []byte) error {
	switch string(name) {
	case "id":
		return jsonx.Text(d, &t.ID)
	case "stop_reason":
		var word string
		err := jsonx.Text(d, &word)
		t.stop(word)
		return err
	case "usage":
		return t.count(d)
	default:
		return d.SkipValue()
	}
}

func (t *Tapped) stop(word string) {
	if word != "" {
		t.RawStop, t.Stop = word, Stop(word)
	}
}

// count reads the usage of a message or of an event.
func (t *Tapped) count(d *jsonx.Decoder) error {
	if d.PeekKind() == 'n' {
		return d.SkipValue()
	}
	r := usageReader{usage: &t.Usage}
	if err := r.UnmarshalJSONFrom(d); err != nil {
		return err
	}
	t.counted(&r)
	return nil
}

// RawEvent is one event of a stream that is passed on.
type RawEvent struct {
	// Type is the event's type, such as content_block_delta.
	Type string
	// Data is its JSON, on one line.
	Data []byte

	modelStart, modelEnd int // where the name of the model stands in Data, if modelEnd is not 0

	plain bool // it is a plain text delta, see plainDelta
	index int  // of its block
	text  []byte
}

// HasContent reports whether the event is part of the response itself: a delta, the beginning of a
// tool call, or the end. Before the first such event nothing of the response has been sent, and the
// call can be retried.
func (e *RawEvent) HasContent() bool {
	switch e.Type {
	case "message_start", "ping", "content_block_stop":
		return false
	case "content_block_start":
		return !bytes.Contains(e.Data, []byte(`"type":"text"`)) && !bytes.Contains(e.Data, []byte(`"type":"thinking"`))
	default:
		return true
	}
}

// Take reads what the JSON of an event says of the response, and sets Type and Data of ev. An error
// event is an *APIError.
func (t *Tapped) Take(ev *RawEvent, data []byte) error {
	*ev = RawEvent{Data: data}
	var err error
	if ev.Type, err = typeOf(data); err != nil {
		return err
	}
	switch ev.Type {
	case "message_start", "message_delta":
		ev.modelStart, ev.modelEnd, err = t.read(data)
	case "message_stop":
		if t.Done = valid(data); !t.Done {
			err = errNoJSON
		}
	case "error":
		var e struct {
			Error APIError `json:"error"`
		}
		if err := jsonx.Unmarshal(data, &e); err != nil {
			return err
		}
		return &e.Error
	default:
		if ev.index, ev.text, ev.plain = plainDelta(data); ev.plain {
			return nil
		}
		if !valid(data) {
			err = errNoJSON
		}
	}
	if err == nil && bytes.ContainsAny(ev.Data, "\r\n") { // between tokens: a string has none
		ev.Data, err = jsonx.Compact(ev.Data)
		ev.modelEnd = 0
	}
	return err
}

// valid is jsonx.Valid for an event, which is small and mostly plain.
func valid(data []byte) bool {
	p := jsonx.NewPlain(data)
	p.Value()
	return p.Done() || jsonx.Valid(data)
}

// read reads the event that begins a message, or its delta. It returns where the value of the member model of
// the message stands, if end is not 0.
func (t *Tapped) read(data []byte) (start, end int, err error) {
	if m := (tap{message: t}); m.plain(data) {
		return m.start, m.end, nil
	}
	m := &tap{message: t}
	err = jsonx.Unmarshal(data, m)
	return m.start, m.end, err
}

// tap reads the event that begins a message, or its delta.
type tap struct {
	message    *Tapped
	start, end int // where the value of the member model of the message stands, if end is not 0
}

// UnmarshalJSONFrom receives jsonx's decoder.
func (t *tap) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	return jsonx.Each(d, func(name []byte) error {
		switch string(name) {
		case "message", "delta":
			return jsonx.Each(d, func(name []byte) (err error) {
				if string(name) != "model" {
					return t.message.member(d, name)
				}
				t.start, t.end, err = t.message.model(d)
				return err
			})
		case "usage":
			return t.message.count(d)
		default:
			return d.SkipValue()
		}
	})
}

// plain reads an event as sentEvent.plain does. What it has read before it gives up is read again.
func (t *tap) plain(data []byte) bool {
	p := jsonx.NewPlain(data)
	p.Object(func(name []byte) {
		switch {
		case p.Kind() == 'n':
			p.Value()
		case string(name) == "message", string(name) == "delta":
			p.Object(func(name []byte) { t.plainMember(&p, name) })
		case string(name) == "usage":
			t.message.countPlain(&p)
		default:
			p.Value()
		}
	})
	return p.Done()
}

// plainMember reads a member of a message, or of the delta of one.
func (t *tap) plainMember(p *jsonx.Plain, name []byte) {
	kind, start := p.Kind(), p.Offset()
	switch {
	case string(name) == "model":
		p.Word(&t.message.Model)
		t.start, t.end = start, p.Offset()
	case kind == 'n':
		p.Value()
	case string(name) == "id":
		p.Text(&t.message.ID)
	case string(name) == "stop_reason":
		var word string
		p.Word(&word)
		t.message.stop(word)
	case string(name) == "usage":
		t.message.countPlain(p)
	default:
		p.Value()
	}
}

// countPlain is count with a Plain.
func (t *Tapped) countPlain(p *jsonx.Plain) {
	r := usageReader{usage: &t.Usage}
	r.plain(p)
	t.counted(&r)
}

// counted takes note of usage that has been read.
func (t *Tapped) counted(r *usageReader) {
	if tier := r.end(); tier != "" {
		t.ServiceTier = tier
	}
	t.Counted = true
}

// plainDelta returns the index and the text of a text delta as providers write it, on one line and
// without escapes in its text, which is most of a stream. Such an event is valid JSON.
func plainDelta(data []byte) (index int, text []byte, ok bool) {
	rest, ok := bytes.CutPrefix(data, []byte(`{"type":"content_block_delta","index":`))
	if !ok || len(rest) == 0 || rest[0] < '0' || rest[0] > '9' {
		return 0, nil, false // an index above 9 is left to the JSON library
	}
	index = int(rest[0] - '0')
	text, ok = bytes.CutPrefix(rest[1:], []byte(`,"delta":{"type":"text_delta","text":"`))
	if !ok {
		return 0, nil, false
	}
	text, ok = bytes.CutSuffix(text, []byte(`}`))
	if !ok {
		return 0, nil, false
	}
	if text, ok = bytes.CutSuffix(bytes.TrimRight(text, " "), []byte(`"}`)); !ok { // Anthropic pads with spaces there
		return 0, nil, false
	}
	for _, c := range text {
		if c < ' ' || c == '"' || c == '\\' {
			return 0, nil, false
		}
	}
	return index, text, utf8.Valid(text)
}

var (
	errNoType = errors.New("it has no type")
	errNoName = errors.New("its type is not a name")
	errNoJSON = errors.New("it is not JSON")
)

// typeOf returns the type of an event. It is the first member in everything that providers send.
func typeOf(data []byte) (string, error) {
	const begin = `{"type":"`
	if rest, ok := bytes.CutPrefix(data, []byte(begin)); ok {
		if end := bytes.IndexByte(rest, '"'); end >= 0 && bytes.IndexByte(rest[:end], '\\') < 0 {
			return jsonx.Name(rest[:end]), nil
		}
	}
	var e struct {
		Type string `json:"type"`
	}
	if err := jsonx.Unmarshal(data, &e); err != nil {
		return "", err
	}
	switch {
	case e.Type == "":
		return "", errNoType
	case strings.ContainsAny(e.Type, "\r\n"):
		return "", errNoName
	}
	return e.Type, nil
}
