package openaichat

import (
	"bytes"
	"errors"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

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
	done  bool  // the end mark has come
}

// Ended reports whether the end mark has come.
func (c *ChunkRelay) Ended() bool { return c.done }

// End fills ev with the end mark, if the stream may end here although it is missing.
func (c *ChunkRelay) End(ev *llm.RawEvent) bool {
	if c.ended < max(1, c.Choices) {
		return false
	}
	c.mark(ev)
	return true
}

// mark fills ev with the end mark.
func (c *ChunkRelay) mark(ev *llm.RawEvent) {
	c.event(ev, []byte(Done), 0, 0)
	ev.Content, c.done = true, true
}

// Next fills ev with the event for the client that the data of an event becomes. It has no data if
// there is none. An error that the endpoint reports is a *RefusalError.
func (c *ChunkRelay) Next(ev *llm.RawEvent, data []byte) error {
	if string(bytes.TrimSpace(data)) == Done {
		c.mark(ev)
		return nil
	}
	if bytes.IndexByte(data, '\n') >= 0 { // it must be one line of the event
		var err error
		if data, err = jsonx.Compact(data); err != nil {
			return err
		}
	}
	s := chunkScan{data: data}
	if !s.scan() {
		return errors.New("a chunk is not a JSON object")
	}
	switch {
	case s.failed:
		return DecodeRefusal(200, data)
	case s.whole && !s.delta:
		return errNotStreaming
	}
	if s.usage != nil {
		if u, ok := ReadUsage(s.usage); ok {
			ev.Usage = &u
		}
	}
	if s.tier != nil {
		ev.ServiceTier = word(s.tier)
	}
	if s.finish != nil {
		ev.RawStop = word(s.finish)
	}
	c.ended += s.ended
	ev.Content, ev.Length = s.content, s.length
	if ev.Usage != nil && !c.IncludeUsage && !s.content && s.empty {
		return nil // the gateway reads its usage
	}
	c.event(ev, data, s.modelStart, s.modelEnd)
	return nil
}

// event writes data as a server-sent event, with the client's name for the model between start and end.
func (c *ChunkRelay) event(ev *llm.RawEvent, data []byte, start, end int) {
	if cap(c.buf) > 64<<10 {
		c.buf = nil
	}
	b := append(c.buf[:0], "data: "...)
	if c.Model == "" || end == 0 {
		b = append(b, data...)
	} else {
		if c.model == nil {
			c.model = jsonx.AppendString(nil, c.Model)
		}
		b = append(b, data[:start]...)
		b = append(b, c.model...)
		b = append(b, data[end:]...)
	}
	c.buf = append(b, "\n\n"...)
	ev.Type, ev.Data = "chunk", c.buf
}

// errNotStreaming is for an endpoint that responds as if no stream had been requested.
var errNotStreaming = errors.New("it is a complete response, although a stream was requested")

// chunkScan is what a gateway needs of a chunk, found in one pass, which is as fast as copying a few of
// them. It checks that brackets and strings are closed; what is between them reaches the client, which
// parses it.
type chunkScan struct {
	data []byte

	modelStart, modelEnd int // of the value of model; 0 if there is none
	usage, tier, finish  jsonx.Raw
	failed               bool  // there is an error
	whole, delta         bool  // a choice has a complete message, or a part of one
	empty                bool  // there are no choices
	content              bool  // there is a part of the response
	length               int   // bytes of text
	ended                int64 // choices with a finish reason
}

// scan reports whether the data is an object.
func (s *chunkScan) scan() bool {
	data, depth := s.data, 0
	s.empty = true
	for i := 0; i < len(data); {
		switch data[i] {
		case '{', '[':
			depth++
			i++
		case '}', ']':
			if depth--; depth <= 0 {
				return depth == 0 && len(bytes.TrimSpace(data[i+1:])) == 0 && jsonx.Raw(data).Kind() == '{'
			}
			i++
		case '"':
			end := i + 1 + stringEnd(data[i+1:])
			if end > len(data) || data[end-1] != '"' || end == i+1 {
				return false
			}
			at := skipColon(data, end)
			if at < 0 {
				i = end
				continue
			}
			if at == len(data) {
				return false
			}
			i = s.member(depth, data[i+1:end-1], at)
		default:
			i++
		}
	}
	return false
}

// skipColon is where a value begins behind a colon at a position; -1 if there is no colon.
func skipColon(data []byte, at int) int {
	if at = skipSpace(data, at); at == len(data) || data[at] != ':' {
		return -1
	}
	return skipSpace(data, at+1)
}

// member takes note of a member whose value begins at a position, and returns where to go on.
func (s *chunkScan) member(depth int, name []byte, at int) int {
	kind := s.data[at]
	switch string(name) {
	case "content", "text", "reasoning_content", "reasoning", "refusal", "arguments":
		if kind != '"' || depth < 3 {
			return at
		}
		n := stringEnd(s.data[at+1:])
		if n > 1 {
			s.content = true
			s.length += n - 1
		}
		return at + 1 + n // a string that does not end leaves its brackets open, which scan notices
	case "model":
		if depth == 1 && kind == '"' {
			s.modelStart, s.modelEnd = at, at+1+stringEnd(s.data[at+1:])
		}
	case "choices":
		if depth == 1 && kind == '[' {
			rest := bytes.TrimLeft(s.data[at+1:], " \t")
			s.empty = len(rest) > 0 && rest[0] == ']'
		}
	case "finish_reason":
		if kind == '"' && len(s.data) > at+1 && s.data[at+1] != '"' {
			s.finish, s.content = value(s.data[at:]), true
			s.ended++
		}
	case "tool_calls", "function_call", "audio", "annotations", "images":
		if depth >= 3 && (kind == '[' || kind == '{') && len(s.data) > at+1 && s.data[at+1] != ']' && s.data[at+1] != '}' {
			s.content = true
		}
	case "usage": // at the top, in a choice, or in x_groq
		if kind == '{' && (depth == 1 || s.usage == nil) {
			s.usage = value(s.data[at:])
		}
	case "service_tier":
		if depth == 1 && kind == '"' {
			s.tier = value(s.data[at:])
		}
	case "message": // of a choice
		s.whole = s.whole || depth == 3 && kind == '{'
	case "delta":
		s.delta = s.delta || depth == 3
	case "error":
		s.failed = s.failed || depth == 1 && kind != 'n'
	}
	return at
}

// stringEnd is where a string ends, behind its closing quotation mark, of which the text after the
// opening one is given; the length of the text if it does not end.
func stringEnd(b []byte) int {
	for from := 0; ; {
		i := bytes.IndexByte(b[from:], '"')
		if i < 0 {
			return len(b)
		}
		i += from
		escapes := 0
		for i-escapes > 0 && b[i-escapes-1] == '\\' {
			escapes++
		}
		if from = i + 1; escapes%2 == 0 {
			return from
		}
	}
}

// value is the value at the beginning of the rest of a document.
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
