package llm

import "slices"

// OrderWarnings merges the warnings that the client's dialect found in a request with those of the
// provider. A warning about a member of Unmapped stands where the member stood in the request, so
// that many warnings about later parts do not push it out of a bounded header. All others keep their
// order, the dialect's first.
func (r *Request) OrderWarnings(found, provider []Warning) []Warning {
	out := make([]Warning, 0, len(found)+len(provider))
	provider = slices.Clone(provider)
	done := 0
	for i := range min(len(r.Unmapped), len(r.UnmappedAt)) {
		name := r.FieldName(Field{Kind: FieldUnmapped, Name: r.Unmapped[i].Name})
		own := slices.IndexFunc(provider, func(w Warning) bool { return w.Field == name })
		if own < 0 {
			continue
		}
		if at := min(r.UnmappedAt[i], len(found)); at > done {
			out = append(out, found[done:at]...)
			done = at
		}
		out = append(out, provider[own])
		provider = slices.Delete(provider, own, own+1)
	}
	return append(append(out, found[done:]...), provider...)
}
