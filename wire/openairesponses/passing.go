package openairesponses

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/internal/lazyregexp"
	"outcrop/llm"
	"outcrop/wire/litellm"
)

// Past is an item of what a request continues.
type Past struct {
	Item jsonx.Raw
	// Deployment is the id of the deployment whose response in this dialect the item was part of; empty
	// for the gateway's own items and those of clients.
	Deployment string
}

// Passage is what a request becomes for endpoints that speak the dialect: what the gateway keeps and does
// itself is taken out, and what it has made is written as the endpoints understand it. The rest stays as it
// is, byte for byte.
type Passage struct {
	// Previous is the endpoint's own id of the response that the request continues; empty for none.
	Previous string
	// Holder is the id of the only deployment that gets the request; empty if any may get it.
	Holder string
	// History are the items that the request continues, unless the endpoint has them, and Own those of the
	// request itself, where references were replaced; nil for the body's.
	History, Own []Past
	// Parameters are the operator's, by their names in chat completions.
	Parameters []jsonx.Member
}

// Passing returns the body that endpoints get, and warnings of what it leaves out. It reports false for a
// request that only Decode understands, because it or the operator's parameters have what the dialect does
// not have. Peek has read the head of the body.
func (h *Head) Passing(body []byte, p *Passage) (out []byte, warnings []llm.Warning, ok bool) {
	if !h.Plain {
		return nil, nil, false
	}
	parameters, ok := h.parameters(p.Parameters)
	if !ok {
		return nil, nil, false
	}
	input, warnings, changed := p.input(h.Input)
	if !changed && len(parameters) == 0 && !h.Refers {
		return body, nil, true
	}
	members, err := jsonx.Members(body)
	if err != nil {
		return nil, nil, false
	}
	w := jsonx.Writer{Buf: make([]byte, 0, len(body)+1024)}
	w.Object()
	for _, m := range members {
		switch m.Name {
		case "previous_response_id", "conversation", "background", "drop_params":
			continue
		case "input":
			if changed {
				continue
			}
		}
		if jsonx.Find(parameters, m.Name) != nil { // it was null
			continue
		}
		w.AnyKey(m.Name)
		w.Raw(m.Value)
	}
	w.Members(parameters)
	if p.Previous != "" {
		w.Key("previous_response_id")
		w.String(p.Previous)
	}
	if changed {
		w.Key("input")
		w.Raw(input)
	}
	w.EndObject()
	return w.Buf, warnings, true
}

// input is the input with the history before it. changed is false if the body's may stay.
func (p *Passage) input(own jsonx.Raw) (input jsonx.Raw, warnings []llm.Warning, changed bool) {
	if len(p.History) == 0 && p.Own == nil && !inside.Match(own) && !bytes.Contains(own, []byte(`"`+sealMark)) {
		return nil, nil, false
	}
	items := p.Own
	if items == nil {
		raws, err := Items(own, "text")
		if err != nil {
			return nil, nil, false // the endpoint judges it
		}
		for _, raw := range raws {
			items = append(items, Past{Item: raw})
		}
	}
	w := jsonx.Writer{Buf: make([]byte, 0, len(own)+1024)}
	w.Array()
	add := func(past Past, field string) {
		item, left := portable(past.Item, past.Deployment != "" && past.Deployment != p.Holder)
		if left == "" {
			w.Raw(item)
		} else {
			warnings = append(warnings, llm.Warning{Code: llm.WarnDropped, Field: field, Detail: left})
		}
	}
	for _, past := range p.History {
		add(past, "previous_response_id")
	}
	for i, past := range items {
		add(past, "input["+strconv.Itoa(i)+"]")
	}
	w.EndArray()
	return w.Buf, warnings[:min(len(warnings), maxWarnings)], true
}

// inside finds ids that this package makes (Envelope.item, Items) in JSON, and ownID tells one. They end with
// the number of the item, which no other server's do.
var (
	inside = lazyregexp.New(`"[a-z]{2,4}_[^"_\\]+_(?:in)?\d+"`)
	ownID  = lazyregexp.New(`^[a-z]{2,4}_[^_]+_(?:in)?\d+$`)
)

