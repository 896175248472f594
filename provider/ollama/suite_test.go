package ollama_test

import (
	"testing"

	"go.uber.org/goleak"

	"outcrop/provider"
	"outcrop/provider/ollama"
	"outcrop/provider/providertest"
	"outcrop/provider/providertest/dialects"
	"outcrop/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const rockModel = "qwen3:8b"

// open opens a deployment of a model at an address.
func open(t *testing.T, model, base string) (provider.Deployment, error) {
	t.Helper()
	client := upstream.New()
	t.Cleanup(client.CloseIdle)
	return ollama.Providers()[0].Open(t.Context(), provider.Params{Model: model, Upstream: client, Values: map[string]string{"api_base": base, "api_key": providertest.Key}})
}

func TestTheProviderPassesTheSuite(t *testing.T) {
	p := &providertest.Provider{
		Model: rockModel, Upstream: dialects.Ollama{},
		Without: map[string]string{"reasoning": "Ollama does not count cached tokens, which the case compares; TestReasoningIsKept has the rest"},
		Open:    func(base string) (provider.Deployment, error) { return open(t, rockModel, base) },
	}
	for _, c := range providertest.Cases(p) {
		t.Run(c.Name, func(t *testing.T) {
			if err := c.Run(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}
