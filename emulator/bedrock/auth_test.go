package bedrock

import (
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"outcrop/internal/jsonx"
)

func TestSignaturesAreVerified(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Keys: []Key{demo, {AccessKeyID: "ASIAOLD", SecretAccessKey: "s", SessionToken: "t", Expires: noon.Add(-time.Minute)}}})
	wrong := Key{AccessKeyID: DemoAccessKeyID, SecretAccessKey: "wrong"}
	tests := []struct {
		name   string
		edit   func(*http.Request)
		status int
		kind   string
		body   string
	}{
		{"a right one is accepted", signed(demo, "eu-west-1", "bedrock", noon), 200, "", "eu-west-1::foundation-model"},
		{"a wrong secret", signed(wrong, "us-east-1", "bedrock", noon), 403, "InvalidSignatureException", `{"message":"The request signature we calculated does not match`},
		{"an unknown key", signed(Key{AccessKeyID: "AKIAOTHER", SecretAccessKey: "x"}, "us-east-1", "bedrock", noon), 403, "UnrecognizedClientException", `{"message":"The security token included in the request is invalid."}`},
		{"one of ten minutes ago", signed(demo, "us-east-1", "bedrock", noon.Add(-10*time.Minute)), 403, "InvalidSignatureException", "Signature expired: 20261122T115000Z is now earlier than 20261122T115500Z"},
		{"a region that does not exist", signed(demo, "us-middle-9", "bedrock", noon), 403, "InvalidSignatureException", "Credential should be scoped to a valid region. "},
		{"another service", signed(demo, "us-east-1", "bedrock-runtime", noon), 403, "InvalidSignatureException", "Credential should be scoped to correct service: 'bedrock'. "},
		{"an expired session", signed(Key{AccessKeyID: "ASIAOLD", SecretAccessKey: "s", SessionToken: "t"}, "us-east-1", "bedrock", noon), 403, "ExpiredTokenException", "The security token included in the request is expired"},
		{"none at all", func(*http.Request) {}, 403, "MissingAuthenticationTokenException", `{"message":"Missing Authentication Token"}`},
		{"half of one", func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x") }, 400, "IncompleteSignatureException", "message"},
		{"a scope of another region than the host's", func(r *http.Request) {
			r.Host = "bedrock.eu-west-1.amazonaws.com"
			signed(demo, "us-east-1", "bedrock", noon)(r)
		}, 403, "InvalidSignatureException", "valid region"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := s.send(t, http.MethodGet, "/foundation-models", "", tt.edit)
			if tt.kind != "" {
				wantRefusal(t, a, tt.status, tt.kind, tt.body)
			} else if a.status != tt.status || !strings.Contains(string(a.body), tt.body) {
				t.Errorf("got %d %.200s", a.status, a.body)
			}
		})
	}
}

// shortTermKey makes a short-term API key of an hour from a key pair.
func shortTermKey(region string, at time.Time, key Key) string {
	credential := key.AccessKeyID + "/" + at.Format("20060102") + "/" + region + "/bedrock/aws4_request"
	query := "Action=CallWithBearerToken&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" + url.QueryEscape(credential) +
		"&X-Amz-Date=" + at.Format(dateTime) + "&X-Amz-Expires=3600&X-Amz-SignedHeaders=host"
	query += "&X-Amz-Signature=" + presignature(query, strings.Split(credential, "/"), at.Format(dateTime), key.SecretAccessKey) + "&Version=1"
	return shortTermPrefix + base64.StdEncoding.EncodeToString([]byte(shortTermHost+"/?"+query))
}

