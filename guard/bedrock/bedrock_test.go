package bedrock_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"go.uber.org/goleak"

	"outcrop/e2e/botomodel"
	"outcrop/guard"
	"outcrop/guard/bedrock"
	"outcrop/llm"
	"outcrop/provider/bedrock/creds"
	"outcrop/upstream"
)

// judge holds what these tests send against AWS's service model.
var judge botomodel.Judge

func TestMain(m *testing.M) { goleak.VerifyTestMain(judge.Over(m, os.Stderr)) }

// service answers as ApplyGuardrail does, with what a test says for each call.
type service struct {
	*httptest.Server

	mu     sync.Mutex
	paths  []string
	bodies []request
}

type request struct {
	Source  string `json:"source"`
	Content []struct {
		Text struct {
			Text string `json:"text"`
		} `json:"text"`
	} `json:"content"`
	OutputScope string `json:"outputScope"`
}

func serve(t *testing.T, answer func(n int, r request) (int, string)) *service {
	t.Helper()
	s := &service{}
	s.Server = httptest.NewServer(judge.Watch(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body request
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/") {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		s.mu.Lock()
		s.paths, s.bodies = append(s.paths, r.URL.EscapedPath()), append(s.bodies, body)
		n := len(s.bodies)
		s.mu.Unlock()
		status, text := answer(n, body)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Amzn-Requestid", "request-1")
		if status == http.StatusForbidden {
			w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text))
	})))
	t.Cleanup(s.Close)
	return s
}

func open(t *testing.T, at string, s bedrock.Settings) *bedrock.Check {
	t.Helper()
	s.Endpoint, s.Credentials = at, creds.Options{AccessKey: "AKIDEXAMPLE", SecretKey: "secret", Region: "eu-west-1", NoAPIKey: true}
	if s.ID == "" {
		s.ID, s.Version = "ff6ujrregl1q", "DRAFT"
	}
	client := upstream.New()
	c, err := bedrock.New(s, bedrock.Options{Client: client, Environ: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); client.CloseIdle() })
	return c
}

const none = `{"action":"NONE","outputs":[],"assessments":[],"usage":{}}`

// blocked has the members of an answer in AWS's API reference of ApplyGuardrail.
const blocked = `{"usage":{"topicPolicyUnits":1,"contentPolicyUnits":1,"wordPolicyUnits":1,"sensitiveInformationPolicyUnits":1,"sensitiveInformationPolicyFreeUnits":0,"contextualGroundingPolicyUnits":0},
"action":"GUARDRAIL_INTERVENED","actionReason":"Guardrail blocked.","outputs":[{"text":"We cannot talk about that."}],
"assessments":[{"topicPolicy":{"topics":[{"name":"Secret topic","type":"DENY","action":"BLOCKED","detected":true}]},"contentPolicy":null,"invocationMetrics":{"guardrailProcessingLatency":346}}]}`

