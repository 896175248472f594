// Package completions is the frontend for text completions, OpenAI's API before chat completions.
package completions

import (
	"context"
	"net/http"
	"strings"
	"time"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/httpd/inbound"
	"outcrop/llm"
	wire "outcrop/wire/openaichat"
)

// Door is the name of this frontend in the record.
const Door = "openai_completions"

// path is the API's path.
const path = "/completions"

// keepAlive is the silence after which a stream gets a comment, for names without a setting of their
// own.
const keepAlive = 15 * time.Second

// Handler serves text completions.
type Handler struct {
	door.Translated
}

// New makes the frontend.
func New(g *gateway.Gateway, opt door.Options) *Handler {
	return &Handler{door.NewTranslated(g, Door, opt)}
}

// Routes lists what the frontend serves.
func (h *Handler) Routes() []door.Route {
	return door.PathRoutes(path, "text completions in OpenAI's format", h.ServeHTTP)
}

// Owns reports whether a path belongs to the frontend.
func (h *Handler) Owns(p string) bool {
	return door.PathOwned(p, path) && !strings.HasSuffix(p, "/chat"+path)
}

// Whole reports false: the paths are served by http.ServeMux.
func (h *Handler) Whole() bool { return false }

// WriteError writes a refusal in OpenAI's form.
func (h *Handler) WriteError(w http.ResponseWriter, e *llm.Error) {
	door.WriteError(w, e, wire.AppendError)
}

// ServeHTTP responds to one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	door.Serve(w, r, h.Gateway, Door, door.Keys, h.WriteError, func(call *gateway.Call) {
		c, err := h.completion(w, r, call)
		if err != nil {
			h.WriteError(w, door.Fail(w, call, err))
			return
		}
		if c == nil {
			return // the response cache has answered
		}
		if c.Call.Stream {
			h.stream(w, r, c)
			return
		}
		body, err := c.whole(r.Context())
		if err != nil {
			h.WriteError(w, door.Fail(w, call, err))
			return
		}
		door.Head(w.Header(), call)
		door.Respond(r.Context(), w, call, body)
	})
}

// completion is one request.
type completion struct {
	*wire.TextRequest
	call *gateway.Call
	// passes is whether the body passes through at targets that have the API, and is translated into one
	// conversation at others. If not, each completion of each prompt is a conversation.
	passes bool
	chat   *llm.Request // the one conversation; nil until it is needed
	left   []llm.Warning
}

// completion reads a request, and decides how it is served. It returns nil for one that the response cache has answered.
func (h *Handler) completion(w http.ResponseWriter, r *http.Request, call *gateway.Call) (*completion, error) {
	body, err := door.Read(h.Reader, w, r, call)
	if err != nil {
		return nil, err
	}
	h.ReportUsage(body)
	if h.Caches() && door.Cached(w, r, call, body, gateway.Query{Model: h.Model(door.PathModel(r, path))}, h.WriteError) {
		return nil, nil //nolint:nilnil // the call is over
	}
	req, err := wire.DecodeText(body.Bytes, h.Decoding(h.Model(door.PathModel(r, path))))
	body.Release() // the request does not share its memory
	if err != nil {
		return nil, err
	}
	call.Warn(req.Warnings...)
	c := &completion{TextRequest: req, call: call}
	some, all := h.Gateway.Speaks(req.Call.Model, llm.DialectText)
	c.passes = all || some && len(req.Prompts) == 1 && req.Choices == 1
	return c, nil
}

// raw is the request for targets that have the API.
func (c *completion) raw() *llm.Raw {
	return &llm.Raw{Call: c.Call, Dialect: llm.DialectText, Body: c.Body}
}

// envelope is what all parts of the response have.
func (c *completion) envelope() *wire.TextEnvelope {
	env := &wire.TextEnvelope{Envelope: wire.Envelope{ID: "cmpl-" + c.call.ID(), Model: c.Call.Model, Created: c.call.Started().Unix()}}
	if c.Echo {
		for _, p := range c.Prompts {
			for range c.Choices {
				env.Echo = append(env.Echo, p)
			}
		}
	}
	return env
}

