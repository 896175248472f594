package sign

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

func keys(accessKey string) (string, string, bool) {
	switch accessKey {
	case example.AccessKey:
		return example.SecretKey, "", true
	case "ASIATEMPORARY":
		return "temporary-secret", "the-token", true
	}
	return "", "", false
}

func TestWhatIsSignedIsAccepted(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for _, c := range []struct {
		name        string
		request     *Request
		credentials Credentials
		extra       []string
		received    time.Time
	}{
		{"an escaped path", request("/model/us.amazon.nova-pro-v1%3A0/converse"), example, nil, now},
		{"a raw colon in the path", request("/model/us.amazon.nova-pro-v1:0/converse"), example, nil, now},
		{"an ARN", request("/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aprompt%2Fabcdefghij/converse"), example, nil, now},
		{"no path", request(""), example, nil, now},
		{"the body's length signed", request("/x"), example, []string{"Content-Length"}, now},
		{"a header that is absent asked for", request("/x"), example, []string{"X-Amzn-Bedrock-Trace"}, now},
		{"temporary credentials", request("/x"), Credentials{"ASIATEMPORARY", "temporary-secret", "the-token"}, nil, now},
		{"five minutes later", request("/x"), example, nil, now.Add(Window)},
		{"five minutes earlier", request("/x"), example, nil, now.Add(-Window)},
	} {
		t.Run(c.name, func(t *testing.T) {
			new(Signer).Sign(c.request, c.credentials, "us-east-1", "bedrock", now, c.extra...)
			if err := Verify(c.request, keys, "us-east-1", "bedrock", c.received); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestHowARequestIsRefused(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	authorization := func(from, to string) func(*Request) {
		return func(r *Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), from, to, 1))
		}
	}
	for _, c := range []struct {
		name    string
		change  func(*Request)
		kind    Kind
		status  int
		typ     string
		message string // or a prefix of it
	}{
		{"no Authorization", func(r *Request) { r.Header.Del("Authorization") }, Missing, 403, "MissingAuthenticationTokenException", "Missing Authentication Token"},
		{"another scheme", authorization("AWS4-HMAC-SHA256", "Basic"), Incomplete, 400, "IncompleteSignatureException", "Unsupported AWS 'algorithm': 'Basic'."},
		{
			"nothing but the algorithm", func(r *Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256") }, Incomplete, 400, "IncompleteSignatureException",
			"Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter.",
		},
		{"a scope that is too short", authorization("/aws4_request", ""), Incomplete, 400, "IncompleteSignatureException", "Credential must have exactly 5 slash-delimited elements"},
		{"no date", func(r *Request) { r.Header.Del("X-Amz-Date") }, Incomplete, 400, "IncompleteSignatureException", "Authorization header requires existence of either"},
		{"a date in another form", func(r *Request) { r.Header.Set("X-Amz-Date", "2026-01-01") }, Incomplete, 400, "IncompleteSignatureException", "Date must be in ISO-8601 'basic format'. Got '2026-01-01'."},
		{"an unknown key", authorization("AKIDEXAMPLE", "AKIDOTHER"), UnknownKey, 403, "UnrecognizedClientException", "The security token included in the request is invalid."},
		{"a session token that is not the key's", func(r *Request) { r.Header.Set("X-Amz-Security-Token", "x") }, UnknownKey, 403, "UnrecognizedClientException", "The security token included"},
		{"another body", func(r *Request) { r.Body = [][]byte{[]byte("{}")} }, Mismatch, 403, "InvalidSignatureException", "The request signature we calculated does not match"},
		{"another path", func(r *Request) { r.Path = "/model/y/converse" }, Mismatch, 403, "InvalidSignatureException", "The request signature we calculated does not match"},
		{"a path that was unescaped on the way", func(r *Request) { r.Path = strings.ReplaceAll(r.Path, "%2F", "/") }, Mismatch, 403, "InvalidSignatureException", "The request signature we calculated does not match"},
		{"another query", func(r *Request) { r.Query = "a=1" }, Mismatch, 403, "InvalidSignatureException", "The request signature we calculated does not match"},
		{"another host", func(r *Request) { r.Host = "example.com" }, Mismatch, 403, "InvalidSignatureException", "The request signature we calculated does not match"},
		{"another method", func(r *Request) { r.Method = "PUT" }, Mismatch, 403, "InvalidSignatureException", "The request signature we calculated does not match"},
		{"another content type", func(r *Request) { r.Header.Set("Content-Type", "text/plain") }, Mismatch, 403, "InvalidSignatureException", "The request signature we calculated does not match"},
		{"a signed header taken away", func(r *Request) { r.Header.Del("Content-Type") }, Mismatch, 403, "InvalidSignatureException", "The request signature we calculated does not match"},
		{"a signature that is not one", authorization("Signature=", "Signature=0"), Mismatch, 403, "InvalidSignatureException", "The request signature we calculated does not match"},
		{"an unsigned host", authorization(";host", ""), Mismatch, 403, "InvalidSignatureException", "'Host' or ':authority' must be a 'SignedHeader'"},
		{"another region", authorization("us-east-1", "eu-west-1"), WrongRegion, 403, "InvalidSignatureException", "Credential should be scoped to a valid region. "},
		{"another service", authorization("/bedrock/", "/bedrock-runtime/"), WrongService, 403, "InvalidSignatureException", "Credential should be scoped to correct service: 'bedrock'. "},
		{"another end of the scope", authorization("aws4_request", "aws4"), WrongScope, 403, "InvalidSignatureException", "Credential should be scoped with a valid terminator"},
		{"another day in the scope", authorization("/20260101/", "/20260102/"), WrongScope, 403, "InvalidSignatureException", "Date in Credential scope does not match"},
		{
			"signed too long ago", func(r *Request) { resign(r, now.Add(-Window-time.Second)) }, Expired, 403, "InvalidSignatureException",
			"Signature expired: 20260101T115459Z is now earlier than 20260101T115500Z (20260101T120000Z - 5 min.)",
		},
		{
			"signed ahead of the clock", func(r *Request) { resign(r, now.Add(Window+time.Second)) }, NotYetCurrent, 403, "InvalidSignatureException",
			"Signature not yet current: 20260101T120501Z is still later than 20260101T120500Z (20260101T120000Z + 5 min.)",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := request("/model/arn%3Ax%2Fy/converse")
			resign(r, now)
			c.change(r)
			err := Verify(r, keys, "us-east-1", "bedrock", now)
			var f *Fault
			if !errors.As(err, &f) {
				t.Fatalf("got %v, want a fault", err)
			}
			if f.Kind != c.kind || f.Status != c.status || f.Type != c.typ || !strings.HasPrefix(f.Message, c.message) {
				t.Errorf("got kind %d, %d %s: %s", f.Kind, f.Status, f.Type, f.Message)
			}
			if strings.Contains(f.Error(), example.SecretKey) {
				t.Error("the fault shows the secret key")
			}
		})
	}
}

func TestTheDateHeaderStandsInForXAmzDate(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	r := request("/x")
	r.Header.Set("Date", now.Format(http.TimeFormat))
	w := &scratch{}
	w.setFields([]field{{name: "host"}, {"date", r.Header["Date"]}})
	signature := w.sign(r, deriveKey(example.SecretKey, "20260101", "us-east-1", "bedrock"), now.Format(dateTime), "us-east-1", "bedrock")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/bedrock/aws4_request,"+
		"SignedHeaders=date;host,Signature="+string(signature[:]))
	if err := Verify(r, keys, "us-east-1", "bedrock", now); err != nil {
		t.Error(err)
	}
}

