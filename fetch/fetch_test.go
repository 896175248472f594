package fetch

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"outcrop/llm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// png and pdf are what begins like one.
const (
	png = "\x89PNG\r\n\x1a\n0123456789"
	pdf = "%PDF-1.7\n0123456789"
)

// internet is a made-up one: names, addresses, and who listens there.
type internet struct {
	t       *testing.T
	mu      sync.Mutex
	names   map[string][]string // what DNS answers
	servers map[string]string   // by address, where it really listens
	dialed  []string
}

func newInternet(t *testing.T) *internet {
	return &internet{t: t, names: map[string][]string{}, servers: map[string]string{}}
}

// host puts a server behind a name and an address of the made-up internet.
func (n *internet) host(name, address string, s *httptest.Server) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.names[name] = append(n.names[name], address)
	n.servers[address] = s.Listener.Addr().String()
}

// client is a client in the made-up internet. Its guard is the real one.
func (n *internet) client(opt Options) *Client {
	opt.Lookup = func(_ context.Context, host string) ([]netip.Addr, error) {
		n.mu.Lock()
		defer n.mu.Unlock()
		var addrs []netip.Addr
		for _, a := range n.names[host] {
			addrs = append(addrs, netip.MustParseAddr(a))
		}
		if addrs == nil {
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		}
		return addrs, nil
	}
	c := New(opt)
	c.dial = func(ctx context.Context, _ string, to netip.AddrPort) (net.Conn, error) {
		n.mu.Lock()
		n.dialed = append(n.dialed, to.String())
		at := n.servers[to.Addr().String()]
		n.mu.Unlock()
		if at == "" {
			return nil, errors.New("nobody listens there")
		}
		return (&net.Dialer{}).DialContext(ctx, "tcp", at)
	}
	return c
}

// serve starts a server behind files.test.
func serve(t *testing.T, h http.HandlerFunc) *internet {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	n := newInternet(t)
	n.host("files.test", "93.184.215.14", s)
	return n
}

func imageAt(uris ...string) *llm.Request {
	req := &llm.Request{Turns: []llm.Turn{{Role: llm.RoleUser}}}
	for i, uri := range uris {
		req.Turns[0].Blocks = append(req.Turns[0].Blocks, llm.Block{Kind: llm.BlockImage, Media: &llm.Media{URI: uri, Field: fmt.Sprintf("messages[0].content[%d].image_url.url", i)}})
	}
	return req
}

// refusal is the failure of fetching one image, which says nothing secret.
func refusal(t *testing.T, c *Client, uri string) *llm.Error {
	t.Helper()
	out, _, err := c.Inline(t.Context(), imageAt(uri))
	if err == nil {
		t.Fatalf("%s is fetched: %+v", uri, out.Turns[0].Blocks[0].Media)
	}
	e, ok := errors.AsType[*llm.Error](err)
	if !ok || e.Status < 400 || e.Status > 499 || e.Param != "messages[0].content[0].image_url.url" || e.Fix == "" {
		t.Fatalf("%s: got %#v", uri, err)
	}
	said := e.Message + e.Logged + e.Fix + e.Error()
	if e.Err != nil {
		said += e.Err.Error()
	}
	if strings.Contains(said, "secret") {
		t.Errorf("%s: a secret is said: %s", uri, said)
	}
	return e
}

