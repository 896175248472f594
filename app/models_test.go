package app_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outcrop/app"
)

// TestEachClientListsWhatItCanCall checks that the list in OpenAI's form has every configured name, and
// that in Anthropic's form those that Messages can call.
func TestEachClientListsWhatItCanCall(t *testing.T) {
	upstream := httptest.NewServer(http.NotFoundHandler())
	defer upstream.Close()
	more := `  - {model_name: granite, litellm_params: {model: bedrock/amazon.nova-lite-v1:0, aws_region_name: us-east-1, aws_access_key_id: AKIDEXAMPLE, aws_secret_access_key: secret, aws_bedrock_runtime_endpoint: "` + upstream.URL + `"}}` + "\n"
	a := start(t, app.Options{Config: vectors(t, upstream.URL, more)})
	get := func(path, version string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL()+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if version != "" {
			req.Header.Set("Anthropic-Version", version)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return read(t, resp)
	}
	const anthropic = "2023-06-01"
	for _, tt := range []struct {
		path, version string
		status        int
		has, lacks    []string
	}{
		{"/v1/models", "", 200, []string{`"id":"stone"`, `"id":"judge"`, `"id":"granite"`}, nil},
		{"/v1/models", anthropic, 200, []string{`"id":"granite"`}, []string{"stone", "judge"}},
		{"/v1/models/stone", "", 200, []string{`"id":"stone"`}, nil},
		{"/v1/models/stone", anthropic, 404, []string{`"type":"error"`}, nil},
		{"/v1/models/granite", anthropic, 200, []string{`"id":"granite"`}, nil},
	} {
		status, body := get(tt.path, tt.version)
		if status != tt.status {
			t.Errorf("%s for %q: %d %s", tt.path, tt.version, status, body)
		}
		for _, want := range tt.has {
			if !strings.Contains(body, want) {
				t.Errorf("%s for %q lacks %s: %s", tt.path, tt.version, want, body)
			}
		}
		for _, no := range tt.lacks {
			if strings.Contains(body, no) {
				t.Errorf("%s for %q has %s: %s", tt.path, tt.version, no, body)
			}
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL()+"/?paths", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "&#34;model&#34;:&#34;granite&#34;") || strings.Contains(string(page), "MODEL") {
		t.Errorf("the page does not name the configured chat model:\n%s", page)
	}
}
