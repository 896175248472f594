package bedrock

import (
	"context"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/inventory"
	"outcrop/provider/bedrock/openai"
	"outcrop/provider/transport"
	"outcrop/wire/openairesponses"
)

// respond sends a client's body to the Responses API. If AWS refuses the model there, Converse serves it,
// this call included. own is what the response repeats.
func (w *target) respond(ctx context.Context, raw *llm.Raw, stream bool) (x *exchange, own openairesponses.Own, err error) {
	body, err := w.openai.Body(raw.Body)
	if err != nil {
		return nil, own, err
	}
	if x, err = w.postResponses(ctx, raw.Headers, body.Segments, &raw.Call, nil, stream); err != nil {
		return nil, own, err
	}
	x.meta.Warnings = append(x.meta.Warnings, body.Warnings...)
	return x, openairesponses.Own{Model: raw.Model, Tools: body.Tools}, nil
}

// postResponses sends a body to the Responses API, and notes if AWS refuses the model there. req is nil if there is
// none in the common language.
func (w *target) postResponses(ctx context.Context, headers []llm.Label, body [][]byte, c *llm.Call, req *llm.Request, stream bool) (*exchange, error) {
	x, err := w.postOpenAI(ctx, openai.Responses, headers, body, c, req, stream)
	if err != nil && !w.openai.OnMantle && lacksSurface(llm.AsError(err)) {
		w.openai.deaf.Store(true)
		w.d.account.Refuses(inventory.Responses, w.destination.ID, w.destination.Region)
	}
	return x, err
}

// lacksSurface reports whether a refusal says that the model, or the server, has no such API.
func lacksSurface(e *llm.Error) bool {
	return transport.Absent(e.UpstreamStatus) || e.Upstream && (e.Code == llm.CodeWrongSurface || e.Code == llm.CodeModelUnknown)
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
		return nil, x.Reported(err)
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
	return transport.NewRawStream(x, x.resp.Body, &uniqueIDs{Relay: openairesponses.Relay{Own: own}}), nil
}

// answersByResponses reports whether chats go by the Responses API: the model has no other API, or AWS has
// refused it at Converse.
func (w *target) answersByResponses() bool {
	s := &w.openai
	if s.Surface == nil || s.Path(openai.Chat) != nil || s.Path(openai.Responses) == nil {
		return false
	}
	return s.OnMantle || w.responds() && (w.noConverse || w.facts != nil && w.facts.Converse == catalog.No)
}

// askResponses sends a request of the common language to the Responses API.
func (w *target) askResponses(ctx context.Context, req *llm.Request, stream bool) (*exchange, error) {
	own := *req
	own.Stream = stream
	body := jsonx.Writer{SplitLarge: true}
	warnings, err := openairesponses.AppendRequest(&body, &own, w.openai.ID, &openairesponses.Form{Sealer: w.openai.Sealer(), Summary: w.openai.Sealer() != ""})
	if err != nil {
		return nil, err
	}
	x, err := w.postResponses(ctx, req.Headers, body.Segments(), &req.Call, req, stream)
	if err != nil {
		return nil, err
	}
	x.meta.Warnings = append(x.meta.Warnings, warnings...)
	return x, nil
}

// completeResponse gets a complete response of the Responses API in the common language.
func (w *target) completeResponse(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	x, err := w.askResponses(ctx, req, false)
	if err != nil {
		return nil, err
	}
	return x.decoded(ctx, func(body []byte) (*llm.Response, error) {
		var ids openairesponses.CallIDs
		return openairesponses.DecodeResponse(ids.Response(body), openairesponses.ReadOptions{Sealer: w.openai.Sealer()})
	})
}

// streamResponse gets a response of the Responses API as a stream in the common language.
func (w *target) streamResponse(ctx context.Context, req *llm.Request) (llm.Stream, error) {
	x, err := w.askResponses(ctx, req, true)
	if err != nil {
		return nil, err
	}
	reader := &uniqueCalls{EventReader: openairesponses.EventReader{Options: openairesponses.ReadOptions{Sealer: w.openai.Sealer()}}}
	return transport.NewStream(x, x.resp.Body, reader), nil
}

// uniqueCalls is a reader of the Responses API that makes the ids of calls unique.
type uniqueCalls struct {
	openairesponses.EventReader
	ids openairesponses.CallIDs
}

// Append appends what the data of an event becomes.
func (u *uniqueCalls) Append(events []llm.Event, data []byte) ([]llm.Event, error) {
	return u.EventReader.Append(events, u.ids.Event(data))
}

// uniqueIDs is a relay of the Responses API that makes the ids of calls unique.
type uniqueIDs struct {
	openairesponses.Relay
	ids openairesponses.CallIDs
}

// Next fills ev with the event for the client that the data of an event becomes.
func (u *uniqueIDs) Next(ev *llm.RawEvent, data []byte) error {
	return u.Relay.Next(ev, u.ids.Event(data))
}
