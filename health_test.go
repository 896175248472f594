package outcrop_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"outcrop"
	"outcrop/config"
	"outcrop/provider/all"
)

func TestHealthSaysWhichEntriesCannotBeCalledAndWhy(t *testing.T) {
	var listed, called atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !strings.HasSuffix(r.URL.Path, "/models"):
			called.Add(1)
			w.WriteHeader(http.StatusInternalServerError)
		case r.Header.Get("Authorization") == "Bearer revoked":
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":{"message":"Incorrect API key provided","code":"invalid_api_key"}}`)
		default:
			listed.Add(1)
			_, _ = io.WriteString(w, `{"object":"list","data":[{"id":"granite","object":"model"}]}`)
		}
	}))
	defer server.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	cfg, problems := config.Load(config.Source{
		Name: "config.yaml", LookupEnv: func(string) (string, bool) { return "", false }, Providers: all.Providers(),
		Data: []byte(`
model_list:
  - {model_name: well, litellm_params: {model: hosted_vllm/granite, api_base: "` + server.URL + `/v1"}}
  - {model_name: gone, litellm_params: {model: hosted_vllm/granite, api_base: "` + gone.URL + `/v1"}}
  - {model_name: revoked, litellm_params: {model: hosted_vllm/granite, api_base: "` + server.URL + `/v1", api_key: revoked}}
  - {model_name: nokey, litellm_params: {model: openai/gpt-5.5}}
  - {model_name: retired, litellm_params: {model: vertex_ai/gemini-1.5-pro, api_key: k, api_base: "` + server.URL + `"}}
`),
	})
	if cfg == nil {
		t.Fatal(problems)
	}
	client, err := outcrop.New(outcrop.Options{Config: cfg, Environ: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	want := map[string]string{
		"well": "", "gone": "network.unreachable: ", "revoked": "credentials.api_key_invalid: ", "nokey": "credentials.missing: ", "retired": "gemini-1.5-pro is retired",
	}
	for range 2 {
		got := client.Health(t.Context())
		if len(got) != len(want) {
			t.Fatalf("%d entries: %+v", len(got), got)
		}
		for _, h := range got {
			if h.ID == "" || (h.Fault == "") != (want[h.Name] == "") || !strings.HasPrefix(h.Fault, want[h.Name]) {
				t.Errorf("%+v, want %q", h, want[h.Name])
			}
		}
	}
	if listed.Load() == 0 || listed.Load() > 2 || called.Load() > 1 { // countTokens of Vertex AI is free of charge
		t.Errorf("%d lists were read and %d other calls made", listed.Load(), called.Load())
	}
}
