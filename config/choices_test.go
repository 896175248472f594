package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/llm"
	"outcrop/route"
)

func TestSomeModelsAreChosenInAnotherWay(t *testing.T) {
	const list = "model_list: []\nrouter_settings:\n  "
	cfg, problems := Load(source("c.yaml", list+`routing_groups: [{group_name: fast, models: [a, b], routing_strategy: latency-based-routing, routing_strategy_args: {lowest_latency_buffer: 0.5}}]
  model_group_affinity_config: {b: [session_affinity], c: []}`))
	if cfg == nil {
		t.Fatal(problems)
	}
	want := map[string]route.Choice{
		"a": {Strategy: route.Latency, LatencyBuffer: 0.5},
		"b": {Strategy: route.Latency, LatencyBuffer: 0.5, Affinity: llm.Some(route.BySession)},
		"c": {Affinity: llm.Some(route.Affinity(""))},

		"fast": {Strategy: route.Latency, LatencyBuffer: 0.5},
	}
	if diff := cmp.Diff(want, cfg.Routing.Names); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string][]string{"fast": {"a", "b"}}, cfg.Routing.Groups); diff != "" {
		t.Error(diff)
	}
	for text, says := range map[string]string{
		"routing_groups: [a]":                                                        "must be a mapping",
		"routing_groups: [{group_name: g, models: [a]}]":                             "must have a group_name",
		"routing_groups: [{group_name: g, models: [a], routing_strategy: slow}]":     "is no routing strategy",
		"routing_groups: [{group_name: g, models: [a], routing_strategy: priority}]": "groups by priority are not served",
		"routing_groups: [{group_name: g, models: [a], routing_strategy: least-busy}, {group_name: h, models: [a], routing_strategy: least-busy}]": `has "a", which the group "g" has too`,
		"model_group_affinity_config: {a: [sticky]}": "is no check that Outcrop knows",
		"model_group_affinity_config: {a: sticky}":   "must be a list",
	} {
		_, problems := Load(source("c.yaml", list+text))
		found := false
		for _, p := range problems {
			found = found || strings.Contains(p.String(), says)
		}
		if !found {
			t.Errorf("%s: %v", text, problems)
		}
	}
}

func TestRegionsOfDeploymentsAreRead(t *testing.T) {
	cfg, problems := Load(source("c.yaml", "model_list: [{model_name: a, litellm_params: {model: bedrock/x, region_name: eu, aws_region_name: eu-west-1}}, {model_name: b, litellm_params: {model: bedrock/x, region_name: eu-west-1}}]"))
	if cfg == nil {
		t.Fatal(problems)
	}
	if a, b := cfg.Models[0], cfg.Models[1]; a.Region != "eu" || b.Region != "" || a.Values["aws_region_name"] != b.Values["aws_region_name"] {
		t.Errorf("%q and %q, %v and %v", a.Region, b.Region, a.Values, b.Values)
	}
}
