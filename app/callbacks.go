package app

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
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
	exporter *export.Exporter
	metrics  *litellmmetrics.Metrics // nil if LiteLLM's are not served
	// langfuse is the operator's own host of Langfuse, which keys' callbacks may go to wherever it is.
	langfuse string
	served   map[string]export.Deployment // by their ids
	only     map[string]export.Deployment // by the names that have one deployment
}

// startCallbacks starts what the configuration wants; nil if it wants nothing and keys can have nothing of their own.
func (a *App) startCallbacks(ctx context.Context) (*callbacks, error) {
	cfg := a.client.Config()
	recorder := a.client.Recorder()
	c := &callbacks{served: map[string]export.Deployment{}, only: map[string]export.Deployment{}, langfuse: cfg.Getenv(a.opt.Environ)("LANGFUSE_HOST")}
	for i := range cfg.Models {
		m := &cfg.Models[i]
		d := export.Deployment{ID: m.ID, Model: m.Provider + "/" + m.Model, Base: m.Values["api_base"]}
		c.served[m.ID] = d
		if _, several := c.only[m.Name]; several {
			d = export.Deployment{}
		}
		c.only[m.Name] = d
	}
	var all []export.Callback
	for i := range cfg.Callbacks.All {
		one := &cfg.Callbacks.All[i]
		sender, err := senderOf(one)
		if err != nil {
			for _, made := range all {
				made.Sender.Close()
			}
			return nil, errors.New("the callback " + one.Name + ": " + err.Error())
		}
		all = append(all, export.Callback{Name: one.Name, Success: one.Success, Failure: one.Failure, Content: one.Content, Sender: sender})
		recorder.ExpectCallback(one.Name, export.Sent, export.Failed, export.Dropped)
	}
	count := recorder.CalledBack
	if p := cfg.Callbacks.Prometheus; p != nil {
		c.metrics = litellmmetrics.New(litellmmetrics.Options{
			Only: p.Only, Buckets: p.Buckets, Series: p.Series, EndUsers: p.EndUsers, Known: a.client.Pipeline().Serves, Describe: c.describe, Open: a.client.Pipeline().Open,
		})
		if err := recorder.Register(c.metrics); err != nil {
			return nil, err
		}
		count = func(callback, result string, n int) {
			recorder.CalledBack(callback, result, n)
			if result != export.Sent {
				c.metrics.CallbackFailed(callback, n)
			}
		}
		recorder.Watch(c.metrics.Ended)
	}
	mask := maskLogged(a.client.Pipeline().Guardrails(), recorder)
	c.exporter = export.New(ctx, all, export.Options{Deployment: c.deployment, Own: c.own, Mask: mask, OwnContent: cfg.Callbacks.AllContent, Logger: a.opt.Logger, Count: count, Down: recorder.CallbackDown})
	recorder.Watch(c.exporter.Ended)
	wants := telemetry.Wants{Details: len(all) > 0 || c.metrics != nil, Trace: cfg.Callbacks.Trace}
	if cfg.Callbacks.AllContent || cfg.Callbacks.Content() {
		wants.Content = contentSize
	}
	recorder.Want(wants)
	return c, nil
}

// deployment is what the configuration knows of the deployment of a call. A call that has failed does not name it, so that
// it is only known if there is no other.
func (c *callbacks) deployment(call *telemetry.Call) export.Deployment {
	if id := call.Meta.Deployment; id != "" {
		d := c.served[id]
		d.ID = id // of a deployment that was added later, nothing else is known
		return d
	}
	if call.Sent == 0 {
		return export.Deployment{}
	}
	return c.only[call.Group]
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
	if strings.TrimRight(host, "/") != strings.TrimRight(c.langfuse, "/") {
		l.Transport = publicTransport()
	}
	return export.NewLangfuse(l), nil
}

// States are those of the callbacks, for the server's pages.
func (c *callbacks) States() (all []httpd.CallbackState) {
	if c.metrics != nil {
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
		return c.metrics != nil, nil
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
