package e2e

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"outcrop/e2e/roughbedrock"
	"outcrop/llm"
)

// TestSIGTERMDrains checks that after the signal the binary refuses new calls, reports
// that in its readiness, and exits properly after the open call has ended.
func TestSIGTERMDrains(t *testing.T) {
	t.Parallel()
	released := make(chan struct{})
	release := sync.OnceFunc(func() { close(released) })
	upstream, err := roughbedrock.Listen(func(c *roughbedrock.Call) {
		story := roughbedrock.Story("end_turn")
		c.Begin()
		c.Frames(story[:3]...)
		<-released
		c.Frames(story[3:]...)
		c.End()
	}, judge.Keep)
	if err != nil {
		t.Fatal(err)
	}
	defer upstream.Close()
	defer release()
	p := startBinary(t, upstream.URL())

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	resp := open(ctx, t, p.url, streamed)
	defer resp.Body.Close()
	answer := &seen{}
	answer.read(t, resp, func(s *seen) bool { return s.text == "" })

	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, "readiness turns to 503", func() bool { return p.readiness(ctx, t) == http.StatusServiceUnavailable })
	refused := &seen{}
	late := open(ctx, t, p.url, question)
	defer late.Body.Close()
	refused.read(t, late, nil)
	if refused.status != 503 || late.Header.Get("Retry-After") == "" {
		t.Errorf("a new call got status %d, Retry-After %q", refused.status, late.Header.Get("Retry-After"))
	}
	want{code: llm.CodeStopping}.compareFailure(t, refused)

	release()
	answer.read(t, resp, nil)
	whole().compareEnd(t, true, answer)
	if answer.text != roughbedrock.Text() {
		t.Errorf("the open call brought %q", answer.text)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the process ended with %v", err)
	}
	if n := upstream.Calls(); n != 1 {
		t.Errorf("the upstream was called %d times, want once", n)
	}
	lines := p.log.lines(t)
	if len(lines) != 2 || lines[0].Status != 503 || lines[0].Code != string(llm.CodeStopping) || lines[1].Status != 200 || lines[1].Code != "" {
		t.Errorf("recorded %+v, want the refusal and then the good call", lines)
	}
}

// process is a running program.
type process struct {
	cmd *exec.Cmd
	url string
	log *logBuffer
}

// startBinary builds the program and runs it on a free port, with a configuration file,
// until the test ends.
func startBinary(t *testing.T, upstream string) *process {
	t.Helper()
	dir := t.TempDir()
	binary, config := buildBinary(t, dir), filepath.Join(dir, "config.yaml")
	text := strings.NewReplacer("SETTINGS", once, "UPSTREAM", upstream).Replace(roughConfig)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &process{log: &logBuffer{}}
	p.cmd = exec.CommandContext(t.Context(), binary, "serve", "--config", config, "--port", "0", "--data-dir", filepath.Join(dir, "data"))
	p.cmd.Env = []string{"HOME=" + dir}
	p.cmd.Stderr = io.MultiWriter(p.log, t.Output())
	p.start(t)
	return p
}

// buildBinary builds the program in a folder, as make build does, and so of packages that Go has in its cache.
func buildBinary(t *testing.T, dir string) string {
	t.Helper()
	binary := filepath.Join(dir, "outcrop")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "outcrop/cmd/outcrop")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// start starts the program and waits until it prints its address.
func (p *process) start(t *testing.T) {
	t.Helper()
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Wait() }) // it has ended, unless the test has failed
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if url, ok := strings.CutPrefix(lines.Text(), "outcrop: listening on "); ok {
			p.url = url
			return
		}
	}
	t.Fatal("the program does not say where it listens")
}

// readiness returns the status of the readiness check.
func (p *process) readiness(ctx context.Context, t *testing.T) int {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/health/readiness", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatalf("readiness: %v", err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}
