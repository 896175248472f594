package bearer_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
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

	"outcrop/bearer"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// noon is when the tests begin.
func noon() time.Time { return time.Date(2026, 6, 10, 12, 0, 0, 0, time.UTC) }

// signers are the private keys of all tests, since making them takes time.
type signers struct {
	rsa, other *rsa.PrivateKey
	short      *rsa.PrivateKey
	ec         *ecdsa.PrivateKey
	ed         ed25519.PrivateKey
}

var made = sync.OnceValue(func() *signers {
	s := &signers{}
	var err [5]error
	s.rsa, err[0] = rsa.GenerateKey(rand.Reader, 2048)
	s.other, err[1] = rsa.GenerateKey(rand.Reader, 2048)
	s.short, err[2] = rsa.GenerateKey(rand.Reader, 1024)
	s.ec, err[3] = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, s.ed, err[4] = ed25519.GenerateKey(rand.Reader)
	if err := errors.Join(err[:]...); err != nil {
		panic(err)
	}
	return s
})

// provider is an identity provider.
type provider struct {
	*httptest.Server

	mu    sync.Mutex
	keys  []jose.JSONWebKey
	away  bool
	reads atomic.Int64
	hold  chan struct{} // answers wait for it to be closed; nil for not
}

func serve(t *testing.T, keys ...jose.JSONWebKey) *provider {
	t.Helper()
	p := &provider{keys: keys}
	mux := http.NewServeMux()
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.reads.Add(1)
		if p.hold != nil {
			<-p.hold
		}
		if p.away {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		body, err := jsonx.Marshal(map[string]any{"keys": p.keys})
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(body)
	})
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"issuer":"https://id.example","jwks_uri":"`+p.URL+`/keys"}`)
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// set changes what the provider answers.
func (p *provider) set(away bool, keys ...jose.JSONWebKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away, p.keys = away, keys
}

// all are the keys of most tests.
func all() []jose.JSONWebKey {
	s := made()
	return []jose.JSONWebKey{
		{Key: s.rsa.Public(), KeyID: "rsa", Algorithm: "RS256", Use: "sig"},
		{Key: s.ec.Public(), KeyID: "ec", Algorithm: "ES256"},
		{Key: s.ed.Public(), KeyID: "ed"},
		{Key: s.rsa.Public(), KeyID: "any"},
		{Key: s.rsa.Public(), KeyID: "encrypts", Use: "enc"},
		{Key: s.short.Public(), KeyID: "short"},
	}
}

// clock stands still until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// open makes a verifier of tokens for gateway from https://id.example.
func open(t *testing.T, c *clock, urls ...string) *bearer.Verifier {
	t.Helper()
	v := bearer.Open(bearer.Options{
		URLs: urls, Audience: "gateway", Issuer: "https://id.example", TTL: time.Hour, Stale: time.Hour, Now: c.now, Logger: slog.New(slog.DiscardHandler),
		Fields: bearer.Fields{User: "sub", Email: "email", Team: "team", Teams: "realm.groups", Organization: `https://id\.example/org`, Customer: "customer", DefaultTeam: "everyone", AdminScope: "litellm_proxy_admin", Roles: "realm.roles", UserRoles: "roles", Object: "oid"},
	})
	t.Cleanup(v.Close)
	return v
}

// good are claims of a token that is in order.
const good = `{"iss":"https://id.example","aud":["other","gateway"],"sub":"ann","exp":1781096400,"nbf":1781092700,"iat":1781092700}`

// sign makes a token.
func sign(t *testing.T, header, claims string, by func(input []byte) ([]byte, error)) string {
	t.Helper()
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	signature, err := by([]byte(input))
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func withRSA(key *rsa.PrivateKey) func([]byte) ([]byte, error) {
	return func(input []byte) ([]byte, error) {
		sum := sha256.Sum256(input)
		return rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	}
}

func withPSS(input []byte) ([]byte, error) {
	sum := sha256.Sum256(input)
	return rsa.SignPSS(rand.Reader, made().rsa, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
}

func withEC(input []byte) ([]byte, error) {
	sum := sha256.Sum256(input)
	r, s, err := ecdsa.Sign(rand.Reader, made().ec, sum[:])
	if err != nil {
		return nil, err
	}
	return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...), nil
}

func withEd(input []byte) ([]byte, error) { return ed25519.Sign(made().ed, input), nil }

func withHMAC(secret []byte) func([]byte) ([]byte, error) {
	return func(input []byte) ([]byte, error) {
		h := hmac.New(sha256.New, secret)
		h.Write(input)
		return h.Sum(nil), nil
	}
}

func unsigned([]byte) ([]byte, error) { return nil, nil }

// refusal is the error of a token that must not be accepted.
func refusal(t *testing.T, v *bearer.Verifier, token string) *llm.Error {
	t.Helper()
	id, err := v.Verify(t.Context(), token)
	var e *llm.Error
	if !errors.As(err, &e) {
		t.Fatalf("accepted as %+v, %v", id, err)
	}
	if strings.Contains(e.Message+e.Fix, token) && token != "" {
		t.Errorf("the token is shown: %s", e.Message)
	}
	return e
}
