package app

import (
	"context"

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
		Webhook: alert.Secret(cfg.Webhook), Gateway: cfg.Gateway, Logger: a.opt.Logger, Count: recorder.Alerted,
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
	out := &alerts{cfg: cfg, sender: sender, calls: alert.WatchCalls(alert.CallOptions{Sink: sender, Slow: cfg.Slow, Window: cfg.OutageWindow, Minor: cfg.Minor, Major: cfg.Major})}
	recorder.Watch(out.ended)
	return out
}

// ended is called with each call that has ended.
func (a *alerts) ended(c *telemetry.Call) {
	if c.Err == nil && c.Duration <= a.cfg.Slow {
		return
	}
	call := alert.Call{Model: c.Group, Deployment: c.Meta.Deployment, Provider: c.Meta.Destination.Provider, Duration: c.Duration, Status: c.Status}
	if e := c.Err; e != nil {
		call.Code, call.Message = string(e.Code), telemetry.Words(e)
		call.Theirs = e.Code != llm.CodeClientGone && e.Responsible() != llm.ActorCaller && c.Group != ""
	}
	a.calls.Ended(&call)
}

// close sends what waits, as far as the context lets it.
func (a *alerts) close(ctx context.Context) {
	if a != nil {
		a.sender.Close(ctx)
	}
}
