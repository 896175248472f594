package config

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// SignIn is the identity provider at which people sign in, from LiteLLM's environment variables (1.110.2,
// litellm/proxy/management_endpoints/ui_sso.py).
type SignIn struct {
	// Name is google, microsoft or generic.
	Name         string
	ClientID     string
	ClientSecret Secret
	// AuthURL, TokenURL and UserinfoURL are the provider's addresses; UserinfoURL is empty for Microsoft, whose ID tokens
	// say who somebody is.
	AuthURL, TokenURL, UserinfoURL string
	// KeysURL has the public keys of ID tokens; empty if they are not known. Issuer is theirs; empty for any.
	KeysURL, Issuer string
	Scopes          []string
	// SecretInBody is whether the secret is sent in the body.
	SecretInBody bool
	// ID, Email, Display, FirstName, LastName and Role are the names of claims.
	ID, Email, Display, FirstName, LastName, Role string
	// Domains are those of the e-mail addresses of people who may sign in; empty for all.
	Domains []string
	// Gateway is the gateway's own address, and Admin the id of the user who becomes a proxy admin.
	Gateway, Admin string
	// Session is how long the keys of people who have signed in work.
	Session time.Duration
}

// SignIn reads the identity provider from the environment; nil if there is none. What is wrong or missing is an error:
// half a provider would lock people out, or let strangers in.
func (c *Config) SignIn(environ func(string) string) (*SignIn, error) {
	env := c.Getenv(environ)
	s := &SignIn{Email: "email", Display: "name", Scopes: []string{"openid", "email", "profile"}, Admin: env("PROXY_ADMIN_ID"), Session: 24 * time.Hour}
	r := &signInReader{env: env}
	switch { // LiteLLM's order
	case env("GOOGLE_CLIENT_ID") != "":
		r.google(s)
	case env("MICROSOFT_CLIENT_ID") != "":
		r.microsoft(s)
	case env("GENERIC_CLIENT_ID") != "":
		r.generic(s)
	default:
		return nil, nil //nolint:nilnil // there is none
	}
	for domain := range strings.SplitSeq(env("ALLOWED_EMAIL_DOMAINS"), ",") {
		if domain = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(domain), "@")); domain != "" {
			s.Domains = append(s.Domains, domain)
		}
	}
	if s.Name == "google" && len(s.Domains) == 0 {
		r.wrong("ALLOWED_EMAIL_DOMAINS must be set, such as example.com: anyone can have a Google account, and would get a key of this gateway")
	}
	s.Gateway = strings.TrimRight(r.address("PROXY_BASE_URL"), "/")
	if c.General.MasterKey == "" {
		r.wrong("general_settings.master_key or LITELLM_MASTER_KEY must be set: without it, nobody needs to sign in")
	}
	if hours := cmp.Or(env("CLI_JWT_EXPIRATION_HOURS"), env("LITELLM_CLI_JWT_EXPIRATION_HOURS")); hours != "" {
		n, err := strconv.Atoi(hours)
		if err != nil || n < 1 || n > 24*366 {
			r.wrong("CLI_JWT_EXPIRATION_HOURS must be a number of hours from 1 to 8784, not " + strconv.Quote(hours))
		}
		s.Session = time.Duration(n) * time.Hour
	}
	if err := errors.Join(r.faults...); err != nil {
		return nil, err
	}
	return s, nil
}

// signInReader reads variables, and keeps what is wrong with them.
type signInReader struct {
	env    func(string) string
	faults []error
}

func (r *signInReader) wrong(what string) {
	r.faults = append(r.faults, fmt.Errorf("sign-in at an identity provider: %s", what))
}

// need is a variable that must be set.
func (r *signInReader) need(name string) string {
	v := r.env(name)
	if v == "" {
		r.wrong(name + " must be set")
	}
	return v
}

