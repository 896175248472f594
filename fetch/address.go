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

// maxAddress is the longest URL accepted, in bytes; presigned S3 URLs with session tokens have
// about two thousand.
const maxAddress = 8 << 10

// parse reads an http or https URL from a request or a redirect, and refuses URLs that must not be
// fetched, as far as that is known without DNS. Its errors contain neither userinfo nor query.
func (c *Client) parse(s string, base *url.URL) (*url.URL, *problem) {
	const long = "a URL of more than 8192 bytes"
	if len(s) > maxAddress {
		return nil, bad(long)
	}
	u, err := url.Parse(s)
	if err != nil { // err repeats the URL, which may contain a signature
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
	if len(u.String()) > maxAddress { // after escaping and resolving against a redirect's base
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

// hostPort returns the host of a URL, in lower case and without brackets or a final dot, and its
// port.
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

// show returns a URL for messages, without query and userinfo, which may contain a signature or a
// password. For the log it omits the path too, because the log keeps none of the client's content.
func show(u *url.URL, withPath bool) string {
	s := u.Scheme + "://" + u.Host
	if withPath {
		s += u.EscapedPath()
	}
	return llm.Clip(s, 300)
}

// base returns the last segment of a URL's path, and its extension.
func base(u *url.URL) (name, extension string) {
	last := path.Base(u.Path)
	if last == "/" || last == "." {
		return "", ""
	}
	extension = path.Ext(last)
	return strings.TrimSuffix(last, extension), strings.ToLower(strings.TrimPrefix(extension, "."))
}

func quote(s string) string { return strconv.Quote(llm.Clip(s, 100)) }
