package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	emulator "outcrop/emulator/bedrock"
)

// anthropicFeatures are what the clients of Anthropic's Messages API show, in the order of the page.
func anthropicFeatures() []string {
	return []string{
		"a response", "a stream", "a tool loop", "a tool loop, streamed", "thinking in a tool loop", "thinking in a streamed tool loop",
		"an image", "a PDF", "structured output", "counting tokens",
		"a wrong key", "an unknown model", "a refusal", "a throttle", "an overload", "a stream that breaks off", "leaving in mid-stream",
	}
}

// anthropicRun is a client of the Messages API, or of InvokeModel in Anthropic's dialect.
type anthropicRun struct {
	name, short string
	version     pin
	client      func(t *testing.T) client
	program     string
	environ     []string
	// lacks are features that the client does not have.
	lacks []string
}

func anthropicRuns() []anthropicRun {
	bedrock := []string{"BEDROCK=1"}
	return []anthropicRun{
		{name: "Anthropic's SDK for Python", short: "Python", version: pin{"anthropic", "anthropic[bedrock]"}, client: anthropicPython, program: "anthropic_sdk.py"},
		{name: "Anthropic's SDK for TypeScript", short: "TypeScript", version: pin{"anthropic_node", "@anthropic-ai/sdk"}, client: anthropicNode, program: "anthropic_sdk.mjs"},
		{name: "AnthropicBedrock for Python", short: "Bedrock Python", version: pin{"anthropic", "anthropic[bedrock]"}, client: anthropicPython, program: "anthropic_sdk.py", environ: bedrock, lacks: []string{"counting tokens"}},
		{name: "AnthropicBedrock for TypeScript", short: "Bedrock TypeScript", version: pin{"anthropic_node", "@anthropic-ai/bedrock-sdk"}, client: anthropicNode, program: "anthropic_sdk.mjs", environ: bedrock, lacks: []string{"counting tokens"}},
		{name: "LangChain's ChatAnthropic", short: "LangChain", version: pin{"anthropic", "langchain-anthropic"}, client: anthropicPython, program: "anthropic_langchain.py"},
		{name: "pydantic-ai's AnthropicModel", short: "pydantic-ai", version: pin{"anthropic", "pydantic-ai-slim[anthropic]"}, client: anthropicPython, program: "anthropic_pydantic_ai.py"},
		{name: "Vercel's AI SDK with its Anthropic provider", short: "AI SDK", version: pin{"anthropic_node", "@ai-sdk/anthropic"}, client: anthropicNode, program: "ai_sdk.mjs", lacks: []string{"counting tokens"}},
	}
}

func anthropicPython(t *testing.T) client {
	t.Helper()
	c := venv(t, "anthropic", "anthropic")
	c.dir = "sdks/anthropic"
	return c
}

func anthropicNode(t *testing.T) client {
	t.Helper()
	return node(t, "anthropic_node")
}

// TestAnthropicSDKs has clients of Anthropic's Messages API, unmodified, call the gateway, and compares
// docs/anthropic-clients.md with what they show.
func TestAnthropicSDKs(t *testing.T) { //nolint:tparallel // the page waits for the subtests
	t.Parallel()
	upstream := startRecorder(t)
	runs := anthropicRuns()
	shown := make([][]scenario, len(runs))
	var skipped atomic.Bool
	t.Run("each", func(t *testing.T) {
		for i := range runs {
			t.Run(runs[i].name, func(t *testing.T) {
				t.Parallel()
				t.Cleanup(func() {
					if t.Skipped() {
						skipped.Store(true)
					}
				})
				c := runs[i].client(t)
				// A gateway of its own, so that it counts only this client's disconnects.
				g := startGateway(t, anthropicConfig, upstream.url)
				shown[i] = c.report(t, runs[i].program, append(runs[i].environ, "BASE_URL="+g.URL(), "API_KEY="+masterKey, "MODEL=claude-sonnet-4-5", "EMBEDS=none", "RERANKS=none", "PYTHONPATH=../python")...)
				runs[i].check(t, shown[i])
			})
		}
	})
	if !skipped.Load() && !t.Failed() {
		comparePage(t, "anthropic-clients.md", anthropicPage(t, runs, shown))
	}
}

