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
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"outcrop/app"
	"outcrop/config"
	"outcrop/internal/jsonx"
	"outcrop/internal/processors"
	"outcrop/llm"
	"outcrop/provider/bedrock/resolve"
	"outcrop/telemetry"
)

type serveCommand struct {
	configFlags
	Host    string `default:"127.0.0.1" help:"Address to listen on."`
	Port    int    `default:"4000" help:"Port to listen on; 0 for any free port."`
	TLSCert string `name:"tls-cert" aliases:"ssl_certfile_path" env:"SSL_CERTFILE_PATH" placeholder:"FILE" help:"Certificate to serve HTTPS with, in PEM; outcrop cert makes one. It is read again when it changes."`
	TLSKey  string `name:"tls-key" aliases:"ssl_keyfile_path" env:"SSL_KEYFILE_PATH" placeholder:"FILE" help:"Key of the certificate, in PEM."`
	DataDir string `name:"data-dir" env:"OUTCROP_DATA_DIR" placeholder:"DIR" help:"Folder for data that is kept across restarts. Default: outcrop in the user's cache folder."`
	Demo    bool   `help:"Without AWS credentials, use the built-in Bedrock emulator, and show a first answer."`
	Emulate bool   `name:"emulator" help:"Like --demo, but always use the emulator, even if there are AWS credentials."`
	Watch   bool   `name:"watch-config" negatable:"" default:"true" help:"Take over the configuration file when it changes. SIGHUP and POST /config/reload do so in any case."`
	Debug   bool   `aliases:"detailed_debug" help:"Log at debug level."`
	Log     string `name:"log-format" enum:"auto,json,text" default:"auto" env:"OUTCROP_LOG_FORMAT" help:"json for one object per line, text for short lines; auto is text on a terminal and JSON elsewhere."`
	Workers int    `name:"num_workers" hidden:"" help:"A flag of LiteLLM. It has no effect: one process uses as many cores as it needs."`
}

// Run serves until a signal arrives.
func (c *serveCommand) Run(ctx context.Context, con console) error {
	if err := checkPort(c.Port); err != nil {
		return err
	}
	gc := tuneCollector(os.LookupEnv, granted()) // first, so that the start collects nothing
	defer runtime.KeepAlive(gc)
	c.Demo = c.Demo || c.Emulate
	cfg, problems, err := c.read(ctx, con.err)
	if err != nil {
		return err
	}
	if cfg != nil && !app.IsLoopback(c.Host) && cfg.General.MasterKey != "" && config.WeakKey(cfg.General.MasterKey.Reveal()) {
		return &usageError{
			"the master key is a placeholder that anyone can guess, and --host " + c.Host + " accepts calls from other machines",
			"Generate a key: export LITELLM_MASTER_KEY=sk-$(openssl rand -hex 32)",
		}
	}
	if cfg, err = started(con.err, cfg, problems); err != nil {
		return err
	}
	if c.DataDir == "" {
		c.DataDir = defaultDataDir()
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return &usageError{"--tls-cert and --tls-key belong together, but only one of them is set", "Set both; outcrop cert makes a certificate and its key for this machine."}
	}
	con, log, flush := queued(con, c.Debug, styleOf(con.err, c.Log))
	defer flush()
	a, err := app.New(ctx, app.Options{Config: cfg, Providers: c.providers, Host: c.Host, Port: c.Port, CertFile: c.TLSCert, KeyFile: c.TLSKey, DataDir: c.DataDir, Demo: c.Demo, Emulate: c.Emulate, Reload: c.again(con.err), Settled: gc.settle, Logger: log.Logger, Log: log})
	if err != nil {
		return err
	}
	printProblems(con.err, problemsOf(a.Client().Doubts()))
	before := time.Now()
	if err := a.Start(ctx); err != nil {
		return err
	}
	announced := c.greet(ctx, con.out, a)
	checkCtx, cancel := context.WithCancel(ctx)
	var checks sync.WaitGroup
	checks.Go(func() { startChecks(checkCtx, con.out, a, before, announced) })
	checks.Go(func() { c.reloads(checkCtx, a) })
	checks.Go(func() { processors.Follow(checkCtx, os.LookupEnv) })
	defer cancel()
	if c.Demo && !announced { // otherwise no call can succeed
		if err := c.show(ctx, con.out, a); err != nil {
			fmt.Fprintf(con.err, "outcrop: the first answer failed: %v\n", err)
		}
	}
	select {
	case <-ctx.Done():
		fmt.Fprintln(con.out, "outcrop: stopping; finishing calls in progress (up to "+strconv.Itoa(int(app.DrainLimit.Seconds()))+" s; press Ctrl-C again to stop at once)")
	case <-a.Done():
	}
	cancel()
	checks.Wait()
	return a.Stop(context.WithoutCancel(ctx))
}

// flushLimit is the maximum time to write queued log records at the end, in addition to
// the time of app.Stop.
const flushLimit = time.Second

// queued puts queues before standard output and standard error, so that the server never
// waits for their readers, which may be slow, stall or exit. flush writes what is queued.
// Writing to a closed pipe returns an error from now on, instead of ending the process by
// SIGPIPE.
func queued(con console, debug bool, style logStyle) (_ console, log *telemetry.Log, flush func()) {
	broken := make(chan os.Signal, 1)
	signal.Notify(broken, syscall.SIGPIPE)
	log = telemetry.NewLog(con.err, func(w io.Writer) slog.Handler { return newHandler(w, debug, style) })
	out := telemetry.NewQueue(con.out, nil)
	return console{out: out, err: log}, log, func() {
		ctx, cancel := context.WithTimeout(context.Background(), flushLimit)
		defer cancel()
		_ = errors.Join(out.Close(ctx), log.Close(ctx)) // errors cannot be reported any more
		signal.Stop(broken)
	}
}

