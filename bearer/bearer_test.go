package bearer_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"go.uber.org/goleak"

	"outcrop/bearer"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTokensThatAreInOrderAreAccepted(t *testing.T) {
	p := serve(t, all()...)
	v := open(t, &clock{at: noon()}, p.URL+"/keys")
	for header, by := range map[string]func([]byte) ([]byte, error){
		`{"alg":"RS256","kid":"rsa","typ":"JWT"}`:    withRSA(made().rsa),
		`{"alg":"RS256","kid":"any","typ":"at+jwt"}`: withRSA(made().rsa),
		`{"alg":"PS256","kid":"any"}`:                withPSS,
		`{"alg":"ES256","kid":"ec"}`:                 withEC,
		`{"alg":"EdDSA","kid":"ed"}`:                 withEd,
	} {
		id, err := v.Verify(t.Context(), sign(t, header, good, by))
		if err != nil || id.User != "ann" || id.Subject != "ann" || id.Issuer != "https://id.example" || id.Admin || id.Team != "everyone" || !id.Expires.Equal(time.Unix(1781096400, 0)) {
			t.Errorf("%s: %+v, %v", header, id, err)
		}
	}
}

func TestConfusedAndForgedTokensAreRefused(t *testing.T) {
	var followed atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		followed.Add(1)
		body, _ := jsonx.Marshal(map[string]any{"keys": []jose.JSONWebKey{{Key: made().other.Public(), KeyID: "evil"}, {Key: made().other.Public(), KeyID: "rsa"}}})
		_, _ = w.Write(body)
	}))
	defer elsewhere.Close()
	p := serve(t, all()...)
	v := open(t, &clock{at: noon()}, p.URL+"/keys")
	der, err := x509.MarshalPKIXPublicKey(made().rsa.Public())
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	own, err := jsonx.Marshal(jose.JSONWebKey{Key: made().other.Public(), KeyID: "rsa"})
	if err != nil {
		t.Fatal(err)
	}
	const rs256 = `{"alg":"RS256","kid":"rsa"}`
	right, wrong := withRSA(made().rsa), withRSA(made().other)
	valid := sign(t, rs256, good, right)
	if _, err := v.Verify(t.Context(), valid); err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(valid, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	with := func(old, changed string) string { return strings.Replace(good, old, changed, 1) }
	for name, tt := range map[string]struct {
		token string
		class string
	}{
		"alg none":                            {sign(t, `{"alg":"none","kid":"rsa"}`, good, unsigned), "auth_error"},
		"alg None":                            {sign(t, `{"alg":"None","kid":"rsa"}`, good, unsigned), "auth_error"},
		"no alg":                              {sign(t, `{"kid":"rsa"}`, good, right), "auth_error"},
		"HS256 with the public key":           {sign(t, `{"alg":"HS256","kid":"rsa"}`, good, withHMAC(public)), "auth_error"},
		"HS256 with the public key's DER":     {sign(t, `{"alg":"HS256","kid":"rsa"}`, good, withHMAC(der)), "auth_error"},
		"HS256 with an empty secret":          {sign(t, `{"alg":"HS256"}`, good, withHMAC(nil)), "auth_error"},
		"another algorithm than the key's":    {sign(t, `{"alg":"PS256","kid":"rsa"}`, good, withPSS), "auth_error"},
		"an algorithm of another kind of key": {sign(t, `{"alg":"ES256","kid":"any"}`, good, withEC), "auth_error"},
		"a curve of another algorithm":        {sign(t, `{"alg":"ES384","kid":"ec"}`, good, withEC), "auth_error"},
		"a wrong audience":                    {sign(t, rs256, with(`["other","gateway"]`, `"other"`), right), "auth_error"},
		"no audience":                         {sign(t, rs256, with(`"aud":["other","gateway"],`, ``), right), "auth_error"},
		"an audience that has ours in it":     {sign(t, rs256, with(`["other","gateway"]`, `"gateway.evil"`), right), "auth_error"},
		"a wrong issuer":                      {sign(t, rs256, with(`https://id.example`, `https://evil.example`), right), "auth_error"},
		"no issuer":                           {sign(t, rs256, with(`"iss":"https://id.example",`, ``), right), "auth_error"},
		"expired":                             {sign(t, rs256, with(`1781096400`, `1781092799`), right), "expired_key"},
		"expired this moment":                 {sign(t, rs256, with(`1781096400`, `1781092800`), right), "expired_key"},
		"no exp":                              {sign(t, rs256, with(`"exp":1781096400,`, ``), right), "auth_error"},
		"exp that is null":                    {sign(t, rs256, with(`1781096400`, `null`), right), "auth_error"},
		"exp that is a text":                  {sign(t, rs256, with(`1781096400`, `"1781096400"`), right), "auth_error"},
		"exp without an end":                  {sign(t, rs256, with(`1781096400`, `1e300`), right), "auth_error"},
		"nbf in the future":                   {sign(t, rs256, with(`"nbf":1781092700`, `"nbf":1781092900`), right), "auth_error"},
		"iat in the future":                   {sign(t, rs256, with(`"iat":1781092700`, `"iat":1781092900`), right), "auth_error"},
		"an unknown kid":                      {sign(t, `{"alg":"RS256","kid":"evil"}`, good, wrong), "auth_error"},
		"no kid":                              {sign(t, `{"alg":"RS256"}`, good, right), "auth_error"},
		"a kid that is a path":                {sign(t, `{"alg":"RS256","kid":"../../dev/null"}`, good, wrong), "auth_error"},
		"a kid that is an address":            {sign(t, `{"alg":"RS256","kid":"`+elsewhere.URL+`"}`, good, wrong), "auth_error"},
		"a jku":                               {sign(t, `{"alg":"RS256","kid":"evil","jku":"`+elsewhere.URL+`"}`, good, wrong), "auth_error"},
		"a jku with a known kid":              {sign(t, `{"alg":"RS256","kid":"rsa","jku":"`+elsewhere.URL+`"}`, good, wrong), "auth_error"},
		"an x5u":                              {sign(t, `{"alg":"RS256","kid":"evil","x5u":"`+elsewhere.URL+`"}`, good, wrong), "auth_error"},
		"a jwk":                               {sign(t, `{"alg":"RS256","jwk":`+string(own)+`}`, good, wrong), "auth_error"},
		"a jwk with a known kid":              {sign(t, `{"alg":"RS256","kid":"rsa","jwk":`+string(own)+`}`, good, wrong), "auth_error"},
		"a signature of another key":          {sign(t, rs256, good, wrong), "auth_error"},
		"a key for encryption":                {sign(t, `{"alg":"RS256","kid":"encrypts"}`, good, right), "auth_error"},
		"a key that is too short":             {sign(t, `{"alg":"RS256","kid":"short"}`, good, withRSA(made().short)), "auth_error"},
		"critical extensions":                 {sign(t, `{"alg":"RS256","kid":"rsa","crit":["x"],"x":1}`, good, right), "auth_error"},
		"kid given twice":                     {sign(t, `{"alg":"RS256","kid":"rsa","kid":"any"}`, good, right), "auth_error"},
		"a claim given twice":                 {sign(t, rs256, with(`"sub":"ann"`, `"sub":"ann","sub":"root"`), right), "auth_error"},
		"a logout token":                      {sign(t, `{"alg":"RS256","kid":"rsa","typ":"logout+jwt"}`, good, right), "auth_error"},
		"an authorization grant":              {sign(t, `{"alg":"RS256","kid":"rsa","typ":"oauth-id-jag+jwt"}`, good, right), "auth_error"},
		"no claims":                           {sign(t, rs256, `[]`, right), "auth_error"},
		"truncated":                           {valid[:len(valid)-20], "auth_error"},
		"without its signature":               {head + "." + payload + ".", "auth_error"},
		"without its payload":                 {head + ".." + signature, "auth_error"},
		"with the payload of another":         {head + "." + base64.RawURLEncoding.EncodeToString([]byte(with("ann", "bob"))) + "." + signature, "auth_error"},
		"with spaces":                         {head + " ." + payload + "." + signature, "auth_error"},
		"nothing but dots":                    {"..", "auth_error"},
		"too long":                            {sign(t, rs256, with(`"sub"`, `"x":"`+strings.Repeat("x", bearer.MaxToken)+`","sub"`), right), "auth_error"},
	} {
		e := refusal(t, v, tt.token)
		if e.Status != http.StatusUnauthorized || e.Class != tt.class {
			t.Errorf("%s: %d %s: %s", name, e.Status, e.Class, e.Message)
		}
	}
	if n := followed.Load(); n != 0 {
		t.Errorf("a token has led the gateway to another address %d times", n)
	}
}

