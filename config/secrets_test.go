package config_test

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"outcrop/config"
	"outcrop/internal/jsonx"
	"outcrop/provider/all"
	"outcrop/secrets"
)

// world is a secret manager, an environment and files.
type world struct {
	secrets.Manager

	secrets, environ, files map[string]string
	denied                  []string // secrets that the manager refuses to give
	away                    *secrets.Error

	asked    [][]string // names, one list for each reading
	settings *secrets.Settings
}

func (w *world) Name() string { return "the manager" }

func (w *world) Read(_ context.Context, name string) (string, bool, error) {
	if slices.Contains(w.denied, name) {
		return "", false, &secrets.Error{Message: "cannot read " + name, Fix: "allow it"}
	}
	value, ok := w.secrets[name]
	return value, ok, nil
}

func (w *world) source(text string) config.Source {
	return config.Source{
		Name: "conf/config.yaml", Data: []byte(text), Providers: all.Providers(),
		LookupEnv: func(name string) (string, bool) { v, ok := w.environ[name]; return v, ok },
		ReadFile: func(name string) ([]byte, error) {
			if text, ok := w.files[name]; ok {
				return []byte(text), nil
			}
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		},
		Secrets: func(s *secrets.Settings, names []string) (map[string]secrets.Result, error) {
			w.asked, w.settings = append(w.asked, names), s
			if w.away != nil {
				return nil, w.away
			}
			return secrets.Fetch(context.Background(), w, "", names)
		},
	}
}

// load reads a configuration with a model whose key is at OPENAI_API_KEY, and settings of the general section.
func (w *world) load(settings string) (*config.Config, string) {
	return w.read("model_list: [{model_name: a, litellm_params: {model: openai/a, api_key: os.environ/OPENAI_API_KEY}}]\ngeneral_settings: {" + settings + "}\n")
}

func (w *world) read(text string) (*config.Config, string) {
	cfg, problems := config.Load(w.source(text))
	var lines strings.Builder
	for _, p := range problems {
		lines.WriteString(p.String() + "\n")
	}
	return cfg, lines.String()
}

const aws = "key_management_system: aws_secret_manager"

func TestSecretsPrecedeTheEnvironment(t *testing.T) {
	w := &world{secrets: map[string]string{"OPENAI_API_KEY": "sk-managed", "LITELLM_MASTER_KEY": "sk-managed-master"}, environ: map[string]string{"OPENAI_API_KEY": "sk-environ", "OTHER": "sk-other"}}
	cfg, problems := w.read(`
model_list:
- {model_name: a, litellm_params: {model: openai/a, api_key: os.environ/OPENAI_API_KEY}}
- {model_name: b, litellm_params: {model: openai/b, api_key: os.environ/OTHER}}
- {model_name: c, litellm_params: {model: openai/c, api_key: os.environ/OPENAI_API_KEY, extra_headers: {x-a: os.environ/NAMED}}}
environment_variables: {OPENAI_API_KEY: sk-file, NAMED: sk-named}
general_settings: {` + aws + `}
`)
	if cfg == nil || problems != "" {
		t.Fatal(problems)
	}
	for i, want := range []string{"sk-managed", "sk-other", "sk-managed"} {
		if got := cfg.Models[i].Values["api_key"]; got != want {
			t.Errorf("key %d is %s, want %s", i, got, want)
		}
	}
	if got := cfg.General.MasterKey.Reveal(); got != "sk-managed-master" {
		t.Errorf("the master key is %q", got)
	}
	if want := "[[DATABASE_URL LITELLM_MASTER_KEY NAMED OPENAI_API_KEY OTHER]]"; fmt.Sprint(w.asked) != want {
		t.Errorf("asked for %v, want %s, each once and all at once", w.asked, want)
	}
}

