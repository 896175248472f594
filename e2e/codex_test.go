package e2e

import (
	"cmp"
	"path/filepath"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
)

// codexTask is a run of the same task with one model.
type codexTask struct {
	name string
	// model is the name of the model, on which depends what Codex sends: it knows gpt-5.5 and
	// gpt-6.2-sol, and no other name here. target is the model of Bedrock.
	model, target string
	// thinks is whether the model's answers contain reasoning that Codex shows; it shows none that is encrypted.
	thinks bool
	// exec is the name by which the model has Codex's one tool of gpt-6.2-sol.
	exec string
	// api ends the path of the calls of Bedrock.
	api string
	// warnings are the warnings that the gateway may give, with the reason.
	warnings map[string]string
}

// codexWarnings are those of every task, and more.
func codexWarnings(more ...string) map[string]string {
	all := map[string]string{"dropped client_metadata: only OpenAI's API has it; the response is the same without it": "OpenAI's statistics"}
	for i := 0; i < len(more); i += 2 {
		all[more[i]] = more[i+1]
	}
	return all
}

func codexTasks() []codexTask {
	const (
		gptOSS    = "openai.gpt-oss-120b-1:0"
		search    = "dropped tools: this model does not search the web"
		verbosity = "dropped text.verbosity: the model does not support this parameter"
		grammar   = "changed tools.format: only a model with a Responses API enforces the grammar; to others it is described"
		inItem    = "changed input.tools.tools.format: only a model with a Responses API enforces the grammar; to others it is described"
		inside    = "changed input: instructions inside the conversation are sent as user text"
		oneCall   = "dropped parallel_tool_calls: not supported by this model, which may call several tools at once"
		cacheKey  = "dropped prompt_cache_key: the model does not support this parameter"

		always   = "Codex asks for it whatever the model is"
		tools    = "Bedrock enforces no grammar"
		resumed  = "Codex writes instructions again where a session goes on"
		uncached = "AWS caches no prompts of this model"

		types     = "dropped tools.search_content_types: Bedrock's web search does not have it"
		namespace = "changed tools: Bedrock reserves the namespace functions; its tools are sent without it"
		passed    = "AWS refuses it"
	)
	return []codexTask{
		{name: "an unknown name, Sonnet 4.5", model: "claude-sonnet-4-5", target: claude, warnings: codexWarnings(search, always)},
		{name: "gpt-5.5, Opus 5.5", model: "gpt-5.5", target: "us.anthropic.claude-opus-5-5", thinks: true, warnings: codexWarnings(search, always, verbosity, always, grammar, tools)},
		{name: "gpt-5.5, Nova", model: "gpt-5.5", target: "us.amazon.nova-pro-v1:0", warnings: codexWarnings(verbosity, always, grammar, tools,
			"dropped reasoning.effort: this model is not known to have a setting for reasoning", always,
			"changed input.prompt_cache_breakpoint: moved to the end of input, because this model does not support a cache point in a message with tool results", "Nova caches no tool results")},
		{name: "gpt-5.5, gpt-oss", model: "gpt-5.5", target: gptOSS, thinks: true, warnings: codexWarnings(search, always, verbosity, always, grammar, tools, cacheKey, uncached)},
		{name: "gpt-6.2-sol, Opus 5.5", model: "gpt-6.2-sol", target: "us.anthropic.claude-opus-5-5", thinks: true, warnings: codexWarnings(verbosity, always, inItem, tools, inside, resumed)},
		{name: "gpt-5.5 on mantle", model: "gpt-5.5", target: "openai.gpt-5.5", api: "/openai/v1/responses", warnings: map[string]string{types: passed}},
		{name: "gpt-6.2-sol, GPT-5.6 on mantle", model: "gpt-6.2-sol", target: "mantle/openai.gpt-5.6-sol", api: "/openai/v1/responses", exec: "exec", warnings: map[string]string{namespace: passed}},
		{name: "gpt-6.2-sol, GPT-5.6", model: "gpt-6.2-sol", target: "us.openai.gpt-5.6-sol", api: "/openai/v1/responses", exec: "exec", warnings: map[string]string{namespace: passed}},
		{name: "an unknown name, GPT-5.6", model: "rock-5.6", target: "us.openai.gpt-5.6-sol", thinks: true, api: "/openai/v1/responses", warnings: map[string]string{search: always}},
		{name: "gpt-6.2-sol, GPT-5.6 by Converse", model: "gpt-6.2-sol", target: "converse/us.openai.gpt-5.6-sol", api: "/converse-stream", warnings: codexWarnings(verbosity, always, inItem, tools, inside, resumed, oneCall, always, cacheKey, uncached)},
		{name: "gpt-6.2-sol, gpt-oss", model: "gpt-6.2-sol", target: gptOSS, thinks: true, warnings: codexWarnings(verbosity, always, inItem, tools, inside, resumed, oneCall, always, cacheKey, uncached)},
	}
}

