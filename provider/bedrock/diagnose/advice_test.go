package diagnose_test

import (
	"strings"
	"testing"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/diagnose"
	"outcrop/wire/converse"
)

// denied is IAM's sentence.
func denied(action, resource, why string) string {
	return "User: arn:aws:sts::111122223333:assumed-role/app/i-0abc is not authorized to perform: " + action + " on resource: " + resource + " " + why
}

const (
	invoke  = "bedrock:InvokeModel"
	stream  = "bedrock:InvokeModelWithResponseStream"
	sonnet  = "anthropic.claude-sonnet-4-5-20250929-v1:0"
	us      = "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us." + sonnet
	global  = "arn:aws:bedrock:us-east-1:111122223333:inference-profile/global." + sonnet
	noAllow = "because no identity-based policy allows the " + invoke + " action"
)

func model(region string) string { return "arn:aws:bedrock:" + region + "::foundation-model/" + sonnet }

// TestTheMissingStatementIsGiven holds what is to be pasted: the action spelt as it
// was asked for, the profile on its own, and the model in all regions that the
// profile leads to at once, through the profile alone.
func TestTheMissingStatementIsGiven(t *testing.T) {
	known := embedded(t)
	through := func(arn string) string {
		return `"Condition":{"StringEquals":{"bedrock:InferenceProfileArn":"` + arn + `"}}`
	}
	for name, tt := range map[string]struct {
		id, action, resource, why string
		statement                 string // what must stand in it
		place                     string // where the fix puts it
		cause                     string
	}{
		"the profile": {
			"us." + sonnet, invoke, us, noAllow,
			`{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"` + us + `"}`, "these statements to a policy of role app:", "the profile itself and on its models",
		},
		"a destination that nobody named": {
			"us." + sonnet, invoke, model("us-west-2"), noAllow,
			`{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":["` + model("us-east-1") + `","` + model("us-east-2") + `","` + model("us-west-1") + `","` + model("us-west-2") + `"],` + through(us) + `}`, "a policy of role app:", "made in us-east-1, but us." + sonnet + " may also be served in us-west-2",
		},
		"the stream action": {
			"us." + sonnet, stream, us, "because no identity-based policy allows the " + stream + " action",
			`"Action":"bedrock:InvokeModelWithResponseStream"`, "a policy of role app", "in this exact spelling; bedrock:InvokeModel does not cover it",
		},
		"the model's ARN without a region": {
			"global." + sonnet, invoke, model(""), noAllow,
			`"Resource":["` + model("us-east-1") + `","` + model("") + `"],` + through(global) + `}`, "a policy of role app:", "without a region, with aws:RequestedRegion unspecified",
		},
		"a bare id": {
			"amazon.nova-lite-v1:0", invoke, "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", noAllow,
			`{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"}`, "a policy of role app:", "a streaming call also bedrock:InvokeModelWithResponseStream",
		},
		"a service control policy": {
			"us." + sonnet, invoke, us, "because no service control policy allows the " + invoke + " action",
			`"Resource":"` + us + `"`, "a service control policy at every level of the organization from the root to account 111122223333 itself", "the profile itself",
		},
		"the boundary": {
			"us." + sonnet, invoke, us, "because no permissions boundary allows the " + invoke + " action",
			`"Resource":"` + us + `"`, "the permissions boundary of role app", "the profile itself",
		},
		"the session": {
			"us." + sonnet, invoke, us, "because no session policy allows the " + invoke + " action",
			`"Resource":"` + us + `"`, "the session policy of role app", "the profile itself",
		},
		"a VPC endpoint, whose policy names principals": {
			"us." + sonnet, invoke, us, "because no VPC endpoint policy allows the " + invoke + " action",
			`{"Effect":"Allow","Principal":"*","Action":"bedrock:InvokeModel","Resource":"` + us + `"}`, "the policy of the VPC endpoint", "the profile itself",
		},
		"nobody knows which policy": {
			"us." + sonnet, invoke, us, "",
			`"Resource":"` + us + `"`, "If none of the policies of role app allows it", "the profile itself",
		},
	} {
		t.Run(name, func(t *testing.T) {
			body := `{"Message":` + jsonText(t, denied(tt.action, tt.resource, tt.why)) + `}`
			e := diagnose.Fault(converse.DecodeFault(403, "AccessDeniedException", "r-1", "", []byte(body)), diagnose.Case{
				Target: llm.Destination{Region: "us-east-1", ID: tt.id}, Base: sonnet, Known: known,
			})
			if !strings.Contains(string(e.Statement), tt.statement) {
				t.Errorf("statement\n%s\nwant\n%s", e.Statement, tt.statement)
			}
			if !strings.Contains(e.Fix, tt.place) || !strings.Contains(e.Fix, ": "+string(e.Statement)) || !strings.HasSuffix(e.Fix, "}") || !strings.Contains(e.Cause, tt.cause) {
				t.Errorf("cause %q\nfix %q", e.Cause, e.Fix)
			}
			if members, err := jsonx.Members(e.Statement); err != nil || len(members) < 3 || strings.Contains(string(e.Statement), "Sid") {
				t.Errorf("%s is no statement that can be pasted beside any other: %v", e.Statement, err)
			}
		})
	}
}

