package openaichat

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// acyclic refuses a JSON schema in which a $ref refers to itself directly or through other $refs
// only, so that it has no meaning (https://json-schema.org/draft/2020-12/json-schema-core, section
// 9.4.1). A schema that refers to itself inside a property is a recursive type, which is valid.
func acyclic(field string, schema jsonx.Raw) error {
	if !bytes.Contains(schema, []byte(`"$ref"`)) {
		return nil
	}
	refs := references{}
	if err := jsonx.Unmarshal(schema, &refs); err != nil {
		return llm.Invalid(field, "%s cannot be decoded: %v", field, err)
	}
	done := map[string]bool{} // locations whose references are known to end
	for _, at := range slices.Sorted(maps.Keys(refs)) {
		path := map[string]bool{}
		for target, ok := refs[at]; ok && !done[at]; target, ok = refs[at] {
			if path[at] {
				return llm.Invalid(field, "%s has a circular $ref: %q", field, "#"+at)
			}
			path[at] = true
			at = target
		}
		for location := range path {
			done[location] = true
		}
	}
	return nil
}

// references are the locations in a schema that have a $ref to a location in the same schema, and
// that location, both as JSON pointers (RFC 6901).
type references map[string]string

func (r references) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	for {
		t, err := d.ReadToken()
		if err != nil {
			return err
		}
		kind, length := d.StackIndex(d.StackDepth())
		if name := kind == '{' && length%2 == 1; name && t.Kind() == '"' && t.String() == "$ref" && d.PeekKind() == '"' {
			t, err = d.ReadToken()
			if err != nil {
				return err
			}
			if target, ok := strings.CutPrefix(t.String(), "#"); ok {
				r[strings.TrimSuffix(string(d.StackPointer()), "/$ref")] = target
			}
		}
		if d.StackDepth() == 0 {
			return nil
		}
	}
}
