package catalog

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"outcrop/provider/bedrock/modelid"
)

// With returns a catalogue in which the lists take precedence over c: it contains what they list,
// including models and profiles that c does not have, and nothing else in their regions. Of several
// lists of one region, which should be of one account, the last counts. c is not changed.
func (c *Catalogue) With(live ...*Live) *Catalogue {
	next := &Catalogue{declared: c.declared, regions: c.regions, asOf: own(c.asOf), beneath: own(c.beneath)}
	a := &addition{content: c.content(), fresh: map[*Model]bool{}, freshProfiles: map[*Profile]bool{}}
	for _, l := range live {
		if l == nil {
			continue
		}
		if l.Models.Set {
			a.addModels(l)
			next.asOf[l.Region] = l.At
		}
		if l.Profiles.Set {
			a.addProfiles(l)
		}
		if l.Mantle.Set {
			a.mantle(l)
		}
		a.access(l)
		maps.Copy(next.beneath, l.BaseModel)
	}
	next.index(a.content)
	return next
}

// addition merges lists into a catalogue that is not shared yet. Models and profiles are copied
// before they are first written to.
type addition struct {
	content
	fresh         map[*Model]bool
	freshProfiles map[*Profile]bool
}

// model returns a writable model with a base id, creating it if necessary.
func (a *addition) model(base string) *Model {
	m := a.models[base]
	if a.fresh[m] {
		return m
	}
	if m == nil {
		m = &Model{ID: base, Vendor: vendorOf(base)}
	} else {
		twin := *m
		m = &twin
	}
	m.seen, m.access, m.atMantle = own(m.seen), own(m.access), own(m.atMantle)
	a.fresh[m] = true
	a.models[base] = m
	return m
}

// own returns a writable copy of a map.
func own[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return maps.Clone(m)
}

// profile is model for profiles.
func (a *addition) profile(id string) *Profile {
	p := a.profiles[id]
	if a.freshProfiles[p] {
		return p
	}
	if p == nil {
		p = &Profile{ID: id}
	} else {
		twin := *p
		p = &twin
	}
	p.routes = own(p.routes)
	a.freshProfiles[p] = true
	a.profiles[id] = p
	for _, r := range p.routes {
		if p.Application && r.arn != "" {
			a.profiles[r.arn] = p
		}
	}
	return p
}

// access records the availability of known models, including those of these lists.
func (a *addition) access(l *Live) {
	for base, access := range l.Availability {
		if a.models[base] != nil {
			a.model(base).access[l.Region] = access
		}
	}
}

func (a *addition) addModels(l *Live) {
	listed := map[string]bool{}
	for i := range l.Models.Value {
		row := &l.Models.Value[i]
		id, err := modelid.Parse(row.ID)
		if err != nil || id.Throughput != "" || id.Base() != row.ID {
			continue // sold as provisioned throughput only, or no model id
		}
		listed[row.ID] = true
		m := a.model(row.ID)
		m.seen[l.Region] = sight{listed: true, onDemand: slices.Contains(row.InferenceTypes, "ON_DEMAND")}
		m.learn(row, l.At)
	}
	for base := range a.models {
		if !listed[base] {
			a.model(base).seen[l.Region] = sight{}
		}
	}
}

// mantle records which models the list of bedrock-mantle has. Ids that the catalogue does not have are left out:
// the list does not say which APIs they have.
func (a *addition) mantle(l *Live) {
	for base, m := range a.models {
		if m.Mantle.ID != "" {
			a.model(base).atMantle[l.Region] = slices.Contains(l.Mantle.Value, m.Mantle.ID)
		}
	}
}

// learn copies what a list says about the model itself.
func (m *Model) learn(row *LiveModel, at time.Time) {
	m.Name = cmp.Or(row.Name, m.Name)
	if row.Streaming != nil {
		m.Streaming = known(*row.Streaming)
	}
	if in := liveModalities(row.Input); in != 0 {
		m.Input = in | m.Input&(Document|Audio) // AWS's lists call PDF files text
	}
	if out := liveModalities(row.Output); out != 0 {
		m.Output = out
		if m.Kind == KindUnknown && out == Embedding {
			m.Kind = KindEmbedding
		}
	}
	m.Lifecycle.Status = cmp.Or(row.Status, m.Lifecycle.Status)
	for _, d := range []struct {
		from time.Time
		to   *Moment
	}{{row.Start, &m.Lifecycle.Launched}, {row.Legacy, &m.Lifecycle.Legacy}, {row.EndOfLife, &m.Lifecycle.EndOfLife}} {
		if !d.from.IsZero() {
			*d.to = momentOf(d.from)
		}
	}
	if end := &m.Lifecycle.EndOfLife; row.EndOfLife.IsZero() && !end.IsZero() && end.Time().Before(at) {
		*end = 0 // it has outlived the day that another source named
	}
}

func liveModalities(words []string) Modality {
	var set Modality
	for _, w := range words {
		set |= parseModality(strings.ToLower(w))
	}
	return set
}

func (a *addition) addProfiles(l *Live) {
	listed := map[string]bool{}
	for i := range l.Profiles.Value {
		row := &l.Profiles.Value[i]
		r, base := row.route()
		if base == "" {
			continue // it leads to no foundation model
		}
		listed[row.ID] = true
		p := a.profile(row.ID)
		p.Name, p.Base, p.Application = cmp.Or(row.Name, p.Name), base, row.Type == "APPLICATION"
		if p.Application {
			a.profiles[row.ARN] = p
		} else {
			p.Prefix = prefixOf(row.ID, base)
		}
		p.world = p.world || r.world
		p.routes[l.Region] = r
	}
	for id, p := range a.profiles {
		if id == p.ID && !listed[id] {
			a.profile(id).routes[l.Region] = route{}
		}
	}
}

// prefixOf is the geography in a profile's id: as modelid parses it or, if that takes it for a
// vendor, what precedes the model's id. It is empty if neither tells.
func prefixOf(id, base string) string {
	if parsed, err := modelid.Parse(id); err == nil && parsed.Geography != "" {
		return parsed.Geography
	}
	prefix, ok := strings.CutSuffix(id, "."+base)
	if !ok {
		return ""
	}
	return prefix
}

// route parses where a profile leads, and the base id of its model.
func (row *LiveProfile) route() (r route, base string) {
	r = route{listed: true, arn: row.ARN}
	for _, text := range row.Models {
		arn, err := modelid.ParseARN(text)
		if err != nil || arn.Kind != modelid.FoundationModel {
			continue
		}
		base = cmp.Or(base, arn.Resource)
		if arn.Region == "" {
			r.world = true
		} else {
			r.to = append(r.to, arn.Region)
		}
	}
	slices.Sort(r.to)
	r.to = slices.Compact(r.to)
	if r.world {
		r.to = nil
	}
	return r, base
}
