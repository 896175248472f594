package config_test

import (
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"outcrop/config"
)

func signIn(master config.Secret, vars map[string]string) (*config.SignIn, error) {
	c := &config.Config{General: config.General{MasterKey: master}, Environment: map[string]config.Secret{"PROXY_ADMIN_ID": "boss"}}
	return c.SignIn(func(name string) string { return vars[name] })
}

func TestSignInComesFromTheEnvironment(t *testing.T) {
	if s, err := signIn("", map[string]string{"PROXY_BASE_URL": "nonsense"}); s != nil || err != nil {
		t.Error(s, err)
	}
	generic := map[string]string{
		"GENERIC_CLIENT_ID": "id", "GENERIC_CLIENT_SECRET": "secret", "GENERIC_AUTHORIZATION_ENDPOINT": "https://idp.example/auth", "GENERIC_TOKEN_ENDPOINT": "https://idp.example/token",
		"GENERIC_USERINFO_ENDPOINT": "http://localhost:1/me", "PROXY_BASE_URL": "https://gateway.example/",
	}
	s, err := signIn("sk-1", generic)
	if err != nil {
		t.Fatal(err)
	}
	want := &config.SignIn{
		Name: "generic", ClientID: "id", ClientSecret: "secret", AuthURL: "https://idp.example/auth", TokenURL: "https://idp.example/token", UserinfoURL: "http://localhost:1/me",
		Scopes: []string{"openid", "email", "profile"}, ID: "preferred_username", Email: "email", Display: "name", FirstName: "first_name", LastName: "last_name",
		Gateway: "https://gateway.example", Admin: "boss", Session: 24 * time.Hour,
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("%+v", s)
	}
	more := maps.Clone(generic)
	maps.Copy(more, map[string]string{
		"GENERIC_SCOPE": "openid roles", "GENERIC_USER_ID_ATTRIBUTE": "sub", "GENERIC_USER_ROLE_ATTRIBUTE": "realm.role", "GENERIC_INCLUDE_CLIENT_ID": "True", "ALLOWED_EMAIL_DOMAINS": "Example.com, @other.example",
		"GENERIC_JWKS_URL": "https://idp.example/keys", "CLI_JWT_EXPIRATION_HOURS": "8",
	})
	if s, err = signIn("sk-1", more); err != nil || s.ID != "sub" || s.Role != "realm.role" || !s.SecretInBody || strings.Join(s.Domains, " ") != "example.com other.example" || s.KeysURL != "https://idp.example/keys" || s.Session != 8*time.Hour || len(s.Scopes) != 2 {
		t.Errorf("%+v %v", s, err)
	}
	s, err = signIn("sk-1", map[string]string{"GOOGLE_CLIENT_ID": "g", "GOOGLE_CLIENT_SECRET": "s", "ALLOWED_EMAIL_DOMAINS": "example.com", "PROXY_BASE_URL": "http://127.0.0.1:4000"})
	if err != nil || s.Issuer != "https://accounts.google.com" || s.ID != "sub" || s.KeysURL == "" {
		t.Errorf("%+v %v", s, err)
	}
	s, err = signIn("sk-1", map[string]string{"MICROSOFT_CLIENT_ID": "m", "MICROSOFT_CLIENT_SECRET": "s", "MICROSOFT_TENANT": "8aa1a0c0-0000-0000-0000-000000000000", "PROXY_BASE_URL": "https://gateway.example"})
	if err != nil || s.Issuer != "https://login.microsoftonline.com/8aa1a0c0-0000-0000-0000-000000000000/v2.0" || s.ID != "oid" || s.UserinfoURL != "" {
		t.Errorf("%+v %v", s, err)
	}
}

func TestHalfAProviderIsRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		vars map[string]string
		want []string
	}{
		"generic":   {map[string]string{"GENERIC_CLIENT_ID": "id"}, []string{"GENERIC_CLIENT_SECRET must", "GENERIC_AUTHORIZATION_ENDPOINT must", "GENERIC_TOKEN_ENDPOINT must", "GENERIC_USERINFO_ENDPOINT must", "PROXY_BASE_URL must", "LITELLM_MASTER_KEY must"}},
		"google":    {map[string]string{"GOOGLE_CLIENT_ID": "id"}, []string{"GOOGLE_CLIENT_SECRET must", "ALLOWED_EMAIL_DOMAINS must"}},
		"microsoft": {map[string]string{"MICROSOFT_CLIENT_ID": "id", "MICROSOFT_TENANT": "Common"}, []string{"MICROSOFT_CLIENT_SECRET must", "MICROSOFT_TENANT must"}},
		"plain": {map[string]string{"GENERIC_CLIENT_ID": "id", "GENERIC_TOKEN_ENDPOINT": "http://idp.example/token", "PROXY_BASE_URL": "ftp://x", "GENERIC_AUTHORIZATION_ENDPOINT": "https://a:b@idp.example"}, []string{
			"GENERIC_TOKEN_ENDPOINT must begin with https://", "PROXY_BASE_URL must be an address", "GENERIC_AUTHORIZATION_ENDPOINT must be an address",
		}},
		"hours": {map[string]string{"GENERIC_CLIENT_ID": "id", "CLI_JWT_EXPIRATION_HOURS": "x"}, []string{"CLI_JWT_EXPIRATION_HOURS must"}},
	} {
		_, err := signIn("", tt.vars)
		for _, want := range tt.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v lacks %s", name, err, want)
			}
		}
	}
}
