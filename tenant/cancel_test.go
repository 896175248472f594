package tenant_test

import (
	"testing"

	"outcrop/tenant"
)

func TestACancelledCallCountsNowhere(t *testing.T) {
	t.Parallel()
	w := begin(t, tenant.Settings{})
	w.key(`{"max_budget":0.2,"rpm_limit":1,"tpm_limit":20,"max_parallel_requests":1}`)
	w.passes(call(10)).Cancel()
	w.settle(w.passes(call(10)), 10)
	if len(w.rows) != 1 {
		t.Errorf("%d rows", len(w.rows))
	}
}
