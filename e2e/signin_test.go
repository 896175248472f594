package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"html"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"outcrop/app"
	"outcrop/config"
	"outcrop/internal/jsonx"
	"outcrop/provider/all"
)

// signInGateway is a gateway whose people sign in at oidc-provider, a certified implementation of OpenID Connect.
type signInGateway struct {
	t               *testing.T
	address, issuer string
}

func startSignIn(t *testing.T) *signInGateway {
	t.Helper()
	c := node(t, "oidc")
	g := &signInGateway{t: t, address: "http://" + reservePort(t), issuer: "http://" + reservePort(t)}
	cmd := exec.CommandContext(t.Context(), c.interpreter, "provider.mjs")
	cmd.Dir = c.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "ISSUER=" + g.issuer, "REDIRECT=" + g.address + "/sso/callback"}
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it is ended by a signal
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "listening\n" {
		t.Fatalf("%q %v: %s", line, err, log.String())
	}
	g.start()
	return g
}

// start starts the gateway.
func (g *signInGateway) start() {
	g.t.Helper()
	cfg, problems := config.Load(config.Source{Name: "config.yaml", Data: []byte("general_settings: {master_key: " + masterKey + "}\nmodel_list: []\n"), Providers: all.Providers()})
	if cfg == nil {
		g.t.Fatal(problems)
	}
	environ := map[string]string{
		"GENERIC_CLIENT_ID": "gateway", "GENERIC_CLIENT_SECRET": "the-secret-of-the-gateway", "GENERIC_AUTHORIZATION_ENDPOINT": g.issuer + "/auth", "GENERIC_TOKEN_ENDPOINT": g.issuer + "/token",
		"GENERIC_USERINFO_ENDPOINT": g.issuer + "/me", "GENERIC_JWKS_URL": g.issuer + "/jwks", "PROXY_BASE_URL": g.address, "ALLOWED_EMAIL_DOMAINS": "example.com",
	}
	host, port, err := net.SplitHostPort(strings.TrimPrefix(g.address, "http://"))
	if err != nil {
		g.t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		g.t.Fatal(err)
	}
	a, err := app.New(g.t.Context(), app.Options{
		Config: cfg, Host: host, Port: number, DataDir: g.t.TempDir(), Logger: slog.New(slog.NewJSONHandler(g.t.Output(), nil)), Environ: func(name string) string { return environ[name] },
	})
	if err == nil {
		err = a.Start(g.t.Context())
	}
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := a.Stop(ctx); err != nil {
			g.t.Error(err)
		}
	})
}

// surfer is a person's browser.
type surfer struct {
	g      *signInGateway
	client *http.Client
	// held is the address of the gateway's callback, where the browser stops if stops is set.
	stops bool
	held  string
}

var errHeld = errors.New("held")

func (g *signInGateway) browser() *surfer {
	g.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		g.t.Fatal(err)
	}
	b := &surfer{g: g}
	b.client = &http.Client{Jar: jar, Timeout: patience, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if b.stops && strings.HasPrefix(r.URL.String(), g.address+"/sso/callback") {
			b.held = r.URL.String()
			return errHeld
		}
		return nil
	}}
	g.t.Cleanup(b.client.CloseIdleConnections)
	return b
}

