package export

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	"outcrop/internal/hold"
	"outcrop/internal/jsonx"
	"outcrop/telemetry"
)

// Mask masks texts that callbacks get, which are of a request or of its response. An error means that they may not have them.
type Mask func(ctx context.Context, c *telemetry.Call, response bool, texts []string) ([]string, error)

// masking is the content of a call as callbacks may have it. What masks it is needed until each callback has the record, or has dropped it.
type masking struct {
	users   atomic.Int64
	masks   *hold.Hold                // nil for nobody
	content func() *telemetry.Content // nil if it cannot be masked
}

// masking is that of a call, with one user.
func (e *Exporter) masking(c *telemetry.Call) *masking {
	mask, m := e.settings.Mask, &masking{}
	m.users.Store(1)
	if e.settings.Masks != nil && e.settings.Masks.Take() {
		m.masks = e.settings.Masks
	}
	m.content = sync.OnceValue(func() *telemetry.Content {
		content, err := masked(e.ctx, c, mask)
		if err != nil {
			e.opt.Logger.Warn("what a call has said could not be masked, so that callbacks do not get it", slog.String("call", c.ID), slog.String("error", err.Error()))
			return nil
		}
		return content
	})
	return m
}

// take adds a user, and leave removes one. A nil masking has none.
func (m *masking) take() {
	if m != nil {
		m.users.Add(1)
	}
}

func (m *masking) leave() {
	if m != nil && m.users.Add(-1) == 0 && m.masks != nil {
		m.masks.Leave()
	}
}

// masked is content with what a Mask masks: every text in it, but for the dialects' own names, ids and media. The content itself is not modified.
func masked(ctx context.Context, c *telemetry.Call, mask Mask) (*telemetry.Content, error) {
	own := *c.Content
	var err error
	if own.Request, err = maskedBody(own.Request, own.RequestCut, func(texts []string) ([]string, error) { return mask(ctx, c, false, texts) }); err != nil {
		return nil, err
	}
	answered := func(texts []string) ([]string, error) { return mask(ctx, c, true, texts) }
	if strings.HasPrefix(own.Type, "text/event-stream") {
		own.Response, err = maskedStream(own.Response, answered)
	} else {
		own.Response, err = maskedBody(own.Response, own.ResponseCut, answered)
	}
	if err != nil {
		return nil, err
	}
	return &own, nil
}

// maskedBody masks a body. One that is no JSON value is one text.
func maskedBody(body []byte, cut bool, mask func(texts []string) ([]string, error)) ([]byte, error) {
	if len(body) == 0 {
		return nil, nil
	}
	if cut || !jsonx.Valid(body) {
		out, err := mask([]string{strings.ToValidUTF8(string(body), "\uFFFD")})
		if err != nil {
			return nil, err
		}
		return []byte(out[0]), nil
	}
	gathered := &texts{}
	gathered.value(jsonx.Raw(body), place{outer: true})
	if gathered.err != nil || len(gathered.all) == 0 {
		return body, gathered.err
	}
	out, err := mask(gathered.all)
	if err != nil {
		return nil, err
	}
	replaced := &texts{replaced: out}
	v := replaced.value(jsonx.Raw(body), place{outer: true})
	return v, replaced.err
}

// maskedStream is a stream that says at once, in masked form, what a stream has said in pieces.
func maskedStream(stream []byte, mask func(texts []string) ([]string, error)) ([]byte, error) {
	said := Assemble(stream)
	parts := [...]*string{&said.Text, &said.Reasoning, &said.Arguments}
	var texts []string
	for _, part := range parts {
		if *part != "" {
			texts = append(texts, *part)
		}
	}
	if len(texts) > 0 {
		out, err := mask(texts)
		if err != nil {
			return nil, err
		}
		for _, part := range parts {
			if *part != "" {
				*part, out = out[0], out[1:]
			}
		}
	}
	w := jsonx.Writer{Buf: []byte("data: ")}
	w.Object()
	w.Key("choices")
	w.Array()
	w.Object()
	w.Key("delta")
	w.Object()
	w.Key("content")
	w.String(said.Text)
	w.Key("reasoning_content")
	w.String(said.Reasoning)
	w.Key("tool_calls")
	w.Array()
	w.Object()
	w.Key("function")
	w.Object()
	w.Key("arguments")
	w.String(said.Arguments)
	w.EndObject()
	w.EndObject()
	w.EndArray()
	w.EndObject()
	w.EndObject()
	w.EndArray()
	w.EndObject()
	return append(w.Buf, "\n\n"...), nil
}

