package tenant_test

import (
	"strings"
	"testing"
	"time"

	"outcrop/llm"
	"outcrop/quota"
	"outcrop/store"
	"outcrop/tenant"
)

// TestEachLimitRefusesInItsOwnWords makes a call that uses 20 tokens for 20 cents, and then another.
func TestEachLimitRefusesInItsOwnWords(t *testing.T) {
	t.Parallel()
	type doc = struct {
		kind store.Kind
		id   string
		doc  string
	}
	const budget, rate = "gateway.budget_exceeded", "gateway.rate_limited"
	for name, tt := range map[string]struct {
		key      string
		docs     []doc
		settings tenant.Settings
		customer string
		tags     []string
		held     bool // the first call is under way
		status   int
		class    string
		retry    string
		message  string
		fix      string
	}{
		"a key's budget": {
			key: `{"max_budget":0.2}`, status: 422, class: "budget_exceeded",
			message: "the budget of this key is used up: Budget has been exceeded! Current cost: 0.2, Max budget: 0.2.", fix: "Ask the gateway's operator to raise the budget.",
		},
		"a budget for a time": {
			key: `{"max_budget":"0.20","budget_duration":"1d"}`, settings: tenant.Settings{BudgetStatus: 429}, status: 429, class: "budget_exceeded",
			message: "the budget of this key is used up", fix: "The budget begins anew in 12h0m0s; the gateway's operator can raise it.",
		},
		"no budget":                {key: `{"max_budget":0}`, held: true, status: 422, class: "budget_exceeded", message: "Current cost: 0, Max budget: 0."},
		"one of several budgets":   {key: `{"budget_limits":[{"budget_duration":"1h","max_budget":0.2},{"budget_duration":"1d","max_budget":5}]}`, status: 422, class: "budget_exceeded", message: "the budget of this key for 1h is used up", fix: "in 1h0m0s"},
		"two budgets of one time":  {key: `{"budget_limits":[{"budget_duration":"1h","max_budget":0.2},{"budget_duration":"1h","max_budget":5}]}`, status: 422, class: "budget_exceeded", message: "Max budget: 0.2."},
		"a model's budget":         {key: `{"model_max_budget":{"m":{"budget_limit":0.2,"time_period":"1d"}}}`, status: 422, class: "budget_exceeded", message: `the budget of this key for the model "m" is used up`, fix: "in 12h0m0s"},
		"a key's requests":         {key: `{"rpm_limit":1}`, status: 429, class: "throttling_error", retry: "60", message: "Rate limit exceeded for this key: 1 requests a minute. Limit type: requests.", fix: "Send the request again after 60 s."},
		"a key's tokens":           {key: `{"tpm_limit":20}`, status: 429, class: "throttling_error", retry: "60", message: "Rate limit exceeded for this key: 20 tokens a minute, of which 0 are left. Limit type: tokens."},
		"a key's parallel calls":   {key: `{"max_parallel_requests":1}`, held: true, status: 429, class: "throttling_error", retry: "1", message: "Rate limit exceeded for this key: 1 calls at a time. Limit type: max_parallel_requests.", fix: "Wait for one of the calls to end."},
		"a model's requests":       {key: `{"metadata":{"model_rpm_limit":{"m":1,"n":5}}}`, status: 429, class: "throttling_error", retry: "60", message: `this key for the model "m": 1 requests`},
		"a model's tokens":         {key: `{"metadata":{"model_tpm_limit":{"m":20}}}`, status: 429, class: "throttling_error", retry: "60", message: `this key for the model "m": 20 tokens`},
		"the key's named budget":   {key: `{"budget_id":"b"}`, docs: []doc{{store.KindBudget, "b", `{"max_budget":0.2,"budget_duration":"30d"}`}}, status: 422, class: "budget_exceeded", message: "the budget of this key is used up", fix: "in 492h0m0s"},
		"the key's before another": {key: `{"budget_id":"b","rpm_limit":1}`, docs: []doc{{store.KindBudget, "b", `{"rpm_limit":100}`}}, status: 429, class: "throttling_error", retry: "60", message: "1 requests"},
		"the team's budget":        {key: `{"team_id":"t"}`, docs: []doc{{store.KindTeam, "t", `{"max_budget":0.2}`}}, status: 422, class: "budget_exceeded", message: "the budget of the team t is used up"},
		"a member's budget":        {key: `{"team_id":"t","user_id":"u"}`, docs: []doc{{store.KindTeam, "t", `{"team_member_budget":9}`}, {store.KindMember, "t/u", `{"max_budget_in_team":0.2}`}}, status: 422, class: "budget_exceeded", message: "the budget of the user u in the team t is used up"},
		"every member's budget":    {key: `{"team_id":"t","user_id":"u"}`, docs: []doc{{store.KindTeam, "t", `{"team_member_budget":0.2,"team_member_budget_duration":"1d"}`}}, status: 422, class: "budget_exceeded", message: "the budget of the user u in the team t is used up", fix: "in 12h0m0s"},
		"every member's requests":  {key: `{"team_id":"t","user_id":"u"}`, docs: []doc{{store.KindTeam, "t", `{"team_member_rpm_limit":1}`}}, status: 429, class: "throttling_error", retry: "60", message: "the user u in the team t: 1 requests"},
		"the project's budget":     {key: `{"team_id":"t","project_id":"p"}`, docs: []doc{{store.KindProject, "p", `{"max_budget":0.2,"budget_duration":"1d"}`}}, status: 422, class: "budget_exceeded", message: "the budget of the project p is used up", fix: "in 12h0m0s"},
		"the project's named one":  {key: `{"project_id":"p"}`, docs: []doc{{store.KindBudget, "b", `{"max_budget":0.2}`}, {store.KindProject, "p", `{"budget_id":"b"}`}}, status: 422, class: "budget_exceeded", message: "the budget of the project p is used up"},
		"the project's model":      {key: `{"project_id":"p"}`, docs: []doc{{store.KindProject, "p", `{"metadata":{"model_rpm_limit":{"m":1}}}`}}, status: 429, class: "throttling_error", retry: "60", message: `the project p for the model "m": 1 requests`},
		"the project's prompts":    {key: `{"project_id":"p"}`, docs: []doc{{store.KindProject, "p", `{"metadata":{"model_itpm_limit":{"m":10}}}`}}, status: 429, class: "throttling_error", retry: "60", message: `the project p for the model "m": 10 tokens of prompts a minute`},
		"the project's responses":  {key: `{"project_id":"p"}`, docs: []doc{{store.KindProject, "p", `{"metadata":{"model_otpm_limit":{"m":10}}}`}}, status: 429, class: "throttling_error", retry: "60", message: `the project p for the model "m": 10 tokens of responses a minute`},
		"the user's budget":        {key: `{"user_id":"u"}`, docs: []doc{{store.KindUser, "u", `{"max_budget":0.2}`}}, status: 422, class: "budget_exceeded", message: "the budget of the user u is used up"},
		"the user's rate in teams": {key: `{"team_id":"t","user_id":"u"}`, docs: []doc{{store.KindUser, "u", `{"max_budget":0,"rpm_limit":1}`}}, status: 429, class: "throttling_error", retry: "60", message: "Rate limit exceeded for the user u: 1 requests"},
		"the organization's":       {key: `{"team_id":"t"}`, docs: []doc{{store.KindTeam, "t", `{"organization_id":"o"}`}, {store.KindOrganization, "o", `{"max_budget":0.2}`}}, status: 422, class: "budget_exceeded", message: "the budget of the organization o is used up"},
		"the customer's":           {key: `{}`, customer: "c", docs: []doc{{store.KindCustomer, "c", `{"budget_id":"b"}`}, {store.KindBudget, "b", `{"max_budget":0.2}`}}, status: 422, class: "budget_exceeded", message: "the budget of the customer c is used up"},
		"a customer's model":       {key: `{}`, customer: "c", docs: []doc{{store.KindCustomer, "c", `{"model_max_budget":{"m":{"max_budget":0.2}}}`}}, status: 422, class: "budget_exceeded", message: `the budget of the customer c for the model "m" is used up`},
		"a blocked customer":       {key: `{}`, customer: "c", held: true, docs: []doc{{store.KindCustomer, "c", `{"blocked":true}`}}, status: 401, class: "auth_error", message: "the customer c is blocked."},
		"a tag's":                  {key: `{}`, tags: []string{"x", "y"}, docs: []doc{{store.KindTag, "y", `{"max_budget":0.2}`}}, status: 422, class: "budget_exceeded", message: "the budget of the tag y is used up"},
		"a tag of the key":         {key: `{"metadata":{"tags":["y"]}}`, docs: []doc{{store.KindTag, "y", `{"rpm_limit":1}`}}, status: 429, class: "throttling_error", retry: "60", message: "the tag y: 1 requests"},
		"a tag of the team":        {key: `{"team_id":"t"}`, docs: []doc{{store.KindTeam, "t", `{"metadata":{"tags":["y"]}}`}, {store.KindTag, "y", `{"rpm_limit":1}`}}, status: 429, class: "throttling_error", retry: "60", message: "the tag y: 1 requests"},
		"the gateway's":            {key: `{}`, settings: tenant.Settings{MaxBudget: llm.Some(llm.Cost(2e11))}, status: 422, class: "budget_exceeded", message: "the budget of this gateway is used up"},
		"more than is left":        {key: `{"max_budget":0.3}`, settings: tenant.Settings{Full: true}, status: 422, class: "budget_exceeded", message: "the call may cost up to 0.2, and the budget of this key has 0.1 left of 0.3."},
		"too many tags":            {key: `{}`, held: true, tags: strings.Split(strings.Repeat("x,", 20)+"a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,y,z,1,2,3,4,5,6,7,8", ","), status: 400, message: "at most 32 are possible"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := begin(t, tt.settings)
			w.key(tt.key)
			for _, d := range tt.docs {
				w.put(d.kind, d.id, d.doc)
			}
			req := call(10)
			req.Customer, req.Tags = tt.customer, tt.tags
			switch ch, err := w.begins(req); {
			case err == nil && tt.held:
				defer w.settle(ch, 10)
			case err == nil:
				w.settle(ch, 10)
			case !tt.held:
				t.Fatal(err)
			}
			e := w.fails(req)
			if e.Status != tt.status || e.Class != tt.class || e.RetryAfter != tt.retry || !strings.Contains(e.Message, tt.message) || !strings.Contains(e.Fix, tt.fix) {
				t.Errorf("%d %s, Retry-After %q: %s %s", e.Status, e.Class, e.RetryAfter, e.Message, e.Fix)
			}
			switch want := string(e.Code); {
			case tt.class == "budget_exceeded" && want != budget, tt.class == "throttling_error" && want != rate:
				t.Errorf("the code is %s", e.Code)
			}
		})
	}
}

