package sign

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// The example key from AWS's documentation.
var example = Credentials{AccessKey: "AKIDEXAMPLE", SecretKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}

func request(path string) *Request {
	return &Request{
		Method: "POST",
		Host:   "bedrock-runtime.us-east-1.amazonaws.com",
		Path:   path,
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   [][]byte{[]byte(`{"messages":[{"role":"user",`), []byte(`"content":[{"text":"hi"}]}]}`)},
	}
}

// The IAM ListUsers example of AWS's "Signature Version 4" documentation, whose
// signature AWS publishes.
func TestThePublishedExampleOfAWSIsReproduced(t *testing.T) {
	r := &Request{
		Method: "GET", Host: "iam.amazonaws.com", Query: "Action=ListUsers&Version=2010-05-08",
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}},
	}
	new(Signer).Sign(r, example, "us-east-1", "iam", time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC))
	want := "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, " +
		"SignedHeaders=content-type;host;x-amz-date, " +
		"Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
	if got := r.Header.Get("Authorization"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestSharedVectors(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "data", "sigv4-vectors.json"))
	if err != nil {
		t.Skip("no vectors beside the checkout:", err)
	}
	var file struct {
		Vectors []map[string]string `json:"vectors"`
	}
	if err := json.Unmarshal(data, &file); err != nil || len(file.Vectors) == 0 {
		t.Fatalf("vectors: %d, %v", len(file.Vectors), err)
	}
	for _, v := range file.Vectors {
		r := &Request{
			Method: v["method"], Host: v["host"], Path: v["path"],
			Header: http.Header{"Content-Type": {v["content-type"]}}, Body: [][]byte{[]byte(v["body"])},
		}
		now, _ := time.Parse(dateTime, v["x-amz-date"])
		new(Signer).Sign(r, example, "us-east-1", "bedrock", now, "Content-Length")
		if got := r.Header.Get("Authorization"); got != v["authorization"] {
			t.Errorf("%s\ngot  %s\nwant %s", v["path"], got, v["authorization"])
		}
	}
}

func TestSignaturesAreThoseOfTheAWSSDK(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var signer Signer
	for i := range 2000 {
		c := Credentials{AccessKey: "AKID" + word(rnd, 8), SecretKey: word(rnd, 40)}
		if rnd.IntN(2) == 0 {
			c.SessionToken = word(rnd, 100)
		}
		now := time.Unix(1_700_000_000+rnd.Int64N(100_000_000), 0)
		region, service := pick(rnd, "us-east-1", "eu-west-3", "us-gov-west-1"), pick(rnd, "bedrock", "sts")
		r := &Request{
			Method: pick(rnd, "GET", "POST", "DELETE"),
			Host:   pick(rnd, "bedrock.us-east-1.amazonaws.com", "localhost:8080"),
			Path:   randomPath(rnd), Query: randomQuery(rnd),
			Header: http.Header{},
			Body:   [][]byte{[]byte(word(rnd, rnd.IntN(1000))), []byte(word(rnd, rnd.IntN(1000)))},
		}
		if rnd.IntN(2) == 0 {
			r.Header.Set("Content-Type", pick(rnd, "application/json", "  text/plain;   charset=utf-8 "))
		}
		if rnd.IntN(2) == 0 {
			r.Header["X-Amz-Meta"] = []string{" a   b", "c"}
		}
		if rnd.IntN(2) == 0 {
			r.Header.Set("X-Amzn-Bedrock-Trace", "ENABLED")
		}

		req, err := http.NewRequest(r.Method, "https://"+r.Host+r.Path+"?"+r.Query, bytes.NewReader(bytes.Join(r.Body, nil)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = r.Header.Clone()
		hash := sha256.Sum256(bytes.Join(r.Body, nil))
		err = v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = false }).SignHTTP(t.Context(),
			aws.Credentials{AccessKeyID: c.AccessKey, SecretAccessKey: c.SecretKey, SessionToken: c.SessionToken},
			req, hex.EncodeToString(hash[:]), service, region, now)
		if err != nil {
			t.Fatal(err)
		}

		extra := []string{"X-Amzn-Bedrock-Trace"}
		if req.ContentLength > 0 {
			extra = append(extra, "Content-Length")
		}
		signer.Sign(r, c, region, service, now, extra...)
		if got, want := r.Header.Get("Authorization"), req.Header.Get("Authorization"); got != want {
			t.Fatalf("request %d: %s %s?%s %v\ngot  %s\nwant %s", i, r.Method, r.Path, r.Query, r.Header, got, want)
		}
		if got, want := r.Header.Get("X-Amz-Security-Token"), req.Header.Get("X-Amz-Security-Token"); got != want {
			t.Fatalf("token header %q, want %q", got, want)
		}
	}
}

