package bedrock

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/diagnose"
	"outcrop/provider/bedrock/modelid"
)

// refreshTimeout is how long a refused call waits for the lists to be refreshed.
const refreshTimeout = 5 * time.Second

// ReportRefusal records that a bare id needs an inference profile, or that an id is invalid in a
// region, refreshes the lists, and adds alternatives to e. It reports whether there is another
// target now.
func (d *deployment) ReportRefusal(ctx context.Context, verb llm.Verb, model string, refused provider.Target, e *llm.Error) bool {
	w, ok := refused.(*target)
	if !ok || !e.Upstream {
		return false
	}
	if verb != llm.VerbRaw && w.eliminate(e) {
		return d.others(model, w)
	}
	if f, ok := w.refusedFeature(e); ok && verb != llm.VerbRaw { // the client's own body is not changed
		d.account.Refuses(f, w.destination.ID, w.destination.Region)
		return d.others(model, w)
	}
	if w.onMantle() && e.Code == llm.CodeModelUnknown && w.facts != nil {
		notOnMantle(e, w)
		return d.others(model, w)
	}
	if e.Code != llm.CodeModelNeedsProfile && !invalid(e) {
		return d.forgetRefusal(w, e) && d.others(model, w)
	}
	a, err := d.ask(model)
	if err != nil {
		return false
	}
	if !a.policy.Strict {
		d.read(ctx, w.destination.Region)
		d.note(w, e)
	}
	advise(e, a, w, d.account.Snapshot().Catalogue, d.now()) // there may be no other target, or none that works
	if a.policy.Strict {
		return false
	}
	return d.others(model, w)
}

// others reports whether there are targets other than w.
func (d *deployment) others(model string, w *target) bool {
	p, err := d.plan(model)
	return err == nil && slices.ContainsFunc(p.targets, func(t provider.Target) bool { return t.Location() != w.Location() || t.ID() != w.ID() })
}

// notOnMantle says of a model that bedrock-mantle is known to have that its host in this region does not have
// it: each region's has models of its own.
func notOnMantle(e *llm.Error, w *target) {
	region := w.destination.Region
	e.Code, e.Param = llm.CodeModelNotInRegion, "model"
	e.Cause = "bedrock-mantle in " + region + " does not have " + w.facts.Mantle.ID + "."
	e.Fix = "Call it in another region: set aws_region_name of the deployment, or name several regions in its policy."
	if others := slices.DeleteFunc(w.facts.MantleRegions(), func(at string) bool { return at == region }); len(others) > 0 {
		e.Fix = w.facts.Mantle.ID + " is known to be in " + strings.Join(others, ", ") + ": call it there, by aws_region_name of the deployment or the regions of its policy."
	}
	e.Docs = diagnose.Docs(e.Code, w.destination)
}

// forgetRefusal forgets a recorded refusal of a model's own id if the profile called instead is
// denied or not found: the id itself may be allowed.
func (d *deployment) forgetRefusal(w *target, e *llm.Error) bool {
	id, err := modelid.Parse(w.destination.ID)
	if err != nil || id.Geography == "" || e.UpstreamStatus != 403 && e.UpstreamStatus != 404 {
		return false
	}
	state, region := d.account.Snapshot(), w.destination.Region
	if !state.NeedsProfile(w.base, region) && !state.InvalidID(w.base, region) || state.Catalogue.OnDemand(w.base, region) == catalog.No {
		return false
	}
	d.account.Forget(w.base, region)
	return true
}

// invalid reports whether AWS has called the id invalid. A 404 alone does not say so: AWS also
// returns it for a missing use case form or a model without recent use, and a proxy returns it for
// anything.
func invalid(e *llm.Error) bool {
	return e.Code == llm.CodeModelUnknown && strings.HasPrefix(e.Message, "The provided model identifier is invalid")
}

// lists reports whether the lists of a region apply to the deployment's calls. A region that only a
// client has named must be one of AWS's.
func (d *deployment) lists(region string) bool {
	return d.listable && (!d.overrides.present && slices.Contains(d.own, region) || slices.Contains(d.account.Snapshot().Catalogue.Regions(), region))
}

// read refreshes the lists of a region.
func (d *deployment) read(ctx context.Context, region string) {
	if !d.lists(region) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	_ = d.account.RefreshAfterRefusal(ctx, region, d.get) // without new lists, the old ones and the guess apply
}

// note records a refusal of a known model. Refusals of ids that clients made up are not recorded.
func (d *deployment) note(w *target, e *llm.Error) {
	id, err := modelid.Parse(w.destination.ID)
	known, region := d.account, w.destination.Region
	switch {
	case err != nil || id.Throughput != "":
		return
	case e.Code == llm.CodeModelNeedsProfile:
		if id.Geography == "" && (id.ARN == (modelid.ARN{}) || id.ARN.Kind == modelid.FoundationModel) {
			known.NeedsProfile(id.Base(), region)
		}
		return
	case id.ARN != (modelid.ARN{}):
		return
	}
	state := known.Snapshot()
	_, isModel := state.Catalogue.Model(id.ModelID())
	_, isProfile := state.Catalogue.Profile(id.ModelID())
	if isModel || isProfile || state.NeedsProfile(id.Base(), region) {
		known.InvalidID(id.ModelID(), region)
	}
}

