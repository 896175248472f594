package e2e

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// better is whose way a difference leaves the better one.
type better string

const (
	ours   better = "Outcrop's is better"
	equal  better = "the same to a client"
	theirs better = "LiteLLM's is better"
)

// cause says why LiteLLM and Outcrop differ.
type cause struct {
	where  string // as of difference
	path   string // a regular expression of the whole path
	row    string // a regular expression of a part of the request's name; empty for every one
	better better
	why    string
}

// causes are searched in their order.
func causes() []cause {
	return []cause{
		{"status", "", `^n = 2`, ours, "`n` is answered by as many calls side by side."},
		{"status", "", `^seed`, ours, "A `seed` that Bedrock cannot keep is dropped with a warning: applications set it without need."},
		{"status", "", `^modalities`, ours, "`modalities: [text]` asks for what comes anyway."},
		{"status", "", `^(store|verbosity|prompt_cache_key)`, ours, "It has no meaning on Bedrock and takes nothing from the answer; it is dropped with a warning."},
		{"status", "", `^tool_choice none`, ours, "`none` is kept by leaving the tools out."},
		{"status", "", `^parallel_tool_calls false, nova`, ours, "Nova cannot be kept to one call. LiteLLM drops the wish in silence; Outcrop says so, or drops it with a warning under `drop_params`."},
		{"status", "", `^reasoning_effort`, ours, "A model that does not reason, or always does, answers; the effort is dropped with a warning."},
		{"status", "", `^json_schema, deepseek`, ours, "DeepSeek R1 takes neither a schema nor tools on Converse. LiteLLM sends a tool, which AWS refuses; Outcrop refuses by field before the call."},
		{"status", "", `^a broken image`, ours, "What is wrong with a request is a 400 that names the field, not a 500."},
		{"calls", "", `^n under drop_params`, ours, "`n` is answered by as many calls, where LiteLLM drops it."},

		{"request", `\(path\)`, `^json_schema`, ours, "LiteLLM does not stream a schema's answer where it is made by a tool; it makes the stream up from a whole answer. Outcrop streams it."},
		{"request", `(additionalModelRequestFields\.)?additionalModelResponseFieldPaths.*`, `^additionalModelResponseFieldPaths`, ours, "LiteLLM sends the paths as a field of the model's, where AWS does not look for them."},
		{"request", `additionalModelResponseFieldPaths.*`, ``, theirs, "LiteLLM asks Claude for `/usage/output_tokens_details`, from which it tells `reasoning_tokens`. Outcrop does not yet: no recorded answer shows what comes."},
		{"request", `additionalModelRequestFields\.reasoningConfig\.maxReasoningEffort`, `nova-2`, ours, "Nova 2 takes the effort `high` only without `maxTokens`. The caller's limit is kept, the effort lowered with a warning; LiteLLM's request is refused by AWS."},
		{"request", `additionalModelRequestFields\.(reasoning_config|thinking\..*)`, `qwen`, ours, "Qwen takes `reasoning_config`; `thinking` is Claude's."},
		{"request", `additionalModelRequestFields\.tool_choice\..*`, `^parallel_tool_calls true`, equal, "True is what holds without it."},
		{"request", `inferenceConfig\.maxTokens`, ``, equal, "Without `max_tokens` LiteLLM sets a limit of its own above the budget for thinking; Outcrop leaves the model's own, which is higher."},
		{"request", `inferenceConfig\.stopSequences.*`, `blank`, ours, "Models refuse a blank stop sequence; it is dropped with a warning."},
		{"request", `messages.*\.document\.name`, ``, ours, "A document keeps its file's name, by which a prompt may speak of it."},
		{"request", `messages.*(guardContent\.text\.text|\.text)`, `guardrail`, ours, "LiteLLM marks the last user message by itself, so that the guardrail judges nothing else. Outcrop sends what was said; `guarded_text` marks what a caller wants marked."},
		{"request", `(messages.*|system.*)\.text`, `system message in the middle`, equal, "LiteLLM makes a user's note of it, Outcrop puts it with the other system messages and warns: Converse knows none in the middle."},
		{"request", `messages.*(redactedContent|text)`, `^redacted thinking goes back`, ours, "LiteLLM loses redacted reasoning on its way back, which Claude then misses in a tool loop."},
		{"request", `messages.*toolUse\.input.*`, `no JSON`, ours, "Arguments that are no JSON are kept as they were written, with a warning; LiteLLM sends `{}`."},
		{"request", `(messages|toolConfig).*`, `a tool history without tools`, ours, "LiteLLM makes text of the calls and results. Outcrop keeps them as such and defines the tools that they need."},
		{"request", `.*`, `^json_object`, ours, "JSON is made sure of by a tool; LiteLLM leaves it to the prompt."},
		{"request", `outputConfig\.textFormat\.structure\.jsonSchema\.schema`, ``, equal, "The schema is the same, spaced differently."},
		{"request", `(toolConfig|system|messages).*`, `^json_schema`, equal, "The tool that makes the answer has another name and description; Llama, which cannot be made to call it, is asked to by the system prompt."},
		{"request", `requestMetadata.*`, ``, ours, "It reaches AWS's invocation log."},
		{"request", `toolConfig.*`, `^tool_choice under drop_params`, ours, "LiteLLM drops the choice and leaves the tools, which the model may then call."},
		{"request", `toolConfig.*description`, ``, equal, "A tool without a description has none; LiteLLM repeats its name."},
		{"request", `toolConfig.*additionalProperties.*`, ``, ours, "A tool's schema is sent as it is, which every recorded family takes; LiteLLM leaves out what is not `type`, `properties` or `required`."},

		{"answer", `choices.*finish_reason`, `full window`, ours, "A full context window is `length`: the answer is not complete."},
		{"answer", `choices.*stop_reason`, ``, ours, "AWS's own stop reason is kept beside OpenAI's."},
		{"answer", `choices.*message\.content`, ``, equal, "Beside a tool call OpenAI's content is `null`; LiteLLM's is empty."},
		{"answer", `choices.*`, `^thinking tags`, theirs, "LiteLLM takes `<thinking>` out of Nova's text, whole but not streamed. Outcrop gives the text as the model wrote it, both ways."},
		{"answer", `choices.*provider_specific_fields\.reasoningContent.*`, ``, equal, "It stands in `reasoning_content` and `thinking_blocks` already."},
		{"answer", `choices.*message\.reasoning_content`, ``, equal, "An empty text, or none, where the reasoning is redacted."},
		{"answer", `choices.*thinking_blocks.*index`, ``, ours, "OpenAI's stream helpers raise on pieces without an index."},
		{"answer", `choices.*arguments`, ``, equal, "The same JSON as Bedrock spaces it; no arguments are `{}`."},
		{"answer", `choices.*tool_calls.*index`, ``, ours, "A call's index counts calls; LiteLLM counts the text before it."},
		{"answer", `outcrop\..*`, ``, ours, "What was changed or dropped is said, in the body and in `x-outcrop-warnings`."},
		{"answer", `provider_specific_fields\..*`, ``, ours, "What Bedrock says beside the answer is kept."},
		{"answer", `service_tier`, ``, ours, "The tier that served is told in streams too."},
		{"answer", `usage\.cost`, ``, ours, "The price stands in the usage."},
		{"answer", `usage\..*`, ``, equal, "Counts of nothing are left out by one or the other; `text_tokens` is what is left of `prompt_tokens`, `cache_write_tokens` another name."},
	}
}

