package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	emulator "outcrop/emulator/bedrock"
	"outcrop/internal/jsonx"
)

// claudeCodePatience limits one run of Claude Code.
const claudeCodePatience = 10 * time.Minute

// claudeCodeConfig has the models of the tasks. Without retries, the client sees a throttle. The
// names contain claude, so that Claude Code's discovery lists them.
const claudeCodeConfig = `
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
  - {model_name: claude-opus-5-5, litellm_params: {model: bedrock/us.anthropic.claude-opus-5-5, litellm_credential_name: demo}}
  - {model_name: claude-sonnet-4-5, litellm_params: {model: bedrock/` + claude + `, litellm_credential_name: demo}}
  - {model_name: claude-converse, litellm_params: {model: bedrock/converse/us.anthropic.claude-opus-5-5, litellm_credential_name: demo}}
  - {model_name: claude-nova, litellm_params: {model: bedrock/us.amazon.nova-pro-v1:0, litellm_credential_name: demo}}
  - {model_name: claude-gpt-oss, litellm_params: {model: "bedrock/openai.gpt-oss-120b-1:0", litellm_credential_name: demo}}
  - {model_name: claude-qwen, litellm_params: {model: bedrock/qwen.qwen3-coder-480b-a35b-v1:0, litellm_credential_name: demo}}
  - {model_name: "*", litellm_params: {model: "bedrock/*", litellm_credential_name: demo}}
`

// claudeCodeTask is a run of the same task with one model.
type claudeCodeTask struct {
	name  string
	model string
	// bedrock is whether Claude Code calls the gateway in its Bedrock mode.
	bedrock bool
	// thinks is whether the model's answers contain thinking.
	thinks bool
	// caches is whether the model caches prompts.
	caches bool
	// tooLong is whether a prompt is too long for the model and is compacted. The emulator's summary
	// repeats the client's instructions, and where it becomes part of the user's turn the emulator would
	// call the tools that these name.
	tooLong bool
	// warnings are the warnings that the gateway may give, with the reason.
	warnings map[string]string
}

// TestClaudeCode has Claude Code do a task of several sessions with each kind of model: edits,
// commands, tools called in parallel and failing ones, thinking, an image, tools that are found by
// search, a compaction by hand and one after a prompt that was too long, an interruption, and a
// throttle that the client meets.
func TestClaudeCode(t *testing.T) { //nolint:paralleltest,tparallel // two at a time are as many as the machine has cores
	binary := claudeCodeBinary(t)
	for _, task := range claudeCodeTasks() {
		t.Run(task.name, func(t *testing.T) {
			t.Parallel()
			task.do(t, binary)
		})
	}
}

// claudeCodeBinary is the program that scripts/setup-tests installs.
func claudeCodeBinary(t *testing.T) string {
	t.Helper()
	return cached(t, "Claude Code", "claude_code", "node_modules/@anthropic-ai/claude-code-linux-x64/claude")
}

// claudeCode is an installation with its own settings.
type claudeCode struct {
	binary  string
	dir     string // where it works
	environ []string
	args    []string
}

// installClaudeCode makes folders for Claude Code, and settings that lead it to the gateway behind
// front, in its Bedrock mode or by the Messages API.
func installClaudeCode(t *testing.T, binary string, front *watcher, bedrock bool) *claudeCode {
	t.Helper()
	root, err := os.MkdirTemp("", "cc") //nolint:usetesting // its name is part of prompts and must be short and plain
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	c := &claudeCode{binary: binary, dir: filepath.Join(root, "work")}
	for _, d := range []string{c.dir, filepath.Join(root, "home")} {
		if err := os.MkdirAll(d, 0o750); err != nil {
			t.Fatal(err)
		}
	}
	c.environ = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(root, "home"), "CLAUDE_CONFIG_DIR=" + filepath.Join(root, "home", ".claude"),
		"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1", "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY=1", "NO_PROXY=*", "SHELL=/bin/bash",
	}
	if bedrock {
		c.environ = append(c.environ, "CLAUDE_CODE_USE_BEDROCK=1", "ANTHROPIC_BEDROCK_BASE_URL="+front.url, "AWS_BEARER_TOKEN_BEDROCK="+masterKey, "AWS_REGION=us-east-1")
	} else {
		c.environ = append(c.environ, "ANTHROPIC_BASE_URL="+front.url, "ANTHROPIC_AUTH_TOKEN="+masterKey)
	}
	return c
}

