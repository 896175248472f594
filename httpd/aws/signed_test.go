package aws_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"outcrop/gateway"
	"outcrop/httpd/aws"
	"outcrop/llm"
	"outcrop/provider/bedrock/sign"
	"outcrop/telemetry"
)

var (
	now        = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	accessKeys = map[string]aws.AccessKey{"AKIDGATEWAY": {Secret: "the-secret"}}
	own        = sign.Credentials{AccessKey: "AKIDGATEWAY", SecretKey: "the-secret"}
)

// signed is a request as AWS's SDKs sign it: over the path as it is sent.
func signed(path, over, body, region, service string, c sign.Credentials) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Amz-Sdk-Invocation-Id", "i")
	new(sign.Signer).Sign(&sign.Request{Method: "POST", Host: r.Host, Path: over, Header: r.Header, Body: [][]byte{[]byte(body)}}, c, region, service, now, "Content-Length", "Amz-Sdk-Invocation-Id")
	return r
}

func TestSignedRequests(t *testing.T) {
	const arn = "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fabc/converse"
	for _, tt := range []struct {
		name       string
		request    *http.Request
		status     int
		typ, cause string
	}{
		{"a good one", signed("/model/x/converse", "/model/x/converse", `{}`, "us-east-1", "bedrock", own), 200, "", ""},
		{"any region", signed("/model/x/converse", "/model/x/converse", `{}`, "mars-north-7", "bedrock", own), 200, "", ""},
		{"an ARN", signed(arn, arn, `{}`, "us-east-1", "bedrock", own), 200, "", ""},
		{"a plain colon", signed("/model/x:0/converse", "/model/x:0/converse", `{}`, "us-east-1", "bedrock", own), 200, "", ""},
		{"with the prefix", signed("/bedrock/model/x/converse", "/bedrock/model/x/converse", `{}`, "us-east-1", "bedrock", own), 200, "", ""},
		{"slashes signed as sent", signed("/bedrock//model/x/converse", "/bedrock//model/x/converse", `{}`, "us-east-1", "bedrock", own), 200, "", ""},
		{"slashes signed as one", signed("/bedrock//model/x/converse", "/bedrock/model/x/converse", `{}`, "us-east-1", "bedrock", own), 200, "", ""},
		{"an empty id signed as JavaScript does", signed("/model//converse", "/model/converse", `{}`, "us-east-1", "bedrock", own), 400, "ValidationException", ""},
		{"another service", signed("/model/x/converse", "/model/x/converse", `{}`, "us-east-1", "s3", own), 403, "InvalidSignatureException", ""},
		{"another path", signed("/model/x/converse", "/model/y/converse", `{}`, "us-east-1", "bedrock", own), 403, "InvalidSignatureException", ""},
		{"another secret", signed("/model/x/converse", "/model/x/converse", `{}`, "us-east-1", "bedrock", sign.Credentials{AccessKey: "AKIDGATEWAY", SecretKey: "x"}), 403, "InvalidSignatureException", ""},
		{"an unknown key", signed("/model/x/converse", "/model/x/converse", `{}`, "us-east-1", "bedrock", sign.Credentials{AccessKey: "AKIDOTHER", SecretKey: "x"}), 403, "UnrecognizedClientException", "does not know"},
		{"a session token", signed("/model/x/converse", "/model/x/converse", `{}`, "us-east-1", "bedrock", sign.Credentials{AccessKey: "AKIDGATEWAY", SecretKey: "the-secret", SessionToken: "t"}), 403, "UnrecognizedClientException", ""},
		{"half a signature", half(), 400, "IncompleteSignatureException", ""},
	} {
		b := newBench(aws.Options{AccessKeys: accessKeys, Now: func() time.Time { return now }})
		w := httptest.NewRecorder()
		w.Header()["X-Request-Id"] = []string{"id-1"}
		b.ServeHTTP(w, tt.request)
		if w.Code != tt.status || w.Header().Get("X-Amzn-Errortype") != tt.typ || !strings.Contains(w.Header().Get("X-Outcrop-Cause"), tt.cause) {
			t.Errorf("%s: %d %v %s", tt.name, w.Code, w.Header(), w.Body)
		}
		if want := tt.status == 200; (len(b.asked) == 1) != want {
			t.Errorf("%s: %d calls", tt.name, len(b.asked))
		}
		if tt.status != 200 {
			exception(t, w)
		}
		if strings.Count(b.log.String(), "\n") != 1 {
			t.Errorf("%s: recorded %s", tt.name, &b.log)
		}
	}
}

func half() *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/model/x/converse", strings.NewReader(`{}`))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDGATEWAY/20261128/us-east-1/bedrock/aws4_request")
	return r
}

func TestASignatureThatIsTooOld(t *testing.T) {
	b := newBench(aws.Options{AccessKeys: accessKeys, Now: func() time.Time { return now.Add(6 * time.Minute) }})
	w := httptest.NewRecorder()
	b.ServeHTTP(w, signed("/model/x/converse", "/model/x/converse", `{}`, "us-east-1", "bedrock", own))
	if w.Code != 403 || !strings.Contains(w.Body.String(), "Signature expired") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

// A body that was changed on the way is not the one that was signed.
func TestAnotherBodyThanTheSignedOne(t *testing.T) {
	b := newBench(aws.Options{AccessKeys: accessKeys, Now: func() time.Time { return now }})
	w := httptest.NewRecorder()
	r := signed("/model/x/converse", "/model/x/converse", `{"a":1}`, "us-east-1", "bedrock", own)
	r.Body = http.NoBody
	r.ContentLength = 0
	b.ServeHTTP(w, r)
	if w.Code != 403 || len(b.asked) != 0 {
		t.Errorf("got %d %s, %d calls", w.Code, w.Body, len(b.asked))
	}
}

// A gateway without access keys says what to do instead.
func TestASignatureWithoutAccessKeys(t *testing.T) {
	b := newBench(aws.Options{})
	w := httptest.NewRecorder()
	b.ServeHTTP(w, signed("/model/x/converse", "/model/x/converse", `{}`, "us-east-1", "bedrock", own))
	if w.Code != 403 || !strings.Contains(w.Header().Get("X-Outcrop-Fix"), "outcrop_settings.aws_door.access_keys") {
		t.Errorf("got %d %v", w.Code, w.Header())
	}
}

// Without a master key anyone may call, and boto3 cannot help signing; with a key that is configured a
// wrong signature is still a mistake.
func TestSignaturesWithoutAMasterKey(t *testing.T) {
	for access, want := range map[string]int{"AKIDOTHER": 200, "AKIDGATEWAY": 403} {
		b := &bench{router: &router{resp: &llm.RawResponse{Body: []byte(`{}`), Uncounted: true}}}
		g := gateway.New(gateway.Options{Router: b.router, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler))})
		h := aws.New(g, aws.Options{MaxBody: 1 << 20, AccessKeys: accessKeys, Now: func() time.Time { return now }})
		w := httptest.NewRecorder()
		h.ServeHTTP(w, signed("/model/x/converse", "/model/x/converse", `{}`, "us-east-1", "bedrock", sign.Credentials{AccessKey: access, SecretKey: "test"}))
		if w.Code != want {
			t.Errorf("%s: %d %s", access, w.Code, w.Body)
		}
	}
}
