package e2e

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"outcrop/config"
	"outcrop/provider/all"
)

// litellmFolder is where LiteLLM's package is installed.
func litellmFolder(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(filepath.Dir(filepath.Dir(string(litellmProgram(t)))), "lib", "*", "site-packages", "litellm"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%q, %v", found, err)
	}
	return found[0]
}

// python runs a script with LiteLLM's Python, and returns what it prints.
func litellmPython(t *testing.T, script string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(filepath.Dir(string(litellmProgram(t))), "python"), slices.Concat([]string{filepath.Join("sdks", "litellm", script)}, args)...)
	cmd.Env = append(os.Environ(), "LITELLM_LOCAL_MODEL_COST_MAP=True")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, errs.Bytes())
	}
	return string(out)
}

// exampleSource reads a file with an environment in which every variable is set.
func exampleSource(name string, data []byte) config.Source {
	return config.Source{
		Name: name, Data: data, ReadFile: os.ReadFile, Providers: all.Providers(),
		LookupEnv: func(name string) (string, bool) {
			switch {
			case strings.Contains(name, "REGION"):
				return "us-east-1", true
			case strings.Contains(name, "URL"), strings.Contains(name, "BASE"), strings.Contains(name, "HOST"):
				return "https://stone.example.com", name != "DATABASE_URL" && !strings.HasPrefix(name, "REDIS")
			default:
				return "sk-7f29e1f0b3d84d1c", !strings.Contains(name, "AWS") && !strings.HasPrefix(name, "OTEL_") && !strings.HasPrefix(name, "STORE_") && !strings.Contains(name, "PROFILE")
			}
		},
	}
}

func TestEveryKeyThatLiteLLMReadsIsClassified(t *testing.T) {
	t.Parallel()
	file := map[string]*strings.Builder{}
	n := 0
	for line := range strings.Lines(litellmPython(t, "keys.py")) {
		section, key, _ := strings.Cut(strings.TrimSpace(line), " ")
		if section == "litellm_params" && (key == "model" || key == "model_info") { // the second is a section beside it
			continue
		}
		if file[section] == nil {
			file[section] = &strings.Builder{}
		}
		fmt.Fprintf(file[section], "%s: null, ", key)
		n++
	}
	if n < 500 {
		t.Fatalf("only %d keys", n)
	}
	text := fmt.Sprintf("model_list: [{model_name: a, litellm_params: {model: openai/x, %s}, model_info: {%s}}]\n", file["litellm_params"], file["model_info"])
	for _, section := range []string{"general_settings", "litellm_settings", "router_settings"} {
		text += fmt.Sprintf("%s: {%s}\n", section, file[section])
	}
	_, _, uses := config.InspectUses(exampleSource("keys.yaml", []byte(text)))
	for i := range uses {
		if !uses[i].Known {
			t.Errorf("%s is not among the keys that Outcrop classifies", uses[i].Path)
		}
	}
}

// refusedExamples are the problems that keep examples from being loaded, with the reason for each.
func refusedExamples() map[*regexp.Regexp]string {
	r := regexp.MustCompile
	return map[*regexp.Regexp]string{
		r(`guardrail: guardrails of the type "`):                                   "a check of content that would not be made; --allow-unsupported starts without it",
		r(`policies\.[^ ]+\.pipeline: `):                                           "guardrails one after the other are not made; --allow-unsupported starts without them",
		r(`default_team_settings: `):                                               "it restricts who may call",
		r(`custom_auth: `):                                                         "it decides who may call, in Python",
		r(`vertex_credentials: it is neither JSON nor the path of a file`):         "the environment of the test has no credentials of Google",
		r(`^model_list\[\d+\]: litellm_params is missing`):                         "the example is broken: LiteLLM does not start with it either",
		r(`model: Outcrop does not support the provider "mistralai"`):              "no such provider: LiteLLM cannot call it either",
		r(`vertex_project: |vertex_location: .*is required|vertex_ai_project: .*`): "the environment of the test has no project of Google",
	}
}