// session runs it with a prompt. If interrupted is set, it gets SIGINT when the first text of an
// answer arrives.
func (c *claudeCode) session(t *testing.T, prompt string, interrupted bool, more ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), claudeCodePatience)
	defer cancel()
	args := append([]string{"-p", prompt, "--output-format", "stream-json", "--verbose", "--include-partial-messages"}, c.args...)
	cmd := exec.CommandContext(ctx, c.binary, append(args, more...)...)
	cmd.Dir, cmd.Env = c.dir, c.environ
	cmd.WaitDelay = 5 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 16<<20)
	stopped := false
	for lines.Scan() {
		line := lines.Text()
		if !strings.Contains(line, `"stream_event"`) && !strings.Contains(line, `"thinking_tokens"`) {
			all.WriteString(line + "\n")
		}
		if interrupted && !stopped && strings.Contains(line, `"text_delta"`) {
			stopped = true
			if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
				t.Error(err)
			}
		}
	}
	err = cmd.Wait()
	var failed *exec.ExitError
	switch {
	case ctx.Err() != nil:
		t.Fatalf("%q did not end: %s\n%s", prompt, tail(all.String()), tail(stderr.String()))
	case interrupted != stopped:
		t.Fatalf("%q was not interrupted: %s\n%s", prompt, tail(all.String()), tail(stderr.String()))
	case err != nil && (!interrupted || !errors.As(err, &failed)):
		t.Fatalf("%q: %v\n%s\n%s", prompt, err, tail(all.String()), tail(stderr.String()))
	}
	return all.String()
}

// script replaces DIR in a text by the folder.
func (c *claudeCode) script(steps ...string) string {
	return strings.ReplaceAll(strings.Join(steps, " [[then]] "), "DIR", c.dir)
}

// do does the task, and checks everything about it.
func (task *claudeCodeTask) do(t *testing.T, binary string) {
	t.Helper()
	upstream := startRecorder(t)
	gateway := startGateway(t, claudeCodeConfig, upstream.url)
	front := startWatcher(t, gateway.URL())
	c := installClaudeCode(t, binary, front, task.bedrock)
	c.args = []string{"--model", task.model, "--allowedTools", "Bash,Read,Write,Edit,ToolSearch"}
	picture, err := base64.StdEncoding.DecodeString(pixelPNG)
	if err != nil {
		t.Fatal(err)
	}
	c.write(t, "stone.png", string(picture))

	first := c.session(t, "Do the first part. "+c.script(
		`[[call: Write {"file_path":"DIR/a.txt","content":"one\ntwo\nthree\n"}]] [[call: Write {"file_path":"DIR/b.txt","content":"basalt\n"}]]`,
		`[[call: Read {"file_path":"DIR/a.txt"}]] [[call: Bash {"command":"cat b.txt","description":"Show b"}]]`,
		`[[call: Edit {"file_path":"DIR/a.txt","old_string":"two","new_string":"2"}]]`,
		`[[fault: throttle times=1]] [[call: Bash {"command":"wc -l < a.txt | tr -d ' ' > count.txt","description":"Count"}]]`,
		`[[call: Read {"file_path":"DIR/stone.png"}]]`,
		`[[call: Write {"file_path":"DIR/sub/data.json","content":"{\"name\":\"Gneis — ä \\\"quoted\\\"\"}\n"}]]`,
		`[[call: Bash {"command":"echo failing >&2; exit 3","description":"Fail"}]] [[call: Read {"file_path":"DIR/missing.txt"}]]`,
		`[[call: Edit {"file_path":"DIR/a.txt","old_string":"absent","new_string":"x"}]]`,
		`[[call: ToolSearch {"query":"select:WebFetch","max_results":3}]]`,
		`[[call: Bash {"command":"cat a.txt b.txt > log.txt","description":"Join"}]]`,
		`[[answer: The first part is done.]]`,
	), false)
	if !strings.Contains(first, "The first part is done.") {
		t.Errorf("the first part ended with %s", tail(first))
	}
	compacted := c.session(t, "/compact [[answer: <analysis>It is clear.</analysis><summary>a.txt, b.txt and others were written.</summary>]]", false, "--continue")
	if !strings.Contains(compacted, `"compact_boundary"`) {
		t.Errorf("the compaction ended with %s", tail(compacted))
	}
	c.session(t, "Do the second part. "+c.script(
		`[[call: Bash {"command":"echo second >> log.txt","description":"Append"}]]`,
		`[[fault: rate=20]] [[words: 5000]]`,
	), true, "--continue")
	if task.tooLong {
		long := c.session(t, "Do the third part. [[fault: too-long times=1]] [[answer: The third part is done.]]", false, "--continue")
		if !strings.Contains(long, `"compact_boundary"`) {
			t.Errorf("a prompt that was too long was not compacted: %s", tail(long))
		}
	}
	last := c.session(t, "Go on. "+c.script(
		`[[call: Read {"file_path":"DIR/a.txt"}]] [[call: Bash {"command":"tail -1 log.txt","description":"Look"}]]`,
		`[[call: Edit {"file_path":"DIR/a.txt","old_string":"three","new_string":"3"}]]`,
		`[[answer: Everything is done.]]`,
	), false, "--continue")
	if !strings.Contains(last, "Everything is done.") {
		t.Errorf("the last part ended with %s", tail(last))
	}

	for name, want := range map[string]string{
		"a.txt": "one\n2\n3\n", "b.txt": "basalt\n", "count.txt": "3\n", "log.txt": "one\n2\nthree\nbasalt\nsecond\n",
		"sub/data.json": "{\"name\":\"Gneis — ä \\\"quoted\\\"\"}\n",
	} {
		got, err := os.ReadFile(filepath.Join(c.dir, filepath.FromSlash(name)))
		if err != nil || string(got) != want {
			t.Errorf("%s is %q (%v), want %q", name, got, err, want)
		}
	}
	if task.thinks != strings.Contains(first, `"type":"thinking"`) {
		t.Errorf("thinking in the answers: %t, want %t", !task.thinks, task.thinks)
	}
	gone := 0
	for _, l := range gateway.log.lines(t) {
		if l.Status == 499 {
			gone++
		}
	}
	if gone != 1 {
		t.Errorf("%d calls ended because the client went away, want the interrupted one", gone)
	}
	task.checkCalls(t, front, upstream)
	checkPrefixes(t, upstream)
	if task.caches {
		checkCache(t, gateway, task.model != "claude-nova") // Nova reads only what ends at a cache point of the call
	}
}

