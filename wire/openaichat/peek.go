package openaichat

import (
	"bytes"
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/litellm"
)

// Head is what routing needs of a chat completion request that may be passed on as it is.
type Head struct {
	Model  string
	Stream bool
	// IncludeUsage is stream_options.include_usage.
	IncludeUsage bool
	// Choices is n; 0 if it is not set.
	Choices int64
	User    string
	// Plain is whether the body has only what OpenAI and the vendors of its format define: nothing
	// that LiteLLM's clients send to the gateway itself, which only Decode understands.
	Plain bool
}

// Call returns what every request of the gateway has, as far as the head tells.
func (h *Head) Call() llm.Call { return llm.Call{Model: h.Model, Stream: h.Stream, User: h.User} }

// Model is the model of a request, without a look at what comes behind it; empty if it has none, or has something
// unusual before it.
func Model(body []byte) string { return litellm.Model(body) }

// Peek reads the head of a request. It does not check what the other members contain. It reports
// false for a body that is not a JSON object with a model and messages, for which Decode has the
// error.
func Peek(body []byte) (Head, bool) {
	if litellm.CheckBody(body) != nil {
		return Head{}, false
	}
	h := headReader{Head: Head{Plain: true}}
	if !h.plainly(body) {
		h = headReader{Head: Head{Plain: true}}
		if jsonx.Unmarshal(body, &h) != nil {
			return Head{}, false
		}
	}
	if !h.messages || litellm.CheckModel(h.Model) != nil {
		return Head{}, false
	}
	return h.Head, true
}

// headReader reads a Head, and skips what it does not need.
type headReader struct {
	Head
	messages bool
}

// plainly reads a body that has nothing unusual; false for others.
func (h *headReader) plainly(body []byte) bool {
	p := jsonx.NewPlain(body)
	p.Object(func(name []byte) {
		switch string(name) {
		case "model":
			p.Text(&h.Model)
		case "messages":
			h.messages = p.Kind() == '['
			h.look(p.Value())
		case "stream":
			p.Bool(&h.Stream)
		case "stream_options":
			p.Object(func(name []byte) {
				if string(name) == "include_usage" {
					p.Bool(&h.IncludeUsage)
				} else {
					p.Value()
				}
			})
		case "n":
			p.Int(&h.Choices)
		case "user":
			p.Text(&h.User)
		case "tools":
			h.look(p.Value())
		default:
			h.other(name)
			p.Value()
		}
	})
	return p.Done()
}

func (h *headReader) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	return jsonx.Object(d, func(name []byte) error {
		switch string(name) {
		case "model":
			return jsonx.Text(d, &h.Model)
		case "messages":
			h.messages = d.PeekKind() == '['
			return h.scan(d)
		case "stream":
			return jsonx.Bool(d, &h.Stream)
		case "stream_options":
			return jsonx.Each(d, func(name []byte) error {
				if string(name) != "include_usage" {
					return d.SkipValue()
				}
				return jsonx.Bool(d, &h.IncludeUsage)
			})
		case "n":
			return jsonx.Int(d, &h.Choices)
		case "user":
			return jsonx.Text(d, &h.User)
		case "tools":
			return h.scan(d)
		default:
			h.other(name)
		}
		return d.SkipValue()
	})
}

// other notes the name of a member that is not read.
func (h *headReader) other(name []byte) {
	switch string(name) {
	case "metadata", "thinking": // read by the gateway, and by some vendors only
		h.Plain = false
	default:
		h.Plain = h.Plain && !own(jsonx.Name(name))
	}
}

// scan reads messages or tools. Those with LiteLLM's or other vendors' additions, such as
// thinking_blocks and Converse's blocks, are not plain.
func (h *headReader) scan(d *jsonx.Decoder) error {
	v, err := d.ReadValue()
	if err != nil {
		return err
	}
	h.look(v)
	return nil
}

// look is scan for a value that has been read.
func (h *headReader) look(v []byte) {
	if h.Plain {
		others, pictures, results := marks(v)
		h.Plain = !others && (!pictures || !results || !pictured(v))
	}
}

// marks reports whether a value may have members or values that are LiteLLM's or other vendors', whether
// it may have pictures, and whether it may have results of tools. It looks for their names everywhere, even
// in texts.
func marks(v []byte) (others, pictures, results bool) {
	for at := bytes.IndexByte(v, '"'); at >= 0 && !others; {
		v = v[at+1:]
		if len(v) == 0 {
			break
		}
		switch v[0] {
		case 't':
			results = results || bytes.HasPrefix(v, []byte(`tool_call_id"`))
			others = bytes.HasPrefix(v, []byte(`thinking_blocks"`)) || bytes.HasPrefix(v, []byte(`toolSpec"`))
		case 'c':
			others = bytes.HasPrefix(v, []byte(`cachePoint"`))
		case 'g':
			others = bytes.HasPrefix(v, []byte(`guardContent"`)) || bytes.HasPrefix(v, []byte(`guarded_text"`))
		case 's':
			others = bytes.HasPrefix(v, []byte(`s3://`))
		case 'i':
			pictures = pictures || bytes.HasPrefix(v, []byte(`image_url"`))
		}
		at = bytes.IndexByte(v, '"')
	}
	return others, pictures, results
}

// pictured reports whether a result of a tool among messages has an image, for which OpenAI's format has
// no place.
func pictured(messages jsonx.Raw) bool {
	var list []struct {
		Role    string    `json:"role"`
		Content jsonx.Raw `json:"content"`
	}
	if jsonx.Unmarshal(messages, &list) != nil {
		return false // it is refused later
	}
	return slices.ContainsFunc(list, func(m struct {
		Role    string    `json:"role"`
		Content jsonx.Raw `json:"content"`
	},
	) bool {
		return m.Role == "tool" && m.Content.Kind() == '[' && bytes.Contains(m.Content, []byte(`"image_url"`))
	})
}

// own reports whether a member is the gateway's: one of LiteLLM's settings, or of Converse's.
func own(name string) bool {
	switch name {
	case "max_tokens", "temperature", "top_p", "tool_choice", "stop", "safety_identifier": // most have no others
		return false
	case "extra_body", "extra_headers", "drop_params", "additional_drop_params", "allowed_openai_params", "cache_control",
		"cache_control_injection_points", "additionalModelRequestFields":
		return true
	}
	return known(name) == classExtension || litellm.IsSetting(name) || litellm.CheckField(name) != nil
}
