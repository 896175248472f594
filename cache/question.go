package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Question is what a body asks for, as far as the cache has to know.
type Question struct {
	// Model, Stream, User and Tags are as in llm.Call.
	Model  string
	Stream bool
	User   string
	Tags   []string
	// Controls are what the body says of the cache, and Bad is what is wrong with them; nil if nothing is.
	Controls Controls
	Bad      error
	// Off is whether the request does not want the cache (caching: false).
	Off bool
	// Messages is the number of messages or of items of the input; 0 for a text.
	Messages int
	// Stored is whether the gateway is not asked to refrain from keeping the answer for later calls (store: false).
	Stored bool
	// Alone says why the answer belongs to this request alone, in a word; empty if it may be kept.
	Alone string

	members []jsonx.Member // of the answer
	room    [12]jsonx.Member
	own     bool // the body has members for the cache
	setting func(name string) bool
	options jsonx.Raw // of a stream
}

// Read reads the top level of a body. It reports false for one that is no JSON object, whose reader has the error. What it returns
// shares memory with the body. settings reports whether a member sets the connection to the provider.
func Read(body []byte, settings func(name string) bool) (*Question, bool) {
	q := &Question{Stored: true, setting: settings}
	q.members = q.room[:0]
	d := scanner{doc: body}
	if !d.members(q.read) {
		return nil, false
	}
	slices.SortStableFunc(q.members, func(a, b jsonx.Member) int { return strings.Compare(a.Name, b.Name) })
	return q, true
}

// read reads a member of the body. objects is how many there are in a list.
func (q *Question) read(name string, value jsonx.Raw, objects int) bool {
	if name == "messages" || name == "input" {
		q.Messages += objects
	}
	return q.take(name, value)
}

// take reads a member. It reports false for one that the reader of the dialect refuses.
func (q *Question) take(name string, value jsonx.Raw) bool {
	kind := value.Kind()
	if q.setting != nil && q.setting(name) && !jsonx.Empty(value) {
		q.Alone = "credentials"
	}
	text := func(to *string) bool { return kind == 'n' || kind == '"' && unquoted(value, to) }
	switch name {
	case "model":
		return text(&q.Model)
	case "user":
		return text(&q.User)
	case "stream":
		q.Stream = kind == 't'
	case "stream_options":
		q.options = value
	case "cache":
		q.own = true
		q.Controls, q.Bad = ReadControls("cache", value)
	case "caching":
		q.own, q.Off = true, kind == 'f'
	case "tags":
		q.tags(value)
	case "metadata", "litellm_metadata":
		q.labels(value)
	case "extra_body": // its members are members of the body
		return q.inner(value)
	case "safety_identifier", "prompt_cache_key", "timeout", "request_timeout", "stream_timeout", "num_retries", "max_retries", "fallbacks", "context_window_fallback_dict",
		"priority", "no-log", "litellm_call_id", "litellm_trace_id", "proxy_server_request":
	default:
		q.member(name, value)
	}
	return true
}

func (q *Question) inner(value jsonx.Raw) bool {
	if value.Kind() == 'n' {
		return true
	}
	members, err := jsonx.Members(value)
	if err != nil {
		return false
	}
	for i := range members {
		if !q.take(members[i].Name, members[i].Value) {
			return false
		}
	}
	return true
}

// member is a member that may change the answer.
func (q *Question) member(name string, value jsonx.Raw) {
	if value.Kind() == 'n' {
		return // as if it were absent
	}
	q.members = append(q.members, jsonx.Member{Name: name, Value: value})
	switch name {
	case "store":
		q.Stored = value.Kind() != 'f'
	case "previous_response_id", "conversation", "container", "mcp_servers", "prompt", "prompt_id":
		if name != "prompt" || value.Kind() == '{' { // a text is the prompt of a completion
			q.Alone = name
		}
	case "background":
		if value.Kind() == 't' {
			q.Alone = name
		}
	case "tools":
		for _, stateful := range [...]string{`"mcp"`, `"code_interpreter"`, `"code_execution`, `"shell"`, `"local_shell"`, `"computer_use_preview"`} {
			if bytes.Contains(value, []byte(stateful)) {
				q.Alone = "tools"
			}
		}
	}
}

