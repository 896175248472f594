package converse

import (
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// AppendResponse appends the body of a complete response as Converse returns it, members in AWS's
// alphabetical order, unknown ones included. Blocks are written without checks: the caller must
// avoid those that WriteRequest would refuse (an image at a web URL, a document without a name).
func AppendResponse(dst []byte, r *llm.Response) []byte {
	e := &encoder{w: jsonx.Writer{Buf: dst}, answer: true}
	w := &e.w
	o := e.object(sorted(r.Extra))
	if len(r.ModelFields) > 0 {
		o.key("additionalModelResponseFields")
		w.Raw(r.ModelFields)
	}
	if r.LatencyMs.Set {
		o.key("metrics")
		e.metrics(r.LatencyMs.Value)
	}
	o.key("output")
	w.Object()
	w.Key("message")
	w.Object()
	w.Key("content")
	w.Array()
	for i := range r.Blocks {
		e.block(&r.Blocks[i], position{block: i})
	}
	w.EndArray()
	w.Key("role")
	w.String(string(answerRole(r.Role)))
	w.EndObject()
	w.EndObject()
	if r.ServiceTier != "" {
		o.key("serviceTier")
		e.serviceTier(r.ServiceTier)
	}
	o.key("stopReason")
	w.String(stopWord(r.RawStop, r.Stop))
	if len(r.Trace) > 0 {
		o.key("trace")
		w.Raw(r.Trace)
	}
	o.key("usage")
	e.usage(&r.Usage)
	o.end()
	return w.Buf
}

func answerRole(role llm.Role) llm.Role {
	if role == "" {
		return llm.RoleAssistant
	}
	return role
}

func (e *encoder) metrics(latency int64) {
	w := &e.w
	w.Object()
	w.Key("latencyMs")
	w.Int(latency)
	w.EndObject()
}

func (e *encoder) serviceTier(tier string) {
	w := &e.w
	w.Object()
	w.Key("type")
	w.String(tier)
	w.EndObject()
}

func (e *encoder) usage(u *llm.Usage) {
	w := &e.w
	o := e.object(sorted(u.Extra))
	if len(u.CacheWrites) > 0 {
		o.key("cacheDetails")
		w.Array()
		for _, c := range u.CacheWrites {
			w.Object()
			w.Key("inputTokens")
			w.Int(c.Tokens)
			w.Key("ttl")
			w.String(c.TTL)
			w.EndObject()
		}
		w.EndArray()
	}
	if u.CacheRead.Set {
		o.key("cacheReadInputTokens")
		w.Int(u.CacheRead.Value)
	}
	if u.CacheWrite.Set {
		o.key("cacheWriteInputTokens")
		w.Int(u.CacheWrite.Value)
	}
	o.key("inputTokens")
	w.Int(u.Input)
	o.key("outputTokens")
	w.Int(u.Output)
	o.key("totalTokens")
	w.Int(u.Total)
	o.end()
}
