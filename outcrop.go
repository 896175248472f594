// Package outcrop is the gateway as a library: the server's pipeline without HTTP in front.
//
//	client, err := outcrop.New(outcrop.Options{})
//	...
//	defer client.Close()
//	resp, err := client.Complete(ctx, &outcrop.Request{
//		Model: "us.amazon.nova-lite-v1:0",
//		Turns: []outcrop.Turn{outcrop.User("What is granite?")},
//	})
//
// Without a configuration it calls AWS Bedrock with the AWS credentials that it finds, and accepts
// any model id as Model. With one it serves the names in LiteLLM's model_list.
package outcrop

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"outcrop/cache"
	"outcrop/catalog"
	"outcrop/config"
	"outcrop/fetch"
	"outcrop/gateway"
	"outcrop/internal/budget"
	"outcrop/internal/memlimit"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/all"
	"outcrop/route"
	"outcrop/telemetry"
	"outcrop/upstream"
)

// Types of the common language, as far as users of the library need them; package llm documents
// them.
type (
	// Request is a call for a completion.
	Request = llm.Request
	// Call is the part of a Request that every kind of request has: the model, and settings of the
	// call.
	Call = llm.Call
	// Response is a whole answer.
	Response = llm.Response
	// Turn is one contribution to the conversation.
	Turn = llm.Turn
	// Block is one piece of content.
	Block = llm.Block
	// Event is one step of a streaming response.
	Event = llm.Event
	// Stream is a streaming response.
	Stream = llm.Stream
	// Error is the type of every failure of Complete, Stream and Stream.Next, except io.EOF.
	Error = llm.Error
)

// User makes a turn of the user's with one text.
func User(text string) Turn {
	return Turn{Role: llm.RoleUser, Blocks: []Block{{Kind: llm.BlockText, Text: text}}}
}

// Text returns the text of a response, without its other blocks.
func Text(r *Response) string {
	var b strings.Builder
	for i := range r.Blocks {
		if r.Blocks[i].Kind == llm.BlockText {
			b.WriteString(r.Blocks[i].Text)
		}
	}
	return b.String()
}

// Version is this release; /openapi.json has the same. It is a variable only for the linker, by which make dist sets it (-X).
var Version = "0.1.0"

// Options control what to call and how. The zero value is usable.
type Options struct {
	// Config is the configuration; config.Defaults if nil.
	Config *config.Config
	// Providers are those that Config was read with; all that there are if nil.
	Providers []provider.Info
	// Environ looks up environment variables; os.Getenv if nil.
	Environ func(string) string
	// Logger receives one line per call; nothing is logged if nil.
	Logger *slog.Logger
	// Note is set as Meta.Destination.Note of every response.
	Note string
	// DataDir is a folder for data that may survive a restart; empty for none.
	DataDir string
	// Catalogue has the prices and limits of models; if nil, the newest that DataDir and the program have.
	Catalogue *catalog.Catalogue
	// Cache keeps answers to calls; nil for none. It remains the caller's, who closes it after the client.
	Cache *cache.Cache
	// Tenants knows who calls and what is left of their limits; nil if only the master key is known.
	Tenants gateway.Tenants
}

