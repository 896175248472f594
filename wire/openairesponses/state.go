package openairesponses

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/litellm"
)

// Items returns the items of an input in the form in which they are kept and listed: a text becomes a
// message, the content of a message a list of parts, and items without an id get one with suffix in it.
// Its error is an *llm.Error with status 400.
func Items(input jsonx.Raw, suffix string) ([]jsonx.Raw, error) {
	if input.Kind() == '"' {
		w := jsonx.Writer{}
		w.Object()
		w.Key("id")
		w.String("msg_" + suffix + "_in0")
		w.Key("type")
		w.Word("message")
		w.Key("role")
		w.Word("user")
		w.Key("content")
		appendParts(&w, input, "input_text")
		w.EndObject()
		return []jsonx.Raw{w.Buf}, nil
	}
	var items []jsonx.Raw
	if given(input) {
		if err := jsonx.Unmarshal(input, &items); err != nil {
			return nil, llm.Invalid("input", "input must be a string or an array of items, not %s", jsonx.KindName(input.Kind()))
		}
	}
	for i := range items {
		members, err := jsonx.Members(items[i])
		if err != nil {
			return nil, llm.Invalid("input["+strconv.Itoa(i)+"]", "input[%d] must be an object, not %s", i, jsonx.KindName(items[i].Kind()))
		}
		items[i] = kept(members, suffix+"_in"+strconv.Itoa(i))
	}
	return items, nil
}

// kept is an item in the form in which it is kept.
func kept(members []jsonx.Member, suffix string) jsonx.Raw {
	var kind, role string
	_ = jsonx.Unmarshal(jsonx.Find(members, "type"), &kind) // whoever reads the item reports what is wrong
	_ = jsonx.Unmarshal(jsonx.Find(members, "role"), &role)
	if kind == "" {
		kind = "message"
	}
	w := jsonx.Writer{}
	w.Object()
	w.Key("id")
	if id := jsonx.Find(members, "id"); id.Kind() == '"' {
		w.Raw(id)
	} else {
		w.String(idPrefix(kind) + "_" + suffix)
	}
	w.Key("type")
	w.String(kind)
	for _, m := range members {
		switch {
		case m.Name == "id" || m.Name == "type":
		case m.Name == "content" && kind == "message" && m.Value.Kind() == '"':
			w.Key("content")
			if role == "assistant" {
				appendParts(&w, m.Value, "output_text")
			} else {
				appendParts(&w, m.Value, "input_text")
			}
		default:
			w.AnyKey(m.Name)
			w.Raw(m.Value)
		}
	}
	w.EndObject()
	return w.Buf
}

func idPrefix(kind string) string {
	switch kind {
	case "message":
		return "msg"
	case "reasoning":
		return "rs"
	case "function_call":
		return "fc"
	default:
		return "item"
	}
}

// appendParts writes a text as a list of parts.
func appendParts(w *jsonx.Writer, text jsonx.Raw, kind string) {
	w.Array()
	w.Object()
	w.Key("type")
	w.Word(kind)
	if kind == "output_text" {
		w.Key("annotations")
		w.Array()
		w.EndArray()
	}
	w.Key("text")
	w.Raw(text)
	w.EndObject()
	w.EndArray()
}

// Output returns the items of a response's output; nil for anything that is no response.
func Output(response jsonx.Raw) []jsonx.Raw {
	var v struct {
		Output []jsonx.Raw `json:"output"`
		Rest   jsonx.Raw   `json:",embed"`
	}
	if jsonx.Unmarshal(response, &v) != nil {
		return nil
	}
	return v.Output
}

// ItemID is the id of an item; empty if it has none.
func ItemID(item jsonx.Raw) string { return member(item, "id") }

// ResponseStatus is the status of a response, and ResponseID its id.
func ResponseStatus(response jsonx.Raw) string { return member(response, "status") }

// ResponseID is the id of a response.
func ResponseID(response jsonx.Raw) string { return member(response, "id") }

// member is a text in an object; empty if there is none.
func member(object jsonx.Raw, name string) (text string) {
	members, err := jsonx.Members(object)
	if err != nil || jsonx.Unmarshal(jsonx.Find(members, name), &text) != nil {
		return ""
	}
	return text
}

