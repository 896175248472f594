package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"outcrop/store"
)

func response(id, previous string, expires int64) *store.Response {
	return &store.Response{ID: id, Owner: "a", Previous: previous, Created: time.Unix(1, 0), Expires: time.Unix(expires, 0), Body: []byte(`{"id":"` + id + `"}`), Input: []byte(`["` + id + `"]`)}
}

func TestAResponseIsReturnedToItsOwnerOnly(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		want := response("r1", "", 100)
		if err := s.PutResponse(ctx, want); err != nil {
			t.Fatal(err)
		}
		got, err := s.Response(ctx, "a", "r1")
		if err != nil || string(got.Body) != string(want.Body) || string(got.Input) != string(want.Input) || !got.Expires.Equal(want.Expires) {
			t.Errorf("got %+v, %v", got, err)
		}
		foreign := response("r1", "", 100)
		foreign.Owner, foreign.Body = "b", []byte("stolen")
		if err := s.PutResponse(ctx, foreign); err != nil {
			t.Error(err)
		}
		if got, err := s.Response(ctx, "a", "r1"); err != nil || string(got.Body) != string(want.Body) {
			t.Errorf("another owner has replaced it: %+v, %v", got, err)
		}
		for _, err := range []error{
			func() error { _, err := s.Response(ctx, "b", "r1"); return err }(),
			func() error { _, err := s.Chain(ctx, "b", "r1", 1000); return err }(),
			func() error { _, err := s.Response(ctx, "a", "r2"); return err }(),
			s.DeleteResponse(ctx, "b", "r1"),
		} {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("another owner, or an unknown id: %v", err)
			}
		}
		if err := s.DeleteResponse(ctx, "a", "r1"); err != nil {
			t.Error(err)
		}
		if _, err := s.Response(ctx, "a", "r1"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("after it was deleted: %v", err)
		}
	})
}

func TestWhatAResponseContinuesLastsAsLong(t *testing.T) {
	const day = 24 * 60 * 60
	eachKind(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		for _, r := range []*store.Response{response("r1", "", 100), response("other", "", 100), response("r2", "r1", 100+2*day), response("r3", "r2", 100+4*day)} {
			if err := s.PutResponse(ctx, r); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Expire(ctx, time.Unix(100+3*day, 0)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Response(ctx, "a", "other"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a response that has expired: %v", err)
		}
		chain, err := s.Chain(ctx, "a", "r3", 1000)
		var ids []string
		for _, r := range chain {
			ids = append(ids, r.ID)
		}
		if err != nil || strings.Join(ids, " ") != "r1 r2 r3" {
			t.Errorf("got %v, %v", ids, err)
		}
		var over *store.OverBoundError
		if _, err := s.Chain(ctx, "a", "r3", 50); !errors.As(err, &over) {
			t.Errorf("over the bound: %v", err)
		}
		if err := s.DeleteResponse(ctx, "a", "r2"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Chain(ctx, "a", "r3", 1000); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("with a gap: %v", err)
		}
	})
}

func TestConversationsKeepTheOrderOfTheirItems(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		if err := s.PutConversation(ctx, &store.Conversation{ID: "c", Owner: "a", Created: time.Unix(1, 0), Expires: time.Unix(100, 0), Metadata: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
		for _, ids := range [][]string{{"i1", "i2"}, {"i3"}} {
			var items []store.Item
			for _, id := range ids {
				items = append(items, store.Item{ID: id, Body: []byte(`{"id":"` + id + `"}`)})
			}
			if err := s.AddItems(ctx, "a", "c", time.Unix(200, 0), items); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.AddItems(ctx, "b", "c", time.Unix(200, 0), nil); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("another owner adds: %v", err)
		}
		if err := s.DeleteItem(ctx, "a", "c", "i2"); err != nil {
			t.Error(err)
		}
		if err := s.Expire(ctx, time.Unix(150, 0)); err != nil {
			t.Error(err)
		}
		items, err := s.Items(ctx, "a", "c", 1000)
		if err != nil || len(items) != 2 || items[0].ID != "i1" || items[1].ID != "i3" {
			t.Errorf("got %v, %v", items, err)
		}
		if err := s.DeleteConversation(ctx, "b", "c"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("another owner deletes: %v", err)
		}
		if err := s.DeleteConversation(ctx, "a", "c"); err != nil {
			t.Error(err)
		}
		if _, err := s.Items(ctx, "a", "c", 1000); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("after it was deleted: %v", err)
		}
	})
}

