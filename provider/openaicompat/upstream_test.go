package openaicompat_test

import (
	"testing"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/openaicompat"
	"outcrop/provider/providertest"
	"outcrop/provider/providertest/dialects"
	"outcrop/upstream"
)

// vendor returns a built-in vendor.
func vendor(t testing.TB, name string) *openaicompat.Vendor {
	t.Helper()
	all, err := openaicompat.Vendors()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		if v.Name == name {
			return v
		}
	}
	t.Fatalf("there is no vendor %s", name)
	return nil
}

// open opens a deployment of a vendor.
func open(t testing.TB, v *openaicompat.Vendor, model string, values, environ map[string]string) (provider.Deployment, error) {
	t.Helper()
	client := upstream.New()
	t.Cleanup(client.CloseIdle)
	return v.Providers()[0].Open(t.Context(), provider.Params{
		Model: model, Values: values, Upstream: client, Environ: func(name string) string { return environ[name] },
	})
}

func TestEveryKindOfVendorPassesTheSuite(t *testing.T) {
	for _, name := range []string{"openai", "groq", "mistral", "deepseek", "openrouter", "perplexity", "hosted_vllm", "ollama", "moonshot", "cerebras"} {
		v := vendor(t, name)
		p := &providertest.Provider{
			Model: "rock-1", Dialect: llm.DialectOpenAI, Upstream: upstreamOf(v),
			Open: func(base string) (provider.Deployment, error) {
				return open(t, v, "rock-1", map[string]string{"api_base": base + "/v1", "api_key": providertest.Key}, nil)
			},
		}
		if v.APIs.Responses != "" {
			p.Lanes = []providertest.Lane{{Dialect: llm.DialectResponses, Upstream: dialects.Responses{Model: "rock-1"}, NoStop: true}}
		}
		t.Run(name, func(t *testing.T) {
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

// upstreamOf speaks as a vendor does, by the same data.
func upstreamOf(v *openaicompat.Vendor) dialects.Completions {
	q := &v.Quirks
	return dialects.Completions{Model: "rock-1", OldMaxTokens: q.Rename["max_completion_tokens"] != "", NoStreamOptions: q.NoStreamOptions}
}
