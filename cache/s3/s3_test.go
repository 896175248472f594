package s3_test

import (
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
	"outcrop/cache/s3"
	"outcrop/internal/need"
	"outcrop/internal/port"
	"outcrop/internal/process"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a clock that the test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// moto is Moto as S3, a double of AWS by others, which knows nothing of Outcrop.
func moto(t *testing.T) (url string) {
	t.Helper()
	root := need.Made(t, "../../.cache/secrets", "what e2e/sdks/secrets asks of Python")
	reserved, err := port.Reserve()
	if err != nil {
		t.Fatal(err)
	}
	host, number, _ := strings.Cut(reserved.Address(), ":")
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), filepath.Join(root, "bin", "moto_server"), "-H", host, "-p", number)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + cmd.Dir}
	client := &http.Client{Transport: &http.Transport{}}
	url = "http://" + reserved.Address()
	call := func(ctx context.Context, method, path string) int {
		req, err := http.NewRequestWithContext(ctx, method, url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261129/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0")
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
	if err := p.Launch(ctx, cmd, 50*time.Millisecond, func() bool { return call(ctx, http.MethodGet, "/moto-api/") == http.StatusOK }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		if err := errors.Join(p.End(os.Kill), reserved.Release()); err != nil {
			t.Error(err)
		}
	})
	for _, path := range []string{"/answers", "/answers/theirs/k"} {
		if status := call(ctx, http.MethodPut, path); status != http.StatusOK {
			t.Fatalf("%s: %d", path, status)
		}
	}
	return url
}

func open(t *testing.T, opt s3.Options) *s3.Store {
	t.Helper()
	opt.Credentials = map[string]string{"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret", "aws_region_name": "us-east-1"}
	opt.Environ, opt.MaxAnswer = func(string) string { return "" }, 1<<20
	s, err := s3.Open(opt)
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
	url, c := moto(t), &clock{time.Now()}
	opt := s3.Options{Bucket: "answers", Endpoint: url, Path: "/a folder/", Now: c.now}
	other := open(t, s3.Options{Bucket: "answers", Endpoint: url})
	if err := other.Set(t.Context(), "k", []byte("theirs"), 0); err != nil {
		t.Fatal(err)
	}
	cachetest.Run(t, open(t, opt), cachetest.Options{Pass: func(d time.Duration) { c.at = c.at.Add(d) }, Another: open(t, opt), Apart: true})
	if value, err := other.Get(t.Context(), "k"); string(value) != "theirs" || err != nil {
		t.Errorf("flushing has deleted what is in another folder: %q, %v", value, err)
	}
	gone := open(t, s3.Options{Bucket: "nobodys", Endpoint: url})
	if err := gone.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "NoSuchBucket") {
		t.Errorf("a bucket that does not exist: %v", err)
	}
	if _, err := gone.Get(t.Context(), "k"); err == nil {
		t.Error("a bucket that does not exist has no value")
	}
}

// Requests are signed for the region and for S3, name the object with all signs escaped, and follow nobody elsewhere.
func TestRequests(t *testing.T) {
	var got []*http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r)
		w.Header().Set("Location", "http://169.254.169.254/")
		w.WriteHeader(http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	s := open(t, s3.Options{Bucket: "answers", Region: "eu-west-1", Endpoint: server.URL + "/"})
	if err := s.Set(t.Context(), "team:a$b", []byte("v"), time.Hour); err == nil || !strings.Contains(err.Error(), "S3 answers 307") {
		t.Errorf("got %v", err)
	}
	if len(got) != 1 || got[0].RequestURI != "/answers/outcrop-cache/team%3Aa%24b" {
		t.Fatalf("got %v", got)
	}
	auth := got[0].Header.Get("Authorization")
	if !strings.Contains(auth, "/eu-west-1/s3/aws4_request") || !strings.Contains(auth, "x-amz-meta-outcrop-ends") || strings.Contains(auth, "secret") {
		t.Errorf("signed %s", auth)
	}
	if err := s.Ping(t.Context()); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

func TestWrongSettings(t *testing.T) {
	environ := func(string) string { return "" }
	for _, opt := range []s3.Options{
		{Bucket: "b", Endpoint: "nowhere", Environ: environ},
		{Bucket: "b", Credentials: map[string]string{"aws_access_key_id": "AKIDEXAMPLE"}, Environ: environ},
		{Bucket: "b", Environ: func(name string) string {
			if name == "AWS_CA_BUNDLE" {
				return "/nowhere/at/all"
			}
			return ""
		}},
	} {
		if s, err := s3.Open(opt); err == nil {
			t.Errorf("%v is opened: %v", opt.Credentials, s.Close())
		}
	}
}
