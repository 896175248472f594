package diagnose_test

import (
	"strings"
	"testing"

	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/diagnose"
	"outcrop/wire/converse"
)

// TestWhatTheCallerSentDoesNotPassForAWSsWords: names of tools, fields and ids, and
// values, stand in AWS's messages, and are the caller's choice.
func TestWhatTheCallerSentDoesNotPassForAWSsWords(t *testing.T) {
	known := embedded(t)
	for _, w := range []worded{
		{400, "ValidationException", "tools.3.custom.input_schema.properties.api_key.format: Input should be a valid string", llm.CodeInvalid},
		{400, "ValidationException", "The model returned the following errors: tools.0.custom.input_schema.properties.session_token: Invalid schema", llm.CodeInvalid},
		{400, "ValidationException", "tools.0.custom.input_schema.properties.use_case_form: Field required", llm.CodeInvalid},
		{400, "ValidationException", "Malformed input request: #/tools/0/input_schema/marketplace_id: required key [type] not found, please reformat your input and try again.", llm.CodeInvalid},
		{400, "ValidationException", "Malformed input request: #: extraneous key [security_token_expired] is not permitted, please reformat your input and try again.", llm.CodeUnknownField},
		{400, "ValidationException", "Malformed input request: #: extraneous key [legacy_upgrade_to_an_active] is not permitted, please reformat your input and try again.", llm.CodeUnknownField},
		{400, "ValidationException", "Expected toolResult blocks at messages.2.content for the following Ids: end_of_life_1", llm.CodeToolPairing},
		{400, "ValidationException", "1 validation error detected: Value 'a' the session token has expired b' at 'toolConfig.tools.1.member.toolSpec.name' failed to satisfy constraint: Member must satisfy regular expression pattern: x", llm.CodeInvalid},
		{400, "ValidationException", "The tool 'security_token_expired' is odd.", llm.CodeInvalid},
		{400, "ValidationException", "The model returned the following errors: User: arn:aws:iam::111122223333:user/x is not authorized to perform: iam:* on resource: * because no identity-based policy allows the iam:* action", llm.CodeInvalid},
		{403, "AccessDeniedException", "Request blocked: the text User: arn:aws:iam::111122223333:user/x is not authorized to perform: bedrock:InvokeModel on resource: * because no identity-based policy allows it", llm.CodeDenied},
	} {
		if e := w.diagnosed(t, "message", known); e.Code != w.code || len(e.Statement) > 0 {
			t.Errorf("%q is %s with statement %s, want %s", w.message, e.Code, e.Statement, w.code)
		}
	}
}

// TestANameDecidesNothing: policies, resources and principals may be called after
// what decides.
func TestANameDecidesNothing(t *testing.T) {
	known := embedded(t)
	const frame = "User: arn:aws:sts::111122223333:assumed-role/vpc-endpoint-session/service-control is not authorized to perform: bedrock:InvokeModel on resource: "
	const model = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-6 "
	for _, w := range []worded{
		{403, "AccessDeniedException", frame + model + "with an explicit deny in an identity-based policy: arn:aws:iam::111122223333:policy/vpce-only", llm.CodeIdentityDeny},
		{403, "AccessDeniedException", frame + model + "with an explicit deny in an identity-based policy: arn:aws:iam::111122223333:policy/session-policy", llm.CodeIdentityDeny},
		{403, "AccessDeniedException", frame + model + "with an explicit deny in a permissions boundary: arn:aws:iam::111122223333:policy/service-control-policy", llm.CodeBoundaryDeny},
		{403, "AccessDeniedException", frame + "arn:aws:bedrock:us-east-1:111122223333:custom-model-deployment/vpce12345678 because no identity-based policy allows the bedrock:InvokeModel action", llm.CodeIdentityMissing},
	} {
		if e := w.diagnosed(t, "Message", known); e.Code != w.code {
			t.Errorf("%q is %s, want %s", w.message, e.Code, w.code)
		}
	}
}

