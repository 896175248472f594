package bedrock

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outcrop/internal/jsonx"
	"outcrop/provider/bedrock/sign"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is the time of every test.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// server is a running emulator and a client for it.
type server struct {
	*Server
	client *http.Client
}

func start(t *testing.T, o Options) *server {
	t.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return noon }
	}
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return startHandler(t, e)
}

// startHandler serves an existing emulator.
func startHandler(t *testing.T, e *Emulator) *server {
	t.Helper()
	s := &server{NewServer(e), &http.Client{Transport: &http.Transport{}}}
	if err := s.Start(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}

// answer is a response.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// send makes one request, changed by edit before it goes out.
func (s *server) send(t *testing.T, method, path, body string, edit func(*http.Request)) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	edit(req)
	resp, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("read the answer: %v", err)
	}
	return answer{resp.StatusCode, resp.Header, b}
}

// get asks with the demo API key.
func (s *server) get(t *testing.T, path string) answer {
	t.Helper()
	return s.send(t, http.MethodGet, path, "", apiKey)
}

func apiKey(r *http.Request) { r.Header.Set("Authorization", "Bearer "+string(DemoAPIKey)) }

// host sends the request to another host, with the demo API key.
func host(name string) func(*http.Request) {
	return func(r *http.Request) {
		apiKey(r)
		r.Host = name
	}
}

// signed signs with a key pair for a region and a service.
func signed(key Key, region, service string, at time.Time) func(*http.Request) {
	return func(r *http.Request) {
		var body []byte
		if r.GetBody != nil {
			rc, _ := r.GetBody() // a strings.Reader
			body, _ = io.ReadAll(rc)
		}
		var s sign.Signer
		s.Sign(&sign.Request{
			Method: r.Method, Host: r.URL.Host, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Header: r.Header, Body: [][]byte{body},
		}, sign.Credentials{AccessKey: key.AccessKeyID, SecretKey: string(key.SecretAccessKey), SessionToken: string(key.SessionToken)}, region, service, at)
	}
}

var demo = Key{AccessKeyID: DemoAccessKeyID, SecretAccessKey: DemoSecretAccessKey}

// decode decodes the answer as JSON.
func decode[T any](t *testing.T, a answer) T {
	t.Helper()
	var v T
	if err := jsonx.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return v
}

// wantRefusal checks every part of an error that AWS's clients use.
func wantRefusal(t *testing.T, a answer, status int, kind, body string) {
	t.Helper()
	if a.status != status || !bytes.Contains(a.body, []byte(body)) {
		t.Errorf("got %d %s, want %d with %s", a.status, a.body, status, body)
	}
	if got, want := a.header.Get("x-amzn-ErrorType"), kind+":http://internal.amazon.com/coral/com.amazon.bedrock/"; got != want {
		t.Errorf("got error type %q, want %q", got, want)
	}
	if len(a.header.Get("x-amzn-RequestId")) != 36 {
		t.Errorf("got request id %q, want a UUID", a.header.Get("x-amzn-RequestId"))
	}
}
