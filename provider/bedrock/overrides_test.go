package bedrock_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock"
	"outcrop/upstream"
)

// stsCalls plays STS and keeps what it was asked.
type stsCalls struct {
	*httptest.Server
	mu   sync.Mutex
	got  []url.Values
	auth []string
}

func newSTS(t testing.TB) *stsCalls {
	s := &stsCalls{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		s.mu.Lock()
		s.got, s.auth = append(s.got, r.Form), append(s.auth, r.Header.Get("Authorization"))
		n := len(s.got)
		s.mu.Unlock()
		fmt.Fprintf(w, `<%[1]sResponse><%[1]sResult><Credentials><AccessKeyId>ASIA%[2]d</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></%[1]sResult></%[1]sResponse>`, r.Form.Get("Action"), n)
	}))
	t.Cleanup(s.Close)
	return s
}

// host is a deployment whose callers may bring what allowed says.
func host(t testing.TB, a *aws, allowed provider.ClientPolicy, values, environ map[string]string, log *slog.Logger) provider.Overridable {
	t.Helper()
	all := map[string]string{"aws_bedrock_runtime_endpoint": a.URL, "aws_access_key_id": "AKIDGATEWAY", "aws_secret_access_key": "gateway-secret", "aws_region_name": "us-east-1"}
	for k, v := range values {
		if all[k] = v; v == "" {
			delete(all, k)
		}
	}
	client := upstream.New()
	t.Cleanup(client.CloseIdle)
	d, err := bedrock.Provider().Open(t.Context(), provider.Params{
		Model: model, Values: all, Upstream: client, ClientPolicy: allowed, Logger: log,
		Environ: func(name string) string { return environ[name] },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d.(provider.Overridable)
}

const model = "us.amazon.nova-lite-v1:0"

// callAs calls as a request that brings settings does.
func callAs(t testing.TB, h provider.Overridable, settings map[string]string) error {
	t.Helper()
	d, leave, err := h.WithOverrides(llm.NewClientSettings(settings))
	if err != nil {
		return err
	}
	defer leave()
	_, err = (opened{d}).Complete(t.Context(), model, ask(model))
	return err
}

// aJWT is a web identity token that nobody has signed.
const aJWT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9.hidden"

func TestARequestBringsItsOwnCredentials(t *testing.T) {
	all := provider.ClientPolicy{All: true}
	const role = "arn:aws:iam::999999999999:role/theirs"
	for _, tt := range []struct {
		name                     string
		values, environ, brought map[string]string
		authorization            string            // begins with
		token                    string            // of a session
		sts                      map[string]string // asked of STS once
		caller                   string            // who asked STS
	}{
		{name: "an API key", brought: map[string]string{"api_key": "caller-key"}, authorization: "Bearer caller-key"},
		{
			name: "a key, which no other's role and token join", brought: map[string]string{"aws_access_key_id": "AKIDCALLER", "aws_secret_access_key": "s"},
			values:        map[string]string{"aws_role_name": "arn:aws:iam::111111111111:role/gateway", "aws_session_token": "gateway-token", "api_key": "gateway-key"},
			environ:       map[string]string{"AWS_ROLE_NAME": role, "AWS_BEARER_TOKEN_BEDROCK": "env-key", "AWS_SESSION_TOKEN": "env"},
			authorization: "AWS4-HMAC-SHA256 Credential=AKIDCALLER/",
		},
		{
			name: "a key with its session", brought: map[string]string{"aws_access_key_id": "ASIACALLER", "aws_secret_access_key": "s", "aws_session_token": "caller-token"},
			authorization: "AWS4-HMAC-SHA256 Credential=ASIACALLER/", token: "caller-token",
		},
		{
			name: "a role that the gateway assumes", brought: map[string]string{"aws_role_name": role, "aws_session_name": "me", "aws_external_id": "ext"},
			values:        map[string]string{"api_key": "", "aws_external_id": "gateway-ext"},
			authorization: "AWS4-HMAC-SHA256 Credential=ASIA1/", token: "t",
			sts: map[string]string{"Action": "AssumeRole", "RoleArn": role, "RoleSessionName": "me", "ExternalId": "ext"}, caller: "AKIDGATEWAY",
		},
		{
			name: "a role without the gateway's external id and session name", brought: map[string]string{"aws_role_name": role},
			values:        map[string]string{"aws_external_id": "gateway-ext", "aws_session_name": "gateway-session"},
			environ:       map[string]string{"AWS_EXTERNAL_ID": "env-ext", "AWS_SESSION_NAME": "env-session", "AWS_BEARER_TOKEN_BEDROCK": "env-key"},
			authorization: "AWS4-HMAC-SHA256 Credential=ASIA1/", token: "t",
			sts: map[string]string{"Action": "AssumeRole", "RoleArn": role, "ExternalId": ""}, caller: "AKIDGATEWAY",
		},
		{
			name: "a role by their own key", brought: map[string]string{"aws_role_name": role, "aws_access_key_id": "AKIDCALLER", "aws_secret_access_key": "s"},
			authorization: "AWS4-HMAC-SHA256 Credential=ASIA1/", token: "t",
			sts: map[string]string{"Action": "AssumeRole", "RoleArn": role}, caller: "AKIDCALLER",
		},
		{
			name: "a token of their own", brought: map[string]string{"aws_role_name": role, "aws_web_identity_token": aJWT},
			authorization: "AWS4-HMAC-SHA256 Credential=ASIA1/", token: "t",
			sts: map[string]string{"Action": "AssumeRoleWithWebIdentity", "RoleArn": role, "WebIdentityToken": aJWT, "Policy": ""},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, sts := newAWS(t), newSTS(t)
			environ := map[string]string{"AWS_ENDPOINT_URL_STS": sts.URL}
			maps.Copy(environ, tt.environ)
			h := host(t, a, all, tt.values, environ, nil)
			for range 3 {
				if err := callAs(t, h, tt.brought); err != nil {
					t.Fatal(err)
				}
			}
			if got := a.last(); !strings.HasPrefix(got.authorization, tt.authorization) || got.token != tt.token {
				t.Errorf("sent %q and token %q", got.authorization, got.token)
			}
			if want := min(len(tt.sts), 1); len(sts.got) != want {
				t.Fatalf("STS was asked %d times, want %d", len(sts.got), want)
			}
			for k, want := range tt.sts {
				if got := sts.got[0].Get(k); got != want {
					t.Errorf("%s is %q, want %q", k, got, want)
				}
			}
			if tt.sts != nil && (!strings.Contains(sts.auth[0], tt.caller) || tt.caller == "" && sts.auth[0] != "") {
				t.Errorf("STS was asked by %q", sts.auth[0])
			}
		})
	}
}

func TestWhatARequestMayNotBring(t *testing.T) {
	all := provider.ClientPolicy{All: true}
	keys := map[string]string{"aws_access_key_id": "AKIDCALLER", "aws_secret_access_key": "hidden-secret"}
	with := func(more ...string) map[string]string {
		m := maps.Clone(keys)
		for i := 0; i < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	named := func(name, pattern string) provider.ClientPolicy {
		return provider.ClientPolicy{Names: map[string]*regexp.Regexp{"api_key": nil, name: regexp.MustCompile("^(?:" + pattern + ")$")}}
	}
	for _, tt := range []struct {
		name    string
		allowed provider.ClientPolicy
		brought map[string]string
		param   string
		says    string
	}{
		{"nothing without leave", provider.ClientPolicy{}, map[string]string{"api_key": "hidden"}, "api_key", "clients may not set it"},
		{"another than the one that is named", named("api_base", ".*"), keys, "aws_access_key_id", "clients may not set it"},
		{"a value that does not match", named("aws_region_name", "eu-.*"), map[string]string{"aws_region_name": "us-east-1"}, "aws_region_name", "a value that clients may not set"},
		{"an address that only begins as it should", named("api_base", `https://good\.example`), map[string]string{"api_key": "hidden", "api_base": "https://good.example.evil.example"}, "api_base", "a value that clients may not set"},
		{"a profile of the gateway's machine", all, map[string]string{"aws_profile_name": "admin"}, "aws_profile_name", "cannot be set by a request"},
		{"an STS", all, with("aws_sts_endpoint", "https://sts.evil.example"), "aws_sts_endpoint", "cannot be set by a request"},
		{"no checks of certificates", all, with("ssl_verify", "false"), "ssl_verify", "cannot be set by a request"},
		{"a variable of the gateway's", all, map[string]string{"api_key": "os.environ/AWS_SECRET_ACCESS_KEY"}, "api_key", "cannot refer"},
		{"a token of the gateway's", all, map[string]string{"aws_role_name": "arn:aws:iam::1:role/x", "aws_web_identity_token": "oidc/file//etc/passwd"}, "aws_web_identity_token", "cannot refer"},
		{"a token that is none", all, map[string]string{"aws_role_name": "arn:aws:iam::1:role/x", "aws_web_identity_token": "/etc/passwd"}, "aws_web_identity_token", "JSON Web Token"},
		{"an address with the gateway's credentials", all, map[string]string{"aws_bedrock_runtime_endpoint": "https://evil.example"}, "aws_bedrock_runtime_endpoint", "requires credentials"},
		{"an address by its other name", all, map[string]string{"base_url": "https://evil.example"}, "api_base", "requires credentials"},
		{"an address with a role that the gateway assumes", all, map[string]string{"api_base": "https://evil.example", "aws_role_name": "arn:aws:iam::1:role/x"}, "api_base", "requires credentials"},
		{"an address with half a key", all, map[string]string{"api_base": "https://evil.example", "aws_access_key_id": "AKIDCALLER"}, "aws_access_key_id", "aws_secret_access_key is missing"},
		{"the other half alone", all, map[string]string{"aws_secret_access_key": "hidden"}, "aws_secret_access_key", "aws_access_key_id is missing"},
		{"a session token for the gateway's key", all, map[string]string{"aws_session_token": "hidden"}, "aws_session_token", "aws_access_key_id is missing"},
		{"two lines", all, map[string]string{"api_key": "hidden\r\nX-Other: 1"}, "api_key", "ASCII without white space"},
		{"an endless value", all, map[string]string{"api_key": strings.Repeat("hidden", 4000)}, "api_key", "at most"},
		{"one setting by two names", all, map[string]string{"aws_region_name": "us-east-1", "region_name": "us-west-2"}, "region_name", "twice"},
		{"a region that is misspelt", all, map[string]string{"aws_region_name": "us-est-1"}, "aws_region_name", "us-est-1 is not an AWS region; did you mean us-east-1?"},
		{"a region that is none", all, map[string]string{"aws_region_name": "evil.example#"}, "aws_region_name", "not the name of an AWS region"},
		{"an address that is no URL", all, with("api_base", "nowhere"), "api_base", "must be a URL"},
		{"a role that is none", all, with("aws_role_name", "admin"), "aws_role_name", "not the ARN of a role"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAWS(t)
			h := host(t, a, tt.allowed, nil, nil, nil)
			err := callAs(t, h, tt.brought)
			e := llm.AsError(err)
			if e.Status != 400 || e.Param != tt.param || !strings.Contains(e.Message, tt.says) || e.Responsible() != llm.ActorCaller {
				t.Errorf("got %d %q: %s", e.Status, e.Param, e.Message)
			}
			if strings.Contains(fmt.Sprintf("%v %s %s", err, e.Fix, e.Cause), "hidden") || len(a.got) > 0 {
				t.Errorf("%v, after %d calls", err, len(a.got))
			}
		})
	}
}

// A thousand requests at once with one role, of which each deployment has its own
// settings otherwise, ask STS once.
func TestAThousandRequestsWithOneRoleAskSTSOnce(t *testing.T) {
	a, sts := newAWS(t), newSTS(t)
	quiet := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) }))
	defer quiet.Close()
	h := host(t, a, provider.ClientPolicy{All: true}, map[string]string{"aws_bedrock_runtime_endpoint": quiet.URL}, map[string]string{"AWS_ENDPOINT_URL_STS": sts.URL}, nil)
	settings := map[string]string{"aws_role_name": "arn:aws:iam::999999999999:role/theirs"}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for range 20 {
				if err := callAs(t, h, settings); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if len(sts.got) != 1 {
		t.Errorf("STS was asked %d times", len(sts.got))
	}
}

