package vault

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/secrets"
)

const (
	attempts    = 3
	pause       = 250 * time.Millisecond // before the second attempt, and twice that before the third
	freshFor    = time.Minute            // for as long a token counts as new
	largestBody = 4 << 20                // a secret may have 1 MiB by default, and more if the server is told so
)

// call makes a call about a secret, with a token. A token of a login may have been revoked since: if it is refused and
// not new, the call is repeated with another.
func (m *Manager) call(ctx context.Context, method, name string, body []byte) (int, []byte, error) {
	var segments []string
	for segment := range strings.SplitSeq(strings.TrimPrefix(m.namespace+"/"+m.path(name), "/"), "/") {
		segments = append(segments, url.PathEscape(segment))
	}
	for {
		token, err := m.authorized(ctx)
		if err != nil {
			return 0, nil, err
		}
		status, answer, err := m.send(ctx, method, strings.Join(segments, "/"), http.Header{"X-Vault-Token": {token}}, body)
		if err != nil || status != http.StatusForbidden || !m.forget(token) {
			return status, answer, err
		}
	}
}

// forget drops a token that was refused, and reports whether the next one is another: one that is given stays, and so
// does one that is new, which must lack a permission.
func (m *Manager) forget(token string) bool {
	if m.login.token != "" {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.token != token:
		return true
	case m.now().Sub(m.since) < freshFor:
		return false
	}
	m.token = ""
	return true
}

// send makes a call. It is repeated if the server asks for that, is out of order or breaks the connection.
func (m *Manager) send(ctx context.Context, method, path string, header http.Header, body []byte) (status int, answer []byte, err error) {
	for attempt := range attempts {
		if attempt > 0 {
			timer := time.NewTimer(pause * time.Duration(attempt))
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return 0, nil, context.Cause(ctx)
			}
		}
		status, answer, err = m.once(ctx, method, path, header, body)
		if err == nil && !again(status, answer) {
			return status, answer, nil
		}
	}
	switch {
	case err == nil:
		return status, answer, nil
	case ctx.Err() != nil:
		return 0, nil, context.Cause(ctx)
	default:
		return 0, nil, &secrets.Error{Message: m.Name() + " cannot be reached: " + reason(err), Fix: "Check HCP_VAULT_ADDR, the network route and proxies, and for a private authority VAULT_CACERT.", Whole: true}
	}
}

// again reports whether a call may go well a moment later: a server that does not have the newest state yet, is busy
// or out of order (https://developer.hashicorp.com/vault/api-docs#http-status-codes). A sealed one waits for people.
func again(status int, answer []byte) bool {
	return status == http.StatusPreconditionFailed || status == http.StatusTooManyRequests ||
		status >= http.StatusInternalServerError && !strings.Contains(strings.Join(said(answer), " "), "sealed")
}

func (m *Manager) once(ctx context.Context, method, path string, header http.Header, body []byte) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, m.address+"/v1/"+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header = header.Clone()
	req.Header.Set("X-Vault-Request", "true") // as Vault's own clients do
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := m.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, largestBody))
	return resp.StatusCode, answer, err
}

