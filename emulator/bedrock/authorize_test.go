package bedrock

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"outcrop/emulator/bedrock/account"
	"outcrop/emulator/bedrock/policy"
)

const (
	appKey    = "AKIAAPP"
	appAPIKey = "ABSKapp"
	userApp   = "arn:aws:iam::123456789012:user/app"
	allowAll  = `{"Effect":"Allow","Action":"*","Resource":"*"}`
	allowNot  = `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`
	denyAll   = `{"Effect":"Deny","Action":"bedrock:*","Resource":"*"}`
)

var app = Key{AccessKeyID: appKey, SecretAccessKey: "secret"}

const (
	// claude is called by profiles only, and sold by Anthropic on AWS Marketplace.
	claude = "anthropic.claude-sonnet-4-6"
	// nova can be called by its id and by a profile.
	nova = "amazon.nova-lite-v1:0"
)

func clock(at time.Time) func() time.Time { return func() time.Time { return at } }

// document is a policy of the statements.
func document(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

// setUp reads a set-up with a user app, its policies and the rest of its members.
func setUp(t *testing.T, policies, more string) *account.Setup {
	t.Helper()
	s, err := account.Parse([]byte(`{"users":[{"name":"app","policies":[` + policies + `],"keys":[{"accessKeyId":"` + appKey + `","secretAccessKey":"secret"}],"apiKeys":["` + appAPIKey + `"]}]` + more + `}`))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asApp posts a Converse request as the user app.
func (s *server) asApp(t *testing.T, id string) answer {
	t.Helper()
	return s.send(t, http.MethodPost, "/model/"+url.PathEscape(id)+"/converse", hello, signed(app, "us-east-1", "bedrock", noon))
}

func TestEachLayerRefusesInItsWords(t *testing.T) {
	t.Parallel()
	const scp = "arn:aws:organizations::111111111111:policy/o-abc123/service_control_policy/p-def456"
	organization := func(more string, statements ...string) string {
		return `,"organization":{"id":"o-abc123","managementAccount":"111111111111"` + more + `,"levels":[[{"policy":` + document(allowAll) + `}],[{"id":"p-def456","policy":` + document(statements...) + `}]]}`
	}
	tests := []struct{ name, policies, more, reason string }{
		{"no identity policy", document(allowNot), "", "because no identity-based policy allows the bedrock:InvokeModel action"},
		{"a denying one", document(allowAll, denyAll), "", "with an explicit deny in an identity-based policy"},
		{"no service control policy", document(allowAll), organization("", allowNot), "because no service control policy allows the bedrock:InvokeModel action"},
		{"a denying one of the organization", document(allowAll), organization("", allowAll, denyAll), "with an explicit deny in a service control policy: " + scp},
		{"in the old words", document(allowAll), organization(`,"oldWords":true`, allowAll, denyAll), "with an explicit deny in a service control policy"},
		{"no endpoint policy", document(allowAll), `,"endpoint":"vpce-0a1b","endpoints":{"vpce-0a1b":` + document(allowNot) + `}`, "because no VPC endpoint policy allows the bedrock:InvokeModel action"},
		{"a denying one of the endpoint", document(allowAll), `,"endpoint":"vpce-0a1b","endpoints":{"vpce-0a1b":` + document(allowAll, denyAll) + `}`, "with an explicit deny in a VPC endpoint policy"},
		{"a denying one of the resource", document(allowAll), `,"resourcePolicies":[` + document(denyAll) + `]`, "with an explicit deny in a resource-based policy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, Options{Setup: setUp(t, tt.policies, tt.more)})
			want := `{"Message":"User: ` + userApp + ` is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/` + micro + ` ` + tt.reason + `"}`
			wantRefusal(t, s.asApp(t, micro), 403, "AccessDeniedException", want)
		})
	}
}

func TestBoundariesAndSessionPoliciesLimitRoles(t *testing.T) {
	t.Parallel()
	setup, err := account.Parse([]byte(`{"roles":[
		{"name":"bound","path":"/team/","policies":[` + document(allowAll) + `],"boundary":` + document(allowNot) + `,"keys":[{"accessKeyId":"ASIA1","secretAccessKey":"s","sessionToken":"t","session":"me"}]},
		{"name":"denied","policies":[` + document(allowAll) + `],"boundary":` + document(allowAll, denyAll) + `,"keys":[{"accessKeyId":"ASIA2","secretAccessKey":"s","sessionToken":"t"}]},
		{"name":"short","policies":[` + document(allowAll) + `],"keys":[
			{"accessKeyId":"ASIA3","secretAccessKey":"s","sessionToken":"t","session":"aa","policy":` + document(allowNot) + `},
			{"accessKeyId":"ASIA4","secretAccessKey":"s","sessionToken":"t","session":"bb","policy":` + document(allowAll, denyAll) + `}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, Options{Setup: setup})
	tests := []struct{ key, session, reason string }{
		{"ASIA1", "bound/me", "because no permissions boundary allows the bedrock:InvokeModelWithResponseStream action"},
		{"ASIA2", "denied/emulated", "with an explicit deny in a permissions boundary"},
		{"ASIA3", "short/aa", "because no session policy allows the bedrock:InvokeModelWithResponseStream action"},
		{"ASIA4", "short/bb", "with an explicit deny in a session policy"},
	}
	for _, tt := range tests {
		a := s.send(t, http.MethodPost, "/model/"+micro+"/converse-stream", hello, signed(Key{AccessKeyID: tt.key, SecretAccessKey: "s", SessionToken: "t"}, "us-east-1", "bedrock", noon))
		want := `{"Message":"User: arn:aws:sts::123456789012:assumed-role/` + tt.session + ` is not authorized to perform: bedrock:InvokeModelWithResponseStream on resource: arn:aws:bedrock:us-east-1::foundation-model/` + micro + ` ` + tt.reason + `"}`
		wantRefusal(t, a, 403, "AccessDeniedException", want)
	}
}

// asked is a permission that a call needs, without the context of every call.
type asked struct{ action, resource, region, profile string }

func questions(e *Emulator) []asked {
	var all []asked
	first := func(values []string) string {
		if len(values) == 0 {
			return ""
		}
		return values[0]
	}
	for _, a := range e.Authorizations() {
		all = append(all, asked{a.Action, a.Resource, first(a.Context["aws:RequestedRegion"]), first(a.Context["bedrock:InferenceProfileArn"])})
	}
	return all
}

func TestAnInvocationNeedsTheProfileAndEveryDestination(t *testing.T) {
	t.Parallel()
	at := "arn:aws:bedrock:us-east-1:" + DemoAccount + ":"
	model := func(region, id string) string { return "arn:aws:bedrock:" + region + "::foundation-model/" + id }
	const invoke, stream = "bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"
	o := accountModels()
	o.Setup = new(account.Setup)
	o.Now = clock(noon)
	o.Profiles = []ApplicationProfile{
		{ID: "abc123def456", Region: "us-east-1", Source: "us." + claude},
		{ID: "abc123def457", Region: "us-east-1", Source: "global." + claude},
		{ID: "abc123def458", Region: "us-east-1", Source: micro},
	}
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	s := startHandler(t, e)
	routed := func(action, profile string) []asked {
		var all []asked
		for _, region := range []string{"ca-central-1", "ca-west-1", "us-east-1", "us-east-2", "us-west-2"} {
			all = append(all, asked{action, model(region, claude), region, profile})
		}
		return all
	}
	system, global, app := at+"inference-profile/us."+claude, at+"inference-profile/global."+claude, at+"application-inference-profile/abc123def"
	world := func(profile string) []asked {
		return []asked{
			{invoke, model("us-east-1", claude), "us-east-1", profile},
			{invoke, "arn:aws:bedrock:::foundation-model/" + claude, "unspecified", profile},
		}
	}
	one := func(action, resource string) []asked { return []asked{{action, resource, "us-east-1", ""}} }
	tests := []struct {
		name, id, call string
		want           []asked
	}{
		{"a bare id", micro, "converse", one(invoke, model("us-east-1", micro))},
		{"a bare id of a model behind profiles", claude, "converse", one(invoke, model("us-east-1", claude))},
		{"a model's ARN", model("us-east-1", micro), "converse", one(invoke, model("us-east-1", micro))},
		{"a geographic profile", "us." + claude, "converse", append(one(invoke, system), routed(invoke, system)...)},
		{"a profile's ARN, streaming", system, "converse-stream", append(one(stream, system), routed(stream, system)...)},
		{"a global profile", "global." + claude, "converse", append(one(invoke, global), world(global)...)},
		{"an application profile of a geographic one", app + "456", "converse", append(one(invoke, app+"456"), routed(invoke, app+"456")...)},
		{"an application profile of a global one", app + "457", "converse", append(one(invoke, app+"457"), world(app+"457")...)},
		{"an application profile of a model", app + "458", "converse", append(one(invoke, app+"458"), asked{invoke, model("us-east-1", micro), "us-east-1", app + "458"})},
		{"a provisioned model", at + "provisioned-model/abcdefghijk1", "converse", one(invoke, at+"provisioned-model/abcdefghijk1")},
		{"a deployment", at + "custom-model-deployment/bcdefghijkl1", "converse", one(invoke, at+"custom-model-deployment/bcdefghijkl1")},
		{"an imported model", at + "imported-model/cdefghijklm1", "converse", one(invoke, at+"imported-model/cdefghijklm1")},
		{"an unknown id", "nobody.nothing-1", "converse", one(invoke, model("us-east-1", "nobody.nothing-1"))},
		{"a profile of elsewhere", "eu." + claude, "converse", one(invoke, at+"inference-profile/eu."+claude)},
	}
	for _, tt := range tests {
		s.send(t, http.MethodPost, "/model/"+url.PathEscape(tt.id)+"/"+tt.call, hello, signed(demo, "us-east-1", "bedrock", noon))
		if got := questions(e); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestOneBlockedDestinationFailsTheWholeCall(t *testing.T) {
	t.Parallel()
	const block = `{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":["us-east-1","us-east-2","ca-central-1","ca-west-1"]}}}`
	s := start(t, Options{Setup: setUp(t, document(allowAll), `,"organization":{"levels":[[{"policy":`+document(allowAll, block)+`}]]}`)})
	const words = "with an explicit deny in a service control policy: arn:aws:organizations::111122223333:policy/o-exampleorgid/service_control_policy/p-examplepolicyid"
	wantRefusal(t, s.asApp(t, "us."+claude), 403, "AccessDeniedException", "on resource: arn:aws:bedrock:us-west-2::foundation-model/"+claude+" "+words)
	wantRefusal(t, s.asApp(t, "global."+claude), 403, "AccessDeniedException", "on resource: arn:aws:bedrock:::foundation-model/"+claude+" "+words)
	if a := s.asApp(t, micro); a.status != 200 {
		t.Errorf("a call within the region: got %d %s", a.status, a.body)
	}
}

func TestAPolicyMayBindAModelToItsProfile(t *testing.T) {
	t.Parallel()
	profile := "arn:aws:bedrock:us-east-1:" + DemoAccount + ":inference-profile/us." + nova
	s := start(t, Options{Setup: setUp(t, document(
		`{"Effect":"Allow","Action":"bedrock:InvokeModel*","Resource":"`+profile+`"}`,
		`{"Effect":"Allow","Action":"bedrock:InvokeModel*","Resource":"arn:aws:bedrock:*::foundation-model/`+nova+`","Condition":{"StringEquals":{"bedrock:InferenceProfileArn":"`+profile+`"}}}`), "")})
	if a := s.asApp(t, "us."+nova); a.status != 200 {
		t.Errorf("by the profile: got %d %s", a.status, a.body)
	}
	wantRefusal(t, s.asApp(t, nova), 403, "AccessDeniedException", "on resource: arn:aws:bedrock:us-east-1::foundation-model/"+nova+" because no identity-based policy")
	wantRefusal(t, s.asApp(t, "nobody.nothing-1"), 403, "AccessDeniedException", "nobody.nothing-1 because no identity-based policy")
}

func TestAnAPIKeyNeedsARightOfItsOwn(t *testing.T) {
	t.Parallel()
	const denyLong = `{"Effect":"Deny","Action":"bedrock:CallWithBearerToken","Resource":"*","Condition":{"StringEquals":{"bedrock:BearerTokenType":"LONG_TERM"}}}`
	e, err := New(Options{Now: clock(noon), Setup: setUp(t, document(`{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"*"}`), "")})
	if err != nil {
		t.Fatal(err)
	}
	s := startHandler(t, e)
	bearer := func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+appAPIKey) }
	call := func() answer { return s.send(t, http.MethodPost, "/model/"+micro+"/converse", hello, bearer) }
	const words = `{"Message":"User: ` + userApp + ` is not authorized to perform: bedrock:CallWithBearerToken on resource: * `
	wantRefusal(t, call(), 403, "AccessDeniedException", words+`because no identity-based policy allows the bedrock:CallWithBearerToken action"}`)
	if got, want := questions(e), []asked{{"bedrock:CallWithBearerToken", "*", "us-east-1", ""}}; !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if err := e.SetAccount(setUp(t, document(allowAll, denyLong), "")); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, call(), 403, "AccessDeniedException", words+`with an explicit deny in an identity-based policy"}`)
	short := shortTermKey("us-east-1", noon, app)
	a := s.send(t, http.MethodPost, "/model/"+micro+"/converse", hello, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+short) })
	if a.status != 200 {
		t.Errorf("a short-term key: got %d %s", a.status, a.body)
	}
	if all := e.Authorizations(); len(all) != 2 || all[0].Context["bedrock:BearerTokenType"][0] != "SHORT_TERM" || all[1].Principal != userApp {
		t.Errorf("a short-term key was authorized by %+v", all)
	}
}

