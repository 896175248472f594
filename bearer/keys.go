package bearer

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"outcrop/internal/jsonx"
	"outcrop/internal/netguard"
)

// discovery is what the address of a provider's description has in it; the description names the address of the keys
// (OpenID Connect Discovery 1.0, section 4).
const discovery = ".well-known/openid-configuration"

// source is one of the addresses of keys, with what was last read there.
type source struct {
	address string
	keys    []key
	read    time.Time // when; the zero time if never
}

// key is a public key.
type key struct {
	id, algorithm string // as the provider says; empty if it does not
	public        any
}

// signs reports whether the key can have made a signature by an algorithm: the key's type decides that, and never the
// token alone.
func (k *key) signs(a jose.SignatureAlgorithm) bool {
	if k.algorithm != "" && k.algorithm != string(a) && (k.algorithm != "Ed25519" || a != jose.EdDSA) {
		return false
	}
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(string(a), "RS") || strings.HasPrefix(string(a), "PS")
	case *ecdsa.PublicKey:
		switch a {
		case jose.ES256:
			return public.Curve == elliptic.P256()
		case jose.ES384:
			return public.Curve == elliptic.P384()
		case jose.ES512:
			return public.Curve == elliptic.P521()
		default:
			return false
		}
	case ed25519.PublicKey:
		return a == jose.EdDSA
	default:
		return false
	}
}

// flight is a reading of all sources that is under way.
type flight struct{ done chan struct{} }

// refresh reads the sources again, unless that was tried a moment ago, and waits for it. Calls at the same time share
// one reading.
func (v *Verifier) refresh(ctx context.Context) {
	v.mu.Lock()
	f := v.flight
	if f == nil {
		if now := v.opt.Now(); v.closed || !v.tried.IsZero() && now.Sub(v.tried) < again && !now.Before(v.tried) {
			v.mu.Unlock()
			return
		}
		f = v.launch()
	}
	v.mu.Unlock()
	select {
	case <-f.done:
	case <-ctx.Done():
	}
}

// launch begins a reading; v.mu is held, and no reading is under way.
func (v *Verifier) launch() *flight {
	f := &flight{done: make(chan struct{})}
	v.flight, v.tried = f, v.opt.Now()
	v.over.Go(func() {
		defer close(f.done)
		v.read()
		v.mu.Lock()
		v.flight = nil
		v.mu.Unlock()
	})
	return f
}

// follow reads the sources when the verifier opens and when their keys are due, until it is closed.
func (v *Verifier) follow() {
	for {
		v.mu.Lock()
		f := v.flight
		if f == nil {
			f = v.launch()
		}
		v.mu.Unlock()
		<-f.done
		wait := v.opt.TTL
		if v.missing() {
			wait = min(wait, afterFailure)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-v.background.Done():
			timer.Stop()
			return
		}
	}
}

// missing reports whether a source could not be read when it was due.
func (v *Verifier) missing() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.failed
}

