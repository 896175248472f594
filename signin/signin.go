// Package signin signs people in at an identity provider: OpenID Connect's authorization code flow with PKCE, state and
// nonce (RFC 6749, 7636, 9700; OpenID Connect Core 1.0, section 3.1). It knows neither pages nor keys of the gateway.
package signin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"outcrop/bearer"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Keys verifies the signature of a token with the provider's public keys; *bearer.Verifier does. The error is an
// *llm.Error.
type Keys interface {
	Verify(ctx context.Context, token string) (*bearer.Identity, error)
}

// Options are the settings of a provider.
type Options struct {
	// Name is the provider's name for the record, such as google.
	Name string
	// ClientID and ClientSecret are the gateway's at the provider.
	ClientID, ClientSecret string
	// AuthURL is where people are sent to sign in, and TokenURL where the code they come back with is exchanged.
	AuthURL, TokenURL string
	// UserinfoURL has what the provider knows of a person; empty for what the ID token has.
	UserinfoURL string
	// Keys verifies ID tokens beside TLS, by which the gateway has them from the provider itself (OpenID Connect Core
	// 1.0, 3.1.3.7); nil for TLS alone.
	Keys Keys
	// Issuer is what iss of ID tokens must be; empty for anything.
	Issuer string
	// Redirect is the gateway's address that people come back to.
	Redirect string
	Scopes   []string
	// SecretInBody is whether the secret is sent in the body; otherwise it is in the header Authorization.
	SecretInBody bool
	// Claims say which claims are read.
	Claims Claims
	// Domains are those of the e-mail addresses of people who may sign in, in lower case; empty for all.
	Domains []string
	// Client makes the calls; one with bounds if nil.
	Client *http.Client
	Now    func() time.Time // time.Now if nil
}

// Claims are the names of claims; dots lead into objects. Empty ones are not read.
type Claims struct{ ID, Email, Name, FirstName, LastName, Role string }

// Person is who has signed in.
type Person struct {
	// ID is the provider's, which is never empty.
	ID string
	// Email is the address; empty if there is none, or the provider says that it is not verified.
	Email string
	// Name is for people, and Role what the provider says of it; both may be empty.
	Name, Role string
}

// Provider signs people in. It is safe for concurrent use.
type Provider struct {
	opt    Options
	config oauth2.Config
}

// New makes a provider.
func New(opt Options) *Provider {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Client == nil {
		opt.Client = client()
	}
	style := oauth2.AuthStyleInHeader
	if opt.SecretInBody {
		style = oauth2.AuthStyleInParams
	}
	return &Provider{opt, oauth2.Config{
		ClientID: opt.ClientID, ClientSecret: opt.ClientSecret, RedirectURL: opt.Redirect, Scopes: opt.Scopes,
		Endpoint: oauth2.Endpoint{AuthURL: opt.AuthURL, TokenURL: opt.TokenURL, AuthStyle: style},
	}}
}

// Name is the provider's name for the record.
func (p *Provider) Name() string { return p.opt.Name }

// AuthURL is where a person's browser is sent. state and nonce come back with the person and in the ID token; verifier
// proves to the provider that the same gateway exchanges the code.
func (p *Provider) AuthURL(state, nonce, verifier string) string {
	return p.config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("nonce", nonce))
}

// RefusedError says why a person may not sign in, in words for the person.
type RefusedError struct{ Why string }

func (e *RefusedError) Error() string { return e.Why }

func refused(format string, args ...any) error { return &RefusedError{fmt.Sprintf(format, args...)} }

// Bounds of the calls.
const (
	timeout     = 10 * time.Second
	maxDocument = 1 << 20 // bytes
	maxText     = 512     // bytes of an id, an address or a name
	skew        = time.Minute
)

