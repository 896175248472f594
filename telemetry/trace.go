package telemetry

import (
	"strings"

	"outcrop/llm"
)

// Trace is where a call stands in a trace, in hexadecimal digits (https://www.w3.org/TR/trace-context/).
type Trace struct {
	// ID is the trace's, of 32 digits; Parent the span that has called the gateway, of 16 digits, empty if none has.
	ID, Parent string
	// Span is the span of the request to the gateway, and Call that of the call of the provider below it.
	Span, Call string
	// Sampled is whether the caller records the trace, or says nothing of it.
	Sampled bool
}

// Trace is the trace that the call belongs to: that of the request's traceparent, or else one of its own with the id of the
// call, so that a trace is found by its x-request-id.
func (c *Call) Trace() Trace {
	t := Trace{Sampled: true}
	if len(c.ID) == 32 {
		t.ID, t.Span = c.ID, c.ID[16:]
	} else { // an id that the gateway has not made
		t.ID, t.Span = pad(c.ID, 32), pad(c.ID, 16)
	}
	t.Call = neighbour(t.Span)
	if id, parent, sampled, ok := parent(c.From.TraceParent); ok {
		t.ID, t.Parent, t.Sampled = id, parent, sampled
	}
	return t
}

// AppendTrace appends the headers by which a provider is told of the trace.
func (c *Call) AppendTrace(to []llm.Label) []llm.Label {
	t := c.Trace()
	flags := "00"
	if t.Sampled {
		flags = "01"
	}
	header := func(name, value string) { to = append(to, llm.Label{Name: name, Value: value}) }
	header("Traceparent", "00-"+t.ID+"-"+t.Call+"-"+flags)
	if s := c.From.TraceState; t.Parent != "" && s != "" {
		header("Tracestate", s)
	}
	return to
}

// parent reads a header traceparent; false for one that is not valid, which is ignored as W3C's recommendation says.
func parent(header string) (id, span string, sampled, ok bool) {
	// version "-" trace-id "-" parent-id "-" trace-flags; later versions may have more behind another "-"
	if len(header) < 55 || header[2] != '-' || header[35] != '-' || header[52] != '-' || header[:2] == "ff" {
		return "", "", false, false
	}
	if len(header) > 55 && (header[:2] == "00" || header[55] != '-') {
		return "", "", false, false
	}
	id, span = header[3:35], header[36:52]
	flags := header[53:55]
	if !isHex(header[:2]) || !isHex(id) || !isHex(span) || !isHex(flags) || strings.Trim(id, "0") == "" || strings.Trim(span, "0") == "" {
		return "", "", false, false
	}
	return id, span, strings.IndexByte("13579bdf", flags[1]) >= 0, true
}

func isHex(s string) bool {
	return strings.Trim(s, "0123456789abcdef") == ""
}

// neighbour is another id of a span, which follows from the first.
func neighbour(span string) string {
	const digits = "0123456789abcdef"
	last := strings.IndexByte(digits, span[len(span)-1])
	return span[:len(span)-1] + string(digits[(last+1)%16])
}

// pad makes a valid id of n digits of any text.
func pad(text string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = '1'
	}
	for i := range min(len(text), n) {
		if c := text[i]; isHex(string(c)) {
			b[i] = c
		}
	}
	return string(b)
}
