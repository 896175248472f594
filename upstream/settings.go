package upstream

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"

	"outcrop/internal/netguard"
)

// Settings are connection settings that differ from those of New. Equal settings share one client.
type Settings struct {
	// CAFile is a PEM file with the only trusted CAs; empty for the system's.
	CAFile string
	// Insecure disables the verification of certificates.
	Insecure bool
	// CertFile and KeyFile are PEM files with the client's certificate, followed by its
	// intermediate certificates, and with its key; if KeyFile is empty, CertFile contains both.
	// They are read again for each connection, so that renewed certificates take effect.
	CertFile, KeyFile string
	// Guard determines which addresses are refused.
	Guard Guard
}

// Guard determines which addresses are refused. It checks the address that a name resolves to, so
// that names cannot bypass it. Through a proxy it checks literal addresses only; the proxy must
// then guard what names resolve to.
type Guard uint8

// Values of Guard.
const (
	// Anywhere allows every address.
	Anywhere Guard = iota
	// Administered allows what NoMetadata does, for addresses that an administrator has set while the
	// gateway runs. Who calls them may learn that a name is not in DNS.
	Administered
	// NoMetadata allows public and private addresses and this machine, but not metadata services,
	// where machines and containers get their own secrets, nor addresses that no name resolves to:
	// see netguard.NoMetadata.
	NoMetadata
	// PublicOnly allows public addresses: see netguard.Public.
	PublicOnly
)

// NotPublicError is a host that a guard refuses or, where a client has named it, that is not in DNS. A client that named it does
// not learn which, or it could find out the names of a private network.
type NotPublicError struct {
	err          error
	administered bool
}

func (e *NotPublicError) Error() string {
	if e.administered {
		return "the host has an address of a metadata service, or one that no other machine has, so that only models of the configuration's file may name it"
	}
	return "the host is not in DNS, or not public, so that requests may not name it"
}

// Unwrap is the actual reason, for the log.
func (e *NotPublicError) Unwrap() error { return e.err }

// SettingError is a setting with an invalid value.
type SettingError struct {
	Setting string // a field of Settings
	Err     error
}

func (e *SettingError) Error() string { return e.Err.Error() }

func (e *SettingError) Unwrap() error { return e.Err }

// With returns the client for other settings. Deployments with the same settings share the client
// and its connections; CloseIdle of c closes those too. The client's guard is at least as strict as
// that of c, and settings that ask for nothing else return c itself. With reads the files once to
// check them; an error is a *SettingError.
func (c *Client) With(s Settings) (*Client, error) {
	s.Guard = max(s.Guard, c.guard)
	if s == (Settings{Guard: c.guard}) {
		return c, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.others[s]; known != nil {
		return known, nil
	}
	client := New()
	client.authorities = c.authorities
	if err := client.apply(s); err != nil {
		return nil, err
	}
	client.proxy = c.proxy
	if c.others == nil {
		c.others = map[Settings]*Client{}
	}
	c.others[s] = client
	return client, nil
}

// Guard determines which addresses the client refuses.
func (c *Client) Guard() Guard { return c.guard }

// apply configures a new client with settings.
func (c *Client) apply(s Settings) error {
	if s.CAFile != "" {
		var err error
		if c.roots, err = c.authorities.read(s.CAFile); err != nil {
			return &SettingError{"CAFile", err}
		}
	}
	c.tls.InsecureSkipVerify = s.Insecure // set by the gateway's operator
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
		c.dialer.Control = s.Guard.Control
	}
	c.proxyTransport.TLSClientConfig = c.tls.Clone()
	return nil
}

func clientCertificate(certFile, keyFile string) (*tls.Certificate, error) {
	if keyFile == "" {
		keyFile = certFile
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil { // the error of package tls names the file, and contains none of its content
		return nil, fmt.Errorf("the client's certificate cannot be used: %w", err)
	}
	return &pair, nil
}

// Control refuses a connection to an address and port that the guard does not allow. It is a Control of
// net.Dialer, so that it sees what a name has resolved to.
func (g Guard) Control(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	switch {
	case g == Anywhere:
		return nil
	case err != nil:
		return err
	case g == PublicOnly:
		return netguard.Public(to.Addr())
	default:
		return netguard.NoMetadata(to.Addr())
	}
}

// written checks a host before a request to a proxy: a literal address must be allowed, and
// anything else must be a name and not an unusual spelling of an address.
func (g Guard) written(u *url.URL) error {
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if addr, err := netip.ParseAddr(host); err == nil {
		return g.Control("", netip.AddrPortFrom(addr, 0).String(), nil)
	}
	if !netguard.IsName(host) {
		return &NotPublicError{err: errors.New("the host is neither a name nor an IP address in its usual form"), administered: g == Administered}
	}
	return nil
}

// hidden returns the failure of a connection in the form that the client who named its host may
// see.
func (g Guard) hidden(err error) error {
	var dns *net.DNSError
	if g != Anywhere && (netguard.IsClosed(err) || g != Administered && errors.As(err, &dns)) {
		return &NotPublicError{err, g == Administered}
	}
	return err
}
