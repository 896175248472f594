package refresh

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/provider/bedrock/catalog/schema"
)

// write settles the claims and writes the files.
func (c *claims) write() (map[string][]byte, error) {
	c.applyMantle()
	c.applyPatterns()
	models, profiles, err := c.settle()
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	byFile := map[string][]schema.Model{}
	for _, m := range models {
		name := fileOf(m.ID)
		byFile[name] = append(byFile[name], m)
	}
	for name, models := range byFile {
		b := []byte("{\"models\": [")
		for i := range models {
			b = appendRow(b, i, appendModel(nil, &models[i]))
		}
		files[name] = append(b, "\n]}\n"...)
	}
	files[profilesFile] = c.appendProfiles(nil, profiles)
	used := c.used(models, profiles)
	sources, err := c.appendSources(nil, used)
	if err != nil {
		return nil, err
	}
	files[sourcesFile] = sources
	return files, nil
}

// Names of the files that do not belong to a vendor.
const (
	sourcesFile  = "sources.json"
	profilesFile = "profiles.json"
)

// fileOf returns the file of a model: that of its vendor.
func fileOf(id string) string {
	vendor, _, ok := strings.Cut(id, ".")
	if !ok || strings.Trim(vendor, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return "other.json"
	}
	return vendor + ".json"
}

// appendRow appends a row of a list on new lines.
func appendRow(b []byte, i int, row []byte) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	b = append(b, '\n')
	return append(b, row...)
}

// members writes the members of an object, omitting absent ones.
type members struct {
	b    []byte
	some bool // a member has been written
	line bool // the next member begins a new line
}

func (w *members) key(name string) {
	switch {
	case !w.some:
	case w.line:
		w.b = append(w.b, ",\n  "...)
	default:
		w.b = append(w.b, ',')
	}
	w.some, w.line = true, false
	w.b = append(w.b, '"')
	w.b = append(w.b, name...)
	w.b = append(w.b, `":`...)
}

// newLine starts a new line before the next member.
func (w *members) newLine() { w.line = true }

func (w *members) text(name, value string) {
	if value != "" {
		w.key(name)
		w.b = jsonx.AppendString(w.b, value)
	}
}

func (w *members) number(name string, value int64) {
	if value != 0 {
		w.key(name)
		w.b = strconv.AppendInt(w.b, value, 10)
	}
}

func (w *members) flag(name string, value *bool) {
	if value != nil {
		w.key(name)
		w.b = strconv.AppendBool(w.b, *value)
	}
}

func (w *members) list(name string, values []string) {
	if len(values) == 0 {
		return
	}
	w.key(name)
	w.b = append(w.b, '[')
	for i, v := range values {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.b = jsonx.AppendString(w.b, v)
	}
	w.b = append(w.b, ']')
}

// object writes an object, unless it would be empty.
func (w *members) object(name string, fill func(w *members)) {
	inner := members{b: []byte{'{'}}
	fill(&inner)
	if inner.some {
		w.key(name)
		w.b = append(append(w.b, inner.b...), '}')
	}
}

func appendModel(b []byte, m *schema.Model) []byte {
	w := &members{b: append(b, '{')}
	w.text("id", m.ID)
	w.text("name", m.Name)
	w.text("family", m.Family)
	w.text("kind", m.Kind)
	w.newLine()
	w.flag("converse", m.Converse)
	w.flag("invoke", m.Invoke)
	w.flag("openai", m.OpenAI)
	w.flag("openaiResponses", m.OpenAIResponses)
	if m.Mantle != nil {
		w.object("mantle", func(w *members) {
			w.text("id", m.Mantle.ID)
			w.flag("chat", m.Mantle.Chat)
			w.flag("responses", m.Mantle.Responses)
			w.flag("messages", m.Mantle.Messages)
			w.text("responsesBase", m.Mantle.ResponsesBase)
			w.list("in", m.Mantle.In)
		})
	}
	w.newLine()
	w.number("context", m.Context)
	w.number("maxOutput", m.MaxOutput)
	w.list("input", m.Input)
	w.list("output", m.Output)
	w.newLine()
	w.flag("system", m.System)
	w.flag("streaming", m.Streaming)
	w.flag("tools", m.Tools)
	w.flag("streamTools", m.StreamTools)
	w.flag("structuredOutput", m.StructuredOutput)
	w.newLine()
	if r := m.Reasoning; r != nil {
		w.object("reasoning", func(w *members) {
			w.flag("supported", r.Supported)
			w.text("style", r.Style)
			w.list("efforts", r.Efforts)
			w.number("minimumBudget", r.MinimumBudget)
			w.flag("always", r.Always)
		})
	}
	if c := m.Cache; c != nil {
		w.object("cache", func(w *members) {
			w.flag("supported", c.Supported)
			w.number("minimum", c.Minimum)
			w.list("ttls", c.TTLs)
		})
	}
	w.newLine()
	w.object("onDemand", func(w *members) {
		for _, place := range slices.Sorted(maps.Keys(m.OnDemand)) {
			w.flag(place, new(m.OnDemand[place]))
		}
	})
	w.text("released", m.Released)
	w.text("legacy", m.Legacy)
	w.text("endOfLife", m.EndOfLife)
	w.flag("ended", m.Ended)
	w.text("successor", m.Successor)
	w.newLine()
	w.object("by", func(w *members) {
		for _, key := range slices.Sorted(maps.Keys(m.By)) {
			w.text(key, m.By[key])
		}
	})
	w.newLine()
	if len(m.Prices) > 0 {
		w.key("prices")
		w.b = append(w.b, '[')
		for i := range m.Prices {
			if i > 0 {
				w.b = append(w.b, ',')
			}
			w.b = append(w.b, "\n    "...)
			w.b = appendPrice(w.b, &m.Prices[i])
		}
		w.b = append(w.b, ']')
	}
	return append(w.b, '}')
}

