package limits

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// promised is how soon a change must hold on every replica: a second, and time for a machine on which much else runs.
const promised = 10 * time.Second

// TestAChangeOfAKeyHoldsOnEveryReplica checks that what is refused after a change never passes again, also while
// PostgreSQL is killed and comes back.
func TestAChangeOfAKeyHoldsOnEveryReplica(t *testing.T) {
	c := startCluster(t, 3, database(t))
	s := c.up.add(&script{})
	for _, change := range []struct {
		name, path, body string // KEY is the key
		status           int    // of calls afterwards
		undo, undone     string // the change that lets calls pass again, if there is one
	}{
		{"blocked", "/key/block", `{"key":"KEY"}`, 401, "/key/unblock", `{"key":"KEY"}`},
		{"narrowed to another model", "/key/update", `{"key":"KEY","models":["basalt"]}`, 403, "/key/update", `{"key":"KEY","models":[]}`},
		{"expired", "/key/update", `{"key":"KEY","duration":"1s"}`, 401, "/key/update", `{"key":"KEY","duration":"1h"}`},
		{"without money", "/key/update", `{"key":"KEY","max_budget":0}`, 422, "/key/update", `{"key":"KEY","max_budget":1}`},
		{"deleted", "/key/delete", `{"keys":["KEY"]}`, 401, "", ""},
	} {
		t.Run(change.name, func(t *testing.T) {
			c := c.on(t)
			key := c.newKey(`{"max_budget":1}`)
			ask := func(at int) answer { return c.ask(question{key: key, script: s, at: at}) }
			passes := func(at int) bool { return ask(at).whole }
			for at := range c.replicas {
				eventually(t, fmt.Sprintf("replica %d knows the key", at), func() bool { return passes(at) })
			}
			c.admin(0, change.path, withKey(change.body, key), nil)
			for at := range c.replicas {
				within(t, promised, fmt.Sprintf("replica %d refuses calls", at), func() bool { return ask(at).status == change.status })
			}
			refused := func(when string) {
				t.Helper()
				for i := range 5 * len(c.replicas) {
					if a := ask(i % len(c.replicas)); a.whole {
						t.Errorf("%s, replica %d: %v", when, i%len(c.replicas), a)
					}
				}
			}
			refused("after the change")
			if err := machine.Kill(); err != nil {
				t.Fatal(err)
			}
			refused("while PostgreSQL is away")
			if err := machine.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
			refused("when PostgreSQL is back")
			for at := range c.replicas {
				eventually(t, fmt.Sprintf("replica %d refuses calls for the same reason as before", at), func() bool { return ask(at).status == change.status })
			}
			refused("later")
			if change.undo == "" {
				return
			}
			c.admin(1, change.undo, withKey(change.undone, key), nil)
			for at := range c.replicas {
				within(t, promised, fmt.Sprintf("replica %d lets calls pass again", at), func() bool { return passes(at) })
			}
		})
	}
	if n := s.calls(); n == 0 {
		t.Error("no call has reached the upstream")
	}
}

// TestAChangeJustBeforePostgreSQLDiesHoldsWhenItIsBack checks the changes of which the replicas have not heard.
func TestAChangeJustBeforePostgreSQLDiesHoldsWhenItIsBack(t *testing.T) {
	c := startCluster(t, 3, database(t))
	s := c.up.add(&script{})
	for range 3 {
		key := c.newKey(`{}`)
		for at := range c.replicas {
			eventually(t, fmt.Sprintf("replica %d knows the key", at), func() bool { return c.ask(question{key: key, script: s, at: at}).whole })
		}
		c.admin(0, "/key/block", withKey(`{"key":"KEY"}`, key), nil)
		if err := machine.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := machine.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		for at := range c.replicas {
			within(t, promised, fmt.Sprintf("replica %d refuses calls", at), func() bool { return c.ask(question{key: key, script: s, at: at}).status == 401 })
		}
		for i := range 30 {
			if a := c.ask(question{key: key, script: s, at: i % 3}); a.status != 401 {
				t.Errorf("replica %d later: %v", i%3, a)
			}
		}
	}
}

// withKey puts a key into the body of a request.
func withKey(body, key string) string { return strings.ReplaceAll(body, "KEY", key) }
