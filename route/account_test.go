package route

import (
	"testing"
	"time"

	"outcrop/catalog"
	"outcrop/llm"
)

// keeping is a deployment whose account keeps things.
type keeping struct {
	*passing
	account string
}

func (k *keeping) Account() string { return k.account }

func keeper(name, id, of, account string) Entry {
	p := &passing{fake: &fake{name: id}, raw: []rawStep{{}}}
	return Entry{Name: name, ID: id, Provider: of, Model: "model of " + name, Deployment: &keeping{p, account}, Timeout: 1 << 40}
}

// accounts are three names: two of one account, and one that keeps nothing.
func accounts() []Entry {
	silent := entry("silent", &fake{name: "d-0", steps: []step{{}}})
	silent.ID, silent.Provider = "d-0", "other"
	wild := keeper("openai/*", "d-3", "openai", "c")
	wild.Model = "*"
	return []Entry{silent, keeper("first", "d-1", "openai", "a"), keeper("second", "d-2", "openai", "a"), keeper("second", "d-4", "azure", "b"), wild}
}

func TestAnAccountHasOneNameWhateverTheClientCallsIt(t *testing.T) {
	r := New(Plan{Entries: accounts()}, Options{})
	for _, tt := range []struct {
		model, of string
		want      Account
		ok        bool
	}{
		{"", "", Account{"first", "d-1"}, true},
		{"first", "", Account{"first", "d-1"}, true},
		{"second", "", Account{"first", "d-1"}, true},
		{"", "openai", Account{"first", "d-1"}, true},
		{"", "azure", Account{"second", "d-4"}, true},
		{"second", "azure", Account{"second", "d-4"}, true},
		{"openai/gpt-4o", "", Account{"openai/*", "d-3"}, true},
		{"silent", "", Account{}, false},
		{"", "other", Account{}, false},
		{"nobody", "", Account{}, false},
	} {
		got, ok := r.Account(llm.DialectBedrock, tt.model, tt.of)
		if got != tt.want || ok != tt.ok {
			t.Errorf("%q of %q: %+v %v", tt.model, tt.of, got, ok)
		}
	}
	if _, ok := r.Account(llm.DialectFiles, "", ""); ok {
		t.Error("an API that nobody has is found")
	}
}

func TestACallStaysAtItsDeployment(t *testing.T) {
	for _, tt := range []struct{ id, want string }{{"d-4", "d-4"}, {"d-2", "d-2"}} {
		for range 3 { // round-robin would alternate
			resp, err := New(Plan{Entries: accounts()}, Options{}).Relay(t.Context(), &llm.Raw{Call: llm.Call{Model: "second", Deployment: tt.id}, Dialect: llm.DialectBedrock, Service: true}, nil)
			if err != nil || resp.Meta.Deployment != tt.want {
				t.Errorf("%s: %+v %v", tt.id, resp, err)
			}
		}
	}
	_, err := New(Plan{Entries: accounts()}, Options{}).Relay(t.Context(), &llm.Raw{Call: llm.Call{Model: "first", Deployment: "gone"}, Dialect: llm.DialectBedrock, Service: true}, nil)
	if e := llm.AsError(err); e == nil || e.Code != llm.CodeStateNotFound {
		t.Errorf("a deployment that is not there: %v", err)
	}
}

func TestWhatMayHappenOnceIsTriedOnce(t *testing.T) {
	e := keeper("first", "d-1", "openai", "a")
	e.Retries = 3
	k, ok := e.Deployment.(*keeping)
	if !ok {
		t.Fatal("another deployment")
	}
	k.raw = []rawStep{{err: unavailable()}, {}}
	_, err := New(Plan{Entries: []Entry{e}}, Options{}).Relay(t.Context(), &llm.Raw{Call: llm.Call{Model: "first", Once: true}, Dialect: llm.DialectBedrock, Service: true}, nil)
	if codeOf(err) != llm.CodeUnavailable || len(k.raw) != 1 {
		t.Errorf("%v, %d steps left", err, len(k.raw))
	}
}