func TestADenyIsNotAnsweredWithAnAllow(t *testing.T) {
	known := embedded(t)
	for name, tt := range map[string]struct {
		id, resource, why string
		fix               []string
	}{
		"by region, of a destination": {
			"us." + sonnet, model("us-west-2"), "with an explicit deny in a service control policy: arn:aws:organizations::444455556666:policy/o-a/service_control_policy/p-b",
			[]string{"arn:aws:organizations::444455556666:policy/o-a/service_control_policy/p-b", "add us-east-2, us-west-1, us-west-2 to the regions that its condition on aws:RequestedRegion exempts"},
		},
		"by region, of the world": {
			"global." + sonnet, model(""), "with an explicit deny in a service control policy",
			[]string{"the organization's service control policies", "add unspecified to the regions", "or call us." + sonnet + " instead"},
		},
		"of the identity": {
			"us." + sonnet, us, "with an explicit deny in an identity-based policy", []string{"Remove bedrock:InvokeModel on " + us + ", " + model("us-east-1"), " from the deny in the policies of role app"},
		},
		"of the organization's resources": {
			"us." + sonnet, us, "with an explicit deny in a resource control policy", []string{"from the deny in the organization's resource control policies"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			body := `{"Message":` + jsonText(t, denied(invoke, tt.resource, tt.why)) + `}`
			e := diagnose.Fault(converse.DecodeFault(403, "AccessDeniedException", "r-1", "", []byte(body)), diagnose.Case{
				Target: llm.Destination{Region: "us-east-1", ID: tt.id}, Base: sonnet, Known: known,
			})
			if len(e.Statement) > 0 || !strings.Contains(e.Cause, "no Allow can override") {
				t.Errorf("statement %s, cause %q", e.Statement, e.Cause)
			}
			for _, part := range tt.fix {
				if !strings.Contains(e.Fix, part) {
					t.Errorf("fix %q lacks %q", e.Fix, part)
				}
			}
		})
	}
}

func TestAResourceControlPolicyIsTheOrganizations(t *testing.T) {
	body := `{"Message":` + jsonText(t, denied(invoke, us, "with an explicit deny in a resource control policy")) + `}`
	e := diagnose.Fault(converse.DecodeFault(403, "AccessDeniedException", "", "", []byte(body)), diagnose.Case{})
	if e.Code != llm.CodeResourceDeny || e.Responsible() != llm.ActorOrganizationAdmin {
		t.Errorf("%s, %s", e.Code, e.Responsible())
	}
}