// anthropicConfig has one model, by the name that clients know what it can do by.
const anthropicConfig = `
general_settings: {master_key: ` + masterKey + `}
router_settings: {num_retries: 0, timeout: 60}
model_list:
  - model_name: claude-sonnet-4-5
    litellm_params:
      model: bedrock/` + claude + `
      aws_access_key_id: ` + emulator.DemoAccessKeyID + `
      aws_secret_access_key: ` + string(emulator.DemoSecretAccessKey) + `
      aws_region_name: us-east-1
      aws_bedrock_runtime_endpoint: UPSTREAM
`

// check compares what a client has shown with what it should.
func (r *anthropicRun) check(t *testing.T, shown []scenario) {
	t.Helper()
	found := map[string]bool{}
	for _, s := range shown {
		found[s.feature()] = true
		t.Run(strings.ReplaceAll(s.Name, "/", " "), func(t *testing.T) {
			if !s.OK {
				t.Error(s.Seen)
			}
		})
	}
	for _, f := range anthropicFeatures() {
		if found[f] == slices.Contains(r.lacks, f) {
			t.Errorf("%q shown: %t", f, found[f])
		}
	}
}

const anthropicPageHead = `# Clients of Anthropic's API

These clients call models on Bedrock through Outcrop's Messages API, or InvokeModel in Anthropic's dialect, in the tests: the published
packages, unmodified, with the gateway's address and key. Behind the gateway is the [emulator](emulator.md), which plays Claude Sonnet 4.5.

| client | version |
| --- | --- |
`

const anthropicPageFoot = `
- *Tool loops* call a tool for two cities in parallel. With *thinking* the model's answer goes back with its signature.
- *A wrong key*, *an unknown model*, *a refusal* by AWS, *a throttle* (429), *an overload* (529; for AnthropicBedrock AWS's 503) and *a stream
  that breaks off* raise the client's own errors.
- *Leaving in mid-stream*: the client closes the stream, and the call to Bedrock ends while the program goes on.

## Claude Code

Claude Code %s does a task of several sessions in the tests, by ` + "`ANTHROPIC_BASE_URL`" + ` with Claude Opus 5.5, Claude Sonnet 4.5,
Nova Pro, gpt-oss and Qwen3 Coder, and in its Bedrock mode (` + "`CLAUDE_CODE_USE_BEDROCK`" + `) with Claude: edits, commands, tools in parallel and
failing ones, thinking, an image (a text in its place for gpt-oss and Qwen, which read none), tool search, compactions by hand and (Opus) after a prompt that
was too long, an interruption and its continuation, and a throttle. In a
terminal it is used as a person does: the screens of its first start, an edit that is allowed by a key, Esc in the middle of an answer, ` + "`/compact`,\n`/model` with an alias for Nova, and `/exit`." + `

    export ANTHROPIC_BASE_URL=http://127.0.0.1:4000 ANTHROPIC_AUTH_TOKEN=unused
    claude --model claude-opus-5-5          # or any name of the configuration

    export CLAUDE_CODE_USE_BEDROCK=1 ANTHROPIC_BEDROCK_BASE_URL=http://127.0.0.1:4000 AWS_BEARER_TOKEN_BEDROCK=unused AWS_REGION=us-east-1
    claude

This page is generated by a test: run ` + "`make setup`" + `, then ` + "`go test ./e2e -run TestAnthropicSDKs -update`" + `.
`

// anthropicPage is docs/anthropic-clients.md.
func anthropicPage(t *testing.T, runs []anthropicRun, shown [][]scenario) []byte {
	t.Helper()
	var b strings.Builder
	b.WriteString(anthropicPageHead)
	for i := range runs {
		fmt.Fprintf(&b, "| %s | %s |\n", runs[i].name, runs[i].version.version(t))
	}
	b.WriteString("\n| |")
	for i := range runs {
		b.WriteString(" " + runs[i].short + " |")
	}
	b.WriteString("\n| --- |" + strings.Repeat(" --- |", len(runs)) + "\n")
	for _, f := range anthropicFeatures() {
		b.WriteString("| " + f + " |")
		for i := range runs {
			mark := "—"
			if slices.ContainsFunc(shown[i], func(s scenario) bool { return s.feature() == f }) {
				mark = "yes"
			}
			b.WriteString(" " + mark + " |")
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, anthropicPageFoot, pin{"claude_code", "@anthropic-ai/claude-code-linux-x64"}.version(t))
	return []byte(b.String())
}
