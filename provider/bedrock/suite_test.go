package bedrock_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock"
	"outcrop/provider/providertest"
	"outcrop/provider/providertest/dialects"
	"outcrop/upstream"
)

// TestTheResponsesAPIPassesTheSuite calls models of which bedrock-mantle has the Responses API alone, and one of
// bedrock-runtime that AWS has refused at Converse.
func TestTheResponsesAPIPassesTheSuite(t *testing.T) {
	for name, c := range map[string]struct {
		model string
		seals bool
	}{
		"mantle":                           {"openai.gpt-5.5", true},
		"mantle, another maker":            {"google.gemma-4-31b", false},
		"mantle, as the model string asks": {"mantle/openai.gpt-5.6-luna", true},
		"runtime":                          {"us.openai.gpt-5.6-sol", true},
	} {
		p := &providertest.Provider{
			Model: c.model, Dialect: llm.DialectResponses, NoStop: true,
			Upstream:   dialects.Responses{Model: strings.TrimPrefix(c.model, "mantle/"), Seals: c.seals, Denials: denials()},
			Actors:     []llm.Actor{llm.ActorAWS, llm.ActorAWSAdmin},
			NoRefusals: map[llm.Code]string{llm.CodeBilling: "AWS bills apart from calls", llm.CodeContentFiltered: "no words for it are known"},
			Open: func(base string) (provider.Deployment, error) {
				client := upstream.New()
				t.Cleanup(client.CloseIdle)
				d, err := bedrock.Provider().Open(t.Context(), provider.Params{
					Model: c.model, Values: map[string]string{"api_key": providertest.Key, "aws_region_name": "us-east-1", "aws_bedrock_runtime_endpoint": base},
					Upstream: client, Environ: func(string) string { return "" },
				})
				if err != nil || name != "runtime" {
					return d, err
				}
				targets, err := d.Targets(llm.VerbChat, c.model)
				if err != nil {
					return nil, err
				}
				refusal := &llm.Error{Code: llm.CodeWrongSurface, Upstream: true, UpstreamStatus: 400, Destination: llm.Destination{API: "converse"}}
				if !d.(provider.Observer).ReportRefusal(t.Context(), llm.VerbChat, c.model, targets[0], refusal) {
					t.Error("there is no other target than Converse")
				}
				return d, nil
			},
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

// denials are refusals in OpenAI's form, without those that only other vendors have.
func denials() []providertest.Refusal {
	return slices.DeleteFunc(dialects.Completions{}.Refusals(), func(r providertest.Refusal) bool {
		return r.Code == llm.CodeBilling || r.Code == llm.CodeContentFiltered || r.Code == llm.CodeRegionBlocked || r.Status == http.StatusUnprocessableEntity
	})
}
