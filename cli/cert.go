package cli

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"
)

type certCommand struct {
	Names []string `arg:"" optional:"" help:"Host names and addresses of the gateway, besides localhost, 127.0.0.1 and ::1."`
	Cert  string   `default:"outcrop-cert.pem" placeholder:"FILE" help:"File to write the certificate to."`
	Key   string   `default:"outcrop-key.pem" placeholder:"FILE" help:"File to write the key to."`
	Days  int      `default:"365" help:"How many days the certificate is valid, 1 to 825."`
	Force bool     `help:"Replace existing files."`
}

// maxDays is how long a certificate may be valid for clients on macOS
// (https://support.apple.com/en-us/103769).
const maxDays = 825

// Run makes a certificate that is its own issuer: clients trust it alone, and its key can sign
// nothing else.
func (c *certCommand) Run(con console) error {
	if c.Days < 1 || c.Days > maxDays {
		return &usageError{fmt.Sprintf("--days must be 1 to %d, not %d", maxDays, c.Days), ""}
	}
	if !c.Force {
		for _, name := range []string{c.Cert, c.Key} {
			if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
				return &usageError{name + " exists already", "Choose other files with --cert and --key, or replace these with --force."}
			}
		}
	}
	cert, key, err := selfSigned(append([]string{"localhost", "127.0.0.1", "::1"}, c.Names...), time.Now(), c.Days)
	if err != nil {
		return err
	}
	if err := writePrivate(c.Key, key); err != nil {
		return err
	}
	if err := os.WriteFile(c.Cert, cert, 0o644); err != nil { //nolint:gosec // a certificate is public
		return err
	}
	full, err := filepath.Abs(c.Cert)
	if err != nil {
		full = c.Cert
	}
	fmt.Fprintf(con.out, `outcrop: wrote the certificate to %[1]s and its key to %[2]s

Serve HTTPS with it:
  outcrop serve --tls-cert %[1]s --tls-key %[2]s

Make clients trust it:
  export AWS_CA_BUNDLE=%[3]s        # boto3, the AWS CLI, AWS SDK for Go
  export NODE_EXTRA_CA_CERTS=%[3]s  # Node: AWS SDK for JavaScript, the AI SDK
  export SSL_CERT_FILE=%[3]s        # Python's httpx, Go; it replaces the system's certificates
  keytool -importcert -noprompt -alias outcrop -file %[3]s -cacerts  # Java

Do not add it to a browser's or a system's trusted certificates, and keep the key secret.
`, c.Cert, c.Key, full)
	return nil
}

// writePrivate writes a file that only its owner can read, also if it existed before.
func writePrivate(name string, data []byte) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.WriteFile(name, data, 0o600)
}

// selfSigned makes a certificate for names, and its key, in PEM.
func selfSigned(names []string, now time.Time, days int) (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "Outcrop on this machine"},
		NotBefore:    now.Add(-time.Hour), // clocks differ
		NotAfter:     now.AddDate(0, 0, days),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		// It is no CA: Rust's TLS library refuses a CA's certificate as a server's.
		BasicConstraintsValid: true,
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			if !slices.ContainsFunc(template.IPAddresses, ip.Equal) {
				template.IPAddresses = append(template.IPAddresses, ip)
			}
		} else if !slices.Contains(template.DNSNames, name) {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return nil, nil, fmt.Errorf("the certificate cannot be made: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), nil
}
