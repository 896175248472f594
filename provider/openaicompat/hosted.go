package openaicompat

import (
	"context"
	"io"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/upstream"
	wire "outcrop/wire/openaichat"
)

// Signer is an Endpoint whose requests are authenticated as a whole, as AWS's signatures do. Its
// Authorize is not called, and no requests are forwarded to it.
type Signer interface {
	// Sign authenticates a request that is complete, and returns the secrets in its headers. A failure
	// is an *llm.Error.
	Sign(ctx context.Context, r *upstream.Request) (secrets []string, err error)
}

// Unwrapper is an Endpoint whose streaming responses are wrapped in other frames.
type Unwrapper interface {
	// Unwrap gives what is in the frames of a response. An *llm.Error of a read is the stream's.
	Unwrap(resp *upstream.Response, secrets []string, to llm.Destination) io.Reader
}

// Relayer is an Endpoint that passes on refusals of the model's own server.
type Relayer interface {
	// Relayed returns the server's refusal in a response with an error status; nil if the refusal is the
	// endpoint's own.
	Relayed(resp *upstream.Response, body []byte) *wire.RefusalError
	// Explain completes the error of such a refusal: its cause, and the next step.
	Explain(e *llm.Error, body []byte)
}

// ModelReader is an Endpoint that lists its models by an API of its own.
type ModelReader interface {
	// ReadModels reads the whole list. Of each model it fills in what the list says. A failure is an
	// *llm.Error.
	ReadModels(ctx context.Context) ([]provider.Model, error)
}

// Regional is an Endpoint in a region.
type Regional interface {
	// Region is the provider's name of the region.
	Region() string
}

// region is the region of the endpoint; empty if it has none.
func (d *Deployment) region() string {
	if r, ok := d.end.(Regional); ok {
		return r.Region()
	}
	return ""
}

// events is the body of a streaming response, without frames around it.
func (x *exchange) events() io.Reader {
	if u, ok := x.t.d.end.(Unwrapper); ok {
		return u.Unwrap(x.resp, x.secrets, x.meta.Destination)
	}
	return x.resp.Body
}

// authenticate adds the credentials to a request, and returns the secrets among them.
func (d *Deployment) authenticate(ctx context.Context, r *upstream.Request) ([]string, error) {
	if s, ok := d.end.(Signer); ok {
		return s.Sign(ctx, r)
	}
	return d.end.Authorize(ctx, r.Header)
}

// relayed is the error for a refusal of the server behind the endpoint; nil if it is the endpoint's.
func (d *Deployment) relayed(resp *upstream.Response, body []byte, to llm.Destination) *llm.Error {
	relayer, ok := d.end.(Relayer)
	if !ok {
		return nil
	}
	r := relayer.Relayed(resp, body)
	if r == nil {
		return nil
	}
	e := d.diagnose(r, to)
	e.UpstreamStatus = resp.Status
	relayer.Explain(e, body)
	return e
}
