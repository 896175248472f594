package model

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"

	"outcrop/emulator/bedrock/catalogue"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Thinking is Anthropic's setting in additionalModelRequestFields.
type Thinking struct {
	Type    string `json:"type"` // enabled, adaptive, disabled or between_tools; empty if not set
	Budget  *int64 `json:"budget_tokens"`
	Display string `json:"display"` // omitted drops the text
}

// ThinkingOf reads the setting of a request. It returns an error if the setting is not
// an object of the right form.
func ThinkingOf(req *llm.Request) (Thinking, error) {
	var t Thinking
	raw := req.Reasoning.Thinking
	for _, m := range req.ModelFields {
		if m.Name == "thinking" {
			raw = m.Value
		}
	}
	if raw == nil {
		return t, nil
	}
	err := jsonx.Unmarshal(raw, &t)
	return t, err
}

// On reports whether reasoning is enabled.
func (t Thinking) On() bool { return t.Type != "" && t.Type != "disabled" }

// thinks reports whether an answer begins with reasoning.
func thinks(info *catalogue.Model, req *llm.Request) bool {
	if info.Has(catalogue.AlwaysThinks) {
		return true
	}
	if info.Has(catalogue.ThinkingBudget) || info.Has(catalogue.ThinkingAdaptive) {
		t, err := ThinkingOf(req)
		return err == nil && t.On()
	}
	for _, m := range req.ModelFields {
		switch {
		case info.Has(catalogue.ReasoningEffort) && (m.Name == "reasoning_effort" || m.Name == "reasoning_config"):
			return true
		case info.Has(catalogue.ReasoningConfig) && m.Name == "reasoningConfig":
			var config struct {
				Type string `json:"type"`
			}
			return jsonx.Unmarshal(m.Value, &config) == nil && config.Type == "enabled"
		}
	}
	return false
}

// think returns the reasoning block of an answer.
func (m *Model) think(info *catalogue.Model, req *llm.Request, p *prompt, calls []toolCall) llm.Block {
	var b strings.Builder
	fmt.Fprintf(&b, "The user wrote %q.", firstRunes(p.text, 120))
	switch {
	case len(calls) > 0:
		names := make([]string, len(calls))
		for i, c := range calls {
			names[i] = c.tool
		}
		b.WriteString(" I need " + strings.Join(names, ", ") + " for that.")
	case len(p.results) > 0:
		fmt.Fprintf(&b, " I have %d tool results to report.", len(p.results))
	default:
		b.WriteString(" I can answer at once.")
	}
	text := b.String()
	switch {
	case info.Has(catalogue.RedactedReasoning):
		// Recorded redacted content is base64 of base64.
		inner := base64.StdEncoding.EncodeToString([]byte(text))
		return llm.Block{Kind: llm.BlockRedacted, Text: base64.StdEncoding.EncodeToString([]byte(inner))}
	case info.Has(catalogue.SignedReasoning):
		if t, err := ThinkingOf(req); err == nil && t.Display == "omitted" {
			text = ""
		}
		return llm.Block{Kind: llm.BlockReasoning, Text: text, Signature: m.seal(text)}
	default:
		return llm.Block{Kind: llm.BlockReasoning, Text: text}
	}
}

// seal returns the signature of a reasoning text.
func (m *Model) seal(text string) string {
	h := hmac.New(sha256.New, m.key[:])
	h.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// SealError reports a reasoning block that was sent back without its signature or with
// one that does not match its text.
type SealError struct {
	Turn, Block int
	Missing     bool
}

func (e *SealError) Error() string {
	if e.Missing {
		return fmt.Sprintf("messages.%d.content.%d.thinking.signature: Field required", e.Turn, e.Block)
	}
	return fmt.Sprintf("messages.%d.content.%d: Invalid `signature` in `thinking` block", e.Turn, e.Block)
}

// Verify checks the reasoning in a conversation with a model that signs it. A
// failure is a *SealError.
func (m *Model) Verify(info *catalogue.Model, req *llm.Request) error {
	if !info.Has(catalogue.SignedReasoning) {
		return nil
	}
	for i := range req.Turns {
		for j := range req.Turns[i].Blocks {
			b := &req.Turns[i].Blocks[j]
			switch {
			case b.Kind != llm.BlockReasoning:
			case b.Signature == "":
				return &SealError{Turn: i, Block: j, Missing: true}
			case !hmac.Equal([]byte(b.Signature), []byte(m.seal(b.Text))):
				return &SealError{Turn: i, Block: j}
			}
		}
	}
	return nil
}
