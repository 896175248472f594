package upstream

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"outcrop/internal/netguard"
)

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// authority makes a CA file of what a server's certificate is signed with.
func authority(t *testing.T, s *httptest.Server) string {
	return write(t, "ca.pem", block("CERTIFICATE", s.Certificate().Raw))
}

// client makes a certificate that signs itself, and its key, for a name.
func client(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return block("CERTIFICATE", der), block("PRIVATE KEY", pkcs8)
}

// greeter answers with the name of the client's certificate.
func greeter(t *testing.T) *httptest.Server {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Close") != "" {
			w.Header().Set("Connection", "close")
		}
		for _, c := range r.TLS.PeerCertificates {
			fmt.Fprint(w, c.Subject.CommonName)
		}
	}))
	s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	s.Config.ErrorLog = nil
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func with(t *testing.T, c *Client, s Settings) *Client {
	t.Helper()
	other, err := c.With(s)
	if err != nil {
		t.Fatal(err)
	}
	return other
}

func TestAnAuthorityOfAFileIsTrustedAndNoOther(t *testing.T) {
	server, other := greeter(t), httptest.NewTLSServer(nil)
	defer other.Close()
	base := newClient(t)
	c := with(t, base, Settings{CAFile: authority(t, server)})
	if status, _ := do(t, c, post(t, server.URL, "{}")); status != 200 {
		t.Errorf("status %d", status)
	}
	cert, _ := client(t, "somebody else")
	c = with(t, base, Settings{CAFile: write(t, "ca.pem", cert)})
	if _, err := c.Do(t.Context(), post(t, server.URL, "{}")); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("another authority's file: %v", err)
	}
}

func TestWithoutChecksEveryCertificateDoes(t *testing.T) {
	if status, _ := do(t, with(t, newClient(t), Settings{Insecure: true}), post(t, greeter(t).URL, "{}")); status != 200 {
		t.Errorf("status %d", status)
	}
}

func TestAClientsCertificateIsShownAndReadAnew(t *testing.T) {
	server := greeter(t)
	cert, key := client(t, "granite")
	s := Settings{CAFile: authority(t, server), CertFile: write(t, "cert.pem", cert), KeyFile: write(t, "key.pem", key)}
	base := newClient(t)
	r := post(t, server.URL, "{}")
	r.Header.Set("Close", "yes")
	if _, body := do(t, with(t, base, s), r); body != "granite" {
		t.Errorf("the server saw %q", body)
	}
	cert, key = client(t, "renewed")
	for file, data := range map[string][]byte{s.CertFile: cert, s.KeyFile: key} {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	with(t, base, s).tls.ClientSessionCache = nil // a session that goes on has the old one
	if _, body := do(t, with(t, base, s), r); body != "renewed" {
		t.Errorf("the server saw %q", body)
	}
	both := Settings{CAFile: s.CAFile, CertFile: write(t, "both.pem", append(cert, key...))}
	if _, body := do(t, with(t, base, both), r); body != "renewed" {
		t.Errorf("of one file the server saw %q", body)
	}
}

// Through a proxy calls go by another client, which has the same settings.
func TestSettingsCountThroughAProxyToo(t *testing.T) {
	server := greeter(t)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		far, err := net.Dial("tcp", r.Host)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer far.Close()
		near, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer near.Close()
		_, _ = io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(far, buffered); _ = far.(*net.TCPConn).CloseWrite() }()
		_, _ = io.Copy(near, far)
	}))
	defer proxy.Close()
	base := newClient(t)
	base.proxy = func(*http.Request) (*url.URL, error) { return url.Parse(proxy.URL) }
	cert, key := client(t, "granite")
	c := with(t, base, Settings{CAFile: authority(t, server), CertFile: write(t, "both.pem", append(cert, key...)), Guard: NoMetadata})
	if _, body := do(t, c, post(t, server.URL, "{}")); body != "granite" {
		t.Errorf("the server saw %q", body)
	}
	if _, err := base.Do(t.Context(), post(t, server.URL, "{}")); err == nil {
		t.Error("without settings the certificate was trusted")
	}
	base.CloseIdle()
}

