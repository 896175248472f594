package dialects

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/providertest"
)

// Responses is OpenAI's Responses API (https://platform.openai.com/docs/api-reference/responses).
type Responses struct {
	// Model is the model that requests name.
	Model string
	// Seals is whether requests must ask for encrypted reasoning, and responses have it.
	Seals bool
	// Denials are refusals beside those that only this API has.
	Denials []providertest.Refusal
}

// output are the items of a response.
func (r Responses) output(a *providertest.Answer, status string) []string {
	var items []string
	if a.Reasoning != "" {
		sealed := ""
		if r.Seals {
			sealed = `,"encrypted_content":"gAAAAABo"`
		}
		items = append(items, `{"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":`+quoted(a.Reasoning)+`}]`+sealed+`}`)
	}
	if a.Text != "" {
		items = append(items, `{"id":"msg_1","type":"message","status":"`+status+`","role":"assistant","content":[`+outputText(a.Text)+`]}`)
	}
	for i, c := range a.Calls {
		items = append(items, fmt.Sprintf(`{"id":"fc_%d","type":"function_call","status":"completed","call_id":%s,"name":%s,"arguments":%s}`, i, quoted(c.ID), quoted(c.Name), quoted(c.Arguments)))
	}
	return items
}

func outputText(text string) string {
	return `{"type":"output_text","annotations":[],"logprobs":[],"text":` + quoted(text) + `}`
}

// response is a response with a status, and with its items and usage unless it has just begun.
func (r Responses) response(a *providertest.Answer, status string) string {
	output, usage, details := "", "null", "null"
	if status != "in_progress" {
		output = strings.Join(r.output(a, status), ",")
		usage = fmt.Sprintf(`{"input_tokens":%d,"input_tokens_details":{"cached_tokens":%d},"output_tokens":%d,"output_tokens_details":{"reasoning_tokens":%d},"total_tokens":%d}`, a.Input, a.Cached, a.Output, a.Thought, a.Input+a.Output)
	}
	if status == "incomplete" {
		details = `{"reason":"max_output_tokens"}`
	}
	return `{"id":"resp_1","object":"response","created_at":1,"status":"` + status + `","background":false,"error":null,"incomplete_details":` + details +
		`,"model":"` + r.Model + `-2026","output":[` + output + `],"parallel_tool_calls":true,"previous_response_id":null,"store":true,"tools":[],"usage":` + usage + `,"metadata":{}}`
}

func status(a *providertest.Answer) string {
	if a.Stop == llm.StopMaxTokens {
		return "incomplete"
	}
	return "completed"
}

// Whole is the body of a complete response.
func (r Responses) Whole(a *providertest.Answer) string { return r.response(a, status(a)) }

// Events are the events of a streaming response. The first one is several, so that the second has content.
func (r Responses) Events(a *providertest.Answer) []string {
	var out []string
	event := func(kind, members string) {
		out = append(out, fmt.Sprintf("event: %s\ndata: {\"type\":\"%s\",\"sequence_number\":%d,%s}\n\n", kind, kind, len(out), members))
	}
	event("response.created", `"response":`+r.response(a, "in_progress"))
	event("response.in_progress", `"response":`+r.response(a, "in_progress"))
	for i, item := range r.output(a, status(a)) {
		var it struct {
			Type   string    `json:"type"`
			CallID string    `json:"call_id"`
			Name   string    `json:"name"`
			Args   string    `json:"arguments"`
			Rest   jsonx.Raw `json:",embed"`
		}
		_ = jsonx.Unmarshal([]byte(item), &it) // it is written above
		at := fmt.Sprintf(`"output_index":%d`, i)
		begun, text, deltas := `{"id":"x","type":"message","status":"in_progress","role":"assistant","content":[]}`, a.Text, "response.output_text.delta"
		switch it.Type {
		case "reasoning":
			begun, text, deltas = `{"id":"x","type":"reasoning","summary":[]}`, a.Reasoning, "response.reasoning_summary_text.delta"
		case "function_call":
			begun = `{"id":"x","type":"function_call","status":"in_progress","call_id":` + quoted(it.CallID) + `,"name":` + quoted(it.Name) + `,"arguments":""}`
			text, deltas = it.Args, "response.function_call_arguments.delta"
		}
		event("response.output_item.added", at+`,"item":`+begun)
		for part := range strings.SplitAfterSeq(text, " ") {
			if part != "" {
				event(deltas, at+`,"item_id":"x","content_index":0,"summary_index":0,"delta":`+quoted(part))
			}
		}
		event("response.output_item.done", at+`,"item":`+item)
	}
	event("response."+status(a), `"response":`+r.response(a, status(a)))
	return append([]string{strings.Join(out[:3], "")}, out[3:]...)
}

// Corrupt is an event that cannot be read.
func (Responses) Corrupt() string {
	return "event: response.output_text.delta\ndata: {\"type\":\"response.output_te\n\n"
}

