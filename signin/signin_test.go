package signin_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outcrop/bearer"
	"outcrop/signin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// provider is an identity provider whose answers a test can change. It redeems a code once, for the verifier of its
// challenge.
type provider struct {
	t      *testing.T
	server *httptest.Server
	now    time.Time
	key    *ecdsa.PrivateKey
	// codes are the challenges of codes that have not been redeemed.
	codes map[string]string
	// claims are those of ID tokens; nil for no ID token.
	claims map[string]any
	info   string
	token  string // the answer in place of the usual one; empty for the usual one
	status int    // of the userinfo; 0 for 200
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{t: t, key: key, now: time.Unix(1_800_000_000, 0), codes: map[string]string{}}
	p.claims = map[string]any{"iss": "https://idp.example", "sub": "s1", "aud": "gateway", "nonce": "the nonce", "exp": p.now.Add(time.Minute).Unix(), "email": "Ann@Example.com"}
	p.info = `{"sub":"s1","preferred_username":"ann","email":"Ann@Example.com","name":"Ann O","realm":{"role":"internal_user"},"id":17}`
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", p.exchange)
	mux.HandleFunc("GET /userinfo", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer access" {
			p.t.Error(r.Header)
		}
		if p.status != 0 {
			w.WriteHeader(p.status)
		}
		_, _ = io.WriteString(w, p.info)
	})
	mux.Handle("GET /moved", http.RedirectHandler("/elsewhere", http.StatusFound))
	mux.HandleFunc("/elsewhere", func(http.ResponseWriter, *http.Request) { p.t.Error("a redirection was followed") })
	p.server = httptest.NewServer(mux)
	t.Cleanup(p.server.Close)
	return p
}

func (p *provider) exchange(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	if id == "" {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	challenge, ok := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	w.Header().Set("Content-Type", "application/json")
	switch {
	case p.token != "":
		_, _ = io.WriteString(w, p.token)
	case !ok || challenge != base64.RawURLEncoding.EncodeToString(sum[:]) || r.PostFormValue("redirect_uri") != "https://gateway.example/sso/callback":
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"invalid_grant"}`)
	case id != "gateway" || secret != "secret":
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"error":"invalid_client"}`)
	default:
		answer := map[string]string{"access_token": "access", "token_type": "Bearer"}
		if p.claims != nil {
			answer["id_token"] = p.sign(p.claims)
		}
		_ = json.NewEncoder(w).Encode(answer)
	}
}