// portable is an item as an endpoint of the dialect takes it; foreign is whether the item is another
// endpoint's. What the gateway has sealed, and what another endpoint has encrypted or refers to what that
// keeps, means nothing to the endpoint: left says what is left out then.
func portable(item jsonx.Raw, foreign bool) (out jsonx.Raw, left string) {
	members, err := jsonx.Members(item)
	if err != nil {
		return item, ""
	}
	text := func(name string) (s string) {
		_ = jsonx.Unmarshal(jsonx.Find(members, name), &s) // empty for anything else
		return s
	}
	kind, id, sealed := text("type"), text("id"), text("encrypted_content")
	own := ownID.MatchString(id)
	switch kind {
	case "reasoning":
		if own || foreign || strings.HasPrefix(sealed, sealMark) {
			return nil, "reasoning of another model or account is left out"
		}
		return item, ""
	case "compaction", "compaction_summary":
		if text, found := strings.CutPrefix(sealed, sealMark); found {
			return summaryMessage(text), ""
		}
		if foreign {
			return nil, "a summary that another account has encrypted is left out"
		}
		return item, ""
	case "web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", "mcp_list_tools", "mcp_call", "computer_call":
		if foreign {
			return nil, "items of type " + kind + " are left out: they report what a tool of another account did"
		}
		return item, ""
	}
	if !own && !foreign || !strings.HasPrefix(kind, "message") && !strings.HasPrefix(kind, "function_call") && !strings.HasPrefix(kind, "custom_tool_call") && !strings.HasSuffix(kind, "_output") {
		return item, ""
	}
	w := jsonx.Writer{Buf: make([]byte, 0, len(item))}
	w.Object()
	for _, m := range members {
		if m.Name != "id" { // which is optional, and would be looked up
			w.AnyKey(m.Name)
			w.Raw(m.Value)
		}
	}
	w.EndObject()
	return w.Buf, ""
}

// summaryMessage is the message that a sealed summary becomes, as in Decode.
func summaryMessage(text string) jsonx.Raw {
	var s sealed
	if data, err := base64.StdEncoding.DecodeString(text); err == nil {
		_ = jsonx.Unmarshal(data, &s) // without it there is no summary
	}
	w := jsonx.Writer{}
	w.Object()
	w.Key("type")
	w.Word("message")
	w.Key("role")
	w.Word("user")
	w.Key("content")
	w.String(summaryBegin + s.Summary)
	w.EndObject()
	return w.Buf
}

// WithoutSealed returns a request without the reasoning that another account than the endpoint's has encrypted, and
// what belongs to it, with warnings of what is left out; nil if it has none, or if it has a summary that is encrypted,
// without which there is no conversation.
func WithoutSealed(body []byte) (out []byte, warnings []llm.Warning) {
	members, err := jsonx.Members(body)
	if err != nil {
		return nil, nil
	}
	var items []jsonx.Raw
	if jsonx.Unmarshal(jsonx.Find(members, "input"), &items) != nil {
		return nil, nil
	}
	reasoning := false
	w := jsonx.Writer{Buf: make([]byte, 0, len(body))}
	w.Object()
	for _, m := range members {
		w.AnyKey(m.Name)
		if m.Name != "input" {
			w.Raw(m.Value)
			continue
		}
		w.Array()
		for i, raw := range items {
			item, left := portable(raw, true)
			if left == "" {
				w.Raw(item)
				continue
			}
			kind := member(raw, "type")
			if strings.HasPrefix(kind, "compaction") {
				return nil, nil
			}
			reasoning = reasoning || kind == "reasoning"
			warnings = append(warnings, llm.Warning{Code: llm.WarnDropped, Field: "input[" + strconv.Itoa(i) + "]", Detail: left})
		}
		w.EndArray()
	}
	w.EndObject()
	if !reasoning {
		return nil, nil
	}
	return w.Buf, warnings[:min(len(warnings), maxWarnings)]
}

// Bound reports whether an item means something only to the deployment that made it: it is encrypted, or
// refers to what that keeps.
func Bound(item jsonx.Raw) bool {
	out, left := portable(item, true)
	return out == nil && left != ""
}

// WithEcho returns a response with what the request referred to, which the endpoint did not see, and with
// another id unless that is empty.
func (e *Echo) WithEcho(response jsonx.Raw, id string) jsonx.Raw {
	members, err := jsonx.Members(response)
	if err != nil {
		return response
	}
	w := jsonx.Writer{Buf: make([]byte, 0, len(response)+256)}
	w.Object()
	for _, m := range members {
		switch m.Name {
		case "background", "conversation", "previous_response_id", "store":
		case "id":
			w.Key("id")
			if id == "" {
				w.Raw(m.Value)
			} else {
				w.String(id)
			}
		default:
			w.AnyKey(m.Name)
			w.Raw(m.Value)
		}
	}
	e.references(&w)
	w.EndObject()
	return w.Buf
}

