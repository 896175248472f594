package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// startPresidio runs Presidio's own engines, with the recognizers of patterns: models of languages are not installed.
func startPresidio(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), venv(t, "presidio", "presidio").interpreter, "serve.py")
	cmd.Dir = "sdks/presidio"
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = input.Close() // it ends then
		_ = cmd.Wait()
	})
	port, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatalf("%v: %s", err, log.String())
	}
	return "127.0.0.1:" + strings.TrimSpace(port)
}

// repeating is a vendor of OpenAI's API that says what it was asked, and calls a tool with it.
func repeating(t *testing.T) (url string, asked func() string) {
	t.Helper()
	var mu sync.Mutex
	last := ""
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var req struct {
			Messages []struct {
				Content string `json:"content"`
			} `json:"messages"`
			Stream bool `json:"stream"`
		}
		_ = json.NewDecoder(r.Body).Decode(&req)
		said := req.Messages[len(req.Messages)-1].Content
		mu.Lock()
		last = said
		mu.Unlock()
		arguments, _ := json.Marshal(map[string]string{"q": said}) // encoding/json escapes < and >
		if !req.Stream {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant","content":%q,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":%q}}]}}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`, said, arguments)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		characters := []rune(said)
		for at := 0; at < len(characters); at += 3 {
			fmt.Fprintf(w, "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%q}}]}\n\n", string(characters[at:min(at+3, len(characters))]))
		}
		_, _ = io.WriteString(w, "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
	}))
	t.Cleanup(s.Close)
	return s.URL, func() string {
		mu.Lock()
		defer mu.Unlock()
		return last
	}
}

// TestPresidioItselfChecks asks a gateway whose guardrails are Presidio's own analyzer and anonymizer.
func TestPresidioItselfChecks(t *testing.T) {
	t.Parallel()
	presidio := startPresidio(t)
	vendor, asked := repeating(t)
	g := startApp(t, `
model_list:
  - {model_name: sand, litellm_params: {model: openai/sand, api_key: k, api_base: "`+vendor+`"}}
guardrails:
  - guardrail_name: personal
    litellm_params:
      guardrail: presidio
      mode: pre_call
      presidio_analyzer_api_base: "`+presidio+`"
      presidio_anonymizer_api_base: "http://`+presidio+`"
      pii_entities_config: {EMAIL_ADDRESS: MASK, CREDIT_CARD: MASK, US_SSN: BLOCK}
      presidio_score_thresholds: {ALL: 0.4}
  - guardrail_name: back
    litellm_params: {guardrail: presidio, mode: pre_call, output_parse_pii: true, presidio_analyzer_api_base: "`+presidio+`", presidio_anonymizer_api_base: "`+presidio+`"}
`, "", nil)
	call := func(guardrail, text, more string) (int, string) {
		t.Helper()
		body := fmt.Sprintf(`{"model":"sand","messages":[{"role":"user","content":%q}],"guardrails":[%q]%s}`, text, guardrail, more)
		resp, err := http.Post(g.URL()+"/v1/chat/completions", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(answer)
	}
	const text = "Grüße 日本, write to jo@example.org and ann@example.org, pay with 4111 1111 1111 1111"
	status, body := call("personal", text, "")
	if want := "Grüße 日本, write to <EMAIL_ADDRESS> and <EMAIL_ADDRESS>, pay with <CREDIT_CARD>"; status != 200 || asked() != want || strings.Contains(body, "example.org") {
		t.Errorf("%d: the model got %q, and the client %s", status, asked(), body)
	}
	if status, body = call("personal", "my number is 536-90-4399", ""); status != 400 || !strings.Contains(body, "Blocked entity detected: US_SSN") {
		t.Errorf("%d %s", status, body)
	}
	status, body = call("back", text, "")
	if want := "Grüße 日本, write to <EMAIL_ADDRESS_1> and <EMAIL_ADDRESS_2>, pay with <CREDIT_CARD_1>"; status != 200 || asked() != want {
		t.Errorf("%d: the model got %q", status, asked())
	}
	var answer struct {
		Choices []struct {
			Message struct {
				Content   string `json:"content"`
				ToolCalls []struct {
					Function struct {
						Arguments string `json:"arguments"`
					} `json:"function"`
				} `json:"tool_calls"`
			} `json:"message"`
		} `json:"choices"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || len(answer.Choices) != 1 || len(answer.Choices[0].Message.ToolCalls) != 1 {
		t.Fatalf("%v: %s", err, body)
	}
	var arguments struct {
		Q string `json:"q"`
	}
	m := answer.Choices[0].Message
	if err := json.Unmarshal([]byte(m.ToolCalls[0].Function.Arguments), &arguments); err != nil || m.Content != text || arguments.Q != text {
		t.Errorf("%v: the client got %q and %q", err, m.Content, arguments.Q)
	}
	status, body = call("back", text, `,"stream":true`)
	said := ""
	for _, piece := range regexp.MustCompile(`"content":("(?:[^"\\]|\\.)*")`).FindAllStringSubmatch(body, -1) {
		var text string
		_ = json.Unmarshal([]byte(piece[1]), &text)
		said += text
	}
	if status != 200 || said != text {
		t.Errorf("%d: the client got %q in a stream", status, said)
	}
}
