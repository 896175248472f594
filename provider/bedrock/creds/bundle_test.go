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

// The chain's own clients and that of STS trust what AWS_CA_BUNDLE holds.
func TestTheBundleOfAuthoritiesIsTrusted(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		until := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
		if r.Method == http.MethodGet {
			fmt.Fprintf(w, `{"AccessKeyId":"ASIAECS","SecretAccessKey":"x","Token":"t","Expiration":%q}`, until)
			return
		}
		fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`, until)
	}))
	defer server.Close()
	environment(t, "AWS_CONTAINER_CREDENTIALS_FULL_URI", server.URL, "AWS_CA_BUNDLE", bundle(t, server), "AWS_ENDPOINT_URL_STS", server.URL)
	if got := mustGet(t, open(t, Options{})); got.AccessKey != "ASIAECS" {
		t.Errorf("the container gave %v", got)
	}
	if got := mustGet(t, open(t, Options{AccessKey: "AKIA", SecretKey: "s", Role: roleARN})); got.AccessKey != "ASIAROLE" {
		t.Errorf("STS gave %v", got)
	}
}

func TestABundleThatCannotBeReadIsNamed(t *testing.T) {
	environment(t, "AWS_CA_BUNDLE", filepath.Join(t.TempDir(), "missing.pem"))
	var e *Error
	if _, err := open(t, Options{}).Get(t.Context()); !errors.As(err, &e) || e.Kind != Misconfigured || !strings.Contains(err.Error(), "AWS_CA_BUNDLE") {
		t.Errorf("got %v", err)
	}
}
