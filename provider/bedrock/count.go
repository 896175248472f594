package bedrock

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock/converse"
	"outcrop/provider/bedrock/inventory"
	"outcrop/provider/bedrock/invoke"
	wire "outcrop/wire/converse"
)

// CountTokens makes one call of CountTokens with a request of Converse. AWS counts for some models
// only (https://docs.aws.amazon.com/bedrock/latest/userguide/count-tokens.html); which ones it
// refuses is learned.
func (w *target) CountTokens(ctx context.Context, req *llm.Request) (*llm.Count, error) {
	ctx = withSession(ctx, &req.Call)
	if w.noCount {
		return nil, w.countless()
	}
	if w.invokes() {
		return w.countChat(ctx, req)
	}
	screened, warnings := w.screened(req)
	fitted, err := converse.Adapt(w.model, screened, false)
	if err != nil {
		return nil, err
	}
	var body jsonx.Writer
	if _, err := wire.WriteRequest(&body, &fitted.Request); err != nil {
		return nil, err
	}
	input, err := countInput(body.Buf)
	if err != nil {
		return nil, err
	}
	return w.count(ctx, input, req.Names, &fitted.Request, sentBetas(screened), slices.Concat(warnings, fitted.Warnings))
}

// CountRaw makes one call of CountTokens with a body of the Messages API, as InvokeModel would get it.
func (w *target) CountRaw(ctx context.Context, raw *llm.Raw) (*llm.Count, error) {
	ctx = withSession(ctx, &raw.Call)
	if w.noCount {
		return nil, w.countless()
	}
	betas, _ := invoke.Betas(raw.Headers)
	opt := w.invokeOptions(&raw.Call)
	opt.Count, opt.Guardrail = true, raw.Guardrail
	adapted, err := invoke.Adapt(w.invokeModel, raw.Body, betas, opt)
	if err != nil {
		return nil, err
	}
	return w.count(ctx, invokeInput(adapted), raw.Names, nil, adapted.Betas, adapted.Warnings)
}

// countChat counts the tokens of a request that InvokeModel serves.
func (w *target) countChat(ctx context.Context, req *llm.Request) (*llm.Count, error) {
	fitted, err := converse.Adapt(w.model, req, false)
	if err != nil {
		return nil, err
	}
	opt := w.invokeOptions(&req.Call)
	opt.Count = true
	adapted, err := invoke.Encode(w.invokeModel, &fitted.Request, opt)
	if err != nil {
		return nil, err
	}
	return w.count(ctx, invokeInput(adapted), req.Names, &fitted.Request, adapted.Betas, slices.Concat(fitted.Warnings, adapted.Warnings))
}

// count makes one call of CountTokens. req is nil if there is none in the common language; betas are
// those in the body.
func (w *target) count(ctx context.Context, input []byte, names llm.Names, req *llm.Request, betas []string, warnings []llm.Warning) (*llm.Count, error) {
	x, err := w.post(ctx, opCountTokens, opCountTokens, jsonHeader(), [][]byte{input}, names, req, false)
	if err != nil {
		return nil, w.uncounted(blame(err, betas))
	}
	answer, err := x.body(ctx)
	if err != nil {
		return nil, err
	}
	var counted struct {
		Tokens *int64 `json:"inputTokens"`
	}
	if err := jsonx.Unmarshal(answer, &counted); err != nil || counted.Tokens == nil {
		return nil, x.failed(&wire.Fault{Kind: wire.FaultCorrupt, Message: "it has no inputTokens", Err: err})
	}
	x.meta.Warnings = append(x.meta.Warnings, warnings...)
	return &llm.Count{Tokens: *counted.Tokens, Meta: x.meta}, nil
}

// uncounted returns the error for a failed count: that the model cannot count if AWS says so, or if
// it is not one of those that can, whatever AWS has against the request. The former is remembered.
func (w *target) uncounted(err error) error {
	e := llm.AsError(err)
	switch {
	case !e.Upstream || e.UpstreamStatus != http.StatusBadRequest && (w.claude() || e.UpstreamStatus/100 != 4):
		return err
	case strings.Contains(e.Message, "counting tokens"):
		w.d.account.Refuses(inventory.CountTokens, w.destination.ID, w.destination.Region)
		return w.countless()
	case w.claude():
		return err
	default:
		return w.countless()
	}
}

// countless is the error for a model whose tokens AWS does not count.
func (w *target) countless() error {
	e := llm.Unsupported("model", "AWS does not count tokens for the model %s", w.destination.ID)
	e.Code, e.Destination = llm.CodeFeature, w.destination
	return e
}

// invokeInput is the body of CountTokens for a body of InvokeModel
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelTokensRequest.html).
func invokeInput(a *invoke.Adapted) []byte {
	var w jsonx.Writer
	w.Object()
	w.Key("input")
	w.Object()
	w.Key("invokeModel")
	w.Object()
	w.Key("body")
	w.Base64(llm.EncodeBase64(slices.Concat(a.Body...)).Bytes())
	w.EndObject()
	w.EndObject()
	w.EndObject()
	return w.Buf
}

// countInput is the body of CountTokens for a body of Converse, of which it takes the members that
// have tokens
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseTokensRequest.html).
func countInput(body jsonx.Raw) ([]byte, error) {
	members, err := jsonx.Members(body)
	if err != nil {
		return nil, err
	}
	w := jsonx.Writer{Buf: make([]byte, 0, len(body)+32)}
	w.Object()
	w.Key("input")
	w.Object()
	w.Key("converse")
	w.Object()
	for _, m := range members {
		switch m.Name {
		case "messages", "system", "toolConfig", "additionalModelRequestFields":
			w.AnyKey(m.Name)
			w.Raw(m.Value)
		}
	}
	w.EndObject()
	w.EndObject()
	w.EndObject()
	return w.Buf, nil
}

var (
	_ provider.Counter    = (*target)(nil)
	_ provider.RawCounter = (*target)(nil)
)
