package upstream

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"sync"
)

// authorities are the files of CAs that a client, and those that it has made by With, trust. The certificates of a file are
// parsed once, when they are needed first: a system's bundle has some 150, which takes milliseconds, and many clients have
// the same.
type authorities struct {
	mu    sync.Mutex
	files map[string]bundle // by name
}

// bundle is a file as it was read last.
type bundle struct {
	sum   [sha256.Size]byte
	roots func() *x509.CertPool
}

// read reads a file, and returns what parses it. The same content is parsed once. The error is that of Authorities.
func (a *authorities) read(file string) (roots func() *x509.CertPool, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	sum := sha256.Sum256(data)
	a.mu.Lock()
	defer a.mu.Unlock()
	if known, ok := a.files[file]; ok && known.sum == sum {
		return known.roots, nil
	}
	if !hasCertificate(data) {
		return nil, fmt.Errorf("%q contains no certificate", file)
	}
	b := bundle{sum, sync.OnceValue(func() *x509.CertPool {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(data) // which passes over what is no certificate; there is at least one
		data = nil
		return pool
	})}
	if a.files == nil {
		a.files = map[string]bundle{}
	}
	a.files[file] = b
	return b.roots, nil
}

// hasCertificate reports whether a pool takes any certificate from a PEM file.
func hasCertificate(data []byte) bool {
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			return false
		}
		if block.Type == "CERTIFICATE" && len(block.Headers) == 0 {
			if _, err := x509.ParseCertificate(block.Bytes); err == nil {
				return true
			}
		}
		data = rest
	}
}

// Authorities returns the certificates of a PEM file. As long as the file stays the same, they are those of the client's
// own connections, and parsed once. The error does not name the setting.
func (c *Client) Authorities(file string) (*x509.CertPool, error) {
	roots, err := c.authorities.read(file)
	if err != nil {
		return nil, err
	}
	return roots(), nil
}

// Authorities reads the certificates of a PEM file. Its error does not name the setting.
func Authorities(file string) (*x509.CertPool, error) {
	roots, err := new(authorities).read(file)
	if err != nil {
		return nil, err
	}
	return roots(), nil
}
