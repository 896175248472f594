package upstream

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
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
// name has led to, so that no name gets around it. What goes through a proxy is
// the proxy's to guard.
type Guard uint8

// Guards.
const (
	// Anywhere connects to every address.
	Anywhere Guard = iota
	// NoMetadata keeps away from where machines and containers are told their own
	// secrets: link-local addresses, and those that AWS has beside them.
	NoMetadata
	// NoHost keeps away from this machine too.
	NoHost
)

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
		return &SettingError{"KeyFile", errors.New("there is no certificate that the key belongs to")}
	}
	if s.Guard != Anywhere {
		c.by.DialContext = (&net.Dialer{Timeout: c.dialer.Timeout, KeepAlive: c.dialer.KeepAlive}).DialContext // to the proxy
		c.dialer.Control = func(_, address string, _ syscall.RawConn) error { return s.Guard.check(address) }
	}
	c.by.TLSClientConfig = c.tls.Clone()
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
		return nil, fmt.Errorf("%q holds no certificate", file)
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

// guardedError is an address that a guard keeps away from.
type guardedError struct{ addr netip.Addr }

func (e *guardedError) Error() string {
	return "calls to " + e.addr.String() + " are not made for an address that a request gives"
}

// check reports an address, with its port, that is not connected to.
func (g Guard) check(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return err
	}
	addr = addr.Unmap().WithZone("")
	if addr.IsLinkLocalUnicast() || addr.IsMulticast() || awsLocal6().Contains(addr) ||
		g >= NoHost && (addr.IsLoopback() || addr.IsUnspecified()) {
		return &guardedError{addr}
	}
	return nil
}

// awsLocal6 holds what AWS has for machines to ask in IPv6, which is not
// link-local there: the instance metadata service at fd00:ec2::254
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html),
// the EKS Pod Identity agent at fd00:ec2::23
// (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html).
func awsLocal6() netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, 0x00, 0x0e, 0xc2}), 32)
}
