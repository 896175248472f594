package tenant

import (
	"testing"
	"time"

	"outcrop/quota"
	"outcrop/store"
)

// directory is one of an empty store in memory.
func directory(t *testing.T) (*Directory, *store.Store) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ledger := quota.NewLedger(quota.NewMemory(nil), quota.Options{})
	d, err := Open(t.Context(), Options{Store: s, Money: ledger, Rates: ledger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return d, s
}

// caller writes entities, and reads the caller of a key.
func caller(t *testing.T, secret string, entities ...store.Entity) (*Caller, error) {
	t.Helper()
	d, s := directory(t)
	if _, err := s.Change(t.Context(), &store.Change{Put: entities}); err != nil {
		t.Fatal(err)
	}
	return d.Caller(t.Context(), secret)
}

func key(secret, doc string) store.Entity {
	return store.Entity{Kind: store.KindKey, ID: Hash(secret), Doc: []byte(doc)}
}

func TestLimitsInTheMetadataHold(t *testing.T) {
	c, err := caller(t, "sk-a", key("sk-a", `{"max_budget":1,"metadata":{"model_rpm_limit":{"m":3},"model_tpm_limit":{"m":4},"default_estimated_output_tokens":9,"tags":["t"],
		"temp_budget_increase":2,"temp_budget_expiry":"2999-01-01T00:00:00"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.byModel) != 2 || c.byModel[0].most != 3 || c.byModel[1].most != 4 || c.estimated != 9 || len(c.tags) != 1 || c.limits[0].most != 3_000_000_000_000 {
		t.Errorf("%+v", c)
	}
}

func TestAKeyThatWasReplacedEndsWhenItIsRevokedOrItsSuccessorExpires(t *testing.T) {
	at := func(after time.Duration) string { return time.Now().Add(after).UTC().Format(time.RFC3339Nano) }
	for _, c := range []struct {
		revoked, expires string
		works            bool
	}{
		{at(time.Hour), "null", true},
		{at(-time.Hour), "null", false},
		{at(time.Hour), `"` + at(-time.Minute) + `"`, false},
		{at(-time.Minute), `"` + at(time.Hour) + `"`, false},
		{at(time.Hour), `"` + at(2*time.Hour) + `"`, true},
	} {
		old := store.Entity{Kind: store.KindOldKey, ID: Hash("sk-old"), Doc: []byte(`{"active_token_id":"` + Hash("sk-new") + `","revoke_at":"` + c.revoked + `"}`)}
		if _, err := caller(t, "sk-old", key("sk-new", `{"expires":`+c.expires+`}`), old); (err == nil) != c.works {
			t.Errorf("revoked at %s, expires at %s: %v", c.revoked, c.expires, err)
		}
	}
}

func TestABudgetAboveAMillionIsAMillion(t *testing.T) {
	c, err := caller(t, "sk-a", key("sk-a", `{"max_budget":2500000}`))
	if err != nil || c.limits[0].most != 1_000_000_000_000_000_000 {
		t.Errorf("%+v, %v", c, err)
	}
}