func (q *Question) tags(value jsonx.Raw) {
	var tags []string
	if value.Kind() == '[' && jsonx.Unmarshal(value, &tags) == nil {
		q.Tags = append(q.Tags, tags...)
	}
}

// labels reads the labels among metadata.
func (q *Question) labels(value jsonx.Raw) {
	if value.Kind() != '{' || !bytes.Contains(value, []byte(`"tags"`)) && !bytes.Contains(value, []byte(`"user_id"`)) {
		return
	}
	members, err := jsonx.Members(value)
	if err != nil {
		return
	}
	q.tags(jsonx.Find(members, "tags"))
	if id := jsonx.Find(members, "user_id"); q.User == "" && len(id) > 0 && id.Kind() == '"' { // of Anthropic's dialect
		_ = jsonx.Unmarshal(id, &q.User)
	}
}

// Without is the body without the members that are for the cache, which nobody else knows.
func (q *Question) Without(body []byte) []byte {
	if !q.own {
		return body
	}
	members, err := jsonx.Members(body)
	if err != nil {
		return body
	}
	w := jsonx.Writer{Buf: make([]byte, 0, len(body))}
	w.Object()
	w.Members(slices.DeleteFunc(members, func(m jsonx.Member) bool { return m.Name == "cache" || m.Name == "caching" }))
	w.EndObject()
	return w.Buf
}

// Scope is what decides, beside the body, whether two requests ask the same.
type Scope struct {
	// Door is the frontend, and Group the configured name that serves the model, or the names that share answers.
	Door, Group string
	// More is what else changes answers, such as headers and the operator's parameters.
	More []string
	// Owner is whose answers these are; empty for everybody's.
	Owner string
}

// usual is the room for what most keys are made of.
const usual = 4 << 10

// Key is the key of a question within a scope: the hexadecimal SHA-256 of both.
func (q *Question) Key(s *Scope) string {
	var room [usual]byte
	b := s.append(room[:0])
	if q.Stream {
		b = compact(part(b, "stream"), q.options)
	} else {
		b = part(b, "whole")
	}
	for i := range q.members {
		b = compact(part(b, q.members[i].Name), q.members[i].Value)
	}
	return hexOf(b)
}

// append appends the parts of a scope.
func (s *Scope) append(b []byte) []byte {
	b = part(part(part(b, s.Door), s.Group), s.Owner)
	for _, m := range s.More {
		b = part(b, m)
	}
	return b
}

// part appends a text with its length, so that no two lists of texts become the same.
func part(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// compact appends a JSON value without the white space between its parts.
func compact(b, v []byte) []byte {
	s := scanner{doc: v}
	for from := 0; s.at < len(v); {
		switch c := v[s.at]; {
		case c == '"':
			if !s.text() {
				s.at = len(v)
			}
			b = append(b, v[from:s.at]...)
			from = s.at
		case isSpace(c):
			b = append(b, v[from:s.at]...)
			before := s.at
			if after := s.peek(); before > 0 && after != 0 && !separates(v[before-1]) && !separates(after) {
				b = append(b, ' ') // 1 2 is not 12
			}
			from = s.at
		default:
			if s.at++; s.at == len(v) {
				b = append(b, v[from:]...)
			}
		}
	}
	return append(b, 0) // which JSON has nowhere
}

func separates(c byte) bool { return strings.IndexByte(`{}[],:"`, c) >= 0 }

// KeyOf is the key of one part of a request, such as an input of several.
func KeyOf(s *Scope, parts ...string) string {
	var room [usual]byte
	b := s.append(room[:0])
	for _, p := range parts {
		b = part(b, p)
	}
	return hexOf(b)
}

func hexOf(b []byte) string {
	sum := sha256.Sum256(b)
	var text [2 * sha256.Size]byte
	hex.Encode(text[:], sum[:])
	return string(text[:])
}

// Call is the question as a call, for the checks of the caller.
func (q *Question) Call(model string) llm.Call {
	return llm.Call{Model: model, Stream: q.Stream, User: q.User, Tags: q.Tags}
}
