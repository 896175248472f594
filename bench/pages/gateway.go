package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	master = "sk-master-of-the-pages"
	answer = `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Granite is an igneous rock."},"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":7,"total_tokens":19}}`
)

// upstream answers all calls alike.
type upstream struct {
	url    string
	server *http.Server
	over   chan error
}

func startUpstream(ctx context.Context) (*upstream, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	u := &upstream{url: "http://" + l.Addr().String(), over: make(chan error, 1)}
	u.server = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	})}
	go func() { u.over <- u.server.Serve(l) }()
	return u, nil
}

func (u *upstream) close() {
	_ = u.server.Close()
	if err := <-u.over; !errors.Is(err, http.ErrServerClosed) {
		fmt.Fprintln(os.Stderr, "the upstream:", err)
	}
}

// gateway is a gateway in a process of its own.
type gateway struct {
	url  string
	cmd  *exec.Cmd
	over chan error
}

// startGateway builds a gateway and starts it.
func startGateway(ctx context.Context, dir, data, database, upstream string) (*gateway, error) {
	program := filepath.Join(dir, "outcrop")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "outcrop/cmd/outcrop")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return nil, fmt.Errorf("building the gateway: %w", err)
	}
	text := "general_settings:\n  master_key: " + master + "\n"
	if database != "" {
		text += "  database_url: " + database + "\n"
	}
	text += "model_list:\n  - {model_name: m, litellm_params: {model: openai/m, api_key: sk-of-the-upstream, api_base: " + upstream + "/v1}}\n"
	file := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err := errors.Join(err, l.Close()); err != nil {
		return nil, err
	}
	g := &gateway{url: "http://127.0.0.1:" + port, over: make(chan error, 1)}
	g.cmd = exec.CommandContext(ctx, program, "serve", "-c", file, "--port", port, "--data-dir", data, "--log-format", "json")
	g.cmd.Cancel = func() error { return g.cmd.Process.Signal(syscall.SIGTERM) }
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	g.cmd.Stdout, g.cmd.Stderr = log, log
	if err := g.cmd.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	go func() { g.over <- errors.Join(g.cmd.Wait(), log.Close()) }()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		select {
		case err := <-g.over:
			return nil, fmt.Errorf("the gateway has ended: %w", err)
		case <-tick.C:
		}
		if resp, err := get(ctx, http.DefaultClient, g.url+"/health/liveliness"); err == nil && resp.status == http.StatusOK {
			return g, nil
		}
	}
	return nil, errors.Join(errors.New("the gateway does not answer"), g.stop())
}

func (g *gateway) stop() error {
	if err := g.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return <-g.over
}

// cpu is the processor time of the gateway, from /proc/PID/stat (proc_pid_stat(5)); 0 where there is none.
func (g *gateway) cpu() (time.Duration, error) {
	if runtime.GOOS != "linux" {
		return 0, errors.ErrUnsupported
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", g.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	var sum int64
	for _, at := range []int{11, 12} { // utime and stime, in hundredths of a second
		n, err := strconv.ParseInt(fields[at], 10, 64)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return time.Duration(sum) * 10 * time.Millisecond, nil
}

// response is a response that has been read.
type response struct {
	status int
	body   string
	took   time.Duration
}

func get(ctx context.Context, c *http.Client, address string) (*response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	resp, err := c.Do(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	return &response{resp.StatusCode, string(body), time.Since(began)}, errors.Join(err, resp.Body.Close())
}

// browser signs in, as a browser does.
func (g *gateway) browser(ctx context.Context) (*http.Client, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	c := &http.Client{Jar: jar}
	page, err := get(ctx, c, g.url+"/ui/login")
	if err != nil {
		return nil, err
	}
	token := regexp.MustCompile(`name="csrf" value="([^"]+)"`).FindStringSubmatch(page.body)
	if token == nil {
		return nil, errors.New("the login page has no token")
	}
	form := url.Values{"csrf": {token[1]}, "key": {master}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, g.url+"/ui/login", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := c.Do(r)
	if err != nil {
		return nil, err
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("signing in: %s, %w", resp.Status, err)
	}
	return c, nil
}

// watch keeps the page of live calls open until ctx ends, and counts the rows that come.
func watch(ctx context.Context, c *http.Client, g *gateway) (rows int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, g.url+"/ui/logs/events", nil)
	if err != nil {
		return 0, err
	}
	resp, err := c.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "<tr data-id=") {
			rows++
		}
	}
	return rows, nil // it ends with ctx
}
