package azure

import (
	"context"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"outcrop/llm"
	"outcrop/provider"
)

// defaultScope is the scope of Azure's AI services.
const defaultScope = "https://cognitiveservices.azure.com/.default"

// lookup returns a setting, or the first of the environment variables that is set, and where it is
// from.
type lookup func(option string, variables ...string) (value, from string)

// tokens finds the way to get tokens of Entra ID, and says where the credentials are from; nil if there
// is none. In this order: a token, an application's secret, its certificate, a workload identity, and
// with AZURE_CREDENTIAL=ManagedIdentityCredential or in a service of Azure that offers one the managed
// identity. The settings and variables are LiteLLM's and azidentity's.
func tokens(get lookup) (*source, string, error) {
	value := func(option string, variables ...string) string {
		v, _ := get(option, variables...)
		return v
	}
	if token, from := get("azure_ad_token", "AZURE_AD_TOKEN"); token != "" {
		return fixed(token), from, nil
	}
	scope := value("azure_scope", "AZURE_SCOPE")
	if scope == "" {
		scope = defaultScope
	}
	tenant, client := value("tenant_id", "AZURE_TENANT_ID"), value("client_id", "AZURE_CLIENT_ID")
	secret, from := get("client_secret", "AZURE_CLIENT_SECRET")
	certificate := value("", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_CERTIFICATE_PATH")
	federated := value("", "AZURE_FEDERATED_TOKEN_FILE")
	var c azcore.TokenCredential
	var err error
	option := "client_id"
	switch {
	case tenant != "" && client != "" && secret != "":
		option = "client_secret"
		c, err = azidentity.NewClientSecretCredential(tenant, client, secret, nil)
	case tenant != "" && client != "" && certificate != "":
		from = certificate
		c, err = certified(tenant, client, certificate, value("", "AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_CERTIFICATE_PASSWORD"))
	case tenant != "" && client != "" && federated != "":
		from = "workload identity"
		c, err = azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{ClientID: client, TenantID: tenant, TokenFilePath: federated})
	case value("", "AZURE_CREDENTIAL") == "ManagedIdentityCredential" || value("", "IDENTITY_ENDPOINT", "MSI_ENDPOINT") != "":
		from = "managed identity"
		opt := &azidentity.ManagedIdentityCredentialOptions{}
		if client != "" {
			opt.ID = azidentity.ClientID(client)
		}
		c, err = azidentity.NewManagedIdentityCredential(opt)
	case secret != "":
		return nil, "", &provider.OptionError{Option: "client_secret", Reason: "needs tenant_id and client_id beside it, or AZURE_TENANT_ID and AZURE_CLIENT_ID"}
	default:
		return nil, "", nil
	}
	if err != nil {
		return nil, "", &provider.OptionError{Option: option, Reason: strings.TrimSpace(llm.Clip(strings.ReplaceAll(err.Error(), secretOr(secret), "[secret]"), 300))}
	}
	return newSource(c, scope, time.Now), from, nil
}

// secretOr is a secret, or a text that occurs nowhere.
func secretOr(secret string) string {
	if secret == "" {
		return "\x00"
	}
	return secret
}

// certified is the credential of an application with a certificate, from a file in PEM or PKCS #12.
func certified(tenant, client, file, password string) (azcore.TokenCredential, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	certs, key, err := azidentity.ParseCertificates(data, []byte(password))
	if err != nil {
		return nil, err
	}
	return azidentity.NewClientCertificateCredential(tenant, client, certs, key, nil)
}

const (
	refreshAhead = 5 * time.Minute // of a token's end, when Entra ID gives a new one
	margin       = 10 * time.Second
	retryAfter   = 10 * time.Second // after a failure
	tokenTimeout = 30 * time.Second
)

// source gives tokens, and refreshes them ahead of their end in the background, so that calls do not
// wait for Entra ID. It is safe for concurrent use.
type source struct {
	credential azcore.TokenCredential // nil for a fixed token
	scope      string
	now        func() time.Time
	token      atomic.Pointer[azcore.AccessToken]

	ctx    context.Context // ends with close
	cancel context.CancelFunc
	wait   sync.WaitGroup

	mu      sync.Mutex
	renewal chan struct{} // closed when the renewal under way has ended; nil if none is
	err     error         // of the last renewal
	retryAt time.Time
	closed  bool
}

// fixed is a source of one token.
func fixed(token string) *source {
	s := &source{cancel: func() {}}
	s.token.Store(&azcore.AccessToken{Token: token})
	return s
}

func newSource(c azcore.TokenCredential, scope string, now func() time.Time) *source {
	s := &source{credential: c, scope: scope, now: now}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// get returns a token that is valid now. It waits only if there is none. A failure is an *llm.Error.
func (s *source) get(ctx context.Context) (string, error) {
	t := s.token.Load()
	if s.credential == nil {
		return t.Token, nil
	}
	now := s.now()
	if t != nil && now.Before(t.ExpiresOn.Add(-margin)) {
		if now.After(t.ExpiresOn.Add(-refreshAhead)) {
			s.renew()
		}
		return t.Token, nil
	}
	select {
	case <-s.renew():
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	if t = s.token.Load(); t != nil && s.now().Before(t.ExpiresOn) {
		return t.Token, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return "", tokenError(s.err)
}

// tokenError is the error for a call without a token.
func tokenError(err error) *llm.Error {
	e := &llm.Error{
		Code: llm.CodeCredentialsInvalid, Status: http.StatusForbidden, Message: "Entra ID gives no token for Azure", Err: err, Retry: llm.RetryNo,
		Fix: "Check tenant_id, client_id and the secret, certificate or identity of the application, and its role Cognitive Services OpenAI User.",
	}
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		e.Message += ": " + llm.Clip(first, 300)
	}
	e.Message += "."
	return e
}

// renew starts a renewal unless one is under way, or the last one failed a moment ago, and returns what
// is closed when it has ended.
func (s *source) renew() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.renewal != nil {
		return s.renewal
	}
	done := make(chan struct{})
	if s.closed || s.err != nil && s.now().Before(s.retryAt) {
		close(done)
		return done
	}
	s.renewal = done
	s.wait.Go(func() {
		ctx, cancel := context.WithTimeout(s.ctx, tokenTimeout)
		defer cancel()
		t, err := s.credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{s.scope}})
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.err = err; err == nil {
			s.token.Store(&t)
		} else {
			s.retryAt = s.now().Add(retryAfter)
		}
		s.renewal = nil
		close(done)
	})
	return done
}

// close ends a renewal that is under way and waits for its end.
func (s *source) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.wait.Wait()
}
