package bedrock

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/diagnose"
	"outcrop/provider/bedrock/embed"
	"outcrop/provider/bedrock/endpoint"
	"outcrop/provider/bedrock/inventory"
	"outcrop/provider/bedrock/modelid"
	"outcrop/provider/bedrock/openai"
	"outcrop/provider/bedrock/rerank"
	"outcrop/provider/bedrock/resolve"
	"outcrop/provider/bedrock/sign"
)

// fetch makes one call of the control plane, or of bedrock-mantle, and returns the response body.
func (d *deployment) fetch(ctx context.Context, end *endpoint.Endpoint, query string, path ...string) ([]byte, error) {
	u := end.URL(query, path...)
	r := &sign.Request{Method: http.MethodGet, Host: end.Host, Path: u.EscapedPath(), Query: query, Header: http.Header{}}
	target := llm.Destination{API: "control", Region: end.Region, ID: path[0], Note: d.params.Note}
	resp, err := d.sendAs(ctx, end.Signing, r, u, &target, func() diagnose.Case { return diagnose.Case{Target: target, Now: d.now()} })
	if err != nil {
		if e, ok := errors.AsType[*llm.Error](err); ok && (e.Code == llm.CodeIdentityMissing || e.Code == llm.CodeDenied && len(e.Statement) > 0) {
			e.Statement = jsonx.Raw(inventory.Statement)
			e.Fix = "Add this statement to the policy of the gateway's identity: " + inventory.Statement
		}
		return nil, err
	}
	defer resp.Body.Close()
	buf := d.buffer()
	defer d.release(buf)
	if err := buf.readFrom(ctx, resp.Body); err != nil {
		return nil, diagnose.Stream(err, diagnose.Case{Target: target, Now: d.now()})
	}
	return slices.Clone(buf.bytes), nil
}

// Refresh reads the lists of the deployment's regions again.
func (d *deployment) Refresh(ctx context.Context, after time.Time) []provider.List {
	if d.listable {
		var readings sync.WaitGroup
		for _, region := range d.own {
			if regionError(region) != nil {
				continue
			}
			readings.Go(func() { _ = d.account.Refresh(ctx, region, after, d.get) }) // the status has the error
		}
		readings.Wait()
	}
	var lists []provider.List
	for _, s := range d.account.Status() {
		if slices.Contains(d.own, s.Region) {
			lists = append(lists, provider.List{Location: s.Region, Account: s.Account, At: s.At, Models: s.Models, Profiles: s.Profiles, Err: s.Err})
		}
	}
	return lists
}

// RawLists returns AWS's lists for the deployment's regions.
func (d *deployment) RawLists(ctx context.Context) (map[string][]byte, error) {
	all := map[string][]byte{}
	var errs []error
	for _, region := range d.own {
		found, err := inventory.RawLists(ctx, region, d.get)
		maps.Copy(all, found)
		errs = append(errs, err)
	}
	return all, errors.Join(errs...)
}

// Models returns the models that the gateway can serve for which the policy allows a target, and the
// account's own inference profiles. It omits models that no list of the region has. Those of a deployment of
// bedrock_mantle are the models that bedrock-mantle has by OpenAI's API, and no profiles.
func (d *deployment) Models() []provider.Model {
	if regionError(d.home) != nil { // nothing can be called in a region that does not exist
		return nil
	}
	state := d.account.Snapshot()
	known := state.Catalogue
	var out []provider.Model
	for _, m := range known.Models() {
		if !servable(m) || known.Shortened(m.ID) || d.overrides.mantle && !namedAtMantle(known, m) {
			continue
		}
		if row, ok := d.model(state, m); ok {
			out = append(out, row)
		}
	}
	for _, p := range known.Profiles() {
		if !p.Application || d.overrides.mantle {
			continue
		}
		for _, region := range d.own {
			if arn := p.ARN(region); arn != "" {
				row := provider.Model{ID: arn, Title: p.Name, Target: llm.Destination{API: "converse", Region: region, ID: arn, Reason: "an inference profile of the account"}, Serves: p.Destinations(region), Anywhere: p.Worldwide()}
				if m, ok := known.Model(p.Base); ok {
					describe(&row, m, region, d.now())
					price(&row, priceOf(known, m, resolve.Candidate{ID: arn, Region: region, Base: p.Base}))
				}
				out = append(out, row)
			}
		}
	}
	return out
}

// namedAtMantle reports whether bedrock-mantle has a model by OpenAI's API, and not by another id that is in the
// catalogue too.
func namedAtMantle(known *catalog.Catalogue, m *catalog.Model) bool {
	if openai.Mantle(m) == nil {
		return false
	}
	_, twin := known.Model(m.Mantle.ID)
	return m.Mantle.ID == m.ID || !twin
}

