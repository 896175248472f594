// Package resolve finds the ways to call a model: from what was asked for, the
// region, the residency policy and the catalogue to the API, region and id that
// AWS shall get, each with the reason. It is a pure function: the same inputs give
// the same ways, and no way breaks the policy.
package resolve

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/modelid"
)

// Candidate is one way to call a model.
type Candidate struct {
	API    string // converse
	Region string
	ID     string // the model id, profile id or ARN as AWS takes it
	// Base is the base id of the model beneath; empty if it is not known.
	Base string
	// Reason says in a few words why.
	Reason string
}

// Decision is what resolving gave.
type Decision struct {
	// Candidates are the ways that are allowed, the best first. It is empty if there is
	// none; then Refusal says why.
	Candidates []Candidate
	Refusal    *Refusal
	// Steps says in order what was considered, for people.
	Steps []string
}

// Refusal says why a model cannot be called under the policy.
type Refusal struct {
	Message string
	// Works lists ids that would work with another region or policy, nearest first.
	Works []string
}

// Observed is what AWS's refusals have taught that no list says. It changes the
// order of the ways and adds guesses; it takes no way away, so that a lesson that
// was wrong, or holds no longer, costs a detour and no outage.
type Observed struct {
	// NeedsProfile is whether AWS has refused the bare id for want of on-demand
	// throughput, by base id and region.
	NeedsProfile func(base, region string) bool
	// InvalidID is whether AWS has called an id invalid in a region.
	InvalidID func(id, region string) bool
}

// resolver is one Resolve under way.
type resolver struct {
	policy   Policy
	cat      *catalog.Catalogue
	observed Observed
	out      Decision
}

// Resolve finds the ways to call id. region is the deployment's own; that of the id
// goes before it as far as the policy allows. learned may have nil functions.
func Resolve(id modelid.ID, region string, policy Policy, c *catalog.Catalogue, learned Observed) Decision {
	if learned.NeedsProfile == nil {
		learned.NeedsProfile = func(string, string) bool { return false }
	}
	if learned.InvalidID == nil {
		learned.InvalidID = func(string, string) bool { return false }
	}
	r := &resolver{policy: policy, cat: c, observed: learned}
	regions := policy.Regions
	if bound := id.CallRegion(); bound != "" {
		switch {
		case len(regions) > 0 && !slices.Contains(regions, bound):
			r.refuse("the policy does not allow calls in "+bound+", only in "+strings.Join(regions, ", "), nil)
			return r.out
		case len(regions) == 0 && bound != region && !r.near(bound, region):
			r.refuse("the policy does not allow calls in "+bound+": no allowed inference profile leads there from "+region, nil)
			return r.out
		}
		regions = []string{bound}
	} else if len(regions) == 0 {
		regions = []string{region}
	}
	for _, region := range regions {
		r.in(region, id)
	}
	if len(r.out.Candidates) > 0 {
		r.out.Refusal = nil
	}
	return r.out
}

func (r *resolver) step(words ...string) {
	r.out.Steps = append(r.out.Steps, strings.Join(words, ""))
}

// add adds a way, unless the policy does not allow it: whatever led here, no id
// goes out that it forbids.
func (r *resolver) add(region, id, base, reason string) {
	if !r.permitted(region, id) {
		r.refuse("the policy does not allow "+id+" in "+region, r.works(base, region))
		return
	}
	r.out.Candidates = append(r.out.Candidates, Candidate{API: "converse", Region: region, ID: id, Base: base, Reason: reason})
	r.step(region, ": ", id, ": ", reason)
}

// refuse notes why there is no way in a region; of several regions the first one
// counts.
func (r *resolver) refuse(message string, works []string) {
	r.step("refused: ", message)
	if r.out.Refusal == nil {
		r.out.Refusal = &Refusal{Message: message, Works: works}
	}
}