func masked(t *testing.T, texts ...string) string {
	t.Helper()
	type output struct {
		Text string `json:"text"`
	}
	all := []output{}
	for _, text := range texts {
		all = append(all, output{text})
	}
	text, err := json.Marshal(map[string]any{
		"action": "GUARDRAIL_INTERVENED", "outputs": all, "usage": map[string]any{},
		"assessments": []any{map[string]any{"sensitiveInformationPolicy": map[string]any{"piiEntities": []any{map[string]any{"type": "EMAIL", "match": "jo@example.org", "action": "ANONYMIZED"}}, "regexes": []any{}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func ask(t *testing.T, c *bedrock.Check, side guard.Side, texts ...string) (guard.Verdict, error) {
	t.Helper()
	return c.Check(t.Context(), &guard.Input{Side: side, Texts: texts})
}

func TestVerdicts(t *testing.T) {
	answers := map[string]string{
		"fine": none, "blocked": blocked, "masked": masked(t, "write to {EMAIL}"),
		"only detected": `{"action":"NONE","outputs":[],"assessments":[{"contentPolicy":{"filters":[{"type":"HATE","action":"NONE"}]}}]}`,
		"unknown":       `{"action":"GUARDRAIL_INTERVENED","outputs":[{"text":"No."}],"assessments":[{"automatedReasoningPolicy":{"findings":[]}}]}`,
	}
	s := serve(t, func(_ int, r request) (int, string) { return 200, answers[r.Content[0].Text.Text] })
	c := open(t, s.URL, bedrock.Settings{Full: true})
	for text, want := range map[string]string{"fine": "", "only detected": "", "blocked": "Violated guardrail policy: We cannot talk about that.", "unknown": "Violated guardrail policy: No."} {
		v, err := ask(t, c, guard.Request, text)
		reason := ""
		if v.Block != nil {
			reason = v.Block.Reason
		}
		if err != nil || reason != want || v.Texts != nil {
			t.Errorf("%s: %+v, %v", text, v, err)
		}
	}
	if v, err := ask(t, c, guard.Response, "masked", " "); err != nil || len(v.Texts) != 2 || v.Texts[0] != "write to {EMAIL}" || v.Texts[1] != " " {
		t.Errorf("masked: %+v, %v", v, err)
	}
	if last := s.bodies[len(s.bodies)-1]; last.Source != "OUTPUT" || last.OutputScope != "FULL" || len(last.Content) != 1 || s.bodies[0].Source != "INPUT" {
		t.Errorf("sent %+v", last)
	}
	if s.paths[0] != "/guardrail/ff6ujrregl1q/version/DRAFT/apply" {
		t.Errorf("asked at %s", s.paths[0])
	}
	if v, err := ask(t, c, guard.Request, " ", ""); err != nil || v.Texts != nil || v.Block != nil {
		t.Errorf("nothing is said: %+v, %v", v, err)
	}
}

// TestTextsAreAskedAboutOneByOneIfItIsNotKnownWhichIsMasked: AWS answers with one output for each text, or with one for all.
func TestTextsAreAskedAboutOneByOneIfItIsNotKnownWhichIsMasked(t *testing.T) {
	s := serve(t, func(_ int, r request) (int, string) {
		switch {
		case len(r.Content) > 1:
			return 200, masked(t, "all of it")
		case r.Content[0].Text.Text == "mail":
			return 200, masked(t, "{EMAIL}")
		}
		return 200, none
	})
	v, err := ask(t, open(t, s.URL, bedrock.Settings{}), guard.Request, "a", "mail")
	if err != nil || strings.Join(v.Texts, "|") != "a|{EMAIL}" || len(s.bodies) != 3 {
		t.Errorf("%+v, %v after %d calls", v, err, len(s.bodies))
	}
}

func TestLongTextsAreSentInPieces(t *testing.T) {
	text := strings.Repeat("Wörter und mehr. ", 40) + strings.Repeat("x", 250)
	s := serve(t, func(n int, r request) (int, string) {
		size := 0
		for _, c := range r.Content {
			size += utf8.RuneCountInString(c.Text.Text)
		}
		if size > 100 {
			return 400, `{"message":"too large"}`
		}
		if n == 2 {
			return 200, masked(t, strings.ToUpper(r.Content[0].Text.Text))
		}
		return 200, none
	})
	v, err := ask(t, open(t, s.URL, bedrock.Settings{Chunk: 100}), guard.Request, text)
	if err != nil || len(v.Texts) != 1 || !strings.EqualFold(v.Texts[0], text) || v.Texts[0] == text {
		t.Errorf("%v: got %v", err, v.Texts)
	}
	if first := s.bodies[0].Content[0].Text.Text; !strings.HasSuffix(first, " ") {
		t.Errorf("a word is cut: %q", first)
	}
}

func TestARefusalIsDiagnosed(t *testing.T) {
	s := serve(t, func(int, request) (int, string) {
		return 403, `{"message":"User: arn:aws:iam::111122223333:user/gateway is not authorized to perform: bedrock:ApplyGuardrail on resource: arn:aws:bedrock:eu-west-1:111122223333:guardrail/ff6ujrregl1q because no identity-based policy allows the bedrock:ApplyGuardrail action"}`
	})
	_, err := ask(t, open(t, s.URL, bedrock.Settings{}), guard.Request, "a")
	e, ok := errors.AsType[*llm.Error](err)
	if !ok || e.Code != llm.CodeIdentityMissing || !strings.Contains(string(e.Statement), `"bedrock:ApplyGuardrail"`) || !strings.Contains(string(e.Statement), "guardrail/ff6ujrregl1q") || errors.Is(err, guard.ErrUnreachable) {
		t.Errorf("got %v, %+v", err, e)
	}
}

func TestWhatCountsAsAway(t *testing.T) {
	s := serve(t, func(int, request) (int, string) { return 503, `{"message":"later"}` })
	c := open(t, s.URL, bedrock.Settings{})
	if _, err := ask(t, c, guard.Request, "a"); !errors.Is(err, guard.ErrUnreachable) {
		t.Errorf("503: %v", err)
	}
	s.Close()
	if _, err := ask(t, c, guard.Request, "a"); !errors.Is(err, guard.ErrUnreachable) {
		t.Errorf("nobody: %v", err)
	}
	broken := serve(t, func(int, request) (int, string) { return 200, `{}` })
	if _, err := ask(t, open(t, broken.URL, bedrock.Settings{}), guard.Request, "a"); err == nil || errors.Is(err, guard.ErrUnreachable) {
		t.Errorf("no answer: %v", err)
	}
}

func TestAnARNIsOneSegment(t *testing.T) {
	s := serve(t, func(int, request) (int, string) { return 200, none })
	c := open(t, s.URL, bedrock.Settings{ID: "arn:aws:bedrock:eu-west-1:111122223333:guardrail/ff6ujrregl1q", Version: "3"})
	if _, err := c.Check(context.Background(), &guard.Input{Side: guard.Request, Texts: []string{"a"}}); err != nil || s.paths[0] != "/guardrail/arn%3Aaws%3Abedrock%3Aeu-west-1%3A111122223333%3Aguardrail%2Fff6ujrregl1q/version/3/apply" {
		t.Errorf("%v: asked at %v", err, s.paths)
	}
}