// advise adds alternatives that would work to a refusal.
func advise(e *llm.Error, a asked, w *target, known *catalog.Catalogue, now time.Time) {
	id, err := modelid.Parse(w.destination.ID)
	if err != nil {
		return
	}
	region := w.destination.Region
	e.Param = "model"
	p, isProfile := known.Profile(id.ModelID())
	m, isModel := known.Model(id.Base())
	reachable := isProfile && p.From(region) == catalog.Yes // as far as the lists tell; AWS disagrees
	permitted := func(p *catalog.Profile) []string {        // the regions from which the policy allows calls
		return slices.DeleteFunc(sources(known, p), func(at string) bool { return !a.policy.Permits(p.Prefix, at, known) })
	}
	var here, elsewhere []string
	dropped := false // whether the policy forbids a profile that reaches the model
	for _, other := range known.ProfilesOf(id.Base()) {
		switch from := permitted(other); {
		case other.ID == id.ModelID():
		case other.From(region) == catalog.Yes && a.policy.Permits(other.Prefix, region, known):
			here = append(here, other.ID)
		case servesFrom(known, other, region) && a.policy.Permits(other.Prefix, region, known): // not certain enough to advise
		case len(from) == 0:
			dropped = true
		default:
			elsewhere = append(elsewhere, other.ID+" (from "+strings.Join(from, ", ")+")")
		}
	}
	forbidden := ""
	if a.policy.Restricts() {
		forbidden = "The policy of this deployment, " + a.policy.String() + ", allows no other way to call the model. Choose another model, or ask the operator of the gateway to change outcrop_settings.bedrock.policy or model_info.outcrop.policy."
	}
	switch {
	case e.Code == llm.CodeModelNeedsProfile && a.policy.Strict && len(here) > 0:
		e.Fix = "The policy is strict, so the id was sent unchanged. Use an inference profile: " + strings.Join(here, ", ") + "."
	case e.Code == llm.CodeModelNeedsProfile && len(here) > 0:
		e.Fix = "From " + region + " these inference profiles reach the model, if the policy allows them: " + strings.Join(here, ", ") + "."
	case e.Code == llm.CodeModelNeedsProfile && len(elsewhere) > 0:
		e.Fix = "No inference profile reaches the model from " + region + "; these do from other regions: " + strings.Join(elsewhere, ", ") + "."
	case e.Code == llm.CodeModelNeedsProfile && forbidden != "":
		e.Fix = forbidden
	case e.Code == llm.CodeModelNeedsProfile:
		e.Fix = "No inference profile is known that reaches the model from " + region + "; run outcrop models to list what can be called."
	case id.ARN != (modelid.ARN{}):
		e.Fix = "Check that the resource exists in " + region + " and belongs to the calling account."
	case isProfile && p.From(region) == catalog.No && len(p.Regions()) > 0:
		e.Code = llm.CodeModelWrongPlace
		e.Cause = p.ID + " can be called from " + strings.Join(p.Regions(), ", ") + ", and this call was made in " + region + "."
		e.Fix = "Call it from one of those regions."
		switch from := permitted(p); {
		case len(from) == 0:
			e.Fix = cmp.Or(forbidden, e.Fix)
		case len(from) < len(p.Regions()):
			e.Fix = "Call it from " + strings.Join(from, ", ") + "."
		}
		if len(here) > 0 {
			e.Fix = "From " + region + " call " + strings.Join(here, " or ") + ". With geographies: [own] in the policy, the gateway chooses it automatically."
		}
	case len(here) > 0: // a prefix without a profile
		e.Fix = "From " + region + " call " + strings.Join(here, " or ") + "."
	case isModel && m.Lifecycle.HasEnded(now):
		e.Cause = "The model is retired: " + lifeOf(&m.Lifecycle, now) + "."
		e.Fix = diagnose.Instead(known, m.ID, now)
	case isModel && m.OnlyOnMantle():
		e.Code = llm.CodeWrongSurface
		e.Cause = "Only bedrock-mantle has " + m.ID + ", which has OpenAI's APIs and not this one."
		e.Fix = "Call it by chat completions, Responses or Messages of the gateway."
	case isModel && !reachable && dropped && forbidden != "" && len(elsewhere) == 0:
		e.Fix = forbidden
	case isModel && !reachable && (m.In(region) == catalog.No || len(elsewhere) > 0):
		e.Code = llm.CodeModelNotInRegion
		e.Cause = "AWS does not list " + m.ID + " in " + region + "."
		e.Fix = cmp.Or(forbidden, diagnose.NotHere(known, m.ID))
		if len(elsewhere) > 0 {
			e.Fix = "Call it from another region: " + strings.Join(elsewhere, ", ") + "."
		}
	default:
		e.Fix = known.Suggest(w.destination.ID, region)
	}
	e.Docs = diagnose.Docs(e.Code, w.destination)
}
