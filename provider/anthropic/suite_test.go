package anthropic_test

import (
	"testing"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/anthropic"
	"outcrop/provider/providertest"
	"outcrop/provider/providertest/dialects"
	"outcrop/upstream"
)

// rockModel is the model that the suite calls.
const rockModel = "claude-sonnet-4-5"

func TestTheProviderPassesTheSuite(t *testing.T) {
	client := upstream.New()
	t.Cleanup(client.CloseIdle)
	p := &providertest.Provider{
		Model: rockModel, Dialect: llm.DialectAnthropic, Upstream: dialects.Messages{Model: rockModel, DefaultTokens: 64_000},
		Open: func(base string) (provider.Deployment, error) {
			return anthropic.Provider().Open(t.Context(), provider.Params{Model: rockModel, Upstream: client, Values: map[string]string{"api_base": base, "api_key": providertest.Key}})
		},
	}
	for _, c := range providertest.Cases(p) {
		t.Run(c.Name, func(t *testing.T) {
			if err := c.Run(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}
