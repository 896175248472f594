package fetch

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"outcrop/internal/netguard"
	"outcrop/llm"
)

func mustParse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func userinfo(name, password string) *url.Userinfo { return url.UserPassword(name, password) }

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

// closedURLs are addresses that lead, or that something might take to lead, where
// nobody may be led. PORT is a port where a listener waits.
var closedURLs = []string{
	"http://127.0.0.1:PORT/", "http://127.0.0.1", "http://127.0.0.1./", "http://127.255.255.254/", "http://localhost:PORT/", "http://LOCALHOST./", "http://localtest.me:PORT/",
	"http://2130706433:PORT/", "http://017700000001:PORT/", "http://0x7f000001:PORT/", "http://0x7F.1:PORT/", "http://0x7f.0x0.0x0.0x1:PORT/", "http://0177.0.0.1:PORT/", "http://127.1:PORT/", "http://127.0.1:PORT/", "http://127.0.0.01:PORT/", "http://0:PORT/", "http://0.0.0.0:PORT/", "http://0.1.2.3/",
	"http://127.0.0.1%00.example.com/", "http://127.0.0.1%2eexample.com/", "http://%31%32%37.0.0.1:PORT/",
	"http://１２７.0.0.1:PORT/", "http://127。0。0。1:PORT/", "http://①②⑦.0.0.1/", "http://lo\u00adcalhost:PORT/", "http://ⓛocalhost:PORT/",
	"http://[::1]:PORT/", "http://[::]:PORT/", "http://[0:0:0:0:0:0:0:1]:PORT/", "http://[0000::0001]/", "http://[::ffff:127.0.0.1]:PORT/", "http://[::ffff:7f00:1]:PORT/", "http://[::127.0.0.1]:PORT/", "http://[::ffff:0:127.0.0.1]/", "http://[64:ff9b::127.0.0.1]/", "http://[64:ff9b::a9fe:a9fe]/", "http://[64:ff9b:1::7f00:1]/", "http://[2002:7f00:1::1]/", "http://[2002:a9fe:a9fe::]/", "http://[2001:0:53aa:64c::80ff:fffe]/", "http://[2600::5efe:127.0.0.1]/", "http://[2600::200:5efe:a00:1]/", "http://[::1%25lo]:PORT/", "http://[fe80::1%25eth0]/", "http://[fe80::1]/", "http://[fec0::1]/", "http://[fc00::1]/", "http://[fd00:ec2::254]/latest/meta-data/", "http://[fd20:ce::254]/", "http://[ff02::1]/", "http://[2001:db8::1]/", "http://[3fff::1]/", "http://[100::1]/", "http://[5f00::1]/", "http://[2001:2::1]/", "http://[::1:PORT/", "http://[127.0.0.1]:PORT/",
	"http://169.254.169.254/latest/meta-data/", "http://169.254.170.2/v2/credentials/x", "http://169.254.170.23/v1/credentials", "http://2852039166/", "http://0xA9FEA9FE/", "http://0251.0376.0251.0376/", "http://[::ffff:169.254.169.254]/", "http://metadata.google.internal/", "http://100.100.100.200/", "http://168.63.129.16/", "http://192.0.0.192/",
	"http://10.0.0.1/", "http://10.255.255.255/", "http://172.16.0.1/", "http://172.31.255.255/", "http://192.168.1.1/", "http://100.64.0.1/", "http://100.127.255.255/", "http://192.0.2.1/", "http://198.18.0.1/", "http://198.19.255.255/", "http://198.51.100.1/", "http://203.0.113.1/", "http://192.88.99.1/", "http://224.0.0.1/", "http://239.255.255.250/", "http://240.0.0.1/", "http://255.255.255.255/",
	"http://user:secret@127.0.0.1:PORT/", "http://files.test@127.0.0.1:PORT/", "http://files.test:80@127.0.0.1:PORT/", "http://127.0.0.1:PORT@files.test/", "http://secret@files.test/", "http://files.test\\@127.0.0.1:PORT/", "http://files.test#@127.0.0.1:PORT/", "http://127.0.0.1:PORT#.files.test/", "http://127.0.0.1:PORT\\.files.test/", "http://files.test:PORT/", "http://files.test:22/", "http://files.test:0/", "http://files.test:65616/", "http://files.test:99999999/", "http://files.test:-80/", "http://files.test:8０/",
	"file:///etc/passwd", "FILE:///etc/passwd", "ftp://files.test/a", "gopher://127.0.0.1:PORT/_GET", "dict://127.0.0.1:PORT/", "ldap://127.0.0.1:PORT/", "jar:http://127.0.0.1:PORT/!/", "data:image/png;base64,AAAA", "javascript:alert(1)", "unix:///var/run/docker.sock", "S3://bucket/key",
	"http:127.0.0.1:PORT/", "http:/127.0.0.1:PORT/", "http:///127.0.0.1:PORT/", "//127.0.0.1:PORT/", "http://", "http://?secret", "https://:443/", "http://.../", "http://-/%", " http://127.0.0.1:PORT/", "http://127.0.0.1:PORT /", "http://127.0.0.1\t:PORT/", "http://127.0.0.1:PORT\r\nX-Header: secret\r\n/", "http://a..b/", "http://xn--/", "127.0.0.1:PORT/a.png", "/etc/passwd",
}