// authorized returns a token, after a login if none is valid.
func (m *Manager) authorized(ctx context.Context) (string, error) {
	if m.login.token != "" {
		return m.login.token, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.token != "" && (m.until.IsZero() || m.now().Before(m.until)) {
		return m.token, nil
	}
	header := http.Header{}
	if m.loginNamespace != "" {
		header.Set("X-Vault-Namespace", m.loginNamespace)
	}
	status, body, err := m.send(ctx, http.MethodPost, m.login.path, header, m.login.body)
	if err != nil {
		return "", err
	}
	if status != http.StatusOK {
		return "", &secrets.Error{
			Message: m.Name() + " does not accept " + m.login.how + words(status, body),
			Fix:     "Check the credentials, and that the auth method is enabled at " + strings.TrimSuffix(m.login.path, "/login") + inNamespace(m.loginNamespace) + ".", Whole: true,
		}
	}
	var answer struct {
		Auth struct {
			Token    string `json:"client_token"`
			Duration int    `json:"lease_duration"`
		} `json:"auth"`
	}
	if err := jsonx.Unmarshal(body, &answer); err != nil || answer.Auth.Token == "" {
		return "", m.strange(status)
	}
	m.token, m.since, m.until = answer.Auth.Token, m.now(), time.Time{}
	if lease := time.Duration(answer.Auth.Duration) * time.Second; lease > 0 {
		m.until = m.since.Add(lease - min(loginMargin, lease/2))
	}
	return m.token, nil
}

// refused is the error for a call that Vault refuses. verb is what was tried.
func (m *Manager) refused(ctx context.Context, verb, name string, status int, body []byte) error {
	e := &secrets.Error{Message: "cannot " + verb + " the secret " + strconv.Quote(m.path(name)) + " in " + m.Name() + words(status, body)}
	switch {
	case status == http.StatusForbidden:
		policies, valid, err := m.policies(ctx)
		if err != nil {
			return err
		}
		if !valid {
			return &secrets.Error{Message: m.Name() + " does not accept " + m.login.how + words(status, body), Fix: "It may have expired or been revoked; make a new one.", Whole: true}
		}
		e.Fix = "Allow it in a policy of " + m.login.how
		if len(policies) > 0 {
			e.Fix += ", which has " + strings.Join(policies, ", ")
		}
		e.Fix += inNamespace(m.namespace) + `: path "` + m.path(name) + `" { capabilities = [` + capabilities(verb) + `] }`
	case strings.Contains(e.Message, "sealed"):
		return &secrets.Error{Message: m.Name() + " is sealed", Fix: "Unseal it: vault operator unseal.", Whole: true}
	case status >= http.StatusMultipleChoices && status < http.StatusBadRequest:
		e.Whole, e.Fix = true, "Set HCP_VAULT_ADDR to the active node, or let standby nodes forward calls; a token is not sent to where an answer points."
	case status >= http.StatusInternalServerError:
		e.Whole = true
	}
	return e
}

// capabilities are what a policy must grant.
func capabilities(verb string) string {
	switch verb {
	case "write":
		return `"create", "update"`
	case "delete":
		return `"delete"`
	default:
		return `"read"`
	}
}

// policies asks for the policies of the token, and reports whether it is valid. Every token with the policy default
// may ask; where it may not, nobody can tell a wrong token from a missing permission, and the token counts as valid
// if it is fresh from a login.
func (m *Manager) policies(ctx context.Context) (policies []string, valid bool, err error) {
	token, err := m.authorized(ctx)
	if err != nil {
		return nil, false, err
	}
	header := http.Header{"X-Vault-Token": {token}}
	if m.namespace != "" {
		header.Set("X-Vault-Namespace", m.namespace)
	}
	status, body, err := m.send(ctx, http.MethodGet, "auth/token/lookup-self", header, nil)
	if err != nil {
		return nil, false, err
	}
	var answer struct {
		Data struct {
			Policies []string `json:"policies"`
			Identity []string `json:"identity_policies"`
		} `json:"data"`
	}
	if status == http.StatusOK && jsonx.Unmarshal(body, &answer) == nil {
		return slices.Concat(answer.Data.Policies, answer.Data.Identity), true, nil
	}
	return nil, m.login.token == "", nil
}

// noStore is the error for an answer that there is no key/value store of version 2 at the mount; nil if the secret is
// all that is missing.
func (m *Manager) noStore(name string, body []byte) error {
	for _, text := range said(body) {
		if strings.Contains(text, "no handler for route") {
			return &secrets.Error{
				Message: m.Name() + " has nothing at " + strconv.Quote(m.mount) + inNamespace(m.namespace) + ", where the secret " + strconv.Quote(name) + " should be",
				Fix:     "Set HCP_VAULT_MOUNT_NAME to the mount of a key/value store (version 2), and HCP_VAULT_NAMESPACE to its namespace.", Whole: true,
			}
		}
	}
	return nil
}

// strange is the error for an answer that is not Vault's.
func (m *Manager) strange(status int) *secrets.Error {
	return &secrets.Error{
		Message: m.Name() + " does not answer as a key/value store of version 2 (status " + strconv.Itoa(status) + ")",
		Fix:     "Check HCP_VAULT_ADDR, and the version of the store at " + strconv.Quote(m.mount) + ": vault secrets list -detailed.", Whole: true,
	}
}

func inNamespace(namespace string) string {
	if namespace == "" {
		return ""
	}
	return " in namespace " + strconv.Quote(namespace)
}

// said are the errors of an answer; nil if it has none.
func said(body []byte) []string {
	var answer struct {
		Errors []string `json:"errors"`
	}
	if jsonx.Unmarshal(body, &answer) != nil {
		return nil
	}
	return answer.Errors
}

// words is what Vault said, to stand behind a message.
func words(status int, body []byte) string {
	text := ": status " + strconv.Itoa(status)
	if all := said(body); len(all) > 0 {
		text += ", " + llm.Clip(strings.Join(strings.Fields(strings.Join(all, "; ")), " "), 600)
	}
	return text
}

// reason is why a connection failed, without the address that the error repeats.
func reason(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		if u.Timeout() {
			return "no answer within " + callTimeout.String()
		}
		err = u.Err
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Err != nil {
		return op.Err.Error()
	}
	return llm.Clip(err.Error(), 600)
}
