package e2e

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/internal/need"
)

// litellmSalt is the key that encrypts models and credentials in LiteLLM's database.
const litellmSalt = "sk-e2e-salt"

// litellmOnDatabase runs LiteLLM's proxy on a PostgreSQL of its own until the test ends, and returns its address and the
// database's. The configuration needs no address of the database.
func litellmOnDatabase(t *testing.T, text string) (proxy, database string) {
	t.Helper()
	program := litellmProgram(t)
	client, err := filepath.Abs("../.cache/litellm_client")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{client, "sdks/litellm_database/node_modules"} {
		if _, err := os.Stat(filepath.Join(folder, ".made")); err != nil {
			need.Missing(t, "LiteLLM's client of its database is not installed")
		}
	}
	engine, err := filepath.Abs("sdks/litellm_database")
	if err != nil {
		t.Fatal(err)
	}
	url, exec := litellmDatabase(t)
	missing, err := os.ReadFile("sdks/litellm_database/after_migrations.sql")
	if err != nil {
		t.Fatal(err)
	}
	exec(string(missing))
	proxy = program.Start(t, text, map[string]string{
		"DATABASE_URL": url, "LITELLM_SALT_KEY": litellmSalt, "DISABLE_SCHEMA_UPDATE": "true",
		"PYTHONPATH": client, "PRISMA_QUERY_ENGINE_BINARY": filepath.Join(engine, "query-engine.mjs"),
		"PATH": strings.Join([]string{engine, filepath.Dir(string(program)), os.Getenv("PATH")}, string(filepath.ListSeparator)),
	})
	return proxy, url
}

// adminAnswer is the answer of a gateway to one call.
type adminAnswer struct {
	status int
	body   []byte
}

// decoded is the answer's body, and nil if it is not JSON.
func (a adminAnswer) decoded() any {
	var v any
	if err := jsonx.Unmarshal(a.body, &v); err != nil {
		return nil
	}
	return v
}

// ask calls a gateway.
func ask(t *testing.T, base, method, path, key, body string) adminAnswer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: litellmPatience}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return adminAnswer{resp.StatusCode, data}
}

// untilWritten asks until the answer is wanted. LiteLLM writes what calls have cost in batches, which can only be polled.
func untilWritten(t *testing.T, what string, wanted func() (done bool, got string)) {
	t.Helper()
	deadline := time.Now().Add(litellmPatience)
	for {
		done, got := wanted()
		if done {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %s", what, got)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
