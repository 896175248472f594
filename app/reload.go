package app

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"strings"

	"outcrop"
	"outcrop/config"
	"outcrop/httpd"
	"outcrop/llm"
)

// Reload reads the configuration again, and takes it over for the calls that begin from then on: its models, how calls are routed, guardrails,
// callbacks, the response cache, limits, and what else can change without a new listener or database. What cannot is named. If anything is wrong with it, nothing changes. The error is an *llm.Error.
func (a *App) Reload(ctx context.Context) (*httpd.Reloaded, error) {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	r, err := a.reload(ctx)
	if err != nil {
		a.opt.Logger.Error("the configuration was not taken over, and the one before is still in force", slog.String("error", err.Error()))
		return nil, reloadError(err)
	}
	select {
	case a.reloaded <- struct{}{}:
	default:
	}
	log := a.opt.Logger.With(slog.Int("kept", r.Kept), slog.Int("opened", r.Opened), slog.Int("closed", r.Closed))
	if len(r.Restart) > 0 {
		log.Warn("the configuration was taken over, except for what needs a restart", slog.String("restart", strings.Join(r.Restart, ", ")))
	} else {
		log.Info("the configuration was taken over")
	}
	return r, nil
}

func (a *App) reload(ctx context.Context) (*httpd.Reloaded, error) {
	if a.opt.Reload == nil || a.demo != nil {
		return nil, errNotReloadable
	}
	select {
	case <-a.stopped:
		return nil, errStopping
	default:
	}
	cfg, problems, err := a.opt.Reload(ctx)
	if err != nil {
		return nil, err
	}
	if cfg == nil {
		return nil, &outcrop.ConfigError{Problems: problems}
	}
	if err := Check(cfg); err != nil {
		return nil, err
	}
	told, err := a.callbacks.prepare(cfg)
	if err != nil {
		return nil, err
	}
	before := a.client.Config()
	cfg = a.withStoredCache(cfg)
	did, err := a.adopt(before, cfg)
	if err != nil {
		told.drop()
		return nil, err
	}
	a.tenants.set(&cfg.Accounting)
	if err := a.callbacks.set(told); err != nil {
		a.opt.Logger.Error("LiteLLM's metrics cannot be served", slog.String("error", err.Error()))
	}
	a.replaceServing(cfg)
	restart := a.needRestart(cfg)
	a.expect(cfg)
	if a.added.Stored() { // they may refer to credentials of the configuration
		if p, err := a.tenants.get(ctx); err == nil {
			err = a.added.read(ctx, p.store) // changes of the cache are followed
			if err != nil {
				a.opt.Logger.Error("the models of the database are served as before", slog.String("error", err.Error()))
			}
		}
	}
	out := &httpd.Reloaded{Kept: did.Kept, Opened: did.Opened, Closed: did.Closed, Restart: restart}
	for _, p := range problems {
		out.Warnings = append(out.Warnings, p.String())
	}
	return out, nil
}

// errNotReloadable is for a gateway without a file.
var errNotReloadable = errors.New("the gateway was started without a configuration file")

// errStopping is for a gateway that is about to end.
var errStopping = errors.New("the gateway is shutting down")

// needRestart names what a configuration changes only with a restart.
func (a *App) needRestart(cfg *config.Config) []string {
	settings := outcrop.NeedRestart(a.started, cfg)
	if !a.started.Accounting.StoreModels {
		return settings
	}
	sealed := func(c *config.Config) string { // what models of the database are encrypted with
		return cmp.Or(c.Getenv(a.opt.Environ)("LITELLM_SALT_KEY"), c.General.MasterKey.Reveal())
	}
	if sealed(a.started) != sealed(cfg) {
		settings = append(settings, "the key of the models in the database: LITELLM_SALT_KEY, or general_settings.master_key without it")
	}
	return settings
}

// reloadError is an error of a reload, with everything that is wrong with the file.
func reloadError(err error) *llm.Error {
	e := &llm.Error{Code: llm.CodeBadRequest, Status: 400, Actor: llm.ActorOperator, Message: err.Error(), Err: err}
	if refused, ok := errors.AsType[*outcrop.ConfigError](err); ok {
		var lines []string
		for _, p := range refused.Problems {
			if p.Severity == config.Error {
				lines = append(lines, p.String())
			}
		}
		e.Message = "the configuration has errors, and the one before is still in force:\n" + strings.Join(lines, "\n")
		e.Fix = "Correct the file; outcrop config check shows what is wrong with it."
	}
	return e
}