func TestGuestsAreBoundedAndClosedWhenNobodyUsesThem(t *testing.T) {
	a, sts := newAWS(t), newSTS(t)
	h := host(t, a, provider.ClientPolicy{All: true}, nil, map[string]string{"AWS_ENDPOINT_URL_STS": sts.URL}, nil)
	role := func(n int) map[string]string {
		return map[string]string{"aws_role_name": fmt.Sprintf("arn:aws:iam::999999999999:role/r%d", n)}
	}
	first, leave, err := h.WithOverrides(llm.NewClientSettings(role(0)))
	if err != nil {
		t.Fatal(err)
	}
	for n := range 1500 { // the first ones are forgotten, and one of them is in use
		_, leave, err := h.WithOverrides(llm.NewClientSettings(role(n + 1)))
		if err != nil {
			t.Fatal(err)
		}
		leave()
	}
	if _, err := (opened{first}).Complete(t.Context(), model, ask(model)); err != nil {
		t.Errorf("a guest in use was closed: %v", err)
	}
	leave()
	leave()
	if err := callAs(t, h, role(0)); err != nil || len(sts.got) != 2 {
		t.Errorf("a guest that was forgotten is not made anew: %v, %d calls", err, len(sts.got))
	}
	_ = h.(io.Closer).Close()
	if err := callAs(t, h, role(0)); llm.AsError(err).Code != llm.CodeCredentialsMissing {
		t.Errorf("a closed deployment gave %v", err)
	}
}

