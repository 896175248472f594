package migrate_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/config"
	"outcrop/config/migrate"
)

var update = flag.Bool("update", false, "write the golden files")

// TestGolden compares what becomes of whole files, also with their secrets moved, with golden files.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*")
	if err != nil {
		t.Fatal(err)
	}
	paths = slices.DeleteFunc(paths, func(path string) bool { return strings.HasSuffix(path, ".golden") })
	if len(paths) < 5 {
		t.Fatalf("only %v", paths)
	}
	for _, path := range paths {
		for _, moved := range []bool{false, true} {
			src := source(t, path)
			result, err := migrate.File(migrate.Options{Source: src, SecretsToEnv: moved})
			if err != nil {
				t.Fatal(err)
			}
			golden := path + ".golden"
			if moved {
				golden = path + ".moved.golden"
			}
			if *update {
				if err := os.WriteFile(golden, result.Text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(result.Text)); diff != "" {
				t.Errorf("%s: -want +got\n%s", golden, diff)
			}
			for _, secret := range literals(string(src.Data)) {
				if moved && strings.Contains(string(result.Text), secret) {
					t.Errorf("%s has the secret %s", golden, secret)
				}
			}
			src.Data = result.Text
			again, err := migrate.File(migrate.Options{Source: src, SecretsToEnv: moved})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(result.Text), string(again.Text)); diff != "" {
				t.Errorf("%s changes when it is migrated: %s", golden, diff)
			}
			if len(again.Moved) > 0 {
				t.Errorf("%s: %v are moved again", golden, again.Moved)
			}
		}
	}
}

// literals are the secrets in the files of testdata.
func literals(text string) []string {
	all := []string{"AKIAEXAMPLE1234567", "abcd/efgh+1234", "sk-proj-verysecret", "hunter2", "sk-lf-", "sk-1234", "llm:pw", "co-secret", "sk-proj-literal-key-123", "sk-bf-secret", "pgpass", "sk-proj-abcdef", "verysecretvalue", `"AKIAX"`}
	return slices.DeleteFunc(all, func(s string) bool { return !strings.Contains(text, s) })
}

func TestMovedSecretsAreWhatTheyWere(t *testing.T) {
	src := source(t, "testdata/litellm.yaml")
	result, err := migrate.File(migrate.Options{Source: src, SecretsToEnv: true})
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{
		"CLAUDE_SONNET_AWS_ACCESS_KEY_ID": "AKIAEXAMPLE1234567", "CLAUDE_SONNET_AWS_SECRET_ACCESS_KEY": "abcd/efgh+1234", "GPT_4O_API_KEY": "sk-proj-verysecret", "CACHE_PARAMS_PASSWORD": "hunter2-redis",
		"LANGFUSE_SECRET": "sk-lf-abcdef", "LITELLM_MASTER_KEY": "sk-1234", "DATABASE_URL": "postgresql://llm:pw@db:5432/litellm", "LANGFUSE_SECRET_KEY": "sk-lf-456",
		"AUTHORIZATION": "bearer co-secret-token",
	}
	for _, name := range result.Moved {
		if values[name] == "" {
			t.Errorf("%s is no variable of a secret", name)
		}
	}
	if len(result.Moved) != len(values) {
		t.Errorf("moved are %v", result.Moved)
	}
	before, _ := config.Inspect(src)
	moved := src
	moved.Data = result.Text
	moved.LookupEnv = func(name string) (string, bool) {
		if text, ok := values[name]; ok {
			return text, true
		}
		return src.LookupEnv(name)
	}
	after, problems := config.Inspect(moved)
	if diff := same(before, after); diff != "" {
		t.Errorf("it means something else: %s\n%v", diff, problems)
	}
}

