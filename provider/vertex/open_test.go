package vertex_test

import (
	"maps"
	"strings"
	"testing"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/providertest"
	"outcrop/provider/providertest/dialects"
)

// googles are refusals of Google's in front of open models.
func googles() []providertest.Refusal {
	body := func(code, status, message string) string {
		return `[{"error":{"code":` + code + `,"message":"` + message + `","status":"` + status + `"}}]`
	}
	return []providertest.Refusal{
		{Status: 429, Words: "Quota exceeded", Body: body("429", "RESOURCE_EXHAUSTED", "Quota exceeded for aiplatform.googleapis.com"), Code: llm.CodeLimitRequests},
		{Status: 403, Words: "denied", Body: body("403", "PERMISSION_DENIED", "Permission 'aiplatform.endpoints.predict' denied"), Code: llm.CodeNotGranted},
		{Status: 404, Words: "was not found", Body: body("404", "NOT_FOUND", "Publisher Model was not found"), Code: llm.CodeModelUnknown},
		{Status: 403, Words: "billing", Body: body("403", "PERMISSION_DENIED", "This API method requires billing to be enabled."), Code: llm.CodeBilling},
		{Status: 503, Words: "unavailable", Body: body("503", "UNAVAILABLE", "The service is unavailable."), Code: llm.CodeUnavailable},
	}
}

func TestOpenModelsPassTheSuite(t *testing.T) {
	g := startGoogle(t)
	for _, tt := range []struct {
		model    string
		upstream dialects.Completions
	}{
		{"meta/llama-4-maverick-17b-128e-instruct-maas", dialects.Completions{Model: "meta/llama-4-maverick-17b-128e-instruct-maas", OldMaxTokens: true}},
		{"openai/gpt-oss-120b-maas", dialects.Completions{Model: "openai/gpt-oss-120b-maas", OldMaxTokens: true}},
		{"mistral-medium-3@001", dialects.Completions{Model: "mistral-medium-3", OldMaxTokens: true, NoStreamOptions: true}},
	} {
		tt.upstream.Denials = append(dialects.Completions{}.Refusals(), googles()...)
		p := &providertest.Provider{
			Model: tt.model, Dialect: llm.DialectOpenAI, Upstream: tt.upstream,
			Open: func(base string) (provider.Deployment, error) {
				return open(t, tt.model, map[string]string{"api_base": base, "vertex_credentials": g.account}, nil)
			},
		}
		t.Run(tt.model, func(t *testing.T) {
			for _, c := range providertest.Cases(p) {
				t.Run(c.Name, func(t *testing.T) {
					if err := c.Run(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
		})
	}
}

func TestOpenModelsAreCalledByTheirPublishersAPI(t *testing.T) {
	const completion = `{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Granite."},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}`
	g := startGoogle(t)
	for _, tt := range []struct {
		model, path, name, answer string
	}{
		{"deepseek-ai/deepseek-v3.2-maas", "endpoints/openapi/chat/completions", "deepseek-ai/deepseek-v3.2-maas", completion},
		{"qwen/qwen3-next-80b-a3b-instruct-maas", "endpoints/openapi/chat/completions", "qwen/qwen3-next-80b-a3b-instruct-maas", completion},
		{"mistralai/mistral-medium-3@001", "publishers/mistralai/models/mistral-medium-3@001:rawPredict", "mistral-medium-3", completion},
		{"codestral-2", "publishers/mistralai/models/codestral-2:rawPredict", "codestral-2", completion},
		{"google/gemini-2.5-pro", "publishers/google/models/gemini-2.5-pro:generateContent", "", rock},
	} {
		t.Run(tt.model, func(t *testing.T) {
			a := startAPI(t, 200, tt.answer)
			d, err := open(t, tt.model, map[string]string{"api_base": a.URL, "vertex_credentials": g.account}, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			targets, err := d.Targets(llm.VerbChat, tt.model)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := targets[0].(provider.Chatter).Complete(t.Context(), ask())
			if err != nil || resp.Blocks[0].Text != "Granite." {
				t.Fatalf("%+v %v", resp, err)
			}
			if name, _ := a.body["model"].(string); a.path != "/v1/projects/rocks-1/locations/us-central1/"+tt.path || name != tt.name || a.header.Get("Authorization") != "Bearer "+providertest.Key {
				t.Errorf("called %s with %v", a.path, a.body)
			}
		})
	}
	for _, values := range []map[string]string{{"api_key": "k"}, {"api_key": "k", "vertex_project": ""}} {
		all := map[string]string{"api_base": "http://127.0.0.1:1"}
		maps.Copy(all, values)
		d, err := open(t, "meta/llama-4-maverick", all, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		_, err = d.Targets(llm.VerbChat, "meta/llama-4-maverick")
		if e := llm.AsError(err); e.Code != llm.CodeCredentialsMissing || !strings.Contains(e.Fix, "vertex_project") {
			t.Errorf("without a project: %v", err)
		}
	}
}
