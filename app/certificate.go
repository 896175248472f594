package app

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"
)

// certificate is the server's certificate, which is read again when its files change: those who renew
// certificates only replace the files.
type certificate struct {
	cert, key string // names of files
	log       *slog.Logger
	now       func() time.Time

	mu      sync.Mutex
	current *tls.Certificate
	read    [2]version // of the files, when they were last read
	checked time.Time  // when the files were last looked at
}

// version is what is seen of a file without reading it.
type version struct {
	modified time.Time
	size     int64
}

// checkPause is the minimum time between two looks at the files.
const checkPause = time.Second

// openCertificate reads the server's certificate; nil if none is configured.
func openCertificate(opt *Options) (*certificate, error) {
	c := &certificate{cert: opt.CertFile, key: opt.KeyFile, log: opt.Logger, now: time.Now}
	if opt.Config != nil {
		c.cert, c.key = cmp.Or(c.cert, opt.Config.General.CertFile), cmp.Or(c.key, opt.Config.General.KeyFile)
	}
	switch {
	case c.cert == "" && c.key == "":
		return nil, nil //nolint:nilnil // it is optional
	case c.cert == "" || c.key == "":
		return nil, errors.New("a certificate and its key are needed for HTTPS, but only one of them is set")
	}
	read, err := c.versions()
	if err != nil {
		return nil, err
	}
	if err := c.load(read); err != nil {
		return nil, err
	}
	return c, nil
}

// versions looks at the files.
func (c *certificate) versions() (v [2]version, err error) {
	for i, name := range [...]string{c.cert, c.key} {
		info, err := os.Stat(name)
		if err != nil {
			return v, fmt.Errorf("the certificate cannot be read: %w", err)
		}
		v[i] = version{info.ModTime(), info.Size()}
	}
	return v, nil
}

// load reads the files.
func (c *certificate) load(read [2]version) error {
	c.read = read
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("the certificate %s with the key %s cannot be used: %w", c.cert, c.key, err)
	}
	c.current = &pair
	return nil
}

// get returns the certificate for a handshake. If the new files cannot be used, the old certificate
// is kept, and the next change is waited for: half of the pair may have been replaced.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if now.Sub(c.checked) < checkPause {
		return c.current, nil
	}
	c.checked = now
	read, err := c.versions()
	if err != nil || read == c.read {
		return c.current, nil // files that are being replaced may be missing
	}
	if err := c.load(read); err != nil {
		c.log.Warn("the changed certificate is not used", slog.String("error", err.Error()))
		return c.current, nil
	}
	c.log.Info("read the changed certificate", slog.String("file", c.cert), slog.Time("expires", c.current.Leaf.NotAfter))
	return c.current, nil
}

// settings are those of TLS: HTTP/2 for clients that want it.
func (c *certificate) settings() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get, NextProtos: []string{"h2", "http/1.1"}}
}

// listen is l with TLS, if there is a certificate.
func (a *App) listen(l net.Listener) net.Listener {
	if a.cert == nil {
		return l
	}
	return tls.NewListener(l, a.cert.settings())
}
