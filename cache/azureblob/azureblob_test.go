package azureblob_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outcrop/cache/azureblob"
	"outcrop/cache/cachetest"
	"outcrop/internal/need"
	"outcrop/internal/port"
	"outcrop/internal/process"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a clock that the test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// certificate makes a certificate for this machine, which takes tokens only with TLS.
func certificate(t *testing.T, dir string) (cert, key string, roots *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "azurite"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(parsed)
	return cert, key, roots
}

// azurite is Azurite, Microsoft's own double of the service. It checks whom a token is for and its times, and not who has signed it.
func azurite(t *testing.T) (account string, roots *x509.CertPool) {
	t.Helper()
	script := need.File(t, "../../e2e/sdks/azurite/node_modules/azurite/dist/src/blob/main.js", "the Node package of e2e/sdks/azurite")
	reserved, err := port.Reserve()
	if err != nil {
		t.Fatal(err)
	}
	host, number, _ := strings.Cut(reserved.Address(), ":")
	dir := t.TempDir()
	cert, key, roots := certificate(t, dir)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "node", script, "--blobHost", host, "--blobPort", number, "--oauth", "basic", "--cert", cert, "--key", key, "--silent", "--disableTelemetry", "--inMemoryPersistence")
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dialer := &net.Dialer{Timeout: time.Second}
	p := &process.Process{}
	if err := p.Launch(ctx, cmd, 50*time.Millisecond, func() bool {
		c, err := dialer.DialContext(ctx, "tcp", reserved.Address())
		if err != nil {
			return false
		}
		return c.Close() == nil
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(p.End(os.Kill), reserved.Release()); err != nil {
			t.Error(err)
		}
	})
	return "https://" + reserved.Address() + "/devstoreaccount1", roots
}

// token is a token of Entra ID for an audience, without a signature that anybody could check.
func token(audience string) string {
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	claims := fmt.Sprintf(`{"aud":%q,"iss":"https://sts.windows.net/ab1f708d-50f6-404c-a006-d71b2ac7a606/","nbf":%d,"iat":%d,"exp":%d}`, audience, time.Now().Add(-time.Hour).Unix(), time.Now().Add(-time.Hour).Unix(), time.Now().Add(time.Hour).Unix())
	return part(`{"typ":"JWT","alg":"RS256"}`) + "." + part(claims) + "." + part("signature")
}

func open(t *testing.T, opt azureblob.Options, audience string) *azureblob.Store {
	t.Helper()
	opt.MaxAnswer = 1 << 20
	opt.Token = func(context.Context) (string, time.Time, error) { return token(audience), time.Time{}, nil }
	s, err := azureblob.Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestTheStoreIsOne(t *testing.T) {
	account, roots := azurite(t)
	const storage = "https://storage.azure.com"
	c := &clock{time.Now()}
	opt := azureblob.Options{Account: account, Container: "answers", Roots: roots, Now: c.now}
	s := open(t, opt, storage)
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("a container that is not there yet: %v", err)
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Errorf("a container that is not there yet: %v", err)
	}
	if err := s.Set(t.Context(), "first", []byte("value"), 0); err != nil { // which makes the container
		t.Fatal(err)
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	cachetest.Run(t, s, cachetest.Options{Pass: func(d time.Duration) { c.at = c.at.Add(d) }, Another: open(t, opt, storage)})
	stranger := open(t, opt, "https://cognitiveservices.azure.com")
	if err := stranger.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "403") && !strings.Contains(err.Error(), "401") {
		t.Errorf("a token for something else: %v", err)
	}
}

func TestWhereTokensComeFrom(t *testing.T) {
	for _, tt := range []struct {
		environ map[string]string
		want    string
	}{
		{nil, "AZURE_TENANT_ID"},
		{map[string]string{"AZURE_AD_TOKEN": "of-models"}, "AZURE_TENANT_ID"},
		{map[string]string{"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s"}, ""},
	} {
		s, err := azureblob.Open(azureblob.Options{Account: "https://a.blob.core.windows.net", Container: "c", Environ: func(name string) string { return tt.environ[name] }})
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v", tt.environ, err)
		}
		if s != nil {
			_ = s.Close() // it has no error
		}
	}
	for _, account := range []string{"", "a.blob.core.windows.net", "ftp://a", "https://a.blob.core.windows.net?sv=1"} {
		if _, err := azureblob.Open(azureblob.Options{Account: account, Container: "c", Environ: func(string) string { return "" }}); err == nil || !strings.Contains(err.Error(), "must be a URL") {
			t.Errorf("%q: %v", account, err)
		}
	}
}
