package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"outcrop/llm"
	"outcrop/provider/providertest"
	"outcrop/provider/providertest/dialects"
)

// ollamaAPI answers like Ollama's chat API.
func ollamaAPI(a *providertest.Answer) func(w http.ResponseWriter, c vendorCall) {
	return func(w http.ResponseWriter, c vendorCall) {
		var req struct {
			Stream bool `json:"stream"`
		}
		_ = json.Unmarshal(c.Body, &req)
		if !req.Stream {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, dialects.Ollama{}.Whole(a))
			return
		}
		w.Header().Set("Content-Type", "application/x-ndjson")
		_, _ = io.WriteString(w, strings.Join(dialects.Ollama{}.Events(a), ""))
	}
}

// judgeOllama runs Ollama's SDK.
func judgeOllama(t *testing.T, input io.Reader, args ...string) (stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, venv(t, "ollama", "ollama").interpreter, append([]string{"judge.py"}, args...)...)
	cmd.Dir, cmd.Stdin = "sdks/ollama", input
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, log.String())
	}
	return string(out), log.String()
}

// TestOllamasSDKUnderstandsTheFakeUpstream holds the upstream of the providers' suite to Ollama's own
// client.
func TestOllamasSDKUnderstandsTheFakeUpstream(t *testing.T) { //nolint:tparallel // its subtests are short
	t.Parallel()
	for name, a := range rockAnswers() {
		t.Run(name, func(t *testing.T) {
			v := startVendor(t, ollamaAPI(a))
			out, _ := judgeOllama(t, nil, v.URL)
			type read struct {
				Thinking string     `json:"thinking"`
				Text     string     `json:"text"`
				Calls    [][]string `json:"calls"`
				Finish   string     `json:"finish"`
				Usage    []int64    `json:"usage"`
			}
			var got []read
			if err := json.Unmarshal([]byte(out), &got); err != nil || len(got) != 2 {
				t.Fatalf("%v: %s", err, out)
			}
			calls := [][]string{}
			for _, c := range a.Calls {
				calls = append(calls, []string{c.Name, c.Arguments})
			}
			finish := "stop"
			if a.Stop == llm.StopMaxTokens {
				finish = "length"
			}
			want := fmt.Sprint(read{a.Reasoning, a.Text, calls, finish, []int64{a.Input, a.Output}})
			for i, how := range []string{"whole", "streamed"} {
				if fmt.Sprint(got[i]) != want {
					t.Errorf("%s: the SDK reads %v, not %s", how, got[i], want)
				}
			}
		})
	}
}

// TestBodiesForOllamaFitTheTypesOfItsSDK sends the requests of other SDKs to a model of Ollama's that
// has options of its own.
func TestBodiesForOllamaFitTheTypesOfItsSDK(t *testing.T) {
	v := startVendor(t, ollamaAPI(&providertest.Answer{Text: "Granite.", Stop: llm.StopEnd, Input: 1, Output: 1}))
	g := startApp(t, `
general_settings: {master_key: `+masterKey+`}
litellm_settings: {drop_params: true}
model_list:
  - {model_name: granite, litellm_params: {model: "ollama_chat/qwen3:8b", api_base: "`+v.URL+`", num_ctx: 16384, num_predict: 77, mirostat: 1, repeat_penalty: 1.5, keep_alive: 10m}}
`, "", nil)
	for path, bodies := range sdkRequests("granite") {
		if strings.HasSuffix(path, "count_tokens") {
			continue
		}
		for _, body := range bodies {
			r := g.do(t, http.MethodPost, path, body)
			if strings.Contains(body, "a.pdf") { // Ollama's API has no PDFs
				if r.status != http.StatusBadRequest || !strings.Contains(r.body, `messages[0].content[0]`) {
					t.Errorf("a PDF: %d %s", r.status, r.body)
				}
			} else if r.status != http.StatusOK {
				t.Errorf("%s %s: %d %s", path, body, r.status, r.body)
			}
		}
	}
	g.stop(t)
	var calls bytes.Buffer
	count := 0
	for _, sent := range v.taken() {
		if sent.Path != "/api/chat" {
			t.Errorf("sent to %s", sent.Path)
		}
		for _, want := range []string{`"num_ctx":16384`, `"mirostat":1`, `"repeat_penalty":1.5`, `"num_predict":`, `"keep_alive":"10m"`} {
			if !strings.Contains(string(sent.Body), want) {
				t.Errorf("%s is not in %s", want, sent.Body)
			}
		}
		var line bytes.Buffer
		if err := json.Compact(&line, sent.Body); err != nil {
			t.Fatal(err)
		}
		calls.Write(append(line.Bytes(), '\n'))
		count++
	}
	found, log := judgeOllama(t, &calls)
	if !strings.Contains(log, fmt.Sprintf("judged %d\n", count)) || count < 5 || found != "" {
		t.Errorf("of %d bodies (%s):\n%s", count, log, found)
	}
}
