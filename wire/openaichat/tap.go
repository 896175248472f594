package openaichat

import (
	"bytes"
	"errors"
	"fmt"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Tapped is what a gateway reads of a response that it passes on.
type Tapped struct {
	Usage       llm.Usage
	Counted     bool
	RawStop     string
	ServiceTier string
}

// Relay prepares a complete response for a client: it replaces the model by the client's name for it,
// which is empty to keep the endpoint's, and reads what the gateway needs. An error that came with
// status 200 is a *Refusal.
func Relay(body []byte, model string) ([]byte, *Tapped, error) {
	if jsonx.ManyValues(body, maxSentValues) {
		return nil, nil, fmt.Errorf("it has more than %d values", maxSentValues)
	}
	r := relay{}
	if err := jsonx.Unmarshal(body, &r); err != nil {
		return nil, nil, err
	}
	switch {
	case r.failed && r.choices == 0:
		return nil, nil, DecodeRefusal(200, body)
	case r.choices == 0:
		return nil, nil, errors.New("it has no choices")
	}
	if model == "" || r.end == 0 {
		return body, &r.Tapped, nil
	}
	out := make([]byte, 0, len(body)+len(model))
	out = append(out, body[:r.start]...)
	out = jsonx.AppendString(out, model)
	return append(out, body[r.end:]...), &r.Tapped, nil
}

// relay reads a response as far as the gateway needs it.
type relay struct {
	Tapped
	start, end int // of the value of model
	choices    int
	failed     bool
}

func (r *relay) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	if d.PeekKind() != '{' {
		return jsonx.Fault("must be an object, not %s", jsonx.KindName(d.PeekKind()))
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadValue()
		if err != nil {
			return err
		}
		switch string(name) {
		case `"model"`:
			var v jsonx.Raw
			if v, err = d.ReadValue(); err == nil {
				r.end = int(d.InputOffset())
				r.start = r.end - len(v)
			}
		case `"choices"`:
			err = r.list(d)
		case `"usage"`:
			var v jsonx.Raw
			if v, err = d.ReadValue(); err == nil {
				r.Usage, r.Counted = readUsage(v)
			}
		case `"service_tier"`:
			var tier optional[string]
			err = jsonx.UnmarshalDecode(d, &tier)
			r.ServiceTier = tier.Value
		case `"error"`:
			r.failed = d.PeekKind() != 'n'
			err = d.SkipValue()
		default:
			err = d.SkipValue()
		}
		if err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// list reads the choices, of which only the first one's reason counts.
func (r *relay) list(d *jsonx.Decoder) error {
	if d.PeekKind() != '[' {
		return d.SkipValue()
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != ']' {
		if r.choices++; r.choices > 1 || d.PeekKind() != '{' {
			if err := d.SkipValue(); err != nil {
				return err
			}
			continue
		}
		if err := r.first(d); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

func (r *relay) first(d *jsonx.Decoder) error {
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadValue()
		if err != nil {
			return err
		}
		if string(name) != `"finish_reason"` {
			if err := d.SkipValue(); err != nil {
				return err
			}
			continue
		}
		var reason optional[string]
		if err := jsonx.UnmarshalDecode(d, &reason); err != nil {
			return err
		}
		r.RawStop = reason.Value
	}
	_, err := d.ReadToken()
	return err
}

// Done is the data of the event at the end of a stream.
const Done = "[DONE]"

// ChunkRelay prepares the chunks of a stream for a client.
type ChunkRelay struct {
	// Model is the client's name for the model; if it is empty, the endpoint's stays.
	Model string
	// IncludeUsage is whether the client has asked for the usage. A chunk of nothing but usage is
	// left out otherwise.
	IncludeUsage bool
	// Choices is how many choices were requested; 0 means 1.
	Choices int64

	model []byte // as JSON
	buf   []byte
	ended int64 // choices with a finish reason
}

// Complete reports whether the stream may end here, although its end mark is missing.
func (c *ChunkRelay) Complete() bool { return c.ended >= max(1, c.Choices) }

// Next fills ev with the event for the client that the data of an event becomes. It has no data if
// there is none. An error that the endpoint reports is a *Refusal.
func (c *ChunkRelay) Next(ev *llm.RawEvent, data []byte) error {
	if string(bytes.TrimSpace(data)) == Done {
		c.event(ev, []byte(Done))
		ev.Content = true
		return nil
	}
	if !jsonx.Valid(data) || jsonx.Raw(data).Kind() != '{' {
		return errors.New("a chunk is not a JSON object")
	}
	if bytes.IndexByte(data, '\n') >= 0 { // it must be one line of the event
		var err error
		if data, err = jsonx.Compact(data); err != nil {
			return err
		}
	}
	if at := topLevel(data, `"error"`); at > 0 && data[at] != 'n' {
		return DecodeRefusal(200, data)
	}
	if at := topLevel(data, `"usage"`); at > 0 && data[at] == '{' {
		if u, ok := readUsage(value(data[at:])); ok {
			ev.Usage = &u
		}
	} else if at := bytes.Index(data, []byte(`"usage":{`)); at > 0 { // in a choice or in x_groq
		if u, ok := readUsage(value(data[at+len(`"usage":`):])); ok {
			ev.Usage = &u
		}
	}
	if at := topLevel(data, `"service_tier"`); at > 0 {
		ev.ServiceTier = word(value(data[at:]))
	}
	c.content(ev, data)
	if ev.Usage != nil && !c.IncludeUsage && !ev.Content && emptyChoices(data) {
		return nil // the gateway reads its usage
	}
	c.event(ev, c.renamed(data))
	return nil
}

// event writes data as a server-sent event.
func (c *ChunkRelay) event(ev *llm.RawEvent, data []byte) {
	if cap(c.buf) > 64<<10 {
		c.buf = nil
	}
	c.buf = append(c.buf[:0], "data: "...)
	c.buf = append(c.buf, data...)
	c.buf = append(c.buf, "\n\n"...)
	ev.Type, ev.Data = "chunk", c.buf
}

// content notes what a chunk holds of the response itself.
func (c *ChunkRelay) content(ev *llm.RawEvent, data []byte) {
	for _, name := range [...]string{`"content"`, `"reasoning_content"`, `"reasoning"`, `"refusal"`, `"arguments"`} {
		rest := data
		for {
			at := bytes.Index(rest, []byte(name))
			if at < 0 {
				break
			}
			rest = rest[at+len(name):]
			v := afterColon(rest)
			if len(v) > 1 && v[0] == '"' && v[1] != '"' {
				ev.Length += textLength(v[1:])
				ev.Content = true
			}
		}
	}
	if !ev.Content {
		for _, name := range [...]string{`"tool_calls"`, `"function_call"`, `"audio"`, `"annotations"`, `"images"`} {
			if at := bytes.Index(data, []byte(name)); at > 0 {
				v := afterColon(data[at+len(name):])
				ev.Content = ev.Content || len(v) > 1 && (v[0] == '[' || v[0] == '{') && v[1] != ']' && v[1] != '}'
			}
		}
	}
	rest := data
	for {
		at := bytes.Index(rest, []byte(`"finish_reason"`))
		if at < 0 {
			return
		}
		rest = rest[at+len(`"finish_reason"`):]
		if v := afterColon(rest); len(v) > 1 && v[0] == '"' && v[1] != '"' {
			c.ended++
			ev.Content = true
			ev.RawStop = word(value(v))
		}
	}
}

// renamed is a chunk with the client's name for the model.
func (c *ChunkRelay) renamed(data []byte) []byte {
	at := topLevel(data, `"model"`)
	if c.Model == "" || at < 0 || data[at] != '"' {
		return data
	}
	if c.model == nil {
		c.model = jsonx.AppendString(nil, c.Model)
	}
	end := at + 1 + stringEnd(data[at+1:])
	out := make([]byte, 0, len(data)+len(c.model))
	out = append(out, data[:at]...)
	out = append(out, c.model...)
	return append(out, data[end:]...)
}

// afterColon is the text behind a colon and white space.
func afterColon(b []byte) []byte {
	b = bytes.TrimLeft(b, " \t")
	if len(b) == 0 || b[0] != ':' {
		return nil
	}
	return bytes.TrimLeft(b[1:], " \t")
}

// textLength is the length of a string up to its closing quotation mark.
func textLength(b []byte) int { return max(0, stringEnd(b)-1) }

// stringEnd is where a string ends, behind its closing quotation mark, of which the text after the
// opening one is given.
func stringEnd(b []byte) int {
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

// topLevel is where the value of a top-level member of a valid object begins, by its name in quotation
// marks; -1 if there is none.
func topLevel(data []byte, name string) int {
	for from := 0; ; {
		i := bytes.Index(data[from:], []byte(name))
		if i < 0 {
			return -1
		}
		at := from + i
		from = at + len(name)
		v := afterColon(data[from:])
		if v != nil && depth(data[:at]) == 1 {
			return len(data) - len(v)
		}
	}
}

// depth is how many objects and arrays are open at the end of the beginning of a valid document, which
// is not inside a string.
func depth(data []byte) int {
	n := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '{', '[':
			n++
		case '}', ']':
			n--
		case '"':
			i += stringEnd(data[i+1:])
		}
	}
	return n
}

// value is the value at the beginning of the rest of a valid document.
func value(b []byte) jsonx.Raw {
	n := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '{', '[':
			n++
		case '}', ']':
			if n--; n == 0 {
				return b[:i+1]
			}
			if n < 0 {
				return b[:i]
			}
		case '"':
			i += stringEnd(b[i+1:])
			if n == 0 {
				return b[:i+1]
			}
		case ',':
			if n == 0 {
				return b[:i]
			}
		}
	}
	return b
}

// emptyChoices reports whether a chunk has no choices.
func emptyChoices(data []byte) bool {
	at := topLevel(data, `"choices"`)
	if at < 0 {
		return true
	}
	return data[at] == '[' && bytes.HasPrefix(bytes.TrimLeft(data[at+1:], " \t"), []byte("]"))
}