// sign is an ID token.
func (p *provider) sign(claims map[string]any) string {
	body, err := json.Marshal(claims)
	if err != nil {
		p.t.Fatal(err)
	}
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256"}`)) + "." + base64.RawURLEncoding.EncodeToString(body)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, p.key, sum[:])
	if err != nil {
		p.t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

// with makes the gateway's side, changed by change.
func (p *provider) with(change func(o *signin.Options)) *signin.Provider {
	o := signin.Options{
		Name: "generic", ClientID: "gateway", ClientSecret: "secret", AuthURL: p.server.URL + "/auth", TokenURL: p.server.URL + "/token", UserinfoURL: p.server.URL + "/userinfo",
		Redirect: "https://gateway.example/sso/callback", Scopes: []string{"openid", "email"}, Claims: signin.Claims{ID: "preferred_username", Email: "email", Name: "name"},
		Now: func() time.Time { return p.now },
	}
	if change != nil {
		change(&o)
	}
	return signin.New(o)
}

// signs is a whole sign-in. It returns what comes of it.
func (p *provider) signs(g *signin.Provider, nonce string) (*signin.Person, error) {
	p.t.Helper()
	u, err := url.Parse(g.AuthURL("the state", "the nonce", "the verifier"))
	if err != nil {
		p.t.Fatal(err)
	}
	q := u.Query()
	if q.Get("state") != "the state" || q.Get("nonce") != "the nonce" || q.Get("code_challenge_method") != "S256" || q.Get("response_type") != "code" || q.Get("scope") != "openid email" || q.Get("redirect_uri") != "https://gateway.example/sso/callback" || strings.Contains(u.RawQuery, "verifier") {
		p.t.Errorf("%s", u)
	}
	p.codes["a code"] = q.Get("code_challenge")
	return g.Exchange(p.t.Context(), "a code", "the verifier", nonce)
}

func TestAPersonSignsIn(t *testing.T) {
	p := newProvider(t)
	for name, tt := range map[string]struct {
		change func(o *signin.Options)
		want   signin.Person
	}{
		"userinfo":             {nil, signin.Person{ID: "ann", Email: "Ann@Example.com", Name: "Ann O"}},
		"claims within others": {func(o *signin.Options) { o.Claims = signin.Claims{ID: "id", Role: "realm.role"} }, signin.Person{ID: "17", Role: "internal_user"}},
		"first and last name": {func(o *signin.Options) {
			o.Claims = signin.Claims{ID: "sub", FirstName: "preferred_username", LastName: "id"}
		}, signin.Person{ID: "s1", Name: "ann 17"}},
		"the ID token": {func(o *signin.Options) {
			o.UserinfoURL, o.Claims.ID, o.Issuer = "", "sub", "https://idp.example"
		}, signin.Person{ID: "s1", Email: "Ann@Example.com"}},
		"a secret in the body": {func(o *signin.Options) { o.SecretInBody = true }, signin.Person{ID: "ann", Email: "Ann@Example.com", Name: "Ann O"}},
		"of a domain":          {func(o *signin.Options) { o.Domains = []string{"other.example", "example.com"} }, signin.Person{ID: "ann", Email: "Ann@Example.com", Name: "Ann O"}},
	} {
		if who, err := p.signs(p.with(tt.change), "the nonce"); err != nil || *who != tt.want {
			t.Errorf("%s: %+v %v", name, who, err)
		}
	}
}

func TestAnIDTokenOfSomethingElseIsRefused(t *testing.T) {
	p := newProvider(t)
	right := maps.Clone(p.claims)
	for name, tt := range map[string]struct {
		claim string
		value any
		why   string
	}{
		"for another audience":        {"aud", "another", "for another application"},
		"for others":                  {"aud", []string{"another", "third"}, "for another application"},
		"for several, without azp":    {"aud", []string{"gateway", "another"}, "was issued to another application"},
		"for no audience":             {"aud", nil, "for another application"},
		"issued to another":           {"azp", "another", "was issued to another application"},
		"of another issuer":           {"iss", "https://evil.example", "of another issuer"},
		"of another sign-in":          {"nonce", "another", "of another sign-in"},
		"without a nonce":             {"nonce", nil, "of another sign-in"},
		"that has expired":            {"exp", p.now.Add(-2 * time.Minute).Unix(), "has expired"},
		"that never ends":             {"exp", nil, "has expired"},
		"of nobody":                   {"sub", nil, "has no sub"},
		"of another than the details": {"sub", "s2", "of another person"},
	} {
		p.claims = maps.Clone(right)
		if p.claims[tt.claim] = tt.value; tt.value == nil {
			delete(p.claims, tt.claim)
		}
		_, err := p.signs(p.with(func(o *signin.Options) { o.Issuer = "https://idp.example" }), "the nonce")
		if refusal, ok := errors.AsType[*signin.RefusedError](err); !ok || !strings.Contains(refusal.Why, tt.why) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p.claims = right
	if _, err := p.signs(p.with(nil), ""); err == nil {
		t.Error("a sign-in without a nonce")
	}
}

func TestACodeIsRedeemedOnceByWhoHasBegun(t *testing.T) {
	p := newProvider(t)
	g := p.with(nil)
	if _, err := p.signs(g, "the nonce"); err != nil {
		t.Fatal(err)
	}
	refused := func(what, verifier string) {
		t.Helper()
		_, err := g.Exchange(t.Context(), "a code", verifier, "the nonce")
		if refusal, ok := errors.AsType[*signin.RefusedError](err); !ok || !strings.Contains(refusal.Why, "does not accept the code") {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused("a code that was redeemed", "the verifier")
	p.codes["a code"] = "the challenge of another browser"
	refused("the code of another sign-in", "the verifier")
}

func TestTheSignatureIsVerified(t *testing.T) {
	p := newProvider(t)
	x, y := make([]byte, 32), make([]byte, 32)
	public, err := p.key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	copy(x, public[1:33])
	copy(y, public[33:])
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"keys":[{"kty":"EC","crv":"P-256","x":"`+base64.RawURLEncoding.EncodeToString(x)+`","y":"`+base64.RawURLEncoding.EncodeToString(y)+`"}]}`)
	}))
	defer keys.Close()
	v := bearer.Open(bearer.Options{URLs: []string{keys.URL}, Audience: "gateway", TTL: time.Hour, Stale: time.Hour, Now: func() time.Time { return p.now }})
	defer v.Close()
	g := p.with(func(o *signin.Options) { o.Keys = v })
	if _, err := p.signs(g, "the nonce"); err != nil {
		t.Error(err)
	}
	if p.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	p.claims["jti"] = "another"
	_, err = p.signs(g, "the nonce")
	if refusal, ok := errors.AsType[*signin.RefusedError](err); !ok || !strings.Contains(refusal.Why, "signature is wrong") {
		t.Error(err)
	}
}

func TestWhoMayNotSignInIsTold(t *testing.T) {
	p := newProvider(t)
	for info, why := range map[string]string{
		`{"sub":"s1","email":"a@example.com"}`:                                                               "no claim preferred_username",
		`{"sub":"s1","preferred_username":" "}`:                                                              "no claim preferred_username",
		`{"sub":"s1","preferred_username":"a\u0000"}`:                                                        "no claim preferred_username",
		`{"sub":"s1","preferred_username":"ann","email":"a@evil.example"}`:                                   "address of example.com",
		`{"sub":"s1","preferred_username":"ann","email":"a@evil.example@"}`:                                  "address of example.com",
		`{"sub":"s1","preferred_username":"ann"}`:                                                            "address of example.com",
		`{"sub":"s1","preferred_username":"ann","email":"a@example.com","email_verified":false}`:             "address of example.com",
		`{"sub":"s1","preferred_username":"ann","email":"a@example.com","email_verified":"false"}`:           "address of example.com",
		`{"sub":"another","preferred_username":"ann","email":"a@example.com"}`:                               "another person",
		`{"sub":"s1","preferred_username":"` + strings.Repeat("x", 513) + `","email":"a@example.com"}`:       "too long",
		`{"preferred_username":"ann","email":"a@example.com"}`:                                               "another person",
		`{"sub":"s1","preferred_username":{"a":1},"email":"a@example.com","preferred_username.a":"a.b.c.d"}`: "no claim preferred_username",
	} {
		p.info = info
		_, err := p.signs(p.with(func(o *signin.Options) { o.Domains = []string{"example.com"} }), "the nonce")
		if refusal, ok := errors.AsType[*signin.RefusedError](err); !ok || !strings.Contains(refusal.Why, why) {
			t.Errorf("%s: %v", info, err)
		}
	}
}

func TestAnswersThatCannotBeReadAreForTheLog(t *testing.T) {
	for name, break_ := range map[string]func(p *provider, o *signin.Options){
		"no ID token":             func(p *provider, _ *signin.Options) { p.claims = nil },
		"no token":                func(p *provider, _ *signin.Options) { p.token = `{}` },
		"a wrong secret":          func(_ *provider, o *signin.Options) { o.ClientSecret = "wrong" },
		"an ID token of nothing":  func(p *provider, _ *signin.Options) { p.token = `{"access_token":"access","id_token":"x"}` },
		"an ID token in no form":  func(p *provider, _ *signin.Options) { p.token = `{"access_token":"access","id_token":"a.?.c"}` },
		"claims in no form":       func(p *provider, _ *signin.Options) { p.token = `{"access_token":"access","id_token":"a.e30x.c"}` },
		"an audience of a number": func(p *provider, _ *signin.Options) { p.claims["aud"] = []int{5} },
		"no userinfo":             func(p *provider, _ *signin.Options) { p.status = 500 },
		"a userinfo elsewhere":    func(p *provider, o *signin.Options) { o.UserinfoURL = p.server.URL + "/moved" },
		"a userinfo of a list":    func(p *provider, _ *signin.Options) { p.info = `[]` },
		"a large userinfo":        func(p *provider, _ *signin.Options) { p.info = `{"a":"` + strings.Repeat("x", 1<<20) + `"}` },
		"no userinfo at all":      func(_ *provider, o *signin.Options) { o.UserinfoURL = "http://127.0.0.1:1/" },
		"a wrong address":         func(_ *provider, o *signin.Options) { o.UserinfoURL = ":" },
		"nothing of anybody":      func(p *provider, o *signin.Options) { p.claims, o.Scopes, o.UserinfoURL = nil, nil, "" },
	} {
		p := newProvider(t)
		var opt signin.Options
		g := p.with(func(o *signin.Options) { break_(p, o); opt = *o })
		p.codes["a code"] = "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg" // of "test"
		_, err := g.Exchange(context.Background(), "a code", "test", "the nonce")
		if _, no := errors.AsType[*signin.RefusedError](err); err == nil || no || strings.Contains(err.Error(), opt.ClientSecret) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p := newProvider(t)
	p.claims = nil
	p.codes["a code"] = "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg"
	if who, err := p.with(func(o *signin.Options) { o.Scopes = []string{"profile"} }).Exchange(t.Context(), "a code", "test", "n"); err != nil || who.ID != "ann" {
		t.Errorf("OAuth without OpenID Connect: %+v %v", who, err)
	}
}

func TestWhatIsSealedIsOpenedForItsPurposeOnly(t *testing.T) {
	a, err := signin.NewSealer("one")
	if err != nil {
		t.Fatal(err)
	}
	again, err := signin.NewSealer("one")
	if err != nil {
		t.Fatal(err)
	}
	b, err := signin.NewSealer("two")
	if err != nil {
		t.Fatal(err)
	}
	box := a.Seal("state", []byte("text"))
	if text, err := again.Open("state", box); err != nil || string(text) != "text" {
		t.Error(text, err)
	}
	for name, open := range map[string]func() ([]byte, error){
		"another purpose": func() ([]byte, error) { return a.Open("login", box) },
		"another secret":  func() ([]byte, error) { return b.Open("state", box) },
		"changed":         func() ([]byte, error) { return a.Open("state", "A"+box[1:]+"A") },
		"too short":       func() ([]byte, error) { return a.Open("state", "AAAA") },
		"no box":          func() ([]byte, error) { return a.Open("state", "?") },
	} {
		if text, err := open(); err == nil {
			t.Errorf("%s: %s", name, text)
		}
	}
	if a.Seal("state", []byte("text")) == box {
		t.Error("the same twice")
	}
}