func TestWhatTheManagerIsAskedFor(t *testing.T) {
	for settings, want := range map[string]string{
		aws: "[DATABASE_URL LITELLM_MASTER_KEY OPENAI_API_KEY]",
		aws + ", master_key: os.environ/AWS_REGION, database_url: os.environ/DB":                                                                        "[DB OPENAI_API_KEY]",
		aws + ", key_management_settings: {hosted_keys: [OPENAI_API_KEY, AWS_SECRET_ACCESS_KEY, EXTRA]}":                                                "[EXTRA OPENAI_API_KEY]",
		aws + ", key_management_settings: {access_mode: read_and_write, aws_region_name: os.environ/DB}":                                                "[DATABASE_URL LITELLM_MASTER_KEY OPENAI_API_KEY]",
		aws + ", key_management_settings: {access_mode: write_only}":                                                                                    "",
		aws + ", key_management_settings: {hosted_keys: []}":                                                                                            "",
		"key_management_system: hashicorp_vault, master_key: os.environ/HCP_VAULT_TOKEN, alerting: [os.environ/AWS_REGION], database_url: postgres://x": "[AWS_REGION OPENAI_API_KEY]",
		"key_management_system: local":           "",
		"key_management_system: \"\"":            "",
		"key_management_system: azure_key_vault": "",
	} {
		w := &world{environ: map[string]string{"OPENAI_API_KEY": "sk-a", "AWS_REGION": "eu-west-1", "DB": "postgres://db", "HCP_VAULT_TOKEN": "t"}}
		cfg, problems := w.load(settings)
		if cfg == nil {
			t.Errorf("%s: %s", settings, problems)
		}
		got := ""
		if len(w.asked) > 0 {
			got = fmt.Sprint(w.asked[0])
		}
		if got != want || len(w.asked) > 1 {
			t.Errorf("%s: asked for %v, want %s", settings, w.asked, want)
		}
	}
}

func TestHostedKeysAreInTheEnvironmentOfProviders(t *testing.T) {
	w := &world{secrets: map[string]string{"OPENAI_API_KEY": "sk-managed", "LITELLM_SALT_KEY": "sk-salt"}, environ: map[string]string{"OPENAI_API_KEY": "sk-environ", "LITELLM_SALT_KEY": "old"}}
	cfg, problems := w.load(aws + ", key_management_settings: {hosted_keys: [OPENAI_API_KEY, LITELLM_SALT_KEY, NONE]}")
	if cfg == nil {
		t.Fatal(problems)
	}
	getenv := cfg.Getenv(func(name string) string { return w.environ[name] })
	if getenv("OPENAI_API_KEY") != "sk-managed" || getenv("LITELLM_SALT_KEY") != "sk-salt" || getenv("NONE") != "" {
		t.Errorf("%s, %s, %s", getenv("OPENAI_API_KEY"), getenv("LITELLM_SALT_KEY"), getenv("NONE"))
	}
}

func TestProblemsOfSecrets(t *testing.T) {
	const master = ", master_key: sk-0123456789abcdef0123, database_url: postgres://db"
	tests := map[string]struct {
		world    world
		settings string
		want     []string // lines, or parts of them
		bad      bool
	}{
		"neither here nor there": {world{}, aws + master, []string{`api_key: there is no secret "OPENAI_API_KEY" in AWS Secrets Manager, and no such environment variable; hint: create the secret`}, true},
		"denied":                 {world{denied: []string{"OPENAI_API_KEY"}}, aws + master, []string{"error: model_list[0].litellm_params.api_key: cannot read OPENAI_API_KEY; hint: allow it"}, true},
		"denied, but in the environment": {
			world{denied: []string{"OPENAI_API_KEY"}, environ: map[string]string{"OPENAI_API_KEY": "sk-e"}},
			aws + master,
			[]string{"warning: model_list[0].litellm_params.api_key: cannot read OPENAI_API_KEY; the environment variable OPENAI_API_KEY is used instead; hint: allow it"},
			false,
		},
		"a master key that may be there": {
			world{denied: []string{"LITELLM_MASTER_KEY"}, secrets: map[string]string{"OPENAI_API_KEY": "k"}},
			aws,
			[]string{"error: LITELLM_MASTER_KEY: cannot read LITELLM_MASTER_KEY; hint: If it is not there, list the names that are under key_management_settings.hosted_keys. Otherwise: allow it"},
			true,
		},
		"a master key of the environment": {
			world{denied: []string{"LITELLM_MASTER_KEY"}, secrets: map[string]string{"OPENAI_API_KEY": "k"}, environ: map[string]string{"LITELLM_MASTER_KEY": "sk-0123456789abcdef0123"}}, aws, nil, false,
		},
		"a database that may be there": {
			world{denied: []string{"DATABASE_URL"}, secrets: map[string]string{"OPENAI_API_KEY": "k"}},
			aws + ", master_key: sk-0123456789abcdef0123",
			[]string{"warning: DATABASE_URL: cannot read DATABASE_URL"},
			false,
		},
		"nothing at all": {
			world{away: &secrets.Error{Message: "nobody answers", Fix: "look there", Whole: true}},
			aws,
			[]string{"conf/config.yaml:2:43: error: general_settings.key_management_system: nobody answers; hint: look there"},
			true,
		},
		"a wrong name":      {world{}, "key_management_system: vault", []string{`error: general_settings.key_management_system: "vault" is not a secret manager; accepted: aws_secret_manager or hashicorp_vault`}, true},
		"another system":    {world{environ: map[string]string{"OPENAI_API_KEY": "k"}}, "key_management_system: google_kms", []string{`warning: general_settings.key_management_system: "google_kms" is not supported yet`}, false},
		"wrong access mode": {world{}, aws + ", key_management_settings: {access_mode: all}", []string{`"all" is not one of read_only, write_only, read_and_write`}, true},
		"a setting is missing": {
			world{},
			aws + ", key_management_settings: {aws_role_name: os.environ/ROLE}",
			[]string{`key_management_settings.aws_role_name: environment variable "ROLE" is not set`},
			true,
		},
		"contradiction": {
			world{secrets: map[string]string{"OPENAI_API_KEY": "k"}},
			aws + master + ", key_management_settings: {access_mode: read_only, store_virtual_keys: true}",
			[]string{"warning: general_settings.key_management_settings.access_mode: store_virtual_keys writes to the manager all the same"},
			false,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cfg, problems := test.world.load(test.settings)
			if (cfg == nil) != test.bad {
				t.Fatalf("configuration %v: %s", cfg != nil, problems)
			}
			lines := slices.Collect(strings.Lines(problems))
			if len(lines) != len(test.want) {
				t.Fatalf("%q, want %d lines", lines, len(test.want))
			}
			for i, want := range test.want {
				if !strings.Contains(lines[i], want) {
					t.Errorf("%s, want %s", lines[i], want)
				}
			}
		})
	}
}

