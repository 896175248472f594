package account_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"outcrop/emulator/bedrock/account"
	"outcrop/internal/jsonx"
)

// quoted puts quotes where a document of the tests has '.
func quoted(s string) []byte { return []byte(strings.ReplaceAll(s, "'", `"`)) }

func TestASetUpIsRefusedWhereItIsWrong(t *testing.T) {
	t.Parallel()
	const key = `{'accessKeyId':'A','secretAccessKey':'s'}`
	const all = `{'Statement':{'Effect':'Allow','Action':'*','Resource':'*'}}`
	const anyone = `{'Statement':{'Effect':'Allow','Principal':'*','Action':'*','Resource':'*'}}`
	tests := []struct{ name, document, path, reason string }{
		{"no JSON", `{`, "", "invalid JSON"},
		{"a list", `[]`, "", "must be an object, not an array"},
		{"an unknown member", `{'user':[]}`, "user", "unknown field"},
		{"an unknown member of a user", `{'users':[{'name':'a'},{'name':'b','apikeys':[]}]}`, "users[1].apikeys", "unknown field"},
		{"an unknown member of a key", `{'users':[{'name':'a','keys':[{'secret':'x'}]}]}`, "users[0].keys[0].secret", "unknown field"},
		{"an unknown member of a quota", `{'models':[{'model':'*','quota':{'rpm':1}}]}`, "models[0].quota.rpm", "unknown field"},
		{"an unknown member of a level", `{'organization':{'levels':[[{'name':'x','policy':` + all + `}]]}}`, "organization.levels[0][0].name", "unknown field"},
		{"another kind of value", `{'users':{}}`, "users", "must be an array, not an object"},
		{"a user without a name", `{'users':[{}]}`, "users[0].name", `"" is not the name`},
		{"a user twice", `{'users':[{'name':'a'},{'name':'a'}]}`, "users[1].name", `"a" is used twice`},
		{"a role twice", `{'roles':[{'name':'a'},{'name':'a'}]}`, "roles[1].name", `"a" is used twice`},
		{"a path", `{'users':[{'name':'a','path':'team'}]}`, "users[0].path", "does not begin and end with /"},
		{"a policy", `{'roles':[{'name':'a','policies':[` + all + `,{'Statement':[]}]}]}`, "roles[0].policies[1].Statement", "is missing or empty"},
		{"a policy that is null", `{'users':[{'name':'a','policies':[null]}]}`, "users[0].policies[0]", "must be a policy, not null"},
		{"a principal in an identity policy", `{'users':[{'name':'a','policies':[` + anyone + `]}]}`, "users[0].policies[0].Statement.Principal", "name principals"},
		{"a principal in a boundary", `{'users':[{'name':'a','boundary':` + anyone + `}]}`, "users[0].boundary.Statement.Principal", "name principals"},
		{"a key without an id", `{'users':[{'name':'a','keys':[{}]}]}`, "users[0].keys[0].accessKeyId", "is missing"},
		{"a key without a secret", `{'users':[{'name':'a','keys':[{'accessKeyId':'A'}]}]}`, "users[0].keys[0].secretAccessKey", "is missing"},
		{"a key twice", `{'users':[{'name':'a','keys':[` + key + `]}],'roles':[{'name':'b','keys':[` + key + `]}]}`, "roles[0].keys[0].accessKeyId", "is also users[0].keys[0].accessKeyId"},
		{"an API key twice", `{'users':[{'name':'a','apiKeys':['ABSKsecret','ABSKsecret']}]}`, "users[0].apiKeys[1]", "is also users[0].apiKeys[0]"},
		{"a session of a user", `{'users':[{'name':'a','keys':[{'accessKeyId':'A','secretAccessKey':'s','session':'me'}]}]}`, "users[0].keys[0]", "for the keys of a role"},
		{"the name of a session", `{'roles':[{'name':'a','keys':[{'accessKeyId':'A','secretAccessKey':'s','session':'m'}]}]}`, "roles[0].keys[0].session", "not the name of a session"},
		{"an organization's id", `{'organization':{'id':'abc'}}`, "organization.id", "not the id of an organization"},
		{"a management account", `{'organization':{'managementAccount':'1'}}`, "organization.managementAccount", "not 12 digits"},
		{"a level's policy", `{'organization':{'levels':[[{'id':'p-1'}]]}}`, "organization.levels[0][0].policy", "must be a policy"},
		{"a level's policy's id", `{'organization':{'levels':[[{'id':'1','policy':` + all + `}]]}}`, "organization.levels[0][0].id", "not the id of a policy"},
		{"an endpoint", `{'endpoint':'vpc-1'}`, "endpoint", "not the id of a VPC endpoint"},
		{"an endpoint with a policy", `{'endpoints':{'x':` + all + `}}`, "endpoints", "not the id of a VPC endpoint"},
		{"an endpoint's policy", `{'endpoints':{'vpce-1':{'Statement':7}}}`, "endpoints.vpce-1.Statement", "must be an object, not a number"},
		{"a form", `{'useCase':'no'}`, "useCase", `"no" must be one of submitted, missing`},
		{"a mode of retention", `{'dataRetention':'no'}`, "dataRetention", `"no" must be one of default`},
		{"a duration", `{'subscriptionTakes':'2'}`, "subscriptionTakes", `"2" is not a duration`},
		{"a model", `{'models':[{'model':''}]}`, "models[0].model", "not the id of a foundation model"},
		{"a model that path.Match would refuse", `{'models':[{'model':'a[b'}]}`, "models[0].model", "not the id of a foundation model"},
		{"an access", `{'models':[{'model':'*','access':'no'}]}`, "models[0].access", `"no" must be one of granted, notGranted`},
		{"a subscription", `{'models':[{'model':'*','subscription':'no'}]}`, "models[0].subscription", `"no" must be one of active`},
		{"a lifecycle", `{'models':[{'model':'*','lifecycle':'no'}]}`, "models[0].lifecycle", `"no" must be one of idle, ended`},
		{"a model's retention", `{'models':[{'model':'*','retention':['none','no']}]}`, "models[0].retention[1]", `"no" must be one of default`},
		{"a limit", `{'models':[{'model':'*','quota':{'tokensPerDay':-1}}]}`, "models[0].quota.tokensPerDay", "-1 is below 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := account.Parse(quoted(tt.document))
			var fault *jsonx.Error
			if !errors.As(err, &fault) || fault.Path != tt.path || !strings.Contains(fault.Reason, tt.reason) {
				t.Errorf("got %v, want %s: %s", err, tt.path, tt.reason)
			}
			if err != nil && strings.Contains(err.Error(), "ABSKsecret") {
				t.Errorf("a secret prints: %v", err)
			}
		})
	}
}