// TestRemovals shows what becomes of keys without effect, however they are written.
func TestRemovals(t *testing.T) {
	for name, c := range map[string]struct{ before, after string }{
		"in a mapping": {
			"litellm_settings:\n  telemetry: false # why not\n  drop_params: false\n",
			"litellm_settings:\n  # outcrop: has no effect, and is not needed. Nothing here needs them.\n  # telemetry: false # why not\n  drop_params: false\n",
		},
		"the only one": {
			"litellm_settings:\n  telemetry: false\n",
			"litellm_settings:\n  # outcrop: has no effect, and is not needed. Nothing here needs them.\n  # telemetry: false\n",
		},
		"a comment about the next key stays": {
			"litellm_settings:\n  telemetry: false\n\n  # about drop_params\n  drop_params: false\n",
			"litellm_settings:\n  # outcrop: has no effect, and is not needed. Nothing here needs them.\n  # telemetry: false\n\n  # about drop_params\n  drop_params: false\n",
		},
		"a list in the column of its key": {
			"unknown:\n- a\n- b: |\n    # text\n\n    more\nlitellm_settings: {}\n",
			"# outcrop: has no effect: unknown key.\n# unknown:\n# - a\n# - b: |\n#     # text\n#\n#     more\nlitellm_settings: {}\n",
		},
		"the first key of an item": {
			"model_list:\n  - nonsense: 1\n    model_name: a\n    litellm_params: {model: bedrock/amazon.nova-pro-v1:0}\n",
			"model_list:\n  -\n    # outcrop: has no effect: unknown key.\n    # nonsense: 1\n    model_name: a\n    litellm_params: {model: bedrock/amazon.nova-pro-v1:0}\n",
		},
		"in braces": {
			"litellm_settings: {telemetry: false, http2: true, drop_params: false, ui_theme_config: {a: b}}\n",
			"# outcrop: has no effect, and is not needed. Nothing here needs them.\n# telemetry: false\n# outcrop: has no effect, and is not needed. Nothing here needs them.\n# http2: true\n" +
				"# outcrop: has no effect, and is not needed. Nothing here needs them.\n# ui_theme_config: {a: b}\nlitellm_settings: {drop_params: false}\n",
		},
		"all in braces": {
			"litellm_settings: {telemetry: false, http2: true}\n",
			"# outcrop: has no effect, and is not needed. Nothing here needs them.\n# telemetry: false\n# outcrop: has no effect, and is not needed. Nothing here needs them.\n# http2: true\nlitellm_settings: {}\n",
		},
		"braces over several lines": {
			"{\"litellm_settings\": {\n  \"telemetry\": false,\n  \"drop_params\": false,\n  \"http2\": {\n    \"a\": [1]}\n}}\n",
			"{\"litellm_settings\": {\n  # outcrop: has no effect, and is not needed. Nothing here needs them.\n  # \"telemetry\": false,\n  \"drop_params\": false,\n" +
				"  # outcrop: has no effect, and is not needed. Nothing here needs them.\n  # \"http2\": {\n  #   \"a\": [1]}\n}}\n",
		},
		"with an anchor": {
			"x-a: &a {timeout: 5}\nrouter_settings: *a\n",
			"# outcrop: stays, because others refer to its anchor. By itself it has no effect: unknown key.\nx-a: &a {timeout: 5}\nrouter_settings: *a\n",
		},
		"an older name": {
			"litellm_settings:\n  default_max_internal_user_budget: 5\n",
			"litellm_settings:\n  # outcrop: default_max_internal_user_budget is an older name of this key.\n  max_internal_user_budget: 5\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, ends := range []string{"\n", "\r\n"} {
				src := config.Source{Name: "config.yaml", Data: []byte("\ufeff" + strings.ReplaceAll(c.before, "\n", ends)), Providers: source(t, "testdata/litellm.yaml").Providers}
				result, err := migrate.File(migrate.Options{Source: src, From: migrate.LiteLLM})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff("\ufeff"+strings.ReplaceAll(c.after, "\n", ends), string(result.Text)); diff != "" {
					t.Errorf("-want +got\n%s", diff)
				}
			}
		})
	}
}

