package cli

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMakingACertificate(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	run := func(args ...string) (int, string) {
		var out bytes.Buffer
		code := Main(append([]string{"cert", "--cert", cert, "--key", key}, args...), &out, &out)
		return code, out.String()
	}
	code, out := run("gateway.example", "10.1.2.3", "localhost")
	if code != 0 || !strings.Contains(out, "AWS_CA_BUNDLE="+cert) || !strings.Contains(out, "NODE_EXTRA_CA_CERTS="+cert) {
		t.Fatalf("%d: %s", code, out)
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(data)
	for name, good := range map[string]bool{"localhost": true, "127.0.0.1": true, "::1": true, "gateway.example": true, "10.1.2.3": true, "other.example": false} {
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name}); (err == nil) != good {
			t.Errorf("%s: %v", name, err)
		}
	}
	if pair.Leaf.IsCA || pair.Leaf.NotAfter.Before(time.Now().AddDate(0, 0, 364)) || len(pair.Leaf.DNSNames) != 2 {
		t.Errorf("the certificate is %+v", pair.Leaf)
	}
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others can read the key: %v %v", info.Mode(), err)
	}
	if code, out := run(); code != 2 || !strings.Contains(out, "exists already") {
		t.Errorf("existing files: %d %s", code, out)
	}
	if code, out := run("--force", "--days", "1"); code != 0 {
		t.Errorf("with --force: %d %s", code, out)
	}
	if code, out := run("--force", "--days", "1000"); code != 2 || !strings.Contains(out, "1 to 825") {
		t.Errorf("too long: %d %s", code, out)
	}
}

func TestServeWithHalfACertificate(t *testing.T) {
	var out bytes.Buffer
	if code := Main([]string{"serve", "--port", "0", "--tls-cert", "x.pem"}, &out, &out); code != 2 || !strings.Contains(out.String(), "--tls-key") {
		t.Errorf("%d: %s", code, &out)
	}
}
