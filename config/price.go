package config

import (
	"outcrop/llm"
	"outcrop/wire/litellm"
)

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
		m.Price = &llm.Prices{AllTiers: true}
	}
	litellm.SetPrice(m.Price, k.Name, cost)
}

// priceKey describes a key that is the price of a tier, or of long prompts, and is not in the table: the
// table has the names that others are made of.
func priceKey(section, name string) (Key, bool) {
	if section != sectionParams && section != sectionInfo || !litellm.IsPrice(name) {
		return Key{}, false
	}
	return Key{Section: section, Name: name, Class: Supported, Type: StringType}, true
}
