package config

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/llm"
	"outcrop/quota"
	"outcrop/tenant"
)

// Accounting is how budgets and rate limits are enforced, and where what they count is kept.
type Accounting struct {
	// DatabaseURL is the address of a PostgreSQL database; empty for a file in the data folder.
	DatabaseURL Secret
	// Valkey is the address of a Valkey or Redis for counters without money, as a URL; empty for none.
	Valkey Secret
	// MaxBudget is the budget of the whole gateway, and BudgetDuration when it begins anew, in LiteLLM's form;
	// empty for never.
	MaxBudget      llm.Opt[llm.Cost]
	BudgetDuration string
	// LogRetention is how long rows of the spend log are kept; 0 for ever. LogSweep is how often older ones are deleted.
	LogRetention, LogSweep time.Duration
	// CustomerBudgetID is the id of the budget of customers without one of their own; empty for none. CustomerBudget is that of
	// customers who have none after that, and TagBudgets are those of tags.
	CustomerBudgetID string
	CustomerBudget   llm.Opt[llm.Cost]
	TagBudgets       map[string]llm.Budget
	// KnownMembers is whether SCIM's groups can have only members who are users already.
	KnownMembers bool
	// AdminGroup is the id or the name of the SCIM group whose members are admins; empty for none.
	AdminGroup string
	// Priorities are the shares of models by priority; nil for none.
	Priorities *tenant.Priorities
	// BudgetStatus is the HTTP status of calls whose budget is used up.
	BudgetStatus int
	// EstimatedOutput is how many tokens are reserved for a response that the request does not bound; 0 for the
	// most that the model can write.
	EstimatedOutput int64
	// OpenWhenAway is whether calls with limits pass while the shared counters cannot be reached.
	OpenWhenAway bool
	// Tokens is which tokens of an identity provider are accepted.
	Tokens Tokens
	// GlobalParallel is the most calls at a time of all keys together, and KeyParallel that of a key without a limit of
	// its own.
	GlobalParallel, KeyParallel llm.Opt[int64]
	// Deployments is whether deployments of the file have limits, or providers have budgets.
	Deployments bool
	// Providers are the budgets of providers, by their names.
	Providers map[string]llm.Budget
	// CountedTokens are the tokens that limits of tokens a minute count.
	CountedTokens CountedTokens
	// Sliding is whether limits of requests and tokens hold for every 60 seconds, wherever they begin.
	Sliding bool
	// EndStreams is whether a stream ends when a budget is used up.
	EndStreams bool
	// Full is whether calls are rejected that may cost more than what is left of a budget.
	Full bool
	// Adjustments are the discounts and margins on what providers charge.
	Adjustments llm.Adjustments
	// AdminRoutes are the paths that only admins may call.
	AdminRoutes []string
	// StoreModels is whether models and credentials of the database are served beside those of the file, and can be
	// added, changed and deleted.
	StoreModels bool
}

// CountedTokens are tokens that limits count.
type CountedTokens uint8

// Tokens that limits count.
const (
	AllTokens CountedTokens = iota
	InputTokens
	OutputTokens
)

// defaultBudgetStatus is LiteLLM's (1.110.2).
const defaultBudgetStatus = 422

