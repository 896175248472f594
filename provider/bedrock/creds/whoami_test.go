package creds

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// identitySTS plays GetCallerIdentity and AssumeRole, and keeps who signed for
// which region.
type identitySTS struct {
	*httptest.Server
	mu     sync.Mutex
	scopes []string
}

func newIdentitySTS(t *testing.T, status int, body string) *identitySTS {
	s := &identitySTS{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
		scope, _, _ = strings.Cut(scope, ",")
		if r.Form.Get("Action") == "AssumeRole" {
			fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey><SessionToken>role-token</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
			return
		}
		s.mu.Lock()
		s.scopes = append(s.scopes, scope)
		s.mu.Unlock()
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	t.Setenv("AWS_ENDPOINT_URL_STS", s.URL)
	return s
}

const callerIdentity = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/a</Arn><UserId>AIDA</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`

func TestSTSIsAskedWhoCallsInTheRegionOfTheCalls(t *testing.T) {
	for _, tt := range []struct {
		name, region string
		options      Options
		scope        string // key and region
		origin       string
	}{
		{"a key of the settings", "eu-west-1", Options{AccessKey: "AKIASET", SecretKey: "s"}, "AKIASET/eu-west-1", "the setting aws_access_key_id"},
		{"the environment's key", "cn-north-1", Options{}, "AKIAENV/cn-north-1", "the environment"},
		{"no region", "", Options{Region: "us-gov-west-1"}, "AKIAENV/us-gov-west-1", "the environment"},
		{"a profile", "eu-west-1", Options{Profile: "work"}, "AKIAWORK/eu-west-1", `profile "work"`},
		{"a role", "eu-west-1", Options{AccessKey: "AKIASET", SecretKey: "s", Role: roleARN}, "ASIAROLE/eu-west-1", "role " + roleARN + ", assumed with the setting aws_access_key_id"},
		{"a role by the environment", "eu-west-1", Options{Role: roleARN}, "ASIAROLE/eu-west-1", "role " + roleARN + ", assumed with the environment"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			environment(t, "AWS_ACCESS_KEY_ID", "AKIAENV", "AWS_SECRET_ACCESS_KEY", "x")
			configFile(t, "[profile work]\naws_access_key_id = AKIAWORK\naws_secret_access_key = x\n")
			server := newIdentitySTS(t, http.StatusOK, callerIdentity)
			s := open(t, tt.options)
			got, err := s.WhoAmI(t.Context(), tt.region)
			if err != nil || got.Account != "123456789012" || got.ARN != "arn:aws:iam::123456789012:user/a" {
				t.Fatalf("got %+v, %v", got, err)
			}
			scope := strings.Split(server.scopes[0], "/")
			if scope[0]+"/"+scope[2] != tt.scope {
				t.Errorf("signed as %s, want %s", server.scopes[0], tt.scope)
			}
			if origin := s.Origin(); origin != tt.origin {
				t.Errorf("the credentials come from %q, want %q", origin, tt.origin)
			}
		})
	}
}

func TestAnAPIKeyIsNotSentToSTS(t *testing.T) {
	environment(t, "AWS_BEARER_TOKEN_BEDROCK", "ABSKkey")
	server := newIdentitySTS(t, http.StatusOK, callerIdentity)
	s := open(t, Options{})
	if got, err := s.WhoAmI(t.Context(), "us-east-1"); err != nil || got != (Caller{}) || len(server.scopes) != 0 {
		t.Errorf("got %+v, %v after %d calls", got, err, len(server.scopes))
	}
	if origin := s.Origin(); origin != "AWS_BEARER_TOKEN_BEDROCK" {
		t.Errorf("the key comes from %q", origin)
	}
	if origin := open(t, Options{APIKey: "ABSKother"}).Origin(); origin != "the setting api_key" {
		t.Errorf("the other key comes from %q", origin)
	}
}

func TestWhatSTSRefusesIsToldApart(t *testing.T) {
	refusal := func(code string) string {
		return `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>` + code + `</Code><Message>no</Message></Error></ErrorResponse>`
	}
	for _, tt := range []struct {
		name   string
		status int
		body   string
		kind   Failure
	}{
		{"an unknown key", 403, refusal("InvalidClientTokenId"), Invalid},
		{"a wrong secret", 403, refusal("SignatureDoesNotMatch"), Invalid},
		{"an expired token", 403, refusal("ExpiredToken"), Expired},
		{"a proxy's page", 200, "<html>sign in</html>", Unreachable},
		{"JSON", 200, `{"a":1}`, Unreachable},
		{"nothing", 200, "", Unreachable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			environment(t)
			newIdentitySTS(t, tt.status, tt.body)
			_, err := open(t, Options{AccessKey: "AKIASET", SecretKey: "leak-secret"}).WhoAmI(t.Context(), "us-east-1")
			var e *Error
			if !errors.As(err, &e) || e.Kind != tt.kind {
				t.Fatalf("got %#v, want %s", err, tt.kind)
			}
			if strings.Contains(err.Error()+e.Fix, "leak-secret") {
				t.Error("the secret is shown")
			}
		})
	}
}

func TestTheEndOfTheAskersPatienceIsTheError(t *testing.T) {
	environment(t)
	newIdentitySTS(t, http.StatusOK, callerIdentity)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	if _, err := open(t, Options{AccessKey: "AKIASET", SecretKey: "s"}).WhoAmI(ctx, "us-east-1"); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
}

func TestAShortTermKeySaysItsRegionAndItsEnd(t *testing.T) {
	encode := func(url string) string { return shortTermPrefix + base64.StdEncoding.EncodeToString([]byte(url)) }
	const whole = "bedrock.amazonaws.com/?Action=CallWithBearerToken&X-Amz-Credential=ASIAKEY%2F20261125%2Feu-west-1%2Fbedrock%2Faws4_request&X-Amz-Date=20261125T100000Z&X-Amz-Expires=43200&X-Amz-Signature=abc&Version=1"
	end := time.Date(2026, 11, 25, 22, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name, key string
		want      ShortTermKey
		ok        bool
	}{
		{"whole", encode(whole), ShortTermKey{Region: "eu-west-1", Expires: end}, true},
		{"without padding", strings.TrimRight(encode(whole), "="), ShortTermKey{Region: "eu-west-1", Expires: end}, true},
		{"cut", shortTermPrefix + "!!", ShortTermKey{}, true},
		{"without a life", encode("bedrock.amazonaws.com/?X-Amz-Credential=A%2FB%2Feu-west-1%2Fbedrock%2Faws4_request"), ShortTermKey{Region: "eu-west-1"}, true},
		{"a long-term key", "ABSKabc", ShortTermKey{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Credentials{secrets: seal("", "", tt.key)}
			if got, ok := c.ShortTermKey(); got != tt.want || ok != tt.ok {
				t.Errorf("got %+v, %v", got, ok)
			}
		})
	}
}
