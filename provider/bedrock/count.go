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
	"outcrop/provider/bedrock/diagnose"
	"outcrop/provider/bedrock/sign"
	wire "outcrop/wire/converse"
)

// CountTokens makes one call of CountTokens, which AWS serves for some models only
// (https://docs.aws.amazon.com/bedrock/latest/userguide/count-tokens.html).
func (w *target) CountTokens(ctx context.Context, req *llm.Request) (*llm.Count, error) {
	if w.described.Vendor != "anthropic" {
		return nil, w.countless()
	}
	fitted, err := converse.Adapt(w.model, req, false)
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
	u, path := w.operation(opCountTokens)
	resp, err := w.d.send(ctx, &sign.Request{Method: http.MethodPost, Host: w.host, Path: path, Header: jsonHeader(), Body: [][]byte{input}}, u, &w.destination, func() diagnose.Case { return w.failing(&fitted.Request, false) })
	if err != nil {
		if e := llm.AsError(err); e.UpstreamStatus == http.StatusBadRequest && strings.Contains(e.Message, "counting tokens") {
			return nil, w.countless()
		}
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := readWhole(ctx, resp)
	if err != nil {
		return nil, diagnose.Stream(err, w.failing(&fitted.Request, false))
	}
	var counted struct {
		Tokens *int64 `json:"inputTokens"`
	}
	if err := jsonx.Unmarshal(answer, &counted); err != nil || counted.Tokens == nil {
		return nil, diagnose.Stream(&wire.Fault{Kind: wire.FaultCorrupt, Message: "it has no inputTokens", Err: err}, w.failing(&fitted.Request, false))
	}
	out := &llm.Count{Tokens: *counted.Tokens, Meta: w.metaOf(resp.Header.Get("X-Amzn-Requestid"))}
	out.Meta.Destination.API = opCountTokens
	out.Meta.Warnings = slices.Concat(w.warnings, fitted.Warnings)
	return out, nil
}

// countless is the error for a model whose tokens AWS does not count.
func (w *target) countless() error {
	e := llm.Unsupported("model", "AWS does not count tokens for the model %s", w.destination.ID)
	e.Code, e.Destination = llm.CodeFeature, w.destination
	return e
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

var _ provider.Counter = (*target)(nil)
