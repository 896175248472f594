package gcs_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outcrop/cache/cachetest"
	"outcrop/cache/gcs"
	"outcrop/internal/need"
	"outcrop/internal/port"
	"outcrop/internal/process"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a clock that the test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// server is a double of Cloud Storage by others, which knows nothing of Outcrop, with the bucket answers.
func server(t *testing.T) (url string) {
	t.Helper()
	program := need.File(t, "../../.cache/fake_gcs/client", "the program of e2e/sdks/fake_gcs")
	reserved, err := port.Reserve()
	if err != nil {
		t.Fatal(err)
	}
	host, number, _ := strings.Cut(reserved.Address(), ":")
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, "-scheme", "http", "-host", host, "-port", number, "-backend", "memory", "-public-host", reserved.Address())
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + cmd.Dir}
	client := &http.Client{Transport: &http.Transport{}}
	url = "http://" + reserved.Address()
	call := func(ctx context.Context, method, path, body string) int {
		req, err := http.NewRequestWithContext(ctx, method, url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			return 0
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p := &process.Process{}
	if err := p.Launch(ctx, cmd, 20*time.Millisecond, func() bool { return call(ctx, http.MethodGet, "/_internal/healthcheck", "") == http.StatusOK }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		if err := errors.Join(p.End(os.Kill), reserved.Release()); err != nil {
			t.Error(err)
		}
	})
	if status := call(ctx, http.MethodPost, "/storage/v1/b?project=test", `{"name":"answers"}`); status != http.StatusOK {
		t.Fatalf("the bucket cannot be made: %d", status)
	}
	return url
}

func open(t *testing.T, opt gcs.Options) *gcs.Store {
	t.Helper()
	opt.MaxAnswer = 1 << 20
	if opt.Token == nil && opt.Credentials == "" {
		opt.Token = func(context.Context) (string, time.Time, error) { return "token", time.Time{}, nil }
	}
	s, err := gcs.Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestTheStoreIsOne(t *testing.T) {
	url, c := server(t), &clock{time.Now()}
	opt := gcs.Options{Bucket: "answers", Base: url, Path: "/a folder/", Now: c.now}
	other := open(t, gcs.Options{Bucket: "answers", Base: url})
	if err := other.Set(t.Context(), "k", []byte("theirs"), 0); err != nil {
		t.Fatal(err)
	}
	cachetest.Run(t, open(t, opt), cachetest.Options{Pass: func(d time.Duration) { c.at = c.at.Add(d) }, Another: open(t, opt)})
	if value, err := other.Get(t.Context(), "k"); string(value) != "theirs" || err != nil {
		t.Errorf("flushing has deleted what is in another folder: %q, %v", value, err)
	}
	if err := open(t, gcs.Options{Bucket: "nobodys", Base: url}).Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a bucket that does not exist: %v", err)
	}
	large := open(t, opt)
	if err := large.Set(t.Context(), "large", bytes.Repeat([]byte("a"), 2<<20), 0); err != nil {
		t.Fatal(err)
	}
	if value, err := large.Get(t.Context(), "large"); value != nil || err != nil {
		t.Errorf("a value that is too large: %d bytes, %v", len(value), err)
	}
}

// TestRequests has what the double does not check: the token, and names that are one segment.
func TestRequests(t *testing.T) {
	var got []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("Authorization"))
		if r.Method == http.MethodGet {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		}
	}))
	defer s.Close()
	store := open(t, gcs.Options{Bucket: "b", Base: s.URL, Path: "p"})
	if err := store.Set(t.Context(), "team a/k", nil, 0); err != nil {
		t.Error(err)
	}
	if _, err := store.Get(t.Context(), "team a/k"); err == nil || !strings.Contains(err.Error(), "302") {
		t.Errorf("a redirection: %v", err)
	}
	for i, want := range []string{
		"POST /upload/storage/v1/b/b/o?uploadType=media&name=p%2Foutcrop-cache%2Fteam+a%2Fk Bearer token",
		"GET /storage/v1/b/b/o/p%2Foutcrop-cache%2Fteam%20a%2Fk?alt=media Bearer token",
	} {
		if got[i] != want {
			t.Errorf("got %s, want %s", got[i], want)
		}
	}
}

// TestCredentials exchanges those of a user, inline and in a file, for a token, as Google's library does.
func TestCredentials(t *testing.T) {
	refused := func(t *testing.T, credentials, want string) {
		t.Helper()
		store, err := gcs.Open(gcs.Options{Bucket: "b", Base: "http://127.0.0.1:1", Credentials: credentials})
		if err == nil {
			_, err = store.Get(t.Context(), "k")
			_ = store.Close() // it has no error
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret-of-the-test") {
			t.Errorf("%s: %v", credentials, err)
		}
	}
	refused(t, `{"private_key":"secret-of-the-test"}`, "with a type")
	refused(t, `{"type":"service_account","private_key":"secret-of-the-test"}`, "google Cloud's credentials")
	refused(t, filepath.Join(t.TempDir(), "none.json"), "no such file")
	file := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(file, []byte(`{"type":"nothing"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, file, "google Cloud's credentials")
}
