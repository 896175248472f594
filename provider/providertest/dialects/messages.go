package dialects

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/providertest"
)

// Messages speaks Anthropic's Messages API as it is documented.
type Messages struct {
	// Model is the model of requests, and DefaultTokens the max_tokens of those that set none.
	Model         string
	DefaultTokens int64
	// Vertex is whether Vertex AI serves: the path has the model, and the body a version.
	Vertex bool
}

func stopWord(s llm.StopReason) string {
	return map[llm.StopReason]string{llm.StopEnd: "end_turn", llm.StopToolUse: "tool_use", llm.StopMaxTokens: "max_tokens"}[s]
}

func messagesUsage(a *providertest.Answer) string {
	text := fmt.Sprintf(`{"input_tokens":%d,"output_tokens":%d`, a.Input-a.Cached, a.Output)
	if a.Cached > 0 {
		text += fmt.Sprintf(`,"cache_read_input_tokens":%d,"cache_creation_input_tokens":0`, a.Cached)
	}
	if a.Thought > 0 {
		text += fmt.Sprintf(`,"output_tokens_details":{"thinking_tokens":%d}`, a.Thought)
	}
	return text + "}"
}

// Whole is the body of a complete response.
func (Messages) Whole(a *providertest.Answer) string {
	var blocks []string
	if a.Reasoning != "" {
		blocks = append(blocks, `{"type":"thinking","thinking":`+quoted(a.Reasoning)+`,"signature":"c2ln"}`)
	}
	if a.Text != "" {
		blocks = append(blocks, `{"type":"text","text":`+quoted(a.Text)+`}`)
	}
	for _, c := range a.Calls {
		blocks = append(blocks, `{"type":"tool_use","id":`+quoted(c.ID)+`,"name":`+quoted(c.Name)+`,"input":`+c.Arguments+`}`)
	}
	return `{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[` + strings.Join(blocks, ",") +
		`],"stop_reason":"` + stopWord(a.Stop) + `","stop_sequence":null,"usage":` + messagesUsage(a) + `}`
}

// Events are the pieces of a streaming response.
func (Messages) Events(a *providertest.Answer) []string {
	event := func(data string) string {
		kind, _, _ := strings.Cut(strings.TrimPrefix(data, `{"type":"`), `"`)
		return "event: " + kind + "\ndata: " + data + "\n\n"
	}
	out := []string{event(`{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[],"stop_reason":null,"stop_sequence":null,"usage":` + messagesUsage(a) + `}}`)}
	index := 0
	block := func(start string, deltas ...string) { // the start and the first delta come at once
		text := event(fmt.Sprintf(`{"type":"content_block_start","index":%d,"content_block":%s}`, index, start))
		for _, d := range deltas {
			out = append(out, text+event(fmt.Sprintf(`{"type":"content_block_delta","index":%d,"delta":%s}`, index, d)))
			text = ""
		}
		out = append(out, text+event(fmt.Sprintf(`{"type":"content_block_stop","index":%d}`, index)))
		index++
	}
	halves := func(s string) (string, string) {
		r := []rune(s)
		return string(r[:len(r)/2]), string(r[len(r)/2:])
	}
	if a.Reasoning != "" {
		first, second := halves(a.Reasoning)
		block(`{"type":"thinking","thinking":"","signature":""}`, `{"type":"thinking_delta","thinking":`+quoted(first)+`}`, `{"type":"thinking_delta","thinking":`+quoted(second)+`}`, `{"type":"signature_delta","signature":"c2ln"}`)
	}
	if a.Text != "" {
		first, second := halves(a.Text)
		block(`{"type":"text","text":""}`, `{"type":"text_delta","text":`+quoted(first)+`}`, `{"type":"text_delta","text":`+quoted(second)+`}`)
	}
	for _, c := range a.Calls {
		first, second := halves(c.Arguments)
		block(`{"type":"tool_use","id":`+quoted(c.ID)+`,"name":`+quoted(c.Name)+`,"input":{}}`, `{"type":"input_json_delta","partial_json":`+quoted(first)+`}`, `{"type":"input_json_delta","partial_json":`+quoted(second)+`}`)
	}
	return append(out, event(`{"type":"message_delta","delta":{"stop_reason":"`+stopWord(a.Stop)+`","stop_sequence":null},"usage":`+messagesUsage(a)+`}`), event(`{"type":"message_stop"}`))
}

