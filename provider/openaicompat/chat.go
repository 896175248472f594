package openaicompat

import (
	"context"
	"errors"
	"io"
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/transport"
	wire "outcrop/wire/openaichat"
	"outcrop/wire/sse"
)

// Complete makes one call of chat completions, or of Responses.
func (t *target) Complete(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	if t.byResponses(req) {
		resp, err := t.completeResponse(ctx, req)
		if err == nil || !t.withoutResponses() {
			return resp, err
		}
	}
	x, err := t.call(ctx, req, false)
	switch {
	case err != nil && t.refusesTools(err):
		resp, other := t.completeResponse(ctx, req)
		if other == nil || !t.withoutResponses() {
			return resp, other
		}
		return nil, err // which says what the caller can do
	case err != nil:
		return nil, err
	}
	return x.decoded(ctx, func(body []byte) (*llm.Response, error) { return wire.DecodeResponse(body, t.reading()) })
}

// decoded reads a complete response.
func (x *exchange) decoded(ctx context.Context, decode func(body []byte) (*llm.Response, error)) (*llm.Response, error) {
	body, err := x.body(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := decode(body)
	if err != nil {
		return nil, x.reported("response", err)
	}
	found := resp.Meta.Warnings
	resp.Meta = x.meta
	resp.Meta.Warnings = append(slices.Clip(x.meta.Warnings), found...)
	return resp, nil
}

// Stream makes one call of chat completions, or of Responses, with a streaming response.
func (t *target) Stream(ctx context.Context, req *llm.Request) (llm.Stream, error) {
	if t.byResponses(req) {
		stream, err := t.streamResponse(ctx, req)
		if err == nil || !t.withoutResponses() {
			return stream, err
		}
	}
	x, err := t.call(ctx, req, true)
	switch {
	case err != nil && t.refusesTools(err):
		stream, other := t.streamResponse(ctx, req)
		if other == nil || !t.withoutResponses() {
			return stream, other
		}
		return nil, err
	case err != nil:
		return nil, err
	}
	return transport.NewStream(x, x.events(), &wire.EventReader{Options: t.reading()}), nil
}

func (t *target) reading() wire.ReadOptions {
	return wire.ReadOptions{ThinkTags: t.d.vendor.Quirks.ThinkTags}
}

// call encodes a request in OpenAI's format, makes the vendor's edits, and sends it.
func (t *target) call(ctx context.Context, req *llm.Request, stream bool) (*exchange, error) {
	own := *req
	own.Stream = stream
	warnings := t.sampling(&own)
	buf := t.d.client.Buffer()
	defer t.d.client.Release(buf)
	w := jsonx.Writer{Buf: (*buf)[:0]}
	encoded, err := wire.AppendRequest(&w, &own, t.name, &t.d.vendor.form)
	if err != nil {
		return nil, err
	}
	*buf, warnings = w.Buf, append(warnings, encoded...)
	edit := t.edit(req.DropParams)
	edit.Name = func(member string) string { return req.FieldName(wire.FieldOf(member)) }
	pieces, changed, err := edit.Apply(w.Buf)
	if err != nil {
		return nil, err
	}
	return t.post(ctx, APIChat, t.address(stream), req.Headers, pieces, append(warnings, changed...))
}

// sampling drops a setting that the vendor does not have, if it is optional.
func (t *target) sampling(req *llm.Request) []llm.Warning {
	if !req.TopK.Set || !req.SamplingOptional || !t.d.vendor.edits.Unsupported["top_k"] {
		return nil
	}
	req.TopK = llm.Opt[int64]{}
	return []llm.Warning{{Code: llm.WarnDropped, Field: req.FieldName(llm.Field{Kind: llm.FieldTopK})}}
}

func (t *target) edit(dropParams bool) wire.Edit {
	return wire.Edit{Edits: &t.d.vendor.edits, Model: t.name, Usage: true, DropParams: dropParams}
}

// Broken is the error for a stream that ended too early.
func (x *exchange) Broken(err error) error {
	if errors.Is(err, sse.ErrMalformed) || errors.Is(err, sse.ErrTooLarge) {
		return x.failed("stream", err)
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	e := transport.Interrupted(x.t.d.vendor.Title, err, x.meta.Destination)
	if e.RequestID == "" {
		e.RequestID = x.meta.UpstreamID
	}
	if e.Actor == "" && e.Code == llm.CodeInterrupted {
		e.Actor = llm.ActorProvider
	}
	return e
}

var _ provider.Chatter = (*target)(nil)
