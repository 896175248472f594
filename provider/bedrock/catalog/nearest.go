package catalog

import (
	"cmp"
	"slices"
	"strings"

	"outcrop/internal/levenshtein"
)

// longest bounds the ids that are compared, in bytes; none of AWS's comes near.
const longest = 128

// Nearest gives at most n ids of models and profiles that look most like an id
// that nobody knows, the nearest first: of those that can be called in a region,
// as far as is known, or of all if region is empty. An id whose version and day
// were left out is near to it, and so is one whose friendly name looks alike. It
// is for error messages: it compares with every id there is, which takes a few
// milliseconds.
func (c *Catalogue) Nearest(id, region string, n int) []string {
	if len(id) > longest {
		id = id[:longest]
	}
	type candidate struct {
		id  string
		far int
	}
	var all []candidate
	add := func(known, prefix, base string) {
		// Twice the distance, so that there is room for one less than a letter: what
		// only lacks version and day goes after what is the same.
		far := 2 * distance(id, known)
		if s := takeApart(base); s.name != "" {
			short := prefix + s.vendor + "." + s.name
			far = min(far, 2*distance(id, short)+1)
		}
		all = append(all, candidate{known, far})
	}
	for _, m := range c.all {
		if !c.callable(m.ID, region) {
			continue
		}
		add(m.ID, "", m.ID)
		if !strings.Contains(id, ".") { // it may be meant as a friendly name
			last := &all[len(all)-1]
			for _, name := range c.namesOf[m.ID] {
				last.far = min(last.far, 2*distance(id, name)+1)
			}
		}
	}
	for known, p := range c.profiles {
		if !p.Application && known == p.ID && (region == "" || p.From(region) != No) {
			add(known, p.Prefix+".", p.Base)
		}
	}
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Or(cmp.Compare(a.far, b.far), cmp.Compare(a.id, b.id)) })
	ids := make([]string, 0, n)
	for _, c := range all[:min(n, len(all))] {
		ids = append(ids, c.id)
	}
	return ids
}

// callable reports whether a model can be called in a region by its own id or by a
// profile, as far as is known.
func (c *Catalogue) callable(base, region string) bool {
	return region == "" || c.OnDemand(base, region) == Yes ||
		slices.ContainsFunc(c.byBase[base], func(p *Profile) bool { return p.From(region) != No })
}

// distance is how far two ids are from each other, by their first bytes.
func distance(a, b string) int { return levenshtein.Distance(a, b[:min(len(b), longest)]) }
