package tenant_test

import (
	"testing"

	"outcrop/llm"
	"outcrop/tenant"
)

// TestALimitOfAModelHoldsByOtherNames is about calls of a name for several models, such as one of router_settings.routing_groups: which of
// them serves a call is known only when a deployment is asked.
func TestALimitOfAModelHoldsByOtherNames(t *testing.T) {
	for name, tt := range map[string]struct {
		key  string
		code llm.Code
	}{
		"requests": {`{"metadata":{"model_rpm_limit":{"n":1}}}`, llm.CodeRateLimited},
		"tokens":   {`{"metadata":{"model_tpm_limit":{"n":20}}}`, llm.CodeRateLimited},
		"money":    {`{"model_max_budget":{"n":{"budget_limit":0.2,"time_period":"1d"}}}`, llm.CodeBudget},
	} {
		t.Run(name, func(t *testing.T) {
			w := begin(t, tenant.Settings{})
			w.key(tt.key)
			for range 2 { // the name has no limit, and neither has another model behind it
				ch := w.passes(call(10))
				if _, err := ch.Admission()(t.Context(), nil, "o"); err != nil {
					t.Fatal(err)
				}
				w.settle(ch, 10)
			}
			ch := w.passes(call(10))
			if _, err := ch.Admission()(t.Context(), &llm.Limits{Deployment: "d", Requests: some(9)}, "n"); err != nil {
				t.Fatal(err)
			}
			w.settle(ch, 10)
			ch = w.passes(call(10))
			_, err := ch.Admission()(t.Context(), nil, "n")
			if e := refusal(t, err); e.Code != tt.code {
				t.Errorf("by the name for several: %v", e)
			}
			if _, err := ch.Admission()(t.Context(), nil, "o"); err != nil {
				t.Errorf("the other model: %v", err)
			}
			w.settle(ch, 10)
			direct := call(10)
			direct.Asked, direct.Model, direct.Group = "n", "n", "n"
			if e := w.fails(direct); e.Code != tt.code {
				t.Errorf("by its own name: %v", e)
			}
		})
	}
}

// TestACallCountsOnceForALimit is about a deployment by whose name the call was counted already.
func TestACallCountsOnceForALimit(t *testing.T) {
	w := begin(t, tenant.Settings{})
	w.key(`{"metadata":{"model_rpm_limit":{"m":2}}}`)
	for range 2 {
		ch := w.passes(call(10))
		if _, err := ch.Admission()(t.Context(), nil, "m"); err != nil {
			t.Fatal(err)
		}
		w.settle(ch, 1)
	}
}

// TestARefusedDeploymentTakesNothingOfALimit is about a deployment that has no room itself.
func TestARefusedDeploymentTakesNothingOfALimit(t *testing.T) {
	w := begin(t, tenant.Settings{})
	w.key(`{"metadata":{"model_rpm_limit":{"n":1}}}`)
	ch := w.passes(call(10))
	full := &llm.Limits{Deployment: "d", Requests: some(0)}
	if _, err := ch.Admission()(t.Context(), full, "n"); err == nil {
		t.Fatal("the deployment has room")
	}
	if _, err := ch.Admission()(t.Context(), nil, "n"); err != nil {
		t.Errorf("the next deployment of the model: %v", err)
	}
	ch.Cancel()
}