func TestClientsAreSharedBySettings(t *testing.T) {
	base := newClient(t)
	if with(t, base, Settings{}) != base {
		t.Error("no settings gave another client")
	}
	one := with(t, base, Settings{Insecure: true})
	if one != with(t, base, Settings{Insecure: true}) || one == with(t, base, Settings{Guard: PublicOnly}) {
		t.Error("clients are not told apart by their settings")
	}
}

func TestFilesThatCannotBeUsedAreNamed(t *testing.T) {
	cert, _ := client(t, "granite")
	_, foreign := client(t, "other")
	empty := write(t, "empty.pem", nil)
	for _, tt := range []struct {
		name    string
		s       Settings
		setting string
	}{
		{"no file", Settings{CAFile: "/nowhere/ca.pem"}, "CAFile"},
		{"no certificate", Settings{CAFile: empty}, "CAFile"},
		{"no client's certificate", Settings{CertFile: empty}, "CertFile"},
		{"another's key", Settings{CertFile: write(t, "cert.pem", cert), KeyFile: write(t, "key.pem", foreign)}, "CertFile"},
		{"a key alone", Settings{KeyFile: write(t, "key.pem", foreign)}, "KeyFile"},
	} {
		_, err := newClient(t).With(tt.s)
		var e *SettingError
		if !errors.As(err, &e) || e.Setting != tt.setting {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
}

func TestWhereAGuardKeepsAwayFrom(t *testing.T) {
	for address, least := range map[string]Guard{ // the least guard that refuses it
		"169.254.169.254:80": NoMetadata, "169.254.170.23:80": NoMetadata, "[fe80::1%eth0]:80": NoMetadata, "[fd00:ec2::254]:80": NoMetadata,
		"[fd00:ec2::23]:80": NoMetadata, "[::ffff:169.254.169.254]:80": NoMetadata, "224.0.0.1:80": NoMetadata, "168.63.129.16:80": NoMetadata,
		"100.100.100.200:80": NoMetadata, "[fd20:ce::254]:80": NoMetadata, "192.0.0.192:80": NoMetadata, "[64:ff9b::a9fe:a9fe]:80": NoMetadata,
		"[2002:a00:1::1]:80": NoMetadata, "[2001:0:53aa:64c::80ff:fffe]:80": NoMetadata, "[2600::5efe:10.0.0.1]:80": NoMetadata, "0.0.0.0:80": NoMetadata,
		"127.0.0.1:80": PublicOnly, "[::1]:80": PublicOnly, "[::ffff:127.0.0.1]:80": PublicOnly, "[64:ff9b::7f00:1]:80": PublicOnly,
		"10.0.0.5:80": PublicOnly, "172.16.0.1:443": PublicOnly, "192.168.1.1:80": PublicOnly, "100.64.0.1:80": PublicOnly, "[fd12::1]:443": PublicOnly,
		"93.184.216.34:443": PublicOnly + 1, "93.184.216.34:4000": PublicOnly + 1, "[2600::1]:443": PublicOnly + 1,
	} {
		for g := NoMetadata; g <= PublicOnly; g++ {
			if refused := g.Control("tcp", address, nil) != nil; refused != (g >= least) {
				t.Errorf("guard %d of %s: refused %v", g, address, refused)
			}
		}
	}
}

func TestAGuardLooksAtWhereANameLeads(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	c := with(t, newClient(t), Settings{Guard: PublicOnly})
	_, err := c.Do(t.Context(), post(t, "http://localhost:"+port, "{}"))
	closed := notPublic(t, err)
	if !netguard.IsClosed(closed) {
		t.Errorf("the log has %v", closed.Unwrap())
	}
	_, err = c.Do(t.Context(), post(t, "http://nowhere.invalid:"+port, "{}"))
	if unknown := notPublic(t, err); unknown.Error() != closed.Error() {
		t.Errorf("a name that leads nowhere is told from a private one: %v, %v", unknown, closed)
	}
}

// notPublic is a failure that does not say why a host is not connected to.
func notPublic(t *testing.T, err error) *NotPublicError {
	t.Helper()
	var e *Error
	var hidden *NotPublicError
	if !errors.As(err, &e) || !e.Unreachable || !errors.As(err, &hidden) || strings.ContainsAny(e.Error(), "0123456789") {
		t.Fatalf("got %v", err)
	}
	return hidden
}

// TestAClientsGuardIsNeverWeakerThanThatOfTheClientItComesFrom is what the settings of an administrator's model rely on:
// whatever a provider asks for beside them, no metadata service is connected to.
func TestAClientsGuardIsNeverWeakerThanThatOfTheClientItComesFrom(t *testing.T) {
	server := greeter(t)
	base := with(t, newClient(t), Settings{Guard: Administered})
	if base.Guard() != Administered || with(t, base, Settings{}) != base {
		t.Error("no settings gave another client")
	}
	for asked, want := range map[Guard]Guard{Anywhere: Administered, Administered: Administered, NoMetadata: NoMetadata, PublicOnly: PublicOnly} {
		c := with(t, base, Settings{Insecure: true, Guard: asked})
		if c.Guard() != want {
			t.Errorf("asked for %d: %d", asked, c.Guard())
		}
		_, err := c.Do(t.Context(), post(t, "http://169.254.169.254", "{}"))
		if closed := notPublic(t, err); !netguard.IsClosed(closed.Unwrap()) {
			t.Errorf("the log has %v", closed.Unwrap())
		}
	}
	if status, _ := do(t, with(t, base, Settings{Insecure: true}), post(t, server.URL, "{}")); status != 200 {
		t.Errorf("a private address is answered by %d", status)
	}
	_, err := base.Do(t.Context(), post(t, "http://nowhere.invalid", "{}"))
	if hidden, ok := errors.AsType[*NotPublicError](err); ok || err == nil {
		t.Errorf("an administrator is not told that a name is not in DNS: %v", hidden)
	}
}

func TestARedirectionIsAnAnswer(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirection was followed") }))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 307, 308} {
		moved := httptest.NewServer(http.RedirectHandler(elsewhere.URL, status))
		for _, c := range []*Client{newClient(t), with(t, newClient(t), Settings{Guard: NoMetadata})} {
			if got, _ := do(t, c, post(t, moved.URL, "{}")); got != status {
				t.Errorf("%d became %d", status, got)
			}
		}
		moved.Close()
	}
}

func TestThroughAProxyWhatIsWrittenAsAnAddressIsGuarded(t *testing.T) {
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = append(asked, r.URL.Host) }))
	defer proxy.Close()
	base := newClient(t)
	base.proxy = func(*http.Request) (*url.URL, error) { return url.Parse(proxy.URL) }
	c := with(t, base, Settings{Guard: PublicOnly})
	for _, address := range []string{"http://10.0.0.5", "http://169.254.169.254", "http://[::1]:80", "http://2130706433", "http://0x7f.1", "http://127.1", "http://127.0.0.1."} {
		_, err := c.Do(t.Context(), post(t, address, "{}"))
		_ = notPublic(t, err)
	}
	if _, err := c.Do(t.Context(), post(t, "http://bedrock.example", "{}")); err != nil {
		t.Error(err)
	}
	if !slices.Equal(asked, []string{"bedrock.example"}) {
		t.Errorf("the proxy was asked for %q", asked)
	}
	base.CloseIdle()
}