// notPublic is what is said of a host that leads nowhere or where nobody may go.
const notPublic = "has a host that is not in DNS or not public"

func TestNoSpellingReachesAClosedAddress(t *testing.T) {
	var reached atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached.Add(1)
		_, _ = io.WriteString(w, png)
	}))
	defer s.Close()
	port := strconv.Itoa(s.Listener.Addr().(*net.TCPAddr).Port)
	c := New(Options{
		// The port is open, for one address that nobody has, so that it is not what refuses.
		Allow: rules(t, "93.184.215.200:"+port),
		// The worst of resolvers: whatever it is asked leads to this machine.
		Lookup: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::ffff:127.0.0.1"), netip.MustParseAddr("::1")}, nil
		},
	})
	if len(closedURLs) < 60 {
		t.Errorf("only %d spellings", len(closedURLs))
	}
	for _, text := range closedURLs {
		e := refusal(t, c, strings.ReplaceAll(text, "PORT", port))
		if e.Code != llm.CodeUnsupported && e.Code != llm.CodeBadRequest && !strings.Contains(e.Message, notPublic) {
			t.Errorf("%s: %v", text, e)
		}
		if e.Err != nil && strings.Contains(e.Message, e.Err.Error()) {
			t.Errorf("%s: a client learns where it leads: %s", text, e.Message)
		}
	}
	if reached.Load() > 0 {
		t.Errorf("%d reached the listener", reached.Load())
	}
}

func TestARebindingNameIsCheckedForEachConnection(t *testing.T) {
	n := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/again" {
			http.Redirect(w, r, "/a", http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, png)
	})
	c := n.client(Options{})
	var lookups atomic.Int64
	c.lookup = func(context.Context, string) ([]netip.Addr, error) {
		if lookups.Add(1)%2 == 1 {
			return []netip.Addr{netip.MustParseAddr("93.184.215.14")}, nil
		}
		return []netip.Addr{netip.MustParseAddr("169.254.169.254")}, nil
	}
	if _, _, err := c.Inline(t.Context(), imageAt("http://files.test/a")); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ uri, says string }{
		{"http://files.test/a", "http://files.test/a " + notPublic}, // by now it leads elsewhere
		{"http://files.test/again", "http://files.test/again redirects to http://files.test, which " + notPublic},
	} {
		e := refusal(t, c, tt.uri)
		if e.Code != llm.CodeMedia || !strings.Contains(e.Message, tt.says) || !strings.Contains(e.Err.Error(), "169.254.169.254 is link-local") {
			t.Errorf("%s: %v, caused by %v", tt.uri, e, e.Err)
		}
	}
	if slices.ContainsFunc(n.dialed, func(to string) bool { return to != "93.184.215.14:80" }) {
		t.Errorf("dialed %q", n.dialed)
	}
}

func TestACallerCannotAskWhichInternalNamesThereAre(t *testing.T) {
	n := newInternet(t)
	n.names["intranet.test"] = []string{"10.0.0.1"}
	n.names["metadata.test"] = []string{"169.254.169.254"}
	c := n.client(Options{})
	want := refusal(t, c, "http://nowhere.test/")
	for _, host := range []string{"intranet.test", "metadata.test"} {
		e := refusal(t, c, "http://"+host+"/")
		if e.Code != want.Code || e.Fix != want.Fix || e.CanRetry() != want.CanRetry() || strings.ReplaceAll(e.Message, host, "nowhere.test") != want.Message {
			t.Errorf("%s: %v, and of a name that does not exist: %v", host, e, want)
		}
		if e.Err.Error() == want.Err.Error() {
			t.Errorf("%s: the log does not tell the two apart: %v", host, e.Err)
		}
	}
}