func TestTheControlPlaneIsAuthorizedByItsOwnActions(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Setup: setUp(t, document(allowNot), "")})
	tests := []struct{ method, path, action, on string }{
		{http.MethodGet, "/foundation-models", "ListFoundationModels", ""},
		{http.MethodGet, "/inference-profiles", "ListInferenceProfiles", " on resource: arn:aws:bedrock:us-east-1:123456789012:inference-profile/*"},
		{http.MethodGet, "/inference-profiles/us." + nova, "GetInferenceProfile", " on resource: arn:aws:bedrock:us-east-1:123456789012:inference-profile/us." + nova},
		{http.MethodGet, "/foundation-model-availability/" + micro, "GetFoundationModelAvailability", " on resource: arn:aws:bedrock:us-east-1::foundation-model/" + micro},
		{http.MethodPost, "/use-case-for-model-access", "PutUseCaseForModelAccess", ""},
		{http.MethodGet, "/use-case-for-model-access", "GetUseCaseForModelAccess", ""},
		{http.MethodPost, "/create-foundation-model-agreement", "CreateFoundationModelAgreement", ""},
		{http.MethodGet, "/list-foundation-model-agreement-offers/" + claude, "ListFoundationModelAgreementOffers", ""},
		{http.MethodPut, "/data-retention", "PutAccountDataRetention", ""},
		{http.MethodGet, "/data-retention", "GetAccountDataRetention", ""},
	}
	for _, tt := range tests {
		a := s.send(t, tt.method, tt.path, "{}", signed(app, "us-east-1", "bedrock", noon))
		wantRefusal(t, a, 403, "AccessDeniedException", `{"Message":"User: `+userApp+` is not authorized to perform: bedrock:`+tt.action+tt.on+` because no identity-based policy allows the bedrock:`+tt.action+` action"}`)
	}
	a := s.send(t, http.MethodPost, "/", "Action=GetCallerIdentity&Version=2011-06-15", func(r *http.Request) {
		form(r)
		signed(app, "us-east-1", "sts", noon)(r)
	})
	if a.status != 200 || !strings.Contains(string(a.body), "<Arn>"+userApp+"</Arn>") {
		t.Errorf("everybody may ask who they are: got %d %s", a.status, a.body)
	}
}

