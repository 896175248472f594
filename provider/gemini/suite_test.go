package gemini_test

import (
	"testing"

	"go.uber.org/goleak"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/gemini"
	"outcrop/provider/providertest"
	"outcrop/provider/providertest/dialects"
	"outcrop/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const rockModel = "gemini-2.5-flash"

func TestTheProviderPassesTheSuite(t *testing.T) {
	client := upstream.New()
	t.Cleanup(client.CloseIdle)
	p := &providertest.Provider{
		Model: rockModel, Dialect: llm.DialectGemini, Upstream: dialects.Generate{},
		Open: func(base string) (provider.Deployment, error) {
			return gemini.Provider().Open(t.Context(), provider.Params{Model: rockModel, Upstream: client, Values: map[string]string{"api_base": base, "api_key": providertest.Key}})
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
