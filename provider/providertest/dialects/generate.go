package dialects

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/providertest"
)

// Generate speaks generateContent as it is documented.
type Generate struct{}

func finish(s llm.StopReason) string {
	if s == llm.StopMaxTokens {
		return "MAX_TOKENS"
	}
	return "STOP"
}

func generateUsage(a *providertest.Answer) string {
	text := fmt.Sprintf(`{"promptTokenCount":%d,"candidatesTokenCount":%d,"totalTokenCount":%d`, a.Input, a.Output-a.Thought, a.Input+a.Output)
	if a.Cached > 0 {
		text += fmt.Sprintf(`,"cachedContentTokenCount":%d`, a.Cached)
	}
	if a.Thought > 0 {
		text += fmt.Sprintf(`,"thoughtsTokenCount":%d`, a.Thought)
	}
	return text + `,"promptTokensDetails":[{"modality":"TEXT","tokenCount":1}]}`
}

func parts(a *providertest.Answer) (out []string) {
	if a.Reasoning != "" {
		out = append(out, `{"text":`+quoted(a.Reasoning)+`,"thought":true}`)
	}
	if a.Text != "" {
		out = append(out, `{"text":`+quoted(a.Text)+`}`)
	}
	for _, c := range a.Calls {
		out = append(out, `{"functionCall":{"id":`+quoted(c.ID)+`,"name":`+quoted(c.Name)+`,"args":`+c.Arguments+`}}`)
	}
	return out
}

func response(parts []string, finish, usage string) string {
	more := ""
	if finish != "" {
		more = `,"finishReason":"` + finish + `"`
	}
	return `{"candidates":[{"content":{"parts":[` + strings.Join(parts, ",") + `],"role":"model"}` + more + `,"index":0}],"usageMetadata":` + usage + `,"modelVersion":"gemini-2.5-flash","responseId":"abc"}`
}

// Whole is the body of a complete response.
func (Generate) Whole(a *providertest.Answer) string {
	return response(parts(a), finish(a.Stop), generateUsage(a))
}

// Events are the pieces of a streaming response.
func (Generate) Events(a *providertest.Answer) []string {
	event := func(data string) string { return "data: " + data + "\r\n\r\n" }
	soFar := `{"promptTokenCount":1,"totalTokenCount":1}`
	var out []string
	for _, p := range parts(a) {
		var one struct {
			Text    string `json:"text"`
			Thought bool   `json:"thought"`
		}
		_ = jsonx.Unmarshal([]byte(p), &one)
		if one.Text == "" {
			out = append(out, event(response([]string{p}, "", soFar)))
			continue
		}
		r := []rune(one.Text)
		first := min(2, len(r))
		second := max(first, len(r)/2)
		for _, piece := range []string{string(r[:first]), string(r[first:second]), string(r[second:])} {
			if piece != "" {
				out = append(out, event(response([]string{fmt.Sprintf(`{"text":%s,"thought":%t}`, quoted(piece), one.Thought)}, "", soFar)))
			}
		}
	}
	return append(out, event(response([]string{`{"text":""}`}, finish(a.Stop), generateUsage(a))))
}

// Corrupt is an event that is cut.
func (Generate) Corrupt() string { return "data: {\"candidates\":[{\"content\":{\"par\r\n\r\n" }