// in adds the ways from one region.
func (r *resolver) in(region string, id modelid.ID) {
	listed, isProfile := r.cat.Profile(id.ModelID())
	switch {
	case id.ARN != (modelid.ARN{}):
		r.arn(region, id)
	case r.policy.Strict:
		r.add(region, id.ModelID(), id.Base(), "strict policy; sent unchanged")
	case id.Throughput != "":
		r.add(region, id.ModelID(), id.Base(), "provisioned throughput; sent unchanged")
	case isProfile && !listed.Application: // its prefix may be one that only AWS's lists tell from a vendor
		r.profile(region, listed.ID, listed.Prefix, listed.Base)
	case id.Geography != "":
		r.profile(region, id.ModelID(), id.Geography, id.Base())
	default:
		base := id.Base()
		if plain, err := modelid.Parse(id.ModelID()); err == nil {
			base = plain.Base() // a family in the string tells the abilities, not the id
		}
		_, known := r.cat.Model(base)
		switch named, ok := r.cat.Friendly(base); {
		case known:
		case ok:
			r.step(base, " is a friendly name for ", named)
			base = named
		case id.Vendor == "":
			r.add(region, id.ModelID(), "", "unknown model; sent unchanged")
			return
		}
		r.bare(region, base)
	}
}

// arn calls what an ARN names, if the policy allows where it leads.
func (r *resolver) arn(region string, id modelid.ID) {
	written := id.ModelID()
	p, known := r.cat.Profile(written)
	if !known && id.ARN.Kind == modelid.InferenceProfile {
		p, known = r.cat.Profile(id.ARN.Resource)
	}
	base := id.Base()
	if beneath, ok := r.cat.BaseModel(written); ok {
		base = beneath
	} else if known {
		base = p.Base
	}
	prefix := id.Geography
	if known && !p.Application {
		prefix = p.Prefix
	}
	switch {
	case prefix != "" && !r.mayUse(prefix, region):
		r.refuse("the policy does not allow "+prefix+". profiles in "+region, r.works(base, region))
	case prefix == "" && crossRegion(id.ARN.Kind) && !r.withinPolicy(p, known, region):
		r.refuse("the policy does not allow the regions that "+written+" leads to", r.works(base, region))
	case id.ARN.Kind == modelid.FoundationModel && !r.policy.Strict && (r.cat.OnDemand(base, region) != catalog.Yes || r.observed.NeedsProfile(base, region)):
		r.step(written, " is the model ", base)
		r.bare(region, base)
	default:
		r.add(region, written, base, "an ARN; sent unchanged")
	}
}

// permitted reports whether an id may go out, by what it says itself: that of a
// profile which the lists have, and what looks like a profile of a known model.
func (r *resolver) permitted(region, id string) bool {
	if !r.policy.explicit() && r.policy.Global {
		return true
	}
	if arn, err := modelid.ParseARN(id); err == nil {
		if arn.Kind != modelid.FoundationModel && arn.Kind != modelid.InferenceProfile {
			return true // judged by where it leads
		}
		id = arn.Resource
	}
	if p, ok := r.cat.Profile(id); ok {
		if p.Application {
			return r.withinPolicy(p, true, region)
		}
		return r.mayUse(p.Prefix, region) && (r.policy.Global || !worldwideProfile(p))
	}
	if parsed, err := modelid.Parse(id); err == nil && parsed.Geography != "" {
		return r.mayUse(parsed.Geography, region)
	}
	prefix, base, ok := strings.Cut(id, ".")
	switch {
	case !ok || !strings.Contains(base, "."):
		return true // a vendor and a name
	case strings.EqualFold(prefix, "global"):
		return r.policy.Global
	}
	base, _, _ = strings.Cut(base, ":")
	known := slices.ContainsFunc(r.cat.Models(), func(m *catalog.Model) bool {
		name, _, _ := strings.Cut(m.ID, ":")
		return name == base
	})
	return !known || r.mayUse(strings.ToLower(prefix), region)
}

// crossRegion reports whether what an ARN names may have a call served in other regions
// than that of the ARN: profiles, and routers and stored prompts that name them.
func crossRegion(k modelid.Kind) bool {
	switch k {
	case modelid.ApplicationInferenceProfile, modelid.InferenceProfile, modelid.PromptRouter, modelid.DefaultPromptRouter, modelid.Prompt, modelid.OtherResource:
		return true
	default: // it is served where it lies
		return false
	}
}

// near reports whether a region that the id names may be called in place of the
// deployment's own: any, as long as calls may be served anywhere, and otherwise
// those that the profiles lead to that are allowed.
func (r *resolver) near(bound, region string) bool {
	return r.policy.Global || r.within(bound, region)
}

// within reports whether profiles of a geography that is allowed in a region lead
// to another one.
func (r *resolver) within(at, region string) bool {
	return slices.ContainsFunc(r.cat.Geographies(), func(g catalog.Geography) bool {
		return !g.Worldwide && r.policy.allows(g.Prefix, region, r.cat) && slices.Contains(g.To, at)
	})
}

