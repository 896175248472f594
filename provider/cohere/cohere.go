// Package cohere serves Cohere's models: chats by version 2 of its own API, rerank, and embeddings.
// Package openaicompat makes the calls; this package knows how chats, embeddings and the list of models are written.
package cohere

import (
	_ "embed"
	"errors"
	"io"
	"math"
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/openaicompat"
	"outcrop/wire/coherechat"
	"outcrop/wire/sse"
)

//go:embed cohere.json
var file []byte

// Providers describes Cohere, once for each of its names.
func Providers() []provider.Info {
	return openaicompat.NewFile(file).With(dialect{}).Providers()
}

// dialect is how Cohere's API is written.
type dialect struct{}

// AppendRequest writes a chat.
func (dialect) AppendRequest(w *jsonx.Writer, req *llm.Request, model string) ([]llm.Warning, error) {
	return coherechat.AppendRequest(w, req, model)
}

// DecodeResponse reads the response to a chat.
func (dialect) DecodeResponse(body []byte) (*llm.Response, error) {
	return coherechat.DecodeResponse(body)
}

// NewReader reads a streaming response.
func (dialect) NewReader(body io.Reader) openaicompat.EventReader {
	return &reader{frames: sse.NewReader(body)}
}

// reader reads the events of a chat.
type reader struct {
	frames *sse.Reader
	events coherechat.Reader
}

func (r *reader) Append(events []llm.Event) ([]llm.Event, error) {
	if r.events.Finished() {
		r.frames.Finish() // [DONE] may be behind the end
		return events, io.EOF
	}
	var frame sse.Event
	err := r.frames.Next(&frame)
	switch {
	case errors.Is(err, io.EOF), err == nil && string(frame.Data) == "[DONE]":
		return events, io.ErrUnexpectedEOF
	case err != nil:
		return events, err
	}
	return r.events.Append(events, frame.Data)
}

func (r *reader) More() bool { return r.frames.More() }

// DecodeModels reads the list of models (https://docs.cohere.com/reference/list-models).
func (dialect) DecodeModels(body []byte) ([]provider.Model, error) {
	var list struct {
		Models []struct {
			Name       string    `json:"name"`
			Deprecated bool      `json:"is_deprecated"`
			Endpoints  []string  `json:"endpoints"`
			Context    float64   `json:"context_length"`
			Rest       jsonx.Raw `json:",embed"`
		} `json:"models"`
		Rest jsonx.Raw `json:",embed"`
	}
	if err := jsonx.Unmarshal(body, &list); err != nil {
		return nil, err
	}
	if list.Models == nil {
		return nil, errors.New("it has no models")
	}
	models := make([]provider.Model, 0, len(list.Models))
	for _, m := range list.Models {
		if m.Name == "" {
			continue
		}
		one := provider.Model{ID: m.Name, Owner: "Cohere", Legacy: m.Deprecated, Context: int64(math.Round(min(max(m.Context, 0), 1<<53)))}
		for _, known := range []struct {
			endpoint string
			verb     llm.Verb
		}{{"chat", llm.VerbChat}, {"embed", llm.VerbEmbed}, {"rerank", llm.VerbRerank}} {
			if one.Verb == 0 && slices.Contains(m.Endpoints, known.endpoint) {
				one.Verb = known.verb
			}
		}
		models = append(models, one)
	}
	return models, nil
}

// Fix is the next step for a refusal.
func (dialect) Fix(code llm.Code, _ string) string {
	if code == llm.CodeLimitRequests {
		return "Send the request again later; a trial key of Cohere has low limits, and a production key higher ones."
	}
	return ""
}

var _ openaicompat.Dialect = dialect{}