func TestContentTakesThePlaceOfAddresses(t *testing.T) {
	asked := map[string]int{}
	var mu sync.Mutex
	n := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked[r.URL.RequestURI()]++
		if strings.HasSuffix(r.URL.Path, ".pdf") {
			_, _ = io.WriteString(w, pdf)
			return
		}
		_, _ = io.WriteString(w, png)
	})
	image := func(uri string) llm.Block { return llm.Block{Kind: llm.BlockImage, Media: &llm.Media{URI: uri}} }
	document := llm.Block{Kind: llm.BlockDocument, Media: &llm.Media{URI: "http://files.test/Annual%20report.pdf?v=1", Context: "the report"}}
	text := llm.Block{Kind: llm.BlockText, Text: "look"}
	request := func(inlined bool) *llm.Request {
		a, b, d, named := image("http://files.test/a"), image("http://files.test/b"), document, document
		named.Media = &llm.Media{URI: document.Media.URI, Name: "mine"}
		if inlined {
			a.Media = &llm.Media{Format: "png", Base64: llm.EncodeBase64([]byte(png))}
			b.Media = a.Media
			d.Media = &llm.Media{Format: "pdf", Base64: llm.EncodeBase64([]byte(pdf)), Name: "Annual report", Context: "the report"}
			named.Media = &llm.Media{Format: "pdf", Base64: d.Media.Base64, Name: "mine"}
		}
		return &llm.Request{
			Call: llm.Call{Model: "granite"}, System: []llm.Block{text, a},
			Turns: []llm.Turn{
				{Role: llm.RoleUser, Blocks: []llm.Block{text, a, image("s3://bucket/key.png"), b, d, named}},
				{Role: llm.RoleAssistant, Blocks: []llm.Block{text}},
				{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{ID: "1", Content: []llm.ResultBlock{{Block: text}, {Block: a}}}}}},
			},
		}
	}
	req := request(false)
	got, _, err := n.client(Options{}).Inline(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(request(true), got); diff != "" {
		t.Errorf("the request (-want +got):\n%s", diff)
	}
	if got.Remote() != nil {
		t.Error("an address is left")
	}
	if diff := cmp.Diff(request(false), req); diff != "" {
		t.Errorf("the caller's own request was changed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"/a": 1, "/b": 1, "/Annual%20report.pdf?v=1": 1}, asked); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
}

func TestNothingOfTheCallIsSentAlong(t *testing.T) {
	var headers []http.Header
	n := serve(t, func(w http.ResponseWriter, r *http.Request) {
		headers = append(headers, r.Header)
		if r.Method != http.MethodGet || r.Host != "files.test" {
			t.Errorf("%s of host %s", r.Method, r.Host)
		}
		if r.URL.Path == "/first" {
			http.SetCookie(w, &http.Cookie{Name: "session", Value: "1"})
			http.Redirect(w, r, "second?token=secret", http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, png)
	})
	if _, _, err := n.client(Options{}).Inline(t.Context(), imageAt("http://files.test/first?sig=secret#part")); err != nil {
		t.Fatal(err)
	}
	want := http.Header{"Accept": {"*/*"}, "Accept-Encoding": {"identity"}, "User-Agent": {"outcrop"}, "Connection": {"close"}}
	if diff := cmp.Diff([]http.Header{want, want}, headers); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

func TestWhatAServerAnswersIsJudged(t *testing.T) {
	answer := func(status int, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, png)
		}
	}
	tests := []struct {
		name  string
		serve http.HandlerFunc
		code  llm.Code
		retry llm.Retry
		says  string
	}{
		{"not found", answer(404), llm.CodeMedia, llm.RetryNo, "http://files.test/a answers 404 Not Found."},
		{"forbidden", answer(403), llm.CodeMedia, llm.RetryNo, "answers 403 Forbidden."},
		{"down for now", answer(503), llm.CodeMedia, llm.RetryLater, "answers 503 Service Unavailable."},
		{"too often", answer(429), llm.CodeMedia, llm.RetryLater, "answers 429 Too Many Requests."},
		{"a status of its own", answer(299), llm.CodeMedia, llm.RetryNo, "answers 299 ."},
		{"a part that nobody asked for", answer(206), llm.CodeMedia, llm.RetryNo, "answers 206 Partial Content."},
		{"nothing", answer(204), llm.CodeMedia, llm.RetryNo, "answers 204 No Content."},
		{"not modified", answer(304), llm.CodeMedia, llm.RetryNo, "answers 304 Not Modified."},
		{"compressed", answer(200, "Content-Encoding", "gzip"), llm.CodeBadRequest, llm.RetryNo, `comes compressed (Content-Encoding "gzip")`},
		{"compressed twice", answer(200, "Content-Encoding", "identity, br"), llm.CodeBadRequest, llm.RetryNo, "comes compressed"},
		{"empty", func(http.ResponseWriter, *http.Request) {}, llm.CodeBadRequest, llm.RetryNo, "is empty."},
		{"cut short", answer(200, "Content-Length", "1000"), llm.CodeMedia, llm.RetryLater, "broke off before its end."},
		{"a header without end", answer(200, "X", strings.Repeat("x", 1<<20)), llm.CodeMedia, llm.RetryLater, "could not be reached."},
		{"too large by its own word", answer(200, "Content-Length", "2000000"), llm.CodeTooLarge, llm.RetryNo, "is too large (limit 1 MiB)."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := refusal(t, serve(t, tt.serve).client(Options{MaxSize: 1 << 20}), "http://files.test/a?sig=secret")
			if e.Code != tt.code || e.CanRetry() != tt.retry || !strings.Contains(e.Message, tt.says) || e.Status != e.Code.Info().Status {
				t.Errorf("got %s, retry %s: %s", e.Code, e.CanRetry(), e.Message)
			}
			if strings.Contains(e.Logged, "/a ") || !strings.Contains(e.Logged, "http://files.test ") {
				t.Errorf("the log has %s", e.Logged)
			}
		})
	}
}

func TestAnAnswerThatIsNoHTTPIsNotRepeated(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, strings.Repeat("-OOPS secret-ish reply of some database\r\n", 1000))
			_ = conn.Close()
		}
	}()
	n := newInternet(t)
	n.names["files.test"], n.servers["93.184.215.14"] = []string{"93.184.215.14"}, l.Addr().String()
	_, _, err = n.client(Options{}).Inline(t.Context(), imageAt("http://files.test/a"))
	e := llm.AsError(err)
	if e.Code != llm.CodeMedia || strings.Contains(e.Message+e.Logged, "OOPS") || len(e.Err.Error()) > 300 {
		t.Errorf("got %v, caused by %v", e, e.Err)
	}
}

