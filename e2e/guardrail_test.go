package e2e

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	emulator "outcrop/emulator/bedrock"
)

// watched is a Bedrock that keeps the last call.
type watched struct {
	http.Handler
	mu     sync.Mutex
	path   string
	header http.Header
	body   string
}

func (s *watched) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.path, s.header, s.body = r.URL.Path, r.Header.Clone(), string(body)
	s.mu.Unlock()
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	s.Handler.ServeHTTP(w, r)
}

// last returns the last call and forgets it.
func (s *watched) last() (path string, header http.Header, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path, header, body = s.path, s.header, s.body
	s.path, s.header, s.body = "", nil, ""
	return path, header, body
}

func startWatched(t *testing.T) (*watched, string) {
	t.Helper()
	e, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := &watched{Handler: judge.Watch(e)}
	return s, startServer(t, s).URL()
}

const (
	claudeID = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
	novaID   = "amazon.nova-lite-v1:0"
)

// TestTheOperatorsGuardrailReachesBedrockOnEveryPath calls a deployment with a guardrail in every
// dialect and by every API, with and without a guardrail of the client's own.
func TestTheOperatorsGuardrailReachesBedrockOnEveryPath(t *testing.T) {
	s, upstream := startWatched(t)
	g := startGateway(t, strings.Replace(openConfig, "      aws_region_name", `      guardrailConfig: {guardrailIdentifier: abc123, guardrailVersion: "1", trace: enabled}
      aws_region_name`, 1), upstream)
	const (
		messages = `"messages":[{"role":"user","content":"What is granite?"}]`
		native   = `"messages":[{"role":"user","content":[{"text":"What is granite?"}]}]`
		theirs   = `,"guardrailConfig":{"guardrailIdentifier":"none00","guardrailVersion":"2","trace":"disabled"}`
		none     = `,"guardrailConfig":null`
		claude   = `"anthropic_version":"bedrock-2023-05-31","max_tokens":100,`
		tagged   = `,"amazon-bedrock-guardrailConfig":{"tagSuffix":"xyz","streamProcessingMode":"ASYNCHRONOUS"}`
	)
	brought := http.Header{"X-Amzn-Bedrock-Guardrailidentifier": {"none00"}, "X-Amzn-Bedrock-Guardrailversion": {"2"}, "X-Amzn-Bedrock-Trace": {"DISABLED"}}
	anthropic := func(model, more string) string {
		return `{"model":"` + model + `","max_tokens":100,` + messages + more + `}`
	}
	chat := func(model, more string) string { return `{"model":"` + model + `",` + messages + more + `}` }
	for _, tt := range []struct {
		name, path, body string
		header           http.Header
		to               string // how the path of the call ends
	}{
		{"Messages", "/v1/messages", anthropic(claudeID, ""), nil, "/invoke"},
		{"Messages, streamed", "/v1/messages", anthropic(claudeID, `,"stream":true`), nil, "/invoke-with-response-stream"},
		{"Messages by Converse", "/v1/messages", anthropic("converse/"+claudeID, ""), nil, "/converse"},
		{"Messages by Converse, streamed", "/v1/messages", anthropic("converse/"+claudeID, `,"stream":true`), nil, "/converse-stream"},
		{"Messages by Converse with the client's", "/v1/messages", anthropic(novaID, theirs), nil, "/converse"},
		{"Messages by Converse without one", "/v1/messages", anthropic(novaID, none), nil, "/converse"},
		{"Messages with the client's headers", "/v1/messages", anthropic(claudeID, ""), brought, "/invoke"},
		{"Messages with the client's tags", "/v1/messages", anthropic(claudeID, tagged), nil, "/invoke"},
		{"chat", "/v1/chat/completions", chat(novaID, ""), nil, "/converse"},
		{"chat, streamed", "/v1/chat/completions", chat(novaID, `,"stream":true`), nil, "/converse-stream"},
		{"chat with the client's", "/v1/chat/completions", chat(novaID, theirs), nil, "/converse"},
		{"chat without one", "/v1/chat/completions", chat(novaID, none+`,"additional_drop_params":["guardrailConfig"]`), nil, "/converse"},
		{"chat by InvokeModel", "/v1/chat/completions", chat("invoke/"+claudeID, theirs), nil, "/invoke"},
		{"chat by InvokeModel, streamed", "/v1/chat/completions", chat("invoke/"+claudeID, `,"stream":true`), nil, "/invoke-with-response-stream"},
		{"Converse", "/model/" + novaID + "/converse", `{` + native + `}`, nil, "/converse"},
		{"Converse with the client's", "/model/" + novaID + "/converse", `{` + native + theirs + `}`, nil, "/converse"},
		{"Converse without one", "/model/" + novaID + "/converse-stream", `{"guardrailConfig":null,` + native + `}`, nil, "/converse-stream"},
		{"InvokeModel", "/model/" + claudeID + "/invoke", `{` + claude + messages + `}`, nil, "/invoke"},
		{"InvokeModel with the client's", "/model/" + claudeID + "/invoke", `{` + claude + messages + tagged + `}`, brought, "/invoke"},
		{"InvokeModel, streamed", "/model/" + claudeID + "/invoke-with-response-stream", `{` + claude + messages + tagged + `}`, brought, "/invoke-with-response-stream"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.URL()+tt.path, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header = tt.header.Clone()
			if req.Header == nil {
				req.Header = http.Header{}
			}
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Anthropic-Version", "2023-06-01")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			path, header, body := s.last()
			if resp.StatusCode != http.StatusOK || !strings.HasSuffix(path, tt.to) {
				t.Fatalf("%d, by %q\n%s", resp.StatusCode, path, answer)
			}
			for _, theirs := range []string{"none00", "xyz", "ASYNCHRONOUS", "disabled"} {
				if strings.Contains(body, theirs) {
					t.Errorf("the client's %s is in %s", theirs, body)
				}
			}
			if strings.Contains(tt.to, "converse") {
				if strings.Count(body, `"guardrailConfig":{"guardrailIdentifier":"abc123","guardrailVersion":"1","trace":"enabled"}`) != 1 || strings.Count(body, "guardrailConfig") != 1 {
					t.Errorf("sent %s", body)
				}
				return
			}
			for name, want := range map[string]string{"GuardrailIdentifier": "abc123", "GuardrailVersion": "1", "Trace": "ENABLED"} {
				if got := header.Values("X-Amzn-Bedrock-" + name); len(got) != 1 || got[0] != want {
					t.Errorf("%s is %q, not %s", name, got, want)
				}
			}
		})
	}
}