// proxyTest is set in the process that TestProxiesOfTheEnvironment starts: net/http
// reads the environment once in a process's life.
const proxyTest = "OUTCROP_TEST_PROXY"

func TestProxiesOfTheEnvironment(t *testing.T) {
	if os.Getenv(proxyTest) != "" {
		c := newClient(t)
		for address, want := range map[string]string{
			"https://bedrock-runtime.eu-west-1.amazonaws.com/":             "http://secure.example:3128",
			"http://bedrock.example/":                                      "http://plain.example:3128",
			"https://vpce-1.bedrock-runtime.eu-west-1.vpce.amazonaws.com/": "",
			"http://localhost:4566/":                                       "",
			"http://10.1.2.3/":                                             "",
		} {
			got := ""
			proxy, err := c.Proxy(parse(t, address))
			if proxy != nil {
				got = proxy.String()
			}
			if err != nil || got != want {
				t.Errorf("%s: through %q, %v; want %q", address, got, err, want)
			}
		}
		return
	}
	test := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProxiesOfTheEnvironment$")
	test.Env = append(os.Environ(), proxyTest+"=1", "HTTPS_PROXY=http://secure.example:3128", "HTTP_PROXY=http://plain.example:3128",
		"NO_PROXY=.vpce.amazonaws.com,10.0.0.0/8", "https_proxy=", "http_proxy=", "no_proxy=")
	if out, err := test.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
