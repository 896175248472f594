package claude

import (
	"bytes"
	"context"
	"regexp"
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/internal/lazyregexp"
	"outcrop/llm"
	"outcrop/wire/anthropic"
	"outcrop/wire/litellm"
)

// Pass makes one call for a complete message with a body in Anthropic's dialect.
func (t *Target) Pass(ctx context.Context, raw *llm.Raw) (*llm.RawResponse, error) {
	x, err := t.pass(ctx, raw, Message)
	if err != nil {
		return nil, err
	}
	body, err := x.body(ctx)
	if err != nil {
		return nil, err
	}
	a, err := anthropic.ReadAnswer(body, raw.Model)
	if err != nil {
		return nil, x.failed(answerError(err))
	}
	return &llm.RawResponse{Meta: x.meta, Body: a.Bytes(), Usage: a.Usage, RawStop: a.RawStop, Uncounted: !a.Counted, ServiceTier: a.ServiceTier}, nil
}

// foreign finds the beginning of a signature of another provider's, which Claude refuses.
var foreign = lazyregexp.New(`"signature"\s*:\s*"(` + regexp.QuoteMeta(llm.GeminiMark) + `|` + regexp.QuoteMeta(llm.ResponsesMark) + `)`)

// Takes reports whether the body can pass through. One with the reasoning of other providers is translated, which
// leaves that out, if the call can be.
func (*Target) Takes(verb llm.Verb, raw *llm.Raw) bool {
	translated := verb == llm.VerbChat || verb == llm.VerbCount
	return !translated || !bytes.Contains(raw.Body, []byte(`"signature"`)) || !foreign.Match(raw.Body)
}

// PassStream makes one call for a stream with a body in Anthropic's dialect.
func (t *Target) PassStream(ctx context.Context, raw *llm.Raw) (llm.RawStream, error) {
	x, err := t.pass(ctx, raw, Stream)
	if err != nil {
		return nil, err
	}
	events, err := x.events()
	if err != nil {
		return nil, err
	}
	return &rawStream{events: events, relay: anthropic.Relay{Model: raw.Model}}, nil
}

func (t *Target) pass(ctx context.Context, raw *llm.Raw, op Operation) (*exchange, error) {
	body, err := t.edited(raw, op)
	if err != nil {
		return nil, err
	}
	return t.post(ctx, op, raw.Headers, body, nil)
}

// edited is a body in Anthropic's dialect with the target's name for the model, and without what is
// for the gateway. It refuses settings of connections, which may be secret.
func (t *Target) edited(raw *llm.Raw, op Operation) ([][]byte, error) {
	edits := slices.Concat(t.opt.Host.Edits(op), []jsonx.Edit{{Name: "drop_params"}})
	if !slices.ContainsFunc(edits, func(e jsonx.Edit) bool { return e.Name == "model" }) {
		edits = append(edits, jsonx.Edit{Name: "model", Value: jsonx.AppendString(nil, t.opt.Model), Add: true})
	}
	return jsonx.EditMembers(raw.Body, edits, litellm.CheckField)
}
