package tenant_test

import (
	"testing"
	"time"

	"outcrop/llm"
	"outcrop/store"
	"outcrop/tenant"
)

// TestSlidingLimitsHoldForEveryMinute makes a call that uses 20 tokens at once, another after 50 seconds, and a third when the
// first minute is over, which a window that begins with the first call lets pass.
func TestSlidingLimitsHoldForEveryMinute(t *testing.T) {
	t.Parallel()
	type doc struct {
		kind store.Kind
		id   string
		doc  string
	}
	for name, tt := range map[string]struct {
		key      string
		docs     []doc
		customer string
		tags     []string
		limits   llm.Limits
	}{
		"a key's requests":      {key: `{"rpm_limit":2}`},
		"a key's tokens":        {key: `{"tpm_limit":40}`},
		"a model's requests":    {key: `{"metadata":{"model_rpm_limit":{"m":2}}}`},
		"a model's tokens":      {key: `{"metadata":{"model_tpm_limit":{"m":40}}}`},
		"the team's":            {key: `{"team_id":"t"}`, docs: []doc{{store.KindTeam, "t", `{"rpm_limit":2}`}}},
		"the user's":            {key: `{"user_id":"u"}`, docs: []doc{{store.KindUser, "u", `{"tpm_limit":40}`}}},
		"the member's":          {key: `{"team_id":"t","user_id":"u"}`, docs: []doc{{store.KindTeam, "t", `{}`}, {store.KindMember, "t/u", `{"rpm_limit":2}`}}},
		"the organization's":    {key: `{"organization_id":"o"}`, docs: []doc{{store.KindOrganization, "o", `{"rpm_limit":2}`}}},
		"the customer's":        {key: `{}`, customer: "c", docs: []doc{{store.KindCustomer, "c", `{"rpm_limit":2}`}}},
		"a tag's":               {key: `{}`, tags: []string{"x"}, docs: []doc{{store.KindTag, "x", `{"tpm_limit":40}`}}},
		"a deployment's":        {key: `{}`, limits: llm.Limits{Deployment: "d", Requests: llm.Some(int64(2))}},
		"a deployment's output": {key: `{}`, limits: llm.Limits{Deployment: "d", Output: llm.Some(int64(20))}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := begin(t, tenant.Settings{Sliding: true})
			w.key(tt.key)
			for _, d := range tt.docs {
				w.put(d.kind, d.id, d.doc)
			}
			req := call(10)
			req.Customer, req.Tags = tt.customer, tt.tags
			try := func() error {
				ch, err := w.begins(req)
				if err != nil {
					return err
				}
				if _, err := ch.Admission()(t.Context(), &tt.limits, ""); err != nil {
					ch.Cancel()
					return err
				}
				w.settle(ch, 10)
				return nil
			}
			pass := func() {
				t.Helper()
				if err := try(); err != nil {
					t.Fatal(err)
				}
			}
			refuse := func(retry string) {
				t.Helper()
				if e := llm.AsError(try()); e == nil || e.Status != 429 || e.RetryAfter != retry {
					t.Fatalf("not refused for %s s: %+v", retry, e)
				}
			}
			pass()
			w.pass(50 * time.Second)
			pass()
			refuse("15")
			w.pass(12 * time.Second)
			refuse("3")
			w.pass(3 * time.Second)
			pass()
			refuse("50")
			w.pass(49 * time.Second)
			refuse("1")
			w.pass(time.Second)
			pass()
		})
	}
}

// TestStandingOfASlidingLimit checks what clients are told.
func TestStandingOfASlidingLimit(t *testing.T) {
	t.Parallel()
	w := begin(t, tenant.Settings{Sliding: true})
	w.key(`{"rpm_limit":3}`)
	w.settle(w.passes(call(10)), 10)
	w.pass(20 * time.Second)
	w.settle(w.passes(call(10)), 10)
	s, _ := w.caller().Standing()
	if want := (tenant.Rate{Set: true, Limit: 3, Left: 1, Resets: 45 * time.Second}); s.Requests != want {
		t.Errorf("%+v, want %+v", s.Requests, want)
	}
}
