package refresh

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"outcrop/provider/bedrock/catalog/schema"
)

// traits describe a kind of table as far as needed to reconstruct its claims from the
// facts that were taken from it.
type traits struct {
	// weak lists the facts that it states weakly; see modelClaim.
	weak []string
	// regional is set for AWS's lists, of which each answer is for one region.
	regional bool
	// mantle is set if it lists the models of bedrock-mantle.
	mantle bool
	// patterns is set for tables that identify models by patterns and so list none.
	patterns bool
}

func traitsOf(kind string) traits {
	switch kind {
	case "aws-models":
		return traits{weak: []string{"input"}, regional: true}
	case "aws-profiles":
		return traits{regional: true}
	case "pi-ai":
		return traits{weak: []string{"input", "output"}}
	case "litellm", "portkey-pricing-mantle":
		return traits{mantle: true}
	case "aws-startups":
		return traits{patterns: true}
	}
	return traits{}
}

// silent is the kind of table that states only that a model exists.
const silent = "portkey-general"

// kindOf returns the kind of table of a source in the data files; empty for a source of
// the notes.
func kindOf(s *schema.Source) string {
	for _, f := range formats() {
		if key := f.source.Key; key != "" && (s.Key == key || s.Key == key+"-"+s.Date) {
			return key
		}
	}
	return ""
}

// keeper reconstructs claims from the facts in the data files.
type keeper struct {
	*claims
	kinds map[string]string  // of the sources in the data, by key
	kept  map[string]*source // those whose tables were not read again, by key in the data
}

// keep adds the claims in the data files that come from tables that were not read
// again, and returns their sources. Facts from the notes are excluded, since the notes
// are always read.
func (c *claims) keep(p *present) ([]schema.Source, error) {
	k := &keeper{c, map[string]string{}, map[string]*source{}}
	var kept []schema.Source
	for i := range p.sources {
		row := &p.sources[i]
		kind := kindOf(row)
		k.kinds[row.Key] = kind
		if kind == "" || c.covered(kind, p) {
			continue
		}
		s, err := c.source(kind, *row, row.Date)
		if err != nil {
			return nil, err
		}
		k.kept[row.Key] = s
		kept = append(kept, *row)
	}
	for _, base := range slices.Sorted(maps.Keys(p.profiles)) {
		for i := range p.profiles[base] {
			k.profile(base, &p.profiles[base][i])
		}
	}
	for i := range p.models {
		k.model(&p.models[i], p.profiles[p.models[i].ID])
	}
	return kept, nil
}

// covered reports whether a kind of table was completely read again.
func (c *claims) covered(kind string, p *present) bool {
	t := c.tables[kind]
	if t == nil || !traitsOf(kind).regional {
		return t != nil
	}
	from := func(key string) bool { return key == kind || strings.HasPrefix(key, kind+"-") }
	for i := range p.models {
		for key, names := range p.models[i].By {
			if !from(key) || !slices.Contains(strings.Fields(names), "onDemand") {
				continue
			}
			for region := range p.models[i].OnDemand {
				if !t.regions[region] {
					return false
				}
			}
		}
	}
	for _, profiles := range p.profiles {
		for _, row := range profiles {
			if from(row.RegionsBy) && slices.ContainsFunc(row.From, func(region string) bool { return !t.regions[region] }) {
				return false
			}
		}
	}
	return true
}

// again reports whether a source's list was read again for a region.
func (k *keeper) again(s *source, region string) bool {
	t := k.tables[s.kind]
	return t != nil && t.regions[region]
}

// profile keeps the facts of a profile from tables that were not read again.
func (k *keeper) profile(base string, p *schema.Profile) {
	if _, _, ok := k.split(p.ID); !ok {
		return
	}
	var claimed []profileClaim
	if s := k.kept[p.RegionsBy]; s != nil {
		from := slices.DeleteFunc(slices.Clone(p.From), func(region string) bool { return k.again(s, region) })
		if len(from) > 0 || len(p.From) == 0 {
			claimed = append(claimed, profileClaim{s, from, p.To})
		}
	}
	// A list that also has the regions, and was read again in all of them, decides
	// whether the profile exists now.
	if s := k.kept[p.By]; s != nil && p.By != p.RegionsBy {
		claimed = append(claimed, profileClaim{by: s})
	}
	if len(claimed) == 0 {
		return
	}
	k.there(claimed[0].by, "", base)
	k.profiles[p.ID] = append(k.profiles[p.ID], claimed...)
}

// model keeps the facts of a model from tables that were not read again.
func (k *keeper) model(m *schema.Model, profiles []schema.Profile) {
	if k.notes.ignores(m.ID) {
		return
	}
	if _, listed := k.models[m.ID]; !listed {
		if !k.lists(m, profiles) {
			return
		}
		k.models[m.ID] = nil
	}
	by := map[string]string{} // maps facts to keys
	for key, names := range m.By {
		for name := range strings.FieldsSeq(names) {
			by[name] = key
		}
	}
	// That a model is not on the runtime is concluded from all tables; a part of them is
	// not enough for a new conclusion.
	if !k.offRuntime(m, by) {
		k.onRuntime[m.ID] = true
	}
	for _, key := range slices.Sorted(maps.Keys(k.kept)) {
		k.facts(m, by, key)
		k.modelPrices(m, key)
	}
}

