package catalogrefresh

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	emulator "outcrop/emulator/bedrock"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/catalog/refresh"
)

// prices is a table of a later day: a model that is known, with another price,
// and one that nobody knows.
const prices = `{
	"amazon.nova-lite-v1:0": {"litellm_provider": "bedrock_converse", "mode": "chat", "max_input_tokens": 123, "input_cost_per_token": 7e-06, "output_cost_per_token": 9e-06},
	"acme.tall-v1:0": {"litellm_provider": "bedrock_converse", "mode": "chat"}
}`

// folderOf makes a folder with a file.
func folderOf(t *testing.T, name, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// command runs a command line.
func command(args ...string) (code int, out, errs string) {
	var stdout, stderr bytes.Buffer
	code = Main(args, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestRefreshPrintsWhatChanges(t *testing.T) {
	tables := folderOf(t, "model_prices_and_context_window-2099-01-31.json", prices)
	out := t.TempDir()
	if err := os.WriteFile(filepath.Join(out, "quarry.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	code, text, errs := command("--from", tables, "--out", out)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	for _, want := range []string{
		"acme.tall-v1:0 is new\n",
		"amazon.nova-lite-v1:0: context was 300000, is 123\n",
		"amazon.nova-lite-v1:0: price standard input was 0.06, is 7\n",
		" in 1 model; 1 new model; 1 change of sources",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the output lacks %q:\n%s", want, text)
		}
	}
	for _, want := range []string{"read LiteLLM's price map, 2099-01-31\n", "kept without reading it again: models.dev, ", "quarry.json is not one of the data files", "wrote "} {
		if !strings.Contains(errs, want) {
			t.Errorf("the errors lack %q:\n%s", want, errs)
		}
	}
	if _, err := os.Stat(filepath.Join(out, "quarry.json")); err != nil {
		t.Errorf("a file of somebody else's: %v", err)
	}
	if err := os.Remove(filepath.Join(out, "quarry.json")); err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Parse(os.DirFS(out))
	if err != nil {
		t.Fatal(err)
	}
	if m, ok := c.Model("amazon.nova-lite-v1:0"); !ok || m.Context != 123 || m.Family != "nova" {
		t.Errorf("the files that were written have %+v", m)
	}
}

func TestRefreshWritesIntoACheckout(t *testing.T) {
	tables := folderOf(t, "model_prices_and_context_window-2099-01-31.json", prices)
	t.Chdir(t.TempDir())
	if code, _, errs := command("--from", tables, "--write"); code != 1 || !strings.Contains(errs, "root of a checkout") {
		t.Errorf("without a checkout the exit code is %d: %s", code, errs)
	}
	if err := os.MkdirAll(checkoutData, 0o750); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := command("--from", tables, "--write"); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	if _, err := catalog.Parse(os.DirFS(checkoutData)); err != nil {
		t.Error(err)
	}
}

func TestRefreshFetches(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.Path, "litellm") {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(prices))
	}))
	defer server.Close()
	var out, errs bytes.Buffer
	c := refreshCommand{origins: refresh.Origins{GitHub: server.URL, ModelsDev: server.URL}}
	if err := c.Run(t.Context(), console{out: &out, err: &errs}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "acme.tall-v1:0 is new\n") {
		t.Errorf("the output lacks the new model:\n%s", out.String())
	}
	if want := "warning: " + server.URL + "/api.json: responded with 404 Not Found\n"; !strings.Contains(errs.String(), want) {
		t.Errorf("the errors lack %q:\n%s", want, errs.String())
	}
}

// AWS's own lists count with the tables: the emulator has regions that the data of
// this release has not, and what it does not say stays.
func TestRefreshAsksAWS(t *testing.T) {
	emulatedAccount(t)
	gone := httptest.NewServer(http.NotFoundHandler())
	defer gone.Close()
	var out, errs bytes.Buffer
	c := refreshCommand{Region: []string{"eu-central-1", "us-east-1"}, origins: refresh.Origins{GitHub: gone.URL, ModelsDev: gone.URL}}
	if err := c.Run(t.Context(), console{out: &out, err: &errs}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"read answers of ListFoundationModels", "read answers of ListInferenceProfiles"} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("the errors lack %q:\n%.2000s", want, errs.String())
		}
	}
	if !strings.Contains(out.String(), "eu-central-1") || strings.Contains(out.String(), emulator.DemoAccount) {
		t.Errorf("the output is\n%.2000s", out.String())
	}
}

// emulatedAccount leads the environment to an emulator.
func emulatedAccount(t *testing.T) {
	t.Helper()
	e, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", emulator.DemoAccessKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", string(emulator.DemoSecretAccessKey))
}

func TestRefreshFails(t *testing.T) {
	tables := folderOf(t, "model_prices_and_context_window-2099-01-31.json", prices)
	gone := httptest.NewServer(http.NotFoundHandler())
	defer gone.Close()
	for _, tt := range []struct {
		what string
		args []string
		code int
		err  string
	}{
		{"no folder", []string{"--from", filepath.Join(tables, "nowhere")}, 2, "nowhere"},
		{"no tables", []string{"--from", t.TempDir()}, 1, "no file has the name of a known table"},
		{"a table that cannot be read", []string{"--from", folderOf(t, "models.dev-2099-01-31.json", "[]")}, 1, "models.dev-2099-01-31.json: "},
		{"a file where a folder should be", []string{"--from", tables, "--out", filepath.Join(tables, "model_prices_and_context_window-2099-01-31.json")}, 1, "not a directory"},
		{"two places to write to", []string{"--from", tables, "--out", tables, "--write"}, 2, "--write"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			code, _, errs := command(tt.args...)
			if code != tt.code || !strings.Contains(errs, "catalog-refresh: error: ") || !strings.Contains(errs, tt.err) {
				t.Errorf("exit code %d, want %d and an error with %q:\n%s", code, tt.code, tt.err, errs)
			}
		})
	}
	t.Run("nothing can be fetched", func(t *testing.T) {
		c := refreshCommand{origins: refresh.Origins{GitHub: gone.URL, ModelsDev: gone.URL}}
		err := c.Run(t.Context(), console{out: &bytes.Buffer{}, err: &bytes.Buffer{}})
		if err == nil || !strings.Contains(err.Error(), gone.URL) || !strings.Contains(err.Error(), "\nhint: use catalog-refresh --from DIR") {
			t.Errorf("the error is %v", err)
		}
	})
}
