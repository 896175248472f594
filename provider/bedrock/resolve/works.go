package resolve

import "strings"

// works lists the ids of a model that could be called under another policy or from another region.
func (r *resolver) works(base, region string) []string {
	var here, elsewhere []string
	for _, p := range r.cat.ProfilesOf(base) {
		from := p.Regions()
		if g, ok := r.cat.Geography(p.Prefix); ok && len(from) == 0 {
			from = g.From
		}
		switch {
		case r.serves(p, region):
			here = append(here, p.ID)
		case len(from) > 0:
			elsewhere = append(elsewhere, p.ID+" (from "+strings.Join(from, ", ")+")")
		}
	}
	if m, ok := r.cat.Model(base); ok && r.api(m.Mantle.ID, base) == Mantle && len(m.MantleRegions()) > 0 {
		elsewhere = append(elsewhere, m.Mantle.ID+" (from "+strings.Join(m.MantleRegions(), ", ")+")")
	}
	return append(here, elsewhere...)
}
