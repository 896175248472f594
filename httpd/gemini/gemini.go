// Package gemini is the frontend for clients of Gemini's API: generateContent, its stream, countTokens
// and embeddings, at the paths of Google AI Studio.
package gemini

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/httpd/inbound"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	wire "outcrop/wire/gemini"
)

// Door is the name of this frontend in the record.
const Door = "gemini"

// Paths begin with the version of the API, which is the same in both here; google-genai 3 calls v1.
const (
	prefix     = "/v1/models/"
	prefixBeta = "/v1beta/models/"
)

// Operations on a model, which stand behind a colon in the path.
const (
	opGenerate = "generateContent"
	opStream   = "streamGenerateContent"
	opCount    = "countTokens"
	opEmbed    = "embedContent"
	opBatch    = "batchEmbedContents"
)

// keepAlive is the silence after which a stream gets an empty line, for names without a setting of their
// own. Google's SDKs take a comment for data, and skip empty lines.
const (
	keepAlive = 15 * time.Second
	ping      = "\r\n"
)

// Handler serves Gemini's API.
type Handler struct{ door.Translated }

// New makes the frontend.
func New(g *gateway.Gateway, opt door.Options) *Handler {
	return &Handler{door.NewTranslated(g, Door, opt)}
}

// Routes lists what the frontend serves.
func (h *Handler) Routes() []door.Route {
	const about = "Gemini's API: also :streamGenerateContent, :countTokens, :embedContent and :batchEmbedContents"
	return []door.Route{
		{Pattern: "POST " + prefixBeta + "{call...}", Path: prefixBeta + "{model}:" + opGenerate, About: about, Handle: h.ServeHTTP},
		{Pattern: "POST " + prefix + "{call...}", Path: prefix + "{model}:" + opGenerate, About: "the same under /v1", Handle: h.ServeHTTP},
	}
}

// Owns reports whether a path belongs to the frontend.
func (h *Handler) Owns(path string) bool {
	if strings.HasPrefix(path, "/v1beta/") {
		return true
	}
	switch path[strings.LastIndexByte(path, ':')+1:] {
	case opGenerate, opStream, opCount, opEmbed, opBatch:
		return strings.HasPrefix(path, prefix)
	default:
		return false
	}
}

// Whole reports false: the paths are served by http.ServeMux.
func (h *Handler) Whole() bool { return false }

// WriteError writes an error in Google's form.
func (h *Handler) WriteError(w http.ResponseWriter, e *llm.Error) {
	door.WriteError(w, e, wire.AppendError)
}

// ServeHTTP serves a call.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	write := h.WriteError
	if asArray(r) {
		write = h.writeArrayError
	}
	door.Serve(w, r, h.Gateway, Door, keys, write, func(call *gateway.Call) {
		model, operation, err := target(r)
		if err == nil {
			err = h.serve(w, r, call, model, operation)
		}
		if err != nil {
			write(w, door.Fail(w, call, err))
		}
	})
}

// keys are the keys that a request presents: those of the headers, and the parameter key of Google's API.
func keys(r *http.Request) gateway.Credentials {
	c := door.Keys(r)
	if last := &c.Keys[len(c.Keys)-1]; *last == "" { // that of x-goog-api-key
		*last = r.URL.Query().Get("key")
	}
	return c
}

// target reads the model and the operation in a path. Names of models contain slashes and colons.
func target(r *http.Request) (model, operation string, err error) {
	path := r.URL.EscapedPath()
	rest, err := url.PathUnescape(strings.TrimPrefix(strings.TrimPrefix(path, prefixBeta), prefix))
	i := strings.LastIndexByte(rest, ':')
	if err != nil || i < 1 {
		return "", "", &llm.Error{
			Code: llm.CodeNotFound, Status: http.StatusNotFound, Message: "the path has no model and operation.",
			Fix: "Call " + prefixBeta + "MODEL:" + opGenerate + ".",
		}
	}
	return rest[:i], rest[i+1:], nil
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, call *gateway.Call, model, operation string) error {
	stream := false
	switch operation {
	case opGenerate:
	case opStream:
		stream = true
	case opCount, opEmbed, opBatch:
	default:
		return &llm.Error{
			Code: llm.CodeNotFound, Status: http.StatusNotFound, Message: "there is no operation " + llm.Clip(operation, 60) + ".",
			Fix: "Call generateContent, streamGenerateContent, countTokens, embedContent or batchEmbedContents.",
		}
	}
	body, err := door.Read(h.Reader, w, r, call)
	if err != nil {
		return err
	}
	if operation == opEmbed || operation == opBatch {
		return h.embed(w, r, call, body, model, operation == opBatch)
	}
	m := &message{body: body, env: wire.Envelope{ID: call.ID(), Model: model}}
	m.raw = llm.Raw{Call: llm.Call{Model: model, Stream: stream, DropParams: h.Gateway.Settings(model).DropParams, Names: wire.Names()}, Dialect: llm.DialectGemini, Body: body.Bytes}
	if !jsonx.Valid(body.Bytes) {
		body.Release()
		return llm.Invalid("", "the request body is not valid JSON")
	}
	m.apply(call, h.Gateway.Settings(model).Defaults)
	switch {
	case operation == opCount:
		return h.count(w, r, call, m)
	case stream:
		return h.stream(w, r, call, m)
	default:
		return h.whole(w, r, call, m)
	}
}