// Asked reads the body of a request.
func (Generate) Asked(body []byte) (*providertest.Question, error) {
	type part struct {
		Text   string `json:"text"`
		Inline *struct {
			Type string `json:"mimeType"`
			Data string `json:"data"`
		} `json:"inlineData"`
		Call *struct {
			ID   string    `json:"id"`
			Name string    `json:"name"`
			Args jsonx.Raw `json:"args"`
		} `json:"functionCall"`
		Response *struct {
			ID       string            `json:"id"`
			Name     string            `json:"name"`
			Response map[string]string `json:"response"`
		} `json:"functionResponse"`
	}
	var r struct {
		System *struct {
			Parts []part `json:"parts"`
		} `json:"systemInstruction"`
		Contents []struct {
			Role  string `json:"role"`
			Parts []part `json:"parts"`
		} `json:"contents"`
		Tools []struct {
			Functions []struct {
				Name        string    `json:"name"`
				Description string    `json:"description"`
				Parameters  jsonx.Raw `json:"parametersJsonSchema"`
			} `json:"functionDeclarations"`
		} `json:"tools"`
		Config struct {
			MaxTokens int64     `json:"maxOutputTokens"`
			Stop      []string  `json:"stopSequences"`
			MimeType  string    `json:"responseMimeType"`
			Schema    jsonx.Raw `json:"responseJsonSchema"`
		} `json:"generationConfig"`
	}
	if err := strict(body, &r); err != nil {
		return nil, err
	}
	q := &providertest.Question{MaxTokens: r.Config.MaxTokens, Stop: r.Config.Stop, Schema: string(r.Config.Schema)}
	if q.Schema != "" && r.Config.MimeType != "application/json" {
		return nil, errors.New("a schema without its type")
	}
	if r.System != nil {
		q.System = r.System.Parts[0].Text
	}
	for _, t := range r.Tools {
		for _, f := range t.Functions {
			q.Tools = append(q.Tools, f.Name)
		}
	}
	if len(r.Contents) == 0 || r.Contents[len(r.Contents)-1].Role != "user" {
		return nil, errors.New("the last content is not the user's")
	}
	for i, c := range r.Contents {
		if want := []string{"user", "model"}[i%2]; c.Role != want {
			return nil, fmt.Errorf("content %d is the %s's", i, c.Role)
		}
		for _, p := range c.Parts {
			switch {
			case p.Inline != nil && p.Inline.Type != "image/png":
				return nil, fmt.Errorf("an image of type %q", p.Inline.Type)
			case p.Inline != nil:
				q.Image = p.Inline.Data
			case p.Call != nil:
				q.Past = &providertest.Call{ID: p.Call.ID, Name: p.Call.Name, Arguments: string(p.Call.Args)}
			case p.Response != nil:
				if q.Past == nil || p.Response.ID != q.Past.ID || p.Response.Name != q.Past.Name {
					return nil, fmt.Errorf("a response of %q", p.Response.ID)
				}
				q.Result = p.Response.Response["result"]
			default:
				q.Text = p.Text
			}
		}
	}
	if q.Past != nil {
		q.Text = ""
	}
	return q, nil
}