// Corrupt is an event that is cut.
func (Messages) Corrupt() string {
	return "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_del\n\n"
}

// content is a block of a request.
type content struct {
	Type   string `json:"type"`
	Text   string `json:"text"`
	Source *struct {
		Type      string `json:"type"`
		MediaType string `json:"media_type"`
		Data      string `json:"data"`
	} `json:"source"`
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Input     jsonx.Raw `json:"input"`
	ToolUseID string    `json:"tool_use_id"`
	Content   jsonx.Raw `json:"content"`
}

func contentsOf(raw jsonx.Raw) ([]content, error) {
	var text string
	if jsonx.Unmarshal(raw, &text) == nil {
		return []content{{Type: "text", Text: text}}, nil
	}
	var all []content
	return all, strict(raw, &all)
}

// Asked reads the body of a request.
func (m Messages) Asked(body []byte) (*providertest.Question, error) {
	var r struct {
		Model     string    `json:"model"`
		Version   string    `json:"anthropic_version"`
		MaxTokens int64     `json:"max_tokens"`
		System    jsonx.Raw `json:"system"`
		Messages  []struct {
			Role    string    `json:"role"`
			Content jsonx.Raw `json:"content"`
		} `json:"messages"`
		Stop   []string `json:"stop_sequences"`
		Stream bool     `json:"stream"`
		Tools  []struct {
			Name        string    `json:"name"`
			Description string    `json:"description"`
			Schema      jsonx.Raw `json:"input_schema"`
		} `json:"tools"`
		Output *struct {
			Format struct {
				Type   string    `json:"type"`
				Schema jsonx.Raw `json:"schema"`
			} `json:"format"`
		} `json:"output_config"`
	}
	if err := strict(body, &r); err != nil {
		return nil, err
	}
	wanted, version := m.Model, ""
	if m.Vertex {
		wanted, version = "", "vertex-2023-10-16"
	}
	if r.Model != wanted || r.Version != version || r.MaxTokens == 0 {
		return nil, fmt.Errorf("model %q, anthropic_version %q, max_tokens %d", r.Model, r.Version, r.MaxTokens)
	}
	q := &providertest.Question{Stop: r.Stop, MaxTokens: r.MaxTokens}
	if q.MaxTokens == m.DefaultTokens {
		q.MaxTokens = 0
	}
	if r.System != nil {
		blocks, err := contentsOf(r.System)
		if err != nil || len(blocks) != 1 {
			return nil, fmt.Errorf("system %s: %w", r.System, err)
		}
		q.System = blocks[0].Text
	}
	for _, t := range r.Tools {
		q.Tools = append(q.Tools, t.Name)
	}
	if r.Output != nil {
		q.Schema = string(r.Output.Format.Schema)
	}
	if len(r.Messages) == 0 || r.Messages[len(r.Messages)-1].Role != "user" {
		return nil, errors.New("the last message is not the user's")
	}
	for i, message := range r.Messages {
		if want := []string{"user", "assistant"}[i%2]; message.Role != want {
			return nil, fmt.Errorf("message %d is the %s's", i, message.Role)
		}
		blocks, err := contentsOf(message.Content)
		if err != nil {
			return nil, err
		}
		for i := range blocks {
			if err := blocks[i].into(q); err != nil {
				return nil, err
			}
		}
	}
	if q.Past != nil {
		q.Text = ""
	}
	return q, nil
}