func TestARotatedKeyIsReadAndAnOldOneNoLongerHolds(t *testing.T) {
	s, c := made(), &clock{at: noon()}
	p := serve(t, jose.JSONWebKey{Key: s.rsa.Public(), KeyID: "one"})
	v := open(t, c, p.URL+"/keys")
	old := sign(t, `{"alg":"RS256","kid":"one"}`, good, withRSA(s.rsa))
	if _, err := v.Verify(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	p.set(false, jose.JSONWebKey{Key: s.other.Public(), KeyID: "two"})
	rotated := sign(t, `{"alg":"RS256","kid":"two"}`, good, withRSA(s.other))
	if e := refusal(t, v, rotated); e.Status != 401 { // the keys were read a moment ago
		t.Errorf("%d %s", e.Status, e.Message)
	}
	if n := p.reads.Load(); n != 1 {
		t.Errorf("the keys were read %d times, want once", n)
	}
	c.pass(6 * time.Second)
	if _, err := v.Verify(t.Context(), rotated); err != nil {
		t.Error(err)
	}
	if e := refusal(t, v, old); e.Status != 401 {
		t.Errorf("the token of a key that is gone: %d %s", e.Status, e.Message)
	}
	for range 5 {
		if e := refusal(t, v, sign(t, `{"alg":"RS256","kid":"three"}`, good, withRSA(s.other))); e.Status != 401 {
			t.Errorf("%d %s", e.Status, e.Message)
		}
	}
	if n := p.reads.Load(); n != 2 {
		t.Errorf("the keys were read %d times, want twice", n)
	}
}

func TestOldKeysServeWhileTheProviderIsAwayForATime(t *testing.T) {
	c := &clock{at: noon()}
	p := serve(t, all()...)
	v := open(t, c, p.URL+"/keys")
	later := strings.Replace(good, "1781096400", "1781196400", 1)
	token := sign(t, `{"alg":"RS256","kid":"rsa"}`, later, withRSA(made().rsa))
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	p.set(true)
	c.pass(119 * time.Minute)
	if e := refusal(t, v, sign(t, `{"alg":"RS256","kid":"unknown"}`, later, withRSA(made().rsa))); e.Status != 401 {
		t.Errorf("%d %s", e.Status, e.Message)
	}
	if _, err := v.Verify(t.Context(), sign(t, `{"alg":"ES256","kid":"ec"}`, later, withEC)); err != nil {
		t.Errorf("old keys are not used: %v", err)
	}
	c.pass(2 * time.Minute)
	if e := refusal(t, v, token); e.Status != 503 || e.Class != "auth_provider_unavailable" || e.RetryAfter == "" {
		t.Errorf("%d %s %s", e.Status, e.Class, e.Message)
	}
	p.set(false, all()...)
	c.pass(6 * time.Second)
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Errorf("after the provider is back: %v", err)
	}
}