func (c *claudeCode) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func tail(s string) string { return s[max(0, len(s)-3000):] }

// checkCalls checks that nothing was refused but by the throttle, and that each warning is explained.
func (task *claudeCodeTask) checkCalls(t *testing.T, front *watcher, upstream *recorder) {
	t.Helper()
	throttled, tooLong := 0, 0
	given, unexplained := map[string]bool{}, map[string]bool{}
	for _, x := range front.all() {
		switch {
		case x.status == 429:
			throttled++
		case x.status == 400 && strings.Contains(x.body, "Input is too long"):
			tooLong++
		case x.status == 404 && strings.HasPrefix(x.path, "/inference-profiles"):
			// The client does without it.
		case x.status != 200:
			t.Errorf("%s %s: %d %s", x.method, x.path, x.status, x.body)
		}
		for _, w := range x.warnings {
			given[w] = true
			if task.warnings[w] == "" && sporadicWarnings()[w] == "" && !unexplained[w] {
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
	scripted := 1
	if task.tooLong {
		scripted = 2
	}
	if throttled != 1 || throttled+tooLong != scripted {
		t.Errorf("the client was throttled %d times and its prompt too long %d times, want %d in all", throttled, tooLong, scripted)
	}
	refused := 0
	for _, x := range upstream.all() {
		switch x.status {
		case 200:
		case 429:
			refused++
		case 400:
			if refused++; !strings.Contains(x.answer, "Input is too long") {
				t.Errorf("the emulator refused %s: %s\n%.300s", x.path, x.answer, betasIn.Find(x.sent))
			}
		default:
			t.Errorf("the emulator refused %s: %d %s\n%.300s", x.path, x.status, x.answer, betasIn.Find(x.sent))
		}
	}
	if refused != scripted {
		t.Errorf("the emulator refused %d calls, want %d", refused, scripted)
	}
}

// checkCache checks that most calls read a part of the prompt from the cache, or all that was in the
// call before. The first calls of the sessions, and those after a change of the tools, may not.
func checkCache(t *testing.T, g *gateway, all bool) {
	t.Helper()
	g.log.mu.Lock()
	defer g.log.mu.Unlock()
	var calls, read int
	var before int64
	for text := range strings.Lines(g.log.text.String()) {
		var l struct {
			Msg    string `json:"msg"`
			Status int    `json:"status"`
			Input  int64  `json:"prompt_tokens"`
			Read   int64  `json:"cache_read_tokens"`
		}
		if err := jsonx.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("log line %q: %v", text, err)
		}
		if l.Msg != "call" || l.Status != 200 || l.Input < 1000 {
			continue
		}
		calls++
		if l.Read > 0 && (!all || l.Read >= before-100) {
			read++
		}
		t.Logf("%d tokens, %d read", l.Input, l.Read)
		before = l.Input
	}
	if calls < 15 || read < calls-5 {
		t.Errorf("of %d calls, %d read the prompt before them from the cache", calls, read)
	}
}
