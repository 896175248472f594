package vertex

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"outcrop/internal/jsonx"
	"outcrop/internal/refcount"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/openaicompat"
	"outcrop/upstream"
)

// scope is what tokens are good for
// (https://cloud.google.com/vertex-ai/generative-ai/docs/start/api-keys).
const scope = "https://www.googleapis.com/auth/cloud-platform"

// Times of tokens, which are valid for an hour.
const (
	refreshAhead = 5 * time.Minute  // before a token expires the next one is fetched
	leastValid   = 10 * time.Second // a token of less is not used
	retryFirst   = time.Second      // after a failure, doubled each time
	retryMost    = time.Minute
	fetchTimeout = 30 * time.Second
)

// tokenClient is the HTTP client for tokens: with the trust of the deployment's connections, which are those of a client, the
// proxy of the environment, and a guard for addresses that credentials name.
func tokenClient(of *upstream.Client, s upstream.Settings, guard upstream.Guard) (*http.Client, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: s.Insecure} //nolint:gosec // set by the gateway's operator
	if s.CAFile != "" {
		roots, err := of.Authorities(s.CAFile)
		if err != nil {
			return nil, &provider.OptionError{Option: "ssl_verify", Reason: err.Error()}
		}
		t.RootCAs = roots
	}
	return &http.Client{
		Timeout:       fetchTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // as Google's services never do
		Transport:     &http.Transport{DialContext: (&net.Dialer{Timeout: fetchTimeout, Control: guard.Control}).DialContext, Proxy: http.ProxyFromEnvironment, TLSClientConfig: t, ForceAttemptHTTP2: true, IdleConnTimeout: fetchTimeout, MaxIdleConns: 2},
	}, nil
}

// tokens are the tokens of one identity, fetched ahead by a goroutine of their own, which runs from the
// first use until Close.
type tokens struct {
	id  identity
	now func() time.Time

	mu      sync.Mutex
	started bool
	stop    context.CancelFunc
	done    chan struct{} // closed when the goroutine has ended
	token   *oauth2.Token
	fetched time.Time // when token was
	project string
	err     error
	changed chan struct{} // closed when token or err changes
	wake    chan struct{} // asks for a token at once
}

func newTokens(id identity, now func() time.Time) *tokens {
	return &tokens{id: id, now: now, changed: make(chan struct{}), wake: make(chan struct{}, 1), done: make(chan struct{})}
}

// get returns a token and the identity's project. It waits only if there is no token that is valid.
func (s *tokens) get(ctx context.Context) (token, project string, err error) {
	for {
		s.mu.Lock()
		s.start()
		changed := s.changed
		if s.token != nil && s.valid(leastValid) {
			token, project = s.token.AccessToken, s.project
			s.mu.Unlock()
			return token, project, nil
		}
		err := s.err
		s.mu.Unlock()
		if err != nil {
			return "", "", err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", "", context.Cause(ctx)
		}
	}
}

// valid reports whether the token is valid for longer than a time; mu is held.
func (s *tokens) valid(least time.Duration) bool {
	return s.token.Expiry.IsZero() || s.token.Expiry.Sub(s.now()) > least
}

// start starts the goroutine, if it has not been; mu is held.
func (s *tokens) start() {
	if s.started {
		return
	}
	s.started = true
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	go s.run(ctx)
}

// run fetches tokens until ctx ends. Each time it finds the source anew: that may have been replaced,
// and keeps a token until it has expired.
func (s *tokens) run(ctx context.Context) {
	defer close(s.done)
	pause := retryFirst
	for ctx.Err() == nil {
		token, project, err := s.fetch(ctx)
		wait := pause
		switch {
		case err != nil:
			pause = min(2*pause, retryMost)
		case token.Expiry.IsZero():
			pause, wait = retryFirst, time.Hour
		default:
			pause, wait = retryFirst, max(token.Expiry.Sub(s.now())-refreshAhead, retryFirst)
		}
		s.set(token, project, err)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-s.wake:
		}
		timer.Stop()
	}
}

