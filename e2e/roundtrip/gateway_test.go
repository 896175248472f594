package roundtrip

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outcrop/app"
	"outcrop/config"
	"outcrop/e2e/botomodel"
	"outcrop/provider/all"
)

// judge validates what reaches Converse against AWS's service model, after all tests.
var judge botomodel.Judge

func TestMain(m *testing.M) { goleak.VerifyTestMain(judge.Over(m, os.Stderr)) }

// masterKey is the key of the gateways, and secret the one that they have for every provider; no
// response or log may show it.
const (
	masterKey = "sk-roundtrip-master"
	secret    = "sk-roundtrip-9f86d081884c7d659a2feaa0c55ad015"
)

// patience limits how long a test waits; only a failure takes that long.
const patience = 2 * time.Minute

// reads is what a dialect does at a provider: it reads requests and writes responses.
type reads interface {
	readRequest(body []byte) (*request, error)
	writeAnswer(a *answer, model string) string
	writeStream(a *answer, model string) []string
}

// writes is what a dialect does at a client.
type writes interface {
	writeRequest(r *request, model string, stream bool) []byte
	readAnswer(body []byte, stream bool) (*answer, error)
}

// upstreamKind is a kind of provider.
type upstreamKind struct {
	name    string // of the kind, and the model's name for clients
	title   string // in the report
	params  string // litellm_params; BASE is the fake's address, SECRET the key, and ACCOUNT a service account
	model   string // that it says has answered
	dialect reads
	framed  bool // whether streams are AWS's frames
	// cannot is what the provider's API has no place for, by the label of the fact or the beginning of
	// it, with the reason.
	cannot map[string]string
	// quiet is what is not sent although the API may have a place, and needs no warning, as cannot.
	quiet map[string]string
	// unsaid is what the provider's responses have no place for, by the label of the fact or its beginning.
	unsaid []string
	// alone is whether the comparison with LiteLLM leaves it out.
	alone bool
}

// speaks is the dialect of a path: Bedrock has two, and so have OpenAI and Azure.
func (u *upstreamKind) speaks(path string) reads {
	if u.framed && strings.Contains(path, "/invoke") {
		return invoke{}
	}
	path, _, _ = strings.Cut(path, "?")
	switch path[strings.LastIndexByte(path, '/')+1:] {
	case "responses":
		return responses{}
	case "completions":
		if !strings.HasSuffix(path, "chat/completions") {
			return completions{}
		}
	}
	return u.dialect
}

// streamType is the Content-Type of its streams.
func (u *upstreamKind) streamType(path string) string {
	switch u.speaks(path).(type) {
	case converse, invoke, hosted:
		return "application/vnd.amazon.eventstream"
	case ollamaChat:
		return "application/x-ndjson"
	default:
		return "text/event-stream"
	}
}

// door is a frontend.
type door struct {
	name    string
	title   string // in the report
	path    func(model string, stream bool) string
	dialect writes
	// only are the kinds of provider that it serves; nil for all.
	only []string
	// passes are the kinds whose own API of the dialect gets the bodies as they are.
	passes []string
	// members are those of a request, which every warning and error about a field begins with.
	members []string
	// cannot is what the frontend's dialect has no place for, as upstreamKind's.
	cannot map[string]string
}

// served reports whether a door serves a kind of provider.
func (d *door) served(u *upstreamKind) bool {
	return d.only == nil || slices.Contains(d.only, u.name)
}

// path is one by which a door's calls of the kind reach the provider, as far as the dialect depends on it.
func (u *upstreamKind) path(d *door) string {
	switch {
	case slices.Contains(d.passes, u.name):
		return "v1/" + d.name
	case u.framed && u.name != "bedrock-openai" && (u.name == "bedrock-invoke" || d.name == "messages" || d.name == "invoke"):
		return "/invoke"
	default:
		return "/"
	}
}

