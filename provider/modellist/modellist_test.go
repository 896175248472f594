package modellist_test

import (
	"context"
	"testing"
	"time"

	"outcrop/provider"
	"outcrop/provider/modellist"
)

// A list may have hundreds of models, and each of thousands of deployments its own key for it.
func TestOnlyTheOwnEntryIsKeptWithoutAWildcard(t *testing.T) {
	for model, want := range map[string][]string{"*": {"a", "b", "c"}, "b*": {"a", "b", "c"}, "": {"a", "b", "c"}, "b": {"b"}, "other": nil} {
		l := modellist.New(modellist.Source{Model: model, Now: time.Now, Read: func(context.Context) ([]provider.Model, error) {
			return []provider.Model{{ID: "c"}, {ID: "a"}, {ID: "b"}}, nil
		}})
		status := l.Refresh(t.Context(), time.Now())
		if status.Err != nil || status.Models != 3 {
			t.Errorf("%q: %+v; the whole list counts", model, status)
		}
		var got []string
		for _, m := range l.Models() {
			got = append(got, m.ID)
		}
		if len(got) != len(want) {
			t.Errorf("%q: %q, want %q", model, got, want)
			continue
		}
		for i, id := range want {
			if found, ok := l.Find(id); got[i] != id || !ok || found.ID != id {
				t.Errorf("%q: %q, want %q", model, got, want)
			}
		}
	}
}
