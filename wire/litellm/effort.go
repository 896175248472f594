package litellm

import (
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// EffortOf is the effort, in OpenAI's words, for Anthropic's setting thinking; empty if thinking is disabled,
// because models that do not think refuse every effort. Budgets become the efforts that LiteLLM makes of them
// (litellm/constants.py, DEFAULT_REASONING_EFFORT_*_THINKING_BUDGET, 1.110.2). field is the client's name of
// the setting, for the error, which is an *llm.Error.
func EffortOf(field string, thinking jsonx.Raw) (string, error) {
	var t struct {
		Type   string          `json:"type"`
		Budget Optional[int64] `json:"budget_tokens"`
		Rest   jsonx.Raw       `json:",embed"`
	}
	if err := jsonx.Unmarshal(thinking, &t); err != nil {
		e := llm.AsError(DecodeError(err))
		if e.Param != "" {
			field += "." + e.Param
		}
		return "", llm.Invalid(field, "%s %s", field, strings.TrimSpace(strings.TrimPrefix(e.Message, e.Param)))
	}
	switch {
	case t.Type == "disabled":
		return "", nil
	case t.Type == "adaptive" || !t.Budget.Set:
		return "medium", nil
	case t.Budget.Value < 2048:
		return "low", nil
	case t.Budget.Value < 4096:
		return "medium", nil
	default:
		return "high", nil
	}
}
