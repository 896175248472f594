package azure

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAddresses(t *testing.T) {
	const resource = "https://r.openai.azure.com"
	for _, tt := range []struct {
		service             service
		base, path, version string
		want                string
	}{
		{openAI{}, resource, "/chat/completions", "2024-10-21", resource + "/openai/deployments/m/chat/completions?api-version=2024-10-21"},
		{openAI{}, resource + "/", "/embeddings", "2024-10-21", resource + "/openai/deployments/m/embeddings?api-version=2024-10-21"},
		{openAI{}, resource + "/openai", "/chat/completions", "2024-10-21", resource + "/openai/deployments/m/chat/completions?api-version=2024-10-21"},
		{openAI{}, resource + "/openai/deployments/other", "/chat/completions", "2024-10-21", resource + "/openai/deployments/other/chat/completions?api-version=2024-10-21"},
		{openAI{}, resource + "/openai/deployments/other/chat/completions?api-version=2023-05-15", "/chat/completions", "2024-10-21", resource + "/openai/deployments/other/chat/completions?api-version=2023-05-15"},
		{openAI{}, resource, "/chat/completions", "v1", resource + "/openai/v1/chat/completions"},
		{openAI{}, resource, "/chat/completions", "preview", resource + "/openai/v1/chat/completions?api-version=preview"},
		{openAI{}, resource + "/openai/v1", "/chat/completions", "2024-10-21", resource + "/openai/v1/chat/completions"},
		{openAI{}, resource, "/models", "2024-10-21", resource + "/openai/models?api-version=2024-10-21"},
		{openAI{}, resource, "/files", "2024-10-21", resource + "/openai/files?api-version=2024-10-21"},
		{openAI{}, resource, "/batches", "v1", resource + "/openai/v1/batches"},
		{openAI{}, resource, "/images/generations", "2024-10-21", resource + "/openai/deployments/m/images/generations?api-version=2024-10-21"},
		{openAI{}, resource, "/audio/speech", "v1", resource + "/openai/v1/audio/speech"},
		{openAI{}, "https://gateway.corp.example/azure", "/chat/completions", "2024-10-21", "https://gateway.corp.example/azure/openai/deployments/m/chat/completions?api-version=2024-10-21"},
		{openAI{}, resource, "/responses", "v1", resource + "/openai/v1/responses"},
		{openAI{}, resource, "/responses", "2025-03-01-preview", resource + "/openai/responses?api-version=2025-03-01-preview"},
		{openAI{}, resource, "/responses", "2025-02-01-preview", "none"},
		{foundry{}, "https://r.services.ai.azure.com", "/chat/completions", "2024-05-01-preview", "https://r.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview"},
		{foundry{}, "https://r.services.ai.azure.com/models", "/chat/completions", "2024-05-01-preview", "https://r.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview"},
		{foundry{}, "https://r.services.ai.azure.com", "/responses", "2024-05-01-preview", "https://r.services.ai.azure.com/openai/v1/responses"},
		{foundry{}, "https://r.services.ai.azure.com/models?api-version=2024-05-01-preview", "/responses", "2024-05-01-preview", "https://r.services.ai.azure.com/openai/v1/responses"},
		{foundry{}, "https://r.openai.azure.com/openai/v1", "/responses", "2024-05-01-preview", "https://r.openai.azure.com/openai/v1/responses"},
		{foundry{}, "https://gateway.corp.example/azure/openai/v1", "/responses", "2024-05-01-preview", "https://gateway.corp.example/azure/openai/v1/responses"},
		{foundry{}, "https://m.eastus2.models.ai.azure.com", "/responses", "2024-05-01-preview", "none"},
		{foundry{}, "https://gateway.corp.example", "/responses", "2024-05-01-preview", "none"},
		{foundry{}, "https://m.eastus2.models.ai.azure.com", "/chat/completions", "2024-05-01-preview", "https://m.eastus2.models.ai.azure.com/v1/chat/completions"},
		{foundry{}, "https://m.eastus2.models.ai.azure.com/v1", "/chat/completions", "2024-05-01-preview", "https://m.eastus2.models.ai.azure.com/v1/chat/completions"},
	} {
		base, err := url.Parse(strings.TrimRight(tt.base, "/"))
		if err != nil {
			t.Fatal(err)
		}
		got := "none"
		if u := tt.service.url(base, tt.path, "m", tt.version); u != nil {
			got = u.String()
		}
		if got != tt.want {
			t.Errorf("%s, %s, %s: got %s, want %s", tt.base, tt.path, tt.version, got, tt.want)
		}
	}
	for _, model := range []string{"m", "o_series/m", "gpt5_series/m", "responses/m"} {
		if got := Deployment(model); got != "m" {
			t.Errorf("%s is the deployment %s", model, got)
		}
	}
}

