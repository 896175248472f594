package bedrock

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/diagnose"
	"outcrop/provider/bedrock/endpoint"
	"outcrop/provider/bedrock/modelid"
)

// Describe returns what is known about a model string and its first target.
func (d *deployment) Describe(model string) provider.Model {
	row := provider.Model{ID: model}
	for _, doubt := range d.modelDoubts(model) {
		row.Doubt = cmp.Or(row.Doubt, sentences(doubt.Message, doubt.Hint))
	}
	known := d.account.Snapshot().Catalogue
	base := ""
	if a, err := d.ask(model); err == nil {
		base = baseOf(a, known)
	}
	region := d.home
	if targets, err := d.Targets(llm.VerbChat, model); err == nil {
		if w, ok := targets[0].(*target); ok {
			base, region = cmp.Or(w.base, base), w.destination.Region
			row.Target, row.Serves = w.destination, []string{region}
			if p, ok := known.Profile(w.destination.ID); ok {
				row.Serves, row.Anywhere = p.Destinations(region), p.Worldwide()
			}
			price(&row, w.price)
		}
	}
	if m, ok := known.Model(base); ok {
		row.Title, row.Base = m.Name, m.ID
		describe(&row, m, region, d.now())
	}
	return row
}

// sentences joins a problem and the next step.
func sentences(what, hint string) string {
	if what = strings.TrimSuffix(what, "."); !strings.HasSuffix(what, "?") {
		what += "."
	}
	return strings.TrimSpace(what + " " + hint)
}

// Doubts returns what will probably fail at the first call.
func (d *deployment) Doubts() []provider.Doubt {
	var doubts []provider.Doubt
	regions := slices.Clone(d.own)
	if given := d.params.Values["aws_region_name"]; given != "" && !slices.Contains(regions, given) {
		regions = append(regions, given)
	}
	for _, region := range regions {
		if err := endpoint.CheckRegion(region); err != nil {
			what, hint, _ := strings.Cut(err.Error(), "; ")
			doubt := provider.Doubt{Option: d.regionOption(region), Message: what, Hint: hint}
			if variable := d.regionVariable(region); doubt.Option == "" && variable != "" {
				doubt.Message = variable + ": " + what
			}
			doubts = append(doubts, doubt)
		}
	}
	if strings.Contains(d.params.Model, "*") {
		return doubts
	}
	if len(doubts) > 0 { // the region is doubtful, so what it serves cannot be checked
		return append(doubts, d.doubtsAnywhere(d.params.Model)...)
	}
	return d.modelDoubts(d.params.Model)
}

// regionOption names the setting that a region of the deployment comes from; empty if it comes from
// the environment or a profile.
func (d *deployment) regionOption(region string) string {
	switch {
	case d.params.Values["aws_region_name"] == region:
		return "aws_region_name"
	case slices.Contains(d.params.Policy.Regions, region):
		return "policy.regions"
	case strings.Contains(d.params.Model, region):
		return "model"
	default:
		return ""
	}
}

// regionVariable is the environment variable that a region comes from; empty if there is none.
func (d *deployment) regionVariable(region string) string {
	for _, name := range []string{"AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION"} {
		if d.params.Environ(name) == region {
			return name
		}
	}
	return ""
}

// regionError is the error for calls in a region that does not exist; nil if it may exist.
func regionError(region string) *llm.Error {
	err := endpoint.CheckRegion(region)
	if err == nil || !err.Certain {
		return nil
	}
	e := &llm.Error{Code: llm.CodeUnknownRegion, Status: 400, Message: region + " is not an AWS region.", Fix: "Set aws_region_name, AWS_REGION or the region of the AWS profile to an existing region."}
	if err.Near != "" {
		e.Message = err.Error()
		e.Fix = "Replace " + region + " with " + err.Near + " in aws_region_name, AWS_REGION or the AWS profile."
	}
	return e
}

// baseOf is the base id of the requested model, as far as the model string tells.
func baseOf(a asked, known *catalog.Catalogue) string {
	base := a.id.Base()
	if p, ok := known.Profile(a.id.ModelID()); ok {
		return p.Base
	}
	if beneath, ok := known.BaseModel(a.id.ModelID()); ok {
		return beneath
	}
	if _, ok := known.Model(base); ok {
		return base
	}
	if named, ok := known.Friendly(base); ok {
		return named
	}
	return base
}

// modelDoubts returns the doubts about a model string: none if it is an ARN that does not tell the
// model.
func (d *deployment) modelDoubts(model string) []provider.Doubt {
	targets, err := d.Targets(llm.VerbChat, model)
	if e, ok := errors.AsType[*llm.Error](err); ok {
		return []provider.Doubt{{Option: d.modelOption(), Message: strings.TrimSuffix(e.Message, "."), Hint: e.Fix, Local: true}}
	}
	if err != nil {
		return nil // an invalid setting, which Open has reported
	}
	doubts := d.doubtsAnywhere(model)
	if len(doubts) > 0 && !doubts[0].Mild {
		return doubts
	}
	known := d.account.Snapshot().Catalogue
	if a, err := d.ask(model); err == nil {
		if m, ok := known.Model(baseOf(a, known)); ok {
			if elsewhere := d.elsewhere(a, m, targets[0], known); elsewhere != nil {
				return elsewhere
			}
		}
	}
	return doubts
}

// modelOption returns the name of the setting that selects the model.
func (d *deployment) modelOption() string {
	if d.params.Values["model_id"] != "" {
		return "model_id"
	}
	return "model"
}

