package gemini_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"outcrop"
	"outcrop/config"
	emulator "outcrop/emulator/bedrock"
	"outcrop/httpd/door"
	"outcrop/httpd/gemini"
	"outcrop/internal/jsonx"
	"outcrop/provider/all"
	wire "outcrop/wire/gemini"
)

func TestMain(m *testing.M) {
	for _, v := range os.Environ() { // no setting of this machine's for AWS or Google counts
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "GEMINI_") || strings.HasPrefix(name, "GOOGLE_") {
			os.Unsetenv(name)
		}
	}
	os.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	os.Setenv("AWS_CONFIG_FILE", os.DevNull)
	os.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	goleak.VerifyTestMain(m)
}

const (
	key   = "sk-gateway"
	nova  = "us.amazon.nova-lite-v1:0"
	titan = "amazon.titan-embed-text-v2:0"
	// blocked is Google's response to a prompt that a filter has refused.
	blocked = `{"promptFeedback": {"blockReason":"BLOCKLIST"},"usageMetadata":{"promptTokenCount":5}}`
	hi      = `{"contents":[{"role":"user","parts":[{"text":"[[answer: granite and basalt]]"}]}]}`
)

// google is a fake of Google's API. It streams the events that it is given.
type google struct {
	*httptest.Server
	events chan string

	mu  sync.Mutex
	got []string // the paths, queries and bodies
}

func (g *google) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	g.mu.Lock()
	g.got = append(g.got, r.URL.RequestURI()+" "+string(body))
	g.mu.Unlock()
	switch {
	case strings.Contains(string(body), "[[blocked]]"):
		if strings.HasSuffix(r.URL.Path, ":streamGenerateContent") {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: "+blocked+"\r\n\r\n")
			return
		}
		_, _ = io.WriteString(w, blocked)
	case strings.HasSuffix(r.URL.Path, ":countTokens"):
		_, _ = io.WriteString(w, `{"totalTokens":42}`)
	case strings.HasSuffix(r.URL.Path, ":streamGenerateContent"):
		w.Header().Set("Content-Type", "text/event-stream")
		for event := range g.events {
			_, _ = io.WriteString(w, "data: "+event+"\r\n\r\n")
			_ = http.NewResponseController(w).Flush()
		}
	default:
		_, _ = io.WriteString(w, `{"candidates":[{"content":{"parts":[{"text":"theirs"}],"role":"model"},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":1,"totalTokenCount":2}}`)
	}
}

func (g *google) last() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.got) == 0 {
		return ""
	}
	return g.got[len(g.got)-1]
}

// served is the frontend before the emulator, and before a fake of Google's API under the name flash.
type served struct {
	url    string
	google *google
}

