package bedrock

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/diagnose"
	"outcrop/provider/bedrock/endpoint"
	"outcrop/provider/bedrock/modelid"
	"outcrop/provider/bedrock/openai"
	"outcrop/provider/bedrock/resolve"
	"outcrop/provider/bedrock/sign"
	"outcrop/provider/transport"
	wire "outcrop/wire/converse"
	"outcrop/wire/openaichat"
	"outcrop/wire/openairesponses"
	"outcrop/wire/sse"
)

// surfaced is the part of a target that is about OpenAI's API on Bedrock.
type surfaced struct {
	*openai.Surface // nil if the model does not have it, or not for this target
	end             *endpoint.Endpoint
	refused         bool         // AWS refused the model there
	deaf            *atomic.Bool // it did so since the target was made
}

// surface finds OpenAI's API for the target.
func (w *target) surface(c resolve.Candidate, facts *catalog.Model) error {
	w.openai.deaf = new(atomic.Bool)
	switch {
	case facts == nil:
	case c.API == resolve.Mantle:
		end, err := w.d.mantle(c.Region)
		if err != nil {
			return err
		}
		w.openai.Surface, w.openai.end = openai.Mantle(facts), end
		w.noCount = true
		w.destination.API = mantleAPI(w.openai.Surface)
	case w.route == modelid.Auto && c.API == "converse":
		w.openai.Surface, w.openai.end = openai.Runtime(facts, c.ID), w.end
	}
	return nil
}

// mantleAPI is the API by which chats go at bedrock-mantle.
func mantleAPI(s *openai.Surface) string {
	if s.Path(openai.Chat) == nil {
		return string(openai.Responses)
	}
	return string(openai.Chat)
}

// onMantle reports whether the model is called at bedrock-mantle, because nothing else has it.
func (w *target) onMantle() bool { return w.openai.Surface != nil && w.openai.OnMantle }

// responds reports whether bodies of the Responses API pass through.
func (w *target) responds() bool {
	return w.openai.Surface != nil && w.openai.Path(openai.Responses) != nil && !w.openai.refused && !w.openai.deaf.Load()
}

// Takes reports whether the target serves a call in the call's own dialect. The Responses API of
// bedrock-runtime is not known to have guardrails, and has no tools of the provider's: Converse serves
// such calls. Open models on bedrock-mantle have functions alone, and chat completions for the rest. Tokens are counted by AWS's own operation, which does not know the Responses API.
func (w *target) Takes(verb llm.Verb, raw *llm.Raw) bool {
	if verb == llm.VerbCount {
		return raw.Dialect != llm.DialectResponses
	}
	return raw.Dialect != llm.DialectResponses || (w.onMantle() || len(raw.Guardrail) == 0) && w.openai.Takes(raw.Body)
}

// Dialects is the Responses API if the deployment may have a model that speaks it.
func (d *deployment) Dialects() []string {
	if strings.Contains(d.params.Model, "*") {
		return []string{llm.DialectResponses}
	}
	p, err := d.plan(d.params.Model)
	if err == nil && slices.ContainsFunc(p.targets, func(t provider.Target) bool { return t.(*target).Speaks(llm.DialectResponses) }) { //nolint:forcetypeassert // a plan has no others
		return []string{llm.DialectResponses}
	}
	return nil
}

// mantle is the endpoint of bedrock-mantle in a region. An endpoint in place of the runtime's that is not
// AWS's own stands for mantle's too: such a deployment does not call AWS.
func (d *deployment) mantle(region string) (*endpoint.Endpoint, error) {
	s := endpoint.Settings{Region: region, Environ: func(name string) string {
		value := d.params.Environ(name)
		if name == mantleBase { // which may have the path of the API
			value = strings.TrimSuffix(strings.TrimSuffix(strings.TrimRight(value, "/"), "/v1"), "/openai")
		}
		return value
	}}
	runtime, err := d.runtime(region)
	if err != nil {
		return nil, err
	}
	if runtime.From != "" && endpoint.RegionOf(runtime.Host) == "" {
		s.Override, s.OverrideName = runtime.String(), runtime.From
	}
	return endpoint.Resolve(endpoint.Mantle, s)
}

