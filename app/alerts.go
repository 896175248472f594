package app

import (
	"cmp"
	"context"
	"log/slog"

	"outcrop/alert"
	"outcrop/config"
	"outcrop/llm"
	"outcrop/telemetry"
)

// alerts sends the gateway's alerts.
type alerts struct {
	cfg    *config.Alerting
	sender *alert.Sender
	calls  *alert.Calls
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
	out := &alerts{cfg: cfg, sender: sender, calls: alert.WatchCalls(alert.CallOptions{Sink: sender, Slow: cfg.Slow, Window: cfg.OutageWindow, Minor: cfg.Minor, Major: cfg.Major, RegionWindow: cfg.RegionWindow})}
	recorder.Watch(out.ended)
	return out
}

// ended is called with each call that has ended.
func (a *alerts) ended(c *telemetry.Call) {
	if c.Err == nil && c.Duration <= a.cfg.Slow {
		return
	}
	to := c.Meta.Destination
	if c.Err != nil && to == (llm.Destination{}) {
		to = c.Err.Destination
	}
	call := alert.Call{Model: c.Group, Deployment: c.Meta.Deployment, Provider: cmp.Or(to.Provider, "bedrock"), Region: to.Region, Duration: c.Duration, Status: c.Status}
	if e := c.Err; e != nil {
		call.Code, call.Message = string(e.Code), telemetry.Words(e)
		call.Theirs = e.Code != llm.CodeClientGone && e.Responsible() != llm.ActorCaller && c.Group != ""
	}
	a.calls.Ended(&call)
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
