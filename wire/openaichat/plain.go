package openaichat

import (
	"strconv"

	"outcrop/internal/jsonx"
)

// mostPlain is the size of the largest body that readPlain tries, in bytes; long texts have been extracted from it. A larger one that is
// not plain after all would need twice the memory.
const mostPlain = 256 << 10

// readPlain reads a body as read does, in less than half the time, if it is plain: the members that most requests have, and
// no others. It reports false for any other body, and for each that is not valid, and leaves a decoder that has read nothing.
func (d *decoder) readPlain(body []byte) (*wireRequest, bool) {
	if len(body) > mostPlain {
		return nil, false
	}
	w := &wireRequest{Messages: conversation{d: d}}
	p := jsonx.NewPlain(body)
	p.Object(func(name []byte) {
		switch string(name) {
		case "model":
			p.Text(&w.Model)
		case "messages":
			w.Messages.plain(&p)
		case "max_tokens":
			plainInt(&p, &w.MaxTokens)
		case "max_completion_tokens":
			plainInt(&p, &w.MaxCompletionTokens)
		case "temperature":
			plainFloat(&p, &w.Temperature)
		case "top_p":
			plainFloat(&p, &w.TopP)
		case "stream":
			p.Bool(&w.Stream)
		case "stream_options":
			p.Object(func(name []byte) {
				if string(name) != "include_usage" {
					p.GiveUp()
				}
				p.Bool(&w.StreamOptions.IncludeUsage)
			})
		case "tools":
			plainOther(&p, &w.Tools)
		case "tool_choice":
			plainOther(&p, &w.ToolChoice)
		case "parallel_tool_calls":
			plainOther(&p, &w.ParallelToolCalls)
		case "stop":
			plainOther(&p, &w.Stop)
		case "n":
			plainInt(&p, &w.N)
		case "user":
			plainText(&p, &w.User)
		default:
			p.GiveUp()
		}
	})
	if !p.Done() {
		*d = decoder{out: &Request{}, extracted: d.extracted}
		return nil, false
	}
	return w, true
}

// plain reads the array of messages.
func (c *conversation) plain(p *jsonx.Plain) {
	var m message
	c.given = true
	p.Array(func() {
		m = message{}
		m.plain(p)
		if c.n == maxMessages || !p.Going() || c.d.message(c.n, &m) != nil {
			p.GiveUp() // the first error is that of the whole body, which may be another
			return
		}
		c.n++
	})
}

func (m *message) plain(p *jsonx.Plain) {
	p.Object(func(name []byte) {
		switch string(name) {
		case "role":
			p.Word(&m.Role)
		case "content":
			m.Content.plain(p)
		case "tool_calls":
			plainOther(p, &m.ToolCalls)
		case "tool_call_id":
			plainText(p, &m.ToolCallID)
		default:
			p.GiveUp()
		}
	})
}

func (c *content) plain(p *jsonx.Plain) {
	switch p.Kind() {
	case '"':
		c.text.Set = true
		p.Text(&c.text.Value)
	case '[', 'n':
		plainOther(p, c)
	default:
		p.GiveUp()
	}
}

func plainText(p *jsonx.Plain, to *optional[string]) {
	to.Set = true
	p.Text(&to.Value)
}

func plainInt(p *jsonx.Plain, to *optional[int64]) {
	to.Set = true
	p.Int(&to.Value)
}

func plainFloat(p *jsonx.Plain, to *optional[float64]) {
	if p.Kind() != '0' {
		p.GiveUp()
		return
	}
	var err error
	to.Set = true
	if to.Value, err = strconv.ParseFloat(string(p.Value()), 64); err != nil {
		p.GiveUp() // too large
	}
}

// plainOther reads a value that has a reader of its own.
func plainOther[T any](p *jsonx.Plain, to *T) {
	if v := p.Value(); v == nil || jsonx.Unmarshal(v, to) != nil {
		p.GiveUp()
	}
}