// TestNoStatementIsWiderThanTheCall: what AWS leaves out is taken from the call, and
// what is not a call's is not turned into a grant.
func TestNoStatementIsWiderThanTheCall(t *testing.T) {
	known := embedded(t)
	say := func(rest string) *llm.Error {
		w := worded{403, "AccessDeniedException", "User: arn:aws:sts::111122223333:assumed-role/app/s is not authorized to perform: " + rest, ""}
		return w.diagnosed(t, "Message", known)
	}
	for _, resource := range []string{"", "on resource: * "} {
		e := say("bedrock:InvokeModel " + resource + "because no identity-based policy allows the bedrock:InvokeModel action")
		if strings.Contains(e.Fix, `"Resource":"*"`) || !strings.Contains(e.Fix, "inference-profile/us.anthropic.claude-sonnet-4-6") || !strings.Contains(e.Fix, "foundation-model/anthropic.claude-sonnet-4-6") {
			t.Errorf("without a resource: %s", e.Fix)
		}
	}
	if e := say("bedrock:invokemodel on resource: arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.anthropic.claude-sonnet-4-6 because no identity-based policy allows the bedrock:invokemodel action"); !strings.Contains(e.Fix, `"bedrock:InvokeModel"`) || !strings.Contains(e.Fix, "foundation-model") {
		t.Errorf("in another letter case: %s", e.Fix)
	}
	for _, rest := range []string{
		"iam:PassRole on resource: arn:aws:iam::111122223333:role/x because no identity-based policy allows the iam:PassRole action",
		"bedrock:PutAccountDataRetention because no identity-based policy allows the bedrock:PutAccountDataRetention action",
	} {
		if e := say(rest); e.Code != llm.CodeIdentityMissing || len(e.Statement) > 0 || e.Fix == "" {
			t.Errorf("%s: %s %s", rest, e.Statement, e.Fix)
		}
	}
	// A profile of another region than the call's says nothing of the call's own.
	e := say("bedrock:InvokeModel on resource: arn:aws:bedrock:eu-west-1:111122223333:inference-profile/us.anthropic.claude-sonnet-4-6 because no identity-based policy allows the bedrock:InvokeModel action")
	if strings.Count(e.Fix, `"Effect"`) != 1 || strings.Contains(e.Fix, "us-east-1:111122223333") {
		t.Errorf("of another region: %s", e.Fix)
	}
}

func TestWhoeverIsToldCanDoIt(t *testing.T) {
	known := embedded(t)
	for name, tt := range map[string]struct{ message, fix string }{
		"a permission set": {
			"User: arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Dev_Team_0123456789abcdef/jane@example.com is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0 because no identity-based policy allows the bedrock:InvokeModel action",
			"to a policy of permission set Dev_Team in IAM Identity Center",
		},
		"the caller's organization, not the resource's": {
			"User: arn:aws:iam::111122223333:user/x is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1:999988887777:application-inference-profile/abcdefghijkl because no service control policy allows the bedrock:InvokeModel action",
			"from the root to account 111122223333 itself",
		},
		"a resource of another account": {
			"User: arn:aws:iam::111122223333:user/x is not authorized to perform: bedrock:ApplyGuardrail on resource: arn:aws:bedrock:us-east-1:999988887777:guardrail/abcdef because no resource-based policy allows the bedrock:ApplyGuardrail action",
			"to the policy of the resource itself in account 999988887777",
		},
		"a deny of the subscription": {
			"User: arn:aws:iam::111122223333:user/x is not authorized to perform: aws-marketplace:Subscribe on resource: * with an explicit deny in a service control policy: arn:aws:organizations::444455556666:policy/o-a/service_control_policy/p-b",
			"from the deny in the service control policy arn:aws:organizations::444455556666",
		},
	} {
		w := worded{403, "AccessDeniedException", tt.message, ""}
		if e := w.diagnosed(t, "Message", known); !strings.Contains(e.Fix, tt.fix) {
			t.Errorf("%s: %s", name, e.Fix)
		}
	}
}

// TestALongMessageIsJudgedInNoTime: the worst texts for whoever compares or looks for
// quotations; a quadratic look would take minutes.
func TestALongMessageIsJudgedInNoTime(t *testing.T) {
	known := embedded(t)
	as := strings.Repeat("a", 60<<10)
	body := &llm.Request{Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: strings.Repeat("a", 4<<20)}}}}}
	for _, message := range []string{
		"1 validation error detected: Value '" + as + "' at 'toolConfig.tools.1.member.toolSpec.name' failed", as,
		strings.Repeat(`" 'a b" `, 8<<10), strings.Repeat("['", 30<<10), strings.Repeat("is not authorized to perform: ", 2<<10), strings.Repeat("the model returned the following errors ", 1<<10),
	} {
		e := diagnoseLong(t, message, known, body)
		if e.Code == "" || len(e.Logged) > 4<<10 {
			t.Errorf("%.40q: %s, %d bytes for the log", message, e.Code, len(e.Logged))
		}
	}
}

func diagnoseLong(t *testing.T, message string, known *catalog.Catalogue, req *llm.Request) *llm.Error {
	t.Helper()
	return diagnose.Fault(converse.DecodeFault(400, "ValidationException", "", "", []byte(`{"message":`+jsonText(t, message)+`}`)), diagnose.Case{
		Target: llm.Destination{Region: "us-east-1", ID: sonnet}, Known: known, Request: req,
	})
}
