package llm

import (
	"testing"

	"outcrop/internal/jsonx"
)

func TestCostsThatProvidersState(t *testing.T) {
	u := &Usage{}
	u.State("cost", jsonx.Raw(`{"total_cost":0.0125,"text":"x","below":{"zero":-1}}`))
	u.State("plain", jsonx.Raw(`1e-05`))
	u.State("cost_in_usd_ticks", jsonx.Raw(`37756000`))
	u.State("half_ticks", jsonx.Raw(`0.5`))
	u.State("huge_ticks", jsonx.Raw(`9223372036854775807`))
	u.State("null", jsonx.Raw(`null`))
	u.State("absent", nil)
	for path, want := range map[string]string{
		"cost.total_cost": "0.0125", "plain": "0.00001", "cost_in_usd_ticks": "0.0037756", "cost": "", "cost.text": "", "cost.below.zero": "",
		"cost.total_cost.deeper": "", "half_ticks": "", "huge_ticks": "", "null": "", "absent": "", "": "",
	} {
		got, ok := u.StatedCost(path)
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("%q: %s %v, want %s", path, got, ok, want)
		}
	}
}
