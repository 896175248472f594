package route

import (
	"testing"

	"outcrop/llm"
)

func TestANameHasAStrategyOfItsOwn(t *testing.T) {
	a, b := &fake{name: "a", steps: []step{{}}}, &fake{name: "b", steps: []step{{}}}
	c, d := &fake{name: "c", steps: []step{{}}}, &fake{name: "d", steps: []step{{}}}
	r := New(Plan{
		Entries: []Entry{entry("granite", a), entry("granite", b), entry("slate", c), entry("slate", d)},
		Policy:  Policy{Names: map[string]Choice{"slate": {Strategy: LeastBusy, Affinity: llm.Some(ByKey)}}},
	}, Options{})
	for range 10 {
		for _, name := range []string{"granite", "slate"} {
			alike := func(by string) (uint64, bool) { return 7, by == string(ByKey) }
			if _, err := r.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: name, Alike: alike}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(a.calls) != 5 || len(b.calls) != 5 || len(c.calls) != 0 && len(d.calls) != 0 {
		t.Errorf("%d, %d, %d and %d calls", len(a.calls), len(b.calls), len(c.calls), len(d.calls))
	}
	if granite, slate := r.Settings("granite").Policy, r.Settings("slate").Policy; granite.Strategy != "" || slate.Strategy != LeastBusy || slate.Affinity != ByKey {
		t.Errorf("%+v and %+v", granite, slate)
	}
}