func TestLimitsBeginAnew(t *testing.T) {
	t.Parallel()
	w := begin(t, tenant.Settings{})
	w.key(`{"rpm_limit":1,"max_budget":0.2,"budget_duration":"1d"}`)
	w.settle(w.passes(call(10)), 5)
	w.pass(time.Minute)
	w.settle(w.passes(call(10)), 5)
	w.pass(time.Minute)
	if e := w.fails(call(10)); e.Code != llm.CodeBudget {
		t.Error(e)
	}
	w.pass(12 * time.Hour)
	w.settle(w.passes(call(10)), 5)
}

func TestACallReservesOfEverythingOrNothing(t *testing.T) {
	t.Parallel()
	w := begin(t, tenant.Settings{})
	w.key(`{"max_budget":0.4,"rpm_limit":2,"max_parallel_requests":1,"team_id":"t"}`)
	w.put(store.KindTeam, "t", `{"max_budget":10}`)
	under := w.passes(call(10))
	for range 5 { // each fails for the parallel calls, and must give the money back
		if e := w.fails(call(10)); e.Code != llm.CodeRateLimited || !strings.Contains(e.Message, "at a time") {
			t.Fatal(e)
		}
	}
	w.settle(under, 10)
	w.settle(w.passes(call(10)), 10) // and the request
	if e := w.fails(call(10)); e.Code != llm.CodeBudget {
		t.Error(e)
	}
}