// why is the reason for which a fact has no place; empty if it has one.
func why(cannot map[string]string, label string) string {
	for name, reason := range cannot {
		if label == name || strings.HasPrefix(label, name+" ") || strings.HasSuffix(name, "*") && strings.HasPrefix(label, strings.TrimSuffix(name, "*")) {
			return reason
		}
	}
	return ""
}

// script is what the fake answers, and what it has received.
type script struct {
	status int // 0 for a response as in answer
	header http.Header
	body   string

	answer *answer
	// events are what a stream sends instead of the answer's; then it ends as end says.
	events []string
	end    string // cut or stall; empty for the end of the response

	mu    sync.Mutex
	calls []recorded
	gone  chan struct{} // closed when a client has gone during a stall
	once  sync.Once
}

// recorded is a request that reached the fake.
type recorded struct {
	path   string
	header http.Header
	body   []byte
}

func (s *script) taken() []recorded {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// fake is all providers at once: the first segment of the path is the name of a call's kind.
type fake struct {
	*httptest.Server
	kinds map[string]*upstreamKind

	mu      sync.Mutex
	scripts map[string]*script // of the next calls, by kind
}

func (f *fake) set(kind string, s *script) {
	s.gone = make(chan struct{})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.scripts[kind] = s
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	aws := *r
	aws.RequestURI = strings.TrimPrefix(r.RequestURI, "/bedrock")
	aws.URL = &url.URL{Path: strings.TrimPrefix(r.URL.Path, "/bedrock")}
	judge.Keep(&aws, body)
	slug, path, _ := strings.Cut(strings.TrimPrefix(r.URL.RequestURI(), "/"), "/")
	if name, operation, found := strings.Cut(slug, ":"); found { // as LiteLLM calls Vertex AI at an address of its own
		slug, path = name, ":"+operation
	}
	if slug == "token" {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":3600}`, secret)
		return
	}
	f.mu.Lock()
	u, s := f.kinds[slug], f.scripts[slug]
	f.mu.Unlock()
	if u == nil || s == nil || r.Method != http.MethodPost { // such as a list of models
		w.WriteHeader(http.StatusNotFound)
		return
	}
	s.mu.Lock()
	s.calls = append(s.calls, recorded{path, r.Header.Clone(), body})
	s.mu.Unlock()
	maps.Copy(w.Header(), s.header)
	if s.status != 0 {
		if w.Header().Get("Content-Type") == "" {
			w.Header().Set("Content-Type", "application/json")
		}
		w.WriteHeader(s.status)
		_, _ = io.WriteString(w, s.body)
		return
	}
	if !streams(path, body) {
		w.Header().Set("Content-Type", "application/json")
		whole := s.body
		if s.answer != nil {
			whole = u.speaks(path).writeAnswer(s.answer, u.model)
		}
		if s.end == "cut" {
			w.Header().Set("Content-Length", fmt.Sprint(len(whole)+100))
		}
		_, _ = io.WriteString(w, whole)
		if s.end == "stall" {
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			s.once.Do(func() { close(s.gone) })
		}
		return
	}
	w.Header().Set("Content-Type", u.streamType(path))
	events := s.events
	if s.answer != nil {
		events = u.speaks(path).writeStream(s.answer, u.model)
	}
	control := http.NewResponseController(w)
	for _, e := range events {
		_, _ = io.WriteString(w, e)
		_ = control.Flush()
	}
	switch s.end {
	case "stall":
		_ = control.Flush()
		<-r.Context().Done()
		s.once.Do(func() { close(s.gone) })
	case "cut":
		if conn, _, err := control.Hijack(); err == nil {
			_ = conn.Close()
		}
	}
}

// streams reports whether a request asks for a stream.
func streams(path string, body []byte) bool {
	var q struct {
		Stream bool `json:"stream"`
	}
	_ = json.Unmarshal(body, &q)
	path, _, _ = strings.Cut(path, "?")
	return q.Stream || strings.HasSuffix(path, "-stream") || strings.HasSuffix(path, ":streamGenerateContent") || strings.HasSuffix(path, ":streamRawPredict")
}

// bench is a gateway before the fake.
type bench struct {
	*app.App
	fake   *fake
	config string
	// other is the address of another gateway that calls go to; empty for the app's own.
	other  string
	log    *lockedText
	client *http.Client
}

// lockedText is text that many goroutines append to.
type lockedText struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{} // closed at the next write; nil if nobody waits
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.more != nil {
		close(l.more)
		l.more = nil
	}
	return l.text.Write(p)
}

