package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"outcrop/store"
)

func entity(kind store.Kind, id, alias, team string) store.Entity {
	return store.Entity{Kind: kind, ID: id, Alias: alias, TeamID: team, Doc: []byte(`{"id":"` + id + `"}`)}
}

func change(t *testing.T, s *store.Store, c *store.Change) int64 {
	t.Helper()
	n, err := s.Change(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAnEntityIsWrittenReadAndDeleted(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		want := store.Entity{Kind: store.KindKey, ID: "k", Alias: "Granit", UserID: "u", TeamID: "t", OrganizationID: "o", Doc: []byte(`{"blocked":null}`)}
		first := change(t, s, &store.Change{Put: []store.Entity{want}, Create: true, By: "admin", ByKey: "hash", Action: "/key/generate"})
		got, err := s.Entity(ctx, store.KindKey, "k")
		if err != nil || got.Alias != "Granit" || got.UserID != "u" || got.TeamID != "t" || got.OrganizationID != "o" || string(got.Doc) != string(want.Doc) || got.Revision != first ||
			time.Since(got.Created).Abs() > time.Minute || !got.Updated.Equal(got.Created) {
			t.Fatalf("got %+v, %v", got, err)
		}
		if _, err := s.Change(ctx, &store.Change{Put: []store.Entity{entity(store.KindKey, "new", "", ""), want}, Create: true}); !errors.Is(err, store.ErrExists) || !strings.Contains(err.Error(), `key "k"`) {
			t.Errorf("created twice: %v", err)
		}
		if _, err := s.Entity(ctx, store.KindKey, "new"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a part of a change that failed: %v", err)
		}
		if _, err := s.Entity(ctx, store.KindUser, "k"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("another kind: %v", err)
		}

		update := *got
		update.Doc = []byte(`{"blocked":true}`)
		second := change(t, s, &store.Change{Put: []store.Entity{update}, Action: "/key/block"})
		if _, err := s.Change(ctx, &store.Change{Put: []store.Entity{update}}); !errors.Is(err, store.ErrConflict) {
			t.Errorf("an old revision: %v", err)
		}
		if got, err := s.Entity(ctx, store.KindKey, "k"); err != nil || got.Revision != second || second <= first || !got.Created.Equal(update.Created) {
			t.Errorf("got %+v, %v", got, err)
		}
		third := change(t, s, &store.Change{Delete: []store.Ref{{Kind: store.KindKey, ID: "k"}}, By: "admin", Action: "/key/delete"})
		if _, err := s.Entity(ctx, store.KindKey, "k"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("deleted: %v", err)
		}
		update.Revision = second
		for _, c := range []*store.Change{{Delete: []store.Ref{{Kind: store.KindKey, ID: "k"}}}, {Put: []store.Entity{update}}} {
			if _, err := s.Change(ctx, c); !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrConflict) {
				t.Errorf("after it was deleted: %v", err)
			}
		}
		gone, total, err := s.Entities(ctx, &store.Filter{Kind: store.KindKey, Deleted: true})
		if err != nil || total != 1 || gone[0].Revision != third || string(gone[0].Doc) != string(update.Doc) || gone[0].Alias != "Granit" {
			t.Errorf("the record has %+v, %d, %v", gone, total, err)
		}

		log, total, err := s.Audit(ctx, store.AuditFilter{Kind: store.KindKey, ID: "k"})
		if err != nil || total != 3 || len(log) != 3 {
			t.Fatalf("%d entries, %v", total, err)
		}
		for i, want := range []string{"/key/delete {\"blocked\":true}>", "/key/block {\"blocked\":null}>{\"blocked\":true}", "/key/generate >{\"blocked\":null}"} {
			if got := log[i].Action + " " + string(log[i].Before) + ">" + string(log[i].After); got != want || log[i].ID != "k" {
				t.Errorf("entry %d is %s, want %s", i, got, want)
			}
		}
		if log[2].By != "admin" || log[2].ByKey != "hash" || log[2].Revision != first || time.Since(log[2].At).Abs() > time.Minute || log[2].Before != nil || log[0].After != nil {
			t.Errorf("got %+v", log[2])
		}
		page, total, err := s.Audit(ctx, store.AuditFilter{By: "admin", Start: time.Now().Add(-time.Hour), End: time.Now().Add(time.Hour), Offset: 1, Limit: 1})
		if err != nil || total != 2 || len(page) != 1 || page[0].Action != "/key/generate" {
			t.Errorf("a page has %+v of %d, %v", page, total, err)
		}
	})
}

