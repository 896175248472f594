// Package vault reads and writes secrets in a key/value store (version 2) of HashiCorp Vault or OpenBao.
//
// Where the server is and how to log in comes from the variables that LiteLLM reads (LiteLLM 1.110.2,
// litellm/secret_managers/hashicorp_secret_manager.py): HCP_VAULT_ADDR and others. The API is that of
// https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2.
package vault

import (
	"cmp"
	"context"
	"crypto/tls"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/secrets"
	"outcrop/upstream"
)

// valueMember is the member of a secret that has its value, as in LiteLLM.
const valueMember = "key"

// callTimeout bounds one attempt of a call.
const callTimeout = 5 * time.Second

// loginMargin is how long before its end a token is replaced.
const loginMargin = 30 * time.Second

// Manager is a key/value store of a Vault.
type Manager struct {
	client   *http.Client
	settings *secrets.Settings
	address  string // without a slash at its end
	// namespace is that of the secrets, loginNamespace that of the login; empty for the root.
	namespace, loginNamespace string
	mount, prefix             string
	login                     login
	now                       func() time.Time

	mu    sync.Mutex // held while logging in
	token string
	since time.Time // when the token was made
	until time.Time // when it is to be replaced; zero for never
}

// login is how to get a token: by a role if Path is set, else Token is one.
type login struct {
	token string // a token that is given
	path  string // of the login, such as auth/approle/login
	body  []byte
	how   string // in messages
}

// Open returns the manager without calling it.
func Open(s *secrets.Settings) (*Manager, error) {
	env := func(name string) string { return strings.TrimSpace(s.Environ(name)) }
	m := &Manager{
		settings:       s,
		now:            time.Now,
		address:        strings.TrimRight(cmp.Or(env("HCP_VAULT_ADDR"), "http://127.0.0.1:8200"), "/"),
		namespace:      trimmed(cmp.Or(env("HCP_VAULT_SECRET_NAMESPACE"), env("HCP_VAULT_NAMESPACE"))),
		loginNamespace: trimmed(cmp.Or(env("HCP_VAULT_LOGIN_NAMESPACE"), env("HCP_VAULT_NAMESPACE"))),
		mount:          cmp.Or(trimmed(env("HCP_VAULT_MOUNT_NAME")), "secret"),
		prefix:         trimmed(env("HCP_VAULT_PATH_PREFIX")),
	}
	if u, err := url.Parse(m.address); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return nil, &secrets.Error{Message: "HCP_VAULT_ADDR is not the address of a Vault", Fix: "Set it to an address such as https://vault.example.com:8200.", Whole: true}
	}
	cert, key := env("HCP_VAULT_CLIENT_CERT"), env("HCP_VAULT_CLIENT_KEY")
	role, secret := env("HCP_VAULT_APPROLE_ROLE_ID"), env("HCP_VAULT_APPROLE_SECRET_ID")
	switch { // LiteLLM's order
	case role != "" && secret != "":
		m.login = login{path: "auth/" + cmp.Or(trimmed(env("HCP_VAULT_APPROLE_MOUNT_PATH")), "approle") + "/login", body: object("role_id", role, "secret_id", secret), how: "the AppRole of HCP_VAULT_APPROLE_ROLE_ID"}
	case cert != "" && key != "":
		m.login = login{path: "auth/cert/login", body: object("name", env("HCP_VAULT_CERT_ROLE")), how: "the certificate of HCP_VAULT_CLIENT_CERT"}
	case env("HCP_VAULT_TOKEN") != "":
		m.login = login{token: env("HCP_VAULT_TOKEN"), how: "the token of HCP_VAULT_TOKEN"}
	default:
		return nil, &secrets.Error{
			Message: "there are no credentials for Vault",
			Fix:     "Set HCP_VAULT_TOKEN, or HCP_VAULT_APPROLE_ROLE_ID and HCP_VAULT_APPROLE_SECRET_ID, or HCP_VAULT_CLIENT_CERT and HCP_VAULT_CLIENT_KEY.", Whole: true,
		}
	}
	var err error
	m.client, err = httpClient(env("VAULT_CACERT"), cert, key)
	return m, err
}