// next is the text, and what is closed when more has come.
func (l *lockedText) next() (string, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.more == nil {
		l.more = make(chan struct{})
	}
	return l.text.String(), l.more
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// logLine is what the log says of a call.
type logLine struct {
	ID     string `json:"id"`
	Code   string `json:"code"`
	Status int    `json:"status"`
}

// logged waits for the log's line of the call with a response, which may come after the response.
func (b *bench) logged(t *testing.T, got *response) logLine {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	id := got.header.Get("X-Request-Id")
	for {
		text, more := b.log.next()
		for line := range strings.Lines(text) {
			var l logLine
			if strings.Contains(line, id) && json.Unmarshal([]byte(line), &l) == nil && l.ID == id {
				return l
			}
		}
		select {
		case <-more:
		case <-ctx.Done():
			t.Fatalf("the log has no line for %q", id)
		}
	}
}

// account is the key of a Google service account whose tokens come from a URL.
func account(t *testing.T, tokens string) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return encoded(map[string]string{
		"type": "service_account", "project_id": "rocks-1", "private_key_id": "k1", "client_email": "gateway@rocks-1.iam.gserviceaccount.com",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": tokens,
	})
}

// start runs a gateway with a model for each kind of provider until the test ends. settings are more of
// its configuration.
func start(t *testing.T, settings string) *bench {
	t.Helper()
	f := &fake{kinds: map[string]*upstreamKind{}, scripts: map[string]*script{}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	key := account(t, f.URL+"/token")
	models := []string{}
	for _, u := range slices.Concat(upstreams(), vendors(), others()) {
		f.kinds[u.name] = u
		params := strings.NewReplacer("BASE", f.URL+"/"+u.name, "SECRET", secret, "ACCOUNT", encoded(key)).Replace(u.params)
		models = append(models, "  - {model_name: "+u.name+", litellm_params: {"+params+"}}")
	}
	text := "general_settings: {master_key: " + masterKey + "}\n" + settings + "\nmodel_list:\n" + strings.Join(models, "\n") + "\n"
	cfg, problems := config.Load(config.Source{Name: "config.yaml", Data: []byte(text), Providers: all.Providers()})
	if cfg == nil {
		t.Fatalf("configuration: %v", problems)
	}
	b := &bench{fake: f, config: text, log: &lockedText{}}
	a, err := app.New(t.Context(), app.Options{Config: cfg, Logger: slog.New(slog.NewJSONHandler(b.log, nil)), Environ: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	b.App = a
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	b.client = &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := a.Stop(ctx); err != nil {
			t.Errorf("stopping the gateway: %v", err)
		}
		if strings.Contains(b.log.String(), secret) {
			t.Error("the log has the provider's key")
		}
	})
	return b
}

// response is what a client gets.
type response struct {
	status int
	header http.Header
	body   []byte
	broke  error // reading the body failed
}

func (b *bench) address() string {
	if b.other != "" {
		return b.other
	}
	return b.URL()
}

// call makes a call by a door and reads the response to its end. Its limit of time is for one call, not for a test of hundreds.
func (b *bench) call(ctx context.Context, d *door, model string, stream bool, body []byte) (*response, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.address()+d.path(url.PathEscape(model), stream), strings.NewReader(string(body)))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+masterKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := b.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return &response{resp.StatusCode, resp.Header, got, err}, nil
}