// postOpenAI sends a body to one of OpenAI's APIs. req is nil if there is none in the common language.
func (w *target) postOpenAI(ctx context.Context, api openai.API, headers []llm.Label, body [][]byte, c *llm.Call, req *llm.Request, stream bool) (*exchange, error) {
	u := w.openai.end.URL("", w.openai.Path(api)...)
	to := w.destination
	to.API = string(api)
	if !w.openai.OnMantle {
		to.Reason = "the model has the Responses API on bedrock-runtime; " + to.Reason
	}
	failing := func() diagnose.Case {
		failed := w.failing(req, stream)
		failed.Target, failed.Names = to, c.Names
		return failed
	}
	h := jsonHeader()
	for _, l := range headers {
		if !strings.EqualFold(l.Name, "anthropic-beta") {
			h.Add(l.Name, l.Value)
		}
	}
	r := &sign.Request{Method: http.MethodPost, Host: w.openai.end.Host, Path: u.EscapedPath(), Header: h, Body: body}
	resp, err := w.d.sendAs(ctx, w.openai.end.Signing, r, u, &to, failing)
	if err != nil {
		return nil, err
	}
	meta := llm.Meta{Destination: to, UpstreamID: resp.Header.Get("X-Amzn-Requestid"), Price: w, Warnings: slices.Clip(w.warnings)}
	return &exchange{target: w, names: c.Names, req: req, stream: stream, resp: resp, meta: meta}, nil
}

// Reported is the error for what OpenAI's APIs report in responses and events.
func (x *exchange) Reported(err error) error {
	fault := &wire.Fault{Kind: wire.FaultException, RequestID: x.meta.UpstreamID, InStream: true}
	own, failed := errors.AsType[*openairesponses.FailedError](err)
	refusal, refused := errors.AsType[*openaichat.RefusalError](err)
	switch {
	case failed:
		fault.Status, fault.Message = own.Status, string(own.Body)
		openai.Read(fault, own.Body)
	case refused:
		fault.Status, fault.Message, fault.Type = refusal.Status, refusal.Message, refusal.Type
	default:
		return x.failed(&wire.Fault{Kind: wire.FaultCorrupt, Message: err.Error(), Err: err})
	}
	if fault.Status < http.StatusBadRequest { // an error that came with a success
		fault.Status = http.StatusInternalServerError
	}
	return x.failed(fault)
}

// Broken is the error for a stream that ended too early.
func (x *exchange) Broken(err error) error {
	switch {
	case errors.Is(err, sse.ErrMalformed), errors.Is(err, sse.ErrTooLarge):
		return x.failed(&wire.Fault{Kind: wire.FaultCorrupt, Message: err.Error(), Err: err})
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return x.failed(&wire.Fault{Kind: wire.FaultCut, Message: err.Error(), Err: err})
}

// chatOpenAI sends a request to chat completions.
func (w *target) chatOpenAI(ctx context.Context, req *llm.Request, stream bool) (*exchange, error) {
	req, warnings := req.WithoutOllamas()
	own := *req
	own.Stream = stream
	if wish := own.WebSearch; wish != nil { // Bedrock's chat completions do not know it
		own.WebSearch = nil
		field := req.FieldName(llm.Field{Kind: llm.FieldWebSearch})
		warn := func(code, field, detail string) {
			warnings = append(slices.Clip(warnings), llm.Warning{Code: code, Field: field, Detail: detail})
		}
		if own.WebSearchOptional {
			warn(llm.WarnDropped, field, "this model does not search the web")
		} else if err := req.Refuse(warn, field, "%s is not supported by this model", field); err != nil {
			return nil, err
		}
	}
	var body jsonx.Writer
	changed, err := openaichat.AppendRequest(&body, &own, w.openai.ID, &openaichat.Form{})
	if err != nil {
		return nil, err
	}
	warnings = append(warnings, changed...)
	x, err := w.postOpenAI(ctx, openai.Chat, req.Headers, body.Segments(), &req.Call, req, stream)
	if err != nil {
		return nil, err
	}
	x.meta.Warnings = append(x.meta.Warnings, warnings...)
	return x, nil
}

// completeOpenAI gets a complete chat completion.
func (w *target) completeOpenAI(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	x, err := w.chatOpenAI(ctx, req, false)
	if err != nil {
		return nil, err
	}
	return x.decoded(ctx, func(body []byte) (*llm.Response, error) {
		return openaichat.DecodeResponse(body, openaichat.ReadOptions{})
	})
}

// decoded reads a complete response of one of OpenAI's APIs.
func (x *exchange) decoded(ctx context.Context, decode func(body []byte) (*llm.Response, error)) (*llm.Response, error) {
	body, err := x.body(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := decode(body)
	if err != nil {
		return nil, x.Reported(err)
	}
	found := resp.Meta.Warnings
	resp.Meta = x.meta
	resp.Meta.Warnings = append(slices.Clip(x.meta.Warnings), found...)
	return resp, nil
}

// streamOpenAI gets a chat completion as a stream.
func (w *target) streamOpenAI(ctx context.Context, req *llm.Request) (llm.Stream, error) {
	x, err := w.chatOpenAI(ctx, req, true)
	if err != nil {
		return nil, err
	}
	return transport.NewStream(x, x.resp.Body, &openaichat.EventReader{}), nil
}

var (
	_ provider.Chooser = (*target)(nil)
	_ provider.Speaker = (*deployment)(nil)
)
