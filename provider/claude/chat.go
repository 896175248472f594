package claude

import (
	"context"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/converse"
	"outcrop/wire/anthropic"
)

// Complete makes one call for a complete message.
func (t *Target) Complete(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	x, fitted, err := t.chat(ctx, req, false)
	if err != nil {
		return nil, err
	}
	body, err := x.body(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := anthropic.ReadAnswer(body, ""); err != nil {
		return nil, x.failed(answerError(err))
	}
	resp, err := anthropic.DecodeResponse(body)
	if err != nil {
		return nil, x.failed(answerError(err))
	}
	found := resp.Meta.Warnings
	resp.Meta = x.meta
	resp.Meta.Warnings = append(slices.Clip(x.meta.Warnings), found...)
	fitted.Restore(resp)
	return resp, nil
}

// Stream makes one call for a message as a stream.
func (t *Target) Stream(ctx context.Context, req *llm.Request) (llm.Stream, error) {
	x, fitted, err := t.chat(ctx, req, true)
	if err != nil {
		return nil, err
	}
	events, err := x.events()
	if err != nil {
		return nil, err
	}
	return fitted.Stream(&chatStream{reader: events}), nil
}

// chat sends a request of the common language.
func (t *Target) chat(ctx context.Context, req *llm.Request, stream bool) (*exchange, *converse.Adapted, error) {
	fitted, err := t.fit(req, stream)
	if err != nil {
		return nil, nil, err
	}
	op := Message
	if stream {
		op = Stream
	}
	body, betas, err := t.encode(fitted, op)
	if err != nil {
		return nil, nil, err
	}
	x, err := t.post(ctx, op, slices.Concat(fitted.Headers, betas), body, fitted.Warnings)
	return x, fitted, err
}

// fit fits a request to the model.
func (t *Target) fit(req *llm.Request, stream bool) (*converse.Adapted, error) {
	fitted, err := converse.Adapt(t.model, req, stream)
	if err != nil {
		return nil, err
	}
	if out := &fitted.Request; !out.MaxTokens.Set { // which the API requires
		out.MaxTokens = llm.Some(t.most)
		if budget := thinkingBudget(out.ModelFields); budget >= t.most {
			out.MaxTokens.Value = budget + t.most
		}
	}
	return fitted, nil
}

// thinkingBudget is the budget that a fitted request asks for; 0 if it asks for none.
func thinkingBudget(fields []jsonx.Member) int64 {
	var set struct {
		Budget int64 `json:"budget_tokens"`
	}
	if raw := jsonx.Find(fields, "thinking"); raw == nil || jsonx.Unmarshal(raw, &set) != nil {
		return 0
	}
	return set.Budget
}

// usualRequest is the room for a request at first, in bytes.
const usualRequest = 1 << 10

// encode writes a fitted request, and returns the betas that it needs as a header.
func (t *Target) encode(fitted *converse.Adapted, op Operation) (body [][]byte, betas []llm.Label, err error) {
	req := fitted.Request
	req.ModelFields = slices.DeleteFunc(slices.Clone(req.ModelFields), func(m jsonx.Member) bool {
		if m.Name != "anthropic_beta" {
			return false
		}
		var words []string
		if jsonx.Unmarshal(m.Value, &words) == nil && len(words) > 0 {
			betas = append(betas, llm.Label{Name: "Anthropic-Beta", Value: strings.Join(words, ",")})
		}
		return true
	})
	add := func(name string, value jsonx.Raw) {
		if jsonx.Find(req.ModelFields, name) == nil {
			req.ModelFields = append(req.ModelFields, jsonx.Member{Name: name, Value: value})
		}
	}
	add("model", jsonx.AppendString(nil, t.opt.Model))
	switch op {
	case Count:
		req.MaxTokens, req.Temperature, req.TopP, req.TopK, req.Stop = llm.Opt[int64]{}, llm.Opt[float64]{}, llm.Opt[float64]{}, llm.Opt[int64]{}, nil
		req.ModelFields = slices.DeleteFunc(req.ModelFields, func(m jsonx.Member) bool { return m.Name == "top_k" })
	case Stream:
		add("stream", jsonx.Raw("true"))
		fallthrough
	case Message:
		if req.ServiceTier != "" {
			add("service_tier", jsonx.AppendString(nil, req.ServiceTier))
		}
		if req.User != "" {
			add("metadata", jsonx.Raw(`{"user_id":`+string(jsonx.AppendString(nil, req.User))+`}`))
		}
	}
	w := jsonx.Writer{SplitLarge: true, Buf: make([]byte, 0, usualRequest)}
	if err := anthropic.AppendRequest(&w, &req); err != nil {
		return nil, nil, err
	}
	edits := t.opt.Host.Edits(op)
	if len(edits) == 0 {
		return w.Segments(), betas, nil
	}
	body, err = jsonx.EditMembers(slices.Concat(w.Segments()...), edits, nil)
	return body, betas, err
}

// maxOutput is the limit of max_tokens for a Claude that is not known, by its name, or less: the API requires a limit,
// and refuses one that is too high (https://platform.claude.com/docs/en/about-claude/models/overview).
func maxOutput(name string) int64 {
	switch {
	case strings.HasPrefix(name, "claude-3-5-"):
		return 8192
	case strings.HasPrefix(name, "claude-3-7-"):
		return 64_000
	case strings.HasPrefix(name, "claude-3-"), strings.HasPrefix(name, "claude-2"), strings.HasPrefix(name, "claude-instant"):
		return 4096
	case strings.HasPrefix(name, "claude-opus-4-2"), strings.HasPrefix(name, "claude-opus-4-1"), name == "claude-opus-4", name == "claude-opus-4-0":
		return 32_000
	case strings.HasPrefix(name, "claude-"):
		return 64_000
	default: // an unknown model of a compatible server
		return 4096
	}
}
