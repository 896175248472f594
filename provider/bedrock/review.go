package bedrock

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

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
		row.Title = m.Name
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
	for _, region := range d.own {
		if err := endpoint.CheckRegion(region); err != nil {
			what, hint, _ := strings.Cut(err.Error(), "; ")
			doubt := provider.Doubt{Option: d.regionOption(region), Message: what, Hint: hint, Mild: !err.Certain}
			if variable := d.regionVariable(region); doubt.Option == "" && variable != "" {
				doubt.Message = variable + ": " + what
			}
			doubts = append(doubts, doubt)
		}
	}
	if len(doubts) > 0 || strings.Contains(d.params.Model, "*") {
		return doubts
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
	option := "model"
	if d.params.Values["model_id"] != "" {
		option = "model_id"
	}
	doubt := func(message, hint string) []provider.Doubt {
		return []provider.Doubt{{Option: option, Message: message, Hint: hint}}
	}
	a, err := d.ask(model)
	if err == nil {
		_, err = d.Targets(llm.VerbChat, model)
	}
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
	switch {
	case base == "" && a.id.ARN != (modelid.ARN{}), a.id.Route == modelid.Nova, a.id.Route == modelid.Nova2: // the account's own
		return nil
	case !ok:
		return doubt("no Bedrock model is known by the name "+a.id.ModelID(), known.Suggest(a.id.ModelID(), ""))
	case m.Purpose() != "":
		return doubt(m.ID+" is a model for "+m.Purpose()+"; Outcrop supports only chat models so far", "")
	case m.Lifecycle.HasEnded(now):
		return doubt(m.ID+" is retired: "+cmp.Or(lifeOf(&m.Lifecycle, now), "its end of life has passed"), diagnose.Instead(known, m.ID, now))
	case m.Converse == catalog.No:
		return doubt(m.ID+" does not support Converse, the only Bedrock API that Outcrop supports so far", known.Suggest(m.ID, region))
	}
	if elsewhere := d.elsewhere(a, m, region, known); elsewhere != nil {
		return elsewhere
	}
	if m.Lifecycle.IsLegacy(now) == catalog.Yes && m.Lifecycle.EndOfLife.After(now) {
		return []provider.Doubt{{Option: option, Message: m.ID + " is legacy: it retires on " + m.Lifecycle.EndOfLife.Format(time.DateOnly), Hint: diagnose.Instead(known, m.ID, now), Mild: true}}
	}
	return nil
}

// elsewhere is the doubt about a model that is listed only in other regions.
func (d *deployment) elsewhere(a asked, m *catalog.Model, region string, known *catalog.Catalogue) []provider.Doubt {
	if a.id.ARN != (modelid.ARN{}) || a.id.Throughput != "" || len(d.policy.Regions) > 0 || m.OnDemand(region) != catalog.No {
		return nil
	}
	called, named := known.Profile(a.id.ModelID())
	var here, others []string
	for _, p := range known.ProfilesOf(m.ID) {
		if p.From(region) != catalog.No {
			here = append(here, p.ID)
			continue
		}
		for _, from := range p.Regions() {
			if !slices.Contains(others, from) {
				others = append(others, from)
			}
		}
	}
	slices.Sort(others)
	option := "model"
	if d.params.Values["aws_region_name"] != "" {
		option = "aws_region_name"
	}
	switch {
	case named && called.From(region) == catalog.No && len(here) > 0 && d.policy.Geographies == nil:
		return []provider.Doubt{{Option: option, Message: called.ID + " is not known to be callable from " + region, Hint: "From there use " + strings.Join(here, " or ") + "."}}
	case len(here) == 0 && len(others) > 0:
		return []provider.Doubt{{Option: option, Message: m.ID + " is not known to be callable from " + region, Hint: "It is callable from " + strings.Join(others, ", ") + "."}}
	}
	return nil
}

var _ provider.Reviewer = (*deployment)(nil)
