package bedrock

import (
	"encoding/base64"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"outcrop/emulator/bedrock/account"
)

// parseAccount parses a set-up with quotes written as '.
func parseAccount(t *testing.T, text string) *account.Setup {
	t.Helper()
	s, err := account.Parse([]byte(strings.ReplaceAll(text, "'", `"`)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWhatStandsBetweenAnAccountAndAModelRefusesInAWSsWords(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, setup string
		status      int
		kind, words string
	}{
		{"an account that is not authorized", `{'notAuthorized':true}`, 403, "AccessDeniedException", "Your account is not authorized to invoke this API operation."},
		{"no access", `{'models':[{'model':'anthropic.*','access':'notGranted'}]}`, 403, "AccessDeniedException", "You don't have access to the model with the specified model ID."},
		{"the end of its life", `{'models':[{'model':'anthropic.*','lifecycle':'ended'}]}`, 404, "ResourceNotFoundException", "This model version has reached the end of its life. Please refer to the AWS documentation for more details."},
		{"legacy and idle", `{'models':[{'model':'` + claude + `','lifecycle':'idle'}]}`, 404, "ResourceNotFoundException", "Access denied. This Model is marked by provider as Legacy and you have not been actively using the model in the last 30 days. Please upgrade to an active model on Amazon Bedrock"},
		{"no form", `{'useCase':'missing'}`, 404, "ResourceNotFoundException", "Model use case details have not been submitted for this account. Fill out the Anthropic use case details form before using the model. If you have already filled out the form, try again in 15 minutes."},
		{"a pending subscription", `{'models':[{'model':'*','subscription':'pending'}]}`, 403, "AccessDeniedException", "Your account is not authorized to access this model. Your AWS Marketplace subscription for this model is still being processed"},
		{"a subscription that failed", `{'models':[{'model':'*','subscription':'failed'}]}`, 403, "AccessDeniedException", "Model access is denied due to INVALID_PAYMENT_INSTRUMENT:"},
		{"another mode of retention", `{'models':[{'model':'*','retention':['provider_data_share']}]}`, 400, "ValidationException", "data retention mode 'default' is not available for this model"},
		{"a mode that the model does not take", `{'dataRetention':'none','models':[{'model':'*','retention':['default']}]}`, 400, "ValidationException", "data retention mode 'none' is not available for this model"},
		{"a service quota", `{'models':[{'model':'*','quota':{'exceeded':true}}]}`, 400, "ServiceQuotaExceededException", "Your request exceeds the service quota for your account."},
		{"no requests at all", `{'models':[{'model':'*','quota':{'requestsPerMinute':0}}]}`, 429, "ThrottlingException", "Too many requests, please wait before trying again."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, Options{Setup: parseAccount(t, tt.setup)})
			wantRefusal(t, s.post(t, "us."+claude, "converse", hello), tt.status, tt.kind, `{"message":"`+tt.words)
		})
	}
}

