package valkey_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"outcrop/cache/valkey"
	"outcrop/internal/need"
	"outcrop/internal/port"
	"outcrop/internal/process"
	server "outcrop/internal/valkey"
)

// authority issues certificates, as files.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	a.issue(t, "ca", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

// issue writes NAME.crt and NAME.key.
func (a *authority) issue(t *testing.T, name string, c *x509.Certificate) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.SerialNumber, c.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: name}
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, private
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &private.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert == nil {
		a.key = private
		if a.cert, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return a.write(t, name+".crt", "CERTIFICATE", der), a.write(t, name+".key", "PRIVATE KEY", secret)
}

func (a *authority) write(t *testing.T, name, kind string, der []byte) string {
	t.Helper()
	file := filepath.Join(a.dir, name)
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// startTLS starts a server that speaks only TLS and asks for a certificate. Its own is for the host, or for another.
func startTLS(t *testing.T, a *authority, sentinelOf ...string) (address string) {
	t.Helper()
	program, err := server.Program()
	if err != nil {
		need.Missing(t, err.Error())
	}
	reserved, err := port.Reserve()
	if err != nil {
		t.Fatal(err)
	}
	host, number, _ := strings.Cut(reserved.Address(), ":")
	args := []string{"--bind", host, "--port", "0", "--tls-port", number, "--dir", t.TempDir(), "--save", "", "--tls-ca-cert-file", filepath.Join(a.dir, "ca.crt"), "--tls-cert-file", filepath.Join(a.dir, "server.crt"), "--tls-key-file", filepath.Join(a.dir, "server.key"), "--tls-auth-clients", "yes"}
	if len(sentinelOf) > 0 {
		_, masterPort, _ := strings.Cut(sentinelOf[0], ":")
		conf := filepath.Join(t.TempDir(), "sentinel.conf")
		text := "sentinel monitor answers 127.0.0.1 " + masterPort + " 1\nrequirepass of-the-sentinel\ntls-replication yes\n"
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append([]string{conf, "--sentinel"}, args...)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, args...)
	p := &process.Process{}
	if err := p.Launch(t.Context(), cmd, 20*time.Millisecond, func() bool {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", reserved.Address())
		return err == nil && conn.Close() == nil
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.End(os.Kill); err != nil {
			t.Error(err)
		}
		if err := reserved.Release(); err != nil {
			t.Error(err)
		}
	})
	return reserved.Address()
}

// patiently repeats what fails because a connection took longer than the store waits for it, which is short for a busy machine.
func patiently(do func() error) error {
	for began := time.Now(); ; {
		if err := do(); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > time.Minute {
			return err
		}
	}
}

// A real server is reached by TLS with the settings of redis-py, and only if each side trusts the other.
func TestAServerBehindTLS(t *testing.T) {
	own, other := newAuthority(t), newAuthority(t)
	own.issue(t, "server", &x509.Certificate{DNSNames: []string{"elsewhere.example"}})
	cert, key := own.issue(t, "gateway", &x509.Certificate{})
	ca, foreign := filepath.Join(own.dir, "ca.crt"), filepath.Join(other.dir, "ca.crt")
	address := startTLS(t, own)
	for _, tt := range []struct {
		name string
		tls  valkey.TLS
		says string
	}{
		{"trusted", valkey.TLS{CA: ca, Cert: cert, Key: key, AnyName: true}, ""},
		{"anybody", valkey.TLS{Cert: cert, Key: key, AnyCertificate: true}, ""},
		{"of another name", valkey.TLS{CA: ca, Cert: cert, Key: key}, "cannot validate certificate for 127.0.0.1"},
		{"of another authority", valkey.TLS{CA: foreign, Cert: cert, Key: key, AnyName: true}, "unknown authority"},
		{"of the system", valkey.TLS{Cert: cert, Key: key, AnyName: true}, "unknown authority"},
		{"without a certificate", valkey.TLS{CA: ca, AnyName: true}, "connecting to Valkey"},
	} {
		s, err := valkey.Open(valkey.Options{Address: "rediss://" + address, TLS: tt.tls})
		if err != nil {
			t.Fatal(err)
		}
		switch err := patiently(func() error { return s.Ping(t.Context()) }); {
		case tt.says == "" && err != nil, tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)):
			t.Errorf("%s: %v", tt.name, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, tt := range []valkey.TLS{{CA: "missing"}, {CA: key}, {Cert: cert, Key: ca}} {
		if _, err := valkey.Open(valkey.Options{Address: "rediss://" + address, TLS: tt}); err == nil || !strings.HasPrefix(err.Error(), "ssl_") {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}

// Sentinels with a password of their own know where the server is.
func TestSentinelsWithAPassword(t *testing.T) {
	own := newAuthority(t)
	own.issue(t, "server", &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	server := startTLS(t, own)
	sentinel := startTLS(t, own, server)
	trust := valkey.TLS{CA: filepath.Join(own.dir, "ca.crt"), Cert: filepath.Join(own.dir, "server.crt"), Key: filepath.Join(own.dir, "server.key")}
	if _, err := tls.LoadX509KeyPair(trust.Cert, trust.Key); err != nil {
		t.Fatal(err)
	}
	for password, works := range map[string]bool{"of-the-sentinel": true, "wrong": false, "": false} {
		s, err := valkey.Open(valkey.Options{Address: "rediss://" + sentinel, Nodes: []string{sentinel}, Service: "answers", TLS: trust, SentinelPassword: password})
		if err != nil {
			t.Fatal(err)
		}
		if err := patiently(func() error { return s.Set(t.Context(), "k", []byte("v"), 0) }); (err == nil) != works {
			t.Errorf("%q: %v", password, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