func TestQueriesAreSortedAfterEncoding(t *testing.T) {
	for _, c := range []struct{ query, want string }{
		{"", ""},
		{"b=2&a=1", "a=1&b=2"},
		{"a=2&a=1", "a=1&a=2"},
		{"a-=1&a=2", "a=2&a-=1"},
		{"flag", "flag="},
		{"x=a%2fb&y=%7E", "x=a%2Fb&y=~"},
		{"x=a+b", "x=a%20b"},
		{"x=100%", "x=100%25"},
		{"x=%zz", "x=%25zz"},
		{"a=1&&b=2&", "a=1&b=2"},
		{"a=b=c", "a=b%3Dc"},
		{"é=1&a=2", "%C3%A9=1&a=2"},
	} {
		if got := string(appendCanonicalQuery(nil, c.query)); got != c.want {
			t.Errorf("%q: got %q, want %q", c.query, got, c.want)
		}
	}
}

func TestSigningAgainReplacesTheEarlierSignature(t *testing.T) {
	var s Signer
	now := time.Unix(1_700_000_000, 0)
	r := request("/model/x/converse")
	temporary := example
	temporary.SessionToken = "token"
	s.Sign(r, temporary, "us-east-1", "bedrock", now)
	s.Sign(r, example, "us-east-1", "bedrock", now)

	once := request("/model/x/converse")
	new(Signer).Sign(once, example, "us-east-1", "bedrock", now)
	if got, want := fmt.Sprint(r.Header), fmt.Sprint(once.Header); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAKeptKeyIsNotUsedOnAnotherDayOrScope(t *testing.T) {
	var s Signer
	day := time.Date(2026, 1, 1, 23, 59, 59, 0, time.UTC)
	other := Credentials{AccessKey: "AKIDEXAMPLE", SecretKey: "another"}
	for _, c := range []struct {
		name            string
		credentials     Credentials
		region, service string
		now             time.Time
	}{
		{"first", example, "us-east-1", "bedrock", day},
		{"next day", example, "us-east-1", "bedrock", day.Add(time.Second)},
		{"the day before again", example, "us-east-1", "bedrock", day},
		{"another region", example, "eu-west-1", "bedrock", day},
		{"another service", example, "us-east-1", "bedrock-mantle", day},
		{"another secret of the same key", other, "us-east-1", "bedrock", day},
		{"first again", example, "us-east-1", "bedrock", day},
	} {
		a, b := request("/x"), request("/x")
		s.Sign(a, c.credentials, c.region, c.service, c.now)
		new(Signer).Sign(b, c.credentials, c.region, c.service, c.now)
		if got, want := a.Header.Get("Authorization"), b.Header.Get("Authorization"); got != want {
			t.Errorf("%s: got %s, want %s", c.name, got, want)
		}
	}
}

func TestKeptKeysAreBounded(t *testing.T) {
	var s Signer
	for i := range maxKeys + 10 {
		s.key(fmt.Sprint(i), time.Unix(0, 0), "us-east-1", "bedrock")
	}
	if n := len(s.keys.Load().keys); n > maxKeys {
		t.Errorf("%d keys are kept, at most %d may be", n, maxKeys)
	}
}

func TestManyGoroutinesSignAtOnce(t *testing.T) {
	var s Signer
	now := time.Unix(1_700_000_000, 0)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				c := Credentials{AccessKey: "A", SecretKey: fmt.Sprint((g + i) % 5)}
				r := request(fmt.Sprintf("/%d", i))
				s.Sign(r, c, "us-east-1", "bedrock", now)
				lookup := func(string) (string, string, bool) { return c.SecretKey, "", true }
				if err := Verify(r, lookup, "us-east-1", "bedrock", now); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestABearerTokenReplacesASignature(t *testing.T) {
	r := request("/x")
	temporary := example
	temporary.SessionToken = "token"
	new(Signer).Sign(r, temporary, "us-east-1", "bedrock", time.Unix(0, 0))
	Bearer(r.Header, "key")
	want := http.Header{"Authorization": {"Bearer key"}, "Content-Type": {"application/json"}}
	if fmt.Sprint(r.Header) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", r.Header, want)
	}
}

func TestCredentialsShowNoSecret(t *testing.T) {
	c := Credentials{AccessKey: "AKIDEXAMPLE", SecretKey: "hidden-secret", SessionToken: "hidden-token"}
	marshalled, _ := json.Marshal(struct{ C Credentials }{c})
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "c", c, "p", &c)
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "c", c, "p", &c)
	shown := string(marshalled) + logged.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		shown += fmt.Sprintf(verb, c) + fmt.Sprintf(verb, &c) + fmt.Sprintf(verb, []Credentials{c})
	}
	var s Signer
	s.Sign(request("/x"), c, "us-east-1", "bedrock", time.Unix(0, 0))
	shown += fmt.Sprintf("%+v %#v", &s, &s)
	for _, hidden := range []string{"hidden", hex.EncodeToString([]byte("hidden"))} {
		if strings.Contains(shown, hidden) {
			t.Errorf("a secret is shown: %s", shown)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	var s Signer
	c := example
	c.SessionToken = strings.Repeat("t", 800)
	r := request("/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse")
	r.Body = [][]byte{bytes.Repeat([]byte("x"), 1024)}
	now := time.Unix(1_700_000_000, 0)
	b.ReportAllocs()
	for b.Loop() {
		s.Sign(r, c, "us-east-1", "bedrock", now)
	}
}

func BenchmarkBodyHash(b *testing.B) { // the part of BenchmarkSign that the body takes
	body := bytes.Repeat([]byte("x"), 1024)
	for b.Loop() {
		sha256.Sum256(body)
	}
}

func pick(rnd *rand.Rand, of ...string) string { return of[rnd.IntN(len(of))] }

func word(rnd *rand.Rand, n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/="
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[rnd.IntN(len(letters))]
	}
	return string(b)
}

// randomPath returns a valid escaped path, which the SDK's request requires.
func randomPath(rnd *rand.Rand) string {
	var b []byte
	for range 1 + rnd.IntN(4) {
		b = append(b, '/')
		for range 1 + rnd.IntN(30) {
			if c := byte(rnd.IntN(256)); rnd.IntN(10) == 0 {
				b = append(b, ":@!$&'()*,;="[rnd.IntN(12)])
			} else {
				b = appendEscaped(b, c)
			}
		}
	}
	return string(b)
}

// randomQuery returns a query whose names the SDK sorts as the specification does: the
// SDK sorts before it encodes.
func randomQuery(rnd *rand.Rand) string {
	var pairs []string
	for range rnd.IntN(5) {
		var value []byte
		for range rnd.IntN(10) {
			value = appendEscaped(value, byte(rnd.IntN(256)))
		}
		pairs = append(pairs, fmt.Sprintf("n%d=%s", len(pairs)*7%5, value))
	}
	return strings.Join(pairs, "&")
}
