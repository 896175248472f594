package tenant_test

import (
	"slices"
	"testing"

	"outcrop/store"
	"outcrop/tenant"
)

func TestTheGuardrailsOfAKeyAndOfWhatItBelongsTo(t *testing.T) {
	t.Parallel()
	w := begin(t, tenant.Settings{})
	w.key(`{"team_id":"t","user_id":"u","metadata":{"guardrails":["a"]}}`)
	w.put(store.KindTeam, "t", `{"organization_id":"o","metadata":{"guardrails":["b"]}}`)
	w.put(store.KindUser, "u", `{"metadata":{"guardrails":["c"]}}`)
	w.put(store.KindOrganization, "o", `{"guardrails":["d"],"metadata":{"guardrails":"anything"}}`)
	if got := w.caller().Guardrails(); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
		t.Errorf("got %q", got)
	}
}