func TestAFileSurvivesAndMemoryIsBounded(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	for _, again := range []bool{false, true} {
		s, err := store.Open(ctx, store.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Response(ctx, "a", "r1"); again == errors.Is(err, store.ErrNotFound) {
			t.Errorf("opened again %v: %v", again, err)
		}
		if err := s.PutResponse(ctx, response("r1", "", 100)); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	s, err := store.Open(ctx, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, id := range []string{"1", "2", "3"} {
		r := response(id, "", 100+int64(id[0]))
		r.Input = []byte(strings.Repeat("x", store.MemoryBytes/2-1000))
		if err := s.PutResponse(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Expire(ctx, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Response(ctx, "a", "1"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the oldest is kept: %v", err)
	}
	if _, err := s.Response(ctx, "a", "3"); err != nil {
		t.Errorf("the newest is forgotten: %v", err)
	}
}

func TestAFolderThatIsNoneIsAnError(t *testing.T) {
	if _, err := store.Open(t.Context(), store.Options{Dir: t.TempDir() + "/absent/folder"}); err == nil || !strings.Contains(err.Error(), "absent/folder") {
		t.Errorf("got %v", err)
	}
}

func TestItemsEventsAndObjectsBelongToTheirOwner(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		r := response("r1", "", 100)
		r.Items = []string{"i1", "i2", "i1"}
		if err := errors.Join(s.PutResponse(ctx, r), s.PutResponse(ctx, r)); err != nil {
			t.Fatal(err)
		}
		if got, err := s.ResponseOfItem(ctx, "a", "i2"); err != nil || got.ID != "r1" {
			t.Errorf("%+v, %v", got, err)
		}
		events := []store.Event{{Number: 1, Body: []byte("one")}, {Number: 2, Body: []byte("two")}}
		if err := errors.Join(s.AddEvents(ctx, "r1", events), s.AddEvents(ctx, "r1", events), s.AddEvents(ctx, "absent", events)); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Events(ctx, "a", "r1", 1); err != nil || len(got) != 1 || got[0].Number != 2 || string(got[0].Body) != "two" {
			t.Errorf("%+v, %v", got, err)
		}
		if err := s.PutObject(ctx, "a", "file", "f1", time.Unix(100, 0)); err != nil {
			t.Fatal(err)
		}
		if err := s.OwnsObject(ctx, "a", "file", "f1"); err != nil {
			t.Error(err)
		}
		_, item := s.ResponseOfItem(ctx, "b", "i2")
		for name, err := range map[string]error{
			"an item": item, "a file": s.OwnsObject(ctx, "b", "file", "f1"), "another kind": s.OwnsObject(ctx, "a", "batch", "f1"), "to delete": s.DeleteObject(ctx, "b", "f1"),
		} {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s of another: %v", name, err)
			}
		}
		if got, err := s.Events(ctx, "b", "r1", 0); err != nil || len(got) != 0 {
			t.Errorf("events of another: %+v, %v", got, err)
		}
		if err := errors.Join(s.DeleteObject(ctx, "a", "f1"), s.DeleteResponse(ctx, "a", "r1")); err != nil {
			t.Error(err)
		}
		if got, err := s.Events(ctx, "a", "r1", 0); err != nil || len(got) != 0 {
			t.Errorf("events after it was deleted: %+v, %v", got, err)
		}
	})
}
