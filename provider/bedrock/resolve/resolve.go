// Package resolve finds the candidates for calling a model. From the requested id, the region, the
// residency policy and the catalogue it determines the API, region and id to send to AWS, each with
// the reason. It is a pure function: the same inputs give the same candidates, and no candidate
// violates the policy.
package resolve

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/modelid"
)

// Candidate is one region and id by which a model can be called.
type Candidate struct {
	API    string // converse, invoke for models that are not for chat, or Mantle
	Region string
	ID     string // the model id, profile id or ARN as sent to AWS
	// Base is the base id of the model; empty if unknown.
	Base string
	// Reason says briefly why.
	Reason string
}

// Decision is the result of Resolve.
type Decision struct {
	// Candidates are the allowed candidates, best first. If there are none, Refusal says why.
	Candidates []Candidate
	Refusal    *Refusal
	// Elsewhere lists ids that are known to work from other regions, if no candidate is known to
	// work from a region that the policy allows.
	Elsewhere []string
	// Steps lists in order what was considered, for display.
	Steps []string
}

// Refusal says why a model cannot be called under the policy.
type Refusal struct {
	Message string
	// Works lists ids that would work with another region or policy, nearest first.
	Works []string
}

// Observed is what AWS's refusals have shown and no list contains. It changes the order of the
// candidates and adds guesses. It never removes a candidate, so a wrong or outdated observation
// costs an extra request, never an outage.
type Observed struct {
	// NeedsProfile reports whether AWS has refused a base id in a region because it has no
	// on-demand throughput there.
	NeedsProfile func(base, region string) bool
	// InvalidID reports whether AWS has called an id invalid in a region.
	InvalidID func(id, region string) bool
}

// resolver is the state of one Resolve.
type resolver struct {
	policy   Policy
	cat      *catalog.Catalogue
	observed Observed
	mantle   bool // the model string asks for bedrock-mantle
	out      Decision
}

// Resolve finds the candidates for calling id. region is the deployment's; the region of the id
// takes precedence if the policy allows it. The functions of learned may be nil.
func Resolve(id modelid.ID, region string, policy Policy, c *catalog.Catalogue, learned Observed) Decision {
	if learned.NeedsProfile == nil {
		learned.NeedsProfile = func(string, string) bool { return false }
	}
	if learned.InvalidID == nil {
		learned.InvalidID = func(string, string) bool { return false }
	}
	r := &resolver{policy: policy, cat: c, observed: learned, mantle: id.Route == modelid.Mantle}
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
	slices.SortStableFunc(r.out.Candidates, func(a, b Candidate) int { return r.lacks(a) - r.lacks(b) })
	if len(r.out.Candidates) > 1 && r.lacks(r.out.Candidates[0]) == 0 {
		r.out.Elsewhere = nil
	}
	return r.out
}

func (r *resolver) step(words ...string) {
	r.out.Steps = append(r.out.Steps, strings.Join(words, ""))
}

// add adds a candidate if the policy allows it. It is the last check: no id that the policy forbids
// is ever sent.
func (r *resolver) add(region, id, base, reason string) {
	if !r.permitted(region, id) {
		r.refuse("the policy does not allow "+id+" in "+region, r.works(base, region))
		return
	}
	c := Candidate{API: r.api(id, base), Region: region, ID: id, Base: base, Reason: reason}
	if r.lacks(c) == 1 {
		if len(r.out.Elsewhere) == 0 {
			r.out.Elsewhere = r.works(base, region)
			for _, w := range r.out.Elsewhere {
				r.step("known to work: ", w)
			}
		}
		c.Reason += ", but is not known to have it in " + region + "; sent unchanged"
	}
	r.out.Candidates = append(r.out.Candidates, c)
	r.step(region, ": ", id, ": ", c.Reason)
}

// refuse records why there is no candidate in a region; the first region's reason counts.
func (r *resolver) refuse(message string, works []string) {
	r.step("refused: ", message)
	if r.out.Refusal == nil {
		r.out.Refusal = &Refusal{Message: message, Works: works}
	}
}