func TestListsAreFilteredSearchedAndPaged(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		var put []store.Entity
		for i, alias := range []string{"Granite", "ÄRA", "100%", "a_b", "", "Slate"} {
			e := entity(store.KindKey, fmt.Sprint("id", i), alias, fmt.Sprint("t", i%2))
			e.Created = time.Unix(1000+int64(i/2), 0)
			put = append(put, e)
		}
		change(t, s, &store.Change{Put: append(put, entity(store.KindUser, "id0", "Granite", "t0"))})
		for name, test := range map[string]struct {
			filter store.Filter
			want   string
			total  int
		}{
			"all, newest first":    {store.Filter{}, "id5 id4 id3 id2 id1 id0", 6},
			"oldest first":         {store.Filter{Ascending: true}, "id0 id1 id2 id3 id4 id5", 6},
			"a page":               {store.Filter{Offset: 2, Limit: 2}, "id3 id2", 6},
			"the rest":             {store.Filter{Offset: 4}, "id1 id0", 6},
			"a page after the end": {store.Filter{Offset: 10, Limit: 2}, "", 6},
			"a team":               {store.Filter{TeamID: "t1", Ascending: true}, "id1 id3 id5", 3},
			"ids":                  {store.Filter{IDs: []string{"id3", "id1", "absent"}}, "id3 id1", 2},
			"no ids":               {store.Filter{IDs: []string{}}, "", 0},
			"an alias":             {store.Filter{Alias: "Slate"}, "id5", 1},
			"a part in any case":   {store.Filter{Search: "GRAN"}, "id0", 1},
			"not only ASCII":       {store.Filter{Search: "ära"}, "id1", 1},
			"a part of the id":     {store.Filter{Search: "D3"}, "id3", 1},
			"a percent sign":       {store.Filter{Search: "0%"}, "id2", 1},
			"an underscore":        {store.Filter{Search: "a_"}, "id3", 1},
			"a quote":              {store.Filter{Search: `' OR 1=1 --`}, "", 0},
			"an injected alias":    {store.Filter{Alias: `x' OR 'a'='a`, TeamID: `'; DROP TABLE entities; --`}, "", 0},
			"a NUL":                {store.Filter{Alias: "\x00"}, "", 0},
		} {
			test.filter.Kind = store.KindKey
			page, total, err := s.Entities(ctx, &test.filter)
			var ids []string
			for i := range page {
				ids = append(ids, page[i].ID)
			}
			if got := strings.Join(ids, " "); err != nil || got != test.want || total != test.total {
				t.Errorf("%s: %q of %d, %v; want %q of %d", name, got, total, err, test.want, test.total)
			}
		}
		many := make([]string, 1300)
		for i := range many {
			many[i] = fmt.Sprint("id", i)
		}
		if _, total, err := s.Entities(ctx, &store.Filter{Kind: store.KindKey, IDs: many}); err != nil || total != 6 {
			t.Errorf("of 1300 ids: %d, %v", total, err)
		}
		if _, err := s.Entity(ctx, store.KindKey, "\x00\xff"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("an id that no database has: %v", err)
		}
	})
}

func TestWhoFollowsTheChangesMissesNone(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		const writers, writes = 6, 25
		woken := s.Revisions()
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range writes {
					id := fmt.Sprint(w, "-", i)
					if _, err := s.Change(ctx, &store.Change{Put: []store.Entity{entity(store.KindTeam, id, "", "")}}); err != nil {
						t.Error(err)
					}
					if i%5 == 0 {
						if _, err := s.Change(ctx, &store.Change{Delete: []store.Ref{{Kind: store.KindTeam, ID: id}}}); err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		go wg.Wait()
		seen, after := map[store.Ref]bool{}, int64(0)
		const last = writers * (writes + writes/5)
		for after < last {
			<-woken
			refs, upto, err := s.Changes(ctx, after)
			if err != nil || upto < after {
				t.Fatalf("%d, %v", upto, err)
			}
			for _, ref := range refs {
				seen[ref] = true
			}
			after = upto
		}
		wg.Wait()
		if len(seen) != writers*writes {
			t.Errorf("saw %d of %d", len(seen), writers*writes)
		}
		if refs, upto, err := s.Changes(ctx, after); err != nil || len(refs) != 0 || upto != last {
			t.Errorf("afterwards %v, %d, %v", refs, upto, err)
		}
	})
}

func TestOfManyWhoReadTheSameRevisionOneWrites(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		e := entity(store.KindKey, "k", "", "")
		e.Revision = 0
		e.Revision = change(t, s, &store.Change{Put: []store.Entity{e}})
		errs := make(chan error, 20)
		for range cap(errs) {
			go func() {
				_, err := s.Change(ctx, &store.Change{Put: []store.Entity{e}})
				errs <- err
			}()
		}
		written := 0
		for range cap(errs) {
			switch err := <-errs; {
			case err == nil:
				written++
			case !errors.Is(err, store.ErrConflict):
				t.Error(err)
			}
		}
		if written != 1 {
			t.Errorf("%d have written", written)
		}
	})
}

func TestAChangeWakesTheOtherReplicasAlsoAfterTheServerWasAway(t *testing.T) {
	opt := shared(t)
	a, b := open(t, opt), open(t, opt)
	woken := b.Revisions()
	<-woken // it listens
	n := change(t, a, &store.Change{Put: []store.Entity{entity(store.KindKey, "k", "", "")}})
	<-woken
	if refs, upto, err := b.Changes(t.Context(), 0); err != nil || upto != n || !slices.Contains(refs, store.Ref{Kind: store.KindKey, ID: "k"}) {
		t.Errorf("%v, %d, %v", refs, upto, err)
	}
	if err := machine.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := machine.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-woken                                                                              // it listens again, and may have missed something
	change(t, a, &store.Change{Put: []store.Entity{entity(store.KindKey, "l", "", "")}}) // although the pool's connections are gone
	<-woken
	if _, err := b.Entity(t.Context(), store.KindKey, "l"); err != nil { // nor does b know that its are
		t.Error(err)
	}
}

func TestAfterCloseNobodyIsWoken(t *testing.T) {
	s, err := store.Open(t.Context(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	woken := s.Revisions()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for _, c := range []<-chan struct{}{woken, s.Revisions()} {
		if _, ok := <-c; ok {
			t.Error("woken after Close")
		}
	}
}
