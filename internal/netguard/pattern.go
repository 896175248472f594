package netguard

import (
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

// Names reports whether an operator's pattern for whole URLs names the host of a URL that it
// matches, so that the operator can be assumed to have allowed that host, private or not. It does
// if the pattern contains the host literally, or if strangers cannot choose the host: with another
// IP address in place of an IP address, or another domain after any number of the host's labels, it
// must no longer match. So `https://.*` names nothing, `https://[a-z]+\.corp\.example` names the
// hosts of corp.example, and `https://10\..*` names 10.1.2.3 but not 10.evil.example.
func Names(pattern *regexp.Regexp, address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil || !pattern.MatchString(address) {
		return false
	}
	// Search for the host at its position in the URL, so that its letters elsewhere do not count.
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

// writtenOut reports whether a pattern contains a host literally, after the slashes of a URL.
func writtenOut(pattern *regexp.Regexp, host string) bool {
	text := strings.ToLower(pattern.String())
	host = strings.ToLower(host)
	return strings.Contains(text, "//"+regexp.QuoteMeta(host)) || strings.Contains(text, "//"+host)
}