// translation serves the request as one conversation.
func (c *completion) translation() *gateway.Translation {
	return &gateway.Translation{
		Request: func(context.Context) (*llm.Request, error) {
			if c.chat == nil {
				all, err := c.conversations()
				if err != nil {
					return nil, err
				}
				c.chat = all[0]
			}
			return c.chat, nil
		},
		Response: func(resp *llm.Response) *llm.RawResponse {
			warnings := append(c.warnings(&resp.Meta), wire.LeftOut(resp)...)
			return llm.RawOf(resp, wire.AppendText(nil, c.envelope(), []*llm.Response{resp}, &resp.Usage, warnings), warnings)
		},
		Stream: func(s llm.Stream) llm.RawStream {
			return door.Translate(s, wire.NewTextChunks(c.envelope(), c.IncludeUsage, 1), c.warnings)
		},
	}
}

// warnings are those of a translated response.
func (c *completion) warnings(m *llm.Meta) []llm.Warning {
	return c.chat.OrderWarnings(c.left, m.Warnings)
}

// conversations are what the request becomes where no target has the API: one for each completion of
// each prompt.
func (c *completion) conversations() ([]*llm.Request, error) {
	left, err := c.Untranslated()
	if err != nil {
		return nil, err
	}
	c.left = left
	var all []*llm.Request
	for i := range c.Prompts {
		req, warnings, err := c.Chat(i)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			c.left = append(c.left, warnings...)
		}
		for range c.Choices {
			if all = append(all, req); len(all) > maxConversations {
				return all, nil // the gateway refuses them
			}
		}
	}
	return all, nil
}

// maxConversations bounds what is decoded of a request, which the gateway refuses long before.
const maxConversations = 1024

// whole gets a complete response.
func (c *completion) whole(ctx context.Context) ([]byte, error) {
	if c.passes {
		resp, err := c.call.Relay(ctx, c.raw(), c.translation())
		if err != nil {
			return nil, err
		}
		return resp.Body, nil
	}
	all, err := c.conversations()
	if err != nil {
		return nil, err
	}
	c.call.Warn(c.left...)
	answers, err := c.call.CompleteEach(ctx, all)
	if err != nil {
		return nil, err
	}
	for _, a := range answers {
		for _, w := range wire.LeftOut(a) {
			c.call.WarnOnce(w)
		}
	}
	return wire.AppendText(nil, c.envelope(), answers, c.call.Usage(), c.call.Warnings()), nil
}

// stream writes a streaming response.
func (h *Handler) stream(w http.ResponseWriter, r *http.Request, c *completion) {
	events := inbound.NewEvents(w, wire.Ping, h.Gateway.KeepAlive(c.Call.Model, keepAlive))
	open := false
	defer events.CloseUnless(&open)
	events.Record(c.call.Record())
	stream, err := c.open(r.Context())
	begun := events.Commit()
	if err != nil {
		if begun { // comments have been sent with a 200; only an event can report the error now
			_ = events.Write(wire.AppendFailure(nil, c.call.Fail(err)), false)
			return
		}
		h.WriteError(w, door.Fail(w, c.call, err))
		return
	}
	if !begun {
		door.Head(w.Header(), c.call)
	}
	open = true
	h.Bursts.Rest(w, c.call, events, stream, wire.AppendFailure)
}

// open gets a streaming response as server-sent events.
func (c *completion) open(ctx context.Context) (llm.RawStream, error) {
	if c.passes {
		return c.call.RelayStream(ctx, c.raw(), c.translation())
	}
	all, err := c.conversations()
	if err != nil {
		return nil, err
	}
	c.call.Warn(c.left...)
	s, err := c.call.StreamEach(ctx, all)
	if err != nil {
		return nil, err
	}
	return door.Translate(s, wire.NewTextChunks(c.envelope(), c.IncludeUsage, len(all)), func(m *llm.Meta) []llm.Warning { return m.Warnings }), nil
}