func appendPrice(b []byte, p *schema.Price) []byte {
	w := &members{b: append(b, '{')}
	w.text("profile", p.Profile)
	w.list("regions", p.Regions)
	w.rates("standard", p.Standard)
	w.number("longAbove", p.LongAbove)
	w.rates("long", p.Long)
	w.rates("batch", p.Batch)
	w.rates("flex", p.Flex)
	w.rates("priority", p.Priority)
	if u := p.Units; u != nil {
		w.object("units", func(w *members) {
			w.text("by", u.By)
			for _, unit := range []struct {
				name string
				each *schema.Dollars
			}{{"image", u.Image}, {"query", u.Query}} {
				if unit.each != nil {
					w.key(unit.name)
					w.b = unit.each.Append(w.b)
				}
			}
		})
	}
	return append(w.b, '}')
}

func (w *members) rates(name string, r *schema.Rates) {
	if r == nil {
		return
	}
	w.object(name, func(w *members) {
		w.text("by", r.By)
		for _, rate := range []struct {
			name string
			each *schema.Amount
		}{{"input", r.Input}, {"output", r.Output}, {"cacheRead", r.CacheRead}, {"cacheWrite", r.CacheWrite}, {"cacheWrite1h", r.CacheWrite1h}} {
			if rate.each != nil {
				w.key(rate.name)
				w.b = rate.each.Append(w.b)
			}
		}
		w.text("by1h", r.By1h)
	})
}

func (c *claims) appendProfiles(b []byte, profiles []schema.Profile) []byte {
	b = append(b, "{\"profiles\": ["...)
	for i := range profiles {
		p := &profiles[i]
		w := &members{b: []byte{'{'}}
		w.text("id", p.ID)
		w.text("by", p.By)
		w.list("from", p.From)
		w.list("to", p.To)
		w.text("regionsBy", p.RegionsBy)
		b = appendRow(b, i, append(w.b, '}'))
	}
	b = append(b, "\n],\n\"geographies\": ["...)
	for i, g := range c.notes.Geographies {
		w := &members{b: []byte{'{'}}
		w.text("prefix", g.Prefix)
		w.list("from", g.From)
		w.list("to", g.To)
		w.text("by", g.By)
		b = appendRow(b, i, append(w.b, '}'))
	}
	return append(b, "\n]}\n"...)
}

// used returns the keys of the sources from which something was taken.
func (c *claims) used(models []schema.Model, profiles []schema.Profile) map[string]bool {
	used := map[string]bool{c.notes.Regions.By: true}
	for i := range models {
		for key := range models[i].By {
			used[key] = true
		}
		for _, p := range models[i].Prices {
			for _, r := range []*schema.Rates{p.Standard, p.Long, p.Batch, p.Flex, p.Priority} {
				if r != nil {
					used[r.By], used[r.By1h] = true, true
				}
			}
			if p.Units != nil {
				used[p.Units.By] = true
			}
		}
	}
	for _, p := range profiles {
		used[p.By], used[p.RegionsBy] = true, true
	}
	for _, g := range c.notes.Geographies {
		used[g.By] = true
	}
	delete(used, "")
	return used
}

func (c *claims) appendSources(b []byte, used map[string]bool) ([]byte, error) {
	b = append(b, "{\"sources\": ["...)
	for i, key := range slices.Sorted(maps.Keys(used)) {
		s := c.sources[key]
		if s == nil {
			return nil, fmt.Errorf("notes: unknown source %q", key)
		}
		w := &members{b: []byte{'{'}}
		w.text("key", s.Key)
		w.text("name", s.Name)
		w.text("date", s.Date)
		w.text("url", s.URL)
		if s.Unconfirmed {
			w.flag("unconfirmed", &s.Unconfirmed)
		}
		b = appendRow(b, i, append(w.b, '}'))
	}
	w := &members{b: []byte{'{'}}
	w.text("by", c.notes.Regions.By)
	w.list("names", slices.SortedFunc(slices.Values(c.notes.Regions.Names), cmp.Compare))
	b = append(b, "\n],\n\"regions\": "...)
	return append(append(b, w.b...), "}}\n"...), nil
}
