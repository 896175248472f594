package app

import (
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"outcrop"
	"outcrop/config"
	"outcrop/httpd"
	"outcrop/httpd/door"
	"outcrop/httpd/inbound"
	"outcrop/httpd/ui"
	"outcrop/internal/hold"
)

// serving is what a configuration makes of requests: a reload replaces it as a whole, and requests end with the one that they have begun with.
type serving struct {
	handler http.Handler
	signIn  *signIn
	pages   *ui.Handler // nil if they cannot be made
	master  config.Secret
	users   *hold.Hold // the requests, and the app while it is the present one
}

// serveHTTP serves a request as the configuration says at this moment.
func (a *App) serveHTTP(w http.ResponseWriter, r *http.Request) {
	s := a.serving.Load()
	for !s.users.Take() {
		s = a.serving.Load()
	}
	continues := false
	defer func() {
		if !continues {
			s.users.Leave()
		}
	}()
	s.handler.ServeHTTP(w, r)
	if continues = inbound.Continues(w); continues {
		inbound.After(w, s.users.Leave)
	}
}

// serve makes what serves a configuration. before is what served until then; nil at the start.
func (a *App) serve(cfg *config.Config, before *serving) *serving {
	s := &serving{users: hold.New(), signIn: a.signIn(cfg, before), master: cfg.General.MasterKey}
	s.pages = a.pagesFor(cfg, s, before)
	gateway := a.client.Pipeline()
	parameters := a.added.Stored() || a.opt.Reload != nil || slices.ContainsFunc(cfg.Models, func(m config.Model) bool { return len(m.Parameters) > 0 })
	translated := door.Options{MaxBody: cfg.General.MaxRequestSize, Parameters: parameters, Speaks: a.client.Speaks, AlwaysUsage: cfg.General.AlwaysUsage}
	s.handler = httpd.New(httpd.Options{
		Gateway:     gateway,
		Version:     outcrop.Version,
		Models:      a.models,
		Entries:     a.entries,
		Hub:         a.hub(cfg),
		Sample:      a.sample(),
		Refresh:     a.refresh,
		Reload:      a.Reload,
		Ready:       a.ready,
		Health:      health{a},
		Preview:     preview{a, translated, anthropicDoor(&cfg.Anthropic, translated)},
		Drain:       a.drain(cfg),
		Callbacks:   a.callbacks,
		Guardrails:  listed(cfg.Guardrails),
		OpenMetrics: cfg.Callbacks.OpenMetrics,
		Metrics:     promhttp.HandlerFor(a.client.Recorder().Gatherer(), promhttp.HandlerOpts{}),
		Doors:       a.doors(cfg, translated, s),
		Pages:       pagesAt(s.pages),
		LocalOnly:   !gateway.Locked() && IsLoopback(a.opt.Host),
		Allowed:     cfg.General.AllowedIPs,
		Forwarded:   cfg.General.ForwardedFor,
		Access:      httpd.Access(cfg.General.Access),
		Logger:      a.opt.Logger,
	})
	return s
}

// replaceServing serves a configuration from now on.
func (a *App) replaceServing(cfg *config.Config) {
	before := a.serving.Load()
	next := a.serve(cfg, before)
	a.serving.Store(next)
	before.users.Leave()
	if before.signIn == next.signIn {
		return
	}
	a.own.Go(func() {
		select {
		case <-before.users.Over():
		case <-a.ended:
		}
		before.signIn.close()
	})
}
