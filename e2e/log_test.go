package e2e

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"outcrop/app"
)

// stopPromise is the maximum time that the program takes to exit after SIGTERM: the
// drain, the end of interrupted calls, the flush of the log, and slack for a busy
// machine. Kubernetes kills it after 30 s.
const stopPromise = app.DrainLimit + 5*time.Second

// startPiped runs the program with its own emulator and a pipe as standard error, and
// returns the reading end.
func startPiped(t *testing.T) (*process, *os.File) {
	t.Helper()
	dir := t.TempDir()
	read, written, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = read.Close() })
	p := &process{log: &logBuffer{}}
	p.cmd = exec.CommandContext(t.Context(), buildBinary(t, dir), "serve", "--demo", "--port", "0", "--data-dir", filepath.Join(dir, "data"))
	p.cmd.Env = []string{"HOME=" + dir, "AWS_EC2_METADATA_DISABLED=true"}
	p.cmd.Stderr = written
	p.start(t)
	if err := written.Close(); err != nil {
		t.Fatal(err)
	}
	return p, read
}

// get returns the status and body of one page of the program.
func (p *process) get(t *testing.T, path string) (int, string) {
	t.Helper()
	return p.call(t, http.MethodGet, path, "")
}

func (p *process) call(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, p.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return resp.StatusCode, string(text)
}

// ask makes calls that must all be answered.
func (p *process) ask(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		if status, body := p.call(t, http.MethodPost, "/v1/chat/completions", `{"model":"us.amazon.nova-lite-v1:0","messages":[{"role":"user","content":"Hi"}]}`); status != http.StatusOK {
			t.Fatalf("call %d of %d: %d %s", i, n, status, body)
		}
	}
}

// dropped returns the number of lost lines in the metrics.
func (p *process) dropped(t *testing.T) int {
	t.Helper()
	_, all := p.get(t, "/metrics")
	m := regexp.MustCompile(`(?m)^outcrop_log_lines_dropped_total (\d+)$`).FindStringSubmatch(all)
	if m == nil {
		t.Fatal("no outcrop_log_lines_dropped_total")
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// unready waits until the readiness check reports a problem with the log.
func (p *process) unready(t *testing.T, why string) {
	t.Helper()
	var status int
	var body string
	eventually(t, "readiness says that the log cannot be written", func() bool {
		status, body = p.get(t, "/health/readiness")
		return status == http.StatusServiceUnavailable
	})
	if !strings.Contains(body, `"code":"gateway.log_unwritable"`) || !strings.Contains(body, why) {
		t.Errorf("readiness: %s", body)
	}
	if status, _ := p.get(t, "/health/liveliness"); status != http.StatusOK {
		t.Errorf("liveliness: %d", status)
	}
}

// terminate stops the program within the promised time.
func (p *process) terminate(t *testing.T) {
	t.Helper()
	late := time.AfterFunc(stopPromise, func() {
		t.Error("the program has not ended in time")
		_ = p.cmd.Process.Kill()
	})
	defer late.Stop()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the program ended with %v", err)
	}
}

// A log reader that stalls delays neither calls nor the end of the program, but makes
// it unready.
func TestALogThatNobodyReads(t *testing.T) {
	t.Parallel()
	p, log := startPiped(t)
	p.ask(t, 300) // a pipe holds the lines of about 110
	p.unready(t, "writing it makes no progress")
	p.terminate(t)
	text, err := io.ReadAll(log)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\n"); n == 0 || n >= 300 {
		t.Errorf("the pipe holds %d lines; the test does not see what it is meant to", n)
	}
}

// A slow reader does not lose lines: waiting lines are written when it continues, at
// the latest at the end.
func TestALogThatIsReadLate(t *testing.T) {
	t.Parallel()
	p, log := startPiped(t)
	p.ask(t, 300)
	p.unready(t, "writing it makes no progress")
	text := make(chan string)
	go func() {
		all, _ := io.ReadAll(log)
		text <- string(all)
	}()
	eventually(t, "readiness is good again", func() bool {
		status, _ := p.get(t, "/health/readiness")
		return status == http.StatusOK
	})
	p.ask(t, 1)
	p.terminate(t)
	if n := strings.Count(<-text, `"msg":"call"`); n != 302 { // the demo makes one itself
		t.Errorf("%d lines of 302 calls", n)
	}
}

// If the reader closes the pipe, the log is lost, but the program keeps running.
func TestALogWhoseReaderIsGone(t *testing.T) {
	p, log := startPiped(t)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	p.ask(t, 20)
	p.unready(t, "broken pipe")
	eventually(t, "all lines are counted as lost", func() bool { return p.dropped(t) >= 20 })
	p.ask(t, 1)
	p.terminate(t)
}