func TestTheEndpointIsTheOneInTheHost(t *testing.T) {
	t.Parallel()
	const only = `{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-0a1b2c3d"}}}`
	s := start(t, Options{Setup: setUp(t, document(allowAll, only), `,"endpoint":"vpce-9"`)})
	call := func(host string) answer {
		return s.send(t, http.MethodPost, "/model/"+micro+"/converse", hello, func(r *http.Request) {
			r.Host = host
			r.Header.Set("Authorization", "Bearer "+appAPIKey)
		})
	}
	if a := call("vpce-0a1b2c3d-4e5f-us-east-1a.bedrock-runtime.us-east-1.vpce.amazonaws.com"); a.status != 200 {
		t.Errorf("through the endpoint: got %d %s", a.status, a.body)
	}
	wantRefusal(t, call("bedrock-runtime.us-east-1.amazonaws.com"), 403, "AccessDeniedException", "with an explicit deny in an identity-based policy")
}

// assume requests a session of a role from STS, as the demo user.
func assume(t *testing.T, s *server, body string) answer {
	t.Helper()
	return s.send(t, http.MethodPost, "/", "Action=AssumeRole&Version=2011-06-15&"+body, func(r *http.Request) {
		form(r)
		signed(demo, "us-east-1", "sts", noon)(r)
	})
}

