package door

import (
	"cmp"
	"net/http"

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
	// Speaks reports whether any name has a deployment that speaks a dialect, so that bodies in it can
	// pass through. Nil means no.
	Speaks func(dialect string) bool
	// AlwaysUsage is whether streams of OpenAI's chat completions and completions end with their usage, unless the request says
	// that they need not.
	AlwaysUsage bool
}

// Translated is what the frontends that translate bodies share.
type Translated struct {
	Gateway *gateway.Gateway
	Name    string // the name of the frontend in the record
	Reader  *inbound.Reader
	Bursts  *Bursts
	// Query is what the response cache has to know of a request whose answer Answer writes; nil if that is its body alone.
	Query    func(r *http.Request) gateway.Query
	options  Options
	decoding litellm.Options   // for bodies without a model in the path
	captures *inbound.Captures // of mirrored calls
}

// NewTranslated makes the shared part of a frontend.
func NewTranslated(g *gateway.Gateway, name string, opt Options) Translated {
	decoding := litellm.Options{
		DropParams:          func(model string) bool { return g.Settings(model).DropParams },
		AllowClientSettings: func(model string) bool { return g.Settings(model).AllowClientSettings },
	}
	if opt.Parameters {
		decoding.Parameters = func(model string) []jsonx.Member { return g.Settings(model).Parameters }
	}
	return Translated{Gateway: g, Name: name, Reader: &inbound.Reader{Limit: opt.MaxBody}, Bursts: &Bursts{}, options: opt, decoding: decoding, captures: &inbound.Captures{}}
}

// Speaks reports whether any name has a deployment that speaks a dialect.
func (t *Translated) Speaks(dialect string) bool {
	return t.options.Speaks != nil && t.options.Speaks(dialect)
}

// Caches reports whether there is a response cache for the frontend.
func (t *Translated) Caches() bool { return t.Gateway.Cache().Serves(t.Name) }

func (t *Translated) query(r *http.Request) gateway.Query {
	if t.Query == nil {
		return gateway.Query{}
	}
	return t.Query(r)
}

// Model is the model of a chat in whatever API that has one in its path: empty if its body says.
func (t *Translated) Model(path string) string {
	return cmp.Or(t.Gateway.Replacements().Completion, path)
}

// Decoding is how bodies are decoded. model, if not empty, is the model in the path.
func (t *Translated) Decoding(model string) litellm.Options {
	opt := t.decoding
	opt.Model = model
	return opt
}

// Answer serves a request whose response is a JSON object. answer decodes the body, which it must
// release, makes the call and returns the response. Errors are written by write.
func (t *Translated) Answer(w http.ResponseWriter, r *http.Request, write func(http.ResponseWriter, *llm.Error), answer func(call *gateway.Call, body *inbound.Body) ([]byte, error)) {
	Serve(w, r, t.Gateway, t.Name, Keys, write, func(call *gateway.Call) {
		body, err := Read(t.Reader, w, r, call)
		if err != nil {
			write(w, Fail(w, call, err))
			return
		}
		if t.Caches() && Cached(w, r, call, body, t.query(r), write) {
			return
		}
		out, err := answer(call, body)
		if err != nil {
			write(w, Fail(w, call, err))
			return
		}
		Head(w.Header(), call)
		partHits(w.Header(), call)
		Respond(r.Context(), w, call, out)
	})
}
