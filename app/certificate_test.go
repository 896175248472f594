package app

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// write makes a certificate with a serial number, valid as a file's content.
func write(t *testing.T, certFile, keyFile string, serial int64, modified time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: secret}} {
		put(t, name, pem.EncodeToMemory(block), modified)
	}
}

func put(t *testing.T, name string, data []byte, modified time.Time) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(name, modified, modified); err != nil {
		t.Fatal(err)
	}
}

func TestAChangedCertificateIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	at := time.Now().Add(-time.Hour)
	write(t, cert, key, 1, at)
	var log bytes.Buffer
	c, err := openCertificate(&Options{CertFile: cert, KeyFile: key, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	c.now = func() time.Time { return now }
	serial := func() int64 {
		got, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return got.Leaf.SerialNumber.Int64()
	}
	if serial() != 1 {
		t.Error("the first certificate is not used")
	}
	write(t, cert, key, 2, at.Add(time.Minute))
	if serial() != 1 {
		t.Error("the files are looked at in each handshake")
	}
	now = now.Add(2 * time.Second)
	if serial() != 2 {
		t.Error("the changed certificate is not used")
	}
	put(t, cert, []byte("half a file"), at.Add(2*time.Minute))
	now = now.Add(2 * time.Second)
	if serial() != 2 || !strings.Contains(log.String(), "the changed certificate is not used") {
		t.Errorf("half a file was used, or not logged: %s", &log)
	}
	logged := log.Len()
	now = now.Add(2 * time.Second)
	if serial() != 2 || log.Len() != logged {
		t.Errorf("the same failure is logged again: %s", &log)
	}
	if err := os.Remove(cert); err != nil {
		t.Fatal(err)
	}
	now = now.Add(2 * time.Second)
	if serial() != 2 {
		t.Error("a missing file ends the service")
	}
	write(t, cert, key, 3, at.Add(3*time.Minute))
	now = now.Add(2 * time.Second)
	if serial() != 3 {
		t.Error("the mended certificate is not used")
	}
}

func TestACertificateThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for want, opt := range map[string]Options{
		"only one of them is set":          {CertFile: cert},
		"the certificate cannot be read":   {CertFile: cert, KeyFile: key},
		"cannot be used: tls: failed to f": {CertFile: os.DevNull, KeyFile: os.DevNull},
	} {
		if c, err := openCertificate(&opt); c != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if c, err := openCertificate(&Options{}); c != nil || err != nil {
		t.Errorf("without one: %v, %v", c, err)
	}
}