// TestParametersOfTheOperatorReachMessages calls a deployment with default parameters through the
// Messages API, by InvokeModel and by Converse.
func TestParametersOfTheOperatorReachMessages(t *testing.T) {
	s, upstream := startWatched(t)
	const zone = "      aws_region_name"
	few := startGateway(t, strings.Replace(openConfig, zone, `      temperature: 0.25
      top_k: 7
      max_tokens: 77
      stop: [END]
      user: operator
      extra_headers: {x-team: granite}
      additional_drop_params: [seed]
`+zone, 1), upstream)
	effort := startGateway(t, strings.Replace(openConfig, zone, "      reasoning_effort: low\n      max_tokens: 9000\n"+zone, 1), upstream)
	hot := startGateway(t, strings.Replace(openConfig, zone, "      temperature: 1.5\n"+zone, 1), upstream)
	for _, tt := range []struct {
		name, gateway, model, more string
		to                         string
		has, lacks                 []string
	}{
		{"by InvokeModel", few.URL(), claudeID, ``, "/invoke", []string{`"temperature":0.25`, `"top_k":7`, `"max_tokens":77`, `"stop_sequences":["END"]`}, nil},
		{"by InvokeModel, streamed", few.URL(), claudeID, `,"stream":true`, "/invoke-with-response-stream", []string{`"temperature":0.25`, `"max_tokens":77`}, nil},
		{"the client's own", few.URL(), claudeID, `,"temperature":0.75,"max_tokens":5,"stop_sequences":["STOP"]`, "/invoke", []string{`"temperature":0.75`, `"max_tokens":5`, `["STOP"]`, `"top_k":7`}, []string{"0.25", "77", "END"}},
		{"the client wants none", few.URL(), claudeID, `,"temperature":null`, "/invoke", nil, []string{"0.25"}},
		{"by Converse", few.URL(), novaID, ``, "/converse", []string{`"temperature":0.25`, `"maxTokens":77`, `"stopSequences":["END"]`, `"topK":7`}, nil},
		{"the client's own by Converse", few.URL(), novaID, `,"temperature":0.75,"max_tokens":5`, "/converse", []string{`"temperature":0.75`, `"maxTokens":5`}, []string{"0.25", "77"}},
		{"the client wants none by Converse", few.URL(), novaID, `,"temperature":null`, "/converse", nil, []string{"temperature"}},
		{"an effort, which the dialect has no member for", effort.URL(), claudeID, ``, "/converse", []string{`"thinking":{"`}, nil},
		{"an effort where the client thinks", effort.URL(), claudeID, `,"thinking":{"type":"disabled"}`, "/invoke", []string{`"thinking":{"type":"disabled"}`}, nil},
		{"more than the dialect allows", hot.URL(), claudeID, `,"max_tokens":5`, "/converse", nil, []string{"1.5"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := `{"model":"` + tt.model + `","messages":[{"role":"user","content":"What is granite?"}]` + tt.more + `}`
			resp := openAt(t, tt.gateway+"/v1/messages", body)
			answer, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			path, header, sent := s.last()
			if resp.StatusCode != http.StatusOK || !strings.HasSuffix(path, tt.to) {
				t.Fatalf("%d, by %q\n%s", resp.StatusCode, path, answer)
			}
			for _, part := range tt.has {
				if !strings.Contains(sent, part) {
					t.Errorf("no %s in %s", part, sent)
				}
			}
			for _, part := range tt.lacks {
				if strings.Contains(sent, part) {
					t.Errorf("%s in %s", part, sent)
				}
			}
			if tt.gateway != few.URL() {
				return
			}
			if header.Get("X-Team") != "granite" || !strings.Contains(header.Get("X-Amzn-Bedrock-Request-Metadata")+sent, "operator") {
				t.Errorf("the headers are %v", header)
			}
			if got := resp.Header.Get("X-Outcrop-Warnings"); !strings.Contains(got, "additional_drop_params") {
				t.Errorf("warned of %q", got)
			}
		})
	}
}

// openAt posts a JSON body.
func openAt(t *testing.T, url, body string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}