// limit reads a setting of litellm_settings, and reports whether it is one of the limits.
func (l *loader) limit(to *Accounting, k Key, n *node, path string) bool {
	switch k.Name {
	case "max_budget":
		if f, err := strconv.ParseFloat(n.text, 64); n.kind == scalar && err == nil && f == 0 {
			l.warnAt(n.file, n.line, n.column, path, "0 is no budget, as in LiteLLM: no call is refused for it", "set a budget above 0, or remove the key")
			break
		}
		to.MaxBudget = l.money(k, n, path)
	case "budget_duration":
		to.BudgetDuration = l.duration(k, n, path)
	case "cost_discount_config", "cost_margin_config":
		l.adjustment(&to.Adjustments, k, n, path)
	case "max_end_user_budget_id":
		to.CustomerBudgetID, _ = l.text(k, n, path)
	case "max_end_user_budget":
		to.CustomerBudget = l.money(k, n, path)
	case "tag_budget_config":
		to.TagBudgets = map[string]llm.Budget{}
		for i := range n.members {
			m := &n.members[i]
			to.TagBudgets[m.key] = l.providerBudget(m.value, path+"."+m.key)
		}
	case "scim_upsert_user":
		if upsert, ok := l.boolean(k, n, path); ok {
			to.KnownMembers = !upsert
		}
	case "scim_admin_group":
		to.AdminGroup, _ = l.text(k, n, path)
	case "budget_exceeded_status_code":
		if f, ok := l.number(k, n, path); ok {
			to.BudgetStatus = int(f)
		}
	case "default_estimated_output_tokens":
		if f, ok := l.number(k, n, path); ok {
			to.EstimatedOutput = int64(f)
		}
	default:
		return false
	}
	return true
}

// rates reads a setting of general_settings for calls at a time and tokens a minute.
func (l *loader) rates(to *Accounting, k Key, n *node, path string) {
	switch k.Name {
	case "max_parallel_requests":
		to.KeyParallel = l.whole(k, n, path)
	case "global_max_parallel_requests":
		to.GlobalParallel = l.whole(k, n, path)
	case "token_rate_limit_type":
		switch l.either(k, n, path, "total", "input", "output") {
		case "input":
			to.CountedTokens = InputTokens
		case "output":
			to.CountedTokens = OutputTokens
		}
	}
}

// limits reads outcrop_settings.limits.
func (l *loader) limits(to *Accounting, n *node, path string) {
	l.fields(n, sectionLimits, path, nil, func(k Key, n *node, path string) {
		switch k.Name {
		case "when_away":
			to.OpenWhenAway = l.either(k, n, path, "closed", "open") == "open"
		case "streams":
			to.EndStreams = l.either(k, n, path, "finish", "end") == "end"
		case "window":
			to.Sliding = l.either(k, n, path, "fixed", "sliding") == "sliding"
		case "reserve":
			to.Full = l.either(k, n, path, "bounded", "full") == "full"
		}
	})
}

// either reads one of some words; the first if the value is wrong, which is reported.
func (l *loader) either(k Key, n *node, path string, words ...string) string {
	text, ok := l.text(k, n, path)
	if ok && !slices.Contains(words, text) {
		l.wrong(k, n, path, shown(k, n)+" is not one of "+strings.Join(words, ", "))
		ok = false
	}
	if !ok {
		return words[0]
	}
	return text
}

// databaseURL uses DATABASE_URL if the file has no address, as LiteLLM does, and checks what it is.
func (l *loader) databaseURL(to *Accounting, n *node, path string) {
	if to.DatabaseURL == "" {
		if s, ok := l.env("DATABASE_URL"); ok {
			to.DatabaseURL = Secret(s)
		}
	}
	url := to.DatabaseURL.Reveal()
	if url == "" || strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://") {
		return
	}
	file, line, column := -1, 0, 0
	if n != nil {
		file, line, column = n.file, n.line, n.column
	}
	l.errorAt(file, line, column, path, "it is not the address of a PostgreSQL database", "postgres://user:password@host:5432/name", "")
}

// logRetention reads how long rows of the spend log are kept.
func (l *loader) logRetention(to *Accounting, k Key, n *node, path string) {
	text, ok := l.text(k, n, path)
	if !ok || text == "" {
		return
	}
	w, err := quota.ParseWindow(text, time.Time{})
	if err != nil {
		l.wrong(k, n, path, err.Error())
		return
	}
	const day = 24 * time.Hour
	length := w.Length + time.Duration(w.Days)*day + time.Duration(w.Months)*30*day
	if k.Name == "maximum_spend_logs_retention_interval" {
		to.LogSweep = max(length, time.Minute)
		return
	}
	to.LogRetention = length
}