// explained is what the page says of differences that have one explanation.
type explained struct {
	cause
	paths    []string
	requests int    // in which it is seen
	last     string // of them
	example  string
}

// TestDifferencesFromLiteLLM sends each request, whole and streamed, to LiteLLM and to
// Outcrop with one configuration before one Bedrock. What differs of the status, of
// the requests to Bedrock and of the answers is explained, or the test fails;
// docs/litellm-differences.md is made of it.
func TestDifferencesFromLiteLLM(t *testing.T) {
	program := litellmProxy(t)
	upstream := startAnswering(t)
	config := comparedConfig(upstream.url)
	env := map[string]string{"AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}
	proxy, own := program.start(t, config, env), startApp(t, config, "", env)

	whys := causes()
	found := make([]explained, len(whys))
	patterns := make([][2]*regexp.Regexp, len(whys))
	for i, e := range whys {
		found[i].cause = e
		patterns[i] = [2]*regexp.Regexp{regexp.MustCompile("^" + e.path + "$"), regexp.MustCompile(e.row)}
	}
	requests, alike := 0, 0
	for _, c := range comparedRows() {
		for _, stream := range []bool{false, true} {
			requests++
			name := fmt.Sprintf("%s (stream: %v)", c.name, stream)
			l, o := c.ask(t, upstream, proxy, stream), c.ask(t, upstream, own.URL(), stream)
			differs := false
			for _, d := range c.differences(t, &l, &o) {
				if d.where == "answer" && (d.path == "id" || d.path == "created") {
					continue // each gateway's own
				}
				i := slices.IndexFunc(whys, func(e cause) bool {
					i := slices.Index(whys, e)
					return e.where == d.where && patterns[i][0].MatchString(d.path) && patterns[i][1].MatchString(c.name)
				})
				if i < 0 {
					t.Errorf("%s: nothing explains %s %s: LiteLLM %s, Outcrop %s", name, d.where, d.path, d.litellm, d.outcrop)
					continue
				}
				found[i].add(name, c.name, &d)
				differs = differs || whys[i].better != equal && (d.where != "answer" || d.litellm != "")
			}
			if !differs {
				alike++
			}
		}
	}
	for i := range found {
		if found[i].requests == 0 {
			t.Errorf("there is no difference any more: %s %s %s: %s", found[i].where, found[i].path, found[i].row, found[i].why)
		}
	}
	comparePage(t, "litellm-differences.md", differencesPage(t, found, requests, alike))
}

// add takes in a difference of a request.
func (e *explained) add(request, row string, d *difference) {
	if e.last != request {
		e.last = request
		e.requests++
	}
	if !slices.Contains(e.paths, d.path) {
		e.paths = append(e.paths, d.path)
	}
	if e.example == "" {
		e.example = fmt.Sprintf("%s: %s | %s", row, brief(d.litellm), brief(d.outcrop))
	}
}

// brief is a value's beginning as a cell of a table.
func brief(s string) string {
	if s == "" {
		return "nothing"
	}
	s = strings.ReplaceAll(strings.TrimSpace(s), "|", "/")
	if r := []rune(s); len(r) > 90 {
		s = string(r[:90]) + "…"
	}
	return "`" + strings.ReplaceAll(s, "`", "'") + "`"
}

const differencesHead = `# Differences from LiteLLM

%d requests of OpenAI's chat completions, half of them streams, to LiteLLM %s (the proxy from PyPI) and to Outcrop, with one ` + "`config.yaml`" + ` and the
` + "`converse/`" + ` route. Bedrock is a server that takes every request and answers as it is told, so that this page is about what the two say and understand;
whether AWS would take a request is for [clients.md](clients.md), [model-ids.md](model-ids.md) and [refusals.md](refusals.md). Compared are the status, the number of requests to
Bedrock, their paths and bodies, and the answers, streams put together as clients do. A member that is null or empty counts as none; ids and times are each gateway's own, and so are the words of an error.

Of %d requests all means the same to a client, but that Outcrop's answers say more. Every difference is here:

| | kinds of difference |
| --- | --- |
%s
This page is written by a test and held by it: ` + "`make setup`" + `, then ` + "`go test ./e2e -run TestDifferencesFromLiteLLM -update`" + `. A difference
without an explanation fails the test, and so does an explanation without a difference.
`

// differencesPage is docs/litellm-differences.md.
func differencesPage(t *testing.T, found []explained, requests, alike int) []byte {
	t.Helper()
	var counts, b strings.Builder
	for _, v := range []better{ours, equal, theirs} {
		n := 0
		for i := range found {
			if found[i].better == v {
				n++
			}
		}
		fmt.Fprintf(&counts, "| %s | %d |\n", v, n)
	}
	fmt.Fprintf(&b, differencesHead, requests, litellmVersion(t), alike, counts.String())
	for _, section := range [][2]string{
		{"status", "The status"}, {"calls", "The number of requests to Bedrock"}, {"request", "The request to Bedrock"}, {"answer", "The answer"},
	} {
		fmt.Fprintf(&b, "\n## %s\n\n| requests | where | for example | LiteLLM | Outcrop | |\n| --- | --- | --- | --- | --- | --- |\n", section[1])
		for i := range found {
			e := &found[i]
			if e.where != section[0] {
				continue
			}
			slices.Sort(e.paths)
			where := cmp.Or("`"+strings.Join(e.paths, "`, `")+"`", "")
			if where == "``" {
				where = "the " + e.where
			}
			name, values, _ := strings.Cut(e.example, ": ")
			fmt.Fprintf(&b, "| %d | %s | %s | %s | **%s.** %s |\n", e.requests, where, name, values, strings.ToUpper(string(e.better[:1]))+string(e.better[1:]), e.why)
		}
	}
	return []byte(b.String())
}