func TestCallsShareOneReading(t *testing.T) {
	p := serve(t, all()...)
	p.hold = make(chan struct{})
	v := open(t, &clock{at: noon()}, p.URL+"/keys")
	token := sign(t, `{"alg":"RS256","kid":"rsa"}`, good, withRSA(made().rsa))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Verify(ctx, token); llm.AsError(err).Code != llm.CodeClientGone {
		t.Errorf("a client that is gone: %v", err)
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := v.Verify(t.Context(), token); err != nil {
				t.Error(err)
			}
		})
	}
	close(p.hold)
	all.Wait()
	if n := p.reads.Load(); n != 1 {
		t.Errorf("the keys were read %d times, want once", n)
	}
}

func TestKeysAreFoundByADescription(t *testing.T) {
	second := serve(t, jose.JSONWebKey{Key: made().other.Public(), KeyID: "second"})
	p := serve(t, all()...)
	v := open(t, &clock{at: noon()}, p.URL+"/.well-known/openid-configuration", second.URL+"/keys")
	for _, token := range []string{
		sign(t, `{"alg":"RS256","kid":"rsa"}`, good, withRSA(made().rsa)), sign(t, `{"alg":"RS256","kid":"second"}`, good, withRSA(made().other)),
		sign(t, `{"alg":"RS256"}`, good, withRSA(made().other)), // its provider has only one key
	} {
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Error(err)
		}
	}
}