func (opt Options) withDefaults() Options {
	if opt.Providers == nil {
		opt.Providers = all.Providers()
	}
	if opt.Environ == nil {
		opt.Environ = os.Getenv
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	return opt
}

// Client runs the pipeline. It is safe for concurrent use.
type Client struct {
	gateway   *gateway.Gateway
	router    *route.Router
	recorder  *telemetry.Recorder
	upstream  *upstream.Client
	budget    *budget.Budget // of the memory for what is in flight
	catalogue *catalog.Catalogue
	others    map[string]provider.Deployment // that serve only providers' own APIs, by provider
	log       *slog.Logger
	opt       Options
	current   atomic.Pointer[served]
	providers []provider.Info // deployments that they open share what they know of an account
	added     addedModels
	policies  addedPolicies
	instance  string          // identifies this client to itself
	ctx       context.Context // ends with Close
	cancel    context.CancelFunc
	running   sync.WaitGroup // background work
	health    healthChecks
	guards    atomic.Pointer[guardrails]
}

// New makes a client. It makes no calls. Its error reports everything that is wrong with the
// settings.
func New(opt Options) (*Client, error) {
	opt = opt.withDefaults()
	if opt.Config == nil {
		cfg, problems := config.Defaults(config.Source{LookupEnv: os.LookupEnv, Providers: opt.Providers})
		if cfg == nil {
			return nil, &ConfigError{Problems: problems}
		}
		opt.Config = cfg
	}
	c := &Client{instance: gateway.NewID(), upstream: upstream.New(), recorder: telemetry.NewRecorder(opt.Logger), log: opt.Logger, opt: opt, providers: opt.Providers, others: map[string]provider.Deployment{}}
	c.current.Store(&served{cfg: opt.Config})
	c.budget = budget.New(maxInFlight(&opt.Config.General), 0)
	if err := c.openCatalogue(opt); err != nil {
		return nil, err
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	if err := c.openAll(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	c.router = route.New(route.Plan{Entries: c.served().entries(), Policy: opt.Config.Routing}, route.Options{Logger: opt.Logger, Retried: c.recorder.Retried, Queued: c.recorder.Queued, Waited: c.recorder.Waited, Providers: c.providerNames(), Adjustments: &opt.Config.Accounting.Adjustments})
	media, err := openMedia(opt.Config, c.budget)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	guards, err := c.openGuardrails(opt.Config)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	c.guards.Store(guards)
	c.tellCache(opt.Cache)
	c.gateway = gateway.New(gateway.Options{
		Router:    c.router,
		Recorder:  c.recorder,
		Media:     media,
		Budget:    c.budget,
		MasterKey: opt.Config.General.MasterKey.Reveal(),
		Tenants:   opt.Tenants,
		TeamModel: c.router.TeamModel,
		Cache:     opt.Cache,

		Attribution: opt.Config.Attribution, SessionTags: opt.Config.SessionTags, Demands: gateway.Demands(opt.Config.Demands),
		Guardrails: guards.rules, Policies: opt.Config.Policies, ForwardHeaders: gateway.ForwardHeaders(opt.Config.General.ForwardHeaders),
		Replacements: gateway.Replacements(opt.Config.General.Replacements),

		Mirrored: c.router.Mirrors,

		Forwarders: c.forwarders(opt), Prices: c.prices, Adjustments: &opt.Config.Accounting.Adjustments,
	})
	return c, nil
}

// tellCache has the recorder told of a cache, before its first command.
func (c *Client) tellCache(answers *cache.Cache) {
	if answers == nil {
		return
	}
	c.recorder.ExpectCache()
	if answers.Semantic() != nil {
		c.recorder.ExpectSimilar()
	}
	answers.Tell(c.recorder.CacheCommand)
}

// forwarders are the providers whose own APIs clients can call: with the credentials of the first model that
// is configured, or of the environment.
func (c *Client) forwarders(opt Options) map[string]gateway.Forwarder {
	if c.Config().NoPassThrough {
		return nil
	}
	out := map[string]gateway.Forwarder{}
	add := func(name string, d provider.Deployment) bool {
		f, ok := d.(provider.Forwarder)
		if ok && out[name] == nil {
			out[name] = f
		}
		return ok
	}
	s := c.served()
	for i := range s.models {
		add(s.models[i].Provider, s.deployments[i])
	}
	environ := c.Config().Getenv(opt.Environ)
	for _, info := range c.providers {
		if out[info.Name] != nil {
			continue
		}
		if own := c.others[info.Name]; own != nil {
			add(info.Name, own)
			continue
		}
		if info.Configured == nil || !info.Configured(environ) {
			continue
		}
		d, err := info.Open(context.Background(), provider.Params{
			Model: "*", Upstream: c.upstream, Environ: environ, Logger: opt.Logger, Now: time.Now, Note: opt.Note, Instance: c.instance,
		})
		switch {
		case err != nil:
			opt.Logger.Debug("the provider's own API is not served", slog.String("provider", info.Name), slog.String("error", err.Error()))
		case add(info.Name, d):
			c.others[info.Name] = d
		default:
			_ = d.Close() // nothing was done with it
		}
	}
	return out
}

// providerNames are the names of all providers.
func (c *Client) providerNames() []string {
	var names []string
	for _, info := range c.providers {
		names = append(names, info.Name)
	}
	return names
}

// maxInFlight is the memory for requests, fetched files and responses in flight: as configured, or
// a quarter of the memory granted to the process. If that is unknown, it is 1 GiB.
func maxInFlight(g *config.General) int64 {
	if g.MaxInFlight > 0 {
		return g.MaxInFlight
	}
	granted, known := memlimit.Process()
	if !known {
		return 1 << 30
	}
	return granted / 4
}

// InFlight is the memory of requests, fetched files and responses in flight.
type InFlight struct {
	Taken, Most int64 // in bytes
	Waiting     int   // calls that wait for memory
}

// InFlight returns how much memory requests and responses in flight take.
func (c *Client) InFlight() InFlight {
	return InFlight{Taken: c.budget.Used(), Most: c.budget.Total(), Waiting: c.budget.Waiting()}
}

// openMedia makes the stage that fetches images and files; nil if fetching is disabled.
func openMedia(cfg *config.Config, held *budget.Budget) (gateway.Inliner, error) {
	m := &cfg.Media
	if !m.Fetch {
		return nil, nil //nolint:nilnil // the gateway refuses what would have to be fetched
	}
	opt := fetch.Options{Allow: m.Allow, MaxSize: m.MaxSize, MaxTotal: cfg.General.MaxRequestSize, Timeout: m.Timeout, Budget: held}
	if m.Proxy != "" {
		proxy, err := url.Parse(m.Proxy.Reveal())
		if err != nil {
			return nil, errors.New("outcrop_settings.media.proxy is not a valid URL") // it may contain a password
		}
		opt.Proxy = proxy
	}
	return fetch.New(opt), nil
}

// ConfigError is an unusable configuration.
type ConfigError struct {
	Problems []config.Problem
}

func (e *ConfigError) Error() string {
	var lines []string
	for _, p := range e.Problems {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

// Complete gets a complete response. A failure is an *Error.
func (c *Client) Complete(ctx context.Context, req *Request) (*Response, error) {
	call := c.gateway.Begin(door, gateway.NewID())
	defer call.End(ctx)
	resp, err := call.Complete(ctx, req)
	if err != nil {
		return nil, err
	}
	resp.Meta = *call.Meta()
	return resp, nil
}

// Stream gets a streaming response; it returns when there is content. The caller closes the stream,
// and only then is the call recorded. A failure is an *Error.
func (c *Client) Stream(ctx context.Context, req *Request) (Stream, error) {
	call := c.gateway.Begin(door, gateway.NewID())
	streaming := *req
	streaming.Stream = true
	s, err := call.Stream(ctx, &streaming)
	if err != nil {
		call.End(ctx)
		return nil, err
	}
	return &recordedStream{Stream: s, end: func() { call.End(ctx) }}, nil
}

// door is the library's name in the record.
const door = "library"

// recordedStream is a stream that ends its call when it is closed.
type recordedStream struct {
	Stream
	end func()
}

func (r *recordedStream) Close() error {
	err := r.Stream.Close()
	r.end()
	return err
}

// Ready returns nil if some deployment could serve a call, as far as is known without one;
// otherwise an *Error about what the first one lacks.
func (c *Client) Ready(ctx context.Context) error {
	var first error
	for _, d := range c.served().deployments {
		r, ok := d.(provider.Readier)
		if !ok {
			return nil
		}
		err := r.Ready(ctx)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// Pipeline is the pipeline for a server's frontends.
func (c *Client) Pipeline() *gateway.Gateway { return c.gateway }

// Instance is what calls to addresses that are not the provider's own have in the header
// provider.InstanceHeader.
func (c *Client) Instance() string { return c.instance }

// Recorder is the recorder, for a server's metrics.
func (c *Client) Recorder() *telemetry.Recorder { return c.recorder }

// Close ends the client's background work. Open calls continue.
func (c *Client) Close() error {
	c.added.mu.Lock() // what is begun there is waited for
	c.cancel()
	c.added.mu.Unlock()
	c.running.Wait()
	if c.gateway != nil { // else New has failed
		c.gateway.Close()
	}
	var errs []error
	for _, d := range slices.Concat(c.served().deployments, slices.Collect(maps.Values(c.others))) {
		if d != nil { // an entry that could not be opened has none
			errs = append(errs, d.Close())
		}
	}
	c.guards.Load().close()
	c.upstream.CloseIdle()
	return errors.Join(errs...)
}

// Config is the configuration that the client uses at present.
func (c *Client) Config() *config.Config { return c.served().cfg }
