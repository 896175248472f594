package cli_test

import (
	"strings"
	"testing"
)

func TestConfigCheckListsEverythingAtOnce(t *testing.T) {
	everything := write(t, `litellm_settings: {max_budget: 1}
model_list:
  - {model_name: a, litellm_params: {model: bedrock/nova-lte, aws_region_name: us-esat-1}}
  - {model_name: b, litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0, aws_region_name: eu-central-1}}
  - {model_name: c, litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0, aws_region_name: eu-central-9}}
  - {model_name: d, litellm_params: {model: "amazon.nova-lite-v1:0"}}
  - {model_name: e, litellm_params: {model: bedrock/nova-lte, aws_region_name: us east 1}}
  - {litellm_params: {model: bedrock/nova-lte}}
  - {model_name: f, litellm_params: {model: bedrock/deepseek-r1, aws_region_name: eu-central-1}}
`)
	for _, flags := range [][]string{nil, {"--skip-unsupported-models", "--allow-unsupported"}} {
		code, out, errs := typed(t, "", append([]string{"config", "check", everything}, flags...)...)
		if code != 2 || errs != "" {
			t.Errorf("%q: exit code %d: %s", flags, code, errs)
		}
		lacks(t, out,
			"config.yaml:1:20: ",
			"config.yaml:3:45: warning: model_list[0].litellm_params.model: no Bedrock model is known by the name nova-lte; hint: Did you mean",
			"config.yaml:3:80: warning: model_list[0].litellm_params.aws_region_name: us-esat-1 is not an AWS region; hint: did you mean us-east-1?",
			"config.yaml:4:96: warning: model_list[1].litellm_params.aws_region_name: us.amazon.nova-lite-v1:0 is not known to be callable from eu-central-1; hint: From there use eu.amazon.nova-lite-v1:0",
			"config.yaml:5:96: warning: model_list[2].litellm_params.aws_region_name: eu-central-9 is not an AWS region that this release of Outcrop knows",
			"config.yaml:6:45: error: model_list[3].litellm_params.model: \"amazon.nova-lite-v1:0\" lacks the provider prefix; hint: write bedrock/amazon.nova-lite-v1:0",
			"config.yaml:7:45: warning: model_list[4].litellm_params.model: no Bedrock model is known by the name nova-lte",
			"config.yaml:7:80: error: model_list[4].litellm_params.aws_region_name: \"us east 1\" is not",
			"config.yaml:8:5: error: model_list[5]: model_name is missing",
			"config.yaml:8:30: warning: model_list[5].litellm_params.model: no Bedrock model is known by the name nova-lte",
			"config.yaml:9:83: warning: model_list[6].litellm_params.aws_region_name: deepseek.r1-v1:0 is not known to be callable from eu-central-1; hint: It is callable from ",
			"\n  1 model lacks its provider prefix, such as bedrock/\n",
			"\n  2 other errors\n", "; the gateway cannot start with it\n")
	}
}

func TestConfigCheckCountsWhatCanBeServed(t *testing.T) {
	for _, tt := range []struct {
		name, config string
		flags        []string
		code         int
		out          []string
	}{
		{"an unknown region is doubtful", "model_list: [{model_name: a, litellm_params: {model: bedrock/nova-lite, aws_region_name: eu-central-9}}, {model_name: b, litellm_params: {model: bedrock/nova-lite, aws_region_name: us-east-1}}]\n", nil, 0, []string{"1 of 2 models can be served; 1 will probably fail when called"}},
		{"a misplaced limit has no effect", "general_settings: {max_budget: 3}\nmodel_list: [{model_name: a, litellm_params: {model: bedrock/nova-lite}}]\n", nil, 0, []string{"belongs under litellm_settings", "\n  1 setting has no effect\n"}},
		{"a limit is not counted as another error", "general_settings: {database_url: x}\nmodel_list: [{model_name: a, litellm_params: {model: bedrock/nova-lite}}]\n", nil, 2, []string{"\n  1 limit is not enforced; use --allow-unsupported to start without it\n"}},
		{"a limit that is allowed", "general_settings: {database_url: x}\nmodel_list: [{model_name: a, litellm_params: {model: bedrock/nova-lite}}]\n", []string{"--allow-unsupported"}, 0, []string{"1 model can be served", "\n  1 limit is not enforced\n"}},
		{"no model", "model_list: []\n", nil, 2, []string{"0 models can be served", "the gateway cannot serve any of its models"}},
		{"nothing", "", nil, 2, []string{"0 models can be served"}},
		{"only models that are skipped", "model_list: [{model_name: a, litellm_params: {model: replicate/x}}]\n", []string{"--skip-unsupported-models"}, 2, []string{"0 of 1 model can be served"}},
		{"only doubtful models", "model_list: [{model_name: a, litellm_params: {model: bedrock/nova-lte}}]\n", nil, 2, []string{"0 of 1 model can be served"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, out, errs := typed(t, "", append([]string{"config", "check", write(t, tt.config)}, tt.flags...)...)
			if code != tt.code || errs != "" || strings.Contains(out, "other error") {
				t.Errorf("exit code %d, want %d\n%s%s", code, tt.code, out, errs)
			}
			lacks(t, out, tt.out...)
		})
	}
}

func TestATypoInAPolicyIsReportedOnceWithASuggestion(t *testing.T) {
	file := write(t, `model_list:
  - {model_name: a, litellm_params: {model: bedrock/nova-lite}}
  - {model_name: b, litellm_params: {model: bedrock/nova-micro}}
outcrop_settings: {bedrock: {policy: {geographies: [europe], regions: [eu-centrl-1]}}}
`)
	const geography = `policy.geographies: "europe" is not a geography; did you mean eu?`
	_, out, _ := typed(t, "", "config", "check", file)
	lacks(t, out, geography, "policy.regions: eu-centrl-1 is not an AWS region; hint: did you mean eu-central-1?")
	if strings.Count(out, "europe") != 1 || strings.Count(out, "eu-centrl-1") != 1 {
		t.Errorf("a typo is reported more than once:\n%s", out)
	}
	code, _, errs := typed(t, "", "serve", "--port", "0", "--config", file)
	if code != 2 || strings.Count(errs, geography) != 1 {
		t.Errorf("serve: exit code %d\n%s", code, errs)
	}
	_, out, _ = typed(t, "", "config", "check", write(t, `model_list: [{model_name: a, litellm_params: {model: bedrock/nova-lite}}]
outcrop_settings: {bedrock: {policy: {geographies: [EU], regions: [EU-WEST-1], prefer: best}}}
`))
	lacks(t, out, `"EU" is not a geography; did you mean eu?`, "did you mean eu-west-1?", `"best" is neither`)
}