func TestABodyWithoutEndIsLeftAndHeldNowhere(t *testing.T) {
	var sent atomic.Int64
	left := make(chan struct{})
	n := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		defer close(left)
		chunk := []byte(png + strings.Repeat("x", 64<<10))
		for {
			m, err := w.Write(chunk)
			if sent.Add(int64(m)); err != nil {
				return
			}
		}
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	e := refusal(t, n.client(Options{MaxSize: 1 << 20}), "http://files.test/a")
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 16<<20 {
		t.Errorf("%d bytes were allocated for 1 MiB", grown)
	}
	if e.Code != llm.CodeTooLarge || e.Status != 413 || !strings.Contains(e.Message, "is too large (limit 1 MiB)") {
		t.Errorf("got %v", e)
	}
	<-left // the connection was closed, not drained
	if sent.Load() > 64<<20 {
		t.Errorf("%d bytes were taken", sent.Load())
	}
}

func TestTheFilesOfARequestAreBoundedTogether(t *testing.T) {
	n := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, png+strings.Repeat("x", 400<<10))
	})
	c := n.client(Options{MaxSize: 1 << 20, MaxTotal: 1 << 20})
	if _, _, err := c.Inline(t.Context(), imageAt("http://files.test/1", "http://files.test/2", "http://files.test/2")); err != nil {
		t.Errorf("two files fit, one of them twice: %v", err)
	}
	_, _, err := c.Inline(t.Context(), imageAt("http://files.test/1", "http://files.test/2", "http://files.test/3"))
	if e := llm.AsError(err); e.Code != llm.CodeTooLarge || !strings.Contains(e.Message, "over their total limit (1 MiB)") {
		t.Errorf("got %v", err)
	}
	many := make([]string, maxAddresses+1)
	for i := range many {
		many[i] = fmt.Sprintf("http://files.test/%d", i)
	}
	before := len(n.dialed)
	_, _, err = c.Inline(t.Context(), imageAt(many...))
	if e := llm.AsError(err); e.Code != llm.CodeBadRequest || e.Param != "messages[0].content[100].image_url.url" || len(n.dialed) != before {
		t.Errorf("got %v", err)
	}
}

