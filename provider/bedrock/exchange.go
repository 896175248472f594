package bedrock

import (
	"context"
	"net/http"
	"slices"

	"outcrop/llm"
	"outcrop/provider/bedrock/diagnose"
	"outcrop/provider/bedrock/sign"
	"outcrop/upstream"
)

// exchange is a call that AWS has accepted, of whatever API.
type exchange struct {
	target *target
	names  llm.Names
	req    *llm.Request // nil if there is none in the common language
	stream bool
	resp   *upstream.Response
	meta   llm.Meta
	closed bool
}

// post sends a body to an operation on the target. api is the operation's name in the record and in
// errors. names are those of the client's request, and req is nil if there is none in the common
// language.
func (w *target) post(ctx context.Context, operation, api string, header http.Header, body [][]byte, names llm.Names, req *llm.Request, stream bool) (*exchange, error) {
	u, path := w.operation(operation)
	to := w.destination
	to.API = api
	failing := func() diagnose.Case {
		c := w.failing(req, stream)
		c.Target, c.Names = to, names
		return c
	}
	resp, err := w.d.send(ctx, &sign.Request{Method: http.MethodPost, Host: w.host, Path: path, Header: header, Body: body}, u, &to, failing)
	if err != nil {
		return nil, err
	}
	meta := llm.Meta{Destination: to, UpstreamID: resp.Header.Get("X-Amzn-Requestid"), Price: w, Warnings: slices.Clip(w.warnings)}
	return &exchange{target: w, names: names, req: req, stream: stream, resp: resp, meta: meta}, nil
}

// failed is the error for a response that failed after AWS had accepted the call.
func (x *exchange) failed(err error) *llm.Error {
	c := x.target.failing(x.req, x.stream)
	c.Target, c.Names = x.meta.Destination, x.names
	e := diagnose.Stream(err, c)
	if e.RequestID == "" {
		e.RequestID = x.meta.UpstreamID
	}
	return e
}

// body reads a complete response and closes it. Its memory is charged to the lease in ctx and stays
// charged.
func (x *exchange) body(ctx context.Context) ([]byte, error) {
	defer x.resp.Body.Close()
	body, err := readWhole(ctx, x.resp)
	if err != nil {
		return nil, x.failed(err)
	}
	return body, nil
}

// Meta describes where the response came from.
func (x *exchange) Meta() *llm.Meta { return &x.meta }

// Close ends the call. It may be called more than once.
func (x *exchange) Close() error {
	if x.closed {
		return nil
	}
	x.closed = true
	return x.resp.Body.Close()
}