// trimmed is a path without slashes around it.
func trimmed(s string) string { return strings.Trim(s, "/") }

// object is a JSON object of texts; those that are empty are left out.
func object(pairs ...string) []byte {
	var w jsonx.Writer
	w.Object()
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			w.AnyKey(pairs[i])
			w.String(pairs[i+1])
		}
	}
	w.EndObject()
	return w.Buf
}

// httpClient trusts the authorities of a file, or of the system, and has a certificate of its own if one is set.
func httpClient(authorities, cert, key string) (*http.Client, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if authorities != "" {
		roots, err := upstream.Authorities(authorities)
		if err != nil {
			return nil, &secrets.Error{Message: "VAULT_CACERT " + err.Error(), Whole: true}
		}
		conf.RootCAs = roots
	}
	if cert != "" && key != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, &secrets.Error{Message: "the certificate of HCP_VAULT_CLIENT_CERT and HCP_VAULT_CLIENT_KEY cannot be used: " + err.Error(), Whole: true}
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	// A token goes nowhere else: Vault's standby nodes forward calls themselves.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{Timeout: callTimeout, CheckRedirect: stay, Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: conf, ForceAttemptHTTP2: true, IdleConnTimeout: callTimeout,
	}}, nil
}

// Name is the Vault by its address.
func (m *Manager) Name() string { return "Vault at " + m.address }

// Close closes idle connections.
func (m *Manager) Close() { m.client.CloseIdleConnections() }

// Read returns the member key of a secret, or else the one with the secret's own name.
func (m *Manager) Read(ctx context.Context, name string) (string, bool, error) {
	members, found, err := m.Members(ctx, name)
	if err != nil || !found {
		return "", false, err
	}
	for _, member := range []string{valueMember, path.Base(name)} {
		if value, ok := members[member]; ok {
			return value, true, nil
		}
	}
	return "", false, &secrets.Error{
		Message: "the secret " + strconv.Quote(m.path(name)) + " in " + m.Name() + " has neither a member " + strconv.Quote(valueMember) + " nor one " + strconv.Quote(path.Base(name)),
		Fix:     "Write its value there: vault kv put -mount=" + m.mount + " " + path.Join(m.prefix, name) + " " + valueMember + "=...",
	}
}

// Members returns the members of a secret's current version.
func (m *Manager) Members(ctx context.Context, name string) (map[string]string, bool, error) {
	status, body, err := m.call(ctx, http.MethodGet, name, nil)
	switch {
	case err != nil:
		return nil, false, err
	case status == http.StatusNotFound: // also if the current version was deleted
		return nil, false, m.noStore(name, body)
	case status != http.StatusOK:
		return nil, false, m.refused(ctx, "read", name, status, body)
	}
	var answer struct {
		Data struct {
			Data jsonx.Raw `json:"data"`
		} `json:"data"`
	}
	if err := jsonx.Unmarshal(body, &answer); err != nil || answer.Data.Data == nil {
		return nil, false, m.strange(status)
	}
	members, err := secrets.ReadMembers(answer.Data.Data)
	if err != nil {
		return nil, false, m.strange(status)
	}
	return members, true, nil
}

// Write adds a version to a secret, or creates it.
func (m *Manager) Write(ctx context.Context, name, value string) error {
	var w jsonx.Writer
	w.Object()
	w.Key("data")
	w.Raw(object(valueMember, value, "description", m.settings.Description))
	w.EndObject()
	status, body, err := m.call(ctx, http.MethodPost, name, w.Buf)
	if err == nil && status != http.StatusOK && status != http.StatusNoContent {
		err = m.refused(ctx, "write", name, status, body)
	}
	return err
}

// Delete deletes the current version of a secret, as LiteLLM does; it can be undeleted.
func (m *Manager) Delete(ctx context.Context, name string) error {
	status, body, err := m.call(ctx, http.MethodDelete, name, nil)
	if err == nil && status != http.StatusOK && status != http.StatusNoContent && status != http.StatusNotFound {
		err = m.refused(ctx, "delete", name, status, body)
	}
	return err
}

// path is where a secret is, as policies name it: without the namespace.
func (m *Manager) path(name string) string { return path.Join(m.mount, "data", m.prefix, name) }
