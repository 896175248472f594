package anthropic

import (
	"errors"
	"slices"
	"time"

	"outcrop/internal/jsonx"
)

// Model is a model in the list of models (GET /v1/models).
type Model struct {
	ID string
	// DisplayName is the name for people; the id if empty.
	DisplayName string
	// Created is when the model was released, in seconds since 1970; 0, which Anthropic's API uses as
	// well, if that is not known.
	Created int64
	// MaxInput is the context window and MaxOutput the limit of max_tokens, in tokens; 0 if unknown.
	MaxInput, MaxOutput int64
	// Deprecated is whether the provider is going to retire the model.
	Deprecated bool
}

// Page returns the models of one page, and whether there are more in its direction: at most limit
// after the model with id after, or before the one with id before; of the whole list if both are
// empty. An id that is not in the list has no page.
func Page(models []Model, limit int, after, before string) (page []Model, more bool) {
	at := func(id string) int { return slices.IndexFunc(models, func(m Model) bool { return m.ID == id }) }
	if before != "" {
		end := max(0, at(before))
		begin := max(0, end-limit)
		return models[begin:end], begin > 0
	}
	begin := 0
	if after != "" {
		if begin = at(after) + 1; begin == 0 {
			return nil, false
		}
	}
	end := min(len(models), begin+limit)
	return models[begin:end], end < len(models)
}

// AppendModel appends one model (GET /v1/models/{id}).
func AppendModel(dst []byte, m *Model) []byte {
	w := jsonx.Writer{Buf: dst}
	m.append(&w)
	return w.Buf
}

// AppendModels appends a page of the list of models. more is whether there is another page after it
// or, if the client pages backwards, before it.
func AppendModels(dst []byte, models []Model, more bool) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Object()
	w.Key("data")
	w.Array()
	for i := range models {
		models[i].append(&w)
	}
	w.EndArray()
	w.Key("has_more")
	w.Bool(more)
	for _, key := range []string{"first_id", "last_id"} {
		w.Key(key)
		switch {
		case len(models) == 0:
			w.Null()
		case key == "first_id":
			w.String(models[0].ID)
		default:
			w.String(models[len(models)-1].ID)
		}
	}
	w.EndObject()
	return w.Buf
}

func (m *Model) append(w *jsonx.Writer) {
	w.Object()
	w.Key("type")
	w.Word("model")
	w.Key("id")
	w.String(m.ID)
	w.Key("display_name")
	if m.DisplayName != "" {
		w.String(m.DisplayName)
	} else {
		w.String(m.ID)
	}
	w.Key("created_at")
	w.Word(time.Unix(m.Created, 0).UTC().Format(time.RFC3339))
	w.Key("lifecycle")
	if m.Deprecated {
		w.Word("deprecated")
	} else {
		w.Word("active")
	}
	limit := func(key string, n int64) {
		if n > 0 {
			w.Key(key)
			w.Int(n)
		}
	}
	limit("max_input_tokens", m.MaxInput)
	limit("max_tokens", m.MaxOutput)
	w.EndObject()
}

// DecodeCount reads the response to POST /v1/messages/count_tokens.
func DecodeCount(body []byte) (int64, error) {
	var c struct {
		Tokens *int64 `json:"input_tokens"`
	}
	if err := jsonx.Unmarshal(body, &c); err != nil {
		return 0, err
	}
	if c.Tokens == nil {
		return 0, errors.New("it has no input_tokens")
	}
	return *c.Tokens, nil
}

// AppendCount appends the response to POST /v1/messages/count_tokens.
func AppendCount(dst []byte, tokens int64) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Object()
	w.Key("input_tokens")
	w.Int(tokens)
	w.EndObject()
	return w.Buf
}
