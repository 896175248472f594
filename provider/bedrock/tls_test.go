package bedrock_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock"
	"outcrop/upstream"
)

// secureAWS plays Bedrock and STS behind TLS, asks for a client's certificate, and
// keeps whose it was.
type secureAWS struct {
	*httptest.Server
	ca      string // a file with its authority
	clients chan string
}

func newSecureAWS(t *testing.T) *secureAWS {
	a := &secureAWS{clients: make(chan string, 100)}
	a.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		if action := r.Form.Get("Action"); action != "" {
			fmt.Fprintf(w, `<%[1]sResponse><%[1]sResult><Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></%[1]sResult></%[1]sResponse>`, action)
			return
		}
		who := ""
		for _, c := range r.TLS.PeerCertificates {
			who = c.Subject.CommonName
		}
		a.clients <- who
		_, _ = io.WriteString(w, answer)
	}))
	a.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	a.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	a.StartTLS()
	t.Cleanup(a.Close)
	a.ca = filepath.Join(t.TempDir(), "ca.pem")
	pemFile(t, a.ca, "CERTIFICATE", a.Certificate().Raw)
	return a
}

func pemFile(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// clientCertificate writes a certificate for a name and its key.
func clientCertificate(t *testing.T, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "client.pem"), filepath.Join(t.TempDir(), "client.key")
	pemFile(t, cert, "CERTIFICATE", der)
	pemFile(t, key, "PRIVATE KEY", pkcs8)
	return cert, key
}

// openSecure opens a deployment that assumes a role at the server and calls it.
func openSecure(t *testing.T, a *secureAWS, values, environ map[string]string, allowed provider.ClientPolicy, log *slog.Logger) (provider.Deployment, error) {
	t.Helper()
	all := map[string]string{
		"aws_bedrock_runtime_endpoint": a.URL, "aws_sts_endpoint": a.URL, "aws_region_name": "us-east-1",
		"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret", "aws_role_name": "arn:aws:iam::123456789012:role/gateway",
	}
	maps.Copy(all, values)
	client := upstream.New()
	t.Cleanup(client.CloseIdle)
	d, err := bedrock.Provider().Open(t.Context(), provider.Params{
		Model: model, Values: all, Upstream: client, ClientPolicy: allowed, Logger: log, Environ: func(name string) string { return environ[name] },
	})
	if err == nil {
		t.Cleanup(func() { _ = d.Close() })
	}
	return d, err
}

// What is trusted counts for STS as for Bedrock.
func TestWhichCertificatesAreTrusted(t *testing.T) {
	a := newSecureAWS(t)
	foreign, _ := clientCertificate(t, "somebody else")
	for _, tt := range []struct {
		name            string
		values, environ map[string]string
		works           bool
	}{
		{"none but the system's", nil, nil, false},
		{"a file", map[string]string{"ssl_verify": a.ca}, map[string]string{"SSL_VERIFY": foreign}, true},
		{"another file", map[string]string{"ssl_verify": foreign}, map[string]string{"AWS_CA_BUNDLE": a.ca}, false},
		{"SSL_VERIFY", nil, map[string]string{"SSL_VERIFY": a.ca, "AWS_CA_BUNDLE": foreign}, true},
		{"AWS_CA_BUNDLE", nil, map[string]string{"AWS_CA_BUNDLE": a.ca, "SSL_CERT_FILE": foreign}, true},
		{"SSL_CERT_FILE", map[string]string{"ssl_verify": "True"}, map[string]string{"SSL_CERT_FILE": a.ca}, true},
		{"all", map[string]string{"ssl_verify": "False"}, nil, true},
		{"all, by the environment", nil, map[string]string{"SSL_VERIFY": "false"}, true},
		{"none but the system's, whatever the environment says", map[string]string{"ssl_verify": "true"}, map[string]string{"SSL_VERIFY": "false"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			d, err := openSecure(t, a, tt.values, tt.environ, provider.ClientPolicy{}, slog.New(slog.NewTextHandler(&log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			_, err = (opened{d}).Complete(t.Context(), model, ask(model))
			if e := llm.AsError(err); tt.works != (err == nil) || err != nil && e.Code != llm.CodeUnreachable {
				t.Errorf("got %v", err)
			}
			if all := strings.HasPrefix(tt.name, "all"); all != strings.Contains(log.String(), "level=WARN msg=\"certificates are not verified") {
				t.Errorf("logged %q", log.String())
			}
		})
	}
}

func TestFilesOfConnectionsThatCannotBeUsed(t *testing.T) {
	a := newSecureAWS(t)
	cert, _ := clientCertificate(t, "granite")
	_, foreign := clientCertificate(t, "other")
	for _, tt := range []struct {
		values, environ map[string]string
		option, says    string
	}{
		{map[string]string{"ssl_verify": "/nowhere/ca.pem"}, nil, "ssl_verify", "/nowhere/ca.pem"},
		{nil, map[string]string{"AWS_CA_BUNDLE": "/nowhere/ca.pem"}, "ssl_verify", "AWS_CA_BUNDLE is a file that cannot be read"},
		{map[string]string{"ssl_verify": foreign}, nil, "ssl_verify", "contains no certificate"},
		{map[string]string{"ssl_certificate": "/nowhere/client.pem"}, nil, "ssl_certificate", "/nowhere/client.pem"},
		{map[string]string{"ssl_certificate": cert, "ssl_certificate_key": foreign}, nil, "ssl_certificate", "private key"},
		{map[string]string{"ssl_certificate_key": foreign}, nil, "ssl_certificate_key", "no certificate"},
	} {
		_, err := openSecure(t, a, tt.values, tt.environ, provider.ClientPolicy{}, nil)
		var option *provider.OptionError
		if !errors.As(err, &option) || option.Option != tt.option || !strings.Contains(option.Reason, tt.says) {
			t.Errorf("%v %v: got %v", tt.values, tt.environ, err)
		}
	}
}

// The client's certificate is shown to the operator's address, and to none that a
// request brings.
func TestWhoSeesTheClientsCertificate(t *testing.T) {
	a, theirs := newSecureAWS(t), newSecureAWS(t)
	cert, key := clientCertificate(t, "granite")
	anything := regexp.MustCompile(`^https://127\.0\.0\.1:.*$`)
	d, err := openSecure(t, a, map[string]string{"ssl_verify": "false", "ssl_certificate": cert, "ssl_certificate_key": key}, nil,
		provider.ClientPolicy{Names: map[string]*regexp.Regexp{"api_key": nil, "api_base": anything}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (opened{d}).Complete(t.Context(), model, ask(model)); err != nil {
		t.Fatal(err)
	}
	if err := callAs(t, d.(provider.Overridable), map[string]string{"api_key": "caller-key"}); err != nil {
		t.Fatal(err)
	}
	if err := callAs(t, d.(provider.Overridable), map[string]string{"api_key": "caller-key", "api_base": theirs.URL}); err != nil {
		t.Fatal(err)
	}
	if first, second, other := <-a.clients, <-a.clients, <-theirs.clients; first != "granite" || second != "granite" || other != "" {
		t.Errorf("the operator's address saw %q and %q, the request's %q", first, second, other)
	}
}
