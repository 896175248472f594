package netguard

import (
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

// Names reports whether a pattern that an operator has written for whole addresses
// names the host of one that it matches, so that the operator can be taken to have
// opened that host, private or not. It does when the pattern has the host written
// out, or when it leaves no stranger a host: with another IP address in the place of
// an IP address, or another domain behind any number of the host's labels, it must
// not match any more. So `https://.*` names nothing, `https://[a-z]+\.corp\.example`
// names the hosts of corp.example, and `https://10\..*` names 10.1.2.3 and not
// 10.evil.example.
func Names(pattern *regexp.Regexp, address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil || !pattern.MatchString(address) {
		return false
	}
	// The host is looked for where the address has it, so that its letters elsewhere
	// do not count.
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok || !strings.HasPrefix(rest, u.Host) {
		return false
	}
	port := u.Port()
	if port != "" {
		port = ":" + port
	}
	matches := func(host string) bool {
		return pattern.MatchString(scheme + "://" + host + port + strings.TrimPrefix(rest, u.Host))
	}
	for _, stranger := range [...]string{"stranger.invalid", "198.51.100.77", "[2001:db8::77]"} {
		if matches(stranger) {
			return false
		}
	}
	host := u.Hostname()
	if _, err := netip.ParseAddr(host); err == nil || writtenOut(pattern, host) {
		return true
	}
	labels := strings.Split(host, ".")
	for i := range labels {
		if matches(strings.Join(labels[:i+1], ".") + ".stranger.invalid") {
			return false
		}
	}
	return true
}

// writtenOut reports whether a pattern has a host in it letter by letter, behind
// the slashes of an address.
func writtenOut(pattern *regexp.Regexp, host string) bool {
	text := strings.ToLower(pattern.String())
	host = strings.ToLower(host)
	return strings.Contains(text, "//"+regexp.QuoteMeta(host)) || strings.Contains(text, "//"+host)
}