func TestBothClocksAreTold(t *testing.T) {
	answered := time.Date(2026, 11, 22, 16, 10, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		words       string
		now, served time.Time
		want        string
	}{
		"in AWS's words":       {"Signature expired: 20261122T160000Z is now earlier than 20261122T160500Z (20261122T161000Z - 5 min.)", time.Time{}, time.Time{}, "showed 2026-11-22T16:00:00Z when AWS's showed 2026-11-22T16:10:00Z: it is 10m0s behind."},
		"too early":            {"Signature not yet current: 20261122T170000Z is still later than 20261122T161500Z (20261122T161000Z + 5 min.)", time.Time{}, time.Time{}, "it is 50m0s ahead."},
		"in the answer's Date": {"Signature expired", answered.Add(-time.Hour), answered, "showed 2026-11-22T15:10:00Z when AWS's showed 2026-11-22T16:10:00Z: it is 1h0m0s behind."},
		"nowhere":              {"Signature expired", time.Time{}, time.Time{}, "off by more than the five minutes"},
	} {
		t.Run(name, func(t *testing.T) {
			e := diagnose.Fault(converse.DecodeFault(403, "InvalidSignatureException", "", "", []byte(`{"message":"`+tt.words+`"}`)), diagnose.Case{Now: tt.now, Served: tt.served})
			if e.Code != llm.CodeClockSkew || !strings.Contains(e.Cause, tt.want) {
				t.Errorf("%s: %q, want %q", e.Code, e.Cause, tt.want)
			}
		})
	}
}

func TestAnAPIKeyOfAnotherRegionIsToldSo(t *testing.T) {
	e := diagnose.Fault(converse.DecodeFault(403, "AccessDeniedException", "", "", []byte(`{"Message":"Authentication failed: Please make sure your API Key is valid."}`)), diagnose.Case{
		Target: llm.Destination{Region: "us-east-1"}, APIKey: true, KeyRegion: "eu-west-1",
	})
	if e.Code != llm.CodeAPIKeyInvalid || !strings.Contains(e.Cause, "made in eu-west-1 and is valid only there; the call was made in us-east-1") {
		t.Errorf("%s: %q", e.Code, e.Cause)
	}
}

// TestAdviceOnTurnsSpeaksOfWhatIsWrong: who begins is no matter where text stands beside
// tool calls or their results.
func TestAdviceOnTurnsSpeaksOfWhatIsWrong(t *testing.T) {
	for words, want := range map[string]string{
		"messages.1.content: Conversation blocks and tool use blocks cannot be provided in the same turn.":              "next to the tool calls",
		"messages.2.content: Conversation blocks and tool result blocks cannot be provided in the same turn.":           "next to the tool results",
		"A conversation must start with a user message. Try again with a conversation that starts with a user message.": "Begin with a user message",
	} {
		e := diagnose.Fault(converse.DecodeFault(400, "ValidationException", "", "", []byte(`{"message":"`+words+`"}`)), diagnose.Case{})
		if e.Code != llm.CodeOrder || !strings.Contains(e.Fix, want) {
			t.Errorf("%s: %s %q lacks %q", words, e.Code, e.Fix, want)
		}
	}
}

func TestTheQuotaIsNamed(t *testing.T) {
	known := embedded(t)
	for id, want := range map[string]string{
		"global." + sonnet: `"Global cross-region model inference tokens per minute for Claude Sonnet 4.5" in us-east-1`,
		"us." + sonnet:     `"Cross-region model inference tokens per minute for Claude Sonnet 4.5" in us-east-1`,
		sonnet:             `"On-demand model inference tokens per minute for Claude Sonnet 4.5" in us-east-1`,
	} {
		e := diagnose.Fault(converse.DecodeFault(429, "ThrottlingException", "", "", []byte(`{"message":"Too many tokens, please wait before trying again."}`)), diagnose.Case{
			Target: llm.Destination{Region: "us-east-1", ID: id}, Base: sonnet, Known: known,
		})
		if !strings.Contains(e.Fix, want) {
			t.Errorf("%s: %q lacks %q", id, e.Fix, want)
		}
	}
}

