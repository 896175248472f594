package bedrock

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"outcrop/llm"
	"outcrop/provider/bedrock/converse"
	"outcrop/provider/bedrock/invoke"
	"outcrop/provider/bedrock/modelid"
)

// vendorAnthropic is the vendor of Claude.
const vendorAnthropic = "anthropic"

// claude reports whether the target is a Claude, which InvokeModel serves in Anthropic's own dialect.
func (w *target) claude() bool { return w.described.Vendor == vendorAnthropic }

// invokes reports whether chat calls go by InvokeModel: the model string asks for it, or Converse has
// refused the model.
func (w *target) invokes() bool {
	return w.claude() && !w.noInvoke && (w.route == modelid.Invoke || w.noConverse)
}

func (w *target) invokeOptions(c *llm.Call) invoke.Options {
	return invoke.Options{PassUnknownBetas: !c.DropUnknownBetas, DropParams: c.DropParams, NoFormat: w.noFormat, NoStrict: w.noStrict, Without: w.lacks, Suspects: w.suspects}
}

// screened returns a request for Converse without the betas that Bedrock refuses for a Claude. It is
// separate from call for the sake of the stack of open streams.
//
//go:noinline
func (w *target) screened(req *llm.Request) (*llm.Request, []llm.Warning) {
	if len(req.Headers) == 0 || !w.claude() {
		return req, nil
	}
	betas, rest := invoke.Betas(req.Headers)
	if len(betas) == 0 {
		return req, nil
	}
	kept, warnings := invoke.Screen(w.invokeModel, betas, w.invokeOptions(&req.Call))
	own := *req
	own.Headers = rest
	if len(kept) > 0 {
		own.Headers = append(slices.Clip(rest), llm.Label{Name: "anthropic-beta", Value: strings.Join(kept, ",")})
	}
	return &own, warnings
}

// invoked is a call of InvokeModel with a body in Anthropic's dialect that AWS has accepted.
type invoked struct{ *exchange }

// invokeClaude sends an adapted body. req is nil if there is none in the common language.
func (w *target) invokeClaude(ctx context.Context, adapted *invoke.Adapted, headers []llm.Label, names llm.Names, req *llm.Request, stream bool) (invoked, error) {
	op := opInvoke
	if stream {
		op = opInvokeStream
	}
	x, err := w.post(ctx, op, opInvoke, header(headers), adapted.Body, names, req, stream)
	if err != nil {
		return invoked{}, blame(err, adapted.Betas)
	}
	x.meta.Warnings = append(x.meta.Warnings, adapted.Warnings...)
	return invoked{x}, nil
}

// tier is the tier that served the call, which AWS reports in a header, or the one in the body.
func (c invoked) tier(inBody string) string {
	return cmp.Or(c.resp.Header.Get("X-Amzn-Bedrock-Service-Tier"), inBody)
}

// message makes one call of InvokeModel with a body of the Messages API.
func (w *target) message(ctx context.Context, raw *llm.Raw, stream bool) (invoked, error) {
	betas, headers := invoke.Betas(raw.Headers)
	opt := w.invokeOptions(&raw.Call)
	opt.Guardrail = raw.Guardrail
	adapted, err := invoke.Adapt(w.invokeModel, raw.Body, betas, opt)
	if err != nil {
		return invoked{}, err
	}
	headers = slices.Concat(headers, adapted.Headers, userHeader(&raw.Call, adapted))
	return w.invokeClaude(ctx, adapted, headers, raw.Names, nil, stream)
}

// userHeader is the header in which InvokeModel has requestMetadata, with the client's own user, as
// calls of Converse have it
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html).
func userHeader(c *llm.Call, adapted *invoke.Adapted) []llm.Label {
	set, warnings := converse.RequestMetadata(&llm.Call{User: c.User, Names: c.Names, Attribution: c.Attribution})
	adapted.Warnings = append(adapted.Warnings, warnings...)
	if set == nil {
		return nil
	}
	return []llm.Label{{Name: metadataHeader, Value: string(set)}}
}

// passMessage gets a complete message in Anthropic's dialect.
func (w *target) passMessage(ctx context.Context, raw *llm.Raw) (*llm.RawResponse, error) {
	c, err := w.message(ctx, raw, false)
	if err != nil {
		return nil, err
	}
	body, err := c.body(ctx)
	if err != nil {
		return nil, err
	}
	a, err := invoke.Whole(body, raw.Model)
	if err != nil {
		return nil, c.failed(err)
	}
	return &llm.RawResponse{Meta: c.meta, Body: a.Bytes(), Usage: a.Usage, RawStop: a.RawStop, Uncounted: !a.Counted, ServiceTier: c.tier(a.ServiceTier)}, nil
}