func resign(r *Request, now time.Time) {
	new(Signer).Sign(r, example, "us-east-1", "bedrock", now)
}

// FuzzVerify checks that no header makes Verify panic or accept, and that a signed
// request is accepted whatever its path, query and body.
func FuzzVerify(f *testing.F) {
	f.Add("/model/a%3A0/converse", "a=b&c", "{}", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/bedrock/aws4_request, SignedHeaders=host;content-length;x, Signature=00")
	f.Add("", "%%%=+", "", "Bearer x")
	f.Fuzz(func(t *testing.T, path, query, body, authorization string) {
		now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
		r := request(path)
		r.Query, r.Body = query, [][]byte{[]byte(body)}
		resign(r, now)
		good := r.Header.Get("Authorization")
		if err := Verify(r, keys, "us-east-1", "bedrock", now); err != nil {
			t.Fatalf("signed, but refused: %v", err)
		}
		r.Header.Set("Authorization", authorization)
		signature := good[strings.LastIndex(good, "=")+1:]
		if err := Verify(r, keys, "us-east-1", "bedrock", now); err == nil && !strings.Contains(authorization, signature) {
			t.Fatalf("accepted %q", authorization)
		}
	})
}

func TestAClientOfHTTP2MaySignAuthorityInPlaceOfHost(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for _, c := range []struct {
		name, sent, signed string
		kind               Kind // 0 for accepted
	}{
		{"as it was sent", "/model/a%3A0/converse", "/model/a%3A0/converse", 0},
		{"repeated slashes signed as one", "/bedrock//model/a%2F%2Fb/converse", "/bedrock/model/a%2F%2Fb/converse", 0},
		{"repeated slashes signed as sent", "/model//converse", "/model//converse", 0},
		{"another path", "/bedrock//model/a/converse", "/model/a/converse", Mismatch},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := request(c.signed)
			r.Header.Set("X-Amz-Date", now.UTC().Format(dateTime))
			w := new(scratch)
			w.setFields([]field{{name: authority}, {"X-Amz-Date", r.Header["X-Amz-Date"]}})
			date := now.UTC().Format(dateTime)
			signature := w.sign(r, deriveKey(example.SecretKey, date[:8], "us-east-1", "bedrock"), date, "us-east-1", "bedrock")
			r.Header.Set("Authorization", algorithm+" Credential="+example.AccessKey+"/"+date[:8]+"/us-east-1/bedrock/aws4_request, SignedHeaders=:authority;x-amz-date, Signature="+string(signature[:]))
			r.Path = c.sent
			err := Verify(r, keys, "us-east-1", "bedrock", now)
			var f *Fault
			if c.kind == 0 && err != nil || c.kind != 0 && (!errors.As(err, &f) || f.Kind != c.kind) {
				t.Errorf("got %v", err)
			}
		})
	}
}
