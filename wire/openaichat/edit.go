package openaichat

import (
	"bytes"
	"slices"
	"strconv"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Edits are what becomes of a body on its way to an endpoint. Everything else stays as it is, byte for
// byte. It is read only, and shared by calls.
type Edits struct {
	// Rename are members that the endpoint has under another name. If a body has both, the one with
	// the endpoint's name stays.
	Rename map[string]string
	// Remove are members that the endpoint refuses and that change nothing about the response.
	Remove map[string]bool
	// Own are members that the endpoint does not need, because the gateway does itself what they ask for,
	// or the address says it.
	Own map[string]bool
	// Ollamas is whether what llm.IsOllamas is removed, because the endpoint is not Ollama's.
	Ollamas bool
	// Unsupported are members that the endpoint is not known to take. Under drop_params they are
	// removed with a warning; otherwise they are sent, and the endpoint has the last word.
	Unsupported map[string]bool
	// Values are the values that a member is known to be taken with. Under drop_params another one is
	// removed with a warning.
	Values map[string][]string
	// Roles are roles of messages that the endpoint knows by another name.
	Roles map[string]string
	// Add are members of every body that does not have them.
	Add []jsonx.Member
	// NoStreamOptions is whether the endpoint refuses stream_options.
	NoStreamOptions bool
	// NoCachePoints is whether the endpoint refuses cache_control on messages, parts and tools.
	NoCachePoints bool
	// TextOnly is whether a list of texts must be one string; other parts are sent as they are.
	TextOnly bool
}

// Edit are the edits of one call.
type Edit struct {
	*Edits
	// Model replaces the body's model.
	Model string
	// Usage is whether a stream must report its usage.
	Usage bool
	// DropParams is whether what the endpoint does not have is removed.
	DropParams bool
	// Name is the client's name of a member, for warnings about a body that is a translation; nil if the
	// body is the client's.
	Name func(member string) string

	// IncludeUsage and Choices are what Apply has read of the body: stream_options.include_usage, and
	// n; 0 if it is not set.
	IncludeUsage bool
	Choices      int64
}

// Apply edits a body, which must be a valid JSON object: Peek and AppendRequest vouch for it. It returns
// the body in pieces, which share the memory of body. The error is an *llm.Error.
func (e *Edit) Apply(body []byte) (pieces [][]byte, warnings []llm.Warning, err error) {
	r := editor{Edit: e, body: body}
	open, ok := r.split()
	if !ok {
		return nil, nil, llm.Invalid("", "the request body is not a JSON object")
	}
	if err := r.rewrite(open); err != nil {
		return nil, nil, err
	}
	return r.pieces, r.warnings, nil
}

// editor walks over a body, and collects the edited one.
type editor struct {
	*Edit
	body     []byte
	pieces   [][]byte
	warnings []llm.Warning
	members  []span
}

// span is a top-level member.
type span struct {
	name            string
	key, start, end int // where its name and its value begin, and where the value ends
}

// split finds the top-level members of a valid object, and returns where its first one begins. It is a
// fraction of the cost of a strict decoder, which has read the body before.
func (r *editor) split() (open int, ok bool) {
	b := r.body
	at := skipSpace(b, 0)
	if at == len(b) || b[at] != '{' {
		return 0, false
	}
	open = at + 1
	r.members = make([]span, 0, 16)
	for at = skipSpace(b, open); at < len(b) && b[at] != '}'; at = skipSpace(b, at) {
		if b[at] == ',' {
			at = skipSpace(b, at+1)
		}
		if at == len(b) || b[at] != '"' {
			return 0, false
		}
		m := span{key: at}
		end := at + 1 + stringEnd(b[at+1:])
		name, err := plainName(b[at:end])
		if m.start = skipColon(b, end); err != nil || m.start < 0 {
			return 0, false
		}
		m.start = skipSpace(b, m.start)
		m.name, m.end = name, m.start+len(bytes.TrimRight(value(b[m.start:]), " \t\r\n"))
		if at = m.end; m.end == m.start {
			return 0, false
		}
		r.members = append(r.members, m)
	}
	return open, at < len(b)
}

// skipSpace is where white space at a position ends.
func skipSpace(b []byte, at int) int {
	for at < len(b) && (b[at] == ' ' || b[at] == '\n' || b[at] == '\r' || b[at] == '\t') {
		at++
	}
	return at
}

// plainName is the text of a member's name.
func plainName(quoted []byte) (string, error) {
	if bytes.IndexByte(quoted, '\\') < 0 && len(quoted) > 1 {
		return jsonx.Name(quoted[1 : len(quoted)-1]), nil
	}
	var name string
	err := jsonx.Unmarshal(quoted, &name)
	return name, err
}

// rewrite writes the members, each with its comma. What stays is written as it stands.
func (r *editor) rewrite(open int) error {
	r.pieces = append(r.pieces, r.body[:open])
	var own []byte
	stream, options := false, false
	count := 0
	for i := range r.members {
		m := &r.members[i]
		value := jsonx.Raw(r.body[m.start:m.end])
		name := m.name
		if !r.kept(m, value) {
			continue
		}
		if to, ok := r.Rename[name]; ok {
			name = to
		}
		switch m.name {
		case "model":
			value = jsonx.AppendString(nil, r.Model)
		case "stream":
			stream = string(value) == "true"
		case "n":
			_ = jsonx.Unmarshal(value, &r.Choices) // the endpoint judges it
		case "stream_options":
			options = true
			value = r.streamOptions(value)
		case "messages":
			if len(r.Roles) > 0 || r.TextOnly {
				edited, err := r.messages(value)
				if err != nil {
					return err
				}
				value = edited
			}
			value = r.withoutCachePoints(value, 2, 4) // of messages, and of their parts
		case "tools":
			value = r.withoutCachePoints(value, 2)
		}
		if count++; count > 1 {
			own = append(own, ',')
		}
		own = jsonx.AppendString(own, name)
		own = append(own, ':')
		if len(value) < 1<<10 {
			own = append(own, value...)
			continue
		}
		r.pieces = append(r.pieces, own, value)
		own = nil
	}
	add := func(name string, value jsonx.Raw) {
		if count++; count > 1 {
			own = append(own, ',')
		}
		own = jsonx.AppendString(own, name)
		own = append(own, ':')
		own = append(own, value...)
	}
	for _, m := range r.Add {
		if !r.has(m.Name) {
			add(m.Name, m.Value)
		}
	}
	if stream && !options && r.Usage && !r.NoStreamOptions {
		add("stream_options", jsonx.Raw(`{"include_usage":true}`))
	}
	r.pieces = append(r.pieces, append(own, '}'))
	return nil
}

// streams reports whether the body asks for a stream.
func (r *editor) streams() bool {
	for i := range r.members {
		if m := &r.members[i]; m.name == "stream" {
			return string(r.body[m.start:m.end]) == "true"
		}
	}
	return false
}

func (r *editor) has(name string) bool {
	for i := range r.members {
		if r.members[i].name == name {
			return true
		}
	}
	return false
}

// kept reports whether a member is sent.
func (r *editor) kept(m *span, value jsonx.Raw) bool {
	switch {
	case r.Own[m.name]:
		return false
	case r.Remove[m.name]:
		if value.Kind() != 'n' && !jsonx.Empty(value) {
			r.dropped(m.name, "")
		}
		return false
	case r.Ollamas && llm.IsOllamas(m.name):
		if value.Kind() != 'n' {
			r.dropped(m.name, llm.WhyOllamas)
		}
		return false
	case m.name == "stream_options" && !r.streams(): // OpenAI refuses it then
		return false
	case m.name == "stream_options" && r.NoStreamOptions:
		r.streamOptions(value) // the usage comes unasked, and the client gets it if it asks
		return false
	case r.Unsupported[m.name] && value.Kind() == 'n':
		return false
	case !r.DropParams:
	case r.Unsupported[m.name]:
		r.dropped(m.name, "")
		return false
	case r.Values[m.name] != nil && value.Kind() != 'n' && !slices.Contains(r.Values[m.name], valueWord(value)):
		r.dropped(m.name, "the model does not take the value "+strconv.Quote(llm.Clip(valueWord(value), 60)))
		return false
	}
	if to, ok := r.Rename[m.name]; ok && r.has(to) {
		r.dropped(m.name, "the request has "+to+" too")
		return false
	}
	return true
}

func (r *editor) dropped(field, detail string) {
	if r.Name != nil {
		field = r.Name(field)
	}
	r.warnings = append(r.warnings, llm.Warning{Code: llm.WarnDropped, Field: field, Detail: detail})
}

// valueWord is what a value is compared by: its text, or the type of an object.
func valueWord(v jsonx.Raw) string {
	if v.Kind() != '{' {
		return word(v)
	}
	var o struct {
		Type string    `json:"type"`
		Rest jsonx.Raw `json:",embed"`
	}
	_ = jsonx.Unmarshal(v, &o) // the word is then empty
	return o.Type
}

// streamOptions is the member with include_usage, if the usage is wanted.
func (r *editor) streamOptions(value jsonx.Raw) jsonx.Raw {
	if !r.Usage {
		return value
	}
	if string(value) == `{"include_usage":true}` { // what SDKs send
		r.IncludeUsage = true
		return value
	}
	members, err := jsonx.Members(value)
	if err != nil {
		return jsonx.Raw(`{"include_usage":true}`) // it was null
	}
	var w jsonx.Writer
	w.Object()
	w.Key("include_usage")
	w.Bool(true)
	for _, m := range members {
		if m.Name != "include_usage" {
			w.AnyKey(m.Name)
			w.Raw(m.Value)
		} else {
			r.IncludeUsage = string(m.Value) == "true"
		}
	}
	w.EndObject()
	return w.Buf
}

// messages edits the roles and the content of messages.
func (r *editor) messages(value jsonx.Raw) (jsonx.Raw, error) {
	var all []jsonx.Raw
	if err := unmarshalAt("messages", value, &all); err != nil {
		return nil, err
	}
	w := jsonx.Writer{Buf: make([]byte, 0, len(value)+64)}
	w.Array()
	for i, raw := range all {
		members, err := jsonx.Members(raw)
		if err != nil {
			return nil, llm.Invalid("messages["+strconv.Itoa(i)+"]", "messages[%d] must be an object", i)
		}
		w.Object()
		for _, m := range members {
			w.AnyKey(m.Name)
			switch m.Name {
			case "role":
				if to, ok := r.Roles[word(m.Value)]; ok {
					w.String(to)
					continue
				}
			case "content":
				if text, ok := joined(m.Value); ok && r.TextOnly {
					w.String(text)
					continue
				}
			}
			w.Raw(m.Value)
		}
		w.EndObject()
	}
	w.EndArray()
	return w.Buf, nil
}

// joined is the text of a list of content parts that are all texts.
func joined(parts jsonx.Raw) (string, bool) {
	if parts.Kind() != '[' {
		return "", false
	}
	var all []struct {
		Type string    `json:"type"`
		Text string    `json:"text"`
		Rest jsonx.Raw `json:",embed"`
	}
	if jsonx.Unmarshal(parts, &all) != nil {
		return "", false
	}
	var text []byte
	for i := range all {
		if all[i].Type != "text" {
			return "", false
		}
		if i > 0 {
			text = append(text, '\n')
		}
		text = append(text, all[i].Text...)
	}
	return string(text), true
}