// askedResponse is a request, with every member that the suite's requests have.
type askedResponse struct {
	Model        string   `json:"model"`
	Stream       bool     `json:"stream"`
	Store        *bool    `json:"store"`
	Include      []string `json:"include"`
	Instructions string   `json:"instructions"`
	MaxOutput    int64    `json:"max_output_tokens"`
	Text         struct {
		Format struct {
			Type   string    `json:"type"`
			Name   string    `json:"name"`
			Schema jsonx.Raw `json:"schema"`
		} `json:"format"`
	} `json:"text"`
	Input []struct {
		Type    string `json:"type"`
		Role    string `json:"role"`
		Content []struct {
			Type   string `json:"type"`
			Text   string `json:"text"`
			Image  string `json:"image_url"`
			Detail string `json:"detail"`
		} `json:"content"`
		CallID    string `json:"call_id"`
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
		Output    string `json:"output"`
	} `json:"input"`
	Tools []struct {
		Type        string    `json:"type"`
		Name        string    `json:"name"`
		Description string    `json:"description"`
		Parameters  jsonx.Raw `json:"parameters"`
		Strict      bool      `json:"strict"`
	} `json:"tools"`
}

// Asked reads the body of a request, strictly.
func (r Responses) Asked(body []byte) (*providertest.Question, error) {
	var s askedResponse
	if err := strict(body, &s); err != nil {
		return nil, err
	}
	if s.Model != r.Model {
		return nil, fmt.Errorf("the model is %q", s.Model)
	}
	if asks := slices.Contains(s.Include, "reasoning.encrypted_content"); asks != r.Seals && s.Store != nil {
		return nil, fmt.Errorf("it includes %v", s.Include)
	}
	q := &providertest.Question{System: s.Instructions, MaxTokens: s.MaxOutput, Schema: string(s.Text.Format.Schema)}
	if q.Schema != "" && (s.Text.Format.Type != "json_schema" || s.Text.Format.Name == "") {
		return nil, errors.New("the format has no type or name")
	}
	for _, t := range s.Tools {
		if t.Type != "function" || t.Description == "" || !jsonx.Valid(t.Parameters) {
			return nil, fmt.Errorf("a tool is %+v", t)
		}
		q.Tools = append(q.Tools, t.Name)
	}
	for _, it := range s.Input {
		switch it.Type {
		case "message":
			for _, part := range it.Content {
				q.Text += part.Text
				if data, ok := strings.CutPrefix(part.Image, "data:image/png;base64,"); ok {
					q.Image = data
				}
			}
		case "function_call":
			q.Past = &providertest.Call{ID: it.CallID, Name: it.Name, Arguments: it.Arguments}
		case "function_call_output":
			if q.Past == nil || q.Past.ID != it.CallID {
				return nil, fmt.Errorf("a result of %q follows no call", it.CallID)
			}
			q.Result = it.Output
		default:
			return nil, fmt.Errorf("an item has the type %q", it.Type)
		}
	}
	return q, nil
}

// Refusals are refusals in OpenAI's form.
func (r Responses) Refusals() []providertest.Refusal {
	body := func(message, kind, code string) string {
		return `{"error":{"message":` + quoted(message) + `,"type":"` + kind + `","param":null,"code":` + code + `}}`
	}
	return append(slices.Clip(r.Denials), []providertest.Refusal{
		{Status: http.StatusTooManyRequests, Words: "Rate limit reached", Body: body("Rate limit reached for rock-1 on requests per min (RPM): Limit 3.", "requests", `"rate_limit_exceeded"`), Code: llm.CodeLimitRequests},
		{Status: http.StatusBadRequest, Words: "Invalid 'input[0].id'", Body: body("Invalid 'input[0].id': 'x'. Expected an ID that begins with 'msg'.", "invalid_request_error", `"invalid_value"`), Code: llm.CodeInvalid},
		{Status: http.StatusBadRequest, Words: "Unknown parameter", Body: body("Unknown parameter: 'stop'.", "invalid_request_error", `"unknown_parameter"`), Code: llm.CodeUnknownField},
		{Status: http.StatusBadRequest, Words: "exceeds the context window", Body: body("Your input exceeds the context window of this model. Please adjust your input and try again.", "invalid_request_error", `"context_length_exceeded"`), Code: llm.CodeTooLong},
	}...)
}