func TestModelsThatAreNotSoldOnMarketplaceNeedNoSubscriptionAndNoForm(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Setup: parseAccount(t, `{'useCase':'missing','models':[{'model':'*','subscription':'pending'}]}`)})
	if a := s.post(t, micro, "converse", hello); a.status != 200 {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestTheFormIsSubmittedByItsCall(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Setup: parseAccount(t, `{'useCase':'missing'}`)})
	const path = "/use-case-for-model-access"
	wantRefusal(t, s.get(t, path), 404, "ResourceNotFoundException", "have not been submitted")
	if a := s.get(t, "/foundation-model-availability/"+claude); !strings.Contains(string(a.body), `"authorizationStatus":"NOT_AUTHORIZED"`) {
		t.Errorf("availability without the form: %s", a.body)
	}
	put := func(body string) answer { return s.send(t, http.MethodPost, path, body, apiKey) }
	wantRefusal(t, put(`{}`), 400, "ValidationException", "'formData'")
	wantRefusal(t, put(`{"formData":"`+base64.StdEncoding.EncodeToString([]byte("short"))+`"}`), 400, "ValidationException", "between 10 and 16384")
	wantRefusal(t, put(`{"formData":"?"}`), 400, "SerializationException", "base64")
	wantRefusal(t, s.post(t, "us."+claude, "converse", hello), 404, "ResourceNotFoundException", "use case details")
	form := base64.StdEncoding.EncodeToString([]byte(`{"companyName":"Us"}`))
	if a := put(`{"formData":"` + form + `"}`); a.status != 201 || string(a.body) != "{}" {
		t.Fatalf("got %d %s, want 201", a.status, a.body)
	}
	if a := s.get(t, path); string(a.body) != `{"formData":"`+form+`"}` {
		t.Errorf("got %s", a.body)
	}
	if a := s.post(t, "us."+claude, "converse", hello); a.status != 200 {
		t.Errorf("with the form: got %d %s", a.status, a.body)
	}
	if a := s.get(t, "/foundation-model-availability/"+claude); !strings.Contains(string(a.body), `"authorizationStatus":"AUTHORIZED"`) {
		t.Errorf("availability with the form: %s", a.body)
	}
}

func TestTheModeOfDataRetentionIsSetByItsCall(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Setup: parseAccount(t, `{'models':[{'model':'anthropic.*','retention':['provider_data_share']}]}`)})
	if a := s.get(t, "/data-retention"); string(a.body) != `{"mode":"inherit"}` {
		t.Errorf("got %s", a.body)
	}
	put := func(mode string) answer {
		return s.send(t, http.MethodPut, "/data-retention", `{"mode":"`+mode+`"}`, apiKey)
	}
	wantRefusal(t, put("some"), 400, "ValidationException", "Value 'some' at 'mode' failed to satisfy constraint")
	wantRefusal(t, s.post(t, "us."+claude, "converse", hello), 400, "ValidationException", "data retention mode 'default'")
	if a := put("provider_data_share"); a.status != 200 || string(a.body) != `{"mode":"provider_data_share","updatedAt":"2026-11-22T12:00:00Z"}` {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if a := s.post(t, "us."+claude, "converse", hello); a.status != 200 {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

const marketplace = `{'Effect':'Allow','Action':['aws-marketplace:Subscribe','aws-marketplace:ViewSubscriptions'],'Resource':'*','Condition':{'StringEquals':{'aws:CalledViaLast':'bedrock.amazonaws.com'}}}`

// clients is an account in which user app may call models, and admin may also
// subscribe.
func clients(more string) string {
	const invoke = `{'Effect':'Allow','Action':'bedrock:*','Resource':'*'}`
	return `{'users':[
		{'name':'app','policies':[{'Statement':` + invoke + `}],'keys':[{'accessKeyId':'` + appKey + `','secretAccessKey':'secret'}]},
		{'name':'admin','policies':[{'Statement':` + invoke + `},{'Statement':` + marketplace + `}],'apiKeys':['ABSKadmin']}]` + more + `}`
}

func (s *server) asAdmin(t *testing.T, method, path, body string) answer {
	t.Helper()
	return s.send(t, method, path, body, func(r *http.Request) { r.Header.Set("Authorization", "Bearer ABSKadmin") })
}

func TestTheFirstCallOfWhoMaySubscribesTheAccount(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Setup: parseAccount(t, clients(`,'models':[{'model':'anthropic.*','subscription':'none'}]`))})
	const id = "us." + claude
	wantRefusal(t, s.asApp(t, id), 403, "AccessDeniedException", `{"message":"Model access is denied due to IAM user or service role is not authorized to perform the required AWS Marketplace actions (aws-marketplace:ViewSubscriptions, aws-marketplace:Subscribe) to enable access to this model. Refer to the Amazon Bedrock documentation for further details. Your AWS Marketplace subscription for this model cannot be completed at this time. If you recently fixed this issue, try again after 5 minutes."}`)
	if a := s.get(t, "/foundation-model-availability/"+claude); !strings.Contains(string(a.body), `{"status":"NOT_AVAILABLE"}`) {
		t.Errorf("before: %s", a.body)
	}
	if a := s.asAdmin(t, http.MethodPost, "/model/"+id+"/converse", hello); a.status != 200 {
		t.Fatalf("who may subscribe: got %d %s", a.status, a.body)
	}
	if a := s.get(t, "/foundation-model-availability/"+claude); !strings.Contains(string(a.body), `{"status":"AVAILABLE"}`) {
		t.Errorf("after: %s", a.body)
	}
	if a := s.asApp(t, id); a.status != 200 {
		t.Errorf("everybody then: got %d %s", a.status, a.body)
	}
}

