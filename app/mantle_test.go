package app_test

import (
	"os"
	"strings"
	"testing"

	"outcrop/app"
	"outcrop/config"
	"outcrop/provider/all"
)

func TestDemoLeadsModelsOfMantleToTheEmulator(t *testing.T) {
	t.Setenv("BEDROCK_MANTLE_API_BASE", "http://127.0.0.1:1")
	cfg, problems := config.Load(config.Source{
		Name: "config.yaml", LookupEnv: os.LookupEnv, Providers: all.Providers(),
		Data: []byte("model_list:\n  - {model_name: granite, litellm_params: {model: bedrock_mantle/openai.gpt-5.5, api_key: ABSKsomebody}}\n"),
	})
	if cfg == nil {
		t.Fatal(problems)
	}
	a := start(t, app.Options{Config: cfg, Emulate: true})
	resp, err := client.Post(a.URL()+"/v1/responses", "application/json", strings.NewReader(`{"model":"granite","input":"Hi"}`))
	if err != nil {
		t.Fatal(err)
	}
	if status, body := read(t, resp); status != 200 || resp.Header.Get("x-outcrop-target") != "api=responses; region=us-east-1; id=openai.gpt-5.5; note=emulator" {
		t.Errorf("got %d %v %s", status, resp.Header, body)
	}
}
