package anthropic

import (
	"unicode/utf8"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/litellm"
)

// Head is what routing needs of a Messages request that is passed on as it is.
type Head struct {
	Model  string
	Stream bool
	// MaxTokens is unset if the request has none, as for counting.
	MaxTokens llm.Opt[int64]
	// User is metadata.user_id.
	User string
	// DropParams is LiteLLM's drop_params.
	DropParams bool
	// Members are the names of the top-level members, in their order.
	Members []string
}

// Call returns what every request of the gateway has, as far as the head tells.
func (h *Head) Call() llm.Call {
	return llm.Call{Model: h.Model, Stream: h.Stream, User: h.User, DropParams: h.DropParams, Names: names{}}
}

// Peek reads the head of a request and checks that the body is one JSON object in UTF-8 within the
// bounds of Decode. It does not check what the members contain, apart from those in Head. Long base64
// is not scanned. Its error is an *llm.Error with status 400.
func Peek(body []byte) (*Head, error) {
	if err := litellm.CheckBody(body); err != nil {
		return nil, err
	}
	if !utf8.Valid(body) {
		return nil, llm.Invalid("", "the request body is not valid JSON: it is not UTF-8")
	}
	extracted := jsonx.Extract(body)
	if extracted != nil {
		body = extracted.Doc
	}
	h := &headReader{Head{Members: make([]string, 0, 8)}}
	if err := jsonx.Unmarshal(body, h); err != nil {
		return nil, decodeError(err)
	}
	for _, text := range []*string{&h.Model, &h.User} { // which may look like base64
		extracted.Text(text)
	}
	switch {
	case h.Model == "":
		return nil, llm.Invalid("model", "model: Field required")
	case len(h.Model) > maxModel:
		return nil, llm.Invalid("model", "model must be at most %d bytes long, not %d", maxModel, len(h.Model))
	}
	return &h.Head, nil
}

// headReader reads a Head, and skips what it does not need.
type headReader struct{ Head }

// UnmarshalJSONFrom receives jsonx's decoder.
func (h *headReader) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	return jsonx.Object(d, func(name []byte) (err error) {
		member := jsonx.Name(name)
		h.Members = append(h.Members, member)
		switch member {
		case "model":
			err = jsonx.Text(d, &h.Model)
		case "stream":
			err = jsonx.Bool(d, &h.Stream)
		case "drop_params":
			err = jsonx.Bool(d, &h.DropParams)
		case "max_tokens":
			var most optional[int64]
			err = jsonx.UnmarshalDecode(d, &most)
			h.MaxTokens = most.Opt
		case "metadata":
			var metadata struct {
				UserID optional[string] `json:"user_id"`
			}
			err = jsonx.UnmarshalDecode(d, &metadata)
			h.User = metadata.UserID.Value
		default:
			err = d.SkipValue()
		}
		return err
	})
}
