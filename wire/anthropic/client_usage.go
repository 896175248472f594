package anthropic

import (
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Stop returns the common form of a stop_reason
// (https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons).
func Stop(word string) llm.StopReason {
	switch word {
	case "":
		return llm.StopUnset
	case "end_turn":
		return llm.StopEnd
	case "stop_sequence":
		return llm.StopSequence
	case "max_tokens":
		return llm.StopMaxTokens
	case "model_context_window_exceeded":
		return llm.StopContextWindow
	case "tool_use":
		return llm.StopToolUse
	case "refusal":
		return llm.StopFiltered
	default:
		return llm.StopOther
	}
}

// AddUsage takes the counters of a response, or of an event of a stream, into u. Those of a later
// event replace the earlier ones. tier is the service tier in the common words, if the response names it.
func AddUsage(u *llm.Usage, usage jsonx.Raw) (tier string, err error) {
	r := usageReader{usage: u}
	p := jsonx.NewPlain(usage)
	if r.plain(&p); p.Done() {
		return r.end(), nil
	}
	all := &usageReader{usage: u}
	if err := jsonx.Unmarshal(usage, all); err != nil {
		return "", err
	}
	return all.end(), nil
}

// end adds up what has been read, and returns the service tier in the common words.
func (r *usageReader) end() (tier string) {
	r.usage.Total = r.usage.Prompt() + r.usage.Output
	if r.tier == "standard" {
		return "default"
	}
	return r.tier
}

// usageReader reads the usage of a response into usage. Every call has one, so it is read member by
// member, which costs a third of what a struct does.
type usageReader struct {
	usage *llm.Usage
	tier  string
}

// plain reads usage as sentEvent.plain reads an event. What it has read before it gives up is read again.
func (r *usageReader) plain(p *jsonx.Plain) {
	u := r.usage
	p.Object(func(name []byte) {
		if p.Kind() == 'n' {
			p.Value()
			return
		}
		switch string(name) {
		case "input_tokens":
			p.Int(&u.Input)
		case "output_tokens":
			p.Int(&u.Output)
		case "cache_read_input_tokens":
			plainCount(p, &u.CacheRead)
		case "cache_creation_input_tokens":
			plainCount(p, &u.CacheWrite)
		case "cache_creation":
			u.CacheWrites = nil
			var minutes, hour int64
			p.Object(func(name []byte) {
				switch string(name) {
				case "ephemeral_5m_input_tokens":
					p.Int(&minutes)
				case "ephemeral_1h_input_tokens":
					p.Int(&hour)
				default:
					p.Value()
				}
			})
			r.wrote(minutes, hour)
		case "output_tokens_details":
			p.Object(func(name []byte) {
				if string(name) == "thinking_tokens" {
					plainCount(p, &u.Reasoning)
					return
				}
				p.Value()
			})
		case "service_tier":
			p.Word(&r.tier)
		default:
			r.other(string(name), p.Value())
		}
	})
}

// plainCount reads a counter that not every response has.
func plainCount(p *jsonx.Plain, to *llm.Opt[int64]) {
	to.Set = true
	p.Int(&to.Value)
}

// UnmarshalJSONFrom receives jsonx's decoder.
func (r *usageReader) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	return jsonx.Each(d, func(name []byte) error {
		switch string(name) {
		case "input_tokens":
			return setCount(d, &r.usage.Input)
		case "output_tokens":
			return setCount(d, &r.usage.Output)
		case "cache_read_input_tokens":
			return setOptional(d, &r.usage.CacheRead)
		case "cache_creation_input_tokens":
			return setOptional(d, &r.usage.CacheWrite)
		case "cache_creation":
			return r.writes(d)
		case "output_tokens_details":
			return jsonx.Each(d, func(name []byte) error {
				if string(name) == "thinking_tokens" {
					return setOptional(d, &r.usage.Reasoning)
				}
				return d.SkipValue()
			})
		case "service_tier":
			return jsonx.Text(d, &r.tier)
		default:
			value, err := d.ReadValue()
			r.other(string(name), value)
			return err
		}
	})
}

// writes reads how long what was written to the cache is kept.
func (r *usageReader) writes(d *jsonx.Decoder) error {
	if d.PeekKind() == '{' {
		r.usage.CacheWrites = nil
	}
	var minutes, hour int64
	err := jsonx.Each(d, func(name []byte) error {
		switch string(name) {
		case "ephemeral_5m_input_tokens":
			return setCount(d, &minutes)
		case "ephemeral_1h_input_tokens":
			return setCount(d, &hour)
		default:
			return d.SkipValue()
		}
	})
	r.wrote(minutes, hour)
	return err
}

// wrote adds what was written to the cache, by how long it is kept.
func (r *usageReader) wrote(minutes, hour int64) {
	for _, w := range [...]llm.CacheWrite{{TTL: "5m", Tokens: minutes}, {TTL: "1h", Tokens: hour}} {
		if w.Tokens > 0 {
			r.usage.CacheWrites = append(r.usage.CacheWrites, w)
		}
	}
}

// other keeps a counter that the common language does not know.
func (r *usageReader) other(name string, value jsonx.Raw) {
	if !has(value) || name == "inference_geo" || name == "iterations" {
		return
	}
	if at := find(r.usage.Extra, name); at >= 0 {
		r.usage.Extra[at].Value = value.Clone()
	} else {
		r.usage.Extra = append(r.usage.Extra, jsonx.Member{Name: name, Value: value.Clone()})
	}
}

// setCount reads a counter, unless it is null.
func setCount(d *jsonx.Decoder, to *int64) error {
	if d.PeekKind() == 'n' {
		return d.SkipValue()
	}
	var n int64
	err := jsonx.Int(d, &n)
	*to = max(0, n)
	return err
}

// setOptional reads a counter that not every response has, unless it is null.
func setOptional(d *jsonx.Decoder, to *llm.Opt[int64]) error {
	if d.PeekKind() == 'n' {
		return d.SkipValue()
	}
	to.Set = true
	return setCount(d, &to.Value)
}

func find(members []jsonx.Member, name string) int {
	for i := range members {
		if members[i].Name == name {
			return i
		}
	}
	return -1
}
