package vault_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outcrop/secrets"
	"outcrop/secrets/vault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// double answers as Vault does in its documentation and OpenBao 2.7.2 in fact. It is told by path what to answer.
type double struct {
	*httptest.Server

	mu      sync.Mutex
	answers map[string][]answer // by method and path, in order; the last one is repeated
	calls   []call
}

type answer struct {
	status int
	body   string
}

type call struct {
	Line, Token, Namespace string
	Body                   map[string]any
}

func start(t *testing.T, answers map[string][]answer) *double {
	t.Helper()
	d := &double{answers: answers}
	d.Server = httptest.NewServer(d)
	t.Cleanup(d.Close)
	return d
}

func (d *double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	line := r.Method + " " + r.URL.EscapedPath()
	c := call{Line: line, Token: r.Header.Get("X-Vault-Token"), Namespace: r.Header.Get("X-Vault-Namespace")}
	if data, err := io.ReadAll(r.Body); err == nil && len(data) > 0 {
		_ = json.Unmarshal(data, &c.Body)
	}
	d.calls = append(d.calls, c)
	all := d.answers[line]
	if len(all) == 0 {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"errors":[]}`)
		return
	}
	if len(all) > 1 {
		d.answers[line] = all[1:]
	}
	w.WriteHeader(all[0].status)
	_, _ = io.WriteString(w, all[0].body)
}

// lines are the calls so far.
func (d *double) lines() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []string
	for _, c := range d.calls {
		all = append(all, c.Line)
	}
	return all
}

func open(t *testing.T, environ map[string]string) (*vault.Manager, error) {
	t.Helper()
	m, err := vault.Open(&secrets.Settings{System: secrets.Vault, Description: "of the gateway", Environ: func(name string) string { return environ[name] }})
	if err == nil {
		t.Cleanup(m.Close)
	}
	return m, err
}

func opened(t *testing.T, address string, more ...string) *vault.Manager {
	t.Helper()
	environ := map[string]string{"HCP_VAULT_ADDR": address, "HCP_VAULT_TOKEN": "root"}
	for i := 0; i+1 < len(more); i += 2 {
		environ[more[i]] = more[i+1]
	}
	m, err := open(t, environ)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func secret(members string) answer {
	return answer{200, `{"request_id":"d9b5f0d0","lease_id":"","renewable":false,"lease_duration":0,"data":{"data":` + members + `,"metadata":{"created_time":"2026-11-29T19:46:51.168535068Z","custom_metadata":null,"deletion_time":"","destroyed":false,"version":1}},"wrap_info":null,"warnings":null,"auth":null}`}
}

func TestRead(t *testing.T) {
	d := start(t, map[string][]answer{
		"GET /v1/secret/data/A":             {secret(`{"key":"a","A":"other"}`)},
		"GET /v1/secret/data/team/B":        {secret(`{"B":"b"}`)},
		"GET /v1/secret/data/N":             {secret(`{"key":12}`)},
		"GET /v1/secret/data/with%20space":  {secret(`{"key":"s"}`)},
		"GET /v1/secret/data/none":          {secret(`{"other":"hush"}`)},
		"GET /v1/secret/data/strange":       {{200, `<html>`}},
		"GET /v1/secret/data/first-version": {{200, `{"data":{"key":"v1"}}`}},
		"GET /v1/secret/data/deleted":       {{404, `{"request_id":"x","data":{"data":null,"metadata":{"deletion_time":"2026-11-29T19:46:51Z"}}}`}},
		"GET /v1/secret/data/unmounted":     {{404, `{"errors":["no handler for route \"secret/data/unmounted\". route entry not found."]}`}},
	})
	m := opened(t, d.URL+"/")
	for name, want := range map[string]string{"A": "a", "team/B": "b", "N": "12", "with space": "s"} {
		if got, found, err := m.Read(t.Context(), name); got != want || !found || err != nil {
			t.Errorf("%s: %q, %v, %v", name, got, found, err)
		}
	}
	for _, name := range []string{"missing", "deleted"} {
		if _, found, err := m.Read(t.Context(), name); found || err != nil {
			t.Errorf("%s: %v, %v", name, found, err)
		}
	}
	for name, want := range map[string]string{
		"none":          `the secret "secret/data/none" in Vault at ` + d.URL + ` has neither a member "key" nor one "none"`,
		"strange":       "does not answer as a key/value store of version 2 (status 200)",
		"first-version": "does not answer as a key/value store of version 2 (status 200)",
		"unmounted":     `has nothing at "secret", where the secret "unmounted" should be`,
	} {
		if _, _, err := m.Read(t.Context(), name); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

func TestNamespaceMountAndPrefix(t *testing.T) {
	d := start(t, map[string][]answer{
		"POST /v1/auth/roles/login":          {{200, `{"auth":{"client_token":"made","lease_duration":3600}}`}},
		"GET /v1/team/a/kv/data/gateway/KEY": {secret(`{"key":"k"}`)},
	})
	m := opened(
		t, d.URL, "HCP_VAULT_NAMESPACE", "/team/a/", "HCP_VAULT_LOGIN_NAMESPACE", "team", "HCP_VAULT_MOUNT_NAME", "/kv/", "HCP_VAULT_PATH_PREFIX", "gateway/",
		"HCP_VAULT_APPROLE_ROLE_ID", "role", "HCP_VAULT_APPROLE_SECRET_ID", "sid", "HCP_VAULT_APPROLE_MOUNT_PATH", "roles",
	)
	for range 2 {
		if got, found, err := m.Read(t.Context(), "KEY"); got != "k" || !found || err != nil {
			t.Fatalf("%q, %v, %v", got, found, err)
		}
	}
	want := []string{"POST /v1/auth/roles/login", "GET /v1/team/a/kv/data/gateway/KEY", "GET /v1/team/a/kv/data/gateway/KEY"}
	if got := d.lines(); strings.Join(got, ";") != strings.Join(want, ";") {
		t.Errorf("calls %q, want %q: one login is enough", got, want)
	}
	if c := d.calls[0]; c.Namespace != "team" || c.Token != "" || c.Body["role_id"] != "role" || c.Body["secret_id"] != "sid" {
		t.Errorf("login %+v", c)
	}
	if d.calls[1].Token != "made" {
		t.Errorf("token %q, want that of the login", d.calls[1].Token)
	}
}

func TestRefusals(t *testing.T) {
	const denied = `{"errors":["1 error occurred:\n\t* permission denied\n\n"]}`
	self := answer{200, `{"data":{"policies":["default","app"],"identity_policies":["team"]}}`}
	tests := map[string]struct {
		answers map[string][]answer
		want    string
		fix     string
		whole   bool
	}{
		"no permission": {
			map[string][]answer{"GET /v1/secret/data/KEY": {{403, denied}}, "GET /v1/auth/token/lookup-self": {self}},
			`cannot read the secret "secret/data/KEY" in Vault at URL: status 403, 1 error occurred: * permission denied`,
			`which has default, app, team: path "secret/data/KEY" { capabilities = ["read"] }`, false,
		},
		"the token is refused": {
			map[string][]answer{"GET /v1/secret/data/KEY": {{403, denied}}, "GET /v1/auth/token/lookup-self": {{403, denied}}},
			"Vault at URL does not accept the token of HCP_VAULT_TOKEN", "expired or been revoked", true,
		},
		"sealed":       {map[string][]answer{"GET /v1/secret/data/KEY": {{503, `{"errors":["Vault is sealed"]}`}}}, "Vault at URL is sealed", "vault operator unseal", true},
		"out of order": {map[string][]answer{"GET /v1/secret/data/KEY": {{500, `{"errors":["storage is gone"]}`}}}, "status 500, storage is gone", "", true},
		"a redirect":   {map[string][]answer{"GET /v1/secret/data/KEY": {{307, ""}}}, "status 307", "HCP_VAULT_ADDR", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := start(t, test.answers)
			_, found, err := opened(t, d.URL).Read(t.Context(), "KEY")
			e, ok := errors.AsType[*secrets.Error](err)
			if !ok || found || e.Whole != test.whole {
				t.Fatalf("%v, %v", found, err)
			}
			if got := strings.ReplaceAll(e.Message, d.URL, "URL"); !strings.Contains(got, test.want) || !strings.Contains(e.Fix, test.fix) {
				t.Errorf("%s; %s", got, e.Fix)
			}
		})
	}
}

func TestARefusedLogin(t *testing.T) {
	d := start(t, map[string][]answer{"POST /v1/auth/approle/login": {{400, `{"errors":["invalid role or secret ID"]}`}}})
	_, _, err := opened(t, d.URL, "HCP_VAULT_APPROLE_ROLE_ID", "role", "HCP_VAULT_APPROLE_SECRET_ID", "hush").Read(t.Context(), "KEY")
	e, ok := errors.AsType[*secrets.Error](err)
	if !ok || !e.Whole || !strings.Contains(e.Message, "does not accept the AppRole of HCP_VAULT_APPROLE_ROLE_ID: status 400, invalid role or secret ID") || !strings.Contains(e.Fix, "auth/approle") {
		t.Errorf("%v", err)
	}
	if strings.Contains(e.Message+e.Fix, "hush") {
		t.Error("the error has the secret id")
	}
	d = start(t, map[string][]answer{"POST /v1/auth/approle/login": {{200, `{}`}}})
	if _, _, err := opened(t, d.URL, "HCP_VAULT_APPROLE_ROLE_ID", "role", "HCP_VAULT_APPROLE_SECRET_ID", "x").Read(t.Context(), "KEY"); err == nil || !strings.Contains(err.Error(), "does not answer as") {
		t.Errorf("%v", err)
	}
}

func TestCallsAreRepeated(t *testing.T) {
	d := start(t, map[string][]answer{"GET /v1/secret/data/KEY": {{412, `{"errors":["required index state not present"]}`}, {503, ""}, secret(`{"key":"k"}`)}})
	if got, found, err := opened(t, d.URL).Read(t.Context(), "KEY"); got != "k" || !found || err != nil {
		t.Errorf("%q, %v, %v", got, found, err)
	}
}

func TestNobodyAnswers(t *testing.T) {
	d := start(t, nil)
	d.Close()
	_, _, err := opened(t, d.URL).Read(t.Context(), "KEY")
	if e, ok := errors.AsType[*secrets.Error](err); !ok || !e.Whole || !strings.Contains(e.Message, "cannot be reached") || !strings.Contains(e.Fix, "HCP_VAULT_ADDR") {
		t.Errorf("%v", err)
	}
}

func TestWriteAndDelete(t *testing.T) {
	d := start(t, map[string][]answer{
		"POST /v1/secret/data/litellm/alias":   {{200, `{"data":{"version":1}}`}},
		"DELETE /v1/secret/data/litellm/alias": {{204, ""}},
		"POST /v1/secret/data/litellm/denied":  {{403, `{"errors":["permission denied"]}`}},
		"GET /v1/auth/token/lookup-self":       {{200, `{"data":{"policies":["app"]}}`}},
	})
	m := opened(t, d.URL)
	if err := m.Write(t.Context(), "litellm/alias", "sk-key"); err != nil {
		t.Error(err)
	}
	if data, _ := d.calls[0].Body["data"].(map[string]any); data["key"] != "sk-key" || data["description"] != "of the gateway" {
		t.Errorf("%v", d.calls[0].Body)
	}
	for _, name := range []string{"litellm/alias", "litellm/missing"} {
		if err := m.Delete(t.Context(), name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	err := m.Write(t.Context(), "litellm/denied", "sk-key")
	if e, ok := errors.AsType[*secrets.Error](err); !ok || !strings.Contains(e.Fix, `path "secret/data/litellm/denied" { capabilities = ["create", "update"] }`) || strings.Contains(e.Message, "sk-key") {
		t.Errorf("%v", err)
	}
}

func TestLoginWithACertificate(t *testing.T) {
	d := &double{answers: map[string][]answer{
		"POST /v1/auth/cert/login": {{200, `{"auth":{"client_token":"made","lease_duration":60}}`}},
		"GET /v1/secret/data/KEY":  {secret(`{"key":"k"}`)},
	}}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) == 0 {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		d.ServeHTTP(w, r)
	}))
	s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	s.StartTLS()
	t.Cleanup(s.Close)

	dir := t.TempDir()
	own := s.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	environ := map[string]string{
		"HCP_VAULT_ADDR": s.URL, "HCP_VAULT_CERT_ROLE": "gateway", "VAULT_CACERT": write("ca.pem", "CERTIFICATE", s.Certificate().Raw),
		"HCP_VAULT_CLIENT_CERT": write("cert.pem", "CERTIFICATE", own.Certificate[0]), "HCP_VAULT_CLIENT_KEY": write("key.pem", "PRIVATE KEY", key),
	}
	m, err := open(t, environ)
	if err != nil {
		t.Fatal(err)
	}
	if got, found, err := m.Read(t.Context(), "KEY"); got != "k" || !found || err != nil {
		t.Errorf("%q, %v, %v", got, found, err)
	}
	if d.calls[0].Body["name"] != "gateway" {
		t.Errorf("login %+v", d.calls[0])
	}
	for name, want := range map[string]string{"VAULT_CACERT": "VAULT_CACERT cannot be read", "HCP_VAULT_CLIENT_CERT": "the certificate of HCP_VAULT_CLIENT_CERT and HCP_VAULT_CLIENT_KEY cannot be used"} {
		was := environ[name]
		environ[name] = filepath.Join(dir, "nothing")
		if _, err := open(t, environ); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
		environ[name] = was
	}
}

func TestOpenRefusesSettings(t *testing.T) {
	for _, test := range []struct {
		environ map[string]string
		want    string
	}{
		{map[string]string{}, "there are no credentials for Vault"},
		{map[string]string{"HCP_VAULT_APPROLE_ROLE_ID": "x"}, "there are no credentials for Vault"},
		{map[string]string{"HCP_VAULT_TOKEN": "t", "HCP_VAULT_ADDR": "vault:8200"}, "HCP_VAULT_ADDR is not the address of a Vault"},
		{map[string]string{"HCP_VAULT_TOKEN": "t", "HCP_VAULT_ADDR": "http://user:hush@vault"}, "HCP_VAULT_ADDR is not the address of a Vault"},
	} {
		if _, err := open(t, test.environ); err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%v: %v", test.environ, err)
		}
	}
}

func TestTokensOfALoginAreReplaced(t *testing.T) {
	const denied = `{"errors":["permission denied"]}`
	made := func(token string, seconds int) answer {
		return answer{200, fmt.Sprintf(`{"auth":{"client_token":%q,"lease_duration":%d}}`, token, seconds)}
	}
	d := start(t, map[string][]answer{
		"POST /v1/auth/approle/login":    {made("first", 3600), made("second", 3600), made("third", 0)},
		"GET /v1/secret/data/KEY":        {secret(`{"key":"k"}`)},
		"GET /v1/secret/data/REVOKED":    {{403, denied}, secret(`{"key":"k"}`)},
		"GET /v1/secret/data/DENIED":     {{403, denied}},
		"GET /v1/auth/token/lookup-self": {{200, `{"data":{"policies":["app"]}}`}},
	})
	m := opened(t, d.URL, "HCP_VAULT_APPROLE_ROLE_ID", "role", "HCP_VAULT_APPROLE_SECRET_ID", "x")
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	m.SetNow(func() time.Time { return now })
	read := func(name, token string) {
		t.Helper()
		if _, _, err := m.Read(t.Context(), name); err != nil {
			t.Error(err)
		}
		if got := d.calls[len(d.calls)-1].Token; got != token {
			t.Errorf("%s is read with the token %q, want %q", name, got, token)
		}
	}
	read("KEY", "first")
	now = now.Add(59 * time.Minute)
	read("KEY", "first")
	now = now.Add(time.Minute) // the lease is over
	read("KEY", "second")
	now = now.Add(2 * time.Minute)
	read("REVOKED", "third")
	if _, _, err := m.Read(t.Context(), "DENIED"); err == nil {
		t.Error("a permission that is missing is no reason for another login")
	}
	now = now.Add(1000 * time.Hour)
	read("KEY", "third") // which never ends
	if n := strings.Count(strings.Join(d.lines(), " "), "login"); n != 3 {
		t.Errorf("%d logins, want 3", n)
	}
}
