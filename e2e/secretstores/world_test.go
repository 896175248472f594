package secretstores

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outcrop/internal/need"
	"outcrop/internal/port"
	"outcrop/internal/process"
)

// patience limits how long a test waits; only a failure takes that long. It must be long enough for a busy machine.
const patience = time.Minute

// program is the program under test.
var program string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	code, err := prepared(m)
	if err = errors.Join(err, goleak.Find()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}

func prepared(m *testing.M) (code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "secretstores")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program = filepath.Join(dir, "outcrop")
	// Built as make build does, and so of packages that Go has in its cache.
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "outcrop/cmd/outcrop")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("go build: %w\n%s", err, out)
	}
	return m.Run(), nil
}

// installed is the path of a program of the secret managers.
func installed(t *testing.T, name string) string {
	t.Helper()
	return filepath.Join(need.Made(t, "../../.cache/secrets", "what e2e/sdks/secrets asks of Python"), "bin", name)
}

// server is a secret manager.
type server struct {
	t       *testing.T
	url     string
	headers map[string]string
	client  *http.Client
}

// launch runs a secret manager until the test ends. path is of an address that answers with 200 when it is ready. headers are those of
// each call.
func launch(t *testing.T, name, path string, headers map[string]string, args func(host, number string) []string) *server {
	t.Helper()
	command := installed(t, name)
	reserved, err := port.Reserve()
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, url: "http://" + reserved.Address(), headers: headers, client: &http.Client{Transport: &http.Transport{}}}
	host, number, _ := strings.Cut(reserved.Address(), ":")
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), command, args(host, number)...)
	dir := t.TempDir()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}
	cmd.Dir = dir
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p := &process.Process{}
	if err := p.Launch(ctx, cmd, 50*time.Millisecond, func() bool {
		status, _ := s.try(ctx, http.MethodGet, path, nil)
		return status == http.StatusOK
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		if err := errors.Join(p.End(os.Kill), reserved.Release()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// try makes a call; the status is 0 without an answer.
func (s *server) try(ctx context.Context, method, path string, body any) (int, map[string]any) {
	data, _ := json.Marshal(body)
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(data))
	if err != nil {
		return 0, nil
	}
	for name, value := range s.headers {
		req.Header.Set(name, value)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	var answer map[string]any
	out, _ := io.ReadAll(resp.Body)
	_ = json.Unmarshal(out, &answer)
	return resp.StatusCode, answer
}

// do makes a call that must succeed.
func (s *server) do(method, path string, body any) map[string]any {
	s.t.Helper()
	status, answer := s.try(s.t.Context(), method, path, body)
	if status < 200 || status > 299 {
		s.t.Fatalf("%s %s: status %d, %v", method, path, status, answer)
	}
	return answer
}

// at is the value at a path of names.
func at(v any, path ...string) string {
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	text, _ := v.(string)
	return text
}

// upstream is OpenAI's API, which notes the keys that it is called with.
type upstream struct {
	url  string
	mu   sync.Mutex
	keys []string
}

func startUpstream(t *testing.T) *upstream {
	t.Helper()
	u := &upstream{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.mu.Lock()
		u.keys = append(u.keys, r.Header.Get("Authorization"))
		u.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
	}))
	t.Cleanup(s.Close)
	u.url = s.URL
	return u
}

// last is the key of the last call.
func (u *upstream) last() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.keys) == 0 {
		return ""
	}
	return strings.TrimPrefix(u.keys[len(u.keys)-1], "Bearer ")
}

// gateway is a process of the program.
type gateway struct {
	t      *testing.T
	url    string
	dir    string
	client *http.Client
}

// command is the program with a configuration, and only the environment that is given.
func command(t *testing.T, text string, environ []string, args ...string) (cmd *exec.Cmd, dir string) {
	t.Helper()
	dir = t.TempDir()
	file := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, arg := range args {
		args[i] = strings.NewReplacer("CONFIG", file, "DATA", filepath.Join(dir, "data")).Replace(arg)
	}
	cmd = exec.CommandContext(context.WithoutCancel(t.Context()), program, args...)
	cmd.Env = append([]string{"HOME=" + dir, "AWS_EC2_METADATA_DISABLED=true"}, environ...)
	return cmd, dir
}

// check is what outcrop config check prints, and whether it finds no error.
func check(t *testing.T, text string, environ ...string) (out string, good bool) {
	t.Helper()
	cmd, _ := command(t, text, environ, "config", "check", "CONFIG")
	printed, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(printed), err == nil
}

// serve runs the program until the test ends.
func serve(t *testing.T, text string, environ ...string) *gateway {
	t.Helper()
	cmd, dir := command(t, text, environ, "serve", "--config", "CONFIG", "--port", "0", "--data-dir", "DATA", "--log-format", "json")
	g := &gateway{t: t, dir: dir, client: &http.Client{Transport: &http.Transport{}}}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stderr = log
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		g.client.CloseIdleConnections()
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the program ends with %v: %s", err, g.log())
		}
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "outcrop: listening on "); ok {
			g.url = url
			go func() { // what it prints later
				for lines.Scan() {
				}
			}()
			return g
		}
	}
	t.Fatalf("the program does not say where it listens: %s", g.log())
	return nil
}

func (g *gateway) log() string {
	b, err := os.ReadFile(filepath.Join(g.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// call posts a body with a key, and returns the status and the answer.
func (g *gateway) call(key, path, body string) (int, map[string]any) {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, g.url+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := g.client.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		g.t.Fatal(err)
	}
	return resp.StatusCode, answer
}

// must is call for a request that must succeed.
func (g *gateway) must(key, path, body string) map[string]any {
	g.t.Helper()
	status, answer := g.call(key, path, body)
	if status != http.StatusOK {
		g.t.Fatalf("%s %s: status %d, %v; %s", path, body, status, answer, g.log())
	}
	return answer
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
