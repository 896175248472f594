package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	emulator "outcrop/emulator/bedrock"
)

// doorFeatures are the features that each client of another API than chat completions should show, in the
// order of the table.
func doorFeatures() []string {
	return []string{
		"a chat", "a stream", "a tool loop", "a tool loop, streamed", "an image", "structured output",
		"a refusal", "a stream that breaks off", "reasoning in a tool loop",
	}
}

// Gaps of clients of other APIs.
const (
	gapFailedEvent gap = "`stream_chat` passes over `response.failed`, so what came before the failure looks like the whole answer"
	gapUnionParam  gap = "the client raises `Cannot instantiate typing.Union` with the SDK of Anthropic's that pip installs for it (2.14.0), before it sends anything"
)

// doorClient is a real client with one of the APIs that it can call. It is not modified.
type doorClient struct {
	name, api string
	versions  []pin
	client    func(t *testing.T) client
	program   string
	model     string // a name by which the client knows what the model can do
	environ   []string
	lacks     map[string]string
	gaps      map[string]gap // by feature
}

func doorClients() []doorClient {
	newest := func(t *testing.T) client { t.Helper(); return venv(t, "clients", "clients") }
	google := func(t *testing.T) client { t.Helper(); return venv(t, "google_clients", "google_clients") }
	llama := func(t *testing.T) client { t.Helper(); return venv(t, "llama_index", "llama_index") }
	js := func(t *testing.T) client { t.Helper(); return node(t, "node") }
	const (
		responses, gemini = "OpenAI's Responses", "Gemini's API"
		sonnet            = "claude-sonnet-4-5"
		lang, pydantic    = "door_langchain.py", "door_pydantic_ai.py"
		ai, index         = "door_ai_sdk.mjs", "door_llama_index.py"
	)
	byResponses, byGemini := []string{"API=responses"}, []string{"API=gemini"}
	broken := map[string]gap{}
	for _, f := range doorFeatures() {
		broken[f] = gapUnionParam
	}
	return []doorClient{
		{name: "LangChain's `ChatOpenAI(use_responses_api=True)`", api: responses, versions: []pin{{"clients", "langchain-openai"}}, client: newest, program: lang, model: sonnet, environ: byResponses},
		{name: "LangChain's `ChatGoogleGenerativeAI`", api: gemini, versions: []pin{{"google_clients", "langchain-google-genai"}}, client: google, program: lang, model: sonnet, environ: byGemini},
		{name: "pydantic-ai's `OpenAIResponsesModel`", api: responses, versions: []pin{{"clients", "pydantic-ai-slim[openai]"}}, client: newest, program: pydantic, model: sonnet, environ: byResponses},
		{name: "pydantic-ai's `GoogleModel`", api: gemini, versions: []pin{{"google_clients", "pydantic-ai-slim[google]"}}, client: google, program: pydantic, model: sonnet, environ: byGemini},
		{name: "The AI SDK's `createOpenAI().responses`", api: responses, versions: []pin{{"node", "@ai-sdk/openai"}}, client: js, program: ai, model: sonnet, environ: byResponses},
		{name: "The AI SDK's `createGoogleGenerativeAI`", api: gemini, versions: []pin{{"node", "@ai-sdk/google"}}, client: js, program: ai, model: sonnet, environ: byGemini},
		{
			name: "LlamaIndex's `OpenAI`, `OpenAIEmbedding`", api: "chat completions", versions: []pin{{"llama_index", "llama-index-llms-openai"}, {"llama_index", "llama-index-embeddings-openai"}}, client: llama, program: index, model: "gpt-4.1", environ: []string{"API=chat"},
			lacks: map[string]string{"reasoning in a tool loop": "it asks for reasoning only of names that it knows as OpenAI's, and does not show it"},
		},
		{
			name: "LlamaIndex's `OpenAIResponses`", api: responses, versions: []pin{{"llama_index", "llama-index-llms-openai"}}, client: llama, program: index, model: "gpt-5.5", environ: byResponses,
			gaps: map[string]gap{"a stream that breaks off": gapFailedEvent},
		},
		{name: "LlamaIndex's `BedrockConverse`", api: "AWS's API", versions: []pin{{"llama_index", "llama-index-llms-bedrock-converse"}}, client: llama, program: index, model: claude, environ: []string{"API=aws"}},
		{name: "LlamaIndex's `Anthropic`", api: "Anthropic's API", versions: []pin{{"llama_index", "llama-index-llms-anthropic"}}, client: llama, program: index, model: sonnet, environ: []string{"API=anthropic"}, gaps: broken},
	}
}