func TestAProviderThatAnswersNonsenseIsAway(t *testing.T) {
	for name, body := range map[string]string{
		"no JSON": "<html>", "no keys": `{"keys":[]}`, "a secret key": `{"keys":[{"kty":"oct","kid":"rsa","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}]}`,
		"broken keys": `{"keys":[{"kty":"RSA","kid":"rsa"},{"kty":"EC","kid":"rsa","crv":"P-256","x":"AA","y":"AA"},{"kty":"x"}]}`, "too much": strings.Repeat(" ", 1<<20) + `{}`,
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }))
		var log bytes.Buffer
		v := bearer.Open(bearer.Options{URLs: []string{s.URL + "/keys?secret=swordfish"}, TTL: time.Hour, Now: noon, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		for _, token := range []string{
			sign(t, `{"alg":"RS256","kid":"rsa"}`, good, withRSA(made().rsa)),
			sign(t, `{"alg":"HS256","kid":"rsa"}`, good, withHMAC([]byte("secretsecretsecretsecretsecret"))),
		} {
			if e := refusal(t, v, token); e.Status != 503 && (e.Status != 401 || !strings.Contains(e.Message, "algorithm")) {
				t.Errorf("%s: %d %s", name, e.Status, e.Message)
			}
		}
		v.Close()
		s.Close()
		if !strings.Contains(log.String(), "cannot be read") || strings.Contains(log.String(), "swordfish") {
			t.Errorf("%s: the log is %s", name, log.String())
		}
	}
}

func TestADescriptionThatLeadsToNoKeysIsOfNoUse(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"a jwks_uri":    func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"jwks_uri":"ftp://x/keys"}`) },
		"none":          func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{}`) },
		"a redirection": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.String(), http.StatusFound) },
	} {
		s := httptest.NewServer(answer)
		v := open(t, &clock{at: noon()}, s.URL+"/.well-known/openid-configuration")
		if e := refusal(t, v, sign(t, `{"alg":"RS256","kid":"rsa"}`, good, withRSA(made().rsa))); e.Status != 503 {
			t.Errorf("%s: %d %s", name, e.Status, e.Message)
		}
		s.Close()
	}
}