// texts goes through the texts of a JSON value, always in the same order. It gathers them, or replaces them by others.
type texts struct {
	all      []string
	replaced []string // nil while texts are gathered
	at       int
	err      error
}

// place is where in a body a value is.
type place struct {
	name  string // of the member that it is, or in which it is an item
	kind  string // the type of the object that has the member; empty for none
	outer bool   // whether the value is the body
	own   bool   // whether it is the client's own JSON, such as arguments of tools, whose members may have any name and any text
}

// in is the place of a member of an object at the place.
func (p place) in(name, kind string) place {
	return place{name: name, kind: kind, own: p.own || ownMember(name) || name == "input" && !p.outer} // input of a body is a conversation or texts
}

// ownMember reports whether a member holds JSON that is the client's own, or the model's for the client, in all dialects.
func ownMember(name string) bool {
	switch name {
	case "args", "arguments", "response", "json", "jsonDocument", "documents", "output_parsed", "parsed", "structured_content", "structuredContent",
		"metadata", "requestMetadata", "litellm_metadata", "labels", "variables", "promptVariables", "default", "const", "enum", "example", "examples":
		return true
	default:
		return false
	}
}

// plain reports whether a text at the place is a name, an id or media of a dialect, and none that anybody has written. Such a text looks
// like one too: a member of the name may be something else in a dialect that is not known.
func (p place) plain(text string) bool {
	if dataURI(text) {
		return true
	}
	if p.own {
		return false
	}
	switch p.name {
	case "type", "role", "id", "object", "model", "call_id", "tool_call_id", "tool_use_id", "toolUseId", "finish_reason", "stop_reason", "finishReason", "stopReason",
		"media_type", "mimeType", "format", "status", "system_fingerprint", "service_tier":
		return len(text) <= longestName && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
	case "signature", "thoughtSignature", "data", "file_data", "bytes", "encrypted_content":
		return p.kind != "text" && encoded(text) // the data of a source of the type text is one (Anthropic's documents)
	default:
		return false
	}
}

// longestName is more than any name and id have that dialects make: 2,048 bytes are the longest ARN.
const longestName = 2 << 10

// dataURI reports whether a text is a data URI of media, and nothing else.
func dataURI(text string) bool {
	rest, ok := strings.CutPrefix(text, "data:")
	if !ok {
		return false
	}
	kind, data, ok := strings.Cut(rest, ";base64,")
	return ok && len(kind) <= longestName && !strings.ContainsFunc(kind, func(r rune) bool { return r <= ' ' || r > '~' || r == ',' }) && encoded(data)
}

// encoded reports whether a text has only characters of base64, of either alphabet.
func encoded(text string) bool {
	for i := range len(text) {
		c := text[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte("+/=-_", c) < 0 {
			return false
		}
	}
	return true
}

// value visits a value at a place, and returns it.
func (t *texts) value(v jsonx.Raw, at place) jsonx.Raw {
	if t.err != nil {
		return v
	}
	switch v.Kind() {
	case '"':
		var text string
		if t.err = jsonx.Unmarshal(v, &text); t.err != nil || text == "" || at.plain(text) {
			return v
		}
		if t.replaced == nil {
			t.all = append(t.all, text)
			return v
		}
		text = t.replaced[t.at]
		t.at++
		return jsonx.AppendString(nil, text)
	case '{':
		return t.object(v, at)
	case '[':
		var items []jsonx.Raw
		if t.err = jsonx.Unmarshal(v, &items); t.err != nil {
			return v
		}
		at.outer = false
		var w jsonx.Writer
		w.Array()
		for _, item := range items {
			w.Raw(t.value(item, at))
		}
		w.EndArray()
		return w.Buf
	default:
		return v
	}
}

// object is value for an object.
func (t *texts) object(v jsonx.Raw, at place) jsonx.Raw {
	members, err := jsonx.Members(v)
	if t.err = err; err != nil {
		return v
	}
	kind := ""
	if own := jsonx.Find(members, "type"); own.Kind() == '"' {
		if t.err = jsonx.Unmarshal(own, &kind); t.err != nil {
			return v
		}
	}
	var w jsonx.Writer
	w.Object()
	for i := range members {
		w.AnyKey(members[i].Name)
		w.Raw(t.value(members[i].Value, at.in(members[i].Name, kind)))
	}
	w.EndObject()
	return w.Buf
}
