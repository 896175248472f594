package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"outcrop/app"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/resolve"
	"outcrop/telemetry"
)

type serveCommand struct {
	configFlags
	Host    string `default:"127.0.0.1" help:"Address to listen on."`
	Port    int    `default:"4000" help:"Port to listen on; 0 takes a free one."`
	DataDir string `name:"data-dir" env:"OUTCROP_DATA_DIR" placeholder:"DIR" help:"Folder for what outlasts a restart. Default: outcrop in the user's cache folder."`
	Demo    bool   `help:"Without AWS credentials run the Bedrock emulator in this process, and show a first answer."`
	Debug   bool   `aliases:"detailed_debug" help:"Log more."`
	Workers int    `name:"num_workers" hidden:"" help:"LiteLLM's; one process uses every core, so it has no effect."`
}

// Run serves until a signal comes.
func (c *serveCommand) Run(ctx context.Context, con console) error {
	cfg, err := c.load(con.err)
	if err != nil {
		return err
	}
	if c.DataDir == "" {
		c.DataDir = defaultDataDir()
	}
	kept := tuneCollector(os.LookupEnv, granted())
	defer runtime.KeepAlive(kept)
	con, log, flush := queued(con, c.Debug)
	defer flush()
	a, err := app.New(ctx, app.Options{Config: cfg, Host: c.Host, Port: c.Port, DataDir: c.DataDir, Demo: c.Demo, Logger: log.Logger, Log: log})
	if err != nil {
		return err
	}
	before := time.Now()
	if err := a.Start(ctx); err != nil {
		return err
	}
	told := c.greet(ctx, con.out, a)
	looking, end := context.WithCancel(ctx)
	var look sync.WaitGroup
	look.Go(func() { lookAround(looking, con.out, a, before, told) })
	defer end()
	if c.Demo {
		if err := c.show(ctx, con.out, a); err != nil {
			fmt.Fprintf(con.err, "outcrop: the first answer failed: %v\n", err)
		}
	}
	select {
	case <-ctx.Done():
		fmt.Fprintln(con.out, "outcrop: stopping; calls under way may finish")
	case <-a.Done():
	}
	end()
	look.Wait()
	return a.Stop(context.WithoutCancel(ctx))
}

// flushLimit is how long what waits to be logged may take at the end, beyond what
// app.Stop takes.
const flushLimit = time.Second

// queued puts queues before standard output and error, so that a server waits for
// neither: whoever reads them may be slow, stall or go away. flush writes what
// waits. Where a reader has gone, writing fails from now on, which by default ends
// the process (SIGPIPE).
func queued(con console, debug bool) (_ console, log *telemetry.Log, flush func()) {
	broken := make(chan os.Signal, 1)
	signal.Notify(broken, syscall.SIGPIPE)
	level := slog.LevelInfo
	if debug {
		level = slog.LevelDebug
	}
	log = telemetry.NewLog(con.err, level)
	out := telemetry.NewQueue(con.out, nil)
	return console{out: out, err: log}, log, func() {
		ctx, cancel := context.WithTimeout(context.Background(), flushLimit)
		defer cancel()
		_ = errors.Join(out.Close(ctx), log.Close(ctx)) // there is nobody left to tell
		signal.Stop(broken)
	}
}

// greet says where the gateway is and who may call it, and reports whether it has
// said that no call can succeed.
func (c *serveCommand) greet(ctx context.Context, w io.Writer, a *app.App) (hopeless bool) {
	fmt.Fprintf(w, "outcrop: listening on %s\n", a.URL())
	ctx, cancel := context.WithTimeout(ctx, readyPatience)
	defer cancel()
	if err := a.Client().Ready(ctx); err != nil {
		hopeless = true
		e := llm.AsError(err)
		fmt.Fprintf(w, "outcrop: warning: no call can succeed yet: %s %s\n", e.Message, e.Fix)
	}
	if a.Emulated() {
		fmt.Fprintln(w, "outcrop: no AWS credentials were found, so the built-in Bedrock emulator answers; no call leaves this machine")
	}
	switch {
	case a.Locked():
	case c.Host == "127.0.0.1" || strings.EqualFold(strings.TrimSuffix(c.Host, "."), "localhost") || c.Host == "::1":
		fmt.Fprintln(w, "outcrop: no master key is set; only this machine is served")
	default:
		fmt.Fprintln(w, "outcrop: warning: no master key is set; whoever reaches this port can call every model")
	}
	return hopeless
}

// readyPatience bounds the look for credentials at the start.
const readyPatience = 3 * time.Second

// demoModel is what the first question goes to: the id at which AWS says
// "on-demand throughput isn't supported" when it is called as it is.
const demoModel = "anthropic.claude-sonnet-4-5-20250929-v1:0"

// demoBody is the first question.
func demoBody(model string) string {
	return `{"model":"` + model + `","messages":[{"role":"user","content":"Say hello to a new user in one sentence."}]}`
}

// cheapModel is an id of a small current model that can be called from a region.
func cheapModel(region string) string {
	const base = "amazon.nova-lite-v1:0"
	d, err := decide(base, region, resolve.Default())
	if err != nil || len(d.Ways) == 0 {
		return base
	}
	return d.Ways[0].ID
}

// regionOf is the region that calls go to unless a deployment says otherwise.
func regionOf(environ func(string) string) string {
	return cmp.Or(environ("AWS_REGION_NAME"), environ("AWS_REGION"), environ("AWS_DEFAULT_REGION"), "us-west-2")
}

// demoPatience bounds the first answer.
const demoPatience = 30 * time.Second

// show asks one question of the emulator and prints the answer, and in any case a
// line to paste. With real credentials it calls nothing: calls cost money.
func (c *serveCommand) show(ctx context.Context, w io.Writer, a *app.App) error {
	var err error
	if a.Emulated() && !a.Locked() {
		var answer, way string
		if answer, way, err = ask(ctx, a.URL()); err == nil {
			fmt.Fprintf(w, "\n  you:     Say hello to a new user in one sentence.\n  %s: %s\n  way:     %s\n", demoModel, answer, way)
		}
	}
	auth := ""
	if a.Locked() {
		auth = " -H \"Authorization: Bearer $LITELLM_MASTER_KEY\""
	}
	model, cost := demoModel, ""
	if !a.Emulated() {
		region := regionOf(os.Getenv)
		model, cost = cheapModel(region), " (this calls AWS in "+region+", which costs a little)"
	}
	fmt.Fprintf(w, "\nTry it yourself%s:\n\n  curl -s %s/v1/chat/completions -H 'Content-Type: application/json'%s -d '%s'\n\n", cost, a.URL(), auth, demoBody(model))
	return err
}

// ask gives the answer to the first question, and where it went and why.
func ask(ctx context.Context, url string) (answer, way string, err error) {
	ctx, cancel := context.WithTimeout(ctx, demoPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/chat/completions", strings.NewReader(demoBody(demoModel)))
	if err != nil {
		return "", "", err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := new(http.Client).Do(req)
	if err != nil {
		return "", "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", "", err
	}
	var chat struct {
		Choices []struct {
			Message struct {
				Content string `json:"content"`
			} `json:"message"`
		} `json:"choices"`
	}
	if err := jsonx.Unmarshal(body, &chat); err != nil || len(chat.Choices) == 0 {
		return "", "", fmt.Errorf("status %d: %s", resp.StatusCode, body)
	}
	return chat.Choices[0].Message.Content, resp.Header.Get("X-Outcrop-Target") + " (" + resp.Header.Get("X-Outcrop-Reason") + ")", nil
}
