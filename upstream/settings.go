package upstream

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"syscall"

	"outcrop/internal/netguard"
)

// Settings are how connections are made, where that differs from what New makes.
// Settings that are equal are the same: clients are shared by them.
type Settings struct {
	// CAFile is a PEM file with the only authorities that certificates are trusted
	// of; empty for the system's.
	CAFile string
	// Insecure is whether certificates are not checked at all.
	Insecure bool
	// CertFile and KeyFile are PEM files with the client's certificate, with those
	// that lead to its authority behind it, and with its key; an empty KeyFile is the
	// same file. They are read anew for each connection, so that renewed ones count.
	CertFile, KeyFile string
	// Guard says which addresses are not connected to.
	Guard Guard
}

// Guard says which addresses are not connected to. It looks at the address that a
// name has led to, so that no name gets around it. Through a proxy it looks at
// addresses that are written as such; where names lead is the proxy's to guard then.
type Guard uint8

// Guards.
const (
	// Anywhere connects to every address.
	Anywhere Guard = iota
	// NoMetadata connects to public and private addresses and to this machine, but not
	// to where machines and containers are told their own secrets, nor to addresses of
	// a kind that no name stands for: what netguard.NoMetadata lets through.
	NoMetadata
	// PublicOnly connects to public addresses: what netguard.Public lets through.
	PublicOnly
)

// NotPublicError is a host that a guard keeps away from, or that DNS does not know:
// whoever named it is not told which, or could ask what names a private network has.
type NotPublicError struct{ err error }

func (*NotPublicError) Error() string {
	return "the host is not in DNS, or not public, so that requests may not name it"
}

// Unwrap is what there is to it, for the log.
func (e *NotPublicError) Unwrap() error { return e.err }

// SettingError is a setting with a value that cannot be.
type SettingError struct {
	Setting string // a field of Settings
	Err     error
}

func (e *SettingError) Error() string { return e.Err.Error() }

func (e *SettingError) Unwrap() error { return e.Err }

// With gives the client for other settings. Deployments with the same settings get
// the same client, and with it the same connections; CloseIdle of c closes those
// too. The zero Settings are c itself. The files are read once to see whether they
// can be; an error is a *SettingError.
func (c *Client) With(s Settings) (*Client, error) {
	if s == (Settings{}) {
		return c, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.others[s]; known != nil {
		return known, nil
	}
	made := New()
	if err := made.apply(s); err != nil {
		return nil, err
	}
	made.proxy = c.proxy
	if c.others == nil {
		c.others = map[Settings]*Client{}
	}
	c.others[s] = made
	return made, nil
}

// apply makes a new client heed settings.
func (c *Client) apply(s Settings) error {
	if s.CAFile != "" {
		roots, err := Authorities(s.CAFile)
		if err != nil {
			return &SettingError{"CAFile", err}
		}
		c.tls.RootCAs = roots
	}
	c.tls.InsecureSkipVerify = s.Insecure // as whoever runs the gateway says
	if s.CertFile != "" {
		load := func() (*tls.Certificate, error) { return clientCertificate(s.CertFile, s.KeyFile) }
		if _, err := load(); err != nil {
			return &SettingError{"CertFile", err}
		}
		c.tls.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() }
	} else if s.KeyFile != "" {
		return &SettingError{"KeyFile", errors.New("no certificate is set for this key")}
	}
	if c.guard = s.Guard; c.guard != Anywhere {
		c.proxyTransport.DialContext = (&net.Dialer{Timeout: c.dialer.Timeout, KeepAlive: c.dialer.KeepAlive}).DialContext // to the proxy
		c.dialer.Control = func(_, address string, _ syscall.RawConn) error { return s.Guard.check(address) }
	}
	c.proxyTransport.TLSClientConfig = c.tls.Clone()
	return nil
}

// Authorities reads the certificates of a PEM file. Its error does not name the
// file's setting.
func Authorities(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%q contains no certificate", file)
	}
	return roots, nil
}

func clientCertificate(certFile, keyFile string) (*tls.Certificate, error) {
	if keyFile == "" {
		keyFile = certFile
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil { // package tls names the file, and shows nothing that it holds
		return nil, fmt.Errorf("the client's certificate cannot be used: %w", err)
	}
	return &pair, nil
}

// check reports an address, with its port, that is not connected to.
func (g Guard) check(address string) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if g == PublicOnly {
		return netguard.Public(to.Addr())
	}
	return netguard.NoMetadata(to.Addr())
}

// written checks a host before a proxy is asked for it: what is written as an address
// must be one that may be connected to, and anything else a name and no other spelling
// of an address.
func (g Guard) written(u *url.URL) error {
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if addr, err := netip.ParseAddr(host); err == nil {
		return g.check(netip.AddrPortFrom(addr, 0).String())
	}
	if !netguard.IsName(host) {
		return &NotPublicError{errors.New("the host is neither a name nor an IP address in its usual form")}
	}
	return nil
}

// hidden gives the failure of a connection as whoever named its host may know it.
func (g Guard) hidden(err error) error {
	var dns *net.DNSError
	if g != Anywhere && (netguard.IsClosed(err) || errors.As(err, &dns)) {
		return &NotPublicError{err}
	}
	return err
}
