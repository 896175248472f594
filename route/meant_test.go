package route

import (
	"strings"
	"testing"

	"outcrop/llm"
)

func routerOf(groups []*group, opt Options) *Router {
	r := &Router{opt: opt}
	r.current.Store(&table{names: newNames(groups, nil, nil, &Policy{}), all: groups})
	return r
}

func TestANameThatIsNobodysLeadsToTheNextStep(t *testing.T) {
	bedrock := &group{name: "*", deployments: []*deployment{{Entry: Entry{Provider: "bedrock"}}}}
	groups := []*group{
		bedrock,
		{name: "gpt-5", deployments: []*deployment{{Entry: Entry{Provider: "openai"}}}},
		{name: "gemini/*", deployments: []*deployment{{Entry: Entry{Provider: "gemini"}}}},
		{name: "team/claude", deployments: []*deployment{{Entry: Entry{Provider: "anthropic", Model: "claude-sonnet-5"}}}},
	}
	r := routerOf(groups, Options{Providers: []string{"anthropic", "bedrock", "gemini", "openai", "xai"}})
	for _, tt := range []struct {
		name    string
		says    string // empty for what Bedrock says
		nobodys bool   // whether it is not Bedrock's to say that the name is wrong
	}{
		{"openai/gpt-5", `Use "gpt-5", which is configured.`, false},
		{"opnai/gpt-4", `There is no provider "opnai"; did you mean "openai/gpt-4"? No configured name leads to "openai/gpt-4": add an entry to model_list whose litellm_params.model is "openai/gpt-4" or "openai/*".`, true},
		{"openai/gpt-4", `No configured name leads to "openai/gpt-4": add an entry`, false},
		{"gemni/gemini-3.5-flash", `There is no provider "gemni"; did you mean "gemini/gemini-3.5-flash"?`, true},
		{"bedrok/nova-lite", `There is no provider "bedrok"; did you mean "bedrock/nova-lite"?`, true},
		{"bedrock/none", "", false},
		{"anthropic/claude-sonnet-5", `Use "team/claude", the name configured for this model.`, false},
		{"antropic/claude-sonnet-5", `Use "team/claude", the name configured for this model.`, true},
		{"team/claud", `Did you mean "team/claude"?`, true},
		{"granite/claude", "", false},
		{"gpt/4", "", false},
		{"gpt", "", false},
	} {
		e := llm.Invalid("model", "model %q: %q is not a route or region", tt.name, tt.name)
		c := call{r: r, g: bedrock, name: tt.name}
		got := c.meant(e)
		switch {
		case tt.says == "" && got != e:
			t.Errorf("%s: the next step is %q", tt.name, got.Fix)
		case tt.says == "":
		case !strings.HasPrefix(got.Fix, tt.says):
			t.Errorf("%s: the next step is %q", tt.name, got.Fix)
		case tt.nobodys != (got.Code == llm.CodeModelNotFound && got.Status == 404 && !strings.Contains(got.Message, "route")):
			t.Errorf("%s: the error is %+v", tt.name, got)
		}
	}
	if e := llm.Invalid("temperature", "temperature is too hot"); (&call{r: r, g: bedrock, name: "opnai/gpt-4"}).meant(e) != e {
		t.Error("an error about another field is changed")
	}
}

func TestANameThatIsNotConfiguredIsExplained(t *testing.T) {
	groups := []*group{{name: "gpt-5"}, {name: "openai/*"}}
	r := routerOf(groups, Options{Providers: []string{"bedrock", "openai"}})
	for name, want := range map[string]string{
		"opnai/gpt-4":       `There is no provider "opnai"; did you mean "openai/gpt-4"? GET /v1/models`,
		"azure/gpt-5":       `Use "gpt-5", which is configured. GET /v1/models`,
		"bedrock/nova-lite": `No configured name leads to "bedrock/nova-lite": add an entry`,
		"gneiss":            `GET /v1/models`,
	} {
		if e := r.notConfigured(name); !strings.HasPrefix(e.Fix, want) {
			t.Errorf("%s: %q", name, e.Fix)
		}
	}
}