// opened opens a deployment with settings and an environment.
func opened(t *testing.T, values, environ map[string]string) (provider.Deployment, error) {
	t.Helper()
	client := upstream.New()
	t.Cleanup(client.CloseIdle)
	d, err := Providers()[0].Open(t.Context(), provider.Params{Model: "m", Values: values, Upstream: client, Environ: func(name string) string { return environ[name] }})
	if err == nil {
		t.Cleanup(func() { _ = d.Close() })
	}
	return d, err
}

func TestCallsHaveTheKeyOrTheToken(t *testing.T) {
	var got string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.URL.RequestURI() + " " + r.Header.Get("Api-Key") + "|" + r.Header.Get("Authorization")
		_, _ = io.WriteString(w, `{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}`)
	}))
	defer s.Close()
	const path = "/openai/deployments/m/chat/completions?api-version="
	for _, tt := range []struct {
		name            string
		values, environ map[string]string
		want            string
	}{
		{"a key", map[string]string{"api_key": "k"}, nil, path + "2025-02-01-preview k|"},
		{"the environment", nil, map[string]string{"AZURE_API_KEY": "e", "AZURE_API_VERSION": "2024-10-21"}, path + "2024-10-21 e|"},
		{"a token", map[string]string{"azure_ad_token": "t"}, nil, path + "2025-02-01-preview |Bearer t"},
		{"a key before a token", map[string]string{"api_key": "k", "azure_ad_token": "t"}, nil, path + "2025-02-01-preview k|"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			values := map[string]string{"api_base": s.URL}
			maps.Copy(values, tt.values)
			d, err := opened(t, values, tt.environ)
			if err != nil {
				t.Fatal(err)
			}
			if err := call(t, d); err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("called %s, not %s", got, tt.want)
			}
		})
	}
}

func call(t *testing.T, d provider.Deployment) error {
	t.Helper()
	targets, err := d.Targets(llm.VerbChat, "m")
	if err != nil {
		return err
	}
	_, err = targets[0].(provider.Chatter).Complete(t.Context(), &llm.Request{Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "Hi"}}}}})
	return err
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	_, err := opened(t, nil, nil)
	if e, ok := errors.AsType[*provider.OptionError](err); !ok || e.Option != "api_base" || !strings.Contains(e.Reason, "AZURE_API_BASE") {
		t.Errorf("no address: %v", err)
	}
	_, err = opened(t, map[string]string{"api_base": "https://r.openai.azure.com", "client_secret": "s"}, nil)
	if e, ok := errors.AsType[*provider.OptionError](err); !ok || e.Option != "client_secret" || strings.Contains(e.Reason, `"s"`) {
		t.Errorf("a secret without its application: %v", err)
	}
	d, err := opened(t, map[string]string{"api_base": "https://r.openai.azure.com"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if e := llm.AsError(call(t, d)); e.Code != llm.CodeCredentialsMissing || !strings.Contains(e.Fix, "AZURE_API_KEY") || !strings.Contains(e.Fix, "client_secret") {
		t.Errorf("no credentials: %v %s", e, e.Fix)
	}
}

func TestARefusalOfEntraIDIsOfOneLine(t *testing.T) {
	got := tokenError(errors.New("AADSTS7000215: Invalid client secret provided.\nTrace ID: 1"))
	if got.Code != llm.CodeCredentialsInvalid || !strings.Contains(got.Message, "AADSTS7000215") || strings.Contains(got.Message, "Trace") {
		t.Errorf("got %v", got)
	}
}

func TestResponsesPassThroughByTheirOwnAPI(t *testing.T) {
	var got string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = r.Method + " " + r.URL.RequestURI() + " " + string(body)
		_, _ = io.WriteString(w, `{"id":"resp_1","status":"completed","output":[]}`)
	}))
	defer s.Close()
	for version, path := range map[string]string{"v1": "/openai/v1/responses", "2025-04-01-preview": "/openai/responses?api-version=2025-04-01-preview", "2024-10-21": ""} {
		d, err := opened(t, map[string]string{"api_base": s.URL, "api_key": "k", "api_version": version}, nil)
		if err != nil {
			t.Fatal(err)
		}
		targets, err := d.Targets(llm.VerbChat, "gpt5_series/m")
		if err != nil {
			t.Fatal(err)
		}
		p := targets[0].(provider.Passer)
		if p.Speaks(llm.DialectResponses) != (path != "") {
			t.Errorf("%s speaks it: %t", version, path == "")
		}
		if path == "" {
			continue
		}
		resp, err := p.Pass(t.Context(), &llm.Raw{Call: llm.Call{Model: "mine"}, Dialect: llm.DialectResponses, Body: []byte(`{"model":"mine","input":"x"}`)})
		if want := "POST " + path + ` {"model":"m","input":"x"}`; err != nil || got != want || !resp.Meta.Keeps {
			t.Errorf("called %s, not %s: %v", got, want, err)
		}
		_, err = p.Pass(t.Context(), &llm.Raw{Dialect: llm.DialectResponses, Service: true, Method: http.MethodDelete, Path: []string{"resp_1"}})
		if want := "DELETE " + strings.Replace(path, "/responses", "/responses/resp_1", 1) + " "; err != nil || got != want {
			t.Errorf("called %s, not %s: %v", got, want, err)
		}
	}
}