// passMessages gets a message as a stream in Anthropic's dialect.
func (w *target) passMessages(ctx context.Context, raw *llm.Raw) (llm.RawStream, error) {
	c, err := w.message(ctx, raw, true)
	if err != nil {
		return nil, err
	}
	reader := invoke.NewReader(c.resp.Body).Share(&w.d.identities.frames)
	return &messageStream{invoked: c, Relay: invoke.NewRelay(reader, raw.Model)}, nil
}

// messageStream is a response of InvokeModelWithResponseStream as server-sent events.
type messageStream struct {
	invoked
	*invoke.Relay
}

func (s *messageStream) Next(ev *llm.RawEvent) error {
	err := s.Relay.Next(ev)
	if err == nil && ev.Usage != nil {
		ev.ServiceTier = s.tier(ev.ServiceTier)
	}
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return s.failed(err)
}

// invokeChat makes a chat call by InvokeModel. It is separate from call for the sake of the stack of
// open streams.
//
//go:noinline
func (w *target) invokeChat(ctx context.Context, req *llm.Request, stream bool) (invoked, *converse.Adapted, error) {
	fitted, err := converse.Adapt(w.model, req, stream)
	if err != nil {
		return invoked{}, nil, err
	}
	fitted.Request.Model = req.Model
	w.limit(&fitted.Request)
	adapted, err := invoke.Encode(w.invokeModel, &fitted.Request, w.invokeOptions(&req.Call))
	if err != nil {
		return invoked{}, nil, err
	}
	c, err := w.invokeClaude(ctx, adapted, slices.Concat(fitted.Headers, adapted.Headers), req.Names, &fitted.Request, stream && !fitted.Whole)
	if err != nil {
		return invoked{}, nil, err
	}
	c.meta.Warnings = slices.Concat(c.meta.Warnings, fitted.Warnings)
	return c, fitted, nil
}

// defaultMaxTokens is for Claudes of which the catalogue has no limit; the oldest take as many.
const defaultMaxTokens = 4096

// limit sets max_tokens, which Anthropic's bodies must have, to what Converse has without it: the
// model's own limit.
func (w *target) limit(req *llm.Request) {
	if req.MaxTokens.Set {
		return
	}
	req.MaxTokens = llm.Some[int64](defaultMaxTokens)
	if w.facts != nil && w.facts.MaxOutput > 0 {
		req.MaxTokens.Value = w.facts.MaxOutput
	}
}

// completeChat gets a complete response to a chat call by InvokeModel.
func (w *target) completeChat(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	c, fitted, err := w.invokeChat(ctx, req, false)
	if err != nil {
		return nil, err
	}
	return c.whole(ctx, fitted)
}

func (c invoked) whole(ctx context.Context, fitted *converse.Adapted) (*llm.Response, error) {
	body, err := c.body(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := invoke.Decode(body)
	if err != nil {
		return nil, c.failed(err)
	}
	found := resp.Meta.Warnings
	resp.Meta = c.meta
	resp.Meta.Warnings = append(slices.Clip(c.meta.Warnings), found...)
	resp.ServiceTier = c.tier(resp.ServiceTier)
	fitted.Restore(resp)
	return resp, nil
}

// streamChat gets a streaming response to a chat call by InvokeModel.
//
//go:noinline
func (w *target) streamChat(ctx context.Context, req *llm.Request) (llm.Stream, error) {
	c, fitted, err := w.invokeChat(ctx, req, true)
	if err != nil {
		return nil, err
	}
	if !c.stream {
		resp, err := c.whole(ctx, fitted)
		if err != nil {
			return nil, err
		}
		return converse.StreamOf(resp), nil
	}
	reader := invoke.NewReader(c.resp.Body).Share(&w.d.identities.frames)
	return fitted.Stream(&chatStream{invoked: c, Events: invoke.NewEvents(reader)}), nil
}

// chatStream is a response of InvokeModelWithResponseStream in the common language.
type chatStream struct {
	invoked
	*invoke.Events
}

func (s *chatStream) Next(ev *llm.Event) error {
	err := s.Events.Next(ev)
	if err == nil && ev.Usage != nil {
		ev.ServiceTier = s.tier(ev.ServiceTier)
	}
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return s.failed(err)
}