// read reads all sources. A source that cannot be read keeps its keys, until they are too old.
func (v *Verifier) read() {
	failed, changed := false, false
	for i := range v.sources {
		v.mu.Lock()
		s := v.sources[i]
		v.mu.Unlock()
		keys, err := v.fetchKeys(v.background, s.address)
		if err != nil {
			failed = true
			if v.background.Err() == nil {
				v.opt.Logger.Warn("the public keys of an identity provider cannot be read", slog.String("url", shown(s.address)), slog.String("error", err.Error()), slog.Int("keys_kept", len(s.keys)))
			}
			continue
		}
		changed = changed || !slices.EqualFunc(keys, s.keys, same)
		v.mu.Lock()
		v.sources[i] = source{s.address, keys, v.opt.Now()}
		v.mu.Unlock()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.failed = failed; changed { // what a key that is gone has signed is checked again
		v.generation++
		clear(v.verified)
	}
}

// same reports whether two keys are the same.
func same(a, b key) bool {
	return a.id == b.id && a.algorithm == b.algorithm && equal(a.public, b.public)
}

// equal compares public keys, none of which is comparable by ==.
func equal(a, b any) bool {
	switch a := a.(type) {
	case *rsa.PublicKey:
		b, ok := b.(*rsa.PublicKey)
		return ok && a.Equal(b)
	case *ecdsa.PublicKey:
		b, ok := b.(*ecdsa.PublicKey)
		return ok && a.Equal(b)
	case ed25519.PublicKey:
		b, ok := b.(ed25519.PublicKey)
		return ok && a.Equal(b)
	default:
		return false
	}
}

// fetchKeys reads the keys of a source, by way of the provider's description if the address is that of one.
func (v *Verifier) fetchKeys(ctx context.Context, address string) ([]key, error) {
	if strings.Contains(address, discovery) {
		body, err := v.fetch(ctx, address)
		if err != nil {
			return nil, err
		}
		var described struct {
			Keys string `json:"jwks_uri"`
		}
		if err := jsonx.Unmarshal(body, &described); err != nil {
			return nil, fmt.Errorf("the description of the provider: %w", err)
		}
		next, err := url.Parse(described.Keys)
		if err != nil || next.Host == "" || next.Scheme != "https" && next.Scheme != "http" {
			return nil, errors.New("the description of the provider has no jwks_uri that is an address")
		}
		if strings.HasPrefix(address, "https:") && next.Scheme != "https" {
			return nil, errors.New("the description of the provider names an address of keys without TLS")
		}
		address = described.Keys
	}
	body, err := v.fetch(ctx, address)
	if err != nil {
		return nil, err
	}
	return parseKeys(body)
}

// parseKeys reads a JSON Web Key Set (RFC 7517). Keys that verify no signature here are left out: symmetric ones,
// those for encryption, those of other kinds, and RSA keys that are too short (RFC 7518, section 3.3).
func parseKeys(body []byte) ([]key, error) {
	var set struct {
		Keys []jsonx.Raw `json:"keys"`
	}
	if err := jsonx.Unmarshal(body, &set); err != nil {
		return nil, fmt.Errorf("the keys: %w", err)
	}
	var keys []key
	for _, raw := range set.Keys[:min(len(set.Keys), maxKeys)] {
		var k jose.JSONWebKey
		if k.UnmarshalJSON(raw) != nil || !k.Valid() || k.Use != "" && k.Use != "sig" {
			continue
		}
		public := k.Public().Key
		if short, ok := public.(*rsa.PublicKey); ok && short.N.BitLen() < minRSA {
			continue
		}
		if equal(public, public) {
			keys = append(keys, key{k.KeyID, k.Algorithm, public})
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no public key for signatures in the answer")
	}
	return keys, nil
}

// fetch reads a document of a provider.
func (v *Verifier) fetch(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := v.client.Do(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument+1))
	err = errors.Join(err, resp.Body.Close())
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s answered %d", shown(address), resp.StatusCode)
	case len(body) > maxDocument:
		return nil, fmt.Errorf("the answer of %s is longer than %d bytes", shown(address), maxDocument)
	}
	return body, nil
}

// shown is an address without what may be secret in it.
func shown(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the address"
	}
	return u.Scheme + "://" + u.Host + u.Path
}

// client makes an HTTP client that follows a few redirections, none of which leaves TLS. It connects to no metadata
// service, wherever the description of a provider or a redirection leads.
func client() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, TLSHandshakeTimeout: fetchTimeout, ForceAttemptHTTP2: true,
			DialContext: (&net.Dialer{Timeout: fetchTimeout, Control: netguard.Control}).DialContext,
		},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			switch {
			case len(via) > 3:
				return errors.New("too many redirections")
			case via[0].URL.Scheme == "https" && req.URL.Scheme != "https":
				return errors.New("a redirection leaves TLS")
			default:
				return nil
			}
		},
	}
}

// Bounds of the reading of keys.
const (
	// again is how soon the sources are read again because of a key that they did not have.
	again = 5 * time.Second
	// afterFailure is how soon they are read again after a failure, as in LiteLLM (handle_jwt.py,
	// JWKS_UNREACHABLE_BACKOFF_SECONDS).
	afterFailure = 30 * time.Second
	fetchTimeout = 5 * time.Second
	maxDocument  = 1 << 20 // bytes
	maxKeys      = 256     // of a source
	minRSA       = 2048    // bits
)