// lists reports whether a table that was not read again lists a model.
func (k *keeper) lists(m *schema.Model, profiles []schema.Profile) bool {
	traced := false
	for key := range k.used([]schema.Model{*m}, profiles) {
		if kind := k.kinds[key]; kind == "" || traitsOf(kind).patterns {
			continue
		}
		traced = true
		if k.kept[key] != nil {
			return true
		}
	}
	return !traced && k.tables[silent] == nil
}

// offRuntime reports whether a table of bedrock-mantle's models is the reason why a
// model is not on bedrock-runtime.
func (k *keeper) offRuntime(m *schema.Model, by map[string]string) bool {
	for name, value := range map[string]*bool{"converse": m.Converse, "invoke": m.Invoke, "openai": m.OpenAI} {
		if value != nil && !*value && traitsOf(k.kinds[by[name]]).mantle {
			return true
		}
	}
	return false
}

// facts keeps the sourced facts of a model.
func (k *keeper) facts(m *schema.Model, by map[string]string, key string) {
	s := k.kept[key]
	is := traitsOf(s.kind)
	if m.By[key] == "" {
		return
	}
	sure, weak := modelClaim{by: s}, modelClaim{by: s, weak: true}
	for _, f := range facts() {
		switch {
		case by[f.name] != key:
		case slices.Contains(is.weak, f.name):
			f.move(&weak.set, m)
		default:
			f.move(&sure.set, m)
		}
	}
	if set := &sure.set; is.mantle {
		// The table lists the model; what follows from that is concluded again.
		listed := set.Mantle != nil && set.Mantle.ID == m.ID
		for _, api := range []**bool{&set.Converse, &set.Invoke, &set.OpenAI} {
			if *api != nil && !**api {
				*api, listed = nil, true
			}
		}
		if listed {
			set.Mantle = nil
			k.mantle(s, m.ID)
		}
	}
	if k.distrusts(s, sure.set.Released) {
		sure.set.Released = ""
	}
	maps.DeleteFunc(sure.set.OnDemand, func(region string, _ bool) bool { return k.again(s, region) })
	k.models[m.ID] = append(k.models[m.ID], sure, weak)
}

// modelPrices keeps the sourced prices of a model.
func (k *keeper) modelPrices(m *schema.Model, key string) {
	s := k.kept[key]
	cache := true
	for _, d := range k.notes.Distrust {
		if d.Source != s.kind || !matches(d.IDs, m.ID) {
			continue
		}
		if d.Prices {
			return
		}
		cache = cache && !d.Cache
	}
	for i := range m.Prices {
		if p, ok := pricesOf(&m.Prices[i], key, s.Key); ok {
			if !cache {
				withoutCache(&p)
			}
			// This bypasses price, since the corrections in the notes have already been
			// applied to these prices.
			k.prices[m.ID] = append(k.prices[m.ID], priceClaim{s, p})
			// A source with a price of a profile also states that the profile exists.
			if prefix, base, ok := k.split(p.Profile + "." + m.ID); ok && prefix != "" {
				k.there(s, prefix, base)
			}
		}
	}
}

// pricesOf returns the part of a price from the source key, which now has the key now.
func pricesOf(p *schema.Price, key, now string) (part schema.Price, ok bool) {
	own := func(r *schema.Rates) *schema.Rates {
		if r == nil || r.By != key {
			return nil
		}
		ok = true
		mine := *r
		mine.By = now
		switch mine.By1h {
		case "":
		case key:
			mine.By1h = now
		default:
			mine.CacheWrite1h, mine.By1h = nil, ""
		}
		return &mine
	}
	part = schema.Price{
		Profile: p.Profile, Regions: p.Regions,
		Standard: own(p.Standard), Long: own(p.Long), Batch: own(p.Batch), Flex: own(p.Flex), Priority: own(p.Priority),
	}
	if part.Long != nil {
		part.LongAbove = p.LongAbove
	}
	if p.Units != nil && p.Units.By == key {
		units := *p.Units
		units.By = now
		part.Units, ok = &units, true
	}
	hour := p.Standard != nil && p.Standard.By1h == key
	tiers := cmp.Or(part.Long, part.Batch, part.Flex, part.Priority) != nil
	if part.Standard == nil && p.Standard != nil && (hour || tiers) {
		// These were taken because the source agrees with the other one on the rest.
		part.Standard, ok = &schema.Rates{By: now, Input: p.Standard.Input, Output: p.Standard.Output}, true
		if hour {
			part.Standard.CacheWrite1h = p.Standard.CacheWrite1h
		}
	}
	return part, ok
}
