package openaicompat_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outcrop/catalog"
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
	for _, name := range []string{"openai", "groq", "mistral", "deepseek", "openrouter", "perplexity", "hosted_vllm", "moonshot", "cerebras"} {
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

// TestModelsOfTheResponsesAPIPassTheSuite calls models by the Responses API: since the model string says so, since the
// operator does, and since the catalogue does.
func TestModelsOfTheResponsesAPIPassTheSuite(t *testing.T) {
	only := &catalog.Model{ID: "rock-1", Reasoning: llm.Some(true), ResponsesOnly: llm.Some(true)}
	for name, c := range map[string]struct {
		vendor, model string
		params        provider.Params
		seals         bool
	}{
		"the model string": {"openai", "responses/rock-1", provider.Params{}, false},
		"the operator":     {"hosted_vllm", "rock-1", provider.Params{Responses: true}, false},
		"the catalogue":    {"openai", "rock-1", provider.Params{Facts: func(string) *catalog.Model { return only }}, true},
		"another vendor":   {"groq", "rock-1", provider.Params{Facts: func(string) *catalog.Model { return only }}, false},
	} {
		v := vendor(t, c.vendor)
		p := &providertest.Provider{
			Model: c.model, Dialect: llm.DialectResponses, NoStop: true,
			Upstream: dialects.Responses{Model: "rock-1", Seals: c.seals, Denials: dialects.Completions{}.Refusals()},
			Open: func(base string) (provider.Deployment, error) {
				client := upstream.New()
				t.Cleanup(client.CloseIdle)
				params := c.params
				params.Model, params.Upstream, params.Values = c.model, client, map[string]string{"api_base": base + "/v1", "api_key": providertest.Key}
				return v.Providers()[0].Open(t.Context(), params)
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

// TestARefusalOfTheResponsesAPINamesTheClientsField refuses a body that the client has not written.
func TestARefusalOfTheResponsesAPINamesTheClientsField(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":{"message":"Invalid 'input[0].content[0].text'.","type":"invalid_request_error","param":"input[0].content[0].text","code":"invalid_value"}}`)
	}))
	t.Cleanup(server.Close)
	d, err := open(t, vendor(t, "openai"), "responses/rock-1", map[string]string{"api_base": server.URL + "/v1", "api_key": providertest.Key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	targets, err := d.Targets(llm.VerbChat, "responses/rock-1")
	if err != nil {
		t.Fatal(err)
	}
	_, err = targets[0].(provider.Chatter).Complete(t.Context(), &llm.Request{Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "Hi"}}}}})
	if e := llm.AsError(err); err == nil || e.Param != "messages" || e.Code != llm.CodeInvalid || e.Destination.API != "responses" || e.Destination.ID != "rock-1" {
		t.Errorf("%+v", e)
	}
}

// TestAnOptionalTopKIsLeftOut has a client that sends top_k to every model call vendors with and without it.
func TestAnOptionalTopKIsLeftOut(t *testing.T) {
	for name, keeps := range map[string]bool{"openai": false, "hosted_vllm": true} {
		var sent bytes.Buffer
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = sent.ReadFrom(r.Body)
			_, _ = io.WriteString(w, `{"id":"1","object":"chat.completion","created":1,"model":"rock-1","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
		}))
		t.Cleanup(server.Close)
		d, err := open(t, vendor(t, name), "rock-1", map[string]string{"api_base": server.URL + "/v1", "api_key": providertest.Key}, nil)
		if err != nil {
			t.Fatal(err)
		}
		targets, err := d.Targets(llm.VerbChat, "rock-1")
		if err != nil {
			t.Fatal(err)
		}
		chat, ok := targets[0].(provider.Chatter)
		if !ok {
			t.Fatalf("%s: %T does not chat", name, targets[0])
		}
		answer, err := chat.Complete(t.Context(), &llm.Request{TopK: llm.Some(int64(64)), SamplingOptional: true, Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "Hi"}}}}})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(sent.String(), `"top_k":64`) != keeps || (len(answer.Meta.Warnings) == 0) != keeps {
			t.Errorf("%s: sent %s, with %v", name, sent.String(), answer.Meta.Warnings)
		}
	}
}

// upstreamOf speaks as a vendor does, by the same data.
func upstreamOf(v *openaicompat.Vendor) dialects.Completions {
	q := &v.Quirks
	return dialects.Completions{Model: "rock-1", OldMaxTokens: q.Rename["max_completion_tokens"] != "", NoStreamOptions: q.NoStreamOptions}
}
