package e2e

import "testing"

// responsesScenarios are the scenarios of the Responses API that each of OpenAI's SDKs must pass.
func responsesScenarios() []string {
	return []string{
		"a response has its text and its usage",
		"a stream has its events in order",
		"tools are called, and their results go back with the reasoning",
		"a custom tool gets plain text",
		"parse returns an object of the schema",
		"a conversation goes on by the response before",
		"a conversation keeps its items",
		"input is counted, and compacted",
		"a response is made in the background",
		"a stream in the background is left and resumed",
		"a response that breaks off fails, and never claims an end",
		"errors name the parameter",
	}
}

func TestResponsesByOpenAISDKForPython(t *testing.T) {
	t.Parallel()
	more := []string{
		"whole responses and all events are valid by the SDK's types",
		"the raw stream of create can be read",
		"a limit makes the response incomplete",
	}
	for name, c := range map[string]client{"2": python(t), "3": venv(t, "clients", "clients")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runResponses(t, c, "openai_responses.py", append(more, responsesScenarios()...))
		})
	}
}

func TestResponsesByOpenAISDKForNode(t *testing.T) {
	t.Parallel()
	runResponses(t, node(t, "node"), "openai_responses.mjs", responsesScenarios())
}

func TestResponsesByOpenAISDKForGo(t *testing.T) {
	t.Parallel()
	runResponses(t, goProgram(t, "openai_go"), "", responsesScenarios())
}

func TestResponsesByOpenAISDKForJava(t *testing.T) {
	t.Parallel()
	runResponses(t, javaProgram(t, "openai_java"), "OpenAI", responsesScenarios())
}

func runResponses(t *testing.T, c client, program string, scenarios []string) {
	t.Helper()
	upstream := startEmulator(t)
	g := startGateway(t, sdkConfig, upstream.URL())
	c.run(t, program, scenarios, "BASE_URL="+g.URL(), "API_KEY="+masterKey, "MODEL=claude", "RETRIED=retried")
}
