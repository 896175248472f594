package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"outcrop"
	"outcrop/config"
	"outcrop/httpd/admin"
	"outcrop/httpd/ui"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/modelid"
	"outcrop/provider/bedrock/resolve"
	"outcrop/signin"
	"outcrop/tenant"
)

// pagesFor makes the pages of a configuration, or takes those of before if it has the same master key and people sign in alike.
func (a *App) pagesFor(cfg *config.Config, s, before *serving) *ui.Handler {
	var h *ui.Handler
	if before != nil && before.master == cfg.General.MasterKey && (before.signIn == nil) == (s.signIn == nil) {
		h = before.pages
	} else {
		var err error
		if h, err = a.newPages(cfg, s.signIn != nil); err != nil {
			a.opt.Logger.Error("there are no pages", slog.String("error", err.Error()))
			return nil
		}
		a.pages = append(a.pages, h)
	}
	if h != nil && s.signIn != nil && (before == nil || before.signIn != s.signIn) {
		s.signIn.door.Enter = h.Enter
	}
	return h
}

// pagesAt is where browsers are led; empty without pages.
func pagesAt(h *ui.Handler) string {
	if h == nil {
		return ""
	}
	return ui.Path
}

// newPages makes the pages.
func (a *App) newPages(cfg *config.Config, people bool) (*ui.Handler, error) {
	master := cfg.General.MasterKey.Reveal()
	sealer, err := signin.NewSealer(cmp.Or(master, rand.Text())) // without a master key other replicas need not know the sessions
	if err != nil {
		return nil, err
	}
	known := &callers{a.client.Pipeline(), a.tenants}
	return ui.New(ui.Options{
		API:    func() http.Handler { return http.HandlerFunc(a.serveHTTP) },
		Master: master, Sealer: sealer, SignIn: people, Version: outcrop.Version, Emulated: a.Emulated(), Sample: a.sample, Calls: &a.calls,
		Identify: func(r *http.Request) (*ui.Person, error) {
			who, err := known.Authenticate(r)
			if err != nil {
				return nil, err
			}
			return personOf(who), nil
		},
		Models: a.pageModels, Check: a.pageCheck, Resolve: a.pageWay, Logger: a.opt.Logger,
	}), nil
}

// personOf is what the pages know of a caller.
func personOf(c *admin.Caller) *ui.Person {
	p := &ui.Person{Role: ui.Bearer, UserID: c.UserID, Key: c.Key}
	switch {
	case c.Master || c.Role == tenant.RoleAdmin:
		p.Role = ui.Operator
	case c.Role == tenant.RoleAdminViewer:
		p.Role = ui.Viewer
	case c.UserID != "":
		p.Role = ui.Member
	}
	return p
}

// pageModels lists what can be called, for the pages.
func (a *App) pageModels() []ui.Model {
	known := a.client.Models()
	out := make([]ui.Model, 0, len(known))
	for i := range known {
		out = append(out, ui.Model{Name: known[i].Name, Aliases: known[i].Aliases, Model: known[i].Model})
	}
	return out
}

// pageCheck is outcrop doctor for the pages.
func (a *App) pageCheck(ctx context.Context, calls bool, models []string, planned func(int), report func(ui.Finding)) error {
	return a.client.Check(ctx, outcrop.CheckOptions{Models: models, Free: !calls, Planned: planned, Parallel: 2}, func(f outcrop.Finding) {
		report(ui.Finding{Names: f.Names, Model: f.Model, Finding: f.Finding})
	})
}

// wayError is what somebody has entered that no call could have.
type wayError string

func (e wayError) Error() string { return string(e) }

// pageWay is outcrop resolve for the pages.
func (a *App) pageWay(written, region, policy string) (way ui.Way, err error) {
	read, problems := config.ReadPolicy(policy)
	if len(problems) > 0 {
		p := &problems[0]
		return way, wayError(strings.TrimSpace("Policy: " + strings.TrimPrefix(p.Path+": "+p.Message, ": ") + ". " + p.Hint))
	}
	rules, err := resolve.NewPolicy(resolve.Written(read))
	if err != nil {
		return way, wayError("Policy: " + err.Error())
	}
	id, err := modelid.Parse(written)
	if err != nil {
		if _, ok := errors.AsType[*modelid.Error](err); !ok {
			a.opt.Logger.Error("a model id cannot be parsed", slog.String("error", err.Error()))
		}
		return way, wayError(err.Error())
	}
	known := catalog.Embedded()
	d := resolve.Resolve(id, cmp.Or(region, defaultRegion(a.opt.Environ)), rules, known, resolve.Observed{})
	way.Steps = d.Steps
	for _, c := range d.Candidates {
		way.Targets = append(way.Targets, ui.Target{ID: c.ID, Region: c.Region, API: c.API, Reason: c.Reason})
	}
	if d.Refusal != nil {
		way.Refusal, way.Works = d.Refusal.Message, d.Refusal.Works
	} else if len(d.Elsewhere) > 0 {
		way.Refusal, way.Works = "It is not known to be callable from this region.", d.Elsewhere
	}
	return way, nil
}

// defaultRegion is the region of calls that name none, LiteLLM's.
func defaultRegion(environ func(string) string) string {
	return cmp.Or(environ("AWS_REGION_NAME"), environ("AWS_REGION"), environ("AWS_DEFAULT_REGION"), "us-west-2")
}
