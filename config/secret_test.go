package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
)

func TestSecretsDoNotPrint(t *testing.T) {
	cfg, problems := Load(source("c.yaml", `
model_list:
- model_name: a
  litellm_params: {model: bedrock/a, api_key: swordfish, aws_region_name: us-east-1}
general_settings: {master_key: sk-swordfish}
environment_variables: {TOKEN: swordfish}
outcrop_settings: {aws_door: {access_keys: [{access_key_id: AKIDGATEWAY, secret_access_key: swordfish}]}}
`))
	if cfg == nil {
		t.Fatal(problems)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		for _, v := range []any{cfg, *cfg, cfg.General, cfg.General.MasterKey, cfg.Models[0], cfg.Models[0].Values, cfg.Environment, cfg.AccessKeys, cfg.AccessKeys[0]} {
			check(t, verb, fmt.Sprintf(verb, v))
		}
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "cfg", cfg, "key", cfg.General.MasterKey, "access", cfg.AccessKeys, "values", cfg.Models[0].Values)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "cfg", cfg, "key", cfg.General.MasterKey, "access", cfg.AccessKeys, "values", cfg.Models[0].Values)
	check(t, "slog", log.String())
	if b, err := json.Marshal(cfg); err == nil {
		check(t, "encoding/json", string(b))
	} else {
		t.Error(err)
	}
	if b, err := jsonx.Marshal(cfg.Models[0].Values); err == nil {
		check(t, "jsonx", string(b))
	} else {
		t.Error(err)
	}
	if got := cfg.General.MasterKey.Reveal(); got != "sk-swordfish" {
		t.Errorf("Reveal gives %q", got)
	}
	if got := fmt.Sprintf("%v %v", cfg.General.MasterKey, cfg.Models[0].Values); got != "[secret] [api_key aws_region_name]" {
		t.Errorf("printed as %q", got)
	}
}

func check(t *testing.T, how, text string) {
	t.Helper()
	for _, secret := range []string{"swordfish", fmt.Sprintf("%x", "swordfish"), fmt.Sprintf("%X", "swordfish")} {
		if strings.Contains(text, secret) {
			t.Errorf("%s shows a secret: %s", how, text)
		}
	}
}
