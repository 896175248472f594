package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"outcrop"
	"outcrop/app"
	"outcrop/config"
	"outcrop/e2e/botomodel"
	"outcrop/llm"
	"outcrop/provider/all"
	"outcrop/telemetry"
	"outcrop/wire/converse"
)

// judge holds what these tests send to Bedrock against AWS's service model.
var judge botomodel.Judge

func TestMain(m *testing.M) {
	for _, v := range os.Environ() { // no setting of this machine's for AWS or LiteLLM counts
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "LITELLM_") {
			os.Unsetenv(name)
		}
	}
	os.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	os.Setenv("AWS_CONFIG_FILE", os.DevNull)
	os.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	goleak.VerifyTestMain(judge.Over(m, os.Stderr))
}

const answer = `{"metrics":{"latencyMs":1},"output":{"message":{"content":[{"text":"granite"}],"role":"assistant"}},"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}`

// load reads a configuration with one model, granite, at an address.
func load(t *testing.T, endpoint, more string) *config.Config {
	t.Helper()
	cfg, problems := config.Load(config.Source{
		Name: "config.yaml", LookupEnv: os.LookupEnv, Providers: all.Providers(),
		Data: []byte(`
model_list:
  - model_name: granite
    litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0, aws_region_name: us-east-1, aws_access_key_id: AKIDEXAMPLE, aws_secret_access_key: secret, aws_bedrock_runtime_endpoint: "` + endpoint + `"}
` + more),
	})
	if cfg == nil {
		t.Fatal(problems)
	}
	return cfg
}

