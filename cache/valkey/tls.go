package valkey

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// TLS is how a server proves who it is, and the gateway to it. It matters only for addresses with rediss://.
type TLS struct {
	// CA is a file with the authorities that are trusted; empty for the system's.
	CA string
	// Cert and Key are files with the gateway's certificate and its key; empty for none.
	Cert, Key string
	// AnyName trusts certificates for other names, and AnyCertificate all certificates.
	AnyName, AnyCertificate bool
}

// apply changes the configuration of a connection.
func (t *TLS) apply(to *tls.Config) error {
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return fmt.Errorf("ssl_ca_certs: %w", err)
		}
		to.RootCAs = x509.NewCertPool()
		if !to.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("ssl_ca_certs: %s has no certificate in PEM", t.CA)
		}
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return fmt.Errorf("ssl_certfile and ssl_keyfile: %w", err)
		}
		to.Certificates = []tls.Certificate{pair}
	}
	switch {
	case t.AnyCertificate:
		to.InsecureSkipVerify = true // the operator has asked for it
	case t.AnyName:
		to.InsecureSkipVerify = true // the chain is verified below
		roots := to.RootCAs
		to.VerifyConnection = func(state tls.ConnectionState) error { return verify(state.PeerCertificates, roots) }
	}
	return nil
}

// verify verifies a chain of certificates, whatever names it is for.
func verify(chain []*x509.Certificate, roots *x509.CertPool) error {
	if len(chain) == 0 {
		return errors.New("the server has sent no certificate")
	}
	opt := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range chain[1:] {
		opt.Intermediates.AddCert(c)
	}
	_, err := chain[0].Verify(opt)
	return err
}
