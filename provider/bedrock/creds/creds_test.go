package creds

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outcrop/internal/port"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// environment takes every variable of AWS's out of the test's environment, puts
// pairs in, and keeps the user's own files and the network out.
func environment(t *testing.T, pairs ...string) {
	t.Helper()
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "AWS_") || strings.HasSuffix(strings.ToUpper(name), "_PROXY") {
			t.Setenv(name, "")
		}
	}
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "credentials"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for i := 0; i < len(pairs); i += 2 {
		t.Setenv(pairs[i], pairs[i+1])
	}
}

// configFile writes AWS's configuration file.
func configFile(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(os.Getenv("AWS_CONFIG_FILE"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// stsServer plays STS: it gives a role's credentials, or refuses with a code.
type stsServer struct {
	*httptest.Server
	mu       sync.Mutex
	requests []stsRequest
	refuse   string
	ahead    time.Duration // of this machine's clock
}

type stsRequest struct{ action, role, session, externalID, token, authorization, tag string }

func newSTS(t *testing.T) *stsServer {
	s := &stsServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		s.mu.Lock()
		defer s.mu.Unlock()
		action := r.Form.Get("Action")
		s.requests = append(s.requests, stsRequest{
			action, r.Form.Get("RoleArn"), r.Form.Get("RoleSessionName"), r.Form.Get("ExternalId"),
			r.Form.Get("WebIdentityToken"), r.Header.Get("Authorization"), r.Form.Get("Tags.member.1.Key") + "=" + r.Form.Get("Tags.member.1.Value"),
		})
		w.Header().Set("Content-Type", "text/xml")
		if s.refuse != "" {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>%s</Code><Message>no for you</Message></Error><RequestId>r</RequestId></ErrorResponse>`, s.refuse)
			return
		}
		fmt.Fprintf(w, `<%[1]sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%[1]sResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey><SessionToken>role-token</SessionToken><Expiration>%[2]s</Expiration></Credentials></%[1]sResult></%[1]sResponse>`,
			action, time.Now().Add(s.ahead+time.Hour).UTC().Format(time.RFC3339))
	}))
	t.Cleanup(s.Close)
	t.Setenv("AWS_ENDPOINT_URL_STS", s.URL)
	return s
}

const roleARN = "arn:aws:iam::123456789012:role/gateway"

func open(t *testing.T, o Options) *Source {
	t.Helper()
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestWhichCredentialsAreTaken(t *testing.T) {
	const profiles = "[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = x\nregion = eu-central-1\n" +
		"[profile work]\naws_access_key_id = AKIAWORK\naws_secret_access_key = x\nregion = eu-north-1\n"
	for _, c := range []struct {
		name    string
		options Options
		environ []string
		kind    Kind
		key     string // access key id, or bearer token
	}{
		{"a key in the settings", Options{AccessKey: "AKIASET", SecretKey: "s"}, nil, Static, "AKIASET"},
		{"a key in the settings, whatever the environment says", Options{AccessKey: "AKIASET", SecretKey: "s"}, []string{"AWS_BEARER_TOKEN_BEDROCK", "b", "AWS_ROLE_NAME", roleARN, "AWS_PROFILE_NAME", "work", "AWS_SESSION_TOKEN", "t"}, Static, "AKIASET"},
		{"an API key before everything", Options{APIKey: "bedrock-key", AccessKey: "AKIASET", SecretKey: "s"}, nil, Bearer, "bedrock-key"},
		{"the environment's API key", Options{}, []string{"AWS_BEARER_TOKEN_BEDROCK", "env-key", "AWS_ACCESS_KEY_ID", "AKIAENV", "AWS_SECRET_ACCESS_KEY", "x"}, Bearer, "env-key"},
		{"an empty api_key keeps out the environment's", Options{NoAPIKey: true}, []string{"AWS_BEARER_TOKEN_BEDROCK", "env-key", "AWS_ACCESS_KEY_ID", "AKIAENV", "AWS_SECRET_ACCESS_KEY", "x"}, Chain, "AKIAENV"},
		{"a named profile", Options{Profile: "work"}, []string{"AWS_ACCESS_KEY_ID", "AKIAENV", "AWS_SECRET_ACCESS_KEY", "x"}, Profile, "AKIAWORK"},
		{"AWS_PROFILE_NAME", Options{}, []string{"AWS_PROFILE_NAME", "work"}, Profile, "AKIAWORK"},
		{"the environment's key", Options{}, []string{"AWS_ACCESS_KEY_ID", "AKIAENV", "AWS_SECRET_ACCESS_KEY", "x"}, Chain, "AKIAENV"},
		{"AWS_PROFILE", Options{}, []string{"AWS_PROFILE", "work"}, Chain, "AKIAWORK"},
		{"the default profile", Options{}, nil, Chain, "AKIADEFAULT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			environment(t, c.environ...)
			configFile(t, profiles)
			s := open(t, c.options)
			got := mustGet(t, s)
			if s.Kind() != c.kind || got.AccessKey+got.BearerToken() != c.key {
				t.Errorf("got %s, %v", s.Kind(), got)
			}
			if c.kind == Static && got.SessionToken() != "" {
				t.Error("the environment's session token was mixed into the settings' key")
			}
		})
	}
}

func TestSettingsThatCannotBe(t *testing.T) {
	environment(t)
	configFile(t, "[profile empty]\nregion = eu-north-1\n")
	for _, c := range []struct {
		name    string
		options Options
		kind    Failure
		says    string
	}{
		{"half a key", Options{AccessKey: "AKIASET"}, Misconfigured, "aws_secret_access_key is missing"},
		{"the other half", Options{SecretKey: "hidden"}, Misconfigured, "aws_access_key_id is missing"},
		{"a session token alone", Options{SessionToken: "hidden"}, Misconfigured, "aws_access_key_id is missing"},
		{"half a key with a profile", Options{Profile: "empty", AccessKey: "AKIASET"}, Misconfigured, "aws_secret_access_key is missing"},
		{"no such profile", Options{Profile: "nobody"}, ProfileNotFound, `"nobody"`},
		{"a profile without credentials", Options{Profile: "empty"}, Missing, `"empty"`},
		{"a role that is no ARN", Options{Role: "gateway"}, Misconfigured, `"gateway" is not the ARN of a role`},
		{"a token without a role", Options{WebIdentityToken: "oidc/env/X"}, Misconfigured, "aws_role_name is missing"},
		{"a token that is not a reference", Options{WebIdentityToken: "hidden.jwt", Role: roleARN}, Misconfigured, "oidc/file/PATH"},
	} {
		_, err := Open(c.options)
		var e *Error
		if !errors.As(err, &e) || e.Kind != c.kind || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
}

func TestRolesAreAssumed(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("the-jwt"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		options Options
		environ []string
		want    stsRequest // authorization: what the access key id must be
	}{
		{"by the key in the settings", Options{Role: roleARN, AccessKey: "AKIASET", SecretKey: "s", SessionName: "me", ExternalID: "ext"}, nil, stsRequest{"AssumeRole", roleARN, "me", "ext", "", "AKIASET", "="}},
		{"by a profile", Options{Role: roleARN, Profile: "work", SessionName: "me"}, nil, stsRequest{"AssumeRole", roleARN, "me", "", "", "AKIAWORK", "="}},
		{"by the environment's key", Options{Role: roleARN}, []string{"AWS_ACCESS_KEY_ID", "AKIAENV", "AWS_SECRET_ACCESS_KEY", "x", "AWS_SESSION_NAME", "env", "AWS_EXTERNAL_ID", "ee"}, stsRequest{"AssumeRole", roleARN, "env", "ee", "", "AKIAENV", "="}},
		{"named by the environment", Options{SessionTags: map[string]string{"team": "a"}}, []string{"AWS_ROLE_NAME", roleARN, "AWS_PROFILE", "work", "AWS_SESSION_NAME", "env"}, stsRequest{"AssumeRole", roleARN, "env", "", "", "AKIAWORK", "team=a"}},
		{"with a token in a file", Options{Role: roleARN, SessionName: "me", WebIdentityToken: "oidc/file/" + token}, nil, stsRequest{"AssumeRoleWithWebIdentity", roleARN, "me", "", "the-jwt", "", "="}},
		{"with a token in a variable", Options{Role: roleARN, SessionName: "me", WebIdentityToken: "oidc/env/MY_TOKEN"}, []string{"MY_TOKEN", "jwt2"}, stsRequest{"AssumeRoleWithWebIdentity", roleARN, "me", "", "jwt2", "", "="}},
		{"with a token in a file that a variable names", Options{Role: roleARN, SessionName: "me", WebIdentityToken: "oidc/env_path/MY_FILE"}, []string{"MY_FILE", token}, stsRequest{"AssumeRoleWithWebIdentity", roleARN, "me", "", "the-jwt", "", "="}},
		{"that the environment's web identity already gives, once", Options{Role: roleARN}, []string{"AWS_ROLE_ARN", roleARN, "AWS_WEB_IDENTITY_TOKEN_FILE", token, "AWS_ROLE_SESSION_NAME", "pod"}, stsRequest{"AssumeRoleWithWebIdentity", roleARN, "pod", "", "the-jwt", "", "="}},
	} {
		t.Run(c.name, func(t *testing.T) {
			environment(t, c.environ...)
			configFile(t, "[profile work]\naws_access_key_id = AKIAWORK\naws_secret_access_key = x\n")
			server := newSTS(t)
			s := open(t, c.options)
			got := mustGet(t, s)
			if got.AccessKey != "ASIAROLE" || got.SecretKey() != "role-secret" || got.SessionToken() != "role-token" || got.Expires.IsZero() || s.Kind() != Role {
				t.Errorf("got %s %v until %v", s.Kind(), got, got.Expires)
			}
			if len(server.requests) != 1 {
				t.Fatalf("%d calls to STS", len(server.requests))
			}
			r := server.requests[0]
			if !strings.Contains(r.authorization, c.want.authorization) || c.want.authorization == "" && r.authorization != "" {
				t.Errorf("called as %q", r.authorization)
			}
			r.authorization = c.want.authorization
			if r != c.want {
				t.Errorf("got %+v, want %+v", r, c.want)
			}
		})
	}
}

func TestWhatSTSRefuses(t *testing.T) {
	for code, want := range map[string]Failure{
		"AccessDenied": Denied, "ExpiredToken": Expired, "ExpiredTokenException": Expired, "InvalidClientTokenId": Invalid,
		"SignatureDoesNotMatch": Invalid, "InvalidIdentityToken": Invalid, "ValidationError": Misconfigured,
	} {
		t.Run(code, func(t *testing.T) {
			environment(t)
			server := newSTS(t)
			server.refuse = code
			s := open(t, Options{Role: roleARN, AccessKey: "AKIASET", SecretKey: "hidden-secret"})
			var e *Error
			if _, err := s.Get(t.Context()); !errors.As(err, &e) || e.Kind != want || !strings.Contains(e.Message, code+": no for you") || !strings.Contains(e.Message, roleARN) {
				t.Errorf("got %#v", e)
			}
		})
	}
}

func TestAnEndpointThatIsNotThere(t *testing.T) {
	nobody, err := port.Reserve()
	if err != nil {
		t.Fatal(err)
	}
	environment(t)
	s := open(t, Options{Role: roleARN, AccessKey: "AKIASET", SecretKey: "s", STSEndpoint: "http://" + nobody.Address()})
	var e *Error
	if _, err := s.Get(t.Context()); !errors.As(err, &e) || e.Kind != Unreachable || !strings.Contains(e.Message, nobody.Address()) {
		t.Errorf("got %v", err)
	}
	if err := nobody.Release(); err != nil {
		t.Error(err)
	}
}

func TestTheInstanceGivesCredentials(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		const role = "/latest/meta-data/iam/security-credentials/"
		switch {
		case r.Method == http.MethodPut && r.URL.Path == "/latest/api/token":
			w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
			fmt.Fprint(w, "imds-token")
		case r.Header.Get("X-Aws-Ec2-Metadata-Token") != "imds-token":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == role:
			fmt.Fprint(w, "instance-role")
		case r.URL.Path == role+"instance-role":
			fmt.Fprintf(w, `{"Code":"Success","AccessKeyId":"ASIAEC2","SecretAccessKey":"x","Token":"t","Expiration":%q}`, time.Now().Add(6*time.Hour).UTC().Format(time.RFC3339))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer server.Close()
	environment(t, "AWS_EC2_METADATA_DISABLED", "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT", server.URL)
	if got := mustGet(t, open(t, Options{})); got.AccessKey != "ASIAEC2" || got.SessionToken() != "t" || got.Expires.IsZero() {
		t.Errorf("got %v", got)
	}
}

func TestTheContainerGivesCredentials(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "container-token" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		fmt.Fprintf(w, `{"AccessKeyId":"ASIAECS","SecretAccessKey":"x","Token":"t","Expiration":%q}`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}))
	defer server.Close()
	environment(t, "AWS_CONTAINER_CREDENTIALS_FULL_URI", server.URL, "AWS_CONTAINER_AUTHORIZATION_TOKEN", "container-token")
	if got := mustGet(t, open(t, Options{})); got.AccessKey != "ASIAECS" {
		t.Errorf("got %v", got)
	}
	t.Setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "hidden-token")
	var e *Error
	if _, err := open(t, Options{}).Get(t.Context()); !errors.As(err, &e) || len(e.Tried) != 4 || e.Tried[3].Source != "container" || strings.Contains(err.Error(), "hidden") {
		t.Errorf("got %v", err)
	}
}

func TestTheSourcesThatGaveNothingAreListed(t *testing.T) {
	environment(t, "AWS_ACCESS_KEY_ID", "AKIAHALF")
	_, err := open(t, Options{}).Get(t.Context())
	var e *Error
	if !errors.As(err, &e) || e.Kind != Missing || e.Fix == "" {
		t.Fatalf("got %v", err)
	}
	want := []string{"environment", "web identity", `profile "default"`, "container", "instance metadata"}
	for i, a := range e.Tried {
		if i >= len(want) || a.Source != want[i] || a.Reason == "" {
			t.Errorf("attempt %d is %+v", i, a)
		}
	}
	if len(e.Tried) != len(want) || e.Tried[0].Reason != "AWS_SECRET_ACCESS_KEY is not set" || !strings.Contains(e.Tried[4].Reason, "AWS_EC2_METADATA_DISABLED") {
		t.Errorf("tried %+v", e.Tried)
	}
	if got, want := e.Error(), "no AWS credentials found; tried environment (AWS_SECRET_ACCESS_KEY is not set)"; got != want {
		t.Errorf("the message is %q, want only what is set: %q", got, want)
	}
	if got := e.Sources(); !strings.Contains(got, "AWS_WEB_IDENTITY_TOKEN_FILE is not set") || !strings.Contains(got, "disabled by AWS_EC2_METADATA_DISABLED") {
		t.Errorf("the sources are %q", got)
	}
}

func TestARoleWithoutACallerListsTheSourcesToo(t *testing.T) {
	environment(t)
	server := newSTS(t)
	_, err := open(t, Options{Role: roleARN}).Get(t.Context())
	var e *Error
	if !errors.As(err, &e) || e.Kind != Missing || len(e.Tried) != 5 || len(server.requests) != 0 {
		t.Errorf("got %v after %d calls to STS", err, len(server.requests))
	}
}

func TestAProfileOfTheEnvironmentThatIsNotThereIsNamed(t *testing.T) {
	environment(t, "AWS_PROFILE", "nobody")
	configFile(t, "[default]\nregion = eu-west-1\n")
	_, err := open(t, Options{}).Get(t.Context())
	var e *Error
	if !errors.As(err, &e) || e.Kind != ProfileNotFound || !strings.Contains(err.Error(), `"nobody"`) {
		t.Errorf("got %v", err)
	}
}

func TestAProcessThatFailsIsNamedAsTheCause(t *testing.T) {
	environment(t)
	configFile(t, "[profile work]\ncredential_process = false\n")
	_, err := open(t, Options{Profile: "work"}).Get(t.Context())
	var e *Error
	if !errors.As(err, &e) || e.Kind != Misconfigured || !strings.Contains(e.Message, "credential_process") || !strings.Contains(e.Fix, "manually") {
		t.Errorf("got %v", err)
	}
}

func TestARotatedKeyInAFileIsFoundWhenAWSRefusesTheOld(t *testing.T) {
	environment(t)
	configFile(t, "[profile work]\naws_access_key_id = AKIAOLD\naws_secret_access_key = x\n")
	now := time.Now()
	s := open(t, Options{Profile: "work", Now: func() time.Time { return now }})
	old := mustGet(t, s)
	configFile(t, "[profile work]\naws_access_key_id = AKIANEW\naws_secret_access_key = x\n")
	now = now.Add(minAge)
	if !s.Invalidate(old) {
		t.Error("another try is said not to help")
	}
	if got := mustGet(t, s); got.AccessKey != "AKIANEW" {
		t.Errorf("got %v", got)
	}
}

func TestASilentInstanceServiceIsNotWaitedFor(t *testing.T) {
	stop := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stop }))
	defer server.Close()
	defer close(stop)
	environment(t, "AWS_EC2_METADATA_DISABLED", "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT", server.URL)
	_, err := open(t, Options{Timeout: 20 * time.Millisecond}).Get(t.Context())
	var e *Error
	if !errors.As(err, &e) || e.Kind != Missing || e.Tried[len(e.Tried)-1].Reason != "timed out" {
		t.Errorf("got %v", err)
	}
}

func TestAProfileWhoseSessionRanOutSaysHowToSignIn(t *testing.T) {
	environment(t, "HOME", t.TempDir())
	configFile(t, "[profile work]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n[sso-session s]\nsso_region = eu-west-1\nsso_start_url = https://example.com/start\n")
	_, err := open(t, Options{Profile: "work"}).Get(t.Context())
	var e *Error
	if !errors.As(err, &e) || e.Kind != Expired || !strings.Contains(e.Fix, "aws sso login --profile work") {
		t.Errorf("got %+v", e)
	}
}

func TestTheRegionOfTheSurroundings(t *testing.T) {
	for _, c := range []struct {
		name    string
		options Options
		environ []string
		want    string
	}{
		{"LiteLLM's variable", Options{}, []string{"AWS_REGION_NAME", "a", "AWS_REGION", "b"}, "a"},
		{"the SDKs' variable", Options{}, []string{"AWS_REGION", "b", "AWS_DEFAULT_REGION", "c"}, "b"},
		{"the CLI's variable", Options{}, []string{"AWS_DEFAULT_REGION", "c"}, "c"},
		{"the named profile's", Options{Profile: "work"}, nil, "eu-north-1"},
		{"AWS_PROFILE's", Options{}, []string{"AWS_PROFILE", "work"}, "eu-north-1"},
		{"none", Options{}, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			environment(t, c.environ...)
			configFile(t, "[profile work]\naws_access_key_id = AKIAWORK\naws_secret_access_key = x\nregion = eu-north-1\n")
			if got := open(t, c.options).Region(t.Context()); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestTheRegionOfSTS(t *testing.T) {
	for _, c := range []struct {
		name    string
		options Options
		environ []string
		want    string
	}{
		{"that of the endpoint's host", Options{STSEndpoint: "https://sts.ap-south-1.amazonaws.com", Region: "eu-west-1"}, nil, "ap-south-1"},
		{"that of a VPC endpoint's host", Options{STSEndpoint: "https://vpce-0a1b-c2d3.sts.eu-west-2.vpce.amazonaws.com", Region: "eu-west-1"}, nil, "eu-west-2"},
		{"that of a host that stands for AWS's", Options{STSEndpoint: "https://sts.eu-west-3.corp.example", Region: "eu-west-1"}, nil, "eu-west-3"},
		{"the deployment's beside a host of one's own", Options{STSEndpoint: "https://sts.corp.internal.example", Region: "eu-west-1"}, nil, "eu-west-1"},
		{"the deployment's", Options{Region: "eu-west-1"}, []string{"AWS_REGION", "us-east-2"}, "eu-west-1"},
		{"the environment's", Options{}, []string{"AWS_REGION", "us-east-2"}, "us-east-2"},
		{"none", Options{}, nil, "us-east-1"},
	} {
		environment(t, c.environ...)
		if got := open(t, c.options).plan.stsRegion(t.Context()); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestNothingShowsASecret(t *testing.T) {
	environment(t)
	server := newSTS(t)
	server.refuse = "AccessDenied"
	o := Options{APIKey: "hidden-api", AccessKey: "AKIASET", SecretKey: "hidden-key", SessionToken: "hidden-token", Role: roleARN}
	bearer := open(t, o)
	o.APIKey = ""
	role := open(t, o)
	_, err := role.Get(t.Context())
	if err == nil {
		t.Fatal("no error to look at")
	}
	o.Role = ""
	static := open(t, o)
	key, token := mustGet(t, static), mustGet(t, bearer)
	holder := struct {
		kept   Credentials
		source *Source
	}{key, static}

	var shown bytes.Buffer
	for _, v := range []any{o, &o, key, &key, []Credentials{token}, bearer, static, role, err, holder, &holder} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&shown, verb, v)
		}
		slog.New(slog.NewJSONHandler(&shown, nil)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&shown, nil)).Info("x", "v", v)
		text, _ := json.Marshal(v)
		shown.Write(text)
	}
	for _, secret := range []string{"hidden", hex.EncodeToString([]byte("hidden"))} {
		if i := strings.Index(shown.String(), secret); i >= 0 {
			t.Errorf("a secret is shown: %s", shown.String()[max(0, i-200):i+20])
		}
	}
}
