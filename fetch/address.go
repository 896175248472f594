package fetch

import (
	"net"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"

	"outcrop/internal/netguard"
	"outcrop/llm"
)

// maxAddress is how long an address may be, in bytes; presigned ones of S3 with
// session tokens are about two thousand.
const maxAddress = 8 << 10

// parse reads an http or https address, whether a request or a redirect gives it,
// and refuses what is not to be fetched as far as that can be told without asking
// DNS. Neither userinfo nor query stand in its errors.
func (c *Client) parse(s string, base *url.URL) (*url.URL, *problem) {
	const long = "a URL of more than 8192 bytes"
	if len(s) > maxAddress {
		return nil, bad(long)
	}
	u, err := url.Parse(s)
	if err != nil { // it repeats the address, which may hold a signature
		return nil, bad("an invalid URL")
	}
	if base != nil {
		u = base.ResolveReference(u)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, unfit("is a URL of the unsupported scheme " + quote(u.Scheme))
	case u.Opaque != "" || u.Host == "":
		return nil, bad("a URL without a host")
	case u.User != nil:
		return nil, bad("a URL with a user name or password, which is not supported")
	}
	host, port, p := hostPort(u)
	if p != nil {
		return nil, p
	}
	u.Host, u.Fragment, u.RawFragment = host, "", ""
	if strings.Contains(host, ":") {
		u.Host = "[" + host + "]"
	}
	if port != defaultPort(u.Scheme) {
		u.Host = net.JoinHostPort(host, strconv.Itoa(int(port)))
	}
	if len(u.String()) > maxAddress { // escaped, and from where a redirect stood
		return nil, bad(long)
	}
	if err := c.guard.Port(host, port); err != nil {
		return nil, closed("a URL with a port that the gateway does not fetch from", err)
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		if err := c.guard.Address(host, netip.AddrPortFrom(addr, port)); err != nil {
			return nil, closed("a URL whose address is not public", err)
		}
	}
	return u, nil
}

// hostPort gives the host of an address, in lower case and without brackets or the
// dot at its end, and its port.
func hostPort(u *url.URL) (string, uint16, *problem) {
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	for _, c := range []byte(host) {
		if c >= 0x80 {
			return "", 0, bad("a URL whose host is not in ASCII; write it in Punycode (xn--...)")
		}
	}
	if addr, err := netip.ParseAddr(host); err == nil && addr.Zone() == "" {
		host = addr.String()
	} else if !netguard.IsName(host) {
		return "", 0, bad("a URL whose host is neither a name nor an IP address in its usual form")
	}
	if u.Port() == "" {
		return host, defaultPort(u.Scheme), nil
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || port == 0 {
		return "", 0, bad("a URL with an invalid port")
	}
	return host, uint16(port), nil
}

func defaultPort(scheme string) uint16 {
	if scheme == "http" {
		return 80
	}
	return 443
}

// show is an address as it may be said: query and userinfo may hold a signature or
// a password. The path is left out for the log, which keeps nothing of what a
// caller says.
func show(u *url.URL, withPath bool) string {
	s := u.Scheme + "://" + u.Host
	if withPath {
		s += u.EscapedPath()
	}
	return llm.Clip(s, 300)
}

// base gives the last part of an address's path, without and with its extension.
func base(u *url.URL) (name, extension string) {
	last := path.Base(u.Path)
	if last == "/" || last == "." {
		return "", ""
	}
	extension = path.Ext(last)
	return strings.TrimSuffix(last, extension), strings.ToLower(strings.TrimPrefix(extension, "."))
}

func quote(s string) string { return strconv.Quote(llm.Clip(s, 100)) }