// TestNoKeysAreReadFromAMetadataService has a provider that leads there, by its description and by a redirection.
func TestNoKeysAreReadFromAMetadataService(t *testing.T) {
	const metadata = "http://169.254.169.254/latest/meta-data/"
	for name, answer := range map[string]http.HandlerFunc{
		"a description": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"jwks_uri":"`+metadata+`"}`) },
		"a redirection": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, metadata, http.StatusFound) },
	} {
		s := httptest.NewServer(answer)
		var log bytes.Buffer
		v := bearer.Open(bearer.Options{URLs: []string{s.URL + "/.well-known/openid-configuration"}, TTL: time.Hour, Now: (&clock{at: noon()}).now, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		e := refusal(t, v, sign(t, `{"alg":"RS256","kid":"rsa"}`, good, withRSA(made().rsa)))
		v.Close()
		s.Close()
		if e.Status != 503 || !strings.Contains(log.String(), "link-local, as metadata services are") {
			t.Errorf("%s: %d %s; the log has %s", name, e.Status, e.Message, log.String())
		}
	}
}

func TestClaimsSayWhoItIs(t *testing.T) {
	p := serve(t, all()...)
	v := open(t, &clock{at: noon()}, p.URL+"/keys")
	who := func(more string) bearer.Identity {
		t.Helper()
		id, err := v.Verify(t.Context(), sign(t, `{"alg":"EdDSA","kid":"ed"}`, strings.Replace(good, `"sub":"ann"`, more, 1), withEd))
		if err != nil {
			t.Fatal(err)
		}
		return *id
	}
	id := who(`"sub":"ann","email":"ann@example.com","team":"geology","realm":{"groups":["b","a","b",7]},"https://id.example/org":"o","customer":42,"scope":"openid litellm_proxy_admin"`)
	if id.User != "ann" || id.Email != "ann@example.com" || id.Team != "geology" || strings.Join(id.Teams, " ") != "7 a b" || id.Organization != "o" || id.Customer != "42" || !id.Admin {
		t.Errorf("%+v", id)
	}
	if id := who(`"email":"ann@example.com","team":["first","second"],"scope":["a","litellm_proxy_admin"]`); id.User != "ann@example.com" || id.Team != "first" || !id.Admin {
		t.Errorf("%+v", id)
	}
	if id := who(`"sub":"ann","email":"root@example.com","email_verified":false,"team":{},"scope":"xlitellm_proxy_admin","realm":"groups"`); id.User != "ann" || id.Email != "" || id.Team != "" || id.Admin || id.Teams != nil {
		t.Errorf("%+v", id)
	}
	id = who(`"sub":"ann","oid":"o-1","roles":["b","a",7],"realm":{"roles":"people"},"scope":"openid models.a"`)
	if id.Object != "o-1" || strings.Join(id.UserRoles, " ") != "b a 7" || strings.Join(id.Roles, " ") != "people" || strings.Join(id.Scopes, " ") != "openid models.a" || !id.UserClaimed || id.Admin {
		t.Errorf("%+v", id)
	}
	if id := who(`"email":"ann@example.com","oid":{},"roles":null,"scope":7`); id.Object != "" || id.UserRoles != nil || id.Roles != nil || id.UserClaimed {
		t.Errorf("%+v", id)
	}
	if id := who(`"sub":"` + strings.Repeat("a", 2000) + `"`); id.User != "" {
		t.Error("an endless id is taken")
	}
}

func TestIsToken(t *testing.T) {
	for key, want := range map[string]bool{"a.b.c": true, "a.b": false, "a.b.c.d": false, "sk-1": false, "sk-a.b.c": false, "": false} {
		if got := bearer.IsToken(key); got != want {
			t.Errorf("%q: %t", key, got)
		}
	}
}

func TestAVerifiedTokenCostsNoSignatureCheck(t *testing.T) {
	p := serve(t, all()...)
	c := &clock{at: noon()}
	v := open(t, c, p.URL+"/keys")
	token := sign(t, `{"alg":"RS256","kid":"rsa"}`, good, withRSA(made().rsa))
	first, err := v.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := v.Verify(t.Context(), token); err != nil || second != first {
		t.Errorf("it was read again: %v", err)
	}
	c.pass(time.Hour)
	if e := refusal(t, v, token); e.Class != "expired_key" || e.Status != 401 {
		t.Errorf("%d %s", e.Status, e.Class)
	}
}
