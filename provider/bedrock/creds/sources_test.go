package creds

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"outcrop/upstream"
)

// place is a server at the address where a machine asks for its own identity. It
// counts what it is asked.
type place struct {
	*httptest.Server
	asked atomic.Int64
	mu    sync.Mutex
	last  url.URL
}

func newPlace(t *testing.T, answer http.HandlerFunc) *place {
	p := &place{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		p.mu.Lock()
		p.last = *r.URL
		p.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

// openAt opens a source for which a host, with its port, is the place's.
func openAt(t *testing.T, o Options, host string, at *place) *Source {
	t.Helper()
	s := open(t, o)
	plain := s.plan.dial
	s.plan.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == host {
			address = at.Listener.Addr().String()
		}
		return plain(ctx, network, address)
	}
	return s
}

// given writes credentials as the container's endpoint and processes do.
func given(key string) string {
	return fmt.Sprintf(`{"Version":1,"AccessKeyId":%q,"SecretAccessKey":"x","Token":"t","SessionToken":"t","Expiration":%q}`, key, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
}

func keep(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// failure gets the error of a source that has no credentials.
func failure(t *testing.T, s *Source) *Error {
	t.Helper()
	_, err := s.Get(t.Context())
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v", err)
	}
	return e
}

func TestAContainerOfECSIsAskedByItsRelativeAddress(t *testing.T) {
	agent := newPlace(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, given("ASIAECS")) })
	environment(t, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/task")
	s := openAt(t, Options{}, "169.254.170.2:80", agent)
	if got := mustGet(t, s); got.AccessKey != "ASIAECS" || agent.last.Path != "/v2/credentials/task" || s.Origin() != "the container's role" {
		t.Errorf("got %v from %s by %s", got, s.Origin(), &agent.last)
	}
}

// The agent of EKS Pod Identity is told the pod by a token in a file, which the
// cluster renews.
func TestAPodsTokenIsReadAnewForEachRenewal(t *testing.T) {
	agent := newPlace(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, given("ASIA"+r.Header.Get("Authorization")))
	})
	token := keep(t, "eks-pod-identity-token", "first")
	environment(t, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token)
	now := time.Now()
	s := openAt(t, Options{Now: func() time.Time { return now }}, "169.254.170.23:80", agent)
	old := mustGet(t, s)
	if old.AccessKey != "ASIAfirst" {
		t.Errorf("got %v", old)
	}
	if err := os.WriteFile(token, []byte("second"), 0o600); err != nil {
		t.Fatal(err)
	}
	now = now.Add(minAge)
	if !s.Invalidate(old) || mustGet(t, s).AccessKey != "ASIAsecond" {
		t.Errorf("got %v", mustGet(t, s))
	}
}

func TestAProfileMayNameTheContainer(t *testing.T) {
	agent := newPlace(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, given("ASIAECS")) })
	environment(t, "AWS_CONTAINER_CREDENTIALS_FULL_URI", agent.URL)
	server := newSTS(t)
	configFile(t, "[profile work]\nrole_arn = "+roleARN+"\ncredential_source = EcsContainer\nrole_session_name = me\nexternal_id = ext\n")
	if got := mustGet(t, open(t, Options{Profile: "work"})); got.AccessKey != "ASIAROLE" {
		t.Errorf("got %v", got)
	}
	if r := server.requests[0]; !strings.Contains(r.authorization, "ASIAECS") || r.session != "me" || r.externalID != "ext" {
		t.Errorf("STS got %+v", r)
	}
}

func TestAProfilesChainOfRolesIsWalked(t *testing.T) {
	environment(t)
	server := newSTS(t)
	configFile(t, "[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = x\n"+
		"[profile middle]\nrole_arn = arn:aws:iam::123456789012:role/middle\nsource_profile = base\n"+
		"[profile top]\nrole_arn = arn:aws:iam::999999999999:role/top\nsource_profile = middle\n")
	s := open(t, Options{Profile: "top", Role: roleARN, SessionName: "me"})
	if got := mustGet(t, s); got.AccessKey != "ASIAROLE" || len(server.requests) != 3 {
		t.Fatalf("got %v after %d calls", got, len(server.requests))
	}
	for i, want := range []stsRequest{{role: "arn:aws:iam::123456789012:role/middle", authorization: "AKIABASE"}, {role: "arn:aws:iam::999999999999:role/top", authorization: "ASIAROLE"}, {role: roleARN, authorization: "ASIAROLE"}} {
		if r := server.requests[i]; r.role != want.role || !strings.Contains(r.authorization, want.authorization) {
			t.Errorf("call %d is %+v", i, r)
		}
	}
}

