package dialects

import (
	"errors"
	"fmt"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/providertest"
)

// Cohere speaks version 2 of Cohere's chat API as it is documented
// (https://docs.cohere.com/v2/reference/chat). What the model says beside its calls is the tool_plan.
type Cohere struct{}

func cohereFinish(s llm.StopReason) string {
	switch s {
	case llm.StopMaxTokens:
		return "MAX_TOKENS"
	case llm.StopToolUse:
		return "TOOL_CALL"
	default:
		return "COMPLETE"
	}
}

func cohereUsage(a *providertest.Answer) string {
	cached := ""
	if a.Cached > 0 {
		cached = fmt.Sprintf(`,"cached_tokens":%d`, a.Cached)
	}
	return fmt.Sprintf(`{"billed_units":{"input_tokens":1,"output_tokens":%d},"tokens":{"input_tokens":%d.0,"output_tokens":%d}%s}`, a.Output, a.Input, a.Output, cached)
}

func cohereCall(c providertest.Call, arguments string) string {
	return `{"id":` + quoted(c.ID) + `,"type":"function","function":{"name":` + quoted(c.Name) + `,"arguments":` + quoted(arguments) + `}}`
}

// Whole is the body of a complete response.
func (Cohere) Whole(a *providertest.Answer) string {
	members := []string{`"role":"assistant"`}
	var content, calls []string
	if a.Reasoning != "" {
		content = append(content, `{"type":"thinking","thinking":`+quoted(a.Reasoning)+`}`)
	}
	switch {
	case a.Text != "" && len(a.Calls) > 0:
		members = append(members, `"tool_plan":`+quoted(a.Text))
	case a.Text != "":
		content = append(content, `{"type":"text","text":`+quoted(a.Text)+`}`)
	}
	for _, c := range a.Calls {
		calls = append(calls, cohereCall(c, c.Arguments))
	}
	if len(calls) > 0 {
		members = append(members, `"tool_calls":[`+strings.Join(calls, ",")+`]`)
	}
	if len(content) > 0 {
		members = append(members, `"content":[`+strings.Join(content, ",")+`]`)
	}
	return `{"id":"c14c80c3","message":{` + strings.Join(members, ",") + `},"finish_reason":"` + cohereFinish(a.Stop) + `","usage":` + cohereUsage(a) + `}`
}

// halves are the two pieces of a text.
func halves(s string) []string {
	r := []rune(s)
	return []string{string(r[:len(r)/2]), string(r[len(r)/2:])}
}

// Events are the pieces of a streaming response.
func (Cohere) Events(a *providertest.Answer) []string {
	event := func(kind, rest string) string {
		return "event: " + kind + "\ndata: {\"type\":\"" + kind + "\"" + rest + "}\n\n"
	}
	message := func(at int, inner string) string {
		return fmt.Sprintf(`,"index":%d,"delta":{"message":{%s}}`, at, inner)
	}
	out := []string{event("message-start", `,"id":"29f14a5a","delta":{"message":{"role":"assistant"}}`)}
	at := 0
	content := func(kind, text string) {
		out = append(out, event("content-start", message(at, `"content":{"type":"`+kind+`","`+kind+`":""}`)))
		for _, piece := range halves(text) {
			out = append(out, event("content-delta", message(at, `"content":{"`+kind+`":`+quoted(piece)+`}`)))
		}
		out = append(out, event("content-end", fmt.Sprintf(`,"index":%d`, at)))
		at++
	}
	if a.Reasoning != "" {
		content("thinking", a.Reasoning)
	}
	switch {
	case a.Text != "" && len(a.Calls) > 0:
		for _, piece := range halves(a.Text) {
			out = append(out, event("tool-plan-delta", `,"delta":{"message":{"tool_plan":`+quoted(piece)+`}}`))
		}
	case a.Text != "":
		content("text", a.Text)
	}
	for i, c := range a.Calls {
		out = append(out, event("tool-call-start", message(i, `"tool_calls":`+cohereCall(c, ""))))
		for _, piece := range halves(c.Arguments) {
			out = append(out, event("tool-call-delta", message(i, `"tool_calls":{"function":{"arguments":`+quoted(piece)+`}}`)))
		}
		out = append(out, event("tool-call-end", fmt.Sprintf(`,"index":%d`, i)))
	}
	out[1] = out[0] + out[1] // so that the second piece has content
	out = out[1:]
	return append(out, event("message-end", `,"id":"29f14a5a","delta":{"finish_reason":"`+cohereFinish(a.Stop)+`","usage":`+cohereUsage(a)+`}`), "data: [DONE]\n\n")
}

// Corrupt is an event that is cut.
func (Cohere) Corrupt() string {
	return "event: content-delta\ndata: {\"type\":\"content-delta\",\"delta\":{\"mess\n\n"
}

type cohereMessage struct {
	Role    string    `json:"role"`
	Content jsonx.Raw `json:"content"`
	CallID  string    `json:"tool_call_id"`
	Plan    string    `json:"tool_plan"`
	Calls   []struct {
		ID       string `json:"id"`
		Type     string `json:"type"`
		Function struct {
			Name      string `json:"name"`
			Arguments string `json:"arguments"`
		} `json:"function"`
	} `json:"tool_calls"`
}

