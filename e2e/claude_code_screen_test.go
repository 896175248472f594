package e2e

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Keys, as a terminal sends them.
const (
	keyEnter  = "\r"
	keyEscape = "\x1b"
	keyDown   = "\x1b[B"
)

// screenModel is the model of the sessions on a screen: one that Claude Code does not call retired.
const screenModel = "claude-opus-5-5"

// TestClaudeCodeOnAScreen uses Claude Code as a person does, in a terminal: the screens of its first
// start, an edit that is allowed by a key, an answer that is interrupted, a compaction, another model,
// and the end. What counts is what is in the files, and which requests reached gateway and AWS.
func TestClaudeCodeOnAScreen(t *testing.T) {
	t.Parallel()
	binary := claudeCodeBinary(t)
	upstream := startRecorder(t)
	gateway := startGateway(t, claudeCodeConfig, upstream.url)
	front := startWatcher(t, gateway.URL())
	c := installClaudeCode(t, binary, front, false)
	c.write(t, "a.txt", "one\n")
	cmd := exec.CommandContext(t.Context(), binary, "--model", screenModel, "--permission-mode", "default")
	cmd.Dir, cmd.Env = c.dir, append(c.environ, "TERM=xterm-256color")
	term := startTerminal(t, cmd)

	term.until(t, "Choose the text style")
	term.insist(t, keyEnter, "Security notes")
	term.insist(t, keyEnter, "Enter to confirm")
	term.insist(t, keyDown, "❯ Yes")
	// Its hints below the field are not waited for: notices about a model's retirement replace them.
	term.insist(t, keyEnter, "API Usage Billing")

	say := func(words string) {
		term.press(t, words)
		term.until(t, words[max(0, len(words)-12):]) // in the field
		term.press(t, keyEnter)
	}
	say(c.script(`Edit. [[call: Read {"file_path":"DIR/a.txt"}]]`, `[[call: Edit {"file_path":"DIR/a.txt","old_string":"one","new_string":"two"}]]`, `[[answer: All edited now.]]`))
	term.until(t, "Do you want to make this edit")
	if got := c.read(t, "a.txt"); got != "one\n" {
		t.Errorf("a.txt is %q before the edit was allowed", got)
	}
	term.insist(t, keyEnter, "All edited now.")
	if got := c.read(t, "a.txt"); got != "two\n" {
		t.Errorf("a.txt is %q after the edit was allowed", got)
	}

	say("Count. [[fault: rate=20]] [[words: 5000]]")
	term.until(t, "granite schist basalt")
	term.press(t, keyEscape)
	term.until(t, "Interrupted")

	say("/compact [[answer: <analysis>It is clear.</analysis><summary>a.txt was edited.</summary>]]")
	term.until(t, "Compacted")

	say("/model claude-nova")
	term.until(t, "Set model to")
	say(c.script(`Write. [[call: Write {"file_path":"DIR/b.txt","content":"basalt"}]]`, `[[answer: All written now.]]`))
	term.until(t, "Do you want to create")
	term.insist(t, keyEnter, "All written now.")
	if got := c.read(t, "b.txt"); strings.TrimSpace(got) != "basalt" {
		t.Errorf("b.txt is %q", got)
	}
	say("/exit")
	term.ended(t, cmd)

	gone := 0
	for _, l := range gateway.log.lines(t) {
		if l.Status == 499 {
			gone++
		}
	}
	if gone != 1 {
		t.Errorf("%d calls ended because the client went away, want the interrupted one", gone)
	}
	given, explained := map[string]bool{}, screenWarnings()
	for _, x := range front.all() {
		if x.status != 200 {
			t.Errorf("%s %s: %d %s", x.method, x.path, x.status, x.body)
		}
		for _, w := range x.warnings {
			if !given[w] && explained[w] == "" {
				t.Errorf("a warning without an explanation: %s", w)
			}
			given[w] = true
		}
	}
	compactions, nova := 0, 0
	for _, x := range upstream.all() {
		if x.status != 200 {
			t.Errorf("the emulator refused %s: %d %s", x.path, x.status, x.answer)
		}
		switch {
		case strings.Contains(string(x.sent), compacting):
			compactions++
		case strings.Contains(x.path, "nova"):
			nova++
		}
	}
	if compactions != 1 || nova < 2 {
		t.Errorf("%d compactions and %d calls of Nova, want one, and two at least", compactions, nova)
	}
}

// screenWarnings are the warnings that the gateway may give, with the reason: those of the tasks with
// the same models.
func screenWarnings() map[string]string {
	all := sporadicWarnings()
	for _, task := range claudeCodeTasks() {
		if task.model == screenModel || task.name == "Nova" {
			maps.Copy(all, task.warnings)
		}
	}
	return all
}

// read returns the text of a file.
func (c *claudeCode) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}
