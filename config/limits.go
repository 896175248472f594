package config

import (
	"strconv"
	"time"

	"outcrop/llm"
	"outcrop/quota"
)

// allLimits are the limits in router_settings, which entries of model_list get.
type allLimits struct {
	parallel  llm.Opt[int64]        // of deployments that do not set it
	providers map[string]llm.Budget // by the provider's name
}

// read reads a setting of router_settings, and reports whether it is one of the limits.
func (a *allLimits) read(l *loader, k Key, n *node, path string) bool {
	switch k.Name {
	case "default_max_parallel_requests":
		a.parallel = l.whole(k, n, path)
	case "provider_budget_config":
		a.providers = map[string]llm.Budget{}
		for i := range n.members {
			m := &n.members[i]
			a.providers[m.key] = l.providerBudget(m.value, path+"."+m.key)
		}
	default:
		return false
	}
	return true
}

// providerBudget reads the budget of a provider.
func (l *loader) providerBudget(n *node, path string) (b llm.Budget) {
	l.fields(n, sectionProviderBudget, path, nil, func(k Key, n *node, path string) {
		switch k.Name {
		case "budget_limit", "max_budget":
			b.Most = l.money(k, n, path)
		case "time_period", "budget_duration":
			b.Duration = l.duration(k, n, path)
		}
	})
	if !b.Most.Set {
		l.errorAt(n.file, n.line, n.column, path, "has no budget_limit", "such as {budget_limit: 100, time_period: 1d}", "")
	}
	return b
}

// isLimit reports whether a setting of litellm_params is a limit of the deployment.
func isLimit(name string) bool {
	switch name {
	case "rpm", "tpm", "itpm", "otpm", "max_parallel_requests", "max_budget", "budget_duration":
		return true
	default:
		return false
	}
}

// limit reads a limit of a deployment.
func (e *entry) limit(m *Model, k Key, n *node, path string) {
	l := e.l
	switch k.Name {
	case "rpm":
		m.Limits.Requests = l.whole(k, n, path)
	case "tpm":
		m.Limits.Tokens = l.whole(k, n, path)
	case "itpm":
		m.Limits.Input = l.whole(k, n, path)
	case "otpm":
		m.Limits.Output = l.whole(k, n, path)
	case "max_parallel_requests":
		m.Limits.Parallel = l.whole(k, n, path)
	case "max_budget":
		m.Limits.Budget.Most = l.money(k, n, path)
	case "budget_duration":
		m.Limits.Budget.Duration = l.duration(k, n, path)
	}
}

// settle sets what all deployments have, and what the provider's have together.
func (a *allLimits) settle(m *Model) {
	if !m.Limits.Parallel.Set {
		m.Limits.Parallel = a.parallel
	}
	m.Limits.ProviderBudget = a.providers[m.Provider]
	m.Limits.Deployment, m.Limits.Provider = m.ID, m.Provider
}

// count reads a whole number.
func (l *loader) whole(k Key, n *node, path string) llm.Opt[int64] {
	f, ok := l.number(k, n, path)
	return llm.Opt[int64]{Value: int64(f), Set: ok}
}

// money reads an amount in US dollars. More than a million is a million, as in the management API.
func (l *loader) money(k Key, n *node, path string) llm.Opt[llm.Cost] {
	f, ok := l.number(k, n, path)
	if !ok {
		return llm.Opt[llm.Cost]{}
	}
	cost, _ := llm.ParseCost(strconv.FormatFloat(min(f, 1e6), 'g', -1, 64)) // it is in the range
	return llm.Some(cost)
}

// duration reads the duration of a budget, in LiteLLM's form; empty for none.
func (l *loader) duration(k Key, n *node, path string) string {
	text, ok := l.text(k, n, path)
	if !ok || text == "" {
		return ""
	}
	if _, err := quota.ParseWindow(text, time.Time{}); err != nil {
		l.wrong(k, n, path, err.Error())
	}
	return text
}
