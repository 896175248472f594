package bedrock

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock/converse"
	"outcrop/provider/bedrock/creds"
	"outcrop/provider/bedrock/diagnose"
	"outcrop/provider/bedrock/endpoint"
	"outcrop/provider/bedrock/modelid"
	"outcrop/provider/bedrock/openai"
	"outcrop/provider/bedrock/sign"
	"outcrop/provider/transport"
	"outcrop/upstream"
	wire "outcrop/wire/converse"
)

// Complete makes one call of Converse, or of InvokeModel, see invokes, of OpenAI's Responses, see
// answersByResponses, or of chat completions, see onMantle.
func (w *target) Complete(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	ctx = withSession(ctx, &req.Call)
	switch {
	case w.answersByResponses():
		return w.completeResponse(ctx, req)
	case w.onMantle():
		return w.completeOpenAI(ctx, req)
	case w.invokes():
		return w.completeChat(ctx, req)
	}
	c, err := w.call(ctx, req, false)
	if err != nil {
		return nil, err
	}
	return c.whole(ctx)
}

// Stream makes one call of ConverseStream, or of Converse if the model does not support the request
// while streaming, or of InvokeModel, see invokes, of OpenAI's Responses, see
// answersByResponses, or of chat completions, see onMantle.
func (w *target) Stream(ctx context.Context, req *llm.Request) (llm.Stream, error) {
	ctx = withSession(ctx, &req.Call)
	switch {
	case w.answersByResponses():
		return w.streamResponse(ctx, req)
	case w.onMantle():
		return w.streamOpenAI(ctx, req)
	case w.invokes():
		return w.streamChat(ctx, req)
	}
	c, err := w.call(ctx, req, true)
	if err != nil {
		return nil, err
	}
	if !c.stream {
		resp, err := c.whole(ctx)
		if err != nil {
			return nil, err
		}
		return converse.StreamOf(resp), nil
	}
	// The request is kept until the end: a failure names its fields, and the log does not repeat its texts. The header is not.
	c.meta.UpstreamID, c.resp.Header = strings.Clone(c.meta.UpstreamID), nil
	return c.fitted.Stream(&stream{call: c, reader: wire.NewReader(c.resp.Body).Share(&w.d.identities.frames)}), nil
}

// call is one call of Converse, or of ConverseStream, that AWS has accepted.
type call struct {
	exchange
	fitted *converse.Adapted
}

// whole reads the response of Converse. Its memory is charged to the lease in ctx and stays
// charged.
func (c *call) whole(ctx context.Context) (*llm.Response, error) {
	defer c.resp.Body.Close()
	buf := c.target.d.buffer()
	defer c.target.d.release(buf)
	if n, err := strconv.ParseInt(c.resp.Header.Get("Content-Length"), 10, 64); err == nil && n > transport.MaxBody {
		return nil, c.failed(bodyFault(transport.ErrTooLarge))
	}
	if err := buf.readFrom(ctx, c.resp.Body); err != nil {
		return nil, c.failed(err)
	}
	resp, err := wire.DecodeResponse(buf.bytes)
	if err != nil {
		return nil, c.failed(err)
	}
	found := resp.Meta.Warnings
	resp.Meta = c.meta
	resp.Meta.Warnings = append(slices.Clip(c.meta.Warnings), found...)
	c.fitted.Restore(resp)
	return resp, nil
}

// call sends a request and reads the response header.
func (w *target) call(ctx context.Context, req *llm.Request, stream bool) (*call, error) {
	screened, warnings := w.screened(req)
	fitted, err := converse.Adapt(w.model, screened, stream)
	if err != nil {
		return nil, err
	}
	if len(warnings) > 0 {
		fitted.Warnings = append(warnings, fitted.Warnings...)
	}
	wanted := stream
	stream = stream && !fitted.Whole
	buf := w.d.buffer()
	defer w.d.release(buf)
	body := jsonx.Writer{Buf: buf.bytes[:0], SplitLarge: true}
	dropped, err := wire.WriteRequest(&body, &fitted.Request)
	if err != nil {
		return nil, err
	}
	buf.bytes = body.Buf
	u, path := w.whole, w.wholePath
	if stream {
		u, path = w.stream, w.streamPath
	}
	resp, err := w.d.send(ctx, &sign.Request{Method: http.MethodPost, Host: w.host, Path: path, Header: header(fitted.Headers), Body: body.Segments()}, u, &w.destination, func() diagnose.Case { return w.failing(&fitted.Request, stream) })
	if err != nil {
		return w.again(ctx, req, wanted, fitted.Request.Format != nil, blame(err, sentBetas(screened)))
	}
	return w.accepted(fitted, stream, resp, dropped), nil
}

// accepted is a call whose answer has begun. It is apart from call because its stack would
// come on top of what signing needs, as that of refused would.
//
//go:noinline
func (w *target) accepted(fitted *converse.Adapted, stream bool, resp *upstream.Response, dropped []llm.Warning) *call {
	c := &call{exchange{target: w, req: &fitted.Request, stream: stream, resp: resp}, fitted}
	c.meta = llm.Meta{Destination: w.destination, UpstreamID: resp.Header.Get("X-Amzn-Requestid"), Price: w}
	c.meta.Warnings = slices.Concat(w.warnings, fitted.Warnings, dropped)
	return c
}

// header is the header of a call, with the headers that the client requested.
func header(requested []llm.Label) http.Header {
	h := jsonHeader()
	for _, l := range requested {
		h.Add(l.Name, l.Value)
	}
	return h
}

