package app

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"outcrop"
	"outcrop/config"
	"outcrop/httpd"
	"outcrop/llm"
)

// Reload reads the configuration again, and takes over its models, how calls are routed, and the settings of calls, as
// outcrop.Client.Reload does. If anything is wrong with it, nothing changes. The error is an *llm.Error.
func (a *App) Reload(ctx context.Context) (*httpd.Reloaded, error) {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	r, err := a.reload(ctx)
	if err != nil {
		a.opt.Logger.Error("the configuration was not taken over, and the one before is still in force", slog.String("error", err.Error()))
		return nil, reloadError(err)
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
	restart := outcrop.NeedRestart(a.started, cfg)
	did, err := a.client.Reload(cfg)
	if err != nil {
		return nil, err
	}
	a.expect(cfg)
	if a.added.Stored() { // they may refer to credentials of the configuration
		if p, err := a.tenants.get(ctx); err == nil {
			err = a.added.reload(ctx, p.store)
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
