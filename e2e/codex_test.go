package e2e

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	emulator "outcrop/emulator/bedrock"
	"outcrop/internal/jsonx"
)

// codexPatience limits one run of Codex.
const codexPatience = 60 * time.Second

// codexConfig has the model of a task. Without retries, the client sees a throttle and a response that
// breaks off.
const codexConfig = `
general_settings: {master_key: ` + masterKey + `}
router_settings: {num_retries: 0, timeout: 60}
model_list:
  - model_name: NAME
    litellm_params:
      model: "bedrock/TARGET"
      aws_access_key_id: ` + emulator.DemoAccessKeyID + `
      aws_secret_access_key: ` + string(emulator.DemoSecretAccessKey) + `
      aws_region_name: us-east-1
      aws_bedrock_runtime_endpoint: UPSTREAM
`

// codexTask is a run of the same task with one model.
type codexTask struct {
	name string
	// model is the name of the model, on which depends what Codex sends: it knows gpt-5.5 and
	// gpt-6.2-sol, and no other name here. target is the model of Bedrock.
	model, target string
	// thinks is whether the model's answers contain reasoning.
	thinks bool
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
		grammar   = "changed tools.format: the grammar is described to the model_ and not enforced"
		inItem    = "changed input.tools.tools.format: the grammar is described to the model_ and not enforced"
		inside    = "changed input: instructions inside the conversation are sent as user text"
		oneCall   = "dropped parallel_tool_calls: not supported by this model_ which may call several tools at once"
		cacheKey  = "dropped prompt_cache_key: the model does not support this parameter"

		always   = "Codex asks for it whatever the model is"
		tools    = "Bedrock enforces no grammar"
		resumed  = "Codex writes instructions again where a session goes on"
		uncached = "AWS caches no prompts of this model"
	)
	return []codexTask{
		{name: "an unknown name, Sonnet 4.5", model: "claude-sonnet-4-5", target: claude, warnings: codexWarnings(search, always)},
		{name: "gpt-5.5, Opus 5.5", model: "gpt-5.5", target: "us.anthropic.claude-opus-5-5", thinks: true, warnings: codexWarnings(search, always, verbosity, always, grammar, tools)},
		{name: "gpt-5.5, Nova", model: "gpt-5.5", target: "us.amazon.nova-pro-v1:0", warnings: codexWarnings(verbosity, always, grammar, tools,
			"dropped reasoning.effort: this model is not known to have a setting for reasoning", always,
			"changed input.prompt_cache_breakpoint: moved to the end of input_ because this model does not support a cache point in a message with tool results", "Nova caches no tool results")},
		{name: "gpt-5.5, gpt-oss", model: "gpt-5.5", target: gptOSS, thinks: true, warnings: codexWarnings(search, always, verbosity, always, grammar, tools, cacheKey, uncached)},
		{name: "gpt-6.2-sol, Opus 5.5", model: "gpt-6.2-sol", target: "us.anthropic.claude-opus-5-5", thinks: true, warnings: codexWarnings(verbosity, always, inItem, tools, inside, resumed)},
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
	path, err := filepath.Abs("../.cache/codex/node_modules/@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("../.cache/codex/.made"); err != nil {
		skipMissing(t, "Codex is not installed")
	}
	return path
}

// run is a call of a command, by the tool that Codex has for the model.
func (task *codexTask) run(t *testing.T, command string) string {
	t.Helper()
	if task.model == "gpt-6.2-sol" { // its one tool takes a program
		return "[[call: functions__exec " + jsonObject(t, "input", "const r = await tools.exec_command({cmd: "+jsonText(t, command)+"}); text(r);") + "]]"
	}
	return "[[call: exec_command " + jsonObject(t, "cmd", command) + "]]"
}

// patch is a call that changes files.
func (task *codexTask) patch(t *testing.T, lines ...string) string {
	t.Helper()
	patch := "*** Begin Patch\n" + strings.Join(lines, "\n") + "\n*** End Patch\n"
	switch task.model {
	case "gpt-6.2-sol":
		return "[[call: functions__exec " + jsonObject(t, "input", "const r = await tools.apply_patch("+jsonText(t, patch)+"); text(r);") + "]]"
	case "gpt-5.5":
		return "[[call: apply_patch " + jsonObject(t, "input", patch) + "]]"
	default: // Codex recognizes the command
		return task.run(t, "apply_patch <<'EOF'\n"+patch+"EOF\n")
	}
}

// both makes two calls at once, unless Codex asks the model for one at a time.
func (task *codexTask) both(a, b string) string {
	if task.model == "gpt-6.2-sol" {
		return script(a, b)
	}
	return a + " " + b
}

func jsonText(t *testing.T, s string) string {
	t.Helper()
	return string(jsonx.AppendString(nil, s))
}

func jsonObject(t *testing.T, name, value string) string {
	t.Helper()
	return "{" + jsonText(t, name) + ":" + jsonText(t, value) + "}"
}

// codex is an installation with its own settings.
type codex struct {
	binary  string
	dir     string // where it works
	environ []string
	model   string
}

// session runs it with a prompt. If interrupted is not nil, it gets SIGINT when that is closed.
func (c *codex) session(t *testing.T, prompt string, interrupted <-chan struct{}, more ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), codexPatience)
	defer cancel()
	args := append([]string{"exec", "--json", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "-m", c.model}, more...)
	cmd := exec.CommandContext(ctx, c.binary, append(args, prompt)...)
	cmd.Dir, cmd.Env = c.dir, c.environ
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if interrupted != nil {
		select {
		case <-interrupted:
			if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
				t.Error(err)
			}
		case <-ctx.Done():
		}
	}
	err := cmd.Wait()
	var failed *exec.ExitError
	switch {
	case ctx.Err() != nil:
		t.Fatalf("%q did not end: %s\n%s", prompt, tail(stdout.String()), tail(stderr.String()))
	case err != nil && (interrupted == nil || !errors.As(err, &failed)):
		t.Fatalf("%q: %v\n%s\n%s", prompt, err, tail(stdout.String()), tail(stderr.String()))
	}
	return stdout.String()
}