// address is a variable with an address, to which secrets are sent: by TLS, or within this machine.
func (r *signInReader) address(name string) string {
	v := r.need(name)
	if v == "" {
		return ""
	}
	u, err := url.Parse(v)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http":
		r.wrong(name + " must be an address that begins with https://")
	case u.Scheme == "http" && !within(u.Hostname()):
		r.wrong(name + " must begin with https://: what is sent there lets others sign in")
	}
	return v
}

// within reports whether a host is this machine.
func within(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

func (r *signInReader) google(s *SignIn) {
	s.Name, s.ClientID, s.ClientSecret = "google", r.env("GOOGLE_CLIENT_ID"), Secret(r.need("GOOGLE_CLIENT_SECRET"))
	s.AuthURL, s.TokenURL, s.UserinfoURL = "https://accounts.google.com/o/oauth2/v2/auth", "https://oauth2.googleapis.com/token", "https://openidconnect.googleapis.com/v1/userinfo"
	s.KeysURL, s.Issuer, s.ID = "https://www.googleapis.com/oauth2/v3/certs", "https://accounts.google.com", "sub"
}

// microsoft reads Entra ID's variables. An address in claims of a tenant's people is the administrator's word for them only
// if the tenant is one: in others anybody can claim any address.
func (r *signInReader) microsoft(s *SignIn) {
	s.Name, s.ClientID, s.ClientSecret = "microsoft", r.env("MICROSOFT_CLIENT_ID"), Secret(r.need("MICROSOFT_CLIENT_SECRET"))
	tenant := r.need("MICROSOFT_TENANT")
	if slices.Contains([]string{"common", "organizations", "consumers"}, strings.ToLower(tenant)) || strings.ContainsAny(tenant, "/?#") {
		r.wrong("MICROSOFT_TENANT must be the id of one tenant: with " + strconv.Quote(tenant) + ", anyone with a Microsoft account would get a key of this gateway")
	}
	base := "https://login.microsoftonline.com/" + url.PathEscape(tenant)
	s.AuthURL, s.TokenURL, s.KeysURL = base+"/oauth2/v2.0/authorize", base+"/oauth2/v2.0/token", base+"/discovery/v2.0/keys"
	if strings.Count(tenant, "-") == 4 { // by its name, a tenant's issuer is not known
		s.Issuer = base + "/v2.0"
	}
	s.SecretInBody, s.ID, s.Email = true, "oid", "preferred_username"
}

func (r *signInReader) generic(s *SignIn) {
	s.Name, s.ClientID, s.ClientSecret = "generic", r.env("GENERIC_CLIENT_ID"), Secret(r.need("GENERIC_CLIENT_SECRET"))
	s.AuthURL, s.TokenURL, s.UserinfoURL = r.address("GENERIC_AUTHORIZATION_ENDPOINT"), r.address("GENERIC_TOKEN_ENDPOINT"), r.address("GENERIC_USERINFO_ENDPOINT")
	if r.env("GENERIC_JWKS_URL") != "" {
		s.KeysURL = r.address("GENERIC_JWKS_URL")
	}
	if scope := strings.Fields(r.env("GENERIC_SCOPE")); len(scope) > 0 {
		s.Scopes = scope
	}
	s.SecretInBody = strings.EqualFold(r.env("GENERIC_INCLUDE_CLIENT_ID"), "true")
	s.ID = cmp.Or(r.env("GENERIC_USER_ID_ATTRIBUTE"), "preferred_username")
	s.Email = cmp.Or(r.env("GENERIC_USER_EMAIL_ATTRIBUTE"), "email")
	s.Display = cmp.Or(r.env("GENERIC_USER_DISPLAY_NAME_ATTRIBUTE"), "name")
	s.FirstName = cmp.Or(r.env("GENERIC_USER_FIRST_NAME_ATTRIBUTE"), "first_name")
	s.LastName = cmp.Or(r.env("GENERIC_USER_LAST_NAME_ATTRIBUTE"), "last_name")
	s.Role = r.env("GENERIC_USER_ROLE_ATTRIBUTE")
}