func TestExamplesOfLiteLLMLoad(t *testing.T) {
	t.Parallel()
	root := litellmFolder(t)
	section := regexp.MustCompile(`(?m)^(model_list|litellm_settings|general_settings|router_settings|guardrails):`)
	reasons := refusedExamples()
	var table strings.Builder
	var valid []string
	files, working, refused, keys, works := 0, 0, 0, 0, 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if ext := filepath.Ext(path); err != nil || d.IsDir() || ext != ".yaml" && ext != ".yml" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil || !section.Match(data) {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		_, problems, uses := config.InspectUses(exampleSource(path, data))
		judged := config.Judge(uses, problems)
		files++
		var why []string
		for _, p := range problems {
			if p.Severity != config.Error {
				continue
			}
			text := p.Path + ": " + p.Message
			known := false
			for pattern, reason := range reasons {
				if pattern.MatchString(text) {
					known = true
					if !slices.Contains(why, reason) {
						why = append(why, reason)
					}
				}
			}
			if !known {
				t.Errorf("%s: %s", name, p)
			}
		}
		counts := map[config.Verdict]int{}
		var others []string
		for i := range judged {
			k := &judged[i]
			counts[k.Verdict]++
			if k.Verdict != config.VerdictWorks {
				other := "`" + k.Key.Name + "` " + k.Verdict.String()
				if !slices.Contains(others, other) {
					others = append(others, other)
				}
			}
		}
		keys += len(judged)
		works += counts[config.VerdictWorks]
		if len(why) > 0 {
			refused++
			slices.Sort(why)
			others = append(others, "**Not loaded**: "+strings.Join(why, "; "))
		} else {
			valid = append(valid, path)
		}
		if counts[config.VerdictWorks] == len(judged) {
			working++
		}
		fmt.Fprintf(&table, "| `%s` | %d of %d | %s |\n", filepath.ToSlash(name), counts[config.VerdictWorks], len(judged), strings.Join(others, ", "))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 25 {
		t.Fatalf("only %d examples", files)
	}
	schema := filepath.Join(t.TempDir(), "schema.json")
	var b bytes.Buffer
	if err := config.WriteSchema(&b, all.Providers()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(schema, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := litellmPython(t, "schema.py", append([]string{schema}, valid...)...); out != "" {
		t.Errorf("the JSON Schema refuses what is loaded:\n%s", out)
	}
	comparePage(t, "litellm-examples.md", fmt.Appendf(nil, `# LiteLLM's examples

Evidence for [LiteLLM's config.yaml](litellm.md): every configuration in LiteLLM 1.110.2's package on PyPI, with what becomes of its keys, as `+"`outcrop config check --keys`"+` lists it. Of %d files,
%d are loaded, and in %d every key works; of %d keys, %d work. All of these files pass the JSON Schema of `+"`outcrop config schema`"+`.

| file | keys that work | the others |
| --- | --- | --- |
%s
This page is generated by a test: run `+"`make setup`, then `go test ./e2e -run TestExamplesOfLiteLLMLoad -update`"+`.
`, files, files-refused, working, keys, works, table.String()))
}

func TestTheSchemaFindsMistakes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	schema := filepath.Join(dir, "schema.json")
	var b bytes.Buffer
	if err := config.WriteSchema(&b, all.Providers()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(schema, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"model_list: {a: b}\n":                                                 "$.model_list: ",
		"general_settings: {max_request_size_mb: many}\n":                      "$.general_settings.max_request_size_mb: ",
		"general_settings: {max_request_size_mb: 5000}\n":                      "$.general_settings.max_request_size_mb: ",
		"litellm_settings: {drop_params: perhaps}\n":                           "$.litellm_settings.drop_params: ",
		"outcrop_settings: {limits: {when_awy: open}}\n":                       "$.outcrop_settings.limits: ",
		"litellm_settings: {drop_params: os.environ/DROP, num_retries: '3'}\n": "",
	} {
		path := filepath.Join(dir, "c.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := litellmPython(t, "schema.py", schema, path); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}
