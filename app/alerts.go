package app

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"outcrop/alert"
	"outcrop/config"
	"outcrop/httpd"
	"outcrop/llm"
	"outcrop/telemetry"
)

// alerts sends the gateway's alerts.
type alerts struct {
	cfg    *config.Alerting
	sender *alert.Sender
	calls  *alert.Calls
	// reports are nil if nobody wants to be told.
	reports *alert.Reports
	// costs is whether it is told that the price of a model is not known.
	costs bool
}

// startAlerts starts to send alerts; nil if the configuration wants none.
func (a *App) startAlerts(ctx context.Context) *alerts {
	cfg := &a.client.Config().Alerting
	if !cfg.On() {
		return nil
	}
	recorder := a.client.Recorder()
	opt := alert.Options{
		Types: cfg.Types, Slack: cfg.Slack, SlackURL: alert.Secret(cfg.SlackURL), SlackURLs: map[alert.Type][]alert.Secret{},
		Webhook: alert.Secret(cfg.Webhook), Gateway: cfg.Gateway, Log: cfg.Log, Logger: a.opt.Logger, Count: recorder.Alerted,
		Digests: cfg.Digests,
	}
	for t, urls := range cfg.SlackURLs {
		for _, url := range urls {
			opt.SlackURLs[t] = append(opt.SlackURLs[t], alert.Secret(url))
		}
	}
	if m := cfg.Mail; m != nil {
		opt.Mail = &alert.Mail{Host: m.Host, Port: m.Port, User: m.User, Password: alert.Secret(m.Password), From: m.From, Implicit: m.Implicit, Plain: m.Plain, Timeout: m.Timeout}
	}
	sender := alert.New(ctx, opt)
	for _, target := range sender.Targets() {
		recorder.ExpectAlerts(target, alert.Sent, alert.Failed, alert.Dropped)
	}
	out := &alerts{cfg: cfg, sender: sender, costs: sender.Wants(alert.NoCost), calls: alert.WatchCalls(alert.CallOptions{
		Sink: sender, Slow: cfg.Slow, Window: cfg.OutageWindow, Minor: cfg.Minor, Major: cfg.Major, RegionWindow: cfg.RegionWindow, CostAgain: cfg.BudgetAgain, Gathers: sender.Gathers,
	})}
	recorder.Watch(out.ended)
	return out
}

// startReports starts to report what calls have come to and which models end, if anybody wants to be told. It comes before the first call.
func (a *App) startReports(ctx context.Context) {
	if a.alerts == nil {
		return
	}
	wants := a.alerts.sender.Wants
	if !wants(alert.DailyReports) && !wants(alert.FallbackReports) && !wants(alert.Deprecations) {
		return
	}
	a.alerts.reports = alert.WatchReports(ctx, alert.ReportOptions{
		Sink: a.alerts.sender, Wants: wants, Every: a.alerts.cfg.ReportEvery, Endings: a.endings, Claim: a.claim, Logger: a.opt.Logger,
	})
}

// stopReports ends that.
func (a *alerts) stopReports() {
	if a != nil && a.reports != nil {
		a.reports.Close()
	}
}

// endings are the ends of life of the models that are served.
func (a *App) endings() (all []alert.Ending) {
	for _, e := range httpd.Endings(a.entries()) {
		all = append(all, alert.Ending(e))
	}
	return all
}

// claim reports whether this replica is the first to claim something.
func (a *App) claim(ctx context.Context, what string, now, expires time.Time) (bool, error) {
	p, err := a.tenants.get(ctx)
	if err != nil {
		return false, err
	}
	return p.store.Claim(ctx, what, now, expires)
}

// ended is called with each call that has ended.
func (a *alerts) ended(c *telemetry.Call) {
	noCost := ""
	if a.costs && c.Err == nil && !c.Cached && !c.Foreign && c.Group != "" && c.Usage.Input+c.Usage.Output > 0 && !c.Usage.Cost.Set {
		noCost = cmp.Or(c.CostUnknown, "no price of the model is known")
	}
	if c.Err == nil && c.Duration <= a.cfg.Slow && noCost == "" && a.reports == nil {
		return
	}
	to := c.Meta.Destination
	if c.Err != nil && to == (llm.Destination{}) {
		to = c.Err.Destination
	}
	call := alert.Call{Model: c.Group, Deployment: c.Meta.Deployment, Provider: cmp.Or(to.Provider, "bedrock"), Region: to.Region, Duration: c.Duration, Status: c.Status, NoCost: noCost}
	if e := c.Err; e != nil {
		call.Code, call.Message = string(e.Code), telemetry.Words(e)
		call.Theirs = e.Code != llm.CodeClientGone && e.Responsible() != llm.ActorCaller && c.Group != ""
	}
	a.calls.Ended(&call)
	if a.reports == nil || c.Cached || c.Foreign || c.Group == "" {
		return
	}
	call.To, call.Output = targetOf(&to), c.Usage.Output
	if c.Meta.Fallback != "" {
		call.Asked = c.Model
	}
	for i := range c.Meta.Tries {
		call.Tries = append(call.Tries, targetOf(&c.Meta.Tries[i].Destination))
	}
	a.reports.Ended(&call)
}

// targetOf is where an attempt went.
func targetOf(d *llm.Destination) alert.Target {
	return alert.Target{Provider: cmp.Or(d.Provider, "bedrock"), Model: d.ID, Region: d.Region}
}

// watchSpend starts to watch what is spent in a database; nil if nobody wants to be told.
func (a *alerts) watchSpend(ctx context.Context, sums alert.Sums, logger *slog.Logger) *alert.Spend {
	if a == nil || !a.sender.Wants(alert.SpendReports) && !a.sender.Wants(alert.UserThresholds) && !a.sender.Wants(alert.UserAnomalies) {
		return nil
	}
	u := &a.cfg.UserSpend
	return alert.WatchSpend(ctx, alert.SpendOptions{
		Sums: sums, Sink: a.sender, Wants: a.sender.Wants, Daily: u.Daily, Monthly: u.Monthly, Multiplier: u.Multiplier, Days: u.Days, Least: u.Least, Every: u.Every,
		ReportDays: a.cfg.ReportDays, Logger: logger,
	})
}

// close sends what waits, as far as the context lets it.
func (a *alerts) close(ctx context.Context) {
	if a != nil {
		a.sender.Close(ctx)
	}
}