// visits makes a request, with a form if there is one, and returns the page.
func (b *surfer) visits(address string, form url.Values) (status int, page string) {
	b.g.t.Helper()
	method, body := http.MethodGet, ""
	if form != nil {
		method, body = http.MethodPost, form.Encode()
	}
	req, err := http.NewRequestWithContext(b.g.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		b.g.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := b.client.Do(req)
	if errors.Is(err, errHeld) {
		return res.StatusCode, ""
	}
	if err != nil {
		b.g.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.g.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

var (
	formAction = regexp.MustCompile(`action="([^"]+)"`)
	formToken  = regexp.MustCompile(`name="token" value="([^"]+)"`)
	shownKey   = regexp.MustCompile(`sk-[A-Za-z0-9_-]{22}`)
)

// signsIn signs in at the provider, and returns the page that the gateway shows then.
func (b *surfer) signsIn(query, who string) (status int, page string) {
	b.g.t.Helper()
	_, page = b.visits(b.g.address+"/sso/key/generate"+query, nil)
	for _, form := range []url.Values{{"prompt": {"login"}, "login": {who}, "password": {"any"}}, {"prompt": {"consent"}}} {
		m := formAction.FindStringSubmatch(page)
		if m == nil {
			b.g.t.Fatalf("no form: %s", page)
		}
		status, page = b.visits(html.UnescapeString(m[1]), form)
	}
	return status, page
}

// asks makes a request to the gateway with a key.
func (g *signInGateway) asks(method, path, key string, header ...string) (status int, body []byte) {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), method, g.address+path, http.NoBody)
	if err != nil {
		g.t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err = io.ReadAll(res.Body); err != nil {
		g.t.Fatal(err)
	}
	return res.StatusCode, body
}

func TestPeopleSignInAtARealProvider(t *testing.T) {
	g := startSignIn(t)
	status, page := g.browser().signsIn("", "ann")
	key := shownKey.FindString(page)
	if status != 200 || key == "" || !strings.Contains(page, "ann@example.com") {
		t.Fatalf("%d %s", status, page)
	}
	var who struct {
		ID   string `json:"user_id"`
		User struct {
			Role  string `json:"user_role"`
			Alias string `json:"user_alias"`
		} `json:"user_info"`
	}
	status, body := g.asks("GET", "/user/info", key)
	if err := jsonx.Unmarshal(body, &who); err != nil || status != 200 || who.ID != "ann" || who.User.Role != "internal_user_viewer" || who.User.Alias != "The ann" {
		t.Errorf("%d %s %v", status, body, err)
	}
	if status, _ := g.asks("GET", "/models", key); status != 200 {
		t.Errorf("the key may not list models: %d", status)
	}
}

func TestCallbacksOfARealProviderAreForOneBrowserAndOneUse(t *testing.T) {
	g := startSignIn(t)
	ann := g.browser()
	ann.stops = true
	ann.signsIn("", "ann")
	if ann.held == "" {
		t.Fatal("the provider has not sent the browser back")
	}
	if status, page := g.browser().visits(ann.held, nil); status != 400 || shownKey.MatchString(page) {
		t.Errorf("another browser: %d %s", status, page)
	}
	at, err := url.Parse(g.address + "/sso/callback")
	if err != nil {
		t.Fatal(err)
	}
	cookies := ann.client.Jar.Cookies(at)
	if status, page := ann.visits(ann.held, nil); status != 200 || !shownKey.MatchString(page) {
		t.Errorf("the right browser: %d %s", status, page)
	}
	if status, page := ann.visits(ann.held, nil); status != 400 || shownKey.MatchString(page) {
		t.Errorf("again: %d %s", status, page)
	}
	for _, c := range cookies {
		c.Path = "/"
	}
	ann.client.Jar.SetCookies(at, cookies)
	if status, page := ann.visits(ann.held, nil); status != 403 || shownKey.MatchString(page) {
		t.Errorf("again with the cookie: %d %s", status, page)
	}
}

func TestTheCommandLineSignsInAtARealProvider(t *testing.T) {
	g := startSignIn(t)
	status, body := g.asks("POST", "/sso/cli/start", "")
	var begun struct {
		ID     string `json:"login_id"`
		Secret string `json:"poll_secret"`
		Code   string `json:"user_code"`
	}
	if err := jsonx.Unmarshal(body, &begun); err != nil || status != 200 {
		t.Fatalf("%d %s %v", status, body, err)
	}
	b := g.browser()
	status, page := b.signsIn("?source=litellm-cli&key="+begun.ID, "cyd")
	action, token := formAction.FindStringSubmatch(page), formToken.FindStringSubmatch(page)
	if status != 200 || action == nil || token == nil {
		t.Fatalf("%d %s", status, page)
	}
	if status, page = b.visits(g.address+html.UnescapeString(action[1]), url.Values{"token": {token[1]}, "user_code": {begun.Code}}); status != 200 {
		t.Fatalf("%d %s", status, page)
	}
	status, body = g.asks("GET", "/sso/cli/poll/"+begun.ID, "", "X-Litellm-Cli-Poll-Secret", begun.Secret)
	var given struct {
		Key  string `json:"key"`
		User string `json:"user_id"`
	}
	if err := jsonx.Unmarshal(body, &given); err != nil || status != 200 || given.User != "cyd" {
		t.Fatalf("%d %s %v", status, body, err)
	}
	if status, body = g.asks("GET", "/key/info", given.Key); status != 200 {
		t.Errorf("%d %s", status, body)
	}
}
