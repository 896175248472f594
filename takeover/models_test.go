package takeover_test

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"outcrop/config"
	"outcrop/internal/seal"
	"outcrop/provider/all"
	"outcrop/takeover"
)

// sealed are values, encrypted with LiteLLM's own code by each of the keys of these tests: those that begin with gcm: by
// AES-256-GCM. Python is started once, because that takes seconds.
var sealed = sync.OnceValues(func() (map[string][]string, error) {
	const program = `
import base64, sys
from litellm.proxy.common_utils import encrypt_decrypt_utils as u
for key in ("sk-right", "sk-other"):
    for value in sys.argv[1:]:
        if value.startswith("gcm:"):
            print(u._encrypt_aes_gcm(value=value[4:], signing_key=key))
        else:
            print(base64.urlsafe_b64encode(u.encrypt_value(value=value, signing_key=key)).decode())
`
	values := []string{"openai/gpt-5", "sk-provider-secret", "gcm:bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", "gcm:us-west-2", "sk-shared \"secret\": # x", "anthropic/claude-sonnet-4-5", "shared"}
	cmd := exec.Command("../.cache/litellm/bin/python", append([]string{"-c", program}, values...)...)
	cmd.Env = append(cmd.Environ(), "LITELLM_LOCAL_MODEL_COST_MAP=True", "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("LiteLLM's encryption: %w", err)
	}
	all := strings.Fields(string(out))
	if len(all) != 2*len(values) {
		return nil, fmt.Errorf("LiteLLM's encryption: %d values", len(all))
	}
	return map[string][]string{"sk-right": all[:len(values)], "sk-other": all[len(values):]}, nil
})

// fillModels fills the tables of models as LiteLLM does: each text of the parameters is encrypted, and nothing else.
func fillModels(t *testing.T, l *litellm, key string) {
	t.Helper()
	all, err := sealed()
	if err != nil {
		t.Fatal(err)
	}
	v := all[key]
	// Old versions have written the usual alphabet.
	old := strings.NewReplacer("-", "+", "_", "/").Replace(v[1])
	l.insert("LiteLLM_ProxyModelTable", `{"model_id": "m1", "model_name": "best", "litellm_params": {"model": "`+v[0]+`", "api_key": "`+old+`", "timeout": 7, "api_base": null}, "model_info": {"id": "m1", "db_model": true}, "created_by": "admin", "updated_by": "admin"}`)
	l.insert("LiteLLM_ProxyModelTable", `{"model_id": "m2", "model_name": "claude", "litellm_params": {"model": "`+v[2]+`", "aws_region_name": "`+v[3]+`", "input_cost_per_token": 0.000001}, "created_by": "admin", "updated_by": "admin"}`)
	l.insert("LiteLLM_ProxyModelTable", `{"model_id": "m3", "model_name": "named", "litellm_params": {"model": "`+v[5]+`", "litellm_credential_name": "`+v[6]+`"}, "created_by": "admin", "updated_by": "admin"}`)
	l.insert("LiteLLM_ProxyModelTable", `{"model_id": "m4", "model_name": "shut", "litellm_params": {"model": "`+v[0]+`"}, "blocked": true, "created_by": "admin", "updated_by": "admin"}`)
	l.insert("LiteLLM_CredentialsTable", `{"credential_id": "c1", "credential_name": "shared", "credential_values": {"api_key": "`+v[4]+`"}, "credential_info": {"custom_llm_provider": "anthropic"}, "created_by": "admin", "updated_by": "admin"}`)
}

func TestModelsThatLiteLLMHasEncryptedBecomeAConfigurationThatLoads(t *testing.T) {
	const salt = "sk-right"
	l := newLiteLLM(t)
	fillModels(t, l, salt)
	m, err := takeover.ReadModels(t.Context(), l.source(), seal.NewKeys(salt, "sk-master"))
	if err != nil {
		t.Fatal(err)
	}
	if m.Models != 4 || m.TakenModels != 3 || m.Credentials != 1 || m.TakenCredentials != 1 || len(m.Left) != 1 || m.Left[0].Field != "shut" {
		t.Errorf("%d of %d models, %d of %d credentials, left %+v", m.TakenModels, m.Models, m.TakenCredentials, m.Credentials, m.Left)
	}
	cfg, problems := config.Load(config.Source{Name: "models.yaml", Data: m.YAML, Providers: all.Providers()})
	if cfg == nil || len(problems) > 0 {
		t.Fatalf("%v\n%s", problems, m.YAML)
	}
	for _, want := range []string{`model: "openai/gpt-5"`, `api_key: "sk-provider-secret"`, `timeout: 7`, `aws_region_name: "us-west-2"`, `api_key: "sk-shared \"secret\": # x"`, `litellm_credential_name: "shared"`} {
		if !strings.Contains(string(m.YAML), want) {
			t.Errorf("there is no %s in\n%s", want, m.YAML)
		}
	}
	if strings.Contains(string(m.YAML), "db_model") || strings.Contains(string(m.YAML), "null") {
		t.Errorf("%s", m.YAML)
	}
}

func TestModelsThatTheMasterKeyHasEncryptedAreRead(t *testing.T) {
	l := newLiteLLM(t)
	fillModels(t, l, "sk-other")
	for _, keys := range [][2]string{{"", "sk-other"}, {"sk-later-salt", "sk-other"}} {
		m, err := takeover.ReadModels(t.Context(), l.source(), seal.NewKeys(keys[0], keys[1]))
		if err != nil || m.TakenModels != 3 {
			t.Errorf("%v: %+v, %v", keys, m, err)
		}
	}
}

func TestAWrongSaltKeyIsAnError(t *testing.T) {
	l := newLiteLLM(t)
	fillModels(t, l, "sk-right")
	if _, err := takeover.ReadModels(t.Context(), l.source(), seal.NewKeys("sk-wrong", "")); !errors.Is(err, takeover.ErrWrongKey) {
		t.Errorf("%v", err)
	}
}

func TestARowWithAValueOfAnotherKeyIsLeftAndSaid(t *testing.T) {
	l := newLiteLLM(t)
	fillModels(t, l, "sk-right")
	all, err := sealed()
	if err != nil {
		t.Fatal(err)
	}
	l.exec(`UPDATE "LiteLLM_ProxyModelTable" SET litellm_params = litellm_params || '{"api_key": "` + all["sk-other"][1] + `"}' WHERE model_id = 'm1'`)
	m, err := takeover.ReadModels(t.Context(), l.source(), seal.NewKeys("sk-right", ""))
	if err != nil || m.TakenModels != 2 || len(m.Left) != 2 || !strings.Contains(m.Left[0].Reason, "litellm_params.api_key") {
		t.Errorf("%+v, %v", m, err)
	}
}
