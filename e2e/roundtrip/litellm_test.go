package roundtrip

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"outcrop/internal/port"
)

// litellmPatience limits LiteLLM's start, which takes 10 s of processor time that other tests want too.
const litellmPatience = 10 * time.Minute

// startLiteLLM runs LiteLLM's proxy, which scripts/setup-tests installs, until the test ends, and returns
// its address. It fetches nothing.
func startLiteLLM(t *testing.T, config string) string {
	t.Helper()
	root, err := filepath.Abs("../../.cache/litellm")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, ".made")); err != nil {
		if os.Getenv("OUTCROP_TEST_ALL") != "" {
			t.Fatal("LiteLLM's proxy is not installed: run make setup")
		}
		t.Skip("LiteLLM's proxy is not installed: run make setup")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	reserved, err := port.Reserve()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := reserved.Release(); err != nil {
			t.Error(err)
		}
	})
	host, number, err := net.SplitHostPort(reserved.Address())
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(root, "bin", "python")
	cmd := exec.CommandContext(t.Context(), program, filepath.Join(root, "bin", "litellm"), "--config", path, "--host", host, "--port", number)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + filepath.Dir(program) + string(filepath.ListSeparator) + os.Getenv("PATH"), "HOME=" + dir, "NO_PROXY=*",
		"PYTHONDONTWRITEBYTECODE=1", "LITELLM_LOCAL_MODEL_COST_MAP=True", "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS=True",
	}
	log := &lockedText{}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = patience
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it is ended by a signal
	}()
	t.Cleanup(func() { <-ended })
	ctx, cancel := context.WithTimeout(t.Context(), litellmPatience)
	defer cancel()
	address := "http://" + net.JoinHostPort(host, number)
	for !ready(ctx, address) {
		select {
		case <-ended:
			t.Fatalf("LiteLLM has ended by itself: %s", log)
		case <-ctx.Done():
			t.Fatalf("LiteLLM does not serve: %s", log)
		case <-time.After(50 * time.Millisecond): // its readiness can only be polled
		}
	}
	return address
}

func ready(ctx context.Context, address string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/health/readiness", nil)
	if err != nil {
		return false
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK && strings.Contains(resp.Header.Get("Content-Type"), "json")
}
