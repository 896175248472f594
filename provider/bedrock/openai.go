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
	"outcrop/provider/bedrock/inventory"
	"outcrop/provider/bedrock/modelid"
	"outcrop/provider/bedrock/openai"
	"outcrop/provider/bedrock/resolve"
	"outcrop/provider/bedrock/sign"
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
		w.destination.API = string(openai.Chat)
		if w.openai.Path(openai.Chat) == nil {
			w.destination.API = string(openai.Responses)
		}
	case w.route == modelid.Auto && c.API == "converse":
		w.openai.Surface, w.openai.end = openai.Runtime(facts, c.ID), w.end
	}
	return nil
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

// respond sends a client's body to the Responses API. If AWS refuses the model there, Converse serves it,
// this call included. own is what the response repeats.
func (w *target) respond(ctx context.Context, raw *llm.Raw, stream bool) (x *exchange, own openairesponses.Own, err error) {
	body, err := w.openai.Body(raw.Body)
	if err != nil {
		return nil, own, err
	}
	x, err = w.postOpenAI(ctx, openai.Responses, raw.Headers, body.Segments, &raw.Call, nil, stream)
	if err == nil {
		x.meta.Warnings = append(x.meta.Warnings, body.Warnings...)
		own = openairesponses.Own{Model: raw.Model, Tools: body.Tools}
	}
	if err != nil && !w.openai.OnMantle && lacksSurface(llm.AsError(err)) {
		w.openai.deaf.Store(true)
		w.d.account.Refuses(inventory.Responses, w.destination.ID, w.destination.Region)
	}
	return x, own, err
}

// lacksSurface reports whether a refusal says that the model, or the server, has no such API.
func lacksSurface(e *llm.Error) bool {
	switch e.UpstreamStatus {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return true
	default:
		return e.Upstream && (e.Code == llm.CodeWrongSurface || e.Code == llm.CodeModelUnknown)
	}
}

// passResponse gets a complete response of the Responses API.
func (w *target) passResponse(ctx context.Context, raw *llm.Raw) (*llm.RawResponse, error) {
	x, own, err := w.respond(ctx, raw, false)
	if err != nil {
		return nil, err
	}
	body, err := x.body(ctx)
	if err != nil {
		return nil, err
	}
	var ids openairesponses.CallIDs
	out, tapped, err := openairesponses.RelayResponse(ids.Response(body), own)
	if err != nil {
		return nil, x.reported(err)
	}
	return &llm.RawResponse{
		Meta: x.meta, Body: out, Usage: tapped.Usage, RawStop: tapped.RawStop, Uncounted: !tapped.Counted, ServiceTier: tapped.ServiceTier,
	}, nil
}

// passResponses gets a response of the Responses API as a stream.
func (w *target) passResponses(ctx context.Context, raw *llm.Raw) (llm.RawStream, error) {
	x, own, err := w.respond(ctx, raw, true)
	if err != nil {
		return nil, err
	}
	return &responseStream{exchange: x, events: sse.NewReader(x.resp.Body), relay: openairesponses.Relay{Own: own}}, nil
}

// responseStream relays the events of the Responses API.
type responseStream struct {
	*exchange
	events *sse.Reader
	relay  openairesponses.Relay
	ids    openairesponses.CallIDs
	err    error
}

func (s *responseStream) Next(ev *llm.RawEvent) error {
	*ev = llm.RawEvent{}
	if s.err == nil {
		s.err = s.next(ev)
	}
	return s.err
}

func (s *responseStream) next(ev *llm.RawEvent) error {
	var event sse.Event
	err := s.events.Next(&event)
	switch {
	case s.relay.Ended(): // the end of the body is read too, so that the connection can be used again
		return io.EOF // the response is complete, whatever follows
	case err != nil:
		return s.broken(err)
	}
	if err := s.relay.Next(ev, s.ids.Event(event.Data)); err != nil {
		return s.reported(err)
	}
	return nil
}

func (s *responseStream) More() bool { return s.err != nil || s.events.More() }

// reported is failed for what OpenAI's APIs report in responses and events.
func (x *exchange) reported(err error) *llm.Error {
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

// broken is the error for a stream that ended too early.
func (x *exchange) broken(err error) *llm.Error {
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
	if w.openai.Path(openai.Chat) == nil {
		e := llm.Unsupported("model", "Bedrock has only the Responses API for the model %s.", w.destination.ID)
		e.Code, e.Destination = llm.CodeWrongSurface, w.destination
		e.Fix = "Call it at /v1/responses, with the parameters of OpenAI's Responses API."
		return nil, e
	}
	own := *req
	own.Stream = stream
	var body jsonx.Writer
	warnings, err := openaichat.AppendRequest(&body, &own, w.openai.ID, &openaichat.Form{})
	if err != nil {
		return nil, err
	}
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
	body, err := x.body(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := openaichat.DecodeResponse(body, openaichat.ReadOptions{})
	if err != nil {
		return nil, x.reported(err)
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
	return &completionStream{exchange: x, events: sse.NewReader(x.resp.Body)}, nil
}

// completionStream is a chat completion in the common language.
type completionStream struct {
	*exchange
	events *sse.Reader
	reader openaichat.EventReader

	queue llm.EventQueue
	done  bool // the end mark has arrived
}

func (s *completionStream) Next(ev *llm.Event) error { return s.queue.Next(ev, s.read) }

// read appends what the next event of the body becomes.
func (s *completionStream) read(events []llm.Event) ([]llm.Event, error) {
	var ev sse.Event
	err := s.events.Next(&ev)
	switch {
	case s.done: // the end of the body is read too, so that the connection can be used again
		return events, io.EOF // the response is complete, whatever follows
	case err == nil && string(ev.Data) == openaichat.Done, errors.Is(err, io.EOF) && s.reader.Stopped():
		s.done = true
		return s.reader.End(events), nil
	case err != nil:
		return events, s.broken(err)
	}
	if events, err = s.reader.Append(events, ev.Data); err != nil {
		return events, s.reported(err)
	}
	return events, nil
}

func (s *completionStream) More() bool { return s.queue.More(s.read, s.events.More) }

var (
	_ provider.Chooser = (*target)(nil)
	_ provider.Speaker = (*deployment)(nil)
)