func TestWithoutAWayToTheManager(t *testing.T) {
	w := &world{}
	src := w.source("general_settings: {" + aws + "}")
	src.Secrets = nil
	if cfg, problems := config.Load(src); cfg != nil || !strings.Contains(fmt.Sprint(problems), "secret managers cannot be called here") {
		t.Errorf("%v", problems)
	}
}

func TestSettingsOfTheManager(t *testing.T) {
	w := &world{
		secrets: map[string]string{"OPENAI_API_KEY": "k"}, files: map[string]string{"/run/secrets/token": "hvs.file\n"},
		environ: map[string]string{"ROLE": "arn:aws:iam::111122223333:role/r", "ADDRESS": "https://vault.example"},
	}
	cfg, problems := w.read(`
model_list: [{model_name: a, litellm_params: {model: openai/a, api_key: os.environ/OPENAI_API_KEY}}]
environment_variables: {HCP_VAULT_TOKEN: os.file//run/secrets/token, HCP_VAULT_ADDR: os.environ/ADDRESS, HCP_VAULT_MOUNT_NAME: kv}
general_settings:
  master_key: sk-0123456789abcdef0123
  database_url: postgres://db
  key_management_system: hashicorp_vault
  key_management_settings:
    primary_secret_name: all
    store_virtual_keys: true
    prefix_for_stored_virtual_keys: gateway
    access_mode: read_and_write
    description: of the gateway
    tags: {Owner: platform}
    kms_key_id: alias/k
    replica_regions: [us-west-2]
    aws_region_name: eu-west-1
    aws_role_name: os.environ/ROLE
`)
	if cfg == nil || problems != "" {
		t.Fatal(problems)
	}
	s, m := w.settings, cfg.General.KeyManagement
	if s.System != secrets.Vault || s.Primary != "all" || s.Description != "of the gateway" || s.Tags["Owner"] != "platform" || s.KMSKey != "alias/k" || fmt.Sprint(s.Regions) != "[us-west-2]" {
		t.Errorf("%#v", *s)
	}
	if want := map[string]string{"aws_region_name": "eu-west-1", "aws_role_name": "arn:aws:iam::111122223333:role/r"}; !maps.Equal(s.AWS, want) {
		t.Errorf("%v", s.AWS)
	}
	if s.Environ("HCP_VAULT_TOKEN") != "hvs.file" || s.Environ("HCP_VAULT_ADDR") != "https://vault.example" || s.Environ("HCP_VAULT_MOUNT_NAME") != "kv" {
		t.Error("the manager does not see environment_variables")
	}
	if !m.StoreKeys || m.KeyPrefix != "gateway/" || !m.Read {
		t.Errorf("%+v", m)
	}
}

