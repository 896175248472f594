// Package media is the frontend for OpenAI's APIs that make and read media, and judge content: images,
// audio and moderations. Their bodies pass through to models of providers that have the same API; calls for
// images are translated for others.
package media

import (
	"cmp"
	"net/http"
	"time"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/httpd/inbound"
	"outcrop/llm"
	wire "outcrop/wire/openaiapi"
	"outcrop/wire/openaichat"
)

// Names of these frontends in the record.
const (
	DoorImages      = "openai_images"
	DoorAudio       = "openai_audio"
	DoorModerations = "openai_moderations"
)

// keepAlive is the silence after which a stream of events gets a comment, for names without a setting of
// their own.
const keepAlive = 15 * time.Second

// moderator is the model of moderations that name none, as in OpenAI's API
// (https://platform.openai.com/docs/api-reference/moderations/create).
const moderator = "omni-moderation-latest"

// api is one API.
type api struct {
	dialect string // and the path, without the slash in front
	about   string
	bytes   bool // whether the response is relayed as its bytes arrive
	images  bool // whether it is translated for providers with other APIs for images
	model   string
}

// Handler serves some of the APIs.
type Handler struct {
	door.Translated
	apis []api
}

// Images makes the frontend for images.
func Images(g *gateway.Gateway, opt door.Options) *Handler {
	return &Handler{door.NewTranslated(g, DoorImages, opt), []api{
		{dialect: llm.DialectImageGenerations, about: "images in OpenAI's format", images: true},
		{dialect: llm.DialectImageEdits, about: "edits of images in OpenAI's format", images: true},
		{dialect: llm.DialectImageVariations, about: "variations of an image in OpenAI's format"},
	}}
}

// Audio makes the frontend for audio.
func Audio(g *gateway.Gateway, opt door.Options) *Handler {
	return &Handler{door.NewTranslated(g, DoorAudio, opt), []api{
		{dialect: llm.DialectSpeech, about: "speech in OpenAI's format", bytes: true},
		{dialect: llm.DialectTranscriptions, about: "transcriptions in OpenAI's format"},
		{dialect: llm.DialectTranslations, about: "translations of audio in OpenAI's format"},
	}}
}

// Moderations makes the frontend for moderations.
func Moderations(g *gateway.Gateway, opt door.Options) *Handler {
	return &Handler{door.NewTranslated(g, DoorModerations, opt), []api{
		{dialect: llm.DialectModerations, about: "moderations in OpenAI's format", model: moderator},
	}}
}

// Routes lists what the frontend serves.
func (h *Handler) Routes() (all []door.Route) {
	for _, a := range h.apis {
		all = append(all, door.PathRoutes("/"+a.dialect, a.about, h.ServeHTTP)...)
	}
	return all
}

// Owns reports whether a path belongs to the frontend.
func (h *Handler) Owns(path string) bool { return h.find(path) != nil }

// find returns the API of a path; nil if it is of none.
func (h *Handler) find(path string) *api {
	for i := range h.apis {
		if door.PathOwned(path, "/"+h.apis[i].dialect) {
			return &h.apis[i]
		}
	}
	return nil
}

// Whole reports false: the paths are served by http.ServeMux.
func (h *Handler) Whole() bool { return false }

// WriteError writes a refusal in OpenAI's form.
func (h *Handler) WriteError(w http.ResponseWriter, e *llm.Error) {
	door.WriteError(w, e, openaichat.AppendError)
}

// ServeHTTP responds to one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	door.Serve(w, r, h.Gateway, h.Name, door.Keys, h.WriteError, func(call *gateway.Call) {
		a := h.find(r.URL.Path)
		req, err := h.decode(w, r, call, a)
		if err != nil {
			h.WriteError(w, door.Fail(w, call, err))
			return
		}
		raw := &llm.Raw{Call: req.Call, Dialect: a.dialect, Body: req.Body, Parts: req.Parts, Unestimated: true}
		switch {
		case req.Events:
			h.events(w, r, call, raw)
		case a.bytes:
			raw.Stream = true
			door.Relayed(w, r, call, raw, h.WriteError)
		case a.images:
			h.images(w, r, call, raw)
		default:
			h.whole(w, r, call, raw)
		}
	})
}

// model is the model that a call has whatever its body says; empty if the body counts.
func (h *Handler) model(r *http.Request, a *api) string {
	path, own := door.PathModel(r, "/"+a.dialect), h.Gateway.Replacements()
	switch a.dialect {
	case llm.DialectImageGenerations, llm.DialectImageEdits:
		return cmp.Or(path, own.Images)
	case llm.DialectModerations:
		return cmp.Or(own.Moderation, path)
	default:
		return path
	}
}

func (h *Handler) decode(w http.ResponseWriter, r *http.Request, call *gateway.Call, a *api) (*wire.Request, error) {
	body, err := door.Read(h.Reader, w, r, call)
	if err != nil {
		return nil, err
	}
	defer body.Release() // the request does not share its memory
	req, err := wire.Decode(body.Bytes, r.Header.Get("Content-Type"), a.model, h.Decoding(h.model(r, a)))
	if err != nil {
		return nil, err
	}
	call.Warn(req.Warnings...)
	some, _ := h.Gateway.Speaks(req.Call.Model, a.dialect)
	if !some && a.images && h.Gateway.MakesImages(req.Call.Model, a.dialect) {
		if req.Events {
			e := llm.Unsupported("stream", "stream is not supported for images of this model")
			e.Fix = "Send the request without stream."
			return nil, e
		}
		return req, nil
	}
	if !some && h.Gateway.Serves(req.Call.Model) {
		e := llm.Unsupported("model", "no provider of the model %q has the API %s", llm.Clip(req.Call.Model, 200), "/v1/"+a.dialect)
		e.Code = llm.CodeFeature
		e.Fix = "Use a model of a provider that has it; the page openai-api.md of the documentation lists them."
		return nil, e
	}
	return req, nil
}

// whole writes a complete response.
func (h *Handler) whole(w http.ResponseWriter, r *http.Request, call *gateway.Call, raw *llm.Raw) {
	resp, err := call.Relay(r.Context(), raw, nil)
	if err != nil {
		h.WriteError(w, door.Fail(w, call, err))
		return
	}
	door.Head(w.Header(), call)
	door.WriteRaw(w, resp)
}

// events writes a response of server-sent events, with comments while there are none.
func (h *Handler) events(w http.ResponseWriter, r *http.Request, call *gateway.Call, raw *llm.Raw) {
	raw.Stream = true
	events := inbound.NewEvents(w, openaichat.Ping, h.Gateway.KeepAlive(raw.Model, keepAlive))
	defer events.Close()
	stream, err := call.RelayStream(r.Context(), raw, nil)
	begun := events.Commit()
	if err != nil {
		if begun { // comments have been sent with a 200; only an event can report the error now
			_ = events.Write(openaichat.AppendFailure(nil, call.Fail(err)), false)
			return
		}
		h.WriteError(w, door.Fail(w, call, err))
		return
	}
	defer stream.Close()
	if !begun {
		door.Head(w.Header(), call)
	}
	defer door.ReportPanic(events, call, openaichat.AppendFailure)
	h.Bursts.Copy(events, stream, openaichat.AppendFailure)
}
