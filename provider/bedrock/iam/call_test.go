package iam_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/iam"
)

const (
	account = "111122223333"
	sonnet  = "anthropic.claude-sonnet-4-5-20250929-v1:0"
)

// lists is a catalogue that knows one profile of each kind in us-east-1.
func lists(t *testing.T) *catalog.Catalogue {
	t.Helper()
	embedded := catalog.Embedded()
	arns := func(regions ...string) []string {
		var all []string
		for _, r := range regions {
			all = append(all, "arn:aws:bedrock:"+r+"::foundation-model/"+sonnet)
		}
		return all
	}
	own := "arn:aws:bedrock:us-east-1:" + account + ":"
	return embedded.With(&catalog.Live{Region: "us-east-1", Profiles: llm.Some([]catalog.LiveProfile{
		{ID: "us." + sonnet, ARN: own + "inference-profile/us." + sonnet, Type: "SYSTEM_DEFINED", Models: arns("us-east-1", "us-east-2", "us-west-2")},
		{ID: "global." + sonnet, ARN: own + "inference-profile/global." + sonnet, Type: "SYSTEM_DEFINED", Models: arns("us-east-1", "")},
		{ID: "abcdefghijkl", ARN: own + "application-inference-profile/abcdefghijkl", Type: "APPLICATION", Models: arns("us-east-1", "us-west-2")},
		{ID: "worldworldwo", ARN: own + "application-inference-profile/worldworldwo", Type: "APPLICATION", Models: arns("us-east-1", "")},
	})})
}

// grants spells a document out as sorted lines, one for each action and resource,
// with the conditions behind.
func grants(d iam.Document) []string {
	var all []string
	for _, s := range d {
		var conditions []string
		for _, c := range s.Conditions {
			conditions = append(conditions, c.Operator+" "+c.Key+"="+strings.Join(c.Values, "|"))
		}
		slices.Sort(conditions)
		for _, a := range s.Actions {
			for _, r := range s.Resources {
				all = append(all, strings.Join(append([]string{s.Effect, a, r}, conditions...), " "))
			}
		}
	}
	slices.Sort(all)
	return all
}

