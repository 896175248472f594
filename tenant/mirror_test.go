package tenant_test

import (
	"testing"

	"outcrop/llm"
	"outcrop/tenant"
)

func TestAMirroredCallIsPaidByWhoMadeTheOtherAndCountsForNoLimitOfCalls(t *testing.T) {
	t.Parallel()
	w := begin(t, tenant.Settings{})
	w.key(`{"models":["m"],"max_budget":0.5,"rpm_limit":2,"max_parallel_requests":1}`)
	of := func(model string) *tenant.Request {
		req := call(10)
		req.Asked, req.Model, req.Group, req.Mirrors = "", "quiet", "quiet", call(10)
		req.Mirrors.Asked, req.Mirrors.Model, req.Mirrors.Group = model, model, model
		return req
	}
	first := w.passes(call(10))
	w.settle(w.passes(of("m")), 10) // although a call is under way, and the key may not use the model
	w.settle(first, 10)
	w.settle(w.passes(call(10)), 10) // so that the mirrored one was none of the two
	if e := w.fails(of("m")); e.Code != llm.CodeBudget {
		t.Errorf("60 cents of 50 are spent: %v", e)
	}
	if e := w.fails(of("another")); e.Code != llm.CodeModelDenied {
		t.Errorf("the key may not make the call that is mirrored: %v", e)
	}
}

func TestRouterSettingsFromLiteLLMThatCannotBeReadHaveNoEffect(t *testing.T) {
	t.Parallel()
	w := begin(t, tenant.Settings{})
	w.key(`{"router_settings":"{\"num_retries\": 3, \"timeout\": \"soon\", \"fallbacks\": [{\"a\": [\"b\"]}], \"model_group_alias\": {}}"}`)
	r := w.caller().Routing()
	if r == nil || r.Retries != llm.Some(int64(3)) || r.Timeout != 0 {
		t.Fatalf("got %+v", r)
	}
	if general, window, _ := r.Lists("a", "a"); len(general) != 1 || general[0] != "b" || window != nil {
		t.Errorf("got %v and %v", general, window)
	}
	if general, _, _ := r.Lists("c", "c"); general == nil || len(general) > 0 {
		t.Errorf("a name that is not in the list has %v", general)
	}
	w.key(`{"router_settings":7}`)
	if w.caller().Routing() != nil {
		t.Error("what are no settings has an effect")
	}
}
