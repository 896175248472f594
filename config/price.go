package config

import "outcrop/llm"

// Keys of prices.
const (
	costInput      = "input_cost_per_token"
	costOutput     = "output_cost_per_token"
	costCacheRead  = "cache_read_input_token_cost"
	costCacheWrite = "cache_creation_input_token_cost"
)

func isCost(key string) bool {
	return key == costInput || key == costOutput || key == costCacheRead || key == costCacheWrite
}

// price reads the price of a token.
func (e *entry) price(m *Model, k Key, n *node, path string) {
	s, ok := e.l.text(k, n, path)
	if !ok {
		return
	}
	cost, ok := llm.ParseCost(s)
	if !ok {
		e.l.errorAt(n.file, n.line, n.column, path, e.quote(n, s)+" is not a price", "US dollars for a token, such as 0.000003 or 3e-06", "")
		return
	}
	if m.Price == nil {
		m.Price = &llm.Prices{}
	}
	switch k.Name {
	case costInput:
		m.Price.Input = llm.Some(cost)
	case costOutput:
		m.Price.Output = llm.Some(cost)
	case costCacheRead:
		m.Price.CacheRead = llm.Some(cost)
	case costCacheWrite:
		m.Price.CacheWrite = llm.Some(cost)
	}
}
