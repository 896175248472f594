package catalog

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/llm"
)

// Fact is a fact for people to read.
type Fact struct {
	Name, Value string
	Source      *Source
}

// Facts are what is known of the model, in the order of the files. Prices of tokens are in US dollars for a
// million.
func (m *Model) Facts() []Fact {
	var all []Fact
	add := func(fact, label, value string) {
		if value != "" {
			all = append(all, Fact{label, value, m.Source(fact)})
		}
	}
	number := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	answer := func(b llm.Opt[bool]) string {
		switch {
		case !b.Set:
			return ""
		case b.Value:
			return "yes"
		default:
			return "no"
		}
	}
	add("id", "id", m.ID)
	add("name", "name", m.Name)
	add("kind", "kind", string(m.Kind))
	add("context", "context", number(m.Context))
	add("maxInput", "most input", number(m.MaxInput))
	add("maxOutput", "most output", number(m.MaxOutput))
	add("dimensions", "dimensions", number(m.Dimensions))
	add("input", "input", strings.Join(m.Input, ", "))
	add("output", "output", strings.Join(m.Output, ", "))
	add("tools", "tools", answer(m.Tools))
	add("schema", "JSON schema", answer(m.Schema))
	add("reasoning", "reasoning", answer(m.Reasoning))
	add("cache", "prompt cache", answer(m.Cache))
	add("responsesOnly", "only the Responses API", answer(m.ResponsesOnly))
	if !m.EndOfLife.IsZero() {
		add("endOfLife", "end of life", m.EndOfLife.Format(time.DateOnly))
	}
	add("successor", "successor", m.Successor)
	if m.Prices != nil {
		for i := range m.Prices.Rates {
			r := &m.Prices.Rates[i]
			for _, price := range [...]struct {
				name string
				cost llm.Opt[llm.Cost]
			}{
				{"price of input", r.Input},
				{"price of output", r.Output},
				{"price of cache read", r.CacheRead},
				{"price of cache write", r.CacheWrite},
				{"price of cache write for 1h", r.CacheWrite1h},
				{"price of reasoning", r.Reasoning},
				{"price of audio input", r.AudioInput},
				{"price of audio output", r.AudioOutput},
				{"price of image input", r.ImageInput},
				{"price of image output", r.ImageOutput},
			} {
				if price.cost.Set {
					add("prices", label(r, price.name), "$"+(price.cost.Value*1_000_000).String()+" per million tokens")
				}
			}
		}
	}
	for _, name := range sortedNames(m.Units) {
		add("units", "price of "+name, "$"+m.Units[name].String())
	}
	return all
}

// label is what a price is for.
func label(r *llm.Rates, name string) string {
	if r.Tier != "" {
		name = r.Tier + ": " + name
	}
	if r.Above > 0 {
		name += " above " + strconv.FormatInt(r.Above, 10)
	}
	return name
}

func sortedNames(units map[string]llm.Cost) []string {
	var names []string
	for name := range units {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
