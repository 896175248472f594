package e2e

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	emulator "outcrop/emulator/bedrock"
)

// application is a real client, and the features it should show. It is not modified.
type application struct {
	name     string // a heading
	short    string // the column's heading
	packages []pin
	runs     []programRun // each must show the same
	// lines is the code to paste, a file in sdks/lines. It is also run, and its output
	// must contain prints.
	lines, prints string
	note          string // what else users should know; empty for nothing
	unsigned      string // the calls of the client that leave out signatures of reasoning; empty for none
	lacks         map[string]string
	// rest is the reason why the client shows no other features than its program has;
	// empty if it should show all.
	rest string
	gaps map[string]gap
}

// programRun is one run of a client's program.
type programRun struct {
	client  client
	program string
}

// gap is the reason why a scenario still fails. The test fails if it does not.
type gap string

// Gaps of clients.
const (
	gapLastPieces gap = "stream() keeps only the last piece of fields that it does not know, so the signature is sent back without its text; join the pieces of `delta.thinking_blocks` yourself"
)

// features are the features that each client should show, in the order of the table.
func features() []string {
	return []string{
		"a chat",
		"a stream",
		"a tool loop",
		"a tool loop, streamed",
		"an image",
		"structured output",
		"structured output, streamed",
		"structured output by a tool",
		"structured output beside tools",
		"a refusal",
		"a stream that breaks off",
		"leaving in mid-stream",
		"reasoning",
		"reasoning in a tool loop",
		"reasoning in a streamed tool loop",
		"JSON mode",
		"several answers",
		"embeddings",
		"rerank",
	}
}

// Reasons why a client cannot show a feature.
const (
	lacksForcedTool = "the client has no such mode"
	lacksReasoning  = "the client does not show reasoning"
	lacksSeveral    = "the client asks for one answer"
	lacksRerank     = "the client has no rerank"
)

func applications(t *testing.T) []application {
	t.Helper()
	newest, first, litellm, js := venv(t, "clients", "clients"), python(t), venv(t, "litellm", "litellm"), node(t, "node")
	return []application{
		{
			name: "OpenAI for Python", short: "OpenAI Python",
			packages: []pin{{"clients", "openai"}, {"python", "openai"}},
			runs:     []programRun{{client: newest, program: "client_openai.py"}, {client: first, program: "client_openai.py"}},
			lines:    "openai.py", prints: "hardness=",
			lacks: map[string]string{"structured output by a tool": lacksForcedTool, "rerank": lacksRerank},
		},
		{
			name: "OpenAI for Node", short: "OpenAI Node",
			packages: []pin{{"node", "openai"}, {"node", "zod"}},
			runs:     []programRun{{client: js, program: "client_openai.mjs"}},
			lines:    "openai.mjs", prints: "sunny in Paris",
			unsigned: "`runTools`",
			lacks:    map[string]string{"structured output by a tool": lacksForcedTool, "rerank": lacksRerank},
			gaps: map[string]gap{
				"reasoning in a streamed tool loop: chat.completions.stream, reasoning_effort": gapLastPieces,
			},
		},
		{
			name: "LangChain", short: "LangChain",
			packages: []pin{{"clients", "langchain"}, {"clients", "langchain-core"}, {"clients", "langchain-openai"}},
			runs:     []programRun{{client: newest, program: "client_langchain.py"}},
			lines:    "langchain.py", prints: "sunny in Paris",
			note: "With a `base_url`, ChatOpenAI asks for the token usage of streams only if `stream_usage=True`. OpenAIEmbeddings sends tokens, for which it " +
				"downloads a vocabulary; with `check_embedding_ctx_length=False` it sends texts, which every model embeds as they are.",
			unsigned: "`ChatOpenAI`",
			lacks:    map[string]string{"reasoning": lacksReasoning, "rerank": lacksRerank},
		},
		{
			name: "pydantic-ai", short: "pydantic-ai",
			packages: []pin{{"clients", "pydantic-ai-slim[openai]"}},
			runs:     []programRun{{client: newest, program: "client_pydantic_ai.py"}},
			lines:    "pydantic_ai.py", prints: "city=",
			unsigned: "`OpenAIChatModel`",
			lacks:    map[string]string{"several answers": lacksSeveral, "rerank": lacksRerank},
		},
		{
			name: "Vercel's AI SDK", short: "AI SDK",
			packages: []pin{{"node", "ai"}, {"node", "@ai-sdk/openai-compatible"}},
			runs:     []programRun{{client: js, program: "client_ai_sdk.mjs"}},
			lines:    "ai_sdk.mjs", prints: "sunny in Paris",
			note:     "Later major versions need Node 22. Reasoning is `providerOptions: {outcrop: {reasoningEffort: \"low\"}}`, where `outcrop` is the provider's `name`.",
			unsigned: "The AI SDK",
			lacks:    map[string]string{"structured output by a tool": lacksForcedTool, "several answers": lacksSeveral, "rerank": "its provider for OpenAI-compatible services has no rerank"},
		},
		{
			name: "llm", short: "llm",
			packages: []pin{{"clients", "llm"}},
			runs:     []programRun{{client: newest, program: "client_llm.py"}},
			lines:    "llm.sh", prints: "sunny in Paris",
			note:     "Without a configuration file: `llm openai endpoint http://127.0.0.1:4000/v1 \"What is granite?\" -m claude-sonnet-5`; `--models` lists the models.",
			unsigned: "`llm`",
			lacks: map[string]string{
				"structured output by a tool":    lacksForcedTool,
				"structured output beside tools": "the client asks for the schema in a chain's first call only",
				"reasoning":                      lacksReasoning,
				"several answers":                lacksSeveral,
				"embeddings":                     "the client embeds with OpenAI's own models only",
				"rerank":                         lacksRerank,
			},
		},
		{
			name: "LiteLLM's SDK", short: "LiteLLM",
			packages: []pin{litellmPin},
			runs:     []programRun{{client: litellm, program: "client_litellm.py"}},
			lines:    "litellm.py", prints: "You said: What is granite?",
			note:  "To end a stream early, use `acompletion` and call `aclose()`; the streams of `completion` have no such method.",
			lacks: map[string]string{"structured output by a tool": lacksForcedTool},
		},
		{
			name: "Cohere's SDK", short: "Cohere",
			packages: []pin{{"clients", "cohere"}},
			runs:     []programRun{{client: newest, program: "client_cohere.py"}},
			lines:    "cohere.py", prints: "the best is Granite is a hard rock.",
			rest: "the gateway serves only rerank in Cohere's format",
		},
	}
}