// WithHistory returns a request whose input begins with the items of what it continues, and that refers to
// nothing that the gateway keeps.
func WithHistory(body []byte, history, own []jsonx.Raw) ([]byte, error) {
	members, err := jsonx.Members(body)
	if err != nil {
		return nil, litellm.DecodeError(err)
	}
	w := jsonx.Writer{Buf: make([]byte, 0, len(body)+1024)}
	w.Object()
	for _, m := range members {
		switch m.Name {
		case "input", "previous_response_id", "conversation", "background":
		default:
			w.AnyKey(m.Name)
			w.Raw(m.Value)
		}
	}
	w.Key("input")
	w.Array()
	for _, item := range history {
		w.Raw(item)
	}
	for _, item := range own {
		w.Raw(item)
	}
	w.EndArray()
	w.EndObject()
	return w.Buf, nil
}

// Reference returns the id to which an item of type item_reference refers; empty for any other item.
func Reference(item jsonx.Raw) string {
	if !bytes.Contains(item, []byte(`"id"`)) {
		return ""
	}
	if kind := member(item, "type"); kind == "item_reference" || kind == "" && member(item, "role") == "" {
		return member(item, "id")
	}
	return ""
}

// Origin returns the id of the response to whose output an item belongs, by the item's id; empty if the id
// is not one that this package makes.
func Origin(item string) string {
	first := strings.IndexByte(item, '_')
	last := strings.LastIndexByte(item, '_')
	if first < 0 || last <= first {
		return ""
	}
	return "resp_" + item[first+1:last]
}

// Final returns the response in the event that ends a stream; nil if events contain no such event.
func Final(events []byte) jsonx.Raw {
	return responseIn(events, "response.completed", "response.incomplete", "response.failed")
}

// Begun returns the id of the response that begins among events; empty if none does.
func Begun(events []byte) string {
	if response := responseIn(events, "response.created"); response != nil {
		return ResponseID(response)
	}
	return ""
}

// responseIn returns the response in the first event of one of some types; nil if there is none.
func responseIn(events []byte, types ...string) jsonx.Raw {
	if !slices.ContainsFunc(types, func(kind string) bool { return bytes.Contains(events, []byte(kind)) }) {
		return nil
	}
	for line := range bytes.SplitSeq(events, []byte("\n")) {
		data, ok := bytes.CutPrefix(line, []byte("data:"))
		if !ok {
			continue
		}
		var v struct {
			Type     string    `json:"type"`
			Response jsonx.Raw `json:"response"`
			Rest     jsonx.Raw `json:",embed"`
		}
		if jsonx.Unmarshal(bytes.TrimSpace(data), &v) == nil && slices.Contains(types, v.Type) {
			return bytes.Clone(v.Response)
		}
	}
	return nil
}

