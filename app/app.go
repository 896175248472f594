// Package app is the server as an object: a pipeline, its frontends, a listener, and a graceful
// shutdown. Several can coexist in one process.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"outcrop"
	"outcrop/cache"
	"outcrop/config"
	"outcrop/httpd"
	"outcrop/httpd/http1"
	"outcrop/httpd/inbound"
	"outcrop/httpd/openaichat"
	"outcrop/httpd/responses"
	"outcrop/httpd/ui"
	"outcrop/httpd/ui/live"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/secrets"
	"outcrop/store"
	"outcrop/telemetry"
)

// Options control what is served and where.
type Options struct {
	// Config is the configuration; config.Defaults if nil.
	Config *config.Config
	// Providers are those that Config was read with; all that there are if nil.
	Providers []provider.Info
	// Host and Port are the address to listen on; port 0 chooses a free one.
	Host string
	Port int
	// CertFile and KeyFile are a certificate and its key to serve HTTPS with, in place of those of the
	// configuration.
	CertFile, KeyFile string
	// DataDir is a folder for data that must survive a restart; empty for none.
	DataDir string
	// Demo starts the emulator in this process if no AWS credentials are found.
	Demo bool
	// Emulate starts the emulator in this process and ignores AWS credentials.
	Emulate bool
	Logger  *slog.Logger
	// Log reports the state of the log behind Logger, for the readiness check and the metrics; nil
	// if it is unknown.
	Log telemetry.LogState
	// Environ looks up environment variables; os.Getenv if nil.
	Environ func(string) string
	// Reload reads the configuration again, for App.Reload; a configuration with errors is nil. Nil if there is no file.
	Reload func(ctx context.Context) (*config.Config, []config.Problem, error)
	// Settled is called after the start and after each reload, when a collection of garbage has removed what only they needed;
	// nil for nobody.
	Settled func()
	// Drain bounds how long Stop waits for open calls; DrainLimit if 0.
	Drain time.Duration
}

// DrainLimit is how long Stop waits for open calls by default. Kubernetes kills a pod after 30 s.
const DrainLimit = 25 * time.Second

// App is a server. Its methods are called in the order New, Start, Stop.
type App struct {
	opt    Options
	client *outcrop.Client
	demo   *demo // nil without the emulator
	server *http1.Server
	// responses makes some of them in the background, and keeper keeps them.
	responses *responses.Handler
	keeper    *store.Keeper
	pages     []*ui.Handler // all that were made, the last of which is served
	calls     live.Log      // the calls that the pages show
	tenants   *tenants
	cache     *cache.Cache // nil if nothing is cached; reloading guards it after New
	alerts    *alerts      // nil if none are sent
	callbacks *callbacks
	added     *added
	vault     *secrets.Keeper // nil if nobody else keeps the keys that are made
	cert      *certificate    // nil without TLS
	started   *config.Config  // the configuration of the start
	reloading sync.Mutex
	reloaded  chan struct{} // holds one if a configuration was taken over since garbage was collected for it
	stopped   chan struct{} // closed when no configuration is taken over any more
	ended     chan struct{} // closed when no call is open any more
	serving   atomic.Pointer[serving]
	conns     *inbound.Conns
	own       sync.WaitGroup     // background work between Start and Stop
	rest      context.CancelFunc // ends it; nil before Start
	listener  net.Listener
	cut       context.CancelCauseFunc // cancels every open call
	done      chan struct{}           // closed when serving has ended
	stop      sync.Once
	err       error // why serving ended; read after done
}

