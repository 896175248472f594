package door

import (
	"net/http"
	"strconv"

	"outcrop/gateway"
	"outcrop/httpd/inbound"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/litellm"
)

// Options are the settings of a frontend that translates bodies.
type Options struct {
	// MaxBody is the largest request, in bytes.
	MaxBody int64
	// Parameters is whether the settings of any name have default parameters.
	Parameters bool
}

// Translated is what the frontends that translate bodies share.
type Translated struct {
	Gateway *gateway.Gateway
	Name    string // the name of the frontend in the record
	Reader  *inbound.Reader
	options Options
}

// NewTranslated makes the shared part of a frontend.
func NewTranslated(g *gateway.Gateway, name string, opt Options) Translated {
	return Translated{Gateway: g, Name: name, Reader: &inbound.Reader{Limit: opt.MaxBody}, options: opt}
}

// Decoding is how bodies are decoded. model, if not empty, is the model in the path.
func (t *Translated) Decoding(model string) litellm.Options {
	opt := litellm.Options{
		Model:               model,
		DropParams:          func(model string) bool { return t.Gateway.Settings(model).DropParams },
		AllowClientSettings: func(model string) bool { return t.Gateway.Settings(model).AllowClientSettings },
	}
	if t.options.Parameters {
		opt.Parameters = func(model string) []jsonx.Member { return t.Gateway.Settings(model).Parameters }
	}
	return opt
}

// Failure sends an error, whose body encode appends. A client that has gone gets nothing.
func (t *Translated) Failure(w http.ResponseWriter, e *llm.Error, encode func(dst []byte, e *llm.Error) []byte) {
	if e.Code == llm.CodeClientGone {
		return
	}
	h := w.Header()
	FailureHead(h, e)
	body := encode(nil, e)
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(e.Status)
	inbound.WriteWhole(w, body)
}
