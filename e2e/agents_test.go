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

// agentPatience limits one run of a coding agent; only a failure takes that long. On a busy machine the longest takes two minutes.
const agentPatience = 6 * time.Minute

// agentConfig has the model of a task. Without retries, the client sees a throttle and a response that
// breaks off.
const agentConfig = `
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

// agent is an installation of a coding agent with its own settings.
type agent struct {
	binary  string
	args    []string // before those of a session
	dir     string   // where it works
	environ []string
	// resume are the arguments that go on with the last session.
	resume []string
	// piped is whether the prompt comes by standard input. Otherwise it is the last argument.
	piped bool
	// ends is whether a response that breaks off ends the session with an error, until the user goes on.
	ends bool
}

// newAgent makes the folders of an agent: its home and where it works.
func newAgent(t *testing.T, binary string, environ ...string) (a *agent, home string) {
	t.Helper()
	root := t.TempDir()
	home, dir := filepath.Join(root, "home"), filepath.Join(root, "work")
	for _, d := range []string{home, dir} {
		if err := os.MkdirAll(d, 0o750); err != nil {
			t.Fatal(err)
		}
	}
	environ = append(environ, "PATH="+os.Getenv("PATH"), "HOME="+home, "NO_PROXY=*", "SHELL=/bin/bash")
	return &agent{binary: binary, dir: dir, environ: environ}, home
}

// put writes a file of its settings.
func (a *agent) put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// session runs it with a prompt to its end. If interrupted is not nil, it is stopped when that is closed.
func (a *agent) session(t *testing.T, prompt string, interrupted <-chan struct{}, more ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), agentPatience)
	defer cancel()
	args := append(append([]string(nil), a.args...), more...)
	if !a.piped {
		args = append(args, prompt)
	}
	cmd := exec.CommandContext(ctx, a.binary, args...)
	cmd.Dir, cmd.Env = a.dir, a.environ
	if a.piped {
		cmd.Stdin = strings.NewReader(prompt)
	}
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
	case err != nil && (interrupted == nil && !a.ends || !errors.As(err, &failed)):
		t.Fatalf("%q: %v\n%s\n%s", prompt, err, tail(stdout.String()), tail(stderr.String()))
	}
	return stdout.String()
}

// script joins the steps of a conversation.
func script(steps ...string) string { return strings.Join(steps, " [[then]] ") }

// call is a call of a tool, with arguments in pairs of name and text.
func call(tool string, arguments ...string) string {
	var w jsonx.Writer
	w.Object()
	for i := 0; i < len(arguments); i += 2 {
		w.AnyKey(arguments[i])
		w.String(arguments[i+1])
	}
	w.EndObject()
	return "[[call: " + tool + " " + string(w.Buf) + "]]"
}

// agentTools are an agent's ways to do the steps of the task.
type agentTools struct {
	run   func(command string) string
	write func(file, text string) string
	read  func(file string) string
	edit  func(file, was, is string) string
	both  func(a, b string) string // makes two calls, at once if it can
}

// both makes two calls at once.
func both(a, b string) string { return a + " " + b }

// do has the agent do the task, in three sessions of one conversation, and checks its files: edits,
// commands, tools called in parallel and failing ones, a throttle that the client meets, a response that
// breaks off, and an interruption. It returns what the first session printed.
func (a *agent) do(t *testing.T, tools *agentTools, front *watcher) string {
	t.Helper()
	first := a.session(t, "Do the first part. "+script(
		tools.both(tools.write("a.txt", "one\ntwo\nthree\n"), tools.run("printf 'basalt\\n' > b.txt")),
		tools.read("a.txt"),
		tools.edit("a.txt", "two", "2"),
		"[[fault: throttle times=1]] "+tools.run("wc -l < a.txt | tr -d ' ' > count.txt"),
		tools.write("sub/data.json", "{\"name\":\"Gneis — ä \\\"quoted\\\"\"}\n"),
		tools.both(tools.run("echo failing >&2; exit 3"), tools.read("missing.txt")),
		"[[fault: cut=reset after=2 times=1]] "+tools.run("cat a.txt b.txt > log.txt"),
		tools.run("cat a.txt b.txt > log.txt"), // for an agent that keeps the beginning of the response
		"[[answer: The first part is done.]]",
	), nil)
	if a.ends {
		first += a.session(t, "Go on with the first part. "+script(
			tools.run("cat a.txt b.txt > log.txt"),
			"[[answer: The first part is done.]]",
		), nil, a.resume...)
	}
	if !answered(first, "The first part is done.") {
		t.Errorf("the first part ended with %s", tail(first))
	}
	begun, calls := make(chan struct{}), atomic.Int32{}
	note := func() {
		if calls.Add(1) == 2 { // the call after the command
			close(begun)
		}
	}
	front.begun.Store(&note)
	a.session(t, "Do the second part. "+script(tools.run("echo second >> log.txt"), "[[fault: rate=20]] [[words: 5000]]"), begun, a.resume...)
	front.begun.Store(nil)
	last := a.session(t, "Go on. "+script(
		tools.both(tools.read("a.txt"), tools.run("tail -1 log.txt")),
		tools.edit("a.txt", "three", "3"),
		"[[answer: Everything is done.]]",
	), nil, a.resume...)
	if !answered(last, "Everything is done.") {
		t.Errorf("the last part ended with %s", tail(last))
	}
	for name, want := range map[string]string{
		"a.txt": "one\n2\n3\n", "b.txt": "basalt\n", "count.txt": "3\n", "log.txt": "one\n2\nthree\nbasalt\nsecond\n",
		"sub/data.json": "{\"name\":\"Gneis — ä \\\"quoted\\\"\"}\n",
	} {
		got, err := os.ReadFile(filepath.Join(a.dir, filepath.FromSlash(name)))
		if err != nil || string(got) != want {
			t.Errorf("%s is %q (%v), want %q", name, got, err, want)
		}
	}
	return first
}

// answered reports whether an agent printed a text, other than as a part of its prompt.
func answered(printed, text string) bool {
	for line := range strings.Lines(printed) {
		if strings.Contains(line, text) && !strings.Contains(line, "[[then]]") {
			return true
		}
	}
	return false
}

// checkTask checks that nothing was refused but by the throttle, that one response broke off and one was
// interrupted, and that each warning is explained.
func checkTask(t *testing.T, warnings map[string]string, gateway *gateway, front *watcher, upstream *recorder) {
	t.Helper()
	throttled := 0
	given, unexplained := map[string]bool{}, map[string]bool{}
	for _, x := range front.all() {
		switch {
		case x.status == 429:
			throttled++
		case x.status == 502 && strings.Contains(x.body, "broke off"): // before its first token
		case x.status != 200:
			t.Errorf("%s %s: %d %s", x.method, x.path, x.status, x.body)
		}
		for _, w := range x.warnings {
			given[w] = true
			if warnings[w] == "" && !unexplained[w] {
				unexplained[w] = true
				t.Errorf("a warning without an explanation: %s", w)
			}
		}
	}
	for w := range warnings {
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
	lessons := 0
	for w := range given {
		if strings.HasSuffix(w, ": AWS refused it for this model") {
			lessons++
		}
	}
	for _, x := range upstream.all() {
		if x.status == 400 && lessons > 0 && strings.Contains(x.answer, "Extra inputs are not permitted") {
			lessons--
			continue
		}
		if x.status != 200 && x.status != 429 {
			t.Errorf("the emulator refused %s: %d %s", x.path, x.status, x.answer)
		}
	}
}
