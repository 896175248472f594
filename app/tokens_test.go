package app_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"outcrop/app"
)

// signer makes tokens of an identity provider, whose keys are at its URL.
type signer struct {
	*httptest.Server

	key *ecdsa.PrivateKey
}

func provide(t *testing.T) *signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "one", Algorithm: "ES256"}}})
	if err != nil {
		t.Fatal(err)
	}
	s := &signer{httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) })), key}
	t.Cleanup(s.Close)
	return s
}

// token signs claims, to which it adds those that every token has.
func (s *signer) token(t *testing.T, claims string) string {
	t.Helper()
	signing, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: s.key, KeyID: "one"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signing.Sign(fmt.Appendf(nil, `{"iss":"https://id.example","aud":"gateway","exp":%d,%s}`, time.Now().Add(time.Hour).Unix(), claims))
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTokensOfAnIdentityProviderCallAsTheirUsersAndTeams(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	}))
	defer upstream.Close()
	id := provide(t)
	cfg := load(t, upstream.URL, `
environment_variables: {JWT_PUBLIC_KEY_URL: "`+id.URL+`", JWT_AUDIENCE: gateway, JWT_ISSUER: "https://id.example"}
general_settings:
  master_key: sk-master
  allowed_ips: [127.0.0.0/8]
  enable_jwt_auth: true
  litellm_jwtauth: {user_id_jwt_field: sub, user_id_upsert: true, team_ids_jwt_field: groups}
`)
	a := start(t, app.Options{Config: cfg, DataDir: t.TempDir()})
	status, body := asks(t, a, "sk-master", "POST", "/team/new", `{"team_id":"geology","models":["granite"]}`)
	if status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	if status, body = asks(t, a, "sk-master", "POST", "/team/new", `{"team_id":"physics","models":["atoms"]}`); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	if status, body = asks(t, a, "sk-master", "POST", "/key/generate", `{"key":"sk-with.two.dots-0001"}`); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	ann, outsider := id.token(t, `"sub":"ann","groups":["geology","physics"]`), id.token(t, `"sub":"bob","groups":["physics"]`)
	root := id.token(t, `"sub":"root","scope":"litellm_proxy_admin"`)
	forged := ann[:strings.LastIndexByte(ann, '.')+1] + strings.Repeat("A", 86)
	const messages = `{"model":"granite","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}`
	for _, tt := range []struct {
		name, key, method, path, body string
		status                        int
		says                          string
	}{
		{"a user of the team", ann, "POST", "/v1/chat/completions", question, 200, `"content":"granite"`},
		{"the same by Messages", ann, "POST", "/v1/messages", messages, 200, `"text":"granite"`},
		{"the list of models", ann, "GET", "/v1/models", "", 200, `"granite"`},
		{"a user of another team", outsider, "POST", "/v1/chat/completions", question, 403, "team_model_access_denied"},
		{"a path that teams may not call", ann, "POST", "/model/granite/converse", `{"messages":[]}`, 403, "may not call /model/granite/converse"},
		{"a forged token", forged, "POST", "/v1/chat/completions", question, 401, `"type":"auth_error"`},
		{"a forged token by Messages", forged, "POST", "/v1/messages", messages, 401, `"type":"error"`},
		{"a forged token at the management API", forged, "GET", "/key/list", "", 401, "signature is wrong"},
		{"nonsense", "a.b.c", "POST", "/v1/chat/completions", question, 401, "not a signed token"},
		{"a user at the management API", ann, "POST", "/team/new", `{}`, 401, "its role is internal_user"},
		{"a user's own keys", ann, "GET", "/key/list", "", 200, `"keys":[]`},
		{"another's user", ann, "GET", "/user/info?user_id=bob", "", 403, ""},
		{"an operator", root, "POST", "/team/new", `{"team_id":"chemistry"}`, 200, "chemistry"},
		{"an operator beyond the routes", root, "POST", "/organization/new", `{"organization_alias":"o"}`, 401, "Admin not allowed to access this route"},
		{"an operator who calls a model", root, "POST", "/v1/chat/completions", question, 401, "may not call /v1/chat/completions"},
		{"a key", "sk-with.two.dots-0001", "POST", "/v1/chat/completions", question, 200, `"content":"granite"`},
		{"the master key", "sk-master", "POST", "/v1/chat/completions", question, 200, `"content":"granite"`},
	} {
		if status, body := asks(t, a, tt.key, tt.method, tt.path, tt.body); status != tt.status || !strings.Contains(body, tt.says) {
			t.Errorf("%s: %d %s", tt.name, status, body)
		}
	}
	if status, body := asks(t, a, "sk-master", "GET", "/user/info?user_id=ann", ""); status != 200 || !strings.Contains(body, `"user_id":"ann"`) {
		t.Errorf("the user was not made: %d %s", status, body)
	}
}

func TestWithoutTokensATokenIsNoKey(t *testing.T) {
	id := provide(t)
	a := start(t, app.Options{Config: load(t, "http://127.0.0.1:1", "general_settings: {master_key: sk-master}")})
	if status, body := asks(t, a, id.token(t, `"sub":"ann"`), "POST", "/v1/chat/completions", question); status != 401 || !strings.Contains(body, "begin with sk-") {
		t.Errorf("%d %s", status, body)
	}
}

func TestOtherAddressesAreRefusedInTheirDialect(t *testing.T) {
	a := start(t, app.Options{Config: load(t, "http://127.0.0.1:1", "general_settings: {master_key: sk-master, allowed_ips: [192.0.2.1]}")})
	for path, says := range map[string]string{
		"/v1/chat/completions": `"code":"403"`, "/v1/messages": `"type":"error"`, "/model/granite/converse": "not allowed", "/v1beta/models/granite:generateContent": `"status":"PERMISSION_DENIED"`, "/key/generate": "not allowed",
	} {
		if status, body := asks(t, a, "sk-master", "POST", path, question); status != 403 || !strings.Contains(body, "Access forbidden: IP address 127.0.0.1 not allowed.") || !strings.Contains(body, says) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, _ := asks(t, a, "", "GET", "/health/liveliness", ""); status != 200 {
		t.Errorf("the health check: %d", status)
	}
}
