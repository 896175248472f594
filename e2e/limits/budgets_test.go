package limits

import (
	"fmt"
	"testing"
)

// TestABudgetForNCallsLetsNThrough checks for everything that may have a budget that as many calls pass as it pays for,
// when many clients come at once at all replicas, and that all replicas tell what was spent.
func TestABudgetForNCallsLetsNThrough(t *testing.T) {
	eachKind(t, func(t *testing.T, c *cluster) {
		for _, o := range owners() {
			t.Run(o.name, func(t *testing.T) { o.spend(t, c.on(t)) })
		}
	})
}

// enough is how many calls a budget pays for.
const enough = 29

// owner is something that may have a budget.
type owner struct {
	name string
	// make makes the owner, and returns the fields of its keys and what its calls carry.
	make func(c *cluster) (fields string, q question)
	keys int
}

func owners() []owner {
	budget := fmt.Sprintf(`"max_budget":%s`, dollars(enough*cost))
	return []owner{
		{"a key", func(*cluster) (string, question) { return budget, question{} }, 1},
		{"a key, streamed", func(*cluster) (string, question) { return budget, question{stream: true} }, 1},
		{"a team", func(c *cluster) (string, question) {
			c.admin(0, "/team/new", `{"team_id":"geology",`+budget+`}`, nil)
			return `"team_id":"geology"`, question{}
		}, 2},
		{"a user", func(c *cluster) (string, question) {
			c.admin(0, "/user/new", `{"user_id":"ann","auto_create_key":false,`+budget+`}`, nil)
			return `"user_id":"ann"`, question{}
		}, 2},
		{"an organization", func(c *cluster) (string, question) {
			var made struct {
				ID string `json:"organization_id"`
			}
			c.admin(0, "/organization/new", `{"organization_alias":"survey",`+budget+`}`, &made)
			return fmt.Sprintf(`"organization_id":%q`, made.ID), question{}
		}, 2},
		{"a customer", func(c *cluster) (string, question) {
			c.admin(0, "/customer/new", `{"user_id":"carl",`+budget+`}`, nil)
			return "", question{user: "carl"}
		}, 2},
		{"a tag", func(c *cluster) (string, question) {
			c.admin(0, "/tag/new", `{"name":"field trip",`+budget+`}`, nil)
			return "", question{tag: "field trip"}
		}, 2},
	}
}

// spend uses up the owner's budget.
func (o owner) spend(t *testing.T, c *cluster) {
	t.Helper()
	fields, q := o.make(c)
	q.at, q.script = next, c.up.add(&script{hold: true, most: enough})
	var keys []string
	for range o.keys {
		keys = append(keys, c.newKey("{%s}", fields))
	}
	c.exactly(t, enough, crowd, 422, q.script, func(i int) answer {
		q := q
		q.key = keys[i%len(keys)]
		return c.ask(q)
	})
	for at := range c.replicas {
		var sum int64
		eventually(t, fmt.Sprintf("replica %d says that the calls have cost what they have", at), func() bool {
			sum = 0
			for _, key := range keys {
				sum += c.spent(at, key)
			}
			return sum >= enough*cost
		})
		if sum != enough*cost {
			t.Errorf("replica %d says %s were spent, want %s", at, dollars(sum), dollars(enough*cost))
		}
	}
	for at := range c.replicas {
		q := q
		q.at, q.key = at, keys[0]
		if a := c.ask(q); a.status != 422 {
			t.Errorf("after all was booked, replica %d: %v", at, a)
		}
	}
}
