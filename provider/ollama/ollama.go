// Package ollama serves the models of an Ollama server by its own API. Package openaicompat makes
// the calls; this package knows how chats, embeddings and the list of models are written.
package ollama

import (
	_ "embed"
	"errors"
	"io"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/openaicompat"
	wire "outcrop/wire/ollama"
)

//go:embed ollama.json
var file []byte

// Providers describes Ollama, once for each of its names.
func Providers() []provider.Info {
	return openaicompat.NewFile(file).With(dialect{}).Providers()
}

// dialect is how Ollama's API is written.
type dialect struct{}

// AppendRequest writes a chat.
func (dialect) AppendRequest(w *jsonx.Writer, req *llm.Request, model string) ([]llm.Warning, error) {
	return wire.AppendRequest(w, req, model)
}

// DecodeResponse reads the response to a chat.
func (dialect) DecodeResponse(body []byte) (*llm.Response, error) { return wire.DecodeResponse(body) }

// NewReader reads a streaming response.
func (dialect) NewReader(body io.Reader) openaicompat.EventReader { return wire.NewReader(body) }

// DecodeModels reads the list of models (https://docs.ollama.com/api/tags).
func (dialect) DecodeModels(body []byte) ([]provider.Model, error) {
	var list struct {
		Models []struct {
			Name string    `json:"name"`
			Rest jsonx.Raw `json:",embed"`
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
		one := provider.Model{ID: m.Name, Verb: llm.VerbChat}
		if strings.Contains(m.Name, "embed") { // the list does not say
			one.Verb = llm.VerbEmbed
		}
		models = append(models, one)
	}
	return models, nil
}

// Fix is the next step for a refusal.
func (dialect) Fix(code llm.Code, model string) string {
	switch code {
	case llm.CodeModelUnknown:
		return "Run: ollama pull " + model + " on the server, or check the model's name; outcrop models lists those that the server has."
	case llm.CodeTooLong:
		return "Send a shorter conversation, or raise num_ctx of the model."
	default:
		return ""
	}
}

var _ openaicompat.Dialect = dialect{}
