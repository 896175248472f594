package converse

import (
	"fmt"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Bounds on the content of one response, so that the decoded form stays within a few times its
// size: a block of ten bytes takes three hundred. Models return tens of blocks.
const (
	maxValues = 500_000 // members and elements in the whole response
	maxBlocks = 10_000
)

// DecodeResponse reads the body of a complete response. Members and values that AWS's service model
// does not list are accepted and kept. A response with content that lacks a stop reason or the
// usage, which AWS's service model requires, is returned with a warning, because its text is worth
// more than the rule. Anything else that is not a response is a *Fault: FaultEmpty for an empty
// body, for one without output.message, and for an empty message without a stop reason; FaultLarge
// for more values or blocks than any model returns; FaultCorrupt for one that is not JSON or has
// other types.
func DecodeResponse(body []byte) (*llm.Response, error) {
	if len(body) == 0 {
		return nil, &Fault{Kind: FaultEmpty, Message: "the response is empty"}
	}
	if jsonx.ManyValues(body, maxValues) {
		return nil, &Fault{Kind: FaultLarge, Message: fmt.Sprintf("it has more than %d values", maxValues)}
	}
	r := &llm.Response{}
	var has parts
	s := source{plain: jsonx.NewPlain(body), plainly: true}
	if s.response(r, &has); !s.plain.Done() {
		*r, has = llm.Response{}, parts{}
		if err := decode(body, func(s *source) { s.response(r, &has) }); err != nil {
			return nil, &Fault{Kind: FaultCorrupt, Message: "the response cannot be decoded: " + err.Error(), Err: err}
		}
	}
	if len(r.Blocks) > maxBlocks {
		return nil, &Fault{Kind: FaultLarge, Message: fmt.Sprintf("it has more than %d blocks", maxBlocks)}
	}
	switch {
	case !has.message:
		return nil, &Fault{Kind: FaultEmpty, Message: "the response has no output.message"}
	case !has.stop && len(r.Blocks) == 0:
		return nil, &Fault{Kind: FaultEmpty, Message: "the response has no stopReason"}
	}
	r.Uncounted = !has.usage
	for _, part := range []struct {
		field string
		there bool
	}{{"finish_reason", has.stop}, {"usage", has.usage}} {
		if !part.there {
			r.Meta.Warnings = append(r.Meta.Warnings, llm.Warning{Code: llm.WarnMissing, Field: part.field, Detail: "AWS's response has none"})
		}
	}
	return r, nil
}

// parts records which parts of a response have arrived.
type parts struct{ message, stop, usage bool }

func (s *source) response(r *llm.Response, has *parts) {
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			return
		}
		switch string(name) {
		case "output":
			has.message = s.output(r)
		case "stopReason":
			r.RawStop = s.text()
			r.Stop = stopReason(r.RawStop)
			has.stop = r.RawStop != ""
		case "usage":
			s.usage(&r.Usage)
			has.usage = true
		case "metrics":
			s.metrics(&r.LatencyMs, &r.Extra)
		case "serviceTier":
			s.serviceTier(&r.ServiceTier, &r.Extra)
		case "additionalModelResponseFields":
			r.ModelFields = s.raw()
		case "trace":
			r.Trace = s.raw()
		default:
			r.Extra = append(r.Extra, s.rest(name))
		}
	}
}

// output reads the union that contains the message; false if there is no message.
func (s *source) output(r *llm.Response) (found bool) {
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			return found
		}
		if string(name) == "message" {
			s.message(r)
			found = true
			continue
		}
		r.Extra = append(r.Extra, s.rest(name))
	}
}

func (s *source) message(r *llm.Response) {
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			return
		}
		switch string(name) {
		case "role":
			r.Role = llm.Role(s.text())
		case "content":
			r.Blocks = s.blocks(maxBlocks + 1)
		default:
			r.Extra = append(r.Extra, s.rest(name))
		}
	}
}

func (s *source) usage(u *llm.Usage) {
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			return
		}
		switch string(name) {
		case "inputTokens":
			u.Input = s.integer()
		case "outputTokens":
			u.Output = s.integer()
		case "totalTokens":
			u.Total = s.integer()
		case "cacheReadInputTokens":
			u.CacheRead = llm.Some(s.integer())
		case "cacheWriteInputTokens":
			u.CacheWrite = llm.Some(s.integer())
		case "cacheDetails":
			s.open('[')
			for s.element() {
				u.CacheWrites = append(u.CacheWrites, s.cacheWrite())
			}
		default:
			u.Extra = append(u.Extra, s.rest(name))
		}
	}
}

func (s *source) cacheWrite() (w llm.CacheWrite) {
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			return w
		}
		switch string(name) {
		case "ttl":
			w.TTL = s.text()
		case "inputTokens":
			w.Tokens = s.integer()
		default:
			s.raw()
		}
	}
}

// metrics reads the latency; other metrics become extra members.
func (s *source) metrics(latency *llm.Opt[int64], extra *[]jsonx.Member) {
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			return
		}
		if string(name) == "latencyMs" {
			*latency = llm.Some(s.integer())
			continue
		}
		*extra = append(*extra, s.rest(name))
	}
}

func (s *source) serviceTier(tier *string, extra *[]jsonx.Member) {
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			return
		}
		if string(name) == "type" {
			*tier = s.text()
			continue
		}
		*extra = append(*extra, s.rest(name))
	}
}