// requestError turns a parse error of a model string or a wrong setting into an error for the
// client.
func requestError(err error) error {
	var id *modelid.Error
	var end *endpoint.Error
	switch {
	case errors.As(err, &id):
		return llm.Invalid("model", "model is invalid: %v", id)
	case errors.As(err, &end):
		return &llm.Error{
			Code: llm.CodeInternal, Status: 500, Message: "the gateway's configuration of this model is wrong: " + end.Error() + ".",
			Fix: "The gateway's operator must fix the configuration.", Err: err,
		}
	default:
		return err
	}
}

// failing describes a failed call for the diagnosis.
func (w *target) failing(req *llm.Request, stream bool) diagnose.Case {
	c := diagnose.Case{Target: w.destination, Base: w.base, Stream: stream, Request: req, Known: w.d.account.Snapshot().Catalogue, Now: w.d.now()}
	if req != nil {
		c.Names = req.Names
	}
	return c
}

// send signs and sends a request for the region of target. A response with an error status is
// returned as an error, diagnosed with the call that failing describes.
func (d *deployment) send(ctx context.Context, r *sign.Request, u *url.URL, target *llm.Destination, failing func() diagnose.Case) (*upstream.Response, error) {
	return d.sendAs(ctx, service, r, u, target, failing)
}

// sendAs is send with the name of a service for the signature.
func (d *deployment) sendAs(ctx context.Context, service string, r *sign.Request, u *url.URL, target *llm.Destination, failing func() diagnose.Case) (*upstream.Response, error) {
	if id := d.params.Instance; id != "" && !atAWS(u.Host) {
		r.Header[provider.InstanceHeader] = []string{id}
	}
	used, from, err := d.authenticate(ctx, r, target.Region, service)
	if err != nil {
		e := llm.AsError(err)
		e.Destination = *target
		return nil, e
	}
	resp, err := d.client.Do(ctx, &upstream.Request{Method: r.Method, URL: u, Path: r.Path, Header: r.Header, Body: r.Body})
	if err != nil {
		return nil, diagnose.Transport(err, *target)
	}
	if resp.Status == http.StatusOK {
		return resp, nil
	}
	return nil, d.refused(used, from, resp, failing)
}

// atAWS reports whether a host is one of AWS's.
func atAWS(host string) bool {
	return strings.HasSuffix(host, ".amazonaws.com") || strings.HasSuffix(host, ".api.aws") || strings.HasSuffix(host, ".amazonaws.com.cn")
}

// refused reads a response with an error status and diagnoses it. It is separate from send because
// its stack frame, on top of that of signing, would double the stack of every open stream.
//
//go:noinline
func (d *deployment) refused(used creds.Credentials, from *creds.Source, resp *upstream.Response, failing func() diagnose.Case) error {
	body := transport.ReadErrorBody(resp, used.BearerToken(), used.SessionToken())
	h := resp.Header
	c := failing()
	c.APIKey = used.BearerToken() != ""
	if key, ok := used.ShortTermKey(); ok {
		c.KeyRegion = key.Region
	}
	c.Served, _ = http.ParseTime(h.Get("Date")) // if it is missing, AWS's message has the times
	fault := wire.DecodeFault(resp.Status, h.Get("X-Amzn-Errortype"), h.Get("X-Amzn-Requestid"), h.Get("Retry-After"), body)
	if api := openai.API(c.Target.API); api == openai.Chat || api == openai.Responses {
		openai.Read(fault, body)
	}
	e := diagnose.Fault(fault, c)
	if jsonx.Valid(body) {
		e.Body = body
	}
	if e.UpstreamStatus != http.StatusBadRequest && (e.Code == llm.CodeCredentialsExpired || e.Code == llm.CodeCredentialsInvalid) { // a key may have been replaced
		e.Retry = llm.RetryNo
		if from.Invalidate(used) {
			e.Retry = llm.RetryAfterRefresh
		}
	}
	return e
}

// stream is a response of ConverseStream.
type stream struct {
	*call
	reader *wire.Reader
}

func (s *stream) Next(ev *llm.Event) error {
	err := s.reader.Next(ev)
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return s.failed(err)
}

func (s *stream) More() bool { return s.reader.More() }

// buffer is memory for a request body or a non-streaming response.
type buffer struct{ bytes []byte }

// readFrom reads r to its end. The error is that of bodyFault.
func (b *buffer) readFrom(ctx context.Context, r io.Reader) (err error) {
	b.bytes, err = transport.AppendBody(ctx, b.bytes, r)
	return bodyFault(err)
}

// bodyFault is an error of package transport about a body: a *wire.Fault, or an *llm.Error if the
// memory budget is exhausted.
func bodyFault(err error) error {
	switch {
	case errors.Is(err, transport.ErrTooLarge):
		return &wire.Fault{Kind: wire.FaultLarge, Message: err.Error()}
	case errors.Is(err, transport.ErrCut):
		return &wire.Fault{Kind: wire.FaultCut, Message: err.Error(), Err: err}
	default:
		return err
	}
}

// buffer returns a buffer, preferably one of an earlier call.
func (d *deployment) buffer() *buffer {
	if b, ok := d.identities.buffers.Get().(*buffer); ok {
		return b
	}
	return &buffer{bytes: make([]byte, 0, 4<<10)}
}

// release keeps a buffer for the next call, unless it is unusually large.
func (d *deployment) release(b *buffer) {
	if cap(b.bytes) <= 4<<20 {
		d.identities.buffers.Put(b)
	}
}