func TestACallOfAnAgentReservesWhatIsLeft(t *testing.T) {
	t.Parallel()
	for name, doc := range map[string]string{"money": `{"max_budget":50}`, "tokens": `{"tpm_limit":5000}`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := begin(t, tenant.Settings{})
			w.key(doc)
			agent := w.passes(call(128_000))
			if e := w.fails(call(1)); e.Status/100 != 4 {
				t.Errorf("beside a call that has reserved all: %v", e)
			}
			w.settle(agent, 10)
			agent = w.passes(call(128_000)) // 4,980 are left
			w.settle(agent, 5000)           // which was 30 more
			if e := w.fails(call(1)); e.Status/100 != 4 {
				t.Errorf("after all is used: %v", e)
			}
		})
	}
}

// TestACallThatBoundsItselfIsWithinALimitOfTokens has calls of 10 tokens and at most 40 more.
func TestACallThatBoundsItselfIsWithinALimitOfTokens(t *testing.T) {
	t.Parallel()
	w := begin(t, tenant.Settings{})
	w.key(`{"tpm_limit":100}`)
	one, other := w.passes(call(40)), w.passes(call(40))
	w.settle(one, 20)
	if e := w.fails(call(40)); e.Status != 429 {
		t.Errorf("20 tokens are left for 50: %v", e)
	}
	last := w.passes(call(10))
	w.settle(other, 40)
	w.settle(last, 10)
	if e := w.fails(call(1)); e.Status != 429 {
		t.Errorf("all 100 are used: %v", e)
	}
}