func TestCertificatesAreChecked(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, png) }))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	defer s.Close()
	trusted := x509.NewCertPool()
	trusted.AddCert(s.Certificate()) // of example.com
	n := newInternet(t)
	n.host("example.com", "93.184.215.14", s)
	n.host("other.test", "93.184.215.14", s)
	if _, _, err := n.client(Options{RootCAs: trusted}).Inline(t.Context(), imageAt("https://EXAMPLE.com./a")); err != nil {
		t.Errorf("a good certificate: %v", err)
	}
	for name, e := range map[string]*llm.Error{
		"of nobody known":        refusal(t, n.client(Options{RootCAs: x509.NewCertPool()}), "https://example.com/a"),
		"of another name":        refusal(t, n.client(Options{RootCAs: trusted}), "https://other.test/a"),
		"of nobody known at all": refusal(t, n.client(Options{}), "https://example.com/a"),
	} {
		if e.Code != llm.CodeMedia || e.CanRetry() != llm.RetryNo || !strings.Contains(e.Message, "has no valid TLS certificate") {
			t.Errorf("a certificate %s: %v", name, e)
		}
	}
}

func TestThroughAProxyOnlyLiteralAddressesAreGuarded(t *testing.T) {
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.String()+" "+r.Header.Get("Proxy-Authorization"))
		_, _ = io.WriteString(w, png)
	}))
	defer proxy.Close()
	u := mustParse(t, proxy.URL)
	u.User = userinfo("user", "pass")
	c := newInternet(t).client(Options{Proxy: u})
	if _, _, err := c.Inline(t.Context(), imageAt("http://files.test/a")); err != nil {
		t.Fatal(err)
	}
	if e := refusal(t, c, "http://169.254.169.254/latest/meta-data/"); e.Code != llm.CodeUnsupported {
		t.Errorf("got %v", e)
	}
	if diff := cmp.Diff([]string{"http://files.test/a Basic dXNlcjpwYXNz"}, asked); diff != "" {
		t.Errorf("the proxy was asked for (-want +got):\n%s", diff)
	}
}

func TestWhenTheCallerLeavesFetchingEnds(t *testing.T) {
	begun, gone := make(chan struct{}), make(chan struct{})
	n := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, png)
		_ = http.NewResponseController(w).Flush()
		close(begun)
		<-r.Context().Done()
		close(gone)
	})
	stopping := &llm.Error{Code: llm.CodeStopping, Status: 503}
	for _, tt := range []struct {
		cause error
		want  llm.Code
	}{{nil, llm.CodeClientGone}, {stopping, llm.CodeStopping}} {
		begun, gone = make(chan struct{}), make(chan struct{})
		ctx, leave := context.WithCancelCause(t.Context())
		go func() {
			<-begun
			leave(tt.cause)
		}()
		_, _, err := n.client(Options{}).Inline(ctx, imageAt("http://files.test/a"))
		if e := llm.AsError(err); e.Code != tt.want || e == stopping {
			t.Fatalf("got %v, want %s", err, tt.want)
		}
		<-gone
	}
}

func TestLargeContentComesWhole(t *testing.T) {
	want := append([]byte(png), bytes.Repeat([]byte{0, 1, 2, 3, 4, 5, 6}, 700_001)...)
	n := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(want) })
	out, _, err := n.client(Options{}).Inline(t.Context(), imageAt("http://files.test/a"))
	if err != nil {
		t.Fatal(err)
	}
	if got := out.Turns[0].Blocks[0].Media.Base64.Decode(); !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want %d", len(got), len(want))
	}
}

func TestAddressesKeepTheNumbersOfMessages(t *testing.T) {
	req := imageAt("https://x.test/a.png")
	req.Turns[0].Message = 3
	if out, _ := gather(req); out.Turns[0].Message != 3 {
		t.Errorf("message %d, want 3", out.Turns[0].Message)
	}
}