// mayUse reports whether an id that names its prefix may be called: what the
// policy names is binding, and what it leaves open is AWS's to judge, but for
// global profiles.
func (r *resolver) mayUse(prefix, region string) bool {
	if r.policy.explicit() || worldwide(prefix, r.cat) {
		return r.policy.allows(prefix, region, r.cat)
	}
	return true
}

// withinPolicy reports whether a profile that the account made leads only where the
// policy allows. One whose destinations are not known may lead anywhere.
func (r *resolver) withinPolicy(p *catalog.Profile, known bool, region string) bool {
	if !r.policy.explicit() && r.policy.Global {
		return true
	}
	if !known || p.Worldwide() {
		return r.policy.Global
	}
	to := p.Destinations(region)
	if len(to) == 0 {
		return r.policy.Global
	}
	for _, at := range to {
		if at != region && !r.within(at, region) {
			return false
		}
	}
	return true
}

// profile calls the profile that the id names, or under a policy that names
// geographies the one that serves the region in its place.
func (r *resolver) profile(region, written, prefix, base string) {
	if !r.mayUse(prefix, region) {
		r.step("the policy does not allow ", prefix, ". profiles in ", region)
		if r.rehome(region, base, prefix+". is not allowed by the policy; using ", ".") {
			return
		}
		r.refuse("the policy does not allow "+prefix+". profiles in "+region, r.works(base, region))
		return
	}
	p, known := r.cat.Profile(written)
	if known && p.From(region) == catalog.No && r.policy.explicit() {
		if r.rehome(region, base, written+" does not serve "+region+"; using ", ".") {
			return
		}
	}
	reason := "an inference profile; sent unchanged"
	switch {
	case !known:
		reason = "unknown inference profile; sent unchanged"
	case p.From(region) == catalog.No:
		reason = "sent unchanged, although " + prefix + ". is not known to serve " + region
	}
	r.add(region, written, base, reason)
}

// rehome adds the profiles that serve a region in place of one that the id names,
// each with the reason around its prefix, and reports whether there are any.
func (r *resolver) rehome(region, base, before, behind string) bool {
	found := r.profiles(region, base)
	for _, p := range found {
		r.add(region, p.ID, base, before+p.Prefix+behind)
	}
	return len(found) > 0
}

// bare calls a model by its own id where it can be, else by a profile.
func (r *resolver) bare(region, base string) {
	onDemand := r.cat.OnDemand(base, region)
	needs, invalid := r.observed.NeedsProfile(base, region), r.observed.InvalidID(base, region)
	found := r.profiles(region, base)
	_, known := r.cat.Model(base)
	switch {
	case onDemand == catalog.Yes && !needs && !invalid:
		r.add(region, base, base, "on demand in "+region)
	case len(found) > 0:
		certain := onDemand == catalog.No
		for i, p := range found {
			why := "needs an inference profile in " + region + "; using "
			switch {
			case i > 0:
				why = "otherwise "
			case needs:
				why = "AWS refused the model's own id; using "
			case invalid:
				why = "AWS called the model's own id invalid; using "
			case !certain:
				why = "on-demand throughput in " + region + " is unknown; using "
			}
			r.add(region, p.ID, base, why+p.Prefix+"."+reach(p, region))
		}
		if !certain {
			r.add(region, base, base, "otherwise the model's own id")
		}
	case needs && prefixable(base):
		r.guess(region, base)
	case onDemand == catalog.No && known && len(r.cat.ProfilesOf(base)) > 0:
		r.unreachable(region, base)
	default:
		r.add(region, base, base, "availability unknown; sent unchanged")
	}
}

// unreachable refuses a model that no profile leads to from a region, or none that
// the policy allows. That there is none is left to AWS, as one may have come since
// the lists were read.
func (r *resolver) unreachable(region, base string) {
	works := r.works(base, region)
	if slices.ContainsFunc(r.cat.ProfilesOf(base), func(p *catalog.Profile) bool { return r.serves(p, region) }) {
		r.refuse("the policy allows no target for "+base+" from "+region, works)
		return
	}
	for _, w := range works {
		r.step("known to work: ", w)
	}
	r.add(region, base, base, "no inference profile is known from "+region+"; sent unchanged")
}

