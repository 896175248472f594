package e2e

import (
	"net/http"
	"strings"
	"testing"

	emulator "outcrop/emulator/bedrock"
)

// surfaceConfig has a model of each of OpenAI's surfaces on Bedrock: of bedrock-runtime, of bedrock-mantle, and
// an open model there.
const surfaceConfig = `
general_settings: {master_key: ` + masterKey + `}
router_settings: {num_retries: 0, timeout: 60}
credential_list:
  - credential_name: demo
    credential_values:
      aws_access_key_id: ` + emulator.DemoAccessKeyID + `
      aws_secret_access_key: ` + string(emulator.DemoSecretAccessKey) + `
      aws_region_name: us-east-1
      aws_bedrock_runtime_endpoint: UPSTREAM
model_list:
  - {model_name: runtime, litellm_params: {model: bedrock/us.openai.gpt-5.6-sol, litellm_credential_name: demo}}
  - {model_name: mantle, litellm_params: {model: bedrock/openai.gpt-5.5, litellm_credential_name: demo}}
  - {model_name: open, litellm_params: {model: bedrock/openai.gpt-oss-120b, litellm_credential_name: demo}}
`

// surfaceScenarios are the scenarios that the emulator passes by itself; the gateway passes more.
func surfaceScenarios(more ...string) []string {
	return append(more,
		"whole responses and all events are valid by the SDK's types",
		"a whole response has its text and its usage",
		"a stream has its events in order",
		"a limit makes the response incomplete",
		"tools are called over several turns, each with ids of its own",
		"an object of a schema is parsed",
		"errors name the parameter",
	)
}

func TestResponsesOfBedrocksOwnSurfaces(t *testing.T) {
	t.Parallel()
	for model, limited := range map[string]string{"runtime": "0", "mantle": "0", "open": "1"} {
		taken := map[string]string{
			"runtime": `"target":"api=responses; region=us-east-1; id=us.openai.gpt-5.6-sol","reason":"the model has the Responses API on bedrock-runtime`,
			"mantle":  `"target":"api=responses; region=us-east-1; id=openai.gpt-5.5","reason":"only bedrock-mantle has this model`,
			"open":    `"target":"api=responses; region=us-east-1; id=openai.gpt-oss-120b","reason":"only bedrock-mantle has this model`,
		}[model]
		t.Run(model, func(t *testing.T) {
			t.Parallel()
			g := startGateway(t, surfaceConfig, startEmulator(t).URL())
			python(t).run(t, "openai_surfaces.py", surfaceScenarios(
				"a conversation goes on by the response before, with its tools",
				"what the gateway keeps is what the client asked for",
				"a response repeats the client's own tools",
				"headers tell the surface and why",
				"a response that breaks off fails, and never claims an end",
			), "BASE_URL="+g.URL(), "API_KEY="+masterKey, "MODEL="+model, "LIMITED="+limited)
			node(t, "node").run(t, "openai_surfaces.mjs", []string{
				"a whole response has its text and its usage",
				"a stream has its events in order",
				"tools are called over several turns",
				"an object of a schema is parsed",
				"a conversation goes on by the response before",
				"a response that breaks off fails, and never claims an end",
				"errors name the parameter",
			}, "BASE_URL="+g.URL(), "API_KEY="+masterKey, "MODEL="+model, "RETRIED="+model)
			g.log.mu.Lock()
			defer g.log.mu.Unlock()
			if !strings.Contains(g.log.text.String(), taken) {
				t.Errorf("the log does not say %s", taken)
			}
		})
	}
}

// TestTheEmulatorsOwnResponsesAPI judges the emulator by the SDK, without the gateway, which shares nothing
// with either.
func TestTheEmulatorsOwnResponsesAPI(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ base, model, limited string }{
		{"/openai/v1", "us.openai.gpt-5.6-sol", "0"},
		{"/openai/v1", "openai.gpt-5.5", "0"},
		{"/v1", "openai.gpt-oss-120b", "1"},
	} {
		t.Run(tt.model, func(t *testing.T) {
			t.Parallel()
			python(t).run(t, "openai_surfaces.py", surfaceScenarios(), "BASE_URL="+startEmulator(t).URL()+tt.base,
				"API_KEY="+string(emulator.DemoAPIKey), "MODEL="+tt.model, "LIMITED="+tt.limited, "DIRECT=1")
		})
	}
}

// TestAModelOfBedrockMantleIsCalledInTheRegionThatHasIt has a policy of two regions, of which the first one's
// bedrock-mantle does not have the model.
func TestAModelOfBedrockMantleIsCalledInTheRegionThatHasIt(t *testing.T) {
	t.Parallel()
	e, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	config := func(regions string) string {
		return `
general_settings: {master_key: ` + masterKey + `}
litellm_settings: {num_retries: 0}
outcrop_settings: {bedrock: {policy: {regions: ` + regions + `}}}
model_list:
  - model_name: glm
    litellm_params:
      model: bedrock/zai.glm-4.6
      aws_access_key_id: ` + emulator.DemoAccessKeyID + `
      aws_secret_access_key: ` + string(emulator.DemoSecretAccessKey) + `
      aws_region_name: us-east-1
      aws_bedrock_runtime_endpoint: UPSTREAM
`
	}
	url := startServer(t, judge.Watch(e)).URL()
	both, first := startGateway(t, config("[ca-central-1, us-west-2]"), url), startGateway(t, config("[ca-central-1]"), url)
	for _, path := range []string{"/v1/chat/completions", "/v1/responses", "/v1/messages"} {
		for _, stream := range []string{"false", "true"} {
			body := `{"model":"glm","stream":` + stream + `,"max_tokens":64,"messages":[{"role":"user","content":"[[answer: granite]]"}]}`
			if path == "/v1/responses" {
				body = `{"model":"glm","stream":` + stream + `,"input":"[[answer: granite]]"}`
			}
			r := both.do(t, http.MethodPost, path, body)
			if r.status != http.StatusOK || stream == "false" && !strings.Contains(r.body, "granite") || !strings.Contains(r.header.Get("X-Outcrop-Target"), "region=us-west-2") {
				t.Errorf("%s, stream %s: %d %v %s", path, stream, r.status, r.header, r.body)
			}
			r = first.do(t, http.MethodPost, path, body)
			if r.status != http.StatusNotFound || !strings.Contains(r.body, "model.not_in_region") || !strings.Contains(r.body, "bedrock-mantle in ca-central-1 does not have zai.glm-4.6") {
				t.Errorf("%s, stream %s, in one region: %d %s", path, stream, r.status, r.body)
			}
		}
	}
}