// client makes an HTTP client with bounds, which is not led to other addresses.
func client() *http.Client {
	return &http.Client{
		Timeout:       timeout,
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, TLSHandshakeTimeout: timeout, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Exchange redeems the code that a person has come back with, and says who the person is. The error is a *RefusedError,
// or else for the log.
func (p *Provider) Exchange(ctx context.Context, code, verifier, nonce string) (*Person, error) {
	token, err := p.config.Exchange(context.WithValue(ctx, oauth2.HTTPClient, p.opt.Client), code, oauth2.VerifierOption(verifier))
	if err != nil {
		if refusal, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refusal.ErrorCode == "invalid_grant" {
			return nil, refused("the identity provider does not accept the code; it may have been used already, or be too old")
		}
		return nil, exchangeFault(err)
	}
	var claims jsonx.Raw
	if raw, _ := token.Extra("id_token").(string); raw != "" {
		if claims, err = p.verify(ctx, raw, nonce); err != nil {
			return nil, err
		}
	} else if slices.Contains(p.opt.Scopes, "openid") {
		return nil, errors.New("the provider has sent no ID token, although the scope has openid")
	}
	if p.opt.UserinfoURL != "" {
		info, err := p.userinfo(ctx, token.AccessToken)
		if err != nil {
			return nil, err
		}
		if sub := text(info, "sub"); claims != nil && sub != text(claims, "sub") { // OpenID Connect Core 1.0, 5.3.2
			return nil, refused("what the identity provider says is of another person than its ID token")
		}
		claims = info
	}
	if claims == nil {
		return nil, errors.New("the provider says nothing of who has signed in")
	}
	return p.person(claims)
}

// exchangeFault is a failure of the exchange for the log, without the provider's whole answer.
func exchangeFault(err error) error {
	if refusal, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refusal.Response != nil {
		return fmt.Errorf("exchanging the code: the provider answered %d %s %s", refusal.Response.StatusCode, llm.Clip(refusal.ErrorCode, 100), llm.Clip(refusal.ErrorDescription, 300))
	}
	return fmt.Errorf("exchanging the code: %w", err)
}

// verify checks an ID token, and returns its claims.
func (p *Provider) verify(ctx context.Context, raw, nonce string) (jsonx.Raw, error) {
	if p.opt.Keys != nil {
		if _, err := p.opt.Keys.Verify(ctx, raw); err != nil {
			return nil, refused("the ID token is not valid: %s", err)
		}
	}
	claims, err := payload(raw)
	if err != nil {
		return nil, err
	}
	var c struct {
		Issuer   string    `json:"iss"`
		Subject  string    `json:"sub"`
		Audience jsonx.Raw `json:"aud"`
		Party    string    `json:"azp"`
		Nonce    string    `json:"nonce"`
		Expires  float64   `json:"exp"`
	}
	if err := jsonx.Unmarshal(claims, &c); err != nil {
		return nil, fmt.Errorf("the ID token's claims: %w", err)
	}
	audience := []string{jsonx.Word(c.Audience)}
	if c.Audience.Kind() == '[' {
		audience = nil
		if err := jsonx.Unmarshal(c.Audience, &audience); err != nil {
			return nil, fmt.Errorf("the ID token's aud: %w", err)
		}
	}
	switch {
	case p.opt.Issuer != "" && c.Issuer != p.opt.Issuer:
		return nil, refused("the ID token is of another issuer")
	case !slices.Contains(audience, p.opt.ClientID):
		return nil, refused("the ID token is for another application")
	case len(audience) > 1 && c.Party != p.opt.ClientID, c.Party != "" && c.Party != p.opt.ClientID:
		return nil, refused("the ID token was issued to another application")
	case c.Expires < 1 || !p.opt.Now().Before(time.Unix(int64(c.Expires), 0).Add(skew)):
		return nil, refused("the ID token has expired")
	case nonce == "" || c.Nonce != nonce:
		return nil, refused("the ID token is of another sign-in")
	case c.Subject == "":
		return nil, refused("the ID token has no sub")
	}
	return claims, nil
}

// userinfo reads what the provider knows of who has an access token.
func (p *Provider) userinfo(ctx context.Context, access string) (jsonx.Raw, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.opt.UserinfoURL, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+access)
	req.Header.Set("Accept", "application/json")
	resp, err := p.opt.Client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the userinfo: %w", err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument+1))
	err = errors.Join(err, resp.Body.Close())
	switch {
	case err != nil:
		return nil, fmt.Errorf("the userinfo: %w", err)
	case resp.StatusCode != http.StatusOK:
		return nil, errors.New("the userinfo: the provider answered " + strconv.Itoa(resp.StatusCode))
	case len(body) > maxDocument || jsonx.Raw(body).Kind() != '{' || !jsonx.Valid(body):
		return nil, errors.New("the userinfo is no JSON object, or too large; signed or encrypted userinfo is not supported")
	}
	return body, nil
}

// person reads the claims.
func (p *Provider) person(claims jsonx.Raw) (*Person, error) {
	c := p.opt.Claims
	who := &Person{ID: text(claims, c.ID), Email: text(claims, c.Email), Name: text(claims, c.Name), Role: text(claims, c.Role)}
	if name := strings.TrimSpace(text(claims, c.FirstName) + " " + text(claims, c.LastName)); name != "" {
		who.Name = name
	}
	if len(who.ID) > maxText || len(who.Email) > maxText || len(who.Name) > maxText {
		return nil, refused("what the identity provider says of you is too long")
	}
	if strings.TrimSpace(who.ID) == "" || strings.ContainsRune(who.ID+who.Email+who.Name, 0) {
		return nil, refused("the identity provider does not say who you are: it has no claim %s", c.ID)
	}
	if v := value(claims, "email_verified"); string(v) == "false" || text(claims, "email_verified") == "false" {
		who.Email = ""
	}
	if len(p.opt.Domains) > 0 {
		at := strings.LastIndexByte(who.Email, '@')
		if at < 1 || !slices.Contains(p.opt.Domains, strings.ToLower(who.Email[at+1:])) {
			return nil, refused("only people with a verified e-mail address of %s may sign in", strings.Join(p.opt.Domains, " or "))
		}
	}
	return who, nil
}

// value is the value of a claim; dots lead into objects.
func value(claims jsonx.Raw, path string) jsonx.Raw {
	if path == "" || len(claims) == 0 || claims.Kind() != '{' {
		return nil
	}
	members, err := jsonx.Members(claims)
	if err != nil {
		return nil
	}
	if v := jsonx.Find(members, path); v != nil { // names such as https://example.com/role
		return v
	}
	name, rest, ok := strings.Cut(path, ".")
	if !ok {
		return nil
	}
	return value(jsonx.Find(members, name), rest)
}

// text is the text of a claim; a number's digits, since some providers' ids are numbers, and empty for anything else.
func text(claims jsonx.Raw, path string) string {
	v := value(claims, path)
	switch {
	case len(v) == 0:
		return ""
	case v.Kind() == '0':
		return string(v)
	default:
		return jsonx.Word(v)
	}
}
