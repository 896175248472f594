package config_test

import (
	"strings"
	"testing"
	"time"

	"outcrop/config"
	"outcrop/internal/jsonx"
	"outcrop/provider/all"
)

func TestAnEntryThatIsAddedIsReadAsThoseOfTheFile(t *testing.T) {
	cfg, problems := config.Load(config.Source{
		Name: "config.yaml", Providers: all.Providers(),
		LookupEnv: func(name string) (string, bool) { return "sk-of-the-environment", name == "KEY" },
		Data: []byte(`
model_list: [{model_name: a, litellm_params: {model: openai/a, api_key: k}}]
credential_list: [{credential_name: own, credential_values: {api_key: sk-own}}]
litellm_settings: {request_timeout: 7}
`),
	})
	if cfg == nil {
		t.Fatal(problems)
	}
	if !cfg.HasCredential("own") || cfg.HasCredential("added") {
		t.Error("the file's credential is not known, or another is")
	}
	credentials := map[string]jsonx.Raw{"added": jsonx.Raw(`{"api_key":"sk-added"}`), "own": jsonx.Raw(`{"api_key":"sk-wrong"}`)}
	for params, key := range map[string]string{
		`"api_key":"sk-\u0061"`:             "sk-a",
		`"api_key":"os.environ/KEY"`:        "sk-of-the-environment",
		`"litellm_credential_name":"added"`: "sk-added",
		`"litellm_credential_name":"own"`:   "sk-own",
	} {
		models, problems := cfg.Entry(&config.Addition{Path: "body", Credentials: credentials, Entry: jsonx.Raw(`{"model_name":"b","litellm_params":{"model":"openai/b",` + params + `},"model_info":{"id":"one"}}`)})
		if len(models) != 1 || len(problems) > 0 {
			t.Fatalf("%s: %v, %v", params, models, problems)
		}
		if m := &models[0]; m.Values["api_key"] != key || m.Timeout != 7*time.Second || m.ID != "one" || m.Provider != "openai" {
			t.Errorf("%s: %+v", params, m)
		}
	}
	for entry, says := range map[string]string{
		`[]`:                    "body: must be a mapping, not a list",
		`{"model_name":"b"}`:    "body: litellm_params is missing",
		`{"litellm_params":{}}`: "model_name is missing",
		`{"model_name":"b","litellm_params":{"model":"openai/b","timeout":"soon"}}`:                 `body.litellm_params.timeout: "soon" is not a number`,
		`{"model_name":"b","litellm_params":{"model":"openai/b","litellm_credential_name":"none"}}`: `credential_list has no entry "none"`,
		`{"model_name":"b","litellm_params":{"model":"nobody/b"}}`:                                  "body.litellm_params.model",
	} {
		models, problems := cfg.Entry(&config.Addition{Path: "body", Entry: jsonx.Raw(entry)})
		text := ""
		for _, p := range problems {
			text += p.String() + "\n"
		}
		if models != nil || !strings.Contains(text, says) {
			t.Errorf("%s: %v, %s", entry, models, text)
		}
	}
	if models, problems := (&config.Config{}).Entry(&config.Addition{}); models != nil || len(problems) != 1 {
		t.Errorf("without a file: %v, %v", models, problems)
	}
}
