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

// rockAnswers are what models of these tests say.
func rockAnswers() map[string]*providertest.Answer {
	return map[string]*providertest.Answer{
		"a text":   {Reasoning: "Hm. \u5ca9", Text: "Granite.", Stop: llm.StopEnd, Input: 11, Output: 7},
		"calls":    {Text: "I look.", Calls: []providertest.Call{{ID: "c1", Name: "find", Arguments: `{"rock":"granite"}`}, {ID: "c2", Name: "weigh", Arguments: `{}`}}, Stop: llm.StopToolUse, Input: 20, Output: 9},
		"a limit":  {Text: "Gran", Stop: llm.StopMaxTokens, Input: 11, Output: 1},
		"no words": {Calls: []providertest.Call{{ID: "c1", Name: "find", Arguments: `{"rock":"basalt"}`}}, Stop: llm.StopToolUse, Input: 1, Output: 1},
	}
}

// cohereAPI answers like Cohere's chat API.
func cohereAPI(a *providertest.Answer) func(w http.ResponseWriter, c vendorCall) {
	return func(w http.ResponseWriter, c vendorCall) {
		var req struct {
			Stream bool `json:"stream"`
		}
		_ = json.Unmarshal(c.Body, &req)
		if !req.Stream {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, dialects.Cohere{}.Whole(a))
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, strings.Join(dialects.Cohere{}.Events(a), ""))
	}
}

// judgeCohere runs Cohere's SDK.
func judgeCohere(t *testing.T, input io.Reader, args ...string) (stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, venv(t, "clients", "clients").interpreter, append([]string{"judge.py"}, args...)...)
	cmd.Dir, cmd.Stdin = "sdks/cohere", input
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, log.String())
	}
	return string(out), log.String()
}

// TestCoheresSDKUnderstandsTheFakeUpstream holds the upstream of the providers' suite to Cohere's own
// client: what the SDK reads is the answer, and no member is unknown to its types.
func TestCoheresSDKUnderstandsTheFakeUpstream(t *testing.T) { //nolint:tparallel // its subtests are short
	t.Parallel()
	for name, a := range rockAnswers() {
		t.Run(name, func(t *testing.T) {
			v := startVendor(t, cohereAPI(a))
			out, _ := judgeCohere(t, nil, v.URL)
			calls := [][]string{}
			for _, c := range a.Calls {
				calls = append(calls, []string{c.ID, c.Name, c.Arguments})
			}
			finish := map[llm.StopReason]string{llm.StopEnd: "COMPLETE", llm.StopToolUse: "TOOL_CALL", llm.StopMaxTokens: "MAX_TOKENS"}[a.Stop]
			type read struct {
				Thinking string     `json:"thinking"`
				Text     string     `json:"text"`
				Calls    [][]string `json:"calls"`
				Finish   string     `json:"finish"`
				Usage    []float64  `json:"usage"`
				Unknown  []string   `json:"unknown"`
			}
			var got []read
			if err := json.Unmarshal([]byte(out), &got); err != nil || len(got) != 2 {
				t.Fatalf("%v: %s", err, out)
			}
			want := fmt.Sprint(read{a.Reasoning, a.Text, calls, finish, []float64{float64(a.Input), float64(a.Output)}, nil})
			for i, how := range []string{"whole", "streamed"} {
				if fmt.Sprint(got[i]) != want {
					t.Errorf("%s: the SDK reads %v, not %s", how, got[i], want)
				}
			}
		})
	}
}

// TestBodiesForCohereFitTheTypesOfItsSDK sends the requests of other SDKs to a model of Cohere's.
func TestBodiesForCohereFitTheTypesOfItsSDK(t *testing.T) {
	v := startVendor(t, cohereAPI(&providertest.Answer{Text: "Granite.", Stop: llm.StopEnd, Input: 1, Output: 1}))
	g := startApp(t, `
general_settings: {master_key: `+masterKey+`}
litellm_settings: {drop_params: true}
model_list:
  - {model_name: granite, litellm_params: {model: cohere/command-a-03-2025, api_key: `+vendorSecret+`, api_base: "`+v.URL+`/v2/chat"}}
`, "", nil)
	for path, bodies := range sdkRequests("granite") {
		if strings.HasSuffix(path, "count_tokens") {
			continue
		}
		for _, body := range bodies {
			r := g.do(t, http.MethodPost, path, body)
			if strings.Contains(body, "a.pdf") { // Cohere's API has no PDFs
				if r.status != http.StatusBadRequest || !strings.Contains(r.body, `messages[0].content[0]`) {
					t.Errorf("a PDF: %d %s", r.status, r.body)
				}
			} else if r.status != http.StatusOK {
				t.Errorf("%s %s: %d %s", path, body, r.status, r.body)
			}
		}
	}
	const own = `{"model":"granite","messages":[{"role":"user","content":"Hi"}],"safety_mode":"STRICT","k":5,"seed":3,"citation_options":{"mode":"ACCURATE"},"documents":["Granite is hard.",{"id":"a","data":{"text":"Slate is not."}}]}`
	if r := g.do(t, http.MethodPost, "/v1/chat/completions", own); r.status != http.StatusOK {
		t.Errorf("%d %s", r.status, r.body)
	}
	g.stop(t)
	var calls bytes.Buffer
	count := 0
	for _, sent := range v.taken() {
		if sent.Path != "/v2/chat" || sent.Header.Get("Authorization") != "Bearer "+vendorSecret {
			t.Errorf("sent to %s with %v", sent.Path, sent.Header)
		}
		var line bytes.Buffer
		if err := json.Compact(&line, sent.Body); err != nil {
			t.Fatal(err)
		}
		calls.Write(append(line.Bytes(), '\n'))
		count++
	}
	found, log := judgeCohere(t, &calls)
	if !strings.Contains(log, fmt.Sprintf("judged %d\n", count)) || count < 5 || found != "" {
		t.Errorf("of %d bodies (%s):\n%s", count, log, found)
	}
}
