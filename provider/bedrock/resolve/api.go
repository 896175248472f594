package resolve

import (
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/modelid"
)

// Mantle is the API of models that only bedrock-mantle has: OpenAI's chat completions or Responses there.
const Mantle = "mantle"

// api is the API by which an id is called: InvokeModel for models that are called at a path of their
// own, Mantle for those that bedrock-mantle has under this id and Converse does not have, or for which the
// model string asks for it, and Converse for all others, also unknown ones.
func (r *resolver) api(id, base string) string {
	m, ok := r.cat.Model(base)
	switch {
	case ok && m.Path() != "":
		return "invoke"
	case ok && (m.Converse == catalog.No || r.mantle) && m.Mantle.ID == id && (m.Mantle.Chat == catalog.Yes || m.Mantle.Responses == catalog.Yes):
		return Mantle
	default:
		return "converse"
	}
}

// lacks is 1 for a candidate at bedrock-mantle in a region that is not known to have the model there, and 0 for
// any other.
func (r *resolver) lacks(c Candidate) int {
	if m, ok := r.cat.Model(c.Base); ok && c.API == Mantle && m.OnMantle(c.Region) == catalog.No {
		return 1
	}
	return 0
}

// onMantle adds a model at bedrock-mantle, which the model string asks for. It reports whether OpenAI's API
// there has the model.
func (r *resolver) onMantle(region string, id modelid.ID) bool {
	base := id.Base()
	if named, ok := r.cat.Friendly(base); ok {
		base = named
	}
	m, ok := r.cat.Model(base)
	if !ok || id.Geography != "" || r.api(m.Mantle.ID, m.ID) != Mantle {
		return false
	}
	r.add(region, m.Mantle.ID, m.ID, "mantle/ asks for bedrock-mantle")
	return true
}
