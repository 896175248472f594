package policy_test

import (
	"strings"
	"testing"

	"outcrop/emulator/bedrock/policy"
)

const (
	role    = "arn:aws:iam::123456789012:role/team/gateway"
	session = "arn:aws:sts::123456789012:assumed-role/gateway/me"
	profile = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-6"
	haiku   = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0"
)

// read parses a document with quotes written as '.
func read(t *testing.T, document string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse([]byte(strings.ReplaceAll(document, "'", `"`)))
	if err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	return p
}

// invoke is the request of the tests: an invocation of Haiku by a role's session.
func invoke() *policy.Request {
	return &policy.Request{
		Principal: session, Action: "bedrock:InvokeModel", Resource: haiku,
		Context: map[string][]string{
			"aws:PrincipalArn": {role}, "aws:PrincipalAccount": {"123456789012"}, "aws:RequestedRegion": {"us-east-1"},
			"bedrock:InferenceProfileArn": {profile}, "aws:CurrentTime": {"2026-11-22T12:00:00Z"}, "aws:EpochTime": {"1795348800"},
			"aws:SourceIp": {"10.1.2.3"}, "aws:SecureTransport": {"true"}, "x:n": {"7"}, "x:empty": {},
			"aws:TagKeys": {"team", "cost"}, "x:star": {"*"}, "x:name": {"haiku"},
		},
	}
}

