// Package netguard decides which network addresses a gateway may connect to for clients that supply
// them: URLs of media, and endpoints. It blocks everything that is not public, including all forms
// of IPv6 address that contain an IPv4 address, and the clouds' metadata services.
//
// The check applies to the address that is connected to, at that moment: DNS answers at another
// time do not matter.
package netguard

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Rule allows a host or network that is otherwise blocked.
type Rule struct {
	host    string       // lower case; *.example.com for all subdomains
	network netip.Prefix // used if host is empty
	port    uint16       // 0 for every port, or, for a network, for 80 and 443
}

// ParseRule reads a rule: a host name (files.corp.example, *.corp.example), an address (10.1.2.3,
// fd00::1) or a network (10.0.0.0/8), optionally followed by a port (files.corp.example:9000,
// [fd00::1]:9000).
//
// A host name matches the host in a URL, whatever it resolves to, except metadata services and
// link-local addresses: only a network within those ranges allows them. A host or an address
// without a port allows every port, a larger network 80 and 443.
func ParseRule(s string) (Rule, error) {
	if r, ok := parseHost(s); ok {
		return r, nil
	}
	host, text, err := net.SplitHostPort(s)
	if err == nil {
		port, err := strconv.ParseUint(text, 10, 16)
		if r, ok := parseHost(host); ok && err == nil && port > 0 {
			r.port = uint16(port)
			return r, nil
		}
	}
	return Rule{}, fmt.Errorf("%q is not a host, an address or a network", s)
}

// String returns the rule in the form that ParseRule reads.
func (r Rule) String() string {
	s := r.host
	switch {
	case s == "" && r.network.IsSingleIP():
		s = r.network.Addr().String()
	case s == "":
		s = r.network.String()
	}
	if r.port == 0 {
		return s
	}
	return net.JoinHostPort(s, strconv.Itoa(int(r.port)))
}

func parseHost(s string) (Rule, bool) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return Rule{network: p.Masked()}, true
	}
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return Rule{network: netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())}, true
	}
	name := strings.ToLower(strings.TrimSuffix(s, "."))
	if !IsName(strings.TrimPrefix(name, "*.")) {
		return Rule{}, false
	}
	return Rule{host: name}, true
}

// IsName reports whether s, in lower case, has the form of a DNS host name, and is not an IPv4
// address in any of the notations that C libraries accept: 127.1, 0x7f000001, 0177.0.0.1,
// 2130706433.
func IsName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	last := ""
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for _, c := range []byte(label) {
			if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
				return false
			}
		}
		last = label
	}
	return strings.Trim(last, "0123456789") != "" && !isHex(last)
}

func isHex(s string) bool {
	digits, ok := strings.CutPrefix(s, "0x")
	return ok && strings.Trim(digits, "0123456789abcdef") == ""
}

// Guard blocks everything but public addresses at ports 80 and 443, and what its rules allow.
type Guard []Rule

// ClosedError is a blocked destination. Its text is for the log; clients should learn only that the
// destination is blocked.
type ClosedError struct{ what string }

func (e *ClosedError) Error() string { return e.what }

// IsClosed reports whether err means that a destination is blocked.
func IsClosed(err error) bool {
	_, ok := errors.AsType[*ClosedError](err)
	return ok
}

// Public checks that an address is public. An error is a *ClosedError.
func Public(a netip.Addr) error {
	a = embedded(a.WithZone(""))
	if b := why(a); b != nil {
		return &ClosedError{a.String() + " is " + b.what}
	}
	return nil
}

// NoMetadata checks that an address is one that a name may resolve to: public, private, or this
// machine's own, but not a metadata service, nor an address that no machine can have. An error is a
// *ClosedError.
func NoMetadata(a netip.Addr) error {
	a = embedded(a.WithZone(""))
	if b := why(a); b != nil && b.hard {
		return &ClosedError{a.String() + " is " + b.what}
	}
	return nil
}

// Port checks the port of a URL, before its host is resolved.
func (g Guard) Port(host string, port uint16) error {
	if port == 80 || port == 443 {
		return nil
	}
	addr, _ := netip.ParseAddr(host)
	for _, r := range g {
		if r.named(host) && (r.port == 0 || r.port == port) {
			return nil
		}
		if r.host == "" && r.port == port || r.network.IsSingleIP() && r.port == 0 && r.network.Addr() == addr.Unmap() {
			return nil // a name is not resolved yet: see Address
		}
	}
	return &ClosedError{"port " + strconv.Itoa(int(port))}
}

// Address checks what a host resolves to, just before a connection is made.
func (g Guard) Address(host string, to netip.AddrPort) error {
	addr := embedded(to.Addr())
	closed := why(addr)
	usual := to.Port() == 80 || to.Port() == 443
	if closed == nil && usual {
		return nil
	}
	for _, r := range g {
		switch {
		case r.port != 0 && r.port != to.Port():
		case r.host != "":
			if r.named(host) && (closed == nil || !closed.hard) {
				return nil
			}
		case !r.network.Contains(addr):
		case r.port == 0 && !usual && !r.network.IsSingleIP():
		case closed == nil || !closed.hard || closed.bits <= r.network.Bits():
			return nil
		}
	}
	if closed == nil {
		return &ClosedError{"port " + strconv.Itoa(int(to.Port()))}
	}
	return &ClosedError{addr.String() + " is " + closed.what}
}

func (r Rule) named(host string) bool {
	if suffix, ok := strings.CutPrefix(r.host, "*"); ok {
		return strings.HasSuffix(host, suffix)
	}
	return r.host != "" && r.host == host
}

