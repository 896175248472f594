package anthropic_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"outcrop/app"
	"outcrop/config"
	"outcrop/e2e/botomodel"
	emulator "outcrop/emulator/bedrock"
	"outcrop/provider/all"
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

// Models of the tests; the names of the gateway are before the colon in models.
const (
	sonnet = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
	haiku  = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
	nova   = "us.amazon.nova-pro-v1:0"
)

// models are the names of every gateway here with their model strings.
var models = map[string]string{ // never written to
	"claude": sonnet, "claude-converse": "converse/" + sonnet, "claude-invoke": "invoke/" + sonnet, "small": haiku, "nova": nova,
	"opus": "us.anthropic.claude-opus-5-5", "qwen": "qwen.qwen3-32b-v1:0",
}

// upstream is a Bedrock of which a test knows the calls. refuse returns AWS's words for a call that
// is refused, with the part of its path after the model; empty for none.
type upstream struct {
	*httptest.Server

	mu     sync.Mutex
	refuse func(operation, body string) string
	calls  []upstreamCall
}

// upstreamCall is one call of Bedrock.
type upstreamCall struct {
	model, operation, body string
	header                 http.Header
}

// startUpstream serves next as Bedrock.
func startUpstream(t testing.TB, next http.Handler) *upstream {
	t.Helper()
	u := &upstream{}
	plain := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		path := strings.Split(strings.TrimPrefix(r.URL.Path, "/model/"), "/")
		call := upstreamCall{path[0], path[len(path)-1], string(body), r.Header.Clone()}
		u.mu.Lock()
		u.calls = append(u.calls, call)
		words := ""
		if u.refuse != nil {
			words = u.refuse(call.operation, call.body)
		}
		u.mu.Unlock()
		if words != "" {
			w.Header().Set("X-Amzn-Errortype", "ValidationException")
			w.Header().Set("X-Amzn-Requestid", "aws-refused")
			w.WriteHeader(http.StatusBadRequest)
			_ = json.NewEncoder(w).Encode(map[string]string{"message": words})
			return
		}
		next.ServeHTTP(w, r)
	})
	judged := judge.Watch(plain)
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/converse") { // the only operations that the judge knows
			judged.ServeHTTP(w, r)
		} else {
			plain(w, r)
		}
	}))
	t.Cleanup(u.Close)
	return u
}

// startEmulator serves the emulator as Bedrock.
func startEmulator(t testing.TB) *upstream {
	t.Helper()
	e, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return startUpstream(t, e)
}

// taken returns the calls since it was last asked.
func (u *upstream) taken() []upstreamCall {
	u.mu.Lock()
	defer u.mu.Unlock()
	calls := u.calls
	u.calls = nil
	return calls
}

func (u *upstream) refuses(f func(operation, body string) string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.refuse = f
}

// operations are the operations of calls.
func operations(calls []upstreamCall) (names []string) {
	for _, c := range calls {
		names = append(names, c.operation)
	}
	return names
}

// masterKey is the key of every gateway here.
const masterKey = "sk-messages"

// server is a running gateway.
type server struct {
	base string
	log  *lockedBuffer
}

// lockedBuffer is a log.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// startGateway runs a gateway with the models in front of a Bedrock. more are further lines of the
// configuration; settings are for each entry.
func startGateway(t testing.TB, u *upstream, settings, more string) *server {
	t.Helper()
	var text strings.Builder
	text.WriteString("general_settings: {master_key: " + masterKey + "}\n" + more + "\nmodel_list:\n")
	for _, name := range []string{"claude", "claude-converse", "claude-invoke", "small", "nova", "opus", "qwen"} {
		text.WriteString("- model_name: " + name + "\n  litellm_params: {model: \"bedrock/" + models[name] + "\", aws_region_name: us-east-1, aws_access_key_id: " + emulator.DemoAccessKeyID +
			", aws_secret_access_key: " + string(emulator.DemoSecretAccessKey) + ", aws_bedrock_runtime_endpoint: \"" + u.URL + "\", num_retries: 0" + settings + "}\n")
	}
	cfg, problems := config.Load(config.Source{Name: "config.yaml", Data: []byte(text.String()), Providers: all.Providers()})
	if cfg == nil {
		t.Fatalf("configuration: %v", problems)
	}
	s := &server{log: &lockedBuffer{}}
	a, err := app.New(t.Context(), app.Options{Config: cfg, Logger: slog.New(slog.NewJSONHandler(s.log, nil)), Environ: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	s.base = "http://" + a.Addr()
	return s
}

// reply is a response that has been read.
type reply struct {
	*http.Response
	text string
}

// send makes a request with the master key and a version; header are further headers by name and
// value.
func (s *server) send(t testing.TB, method, path, body string, header ...string) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Api-Key", masterKey)
	r.Header.Set("Anthropic-Version", "2023-06-01")
	for pair := range slices.Chunk(header, 2) {
		if pair[1] == "" {
			r.Header.Del(pair[0])
		} else {
			r.Header.Add(pair[0], pair[1])
		}
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{resp, string(text)}
}

// message sends a request for a message.
func (s *server) message(t testing.TB, body string, header ...string) reply {
	t.Helper()
	return s.send(t, http.MethodPost, "/v1/messages?beta=true", body, header...)
}

// hello is a request for a message with one text. more are further members.
func hello(model, text, more string) string {
	return `{"model":"` + model + `","max_tokens":200,"messages":[{"role":"user","content":"` + text + `"}]` + more + `}`
}

// failure is Anthropic's error object.
type failure struct {
	Type  string `json:"type"`
	Error struct {
		Type, Message string
		Outcrop       struct{ Code string }
	} `json:"error"`
	RequestID string `json:"request_id"`
}

// failed decodes an error.
func failed(t testing.TB, text string) failure {
	t.Helper()
	var f failure
	if err := json.Unmarshal([]byte(text), &f); err != nil || f.Type != "error" {
		t.Errorf("no error object: %s", text)
	}
	return f
}

// event is one server-sent event.
type event struct{ name, data string }

// eventsOf reads a stream.
func eventsOf(text string) (all []event) {
	for block := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		var e event
		for line := range strings.SplitSeq(block, "\n") {
			if v, ok := strings.CutPrefix(line, "event: "); ok {
				e.name = v
			}
			if v, ok := strings.CutPrefix(line, "data: "); ok {
				e.data = v
			}
		}
		all = append(all, e)
	}
	return all
}

func namesOf(events []event) (names []string) {
	for _, e := range events {
		names = append(names, e.name)
	}
	return names
}
