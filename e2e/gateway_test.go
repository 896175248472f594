package e2e

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"outcrop/app"
	"outcrop/config"
	emulator "outcrop/emulator/bedrock"
	"outcrop/internal/jsonx"
	"outcrop/provider/all"
)

// masterKey is the key of every gateway in these tests.
const masterKey = "sk-e2e-master"

// claude is the model that the tests call, as an inference profile.
const claude = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"

// startEmulator runs an emulator until the test ends.
func startEmulator(t *testing.T) *emulator.Server {
	t.Helper()
	e, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return startServer(t, judge.Watch(e))
}

// startServer serves a handler as Bedrock until the test ends.
func startServer(t *testing.T, h http.Handler) *emulator.Server {
	t.Helper()
	s := emulator.NewServer(h)
	if err := s.Start(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}

// gateway is a running app and its log.
type gateway struct {
	*app.App
	log *logBuffer
}

// startGateway runs an app with the configuration, a YAML text in which UPSTREAM stands
// for the address of Bedrock. The caller may stop it; otherwise it stops at the end of
// the test.
func startGateway(t *testing.T, text, upstream string) *gateway {
	t.Helper()
	// Without an address of the control plane nothing is listed, so that the upstream
	// receives only calls of models.
	return startApp(t, strings.ReplaceAll(text, "UPSTREAM", upstream), "", nil)
}

// startApp runs an app with a configuration, a data folder and an environment, until
// the test ends. The configuration may have warnings.
func startApp(t *testing.T, text, dataDir string, environ map[string]string) *gateway {
	t.Helper()
	cfg, problems := config.Load(config.Source{Name: "config.yaml", Data: []byte(text), ReadFile: os.ReadFile, Providers: all.Providers()})
	if cfg == nil {
		t.Fatalf("configuration: %v", problems)
	}
	g := &gateway{log: &logBuffer{}}
	a, err := app.New(t.Context(), app.Options{
		Config: cfg, DataDir: dataDir,
		Logger:  slog.New(slog.NewJSONHandler(io.MultiWriter(g.log, t.Output()), nil)),
		Environ: func(name string) string { return environ[name] },
	})
	if err != nil {
		t.Fatal(err)
	}
	g.App = a
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.stop(t) })
	return g
}

// stop stops the gateway, and waits for open calls.
func (g *gateway) stop(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := g.Stop(ctx); err != nil {
		t.Errorf("stopping the gateway: %v", err)
	}
}

// logBuffer collects log output. It is safe for concurrent use.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// logLine is the record of a call.
type logLine struct {
	Msg              string `json:"msg"`
	ID               string `json:"id"`
	Door             string `json:"door"`
	Status           int    `json:"status"`
	Code             string `json:"code"`
	Type             string `json:"type"`
	Error            string `json:"error"`
	Param            string `json:"param"`
	UpstreamID       string `json:"upstream_id"`
	Stop             string `json:"stop"`
	Retries          int    `json:"retries"`
	ClientCall       string `json:"client_call_id"`
	ClientAttempt    int    `json:"client_attempt"`
	PromptTokens     int    `json:"prompt_tokens"`
	CompletionTokens int    `json:"completion_tokens"`
	TokensEstimated  bool   `json:"tokens_estimated"`
}

// lines returns the lines logged so far at level info and above.
func (b *logBuffer) lines(t *testing.T) []logLine {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []logLine
	for text := range strings.Lines(b.text.String()) {
		var l logLine
		if err := jsonx.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("log line %q: %v", text, err)
		}
		out = append(out, l)
	}
	return out
}
