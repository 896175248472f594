package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outcrop/cli"
)

func migrated(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = cli.Main(append([]string{"config", "migrate"}, args...), &out, &err)
	return code, out.String(), err.String()
}

// TestMigrateWritesAFileThatCheckAccepts goes the way of a user: migrate, set the variables, check.
func TestMigrateWritesAFileThatCheckAccepts(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "litellm.yaml"), filepath.Join(dir, "config.yaml")
	const text = "# ours\nmodel_list:\n  - model_name: small\n    litellm_params:\n      model: bedrock/us.amazon.nova-lite-v1:0\n      aws_region_name: us-east-1\n      api_key: ABSK-a-secret-of-this-test\n      litellm_trace_id: x\n" +
		"litellm_settings:\n  set_verbose: true\ngeneral_settings:\n  master_key: sk-0123456789-of-this-test\n"
	if err := os.WriteFile(from, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, stderr := migrated(t, from, "--secrets-to-env", "--output", to)
	if code != 0 || out != "" {
		t.Fatalf("exit code %d: %s%s", code, out, stderr)
	}
	for _, want := range []string{"2 settings commented out, 0 to decide, 1 remark;", "  SMALL_API_KEY\n  LITELLM_MASTER_KEY\n", "Next: outcrop config check " + to} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q is not in\n%s", want, stderr)
		}
	}
	written, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(written)+stderr, "of-this-test") {
		t.Errorf("a secret was written: %s%s", written, stderr)
	}
	if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	t.Setenv("SMALL_API_KEY", "ABSK-a-secret-of-this-test")
	t.Setenv("LITELLM_MASTER_KEY", "sk-0123456789-of-this-test")
	var checked, problems bytes.Buffer
	if code := cli.Main([]string{"config", "check", to}, &checked, &problems); code != 0 || !strings.Contains(checked.String(), "no problems, 1 deployment") {
		t.Errorf("exit code %d\n%s%s\n%s", code, checked.String(), problems.String(), written)
	}

	code, _, stderr = migrated(t, from, "-o", to)
	if code != 2 || !strings.Contains(stderr, "exists") {
		t.Errorf("a file was replaced: exit code %d: %s", code, stderr)
	}
	if code, _, stderr = migrated(t, from, "-o", to, "--force"); code != 0 {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

func TestMigrateSaysWhatIsWrongWithAFile(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(broken, []byte("{\"providers\":\n ]"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, stderr := migrated(t, broken)
	if code != 2 || out != "" || !strings.Contains(stderr, broken+":2:2: error: the file is not JSON: ") {
		t.Errorf("exit code %d: %s%s", code, out, stderr)
	}
	if code, _, stderr = migrated(t, filepath.Join(t.TempDir(), "none.yaml")); code != 2 || !strings.Contains(stderr, "Check the file name") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if code, _, stderr = migrated(t, broken, "--from", "kong"); code != 2 || !strings.Contains(stderr, "--from must be") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