func TestModelsAreNamedAsAtAProvider(t *testing.T) {
	r := New(Plan{Entries: accounts()}, Options{})
	for _, tt := range []struct{ id, name, want string }{
		{"d-1", "second", "model of second"}, {"d-1", "openai/gpt-4o", "gpt-4o"}, {"d-1", "silent", ""}, {"d-1", "nobody", ""}, {"gone", "first", ""}, {"", "first", ""},
	} {
		if got := r.ModelAt(tt.id, tt.name); got != tt.want {
			t.Errorf("%s at %s: %q", tt.name, tt.id, got)
		}
	}
}

func TestWhoSpeaksADialect(t *testing.T) {
	mixed := accounts()
	mixed = append(mixed, entry("second", &fake{name: "d-5", steps: []step{{}}}))
	r := New(Plan{Entries: mixed}, Options{})
	for name, want := range map[string][2]bool{"first": {true, true}, "second": {true, false}, "silent": {false, false}, "openai/x": {true, true}, "nobody": {false, false}} {
		if some, all := r.Speaks(name, llm.DialectBedrock); some != want[0] || all != want[1] {
			t.Errorf("%s: %v %v", name, some, all)
		}
	}
}

// A team's own models have names of their own, and nobody else's files are kept in their accounts.
func TestAModelOfATeamIsFoundByItsTeamOnly(t *testing.T) {
	own := keeper("model_name_core_1", "t-1", "openai", "t")
	own.Team, own.Public = "core", "first"
	r := New(Plan{Entries: append([]Entry{own}, accounts()...)}, Options{})
	for _, tt := range []struct{ team, name, want string }{{"core", "first", "model_name_core_1"}, {"core", "second", ""}, {"other", "first", ""}, {"", "first", ""}} {
		if got := r.TeamModel(tt.team, tt.name); got != tt.want {
			t.Errorf("%s in %s is %q, want %q", tt.name, tt.team, got, tt.want)
		}
	}
	for _, name := range []string{"model_name_core_1", "t-1"} {
		if s := r.Settings(name); s.Team != "core" || s.Public != "first" {
			t.Errorf("%s: %q, %q", name, s.Team, s.Public)
		}
	}
	if got, ok := r.Account(llm.DialectBedrock, "", "openai"); !ok || got.Deployment != "d-1" {
		t.Errorf("the account for everybody is %+v, %v", got, ok)
	}
}

// Names with the same letters are remembered in one place, and those of a wildcard one after the other.
func TestTermsAreThoseOfTheNameThatAWildcardCaptures(t *testing.T) {
	asked, now := 0, time.Unix(1_800_000_000, 0)
	most := map[string]int64{"ab": 1000, "ba": 2000}
	facts := func(model string) *catalog.Model {
		asked++
		return &catalog.Model{MaxOutput: most[model]}
	}
	r := New(Plan{Entries: []Entry{{Name: "x/*", ID: "wild", Model: "*", Deployment: &fake{}, Price: free{}, Facts: facts}}}, Options{Now: func() time.Time { return now }})
	for _, name := range []string{"ab", "ab", "ba", "ab", "ba", "ba"} {
		if got := r.Terms("x/" + name).MostOutput; got != most[name] {
			t.Errorf("%s can have %d tokens, want %d", name, got, most[name])
		}
	}
	if asked != 4 {
		t.Errorf("the facts were asked for %d times", asked)
	}
	most["ba"] = 3000
	now = now.Add(2 * termsFor)
	if got := r.Terms("x/ba").MostOutput; got != 3000 {
		t.Errorf("later the name can have %d tokens", got)
	}
}

// free is a price of 0.
type free struct{}

func (free) Cost(string, *llm.Usage) (llm.Cost, bool) { return 0, true }