func start(t *testing.T) *served {
	t.Helper()
	e, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	upstream := httptest.NewServer(e)
	t.Cleanup(upstream.Close)
	s := &served{google: &google{events: make(chan string)}}
	s.google.Server = httptest.NewServer(s.google)
	t.Cleanup(s.google.Close)
	text := fmt.Sprintf(`{"general_settings":{"master_key":%q},"model_list":[{"model_name":"flash","litellm_params":{"model":"gemini/gemini-2.5-flash","api_key":"k","api_base":%q}},{"model_name":"warm","litellm_params":{"model":"gemini/gemini-2.5-flash","api_key":"k","api_base":%q,"temperature":0.25,"max_tokens":9,"n":2}},{"model_name":"*","litellm_params":{"model":"bedrock/*","aws_region_name":"us-east-1","aws_access_key_id":%q,"aws_secret_access_key":%q,"aws_bedrock_runtime_endpoint":%q}}],"router_settings":{"num_retries":0}}`,
		key, s.google.URL, s.google.URL, emulator.DemoAccessKeyID, string(emulator.DemoSecretAccessKey), upstream.URL)
	cfg, problems := config.Load(config.Source{Name: "c.yaml", Data: []byte(text), Providers: all.Providers()})
	if cfg == nil {
		t.Fatal(problems)
	}
	client, err := outcrop.New(outcrop.Options{Config: cfg, Environ: func(string) string { return "" }, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	h := gemini.New(client.Pipeline(), door.Options{MaxBody: 1 << 20})
	mux := http.NewServeMux()
	for _, route := range h.Routes() {
		mux.HandleFunc(route.Pattern, func(w http.ResponseWriter, r *http.Request) {
			w.Header()["X-Request-Id"] = []string{"0123"}
			route.Handle(w, r)
		})
	}
	front := httptest.NewServer(mux)
	s.url = front.URL
	t.Cleanup(func() {
		front.Close()
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// open makes a request, with a key if header is empty, and else with that header.
func (s *served) open(t *testing.T, path, body, header string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	name, value, _ := strings.Cut(header, ": ")
	if header == "" {
		name, value = "X-Goog-Api-Key", key
	}
	req.Header.Set(name, value)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func (s *served) do(t *testing.T, path, body string) (status int, text string) {
	t.Helper()
	resp := s.open(t, path, body, "")
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(all)
}

// told is the text of responses.
func told(t *testing.T, responses ...jsonx.Raw) (text string, finished bool) {
	t.Helper()
	var r wire.Reader
	for _, raw := range responses {
		events, err := r.Append(nil, raw)
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		for i := range events {
			text += events[i].Text
		}
	}
	return text, r.Finished()
}

func TestTheKeyMayBeWhereGooglesClientsSendIt(t *testing.T) {
	s := start(t)
	const path = "/v1beta/models/" + nova + ":generateContent"
	for _, tt := range []struct {
		path, header string
		status       int
	}{
		{path, "X-Goog-Api-Key: " + key, 200},
		{path, "Authorization: Bearer " + key, 200},
		{path + "?key=" + key, "X: y", 200},
		{path + "?key=" + key + "&alt=json", "X-Goog-Api-Key: " + key, 200},
		{path, "X: y", 401},
		{path, "X-Goog-Api-Key: wrong", 401},
		{path + "?key=wrong", "X: y", 401},
		{path + "?key=", "X: y", 401},
	} {
		resp := s.open(t, tt.path, hi, tt.header)
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != tt.status {
			t.Errorf("%s with %s: %d %s", tt.path, tt.header, resp.StatusCode, body)
		}
		if status := wire.DecodeStatus(body); tt.status == 401 && (status == nil || status.Status != "UNAUTHENTICATED" || strings.Contains(string(body), "wrong")) {
			t.Errorf("the refusal is %s", body)
		}
	}
}

func TestAnswersWholeAndStreamed(t *testing.T) {
	s := start(t)
	for _, version := range []string{"v1", "v1beta"} {
		path := "/" + version + "/models/" + nova
		status, body := s.do(t, path+":generateContent", hi)
		if text, finished := told(t, jsonx.Raw(body)); status != 200 || text != "granite and basalt" || !finished || !strings.Contains(body, `"usageMetadata":{`) {
			t.Errorf("whole: %d %s", status, body)
		}

		resp := s.open(t, path+":streamGenerateContent?alt=sse", hi, "")
		all, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		var events []jsonx.Raw
		for event := range strings.SplitSeq(strings.TrimSuffix(string(all), "\r\n\r\n"), "\r\n\r\n") {
			events = append(events, jsonx.Raw(strings.TrimPrefix(event, "data: ")))
		}
		if text, finished := told(t, events...); resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" || text != "granite and basalt" || !finished {
			t.Errorf("streamed: %d %s", resp.StatusCode, all)
		}

		resp = s.open(t, path+":streamGenerateContent", hi, "")
		all, _ = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		var elements []jsonx.Raw
		if err := jsonx.Unmarshal(all, &elements); err != nil {
			t.Fatalf("the array is %s: %v", all, err)
		}
		if text, finished := told(t, elements...); resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/json" || text != "granite and basalt" || !finished || len(elements) < 2 {
			t.Errorf("streamed as an array: %d %s", resp.StatusCode, all)
		}
	}
}

// TestAnArrayIsSentAsItIsMade reads an element while the model is still at work, of a model whose events pass
// through.
func TestAnArrayIsSentAsItIsMade(t *testing.T) {
	s := start(t)
	part := func(text, more string) string {
		return `{"candidates":[{"content":{"parts":[{"text":"` + text + `"}],"role":"model"}` + more + `}]}`
	}
	opened := make(chan *http.Response)
	go func() {
		opened <- s.open(t, "/v1beta/models/flash:streamGenerateContent?key="+key, hi, "X: y") //nolint:bodyclose // the receiver closes it
	}()
	s.google.events <- part("granite", "")
	resp := <-opened
	defer resp.Body.Close()
	r := bufio.NewReader(resp.Body)
	if first, err := r.Peek(1); err != nil || first[0] != '[' {
		t.Fatalf("it begins with %q, %v", first, err)
	}
	head := make([]byte, len("["+part("granite", "")))
	if _, err := io.ReadFull(r, head); err != nil || string(head) != "["+part("granite", "") {
		t.Fatalf("the first element is %s, %v", head, err)
	}
	s.google.events <- part(" rock", `,"finishReason":"STOP"`)
	close(s.google.events)
	rest, err := io.ReadAll(r)
	if want := ",\r\n" + part(" rock", `,"finishReason":"STOP"`) + "]\n"; err != nil || string(rest) != want {
		t.Errorf("then came %q, %v", rest, err)
	}
	if got := s.google.last(); !strings.Contains(got, "/gemini-2.5-flash:streamGenerateContent?alt=sse ") || !strings.HasSuffix(got, hi) || strings.Contains(got, key) {
		t.Errorf("Google got %s", got)
	}
}

func TestAStreamThatBreaksOffEndsWithAnError(t *testing.T) {
	s := start(t)
	path := "/v1beta/models/" + nova + ":streamGenerateContent"
	const body = `{"contents":[{"parts":[{"text":"[[fault: cut=reset after=3]] [[words: 50]]"}]}]}`
	_, sse := s.do(t, path+"?alt=sse", body)
	last := sse[strings.LastIndex(sse, "data: ")+len("data: "):]
	if status := wire.DecodeStatus([]byte(strings.TrimSpace(last))); status == nil || status.Code != 502 || status.Status != "UNAVAILABLE" {
		t.Errorf("the last event is %s", last)
	}
	_, array := s.do(t, path, body)
	var elements []jsonx.Raw
	if err := jsonx.Unmarshal([]byte(array), &elements); err != nil || len(elements) < 2 {
		t.Fatalf("the array is %s: %v", array, err)
	}
	if status := wire.DecodeStatus(elements[len(elements)-1]); status == nil || status.Code != 502 {
		t.Errorf("the last element is %s", elements[len(elements)-1])
	}
}

// TestABlockedPromptIsAResponseWithoutCandidates asks Google for what passes through, and, under the name warm,
// for what is translated because the operator's parameters stand in its body.
func TestABlockedPromptIsAResponseWithoutCandidates(t *testing.T) {
	s := start(t)
	const body = `{"contents":[{"role":"user","parts":[{"text":"[[blocked]]"}]}]}`
	for path, want := range map[string]string{
		"flash:generateContent":               blocked,
		"flash:streamGenerateContent?alt=sse": "data: " + blocked + "\r\n\r\n",
		"flash:streamGenerateContent":         "[" + blocked + "]\n",
		"warm:generateContent":                `{"promptFeedback":{"blockReason":"BLOCKLIST","blockReasonMessage":"`,
		"warm:streamGenerateContent?alt=sse":  `data: {"promptFeedback":{"blockReason":"BLOCKLIST","blockReasonMessage":"`,
		"warm:streamGenerateContent":          `[{"promptFeedback":{"blockReason":"BLOCKLIST","blockReasonMessage":"`,
	} {
		status, got := s.do(t, "/v1beta/models/"+path, body)
		passes := strings.HasPrefix(path, "flash")
		if status != http.StatusOK || passes && got != want || !strings.HasPrefix(got, want) || strings.Contains(got, `"candidates"`) || strings.Contains(got, `"error"`) {
			t.Errorf("%s: %d %s", path, status, got)
		}
		if !passes && !strings.Contains(got, `"modelVersion":"warm","responseId":"0123"}`) {
			t.Errorf("%s: the envelope of %s", path, got)
		}
	}
}

func TestErrorsAreInGooglesForm(t *testing.T) {
	s := start(t)
	for _, tt := range []struct {
		path, body string
		status     int
		word       string
		field      string
	}{
		{"/v1beta/models/" + nova + ":generateContent", `{`, 400, "INVALID_ARGUMENT", ""},
		{"/v1beta/models/" + nova + ":generateContent", `{"contents":[{"role":"stone"}]}`, 400, "INVALID_ARGUMENT", "contents[0].role"},
		{"/v1beta/models/" + nova + ":streamGenerateContent?alt=sse", `{"contents":[{"role":"stone"}]}`, 400, "INVALID_ARGUMENT", "contents[0].role"},
		{"/v1beta/models/" + nova + ":streamGenerateContent", `{"contents":[{"role":"stone"}]}`, 400, "INVALID_ARGUMENT", "contents[0].role"},
		{"/v1beta/models/" + nova + ":generateContent", `{"contents":[{"parts":[{"text":"[[fault: throttle]]"}]}]}`, 429, "RESOURCE_EXHAUSTED", ""},
		{"/v1beta/models/" + nova + ":streamGenerateContent", `{"contents":[{"parts":[{"text":"[[fault: throttle]]"}]}]}`, 429, "RESOURCE_EXHAUSTED", ""},
		{"/v1beta/models/" + nova + ":generateContent", strings.Repeat(" ", 1<<20) + hi, 413, "INVALID_ARGUMENT", ""},
		{"/v1beta/models/" + nova + ":paint", hi, 404, "NOT_FOUND", ""},
		{"/v1beta/models/generateContent", hi, 404, "NOT_FOUND", ""},
		{"/v1beta/models/" + nova + ":countTokens", `{"contents":7}`, 400, "INVALID_ARGUMENT", ""},
		{"/v1beta/models/" + titan + ":embedContent", `{}`, 400, "INVALID_ARGUMENT", "content"},
		{"/v1beta/models/" + titan + ":batchEmbedContents", `{"requests":[]}`, 400, "INVALID_ARGUMENT", "requests"},
	} {
		status, body := s.do(t, tt.path, tt.body)
		e := wire.DecodeStatus([]byte(body))
		if status != tt.status || e == nil || e.Code != tt.status || e.Status != tt.word || e.Message == "" || strings.Join(e.Fields, "") != tt.field {
			t.Errorf("%s %.60s: %d %s", tt.path, tt.body, status, body)
		}
		if array := strings.HasSuffix(tt.path, ":streamGenerateContent"); array != strings.HasPrefix(body, "[") {
			t.Errorf("%s: %s", tt.path, body)
		}
	}
}

func TestTokensAreCounted(t *testing.T) {
	s := start(t)
	if status, body := s.do(t, "/v1beta/models/flash:countTokens", hi); status != 200 || body != `{"totalTokens":42}` {
		t.Errorf("by Google: %d %s", status, body)
	}
	if status, body := s.do(t, "/v1beta/models/us.anthropic.claude-sonnet-4-5-20250929-v1:0:countTokens", hi); status != 200 || !strings.HasPrefix(body, `{"totalTokens":`) || strings.Contains(body, ":0}") {
		t.Errorf("by Bedrock: %d %s", status, body)
	}
}

func TestTextsAreEmbedded(t *testing.T) {
	s := start(t)
	status, body := s.do(t, "/v1beta/models/"+titan+":embedContent", `{"content":{"parts":[{"text":"granite"}]},"outputDimensionality":256}`)
	var one struct {
		Embedding struct {
			Values []float64 `json:"values"`
		} `json:"embedding"`
	}
	if err := jsonx.Unmarshal([]byte(body), &one); err != nil || status != 200 || len(one.Embedding.Values) != 256 {
		t.Errorf("one: %d %.200s, %v", status, body, err)
	}
	status, body = s.do(t, "/v1/models/"+titan+":batchEmbedContents", `{"requests":[{"content":{"parts":[{"text":"granite"}]}},{"content":{"parts":[{"text":"basalt"}]}}]}`)
	vectors, err := wire.DecodeEmbedResponse([]byte(body), 2)
	if status != 200 || err != nil || len(vectors.Vectors[0].Float) != 1024 {
		t.Errorf("two: %d %.200s, %v", status, body, err)
	}
}

func TestABodyForGeminiPassesThrough(t *testing.T) {
	s := start(t)
	const own = `{"contents":[{"parts":[{"text":"hi"}]}], "futureSetting" : {"a":1}}`
	status, body := s.do(t, "/v1beta/models/flash:generateContent", own)
	if status != 200 || !strings.Contains(body, "theirs") || !strings.HasSuffix(s.google.last(), ":generateContent "+own) {
		t.Errorf("%d %s, Google got %s", status, body, s.google.last())
	}
}

func TestTheOperatorsParametersApplyToCallsThatDoNotSetThem(t *testing.T) {
	s := start(t)
	for body, want := range map[string][2]string{
		hi: {`"temperature":0.25`, `"maxOutputTokens":9`},
		strings.TrimSuffix(hi, "}") + `,"generationConfig":{"temperature":0.75}}`: {`"temperature":0.75`, `"maxOutputTokens":9`},
	} {
		resp := s.open(t, "/v1beta/models/warm:generateContent", body, "")
		text, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if sent := s.google.last(); resp.StatusCode != http.StatusOK || !strings.Contains(sent, want[0]) || !strings.Contains(sent, want[1]) {
			t.Errorf("%d %s, sent %s", resp.StatusCode, text, sent)
		}
		if warnings := resp.Header.Get("X-Outcrop-Warnings"); !strings.Contains(warnings, "field=n;") {
			t.Errorf("the warnings are %q", warnings)
		}
	}
}

func TestWhichPathsAreItsOwn(t *testing.T) {
	h := gemini.New(nil, door.Options{})
	for path, want := range map[string]bool{
		"/v1beta/models/x:generateContent": true, "/v1beta/files": true, "/v1/models/x:streamGenerateContent": true, "/v1/models/a/b:0:countTokens": true,
		"/v1/models/x": false, "/v1/models/x:paint": false, "/v1/chat/completions": false, "/": false,
	} {
		if got := h.Owns(path); got != want {
			t.Errorf("%s: %t", path, got)
		}
	}
	if h.Whole() {
		t.Error("it needs no mux")
	}
}
