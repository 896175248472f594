package bucket

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/oauth2"

	"outcrop/export"
	"outcrop/llm"
	"outcrop/provider/bedrock/creds"
	"outcrop/provider/bedrock/sign"
	"outcrop/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// request is what a service has got.
type request struct {
	method, path, query, body string
	header                    http.Header
}

type service struct {
	*httptest.Server

	mu  sync.Mutex
	got []request
}

// newService keeps requests, and checks the signatures of those for AWS's service of a name.
func newService(t *testing.T, signed string) *service {
	t.Helper()
	s := &service{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if signed != "" {
			err := sign.Verify(&sign.Request{Method: r.Method, Host: r.Host, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Header: r.Header, Body: [][]byte{body}},
				func(string) (string, string, bool) { return "secret", "", true }, "eu-west-1", signed, time.Now())
			if err != nil {
				t.Error(err)
				w.WriteHeader(http.StatusForbidden)
				return
			}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.got = append(s.got, request{r.Method, r.URL.Path, r.URL.RawQuery, string(body), r.Header})
	}))
	t.Cleanup(s.Close)
	return s
}

func record(id string) *export.Record {
	return &export.Record{Call: telemetry.Call{
		ID: id, Door: "openai_chat", Model: "granite", Group: "granite", Status: 200, Started: time.Date(2026, 11, 30, 1, 2, 3, 4000, time.UTC), Usage: llm.Usage{Input: 5},
		Who: telemetry.Who{TeamAlias: "My Team", KeyAlias: "../key"},
	}}
}

func keys() creds.Options {
	return creds.Options{AccessKey: "AKIA", SecretKey: "secret", NoAPIKey: true, Environ: func(string) string { return "" }}
}

func TestS3KeepsAnObjectForEachCall(t *testing.T) {
	in := newService(t, "s3")
	s, err := NewS3(S3{
		Bucket: "logs", Region: "eu-west-1", Endpoint: in.URL + "/", Path: "/calls/", TeamPrefix: true, KeyPrefix: true, Hourly: true, Encryption: "aws:kms", EncryptionKey: "k", Credentials: keys(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if rest, err := s.Send(t.Context(), []*export.Record{record("a")}); err != nil || rest != nil {
		t.Fatalf("got %v, %v", rest, err)
	}
	got := in.got[0]
	sum := sha256.Sum256([]byte(got.body))
	if got.method != "PUT" || got.path != "/logs/calls/My_Team/__/key/2026-11-30/01/time-01-02-03-000004_a.json" || got.header.Get("X-Amz-Content-Sha256") != hex.EncodeToString(sum[:]) ||
		got.header.Get("X-Amz-Server-Side-Encryption") != "aws:kms" || got.header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id") != "k" || !strings.HasPrefix(got.body, `{"id":"a"`) {
		t.Errorf("got %+v", got)
	}
}

func TestAddressesOfS3(t *testing.T) {
	for _, one := range []struct {
		opt  S3
		want string
	}{
		{S3{Region: "eu-west-1"}, "https://logs.s3.eu-west-1.amazonaws.com"},
		{S3{Region: "cn-north-1"}, "https://logs.s3.cn-north-1.amazonaws.com.cn"},
		{S3{Region: "eu-west-1", Endpoint: "http://minio:9000"}, "http://minio:9000/logs"},
		{S3{Region: "eu-west-1", Endpoint: "http://minio:9000", VirtualHost: true}, "http://logs.minio:9000"},
	} {
		one.opt.Bucket, one.opt.Credentials = "logs", keys()
		s, err := NewS3(one.opt)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.(*s3).to.String(); got != one.want {
			t.Errorf("%+v is %s", one.opt.Endpoint, got)
		}
		s.Close()
	}
	if _, err := NewS3(S3{Credentials: creds.Options{AccessKey: "half", Environ: func(string) string { return "" }}}); err == nil {
		t.Error("half a key is accepted")
	}
}

func TestSQSGetsAMessageForEachCall(t *testing.T) {
	in := newService(t, "sqs")
	s, err := NewSQS(SQS{Queue: in.URL + "/1234/calls", Region: "eu-west-1", Credentials: keys()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if rest, err := s.Send(t.Context(), []*export.Record{record("a"), record("b")}); err != nil || rest != nil {
		t.Fatalf("got %v, %v", rest, err)
	}
	form, err := url.ParseQuery(in.got[0].body)
	if err != nil || len(in.got) != 2 || in.got[0].path != "/1234/calls" || form.Get("Action") != "SendMessage" || !strings.HasPrefix(form.Get("MessageBody"), `{"id":"`) {
		t.Errorf("got %v, %+v", err, in.got)
	}
	in.Close()
	if rest, err := s.Send(t.Context(), []*export.Record{record("a"), record("b")}); len(rest) != 2 || err == nil {
		t.Errorf("got %v, %v", rest, err)
	}
}

func TestGCSKeepsBatchesOrCalls(t *testing.T) {
	in := newService(t, "")
	opt := GCS{Bucket: "logs/calls/", Base: in.URL, Batched: true, Token: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "tok"})}
	s := NewGCS(opt)
	defer s.Close()
	if rest, err := s.Send(t.Context(), []*export.Record{record("a"), record("b")}); err != nil || rest != nil {
		t.Fatalf("got %v, %v", rest, err)
	}
	got := in.got[0]
	q, _ := url.ParseQuery(got.query)
	if got.path != "/upload/storage/v1/b/logs/o" || !strings.HasPrefix(q.Get("name"), "calls/20") || !strings.HasSuffix(q.Get("name"), ".ndjson") || strings.Count(got.body, "\n") != 1 || got.header.Get("Authorization") != "Bearer tok" {
		t.Errorf("got %+v", got)
	}
	opt.Batched = false
	single := NewGCS(opt)
	defer single.Close()
	if rest, err := single.Send(t.Context(), []*export.Record{record("a")}); err != nil || rest != nil {
		t.Fatalf("got %v, %v", rest, err)
	}
	if q, _ := url.ParseQuery(in.got[1].query); q.Get("name") != "calls/2026-11-30/a" {
		t.Errorf("got %+v", in.got[1])
	}
}

func TestKeysOfServiceAccountsThatCannotBeRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(file, []byte(`{"private_key":"SECRET"`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, file + ".gone"} {
		s := NewGCS(GCS{Bucket: "logs", ServiceAccount: path})
		if rest, err := s.Send(t.Context(), []*export.Record{record("a")}); len(rest) != 1 || err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("got %v, %v", rest, err)
		}
		s.Close()
	}
}
