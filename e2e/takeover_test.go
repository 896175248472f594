package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/crypto/nacl/secretbox"

	"outcrop/cli"
	emulator "outcrop/emulator/bedrock"
	"outcrop/internal/jsonx"
	"outcrop/internal/need"
	"outcrop/internal/postgres"
	"outcrop/tenant"
)

// litellmDatabase starts a PostgreSQL with LiteLLM's own schema, until the test ends.
func litellmDatabase(t *testing.T) (url string, exec func(statement string)) {
	t.Helper()
	files, err := filepath.Glob("../.cache/litellm/lib/*/site-packages/litellm_proxy_extras/migrations/*/migration.sql")
	if err != nil || len(files) == 0 {
		need.Missing(t, "LiteLLM's proxy is not installed")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	machine, err := postgres.Start(ctx, "")
	need.Server(t, machine, err)
	conn, err := pgx.Connect(ctx, machine.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	exec = func(statement string) {
		t.Helper()
		if _, err := conn.PgConn().Exec(t.Context(), statement).ReadAll(); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	slices.Sort(files)
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		exec(string(text))
	}
	return machine.URL(), exec
}

// command runs the command line, and returns what it prints.
func command(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = cli.Main(args, &out, &err)
	return code, out.String(), err.String()
}

// called is what a call with a key answers.
func (g *gateway) called(t *testing.T, key, model string) (status int, body string) {
	t.Helper()
	return g.requested(t, http.MethodPost, "/v1/chat/completions", key, `{"model":"`+model+`","max_tokens":50,"messages":[{"role":"user","content":"hello"}]}`)
}

func (g *gateway) requested(t *testing.T, method, path, key, body string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, g.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// TestKeysOfLiteLLMWorkAfterATakeOver takes over LiteLLM's database by the command, and calls a gateway with the keys that
// LiteLLM had given out, which neither database has.
func TestKeysOfLiteLLMWorkAfterATakeOver(t *testing.T) {
	url, exec := litellmDatabase(t)
	at := func(after time.Duration) string { return time.Now().UTC().Add(after).Format("2006-01-02T15:04:05.000") }
	key := func(secret, columns, values string) {
		exec(`INSERT INTO "LiteLLM_VerificationToken" (token, key_name, ` + columns + `) VALUES ('` + tenant.Hash(secret) + `', 'sk-...` + secret[len(secret)-4:] + `', ` + values + `)`)
	}
	exec(`INSERT INTO "LiteLLM_TeamTable" (team_id, blocked, updated_at) VALUES ('shut', true, now())`)
	exec(`INSERT INTO "LiteLLM_ModelTable" (id, aliases, created_by, updated_by, updated_at) VALUES (1, '{"fast": "nova"}', 'a', 'a', now())`)
	exec(`INSERT INTO "LiteLLM_TeamTable" (team_id, models, model_id, updated_at) VALUES ('geo', '{nova}', 1, now())`)
	exec(`INSERT INTO "LiteLLM_BudgetTable" (budget_id, max_budget, created_by, updated_by, updated_at) VALUES ('b', 2, 'a', 'a', now())`)
	key("sk-litellm-free", "user_id, spend", "'ann', 0.5")
	key("sk-litellm-blocked", "blocked", "true")
	key("sk-litellm-expired", "expires", "'"+at(-time.Hour)+"'")
	key("sk-litellm-shut", "team_id", "'shut'")
	key("sk-litellm-team", "team_id", "'geo'")
	key("sk-litellm-spent", "budget_id, spend", "'b', 2")
	key("sk-litellm-rated", "metadata", `'{"model_rpm_limit": {"nova": 1}}'`)
	exec(`INSERT INTO "LiteLLM_DeprecatedVerificationToken" (id, token, active_token_id, revoke_at) VALUES ('1', '` + tenant.Hash("sk-litellm-old") + `', '` + tenant.Hash("sk-litellm-free") + `', '` + at(time.Hour) + `')`)

	dir := t.TempDir()
	code, out, errs := command("import", "litellm", "--database-url", url, "--data-dir", dir, "--dry-run")
	if code != 0 || !strings.Contains(out, "Nothing was written") {
		t.Fatalf("%d\n%s%s", code, out, errs)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Fatalf("a dry run has written %v, %v", entries, err)
	}
	code, out, errs = command("import", "litellm", "--database-url", url, "--data-dir", dir, "--json")
	if code != 0 {
		t.Fatalf("%d\n%s%s", code, out, errs)
	}
	if strings.Contains(out+errs, "sk-litellm") || strings.Contains(out+errs, tenant.Hash("sk-litellm-free")) {
		t.Errorf("a key is printed:\n%s%s", out, errs)
	}
	params := "{model: bedrock/us.amazon.nova-lite-v1:0, aws_region_name: us-east-1, aws_access_key_id: " + emulator.DemoAccessKeyID +
		", aws_secret_access_key: " + string(emulator.DemoSecretAccessKey) + ", aws_bedrock_runtime_endpoint: \"" + startEmulator(t).URL() + "\"}"
	g := startApp(t, `
general_settings: {master_key: `+masterKey+`}
model_list:
  - {model_name: nova, litellm_params: `+params+`}
  - {model_name: other, litellm_params: `+params+`}
`, dir, nil)

	for _, c := range []struct {
		key, model, word string
		status           int
	}{
		{"sk-litellm-free", "nova", "hello", 200},
		{"sk-litellm-old", "nova", "hello", 200},
		{"sk-litellm-blocked", "nova", "blocked", 401},
		{"sk-litellm-expired", "nova", "expired", 401},
		{"sk-litellm-shut", "nova", "team shut", 401},
		{"sk-litellm-team", "fast", "hello", 200}, // the team's alias
		{"sk-litellm-team", "other", "not available", 403},
		{"sk-litellm-spent", "nova", "Budget has been exceeded", 422},
		{"sk-litellm-rated", "nova", "hello", 200},
		{"sk-litellm-rated", "nova", "Rate limit", 429},
		{"sk-litellm-rated", "other", "hello", 200},
		{"sk-never-given", "nova", "not valid", 401},
	} {
		if status, body := g.called(t, c.key, c.model); status != c.status || !strings.Contains(body, c.word) {
			t.Errorf("%s calls %s: %d %s, want %d with %q", c.key, c.model, status, body, c.status, c.word)
		}
	}
	_, body := g.requested(t, http.MethodGet, "/key/info?key=sk-litellm-spent", masterKey, "")
	var info struct {
		Info struct {
			Spend float64 `json:"spend"`
		} `json:"info"`
	}
	if err := jsonx.Unmarshal([]byte(body), &info); err != nil || info.Info.Spend != 2 {
		t.Errorf("spend is %v, %v: %s", info.Info.Spend, err, body)
	}
}

// TestModelsOfLiteLLMBecomeAPrivateFileAndAWrongSaltKeyWritesNothing writes the models that LiteLLM has in its database.
func TestModelsOfLiteLLMBecomeAPrivateFileAndAWrongSaltKeyWritesNothing(t *testing.T) {
	url, exec := litellmDatabase(t)
	sealed := func(text string) string {
		key, nonce := sha256.Sum256([]byte("sk-salt")), [24]byte{1}
		return base64.URLEncoding.EncodeToString(secretbox.Seal(nonce[:], []byte(text), &nonce, &key))
	}
	exec(`INSERT INTO "LiteLLM_ProxyModelTable" (model_id, model_name, litellm_params, created_by, updated_by, updated_at)
		VALUES ('m', 'best', '{"model": "` + sealed("openai/gpt-5") + `", "api_key": "` + sealed("sk-of-the-provider") + `"}', 'a', 'a', now())`)
	dir, data := t.TempDir(), filepath.Join(t.TempDir(), "data")
	file := filepath.Join(dir, "models.yaml")
	run := func(more ...string) (int, string, string) {
		return command(append([]string{"import", "litellm", "--database-url", url, "--data-dir", data}, more...)...)
	}
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--models-out", file, "--salt-key", "sk-wrong"}, "LITELLM_SALT_KEY"},
		{[]string{"--salt-key", "sk-wrong"}, "LITELLM_SALT_KEY"},
		{[]string{"--models-out", file}, "there is no key for them"},
	} {
		code, out, errs := run(c.args...)
		if code != 2 || !strings.Contains(errs, c.says) || strings.Contains(out+errs, "sk-wrong") {
			t.Errorf("%v: %d\n%s%s", c.args, code, out, errs)
		}
		for _, name := range []string{file, data} {
			if _, err := os.Stat(name); !os.IsNotExist(err) {
				t.Errorf("%v: %s was written", c.args, name)
			}
		}
	}
	for range 2 { // it can be repeated
		code, out, errs := run("--models-out", file, "--salt-key", "sk-salt")
		if code != 0 || strings.Contains(out+errs, "sk-of-the-provider") || !strings.Contains(out, file) {
			t.Fatalf("%d\n%s%s", code, out, errs)
		}
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), `api_key: "sk-of-the-provider"`) {
		t.Errorf("%s, %v", text, err)
	}
	if code, out, errs := command("config", "check", file); code != 0 {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	// Without a file, the model is one of the gateway's database, which serves it.
	code, out, errs := run("--salt-key", "sk-salt", "--dry-run")
	if code != 0 || !strings.Contains(out, "LiteLLM_ProxyModelTable") || strings.Contains(out, "store_model_in_db") {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	code, out, errs = run("--salt-key", "sk-salt")
	if code != 0 || strings.Contains(out+errs, "sk-of-the-provider") || !strings.Contains(out, "store_model_in_db: true") {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	g := startApp(t, "general_settings: {master_key: "+masterKey+", store_model_in_db: true}\n", data, map[string]string{"LITELLM_SALT_KEY": "sk-salt"})
	if status, body := g.requested(t, http.MethodGet, "/model/info?litellm_model_id=m", masterKey, ""); status != 200 || !strings.Contains(body, `"model_name":"best"`) || !strings.Contains(body, `"db_model":true`) {
		t.Errorf("%d %s", status, body)
	}
	// A file of somebody's own is not replaced.
	if err := os.WriteFile(file, []byte("model_list: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := run("--models-out", file, "--salt-key", "sk-salt"); code != 2 || !strings.Contains(errs, "exists") {
		t.Errorf("%d\n%s", code, errs)
	}
}
