package openaicompat

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"outcrop/catalog"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/transport"
	"outcrop/upstream"
	wire "outcrop/wire/openaichat"
	"outcrop/wire/openairesponses"
)

// respond makes one call of the Responses API with a client's body.
func (t *target) respond(ctx context.Context, raw *llm.Raw) (*llm.RawResponse, error) {
	x, err := t.responses(ctx, raw)
	if err != nil {
		return nil, err
	}
	body, err := x.body(ctx)
	if err != nil {
		return nil, err
	}
	out, tapped, err := openairesponses.RelayResponse(body, openairesponses.Own{Model: raw.Model})
	if err != nil {
		return nil, x.reported("response", err)
	}
	return &llm.RawResponse{
		Meta: x.meta, Body: out, Usage: tapped.Usage, RawStop: tapped.RawStop, Uncounted: !tapped.Counted, ServiceTier: tapped.ServiceTier,
	}, nil
}

// respondStream makes one call of the Responses API with a client's body, and relays the events.
func (t *target) respondStream(ctx context.Context, raw *llm.Raw) (llm.RawStream, error) {
	x, err := t.responses(ctx, raw)
	if err != nil {
		return nil, err
	}
	return transport.NewRawStream(x, x.resp.Body, &openairesponses.Relay{Own: openairesponses.Own{Model: raw.Model}}), nil
}

// responses sends a client's body to the Responses API.
func (t *target) responses(ctx context.Context, raw *llm.Raw) (*exchange, error) {
	edit := wire.Edit{Edits: &t.d.vendor.responseEdits, Model: t.name, DropParams: raw.DropParams}
	pieces, warnings, err := edit.Apply(raw.Body)
	if err != nil {
		return nil, err
	}
	x, err := t.postResponses(ctx, raw.Headers, pieces, warnings)
	if err != nil && refusesSealed(err) {
		body, left := openairesponses.WithoutSealed(bytes.Join(pieces, nil))
		if body == nil {
			return nil, err
		}
		x, err = t.postResponses(ctx, raw.Headers, [][]byte{body}, append(slices.Clip(warnings), left...))
	}
	if err != nil {
		return nil, err
	}
	x.meta.Keeps = t.d.vendor.Quirks.KeepsResponses
	return x, nil
}

// postResponses sends a body to the Responses API, and notes if the server, or the model, turns out not to have
// that API.
func (t *target) postResponses(ctx context.Context, headers []llm.Label, body [][]byte, warnings []llm.Warning) (*exchange, error) {
	x, err := t.post(ctx, APIResponses, t.d.end.URL(APIResponses, t.id), headers, body, warnings)
	if err == nil {
		return x, nil
	}
	switch e := llm.AsError(err); {
	case lacksResponses(e):
		t.d.noResponses.Store(true)
	case e.UpstreamStatus == http.StatusBadRequest && strings.Contains(e.Message, operationMissing):
		t.noResponses.Store(true)
	}
	return nil, err
}

// operationMissing is in Azure's refusals of an API that a model does not have: "The responses operation does not
// work with the specified model, ...".
const operationMissing = "operation does not work with the specified model"

// withoutResponses reports whether the server or the model has turned out not to have the Responses API.
func (t *target) withoutResponses() bool { return t.d.noResponses.Load() || t.noResponses.Load() }

// byResponses reports whether a chat goes by the Responses API.
func (t *target) byResponses(req *llm.Request) bool {
	return !t.withoutResponses() && (t.responds || t.noTools.Load() && reasonsWithTools(req))
}

// refusesSealed reports whether a refusal says that reasoning has been encrypted for another account: OpenAI, and
// Azure after it, read what the same organization or resource has encrypted
// (https://github.com/BerriAI/litellm/issues/18094).
func refusesSealed(err error) bool {
	e := llm.AsError(err)
	return e.Upstream && e.UpstreamStatus == http.StatusBadRequest &&
		(e.Type == "invalid_encrypted_content" || strings.Contains(strings.ToLower(e.Message), "encrypted content") && strings.Contains(e.Message, "could not be verified"))
}

// answersByResponses reports whether chats of a model go by the Responses API: the model string says so in
// LiteLLM's way, the operator does, or the model has no other API as far as is known. It returns the model
// without what the string has in front for that.
func (d *Deployment) answersByResponses(model string, facts *catalog.Model) (string, bool) {
	if d.vendor.dialect != nil || d.end.URL(APIResponses, model) == nil {
		return model, false
	}
	own, asked := strings.CutPrefix(model, catalog.ResponsesPrefix)
	return own, asked || d.params.Responses || facts != nil && facts.ResponsesOnly.Value
}