func TestEntriesThatAreAddedReferToSecretsToo(t *testing.T) {
	w := &world{secrets: map[string]string{"OPENAI_API_KEY": "sk-a", "LATER": "sk-later"}}
	cfg, problems := w.load(aws + ", master_key: sk-0123456789abcdef0123")
	if cfg == nil {
		t.Fatal(problems)
	}
	add := func(params string) (string, string) {
		models, problems := cfg.Entry(&config.Addition{Path: "body", Entry: jsonx.Raw(`{"model_name":"b","litellm_params":{"model":"openai/b",` + params + `}}`), Credentials: map[string]jsonx.Raw{"c": jsonx.Raw(`{"api_key":"os.environ/LATER"}`)}})
		if len(models) != 1 {
			return "", fmt.Sprint(problems)
		}
		return models[0].Values["api_key"], ""
	}
	for _, params := range []string{`"api_key":"os.environ/LATER"`, `"litellm_credential_name":"c"`} {
		if got, problem := add(params); got != "sk-later" {
			t.Errorf("%s: %q, %s", params, got, problem)
		}
	}
	if got, problem := add(`"api_key":"os.environ/OPENAI_API_KEY"`); got != "sk-a" || len(w.asked) != 2 {
		t.Errorf("%q, %s, asked for %v: what is known is not read again", got, problem, w.asked)
	}
	if _, problem := add(`"api_key":"os.environ/NONE"`); !strings.Contains(problem, `there is no secret "NONE"`) {
		t.Error(problem)
	}
	if _, problem := add(`"api_key":"os.file//etc/passwd"`); !strings.Contains(problem, "only the configuration file can refer to files") {
		t.Error(problem)
	}
}

func TestFiles(t *testing.T) {
	relative := filepath.Join("conf", "keys", "a")
	w := &world{files: map[string]string{"/run/secrets/a": "sk-a\n", relative: "sk-relative\r\n", "/two": "sk\n\n", "/empty": "\n", "/binary": "\xff\xfe", "/large": strings.Repeat("x", 1<<20+1)}}
	read := func(value string) (string, string) {
		cfg, problems := w.read("model_list: [{model_name: a, litellm_params: {model: openai/a, api_key: " + value + "}}]\n")
		if cfg == nil {
			return "", problems
		}
		return cfg.Models[0].Values["api_key"], problems
	}
	for value, want := range map[string]string{"os.file//run/secrets/a": "sk-a", "os.file/keys/a": "sk-relative", "os.file//two": "sk\n"} {
		if got, problems := read(value); got != want || problems != "" {
			t.Errorf("%s: %q, %s", value, got, problems)
		}
	}
	for value, want := range map[string]string{
		"os.file/":                  "names no file; hint: write the path after the slash: os.file//run/secrets/NAME",
		"os.file/run/secrets/a":     `cannot read "conf/run/secrets/a": file does not exist; hint: an absolute path has its own slash`,
		"os.file//run/secrets/none": `cannot read "/run/secrets/none": file does not exist`,
		"os.file//empty":            `the file "/empty" is empty`,
		"os.file//binary":           `the file "/binary" is not text in UTF-8`,
		"os.file//large":            `the file "/large" is larger than 1 MiB`,
	} {
		if got, problems := read(value); got != "" || !strings.Contains(problems, "error: model_list[0].litellm_params.api_key: "+want) {
			t.Errorf("%s: %q, %s", value, got, problems)
		}
	}
	src := w.source("general_settings: {master_key: os.file//run/secrets/a}")
	src.ReadFile = nil
	if cfg, problems := config.Load(src); cfg != nil || !strings.Contains(fmt.Sprint(problems), "files cannot be read here") {
		t.Errorf("%v", problems)
	}
	if _, problems := w.read("general_settings: {max_request_size_mb: os.file//run/secrets/a}"); !strings.Contains(problems, `the content of the file "/run/secrets/a" is not a number`) || strings.Contains(problems, "sk-a") {
		t.Error(problems)
	}
}