// content reads a content, which is a text or parts.
func (m *cohereMessage) content() (text, image string, err error) {
	if m.Content == nil {
		return "", "", nil
	}
	if m.Content.Kind() == '"' {
		return text, "", strict(m.Content, &text)
	}
	var parts []struct {
		Type  string `json:"type"`
		Text  string `json:"text"`
		Image struct {
			URL string `json:"url"`
		} `json:"image_url"`
	}
	if err := strict(m.Content, &parts); err != nil {
		return "", "", err
	}
	for _, p := range parts {
		data, isPNG := strings.CutPrefix(p.Image.URL, "data:image/png;base64,")
		switch {
		case p.Type == "text":
			text += p.Text
		case p.Type == "image_url" && isPNG:
			image = data
		default:
			return "", "", fmt.Errorf("a part of type %q", p.Type)
		}
	}
	return text, image, nil
}

// Asked reads the body of a request.
func (Cohere) Asked(body []byte) (*providertest.Question, error) {
	var r struct {
		Model    string          `json:"model"`
		Stream   bool            `json:"stream"`
		Messages []cohereMessage `json:"messages"`
		Tools    []struct {
			Type     string `json:"type"`
			Function struct {
				Name        string    `json:"name"`
				Description string    `json:"description"`
				Parameters  jsonx.Raw `json:"parameters"`
			} `json:"function"`
		} `json:"tools"`
		MaxTokens int64    `json:"max_tokens"`
		Stop      []string `json:"stop_sequences"`
		Format    struct {
			Type   string    `json:"type"`
			Schema jsonx.Raw `json:"json_schema"`
		} `json:"response_format"`
	}
	if err := strict(body, &r); err != nil {
		return nil, err
	}
	q := &providertest.Question{MaxTokens: r.MaxTokens, Stop: r.Stop, Schema: string(r.Format.Schema)}
	if q.Schema != "" && r.Format.Type != "json_object" {
		return nil, errors.New("a schema without its type")
	}
	for _, t := range r.Tools {
		if t.Type != "function" || t.Function.Parameters.Kind() != '{' {
			return nil, errors.New("a tool without type or parameters")
		}
		q.Tools = append(q.Tools, t.Function.Name)
	}
	for i := range r.Messages {
		m := &r.Messages[i]
		text, image, err := m.content()
		if err != nil {
			return nil, err
		}
		switch m.Role {
		case "system":
			q.System = text
		case "user":
			q.Text, q.Image = text, image
		case "assistant":
			for _, c := range m.Calls {
				q.Past = &providertest.Call{ID: c.ID, Name: c.Function.Name, Arguments: c.Function.Arguments}
			}
		case "tool":
			if q.Past == nil || m.CallID != q.Past.ID {
				return nil, fmt.Errorf("a result of %q", m.CallID)
			}
			q.Result = text
		default:
			return nil, fmt.Errorf("a message of the role %q", m.Role)
		}
	}
	if q.Past != nil {
		q.Text = ""
	}
	return q, nil
}

// Refusals are refusals in the documented form (https://docs.cohere.com/reference/errors).
func (Cohere) Refusals() []providertest.Refusal {
	refusal := func(status int, message string, code llm.Code) providertest.Refusal {
		return providertest.Refusal{Status: status, Body: `{"id":"0f7a2b4c","message":` + quoted(message) + `}`, Words: message, Code: code}
	}
	return []providertest.Refusal{
		refusal(429, "You are using a Trial key, which is limited to 20 API calls / minute. You can continue to use the Trial key for free or upgrade to a Production key with higher rate limits.", llm.CodeLimitRequests),
		refusal(429, "You are past the per minute request limit, please wait and try again later.", llm.CodeLimitRequests),
		refusal(429, "trial token rate limit exceeded, limit is 100000 tokens per minute", llm.CodeLimitTokens),
		refusal(429, "Please add or update your payment method at https://dashboard.cohere.com/billing to continue", llm.CodeBilling),
		refusal(401, "invalid api token", llm.CodeAPIKeyInvalid),
		refusal(401, "no api key supplied", llm.CodeAPIKeyInvalid),
		refusal(403, "your organization does not have access to this endpoint", llm.CodeNotGranted),
		refusal(400, "too many tokens: total number of tokens in the prompt cannot exceed 128000 - received 130001. Try using a shorter prompt.", llm.CodeTooLong),
		refusal(400, "blocked input: please adjust your prompt and try again. This prompt was flagged as violating our usage policies.", llm.CodeContentFiltered),
		refusal(404, "model 'rock-1' not found, make sure the correct model ID was used and that you have access to the model.", llm.CodeModelUnknown),
		refusal(400, "invalid request: message must be at least 1 token long or tool results must be specified.", llm.CodeInvalid),
		refusal(422, "invalid type: parameter k is of type string but should be of type int", llm.CodeInvalid),
		refusal(503, "service unavailable, please try again", llm.CodeUnavailable),
		refusal(500, "internal server error, this has been reported to our developers. id 0f7a2b4c", llm.CodeServiceInternal),
	}
}

// Raw is not called: no body passes through.
func (Cohere) Raw(*providertest.Question, string, bool) []byte { return nil }

// Read is not called.
func (Cohere) Read([]byte, bool) (*providertest.Answer, error) {
	return nil, errors.New("the dialect is no client's")
}