func TestMarketplaceIsAskedFromAWSsOwnNetwork(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Setup: parseAccount(t, clients(`,'endpoint':'vpce-1','endpoints':{'vpce-1':{'Statement':{'Effect':'Allow','Principal':'*','Action':'bedrock:*','Resource':'*'}}},`+
		`'models':[{'model':'anthropic.*','subscription':'none'}]`))})
	if a := s.asAdmin(t, http.MethodPost, "/model/us."+claude+"/converse", hello); a.status != 200 {
		t.Errorf("an endpoint for Bedrock alone: got %d %s", a.status, a.body)
	}
}

func TestAnAgreementSubscribesAfterItsTime(t *testing.T) {
	t.Parallel()
	var now atomic.Int64 // seconds after noon
	s := start(t, Options{
		Now:   func() time.Time { return noon.Add(time.Duration(now.Load()) * time.Second) },
		Setup: parseAccount(t, clients(`,'subscriptionTakes':'2m','models':[{'model':'anthropic.*','subscription':'none'}]`)),
	})
	offers := decode[struct {
		ModelID string `json:"modelId"`
		Offers  []struct {
			OfferToken  string `json:"offerToken"`
			TermDetails struct {
				LegalTerm struct {
					URL string `json:"url"`
				} `json:"legalTerm"`
			} `json:"termDetails"`
		} `json:"offers"`
	}](t, s.asAdmin(t, http.MethodGet, "/list-foundation-model-agreement-offers/"+claude+"?offerType=ALL", ""))
	if len(offers.Offers) != 1 || offers.ModelID != claude || offers.Offers[0].TermDetails.LegalTerm.URL == "" {
		t.Fatalf("got %+v", offers)
	}
	const path = "/create-foundation-model-agreement"
	body := `{"modelId":"` + claude + `","offerToken":"` + offers.Offers[0].OfferToken + `"}`
	wantRefusal(t, s.asAdmin(t, http.MethodPost, path, `{"modelId":"`+claude+`","offerToken":"x"}`), 400, "ValidationException", "offer token is invalid")
	wantRefusal(t, s.asAdmin(t, http.MethodPost, path, `{"modelId":"nobody.nothing-1","offerToken":"x"}`), 404, "ResourceNotFoundException", "could not be found")
	a := s.send(t, http.MethodPost, path, body, signed(app, "us-east-1", "bedrock", noon))
	wantRefusal(t, a, 403, "AccessDeniedException", `is not authorized to perform: aws-marketplace:Subscribe because no identity-based policy allows the aws-marketplace:Subscribe action"}`)
	if a := s.asAdmin(t, http.MethodPost, path, body); a.status != 202 || string(a.body) != `{"modelId":"`+claude+`"}` {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	wantRefusal(t, s.asAdmin(t, http.MethodPost, path, body), 400, "ConflictException", "exists already")
	wantRefusal(t, s.asApp(t, "us."+claude), 403, "AccessDeniedException", "still being processed")
	if a := s.asAdmin(t, http.MethodGet, "/foundation-model-availability/"+claude, ""); !strings.Contains(string(a.body), `{"status":"PENDING"}`) {
		t.Errorf("while it is made: %s", a.body)
	}
	now.Store(120)
	if a := s.asApp(t, "us."+claude); a.status != 200 {
		t.Errorf("after two minutes: got %d %s", a.status, a.body)
	}
	if a := s.asAdmin(t, http.MethodGet, "/list-foundation-model-agreement-offers/"+micro, ""); !strings.Contains(string(a.body), `"offers":[]`) {
		t.Errorf("a model of Amazon is not sold: %s", a.body)
	}
}

func TestQuotasFillAndEmptyWithTime(t *testing.T) {
	t.Parallel()
	var now atomic.Int64
	clock := func() time.Time { return noon.Add(time.Duration(now.Load()) * time.Second) }
	hundred := `{"inferenceConfig":{"maxTokens":100},` + hello[1:]
	tests := []struct {
		name, quota, words string
		calls              int // within the quota
		wait               int64
	}{
		{"requests", `{'requestsPerMinute':2}`, "Too many requests, please wait before trying again.", 2, 60},
		{"tokens of a minute", `{'tokensPerMinute':110}`, "Too many tokens, please wait before trying again.", 2, 60},
		{"tokens of a day", `{'tokensPerDay':110}`, "Too many tokens per day, please wait before trying again.", 2, 24 * 60 * 60},
	}
	for _, tt := range tests {
		now.Store(0)
		s := start(t, Options{Now: clock, Setup: parseAccount(t, `{'models':[{'model':'`+micro+`','quota':`+tt.quota+`}]}`)})
		call := func() answer { return s.post(t, micro, "converse", hundred) }
		for range tt.calls {
			if a := call(); a.status != 200 {
				t.Fatalf("%s: got %d %s", tt.name, a.status, a.body)
			}
		}
		wantRefusal(t, call(), 429, "ThrottlingException", `{"message":"`+tt.words+`"}`)
		if a := s.post(t, nova, "converse", hundred); a.status != 200 {
			t.Errorf("%s: another model: got %d %s", tt.name, a.status, a.body)
		}
		now.Store(tt.wait - 1)
		wantRefusal(t, call(), 429, "ThrottlingException", tt.words)
		now.Store(tt.wait)
		if a := call(); a.status != 200 {
			t.Errorf("%s: after its time: got %d %s", tt.name, a.status, a.body)
		}
	}
}

func TestTokensThatWereNotWrittenAreGivenBack(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Setup: parseAccount(t, `{'models':[{'model':'*','quota':{'tokensPerMinute':1100}}]}`)})
	body := `{"inferenceConfig":{"maxTokens":1000},` + hello[1:]
	for i := range 3 {
		if a := s.post(t, micro, "converse", body); a.status != 200 {
			t.Errorf("call %d: got %d %s", i, a.status, a.body)
		}
	}
	wantRefusal(t, s.post(t, micro, "converse", `{"inferenceConfig":{"maxTokens":1100},`+hello[1:]), 429, "ThrottlingException", "Too many tokens, please")
}

