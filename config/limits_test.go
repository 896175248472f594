package config

import (
	"testing"

	"outcrop/llm"
)

func TestLimitsOfDeploymentsAndProviders(t *testing.T) {
	cfg, problems := Load(source("c.yaml", `
model_list:
  - model_name: a
    litellm_params: {model: bedrock/amazon.nova-pro-v1:0, rpm: 10, tpm: "2_000", itpm: 30, otpm: 40, max_budget: 0.5, budget_duration: 7d}
    model_info: {id: first}
  - model_name: b
    litellm_params: {model: bedrock/amazon.nova-lite-v1:0, max_parallel_requests: 2}
    model_info: {id: second}
  - model_name: c
    litellm_params: {model: bedrock/amazon.nova-lite-v1:0, litellm_credential_name: shared, rpm: 3}
    model_info: {id: third}
credential_list: [{credential_name: shared, credential_values: {rpm: 1, tpm: 77}}]
litellm_settings: {max_budget: 5000000}
router_settings:
  default_max_parallel_requests: 9
  provider_budget_config:
    bedrock: {budget_limit: 100, time_period: 1d}
    gemini: {max_budget: 1, budget_duration: 1mo}
general_settings: {master_key: sk-1, global_max_parallel_requests: 50, max_parallel_requests: 5, token_rate_limit_type: output}
`))
	if cfg == nil {
		t.Fatal(problems)
	}
	dollars := func(n float64) llm.Opt[llm.Cost] { return llm.Some(llm.Cost(n * 1e12)) }
	bedrock := llm.Budget{Most: dollars(100), Duration: "1d"}
	want := []llm.Limits{
		{
			Deployment: "first", Provider: "bedrock", Requests: llm.Some(int64(10)), Tokens: llm.Some(int64(2000)), Input: llm.Some(int64(30)), Output: llm.Some(int64(40)),
			Parallel: llm.Some(int64(9)), Budget: llm.Budget{Most: dollars(0.5), Duration: "7d"}, ProviderBudget: bedrock,
		},
		{Deployment: "second", Provider: "bedrock", Parallel: llm.Some(int64(2)), ProviderBudget: bedrock},
		{Deployment: "third", Provider: "bedrock", Requests: llm.Some(int64(3)), Tokens: llm.Some(int64(77)), Parallel: llm.Some(int64(9)), ProviderBudget: bedrock},
	}
	for i := range want {
		if got := cfg.Models[i].Limits; got != want[i] {
			t.Errorf("%s: %+v, want %+v", cfg.Models[i].ID, got, want[i])
		}
	}
	a := &cfg.Accounting
	if a.MaxBudget != dollars(1e6) || a.GlobalParallel != llm.Some(int64(50)) || a.KeyParallel != llm.Some(int64(5)) || a.CountedTokens != OutputTokens || !a.Deployments {
		t.Errorf("%+v", a)
	}
}

func TestWindowsSlideIfTheOperatorWantsIt(t *testing.T) {
	for text, sliding := range map[string]bool{"": false, "outcrop_settings: {limits: {window: fixed}}": false, "outcrop_settings: {limits: {window: sliding}}": true} {
		cfg, problems := Load(source("c.yaml", "model_list: [{model_name: a, litellm_params: {model: bedrock/amazon.nova-pro-v1:0}}]\n"+text))
		if cfg == nil || cfg.Accounting.Sliding != sliding {
			t.Errorf("%q: %v", text, problems)
		}
	}
}

func TestWithoutLimitsNothingIsCounted(t *testing.T) {
	cfg, problems := Load(source("c.yaml", `model_list: [{model_name: a, litellm_params: {model: bedrock/amazon.nova-pro-v1:0}}]`))
	if cfg == nil || cfg.Accounting.Deployments || cfg.Models[0].Limits.Any() {
		t.Errorf("%+v, %v", cfg, problems)
	}
}

func TestABudgetOfAProviderWithoutAnAmountIsAnError(t *testing.T) {
	cfg, problems := Load(source("c.yaml", "model_list: []\nrouter_settings: {provider_budget_config: {openai: {time_period: 1d}}}"))
	if cfg != nil || len(problems) == 0 {
		t.Errorf("it is accepted: %v", problems)
	}
}

func TestBudgetsOfCustomersAndTags(t *testing.T) {
	cfg, problems := Load(source("c.yaml", `
model_list: []
litellm_settings:
  max_end_user_budget_id: gold
  max_end_user_budget: 0.0001
  tag_budget_config:
    red: {max_budget: 2, budget_duration: 1d}
    blue: {budget_limit: "3"}
`))
	if cfg == nil {
		t.Fatal(problems)
	}
	a := &cfg.Accounting
	if a.CustomerBudgetID != "gold" || a.CustomerBudget != llm.Some(llm.Cost(1e8)) || a.TagBudgets["red"] != (llm.Budget{Most: llm.Some(llm.Cost(2e12)), Duration: "1d"}) || a.TagBudgets["blue"] != (llm.Budget{Most: llm.Some(llm.Cost(3e12))}) {
		t.Errorf("%+v", a)
	}
	for _, wrong := range []string{"max_end_user_budget: -1", "max_end_user_budget: x", "max_end_user_budget_id: [a]", "tag_budget_config: {red: {budget_duration: 1d}}", "tag_budget_config: {red: {max_budget: 1, budget_duration: 1y}}", "tag_budget_config: {red: 5}"} {
		if cfg, _ := Load(source("c.yaml", "model_list: []\nlitellm_settings: {"+wrong+"}")); cfg != nil {
			t.Error(wrong, "is accepted")
		}
	}
}
