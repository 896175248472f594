package app

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"outcrop"
	"outcrop/config"
	"outcrop/export"
	"outcrop/export/bucket"
	"outcrop/export/otlp"
	"outcrop/gateway"
	"outcrop/httpd"
	"outcrop/internal/netguard"
	"outcrop/telemetry"
	"outcrop/telemetry/litellmmetrics"
)

// contentSize is how many bytes of a request and of a response are kept for callbacks that get them.
const contentSize = 1 << 20

// callbacks tell other services of calls.
type callbacks struct {
	client   *outcrop.Client
	environ  func(string) string
	tenants  *tenants
	exporter *export.Exporter
	current  atomic.Pointer[told]
}

// told is what callbacks have of a configuration. It is not modified.
type told struct {
	cfg     *config.Config
	metrics *litellmmetrics.Metrics // nil if LiteLLM's are not served
	// langfuse is the operator's own host of Langfuse, which keys' callbacks may go to wherever it is.
	langfuse string
	served   map[string]export.Deployment // by their ids
	only     map[string]export.Deployment // by the names that have one deployment
	settings export.Settings
}

// startCallbacks starts what the configuration wants.
func (a *App) startCallbacks(ctx context.Context) (*callbacks, error) {
	recorder := a.client.Recorder()
	c := &callbacks{client: a.client, environ: a.opt.Environ, tenants: a.tenants}
	c.current.Store(&told{})
	next, err := c.prepare(a.client.Config())
	if err != nil {
		return nil, err
	}
	c.exporter = export.New(ctx, export.Settings{}, export.Options{Deployment: c.deployment, Own: c.own, Logger: a.opt.Logger, Count: c.count, Down: recorder.CallbackDown})
	if err := c.set(next); err != nil {
		c.close(ctx)
		return nil, err
	}
	recorder.Watch(func(call *telemetry.Call) {
		if m := c.current.Load().metrics; m != nil {
			m.Ended(call)
		}
	})
	recorder.Watch(c.exporter.Ended)
	return c, nil
}

// prepare opens what a configuration wants and is not there already. It calls nobody. What is not set has to be dropped.
func (c *callbacks) prepare(cfg *config.Config) (_ *told, err error) {
	before := c.current.Load()
	next := &told{cfg: cfg, served: map[string]export.Deployment{}, only: map[string]export.Deployment{}, langfuse: cfg.Getenv(c.environ)("LANGFUSE_HOST")}
	for i := range cfg.Models {
		m := &cfg.Models[i]
		d := export.Deployment{ID: m.ID, Model: m.Provider + "/" + m.Model, Base: m.Values["api_base"]}
		next.served[m.ID] = d
		if _, several := next.only[m.Name]; several {
			d = export.Deployment{}
		}
		next.only[m.Name] = d
	}
	for i := range cfg.Callbacks.All {
		one := &cfg.Callbacks.All[i]
		callback := export.Callback{Name: one.Name, Success: one.Success, Failure: one.Failure, Content: one.Content}
		if !before.has(cfg, one) {
			if callback.Sender, err = senderOf(one); err != nil {
				next.drop()
				return nil, errors.New("the callback " + one.Name + ": " + err.Error())
			}
		}
		next.settings.Callbacks = append(next.settings.Callbacks, callback)
	}
	if longest := c.storedTexts(cfg); longest > 0 {
		callback := export.Callback{Name: storedContent, Success: true, Failure: true, Content: true, Batch: 64, Every: time.Second}
		if before.cfg == nil || c.storedTexts(before.cfg) != longest {
			callback.Sender = export.NewKeeper(export.Keeper{Keep: c.keep, Longest: longest})
		}
		next.settings.Callbacks = append(next.settings.Callbacks, callback)
	}
	next.settings.OwnContent = cfg.Callbacks.AllContent
	if p := cfg.Callbacks.Prometheus; p != nil && before.cfg != nil && before.metrics != nil && reflect.DeepEqual(p, before.cfg.Callbacks.Prometheus) {
		next.metrics = before.metrics // with what it has counted
	} else if p != nil {
		next.metrics = litellmmetrics.New(litellmmetrics.Options{
			Only: p.Only, Buckets: p.Buckets, Series: p.Series, EndUsers: p.EndUsers, Known: c.client.Pipeline().Serves, Describe: c.describe, Open: c.client.Pipeline().Open,
		})
	}
	return next, nil
}

// has reports whether a callback of another configuration is there already. Its environment may have what the settings do not show.
func (t *told) has(cfg *config.Config, one *config.Callback) bool {
	return t.cfg != nil && maps.Equal(t.cfg.Environment, cfg.Environment) &&
		slices.ContainsFunc(t.cfg.Callbacks.All, func(was config.Callback) bool { return reflect.DeepEqual(&was, one) })
}

// drop closes what was opened and is not used.
func (t *told) drop() {
	for _, made := range t.settings.Callbacks {
		if made.Sender != nil {
			made.Sender.Close()
		}
	}
}