// into takes a block into a question.
func (b *content) into(q *providertest.Question) error {
	switch b.Type {
	case "text":
		q.Text = b.Text
	case "image":
		if b.Source == nil || b.Source.Type != "base64" || b.Source.MediaType != "image/png" {
			return fmt.Errorf("image %+v", b.Source)
		}
		q.Image = b.Source.Data
	case "tool_use":
		q.Past = &providertest.Call{ID: b.ID, Name: b.Name, Arguments: string(b.Input)}
	case "tool_result":
		if q.Past == nil || b.ToolUseID != q.Past.ID {
			return fmt.Errorf("a result of %q", b.ToolUseID)
		}
		inner, err := contentsOf(b.Content)
		if err != nil || len(inner) != 1 {
			return fmt.Errorf("result %s: %w", b.Content, err)
		}
		q.Result = inner[0].Text
	default:
		return fmt.Errorf("a block of type %q", b.Type)
	}
	return nil
}

// Refusals are refusals in the documented form.
func (Messages) Refusals() []providertest.Refusal {
	refusal := func(status int, kind, message string, code llm.Code) providertest.Refusal {
		return providertest.Refusal{Status: status, Body: `{"type":"error","error":{"type":"` + kind + `","message":` + quoted(message) + `},"request_id":"req_1"}`, Words: message, Code: code}
	}
	return []providertest.Refusal{
		refusal(429, "rate_limit_error", "This request would exceed your organization's rate limit of 50 requests per minute", llm.CodeLimitRequests),
		refusal(401, "authentication_error", "invalid x-api-key", llm.CodeAPIKeyInvalid),
		refusal(403, "permission_error", "Your API key does not have permission to use the specified resource.", llm.CodeNotGranted),
		refusal(400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", llm.CodeTooLong),
		refusal(400, "invalid_request_error", "Output blocked by content filtering policy", llm.CodeContentFiltered),
		refusal(404, "not_found_error", "model: claude-none", llm.CodeModelUnknown),
		refusal(402, "billing_error", "There is an issue with your billing or payment information.", llm.CodeBilling),
		refusal(400, "invalid_request_error", "messages.0.content.0.text.text: Field required", llm.CodeInvalid),
		refusal(529, "overloaded_error", "Overloaded", llm.CodeUnavailable),
		refusal(500, "api_error", "Internal server error", llm.CodeServiceInternal),
	}
}

// Raw is a request in the dialect.
func (m Messages) Raw(q *providertest.Question, model string, stream bool) []byte {
	var messages []string
	user := `{"type":"text","text":` + quoted(q.Text) + `}`
	if q.Image != "" {
		user += `,{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + q.Image + `"}}`
	}
	if q.Past != nil {
		messages = []string{
			`{"role":"user","content":"Look."}`,
			`{"role":"assistant","content":[{"type":"tool_use","id":` + quoted(q.Past.ID) + `,"name":` + quoted(q.Past.Name) + `,"input":` + q.Past.Arguments + `}]}`,
			`{"role":"user","content":[{"type":"tool_result","tool_use_id":` + quoted(q.Past.ID) + `,"content":` + quoted(q.Result) + `}]}`,
		}
	} else {
		messages = []string{`{"role":"user","content":[` + user + `]}`}
	}
	tokens := q.MaxTokens
	if tokens == 0 {
		tokens = m.DefaultTokens
	}
	body := fmt.Sprintf(`{"model":%s,"max_tokens":%d,"messages":[%s],"stream":%t`, quoted(model), tokens, strings.Join(messages, ","), stream)
	if q.System != "" {
		body += `,"system":` + quoted(q.System)
	}
	if len(q.Stop) > 0 {
		stop, _ := jsonx.Marshal(q.Stop)
		body += `,"stop_sequences":` + string(stop)
	}
	var tools []string
	for _, name := range q.Tools {
		tools = append(tools, `{"name":`+quoted(name)+`,"input_schema":{"type":"object"}}`)
	}
	if len(tools) > 0 {
		body += `,"tools":[` + strings.Join(tools, ",") + `]`
	}
	return []byte(body + "}")
}

// message is a response, or what a stream amounts to.
type message struct {
	Model   string `json:"model"`
	Content []struct {
		Type     string    `json:"type"`
		Text     string    `json:"text"`
		Thinking string    `json:"thinking"`
		ID       string    `json:"id"`
		Name     string    `json:"name"`
		Input    jsonx.Raw `json:"input"`
	} `json:"content"`
	StopReason string `json:"stop_reason"`
	Usage      struct {
		Input   int64 `json:"input_tokens"`
		Output  int64 `json:"output_tokens"`
		Cached  int64 `json:"cache_read_input_tokens"`
		Details struct {
			Thinking int64 `json:"thinking_tokens"`
		} `json:"output_tokens_details"`
	} `json:"usage"`
}

// Read reads what a client of the dialect gets.
func (Messages) Read(body []byte, stream bool) (*providertest.Answer, error) {
	var m message
	if !stream {
		if err := jsonx.Unmarshal(body, &m); err != nil {
			return nil, err
		}
	} else if err := m.assemble(body); err != nil {
		return nil, err
	}
	if m.Model != "providertest" {
		return nil, fmt.Errorf("the model is %q", m.Model)
	}
	a := &providertest.Answer{Input: m.Usage.Input + m.Usage.Cached, Output: m.Usage.Output, Cached: m.Usage.Cached, Thought: m.Usage.Details.Thinking}
	for s, word := range map[llm.StopReason]string{llm.StopEnd: "end_turn", llm.StopToolUse: "tool_use", llm.StopMaxTokens: "max_tokens"} {
		if word == m.StopReason {
			a.Stop = s
		}
	}
	for _, b := range m.Content {
		switch b.Type {
		case "text":
			a.Text += b.Text
		case "thinking":
			a.Reasoning += b.Thinking
		case "tool_use":
			a.Calls = append(a.Calls, providertest.Call{ID: b.ID, Name: b.Name, Arguments: string(b.Input)})
		}
	}
	return a, nil
}

// assemble reads the events of a stream.
func (m *message) assemble(body []byte) error {
	inputs := map[int]string{}
	scan := bufio.NewScanner(bytes.NewReader(body))
	scan.Buffer(nil, 1<<20)
	ended := false
	for scan.Scan() {
		data, ok := bytes.CutPrefix(scan.Bytes(), []byte("data: "))
		if !ok {
			continue
		}
		var e struct {
			Type    string    `json:"type"`
			Message jsonx.Raw `json:"message"`
			Block   jsonx.Raw `json:"content_block"`
			Index   int       `json:"index"`
			Delta   struct {
				Text       string `json:"text"`
				Thinking   string `json:"thinking"`
				Partial    string `json:"partial_json"`
				StopReason string `json:"stop_reason"`
			} `json:"delta"`
			Usage jsonx.Raw `json:"usage"`
		}
		if err := jsonx.Unmarshal(data, &e); err != nil {
			return err
		}
		switch e.Type {
		case "message_start":
			if err := jsonx.Unmarshal(e.Message, m); err != nil {
				return err
			}
		case "content_block_start":
			var one message
			if err := jsonx.Unmarshal([]byte(`{"content":[`+string(e.Block)+`]}`), &one); err != nil {
				return err
			}
			m.Content = append(m.Content, one.Content...)
		case "content_block_delta":
			b := &m.Content[e.Index]
			b.Text += e.Delta.Text
			b.Thinking += e.Delta.Thinking
			inputs[e.Index] += e.Delta.Partial
		case "message_delta":
			m.StopReason = e.Delta.StopReason
			if err := jsonx.Unmarshal(e.Usage, &m.Usage); err != nil {
				return err
			}
		case "message_stop":
			ended = true
		}
	}
	for i, text := range inputs {
		if text != "" {
			m.Content[i].Input = jsonx.Raw(text)
		}
	}
	if !ended {
		return errors.New("it has no message_stop")
	}
	return scan.Err()
}