// Refusals are refusals in the documented form.
func (Generate) Refusals() []providertest.Refusal {
	refusal := func(code int, status, message, details string, public llm.Code) providertest.Refusal {
		return providertest.Refusal{
			Status: code, Body: fmt.Sprintf(`{"error":{"code":%d,"message":%s,"status":%q,"details":[%s]}}`, code, quoted(message), status, details), Words: message, Code: public,
		}
	}
	info := func(reason string) string {
		return `{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"` + reason + `","domain":"googleapis.com"}`
	}
	quota := func(id string) string {
		return `{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":"generativelanguage.googleapis.com/generate_content_requests","quotaId":"` + id + `","quotaValue":"10"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.07s"}`
	}
	return []providertest.Refusal{
		refusal(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan.", quota("GenerateRequestsPerMinutePerProjectPerModel"), llm.CodeLimitRequests),
		refusal(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", quota("GenerateContentInputTokensPerModelPerMinute"), llm.CodeLimitTokens),
		refusal(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota for today.", quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"), llm.CodeServiceQuota),
		refusal(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", info("API_KEY_INVALID"), llm.CodeAPIKeyInvalid),
		refusal(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key.", info("API_KEY_INVALID"), llm.CodeAPIKeyExpired),
		refusal(403, "PERMISSION_DENIED", "Generative Language API has not been used in project 1 before or it is disabled.", info("SERVICE_DISABLED"), llm.CodeNotGranted),
		refusal(403, "PERMISSION_DENIED", "You do not have permission to access tuned model rock.", "", llm.CodeNotGranted),
		refusal(400, "INVALID_ARGUMENT", "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", "", llm.CodeTooLong),
		refusal(400, "INVALID_ARGUMENT", "The request was blocked because it contains prohibited content.", "", llm.CodeContentFiltered),
		refusal(404, "NOT_FOUND", "models/rock is not found for API version v1beta, or is not supported for generateContent.", "", llm.CodeModelUnknown),
		refusal(400, "FAILED_PRECONDITION", "This API method requires billing to be enabled.", "", llm.CodeBilling),
		refusal(400, "FAILED_PRECONDITION", "User location is not supported for the API use.", "", llm.CodeRegionBlocked),
		refusal(400, "INVALID_ARGUMENT", "Request contains an invalid argument.", "", llm.CodeInvalid),
		refusal(400, "INVALID_ARGUMENT", "Function call is missing a thought_signature in functionCall parts.", "", llm.CodeThinking),
		refusal(503, "UNAVAILABLE", "The model is overloaded. Please try again later.", "", llm.CodeUnavailable),
		refusal(500, "INTERNAL", "An internal error has occurred.", "", llm.CodeServiceInternal),
	}
}

// Raw is a request in the dialect.
func (Generate) Raw(q *providertest.Question, _ string, _ bool) []byte {
	var contents []string
	switch user := `{"text":` + quoted(q.Text) + `}`; {
	case q.Past != nil:
		contents = []string{
			`{"role":"user","parts":[{"text":"Look."}]}`,
			`{"role":"model","parts":[{"functionCall":{"id":` + quoted(q.Past.ID) + `,"name":` + quoted(q.Past.Name) + `,"args":` + q.Past.Arguments + `}}]}`,
			`{"role":"user","parts":[{"functionResponse":{"id":` + quoted(q.Past.ID) + `,"name":` + quoted(q.Past.Name) + `,"response":{"result":` + quoted(q.Result) + `}}}]}`,
		}
	case q.Image != "":
		contents = []string{`{"role":"user","parts":[` + user + `,{"inlineData":{"mimeType":"image/png","data":"` + q.Image + `"}}]}`}
	default:
		contents = []string{`{"role":"user","parts":[` + user + `]}`}
	}
	body := `{"contents":[` + strings.Join(contents, ",") + `]`
	if q.System != "" {
		body += `,"systemInstruction":{"parts":[{"text":` + quoted(q.System) + `}]}`
	}
	var config []string
	if q.MaxTokens > 0 {
		config = append(config, fmt.Sprintf(`"maxOutputTokens":%d`, q.MaxTokens))
	}
	if len(q.Stop) > 0 {
		config = append(config, `"stopSequences":[`+quoted(q.Stop[0])+`]`)
	}
	if len(config) > 0 {
		body += `,"generationConfig":{` + strings.Join(config, ",") + `}`
	}
	var tools []string
	for _, name := range q.Tools {
		tools = append(tools, `{"name":`+quoted(name)+`}`)
	}
	if len(tools) > 0 {
		body += `,"tools":[{"functionDeclarations":[` + strings.Join(tools, ",") + `]}]`
	}
	return []byte(body + "}")
}

// Read reads what a client of the dialect gets.
func (Generate) Read(body []byte, stream bool) (*providertest.Answer, error) {
	pieces := [][]byte{body}
	if stream {
		pieces = nil
		for line := range bytes.Lines(body) {
			if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok {
				pieces = append(pieces, data)
			}
		}
	}
	a := &providertest.Answer{}
	finished := false
	for _, piece := range pieces {
		var r struct {
			Candidates []struct {
				Content struct {
					Parts []struct {
						Text    string `json:"text"`
						Thought bool   `json:"thought"`
						Call    *struct {
							ID   string    `json:"id"`
							Name string    `json:"name"`
							Args jsonx.Raw `json:"args"`
						} `json:"functionCall"`
					} `json:"parts"`
				} `json:"content"`
				Finish string `json:"finishReason"`
			} `json:"candidates"`
			Usage struct {
				Prompt   int64 `json:"promptTokenCount"`
				Answer   int64 `json:"candidatesTokenCount"`
				Thoughts int64 `json:"thoughtsTokenCount"`
				Cached   int64 `json:"cachedContentTokenCount"`
			} `json:"usageMetadata"`
		}
		if err := jsonx.Unmarshal(piece, &r); err != nil {
			return nil, err
		}
		a.Input, a.Output, a.Cached, a.Thought = r.Usage.Prompt, r.Usage.Answer+r.Usage.Thoughts, r.Usage.Cached, r.Usage.Thoughts
		for _, p := range r.Candidates[0].Content.Parts {
			switch {
			case p.Call != nil:
				a.Calls = append(a.Calls, providertest.Call{ID: p.Call.ID, Name: p.Call.Name, Arguments: string(p.Call.Args)})
			case p.Thought:
				a.Reasoning += p.Text
			default:
				a.Text += p.Text
			}
		}
		switch word := r.Candidates[0].Finish; {
		case word == "":
			continue
		case word == "MAX_TOKENS":
			a.Stop = llm.StopMaxTokens
		case len(a.Calls) > 0:
			a.Stop = llm.StopToolUse
		default:
			a.Stop = llm.StopEnd
		}
		finished = true
	}
	if !finished {
		return nil, errors.New("it has no finishReason")
	}
	return a, nil
}
