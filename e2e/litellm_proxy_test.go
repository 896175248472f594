package e2e

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/internal/port"
)

// litellmPatience limits LiteLLM's start, which takes 10 s of processor time, and each
// call.
const litellmPatience = 10 * time.Minute

// litellmPin is LiteLLM's package with its version.
var litellmPin = pin{folder: "litellm", name: "litellm"}

// litellmProgram is LiteLLM's proxy as scripts/setup-tests installs it.
type litellmProgram string

func litellmProxy(t *testing.T) litellmProgram {
	t.Helper()
	program, err := filepath.Abs("../.cache/litellm/bin/litellm")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("../.cache/litellm/.made"); err != nil {
		skipMissing(t, "LiteLLM's proxy is not installed")
	}
	return litellmProgram(program)
}

// start runs the proxy until the test ends, and returns its address. It uses LiteLLM's
// built-in price table and fetches nothing.
func (p litellmProgram) start(t *testing.T, text string, environ map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	host, number, err := net.SplitHostPort(reservePort(t))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), string(p), "--config", path, "--host", host, "--port", number)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + filepath.Dir(string(p)) + string(filepath.ListSeparator) + os.Getenv("PATH"), "HOME=" + dir, "NO_PROXY=*",
		"PYTHONDONTWRITEBYTECODE=1", "LITELLM_LOCAL_MODEL_COST_MAP=True", "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS=True",
	}
	for name, value := range environ {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	log := &logBuffer{} // a page for every refusal
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

	address := "http://" + net.JoinHostPort(host, number)
	ctx, cancel := context.WithTimeout(t.Context(), litellmPatience)
	defer cancel()
	for !serves(ctx, address) {
		select {
		case <-ended:
			t.Fatalf("LiteLLM has ended by itself:\n%s", log.tail())
		case <-ctx.Done():
			t.Fatalf("LiteLLM does not serve: %v\n%s", ctx.Err(), log.tail())
		case <-time.After(50 * time.Millisecond): // its readiness can only be polled
		}
	}
	return address
}

// tail returns the end of a log, for readers of a failure.
func (b *logBuffer) tail() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := b.text.String()
	return text[max(0, len(text)-4000):]
}

// serves reports whether the proxy is ready.
func serves(ctx context.Context, address string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/health/readiness", nil)
	if err != nil {
		return false
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// reservePort returns the address of a port that is reserved until the test ends, for a
// program that needs a given port.
func reservePort(t *testing.T) string {
	t.Helper()
	r, err := port.Reserve()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Release(); err != nil {
			t.Error(err)
		}
	})
	return r.Address()
}

// refreshLists makes Outcrop refresh its lists.
func refreshLists(t *testing.T, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), litellmPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/catalog/refresh", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+masterKey)
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Lists []struct {
			Region string    `json:"region"`
			Error  jsonx.Raw `json:"error"`
		} `json:"lists"`
	}
	if err := jsonx.Unmarshal(body, &read); err != nil || resp.StatusCode != http.StatusOK || len(read.Lists) == 0 {
		t.Fatalf("POST /catalog/refresh: %d %s", resp.StatusCode, body)
	}
	for _, l := range read.Lists {
		if len(l.Error) > 0 && string(l.Error) != "null" {
			t.Errorf("the list of %s: %s", l.Region, l.Error)
		}
	}
}

// chatAnswer is the part of an answer or an event that is examined.
type chatAnswer struct {
	Error *struct {
		Message string `json:"message"`
	} `json:"error"`
	Choices []struct {
		Message      chatMessage `json:"message"`
		Delta        chatMessage `json:"delta"`
		FinishReason string      `json:"finish_reason"`
	} `json:"choices"`
}

// readAttempt reads an answer, streamed or not. It is not strict about the form: the
// question is whether the model was reached.
func readAttempt(t *testing.T, resp *http.Response, want string) attempt {
	t.Helper()
	a := attempt{status: resp.StatusCode, header: resp.Header}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		a.failure = err.Error()
		return a
	}
	a.body = string(body)
	events := []string{a.body}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		events = nil
		lines := bufio.NewScanner(strings.NewReader(string(body)))
		lines.Buffer(nil, len(body)+1)
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && data != "[DONE]" {
				events = append(events, data)
			}
		}
	}
	var text, finish string
	for _, event := range events {
		var c chatAnswer
		if err := jsonx.Unmarshal([]byte(event), &c); err != nil {
			a.failure = "an answer of " + strconv.Quote(event)
			return a
		}
		if c.Error != nil {
			a.failure = c.Error.Message
		}
		for _, choice := range c.Choices {
			text += choice.Message.Content + choice.Delta.Content
			finish += choice.FinishReason
		}
	}
	a.answered = a.failure == "" && finish != "" && strings.Contains(text, want)
	if !a.answered && a.failure == "" {
		a.failure = "an answer of " + strconv.Quote(text)
	}
	return a
}
