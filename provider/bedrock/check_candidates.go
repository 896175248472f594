package bedrock

import (
	"cmp"
	"slices"
	"strings"

	"outcrop/provider"
	"outcrop/provider/bedrock/catalog"
)

// sampleMakers are the makers whose models are tried first: Amazon's need no
// subscription and no form
// (https://docs.aws.amazon.com/bedrock/latest/userguide/model-access.html), and
// Anthropic's are those that policies name most. It is never written to.
var sampleMakers = [...]string{"amazon", "anthropic"}

// Candidates returns all listed models, or the cheapest of each maker that the deployment's model
// string matches and that AWS has not denied access to.
func (d *deployment) Candidates(all bool) []string {
	switch {
	case d.params.Values["model_id"] != "":
		return nil
	case !all:
		return d.samples()
	}
	var out []string
	for _, m := range d.Models() {
		out = append(out, m.ID)
	}
	return out
}

// samples leaves out models that only bedrock-mantle has where there are others: they need a permission that calls of
// the others do not need.
func (d *deployment) samples() []string {
	if found := d.samplesOf(func(m *catalog.Model) bool { return d.overrides.mantle || !m.OnlyOnMantle() }); len(found) > 0 {
		return found
	}
	return d.samplesOf(func(*catalog.Model) bool { return true })
}

// samplesOf returns the cheapest of each maker's wanted models.
func (d *deployment) samplesOf(wanted func(*catalog.Model) bool) []string {
	before, after, _ := strings.Cut(d.params.Model, "*")
	route := before[:strings.LastIndexByte(before, '/')+1] // a route or a region in front of the id
	before = strings.TrimPrefix(before, route)
	best := map[string]provider.Model{}
	known := d.account.Snapshot().Catalogue
	for _, m := range d.Models() {
		rest, isBefore := strings.CutPrefix(m.ID, before)
		rest, isAfter := strings.CutSuffix(rest, after)
		if !isBefore || !isAfter || rest == "" || m.Owner == "" || m.Legacy || m.Entitlement == provider.EntitlementRefused || !m.Input.Set || !m.Output.Set {
			continue
		}
		if fact, ok := known.Model(m.ID); !ok || fact.Kind != catalog.KindChat || !wanted(fact) || fact.Streaming == catalog.No {
			continue
		}
		if other, ok := best[m.Owner]; !ok || m.Input.Value+m.Output.Value < other.Input.Value+other.Output.Value {
			best[m.Owner] = m
		}
	}
	all := make([]provider.Model, 0, len(best))
	for _, m := range best {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b provider.Model) int {
		return cmp.Or(cmp.Compare(rank(a.Owner), rank(b.Owner)), cmp.Compare(a.Input.Value+a.Output.Value, b.Input.Value+b.Output.Value), cmp.Compare(a.ID, b.ID))
	})
	out := make([]string, 0, len(all))
	for _, m := range all {
		out = append(out, route+m.ID)
	}
	return out
}

func rank(maker string) int {
	if at := slices.Index(sampleMakers[:], maker); at >= 0 {
		return at
	}
	return len(sampleMakers)
}

var _ provider.Checker = (*deployment)(nil)
