package ruleset_test

import (
	"slices"
	"testing"

	"outcrop/guard/ruleset"
)

func patterns(t *testing.T, texts ...string) (all []ruleset.Pattern) {
	t.Helper()
	for _, text := range texts {
		p, err := ruleset.ParsePattern(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

func TestWhichGuardrailsPoliciesPutInForce(t *testing.T) {
	t.Parallel()
	set := ruleset.New([]*ruleset.Policy{
		{Name: "base", Add: []string{"pii", "words"}},
		{Name: "health", Inherit: "base", Add: []string{"hipaa"}, Remove: []string{"words"}},
		{Name: "strict", Inherit: "health", Add: []string{"words"}, Models: patterns(t, "gpt-4.*", "basalt")},
		{Name: "gpt", Add: []string{"toxic"}, Models: patterns(t, "gpt-4")},
		{Name: "fallback", Add: []string{"last"}},
	}, []ruleset.Attachment{
		{Policy: "health", Teams: []string{"health-*"}},
		{Policy: "strict", Keys: []string{"dev", "test-*"}, Tags: []string{"prod*"}},
		{Policy: "gpt", Models: []string{"gpt-*"}},
		{Policy: "fallback", Default: true},
	})
	for name, tt := range map[string]struct {
		call              ruleset.Call
		named             []string
		guardrails, after []string
		unknown           string
	}{
		"nobody in particular": {call: ruleset.Call{Models: []string{"basalt"}}, guardrails: []string{"last"}, after: []string{"fallback"}},
		"a team":               {call: ruleset.Call{Teams: []string{"other", "health-eu"}, Models: []string{"basalt"}}, guardrails: []string{"pii", "hipaa"}, after: []string{"health"}},
		"a team whose name begins alike": {
			call: ruleset.Call{Teams: []string{"health"}, Models: []string{"basalt"}}, guardrails: []string{"last"}, after: []string{"fallback"},
		},
		"a key without the tag": {call: ruleset.Call{Key: "dev", Models: []string{"basalt"}}, guardrails: []string{"last"}, after: []string{"fallback"}},
		"a key with the tag, and a model of the condition": {
			call: ruleset.Call{Key: "test-1", Tags: []string{"x", "prod-eu"}, Models: []string{"basalt"}}, guardrails: []string{"pii", "hipaa", "words"}, after: []string{"strict"},
		},
		"a model that only the parents are for": {
			call: ruleset.Call{Key: "dev", Tags: []string{"prod"}, Models: []string{"a basalt"}}, guardrails: []string{"pii", "hipaa"}, after: []string{"strict"},
		},
		"a model by its other name": {call: ruleset.Call{Models: []string{"alias", "gpt-4"}}, guardrails: []string{"toxic"}, after: []string{"gpt"}},
		"an attachment whose policy does not apply leaves the default": {
			call: ruleset.Call{Models: []string{"gpt-5"}}, guardrails: []string{"last"}, after: []string{"fallback"},
		},
		"by name besides": {
			call: ruleset.Call{Models: []string{"gpt-4"}}, named: []string{"base", "gpt", "base"}, guardrails: []string{"toxic", "pii", "words"}, after: []string{"gpt", "base"},
		},
		"by name, for another model": {call: ruleset.Call{Models: []string{"basalt"}}, named: []string{"gpt"}, guardrails: []string{"last"}, after: []string{"fallback"}},
		"a name that no policy has":  {call: ruleset.Call{Models: []string{"gpt-4"}}, named: []string{"base", "none"}, unknown: "none"},
	} {
		d, unknown := set.Decide(&tt.call, tt.named)
		if !slices.Equal(d.Guardrails, tt.guardrails) || !slices.Equal(d.Policies, tt.after) || unknown != tt.unknown {
			t.Errorf("%s: %q of %q, unknown %q; want %q of %q", name, d.Guardrails, d.Policies, unknown, tt.guardrails, tt.after)
		}
	}
}

func TestAnAsteriskAloneIsForCallsWithoutAName(t *testing.T) {
	t.Parallel()
	set := ruleset.New([]*ruleset.Policy{{Name: "p", Add: []string{"g"}}, {Name: "q", Add: []string{"h"}}}, []ruleset.Attachment{
		{Policy: "p", Teams: []string{"*"}, Keys: []string{"*"}, Models: []string{"*"}}, {Policy: "q", Teams: []string{"a*"}},
	})
	if d, _ := set.Decide(&ruleset.Call{}, nil); !slices.Equal(d.Guardrails, []string{"g"}) {
		t.Errorf("got %q", d.Guardrails)
	}
}

func TestWithoutPoliciesNamesAreUnknown(t *testing.T) {
	t.Parallel()
	var none *ruleset.Set
	if _, unknown := none.Decide(&ruleset.Call{}, []string{"a"}); unknown != "a" {
		t.Errorf("unknown is %q", unknown)
	}
	if d, unknown := none.Decide(&ruleset.Call{}, nil); d.Guardrails != nil || d.Policies != nil || unknown != "" {
		t.Errorf("got %+v, %q", d, unknown)
	}
}

func TestACycleEnds(t *testing.T) {
	t.Parallel()
	set := ruleset.New([]*ruleset.Policy{{Name: "a", Inherit: "b", Add: []string{"x"}}, {Name: "b", Inherit: "a", Add: []string{"y"}}}, nil)
	if d, _ := set.Decide(&ruleset.Call{}, []string{"a"}); !slices.Equal(d.Guardrails, []string{"y", "x"}) {
		t.Errorf("got %q", d.Guardrails)
	}
}

func TestAPipelineIsItsPolicysAndForItsModels(t *testing.T) {
	t.Parallel()
	gpt, err := ruleset.ParsePattern("gpt-.*")
	if err != nil {
		t.Fatal(err)
	}
	set := ruleset.New([]*ruleset.Policy{
		{Name: "base", Pipeline: &ruleset.Pipeline{Steps: []ruleset.Step{{Guardrail: "g"}}}},
		{Name: "child", Inherit: "base", Add: []string{"h"}, Models: []ruleset.Pattern{gpt}, Pipeline: &ruleset.Pipeline{Responses: true}},
	}, nil)
	for model, want := range map[string]string{"gpt-4": "child", "basalt": ""} {
		d, _ := set.Decide(&ruleset.Call{Models: []string{model}}, []string{"child"})
		got := ""
		for _, p := range d.Pipelines {
			got += p.Name
		}
		if got != want || !slices.Equal(d.Policies, []string{"child"}) {
			t.Errorf("%s has the pipelines of %q by %q, want %q: a pipeline is not inherited", model, got, d.Policies, want)
		}
	}
}
