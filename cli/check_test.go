package cli_test

import (
	"os"
	"strings"
	"testing"
)

func TestConfigCheckListsEverythingAtOnce(t *testing.T) {
	everything := write(t, `general_settings: {custom_auth: [/x]}     
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
		{"a limit is not counted as another error", "general_settings: {custom_auth: [models]}\nmodel_list: [{model_name: a, litellm_params: {model: bedrock/nova-lite}}]\n", nil, 2, []string{"\n  1 limit is not enforced; use --allow-unsupported to start without it\n"}},
		{"a limit that is allowed", "general_settings: {custom_auth: [models]}\nmodel_list: [{model_name: a, litellm_params: {model: bedrock/nova-lite}}]\n", []string{"--allow-unsupported"}, 0, []string{"1 model can be served", "\n  1 limit is not enforced\n"}},
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

// What is missing is said once: by the error about it, not also by a warning that follows from the error.
func TestAMissingVariableIsReportedOnce(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for _, name := range []string{"OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "AZURE_API_KEY", "AZURE_OPENAI_API_KEY", "NOT_SET"} {
		t.Setenv(name, "")
	}
	os.Unsetenv("NOT_SET")
	for name, params := range map[string]string{
		"openai":               "{model: openai/gpt-5.5, api_key: os.environ/NOT_SET}",
		"anthropic":            "{model: anthropic/claude-sonnet-5, api_key: os.environ/NOT_SET}",
		"gemini":               "{model: gemini/gemini-3.5-flash, api_key: os.environ/NOT_SET}",
		"azure":                "{model: azure/gpt-5.5, api_base: https://rocks.openai.azure.com, api_key: os.environ/NOT_SET}",
		"vertex_ai":            "{model: vertex_ai/gemini-3.5-flash, vertex_project: rocks-1, vertex_credentials: os.environ/NOT_SET}",
		"a missing file":       "{model: vertex_ai/gemini-3.5-flash, vertex_project: rocks-1, vertex_credentials: /none/a.json}",
		"a missing credential": "{model: openai/gpt-5.5, litellm_credential_name: none}",
	} {
		code, out, _ := typed(t, "", "config", "check", write(t, "model_list: [{model_name: a, litellm_params: "+params+"}]\n"))
		if code != 2 || strings.Count(out, "error: ") != 1 || strings.Contains(out, "warning: ") {
			t.Errorf("%s: exit code %d\n%s", name, code, out)
		}
	}
}

// Credentials of a machine on Google Cloud cannot be seen from another, so their absence is a warning.
func TestVertexAIWithoutCredentialsIsAWarning(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
	if product, err := os.ReadFile("/sys/class/dmi/id/product_name"); err == nil && strings.HasPrefix(string(product), "Google") {
		t.Skip("this machine is one of Google Cloud's")
	}
	code, out, _ := typed(t, "", "config", "check", write(t, "model_list: [{model_name: a, litellm_params: {model: vertex_ai/gemini-3.5-flash, vertex_project: rocks-1}}]\n"))
	if code != 0 {
		t.Errorf("exit code %d\n%s", code, out)
	}
	lacks(t, out, "vertex_credentials: there are no Google Cloud credentials on this machine", "1 model can be served", "1 warning")
}

func TestRetiredModelsOfEveryProviderAreWarnedOf(t *testing.T) {
	code, out, _ := typed(t, "", "config", "check", write(t, `model_list:
  - {model_name: a, litellm_params: {model: gemini/gemini-1.5-pro, api_key: k}}
  - {model_name: b, litellm_params: {model: gemini/gemini-3-pro-image-preview, api_key: k}}
  - {model_name: c, litellm_params: {model: vertex_ai/gemini-2.0-flash, vertex_project: rocks-1, api_key: k}}
  - {model_name: "g/*", litellm_params: {model: "gemini/*", api_key: k}}
`))
	if code != 0 {
		t.Errorf("exit code %d\n%s", code, out)
	}
	lacks(t, out,
		"config.yaml:2:45: warning: model_list[0].litellm_params.model: gemini-1.5-pro is retired: Google has shut it down; hint: Move to",
		"config.yaml:3:45: warning: model_list[1].litellm_params.model: gemini-3-pro-image-preview was to retire on 2026-06-25, according to LiteLLM's price map; hint: Move to gemini-3-pro-image.",
		"config.yaml:4:45: warning: model_list[2].litellm_params.model: gemini-2.0-flash is retired", "\n  3 warnings\n",
		"2 of 4 models can be served; 2 will probably fail when called")
}

func TestABareNameSaysWhoseAPIItMeans(t *testing.T) {
	for _, name := range []string{"OPENAI_API_KEY", "ANTHROPIC_API_KEY"} {
		t.Setenv(name, "")
	}
	_, out, _ := typed(t, "", "config", "check", write(t, `model_list:
  - {model_name: a, litellm_params: {model: claude-sonnet-5}}
  - {model_name: b, litellm_params: {model: bedrock/claude-sonnet-5}}
  - {model_name: c, litellm_params: {model: openai/gpt-5.5}}
  - {model_name: d, litellm_params: {model: nova-lite}}
`))
	lacks(t, out,
		"there is no API key for Anthropic; claude-sonnet-5 without a provider in front of it is a model of anthropic, as in LiteLLM; hint: set api_key, or the environment variable ANTHROPIC_API_KEY; to call it on bedrock, write bedrock/claude-sonnet-5\n",
		"there is no API key for OpenAI; hint: ", `"nova-lite" lacks the provider prefix; hint: write bedrock/nova-lite`)
}

func TestEveryKeyOfAFileIsListedWithWhatBecomesOfIt(t *testing.T) {
	emulated(t)
	file := write(t, "model_list:\n  - {model_name: granite, litellm_params: {model: bedrock/nova-lite, mock_response: hi}}\nlitellm_settings:\n  num_retries: 1\n  colour: red\n")
	code, out, _ := typed(t, "", "config", "check", "--keys", file)
	if code != 0 {
		t.Errorf("exit code %d\n%s", code, out)
	}
	lacks(t, out,
		"line  key                                         what becomes of it\n   2  model_list[0].model_name                    works\n",
		"\n   2  model_list[0].litellm_params.mock_response  has no effect: Use outcrop emulate bedrock.\n", "\n   4  litellm_settings.num_retries                works\n",
		"\n   5  litellm_settings.colour                     is unknown\n", "\n3 of 5 keys work; 1 has no effect, 1 is unknown\n")
	if code, out, _ = typed(t, "", "config", "schema"); code != 0 || !strings.HasPrefix(out, "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\"") {
		t.Errorf("exit code %d\n%.200s", code, out)
	}
}