// fetch gets a token.
func (s *tokens) fetch(ctx context.Context) (*oauth2.Token, string, error) {
	source, project, err := s.id.Find(ctx)
	if err != nil {
		return nil, "", err
	}
	token, err := source.Token()
	return token, project, err
}

// set records the outcome of a fetch. A token that is still valid outlives a failure.
func (s *tokens) set(token *oauth2.Token, project string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		s.token, s.fetched, s.err = token, s.now(), nil
		if project != "" {
			s.project = project
		}
	case s.token == nil || !s.valid(leastValid):
		s.err = err
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// refused drops a token that Google has refused, and asks for another. It reports whether there is
// another than the refused one, or may soon be: a token that has just been fetched was refused for
// another reason than its age.
func (s *tokens) refused(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.token == nil || s.token.AccessToken != token:
		return true
	case s.now().Sub(s.fetched) < retryMost:
		return false
	}
	s.token, s.err = nil, nil
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return true
}

// close ends the goroutine and waits for it. Calls that come later get the last token while it is
// valid.
func (s *tokens) close() {
	s.mu.Lock()
	started, stop := s.started, s.stop
	s.started = true
	s.mu.Unlock()
	if started {
		stop()
		<-s.done
	}
	s.set(nil, "", errors.New("the deployment is closed"))
}

// pool shares the tokens of deployments with the same credentials, and what is known of APIs.
type pool struct {
	open, mistral *openaicompat.File // of open models, and of Mistral's

	known refcount.Pool[identityKey, *tokens]
}

// identityKey identifies an identity: what was read of it, and how it is asked.
type identityKey struct {
	sum   [sha256.Size]byte
	guard upstream.Guard
}

// take returns the tokens of an identity, and a function that releases them.
func (p *pool) take(key identityKey, id identity, now func() time.Time) (s *tokens, release func()) {
	s, leave, _ := p.known.Take(key, func() (*tokens, error) { return newTokens(id, now), nil }) // which cannot fail
	return s, func() {
		if leave() {
			s.close()
		}
	}
}

// withoutToken is the error for a call without a token.
func withoutToken(err error) *llm.Error {
	if own, ok := errors.AsType[*llm.Error](err); ok {
		return own
	}
	e := &llm.Error{
		Code: llm.CodeCredentialsMissing, Status: http.StatusForbidden, Message: "there are no usable Google Cloud credentials for this model.",
		Fix: "Set vertex_credentials, or GOOGLE_APPLICATION_CREDENTIALS, or run gcloud auth application-default login on the gateway's machine.", Err: err,
	}
	var refused *oauth2.RetrieveError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		e.Code, e.Status, e.Message, e.Fix = llm.CodeClientGone, 499, "the client went away", ""
	case errors.As(err, &refused):
		e.Code, e.Message = llm.CodeCredentialsInvalid, "Google refuses the credentials of this model: "+refusal(refused)
		e.Fix = "Check that the service account or login still exists and that its key has not been revoked."
		if refused.Response != nil && refused.Response.StatusCode >= 500 {
			e.Code, e.Status, e.Actor = llm.CodeUnavailable, http.StatusServiceUnavailable, llm.ActorProvider
			e.Message, e.Fix = "Google's token service is down.", ""
		}
	case strings.Contains(err.Error(), "dial tcp"), strings.Contains(err.Error(), "timeout"):
		e.Code, e.Status, e.Message = llm.CodeUnreachable, http.StatusServiceUnavailable, "Google's token service cannot be reached."
		e.Fix = "Check the network route from the gateway to oauth2.googleapis.com, and the proxy settings."
	}
	return e
}

// refusal is why Google's token service refuses credentials, without what else its answer holds
// (RFC 6749, section 5.2).
func refusal(e *oauth2.RetrieveError) string {
	var said struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if jsonx.Unmarshal(e.Body, &said) != nil || said.Error == "" {
		return "it gave no reason."
	}
	if said.Description == "" {
		return llm.Clip(said.Error, 100) + "."
	}
	return llm.Clip(said.Error, 100) + ": " + llm.Clip(said.Description, 200)
}