func TestACallOfAnAgentWaitsForAsManyTokensAsResponsesUsuallyHave(t *testing.T) {
	t.Parallel()
	w := begin(t, tenant.Settings{})
	w.key(`{"tpm_limit":5000}`)
	w.settle(w.passes(call(4500)), 4100)
	if e := w.fails(call(128_000)); e.Status != 429 {
		t.Errorf("890 tokens are left: %v", e)
	}
	w.settle(w.passes(call(500)), 0)
}

func TestWhatACallMayUse(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		key      string
		settings tenant.Settings
		estimate tenant.Estimate
		want     string // cents
	}{
		"what it bounds":               {estimate: tenant.Estimate{Prompt: 10, Output: 7, MostOutput: 50, Times: 1}, want: "0.17"},
		"what the model can":           {estimate: tenant.Estimate{Prompt: 10, MostOutput: 50, Times: 1}, want: "0.6"},
		"no more than the model can":   {estimate: tenant.Estimate{Prompt: 10, Output: 1_000_000, MostOutput: 50, Times: 1}, want: "0.6"},
		"what the operator says":       {settings: tenant.Settings{EstimatedOutput: 5}, estimate: tenant.Estimate{Prompt: 10, MostOutput: 50, Times: 1}, want: "0.15"},
		"what the key says":            {key: `,"metadata":{"default_estimated_output_tokens":6}`, settings: tenant.Settings{EstimatedOutput: 5}, estimate: tenant.Estimate{Prompt: 10, MostOutput: 50, Times: 1}, want: "0.16"},
		"something, if nobody says it": {estimate: tenant.Estimate{Prompt: 10, Times: 1}, want: "41.06"},
		"several responses":            {estimate: tenant.Estimate{Prompt: 30, Output: 7, Times: 3}, want: "0.51"},
		"no text":                      {estimate: tenant.Estimate{Prompt: 10, Output: -1, MostOutput: 50, Times: 1}, want: "0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.settings.Full = true
			w := begin(t, tt.settings)
			w.key(`{"max_budget":0.01` + tt.key + `}`)
			tt.estimate.Cost = cent
			e := w.fails(&tenant.Request{Model: "m", Estimate: func() tenant.Estimate { return tt.estimate }})
			if want := "the call may cost up to " + tt.want + ", "; !strings.Contains(e.Message, want) {
				t.Errorf("%q, want %q", e.Message, want)
			}
		})
	}
}

