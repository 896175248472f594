package config

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"outcrop/internal/jsonx"
)

// Health is how the models of the configuration are called to find out how they do.
type Health struct {
	// Background is whether they are called all the time, every Interval, which is 300 s by default.
	Background bool
	Interval   time.Duration
	// Parallel is how many are called at a time; 0 for the default.
	Parallel int
	// Brief is whether the health check tells neither why a model fails nor whose it is.
	Brief bool
	// Routing is whether calls pass by models whose last check has failed. Stale is for how long they do after it, twice Interval by
	// default. Patient is whether checks that were throttled or took too long do not count for that.
	Routing bool
	Stale   time.Duration
	Patient bool
	// Groups are the names whose models are called in the background; nil for all.
	Groups []string
	// SkipDisabled is whether the models that are not called in the background are not called for the health check either.
	SkipDisabled bool
}

// Checked reports whether a model is called in the background.
func (h *Health) Checked(m *Model) bool {
	return !m.Probe.Skip && (h.Groups == nil || slices.Contains(h.Groups, m.Name) || m.Team != "" && slices.Contains(h.Groups, m.Public))
}

// Probe is how a model is called to find out how it does.
type Probe struct {
	// Mode is model_info.mode, and Model the model string in place of the entry's; both may be empty.
	Mode, Model string
	// Timeout bounds the call; 0 for the default.
	Timeout time.Duration
	// Skip is whether it is not called in the background.
	Skip bool
	// MaxTokens bounds the response, or else MaxReasoning that of a model that reasons and MaxOther that of another; 0 for the
	// default. Unbounded is whether the call has no bound.
	MaxTokens, MaxReasoning, MaxOther int64
	Unbounded                         bool
	// Effort is the reasoning effort; empty for the model's default.
	Effort string
	// Parameters are further members of the call's body.
	Parameters []jsonx.Member
}

const defaultHealthInterval = 300 * time.Second

// isHealth reports whether a key of general_settings, or of router_settings, is about health checks.
func isHealth(name string) bool {
	switch name {
	case "background_health_checks", "health_check_interval", "health_check_details", "health_check_concurrency", "health_check_staleness_threshold",
		"health_check_ignore_transient_errors", "background_health_check_model_groups", "enable_health_check_routing", "health_check_skip_disabled_background_models":
		return true
	default:
		return false
	}
}

// healthSettings reads how models are checked.
type healthSettings struct {
	Health

	routing *setting // enable_health_check_routing
}

// read reads a setting, and reports whether it is one of these.
func (h *healthSettings) read(l *loader, k Key, n *node, path string) bool {
	if !isHealth(k.Name) {
		return false
	}
	switch k.Name {
	case "background_health_checks":
		h.Background, _ = l.boolean(k, n, path)
	case "health_check_interval":
		h.Interval = l.seconds(k, n, path)
	case "health_check_details":
		details, ok := l.boolean(k, n, path)
		h.Brief = ok && !details
	case "health_check_concurrency":
		h.Parallel = l.integer(k, n, path)
	case "health_check_staleness_threshold":
		h.Stale = l.seconds(k, n, path)
	case "health_check_ignore_transient_errors":
		h.Patient, _ = l.boolean(k, n, path)
	case "background_health_check_model_groups":
		h.Groups = l.texts(n, path)
	case "health_check_skip_disabled_background_models":
		h.SkipDisabled, _ = l.boolean(k, n, path)
	case "enable_health_check_routing":
		if on, ok := l.boolean(k, n, path); ok && on {
			h.Routing, h.routing = true, &setting{k, n, path}
		}
	}
	return true
}

// settle returns the settings with their defaults.
func (h *healthSettings) settle(l *loader) Health {
	if s := h.routing; s != nil && !h.Background {
		l.warnAt(s.n.file, s.n.line, s.n.column, s.path, "has no effect: models are only checked with background_health_checks", "general_settings: {background_health_checks: true}")
	}
	h.Interval = cmp.Or(h.Interval, defaultHealthInterval)
	h.Stale = cmp.Or(h.Stale, 2*h.Interval)
	return h.Health
}

// isProbe reports whether a key of model_info says how the model is checked.
func isProbe(name string) bool {
	return strings.HasPrefix(name, "health_check_") || name == "disable_background_health_check"
}

// probe reads a setting of model_info about health checks.
func (e *entry) probe(p *Probe, k Key, n *node, path string) {
	l := e.l
	switch k.Name {
	case "health_check_model":
		p.Model, _ = l.text(k, n, path)
	case "health_check_timeout":
		p.Timeout = l.seconds(k, n, path)
	case "disable_background_health_check":
		p.Skip, _ = l.boolean(k, n, path)
	case "health_check_max_tokens":
		p.MaxTokens = int64(l.integer(k, n, path))
	case "health_check_max_tokens_reasoning":
		p.MaxReasoning = int64(l.integer(k, n, path))
	case "health_check_max_tokens_non_reasoning":
		p.MaxOther = int64(l.integer(k, n, path))
	case "health_check_supports_max_tokens":
		bounded, ok := l.boolean(k, n, path)
		p.Unbounded = ok && !bounded
	case "health_check_reasoning_effort":
		p.Effort, _ = l.text(k, n, path)
	case "health_check_params":
		if n.kind != mapping {
			l.wrong(k, n, path, "must not be "+n.kind.String())
			return
		}
		resolved, ok := l.resolved(k, n, path)
		if !ok {
			return
		}
		v, ok := raw(resolved, maxList)
		if !ok {
			l.errorAt(n.file, n.line, n.column, path, "is too large", "at most 64 KiB", "")
			return
		}
		p.Parameters, _ = jsonx.Members(v) // it is an object
	}
}