func TestConditionsHoldAsIAMDocumentsThem(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, condition string
		want            bool
	}{
		{"no condition", `{}`, true},
		{"StringEquals", `{'StringEquals':{'aws:RequestedRegion':'us-east-1'}}`, true},
		{"StringEquals is case-sensitive", `{'StringEquals':{'aws:RequestedRegion':'US-EAST-1'}}`, false},
		{"StringEquals takes no wildcards", `{'StringEquals':{'aws:RequestedRegion':'us-*'}}`, false},
		{"keys are case-insensitive", `{'StringEquals':{'AWS:requestedregion':'us-east-1'}}`, true},
		{"several values are alternatives", `{'StringEquals':{'aws:RequestedRegion':['eu-west-1','us-east-1']}}`, true},
		{"none of several values", `{'StringEquals':{'aws:RequestedRegion':['eu-west-1','eu-west-2']}}`, false},
		{"no values at all", `{'StringEquals':{'aws:RequestedRegion':[]}}`, false},
		{"several keys must all fit", `{'StringEquals':{'aws:RequestedRegion':'us-east-1','aws:PrincipalAccount':'1'}}`, false},
		{"several operators must all fit", `{'StringEquals':{'aws:RequestedRegion':'us-east-1'},'Bool':{'aws:SecureTransport':'false'}}`, false},
		{"a missing key", `{'StringEquals':{'x:missing':'a'}}`, false},
		{"a key without values is missing", `{'StringEquals':{'x:empty':'a'}}`, false},
		{"StringNotEquals", `{'StringNotEquals':{'aws:RequestedRegion':'us-east-1'}}`, false},
		{"StringNotEquals of several is none of them", `{'StringNotEquals':{'aws:RequestedRegion':['eu-west-1','us-east-1']}}`, false},
		{"StringNotEquals of others", `{'StringNotEquals':{'aws:RequestedRegion':['eu-west-1','eu-west-2']}}`, true},
		{"StringNotEquals of a missing key", `{'StringNotEquals':{'x:missing':'a'}}`, true},
		{"StringEqualsIgnoreCase", `{'StringEqualsIgnoreCase':{'aws:RequestedRegion':'US-East-1'}}`, true},
		{"StringNotEqualsIgnoreCase", `{'StringNotEqualsIgnoreCase':{'aws:RequestedRegion':'US-East-1'}}`, false},
		{"StringLike with *", `{'StringLike':{'aws:RequestedRegion':'us-*-1'}}`, true},
		{"StringLike with ?", `{'StringLike':{'aws:RequestedRegion':'us-east-?'}}`, true},
		{"StringLike ? is one character", `{'StringLike':{'aws:RequestedRegion':'us-east-1?'}}`, false},
		{"StringLike fits the whole", `{'StringLike':{'aws:RequestedRegion':'us-'}}`, false},
		{"StringLike is case-sensitive", `{'StringLike':{'aws:RequestedRegion':'US-*'}}`, false},
		{"StringLike goes back to an earlier *", `{'StringLike':{'aws:RequestedRegion':'*s*-1'}}`, true},
		{"StringNotLike", `{'StringNotLike':{'aws:RequestedRegion':'eu-*'}}`, true},
		{"StringNotLike of a missing key", `{'StringNotLike':{'x:missing':'*'}}`, true},
		{"StringLike * of a missing key", `{'StringLike':{'x:missing':'*'}}`, false},
		{"IfExists of a missing key", `{'StringEqualsIfExists':{'x:missing':'a'}}`, true},
		{"IfExists of a key that is there", `{'StringEqualsIfExists':{'aws:RequestedRegion':'a'}}`, false},
		{"IfExists of a negated operator", `{'StringNotEqualsIfExists':{'aws:RequestedRegion':'us-east-1'}}`, false},
		{"ArnIfExists", `{'ArnLikeIfExists':{'x:missing':'arn:aws:bedrock:*:*:*'}}`, true},
		{"Null true of a missing key", `{'Null':{'x:missing':'true'}}`, true},
		{"Null true of a key that is there", `{'Null':{'aws:RequestedRegion':'true'}}`, false},
		{"Null false of a key that is there", `{'Null':{'aws:RequestedRegion':'false'}}`, true},
		{"Null false of a missing key", `{'Null':{'x:missing':false}}`, false},
		{"Null of a key without values", `{'Null':{'x:empty':'true'}}`, true},
		{"ArnEquals", `{'ArnEquals':{'bedrock:InferenceProfileArn':'` + profile + `'}}`, true},
		{"ArnEquals takes wildcards", `{'ArnEquals':{'bedrock:InferenceProfileArn':'arn:aws:bedrock:*:123456789012:inference-profile/us.*'}}`, true},
		{"ArnLike part by part", `{'ArnLike':{'aws:PrincipalArn':'arn:aws:iam::*:role/*'}}`, true},
		{"ArnLike does not reach over a colon", `{'ArnLike':{'bedrock:InferenceProfileArn':'arn:aws:*:inference-profile/*'}}`, false},
		{"ArnLike of too few parts", `{'ArnLike':{'aws:PrincipalArn':'arn:aws:iam*'}}`, false},
		{"ArnLike of what is no ARN", `{'ArnLike':{'aws:RequestedRegion':'*'}}`, false},
		{"ArnNotLike", `{'ArnNotLike':{'aws:PrincipalArn':'arn:aws:iam::*:role/admin'}}`, true},
		{"ArnNotEquals of a missing key", `{'ArnNotEquals':{'x:missing':'arn:aws:iam::1:role/a'}}`, true},
		{"Bool", `{'Bool':{'aws:SecureTransport':true}}`, true},
		{"Bool false", `{'Bool':{'aws:SecureTransport':'false'}}`, false},
		{"Bool of a missing key", `{'Bool':{'aws:MultiFactorAuthPresent':'false'}}`, false},
		{"BoolIfExists of a missing key", `{'BoolIfExists':{'aws:MultiFactorAuthPresent':'false'}}`, true},
		{"NumericEquals", `{'NumericEquals':{'x:n':7.0}}`, true},
		{"NumericNotEquals", `{'NumericNotEquals':{'x:n':'7'}}`, false},
		{"NumericLessThan", `{'NumericLessThan':{'x:n':'7'}}`, false},
		{"NumericLessThanEquals", `{'NumericLessThanEquals':{'x:n':'7'}}`, true},
		{"NumericGreaterThan is no text comparison", `{'NumericGreaterThan':{'x:n':'10'}}`, false},
		{"NumericGreaterThanEquals", `{'NumericGreaterThanEquals':{'x:n':6}}`, true},
		{"Numeric of what is no number", `{'NumericLessThan':{'aws:RequestedRegion':'7'}}`, false},
		{"DateLessThan", `{'DateLessThan':{'aws:CurrentTime':'2027-01-01T00:00:00Z'}}`, true},
		{"DateGreaterThan", `{'DateGreaterThan':{'aws:CurrentTime':'2027-01-01'}}`, false},
		{"DateEquals of seconds", `{'DateEquals':{'aws:EpochTime':'2026-11-22T12:00:00Z'}}`, true},
		{"IpAddress", `{'IpAddress':{'aws:SourceIp':'10.1.0.0/16'}}`, true},
		{"NotIpAddress", `{'NotIpAddress':{'aws:SourceIp':['10.0.0.0/16','10.1.2.3']}}`, false},
		{"ForAnyValue", `{'ForAnyValue:StringEquals':{'aws:TagKeys':['cost','other']}}`, true},
		{"ForAnyValue of none", `{'ForAnyValue:StringEquals':{'aws:TagKeys':'other'}}`, false},
		{"ForAnyValue of a missing key", `{'ForAnyValue:StringEquals':{'x:missing':'a'}}`, false},
		{"ForAnyValue negated", `{'ForAnyValue:StringNotEquals':{'aws:TagKeys':'cost'}}`, true},
		{"ForAllValues", `{'ForAllValues:StringEquals':{'aws:TagKeys':['cost','team','more']}}`, true},
		{"ForAllValues with one too many", `{'ForAllValues:StringEquals':{'aws:TagKeys':'cost'}}`, false},
		{"ForAllValues of a missing key", `{'ForAllValues:StringEquals':{'x:missing':'a'}}`, true},
		{"ForAllValues negated", `{'ForAllValues:StringNotLike':{'aws:TagKeys':'te*'}}`, false},
		{"a variable", `{'StringLike':{'bedrock:InferenceProfileArn':'arn:aws:bedrock:*:${aws:PrincipalAccount}:*'}}`, true},
		{"a variable's value has no wildcards", `{'StringLike':{'aws:RequestedRegion':'${x:star}'}}`, false},
		{"a variable without a value", `{'StringEquals':{'aws:RequestedRegion':'${x:missing}'}}`, false},
		{"a variable's fallback", `{'StringEquals':{'aws:RequestedRegion':'${x:missing, 'us-east-1'}'}}`, true},
		{"an escaped *", `{'StringLike':{'x:star':'${*}'}}`, true},
		{"an escaped * is no wildcard", `{'StringLike':{'aws:RequestedRegion':'${*}'}}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			condition := strings.ReplaceAll(tt.condition, ", 'us-east-1'}", ",us-east-1}")
			p := read(t, `{'Version':'2012-10-17','Statement':{'Effect':'Allow','Action':'bedrock:InvokeModel','Resource':'*','Condition':`+condition+`}}`)
			l := policy.Layers{Identity: []*policy.Policy{p}}
			if got := l.Evaluate(invoke()).Allowed(); got != tt.want {
				t.Errorf("%s: got %v, want %v", tt.condition, got, tt.want)
			}
		})
	}
}

func TestStatementsAreAboutWhatTheyName(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, elements string
		want           bool
	}{
		{"the action and the resource", `'Action':'bedrock:InvokeModel','Resource':'` + haiku + `'`, true},
		{"actions are case-insensitive", `'Action':'BEDROCK:invokemodel','Resource':'*'`, true},
		{"an action with *", `'Action':'bedrock:Invoke*','Resource':'*'`, true},
		{"an action with ?", `'Action':'bedrock:InvokeMode?','Resource':'*'`, true},
		{"an action that only begins so", `'Action':'bedrock:InvokeModelWithResponseStream','Resource':'*'`, false},
		{"another service's", `'Action':'s3:*','Resource':'*'`, false},
		{"every action", `'Action':'*','Resource':'*'`, true},
		{"one of several actions", `'Action':['s3:GetObject','bedrock:*'],'Resource':'*'`, true},
		{"NotAction of another", `'NotAction':'s3:*','Resource':'*'`, true},
		{"NotAction of this one", `'NotAction':['s3:*','bedrock:Invoke*'],'Resource':'*'`, false},
		{"resources are case-sensitive", `'Action':'*','Resource':'arn:aws:bedrock:us-east-1::foundation-model/Anthropic.*'`, false},
		{"a resource with * over a colon", `'Action':'*','Resource':'arn:aws:bedrock:*::foundation-model/anthropic.*'`, true},
		{"a resource with ?", `'Action':'*','Resource':'arn:aws:bedrock:us-????-1::foundation-model/*'`, true},
		{"a resource of another region", `'Action':'*','Resource':'arn:aws:bedrock:eu-*::foundation-model/*'`, false},
		{"one of several resources", `'Action':'*','Resource':['arn:aws:s3:::a','arn:aws:bedrock:*']`, true},
		{"a resource with a variable", `'Action':'*','Resource':'arn:aws:bedrock:${aws:RequestedRegion}::foundation-model/*'`, true},
		{"NotResource of another", `'Action':'*','NotResource':'arn:aws:bedrock:*::foundation-model/meta.*'`, true},
		{"NotResource of this one", `'Action':'*','NotResource':'arn:aws:bedrock:*::foundation-model/anthropic.*'`, false},
		{"a principal is the session", `'Principal':{'AWS':'` + session + `'},'Action':'*','Resource':'*'`, true},
		{"a principal is the role", `'Principal':{'AWS':['` + role + `']},'Action':'*','Resource':'*'`, true},
		{"a principal is the account", `'Principal':{'AWS':'123456789012'},'Action':'*','Resource':'*'`, true},
		{"a principal is the account's root", `'Principal':{'AWS':'arn:aws:iam::123456789012:root'},'Action':'*','Resource':'*'`, true},
		{"another principal", `'Principal':{'AWS':'arn:aws:iam::999999999999:root'},'Action':'*','Resource':'*'`, false},
		{"a service is not the caller", `'Principal':{'Service':'ec2.amazonaws.com'},'Action':'*','Resource':'*'`, false},
		{"NotPrincipal of the role", `'NotPrincipal':{'AWS':'` + role + `'},'Action':'*','Resource':'*'`, false},
		{"everybody", `'Principal':'*','Action':'*','Resource':'*'`, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			allow := read(t, `{'Version':'2012-10-17','Statement':[{'Sid':'s','Effect':'Allow',`+tt.elements+`}]}`)
			l := policy.Layers{Identity: []*policy.Policy{allow}}
			if got := l.Evaluate(invoke()).Allowed(); got != tt.want {
				t.Errorf("as Allow: got %v, want %v", got, tt.want)
			}
			deny := read(t, `{'Version':'2012-10-17','Statement':{'Effect':'Deny',`+tt.elements+`}}`)
			l.Identity = []*policy.Policy{policy.Everything(), deny}
			if got := l.Evaluate(invoke()); got.Explicit != tt.want || got.Allowed() == tt.want {
				t.Errorf("as Deny: got %+v, want a denial %v", got, tt.want)
			}
		})
	}
}

func TestTheOldLanguageHasNoVariables(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{`'Version':'2012-10-17',`: true, `'Version':'2008-10-17',`: false, ``: false} {
		p := read(t, `{`+version+`'Statement':{'Effect':'Allow','Action':'*','Resource':'arn:aws:bedrock:${aws:RequestedRegion}:*'}}`)
		l := policy.Layers{Identity: []*policy.Policy{p}}
		if got := l.Evaluate(invoke()).Allowed(); got != want {
			t.Errorf("%q: got %v, want %v", version, got, want)
		}
	}
}

func TestEveryLayerMustAllowAndAnyMayDeny(t *testing.T) {
	t.Parallel()
	all := policy.Everything()
	other := read(t, `{'Statement':{'Effect':'Allow','Action':'s3:*','Resource':'*'}}`)
	deny := read(t, `{'Statement':{'Effect':'Deny','Action':'bedrock:*','Resource':'*'}}`)
	mine := read(t, `{'Statement':{'Effect':'Allow','Principal':{'AWS':'`+role+`'},'Action':'bedrock:*','Resource':'*'}}`)
	nobody := read(t, `{'Statement':{'Effect':'Allow','Action':'bedrock:*','Resource':'*'}}`)
	list := func(p ...*policy.Policy) []*policy.Policy { return p }
	scp := func(arn string, p *policy.Policy) []policy.Control { return []policy.Control{{ARN: arn, Policy: p}} }
	both := append(scp("root", all), scp("deny", deny)...)
	tests := []struct {
		name   string
		layers policy.Layers
		want   policy.Decision
	}{
		{"an identity policy", policy.Layers{Identity: list(other, all)}, policy.Decision{}},
		{"no policy at all", policy.Layers{}, policy.Decision{Layer: policy.Identity}},
		{"an identity policy of another service", policy.Layers{Identity: list(other)}, policy.Decision{Layer: policy.Identity}},
		{"a denying identity policy", policy.Layers{Identity: list(all, deny)}, policy.Decision{Layer: policy.Identity, Explicit: true}},
		{"a boundary that allows", policy.Layers{Identity: list(all), Boundary: all}, policy.Decision{}},
		{"a boundary grants nothing", policy.Layers{Boundary: all}, policy.Decision{Layer: policy.Identity}},
		{"a boundary that does not allow", policy.Layers{Identity: list(all), Boundary: other}, policy.Decision{Layer: policy.Boundary}},
		{"a boundary that denies", policy.Layers{Identity: list(all), Boundary: deny}, policy.Decision{Layer: policy.Boundary, Explicit: true}},
		{"a session policy that does not allow", policy.Layers{Identity: list(all), Session: other}, policy.Decision{Layer: policy.Session}},
		{"a session policy that denies", policy.Layers{Identity: list(all), Session: deny}, policy.Decision{Layer: policy.Session, Explicit: true}},
		{"a session policy grants nothing", policy.Layers{Identity: list(other), Session: all}, policy.Decision{Layer: policy.Identity}},
		{"an endpoint policy that does not allow", policy.Layers{Identity: list(all), Endpoint: other}, policy.Decision{Layer: policy.Endpoint}},
		{"an endpoint policy that denies", policy.Layers{Identity: list(all), Endpoint: deny}, policy.Decision{Layer: policy.Endpoint, Explicit: true}},
		{"a resource policy that denies", policy.Layers{Identity: list(all), Resource: list(deny)}, policy.Decision{Layer: policy.Resource, Explicit: true}},
		{"a resource policy that allows the role", policy.Layers{Resource: list(mine)}, policy.Decision{}},
		{"a resource policy that allows nobody", policy.Layers{Resource: list(nobody)}, policy.Decision{Layer: policy.Identity}},
		{"a resource policy limits nobody", policy.Layers{Identity: list(all), Resource: list(other)}, policy.Decision{}},
		{"service control policies on each level", policy.Layers{Identity: list(all), Control: [][]policy.Control{scp("a", all), scp("b", all)}}, policy.Decision{}},
		{"one of a level is enough", policy.Layers{Identity: list(all), Control: [][]policy.Control{append(scp("a", other), scp("b", all)...)}}, policy.Decision{}},
		{"a level that does not allow", policy.Layers{Identity: list(all), Control: [][]policy.Control{scp("a", all), scp("b", other)}}, policy.Decision{Layer: policy.ServiceControl}},
		{"a level without policies", policy.Layers{Identity: list(all), Control: [][]policy.Control{{}}}, policy.Decision{Layer: policy.ServiceControl}},
		{"a level that denies", policy.Layers{Identity: list(all), Control: [][]policy.Control{both}}, policy.Decision{Layer: policy.ServiceControl, Explicit: true, ARN: "deny"}},
		{"service control policies grant nothing", policy.Layers{Control: [][]policy.Control{scp("a", all)}}, policy.Decision{Layer: policy.Identity}},
		{"any denial comes before a missing allow", policy.Layers{Identity: list(deny), Control: [][]policy.Control{scp("a", other)}}, policy.Decision{Layer: policy.Identity, Explicit: true}},
		{"the organization's denial comes first", policy.Layers{Identity: list(deny), Boundary: deny, Control: [][]policy.Control{both}}, policy.Decision{Layer: policy.ServiceControl, Explicit: true, ARN: "deny"}},
		{"a boundary is asked before the identity", policy.Layers{Boundary: other}, policy.Decision{Layer: policy.Boundary}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.layers.Evaluate(invoke()); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestReasonsAreInAWSsWords(t *testing.T) {
	t.Parallel()
	tests := []struct {
		decision policy.Decision
		want     string
	}{
		{policy.Decision{}, ""},
		{policy.Decision{Layer: policy.Identity}, "because no identity-based policy allows the a:b action"},
		{policy.Decision{Layer: policy.Boundary}, "because no permissions boundary allows the a:b action"},
		{policy.Decision{Layer: policy.Session}, "because no session policy allows the a:b action"},
		{policy.Decision{Layer: policy.ServiceControl}, "because no service control policy allows the a:b action"},
		{policy.Decision{Layer: policy.Endpoint}, "because no VPC endpoint policy allows the a:b action"},
		{policy.Decision{Layer: policy.Identity, Explicit: true}, "with an explicit deny in an identity-based policy"},
		{policy.Decision{Layer: policy.Boundary, Explicit: true}, "with an explicit deny in a permissions boundary"},
		{policy.Decision{Layer: policy.Session, Explicit: true}, "with an explicit deny in a session policy"},
		{policy.Decision{Layer: policy.Endpoint, Explicit: true}, "with an explicit deny in a VPC endpoint policy"},
		{policy.Decision{Layer: policy.Resource, Explicit: true}, "with an explicit deny in a resource-based policy"},
		{policy.Decision{Layer: policy.ServiceControl, Explicit: true}, "with an explicit deny in a service control policy"},
		{policy.Decision{Layer: policy.ServiceControl, Explicit: true, ARN: "arn:x"}, "with an explicit deny in a service control policy: arn:x"},
	}
	for _, tt := range tests {
		if got := tt.decision.Reason("a:b"); got != tt.want {
			t.Errorf("%+v: got %q, want %q", tt.decision, got, tt.want)
		}
	}
}
