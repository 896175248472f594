package openaicompat

import (
	"context"
	"errors"
	"io"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	wire "outcrop/wire/openaichat"
)

// Dialect is how the chats and embeddings of a vendor are written if they are not OpenAI's. The address, the key, the
// errors and everything else of the vendor are as for all others.
type Dialect interface {
	// AppendRequest writes a request for a model. It returns what it changed or left out; an error is
	// an *llm.Error.
	AppendRequest(w *jsonx.Writer, req *llm.Request, model string) ([]llm.Warning, error)
	// DecodeResponse reads a complete response. An error that is a Refusal is the vendor's.
	DecodeResponse(body []byte) (*llm.Response, error)
	// NewReader makes the reader of a streaming response.
	NewReader(body io.Reader) EventReader
	// Embeddings makes the calls that a request for embeddings needs, at least one. It returns what it
	// changed or left out; an error is an *llm.Error.
	Embeddings(req *llm.EmbedRequest, model string) ([]EmbedCall, []llm.Warning, error)
	// DecodeModels reads the vendor's list of models: their IDs, and what else it says.
	DecodeModels(body []byte) ([]provider.Model, error)
	// Fix is the next step for a refusal of a model; empty for the one that all vendors share.
	Fix(code llm.Code, model string) string
}

// EventReader reads a streaming response.
type EventReader interface {
	// Append reads the next event of the body, and appends what it becomes, which may be nothing. The
	// error is io.EOF at the end of a complete response, and io.ErrUnexpectedEOF or another one if it
	// broke off. An error that is a Refusal is the vendor's.
	Append(events []llm.Event) ([]llm.Event, error)
	// More reports whether the next event is already there.
	More() bool
}

// Refusal is an error in a response that began as a success.
type Refusal interface {
	error
	// Refusal is the vendor's error, as JSON.
	Refusal() []byte
}

// EmbedCall is one call for the vectors of some inputs.
type EmbedCall struct {
	Body [][]byte
	// Inputs are the indices of the inputs, in the order of the vectors of the response.
	Inputs []int
	// Decode reads the response. Of Meta, only Warnings and Price are used.
	Decode func(body []byte) (*llm.EmbedResponse, error)
}

// With returns the vendor with a dialect for its chats and embeddings.
func (v *Vendor) With(d Dialect) *Vendor {
	own := *v
	own.dialect = d
	own.overrides.Open = own.open // with the dialect
	return &own
}

// nativeTarget is a model of a vendor with a dialect of its own. No body passes through.
type nativeTarget struct{ *target }

// Complete makes one call for a complete response.
func (t *nativeTarget) Complete(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	x, err := t.call(ctx, req, false)
	if err != nil {
		return nil, err
	}
	return x.decoded(ctx, func(body []byte) (*llm.Response, error) {
		resp, err := t.d.vendor.dialect.DecodeResponse(body)
		return resp, reported(err)
	})
}

// Stream makes one call for a streaming response.
func (t *nativeTarget) Stream(ctx context.Context, req *llm.Request) (llm.Stream, error) {
	x, err := t.call(ctx, req, true)
	if err != nil {
		return nil, err
	}
	return &nativeStream{exchange: x, reader: t.d.vendor.dialect.NewReader(x.events())}, nil
}

// call encodes a request and sends it.
func (t *nativeTarget) call(ctx context.Context, req *llm.Request, stream bool) (*exchange, error) {
	own := *req
	own.Stream = stream
	w := jsonx.Writer{SplitLarge: true}
	warnings, err := t.d.vendor.dialect.AppendRequest(&w, &own, t.id)
	if err != nil {
		return nil, err
	}
	return t.post(ctx, APIChat, t.address(stream), req.Headers, w.Segments(), warnings)
}

// reported is the vendor's refusal in an error that carries one; otherwise the error itself.
func reported(err error) error {
	if own, ok := errors.AsType[Refusal](err); ok {
		return wire.DecodeRefusal(200, own.Refusal())
	}
	return err
}

// nativeStream is a streaming response in a vendor's dialect.
type nativeStream struct {
	*exchange
	reader EventReader

	queue llm.EventQueue
}

func (s *nativeStream) Next(ev *llm.Event) error { return s.queue.Next(ev, s.read) }

// read appends what the next event of the body becomes.
func (s *nativeStream) read(events []llm.Event) ([]llm.Event, error) {
	events, err := s.reader.Append(events)
	if err != nil {
		return events, s.ended(err)
	}
	return events, nil
}

// ended is the error that Next returns for one of the reader.
func (s *nativeStream) ended(err error) error {
	var invalid *jsonx.Error
	var refusal Refusal
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case errors.As(err, &refusal), errors.As(err, &invalid):
		return s.failed("stream", reported(err))
	default:
		return s.Broken(err)
	}
}

func (s *nativeStream) More() bool { return s.queue.More(s.read, s.reader.More) }

var _ provider.Chatter = (*nativeTarget)(nil)