func TestFilesThatCannotBeMigrated(t *testing.T) {
	for name, c := range map[string]struct {
		text, want string
		from       migrate.Format
	}{
		"broken JSON":        {text: "{\n \"providers\": {\"openai\": ]}\n", want: "config.json:2:26: error: the file is not JSON: invalid character ']' at start of value"},
		"truncated JSON":     {text: "{\"providers\": {\n", want: "config.json:2:1: error: the file is not JSON: unexpected EOF"},
		"broken YAML":        {text: "model_list:\n  - a: [\n", want: "config.json:2:8: error: the file is not YAML: sequence end token ']' not found"},
		"nothing":            {text: "", want: "config.json: error: the file is empty"},
		"no text":            {text: "\x00", want: "config.json:1:1: error: control character 0x00; accepted: text"},
		"nobody's":           {text: "\nfoo: 1\n", want: "config.json:2:1: error: the file is not a configuration that is known here; hint: LiteLLM's has"},
		"a list":             {text: "[1]", want: "config.json:1:1: error: the file is not a configuration that is known here"},
		"a list as Portkey":  {text: "[1]", from: migrate.Portkey, want: "config.json:1:1: error: a config of Portkey's is an object"},
		"a list as Bifrost":  {text: "[1]", from: migrate.Bifrost, want: "config.json:1:1: error: Bifrost's config.json is an object"},
		"a list of Bifrosts": {text: `{"providers": []}`, from: migrate.Bifrost, want: "config.json:1:15: error: providers is an object"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := migrate.File(migrate.Options{Source: config.Source{Name: "config.json", Data: []byte(c.text)}, From: c.from})
			invalid, ok := errors.AsType[*migrate.InvalidError](err)
			if !ok || !strings.HasPrefix(invalid.Problems[0].String(), c.want) {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestWhoseAFileIs(t *testing.T) {
	for text, want := range map[string]migrate.Format{
		"model_list: []":               migrate.LiteLLM,
		"guardrails: []":               migrate.LiteLLM,
		`{"litellm_settings": {}}`:     migrate.LiteLLM,
		`{"providers": {}}`:            migrate.Bifrost,
		`{"governance": {}}`:           migrate.Bifrost,
		`{"targets": []}`:              migrate.Portkey,
		`{"provider": "openai"}`:       migrate.Portkey,
		`{"cache": {"mode":"simple"}}`: migrate.Portkey,
	} {
		result, err := migrate.File(migrate.Options{Source: config.Source{Name: "file", Data: []byte(text)}})
		if err != nil || result.From != want {
			t.Errorf("%s: %v, %v; want %s", text, result, err, want)
		}
	}
}

// FuzzFile migrates any file: the result means the same, and migrating it again changes nothing.
func FuzzFile(f *testing.F) {
	paths, err := filepath.Glob("testdata/*")
	if err != nil {
		f.Fatal(err)
	}
	valid, err := filepath.Glob("../testdata/*/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range append(paths, valid...) {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, false)
	}
	f.Fuzz(func(t *testing.T, data []byte, move bool) {
		src := config.Source{Name: "fuzz.yaml", Data: data}
		result, err := migrate.File(migrate.Options{Source: src, SecretsToEnv: move})
		if err != nil {
			return
		}
		again := src
		again.Data = result.Text
		second, err := migrate.File(migrate.Options{Source: again, From: migrate.LiteLLM, SecretsToEnv: move})
		if err != nil {
			t.Fatalf("the result cannot be migrated: %v\n%s", err, result.Text)
		}
		if string(second.Text) != string(result.Text) {
			t.Fatalf("the second time it changes again: %s", cmp.Diff(string(result.Text), string(second.Text)))
		}
		if result.From != migrate.LiteLLM || move {
			return
		}
		before, _ := config.Inspect(src)
		after, _ := config.Inspect(again)
		if diff := same(before, after); diff != "" {
			t.Fatalf("it means something else: %s\n%s", diff, result.Text)
		}
	})
}