// New makes an app. It opens no port, except the emulator's in a demo that needs it.
func New(ctx context.Context, opt Options) (*App, error) {
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	if opt.Drain == 0 {
		opt.Drain = DrainLimit
	}
	if opt.Environ == nil {
		opt.Environ = os.Getenv
	}
	if opt.Host == "" {
		opt.Host = "127.0.0.1"
	}
	if err := Check(opt.Config); err != nil {
		return nil, err
	}
	cert, err := openCertificate(&opt)
	if err != nil {
		return nil, err
	}
	a := &App{opt: opt, cert: cert, done: make(chan struct{}), reloaded: make(chan struct{}, 1), stopped: make(chan struct{}), ended: make(chan struct{}), tenants: &tenants{dir: opt.DataDir, logger: opt.Logger}}
	if a.vault, err = openVault(&opt); err != nil {
		return nil, err
	}
	if err := a.open(ctx); err != nil {
		a.closeCache()
		a.closeVault()
		return nil, err
	}
	a.started = a.client.Config()
	a.alerts = a.startAlerts(ctx)
	if a.callbacks, err = a.startCallbacks(ctx); err != nil {
		a.alerts.close(ctx)
		a.closeVault()
		return nil, errors.Join(err, a.client.Close())
	}
	a.tenants.alerts = a.alerts
	a.tenants.set(&a.client.Config().Accounting)
	a.added = newAdded(a)
	a.dataDir()
	if a.opt.Log != nil {
		a.client.Recorder().WatchLog(a.opt.Log)
	}
	a.expect(a.client.Config())
	a.client.Recorder().Watch(a.calls.Ended)
	a.keeper = store.NewKeeper(store.KeeperOptions{Options: store.Options{Dir: a.opt.DataDir}, Logger: a.opt.Logger})
	a.serving.Store(a.serve(a.client.Config(), nil))
	server := httpd.NewServer(http.HandlerFunc(a.serveHTTP), opt.Logger)
	base, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	a.cut = cut
	server.BaseContext = func(net.Listener) context.Context { return base }
	a.conns = inbound.NewConns(mostConnections(openFiles()), opt.Logger)
	server.ConnContext = a.conns.Context
	if cert != nil {
		server.TLSConfig = cert.settings() // net/http serves all connections then
	}
	a.server = http1.New(server)
	return a, nil
}

// mostConnections is how many client connections are kept open under a limit of open files: half of
// them, since a call also needs a connection to the provider, minus the files that the process
// itself needs. The rest is a reserve for new connections.
func mostConnections(files int) int {
	if files == 0 {
		return 0
	}
	return max(8, (files-ownFiles)/2)
}

// ownFiles is a reserve for the log, the data folder, certificates, and AWS's other services.
const ownFiles = 32

// open makes the pipeline, with the emulator if the demo needs it.
func (a *App) open(ctx context.Context) error {
	if a.opt.Config != nil {
		var err error
		if a.cache, err = openCache(&a.opt, a.opt.Config); err != nil {
			return err
		}
	}
	if a.opt.Emulate {
		environ := a.opt.Environ
		a.opt.Environ = func(name string) string {
			if slices.Contains(credentialVariables[:], name) {
				return ""
			}
			return environ(name)
		}
	}
	client, err := outcrop.New(a.library())
	if err != nil {
		return err
	}
	a.client = client
	if !a.opt.Emulate && (!a.opt.Demo || intended(a.opt.Environ) || credentialsFound(ctx, client)) {
		return nil
	}
	if err := client.Close(); err != nil {
		return err
	}
	if a.demo, err = startDemo(ctx, client.Config(), a.opt, a.tenants, a.cache); err != nil {
		return err
	}
	a.client = a.demo.client
	return nil
}

// library are the settings of the pipeline.
func (a *App) library() outcrop.Options {
	return outcrop.Options{Config: a.opt.Config, Providers: a.opt.Providers, Environ: a.opt.Environ, Logger: a.opt.Logger, DataDir: a.opt.DataDir, Tenants: a.tenants, Cache: a.cache}
}

// expect creates the counters of a configuration's models before their first call.
func (a *App) expect(cfg *config.Config) {
	for i := range cfg.Models {
		a.client.Recorder().Expect(openaichat.Door, cfg.Models[i].Name)
	}
}

