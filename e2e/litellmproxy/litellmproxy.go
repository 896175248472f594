// Package litellmproxy runs LiteLLM's proxy, as scripts/setup-tests installs it, for tests that compare Outcrop with it.
package litellmproxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"outcrop/internal/need"
	"outcrop/internal/port"
	"outcrop/internal/process"
)

// Patience limits LiteLLM's start, which takes 10 s of processor time that other tests want too.
const Patience = 10 * time.Minute

// TB is the part of testing.TB that is used here.
type TB interface {
	need.TB
	Context() context.Context
	TempDir() string
}

// Program is the path of LiteLLM's command.
type Program string

// Find returns the program that is installed in the folder .cache of the repository, whose root is given. The test ends without it.
func Find(t TB, root string) Program {
	t.Helper()
	return Program(filepath.Join(need.Made(t, filepath.Join(root, ".cache/litellm"), "LiteLLM's proxy"), "bin", "litellm"))
}

// run is what LiteLLM's command does, without collecting garbage while it imports the proxy, as LiteLLM has it for its own workers
// (litellm_cli.main.without_gc_pauses): that is a fifth of the processor time of a start.
const run = `import gc
gc.disable()
import litellm.proxy.proxy_server
gc.freeze()
gc.enable()
from litellm_cli.main import proxy_server
proxy_server()`

// server is a proxy that runs.
type server struct {
	process process.Process
	port    *port.Reserved
}

// Stop ends the proxy, and frees its port.
func (s *server) Stop() error { return errors.Join(s.process.End(syscall.SIGTERM), s.port.Release()) }

// Start runs the proxy with a configuration until the test ends, and returns its address. It uses LiteLLM's built-in price table and
// fetches nothing. environ are more variables.
func (p Program) Start(t TB, config string, environ map[string]string) (address string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	reserved, err := port.Reserve()
	if err != nil {
		t.Fatal(err)
	}
	s := &server{port: reserved}
	need.Server(t, s, nil)
	host, number, err := net.SplitHostPort(reserved.Address())
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Dir(string(p))
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "python"), "-c", run, "--config", path, "--host", host, "--port", number) //nolint:gosec // tests choose the settings
	// It ends with its test, before whatever it uses is stopped.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = time.Minute
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + bin + string(filepath.ListSeparator) + os.Getenv("PATH"), "HOME=" + dir, "NO_PROXY=*",
		"PYTHONDONTWRITEBYTECODE=1", "LITELLM_LOCAL_MODEL_COST_MAP=True", "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS=True",
	}
	for name, value := range environ {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	address = "http://" + reserved.Address()
	if err := s.process.Launch(ctx, cmd, 50*time.Millisecond, func() bool { return ready(ctx, address) }); err != nil {
		t.Fatal(fmt.Errorf("LiteLLM: %w", err))
	}
	return address
}

// ready reports whether the proxy serves.
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