// LastNumber is the sequence_number of the last event that has one among events; negative if none has.
func LastNumber(events []byte) int64 {
	const name = `"sequence_number":`
	at := bytes.LastIndex(events, []byte(name))
	if at < 0 {
		return -1
	}
	digits := bytes.TrimLeft(events[at+len(name):], " ")
	n := int64(0)
	for i, c := range digits {
		if c < '0' || c > '9' || i == 18 {
			if i == 0 {
				return -1
			}
			break
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

// AppendKeepAlive appends an event that keeps a connection open, in the form of OpenAI's API, for a stream
// whose events come from elsewhere.
func AppendKeepAlive(dst []byte, number int64) []byte {
	dst = append(dst, "event: keepalive\ndata: {\"type\":\"keepalive\",\"sequence_number\":"...)
	return append(strconv.AppendInt(dst, number, 10), "}\n\n"...)
}

// AppendEvent appends an event with a response.
func AppendEvent(dst []byte, kind string, number int64, response jsonx.Raw) []byte {
	dst = append(append(append(dst, "event: "...), kind...), "\ndata: "...)
	w := jsonx.Writer{Buf: dst}
	w.Object()
	w.Key("type")
	w.Word(kind)
	w.Key("sequence_number")
	w.Int(number)
	w.Key("response")
	w.Raw(response)
	return end(&w)
}

// EventType is the type of a server-sent event; empty for anything else.
func EventType(event []byte) string {
	line, _, _ := bytes.Cut(event, []byte("\n"))
	name, ok := bytes.CutPrefix(line, []byte("event: "))
	if !ok {
		return ""
	}
	return string(name)
}

// Numbered returns a server-sent event with another sequence_number.
func Numbered(event []byte, number int64) []byte {
	const name = `"sequence_number":`
	at := bytes.LastIndex(event, []byte(name))
	if at < 0 {
		return event
	}
	at += len(name)
	to := at
	for to < len(event) && (event[to] == ' ' || event[to] >= '0' && event[to] <= '9') {
		to++
	}
	return append(strconv.AppendInt(bytes.Clone(event[:at]), number, 10), event[to:]...)
}

// WithStatus returns a response with another status and, unless e is nil, with an error.
func WithStatus(response jsonx.Raw, status string, e *llm.Error) jsonx.Raw {
	members, err := jsonx.Members(response)
	if err != nil {
		return response
	}
	w := jsonx.Writer{}
	w.Object()
	for _, m := range members {
		w.AnyKey(m.Name)
		switch {
		case m.Name == "status":
			w.Word(status)
		case m.Name == "error" && e != nil:
			appendFailure(&w, e)
		default:
			w.Raw(m.Value)
		}
	}
	w.EndObject()
	return w.Buf
}

// AppendList appends a list of items, as the API pages it.
func AppendList(dst []byte, items []jsonx.Raw, more bool) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Object()
	w.Key("object")
	w.Word("list")
	w.Key("data")
	w.Array()
	for _, item := range items {
		w.Raw(item)
	}
	w.EndArray()
	w.Key("first_id")
	appendID(&w, items, 0)
	w.Key("last_id")
	appendID(&w, items, len(items)-1)
	w.Key("has_more")
	w.Bool(more)
	w.EndObject()
	return w.Buf
}

func appendID(w *jsonx.Writer, items []jsonx.Raw, i int) {
	if len(items) == 0 {
		w.Null()
		return
	}
	w.String(ItemID(items[i]))
}

// AppendDeleted appends the answer to a deletion; object is response or conversation.deleted.
func AppendDeleted(dst []byte, id, object string) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Object()
	w.Key("id")
	w.String(id)
	w.Key("object")
	w.Word(object)
	w.Key("deleted")
	w.Bool(true)
	w.EndObject()
	return w.Buf
}

// AppendConversation appends a conversation. created is in seconds since 1970, metadata a JSON object.
func AppendConversation(dst []byte, id string, created int64, metadata jsonx.Raw) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Object()
	w.Key("id")
	w.String(id)
	w.Key("object")
	w.Word("conversation")
	w.Key("created_at")
	w.Int(created)
	w.Key("metadata")
	w.Raw(metadata)
	w.EndObject()
	return w.Buf
}

// NewConversation is a request that makes or changes a conversation, or adds items to one.
type NewConversation struct {
	Metadata jsonx.Raw `json:"metadata"`
	Items    jsonx.Raw `json:"items"`
	Rest     jsonx.Raw `json:",embed"`
}

// DecodeConversation reads such a request; an empty body asks for nothing.
func DecodeConversation(body []byte) (*NewConversation, error) {
	v := &NewConversation{}
	if len(bytes.TrimSpace(body)) == 0 {
		return v, nil
	}
	if err := litellm.CheckBody(body); err != nil {
		return nil, err
	}
	if err := litellm.Unmarshal(body, v); err != nil {
		return nil, err
	}
	switch {
	case !given(v.Metadata):
		v.Metadata = nil
	case v.Metadata.Kind() != '{':
		return nil, llm.Invalid("metadata", "metadata must be an object, not %s", jsonx.KindName(v.Metadata.Kind()))
	}
	if given(v.Items) && v.Items.Kind() != '[' {
		return nil, llm.Invalid("items", "items must be an array, not %s", jsonx.KindName(v.Items.Kind()))
	}
	return v, nil
}