// sessionKey returns the key pair of a session from an answer of STS.
func sessionKey(t *testing.T, a answer) Key {
	t.Helper()
	var got struct {
		ID     string `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
		Secret string `xml:"AssumeRoleResult>Credentials>SecretAccessKey"`
		Token  string `xml:"AssumeRoleResult>Credentials>SessionToken"`
	}
	if err := xml.Unmarshal(a.body, &got); err != nil || got.ID == "" {
		t.Fatalf("got %v, %d %s", err, a.status, a.body)
	}
	return Key{AccessKeyID: got.ID, SecretAccessKey: Secret(got.Secret), SessionToken: Secret(got.Token)}
}

func TestAssumeRoleTakesASessionPolicy(t *testing.T) {
	t.Parallel()
	setup, err := account.Parse([]byte(`{"roles":[{"name":"caller","path":"/team/","externalId":"tea","policies":[` + document(allowAll) + `]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(Options{Now: clock(noon), Setup: setup})
	if err != nil {
		t.Fatal(err)
	}
	s := startHandler(t, e)
	const role = "RoleSessionName=me&ExternalId=tea&RoleArn=arn:aws:iam::123456789012:role/team/caller"
	for _, tt := range []struct{ body, want string }{
		{role + "s", "<Code>AccessDenied</Code>"},
		{strings.Replace(role, "tea&", "no&", 1), "<Code>AccessDenied</Code>"},
		{role + "&Policy=" + url.QueryEscape(`{"Statement":[{"Effect":"No"}]}`), "<Code>MalformedPolicyDocument</Code><Message>Statement[0].Effect: "},
		{role + "&Policy=" + url.QueryEscape(document(`{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}`)), "<Code>MalformedPolicyDocument</Code><Message>Statement[0].Principal: "},
		{role + "&Policy=" + strings.Repeat("x", 2049), "less than or equal to 2048"},
	} {
		if a := assume(t, s, tt.body); a.status/100 != 4 || !strings.Contains(string(a.body), tt.want) {
			t.Errorf("%.120s: got %d %s, want %s", tt.body, a.status, a.body, tt.want)
		}
	}
	key := sessionKey(t, assume(t, s, role+"&Policy="+url.QueryEscape(document(`{"Effect":"Allow","Action":"bedrock:List*","Resource":"*"}`))))
	if a := s.send(t, http.MethodGet, "/foundation-models", "", signed(key, "us-east-1", "bedrock", noon)); a.status != 200 {
		t.Errorf("what the session policy allows: got %d %s", a.status, a.body)
	}
	a := s.send(t, http.MethodPost, "/model/"+micro+"/converse", hello, signed(key, "us-east-1", "bedrock", noon))
	wantRefusal(t, a, 403, "AccessDeniedException", "because no session policy allows the bedrock:InvokeModel action")
	if err := e.SetAccount(&account.Setup{Roles: []account.Role{{Principal: account.Principal{Name: "other"}}}}); err != nil {
		t.Fatal(err)
	}
	a = s.send(t, http.MethodGet, "/foundation-models", "", signed(key, "us-east-1", "bedrock", noon))
	wantRefusal(t, a, 403, "AccessDeniedException", "because no identity-based policy allows")
}

func TestAGuardrailAndATierAreInTheContext(t *testing.T) {
	t.Parallel()
	guardrail := "arn:aws:bedrock:us-east-1:" + DemoAccount + ":guardrail/abc123"
	e, err := New(Options{Now: clock(noon), Setup: setUp(t, document(`{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"*","Condition":{"StringEquals":{"bedrock:GuardrailIdentifier":"`+guardrail+`:2","bedrock:ServiceTier":"flex"}}}`), "")})
	if err != nil {
		t.Fatal(err)
	}
	s := startHandler(t, e)
	call := func(more string) answer {
		return s.send(t, http.MethodPost, "/model/"+micro+"/converse", `{`+more+hello[1:], signed(app, "us-east-1", "bedrock", noon))
	}
	const tier = `"serviceTier":{"type":"flex"},`
	wantRefusal(t, call(tier), 403, "AccessDeniedException", "bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/"+micro)
	wantRefusal(t, call(tier+`"guardrailConfig":{"guardrailIdentifier":"abc123","guardrailVersion":"DRAFT"},`), 403, "AccessDeniedException", "bedrock:InvokeModel on resource: ")
	wantRefusal(t, call(tier+`"guardrailConfig":{"guardrailIdentifier":"abc123","guardrailVersion":"2"},`), 403, "AccessDeniedException", "bedrock:ApplyGuardrail on resource: "+guardrail+" because no identity-based policy")
}

func TestUnverifiedCredentialsAreTheirPrincipals(t *testing.T) {
	t.Parallel()
	s := start(t, Options{AnyCredentials: true, Setup: setUp(t, document(allowNot), "")})
	wrong := Key{AccessKeyID: appKey, SecretAccessKey: "wrong"}
	for _, edit := range []func(*http.Request){
		signed(wrong, "us-east-1", "bedrock", noon),
		func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+appAPIKey) },
		func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+shortTermKey("us-east-1", noon, wrong)) },
	} {
		wantRefusal(t, s.send(t, http.MethodGet, "/foundation-models", "", edit), 403, "AccessDeniedException", "User: "+userApp+" is not authorized")
	}
}

