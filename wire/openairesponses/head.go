package openairesponses

import (
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/litellm"
)

// Head is what a request says about how it is served: what is needed to route it, and to keep its
// response.
type Head struct {
	Model  string
	Stream bool
	// Store is whether the response is kept; the default is true.
	Store bool
	// Background is whether the response is made after the request has been answered.
	Background bool
	// Previous is the id of the response that the request continues, and Conversation that of the
	// conversation that it belongs to; empty for none.
	Previous, Conversation string
	// Input are the items, in the body's memory; empty if the request has none.
	Input jsonx.Raw
	// User identifies the client's own user.
	User       string
	DropParams bool
	// Echo are the members that a response repeats.
	Echo Echo
	// Plain is whether the request has only what the dialect has: nothing that LiteLLM's clients or those of
	// other dialects send, which only Decode understands.
	Plain bool
	// Refers is whether the request has a member for what the gateway itself keeps or does.
	Refers bool

	has map[string]bool // the members that are not null
}

// Call returns what every request of the gateway has, as far as the head tells.
func (h *Head) Call() llm.Call {
	return llm.Call{Model: h.Model, Stream: h.Stream, User: h.User, DropParams: h.DropParams, Names: names{&places{}}}
}

// Peek reads the head of a request and checks that the body is one JSON object within the bounds of
// Decode. Its error is an *llm.Error with status 400.
func Peek(body []byte) (*Head, error) {
	if err := litellm.CheckBody(body); err != nil {
		return nil, err
	}
	h := &headReader{body: body, Head: Head{Store: true, Plain: true, has: map[string]bool{}}}
	if err := jsonx.Unmarshal(body, h); err != nil {
		return nil, litellm.DecodeError(err)
	}
	if err := litellm.CheckModel(h.Model); err != nil {
		return nil, err
	}
	if h.Previous != "" && h.Conversation != "" {
		return nil, llm.Invalid("conversation", "conversation and previous_response_id are both set; send one of them")
	}
	return &h.Head, nil
}

// headReader reads a Head, and skips what it does not need.
type headReader struct {
	body []byte
	Head
}

func (h *headReader) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	return jsonx.Object(d, func(name []byte) error { return h.member(d, string(name)) })
}

func (h *headReader) member(d *jsonx.Decoder, name string) error {
	var flag optional[bool]
	var err error
	if d.PeekKind() != 'n' {
		h.has[name] = true
	}
	switch name {
	case "background", "previous_response_id", "conversation", "drop_params":
		h.Refers = true
	default:
		h.Plain = h.Plain && plain(name)
	}
	switch name {
	case "model":
		return jsonx.UnmarshalDecode(d, &h.Model)
	case "stream":
		err = jsonx.UnmarshalDecode(d, &flag)
		h.Stream = flag.Value
	case "store":
		err = jsonx.UnmarshalDecode(d, &flag)
		h.Store = !flag.Set || flag.Value
	case "background":
		err = jsonx.UnmarshalDecode(d, &flag)
		h.Background = flag.Value
	case "drop_params":
		err = jsonx.UnmarshalDecode(d, &flag)
		h.DropParams = flag.Value
	case "previous_response_id":
		var id optional[string]
		err = jsonx.UnmarshalDecode(d, &id)
		h.Previous = id.Value
	case "conversation":
		var c conversation
		err = jsonx.UnmarshalDecode(d, &c)
		h.Conversation = c.ID
	case "input":
		v, err := d.ReadValue()
		if err != nil {
			return err
		}
		end := int(d.InputOffset())
		h.Input = h.body[end-len(v) : end]
	default:
		if !h.Echo.has(name) {
			return d.SkipValue()
		}
		v, err := d.ReadValue()
		if err != nil {
			return err
		}
		return h.echo(name, v)
	}
	return err
}

// echo keeps a member that a response repeats.
func (h *headReader) echo(name string, v jsonx.Raw) error {
	if v.Kind() == 'n' {
		return nil
	}
	if name == "user" && v.Kind() == '"' {
		if err := jsonx.Unmarshal(v, &h.User); err != nil {
			return err
		}
	}
	h.Echo.members = append(h.Echo.members, jsonx.Member{Name: name, Value: v.Clone()})
	return nil
}

// conversation is an id, or an object with one.
type conversation struct{ ID string }

func (c *conversation) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	switch d.PeekKind() {
	case 'n':
		return d.SkipValue()
	case '"':
		return jsonx.UnmarshalDecode(d, &c.ID)
	case '{':
		var object struct {
			ID   string    `json:"id"`
			Rest jsonx.Raw `json:",embed"`
		}
		err := jsonx.UnmarshalDecode(d, &object)
		c.ID = object.ID
		return err
	default:
		return jsonx.Fault("must be an id or an object with an id, not %s", jsonx.KindName(d.PeekKind()))
	}
}
