package bedrock

import (
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

// refreshTimeout is how long a refused call waits for lists to be read again.
const refreshTimeout = 5 * time.Second

// ReportRefusal takes it that a bare id needs a profile, or that an id is not valid in a
// region, once AWS has said so of a call; has the lists read again; says in e what
// would work; and reports whether there is another way now.
func (d *deployment) ReportRefusal(ctx context.Context, model string, refused provider.Target, e *llm.Error) bool {
	w, ok := refused.(*target)
	if !ok || !e.Upstream {
		return false
	}
	if f, ok := w.refusedFeature(e); ok {
		d.account.Refuses(f, w.destination.ID, w.destination.Region)
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
	advise(e, a, w, d.account.Snapshot().Catalogue, d.now()) // no other way may be left, or work
	if a.policy.Strict {
		return false
	}
	return d.others(model, w)
}

// others reports whether there are other ways than one.
func (d *deployment) others(model string, w *target) bool {
	p, err := d.plan(model)
	return err == nil && slices.ContainsFunc(p.targets, func(t provider.Target) bool { return t.Location() != w.Location() || t.ID() != w.ID() })
}

// forgetRefusal forgets what was learned of a model's own id when the profile that is
// called in its place is refused for want of rights, or not found: the id may be
// the one that is allowed.
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

// invalid reports whether AWS has said that an id is none. A 404 alone says less:
// AWS answers so for want of a form or of recent use too, and a proxy for anything.
func invalid(e *llm.Error) bool {
	return e.Code == llm.CodeModelUnknown && strings.HasPrefix(e.Message, "The provided model identifier is invalid")
}

// lists reports whether the lists of a region say what calls there reach. A region
// that only a caller has named must be one of AWS's.
func (d *deployment) lists(region string) bool {
	return d.listable && (!d.overrides.present && slices.Contains(d.own, region) || slices.Contains(d.account.Snapshot().Catalogue.Regions(), region))
}

// read has the lists of a region read again.
func (d *deployment) read(ctx context.Context, region string) {
	if !d.lists(region) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	_ = d.account.RefreshAfterRefusal(ctx, region, d.get) // without new lists the old ones count, and the guess
}

// note remembers what a refusal teaches about a model, as far as it is about one
// that is known of: what clients make up is not remembered.
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

// advise says in a refusal what would work.
func advise(e *llm.Error, a asked, w *target, known *catalog.Catalogue, now time.Time) {
	id, err := modelid.Parse(w.destination.ID)
	if err != nil {
		return
	}
	region := w.destination.Region
	e.Param = "model"
	p, isProfile := known.Profile(id.ModelID())
	m, isModel := known.Model(id.Base())
	reachable := isProfile && p.From(region) == catalog.Yes // as far as is known; AWS says otherwise
	var here, elsewhere []string
	for _, other := range known.ProfilesOf(id.Base()) {
		switch from := other.Regions(); {
		case other.ID == id.ModelID():
		case other.From(region) == catalog.Yes:
			here = append(here, other.ID)
		case len(from) > 0:
			elsewhere = append(elsewhere, other.ID+" (from "+strings.Join(from, ", ")+")")
		}
	}
	switch {
	case e.Code == llm.CodeModelNeedsProfile && a.policy.Strict && len(here) > 0:
		e.Fix = "The policy is strict, so the id was sent as it is written. Name a profile: " + strings.Join(here, ", ") + "."
	case e.Code == llm.CodeModelNeedsProfile && len(here) > 0:
		e.Fix = "These profiles lead to the model from " + region + ", if the policy allows them: " + strings.Join(here, ", ") + "."
	case e.Code == llm.CodeModelNeedsProfile && len(elsewhere) > 0:
		e.Fix = "No inference profile leads to the model from " + region + "; from another region these do: " + strings.Join(elsewhere, ", ") + "."
	case e.Code == llm.CodeModelNeedsProfile:
		e.Fix = "No inference profile that leads to the model from " + region + " is known; outcrop models lists what can be called."
	case id.ARN != (modelid.ARN{}):
		e.Fix = "Check that the resource exists in " + region + " and belongs to the account that calls."
	case isProfile && p.From(region) == catalog.No && len(p.Regions()) > 0:
		e.Code = llm.CodeModelWrongPlace
		e.Cause = p.ID + " can be called from " + strings.Join(p.Regions(), ", ") + ", and this call was made in " + region + "."
		e.Fix = "Call it from one of those regions."
		if len(here) > 0 {
			e.Fix = "From " + region + " call " + strings.Join(here, " or ") + ". With geographies: [own] in the policy the gateway does so by itself."
		}
	case len(here) > 0: // a prefix that AWS has no profile for
		e.Fix = "From " + region + " call " + strings.Join(here, " or ") + "."
	case isModel && m.Lifecycle.HasEnded(now):
		e.Cause = "The model is retired: " + lifeOf(&m.Lifecycle, now) + "."
		e.Fix = diagnose.Instead(known, m.ID, now)
	case isModel && !reachable && (m.In(region) == catalog.No || len(elsewhere) > 0):
		e.Code = llm.CodeModelNotInRegion
		e.Cause = "AWS does not list " + m.ID + " in " + region + "."
		e.Fix = diagnose.NotHere(known, m.ID)
		if len(elsewhere) > 0 {
			e.Fix = "Call it from another region: " + strings.Join(elsewhere, ", ") + "."
		}
	default:
		e.Fix = known.Suggest(w.destination.ID, region)
	}
	e.Docs = diagnose.Docs(e.Code)
}
