package cli

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outcrop/catalog"
)

// wholeTable is a price map with enough models to be whole, and another price of gpt-5.
func wholeTable(t *testing.T) string {
	t.Helper()
	c, err := catalog.Open(catalog.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	rows := []string{`"gpt-5": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 7e-06, "output_cost_per_token": 1e-05}`}
	for _, provider := range []string{"openai", "azure", "azure_ai", "fireworks_ai", "vertex_ai", "openrouter", "vercel_ai_gateway", "novita", "deepinfra", "gmi", "databricks", "perplexity", "gemini", "empiriolabs", "nebius", "mistral", "together_ai", "kyma", "aihubmix", "dashscope", "qwencloud", "xai"} {
		table, err := c.Provider(provider)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range table.IDs() {
			if id != "gpt-5" || provider != "openai" {
				rows = append(rows, `"`+provider+"/"+id+`": {"litellm_provider": "`+provider+`", "mode": "chat"}`)
			}
		}
	}
	return "{" + strings.Join(rows, ",\n") + "}"
}

func catalogCommandLine(args ...string) (code int, out, errs string) {
	var stdout, stderr bytes.Buffer
	code = Main(append([]string{"catalog"}, args...), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestCatalogueIsRefreshedFromAFileAndReadAgain(t *testing.T) {
	dir, table := t.TempDir(), filepath.Join(t.TempDir(), "mine.json")
	if err := os.WriteFile(table, []byte(wholeTable(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := catalogCommandLine("refresh", "--data-dir", dir, "--from", table, "--dry-run"); code != 0 {
		t.Fatal(errs)
	}
	if _, err := os.Stat(filepath.Join(dir, catalog.ArchiveName)); err == nil {
		t.Error("--dry-run writes")
	}
	code, out, errs := catalogCommandLine("refresh", "--data-dir", dir, "--from", table, "--details")
	if code != 0 || !strings.Contains(errs, "read LiteLLM's price map of ") || !strings.Contains(out, "price input was 1.25, is 7") {
		t.Fatalf("%d: %s%s", code, out[:min(len(out), 2000)], errs)
	}
	if _, out, errs = catalogCommandLine("show", "openai/gpt-5", "--data-dir", dir); !strings.Contains(out, "$7 per million tokens") || !strings.Contains(out, "LiteLLM's price map, ") {
		t.Errorf("%s%s", out, errs)
	}
	good, err := os.ReadFile(filepath.Join(dir, catalog.ArchiveName))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"cut short":             wholeTable(t)[:5000],
		"with too few models":   `{"gpt-5": {"litellm_provider": "openai", "mode": "chat"}}`,
		"no table":              `{"granite": 1}`,
		"a page of HTML":        "<html>",
		"empty":                 "",
		"a price that is wrong": strings.Replace(wholeTable(t), "7e-06", "-7e-06", 1),
	} {
		if err := os.WriteFile(table, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, errs := catalogCommandLine("refresh", "--data-dir", dir, "--from", table); code == 0 {
			t.Errorf("%s: accepted: %s", name, errs)
		}
		if now, err := os.ReadFile(filepath.Join(dir, catalog.ArchiveName)); err != nil || !bytes.Equal(now, good) {
			t.Errorf("%s: the good file was replaced: %v", name, err)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
	if err := os.WriteFile(filepath.Join(dir, catalog.ArchiveName), good[:len(good)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs = catalogCommandLine("show", "gpt-5", "--data-dir", dir); code != 0 || !strings.Contains(errs, "cannot be used") || !strings.Contains(out, "$1.25 per million tokens") {
		t.Errorf("a damaged file: %d %s%s", code, out, errs)
	}
}

func TestCatalogueIsFetched(t *testing.T) {
	table := wholeTable(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/prices.json" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(table))
	}))
	defer server.Close()
	dir := t.TempDir()
	if code, _, errs := catalogCommandLine("refresh", "--data-dir", dir, "--from", server.URL+"/prices.json"); code != 0 {
		t.Fatal(errs)
	}
	if code, _, errs := catalogCommandLine("refresh", "--data-dir", dir, "--from", server.URL+"/gone.json"); code != 1 || !strings.Contains(errs, "404 Not Found") {
		t.Errorf("%d: %s", code, errs)
	}
	var out, errs bytes.Buffer
	c := catalogRefreshCommand{DataDir: dir, public: []string{server.URL + "/prices.json", server.URL + "/api.json"}}
	if err := c.Run(t.Context(), console{out: &out, err: &errs}); err != nil || !strings.Contains(errs.String(), "/api.json: responded with 404") {
		t.Errorf("%v: %s", err, errs.String())
	}
	c.public = []string{server.URL + "/api.json"}
	if err := c.Run(t.Context(), console{out: &out, err: &errs}); err == nil || !strings.Contains(err.Error(), "nothing was changed") {
		t.Error(err)
	}
}

func TestCatalogueIsWrittenAsText(t *testing.T) {
	out, table := t.TempDir(), filepath.Join(t.TempDir(), "mine.json")
	if err := os.WriteFile(table, []byte(wholeTable(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"gone.jsonl", "mine.txt"} {
		if err := os.WriteFile(filepath.Join(out, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if code, _, errs := catalogCommandLine("refresh", "--out", out, "--from", table, "--data-dir", t.TempDir()); code != 0 {
		t.Fatal(errs)
	}
	if n, err := catalog.Verify(os.DirFS(out)); err != nil || n < 3000 {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := os.Stat(filepath.Join(out, "gone.jsonl")); err == nil {
		t.Error("the file of a provider without models is still there")
	}
	if _, err := os.Stat(filepath.Join(out, "mine.txt")); err != nil {
		t.Error(err)
	}
}

func TestCatalogueShowsWhatIsNear(t *testing.T) {
	dir := t.TempDir()
	for model, want := range map[string]string{
		"openai/gpt-5-m":                "Known are gpt-5-mini",
		"openai/granite":                "models of the provider are known",
		"granite/x":                     `"granite" is not a provider`,
		"bedrock/nova-lite":             "Use outcrop models nova-lite",
		"bedrock_mantle/qwen.qwen3-32b": "Use outcrop models qwen.qwen3-32b",
		"together/kimi-none":            "nothing is known of kimi-none of together",
	} {
		if code, _, errs := catalogCommandLine("show", model, "--data-dir", dir); code == 0 || !strings.Contains(errs, want) {
			t.Errorf("%s: %d %s", model, code, errs)
		}
	}
}