// doubtsAnywhere returns the doubts about a model string that do not depend on the region.
func (d *deployment) doubtsAnywhere(model string) []provider.Doubt {
	option := d.modelOption()
	doubt := func(message, hint string) []provider.Doubt {
		return []provider.Doubt{{Option: option, Message: message, Hint: hint}}
	}
	a, err := d.ask(model)
	if e, ok := errors.AsType[*llm.Error](err); ok {
		return doubt(strings.TrimSuffix(e.Message, "."), e.Fix)
	}
	if err != nil {
		return nil // an invalid setting, which opening has rejected
	}
	known, now := d.account.Snapshot().Catalogue, d.now()
	base := baseOf(a, known)
	m, ok := known.Model(base)
	region := cmp.Or(a.id.CallRegion(), a.region)
	if err := endpoint.CheckRegion(region); err != nil {
		region = ""
	}
	switch {
	case base == "" && a.id.ARN != (modelid.ARN{}), a.id.Route == modelid.Nova, a.id.Route == modelid.Nova2: // the account's own
		return nil
	case !ok:
		return doubt("no Bedrock model is known by the name "+a.id.ModelID(), known.Suggest(a.id.ModelID(), ""))
	case m.Purpose() != "" && m.Path() == "":
		return doubt(m.NotForChat(), "")
	case m.Lifecycle.HasEnded(now):
		return doubt(m.ID+" is retired: "+cmp.Or(lifeOf(&m.Lifecycle, now), "its end of life has passed"), diagnose.Instead(known, m.ID, now))
	case m.Purpose() == "" && !m.Reached():
		return doubt(m.NotReached(), known.Suggest(m.ID, region))
	}
	if m.Lifecycle.IsLegacy(now) == catalog.Yes && m.Lifecycle.EndOfLife.Time().After(now) {
		return []provider.Doubt{{Option: option, Message: m.ID + " is legacy: it retires on " + m.Lifecycle.EndOfLife.String(), Hint: diagnose.Instead(known, m.ID, now), Mild: true}}
	}
	return nil
}

func worldwideLast(id string) int {
	if strings.HasPrefix(id, "global.") {
		return 1
	}
	return 0
}

// servesFrom reports whether a profile can be called from a region, as far as is known. If the
// regions of a profile are unknown, they are those of its geography.
func servesFrom(known *catalog.Catalogue, p *catalog.Profile, region string) bool {
	if from := p.From(region); from != catalog.Unknown {
		return from == catalog.Yes
	}
	g, ok := known.Geography(p.Prefix)
	return !ok || g.Worldwide || g.Has(region)
}

// sources returns the regions that a profile can be called from, as far as is known.
func sources(known *catalog.Catalogue, p *catalog.Profile) []string {
	regions := p.Regions()
	if g, ok := known.Geography(p.Prefix); ok && len(regions) == 0 {
		regions = slices.Clone(g.From)
	}
	return regions
}

// elsewhere returns the doubt about a model that, as far as is known, cannot be called from the
// region of its best target.
func (d *deployment) elsewhere(a asked, m *catalog.Model, best provider.Target, known *catalog.Catalogue) []provider.Doubt {
	w, ok := best.(*target)
	if !ok || a.id.ARN != (modelid.ARN{}) || a.id.Throughput != "" {
		return nil
	}
	region := w.destination.Region
	called, named := known.Profile(w.destination.ID)
	if w.onMantle() {
		return d.elsewhereOnMantle(m, region)
	}
	if named && servesFrom(known, called, region) || !named && m.OnDemand(region) != catalog.No {
		return nil
	}
	var here, others []string
	for _, p := range known.ProfilesOf(m.ID) {
		if servesFrom(known, p, region) {
			here = append(here, p.ID)
			continue
		}
		for _, from := range sources(known, p) {
			if !slices.Contains(others, from) {
				others = append(others, from)
			}
		}
	}
	what := m.ID
	if named {
		what, others = called.ID, sources(known, called)
		if m.OnDemand(region) == catalog.Yes {
			here = append(here, m.ID)
		}
	}
	slices.Sort(others)
	slices.SortStableFunc(here, func(a, b string) int { // global profiles come last, because they may serve anywhere
		return worldwideLast(a) - worldwideLast(b)
	})
	doubt := provider.Doubt{Option: d.placeOption(), Local: true, Message: what + " is not known to be callable from " + region}
	switch {
	case named && len(here) > 0:
		doubt.Hint = "From there use " + strings.Join(here, " or ") + "."
	case len(here) == 0 && len(others) > 0:
		doubt.Hint = "It is callable from " + strings.Join(others, ", ") + "."
	default:
		return nil
	}
	return []provider.Doubt{doubt}
}

// placeOption returns the name of the setting that says where the model is called.
func (d *deployment) placeOption() string {
	if d.params.Values["aws_region_name"] != "" {
		return "aws_region_name"
	}
	return "model"
}

// elsewhereOnMantle is elsewhere for a model that is called at bedrock-mantle.
func (d *deployment) elsewhereOnMantle(m *catalog.Model, region string) []provider.Doubt {
	if m.OnMantle(region) != catalog.No {
		return nil
	}
	hint := "No region is known to have it."
	if others := m.MantleRegions(); len(others) > 0 {
		hint = "It is callable from " + strings.Join(others, ", ") + "."
	}
	return []provider.Doubt{{
		Option: d.placeOption(), Local: true, Message: m.Mantle.ID + " is not known to be callable from " + region + ": bedrock-mantle there is not known to have it",
		Hint: hint,
	}}
}

var _ provider.Reviewer = (*deployment)(nil)