// WithEchoIn is WithEcho for the response in a server-sent event; other events stay as they are.
func (e *Echo) WithEchoIn(event []byte, id string) []byte {
	head, data, ok := bytes.Cut(event, []byte("\ndata: "))
	if !ok || !bytes.Contains(data, []byte(`"response":`)) {
		return event
	}
	members, err := jsonx.Members(bytes.TrimRight(data, "\n"))
	if err != nil {
		return event
	}
	w := jsonx.Writer{Buf: append(append(make([]byte, 0, len(event)+256), head...), "\ndata: "...)}
	w.Object()
	for _, m := range members {
		w.AnyKey(m.Name)
		if m.Name == "response" && m.Value.Kind() == '{' {
			w.Raw(e.WithEcho(m.Value, id))
		} else {
			w.Raw(m.Value)
		}
	}
	return end(&w)
}

// WithStore returns a response that repeats the client's store: the endpoint may have been told something else,
// because the gateway keeps the response. A response without the member stays as it is.
func (e *Echo) WithStore(response jsonx.Raw) jsonx.Raw {
	members, err := jsonx.Members(response)
	said := jsonx.Find(members, "store")
	want := jsonx.Raw(strconv.FormatBool(e.Store))
	if err != nil || said == nil || bytes.Equal(said, want) {
		return response
	}
	return edited(response, "store", want)
}

// WithStoreIn is WithStore for the response in a server-sent event; other events stay as they are.
func (e *Echo) WithStoreIn(event []byte) []byte {
	head, data, ok := bytes.Cut(event, []byte("\ndata: "))
	if !ok || !bytes.Contains(data, []byte(`"response":`)) || !bytes.Contains(data, []byte(`"store"`)) {
		return event
	}
	data = bytes.TrimRight(data, "\n")
	members, err := jsonx.Members(data)
	response := jsonx.Find(members, "response")
	if err != nil || response.Kind() != '{' {
		return event
	}
	own := e.WithStore(response)
	if len(own) == len(response) && bytes.Equal(own, response) {
		return event
	}
	return slices.Concat(head, []byte("\ndata: "), edited(data, "response", own), []byte("\n\n"))
}

// edited is a document with another value of a member that it has.
func edited(doc jsonx.Raw, name string, value jsonx.Raw) jsonx.Raw {
	pieces, err := jsonx.EditMembers(doc, []jsonx.Edit{{Name: name, Value: value}}, nil)
	if err != nil {
		return doc
	}
	return bytes.Join(pieces, nil)
}

// parameters are the operator's parameters that the request does not set, by their names in this dialect.
// It reports false if the dialect does not have one of them.
func (h *Head) parameters(own []jsonx.Member) (out []jsonx.Member, ok bool) {
	for _, m := range own {
		name := m.Name
		switch name {
		case "temperature", "top_p", "top_logprobs", "parallel_tool_calls", "service_tier", "user", "safety_identifier", "metadata",
			"prompt_cache_key", "prompt_cache_retention", "tool_choice", "tools":
		case "max_tokens", "max_completion_tokens", "max_output_tokens":
			name = "max_output_tokens"
		case "reasoning_effort":
			name = "reasoning"
			m.Value = append(append(jsonx.Raw(`{"effort":`), m.Value...), '}')
		case "guardrailConfig", "extra_headers": // in force whatever the body has: see llm.Call
			continue
		default:
			return nil, false
		}
		if !h.has[name] && jsonx.Find(out, name) == nil {
			out = append(out, jsonx.Member{Name: name, Value: m.Value})
		}
	}
	return out, true
}

// plain reports whether a member is the dialect's, or a vendor's: not one of LiteLLM, of chat completions or
// of Converse, which only Decode understands.
func plain(name string) bool {
	switch name {
	case "max_tokens", "max_completion_tokens", "stop", "reasoning_effort", "thinking", "seed", "presence_penalty", "frequency_penalty", "logit_bias",
		"guardrailConfig", "performanceConfig", "requestMetadata", "promptVariables", "additionalModelResponseFieldPaths", "serviceTier", "outputConfig",
		"additionalModelRequestFields", "allowed_openai_params", "extra_headers", "extra_body", "additional_drop_params", "litellm_params":
		return false
	}
	return !litellm.IsSetting(name) && litellm.CheckField(name) == nil
}
