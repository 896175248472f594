package e2e

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/creack/pty"
)

// terminalPatience limits how long a program may take to show what is waited for.
const terminalPatience = 60 * time.Second

// rest is how long a screen must not change to have come to rest.
const rest = time.Second

// terminal is a program that runs in a pseudo-terminal.
type terminal struct {
	file *os.File
	done chan struct{} // closed when the program's output has ended

	mu     sync.Mutex
	shown  strings.Builder // all output without escape sequences and white space
	from   int             // where until looks next
	change chan struct{}   // closed at the next output
}

// startTerminal runs a program in a terminal until the test ends.
func startTerminal(t *testing.T, cmd *exec.Cmd) *terminal {
	t.Helper()
	file, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 50, Cols: 150})
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{file: file, done: make(chan struct{}), change: make(chan struct{})}
	go term.read()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		_ = file.Close()
		<-term.done
	})
	return term
}

// escapes are the sequences by which a program moves the cursor, colours text and sets titles
// (ECMA-48, and xterm's control sequences).
var escapes = regexp.MustCompile(`\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]P_^X][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]`)

// unfinished is the beginning of a sequence at the end of a piece of output.
var unfinished = regexp.MustCompile(`\x1b(?:\[[0-?]*[ -/]*|[\]P_^X][^\x07\x1b]*\x1b?|[ -/]*)?$`)

// squashed is a text as shown has it.
func squashed(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			return -1
		}
		return r
	}, escapes.ReplaceAllString(text, ""))
}

// read collects the output until it ends.
func (term *terminal) read() {
	defer close(term.done)
	var rest string
	buf := make([]byte, 32<<10)
	for {
		n, err := term.file.Read(buf)
		text := rest + string(buf[:n])
		at := len(text)
		if loc := unfinished.FindStringIndex(text); loc != nil && err == nil {
			at = loc[0]
		}
		text, rest = text[:at], text[at:]
		term.mu.Lock()
		term.shown.WriteString(squashed(text))
		close(term.change)
		term.change = make(chan struct{})
		term.mu.Unlock()
		if err != nil { // EIO, when the program has ended
			return
		}
	}
}

// until waits until a text has been shown since what was waited for last.
func (term *terminal) until(t *testing.T, text string) {
	t.Helper()
	term.insist(t, "", text)
}

// insist presses a key when the screen has come to rest, and again until a text is shown. A program
// may drop keys, or draw its screen anew, while it is not ready for them, which nothing else shows.
func (term *terminal) insist(t *testing.T, key, text string) {
	t.Helper()
	patience := time.NewTimer(terminalPatience)
	defer patience.Stop()
	again := time.NewTimer(rest)
	defer again.Stop()
	for {
		term.mu.Lock()
		all, change := term.shown.String(), term.change
		if at := strings.Index(all[term.from:], squashed(text)); at >= 0 {
			term.from += at + len(squashed(text))
			term.mu.Unlock()
			return
		}
		term.mu.Unlock()
		select {
		case <-change:
			again.Reset(rest)
		case <-again.C:
			if key != "" {
				term.press(t, key)
			}
			again.Reset(rest)
		case <-term.done:
			t.Fatalf("the program ended without showing %q: %s", text, tail(all))
		case <-patience.C:
			t.Fatalf("%q was not shown: %s", text, tail(all))
		}
	}
}

// press sends keys.
func (term *terminal) press(t *testing.T, keys string) {
	t.Helper()
	if _, err := term.file.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

// ended waits for the end of the program.
func (term *terminal) ended(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	select {
	case <-term.done:
	case <-time.After(terminalPatience):
		t.Fatal("the program did not end")
	}
	var failed *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
}