func TestAnAddressIsAsLongAsItIsSent(t *testing.T) {
	long := "http://files.test/" + strings.Repeat("é", 3000)
	if e := refusal(t, newInternet(t).client(Options{}), long); e.Code != llm.CodeBadRequest || !strings.Contains(e.Message, "more than 8192 bytes") {
		t.Errorf("got %v", e)
	}
}

func TestANameWithOneClosedAddressAmongItsOwnIsClosed(t *testing.T) {
	n := newInternet(t)
	n.names["mixed.test"] = []string{"93.184.215.14", "10.0.0.1"}
	if e := refusal(t, n.client(Options{}), "http://mixed.test/"); e.Code != llm.CodeMedia || n.dialed != nil {
		t.Errorf("got %v, dialed %q", e, n.dialed)
	}
}

func TestAnAddressThatFailsGivesWayToTheNext(t *testing.T) {
	n := newInternet(t)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, png) }))
	defer s.Close()
	n.names["files.test"] = []string{"2600::1", "93.184.215.1"}
	n.host("files.test", "93.184.215.2", s)
	if _, _, err := n.client(Options{}).Inline(t.Context(), imageAt("http://files.test/")); err != nil {
		t.Error(err)
	}
	if want := []string{"93.184.215.1:80", "93.184.215.2:80"}; !slices.Equal(n.dialed, want) {
		t.Errorf("dialed %q, want %q", n.dialed, want)
	}
	n.names["dark.test"] = []string{"93.184.215.1", "93.184.215.3", "93.184.215.4", "93.184.215.5", "93.184.215.6"}
	n.dialed = nil
	if e := refusal(t, n.client(Options{}), "http://dark.test/"); e.Code != llm.CodeMedia || len(n.dialed) != maxTries {
		t.Errorf("got %v, dialed %q", e, n.dialed)
	}
	if e := refusal(t, n.client(Options{}), "http://nowhere.test/"); e.CanRetry() != llm.RetryNo || !strings.Contains(e.Message, notPublic) {
		t.Errorf("got %v", e)
	}
}

func TestTheSystemIsNotAskedToConnectToAClosedAddress(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	to := netip.MustParseAddrPort(l.Addr().String())
	if conn, err := New(Options{}).dialGuarded(t.Context(), "files.test", to); !netguard.IsClosed(err) {
		t.Errorf("got %v, %v", conn, err)
	}
	conn, err := New(Options{Allow: rules(t, "127.0.0.1")}).dialGuarded(t.Context(), "files.test", to)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}

