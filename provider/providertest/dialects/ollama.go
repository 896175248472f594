package dialects

import (
	"errors"
	"fmt"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/providertest"
)

// Ollama speaks Ollama's chat API as it is documented (https://docs.ollama.com/api/chat).
type Ollama struct{}

func ollamaPiece(message, rest string) string {
	return `{"model":"rock","created_at":"2026-11-29T03:00:00.123456Z","message":{"role":"assistant",` + message + `},` + rest + `}`
}

func ollamaDone(a *providertest.Answer) string {
	reason := "stop"
	if a.Stop == llm.StopMaxTokens {
		reason = "length"
	}
	return fmt.Sprintf(`"done":true,"done_reason":%q,"total_duration":5043500667,"load_duration":5025959,"prompt_eval_count":%d,"prompt_eval_duration":325953000,"eval_count":%d,"eval_duration":4709213000`, reason, a.Input, a.Output)
}

func ollamaCalls(calls ...providertest.Call) string {
	var all []string
	for i, c := range calls {
		all = append(all, fmt.Sprintf(`{"id":%s,"function":{"index":%d,"name":%s,"arguments":%s}}`, quoted(c.ID), i, quoted(c.Name), c.Arguments))
	}
	return `"tool_calls":[` + strings.Join(all, ",") + `]`
}

// Whole is the body of a complete response.
func (Ollama) Whole(a *providertest.Answer) string {
	message := `"content":` + quoted(a.Text)
	if a.Reasoning != "" {
		message += `,"thinking":` + quoted(a.Reasoning)
	}
	if len(a.Calls) > 0 {
		message += "," + ollamaCalls(a.Calls...)
	}
	return ollamaPiece(message, ollamaDone(a))
}

// Events are the lines of a streaming response.
func (Ollama) Events(a *providertest.Answer) []string {
	var out []string
	line := func(message string) { out = append(out, ollamaPiece(message, `"done":false`)+"\n") }
	if a.Reasoning != "" {
		for _, piece := range halves(a.Reasoning) {
			line(`"content":"","thinking":` + quoted(piece))
		}
	}
	if a.Text != "" {
		r := []rune(a.Text)
		for _, piece := range append([]string{string(r[:1])}, halves(string(r[1:]))...) {
			line(`"content":` + quoted(piece))
		}
	}
	for _, c := range a.Calls {
		line(`"content":"",` + ollamaCalls(c))
	}
	return append(out, ollamaPiece(`"content":""`, ollamaDone(a))+"\n")
}

// Corrupt is a line that is cut.
func (Ollama) Corrupt() string { return `{"model":"rock","message":{"role":"assi` + "\n" }

// Asked reads the body of a request.
func (Ollama) Asked(body []byte) (*providertest.Question, error) {
	var r struct {
		Model    string `json:"model"`
		Stream   *bool  `json:"stream"`
		Messages []struct {
			Role     string   `json:"role"`
			Content  string   `json:"content"`
			Thinking string   `json:"thinking"`
			Images   []string `json:"images"`
			ToolName string   `json:"tool_name"`
			CallID   string   `json:"tool_call_id"`
			Calls    []struct {
				ID       string `json:"id"`
				Function struct {
					Name      string    `json:"name"`
					Arguments jsonx.Raw `json:"arguments"`
				} `json:"function"`
			} `json:"tool_calls"`
		} `json:"messages"`
		Tools []struct {
			Type     string `json:"type"`
			Function struct {
				Name        string    `json:"name"`
				Description string    `json:"description"`
				Parameters  jsonx.Raw `json:"parameters"`
			} `json:"function"`
		} `json:"tools"`
		Format  jsonx.Raw `json:"format"`
		Options struct {
			MaxTokens int64    `json:"num_predict"`
			Stop      []string `json:"stop"`
		} `json:"options"`
	}
	if err := strict(body, &r); err != nil {
		return nil, err
	}
	if r.Stream == nil {
		return nil, errors.New("without stream, the API streams")
	}
	q := &providertest.Question{MaxTokens: r.Options.MaxTokens, Stop: r.Options.Stop, Schema: string(r.Format)}
	for _, t := range r.Tools {
		q.Tools = append(q.Tools, t.Function.Name)
	}
	for _, m := range r.Messages {
		switch m.Role {
		case "system":
			q.System = m.Content
		case "user":
			q.Text = m.Content
			if len(m.Images) > 0 {
				q.Image = m.Images[0]
			}
		case "assistant":
			for _, c := range m.Calls {
				if c.Function.Arguments.Kind() != '{' {
					return nil, errors.New("arguments are an object")
				}
				q.Past = &providertest.Call{ID: c.ID, Name: c.Function.Name, Arguments: string(c.Function.Arguments)}
			}
		case "tool":
			if q.Past == nil || m.CallID != q.Past.ID || m.ToolName != q.Past.Name {
				return nil, fmt.Errorf("a result of %q", m.ToolName)
			}
			q.Result = m.Content
		default:
			return nil, fmt.Errorf("a message of the role %q", m.Role)
		}
	}
	if q.Past != nil {
		q.Text = ""
	}
	return q, nil
}

// Refusals are refusals in Ollama's form. Those about keys and limits are of its cloud, and the one of
// a filter of what may stand between.
func (Ollama) Refusals() []providertest.Refusal {
	refusal := func(status int, message string, code llm.Code) providertest.Refusal {
		return providertest.Refusal{Status: status, Body: `{"error":` + quoted(message) + `}`, Words: message, Code: code}
	}
	return []providertest.Refusal{
		refusal(429, "too many concurrent requests", llm.CodeLimitRequests),
		refusal(401, "unauthorized", llm.CodeAPIKeyInvalid),
		refusal(403, "access to this model is forbidden", llm.CodeNotGranted),
		refusal(400, "the input length exceeds the context length", llm.CodeTooLong),
		refusal(400, "the prompt was flagged", llm.CodeContentFiltered),
		refusal(404, "model 'rock-1' not found", llm.CodeModelUnknown),
		refusal(402, "this model requires a subscription", llm.CodeBilling),
		refusal(400, `invalid option "num_ctx": must be of type integer`, llm.CodeInvalid),
		refusal(400, `registry.ollama.ai/library/rock-1:latest does not support tools`, llm.CodeFeature),
		refusal(503, "server busy, please try again.  maximum pending requests exceeded", llm.CodeUnavailable),
		refusal(500, "llama runner process has terminated: exit status 2", llm.CodeServiceInternal),
	}
}

// Raw is not called: no body passes through.
func (Ollama) Raw(*providertest.Question, string, bool) []byte { return nil }

// Read is not called.
func (Ollama) Read([]byte, bool) (*providertest.Answer, error) {
	return nil, errors.New("the dialect is no client's")
}