// doorConfig has the same model by names that clients know, and an access key for clients of AWS's API.
func doorConfig() string {
	var b strings.Builder
	b.WriteString(sdkConfig)
	for _, name := range []string{"claude-sonnet-4-5", "gpt-4.1", "gpt-5.5", claude} {
		b.WriteString("  - {model_name: \"" + name + "\", litellm_params: {model: bedrock/" + claude + ", litellm_credential_name: demo}}\n")
	}
	b.WriteString("outcrop_settings: {aws_door: {access_keys: [{access_key_id: " + emulator.DemoAccessKeyID + ", secret_access_key: " + string(emulator.DemoSecretAccessKey) + "}]}}\n")
	return b.String()
}

// show runs the client's program and returns the scenarios, which must have the expected results.
func (d *doorClient) show(t *testing.T, url string) []scenario {
	t.Helper()
	shown := d.client(t).report(t, d.program, append([]string{
		"BASE_URL=" + url, "API_KEY=" + masterKey, "MODEL=" + d.model, "EMBEDS=bedrock/amazon.titan-embed-text-v2:0", "RERANKS=none", "TIKTOKEN_CACHE_DIR=" + vocabularies(t),
		"AWS_ENDPOINT_URL_BEDROCK_RUNTIME=" + url, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=" + emulator.DemoAccessKeyID, "AWS_SECRET_ACCESS_KEY=" + string(emulator.DemoSecretAccessKey),
	}, d.environ...)...)
	found := map[string]bool{}
	for _, s := range shown {
		found[s.Name] = true
		t.Run(s.Name, func(t *testing.T) {
			switch why, known := d.gaps[s.Name]; {
			case !s.OK && !known:
				t.Error(s.Seen)
			case s.OK && known:
				t.Errorf("it works; take it out of the gaps: %s", why)
			}
		})
	}
	for _, f := range doorFeatures() {
		if _, missing := d.lacks[f]; found[f] == missing {
			t.Errorf("%q shown: %t, listed as missing: %t", f, found[f], missing)
		}
	}
	return shown
}