// ready returns nil if calls could be served and the log can be written.
func (a *App) ready(ctx context.Context) error {
	if a.opt.Log != nil {
		if err := a.opt.Log.Err(); err != nil {
			return &llm.Error{
				Code: llm.CodeLogUnwritable, Status: 503, Message: "the log cannot be written: " + err.Error() + ".", Err: err,
				Fix: "Check that the process reading standard error is running and that the disk is not full; outcrop_log_lines_dropped_total counts the lost lines.",
			}
		}
	}
	return a.client.Ready(ctx)
}

// dataDir creates the data folder. If the disk is not writable, the app serves without it.
func (a *App) dataDir() {
	if a.opt.DataDir == "" {
		return
	}
	err := os.MkdirAll(a.opt.DataDir, 0o700)
	if err == nil {
		err = writable(a.opt.DataDir)
	}
	if err != nil {
		a.opt.Logger.Warn("the data folder is not writable; nothing is kept across restarts",
			slog.String("data_dir", a.opt.DataDir), slog.String("error", err.Error()), slog.String("hint", "set --data-dir or OUTCROP_DATA_DIR to a writable folder"))
	}
}

// writable tries to write a non-empty file into a folder: a full disk accepts empty ones.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".writable-*")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 64<<10))
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// IsLoopback reports whether an address to listen on is reachable only from this machine.
func IsLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") || err == nil && ip.IsLoopback()
}

// Start listens and serves until Stop. It returns once connections are accepted.
func (a *App) Start(ctx context.Context) error {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", net.JoinHostPort(a.opt.Host, strconv.Itoa(a.opt.Port)))
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	a.listener = httpd.Watch(listener, func(status int) {
		a.client.Recorder().Refused(status)
		a.opt.Logger.Debug("a request was refused before it was read completely", slog.Int("status", status))
	})
	a.client.KeepFresh(a.client.Config().Refresh)
	a.tenants.verify()
	background, rest := context.WithCancel(context.WithoutCancel(ctx))
	a.rest = rest
	if a.client.Pipeline().Locked() && a.tenants.used(false) { // the first call need not wait for it
		a.own.Go(func() { _, _ = a.tenants.get(background) })
	}
	if a.added.Stored() {
		revision := a.added.begin(ctx)
		a.own.Go(func() { a.added.follow(background, revision) })
	}
	a.startReports(ctx)
	if a.checks().Background {
		a.client.Watch()
	}
	a.own.Go(func() { a.reclaim(background) })
	go func() {
		defer close(a.done)
		if err := a.server.Serve(a.listen(a.conns.Listener(a.listener))); !httpd.IsClosed(err) {
			a.err = err
		}
	}()
	return nil
}

// Addr is the listening address, host and port.
func (a *App) Addr() string { return a.listener.Addr().String() }

// URL is the address for clients on this machine, such as http://127.0.0.1:4000, or
// https://127.0.0.1:4000 with a certificate.
func (a *App) URL() string {
	if a.Secure() {
		return "https://" + a.Addr()
	}
	return "http://" + a.Addr()
}

// Secure reports whether the server speaks HTTPS.
func (a *App) Secure() bool { return a.cert != nil }

// CertFile is the file with the server's certificate; empty without HTTPS.
func (a *App) CertFile() string {
	if a.cert == nil {
		return ""
	}
	return a.cert.cert
}

// Locked reports whether callers must present a key.
func (a *App) Locked() bool { return a.client.Pipeline().Locked() }

// Emulated reports whether responses come from the emulator.
func (a *App) Emulated() bool { return a.demo != nil }

// Client is the pipeline behind the frontends.
func (a *App) Client() *outcrop.Client { return a.client }

// Done is closed when the server has ended, by Stop or by a failure.
func (a *App) Done() <-chan struct{} { return a.done }

