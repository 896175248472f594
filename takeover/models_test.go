package takeover_test

import (
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"outcrop/config"
	"outcrop/internal/jsonx"
	"outcrop/internal/seal"
	"outcrop/provider/all"
	"outcrop/store"
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

// modelsIn are what a store has of models and credentials, opened with keys, by id.
func modelsIn(t *testing.T, s *store.Store, keys *seal.Keys) map[string]string {
	t.Helper()
	all := map[string]string{}
	for kind, member := range map[store.Kind]string{store.KindModel: "litellm_params", store.KindCredential: "credential_values"} {
		found, _, err := s.Entities(t.Context(), &store.Filter{Kind: kind})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range found {
			doc, err := jsonx.Members(e.Doc)
			if err != nil {
				t.Fatal(err)
			}
			values, err := jsonx.Members(jsonx.Find(doc, member))
			if err != nil {
				t.Fatal(err)
			}
			text := e.Alias
			for _, m := range values {
				plain, err := keys.Open(jsonx.Word(m.Value))
				if err != nil {
					plain = string(m.Value)
				}
				text += " " + m.Name + "=" + plain
			}
			all[e.ID] = text + " blocked=" + string(jsonx.Find(doc, "blocked"))
		}
	}
	return all
}

func TestModelsBecomeModelsOfTheStoreEncryptedForTheGateway(t *testing.T) {
	for _, to := range []string{"sk-right", "sk-of-the-gateway"} {
		l := newLiteLLM(t)
		fillModels(t, l, "sk-right")
		s, err := store.Open(t.Context(), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		take := func(check func(jsonx.Raw, map[string]jsonx.Raw) string) *takeover.Plan {
			t.Helper()
			p, err := takeover.Read(t.Context(), l.source(), time.Now())
			if err == nil {
				err = p.AddModels(t.Context(), l.source(), &takeover.ModelOptions{From: seal.NewKeys("sk-right"), To: seal.NewKeys(to), Check: check})
			}
			if err == nil {
				err = p.Write(t.Context(), s)
			}
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		table := func(p *takeover.Plan) takeover.Table {
			for _, table := range p.Tables {
				if table.Name == "LiteLLM_ProxyModelTable" {
					return *table
				}
			}
			return takeover.Table{}
		}
		p := take(func(entry jsonx.Raw, credentials map[string]jsonx.Raw) string {
			if strings.Contains(string(entry), `"named"`) {
				if !strings.Contains(string(credentials["shared"]), `sk-shared`) || !strings.Contains(string(entry), "anthropic/claude-sonnet-4-5") {
					t.Errorf("%s with %s is checked", entry, credentials)
				}
				return "nobody serves it"
			}
			return ""
		})
		if got := table(p); got.Rows != 4 || got.Taken != 3 || got.Created != 3 {
			t.Errorf("%+v", got)
		}
		if at := slices.IndexFunc(p.Left, func(l takeover.Left) bool { return l.Field == "named" }); at < 0 || !strings.Contains(p.Left[at].Reason, "nobody serves it") {
			t.Errorf("%+v", p.Left)
		}
		if got := table(take(nil)); got.Created != 1 || got.Unchanged != 3 {
			t.Errorf("the second time: %+v", got)
		}
		if got := table(take(nil)); got.Unchanged != 4 || got.Changed != 0 {
			t.Errorf("the third time: %+v", got)
		}
		want := map[string]string{
			"m1":     `best model=openai/gpt-5 api_key=sk-provider-secret timeout=7 blocked=`,
			"m2":     `claude model=bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0 aws_region_name=us-west-2 input_cost_per_token=0.000001 blocked=`,
			"m3":     `named model=anthropic/claude-sonnet-4-5 litellm_credential_name=shared blocked=`,
			"m4":     `shut model=openai/gpt-5 blocked=true`,
			"shared": `shared api_key=sk-shared "secret": # x blocked=`,
		}
		got := modelsIn(t, s, seal.NewKeys(to))
		for id, text := range want {
			if !sameWords(got[id], text) {
				t.Errorf("with the key %s: %s is %s, want %s", to, id, got[id], text)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%v", got)
		}
		// A change in LiteLLM comes over, a deletion too, and neither happens if the models are not read this time.
		l.exec(`UPDATE "LiteLLM_ProxyModelTable" SET litellm_params = litellm_params || '{"timeout": 9}' WHERE model_id = 'm1'`)
		if got := table(take(nil)); got.Changed != 1 || got.Unchanged != 3 {
			t.Errorf("after a change: %+v", got)
		}
		if got := modelsIn(t, s, seal.NewKeys(to))["m1"]; !strings.Contains(got, "timeout=9") || !strings.Contains(got, "api_key=sk-provider-secret") {
			t.Errorf("after a change: %s", got)
		}
		without, err := takeover.Read(t.Context(), l.source(), time.Now())
		if err == nil {
			err = without.Write(t.Context(), s)
		}
		if err != nil || len(modelsIn(t, s, seal.NewKeys(to))) != 5 {
			t.Errorf("without the models: %v, %v", err, modelsIn(t, s, seal.NewKeys(to)))
		}
		l.exec(`UPDATE "LiteLLM_ProxyModelTable" SET model_name = 'model_name_core_x', model_info = '{"team_id": "core", "team_public_model_name": "claude"}' WHERE model_id = 'm2'`)
		take(nil)
		if e := entity(t, s, store.KindModel, "m2"); e.TeamID != "core" || e.Alias != "model_name_core_x" || !strings.Contains(string(e.Doc), `"team_public_model_name":"claude"`) {
			t.Errorf("a team's model: %+v %s", e, e.Doc)
		}
		l.exec(`DELETE FROM "LiteLLM_ProxyModelTable" WHERE model_id = 'm1'`)
		if got := table(take(nil)); got.Deleted != 1 {
			t.Errorf("after a deletion: %+v", got)
		}
	}
}

// sameWords reports whether two texts have the same words: the columns of PostgreSQL have no order.
func sameWords(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

func TestAWrongSaltKeyIsAnError(t *testing.T) {
	l := newLiteLLM(t)
	fillModels(t, l, "sk-right")
	if _, err := takeover.ReadModels(t.Context(), l.source(), seal.NewKeys("sk-wrong", "")); !errors.Is(err, takeover.ErrWrongKey) {
		t.Errorf("%v", err)
	}
	p, err := takeover.Read(t.Context(), l.source(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	keys := seal.NewKeys("sk-wrong", "")
	if err := p.AddModels(t.Context(), l.source(), &takeover.ModelOptions{From: keys, To: keys}); !errors.Is(err, takeover.ErrWrongKey) {
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