// in adds the candidates of one region.
func (r *resolver) in(region string, id modelid.ID) {
	listed, isProfile := r.cat.Profile(id.ModelID())
	switch {
	case id.ARN != (modelid.ARN{}):
		r.arn(region, id)
	case r.mantle && r.onMantle(region, id):
	case r.policy.Strict:
		r.add(region, id.ModelID(), id.Base(), "strict policy; sent unchanged")
	case id.Throughput != "":
		r.add(region, id.ModelID(), id.Base(), "provisioned throughput; sent unchanged")
	case isProfile && !listed.Application: // only AWS's lists may tell its prefix from a vendor
		r.profile(region, listed.ID, listed.Prefix, listed.Base)
	case id.Geography != "":
		r.profile(region, id.ModelID(), id.Geography, id.Base())
	default:
		base := id.Base()
		if plain, err := modelid.Parse(id.ModelID()); err == nil {
			base = plain.Base() // a family in the string determines the capabilities, not the id
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

// arn adds what an ARN names, if the policy allows where it leads.
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

// permitted reports whether the policy allows sending an id, judged by the id alone: a listed
// profile, or what looks like a profile of a known model.
func (r *resolver) permitted(region, id string) bool {
	if !r.policy.explicit() && r.policy.Global {
		return true
	}
	if arn, err := modelid.ParseARN(id); err == nil {
		if arn.Kind != modelid.FoundationModel && arn.Kind != modelid.InferenceProfile {
			return true // judged by its destinations
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

// crossRegion reports whether calls of a resource may be served in other regions than its ARN's:
// true for profiles, and for routers and stored prompts, which may name profiles.
func crossRegion(k modelid.Kind) bool {
	switch k {
	case modelid.ApplicationInferenceProfile, modelid.InferenceProfile, modelid.PromptRouter, modelid.DefaultPromptRouter, modelid.Prompt, modelid.OtherResource:
		return true
	default: // it is served in its own region
		return false
	}
}

// near reports whether the region of an id may be called instead of the deployment's: any region if
// calls may be served anywhere, otherwise the destinations of allowed profiles.
func (r *resolver) near(bound, region string) bool {
	return r.policy.Global || r.within(bound, region)
}

// within reports whether the allowed profiles of a region lead to another region.
func (r *resolver) within(at, region string) bool {
	return slices.ContainsFunc(r.cat.Geographies(), func(g catalog.Geography) bool {
		return !g.Worldwide && r.policy.allows(g.Prefix, region, r.cat) && slices.Contains(g.To, at)
	})
}

// mayUse reports whether an id with the prefix may be called. What the policy names is binding;
// what it leaves open is left to AWS, except global profiles.
func (r *resolver) mayUse(prefix, region string) bool {
	if r.policy.explicit() || worldwide(prefix, r.cat) {
		return r.policy.allows(prefix, region, r.cat)
	}
	return true
}

// withinPolicy reports whether a profile of the account leads only where the policy allows. A
// profile with unknown destinations may lead anywhere.
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

// profile adds the profile that the id names or, under a policy that names geographies, the one
// that serves the region instead.
func (r *resolver) profile(region, written, prefix, base string) {
	if !r.mayUse(prefix, region) {
		r.step("the policy does not allow ", prefix, ". profiles in ", region)
		if r.rehome(region, base, prefix+". is not allowed by the policy; using the ") {
			return
		}
		r.refuse("the policy does not allow "+prefix+". profiles in "+region, r.works(base, region))
		return
	}
	p, known := r.cat.Profile(written)
	if known && p.From(region) == catalog.No && r.policy.explicit() {
		if r.rehome(region, base, written+" does not serve "+region+"; using the ") {
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

// rehome adds the profiles that serve a region instead of the one that the id names, each with before
// and its name as the reason. It reports whether there are any.
func (r *resolver) rehome(region, base, before string) bool {
	found := r.profiles(region, base)
	for _, p := range found {
		r.add(region, p.ID, base, before+p.Prefix+" profile")
	}
	return len(found) > 0
}

// bare adds a model's own id if it is on demand, otherwise its profiles.
func (r *resolver) bare(region, base string) {
	onDemand := r.cat.OnDemand(base, region)
	needs, invalid := r.observed.NeedsProfile(base, region), r.observed.InvalidID(base, region)
	found := r.profiles(region, base)
	_, known := r.cat.Model(base)
	switch {
	case r.api(base, base) == Mantle:
		r.add(region, base, base, "only bedrock-mantle has this model")
	case onDemand == catalog.Yes && !needs && !invalid:
		r.add(region, base, base, "on demand in "+region)
	case len(found) > 0:
		certain := onDemand == catalog.No
		for i, p := range found {
			why := "needs an inference profile in " + region + "; using the "
			switch {
			case i > 0:
				why = "otherwise the "
			case needs:
				why = "AWS refused the model's own id; using the "
			case invalid:
				why = "AWS called the model's own id invalid; using the "
			case !certain:
				why = "on-demand throughput in " + region + " is unknown; using the "
			}
			r.add(region, p.ID, base, why+p.Prefix+" profile"+reach(p, region))
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

// unreachable handles a model without an allowed profile from a region. It refuses the model if the
// policy forbids its profiles. If there are none, the id is sent anyway, because AWS may have added
// one since the lists were read.
func (r *resolver) unreachable(region, base string) {
	works := r.works(base, region)
	if slices.ContainsFunc(r.cat.ProfilesOf(base), func(p *catalog.Profile) bool { return r.serves(p, region) }) {
		r.refuse("the policy allows no target for "+base+" from "+region, works)
		return
	}
	r.out.Elsewhere = works
	for _, w := range works {
		r.step("known to work: ", w)
	}
	r.add(region, base, base, "no inference profile is known from "+region+"; sent unchanged")
}

// reach describes where a profile leads.
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

// invalidID is 1 for an id that AWS has called invalid in a region, which sorts it last.
func (r *resolver) invalidID(id, region string) int {
	if r.observed.InvalidID(id, region) {
		return 1
	}
	return 0
}

// profiles returns the profiles of a model that serve a region and that the policy allows, best
// first. Global ones come last, unless they are cheaper and the policy prefers price.
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

// serves reports whether a profile is known to be callable from a region. If its regions are
// unknown, those of its geography count.
func (r *resolver) serves(p *catalog.Profile, region string) bool {
	if known := p.From(region); known != catalog.Unknown {
		return known == catalog.Yes
	}
	g, ok := r.cat.Geography(p.Prefix)
	return ok && g.Has(region) || worldwideProfile(p)
}

// spread is the number of regions that may serve a call of a profile. Unknown sorts after any
// number, and global after that.
func spread(p *catalog.Profile, region string) int {
	if worldwideProfile(p) {
		return 1 << 21
	}
	if n := len(p.Destinations(region)); n > 0 {
		return n
	}
	return 1 << 20
}

// price is the price of one input and five output tokens of a profile; the highest possible if
// unknown.
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

// prefixable reports whether a geography before base makes a valid profile id.
func prefixable(base string) bool {
	id, err := modelid.Parse("global." + base)
	return err == nil && id.Geography == "global" && id.Base() == base
}

// guess adds unlisted profile ids for a model that needs a profile according to AWS: of the
// region's geographies first, global last. The model's own id follows, then the ids that AWS has
// called invalid.
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
