package sagemaker_test

import (
	"maps"
	"testing"

	"go.uber.org/goleak"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/providertest"
	"outcrop/provider/providertest/dialects"
	"outcrop/provider/sagemaker"
	"outcrop/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// info is a provider by its name.
func info(t *testing.T, name string) provider.Info {
	t.Helper()
	for _, p := range sagemaker.Providers() {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("there is no provider %s", name)
	return provider.Info{}
}

// open opens a deployment whose calls go to an address, with keys whose session token is the suite's
// secret.
func open(t *testing.T, name, model, base string, more map[string]string) (provider.Deployment, error) {
	t.Helper()
	client := upstream.New()
	t.Cleanup(client.CloseIdle)
	values := map[string]string{
		"sagemaker_base_url": base, "aws_region_name": "us-east-1",
		"aws_access_key_id": "AKIAROCK", "aws_secret_access_key": "granite-secret", "aws_session_token": providertest.Key,
	}
	maps.Copy(values, more)
	return info(t, name).Open(t.Context(), provider.Params{Model: model, Upstream: client, Values: values})
}

func TestTheProvidersPassTheSuite(t *testing.T) {
	const noRefusals = "SageMaker authenticates by IAM, whose refusals have other codes, and bills the account"
	const texts = "text generation has only texts"
	for _, tt := range []struct {
		name string
		more map[string]string
		p    providertest.Provider
	}{
		{"sagemaker_chat", nil, providertest.Provider{Dialect: llm.DialectOpenAI, Upstream: dialects.SageMaker{Upstream: dialects.Completions{Model: "rocks", OldMaxTokens: true}}}},
		{"sagemaker_nova", nil, providertest.Provider{Dialect: llm.DialectOpenAI, Upstream: dialects.SageMaker{Upstream: dialects.Completions{}}}},
		{"sagemaker", map[string]string{"hf_model_name": "Qwen/Qwen2.5-7B-Instruct"}, providertest.Provider{
			Upstream: dialects.SageMaker{Upstream: dialects.Generation{}},
			Without:  map[string]string{"tools": texts, "parallel tools": texts, "a tool's result": texts, "images": texts, "a JSON schema": texts, "reasoning": texts},
		}},
	} {
		tt.p.Model, tt.p.Actors = "rocks", []llm.Actor{llm.ActorAWS, llm.ActorAWSAdmin}
		tt.p.NoRefusals = map[llm.Code]string{llm.CodeNotGranted: noRefusals, llm.CodeBilling: noRefusals}
		tt.p.Open = func(base string) (provider.Deployment, error) { return open(t, tt.name, "rocks", base, tt.more) }
		t.Run(tt.name, func(t *testing.T) {
			for _, c := range providertest.Cases(&tt.p) {
				t.Run(c.Name, func(t *testing.T) {
					if err := c.Run(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
		})
	}
}