// Stop ends the server: readiness turns to 503 and new calls are refused immediately; open calls
// may continue for Options.Drain and are then cancelled. It returns the error that ended serving,
// if it was not Stop.
func (a *App) Stop(ctx context.Context) error {
	a.stop.Do(func() {
		ctx, cancel := context.WithTimeout(ctx, a.opt.Drain)
		defer cancel()
		a.client.Pipeline().Drain()
		a.reloading.Lock()
		close(a.stopped)
		a.reloading.Unlock()
		a.server.SetKeepAlivesEnabled(false)
		a.idle(ctx)
		if n := a.client.Pipeline().Open(); n > 0 {
			a.opt.Logger.Warn("ending the calls that are still open at the end of the drain", slog.Int64("calls", n))
		}
		a.end(context.WithoutCancel(ctx))
		a.closeDoors()
		a.closeTenants(context.WithoutCancel(ctx))
		if a.listener != nil {
			<-a.done
			a.rest()
		}
		close(a.ended)
		a.own.Wait()
		if err := a.client.Close(); err != nil {
			a.opt.Logger.Warn("closing", slog.String("error", err.Error()))
		}
		a.closeCache()
		a.closeVault()
		if a.demo != nil {
			a.demo.stop()
		}
	})
	return a.err
}

// closeTenants posts what calls have cost, closes the database, and sends the alerts that wait.
func (a *App) closeTenants(ctx context.Context) {
	a.alerts.stopReports()                              // they read the database
	if a.callbacks.storedTexts(a.client.Config()) > 0 { // what calls have asked goes to the database too
		saving, cancel := context.WithTimeout(ctx, lastWords)
		a.callbacks.close(saving)
		cancel()
	}
	ctx, cancel := context.WithTimeout(ctx, lastWords)
	defer cancel()
	if err := a.tenants.close(ctx); err != nil {
		a.opt.Logger.Warn("closing the database of keys", slog.String("error", err.Error()))
	}
	a.alerts.close(ctx)
	a.callbacks.close(ctx)
	a.serving.Load().signIn.close()
}

// lastWords is how long cancelled calls have to report that to their clients.
const lastWords = 2 * time.Second

// end cancels the calls that are still open, each with an error in its client's dialect, and closes
// the server.
func (a *App) end(ctx context.Context) {
	a.cut(&llm.Error{
		Code: llm.CodeStopping, Status: 503, Message: "this gateway is shutting down, and the response was not complete in time.", RetryAfter: "1",
		Fix: "Send the request again; another replica will answer it.",
	})
	ctx, cancel := context.WithTimeout(ctx, lastWords)
	defer cancel()
	a.idle(ctx)
	if err := a.server.Shutdown(ctx); err != nil {
		err = errors.Join(err, a.server.Close())
		a.opt.Logger.Debug("the server was closed with connections open", slog.Any("error", err))
	}
}

// idle waits until no call is open; the port stays open meanwhile, for readiness checks.
func (a *App) idle(ctx context.Context) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for a.client.Pipeline().Open() > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// credentialTimeout is how long a demo looks for AWS credentials.
const credentialTimeout = 2 * time.Second

// credentialVariables are the environment variables that name credentials. It is never modified.
var credentialVariables = [...]string{
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_PROFILE_NAME", "AWS_BEARER_TOKEN_BEDROCK", "AWS_ROLE_NAME",
	"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
}

// intended reports whether the environment names credentials. Then the user wants AWS, and should
// see an error if they are wrong.
func intended(environ func(string) string) bool {
	for _, name := range credentialVariables {
		if environ(name) != "" {
			return true
		}
	}
	return false
}

// credentialsFound reports whether there are AWS credentials. The emulator is used only if there
// are none, or if looking for them takes too long: with wrong ones the user should see the error.
func credentialsFound(ctx context.Context, client *outcrop.Client) bool {
	ctx, cancel := context.WithTimeout(ctx, credentialTimeout)
	defer cancel()
	err := client.Ready(ctx)
	if err == nil {
		return true
	}
	code := llm.AsError(err).Code
	return ctx.Err() == nil && code != llm.CodeCredentialsMissing && code != llm.CodeUnreachable
}

// Check refuses a configuration with default parameters that every call would fail with: clients
// would get errors that only the operator can fix. The error is an *outcrop.ConfigError; cfg may be
// nil.
func Check(cfg *config.Config) error { return outcrop.CheckParameters(cfg) }