// Raw is a request as a client sends it.
func (Responses) Raw(q *providertest.Question, model string, stream bool) []byte {
	w := jsonx.Writer{}
	w.Object()
	text := func(name, value string) {
		w.Key(name)
		w.String(value)
	}
	text("model", model)
	if stream {
		w.Key("stream")
		w.Bool(true)
	}
	if q.System != "" {
		text("instructions", q.System)
	}
	if q.MaxTokens > 0 {
		w.Key("max_output_tokens")
		w.Int(q.MaxTokens)
	}
	w.Key("input")
	w.Array()
	message := func(words, image string) {
		w.Raw(jsonx.Raw(`{"type":"message","role":"user","content":[{"type":"input_text","text":` + quoted(words) + `}` + image + `]}`))
	}
	switch {
	case q.Past != nil: // as if the text of the suite's question were not there
		w.Raw(jsonx.Raw(`{"type":"function_call","call_id":` + quoted(q.Past.ID) + `,"name":` + quoted(q.Past.Name) + `,"arguments":` + quoted(q.Past.Arguments) + `}`))
		w.Raw(jsonx.Raw(`{"type":"function_call_output","call_id":` + quoted(q.Past.ID) + `,"output":` + quoted(q.Result) + `}`))
	case q.Image != "":
		message(q.Text, `,{"type":"input_image","image_url":"data:image/png;base64,`+q.Image+`"}`)
	default:
		message(q.Text, "")
	}
	w.EndArray()
	if len(q.Tools) > 0 {
		w.Key("tools")
		w.Array()
		for _, name := range q.Tools {
			w.Raw(jsonx.Raw(`{"type":"function","name":` + quoted(name) + `,"description":"Looks it up.","parameters":{"type":"object"},"strict":false}`))
		}
		w.EndArray()
	}
	w.EndObject()
	return w.Buf
}

// readResponse is what a client reads of a response.
type readResponse struct {
	Model      string `json:"model"`
	Status     string `json:"status"`
	Incomplete struct {
		Reason string `json:"reason"`
	} `json:"incomplete_details"`
	Output []struct {
		Type      string     `json:"type"`
		CallID    string     `json:"call_id"`
		Name      string     `json:"name"`
		Arguments string     `json:"arguments"`
		Content   []readPart `json:"content"`
		Summary   []readPart `json:"summary"`
		Rest      jsonx.Raw  `json:",embed"`
	} `json:"output"`
	Usage struct {
		Input   int64 `json:"input_tokens"`
		Details struct {
			Cached int64     `json:"cached_tokens"`
			Rest   jsonx.Raw `json:",embed"`
		} `json:"input_tokens_details"`
		Output int64     `json:"output_tokens"`
		Rest   jsonx.Raw `json:",embed"`
	} `json:"usage"`
	Rest jsonx.Raw `json:",embed"`
}

type readPart struct {
	Text string    `json:"text"`
	Rest jsonx.Raw `json:",embed"`
}

// readStream reads the events of a stream: the last response in them, and the text of the deltas.
func readStream(body []byte) (last jsonx.Raw, text string, err error) {
	var deltas strings.Builder
	number := int64(0)
	for block := range strings.SplitSeq(strings.TrimSuffix(string(body), "\n\n"), "\n\n") {
		name, data, _ := strings.Cut(block, "\ndata: ")
		var ev struct {
			Type     string    `json:"type"`
			Number   int64     `json:"sequence_number"`
			Delta    string    `json:"delta"`
			Response jsonx.Raw `json:"response"`
			Rest     jsonx.Raw `json:",embed"`
		}
		if err := jsonx.Unmarshal([]byte(data), &ev); err != nil {
			return nil, "", fmt.Errorf("the event %q: %w", block, err)
		}
		if name != "event: "+ev.Type || ev.Number != number {
			return nil, "", fmt.Errorf("the event %q has number %d, not %d", block, ev.Number, number)
		}
		number++
		if ev.Type == "response.output_text.delta" {
			deltas.WriteString(ev.Delta)
		}
		if ev.Response != nil {
			last = ev.Response
			if !strings.Contains(string(last), `"model":"providertest"`) {
				return nil, "", fmt.Errorf("the client sees the model of %s", last)
			}
		}
	}
	return last, deltas.String(), nil
}

// Read reads what a client gets: a response, or the events of a stream, whose texts must be those of the
// response at its end.
func (r Responses) Read(body []byte, stream bool) (*providertest.Answer, error) {
	text := ""
	if stream {
		var err error
		if body, text, err = readStream(body); err != nil {
			return nil, err
		}
	}
	var last readResponse
	if err := jsonx.Unmarshal(body, &last); err != nil {
		return nil, err
	}
	if last.Model != "providertest" {
		return nil, fmt.Errorf("the client sees the model %q", last.Model)
	}
	a := &providertest.Answer{Stop: llm.StopEnd, Input: last.Usage.Input, Output: last.Usage.Output, Cached: last.Usage.Details.Cached}
	if last.Status == "incomplete" {
		a.Stop = llm.StopMaxTokens
	}
	for _, item := range last.Output {
		for _, part := range item.Content {
			a.Text += part.Text
		}
		for _, part := range item.Summary {
			a.Reasoning += part.Text
		}
		if item.Type == "function_call" {
			a.Calls = append(a.Calls, providertest.Call{ID: item.CallID, Name: item.Name, Arguments: item.Arguments})
			if a.Stop == llm.StopEnd {
				a.Stop = llm.StopToolUse
			}
		}
	}
	if stream && text != a.Text {
		return nil, errors.New("the deltas are not the text of the response")
	}
	return a, nil
}
