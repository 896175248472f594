package creds

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
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

// A gateway's sources share what has been parsed of a bundle.
func TestTheBundleIsReadByTheOneWhoSharesIt(t *testing.T) {
	environment(t, "AWS_CA_BUNDLE", "bundle.pem")
	var read []string
	source := open(t, Options{AccessKey: "AKIA", SecretKey: "s", Role: roleARN, Authorities: func(file string) (*x509.CertPool, error) {
		read = append(read, file)
		return nil, errors.New("is torn")
	}})
	if _, err := source.Get(t.Context()); err == nil || !strings.Contains(err.Error(), "AWS_CA_BUNDLE is torn") || !slices.Equal(read, []string{"bundle.pem"}) {
		t.Errorf("read %q: got %v", read, err)
	}
}

func TestABundleThatCannotBeReadIsNamed(t *testing.T) {
	environment(t, "AWS_CA_BUNDLE", filepath.Join(t.TempDir(), "missing.pem"))
	var e *Error
	if _, err := open(t, Options{}).Get(t.Context()); !errors.As(err, &e) || e.Kind != Misconfigured || !strings.Contains(err.Error(), "AWS_CA_BUNDLE") {
		t.Errorf("got %v", err)
	}
}