func TestAPIKeysAreVerified(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	bearer := func(key string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+key) }
	}
	short := func(secret Secret, region string, at time.Time) string {
		return shortTermKey(region, at, Key{AccessKeyID: DemoAccessKeyID, SecretAccessKey: secret})
	}
	tests := []struct {
		name string
		key  string
		body string // of the refusal; empty if accepted
	}{
		{"the long-term key", string(DemoAPIKey), ""},
		{"a short-term key", short(DemoSecretAccessKey, "us-east-1", noon), ""},
		{"a short-term key of another region serves there", short(DemoSecretAccessKey, "eu-west-1", noon), ""},
		{"another key", "ABSKother", `{"Message":"Authentication failed: Please make sure your API Key is valid."}`},
		{"a short-term key of another secret", short("other", "us-east-1", noon), `"Message"`},
		{"a short-term key that has run out", short(DemoSecretAccessKey, "us-east-1", noon.Add(-2*time.Hour)), `{"Message":"Bearer Token has expired"}`},
		{"a short-term key that is no base64", shortTermPrefix + "?", `"Message"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := s.send(t, http.MethodGet, "/foundation-models", "", bearer(tt.key))
			switch {
			case tt.body != "":
				wantRefusal(t, a, 403, "AccessDeniedException", tt.body)
			case a.status != 200:
				t.Errorf("got %d %s", a.status, a.body)
			}
		})
	}
	a := s.send(t, http.MethodGet, "/foundation-models", "", func(r *http.Request) {
		bearer(short(DemoSecretAccessKey, "us-east-1", noon))(r)
		r.Host = "bedrock.eu-west-1.amazonaws.com"
	})
	wantRefusal(t, a, 403, "AccessDeniedException", "API Key is valid")
}

func TestAnyCredentialsStillWantsSome(t *testing.T) {
	t.Parallel()
	s := start(t, Options{AnyCredentials: true})
	if a := s.send(t, http.MethodGet, "/foundation-models", "", signed(Key{AccessKeyID: "x", SecretAccessKey: "y"}, "us-east-1", "bedrock", noon)); a.status != 200 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	wantRefusal(t, s.send(t, http.MethodGet, "/foundation-models", "", func(*http.Request) {}), 403, "MissingAuthenticationTokenException", "message")
}

func form(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }

func TestGetCallerIdentity(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	a := s.send(t, http.MethodPost, "/", "Action=GetCallerIdentity&Version=2011-06-15", func(r *http.Request) {
		form(r)
		signed(demo, "us-east-1", "sts", noon)(r)
	})
	var got struct {
		Arn     string `xml:"GetCallerIdentityResult>Arn"`
		Account string `xml:"GetCallerIdentityResult>Account"`
	}
	if err := xml.Unmarshal(a.body, &got); err != nil || got.Account != DemoAccount || got.Arn != "arn:aws:iam::"+DemoAccount+":user/demo" {
		t.Errorf("got %v, %s", err, a.body)
	}
}

func TestAssumeRoleGivesAKeyThatWorksUntilItExpires(t *testing.T) {
	t.Parallel()
	now := noon
	const arn = "arn:aws:iam::123456789012:role/team/caller"
	s := start(t, Options{Now: func() time.Time { return now }, Roles: []Role{{ARN: arn, ExternalID: "tea"}}})
	assume := func(body string) answer {
		return s.send(t, http.MethodPost, "/", "Action=AssumeRole&Version=2011-06-15&"+body, func(r *http.Request) {
			form(r)
			signed(demo, "us-east-1", "sts", now)(r)
		})
	}
	refusals := []struct{ name, body, want string }{
		{"another external id", "RoleSessionName=me&ExternalId=no&RoleArn=" + arn, "<Code>AccessDenied</Code><Message>User: arn:aws:iam::123456789012:user/demo is not authorized to perform: sts:AssumeRole on resource: " + arn},
		{"no such role", "RoleSessionName=me&RoleArn=" + arn + "s", "<Code>AccessDenied</Code>"},
		{"no session name", "ExternalId=tea&RoleArn=" + arn, "<Code>ValidationError</Code>"},
		{"too short a life", "RoleSessionName=me&ExternalId=tea&DurationSeconds=10&RoleArn=" + arn, "between 900 and 43200"},
	}
	for _, tt := range refusals {
		if a := assume(tt.body); a.status/100 != 4 || !strings.Contains(string(a.body), tt.want) {
			t.Errorf("%s: got %d %s", tt.name, a.status, a.body)
		}
	}
	a := assume("RoleSessionName=me&ExternalId=tea&DurationSeconds=900&RoleArn=" + arn)
	var got struct {
		Arn    string `xml:"AssumeRoleResult>AssumedRoleUser>Arn"`
		ID     string `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
		Secret string `xml:"AssumeRoleResult>Credentials>SecretAccessKey"`
		Token  string `xml:"AssumeRoleResult>Credentials>SessionToken"`
		End    string `xml:"AssumeRoleResult>Credentials>Expiration"`
	}
	if err := xml.Unmarshal(a.body, &got); err != nil || got.Arn != "arn:aws:sts::123456789012:assumed-role/caller/me" || got.End != "2026-11-22T12:15:00Z" {
		t.Fatalf("got %v, %s", err, a.body)
	}
	key := Key{AccessKeyID: got.ID, SecretAccessKey: Secret(got.Secret), SessionToken: Secret(got.Token)}
	if a := s.send(t, http.MethodGet, "/foundation-models", "", signed(key, "us-east-1", "bedrock", now)); a.status != 200 {
		t.Errorf("the session's key: got %d %s", a.status, a.body)
	}
	without := key
	without.SessionToken = ""
	wantRefusal(t, s.send(t, http.MethodGet, "/foundation-models", "", signed(without, "us-east-1", "bedrock", now)), 403, "UnrecognizedClientException", "invalid")
	now = noon.Add(15 * time.Minute)
	wantRefusal(t, s.send(t, http.MethodGet, "/foundation-models", "", signed(key, "us-east-1", "bedrock", now)), 403, "ExpiredTokenException", "expired")
}

func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	encoded, err := jsonx.Marshal(demo)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{fmt.Sprint(demo), fmt.Sprintf("%+v %#v %s %q %x", demo, demo, demo, demo, DemoSecretAccessKey), string(encoded)} {
		if strings.Contains(s, string(DemoSecretAccessKey)) || strings.Contains(s, fmt.Sprintf("%x", string(DemoSecretAccessKey))) {
			t.Errorf("a secret prints: %s", s)
		}
	}
}
