package config

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outcrop/provider"
)

var update = flag.Bool("update", false, "write the golden files and docs/configuration.md anew")

// bedrock is a provider with the settings that the tests need.
var bedrock = provider.Info{Name: "bedrock", Options: func() []provider.Option { return bedrockOptions }}

var bedrockOptions = []provider.Option{
	{Name: "api_base", ClientSettable: true},
	{Name: "api_key", Secret: true, ClientSettable: true},
	{Name: "model_id"},
	{Name: "aws_region_name", ClientSettable: true},
	{Name: "aws_access_key_id", Secret: true, ClientSettable: true},
	{Name: "aws_secret_access_key", Secret: true, ClientSettable: true},
	{Name: "aws_session_token", Secret: true},
	{Name: "aws_profile_name"},
	{Name: "aws_role_name", ClientSettable: true},
	{Name: "aws_session_name"},
	{Name: "aws_external_id", Secret: true},
	{Name: "aws_bedrock_runtime_endpoint", ClientSettable: true},
	{Name: "aws_web_identity_token", Secret: true},
	{Name: "aws_session_tags", Listed: true},
	{Name: "aws_sts_endpoint"},
	{Name: "ssl_verify"},
	{Name: "ssl_certificate"},
	{Name: "ssl_certificate_key"},
}

// environ is the environment that the tests load in.
func environ(name string) (string, bool) {
	v, ok := map[string]string{
		"REGION":     "eu-central-1",
		"SECRET":     "swordfish",
		"MASTER":     "sk-from-environment",
		"REDIS_HOST": "valkey.internal", "REDIS_PASSWORD": "swordfish",
		"TIMEOUT":    "45",
		"EMPTY":      "",
		"NOT_NUMBER": "hunter2",
	}[name]
	return v, ok
}

func source(name, text string) Source {
	return Source{Name: name, Data: []byte(text), LookupEnv: environ, Providers: []provider.Info{bedrock}}
}

// lines are problems as they are printed.
func lines(problems []Problem) string {
	var b strings.Builder
	for _, p := range problems {
		b.WriteString(p.String() + "\n")
	}
	return b.String()
}

// TestFixtures loads every testdata/*/*.yaml and compares the problems with the
// .problems file beside it (none: no problems), and the configuration with the
// .config file beside it if there is one. To add a case, add a .yaml and run
// with -update. A file whose first line is "# allow-unsupported" is loaded so.
func TestFixtures(t *testing.T) {
	root := os.DirFS("testdata")
	names, err := fs.Glob(root, "*/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(name, ".yaml"), func(t *testing.T) {
			data, err := fs.ReadFile(root, name)
			if err != nil {
				t.Fatal(err)
			}
			src := source(filepath.Base(name), string(data))
			src.AllowUnsupported = strings.HasPrefix(string(data), "# allow-unsupported")
			src.ReadFile = func(file string) ([]byte, error) {
				return fs.ReadFile(root, filepath.ToSlash(filepath.Join(filepath.Dir(name), file)))
			}
			cfg, problems := Load(src)
			golden(t, strings.TrimSuffix(name, ".yaml")+".problems", lines(problems))
			if valid := strings.HasPrefix(name, "valid/"); valid != (cfg != nil) {
				t.Errorf("in valid/: %t, yet there is a configuration: %t", valid, cfg != nil)
			}
			if cfg != nil {
				golden(t, strings.TrimSuffix(name, ".yaml")+".config", dump(cfg))
			}
			for _, secret := range []string{"swordfish", "sk-from-environment", "hunter2"} {
				if strings.Contains(lines(problems), secret) {
					t.Errorf("the problems show %q", secret)
				}
			}
		})
	}
}

// golden compares got with a file of testdata; no file stands for no text.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", filepath.FromSlash(name))
	if *update {
		if got == "" {
			os.Remove(path)
		} else if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s\ngot:\n%s\nwant:\n%s", name, got, want)
	}
}