func TestATemporaryIncreaseOfABudgetEnds(t *testing.T) {
	t.Parallel()
	for name, doc := range map[string]string{
		"of a key":    `{"max_budget":0.2,"metadata":{"temp_budget_increase":0.2,"temp_budget_expiry":"2026-06-10T13:00:00Z"}}`,
		"of a member": `{"team_id":"t","user_id":"u"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := begin(t, tenant.Settings{})
			w.key(doc)
			w.put(store.KindTeam, "t", `{}`)
			w.put(store.KindMember, "t/u", `{"max_budget_in_team":0.2,"temp_budget_increase":0.2,"temp_budget_expiry":"2026-06-10T13:00:00Z"}`)
			w.settle(w.passes(call(10)), 10)
			w.settle(w.passes(call(10)), 0)
			w.pass(time.Hour)
			if e := w.fails(call(10)); e.Code != llm.CodeBudget || !strings.Contains(e.Message, "Max budget: 0.2.") {
				t.Error(e)
			}
		})
	}
}

func TestWhenCountersAreAway(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		open bool
		doc  string
	}{
		"money, closed": {doc: `{"max_budget":1}`},
		"money, open":   {doc: `{"max_budget":1}`, open: true},
		"rates, closed": {doc: `{"rpm_limit":1}`},
		"rates, open":   {doc: `{"rpm_limit":1}`, open: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := (&world{t: t, time: noon()}).over(tenant.Settings{OpenWhenAway: tt.open}, away{}, away{})
			w.key(tt.doc)
			if !tt.open {
				if e := w.fails(call(1)); e.Status != 503 || e.Code != llm.CodeLimitsAway || e.RetryAfter != "1" {
					t.Errorf("%+v", e)
				}
				return
			}
			row := w.settle(w.passes(call(1)), 1) // it counts all the same, when the counters are there again
			if c := charge(row, "key:"+tenant.Hash(key)+"/spend"); c.Units != 11e10 || c.Taken != 0 {
				t.Errorf("%+v", c)
			}
		})
	}
}

// charge is a row's charge of a counter; the zero Charge if there is none.
func charge(row store.Row, counter string) (c store.Charge) {
	for _, c = range row.Charges {
		if c.Counter == counter {
			return c
		}
	}
	return store.Charge{}
}

func TestWhatIsSettled(t *testing.T) {
	t.Parallel()
	w := begin(t, tenant.Settings{MaxBudget: llm.Some(llm.Cost(1e13))})
	w.key(`{"key_alias":"alias","team_id":"t","user_id":"u","max_budget":0.15,"metadata":{"tags":["b","a"]},"model_max_budget":{"m":{"budget_limit":9,"time_period":"1d"},"n":{"budget_limit":0}}}`)
	w.put(store.KindTeam, "t", `{"organization_id":"o","metadata":{"tags":["a"]}}`)
	w.put(store.KindUser, "u", `{"max_budget":0,"budget_duration":"1h"}`)
	w.put(store.KindCustomer, "c", `{"model_max_budget":{"n":{"budget_limit":0}}}`)
	req := call(10)
	req.Customer, req.Tags = "c", []string{"z", "b"}
	row := w.settle(w.passes(req), 10)
	if row.Key != tenant.Hash(key) || row.KeyAlias != "alias" || row.Team != "t" || row.User != "u" || row.Organization != "o" || row.Customer != "c" || strings.Join(row.Tags, " ") != "a b z" {
		t.Errorf("%+v", row)
	}
	taken := map[string]int64{ // what was reserved: of the key's budget all that was left
		"key:" + tenant.Hash(key) + "/spend": 15e10, "key:" + tenant.Hash(key) + "/spend@model:m": 20e10, "proxy:/spend": 20e10,
		"team:t/spend": 0, "member:t/u/spend": 0, "user:u/spend": 0, "organization:o/spend": 0, "customer:c/spend": 0, "tag:a/spend": 0, "tag:b/spend": 0, "tag:z/spend": 0,
	}
	for _, c := range row.Charges {
		want, ok := taken[c.Counter]
		if delete(taken, c.Counter); !ok || c.Units != 20e10 || c.Taken != want || c.Taken > 0 != (c.Period > 0) {
			t.Errorf("%+v", c)
		}
		if c.Counter == "user:u/spend" && c.Window != (quota.Window{Length: time.Hour, Anchor: noon()}) {
			t.Errorf("the user's money is counted for %+v", c.Window)
		}
	}
	if len(taken) > 0 {
		t.Errorf("not charged: %v", taken)
	}
}

func TestTheMasterKeyIsUnderTheGatewaysBudgetOnly(t *testing.T) {
	t.Parallel()
	w := begin(t, tenant.Settings{MaxBudget: llm.Some(llm.Cost(2e11)), BudgetDuration: "1d"})
	c := w.directory.Master()
	if c.Role != tenant.RoleAdmin || c.UserID != "default_user_id" || c.Hash != "" || c.Route("/v1/models") != nil {
		t.Errorf("%+v", c)
	}
	ch, err := c.Begin(t.Context(), call(10))
	if err != nil {
		t.Fatal(err)
	}
	if row := w.settle(ch, 10); row.User != "default_user_id" || charge(row, "user:default_user_id/spend").Units != 20e10 || charge(row, "proxy:/spend").Taken != 20e10 {
		t.Errorf("%+v", row)
	}
	_, err = c.Begin(t.Context(), call(10))
	if e := refusal(t, err); e.Code != llm.CodeBudget || !strings.Contains(e.Fix, "in 12h0m0s") {
		t.Error(e)
	}
	if err := c.Check(call(10)); err != nil { // a call that uses nothing needs no budget
		t.Error(err)
	}
}

// BenchmarkBegin begins and settles a call of a key with a budget, limits of requests, tokens and parallel calls, and
// a team with a budget.
func BenchmarkBegin(b *testing.B) {
	w := begin(b, tenant.Settings{})
	w.key(`{"max_budget":1000000,"rpm_limit":1000000000,"tpm_limit":1000000000000,"max_parallel_requests":100,"team_id":"t"}`)
	w.put(store.KindTeam, "t", `{"max_budget":1000000}`)
	req := call(10)
	b.ReportAllocs()
	for b.Loop() {
		c, err := w.directory.Caller(b.Context(), key)
		if err != nil {
			b.Fatal(err)
		}
		ch, err := c.Begin(b.Context(), req)
		if err != nil {
			b.Fatal(err)
		}
		w.rows = w.rows[:0]
		ch.Settle(&store.Row{RequestID: "r", Input: 10, Output: 10, Cost: 1000})
	}
}

// A call is covered by the budget that has least. While the counters are away, it goes on.
func TestCover(t *testing.T) {
	w := begin(t, tenant.Settings{EndStreams: true})
	w.put(store.KindTeam, "t", `{"max_budget":0.5}`)
	w.key(`{"team_id":"t","max_budget":0.4}`)
	ch, other := w.passes(call(10)), w.passes(call(5)) // 0.20 and 0.15 of 0.40
	if n, err := ch.Cover(t.Context(), 1e11); n != 2e11 || err != nil {
		t.Errorf("what was reserved covers %s, %v", n, err)
	}
	if n, err := ch.Cover(t.Context(), 23e10); n < 23e10 || n > 25e10 || err != nil {
		t.Errorf("what is left covers %s, %v", n, err)
	}
	_, err := ch.Cover(t.Context(), 26e10)
	if e := refusal(t, err); e.Code != llm.CodeBudget || e.Status != 422 || !strings.Contains(e.Message, "the budget of this key is used up") {
		t.Errorf("%+v", e)
	}
	w.settle(other, 0)
	if n, err := ch.Cover(t.Context(), 26e10); n < 26e10 || err != nil {
		t.Errorf("what another call has not used covers %s, %v", n, err)
	}
	w.settle(ch, 15)
	w.key(`{}`)
	free := w.passes(call(10))
	if n, err := free.Cover(t.Context(), 1e12); n < 1e12 && err == nil {
		t.Errorf("more than the team's budget is covered by %s", n)
	}
	free.Cancel()
}