// servable reports whether the gateway has an API for a model.
func servable(m *catalog.Model) bool {
	id, err := modelid.Parse(m.ID)
	switch {
	case err != nil:
		return false
	case m.Kind == catalog.KindEmbedding:
		return embed.NewModel(id.Vendor, id.Name, m).Known()
	case m.Kind == catalog.KindRerank:
		return rerank.NewModel(id.Vendor, id.Name, m).Known()
	default:
		return (m.Kind == catalog.KindChat || m.Kind == catalog.KindUnknown) && (m.Output == 0 || m.Output.Has(catalog.Text))
	}
}

// verbOf is what a model is for; 0 if it is for nothing that the gateway serves.
func verbOf(m *catalog.Model) llm.Verb {
	switch m.Kind {
	case catalog.KindEmbedding:
		return llm.VerbEmbed
	case catalog.KindRerank:
		return llm.VerbRerank
	case catalog.KindChat, catalog.KindUnknown, catalog.KindText:
		return llm.VerbChat
	default:
		return 0
	}
}

// model describes a model if there is a target for it.
func (d *deployment) model(state *inventory.State, m *catalog.Model) (provider.Model, bool) {
	known := state.Catalogue
	id, err := modelid.Parse(m.ID)
	if err != nil {
		return provider.Model{}, false
	}
	if d.overrides.mantle {
		id.Route = modelid.Mantle
	}
	a := asked{id: id, model: id, region: d.home, policy: d.policy}
	targets := slices.DeleteFunc(decide(a, state).Candidates, func(w resolve.Candidate) bool {
		if w.API == resolve.Mantle {
			return m.OnMantle(w.Region) == catalog.No
		}
		if m.OnDemand(w.Region) == catalog.Yes {
			return false
		}
		p, ok := known.Profile(w.ID)
		return !ok || p.From(w.Region) == catalog.No
	})
	if len(targets) == 0 {
		return provider.Model{}, false
	}
	best := targets[0]
	row := provider.Model{
		ID: m.ID, Names: known.NamesOf(m.ID), Title: m.Name,
		Target: llm.Destination{API: best.API, Region: best.Region, ID: best.ID, Reason: best.Reason}, Serves: []string{best.Region},
	}
	if best.API == resolve.Mantle {
		row.Target.API = mantleAPI(openai.Mantle(m))
	}
	for _, w := range targets {
		p, ok := known.Profile(w.ID)
		if !ok {
			continue
		}
		row.Profiles = append(row.Profiles, w.ID)
		if w == best {
			row.Serves, row.Anywhere = p.Destinations(w.Region), p.Worldwide()
		}
	}
	describe(&row, m, best.Region, d.now())
	price(&row, priceOf(known, m, best))
	return row, true
}

// price fills in the price of a token; p is nil if it is unknown.
func price(row *provider.Model, p *catalog.Price) {
	if p != nil {
		row.Input, row.Output = amount(p.Standard.Input), amount(p.Standard.Output)
	}
}

// describe fills in what does not depend on the target.
func describe(row *provider.Model, m *catalog.Model, region string, now time.Time) {
	row.Owner, row.Verb, row.Context, row.MaxOutput = m.Vendor, verbOf(m), m.Context, m.MaxOutput
	legacy := m.Lifecycle.IsLegacy(now)
	row.Known, row.Active, row.Ended = true, legacy == catalog.No, m.Lifecycle.HasEnded(now)
	row.Legacy, row.EndOfLife, row.Successor = legacy == catalog.Yes, m.Lifecycle.EndOfLife.Time(), m.Lifecycle.Successor
	if access := m.Availability(region); access.Set {
		switch access.Value.Granted() {
		case catalog.Yes:
			row.Entitlement = provider.EntitlementGranted
		case catalog.No:
			row.Entitlement = provider.EntitlementRefused
		case catalog.Unknown:
		}
	}
}

func amount(r llm.Opt[catalog.Rate]) llm.Opt[llm.Cost] {
	return llm.Opt[llm.Cost]{Value: llm.Cost(r.Value), Set: r.Set}
}

// lifeWarnings returns a warning if a model is legacy or retired.
func lifeWarnings(m *catalog.Model, now time.Time) []llm.Warning {
	l := &m.Lifecycle
	if l.IsLegacy(now) != catalog.Yes {
		return nil
	}
	w := llm.Warning{Code: llm.WarnLegacy, Field: "model", Detail: lifeOf(l, now)}
	if l.HasEnded(now) {
		w.Code = llm.WarnEnded
	}
	if l.Successor != "" {
		w.Detail += "; its successor is " + l.Successor
	}
	return []llm.Warning{w}
}

// lifeOf describes the end of life of a legacy model; empty if no day is known.
func lifeOf(l *catalog.Lifecycle, now time.Time) string {
	switch {
	case l.HasEnded(now) && !l.EndOfLife.IsZero():
		return "its end of life was " + l.EndOfLife.String()
	case l.HasEnded(now):
		return "its end of life has passed"
	case !l.EndOfLife.IsZero():
		return "its end of life is " + l.EndOfLife.String()
	case !l.Legacy.IsZero():
		return "legacy since " + l.Legacy.String()
	}
	return ""
}
