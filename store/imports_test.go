package store_test

import (
	"errors"
	"testing"
	"time"

	"outcrop/quota"
	"outcrop/store"
)

func TestAPartOfATakeOverIsWrittenWholeOrNotAtAll(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		ref := store.Ref{Kind: store.KindKey, ID: "k"}
		counter := store.SpendCounter(ref.Kind, ref.ID)
		part := &store.Import{
			Change: &store.Change{Put: []store.Entity{{Kind: ref.Kind, ID: ref.ID, Doc: []byte(`{}`)}}},
			Add:    []store.Addition{{Counter: counter, Units: 7, Window: quota.Window{Months: 1}}},
			Seen:   []store.Imported{{Ref: ref, Doc: []byte(`{"a":1}`), Spent: 7, Resets: day}},
		}
		failing := *part
		failing.Change = &store.Change{Put: part.Change.Put, Delete: []store.Ref{{Kind: store.KindTeam, ID: "none"}}}
		if err := s.Import(t.Context(), &failing); !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
		seen, err := s.Imports(t.Context())
		if err != nil || len(seen) != 0 {
			t.Fatal(seen, err)
		}
		if spent, err := s.Spent(t.Context(), []string{counter}); err != nil || spent[counter] != 0 {
			t.Fatal(spent, err)
		}
		if err := s.Import(t.Context(), part); err != nil {
			t.Fatal(err)
		}
		if seen, err = s.Imports(t.Context()); err != nil || string(seen[ref].Doc) != `{"a":1}` || seen[ref].Spent != 7 || !seen[ref].Resets.Equal(day.Truncate(time.Microsecond)) {
			t.Errorf("%+v, %v", seen, err)
		}
		counters, err := s.Counters(t.Context(), []string{counter})
		if err != nil || counters[counter].Used != 7 || !counters[counter].Ends.Equal(quota.Window{Months: 1}.End(time.Now())) {
			t.Errorf("%+v, %v", counters, err)
		}
		// More is taken than there is.
		if err := s.Import(t.Context(), &store.Import{Add: []store.Addition{{Counter: counter, Units: -9}}, Gone: []store.Ref{ref}}); err != nil {
			t.Fatal(err)
		}
		if spent, err := s.Spent(t.Context(), []string{counter}); err != nil || spent[counter] != 0 {
			t.Error(spent, err)
		}
		if seen, err = s.Imports(t.Context()); err != nil || len(seen) != 0 {
			t.Error(seen, err)
		}
	})
}

func TestRowsOfAnotherSpendLogAreAddedOnce(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		rows := []store.Row{
			{RequestID: "a", Key: "k", Cost: 2, Start: day, Input: 3},
			{RequestID: "b", Key: "k", Cost: 5, Start: day.AddDate(0, 0, -40)},
			{RequestID: "a", Key: "k", Cost: 2, Start: day, Input: 3},
		}
		for _, want := range []int{2, 0} {
			if added, err := s.ImportRows(t.Context(), rows); err != nil || added != want {
				t.Fatalf("%d were added, %v, want %d", added, err, want)
			}
		}
		sums, err := s.Daily(t.Context(), store.DailyFilter{Kind: store.KindKey, IDs: []string{"k"}, By: []store.Column{}})
		if err != nil || len(sums) != 1 || sums[0].Cost != 7 || sums[0].Requests != 2 || sums[0].Input != 3 {
			t.Errorf("%+v, %v", sums, err)
		}
	})
}
