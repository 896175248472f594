package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"outcrop/bearer"
	"outcrop/config"
	"outcrop/httpd/admin"
	"outcrop/signin"
)

// signIn makes what people sign in with; nil if there is no identity provider. One that is not complete is reported, and
// nobody can sign in: its variables may be meant for other programs.
func (a *App) signIn() *admin.SignIn {
	cfg := a.client.Config()
	s, err := cfg.SignIn(a.opt.Environ)
	if err != nil {
		a.opt.Logger.Warn("nobody can sign in", slog.String("error", err.Error()))
		return nil
	}
	if s == nil {
		return nil
	}
	sealer, err := signin.NewSealer(cfg.General.MasterKey.Reveal())
	if err != nil {
		a.opt.Logger.Warn("nobody can sign in", slog.String("error", err.Error()))
		return nil
	}
	return &admin.SignIn{People: signin.New(a.provider(s)), Sealer: sealer, Gateway: s.Gateway, Admin: s.Admin, Session: s.Session}
}

// provider is the identity provider of a configuration.
func (a *App) provider(s *config.SignIn) signin.Options {
	opt := signin.Options{
		Name: s.Name, ClientID: s.ClientID, ClientSecret: s.ClientSecret.Reveal(), AuthURL: s.AuthURL, TokenURL: s.TokenURL, UserinfoURL: s.UserinfoURL, Issuer: s.Issuer,
		Redirect: s.Gateway + "/sso/callback", Scopes: s.Scopes, SecretInBody: s.SecretInBody, Domains: s.Domains,
		Claims: signin.Claims{ID: s.ID, Email: s.Email, Name: s.Display, FirstName: s.FirstName, LastName: s.LastName, Role: s.Role},
	}
	if s.KeysURL != "" {
		a.signInKeys = &signInKeys{opt: bearer.Options{URLs: []string{s.KeysURL}, Audience: s.ClientID, Issuer: s.Issuer, TTL: 10 * time.Minute, Stale: time.Hour, Logger: a.opt.Logger}}
		opt.Keys = a.signInKeys
	}
	return opt
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
