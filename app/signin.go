package app

import (
	"context"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"outcrop/bearer"
	"outcrop/config"
	"outcrop/httpd/admin"
	"outcrop/signin"
)

// signIn is what people sign in with.
type signIn struct {
	settings  config.SignIn
	masterKey config.Secret
	door      *admin.SignIn
	keys      *signInKeys // verify ID tokens; nil for TLS alone
}

// signIn makes what people sign in with; nil if there is no identity provider. One that is not complete is reported, and
// nobody can sign in: its variables may be meant for other programs. It is that of before if nothing of it has changed.
func (a *App) signIn(cfg *config.Config, before *serving) *signIn {
	s, err := cfg.SignIn(a.opt.Environ)
	if err != nil {
		a.opt.Logger.Warn("nobody can sign in", slog.String("error", err.Error()))
		return nil
	}
	if s == nil {
		return nil
	}
	if before != nil && before.signIn != nil && before.signIn.masterKey == cfg.General.MasterKey && reflect.DeepEqual(before.signIn.settings, *s) {
		return before.signIn
	}
	sealer, err := signin.NewSealer(cfg.General.MasterKey.Reveal())
	if err != nil {
		a.opt.Logger.Warn("nobody can sign in", slog.String("error", err.Error()))
		return nil
	}
	opt, keys := a.provider(s)
	return &signIn{
		settings: *s, masterKey: cfg.General.MasterKey, keys: keys,
		door: &admin.SignIn{People: signin.New(opt), Sealer: sealer, Gateway: s.Gateway, Admin: s.Admin, Session: s.Session},
	}
}

// frontend is what the management API has of it; nil for nothing.
func (s *signIn) frontend() *admin.SignIn {
	if s == nil {
		return nil
	}
	return s.door
}

// close ends the reading of public keys.
func (s *signIn) close() {
	if s != nil {
		s.keys.close()
	}
}

// provider is the identity provider of a configuration, and its public keys.
func (a *App) provider(s *config.SignIn) (signin.Options, *signInKeys) {
	opt := signin.Options{
		Name: s.Name, ClientID: s.ClientID, ClientSecret: s.ClientSecret.Reveal(), AuthURL: s.AuthURL, TokenURL: s.TokenURL, UserinfoURL: s.UserinfoURL, Issuer: s.Issuer,
		Redirect: s.Gateway + "/sso/callback", Scopes: s.Scopes, SecretInBody: s.SecretInBody, Domains: s.Domains,
		Claims: signin.Claims{ID: s.ID, Email: s.Email, Name: s.Display, FirstName: s.FirstName, LastName: s.LastName, Role: s.Role},
	}
	if s.KeysURL == "" {
		return opt, nil
	}
	keys := &signInKeys{opt: bearer.Options{URLs: []string{s.KeysURL}, Audience: s.ClientID, Issuer: s.Issuer, TTL: 10 * time.Minute, Stale: time.Hour, Logger: a.opt.Logger}}
	opt.Keys = keys
	return opt, keys
}

// signInKeys are the public keys of ID tokens, which are read from the first sign-in on.
type signInKeys struct {
	opt bearer.Options

	mu       sync.Mutex
	verifier *bearer.Verifier // nil until then
	closed   bool
}

// Verify verifies an ID token. The error is an *llm.Error.
func (k *signInKeys) Verify(ctx context.Context, token string) (*bearer.Identity, error) {
	k.mu.Lock()
	if k.verifier == nil && !k.closed {
		k.verifier = bearer.Open(k.opt)
	}
	v := k.verifier
	k.mu.Unlock()
	if v == nil {
		return nil, context.Canceled
	}
	return v.Verify(ctx, token)
}

// close ends the reading.
func (k *signInKeys) close() {
	if k == nil {
		return
	}
	k.mu.Lock()
	k.closed = true
	v := k.verifier
	k.mu.Unlock()
	if v != nil {
		v.Close()
	}
}
