package refresh

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	public "outcrop/catalog/tables"
	"outcrop/upstream"
)

// published serves our tables at the paths where their makers publish theirs.
func published(t *testing.T, tables Files) Origins {
	t.Helper()
	mux := http.NewServeMux()
	for address, prefix := range map[string]string{
		"/BerriAI/litellm/main/model_prices_and_context_window.json": "model_prices",
		"/api.json": "models.dev",
		"/Portkey-AI/models/main/pricing/bedrock.json":        "portkey-pricing-bedrock-2",
		"/Portkey-AI/models/main/pricing/bedrock-mantle.json": "portkey-pricing-bedrock-mantle",
		"/Portkey-AI/models/main/general/bedrock.json":        "portkey-general-bedrock",
	} {
		for _, table := range some(tables, prefix) {
			mux.HandleFunc("GET "+address, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(table) })
		}
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return Origins{GitHub: server.URL, ModelsDev: server.URL, Now: on(20)}
}

// on is a clock that is set to a day of November.
func on(day int) func() time.Time {
	return func() time.Time { return time.Date(2026, time.November, day, 23, 0, 0, 0, time.UTC) }
}

func download(t *testing.T, from Origins) Files {
	t.Helper()
	tables, warnings, err := Download(t.Context(), from)
	if err != nil || len(warnings) > 0 {
		t.Fatal(warnings, err)
	}
	return tables
}

// TestDownloadedTablesUpdateTheData updates the data with downloads of several days.
func TestDownloadedTablesUpdateTheData(t *testing.T) {
	tables := tablesIn(t, ownTables)
	origins := published(t, tables)
	first := download(t, origins)
	want := []string{
		"model_prices_and_context_window-2026-11-20.json", "models.dev-2026-11-20.json",
		"portkey-general-bedrock-2026-11-20.json", "portkey-pricing-bedrock-2026-11-20.json", "portkey-pricing-bedrock-mantle-2026-11-20.json",
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(first))); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	data := updated(t, Files(generate(t, tables)), first).Files

	if got := changes(t, data, updated(t, data, download(t, origins)).Files); got != nil {
		t.Errorf("the same on the same day changes %q", got)
	}
	origins.Now = on(21)
	for _, change := range changes(t, data, updated(t, data, download(t, origins)).Files) {
		if !strings.HasSuffix(change, ": date was 2026-11-20, is 2026-11-21") {
			t.Errorf("the same on another day changes %s", change)
		}
	}

	origins = published(t, edited(t, tables, "models.dev-2026-07-02.json", `"cost": {"input": 0.6, "output": 0.9}`, `"cost": {"input": 0.7, "output": 0.9}`))
	want = []string{"acme.tall-v1:0: price standard input was 0.6, is 0.7"}
	if diff := cmp.Diff(want, changes(t, data, updated(t, data, download(t, origins)).Files)); diff != "" {
		t.Errorf("another price (-want +got):\n%s", diff)
	}
	origins = published(t, edited(t, tables, "models.dev-2026-07-02.json", `"acme.deep-v2:0": {`, `"acme.newer-v1:0": {}, "acme.deep-v2:0": {`))
	want = []string{"acme.newer-v1:0 is new"}
	if diff := cmp.Diff(want, changes(t, data, updated(t, data, download(t, origins)).Files)); diff != "" {
		t.Errorf("another model (-want +got):\n%s", diff)
	}
}

func TestATableThatCannotBeFetchedIsAWarning(t *testing.T) {
	tables := tablesIn(t, ownTables)
	origins := published(t, tables)
	for _, tt := range []struct {
		what   string
		answer http.HandlerFunc
		reason string
	}{
		{"it is not there", http.NotFound, "/api.json: responded with 404 Not Found"},
		{"it has moved", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://models.example/all.json", http.StatusMovedPermanently)
		}, "/api.json: responded with 301 Moved Permanently, which leads to https://models.example/all.json"},
		{"it is empty", func(http.ResponseWriter, *http.Request) {}, "/api.json: is empty"},
		{"it is a page", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, "/api.json: is not a table"},
		{"it breaks off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "{")
		}, "/api.json: unexpected EOF"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			server := httptest.NewServer(tt.answer)
			defer server.Close()
			origins.ModelsDev = server.URL
			got, warnings, err := Download(t.Context(), origins)
			if err != nil || len(got) != 4 || len(warnings) != 1 || !strings.Contains(warnings[0].Error(), server.URL+tt.reason) {
				t.Errorf("%d tables, warnings %v, error %v; want 4 and a warning with %q", len(got), warnings, err, tt.reason)
			}
		})
	}
}

func TestATableHasALimit(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"a": 1}`) }))
	defer server.Close()
	client := upstream.New()
	defer client.CloseIdle()
	if _, err := public.Fetch(t.Context(), client, server.URL, 8); err != nil {
		t.Errorf("as long as may be: %v", err)
	}
	if _, err := public.Fetch(t.Context(), client, server.URL, 7); err == nil || err.Error() != "is larger than 7 bytes" {
		t.Errorf("longer than may be: %v", err)
	}
}

func TestNoTableAtAllIsAnError(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	_, _, err := Download(t.Context(), Origins{GitHub: server.URL, ModelsDev: server.URL})
	if err == nil || strings.Count(err.Error(), "responded with 404") != 5 {
		t.Errorf("the error is %v", err)
	}
}

func TestADownloadEndsWithItsContext(t *testing.T) {
	stop := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel(stop)
		<-r.Context().Done()
	}))
	defer server.Close()
	if _, _, err := Download(ctx, Origins{GitHub: server.URL, ModelsDev: server.URL}); !errors.Is(err, stop) {
		t.Errorf("the error is %v", err)
	}
}

func TestAWSIsAsked(t *testing.T) {
	tables := tablesIn(t, ownTables)
	origins := published(t, some(tables, "models.dev"))
	origins.Lists = func(context.Context) (map[string][]byte, error) {
		return map[string][]byte{
			"us-east-1-list-foundation-models.json":              tables["us-east-1-list-foundation-models-2026-11-12.json"],
			"us-east-1-list-inference-profiles-2026-11-12.json":  tables["us-east-1-list-inference-profiles-2026-11-12.json"],
			"eu-west-1-list-inference-profiles-page-2-last.json": tables["us-east-1-list-inference-profiles-2026-11-12.json"],
		}, errors.New("eu-west-2: denied")
	}
	got, warnings, err := Download(t.Context(), origins)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"eu-west-1-list-inference-profiles-page-2-last-2026-11-20.json", "models.dev-2026-11-20.json",
		"us-east-1-list-foundation-models-2026-11-20.json", "us-east-1-list-inference-profiles-2026-11-12.json",
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if len(warnings) != 5 || warnings[4].Error() != "AWS's lists: eu-west-2: denied" {
		t.Errorf("warnings %v", warnings)
	}
	origins.Lists = func(context.Context) (map[string][]byte, error) {
		return map[string][]byte{"models.json": nil}, nil
	}
	if _, _, err := Download(t.Context(), origins); err == nil || !strings.Contains(err.Error(), `"models.json"`) {
		t.Errorf("a name that is none of a list: %v", err)
	}
}