func TestRedirects(t *testing.T) {
	tests := []struct {
		name, location string
		code           llm.Code // empty if it is followed
		says           string
	}{
		{"within the host", "/image", "", ""},
		{"to another host", "http://other.test/image", "", ""},
		{"from http to https", "https://example.com/image", "", ""},
		{"as often as is allowed", "/hop/4", "", ""},
		{"too often", "/hop/5", llm.CodeMedia, "redirects more than 5 times"},
		{"to itself", "/start", llm.CodeMedia, "redirects in a loop"},
		{"in a circle", "/circle", llm.CodeMedia, "redirects in a loop"},
		{"nowhere", "", llm.CodeMedia, "answers with a redirect without a Location header"},
		{"to the metadata service", "http://169.254.169.254/latest/meta-data/iam/secret", llm.CodeUnsupported, "redirects to a URL whose address is not public"},
		{"to the metadata service in decimal", "http://2852039166/secret", llm.CodeMedia, "redirects to a URL whose host"},
		{"to a private address", "//10.0.0.1/secret", llm.CodeUnsupported, "redirects to a URL whose address is not public"},
		{"to a name of a private address", "http://intranet.test/secret", llm.CodeMedia, "redirects to http://intranet.test, which " + notPublic},
		{"to IPv6's loopback", "http://[::1]/secret", llm.CodeUnsupported, "redirects to a URL whose address is not public"},
		{"to a file", "file:///etc/secret", llm.CodeUnsupported, `redirects to a URL of the unsupported scheme "file"`},
		{"to gopher", "gopher://other.test/secret", llm.CodeUnsupported, `redirects to a URL of the unsupported scheme "gopher"`},
		{"to data", "data:image/png;base64,secret", llm.CodeUnsupported, `redirects to a URL of the unsupported scheme "data"`},
		{"to another port", "http://other.test:6379/secret", llm.CodeUnsupported, "redirects to a URL with a port"},
		{"with a password", "http://user:secret@other.test/", llm.CodeMedia, "redirects to a URL with a user name"},
		{"to no address", "http://[secret", llm.CodeMedia, "redirects to an invalid URL"},
		{"to a host that does not exist", "http://nowhere.test/secret", llm.CodeMedia, "redirects to http://nowhere.test, which " + notPublic},
		{"to what is not there", "http://other.test/gone/secret", llm.CodeMedia, "redirects to http://other.test, which answers 404 Not Found"},
		{"to a login", "http://other.test/login?next=secret", llm.CodeBadRequest, "redirects to http://other.test, which is not an image but an HTML page"},
		{"from https to http", "https://example.com/down", llm.CodeUnsupported, "redirects from https to http"},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mux := http.NewServeMux()
			status := []int{301, 302, 303, 307, 308}[i%5]
			mux.HandleFunc("/start", func(w http.ResponseWriter, _ *http.Request) {
				if tt.location != "" {
					w.Header().Set("Location", tt.location)
				}
				w.WriteHeader(status)
			})
			mux.HandleFunc("/hop/{n}", func(w http.ResponseWriter, r *http.Request) {
				n, _ := strconv.Atoi(r.PathValue("n"))
				if n == 1 {
					http.Redirect(w, r, "/image", status)
					return
				}
				http.Redirect(w, r, fmt.Sprintf("/hop/%d", n-1), status)
			})
			mux.HandleFunc("/circle", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/start", status) })
			mux.HandleFunc("/down", func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "http://files.test/image?secret", status)
			})
			mux.HandleFunc("/image", func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Referer") != "" {
					t.Error("a Referer is sent")
				}
				_, _ = io.WriteString(w, png)
			})
			mux.HandleFunc("/login", func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, "<!DOCTYPE html><title>secret</title>")
			})
			n := serve(t, mux.ServeHTTP)
			secure := httptest.NewTLSServer(mux)
			defer secure.Close()
			other := httptest.NewServer(mux)
			defer other.Close()
			n.host("example.com", "93.184.215.15", secure)
			n.host("other.test", "93.184.215.16", other)
			n.names["intranet.test"] = []string{"192.168.0.10"}
			c := n.client(Options{})
			c.transport.TLSClientConfig = secure.Client().Transport.(*http.Transport).TLSClientConfig
			if tt.code == "" {
				if _, _, err := c.Inline(t.Context(), imageAt("http://files.test/start")); err != nil {
					t.Error(err)
				}
				return
			}
			if e := refusal(t, c, "http://files.test/start"); e.Code != tt.code || !strings.Contains(e.Message, tt.says) {
				t.Errorf("got %v", e)
			}
			for _, to := range n.dialed {
				if !strings.HasPrefix(to, "93.184.215.1") {
					t.Errorf("dialed %s", to)
				}
			}
		})
	}
}

func FuzzAddressesAreRefusedOrPublic(f *testing.F) {
	for _, s := range closedURLs {
		f.Add(s)
	}
	f.Add("https://files.test/a.png?b=c#d")
	f.Add("http://[2600::1]:443/%2e%2e/")
	c := New(Options{})
	f.Fuzz(func(t *testing.T, s string) {
		u, p := c.parse(s, nil)
		if p != nil {
			return
		}
		again, p := c.parse(u.String(), nil)
		if p != nil || again.Host != u.Host || u.User != nil || u.Port() != "" && u.Port() != "80" && u.Port() != "443" {
			t.Errorf("%q is %q, then %v: %v", s, u, again, p)
		}
		if addr, err := netip.ParseAddr(u.Hostname()); err == nil && netguard.Public(addr) != nil {
			t.Errorf("%q leads to %v", s, addr)
		}
	})
}