// openConfig is a gateway without a key, like `outcrop serve` without a file.
const openConfig = `
router_settings: {num_retries: 0, timeout: 60}
model_list:
  - model_name: "*"
    litellm_params:
      model: "bedrock/*"
      aws_access_key_id: ` + emulator.DemoAccessKeyID + `
      aws_secret_access_key: ` + string(emulator.DemoSecretAccessKey) + `
      aws_region_name: us-east-1
      aws_bedrock_runtime_endpoint: UPSTREAM
`

// TestClients makes every client show its features, runs the lines that docs/clients.md
// has for it, and compares that page with the result.
func TestClients(t *testing.T) { //nolint:tparallel // the page waits for the subtests, which run side by side within a group
	t.Parallel()
	apps := applications(t)
	upstream := startEmulator(t)
	shown := make([][]scenario, len(apps))
	doors := doorClients()
	t.Run("each", func(t *testing.T) {
		for i := range apps {
			t.Run(apps[i].name, func(t *testing.T) {
				t.Parallel()
				// A gateway for this client alone, so that it counts only this client's
				// disconnects.
				shown[i] = apps[i].show(t, startGateway(t, sdkConfig, upstream.URL()).URL())
				t.Run("the lines to paste", func(t *testing.T) {
					apps[i].paste(t, startGateway(t, openConfig, upstream.URL()).URL())
				})
			})
		}
		for i := range doors {
			t.Run(strings.ReplaceAll(doors[i].name, "/", " "), func(t *testing.T) {
				t.Parallel()
				doors[i].show(t, startGateway(t, doorConfig(), upstream.URL()).URL())
			})
		}
	})
	if !t.Failed() {
		comparePage(t, "clients.md", clientsPage(t, apps, shown, doors))
	}
}

// vocabularies is the folder in which LiteLLM's package has the vocabularies of OpenAI's
// tokenizer, which LangChain would download.
func vocabularies(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob("../.cache/litellm/lib/python3*/site-packages/litellm/litellm_core_utils/tokenizers")
	if err != nil || len(found) != 1 {
		t.Fatalf("the vocabularies are in %v: %v", found, err)
	}
	folder, err := filepath.Abs(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// show runs the client's programs and returns the scenarios, which must have the
// expected results.
func (a *application) show(t *testing.T, url string) []scenario {
	t.Helper()
	var all []scenario
	for n, r := range a.runs {
		reported := r.client.report(t, r.program, "BASE_URL="+url, "API_KEY="+masterKey, "MODEL=claude",
			"EMBEDS=bedrock/amazon.titan-embed-text-v2:0", "RERANKS=bedrock/cohere.rerank-v3-5:0", "TIKTOKEN_CACHE_DIR="+vocabularies(t))
		for i, s := range reported {
			t.Run(strings.ReplaceAll(s.Name, "/", " "), func(t *testing.T) { a.check(t, s) })
			if n > 0 && (i >= len(all) || all[i].Name != s.Name) {
				t.Errorf("run %d of %s reports %q, which the first run does not there", n+1, r.program, s.Name)
			}
		}
		if n > 0 && len(reported) != len(all) {
			t.Errorf("run %d of %s reports %d scenarios, the first %d", n+1, r.program, len(reported), len(all))
		}
		if n == 0 {
			all = reported
		}
	}
	a.complete(t, all)
	return all
}

// check compares the result of a scenario with the expected one.
func (a *application) check(t *testing.T, s scenario) {
	t.Helper()
	why, known := a.gaps[s.Name]
	switch {
	case !s.OK && !known:
		t.Error(s.Seen)
	case s.OK && known:
		t.Errorf("it works; take it out of the gaps: %s", why)
	}
}

// complete checks that each feature is either shown, or missing for a stated reason.
func (a *application) complete(t *testing.T, all []scenario) {
	t.Helper()
	names := map[string]bool{}
	found := map[string]bool{}
	for _, s := range all {
		names[s.Name] = true
		found[s.feature()] = true
	}
	for _, f := range features() {
		_, missing := a.lacks[f]
		if missing = missing || a.rest != "" && !found[f]; found[f] == missing {
			t.Errorf("%q shown: %t, listed as missing: %t", f, found[f], missing)
		}
	}
	for f := range found {
		if !slices.Contains(features(), f) {
			t.Errorf("%q is no feature", f)
		}
	}
	for name := range maps.Keys(a.gaps) {
		if !names[name] {
			t.Errorf("%q, a gap, is no scenario", name)
		}
	}
}

// feature returns the feature that a scenario shows, and the calls of the client that
// it uses.
func (s *scenario) feature() string {
	feature, _, _ := strings.Cut(s.Name, ": ")
	return feature
}

func (s *scenario) calls() string {
	_, calls, _ := strings.Cut(s.Name, ": ")
	return calls
}