// start runs an app on a free port.
func start(t *testing.T, opt app.Options) *app.App {
	t.Helper()
	a, err := app.New(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return a
}

// client keeps no connection open, so that none outlives its test.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

func post(t *testing.T, a *app.App, body string) (int, string) {
	t.Helper()
	resp, err := client.Post(a.URL()+"/v1/chat/completions", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return read(t, resp)
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, resp)
}

func read(t *testing.T, resp *http.Response) (int, string) {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

const question = `{"model":"granite","messages":[{"role":"user","content":"What is granite?"}]}`

func TestStopRefusesNewCallsAndLetsOpenOnesFinish(t *testing.T) {
	arrived, release := make(chan bool), make(chan bool)
	upstream := httptest.NewServer(judge.Watch(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		arrived <- true
		<-release
		_, _ = io.WriteString(w, answer)
	})))
	defer upstream.Close()
	a := start(t, app.Options{Config: load(t, upstream.URL, "")})
	type result struct {
		status int
		body   string
	}
	open := make(chan result)
	go func() {
		status, body := post(t, a, question)
		open <- result{status, body}
	}()
	<-arrived
	if status, body := get(t, a.URL()+"/health/readiness"); status != 200 {
		t.Errorf("before: readiness %d %s", status, body)
	}
	stopped := make(chan error)
	go func() { stopped <- a.Stop(context.Background()) }()
	for !a.Client().Pipeline().Stopping() {
		time.Sleep(time.Millisecond) // Stop runs in another goroutine and says no more than this
	}
	if status, body := get(t, a.URL()+"/health/readiness"); status != 503 || !strings.Contains(body, "stopping") {
		t.Errorf("while stopping: readiness %d %s", status, body)
	}
	if status, body := post(t, a, question); status != 503 || !strings.Contains(body, "gateway.stopping") {
		t.Errorf("a new call got %d %s", status, body)
	}
	close(release)
	if r := <-open; r.status != 200 || !strings.Contains(r.body, "granite") {
		t.Errorf("the open call got %d %s", r.status, r.body)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// Cancelled calls get an error: a non-streaming one by its status, a stream that has
// begun by an error event and no end.
func TestStopCutsCallsAtTheEndOfTheDrain(t *testing.T) {
	arrived, gone := make(chan bool), make(chan bool, 2)
	upstream := httptest.NewServer(judge.Watch(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if strings.HasSuffix(r.URL.Path, "/converse-stream") {
			_, _ = w.Write(converse.AppendEvent(nil, &llm.Event{Kind: llm.EventDelta, Block: llm.BlockText, Text: "granite"}, "p"))
			w.(http.Flusher).Flush()
		}
		arrived <- true
		<-r.Context().Done()
		gone <- true
	})))
	defer upstream.Close()
	var log lines
	a := start(t, app.Options{Config: load(t, upstream.URL, ""), Drain: 50 * time.Millisecond, Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	type result struct {
		status int
		body   string
	}
	whole, stream := make(chan result), make(chan result)
	for body, to := range map[string]chan result{question: whole, strings.Replace(question, "{", `{"stream":true,`, 1): stream} {
		go func() {
			status, body := post(t, a, body)
			to <- result{status, body}
		}()
		<-arrived
	}
	stopped := make(chan error)
	go func() { stopped <- a.Stop(context.Background()) }()
	if r := <-whole; r.status != 503 || !strings.Contains(r.body, "gateway.stopping") {
		t.Errorf("the whole call got %d %s", r.status, r.body)
	}
	if r := <-stream; r.status != 200 || !strings.Contains(r.body, "granite") || !strings.Contains(r.body, `"code":"gateway.stopping"`) || strings.Contains(r.body, "[DONE]") {
		t.Errorf("the stream got %d %s", r.status, r.body)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	<-gone // the provider's connections are closed too
	<-gone
	if n := strings.Count(log.String(), `"code":"gateway.stopping"`); n != 2 {
		t.Errorf("%d calls are recorded as cut: %s", n, log.String())
	}
}

func TestDemoWithoutCredentialsRunsTheEmulator(t *testing.T) {
	a := start(t, app.Options{Demo: true})
	if !a.Emulated() {
		t.Fatal("no emulator")
	}
	resp, err := client.Post(a.URL()+"/v1/chat/completions", "application/json",
		strings.NewReader(`{"model":"bedrock/us.deepseek.r1-v1:0","messages":[{"role":"user","content":"Hi"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	status, body := read(t, resp)
	if target := resp.Header.Get("x-outcrop-target"); status != 200 || target != "api=converse; region=us-east-1; id=us.deepseek.r1-v1:0; note=emulator" {
		t.Errorf("got %d, target %q, %s", status, target, body)
	}
	if _, list := get(t, a.URL()+"/v1/models"); !strings.Contains(list, `"us.deepseek.r1-v1:0"`) {
		t.Errorf("the models are %s", list)
	}
	if status, one := get(t, a.URL()+"/v1/models/us.deepseek.r1-v1%3A0"); status != 200 {
		t.Errorf("one model: %d %s", status, one)
	}
}

// Outside EC2 the address of the instance's credentials often answers nobody.
func TestDemoWithASilentInstanceServiceRunsTheEmulator(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	t.Setenv("AWS_EC2_METADATA_DISABLED", "false")
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://"+silent.Addr().String())
	if a := start(t, app.Options{Demo: true}); !a.Emulated() {
		t.Error("no emulator")
	}
}

// Credentials that are set but wrong are the user's to see, not to be hidden by
// the emulator.
func TestDemoWithHalfAKeyIsNotTheEmulators(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	a := start(t, app.Options{Demo: true})
	if a.Emulated() {
		t.Error("the emulator hides half a key")
	}
	if status, body := get(t, a.URL()+"/health/readiness"); status != 503 || !strings.Contains(body, "AWS_SECRET_ACCESS_KEY") {
		t.Errorf("readiness %d %s", status, body)
	}
}

func TestDemoWithCredentialsCallsAWS(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	if a := start(t, app.Options{Demo: true}); a.Emulated() {
		t.Error("the emulator runs although there are credentials")
	}
}

func TestWithoutCredentialsEachCallSaysWhatIsMissing(t *testing.T) {
	a := start(t, app.Options{})
	if a.Emulated() {
		t.Error("the emulator runs without having been asked for")
	}
	status, body := get(t, a.URL()+"/health/readiness")
	if status != 503 || !strings.Contains(body, "credentials.missing") {
		t.Errorf("readiness %d %s", status, body)
	}
	status, body = post(t, a, `{"model":"us.amazon.nova-lite-v1:0","messages":[{"role":"user","content":"Hi"}]}`)
	if status != 403 || !strings.Contains(body, "credentials.missing") || !strings.Contains(body, "AWS_ACCESS_KEY_ID") {
		t.Errorf("got %d %s", status, body)
	}
	if status, _ := get(t, a.URL()+"/health/liveliness"); status != 200 {
		t.Errorf("liveliness %d", status)
	}
	if status, body := get(t, a.URL()+"/openapi.json"); status != 200 || !strings.Contains(body, `"version": "`+outcrop.Version+`"`) {
		t.Errorf("the API document is of another version than %s", outcrop.Version)
	}
}

// TestOpenAPIHoldsEveryRoute checks that the description of the API has exactly what is served, that
// its references lead somewhere, and that no two operations have one id.
func TestOpenAPIHoldsEveryRoute(t *testing.T) {
	a := start(t, app.Options{})
	var index struct {
		Endpoints []struct{ Method, Path string }
	}
	var doc struct {
		Paths      map[string]map[string]struct{ OperationID string }
		Components map[string]map[string]json.RawMessage
	}
	_, described := get(t, a.URL()+"/openapi.json")
	_, listed := get(t, a.URL()+"/")
	if err := errors.Join(json.Unmarshal([]byte(listed), &index), json.Unmarshal([]byte(described), &doc)); err != nil {
		t.Fatal(err)
	}
	served, said, ids := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, e := range index.Endpoints {
		served[e.Method+" "+e.Path] = true
	}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			said[strings.ToUpper(method)+" "+path] = true
			if op.OperationID != "" && ids[op.OperationID] {
				t.Errorf("%s is the id of two operations", op.OperationID)
			}
			ids[op.OperationID] = true
		}
	}
	if diff := cmp.Diff(served, said); diff != "" || len(served) < 30 {
		t.Errorf("%d paths are served; those described differ (-served +described):\n%s", len(served), diff)
	}
	for _, m := range regexp.MustCompile(`"#/components/(\w+)/(\w+)"`).FindAllStringSubmatch(described, -1) {
		if doc.Components[m[1]][m[2]] == nil {
			t.Errorf("%s leads nowhere", m[0])
		}
	}
}

func TestForeignPagesAreRefusedWithoutAMasterKey(t *testing.T) {
	upstream := httptest.NewServer(judge.Watch(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) })))
	defer upstream.Close()
	locked := load(t, upstream.URL, "general_settings: {master_key: sk-master}\n")
	for _, tt := range []struct {
		name, host, origin, key string
		cfg                     *config.Config
		status                  int
	}{
		{name: "this machine", status: 200},
		{name: "by name", host: "localhost:4000", status: 200},
		{name: "a page of this machine", origin: "http://localhost:3000", status: 200},
		{name: "a name that was rebound", host: "evil.example:4000", status: 403},
		{name: "a page from elsewhere", origin: "https://evil.example", status: 403},
		{name: "a page without an address", origin: "null", status: 403},
		{name: "with a key any name will do", host: "gateway.example", origin: "https://app.example", key: "sk-master", cfg: locked, status: 200},
		{name: "with a key set it is wanted", cfg: locked, status: 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := tt.cfg
			if cfg == nil {
				cfg = load(t, upstream.URL, "")
			}
			a := start(t, app.Options{Config: cfg})
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.URL()+"/v1/chat/completions", strings.NewReader(question))
			if err != nil {
				t.Fatal(err)
			}
			if tt.host != "" {
				req.Host = tt.host
			}
			if tt.origin != "" {
				req.Header.Set("Origin", tt.origin)
			}
			if tt.key != "" {
				req.Header.Set("Authorization", "Bearer "+tt.key)
			}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			if status, body := read(t, resp); status != tt.status {
				t.Errorf("got %d %s, want %d", status, body, tt.status)
			}
		})
	}
}

// lines is a log that can be read while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func TestDataFolderThatCannotBeMadeIsAWarning(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var log lines
	start(t, app.Options{DataDir: filepath.Join(file, "data"), Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	if !strings.Contains(log.String(), `"level":"WARN"`) || !strings.Contains(log.String(), "OUTCROP_DATA_DIR") {
		t.Errorf("the log is %s", log.String())
	}
}

func TestOneLogLineACallWithoutItsContent(t *testing.T) {
	upstream := httptest.NewServer(judge.Watch(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-Requestid", "aws-1")
		_, _ = io.WriteString(w, answer)
	})))
	defer upstream.Close()
	var log lines
	a := start(t, app.Options{Config: load(t, upstream.URL, ""), Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	post(t, a, question)
	post(t, a, `{"model":"granite"}`)
	if err := a.Stop(context.Background()); err != nil { // a call is recorded when its handler returns
		t.Fatal(err)
	}
	var got []map[string]any
	for line := range strings.SplitSeq(strings.TrimSpace(log.String()), "\n") {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		got = append(got, m)
	}
	if len(got) != 2 {
		t.Fatalf("%d lines:\n%s", len(got), log.String())
	}
	if got[0]["status"] != 200.0 || got[0]["upstream_id"] != "aws-1" || got[0]["prompt_tokens"] != 1.0 || got[0]["stop"] != "end_turn" {
		t.Errorf("the first line is %v", got[0])
	}
	if got[1]["status"] != 400.0 || got[1]["code"] != "gateway.bad_request" || got[1]["param"] != "messages" {
		t.Errorf("the second line is %v", got[1])
	}
	if strings.Contains(log.String(), "What is granite") || strings.Contains(log.String(), "secret") {
		t.Errorf("the log says too much: %s", log.String())
	}
}

// What net/http refuses before anything of ours sees it is counted.
func TestRequestsThatAreNoHTTPAreCounted(t *testing.T) {
	a := start(t, app.Options{Config: load(t, "http://127.0.0.1:1", "")})
	c, err := net.Dial("tcp", a.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "hello\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
		t.Errorf("answer %q, %v", answer, err)
	}
	_, all := get(t, a.URL()+"/metrics")
	for _, want := range []string{
		`outcrop_http_refused_total{status="400"} 1`, `outcrop_http_refused_total{status="431"} 0`,
		`outcrop_retries_total{code="",model="granite"} 0`, `outcrop_log_lines_dropped_total 0`,
	} {
		if !strings.Contains(all, want+"\n") {
			t.Errorf("%s is missing", want)
		}
	}
}

// A log that cannot be written makes the gateway unready and stops no call.
func TestReadinessSaysThatTheLogCannotBeWritten(t *testing.T) {
	upstream := httptest.NewServer(judge.Watch(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) })))
	defer upstream.Close()
	for name, tt := range map[string]struct{ more, want string }{
		"":           {"", "writing it makes no progress"},
		"with a key": {"general_settings: {master_key: sk-master}\n", `{"status":"not ready","code":"gateway.log_unwritable"}`},
	} {
		t.Run(name, func(t *testing.T) {
			a := start(t, app.Options{Config: load(t, upstream.URL, tt.more), Log: stalledLog{}})
			if status, body := get(t, a.URL()+"/health/readiness"); status != 503 || !strings.Contains(body, "gateway.log_unwritable") || !strings.Contains(body, tt.want) {
				t.Errorf("readiness %d %s", status, body)
			}
			if status, _ := get(t, a.URL()+"/health/liveliness"); status != 200 {
				t.Errorf("liveliness %d", status)
			}
			if _, all := asks(t, a, "sk-master", "GET", "/metrics", ""); !strings.Contains(all, "outcrop_log_lines_dropped_total 7\n") {
				t.Error("the metrics do not count what was dropped")
			}
		})
	}
}

// stalledLog is a log that has lost lines.
type stalledLog struct{}

func (stalledLog) Dropped() int64 { return 7 }
func (stalledLog) Err() error     { return telemetry.ErrQueueStalled }
