package app

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"outcrop"
	"outcrop/config"
	"outcrop/httpd"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// health checks the entries of the configuration for the server.
type health struct{ a *App }

// healthAge is how old a result may be that is told again, so that a monitor that asks often makes few calls.
const healthAge = 30 * time.Second

// Check has the last results if the models are checked in the background, and else calls them.
func (h health) Check(ctx context.Context, name, id string) []httpd.Checked {
	checks := h.a.checks()
	selected := h.selection(name, id)
	which := func(m *config.Model) bool {
		return selected(m.Public, m.Name, m.Provider+"/"+m.Model, m.ID) && (!checks.SkipDisabled || !m.Probe.Skip)
	}
	var all []httpd.Checked
	if !checks.Background {
		for _, found := range h.a.client.Probe(ctx, outcrop.ProbeOptions{Which: which, Age: healthAge}) {
			all = append(all, checked(&found))
		}
		return all
	}
	for _, found := range h.a.client.LastHealth(ctx) {
		if selected("", found.Name, found.Model, found.ID) {
			all = append(all, checked(&found))
		}
	}
	return all
}

// selection says which entries a name or an id selects: those with the name, or, if there are none, those with the model string.
func (h health) selection(name, id string) func(public, own, model, entry string) bool {
	named := false
	if name != "" && id == "" {
		for _, e := range h.a.client.Entries() {
			named = named || e.Name == name || e.Public == name
		}
	}
	return func(public, own, model, entry string) bool {
		switch {
		case id != "":
			return entry == id
		case name == "":
			return true
		case named:
			return own == name || public == name
		default:
			return model == name
		}
	}
}

// Connect calls a model that is served, or one that is not.
func (h health) Connect(ctx context.Context, c *httpd.Connection) (*httpd.Checked, error) {
	var found []outcrop.EntryHealth
	var err error
	if c.Model != "" || c.ID != "" {
		selected := h.selection(c.Model, c.ID)
		found = h.a.client.Probe(ctx, outcrop.ProbeOptions{Which: func(m *config.Model) bool { return selected(m.Public, m.Name, m.Provider+"/"+m.Model, m.ID) }})
		if len(found) == 0 && ctx.Err() == nil {
			return nil, &llm.Error{
				Code: llm.CodeModelNotFound, Status: 404, Param: "litellm_params.model", Message: "no entry of the configuration has this name or id.",
				Fix: "To test a model that is not served, send api_key or another setting in litellm_params as well.",
			}
		}
	} else if found, err = h.added(ctx, c); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, llm.AsError(ctx.Err())
	}
	if at := slices.IndexFunc(found, func(e outcrop.EntryHealth) bool { return e.Fault != "" }); at > 0 {
		found[0] = found[at]
	}
	out := checked(&found[0])
	return &out, nil
}

// added calls a model that is served nowhere yet.
func (h health) added(ctx context.Context, c *httpd.Connection) ([]outcrop.EntryHealth, error) {
	const name = "test_connection"
	var entry jsonx.Writer
	entry.Object()
	entry.Key("model_name")
	entry.String(name)
	entry.Key("litellm_params")
	entry.Raw(c.Params)
	entry.Key("model_info")
	entry.Raw(c.Info)
	entry.EndObject()
	models, problems := h.a.client.Config().Entry(&config.Addition{Path: "connection", Entry: entry.Buf})
	for i := range models {
		models[i].ID = name
	}
	var found []outcrop.EntryHealth
	var err error
	if len(models) > 0 {
		found, problems, err = h.a.client.ProbeAddition(ctx, models)
	}
	switch {
	case err != nil:
		return nil, err
	case len(models) == 0 || len(problems) > 0:
		return nil, unusable(problems)
	case len(found) == 0:
		return nil, llm.Invalid("mode", "the model was not called: only models for chats, embeddings and reranking are")
	}
	return found, nil
}

// unusable says what is wrong with the settings of a connection.
func unusable(problems []config.Problem) *llm.Error {
	for _, p := range problems {
		if p.Severity == config.Error {
			return llm.Invalid(strings.TrimPrefix(p.Path, "connection."), "%s: %s", strings.TrimPrefix(p.Path, "connection."), p.Message)
		}
	}
	return llm.Invalid("litellm_params", "litellm_params do not say which model to call")
}

// Records are results that are remembered.
func (h health) Records() []httpd.CheckRecord {
	var all []httpd.CheckRecord
	for _, r := range h.a.client.HealthRecords() {
		all = append(all, httpd.CheckRecord{Checked: checked(&r.EntryHealth), RecordID: r.RecordID, At: r.At, Took: r.Took})
	}
	return all
}

// Brief is health_check_details.
func (h health) Brief() bool { return h.a.checks().Brief }

// drain is how a request takes the gateway out of service; nil if the configuration does not want it.
func (a *App) drain(cfg *config.Config) *httpd.Drain {
	g := &cfg.General
	if !g.Drain {
		return nil
	}
	return &httpd.Drain{Token: g.DrainToken.Reveal(), Drain: func(ctx context.Context) int64 {
		ctx, cancel := context.WithTimeout(ctx, a.opt.Drain)
		defer cancel()
		a.client.Pipeline().Drain()
		open := a.client.Pipeline().Open()
		a.opt.Logger.Info("new calls are refused, since /health/drain was called", slog.Int64("open", open))
		a.idle(ctx)
		return open
	}}
}

// checks are the settings of checks. Whether models are checked in the background is decided at the start.
func (a *App) checks() *config.Health {
	checks := a.client.Config().General.Health
	checks.Background = a.started.General.Health.Background
	return &checks
}

func checked(h *outcrop.EntryHealth) httpd.Checked {
	c := httpd.Checked{Name: h.Name, Model: h.Model, ID: h.ID, Provider: h.Provider, Mode: h.Mode, Fault: h.Fault}
	if h.Err != nil {
		c.Status = cmp.Or(h.Err.UpstreamStatus, h.Err.Status)
	}
	return c
}