func TestAnAddressThatARequestBrings(t *testing.T) {
	operator, theirs := newAWS(t), newAWS(t)
	keys := map[string]string{"aws_access_key_id": "AKIDCALLER", "aws_secret_access_key": "s", "api_base": theirs.URL}
	local := provider.ClientPolicy{Names: map[string]*regexp.Regexp{
		"aws_access_key_id": nil, "aws_secret_access_key": nil, "api_base": regexp.MustCompile(`^http://(127\.0\.0\.1|169\.254\.169\.254).*$`),
	}}
	if err := callAs(t, host(t, operator, local, nil, nil, nil), keys); err != nil || len(theirs.got) != 1 || len(operator.got) != 0 || !strings.Contains(theirs.last().authorization, "AKIDCALLER/") {
		t.Errorf("got %v; theirs %v, the operator's %v", err, theirs.got, operator.got)
	}
	wide := provider.ClientPolicy{Names: map[string]*regexp.Regexp{"aws_access_key_id": nil, "aws_secret_access_key": nil, "api_base": regexp.MustCompile(`^https?://.*$`)}}
	var said string
	for _, tt := range []struct {
		name    string
		allowed provider.ClientPolicy
		address string
	}{
		{"this machine, unless a pattern names it", provider.ClientPolicy{All: true}, theirs.URL},
		{"this machine behind a pattern that names nothing", wide, theirs.URL},
		{"this machine by its name", wide, strings.Replace(theirs.URL, "127.0.0.1", "LOCALHOST", 1)},
		{"a private network", provider.ClientPolicy{All: true}, "http://10.255.255.254:9"},
		{"the same by NAT64", wide, "http://[64:ff9b::aff:fffe]:9"},
		{"a name that does not exist", wide, "http://nowhere.invalid"},
		{"the metadata service, whatever names it", local, "http://169.254.169.254"},
	} {
		keys["api_base"] = tt.address
		e := llm.AsError(callAs(t, host(t, operator, tt.allowed, nil, nil, nil), keys))
		if e.Code != llm.CodeUnreachable || !strings.Contains(e.Message, "not public") || len(theirs.got) != 1 {
			t.Errorf("%s: got %v, %v", tt.name, e, e.Err)
		}
		if said == "" {
			said = e.Message
		}
		if e.Message != said {
			t.Errorf("%s is told from the others: %s", tt.name, e.Message)
		}
	}
}

