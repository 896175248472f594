package policy_test

import (
	"errors"
	"strings"
	"testing"

	"outcrop/emulator/bedrock/policy"
	"outcrop/internal/jsonx"
)

func TestMalformedPoliciesAreRefusedWhereTheyAreWrong(t *testing.T) {
	t.Parallel()
	const ok = `{'Effect':'Allow','Action':'*','Resource':'*'}`
	tests := []struct{ name, document, path, reason string }{
		{"no JSON", `{`, "", "invalid JSON"},
		{"no object", `[]`, "", "must be an object, not an array"},
		{"a name twice", `{'Statement':[],'Statement':[]}`, "Statement", "duplicate name"},
		{"no statement", `{'Version':'2012-10-17'}`, "Statement", "is missing or empty"},
		{"an empty list", `{'Statement':[]}`, "Statement", "is missing or empty"},
		{"another version", `{'Version':'2012-10-18','Statement':` + ok + `}`, "Version", `"2012-10-18" is neither 2012-10-17`},
		{"another element", `{'Statements':` + ok + `}`, "Statements", "there is no such element"},
		{"a statement that is none", `{'Statement':[` + ok + `,7]}`, "Statement[1]", "must be an object, not a number"},
		{"a single statement", `{'Statement':{'Effect':'Allow','Action':'*'}}`, "Statement", "has neither Resource nor NotResource"},
		{"an element of a statement", `{'Statement':[{'Efect':'Allow'}]}`, "Statement[0].Efect", "there is no such element"},
		{"no effect", `{'Statement':[{'Action':'*','Resource':'*'}]}`, "Statement[0].Effect", "is missing"},
		{"another effect", `{'Statement':[{'Effect':'allow'}]}`, "Statement[0].Effect", `"allow" is neither Allow nor Deny`},
		{"no action", `{'Statement':[{'Effect':'Allow','Resource':'*'}]}`, "Statement[0]", "has neither Action nor NotAction"},
		{"both kinds of action", `{'Statement':[{'Effect':'Allow','Action':'*','NotAction':'*','Resource':'*'}]}`, "Statement[0]", "has both Action and NotAction"},
		{"both kinds of resource", `{'Statement':[{'Effect':'Allow','Action':'*','NotResource':'*','Resource':'*'}]}`, "Statement[0]", "has both Resource and NotResource"},
		{"both kinds of principal", `{'Statement':[{'Effect':'Allow','Action':'*','Resource':'*','Principal':'*','NotPrincipal':'*'}]}`, "Statement[0]", "has both Principal and NotPrincipal"},
		{"an action without a service", `{'Statement':[{'Effect':'Allow','Action':['bedrock:*','InvokeModel'],'Resource':'*'}]}`, "Statement[0].Action", `"InvokeModel" is not an action`},
		{"an action that is a number", `{'Statement':[{'Effect':'Allow','Action':['a:b',7],'Resource':'*'}]}`, "Statement[0].Action[1]", "must be a string, not a number"},
		{"no actions", `{'Statement':[{'Effect':'Allow','Action':[],'Resource':'*'}]}`, "Statement[0].Action", "must not be empty"},
		{"a resource that is no ARN", `{'Statement':[{'Effect':'Allow','Action':'*','Resource':'anthropic.claude'}]}`, "Statement[0].Resource", "is neither an ARN of six parts nor *"},
		{"a principal that is text", `{'Statement':[{'Effect':'Allow','Action':'*','Resource':'*','Principal':'me'}]}`, "Statement[0].Principal", "neither * nor an object"},
		{"a kind of principal", `{'Statement':[{'Effect':'Allow','Action':'*','Resource':'*','Principal':{'Aws':'*'}}]}`, "Statement[0].Principal.Aws", "no such kind of principal"},
		{"a sid twice", `{'Statement':[{'Sid':'a','Effect':'Allow','Action':'*','Resource':'*'},{'Sid':'a','Effect':'Deny','Action':'*','Resource':'*'}]}`, "Statement[1].Sid", `"a" is used twice`},
		{"a condition that is a list", `{'Statement':[` + ok + `,{'Effect':'Allow','Action':'*','Resource':'*','Condition':[]}]}`, "Statement[1].Condition", "must be an object, not an array"},
		{"an operator", `{'Statement':[{'Effect':'Allow','Action':'*','Resource':'*','Condition':{'StringEqualz':{'a:b':'c'}}}]}`, "Statement[0].Condition.StringEqualz", "no such condition operator; there are ArnEquals"},
		{"a set of an operator", `{'Statement':[{'Effect':'Allow','Action':'*','Resource':'*','Condition':{'ForSomeValues:StringEquals':{'a:b':'c'}}}]}`, "Statement[0].Condition.ForSomeValues:StringEquals", "no such condition operator"},
		{"NullIfExists", `{'Statement':[{'Effect':'Allow','Action':'*','Resource':'*','Condition':{'NullIfExists':{'a:b':'true'}}}]}`, "Statement[0].Condition.NullIfExists", "takes no IfExists"},
		{"a key without a service", `{'Statement':[{'Effect':'Allow','Action':'*','Resource':'*','Condition':{'StringEquals':{'RequestedRegion':'c'}}}]}`, "Statement[0].Condition.StringEquals.RequestedRegion", "is not a condition key"},
		{"a value that is an object", `{'Statement':[{'Effect':'Allow','Action':'*','Resource':'*','Condition':{'StringEquals':{'a:b':{}}}}]}`, "Statement[0].Condition.StringEquals.a:b", "must be a string, not an object"},
		{"a number that is none", `{'Statement':[{'Effect':'Allow','Action':'*','Resource':'*','Condition':{'NumericEquals':{'a:b':'x'}}}]}`, "Statement[0].Condition.NumericEquals.a:b", `"x" is not a value`},
		{"a network that is none", `{'Statement':[{'Effect':'Allow','Action':'*','Resource':'*','Condition':{'IpAddress':{'a:b':'10.0.0.0/33'}}}]}`, "Statement[0].Condition.IpAddress.a:b", "is not a value"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := policy.Parse([]byte(strings.ReplaceAll(tt.document, "'", `"`)))
			var fault *jsonx.Error
			if !errors.As(err, &fault) || fault.Path != tt.path || !strings.Contains(fault.Reason, tt.reason) {
				t.Errorf("got %v, want %s: %s", err, tt.path, tt.reason)
			}
		})
	}
}

func TestPrincipalsAreFound(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]string{
		`{'Statement':{'Effect':'Allow','Action':'*','Resource':'*'}}`:                             "",
		`{'Statement':{'Effect':'Allow','Principal':'*','Action':'*','Resource':'*'}}`:             "Statement.Principal",
		`{'Statement':[{'Effect':'Deny','NotPrincipal':{'AWS':'1'},'Action':'*','Resource':'*'}]}`: "Statement[0].NotPrincipal",
	} {
		if got := read(t, document).Principals(); got != want {
			t.Errorf("%s: got %q, want %q", document, got, want)
		}
	}
}

func TestAPolicyIsWrittenAsItWasRead(t *testing.T) {
	t.Parallel()
	const document = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
	got, err := jsonx.Marshal(map[string]*policy.Policy{"p": read(t, document)})
	if want := `{"p":` + document + `}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}
