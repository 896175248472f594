package cli_test

import (
	"strings"
	"testing"

	emulator "outcrop/emulator/bedrock"
	"outcrop/emulator/bedrock/account"
	"outcrop/emulator/bedrock/policy"
)

// mantleModels are models at bedrock-mantle by each way to write them, with the Responses API, and with chat
// completions.
const mantleModels = `
model_list:
  - {model_name: granite, litellm_params: {model: bedrock_mantle/openai.gpt-5.6-sol}}
  - {model_name: basalt, litellm_params: {model: bedrock/openai.gpt-5.4}}
  - {model_name: gneis, litellm_params: {model: bedrock_mantle/qwen.qwen3-32b}}
`

func TestDoctorCallsModelsOfMantle(t *testing.T) {
	emulatedWith(t, emulator.Options{})
	code, out, errs := doctor(t, "--config", write(t, mantleModels))
	if code != 0 {
		t.Errorf("exit code %d:\n%s%s", code, out, errs)
	}
	for _, want := range []string{"openai.gpt-5.6-sol", "bedrock-mantle", "3 models can be called both with and without streaming"} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
	code, out, errs = doctor(t, "--config", write(t, mantleModels), "--region", "us-west-2", "--region", "us-east-2")
	if code != 0 || !strings.Contains(out, "6 models can be called") {
		t.Errorf("in other regions: exit code %d:\n%s%s", code, out, errs)
	}
}

func TestDoctorCallsWhatMantleHasBehindAWildcard(t *testing.T) {
	emulatedWith(t, emulator.Options{})
	code, out, errs := doctor(t, "--region", "eu-central-1", "--config", write(t, `
model_list:
  - {model_name: "bedrock/*", litellm_params: {model: "bedrock/*"}}
  - {model_name: "mantle/*", litellm_params: {model: "bedrock_mantle/*"}}
`))
	if code != 0 || !strings.Contains(out, "mantle/* as ") || !strings.Contains(out, "2 models can be called") {
		t.Errorf("exit code %d:\n%s%s", code, out, errs)
	}
}

func TestDoctorNamesTheModelsThatMantleDoesNotHave(t *testing.T) {
	emulatedWith(t, emulator.Options{})
	code, out, _ := doctor(t, "--config", write(t, `
model_list:
  - {model_name: granite, litellm_params: {model: bedrock_mantle/google.gemma-4-26b-a4b}}
  - {model_name: basalt, litellm_params: {model: bedrock/google.gemma-4-e2b}}
`))
	if code == 0 || strings.Contains(out, "'the model'") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	for _, want := range []string{
		"The model 'google.gemma-4-26b-a4b' does not exist", "The model 'google.gemma-4-e2b' does not exist", "google.gemma-4-26b-a4b is known to be in eu-central-1, us-east-2, us-west-2", "google.gemma-4-e2b is known to be in eu-central-1, us-east-2",
		"userguide/models-region-compatibility.html", "affects:        granite, basalt",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
}

func TestDoctorSaysWhichPermissionsMantleNeeds(t *testing.T) {
	rights := func(actions string) *account.Setup {
		p, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[` + actions + `],"Resource":"*"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		return &account.Setup{Users: []account.User{{Principal: account.Principal{Name: "demo", Policies: []*policy.Policy{p}}, APIKeys: []account.Secret{"ABSKbWFudGxl"}}}}
	}
	for _, tt := range []struct{ name, actions, key, says string }{
		{"no right to call", `"bedrock:*"`, "", `"bedrock-mantle:CreateInference"`},
		{"no right to use the key", `"bedrock:*","bedrock-mantle:CreateInference"`, "ABSKbWFudGxl", `"bedrock-mantle:CallWithBearerToken"`},
		{"both rights", `"bedrock:*","bedrock-mantle:*"`, "ABSKbWFudGxl", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			emulatedWith(t, emulator.Options{Setup: rights(tt.actions)})
			t.Setenv("BEDROCK_MANTLE_API_KEY", tt.key)
			code, out, errs := doctor(t, "--config", write(t, mantleModels), "--model", "granite", "--model", "gneis")
			switch {
			case tt.says == "" && code != 0:
				t.Errorf("exit code %d:\n%s%s", code, out, errs)
			case tt.says != "" && (code != 1 || !strings.Contains(out, tt.says) || !strings.Contains(out, "iam.") || strings.Count(out, "who can fix it:") != 1):
				t.Errorf("exit code %d, and the output must have %s:\n%s%s", code, tt.says, out, errs)
			}
		})
	}
}