// TestCodex has Codex do a task of several sessions with each kind of model, by each of the sets of tools
// that it sends: edits, commands, tools called in parallel and failing ones, reasoning, a throttle that the
// client meets, a response that breaks off, and an interruption.
func TestCodex(t *testing.T) { //nolint:paralleltest,tparallel // two at a time are as many as the machine has cores
	binary := codexBinary(t)
	for _, task := range codexTasks() {
		t.Run(task.name, func(t *testing.T) {
			t.Parallel()
			task.do(t, binary)
		})
	}
}

// codexBinary is the program that scripts/setup-tests installs.
func codexBinary(t *testing.T) string {
	t.Helper()
	return cached(t, "Codex", "codex", "node_modules/@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex")
}

// run is a call of a command, by the tool that Codex has for the model.
func (task *codexTask) run(t *testing.T, command string) string {
	t.Helper()
	if task.model == "gpt-6.2-sol" { // its one tool takes a program
		return "[[call: " + cmp.Or(task.exec, "functions__exec") + " " + jsonObject(t, "input", "const r = await tools.exec_command({cmd: "+jsonText(t, command)+"}); text(r);") + "]]"
	}
	return "[[call: exec_command " + jsonObject(t, "cmd", command) + "]]"
}

// patch is a call that changes files.
func (task *codexTask) patch(t *testing.T, lines ...string) string {
	t.Helper()
	patch := "*** Begin Patch\n" + strings.Join(lines, "\n") + "\n*** End Patch\n"
	switch task.model {
	case "gpt-6.2-sol":
		return "[[call: " + cmp.Or(task.exec, "functions__exec") + " " + jsonObject(t, "input", "const r = await tools.apply_patch("+jsonText(t, patch)+"); text(r);") + "]]"
	case "gpt-5.5":
		return "[[call: apply_patch " + jsonObject(t, "input", patch) + "]]"
	default: // Codex recognizes the command
		return task.run(t, "apply_patch <<'EOF'\n"+patch+"EOF\n")
	}
}

// tools are Codex's ways to do the steps of the task.
func (task *codexTask) tools(t *testing.T) *agentTools {
	t.Helper()
	tools := &agentTools{
		run:  func(command string) string { return task.run(t, command) },
		read: func(file string) string { return task.run(t, "cat "+file) },
		write: func(file, text string) string {
			added := "+" + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n+")
			return task.patch(t, "*** Add File: "+file, added)
		},
		edit: func(file, was, is string) string {
			return task.patch(t, "*** Update File: "+file, "@@", "-"+was, "+"+is)
		},
		both: both,
	}
	if task.model == "gpt-6.2-sol" { // Codex asks the model for one call at a time
		tools.both = func(a, b string) string { return script(a, b) }
	}
	return tools
}

func jsonText(t *testing.T, s string) string {
	t.Helper()
	return string(jsonx.AppendString(nil, s))
}

func jsonObject(t *testing.T, name, value string) string {
	t.Helper()
	return "{" + jsonText(t, name) + ":" + jsonText(t, value) + "}"
}

// do does the task, and checks everything about it.
func (task *codexTask) do(t *testing.T, binary string) {
	t.Helper()
	upstream := startRecorder(t)
	gateway := startGateway(t, strings.NewReplacer("NAME", task.model, "TARGET", task.target).Replace(agentConfig), upstream.url)
	front := startWatcher(t, gateway.URL())
	a, home := newAgent(t, binary, "OUTCROP_KEY="+masterKey)
	a.environ = append(a.environ, "CODEX_HOME="+home)
	a.args = []string{"exec", "--json", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "-m", task.model}
	a.resume = []string{"resume", "--last"}
	a.put(t, filepath.Join(home, "config.toml"), "model_provider = \"outcrop\"\n[model_providers.outcrop]\nname = \"Outcrop\"\nbase_url = \""+front.url+"/v1\"\nenv_key = \"OUTCROP_KEY\"\nwire_api = \"responses\"\n")
	first := a.do(t, task.tools(t), front)
	if task.thinks != strings.Contains(first, `"type":"reasoning"`) {
		t.Errorf("reasoning in the answers: %t, want %t", !task.thinks, task.thinks)
	}
	checkTask(t, task.warnings, gateway, front, upstream)
	checkPrefixes(t, upstream)
	for _, x := range upstream.all() {
		if task.api != "" && !strings.HasSuffix(x.path, task.api) {
			t.Errorf("a call of %s", x.path)
		}
	}
}
