package ruleset_test

import (
	"slices"
	"testing"

	"outcrop/guard/ruleset"
)

func TestASetBesideAnotherReplacesItsPolicies(t *testing.T) {
	t.Parallel()
	file := ruleset.New([]*ruleset.Policy{{Name: "base", Add: []string{"a"}}, {Name: "heir", Inherit: "base"}}, []ruleset.Attachment{{Policy: "heir"}})
	if file.With(nil, nil) != file {
		t.Error("nothing beside a set is another one")
	}
	both := file.With([]*ruleset.Policy{{Name: "base", Add: []string{"b"}}, {Name: "more", Add: []string{"c"}}}, []ruleset.Attachment{{Policy: "more"}, {Policy: "gone"}})
	for _, tt := range []struct {
		set  *ruleset.Set
		want []string
	}{{file, []string{"a"}}, {both, []string{"b", "c"}}, {(*ruleset.Set)(nil).With([]*ruleset.Policy{{Name: "x", Add: []string{"d"}}}, []ruleset.Attachment{{Policy: "x"}}), []string{"d"}}} {
		if d, _ := tt.set.Decide(&ruleset.Call{}, nil); !slices.Equal(d.Guardrails, tt.want) {
			t.Errorf("the guardrails are %q, want %q", d.Guardrails, tt.want)
		}
	}
	if heirs := both.Heirs("base"); !slices.Equal(heirs, []string{"heir"}) {
		t.Errorf("the heirs are %q", heirs)
	}
	if both.Loops("heir") || !both.With([]*ruleset.Policy{{Name: "base", Inherit: "heir"}}, nil).Loops("base") || both.With([]*ruleset.Policy{{Name: "x", Inherit: "none"}}, nil).Loops("x") {
		t.Error("a loop is not seen, or one is that is none")
	}
}

func TestMatchesSayWhichAttachmentTheyAreBy(t *testing.T) {
	t.Parallel()
	p := []*ruleset.Policy{{Name: "p", Add: []string{"g"}}}
	c := &ruleset.Call{Teams: []string{"health-eu"}, Key: "dev", Models: []string{"gpt-4"}, Tags: []string{"other", "prod"}}
	for via, a := range map[string]ruleset.Attachment{
		"scope:*":                {},
		"default:scope:*":        {Default: true},
		"tag:prod":               {Tags: []string{"prod"}},
		"team:health-eu":         {Teams: []string{"health-*"}},
		"key:dev+model:gpt-4":    {Keys: []string{"dev"}, Models: []string{"*"}},
		"default:team:health-eu": {Teams: []string{"*"}, Default: true},
	} {
		a.Policy = "p"
		got := ruleset.New(p, []ruleset.Attachment{a, a}).Matches(c)
		if len(got) != 1 || got[0].Via != via || !slices.Equal(got[0].Guardrails, []string{"g"}) {
			t.Errorf("%+v: %+v, want %s", a, got, via)
		}
	}
	if got := ruleset.New(p, []ruleset.Attachment{{Policy: "p", Teams: []string{"t"}}}).Matches(c); got != nil {
		t.Errorf("got %+v", got)
	}
}

// TestAVersionIsInForceBesideItsPolicy names a draft that does less than the policy in force.
func TestAVersionIsInForceBesideItsPolicy(t *testing.T) {
	t.Parallel()
	strict := &ruleset.Policy{Name: "p", Inherit: "base", Add: []string{"a"}}
	draft := &ruleset.Policy{Name: "p", Inherit: "base", Add: []string{"c"}, Remove: []string{"a", "b"}, Pipeline: &ruleset.Pipeline{}}
	set := ruleset.New([]*ruleset.Policy{{Name: "base", Add: []string{"b"}}, strict}, []ruleset.Attachment{{Policy: "p"}}).
		WithVersions(map[string]*ruleset.Policy{"1": strict, "2": draft})
	for _, tt := range []struct {
		named, policies, guardrails []string
		pipelines                   int
	}{
		{nil, []string{"p"}, []string{"b", "a"}, 0},
		{[]string{"policy_2"}, []string{"p", "policy_2"}, []string{"b", "a", "c"}, 1},
		{[]string{"policy_1", "p"}, []string{"p"}, []string{"b", "a"}, 0},
	} {
		d, unknown := set.Decide(&ruleset.Call{}, tt.named)
		if unknown != "" || !slices.Equal(d.Policies, tt.policies) || !slices.Equal(d.Guardrails, tt.guardrails) || len(d.Pipelines) != tt.pipelines {
			t.Errorf("%q: %+v, %q", tt.named, d, unknown)
		}
	}
	for _, name := range []string{"policy_3", "2", "policy_"} {
		if _, unknown := set.Decide(&ruleset.Call{}, []string{name}); unknown != name {
			t.Errorf("%s is known", name)
		}
	}
	if got := set.Guardrails("policy_2"); !slices.Equal(got, []string{"c"}) {
		t.Errorf("the guardrails of the draft are %q", got)
	}
	if got := set.Chain("p"); !slices.Equal(got, []string{"base", "p"}) {
		t.Errorf("the chain is %q", got)
	}
	if next := set.With([]*ruleset.Policy{{Name: "q"}}, nil); next.Named("policy_2") != draft {
		t.Error("a set beside another has no versions")
	}
}