func TestAProfilesRoleWithAOneTimePasswordIsRefusedAtOnce(t *testing.T) {
	environment(t)
	configFile(t, "[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = x\n[profile work]\nrole_arn = "+roleARN+"\nsource_profile = base\nmfa_serial = arn:aws:iam::123456789012:mfa/me\n")
	if e := failure(t, open(t, Options{Profile: "work"})); e.Kind != Misconfigured || !strings.Contains(e.Message, "mfa_serial") || e.Fix == "" {
		t.Errorf("got %+v", e)
	}
}

func TestAProfilesProcessGivesCredentials(t *testing.T) {
	environment(t)
	file := keep(t, "given.json", given("ASIAPROCESS"))
	configFile(t, "[profile work]\ncredential_process = cat "+file+"\n")
	s := open(t, Options{Profile: "work"})
	if got := mustGet(t, s); got.AccessKey != "ASIAPROCESS" || got.Expires.IsZero() || !strings.Contains(s.Origin(), "credential_process") {
		t.Errorf("got %v from %s", got, s.Origin())
	}
}

// A session of IAM Identity Center is a token that `aws sso login` leaves in a
// file, named by the hash of the session's name, or of the start URL in profiles
// of the older form.
func TestASessionOfIdentityCenterGivesCredentials(t *testing.T) {
	portal := newPlace(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Amz-Sso_bearer_token") != "sso-token" || r.URL.Query().Get("account_id") != "123456789012" || r.URL.Query().Get("role_name") != "r" {
			w.Header().Set("X-Amzn-Errortype", "UnauthorizedException")
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"message":"Session token not found or invalid"}`)
			return
		}
		fmt.Fprintf(w, `{"roleCredentials":{"accessKeyId":"ASIASSO","secretAccessKey":"x","sessionToken":"t","expiration":%d}}`, time.Now().Add(time.Hour).UnixMilli())
	})
	const session = "[profile work]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = r\n[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.example/start\n"
	const older = "[profile work]\nsso_start_url = https://corp.example/start\nsso_region = eu-west-1\nsso_account_id = 123456789012\nsso_role_name = r\n"
	for _, tt := range []struct {
		name, config, hashed, token string
		life                        time.Duration
		fails                       bool
	}{
		{"a session", session, "corp", "sso-token", time.Hour, false},
		{"the older form", older, "https://corp.example/start", "sso-token", time.Hour, false},
		{"a session that ran out", session, "corp", "sso-token", -time.Hour, true},
		{"a session that was ended", session, "corp", "hidden-token", time.Hour, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			home := t.TempDir()
			environment(t, "HOME", home, "AWS_ENDPOINT_URL_SSO", portal.URL)
			configFile(t, tt.config)
			sum := sha1.Sum([]byte(tt.hashed))
			cache := filepath.Join(home, ".aws", "sso", "cache")
			if err := os.MkdirAll(cache, 0o700); err != nil {
				t.Fatal(err)
			}
			text := fmt.Sprintf(`{"accessToken":%q,"expiresAt":%q,"region":"eu-west-1","startUrl":"https://corp.example/start"}`, tt.token, time.Now().Add(tt.life).UTC().Format(time.RFC3339))
			if err := os.WriteFile(filepath.Join(cache, hex.EncodeToString(sum[:])+".json"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			s := open(t, Options{Profile: "work"})
			if tt.fails {
				if e := failure(t, s); e.Kind != Expired || !strings.Contains(e.Fix, "aws sso login --profile work") || strings.Contains(fmt.Sprint(e, e.Fix), "hidden") {
					t.Errorf("got %+v", e)
				}
				return
			}
			if got := mustGet(t, s); got.AccessKey != "ASIASSO" || got.SessionToken() != "t" || got.Expires.IsZero() {
				t.Errorf("got %v", got)
			}
		})
	}
}

// imds plays the instance metadata service, in its second version only; far is
// whether its answers to PUT get lost on the way, as those with a hop limit of 1
// do on their way into a container.
func imds(t *testing.T, far bool) *place {
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	return newPlace(t, func(w http.ResponseWriter, r *http.Request) {
		const role = "/latest/meta-data/iam/security-credentials/"
		switch {
		case r.Method == http.MethodPut && far:
			select {
			case <-over:
			case <-r.Context().Done():
			}
		case r.Method == http.MethodPut:
			w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
			fmt.Fprint(w, "imds-token")
		case r.Header.Get("X-Aws-Ec2-Metadata-Token") != "imds-token":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == role:
			fmt.Fprint(w, "instance-role")
		default:
			fmt.Fprintf(w, `{"Code":"Success","AccessKeyId":"ASIAEC2","SecretAccessKey":"x","Token":"t","Expiration":%q}`, time.Now().Add(6*time.Hour).UTC().Format(time.RFC3339))
		}
	})
}

func TestAnInstanceWhoseAnswersGetLostIsExplained(t *testing.T) {
	environment(t, "AWS_EC2_METADATA_DISABLED", "", "AWS_EC2_METADATA_SERVICE_ENDPOINT", imds(t, true).URL)
	s := open(t, Options{Timeout: 50 * time.Millisecond})
	if e := failure(t, s); e.Kind != Missing || !strings.Contains(e.Fix, "HttpPutResponseHopLimit") {
		t.Errorf("got %+v", e)
	}
}

// What has its credentials asks nobody else, and a profile that has none does not
// fall through to what the machine has.
func TestNoOtherSourceIsAskedThanTheOneThatIsNamed(t *testing.T) {
	at := imds(t, false)
	for _, tt := range []struct {
		name    string
		options Options
		environ []string
	}{
		{"an API key", Options{APIKey: "bedrock-key"}, nil},
		{"the environment's API key", Options{}, []string{"AWS_BEARER_TOKEN_BEDROCK", "bedrock-key"}},
		{"a key", Options{AccessKey: "AKIASET", SecretKey: "s"}, nil},
		{"a profile whose container is silent", Options{Profile: "container"}, nil},
		{"a profile whose process fails", Options{Profile: "process"}, nil},
		{"a profile whose session ran out", Options{Profile: "sso"}, nil},
		{"a profile without credentials", Options{Profile: "empty"}, nil},
		{"a profile that is not there", Options{Profile: "nobody"}, nil},
		{"a token that is not there", Options{Role: roleARN, WebIdentityToken: "oidc/env/NOT_SET"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			environment(t, append([]string{
				"AWS_EC2_METADATA_DISABLED", "", "AWS_EC2_METADATA_SERVICE_ENDPOINT", at.URL, "HOME", t.TempDir(),
				"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/",
			}, tt.environ...)...)
			configFile(t, "[profile empty]\nregion = eu-west-1\n[profile process]\ncredential_process = false\n"+
				"[profile container]\nrole_arn = "+roleARN+"\ncredential_source = EcsContainer\n"+
				"[profile sso]\nsso_start_url = https://corp.example/start\nsso_region = eu-west-1\nsso_account_id = 123456789012\nsso_role_name = r\n")
			before := at.asked.Load()
			s, err := Open(tt.options)
			if err == nil {
				_, err = s.Get(t.Context())
				_ = s.Region(t.Context())
				_, _ = s.WhoAmI(t.Context(), "eu-west-1")
				s.Close()
			}
			if fails := tt.options.Profile != "" || tt.options.Role != ""; (err != nil) != fails {
				t.Errorf("got %v", err)
			}
			if n := at.asked.Load() - before; n != 0 {
				t.Errorf("the instance was asked %d times", n)
			}
		})
	}
}

// The role of a pod of EKS, by IRSA, and from it a role of another account.
func TestAPodsWebIdentityAssumesAnotherAccountsRole(t *testing.T) {
	environment(t, "AWS_ROLE_ARN", "arn:aws:iam::111111111111:role/pod", "AWS_WEB_IDENTITY_TOKEN_FILE", keep(t, "token", "the-jwt"), "AWS_ROLE_SESSION_NAME", "pod", "AWS_REGION", "eu-west-1")
	server := newSTS(t)
	if got := mustGet(t, open(t, Options{Role: roleARN, SessionName: "me"})); got.AccessKey != "ASIAROLE" || len(server.requests) != 2 {
		t.Fatalf("got %v after %d calls", got, len(server.requests))
	}
	first, second := server.requests[0], server.requests[1]
	if first.action != "AssumeRoleWithWebIdentity" || first.role != "arn:aws:iam::111111111111:role/pod" || first.session != "pod" || first.token != "the-jwt" || first.authorization != "" {
		t.Errorf("the first call is %+v", first)
	}
	if second.action != "AssumeRole" || second.role != roleARN || second.session != "me" || !strings.Contains(second.authorization, "ASIAROLE") {
		t.Errorf("the second call is %+v", second)
	}
}

// A machine that has the role already may not be allowed to assume it.
func TestARoleThatIsTheCallersOwnNeedNotBeAssumed(t *testing.T) {
	for _, tt := range []struct {
		name, arn string
		tags      map[string]string
		is        bool
	}{
		{"the role", "arn:aws:sts::123456789012:assumed-role/gateway/i-0abc", nil, true},
		{"another role", "arn:aws:sts::123456789012:assumed-role/gateway-2/i-0abc", nil, false},
		{"another account's", "arn:aws:sts::999999999999:assumed-role/gateway/i-0abc", nil, false},
		{"another partition's", "arn:aws-cn:sts::123456789012:assumed-role/gateway/i-0abc", nil, false},
		{"a user of the name", "arn:aws:iam::123456789012:user/gateway", nil, false},
		{"a session with tags", "arn:aws:sts::123456789012:assumed-role/gateway/i-0abc", map[string]string{"team": "a"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := newPlace(t, func(w http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm()
				if r.Form.Get("Action") == "AssumeRole" {
					w.WriteHeader(http.StatusForbidden)
					fmt.Fprint(w, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>is not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>`)
					return
				}
				fmt.Fprintf(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>%s</Arn><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`, tt.arn)
			})
			environment(t, "AWS_ACCESS_KEY_ID", "ASIAINSTANCE", "AWS_SECRET_ACCESS_KEY", "x", "AWS_SESSION_TOKEN", "t", "AWS_STS_ENDPOINT", server.URL)
			s := open(t, Options{Role: "arn:aws:iam::123456789012:role/service/gateway", SessionTags: tt.tags})
			c, err := s.Get(t.Context())
			if tt.is != (err == nil) || tt.is && (c.AccessKey != "ASIAINSTANCE" || s.Origin() != "role arn:aws:iam::123456789012:role/service/gateway") {
				t.Errorf("got %v from %s, %v", c, s.Origin(), err)
			}
		})
	}
}

// No session policy narrows the role: the account's own policies decide.
func TestAWebIdentityHasAllRightsOfItsRole(t *testing.T) {
	environment(t)
	form := make(chan url.Values, 1)
	server := newPlace(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		form <- r.Form
		fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	})
	mustGet(t, open(t, Options{Role: roleARN, WebIdentityToken: "oidc/file/" + keep(t, "token", "jwt\n"), STSEndpoint: server.URL}))
	if got := <-form; got.Has("Policy") || got.Has("PolicyArns.member.1.arn") || got.Get("WebIdentityToken") != "jwt" || got.Get("RoleArn") != roleARN {
		t.Errorf("STS got %v", got)
	}
}

// Requests do not wait while a session is renewed, and however many there are, a
// session costs one call of STS. Where STS refuses, what lasts is used on.
func TestUnderLoadASessionCostsOneCallOfSTS(t *testing.T) {
	environment(t)
	server := newSTS(t)
	var clock atomic.Int64
	clock.Store(time.Now().UnixNano())
	s := open(t, Options{Role: roleARN, AccessKey: "AKIASET", SecretKey: "s", Now: func() time.Time { return time.Unix(0, clock.Load()) }})
	load := func() (failed int64) {
		var n atomic.Int64
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				for range 10 {
					if _, err := s.Get(t.Context()); err != nil {
						n.Add(1)
					}
				}
			})
		}
		wg.Wait()
		s.wait.Wait() // for a renewal that was begun
		return n.Load()
	}
	calls := func() int {
		server.mu.Lock()
		defer server.mu.Unlock()
		return len(server.requests)
	}
	if failed := load(); failed != 0 || calls() != 1 {
		t.Fatalf("%d requests failed, %d calls", failed, calls())
	}
	server.mu.Lock()
	server.refuse = "AccessDenied"
	server.mu.Unlock()
	clock.Add(int64(55 * time.Minute))
	asked := calls()
	if failed := load(); failed != 0 || calls() == asked {
		t.Errorf("%d requests failed with %d calls while there was a session left", failed, calls()-asked)
	}
	clock.Add(int64(10 * time.Minute))
	if failed := load(); failed != 1000 {
		t.Errorf("%d requests failed without a session", failed)
	}
	asked = calls()
	if load(); calls() != asked {
		t.Errorf("STS was asked %d times more right after it had refused", calls()-asked)
	}
	server.mu.Lock()
	server.refuse, server.ahead = "", 66*time.Minute
	server.mu.Unlock()
	clock.Add(int64(maxBackoff))
	if failed := load(); failed != 0 || calls() != asked+1 {
		t.Errorf("%d requests failed, %d calls, when STS was there again", failed, calls()-asked)
	}
}

// Where STS is, by region, partition and the wish for FIPS or IPv6; the hosts are
// those of STS's endpoint rules as botocore has them.
func TestWhereSTSIsAsked(t *testing.T) {
	for _, tt := range []struct {
		region  string
		environ []string
		want    string
	}{
		{"eu-west-1", nil, "sts.eu-west-1.amazonaws.com:443"},
		{"us-gov-west-1", nil, "sts.us-gov-west-1.amazonaws.com:443"},
		{"cn-north-1", nil, "sts.cn-north-1.amazonaws.com.cn:443"},
		{"eusc-de-east-1", nil, "sts.eusc-de-east-1.amazonaws.eu:443"},
		{"us-iso-east-1", nil, "sts.us-iso-east-1.c2s.ic.gov:443"},
		{"us-east-1", []string{"AWS_USE_FIPS_ENDPOINT", "true"}, "sts-fips.us-east-1.amazonaws.com:443"},
		{"us-gov-east-1", []string{"AWS_USE_FIPS_ENDPOINT", "true"}, "sts.us-gov-east-1.amazonaws.com:443"},
		{"eu-west-1", []string{"AWS_USE_DUALSTACK_ENDPOINT", "true"}, "sts.eu-west-1.api.aws:443"},
		{"eu-west-1", []string{"AWS_STS_ENDPOINT", "https://vpce-0a1b-c2d3.sts.eu-west-2.vpce.amazonaws.com"}, "vpce-0a1b-c2d3.sts.eu-west-2.vpce.amazonaws.com:443"},
	} {
		environment(t, tt.environ...)
		s := open(t, Options{Role: roleARN, AccessKey: "AKIASET", SecretKey: "s", Region: tt.region, Timeout: 100 * time.Millisecond})
		asked := make(chan string, 10)
		s.plan.dial = func(_ context.Context, _, address string) (net.Conn, error) {
			asked <- address
			return nil, &net.OpError{Op: "dial", Err: errors.New("nobody is asked in a test")}
		}
		if e := failure(t, s); e.Kind != Unreachable || e.Fix == "" {
			t.Errorf("got %+v", e)
		}
		if got := <-asked; got != tt.want {
			t.Errorf("%s %v: asked %s, want %s", tt.region, tt.environ, got, tt.want)
		}
	}
}

// TestAnSTSThatMayNotBeAskedSeesNoCall has STS at a loopback address, which the strictest guard refuses.
func TestAnSTSThatMayNotBeAskedSeesNoCall(t *testing.T) {
	environment(t)
	server := newSTS(t)
	t.Setenv("AWS_ENDPOINT_URL_STS", "")
	for guard, kind := range map[upstream.Guard]Kind{upstream.Anywhere: "", upstream.Administered: "", upstream.PublicOnly: Role} {
		s := open(t, Options{Role: roleARN, AccessKey: "AKIASET", SecretKey: "s", Region: "eu-west-1", STSEndpoint: server.URL, Guard: guard})
		before := len(server.requests)
		_, err := s.Get(t.Context())
		if refused := kind != ""; refused != (err != nil) || refused != (len(server.requests) == before) {
			t.Errorf("guard %d: %v, and %d calls", guard, err, len(server.requests)-before)
		}
	}
	t.Setenv("HTTP_PROXY", server.URL)
	s := open(t, Options{Role: roleARN, AccessKey: "AKIASET", SecretKey: "s", Region: "eu-west-1", STSEndpoint: "http://169.254.169.254", Guard: upstream.Administered})
	if e := failure(t, s); e.Kind != Unreachable {
		t.Errorf("a metadata service as STS: %+v", e)
	}
}
