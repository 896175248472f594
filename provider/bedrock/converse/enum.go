package converse

import (
	"bytes"
	"slices"

	"outcrop/internal/jsonx"
)

// choice is an enum as AWS takes it beside a type: of one type the values that are of
// it, and of a list of types an alternative for each, since a value that is not of the
// declared type is refused ("Enum value does not match declared type"). It is nil if
// the enum can stay as it is or cannot be said. nothing is whether no value is of a type
// that is declared.
func (c *closing) choice(n *node, enum jsonx.Raw) (choice jsonx.Raw, nothing bool) {
	var values []jsonx.Raw
	if jsonx.Unmarshal(enum, &values) != nil || !primitives(enum) {
		return nil, false
	}
	of := func(kind string) []jsonx.Raw {
		var own []jsonx.Raw
		for _, v := range values {
			if fits(v, kind) {
				own = append(own, v)
			}
		}
		return own
	}
	if n.single() {
		own := of(n.types[0])
		if len(own) == 0 || len(own) == len(values) {
			return nil, len(own) == 0
		}
		return array(own), false
	}
	var alternatives []jsonx.Raw
	for _, kind := range n.types {
		own := of(kind)
		if len(own) == 0 {
			continue
		}
		w := jsonx.Writer{}
		w.Object()
		w.Key("type")
		w.String(kind)
		if kind != "null" {
			w.Key("enum")
			w.Raw(array(own))
		}
		w.EndObject()
		alternatives = append(alternatives, w.Buf)
	}
	if len(alternatives) == 0 {
		return nil, true
	}
	return array(alternatives), false
}

func array(values []jsonx.Raw) jsonx.Raw {
	var w jsonx.Writer
	w.Array()
	for _, v := range values {
		w.Raw(v)
	}
	w.EndArray()
	return w.Buf
}

// fits reports whether a primitive value is of a type of JSON Schema.
func fits(v jsonx.Raw, kind string) bool {
	switch v.Kind() {
	case '"':
		return kind == "string"
	case '0':
		return kind == "number" || kind == "integer" && !bytes.ContainsAny(v, ".eE")
	case 'n':
		return kind == "null"
	default:
		return kind == "boolean"
	}
}

// primitives reports whether a list has neither objects nor lists.
func primitives(list jsonx.Raw) bool {
	var values []jsonx.Raw
	return jsonx.Unmarshal(list, &values) == nil &&
		!slices.ContainsFunc(values, func(v jsonx.Raw) bool { return v.Kind() == '{' || v.Kind() == '[' })
}
