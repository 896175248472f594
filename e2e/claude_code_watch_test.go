package e2e

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	emulator "outcrop/emulator/bedrock"
	"outcrop/internal/jsonx"
)

// exchange is a call that was observed.
type exchange struct {
	method, path string
	sent         []byte
	status       int
	body, answer string   // of a response that is not a 200, its beginning
	warnings     []string // code, field without numbers, and detail
}

// exchanges collects calls. It is safe for concurrent use.
type exchanges struct {
	mu   sync.Mutex
	list []exchange
}

func (e *exchanges) add(x exchange) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, x)
}

func (e *exchanges) all() []exchange {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.list)
}

// watcher is a proxy between a client and the gateway.
type watcher struct {
	exchanges

	url string
	// begun is called when a response begins, unless it is nil.
	begun atomic.Pointer[func()]
}

// startWatcher runs a proxy in front of an address until the test ends.
func startWatcher(t *testing.T, address string) *watcher {
	t.Helper()
	target, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	w := &watcher{}
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
		},
		ModifyResponse: func(resp *http.Response) error {
			x := exchange{method: resp.Request.Method, path: resp.Request.URL.RequestURI(), status: resp.StatusCode, warnings: warningsOf(resp.Header)}
			if resp.StatusCode != http.StatusOK {
				body, err := io.ReadAll(resp.Body)
				if err != nil {
					return err
				}
				x.body = string(body)
				resp.Body = io.NopCloser(bytes.NewReader(body))
			}
			w.add(x)
			if begun := w.begun.Load(); begun != nil {
				(*begun)()
			}
			return nil
		},
		ErrorHandler: func(rw http.ResponseWriter, _ *http.Request, _ error) { rw.WriteHeader(http.StatusBadGateway) },
		ErrorLog:     nil,
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

var (
	oneWarning = regexp.MustCompile(`([a-z_]+)(?:;field=([^;,]+))?;detail="((?:[^"\\]|\\.)*)"`)
	number     = regexp.MustCompile(`\.\d+|\[\d+\]`)
)

// warningsOf reads x-outcrop-warnings.
func warningsOf(h http.Header) (all []string) {
	for _, m := range oneWarning.FindAllStringSubmatch(strings.Join(h.Values("X-Outcrop-Warnings"), ", "), -1) {
		all = append(all, m[1]+" "+number.ReplaceAllString(m[2], "")+": "+number.ReplaceAllString(m[3], ""))
	}
	return all
}

// recorder is an emulator that keeps its calls.
type recorder struct {
	exchanges

	url string
}

func startRecorder(t *testing.T) *recorder {
	t.Helper()
	e, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{}
	watched := judge.Watch(e)
	r.url = startServer(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		sent, err := io.ReadAll(req.Body)
		if err != nil {
			return // the gateway is gone
		}
		req.Body = io.NopCloser(bytes.NewReader(sent))
		kept := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			r.add(exchange{method: req.Method, path: req.URL.Path, sent: sent, status: kept.status, answer: kept.body.String()})
		}()
		if strings.Contains(req.URL.Path, "/converse") {
			watched.ServeHTTP(kept, req)
			return
		}
		e.ServeHTTP(kept, req) // InvokeModel's bodies have no service model
	})).URL()
	return r
}

// statusWriter notes the status, and what a refusal says.
type statusWriter struct {
	http.ResponseWriter

	status int
	body   strings.Builder
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status != http.StatusOK {
		w.body.Write(p)
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap serves http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// prompt is a request to Bedrock in pieces, without marks of the cache.
type promptPieces struct {
	head     string // tools and system prompt
	messages []string
}

var (
	cacheControl = regexp.MustCompile(`,?"cache_control":\{[^}]*\}`)
	cachePoint   = regexp.MustCompile(`,?\{"cachePoint":\{[^}]*\}\}`)
)

func piecesOf(t *testing.T, sent []byte) promptPieces {
	t.Helper()
	plain := cachePoint.ReplaceAll(cacheControl.ReplaceAll(sent, nil), nil)
	var body struct {
		System     jsonx.Raw `json:"system"`
		Tools      jsonx.Raw `json:"tools"`
		ToolConfig jsonx.Raw `json:"toolConfig"`
		Messages   []struct {
			Role    string    `json:"role"`
			Content jsonx.Raw `json:"content"`
		} `json:"messages"`
		Input []jsonx.Raw `json:"input"` // of the Responses API
	}
	if err := jsonx.Unmarshal(plain, &body); err != nil {
		t.Fatalf("%v: %s", err, plain)
	}
	p := promptPieces{head: string(body.Tools) + string(body.ToolConfig) + string(body.System)}
	for _, m := range body.Messages {
		content := string(m.Content)
		if strings.HasPrefix(content, `"`) { // Claude Code writes one text either way
			content = `[{"type":"text","text":` + content + `}]`
		}
		p.messages = append(p.messages, m.Role+content)
	}
	for _, item := range body.Input { // whatever the order of its members
		if err := item.Canonicalize(); err != nil {
			t.Fatal(err)
		}
		p.messages = append(p.messages, string(item))
	}
	return p
}

// compacting begins what Claude Code adds to the last message of a conversation that it compacts.
const compacting = "CRITICAL: Respond with TEXT ONLY."

// checkPrefixes checks that each request of the first part begins, byte for byte, as the one before
// it: only then does Bedrock read it from its cache. Where tools are found, the list of tools changes.
func checkPrefixes(t *testing.T, upstream *recorder) {
	t.Helper()
	var before promptPieces
	heads, pairs := 0, 0
	for _, x := range upstream.all() {
		if !strings.Contains(string(x.sent), "Do the first part.") || strings.Contains(string(x.sent), compacting) {
			continue
		}
		p := piecesOf(t, x.sent)
		if !strings.Contains(p.head, `"name"`) { // a title, which a client asks for without tools
			continue
		}
		if p.head != before.head {
			heads++
		}
		pairs++
		for i, m := range before.messages {
			if i >= len(p.messages) || !strings.HasPrefix(p.messages[i], strings.TrimSuffix(m, "]")) {
				got := ""
				if i < len(p.messages) {
					got = p.messages[i]
				}
				t.Errorf("request %d: message %d was %.600s\nand is %.600s", pairs, i, m, got)
				break
			}
		}
		before = p
	}
	if pairs < 12 || heads > 2 {
		t.Errorf("%d requests with %d lists of tools and system prompts", pairs, heads)
	}
}

// betasIn finds the betas in a request to Bedrock.
var betasIn = regexp.MustCompile(`"anthropic_beta":\[[^\]]*\]`)