// ask encodes a request for the Responses API, makes the vendor's edits, and sends it. If the vendor cannot read the
// reasoning in it, it is sent once more without.
func (t *target) ask(ctx context.Context, req *llm.Request, stream bool) (*exchange, error) {
	x, err := t.askWith(ctx, req, stream, t.sealer)
	if err != nil && t.sealer != "" && refusesSealed(err) {
		return t.askWith(ctx, req, stream, "")
	}
	return x, err
}

// askWith is ask with the reasoning that a sealer has encrypted.
func (t *target) askWith(ctx context.Context, req *llm.Request, stream bool, sealer string) (*exchange, error) {
	own := *req
	own.Stream = stream
	buf := t.d.client.Buffer()
	defer t.d.client.Release(buf)
	w := jsonx.Writer{Buf: (*buf)[:0]}
	warnings, err := openairesponses.AppendRequest(&w, &own, t.name, &openairesponses.Form{Sealer: sealer, WebSearch: true})
	if err != nil {
		return nil, err
	}
	*buf = w.Buf
	edit := wire.Edit{Edits: &t.d.vendor.responseEdits, Model: t.name, DropParams: req.DropParams}
	edit.Name = func(member string) string { return req.FieldName(openairesponses.FieldOf(member)) }
	pieces, changed, err := edit.Apply(w.Buf)
	if err != nil {
		return nil, err
	}
	x, err := t.postResponses(ctx, req.Headers, pieces, append(warnings, changed...))
	if err != nil {
		return nil, inClientsWords(err, &req.Call)
	}
	return x, nil
}

// inClientsWords is a refusal with the client's name of the field that it is about.
func inClientsWords(err error, c *llm.Call) error {
	e := llm.AsError(err)
	if !e.Upstream || e.Param == "" {
		return err
	}
	own := transport.Copy(e)
	own.Param = c.FieldName(openairesponses.FieldOf(e.Param))
	return own
}

// completeResponse makes one call of the Responses API in the common language.
func (t *target) completeResponse(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	x, err := t.ask(ctx, req, false)
	if err != nil {
		return nil, err
	}
	return x.decoded(ctx, func(body []byte) (*llm.Response, error) {
		return openairesponses.DecodeResponse(body, openairesponses.ReadOptions{Sealer: t.sealer})
	})
}

// streamResponse makes one call of the Responses API with a streaming response in the common language.
func (t *target) streamResponse(ctx context.Context, req *llm.Request) (llm.Stream, error) {
	x, err := t.ask(ctx, req, true)
	if err != nil {
		return nil, err
	}
	return transport.NewStream(x, x.resp.Body, &openairesponses.EventReader{Options: openairesponses.ReadOptions{Sealer: t.sealer}}), nil
}

// lacksResponses reports whether a refusal says that the server has no Responses API: many servers of a
// user's own have chat completions only. A response that the server does not have is another matter.
func lacksResponses(e *llm.Error) bool {
	if !transport.Absent(e.UpstreamStatus) {
		return false
	}
	text := strings.ToLower(e.Message)
	return e.Code != llm.CodeModelUnknown && !strings.Contains(text, "previous") && !strings.Contains(text, "resp_")
}

// Reported is the error for an event of a stream that is one or cannot be read.
func (x *exchange) Reported(err error) error { return x.reported("stream", err) }

// reported is failed for the Responses API, which reports failures in responses and events.
func (x *exchange) reported(what string, err error) *llm.Error {
	if own, ok := errors.AsType[*openairesponses.FailedError](err); ok {
		refusal := wire.DecodeRefusal(own.Status, own.Body)
		if refusal.Type == "error" { // the type of the event
			refusal.Type = ""
		}
		err = refusal
	}
	return x.failed(what, err)
}

// service makes a call about a response that the vendor keeps: Path are the segments behind the API's own.
func (t *target) service(ctx context.Context, raw *llm.Raw) (*llm.RawResponse, error) {
	to := t.to(APIResponses)
	u := t.d.end.URL(APIResponses, t.id)
	if u == nil {
		return nil, t.without(APIResponses)
	}
	for _, segment := range raw.Path {
		u = u.JoinPath(url.PathEscape(segment))
	}
	resp, _, err := t.d.send(ctx, &upstream.Request{Method: raw.Method, URL: u, Header: http.Header{}}, to)
	if err != nil {
		return nil, err
	}
	x := &exchange{t: t, resp: resp, meta: llm.Meta{Destination: to, UpstreamID: requestID(resp.Header)}}
	body, err := x.body(ctx)
	if err != nil {
		return nil, err
	}
	return &llm.RawResponse{Meta: x.meta, Body: body}, nil
}
