package netguard

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func rules(t *testing.T, texts ...string) (list []Rule) {
	t.Helper()
	for _, s := range texts {
		r, err := ParseRule(s)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	return list
}

func TestPublicAddressesBesideClosedOnesAreOpen(t *testing.T) {
	for _, text := range []string{
		"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "203.0.112.255", "203.0.114.0", "223.255.255.255", "168.63.129.17",
		"2600::1", "2a00:1450:4001::200e", "2001:200::1", "2001:4860:4860::8888", "2001:db7::1", "2003::1", "3ffe::1", "64:ff9b::101:101", "::ffff:1.1.1.1",
	} {
		if err := Guard(nil).Address("h", netip.AddrPortFrom(netip.MustParseAddr(text), 443)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestRulesOpenWhatTheySay(t *testing.T) {
	tests := []struct {
		rules, host, to string
		open            bool
	}{
		{"", "h.test", "1.1.1.1:443", true},
		{"", "h.test", "1.1.1.1:8080", false},
		{"", "h.test", "10.1.2.3:80", false},
		{"10.0.0.0/8", "h.test", "10.1.2.3:80", true},
		{"10.0.0.0/8", "h.test", "10.1.2.3:443", true},
		{"10.0.0.0/8", "h.test", "10.1.2.3:9000", false},
		{"10.0.0.0/8", "h.test", "11.1.2.3:9000", false},
		{"10.0.0.0/8", "h.test", "192.168.0.1:80", false},
		{"10.0.0.0/8", "h.test", "[64:ff9b::10.1.2.3]:80", true},
		{"10.0.0.0/8:9000", "h.test", "10.1.2.3:9000", true},
		{"10.0.0.0/8:9000", "h.test", "10.1.2.3:80", false},
		{"10.1.2.3", "10.1.2.3", "10.1.2.3:9000", true},
		{"10.1.2.3", "10.1.2.4", "10.1.2.4:80", false},
		{"10.1.2.3:9000", "10.1.2.3", "10.1.2.3:9001", false},
		{"[fd00::1]:9000", "h.test", "[fd00::1]:9000", true},
		{"[fd00::/8]:9000", "h.test", "[fd00::1]:9000", true},
		{"fd00::/8", "h.test", "[fd00:ec2::254]:80", false},
		{"fd00:ec2::254", "h.test", "[fd00:ec2::254]:80", true},
		{"0.0.0.0/0", "h.test", "127.0.0.1:80", true},
		{"0.0.0.0/0", "h.test", "169.254.169.254:80", false},
		{"0.0.0.0/0", "h.test", "0.0.0.0:80", false},
		{"169.254.170.2/32", "h.test", "169.254.170.2:80", true},
		{"169.254.170.2/32", "h.test", "169.254.169.254:80", false},
		{"::/0", "h.test", "[::1]:80", true},
		{"::/0", "h.test", "[fe80::1]:80", false},
		{"::/0", "h.test", "[2002:7f00:1::1]:80", false},
		{"::/0", "h.test", "[::127.0.0.1]:80", false},
		{"h.test", "h.test", "10.1.2.3:9000", true},
		{"H.test.", "h.test", "127.0.0.1:80", true},
		{"h.test", "h.test", "169.254.169.254:80", false},
		{"h.test", "h.test", "224.0.0.1:80", false},
		{"h.test", "a.h.test", "10.1.2.3:80", false},
		{"*.h.test", "a.h.test", "10.1.2.3:80", true},
		{"*.h.test", "ah.test", "10.1.2.3:80", false},
		{"*.h.test", "h.test", "10.1.2.3:80", false},
		{"h.test:9000", "h.test", "10.1.2.3:9000", true},
		{"h.test:9000", "h.test", "10.1.2.3:80", false},
		{"h.test:9000", "h.test", "1.1.1.1:443", true},
	}
	for _, tt := range tests {
		var g Guard
		if tt.rules != "" {
			g = rules(t, tt.rules)
		}
		to := netip.MustParseAddrPort(tt.to)
		err := g.Port(tt.host, to.Port())
		if err == nil {
			err = g.Address(tt.host, to)
		}
		if (err == nil) != tt.open {
			t.Errorf("under %q %s at %s: %v", tt.rules, tt.host, tt.to, err)
		}
	}
}

func TestRulesThatAreNone(t *testing.T) {
	for _, s := range []string{"", "*", "a b", "http://h.test", "h.test/path", "h.test:0", "h.test:port", "h.test:65536", "10.0.0.0/33", "10.0.0", "127.1", "0x7f.1", "fe80::1%eth0", "*.*.test", "a.*.test", "user@h.test", ":80", "é.test"} {
		if r, err := ParseRule(s); err == nil {
			t.Errorf("%q is %+v", s, r)
		} else if !strings.Contains(err.Error(), strconv.Quote(s)) {
			t.Errorf("%q is not named: %v", s, err)
		}
	}
}

func TestNamesOpenPrivateNetworksAndNoMetadata(t *testing.T) {
	tests := []struct {
		address          string
		public, possible bool // under Public, and under NoMetadata
	}{
		{"93.184.216.34", true, true},
		{"2600::1", true, true},
		{"64:ff9b::101:101", true, true},
		{"10.1.2.3", false, true},
		{"172.16.0.1", false, true},
		{"192.168.1.1", false, true},
		{"100.64.0.1", false, true},
		{"fd12::1", false, true},
		{"127.0.0.1", false, true},
		{"::1", false, true},
		{"::ffff:127.0.0.1", false, true},
		{"64:ff9b::7f00:1", false, true},
		{"0.0.0.0", false, false},
		{"::", false, false},
		{"::127.0.0.1", false, false},
		{"64:ff9b::a9fe:a9fe", false, false},
		{"64:ff9b:1::7f00:1", false, false},
		{"169.254.169.254", false, false},
		{"169.254.170.23", false, false},
		{"::ffff:169.254.169.254", false, false},
		{"fe80::1%eth0", false, false},
		{"168.63.129.16", false, false},
		{"100.100.100.200", false, false},
		{"192.0.0.192", false, false},
		{"fd00:ec2::254", false, false},
		{"fd20:ce::254", false, false},
		{"2002:7f00:1::1", false, false},
		{"2001:0:53aa:64c::80ff:fffe", false, false},
		{"2600::5efe:127.0.0.1", false, false},
		{"224.0.0.1", false, false},
		{"ff02::1", false, false},
		{"255.255.255.255", false, false},
	}
	for _, tt := range tests {
		a := netip.MustParseAddr(tt.address)
		if err := Public(a); (err == nil) != tt.public || err != nil && !IsClosed(err) {
			t.Errorf("public %s: %v", tt.address, err)
		}
		if err := NoMetadata(a); (err == nil) != tt.possible || err != nil && !IsClosed(err) {
			t.Errorf("a name's %s: %v", tt.address, err)
		}
	}
}

func TestWhatAPatternNames(t *testing.T) {
	tests := []struct {
		pattern, address string
		names            bool
	}{
		{`.*`, "http://10.1.2.3/", false},
		{`https?://.*`, "https://intranet.example/", false},
		{`http://.*:4566/.*`, "http://10.1.2.3:4566/a", false},
		{`http://\d+\.\d+\.\d+\.\d+:4566`, "http://10.1.2.3:4566", false},
		{`http://.*/bedrock\.corp\.example`, "http://10.0.0.1/bedrock.corp.example", false},
		{`http://10\.1\.2\.3(:\d+)?(/.*)?`, "http://10.1.2.3:4566/a", true},
		{`http://127\.0\.0\.1:.*`, "http://127.0.0.1:4566/a?b", true},
		{`http://(127\.0\.0\.1|169\.254\.169\.254).*`, "http://127.0.0.1:80", true},
		{`http://(127\.0\.0\.1|169\.254\.169\.254).*`, "http://127.0.0.1.evil.example/", false},
		{`http://10\..*`, "http://10.1.2.3/", true},
		{`http://10\..*`, "http://10.evil.example/", false},
		{`http://\[fd12::1\]:80`, "http://[fd12::1]:80", true},
		{`https://bedrock\.corp\.example`, "https://bedrock.corp.example", true},
		{`https://bedrock\.corp\.example.*`, "https://bedrock.corp.example/v1", true},
		{`https://bedrock\.corp\.example.*`, "https://bedrock.corp.example.evil.example/v1", false},
		{`https://bedrock.corp.example.*`, "https://bedrock.corp.example/v1", true},
		{`https://[a-z]+\.corp\.example(/.*)?`, "https://bedrock.corp.example/v1", true},
		{`https://[a-z]+\..*`, "https://bedrock.corp.example/v1", false},
		{`http://(localhost|proxy)(:\d+)?`, "http://localhost:4566", true},
		{`http://.*`, "http://user@10.1.2.3/", false},
		{`http://10\.1\.2\.3`, "http://10.9.9.9", false},
	}
	for _, tt := range tests {
		if got := Names(regexp.MustCompile(`^(?:`+tt.pattern+`)$`), tt.address); got != tt.names {
			t.Errorf("%s names the host of %s: %v", tt.pattern, tt.address, got)
		}
	}
}