// A region that a request names is held to the policy as one in the model string
// is.
func TestARegionThatARequestBrings(t *testing.T) {
	a := newAWS(t)
	h := host(t, a, provider.ClientPolicy{Names: map[string]*regexp.Regexp{"aws_region_name": nil}}, nil, nil, nil)
	if err := callAs(t, h, map[string]string{"region_name": "us-west-2"}); err != nil || !strings.Contains(a.last().authorization, "AKIDGATEWAY/") || !strings.Contains(a.last().authorization, "/us-west-2/bedrock/") {
		t.Errorf("got %v, signed %v", err, a.got)
	}
	client := upstream.New()
	defer client.CloseIdle()
	d, err := bedrock.Provider().Open(t.Context(), provider.Params{
		Model: model, Upstream: client, ClientPolicy: provider.ClientPolicy{All: true}, Policy: provider.Policy{Regions: []string{"us-east-1", "us-east-2"}},
		Values: map[string]string{"aws_access_key_id": "AKIDGATEWAY", "aws_secret_access_key": "s", "aws_region_name": "us-east-1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	for region, allowed := range map[string]bool{"us-east-2": true, "us-west-2": false, "eu-west-1": false} {
		g, leave, err := d.(provider.Overridable).WithOverrides(llm.NewClientSettings(map[string]string{"aws_region_name": region}))
		if err != nil {
			t.Fatal(err)
		}
		targets, err := g.Targets(llm.VerbChat, model)
		if allowed != (err == nil) || allowed && targets[0].Location() != region {
			t.Errorf("%s: got %v, %v", region, targets, err)
		}
		leave()
	}
}

// What AWS's refusals of a caller's account teach is nothing to the operator's.
func TestAGuestsLessonsAreItsOwn(t *testing.T) {
	a := newAWS(t)
	a.status, a.body = 400, `{"message":"Invocation of model ID amazon.nova-lite-v1:0 with on-demand throughput isn't supported. Retry your request with the ID or ARN of an inference profile that contains this model."}`
	a.header.Set("X-Amzn-Errortype", "ValidationException")
	h := host(t, a, provider.ClientPolicy{All: true}, nil, nil, nil)
	const bare = "amazon.nova-lite-v1:0"
	before, err := h.(provider.Deployment).Targets(llm.VerbChat, bare)
	if err != nil {
		t.Fatal(err)
	}
	g, leave, err := h.WithOverrides(llm.NewClientSettings(map[string]string{"api_key": "caller-key"}))
	if err != nil {
		t.Fatal(err)
	}
	defer leave()
	targets, err := g.Targets(llm.VerbChat, bare)
	if err != nil {
		t.Fatal(err)
	}
	_, failed := targets[0].(provider.Chatter).Complete(t.Context(), ask(bare))
	g.(provider.Observer).ReportRefusal(t.Context(), llm.VerbChat, bare, targets[0], llm.AsError(failed))
	mine, err := g.Targets(llm.VerbChat, bare)
	if err != nil {
		t.Fatal(err)
	}
	after, err := h.(provider.Deployment).Targets(llm.VerbChat, bare)
	if err != nil {
		t.Fatal(err)
	}
	if before[0].ID() != after[0].ID() || len(before) != len(after) || mine[0].ID() == targets[0].ID() {
		t.Errorf("the operator's first way was %s and is %s, the guest's was %s and is %s", before[0].ID(), after[0].ID(), targets[0].ID(), mine[0].ID())
	}
}

// Neither errors nor the log, at its most talkative, show what requests bring.
func TestWhatRequestsBringIsInNoErrorAndNoLog(t *testing.T) {
	var log bytes.Buffer
	a := newAWS(t)
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // an STS that repeats what it got
		_ = r.ParseForm()
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>no: %s</Message></Error></ErrorResponse>`, r.Form.Get("WebIdentityToken"))
	}))
	defer sts.Close()
	parrot := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `{"message":"denied: %s %s"}`, r.Header.Get("Authorization"), r.Header.Get("X-Amz-Security-Token"))
	}))
	defer parrot.Close()
	h := host(t, a, provider.ClientPolicy{All: true}, map[string]string{"aws_bedrock_runtime_endpoint": parrot.URL}, map[string]string{"AWS_ENDPOINT_URL_STS": sts.URL},
		slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	const role = "arn:aws:iam::999999999999:role/theirs"
	for _, settings := range []map[string]string{
		{"api_key": "brought-secret-api-key"},
		{"aws_access_key_id": "AKIDCALLER", "aws_secret_access_key": "brought-secret-secret", "aws_session_token": "brought-secret-session"},
		{"aws_access_key_id": "AKIDCALLER", "aws_secret_access_key": "brought-secret-secret", "aws_role_name": role, "aws_external_id": "brought-secret-external"},
		{"aws_role_name": role, "aws_web_identity_token": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9.brought-secret-token"},
		{"api_key": "brought-secret-api-key", "api_base": "http://user:brought-secret@example.com"},
		{"api_key": "brought-secret-api-key", "aws_region_name": "nowhere"},
	} {
		access := llm.NewClientSettings(settings)
		err := callAs(t, h, settings)
		e := llm.AsError(err)
		if err == nil {
			t.Fatalf("%v succeeded", access)
		}
		shown := fmt.Sprintf("%v %+v %#v %v %+v %s %s %s %s %v %+v", err, err, access, e.Err, h, e.Message, e.Cause, e.Fix, e.Logged, access, &llm.Request{Call: llm.Call{ClientSettings: access}})
		if strings.Contains(shown, "brought-secret") {
			t.Errorf("%v: shown is %s", access, shown)
		}
	}
	if strings.Contains(log.String(), "brought-secret") {
		t.Errorf("the log is %s", log.String())
	}
}

func TestSettingsOfARole(t *testing.T) {
	file := t.TempDir() + "/token"
	if err := os.WriteFile(file, []byte("the-jwt"), 0o600); err != nil {
		t.Fatal(err)
	}
	const role = "arn:aws:iam::123456789012:role/gateway"
	for _, tt := range []struct {
		name   string
		values map[string]string
		want   map[string]string
	}{
		{
			"tags, a name and an external id",
			map[string]string{"aws_session_tags": `[{"Key":"team","Value":"granite"}]`, "aws_session_name": "me", "aws_external_id": "ext"},
			map[string]string{"Action": "AssumeRole", "Tags.member.1.Key": "team", "Tags.member.1.Value": "granite", "RoleSessionName": "me", "ExternalId": "ext"},
		},
		{
			"a token",
			map[string]string{"aws_web_identity_token": "oidc/file/" + file, "aws_access_key_id": "", "aws_secret_access_key": ""},
			map[string]string{"Action": "AssumeRoleWithWebIdentity", "WebIdentityToken": "the-jwt", "Policy": ""},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, sts := newAWS(t), newSTS(t)
			tt.values["aws_role_name"], tt.values["aws_sts_endpoint"] = role, sts.URL
			d := a.open(t, model, tt.values, map[string]string{"AWS_ENDPOINT_URL_STS": "http://127.0.0.1:1"})
			if _, err := d.Complete(t.Context(), model, ask(model)); err != nil {
				t.Fatal(err)
			}
			for k, want := range tt.want {
				if got := sts.got[0].Get(k); got != want {
					t.Errorf("%s is %q, want %q", k, got, want)
				}
			}
		})
	}
	for option, values := range map[string]map[string]string{
		"aws_session_tags":       {"aws_role_name": role, "aws_session_tags": `{"team":"granite"}`},
		"aws_session_name":       {"aws_role_name": role, "aws_session_name": "not a name"},
		"aws_web_identity_token": {"aws_web_identity_token": "oidc/env/X"},
		"aws_external_id":        {"aws_role_name": role, "aws_external_id": "no good"},
	} {
		values["aws_access_key_id"], values["aws_secret_access_key"] = "AKID", "s"
		_, err := bedrock.Provider().Open(t.Context(), provider.Params{Model: model, Values: values, Upstream: upstream.New()})
		var e *provider.OptionError
		if !errors.As(err, &e) || e.Option != option {
			t.Errorf("%s: got %v", option, err)
		}
	}
}