// script joins the steps of a conversation.
func script(steps ...string) string { return strings.Join(steps, " [[then]] ") }

// do does the task, and checks everything about it.
func (task *codexTask) do(t *testing.T, binary string) {
	t.Helper()
	upstream := startRecorder(t)
	gateway := startGateway(t, strings.NewReplacer("NAME", task.model, "TARGET", task.target).Replace(codexConfig), upstream.url)
	front := startWatcher(t, gateway.URL())
	root := t.TempDir()
	home, dir := filepath.Join(root, "home"), filepath.Join(root, "work")
	for _, d := range []string{home, dir} {
		if err := os.MkdirAll(d, 0o750); err != nil {
			t.Fatal(err)
		}
	}
	settings := "model_provider = \"outcrop\"\n[model_providers.outcrop]\nname = \"Outcrop\"\nbase_url = \"" + front.url + "/v1\"\nenv_key = \"OUTCROP_KEY\"\nwire_api = \"responses\"\n"
	if err := os.WriteFile(filepath.Join(home, "config.toml"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &codex{binary: binary, dir: dir, model: task.model, environ: []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "CODEX_HOME=" + home, "OUTCROP_KEY=" + masterKey, "NO_PROXY=*", "SHELL=/bin/bash",
	}}

	first := c.session(t, "Do the first part. "+script(
		task.both(task.run(t, "printf 'one\\ntwo\\nthree\\n' > a.txt"), task.run(t, "printf 'basalt\\n' > b.txt")),
		task.patch(t, "*** Update File: a.txt", "@@", " one", "-two", "+2", " three"),
		"[[fault: throttle times=1]] "+task.run(t, "wc -l < a.txt | tr -d ' ' > count.txt"),
		task.patch(t, "*** Add File: sub/data.json", `+{"name":"Gneis — ä \"quoted\""}`),
		task.both(task.run(t, "echo failing >&2; exit 3"), task.run(t, "cat missing.txt")),
		"[[fault: cut=reset after=2 times=1]] "+task.run(t, "cat a.txt b.txt > log.txt"),
		"[[answer: The first part is done.]]",
	), nil)
	if !strings.Contains(first, "The first part is done.") {
		t.Errorf("the first part ended with %s", tail(first))
	}
	begun, calls := make(chan struct{}), atomic.Int32{}
	note := func() {
		if calls.Add(1) == 2 { // the call after the command
			close(begun)
		}
	}
	front.begun.Store(&note)
	c.session(t, "Do the second part. "+script(task.run(t, "echo second >> log.txt"), "[[fault: rate=20]] [[words: 5000]]"), begun, "resume", "--last")
	front.begun.Store(nil)
	last := c.session(t, "Go on. "+script(
		task.both(task.run(t, "cat a.txt"), task.run(t, "tail -1 log.txt")),
		task.patch(t, "*** Update File: a.txt", "@@", " one", " 2", "-three", "+3"),
		"[[answer: Everything is done.]]",
	), nil, "resume", "--last")
	if !strings.Contains(last, "Everything is done.") {
		t.Errorf("the last part ended with %s", tail(last))
	}

	for name, want := range map[string]string{
		"a.txt": "one\n2\n3\n", "b.txt": "basalt\n", "count.txt": "3\n", "log.txt": "one\n2\nthree\nbasalt\nsecond\n",
		"sub/data.json": "{\"name\":\"Gneis — ä \\\"quoted\\\"\"}\n",
	} {
		got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil || string(got) != want {
			t.Errorf("%s is %q (%v), want %q", name, got, err, want)
		}
	}
	if task.thinks != strings.Contains(first, `"type":"reasoning"`) {
		t.Errorf("reasoning in the answers: %t, want %t", !task.thinks, task.thinks)
	}
	task.checkCalls(t, gateway, front, upstream)
	checkPrefixes(t, upstream)
}

// checkCalls checks that nothing was refused but by the throttle, that one response broke off and one was
// interrupted, and that each warning is explained.
func (task *codexTask) checkCalls(t *testing.T, gateway *gateway, front *watcher, upstream *recorder) {
	t.Helper()
	throttled := 0
	given, unexplained := map[string]bool{}, map[string]bool{}
	for _, x := range front.all() {
		switch {
		case x.status == 429:
			throttled++
		case x.status != 200:
			t.Errorf("%s %s: %d %s", x.method, x.path, x.status, x.body)
		}
		for _, w := range x.warnings {
			given[w] = true
			if task.warnings[w] == "" && !unexplained[w] {
				unexplained[w] = true
				t.Errorf("a warning without an explanation: %s", w)
			}
		}
	}
	for w := range task.warnings {
		if !given[w] {
			t.Errorf("a warning is explained that was not given: %s", w)
		}
	}
	statuses := map[int]int{}
	for _, l := range gateway.log.lines(t) {
		if l.Status != 0 && l.Status != 200 {
			statuses[l.Status]++
		}
	}
	if throttled != 1 || statuses[429] != 1 || statuses[499] != 1 || len(statuses) != 3 {
		t.Errorf("the client was throttled %d times; by status, calls failed %v, want one 429, one 499, and a response that broke off", throttled, statuses)
	}
	for _, x := range upstream.all() {
		if x.status != 200 && x.status != 429 {
			t.Errorf("the emulator refused %s: %d %s", x.path, x.status, x.answer)
		}
	}
}