func TestNewRefusesASetUpThatContradictsItself(t *testing.T) {
	t.Parallel()
	for want, setup := range map[string]*account.Setup{
		`set-up of the account: models[0].model: "nobody.*" fits no model`: {Models: []account.Model{{Model: "nobody.*"}}},
		`set-up of the account: users[0].name: "" is not the name`:         {Users: []account.User{{}}},
	} {
		if _, err := New(Options{Setup: setup}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestTheAccountIsReplacedByAnAdminCall(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	none := func(*http.Request) {}
	put := func(body string) answer {
		return s.send(t, http.MethodPut, "/_emulator/account", strings.ReplaceAll(body, "'", `"`), none)
	}
	const denied = `{'users':[{'name':'demo','policies':[{'Statement':[{'Effect':'Deny','Action':'bedrock:InvokeModel','Resource':'*'}%s]}]}]}`
	if a := put(strings.Replace(denied, "%s", `,{'Effect':'Allow','Action':'*','Resource':'*'}`, 1)); a.status != 204 {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	wantRefusal(t, s.post(t, micro, "converse", hello), 403, "AccessDeniedException", "User: arn:aws:iam::123456789012:user/demo is not authorized to perform: bedrock:InvokeModel")
	wantRefusal(t, put(strings.Replace(denied, "%s", `,{'Effect':'Maybe'}`, 1)), 400, "ValidationException", `users[0].policies[0].Statement[1].Effect: \"Maybe\" is neither Allow nor Deny`)
	wantRefusal(t, put(`{'usres':[]}`), 400, "ValidationException", "usres: unknown field")
	wantRefusal(t, put(`{'models':[{'model':'nobody.*'}]}`), 400, "ValidationException", "models[0].model")
	wantRefusal(t, s.post(t, micro, "converse", hello), 403, "AccessDeniedException", "explicit deny")

	got := decode[struct {
		Authorizations []struct {
			Action   string              `json:"action"`
			Resource string              `json:"resource"`
			Context  map[string][]string `json:"context"`
			Decision string              `json:"decision"`
			Reason   string              `json:"reason"`
		} `json:"authorizations"`
	}](t, s.send(t, http.MethodGet, "/_emulator/authorizations", "", none)).Authorizations
	if len(got) != 2 {
		t.Fatalf("got %+v", got)
	}
	if got[0].Action != "bedrock:CallWithBearerToken" || got[0].Decision != "allowed" || got[0].Context["bedrock:BearerTokenType"][0] != "LONG_TERM" {
		t.Errorf("got %+v", got[0])
	}
	if got[1].Action != "bedrock:InvokeModel" || got[1].Decision != "explicitDeny" || got[1].Reason != "with an explicit deny in an identity-based policy" {
		t.Errorf("got %+v", got[1])
	}
	if a := put(`{}`); a.status != 204 {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	if a := s.post(t, micro, "converse", hello); a.status != 200 {
		t.Errorf("without a policy again: got %d %s", a.status, a.body)
	}
	wantRefusal(t, s.send(t, http.MethodGet, "/_emulator/account", "", none), 404, "UnknownOperationException", "message")
}

// TestTheExampleOfTheDocumentationDoesWhatItSays reads the set-up and the refusal from
// docs/emulator.md.
func TestTheExampleOfTheDocumentationDoesWhatItSays(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/emulator.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "<<'EOF'\n")
	example, rest, ok := strings.Cut(rest, "    EOF\n")
	_, words, _ := strings.Cut(rest, "AccessDeniedException: ")
	words, _, _ = strings.Cut(words, "\n\n")
	if !ok || words == "" {
		t.Fatal("the example is not there")
	}
	s := start(t, Options{Setup: parseAccount(t, example)})
	a := s.asApp(t, "us."+claude)
	wantRefusal(t, a, 403, "AccessDeniedException", `{"Message":"`+strings.Join(strings.Fields(words), " ")+`"}`)
}

func TestModelsOfTheAccountsOwnMeetNoObstacles(t *testing.T) {
	t.Parallel()
	o := accountModels()
	o.Setup = parseAccount(t, `{'useCase':'missing','models':[{'model':'*','access':'notGranted','quota':{'requestsPerMinute':0}}]}`)
	s := start(t, o)
	if a := s.post(t, inAccount+"imported-model/cdefghijklm1", "converse", hello); a.status != 200 {
		t.Errorf("an imported model: got %d %s", a.status, a.body)
	}
	wantRefusal(t, s.post(t, inAccount+"provisioned-model/abcdefghijk1", "converse", hello), 403, "AccessDeniedException", "You don't have access to the model")
}