func TestASetUpIsReadWhole(t *testing.T) {
	t.Parallel()
	s, err := account.Parse(quoted(`{
		'users':[{'name':'app','path':'/team/','policies':[{'Statement':{'Effect':'Allow','Action':'*','Resource':'*'}}],'apiKeys':['ABSKsecret'],'keys':[{'accessKeyId':'AKIA1','secretAccessKey':'hidden'}]}],
		'roles':[{'name':'gateway','externalId':'tea','boundary':null}],
		'organization':{'id':'o-1','levels':[[]],'oldWords':true},
		'endpoint':'vpce-1','endpoints':{'vpce-1':{'Statement':{'Effect':'Allow','Principal':'*','Action':'*','Resource':'*'}}},
		'resourcePolicies':[{'Statement':{'Effect':'Deny','Principal':'*','Action':'*','Resource':'*'}}],
		'notAuthorized':true,'useCase':'missing','dataRetention':'none','subscriptionTakes':'2m',
		'models':[{'model':'anthropic.*','access':'notGranted','subscription':'none','lifecycle':'idle','retention':['none'],'quota':{'requestsPerMinute':0,'tokensPerMinute':1,'tokensPerDay':2,'exceeded':true}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	u, m := s.Users[0], s.Models[0]
	if u.Path != "/team/" || len(u.Policies) != 1 || u.APIKeys[0] != "ABSKsecret" || u.Keys[0].SecretAccessKey != "hidden" || s.Roles[0].ExternalID != "tea" ||
		len(s.Organization.Levels) != 1 || !s.Organization.OldWords || s.Endpoints["vpce-1"] == nil || len(s.ResourcePolicies) != 1 ||
		!s.NotAuthorized || time.Duration(s.SubscriptionTakes) != 2*time.Minute || *m.Quota.RequestsPerMinute != 0 || *m.Quota.TokensPerDay != 2 || !m.Quota.Exceeded {
		t.Errorf("got %+v", s)
	}
	printed, err := jsonx.Marshal(u.Keys)
	if err != nil {
		t.Fatal(err)
	}
	if all := fmt.Sprintf("%v %+v %#v %s", u.Keys[0], u.APIKeys, u.Keys[0].SecretAccessKey, printed); strings.Contains(all, "hidden") || strings.Contains(all, "ABSKsecret") {
		t.Errorf("a secret prints: %s", all)
	}
}
