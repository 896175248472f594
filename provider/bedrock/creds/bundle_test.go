package creds

import (
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// bundle writes the certificate of a TLS server into a file.
func bundle(t *testing.T, s *httptest.Server) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Both ways to STS, the chain's web identity and a role of the configuration,
// trust what AWS_CA_BUNDLE holds.
func TestTheBundleOfAuthoritiesIsTrusted(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		fmt.Fprintf(w, `<%[1]sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%[1]sResult><Credentials><AccessKeyId>ASIA%[1]s</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>%[2]s</Expiration></Credentials></%[1]sResult></%[1]sResponse>`,
			r.Form.Get("Action"), time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}))
	defer server.Close()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("jwt"), 0o600); err != nil {
		t.Fatal(err)
	}
	environment(t, "AWS_CA_BUNDLE", bundle(t, server), "AWS_ENDPOINT_URL_STS", server.URL, "AWS_REGION", "us-east-1")
	if got := mustGet(t, open(t, Options{AccessKey: "AKIA", SecretKey: "s", Role: roleARN})); got.AccessKey != "ASIAAssumeRole" {
		t.Errorf("STS gave %v", got)
	}
	t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", token)
	t.Setenv("AWS_ROLE_ARN", roleARN)
	if got := mustGet(t, open(t, Options{})); got.AccessKey != "ASIAAssumeRoleWithWebIdentity" {
		t.Errorf("the chain gave %v", got)
	}
}

func TestABundleThatCannotBeReadIsNamed(t *testing.T) {
	environment(t, "AWS_CA_BUNDLE", filepath.Join(t.TempDir(), "missing.pem"))
	var e *Error
	if _, err := open(t, Options{}).Get(t.Context()); !errors.As(err, &e) || e.Kind != Misconfigured || !strings.Contains(err.Error(), "AWS_CA_BUNDLE") {
		t.Errorf("got %v", err)
	}
}
