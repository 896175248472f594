package e2e

import (
	"net/http/httptest"
	"testing"

	emulator "outcrop/emulator/bedrock"
)

// invokeScenarios are what boto3 must show of the emulator beside Converse.
func invokeScenarios() []string {
	return []string{
		"a message of Claude's has Anthropic's members, and headers with the tokens",
		"a stream of Claude's folds to the whole message, with its metrics at the end",
		"Claude's tools are called side by side, and their results end in text",
		"Claude's thoughts are signed, and an edited signature is refused",
		"the cache of Claude's prompts is written and then read",
		"Claude's body is refused in Anthropic's words",
		"the newest Claude takes messages of the system, deferred tools and what else Claude Code sends",
		"both values of anthropic_version are taken, and a stop sequence is named",
		"InvokeModel wants a profile where Converse does, and knows no other models",
		"settings of InvokeModel come in headers and are answered",
		"every exception of the service model is raised by InvokeModel as its type",
		"a stream of InvokeModel fails behind what came before",
		"Nova's body is Converse's, whole and streamed, with Nova's refusals",
		"Llama and Mistral go on with a prompt",
		"gpt-oss and others take OpenAI's chat body",
		"Titan makes vectors of a text, and refuses in its schema's words",
		"Cohere embeds many texts in one call",
		"Nova and Marengo embed one input a call",
		"similar texts have similar vectors",
		"Cohere's and Amazon's rerankers put the right document first",
		"Rerank of the agent runtime names a model by its ARN",
		"CountTokens counts as the call does, for Claude by its bare id",
		"ApplyGuardrail blocks the words of its list",
		"calls in the background run, end and fail, and are listed",
	}
}

func TestBoto3InvokesTheEmulator(t *testing.T) { //nolint:tparallel // the subtests only report what one program has shown
	t.Parallel()
	c := python(t)
	e, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	plain := httptest.NewServer(e)
	defer plain.Close()
	c.run(t, "boto3_invoke.py", invokeScenarios(),
		"BASE_URL="+plain.URL, "TLS_URL=", "CA_BUNDLE=", "ROLE=", "EXTERNAL_ID=", "API_KEY=",
		"ACCESS_KEY="+emulator.DemoAccessKeyID, "SECRET_KEY="+string(emulator.DemoSecretAccessKey))
}