// set takes over what was prepared, for the calls that end from then on.
func (c *callbacks) set(next *told) error {
	recorder := c.client.Recorder()
	for _, one := range next.settings.Callbacks {
		recorder.ExpectCallback(one.Name, export.Sent, export.Failed, export.Dropped)
	}
	rules, users := c.client.Guardrails()
	next.settings.Mask, next.settings.Masks = maskLogged(rules, recorder), users
	users.Take() // the guardrails are the present ones
	before := c.current.Swap(next)
	c.exporter.Set(next.settings)
	if before.settings.Masks != nil {
		before.settings.Masks.Leave()
	}
	wants := telemetry.Wants{Details: true, Trace: next.cfg.Callbacks.Trace}
	if next.cfg.Callbacks.AllContent || next.cfg.Callbacks.Content() || c.storedTexts(next.cfg) > 0 {
		wants.Content = contentSize
	}
	recorder.Want(wants)
	switch {
	case before.metrics == next.metrics:
		return nil
	case next.metrics == nil:
		return recorder.Replace(before.metrics, nil)
	case before.metrics == nil:
		return recorder.Replace(nil, next.metrics)
	default:
		return recorder.Replace(before.metrics, next.metrics)
	}
}

// count counts what becomes of records.
func (c *callbacks) count(callback, result string, n int) {
	c.client.Recorder().CalledBack(callback, result, n)
	if m := c.current.Load().metrics; m != nil && result != export.Sent {
		m.CallbackFailed(callback, n)
	}
}

// deployment is what the configuration knows of the deployment of a call. A call that has failed does not name it, so that
// it is only known if there is no other.
func (c *callbacks) deployment(call *telemetry.Call) export.Deployment {
	t := c.current.Load()
	if id := call.Meta.Deployment; id != "" {
		d := t.served[id]
		d.ID = id // of a deployment that was added later, nothing else is known
		return d
	}
	if call.Sent == 0 {
		return export.Deployment{}
	}
	return t.only[call.Group]
}

// describe is a call in LiteLLM's words.
func (c *callbacks) describe(call *telemetry.Call) litellmmetrics.Described {
	r := export.Record{Call: *call, Served: c.deployment(call)}
	return litellmmetrics.Described{Deployment: r.Served.ID, Model: export.Model(&r), Provider: export.Provider(&r), Base: r.Served.Base, Class: export.Class(&r)}
}

// senderOf makes the sender of a callback.
func senderOf(c *config.Callback) (export.Sender, error) {
	switch {
	case c.Webhook != nil:
		return export.NewWebhook(*c.Webhook), nil
	case c.Datadog != nil:
		return export.NewDatadog(*c.Datadog), nil
	case c.Langfuse != nil:
		return export.NewLangfuse(*c.Langfuse), nil
	case c.OTLP != nil:
		s := *c.OTLP
		s.Version = outcrop.Version
		return otlp.New(s), nil
	case c.S3 != nil:
		return bucket.NewS3(*c.S3)
	case c.SQS != nil:
		return bucket.NewSQS(*c.SQS)
	default:
		return bucket.NewGCS(*c.GCS), nil
	}
}

// own makes the sender of a callback that a key or a team has. Who sets it need not be the operator, so that it may only go
// to public addresses.
func (c *callbacks) own(cb *telemetry.Callback) (export.Sender, error) {
	if cb.Name != "langfuse" {
		return nil, errors.New("only langfuse can be a callback of a key or a team")
	}
	public, key := cb.Vars["langfuse_public_key"], cmp.Or(cb.Vars["langfuse_secret_key"], cb.Vars["langfuse_secret"])
	if public == "" || key == "" || strings.HasPrefix(key, "os.environ/") || strings.HasPrefix(public, "os.environ/") {
		return nil, errors.New("langfuse_public_key and langfuse_secret_key must be set to the keys themselves")
	}
	host := cmp.Or(cb.Vars["langfuse_host"], "https://cloud.langfuse.com")
	if !strings.HasPrefix(host, "http://") && !strings.HasPrefix(host, "https://") {
		host = "https://" + host
	}
	l := export.Langfuse{Host: host, Public: public, Key: export.Secret(key), Environment: cb.Vars["langfuse_environment"]}
	if strings.TrimRight(host, "/") != strings.TrimRight(c.current.Load().langfuse, "/") {
		l.Transport = publicTransport()
	}
	return export.NewLangfuse(l), nil
}

// States are those of the callbacks, for the server's pages.
func (c *callbacks) States() (all []httpd.CallbackState) {
	if c.current.Load().metrics != nil {
		all = append(all, httpd.CallbackState{Name: "prometheus", Success: true, Failure: true})
	}
	for _, s := range c.exporter.States() {
		all = append(all, httpd.CallbackState{Name: s.Name, Success: s.Success, Failure: s.Failure, Content: s.Content, Err: s.Err, Waiting: s.Waiting})
	}
	return all
}

// Test sends a record of no call to a callback, and reports what became of it; false if there is no such callback.
func (c *callbacks) Test(ctx context.Context, name string) (bool, error) {
	if name == "prometheus" {
		return c.current.Load().metrics != nil, nil
	}
	return c.exporter.Test(ctx, name, &export.Record{Call: telemetry.Call{
		ID: gateway.NewID(), Door: "openai_chat", Model: "litellm-mock-response-model", Group: "litellm-mock-response-model", Started: time.Now(), Status: 200,
		From: telemetry.From{Method: http.MethodGet, Route: "/health/services"},
	}})
}

// close sends what waits, as far as the context lets it.
func (c *callbacks) close(ctx context.Context) {
	if c != nil {
		c.exporter.Close(ctx)
	}
}

// publicTransport reaches public addresses only.
func publicTransport() http.RoundTripper {
	dialer := net.Dialer{Timeout: 10 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		return netguard.Public(to.Addr())
	}}
	return &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true}
}