// reach says where a profile leads.
func reach(p *catalog.Profile, region string) string {
	if worldwideProfile(p) {
		return " (served anywhere)"
	}
	if to := p.Destinations(region); len(to) > 0 {
		return " (" + strconv.Itoa(len(to)) + " regions)"
	}
	return ""
}

func worldwideProfile(p *catalog.Profile) bool { return p.Worldwide() || p.Prefix == "global" }

// invalidID is 1 for an id that AWS has called invalid in a region: it goes behind the
// others.
func (r *resolver) invalidID(id, region string) int {
	if r.observed.InvalidID(id, region) {
		return 1
	}
	return 0
}

// profiles gives the profiles of a model that serve a region and that the policy
// allows, the best first; those of the whole world come last unless they are
// cheaper and the policy prefers that.
func (r *resolver) profiles(region, base string) []*catalog.Profile {
	var found []*catalog.Profile
	for _, p := range r.cat.ProfilesOf(base) {
		if r.policy.allows(p.Prefix, region, r.cat) && r.serves(p, region) && (r.policy.Global || !worldwideProfile(p)) {
			found = append(found, p)
		}
	}
	m, _ := r.cat.Model(base)
	slices.SortStableFunc(found, func(a, b *catalog.Profile) int {
		byPrice := 0
		if r.policy.Prefer == Cheapest && m != nil {
			byPrice = cmp.Compare(price(m, a, region), price(m, b, region))
		}
		return cmp.Or(r.invalidID(a.ID, region)-r.invalidID(b.ID, region), byPrice, cmp.Compare(spread(a, region), spread(b, region)), cmp.Compare(a.ID, b.ID))
	})
	return found
}

// serves reports whether a profile can be called from a region, as far as is known:
// one whose regions are unknown counts as any of its geography.
func (r *resolver) serves(p *catalog.Profile, region string) bool {
	if known := p.From(region); known != catalog.Unknown {
		return known == catalog.Yes
	}
	g, ok := r.cat.Geography(p.Prefix)
	return ok && g.Has(region) || worldwideProfile(p)
}

// spread is how many regions may serve a call by a profile; unknown is more than
// any number, and the whole world more than that.
func spread(p *catalog.Profile, region string) int {
	if worldwideProfile(p) {
		return 1 << 21
	}
	if n := len(p.Destinations(region)); n > 0 {
		return n
	}
	return 1 << 20
}

// price is what a token of input and five of output cost by a profile; as much as
// anything can if it is not known.
func price(m *catalog.Model, p *catalog.Profile, region string) int64 {
	found, _ := m.Price(p.Prefix, region)
	if found == nil {
		return 1 << 62
	}
	rates := found.Rates(0, 0)
	if rates == nil || !rates.Known() {
		return 1 << 62
	}
	return int64(rates.Input.Value) + 5*int64(rates.Output.Value)
}

// prefixable reports whether a geography in front of base makes a profile's id.
func prefixable(base string) bool {
	id, err := modelid.Parse("global." + base)
	return err == nil && id.Geography == "global" && id.Base() == base
}

// guess makes profile ids for a model of which AWS has said that it needs one and
// no list says which: the region's own geographies, the whole world last. Behind
// them stands its own id, before those that AWS has called invalid.
func (r *resolver) guess(region, base string) {
	prefixes := make([]catalog.Geography, 0, 4)
	for _, g := range r.cat.Geographies() {
		if !g.Worldwide && g.Prefix != "global" && g.Has(region) && r.policy.allows(g.Prefix, region, r.cat) {
			prefixes = append(prefixes, g)
		}
	}
	slices.SortStableFunc(prefixes, func(a, b catalog.Geography) int { return cmp.Compare(len(a.To), len(b.To)) })
	var ids []string
	for _, g := range prefixes {
		ids = append(ids, g.Prefix+"."+base)
	}
	if r.policy.Global {
		ids = append(ids, "global."+base)
	}
	add := func(invalid int) {
		for _, id := range ids {
			if r.invalidID(id, region) == invalid {
				prefix, _, _ := strings.Cut(id, ".")
				r.add(region, id, base, "needs an inference profile, and none is listed; trying "+prefix+"., which may serve "+region)
			}
		}
	}
	add(0)
	r.add(region, base, base, "needs an inference profile, and none is known; sent unchanged")
	add(1)
}

// works lists the ids of a model that could be called by another policy or from
// another region.
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
	return append(here, elsewhere...)
}