func TestDecideAnswersForAnyPrincipal(t *testing.T) {
	t.Parallel()
	e, err := New(Options{Now: clock(noon), Setup: setUp(t, document(`{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":"us-east-1","aws:username":"app"}}}`), "")})
	if err != nil {
		t.Fatal(err)
	}
	r := policy.Request{Principal: userApp, Action: "bedrock:InvokeModel", Resource: "*", Context: map[string][]string{"aws:RequestedRegion": {"us-east-1"}}}
	tests := []struct {
		name string
		edit func(*policy.Request)
		want policy.Decision
	}{
		{"allowed", func(*policy.Request) {}, policy.Decision{}},
		{"another action", func(r *policy.Request) { r.Action = "bedrock:GetGuardrail" }, policy.Decision{Layer: policy.Identity}},
		{"another region", func(r *policy.Request) { r.Context = map[string][]string{"aws:RequestedRegion": {"us-west-2"}} }, policy.Decision{Layer: policy.Identity}},
		{"the demo user is an administrator", func(r *policy.Request) { r.Principal = "arn:aws:iam::123456789012:user/demo"; r.Context = nil }, policy.Decision{}},
	}
	for _, tt := range tests {
		q := r
		tt.edit(&q)
		if got, err := e.Decide(&q); err != nil || got != tt.want {
			t.Errorf("%s: got %+v, %v, want %+v", tt.name, got, err, tt.want)
		}
	}
	for _, arn := range []string{"app", "arn:aws:iam::999999999999:user/app", "arn:aws:iam::123456789012:user/nobody"} {
		if _, err := e.Decide(&policy.Request{Principal: arn}); err == nil || !strings.Contains(err.Error(), arn) {
			t.Errorf("%s: got %v, want it named", arn, err)
		}
	}
}

func TestASetUpMayChangeUnderCalls(t *testing.T) {
	t.Parallel()
	e, err := New(Options{Now: clock(noon), Setup: setUp(t, document(allowAll), "")})
	if err != nil {
		t.Fatal(err)
	}
	s := startHandler(t, e)
	setups := []*account.Setup{setUp(t, document(allowNot), ""), setUp(t, document(allowAll), "")}
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for j := range 10 {
				if i == 0 {
					if err := e.SetAccount(setups[j%2]); err != nil {
						t.Error(err)
					}
					_ = e.Authorizations()
					continue
				}
				if a := s.asApp(t, "us."+nova); a.status != 200 && a.status != 403 {
					t.Errorf("got %d %s", a.status, a.body)
				}
			}
		})
	}
	all.Wait()
}
