package e2e

import (
	"regexp"
	"strings"
	"testing"
	"time"

	emulator "outcrop/emulator/bedrock"
	setup "outcrop/emulator/bedrock/account"
	"outcrop/emulator/bedrock/policy"
	"outcrop/llm"
)

// TestTheIAMCasesThatPeopleMeet has common policies, the messages they lead to, and the
// policies with the statements of the messages pasted into them.
func TestTheIAMCasesThatPeopleMeet(t *testing.T) {
	const (
		us      = `"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.` + sonnet45 + `"`
		model   = `"arn:aws:bedrock:us-east-1::foundation-model/` + sonnet45 + `"`
		models  = `"arn:aws:bedrock:*::foundation-model/` + sonnet45 + `"`
		version = `{"Version":"2012-10-17","Statement":[`
	)
	for _, tt := range []struct {
		name, policy string
		stream       bool
		action       string // that AWS refuses
		on           string // the resource that it names
		says         string // what the cause adds to AWS's words
	}{
		{
			name: "it answers, but does not stream", stream: true,
			policy: version + `{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":[` + us + `,` + models + `]},{"Effect":"Allow","Action":"bedrock:InvokeModelWithResponseStream","Resource":` + models + `}]}`,
			action: "bedrock:InvokeModelWithResponseStream", on: "inference-profile/us.", says: "A streaming call requires the action bedrock:InvokeModelWithResponseStream, in this exact spelling; bedrock:InvokeModel does not cover it",
		},
		{
			name:   "no policy at all",
			policy: version + `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`,
			action: "bedrock:InvokeModel", on: "inference-profile/us.", says: "the permission on the profile itself and on its models",
		},
		{
			name: "the stream action is misspelt", stream: true,
			policy: version + `{"Effect":"Allow","Action":["bedrock:InvokeModel","bedrock:InvokeModeWithResponseStream"],"Resource":` + us + `},{"Effect":"Allow","Action":"bedrock:InvokeModel*","Resource":` + models + `}]}`,
			action: "bedrock:InvokeModelWithResponseStream", on: "inference-profile/us.", says: "in this exact spelling",
		},
		{
			name:   "the policy is for one region, and the profile leads to four",
			policy: version + `{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":[` + us + `,` + model + `]}]}`,
			action: "bedrock:InvokeModel", on: "arn:aws:bedrock:us-east-2::foundation-model/", says: "The call was made in us-east-1, but us." + sonnet45 + " may also be served in us-east-2",
		},
		{
			name:   "the models are allowed, and the profile is not",
			policy: version + `{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"arn:aws:bedrock:*::foundation-model/*"}]}`,
			action: "bedrock:InvokeModel", on: "inference-profile/us.", says: "the permission on the profile itself and on its models",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := openAccount45(t)
			use := func(text string) {
				t.Helper()
				p, err := policy.Parse([]byte(text))
				if err != nil {
					t.Fatalf("%v: %s", err, text)
				}
				s := a.set(t, broken{identity: everything(t, "")})
				s.Roles[0].Policies = []*policy.Policy{p}
				if err := a.SetAccount(s); err != nil {
					t.Fatal(err)
				}
			}
			use(tt.policy)
			r := a.chat(t, "geography-sigv4", tt.stream)
			v := readVerdict(t, r.body)
			if r.status != 403 || v.Code != llm.CodeIdentityMissing || v.Actor != llm.ActorAWSAdmin || v.Retry != llm.RetryNo {
				t.Fatalf("%d %s", r.status, r.body)
			}
			for _, part := range []string{"is not authorized to perform: " + tt.action + " on resource: ", tt.on, "because no identity-based policy allows the " + tt.action + " action", "to a policy of role app: {"} {
				if !strings.Contains(v.message, part) {
					t.Errorf("%q lacks %q", v.message, part)
				}
			}
			if !strings.Contains(v.Cause, tt.says) {
				t.Errorf("the cause is %q", v.Cause)
			}
			// The text after the last colon and space is pasted into the policy unchanged.
			_, printed, ok := strings.Cut(v.message, ": {\"Effect\"")
			printed = `{"Effect"` + printed
			if !ok || !strings.HasPrefix(printed, string(v.Statement)) {
				t.Fatalf("printed %s, statement %s", printed, v.Statement)
			}
			use(strings.TrimSuffix(tt.policy, "]}") + "," + printed + "]}")
			if r := a.chat(t, "geography-sigv4", tt.stream); r.status != 200 || !r.whole() {
				t.Errorf("after the paste: %d %s", r.status, r.body)
			}
		})
	}
}

// idInFix matches the id or region that a fix recommends.
var idInFix = regexp.MustCompile(`(?:call|regions?:) ([a-z0-9.:-]+)(?: \(from ([a-z0-9-]+))?`)