// Control refuses connections as NoMetadata does. It is a Control of net.Dialer.
func Control(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	return NoMetadata(to.Addr())
}

// embedded returns the IPv4 address that an IPv6 address reaches through the translations used in
// practice (RFC 4291, section 2.5.5.2, and RFC 6052), else a.
func embedded(a netip.Addr) netip.Addr {
	a = a.Unmap()
	if nat64().Contains(a) {
		b := a.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return a
}

func nat64() netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{0, 0x64, 0xff, 0x9b}), 96)
}

// block is a blocked part of the address space.
type block struct {
	prefix netip.Prefix
	what   string
	// hard blocks cannot be allowed by host name.
	hard bool
	bits int
}

// why returns the block that contains an address; nil if it is public.
func why(a netip.Addr) *block {
	if i := slices.IndexFunc(blocks, func(b block) bool { return b.prefix.Contains(a) }); i >= 0 {
		return &blocks[i]
	}
	if a.Is4() {
		return nil
	}
	if !global.Contains(a) {
		return &block{what: "not a global unicast address", hard: true, bits: 128}
	}
	if b := a.As16(); b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe {
		return &block{what: "an ISATAP address (RFC 5214), which holds an IPv4 address", hard: true, bits: 128}
	}
	return nil
}

// global is everything that IANA has assigned for global unicast: anything outside, such as
// IPv4-compatible (::/96), translated (::ffff:0:0:0/96), site-local (fec0::/10) and multicast
// addresses, is blocked (IANA IPv6 Global Unicast Address Assignments). It is never written to.
var global = netip.MustParsePrefix("2000::/3")

// blocks is never written to. Its sources are IANA's IPv4 and IPv6
// Special-Purpose Address Registries, and of the metadata services their vendors:
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
// (169.254.169.254, fd00:ec2::254),
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
// (169.254.170.2), https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html
// (169.254.170.23, fd00:ec2::23), https://cloud.google.com/compute/docs/metadata/querying-metadata
// (fd20:ce::254), https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16,
// Alibaba Cloud (100.100.100.200) and Oracle Cloud (192.0.0.192).
var blocks = func() []block {
	list := []block{
		{what: "Azure's host", hard: true, prefix: netip.MustParsePrefix("168.63.129.16/32")},
		{what: "Alibaba Cloud's metadata service", hard: true, prefix: netip.MustParsePrefix("100.100.100.200/32")},
		{what: "an address of AWS's services on instances", hard: true, prefix: netip.MustParsePrefix("fd00:ec2::/32")},
		{what: "Google Cloud's metadata service", hard: true, prefix: netip.MustParsePrefix("fd20:ce::/64")},
		{what: "link-local, as metadata services are", hard: true, prefix: netip.MustParsePrefix("169.254.0.0/16")},
		{what: "link-local", hard: true, prefix: netip.MustParsePrefix("fe80::/10")},
		{what: "reserved for IETF protocols and Oracle Cloud's metadata service", hard: true, prefix: netip.MustParsePrefix("192.0.0.0/24")},
		{what: "this host on this network (RFC 1122)", hard: true, prefix: netip.MustParsePrefix("0.0.0.0/8")},
		{what: "unspecified", hard: true, prefix: netip.MustParsePrefix("::/128")},
		{what: "a multicast address", hard: true, prefix: netip.MustParsePrefix("224.0.0.0/4")},
		{what: "reserved or the broadcast address", hard: true, prefix: netip.MustParsePrefix("240.0.0.0/4")},
		{what: "a 6to4 relay address (RFC 7526)", hard: true, prefix: netip.MustParsePrefix("192.88.99.0/24")},
		{what: "reserved for IETF protocols, among them Teredo (RFC 4380), which contains an IPv4 address", hard: true, prefix: netip.MustParsePrefix("2001::/23")},
		{what: "a 6to4 address (RFC 3056), which holds an IPv4 address", hard: true, prefix: netip.MustParsePrefix("2002::/16")},
		{what: "of a local NAT64 (RFC 8215), which holds an IPv4 address", hard: true, prefix: netip.MustParsePrefix("64:ff9b:1::/48")},

		{what: "loopback", prefix: netip.MustParsePrefix("127.0.0.0/8")},
		{what: "loopback", prefix: netip.MustParsePrefix("::1/128")},
		{what: "private (RFC 1918)", prefix: netip.MustParsePrefix("10.0.0.0/8")},
		{what: "private (RFC 1918)", prefix: netip.MustParsePrefix("172.16.0.0/12")},
		{what: "private (RFC 1918)", prefix: netip.MustParsePrefix("192.168.0.0/16")},
		{what: "private (RFC 4193)", prefix: netip.MustParsePrefix("fc00::/7")},
		{what: "carrier-grade NAT (RFC 6598)", prefix: netip.MustParsePrefix("100.64.0.0/10")},
		{what: "reserved for benchmarks (RFC 2544)", prefix: netip.MustParsePrefix("198.18.0.0/15")},
		{what: "reserved for documentation (RFC 5737)", prefix: netip.MustParsePrefix("192.0.2.0/24")},
		{what: "reserved for documentation (RFC 5737)", prefix: netip.MustParsePrefix("198.51.100.0/24")},
		{what: "reserved for documentation (RFC 5737)", prefix: netip.MustParsePrefix("203.0.113.0/24")},
		{what: "reserved for documentation (RFC 3849)", prefix: netip.MustParsePrefix("2001:db8::/32")},
		{what: "reserved for documentation (RFC 9637)", prefix: netip.MustParsePrefix("3fff::/20")},
	}
	for i := range list {
		list[i].bits = list[i].prefix.Bits()
	}
	return list
}()
