package openaichat

import (
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
// status 200 is a *RefusalError.
func Relay(body []byte, model string) ([]byte, *Tapped, error) {
	if jsonx.ManyValues(body, maxSentValues) {
		return nil, nil, fmt.Errorf("it has more than %d values", maxSentValues)
	}
	r := &relay{}
	if !r.plain(body) {
		r = &relay{}
		if err := jsonx.Unmarshal(body, r); err != nil {
			return nil, nil, err
		}
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

// plain reads a response that has nothing unusual, and reports whether body is one. It then reads what
// UnmarshalJSONFrom reads, in half the time.
func (r *relay) plain(body []byte) bool {
	p := jsonx.NewPlain(body)
	p.Object(func(name []byte) {
		kind, at := p.Kind(), p.Offset()
		switch string(name) {
		case "model":
			p.Value()
			r.start, r.end = at, p.Offset()
		case "choices":
			p.Array(func() { r.plainChoice(&p) })
		case "usage":
			r.Usage, r.Counted = ReadUsage(p.Value())
		case "service_tier":
			if kind == 'n' {
				p.Value()
				return
			}
			p.Word(&r.ServiceTier)
		case "error":
			r.failed = kind != 'n'
			p.Value()
		default:
			p.Value()
		}
	})
	return p.Done()
}

// plainChoice reads a choice, of which only the first one's reason counts.
func (r *relay) plainChoice(p *jsonx.Plain) {
	if r.choices++; r.choices > 1 {
		p.Value()
		return
	}
	p.Object(func(name []byte) {
		if string(name) == "finish_reason" && p.Kind() != 'n' {
			p.Word(&r.RawStop)
			return
		}
		p.Value()
	})
}

// UnmarshalJSONFrom receives jsonx's decoder.
func (r *relay) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	return jsonx.Object(d, func(name []byte) (err error) {
		switch string(name) {
		case "model":
			var v jsonx.Raw
			if v, err = d.ReadValue(); err == nil {
				r.end = int(d.InputOffset())
				r.start = r.end - len(v)
			}
		case "choices":
			err = r.list(d)
		case "usage":
			var v jsonx.Raw
			if v, err = d.ReadValue(); err == nil {
				r.Usage, r.Counted = ReadUsage(v)
			}
		case "service_tier":
			err = jsonx.Text(d, &r.ServiceTier)
		case "error":
			r.failed = d.PeekKind() != 'n'
			err = d.SkipValue()
		default:
			err = d.SkipValue()
		}
		return err
	})
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
	return jsonx.Object(d, func(name []byte) error {
		if string(name) != "finish_reason" {
			return d.SkipValue()
		}
		return jsonx.Text(d, &r.RawStop)
	})
}