// TestAnIdOrRegionThatIsChangedAsTheFixSays checks that a call that cannot work from
// its region succeeds with the id or region of the error's fix.
func TestAnIdOrRegionThatIsChangedAsTheFixSays(t *testing.T) { //nolint:tparallel // its subtests are short
	t.Parallel()
	text := "model_list:\n"
	for _, region := range []string{"us-east-1", "eu-central-1", "us-west-2"} {
		text += "  - {model_name: \"" + region + "/*\", litellm_params: {model: bedrock/*, aws_region_name: " + region + "}}\n"
	}
	for _, stream := range []bool{false, true} {
		for _, tt := range []struct {
			region, id string
			code       llm.Code
		}{
			{"us-east-1", "eu." + sonnet45, llm.CodeModelWrongPlace},
			{"eu-central-1", "us." + sonnet45, llm.CodeModelWrongPlace},
			{"eu-central-1", deepseek, llm.CodeModelNotInRegion},
			{"us-west-2", "eu." + deepseek, llm.CodeModelUnknown},
		} {
			t.Run(tt.id+" in "+tt.region+", "+form(stream), func(t *testing.T) {
				a := openAccount(t, emulator.Options{}, "", text)
				if r := a.refresh(t); r.status != 200 {
					t.Fatalf("%+v", r)
				}
				r := a.chat(t, tt.region+"/"+tt.id, stream)
				v := readVerdict(t, r.body)
				found := idInFix.FindStringSubmatch(v.Fix)
				if v.Code != tt.code || found == nil {
					t.Fatalf("%d %s", r.status, r.body)
				}
				region := tt.region
				if found[2] != "" {
					region = found[2]
				}
				if r := a.chat(t, region+"/"+strings.TrimSuffix(found[1], "."), stream); r.status != 200 || !r.whole() {
					t.Errorf("%s in %s after %q: %d %s", found[1], region, v.Fix, r.status, r.body)
				}
			})
		}
	}
}

// TestALimitIsWaitedFor checks that an exhausted quota is reported, and that the call
// succeeds a minute later.
func TestALimitIsWaitedFor(t *testing.T) {
	one, few := int64(1), int64(64_100) // the model may write 64,000, which are reserved at the start
	for _, tt := range []struct {
		name  string
		quota setup.Quota
		code  llm.Code
		wait  time.Duration
	}{
		{"requests a minute", setup.Quota{RequestsPerMinute: &one}, llm.CodeLimitRequests, time.Minute},
		{"tokens a minute", setup.Quota{TokensPerMinute: &few}, llm.CodeLimitTokens, time.Minute},
		{"tokens a day", setup.Quota{TokensPerDay: &few}, llm.CodeTokensPerDay, 0},
		{"a quota of the service", setup.Quota{Exceeded: true}, llm.CodeServiceQuota, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := openAccount45(t)
			b := broken{identity: everything(t, ""), state: setup.Setup{Models: []setup.Model{{Model: sonnet45, Quota: &tt.quota}}}}
			if err := a.SetAccount(a.set(t, b)); err != nil {
				t.Fatal(err)
			}
			var v verdict
			for range 10 {
				if r := a.chat(t, "geography-sigv4", false); r.status != 200 {
					v = readVerdict(t, r.body)
					break
				}
			}
			if v.Code != tt.code || !strings.Contains(strings.ToLower(v.Fix), "quota") {
				t.Fatalf("%+v", v)
			}
			if tt.wait == 0 {
				return
			}
			a.ahead.Add(int64(tt.wait + time.Second))
			if r := a.chat(t, "geography-sigv4", false); r.status != 200 {
				t.Errorf("a minute later: %d %s", r.status, r.body)
			}
		})
	}
}

// TestAFixWorksAtTheNextCall checks, with the default policy and no pause,
// that a call whose profile is refused is not made through another profile the next
// time, where another permission would be missing that nobody asked for.
func TestAFixWorksAtTheNextCall(t *testing.T) {
	a := openAccount45(t)
	for range 3 {
		b := broken{identity: &document{}}
		b.identity.allow(t, statement{Action: []string{"bedrock:ListFoundationModels"}, Resource: []string{"*"}})
		if err := a.SetAccount(a.set(t, b)); err != nil {
			t.Fatal(err)
		}
		r := a.chat(t, "any/"+sonnet45, false)
		v := readVerdict(t, r.body)
		if r.status != 403 || !strings.Contains(v.message, "inference-profile/us.") {
			t.Fatalf("%d %s", r.status, r.body)
		}
		a.apply(t, &b, v)
		if r = a.chat(t, "any/"+sonnet45, false); r.status != 200 || !strings.Contains(r.header.Get("X-Outcrop-Target"), "us."+sonnet45) {
			t.Errorf("%d by %s: %s", r.status, r.header.Get("X-Outcrop-Target"), r.body)
		}
	}
}