func TestChatsOfADeploymentWithTheResponsesAPIAlone(t *testing.T) {
	var got string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = r.URL.RequestURI() + " " + string(body)
		_, _ = io.WriteString(w, `{"id":"resp_1","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"granite"}]}]}`)
	}))
	defer s.Close()
	d, err := opened(t, map[string]string{"api_base": s.URL, "api_key": "k", "api_version": "v1"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	targets, err := d.Targets(llm.VerbChat, "responses/m")
	if err != nil {
		t.Fatal(err)
	}
	if p := targets[0].(provider.Passer); p.Speaks(llm.DialectOpenAI) || !p.Speaks(llm.DialectResponses) {
		t.Error("bodies of chat completions pass through to a deployment without that API")
	}
	resp, err := targets[0].(provider.Chatter).Complete(t.Context(), &llm.Request{Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "Hi"}}}}})
	const want = `/openai/v1/responses {"model":"m","input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"Hi"}]}],"store":false}`
	if err != nil || got != want || resp.Blocks[0].Text != "granite" || resp.Meta.Destination.API != "responses" || resp.Meta.Destination.ID != "m" {
		t.Errorf("called %s, got %+v (%v)", got, resp, err)
	}
}

func TestTheRootOfAResource(t *testing.T) {
	for base, want := range map[string]string{
		"https://r.openai.azure.com":                                    "https://r.openai.azure.com",
		"https://r.openai.azure.com/openai/deployments/m?api-version=1": "https://r.openai.azure.com",
		"https://r.openai.azure.com/openai/v1":                          "https://r.openai.azure.com",
		"https://r.services.ai.azure.com/models":                        "https://r.services.ai.azure.com",
		"https://proxy.example/team/openai":                             "https://proxy.example/team",
		"https://m.eastus.models.ai.azure.com/v1":                       "https://m.eastus.models.ai.azure.com",
	} {
		u, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		if got := (&endpoint{base: u}).Root().String(); got != want {
			t.Errorf("%s: %s", base, got)
		}
	}
}

func TestAzureCountsTheTokensOfRequestsForResponses(t *testing.T) {
	var got string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = r.URL.RequestURI() + " " + string(body)
		_, _ = io.WriteString(w, `{"object":"response.input_tokens","input_tokens":17}`)
	}))
	defer s.Close()
	for version, path := range map[string]string{
		"v1":                 "/openai/v1/responses/input_tokens",
		"2025-04-01-preview": "/openai/responses/input_tokens?api-version=2025-04-01-preview",
	} {
		d, err := opened(t, map[string]string{"api_base": s.URL, "api_key": "k", "api_version": version}, nil)
		if err != nil {
			t.Fatal(err)
		}
		targets, err := d.Targets(llm.VerbCount, "m")
		if err != nil {
			t.Fatal(err)
		}
		n, err := targets[0].(provider.RawCounter).CountRaw(t.Context(), &llm.Raw{Dialect: llm.DialectResponses, Body: jsonx.Raw(`{"model":"mine","input":"Hi","store":true}`)})
		if want := path + ` {"model":"m","input":"Hi"}`; err != nil || n.Tokens != 17 || got != want {
			t.Errorf("%s: %+v, %v by %s, not %s", version, n, err, got, want)
		}
	}
}