// TestNeedsGivesWhatAWSDocumentsForEachKindOfModel holds the facts of AWS's own
// examples: those of the pages geographic-cross-region-inference and
// global-cross-region-inference and of the security blog's post on both (the
// latter without aws:RequestedRegion where the ARN holds the region), of
// inference-profiles-prereq, batch-inference-permissions and bedrock-marketplace.
func TestNeedsGivesWhatAWSDocumentsForEachKindOfModel(t *testing.T) {
	t.Parallel()
	const (
		invoke = "Allow bedrock:InvokeModel "
		stream = "Allow bedrock:InvokeModelWithResponseStream "
		own    = "arn:aws:bedrock:us-east-1:111122223333:"
	)
	us := " StringEquals bedrock:InferenceProfileArn=" + own + "inference-profile/us." + sonnet
	global := " StringEquals bedrock:InferenceProfileArn=" + own + "inference-profile/global." + sonnet
	app := " StringEquals bedrock:InferenceProfileArn=" + own + "application-inference-profile/abcdefghijkl"
	world := " StringEquals bedrock:InferenceProfileArn=" + own + "application-inference-profile/worldworldwo"
	model := func(region string) string { return "arn:aws:bedrock:" + region + "::foundation-model/" + sonnet }
	known := lists(t)
	for name, tt := range map[string]struct {
		call iam.Call
		want []string
	}{
		"a base id": {
			iam.Call{ID: "amazon.nova-lite-v1:0", Whole: true, Stream: true},
			[]string{invoke + "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", stream + "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"},
		},
		"a geography's profile": {
			iam.Call{ID: "us." + sonnet, Whole: true},
			[]string{invoke + own + "inference-profile/us." + sonnet, invoke + model("us-east-1") + us, invoke + model("us-east-2") + us, invoke + model("us-west-2") + us},
		},
		"a geography's profile by ARN, from elsewhere": {
			iam.Call{ID: own + "inference-profile/us." + sonnet, Region: "eu-west-1", Account: "999999999999", Whole: true},
			[]string{invoke + own + "inference-profile/us." + sonnet, invoke + model("us-east-1") + us, invoke + model("us-east-2") + us, invoke + model("us-west-2") + us},
		},
		"a global profile": {
			iam.Call{ID: "global." + sonnet, Whole: true},
			[]string{invoke + own + "inference-profile/global." + sonnet, invoke + model("us-east-1") + global, invoke + model("") + " StringEquals aws:RequestedRegion=unspecified" + global},
		},
		"the account's own profile": {
			iam.Call{ID: own + "application-inference-profile/abcdefghijkl", Whole: true},
			[]string{invoke + own + "application-inference-profile/abcdefghijkl", invoke + model("us-east-1") + app, invoke + model("us-west-2") + app},
		},
		"the account's own profile that leads anywhere": {
			iam.Call{ID: own + "application-inference-profile/worldworldwo", Stream: true},
			[]string{stream + own + "application-inference-profile/worldworldwo", stream + model("us-east-1") + world, stream + model("") + " StringEquals aws:RequestedRegion=unspecified" + world},
		},
		"the account's own profile that no list has": {
			iam.Call{ID: own + "application-inference-profile/zzzzzzzzzzzz", Base: sonnet, Whole: true},
			[]string{invoke + own + "application-inference-profile/zzzzzzzzzzzz", invoke + model("*") + " StringEquals bedrock:InferenceProfileArn=" + own + "application-inference-profile/zzzzzzzzzzzz"},
		},
		"a profile that nobody knows": {
			iam.Call{ID: "us.acme.rocket-v1:0", Whole: true},
			[]string{invoke + own + "inference-profile/us.acme.rocket-v1:0", invoke + "arn:aws:bedrock:*::foundation-model/acme.rocket-v1:0 StringEquals bedrock:InferenceProfileArn=" + own + "inference-profile/us.acme.rocket-v1:0"},
		},
		"provisioned throughput": {
			iam.Call{ID: own + "provisioned-model/abcdefghijkl", Whole: true}, []string{invoke + own + "provisioned-model/abcdefghijkl"},
		},
		"an imported model": {
			iam.Call{ID: own + "imported-model/abcdefghijkl", Whole: true}, []string{invoke + own + "imported-model/abcdefghijkl"},
		},
		"a custom model's deployment": {
			iam.Call{ID: own + "custom-model-deployment/abcdefghijkl", Whole: true}, []string{invoke + own + "custom-model-deployment/abcdefghijkl"},
		},
		"a prompt router": {
			iam.Call{ID: own + "default-prompt-router/anthropic.claude:1", Whole: true},
			[]string{
				invoke + own + "default-prompt-router/anthropic.claude:1",
				invoke + own + "inference-profile/* StringEquals bedrock:PromptRouterArn=" + own + "default-prompt-router/anthropic.claude:1",
				invoke + "arn:aws:bedrock:*::foundation-model/* StringEquals bedrock:PromptRouterArn=" + own + "default-prompt-router/anthropic.claude:1",
			},
		},
		"a Marketplace endpoint": {
			iam.Call{ID: "arn:aws:sagemaker:us-east-1:111122223333:endpoint/mine", Whole: true},
			[]string{invoke + own + "marketplace/model-endpoint/all-access", "Allow sagemaker:InvokeEndpoint arn:aws:sagemaker:us-east-1:111122223333:endpoint/mine StringEquals aws:CalledViaLast=bedrock.amazonaws.com"},
		},
		"counting, a guardrail and an API key": {
			iam.Call{ID: "us." + sonnet, CountTokens: true, Guardrail: "gr1234567890:2", APIKey: true},
			[]string{"Allow bedrock:CountTokens " + model("us-east-1"), "Allow bedrock:ApplyGuardrail " + own + "guardrail/gr1234567890", "Allow bedrock:CallWithBearerToken *"},
		},
		"batch jobs": {
			iam.Call{ID: "amazon.nova-lite-v1:0", Batch: true},
			[]string{
				"Allow bedrock:CreateModelInvocationJob arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
				"Allow bedrock:CreateModelInvocationJob " + own + "model-invocation-job/*",
				"Allow bedrock:GetModelInvocationJob " + own + "model-invocation-job/*",
				"Allow bedrock:StopModelInvocationJob " + own + "model-invocation-job/*",
				"Allow bedrock:ListModelInvocationJobs *",
				"Allow iam:PassRole arn:aws:iam::111122223333:role/ROLE_NAME StringEquals iam:PassedToService=bedrock.amazonaws.com",
			},
		},
		"GovCloud": {
			iam.Call{ID: "amazon.nova-lite-v1:0", Region: "us-gov-west-1", Whole: true}, []string{invoke + "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/amazon.nova-lite-v1:0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := tt.call
			if c.Region == "" {
				c.Region = "us-east-1"
			}
			if c.Account == "" {
				c.Account = account
			}
			d, err := iam.Needs(c, known)
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(tt.want)
			if diff := cmp.Diff(tt.want, grants(d)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestAnAccountThatIsNotSaidStandsOutInThePolicy(t *testing.T) {
	t.Parallel()
	d, err := iam.Needs(iam.Call{Region: "eu-west-1", ID: "eu." + sonnet, Whole: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := "arn:aws:bedrock:eu-west-1:ACCOUNT_ID:inference-profile/eu." + sonnet; d[0].Resources[0] != want {
		t.Errorf("got %s, want %s", d[0].Resources[0], want)
	}
}

func TestACallThatCannotBeIsRefusedByItsField(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]iam.Call{
		`Region: "nowhere"`:   {Region: "nowhere", ID: sonnet, Whole: true},
		`Account: "12"`:       {Region: "us-east-1", Account: "12", ID: sonnet, Whole: true},
		"ID: model":           {Region: "us-east-1", ID: "a b", Whole: true},
		"is not a model":      {Region: "us-east-1", ID: "agentcore/arn:aws:bedrock-agentcore:us-east-1:111122223333:runtime/mine", Whole: true},
		"one of Whole":        {Region: "us-east-1", ID: sonnet},
		"CountTokens: the ba": {Region: "us-east-1", ID: "arn:aws:bedrock:us-east-1:111122223333:imported-model/abcdefghijkl", CountTokens: true},
		"Guardrail: ":         {Region: "us-east-1", ID: sonnet, Guardrail: "arn:aws:bedrock:us-east-1:111122223333:imported-model/abcdefghijkl"},
	} {
		if _, err := iam.Needs(c, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %q in it", c, err, want)
		}
	}
}

func TestARefusalGivesTheWholeStatementThatItBelongsTo(t *testing.T) {
	t.Parallel()
	known := lists(t)
	const own = "arn:aws:bedrock:us-east-1:111122223333:"
	model := func(region string) string { return "arn:aws:bedrock:" + region + "::foundation-model/" + sonnet }
	us := `"Condition":{"StringEquals":{"bedrock:InferenceProfileArn":"` + own + `inference-profile/us.` + sonnet + `"}}}`
	both := `{"Sid":"InvokeModelThroughProfile","Effect":"Allow","Action":"bedrock:InvokeModel","Resource":["` + model("us-east-1") + `","` + model("") +
		`"],"Condition":{"StringEquals":{"bedrock:InferenceProfileArn":"` + own + `inference-profile/global.` + sonnet + `"}}}`
	for name, tt := range map[string]struct{ id, action, resource, want string }{
		"a destination": {
			"us." + sonnet, iam.InvokeModelStream, model("us-west-2"),
			`{"Sid":"InvokeModelThroughProfile","Effect":"Allow","Action":"bedrock:InvokeModelWithResponseStream","Resource":["` + model("us-east-1") + `","` + model("us-east-2") + `","` + model("us-west-2") + `"],` + us,
		},
		"the profile": {
			"us." + sonnet, iam.InvokeModel, own + "inference-profile/us." + sonnet,
			`{"Sid":"InvokeProfile","Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"` + own + `inference-profile/us.` + sonnet + `"}`,
		},
		"a global profile's model without region": {"global." + sonnet, iam.InvokeModel, model(""), both},
		"a global profile's model here":           {"global." + sonnet, iam.InvokeModel, model("us-east-1"), both},
		"a destination that no list has": {
			"us." + sonnet, iam.InvokeModel, model("us-west-9"),
			`{"Sid":"InvokeModelThroughProfile","Effect":"Allow","Action":"bedrock:InvokeModel","Resource":["` + model("us-east-1") + `","` + model("us-east-2") + `","` + model("us-west-2") + `","` + model("us-west-9") + `"],` + us,
		},
		"a model that the call does not need": {
			"us." + sonnet, iam.InvokeModel, "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
			`{"Sid":"InvokeModel","Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"}`,
		},
		"an API key": {
			"us." + sonnet, iam.CallWithBearer, "*",
			`{"Sid":"CallWithAPIKey","Effect":"Allow","Action":"bedrock:CallWithBearerToken","Resource":"*"}`,
		},
		"an action that is none of the call's": {
			"us." + sonnet, "bedrock:ListFoundationModels", "*",
			`{"Sid":"ListFoundationModels","Effect":"Allow","Action":"bedrock:ListFoundationModels","Resource":"*"}`,
		},
	} {
		s := iam.Missing(iam.Call{Region: "us-east-1", Account: account, ID: tt.id}, known, tt.action, tt.resource)
		if diff := cmp.Diff(tt.want, string(s.JSON())); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

// TestARefusedProfileTellsTheAccount covers a caller that does not know its own.
func TestARefusedProfileTellsTheAccount(t *testing.T) {
	t.Parallel()
	s := iam.Missing(iam.Call{Region: "us-east-1", ID: "us." + sonnet}, nil, iam.InvokeModel, "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us."+sonnet)
	if s.Sid != "InvokeProfile" {
		t.Errorf("got %s", s.JSON())
	}
}
