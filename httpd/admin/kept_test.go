package admin_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"outcrop/secrets"
	"outcrop/tenant"
)

// safe keeps keys as a secret manager does.
type safe struct{ changes []secrets.Change }

func (s *safe) Keep(_ context.Context, changes []secrets.Change) {
	s.changes = append(s.changes, changes...)
}

// seen are the changes since the last time.
func (s *safe) seen() []string {
	var all []string
	for _, c := range s.changes {
		all = append(all, fmt.Sprintf("%s>%s=%s", c.From, c.To, c.Value))
	}
	s.changes = nil
	slices.Sort(all)
	return all
}

func TestKeysAreKept(t *testing.T) {
	eachStore(t, func(w *world) {
		s := &safe{}
		w.keeper(s)
		want := func(about string, all ...string) {
			t.Helper()
			if got := s.seen(); !slices.Equal(got, all) {
				t.Errorf("%s: %q, want %q", about, got, all)
			}
		}
		key := w.master("/key/generate", `{"key_alias":"one"}`).is(200).at("key")
		want("a new key", ">one="+key)
		w.master("/key/generate", `{"key_alias":"one"}`).fails(400, "bad_request_error", "key_alias")
		want("a key that is refused")
		plain := w.master("/key/generate", `{}`).is(200).at("key")
		want("a key without an alias", ">virtual-key-"+tenant.Hash(plain)+"="+plain)

		w.master("/key/update", `{"key":"`+key+`","max_budget":1}`).is(200)
		want("a key that keeps its alias")
		w.master("/key/update", `{"key":"`+key+`","key_alias":"two"}`).is(200)
		want("another alias", "one>two=")
		w.master("/key/update", `{"key":"`+plain+`","key_alias":"three"}`).is(200)
		want("a first alias", "virtual-key-"+tenant.Hash(plain)+">three=")

		again := w.master("/key/regenerate", `{"key":"`+key+`","grace_period":"1h"}`).is(200).at("key")
		want("a replacement", "two>two="+again)
		third := w.master("/key/regenerate", `{"key":"`+again+`","key_alias":"four"}`).is(200).at("key")
		want("a replacement with another alias", "two>four="+third)
		w.master("/key/block", `{"key":"`+third+`"}`).is(200)
		want("a key that is blocked")

		user := w.master("/user/new", `{"user_id":"u"}`).is(200).at("key")
		want("the key of a new user", ">virtual-key-"+tenant.Hash(user)+"="+user)
		w.master("/key/delete", `{"keys":["`+third+`","`+plain+`"]}`).is(200)
		want("deleted keys", "four>=", "three>=")
		w.master("/user/delete", `{"user_ids":["u"]}`).is(200)
		want("the keys of a deleted user", "virtual-key-"+tenant.Hash(user)+">=")
	})
}