// message is one request for an answer.
type message struct {
	raw  llm.Raw
	body *inbound.Body
	env  wire.Envelope

	request  *wire.Request // decoded for targets that do not speak the dialect; nil until then
	defaults *llm.Defaults // the operator's parameters; nil for none
}

// apply applies the operator's parameters. Those that stand in bodies are applied to the decoded request,
// so that no body passes as it is.
func (m *message) apply(call *gateway.Call, d *llm.Defaults) {
	if d == nil {
		return
	}
	for _, name := range d.Elsewhere {
		call.Warn(llm.Warning{Code: llm.WarnDropped, Field: name, Detail: "this parameter of the gateway's operator applies to OpenAI's formats only"})
	}
	own := *d
	if own.Request.Choices > 1 {
		call.Warn(llm.Warning{Code: llm.WarnDropped, Field: "n", Detail: "a response has one candidate"})
	}
	own.Request.Choices = 0
	own.ApplyTo(&m.raw.Call)
	if m.defaults = &own; own.InBodies() {
		m.raw.Dialect = ""
	}
}

// translation serves the message at targets that do not speak the dialect.
func (m *message) translation() *gateway.Translation {
	return &gateway.Translation{Request: m.decoded, Response: m.response, Stream: m.translate}
}

// decoded is the request in the common language.
func (m *message) decoded(context.Context) (*llm.Request, error) {
	if m.request == nil {
		req, err := wire.Decode(m.raw.Body, m.raw.Model, m.raw.Stream)
		if err != nil {
			return nil, err
		}
		req.LLM.DropParams = m.raw.DropParams
		m.defaults.Apply(&req.LLM)
		m.request = req
	}
	return &m.request.LLM, nil
}

// translate encodes a stream event by event.
func (m *message) translate(s llm.Stream) llm.RawStream {
	return door.Translate(s, wire.NewEvents(m.env), m.warnings)
}

// warnings are those of a translated response.
func (m *message) warnings(meta *llm.Meta) []llm.Warning {
	return slices.Concat(m.request.Warnings, meta.Warnings)
}

// response encodes a translated response.
func (m *message) response(resp *llm.Response) *llm.RawResponse {
	return llm.RawOf(resp, wire.AppendResponse(nil, m.env, resp), m.warnings(&resp.Meta))
}

// release frees the body when a response has come and it is not sent again. A decoded request shares
// nothing with it that is still needed, except in streams, whose call may go on.
func (m *message) release() {
	if m.request == nil {
		m.body.Release()
		m.raw.Body = nil
	}
}

// whole is apart from stream because its stack would come on top of what a stream needs.
//
//go:noinline
func (h *Handler) whole(w http.ResponseWriter, r *http.Request, call *gateway.Call, m *message) error {
	resp, err := call.Relay(r.Context(), &m.raw, m.translation())
	if err != nil {
		return h.blocked(w, r, m, err)
	}
	m.release()
	door.Head(w.Header(), call)
	door.WriteJSON(w, http.StatusOK, resp.Body)
	return nil
}

func (h *Handler) stream(w http.ResponseWriter, r *http.Request, call *gateway.Call, m *message) error {
	stream, err := call.RelayStream(r.Context(), &m.raw, m.translation())
	if err != nil {
		return h.blocked(w, r, m, err)
	}
	m.release()
	door.Head(w.Header(), call)
	silence := h.Gateway.KeepAlive(m.raw.Model, keepAlive)
	if asArray(r) {
		h.copyArray(w, call, stream, silence)
		return nil
	}
	h.Bursts.Rest(w, call, inbound.NewEvents(w, ping, silence), stream, wire.AppendFailure)
	return nil
}

func (h *Handler) count(w http.ResponseWriter, r *http.Request, call *gateway.Call, m *message) error {
	n, err := call.CountTokens(r.Context(), &m.raw, m.translation())
	if err != nil {
		return err
	}
	if m.request != nil {
		call.Warn(m.request.Warnings...)
	}
	door.Head(w.Header(), call)
	door.WriteJSON(w, http.StatusOK, wire.AppendCount(nil, n))
	return nil
}

func (h *Handler) embed(w http.ResponseWriter, r *http.Request, call *gateway.Call, body *inbound.Body, model string, batch bool) error {
	req, err := wire.DecodeEmbed(body.Bytes, model, batch)
	body.Release() // the request does not share its memory
	if err != nil {
		return err
	}
	req.DropParams = h.Gateway.Settings(model).DropParams
	resp, err := call.Embed(r.Context(), req)
	if err != nil {
		return err
	}
	door.Head(w.Header(), call)
	door.WriteJSON(w, http.StatusOK, wire.AppendEmbedResponse(nil, resp, batch))
	return nil
}