// greet prints the gateway's URL and who may call it. It reports whether it has printed
// that no call can succeed.
func (c *serveCommand) greet(ctx context.Context, w io.Writer, a *app.App) (hopeless bool) {
	fmt.Fprintf(w, "outcrop: listening on %s\n", a.URL())
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if err := a.Client().Ready(ctx); err != nil {
		hopeless = true
		e := llm.AsError(err)
		hint := ""
		if c.Demo {
			hint = "AWS credentials are configured, so Outcrop uses them. To use the built-in Bedrock emulator instead, run outcrop serve --emulator."
		}
		warn(w, "calls will fail: "+e.Message+" "+e.Fix, hint)
	}
	switch {
	case c.Emulate:
		fmt.Fprintln(w, "outcrop: using the built-in Bedrock emulator, as --emulator asks, so no call leaves this machine")
	case a.Emulated():
		fmt.Fprintln(w, "outcrop: no AWS credentials found; using the built-in Bedrock emulator, so no call leaves this machine")
	}
	switch {
	case a.Locked():
	case app.IsLoopback(c.Host):
		fmt.Fprintln(w, "outcrop: no master key is set, so only this machine can call")
	default:
		fmt.Fprintln(w, "outcrop: warning: no master key is set, so anyone who can reach this port can call every model")
	}
	return hopeless
}

// checkPort rejects invalid ports.
func checkPort(port int) error {
	if port < 0 || port > 65535 {
		return &usageError{fmt.Sprintf("--port must be 1 to 65535, or 0 for any free port, not %d", port), ""}
	}
	return nil
}

// readyTimeout limits the search for credentials at the start.
const readyTimeout = 3 * time.Second

// demoModel is the model of the first question: an id for which AWS answers "on-demand
// throughput isn't supported" if it is called as written.
const demoModel = "anthropic.claude-sonnet-5"

// demoBody returns the first question.
func demoBody(model string) string {
	return `{"model":"` + model + `","messages":[{"role":"user","content":"Say hello to a new user in one sentence."}]}`
}

// cheapModel returns an id of a small current model that can be called from a region.
func cheapModel(region string) string {
	const base = "amazon.nova-lite-v1:0"
	d, err := decide(base, region, resolve.Default())
	if err != nil || len(d.Candidates) == 0 {
		return base
	}
	return d.Candidates[0].ID
}

// regionOf returns the region of calls unless a deployment sets another.
func regionOf(environ func(string) string) string {
	return cmp.Or(environ("AWS_REGION_NAME"), environ("AWS_REGION"), environ("AWS_DEFAULT_REGION"), "us-west-2")
}

// demoTimeout limits the time of the first answer.
const demoTimeout = 30 * time.Second

// show prints a command line to try, after asking the emulator one question. With real
// credentials it makes no call, since calls cost money.
func (c *serveCommand) show(ctx context.Context, w io.Writer, a *app.App) error {
	var err error
	if a.Emulated() && !a.Locked() && !a.Secure() {
		var answer, candidate string
		if answer, candidate, err = ask(ctx, a.URL()); err == nil {
			fmt.Fprintf(w, "\n  you:     Say hello to a new user in one sentence.\n  %s: %s\n  route:   %s\n\nThe emulator answers by repeating the question. With AWS credentials, the model itself answers.\n", demoModel, answer, candidate)
		}
	}
	auth := ""
	if a.Secure() {
		auth = " --cacert " + a.CertFile()
	}
	if a.Locked() {
		auth += " -H \"Authorization: Bearer $LITELLM_MASTER_KEY\""
	}
	model, cost := demoModel, ""
	if !a.Emulated() {
		region := regionOf(os.Getenv)
		model, cost = cheapModel(region), " (this calls AWS in "+region+", which costs a little)"
		if address, name := endpointFromEnviron(os.Getenv); address != "" {
			cost = " (this calls " + address + ", set by " + name + ")"
		}
	}
	fmt.Fprintf(w, "\nTry it yourself%s:\n\n  curl -s %s/v1/chat/completions -H 'Content-Type: application/json'%s -d '%s'\n\n", cost, a.URL(), auth, demoBody(model))
	fmt.Fprint(w, nextSteps(a.Emulated()))
	return err
}

// nextSteps returns what to do after the first answer.
func nextSteps(emulated bool) string {
	text := "Next:\n  outcrop doctor       check AWS credentials, permissions and models\n  outcrop models       list the models that can be called\n"
	if emulated {
		text = "Next: set AWS credentials (AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY) and AWS_REGION, then run\n  outcrop doctor       to check credentials, permissions and models\n  outcrop chat         to chat with a model\n"
	}
	return text + "See README.md and docs/ for more. Press Ctrl-C to stop the gateway.\n\n"
}

// endpointFromEnviron returns the endpoint that the environment sets for calls of models,
// and the name of the variable; empty if none.
func endpointFromEnviron(environ func(string) string) (address, name string) {
	for _, name := range []string{"AWS_BEDROCK_RUNTIME_ENDPOINT", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL"} {
		if v := environ(name); v != "" {
			return v, name
		}
	}
	return "", ""
}

// ask returns the answer to the first question, and its target with the reason.
func ask(ctx context.Context, url string) (answer, candidate string, err error) {
	ctx, cancel := context.WithTimeout(ctx, demoTimeout)
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