// TestWhatTheCallerSentStaysOutOfTheLog: AWS quotes values of the request, which
// are the client's to read.
func TestWhatTheCallerSentStaysOutOfTheLog(t *testing.T) {
	const words = "1 validation error detected: Value 'my secret diary, page 1' at 'messages.1.member.content' failed to satisfy constraint"
	e := diagnose.Fault(converse.DecodeFault(400, "ValidationException", "", "", []byte(`{"message":"`+words+`"}`)), diagnose.Case{})
	if e.Message != words || strings.Contains(e.Logged, "diary") || !strings.Contains(e.Logged, "Value '…' at 'messages.1.member.content' failed") {
		t.Errorf("message %q, logged %q", e.Message, e.Logged)
	}
	asked := &llm.Request{Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "Dear all,\nmy secret diary, page 1, reads\nas follows"}, {Kind: llm.BlockText, Text: "PIN=4711 "}}}}}
	for _, repeating := range []string{
		"Malformed input: my secret diary, page 1, reads badly at messages.1.content", "The model returned the following errors: odd: Dear all,\\nmy secret diary, page 1, reads\\nas follows, it says",
		"Odd: PIN=4711 .",
	} {
		f := converse.DecodeFault(400, "ValidationException", "", "", []byte(`{"message":"`+repeating+`"}`))
		e = diagnose.Fault(f, diagnose.Case{Request: asked})
		if e.Message != f.Message || strings.Contains(e.Logged, "diary") || strings.Contains(e.Logged, "4711") || e.Logged == "" {
			t.Errorf("message %q, logged %q", e.Message, e.Logged)
		}
	}
	fields := &llm.Request{ModelFields: []jsonx.Member{{Name: "odd", Value: jsonx.Raw(`{"key": "sk_secret_value", "list": ["pin", 47114711, {"deep": "hunter2"}]}`)}}}
	e = diagnose.Fault(converse.DecodeFault(400, "ValidationException", "", "", []byte(`{"message":"Malformed input: extraneous key [odd] with {key=sk_secret_value, list=[pin, 47114711, {deep=hunter2}]}"}`)), diagnose.Case{Request: fields})
	if strings.Contains(e.Logged, "secret") || strings.Contains(e.Logged, "4711") || strings.Contains(e.Logged, "hunter2") || strings.Contains(e.Logged, "pin") || !strings.Contains(e.Logged, "extraneous key [odd]") {
		t.Errorf("logged %q", e.Logged)
	}
	e = diagnose.Fault(converse.DecodeFault(400, "ValidationException", "", "", []byte(`{"message":"Odd: 'sk-live-abcdefghijkl' at 'messages.1.content'"}`)), diagnose.Case{})
	if e.Logged != "Odd: '…' at 'messages.1.content'" {
		t.Errorf("logged %q", e.Logged)
	}
	e = diagnose.Fault(converse.DecodeFault(400, "ValidationException", "", "", []byte(`{"message":"This model doesn't support tool use."}`)), diagnose.Case{Request: asked})
	if e.Logged != "" {
		t.Errorf("nothing is quoted, but logged is %q", e.Logged)
	}
}

func TestThePageIsAboutTheAPIThatWasCalled(t *testing.T) {
	const ofConverse, openAI = "API_runtime_Converse.html", "bedrock-mantle.html"
	for _, tt := range []struct {
		api, message string
		status       int
		page         string
	}{
		{"converse", "The request is malformed.", 400, ofConverse},
		{"chat", "The request is malformed.", 400, openAI},
		{"responses", "The request is malformed.", 400, openAI},
		{"invoke", "Malformed input request, please reformat your input and try again.", 400, "model-parameters.html"},
		{"responses", "User: arn:aws:iam::123456789012:user/app is not authorized to perform: bedrock-mantle:CreateInference on resource: arn:aws:bedrock-mantle:us-east-1:123456789012:project/default because no identity-based policy allows the bedrock-mantle:CreateInference action", 403, "AmazonBedrockMantleInferenceAccess.html"},
		{"converse", "User: arn:aws:iam::123456789012:user/app is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0 because no identity-based policy allows the bedrock:InvokeModel action", 403, "inference-profiles-prereq.html"},
		{"responses", "Too many requests, please wait before trying again.", 429, "quotas.html"},
	} {
		e := diagnose.Fault(&converse.Fault{Kind: converse.FaultException, Status: tt.status, Message: tt.message}, diagnose.Case{Target: llm.Destination{API: tt.api, Region: "us-east-1", ID: "openai.gpt-5.5"}})
		if !strings.HasSuffix(e.Docs, "/"+tt.page) {
			t.Errorf("%s, %s: %s leads to %s", tt.api, tt.message, e.Code, e.Docs)
		}
	}
}