// doorsSection writes the part of the page about clients of other APIs.
func doorsSection(t *testing.T, b *strings.Builder, doors []doorClient) {
	t.Helper()
	b.WriteString("\n## Clients of other APIs\n\nThe same applications can call the gateway by OpenAI's Responses, Gemini's or AWS's API, with the base URL of the SDK that they are built on: `http://127.0.0.1:4000/v1` for\n" +
		"OpenAI, `http://127.0.0.1:4000` for Google's SDKs for Python (`/v1beta` behind it for the AI SDK). More are in [Clients of Anthropic's API](anthropic-clients.md)\n" +
		"and [Clients of AWS's own API](bedrock-api-clients.md).\n\n| client | version | API |")
	for _, f := range doorFeatures() {
		b.WriteString(" " + f + " |")
	}
	b.WriteString("\n| --- | --- | --- |" + strings.Repeat(" --- |", len(doorFeatures())) + "\n")
	var reasons []string
	for i := range doors {
		d := &doors[i]
		var versions []string
		for _, p := range d.versions {
			versions = append(versions, p.version(t))
		}
		fmt.Fprintf(b, "| %s | %s | %s |", d.name, strings.Join(versions, ", "), d.api)
		for _, f := range doorFeatures() {
			cell := "yes"
			if why, ok := d.gaps[f]; ok {
				cell = "**no**"
				reasons = noteOnce(reasons, d.name+": "+string(why))
			}
			if why, ok := d.lacks[f]; ok {
				cell = "—"
				reasons = noteOnce(reasons, d.name+", "+f+": "+why)
			}
			b.WriteString(" " + cell + " |")
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	for _, r := range reasons {
		b.WriteString("- " + r + ".\n")
	}
	fmt.Fprintf(b, "\nOpenAI's SDKs for Python (%s, %s), Node (%s), Go (%s) and Java (%s) call the [Responses API](responses.md) with all of their helpers: streams that are\n"+
		"folded to a response, parsed answers and arguments, tools, conversations, `previous_response_id`, the background, counts and compaction; not over a\nWebSocket (`responses.connect`), which the gateway does not serve.\n",
		pin{"clients", "openai"}.version(t), pin{"python", "openai"}.version(t), pin{"node", "openai"}.version(t), pin{"openai_go", "github.com/openai/openai-go/v3"}.version(t), pin{"openai_java", "openai.version"}.version(t))
}

func noteOnce(notes []string, note string) []string {
	if slices.Contains(notes, note) {
		return notes
	}
	return append(notes, note)
}

// agentsSection writes the part of the page about coding agents, which have tests of their own.
func agentsSection(t *testing.T, b *strings.Builder) {
	t.Helper()
	b.WriteString("\n## Coding agents\n\nThese do a task of several sessions in the tests, with edits, commands, tools in parallel and failing ones, a throttle, a stream that breaks off, an\n" +
		"interruption and its continuation. No request is refused, and every warning is explained.\n\n| agent | version | API | with |\n| --- | --- | --- | --- |\n")
	_, codexVersion, _ := strings.Cut(pin{"codex", "@openai/codex-linux-x64"}.version(t), "codex@")
	for _, row := range [][4]string{
		{"[Claude Code](anthropic-clients.md#claude-code)", pin{"claude_code", "@anthropic-ai/claude-code-linux-x64"}.version(t), "Anthropic's Messages, InvokeModel", "Claude, Nova, gpt-oss, Qwen"},
		{"[Codex](responses.md#codex)", strings.TrimSuffix(codexVersion, "-linux-x64"), "OpenAI's Responses", "Claude, Nova, gpt-oss"},
		{"[OpenCode](#opencode)", pin{"opencode", "opencode-linux-x64"}.version(t), "Anthropic's Messages; Converse; chat completions; OpenAI's Responses", "Claude (both); Nova; gpt-oss"},
		{"[Gemini CLI](#gemini-cli)", pin{"gemini_cli", "@google/gemini-cli"}.version(t), "Gemini's API", "Claude, Nova, gpt-oss"},
	} {
		b.WriteString("| " + strings.Join(row[:], " | ") + " |\n")
	}
	b.WriteString(agentsHow)
}

const agentsHow = `
### OpenCode

` + "`~/.config/opencode/opencode.json`" + `, then ` + "`opencode -m outcrop/nova`" + `:

` + "```json" + `
{
  "small_model": "outcrop/nova",
  "provider": {
    "outcrop": {
      "npm": "@ai-sdk/openai-compatible",
      "options": {"baseURL": "http://127.0.0.1:4000/v1", "apiKey": "unused"},
      "models": {"nova": {"limit": {"context": 300000, "output": 10000}}, "claude-opus-5-5": {}}
    }
  }
}
` + "```" + `

- OpenCode asks every model that it does not know for 32,000 tokens. What a model cannot write is lowered with a warning; on Bedrock this
  costs a refused call each time, which a ` + "`limit`" + ` for models that write less (Nova, gpt-oss) saves.
- ` + "`small_model`" + ` writes the titles. Without it, OpenCode asks a model that it knows of the same provider, such as ` + "`gpt-5.4-nano`" + `, which
  the gateway may not have; the session works all the same.
- The providers ` + "`anthropic`, `openai` and `google`" + ` work with ` + "`options.baseURL`" + ` at ` + "`/v1`, `/v1` and `/v1beta`" + `, and ` + "`amazon-bedrock`" + ` with
  ` + "`options.endpoint`" + ` and ` + "`AWS_BEARER_TOKEN_BEDROCK`" + `.
- By Anthropic's and AWS's API, OpenCode ends the turn when a stream breaks off; ` + "`opencode run --continue`" + ` goes on.

### Gemini CLI

    export GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:4000 GEMINI_API_KEY=unused
    gemini -m claude-opus-5-5          # or any name of the configuration

Sign in with the key: ` + "`{\"security\": {\"auth\": {\"selectedType\": \"gemini-api-key\"}}}` in `~/.gemini/settings.json`" + `. It sends Gemini's ` + "`temperature`, `topP` and `topK`" + ` to every model; what the model does not
take is left out, with a warning. Name a model with ` + "`-m`" + `: the default setting asks ` + "`gemini-3.5-flash-lite`" + ` which model to use.
`
