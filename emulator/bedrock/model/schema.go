package model

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"outcrop/internal/jsonx"
	"outcrop/internal/lazyregexp"
)

// maxDepth limits the depth of an instance of a recursive schema.
const maxDepth = 12

// instance returns a JSON value that matches a schema: required properties, types,
// enums, constants, bounds, references and the first of alternatives. It ignores
// patterns. Strings are filled from the prompt, with the nth subject; numbers are taken
// from the prompt.
func (p *prompt) instance(schema jsonx.Raw, subjects []string, n int) jsonx.Raw {
	f := &filler{root: schema, text: p.text, numbers: number.FindAllString(p.text, -1)}
	if n < len(subjects) {
		f.subject = subjects[n]
	}
	f.value(schema, "", 0)
	return f.w.Buf
}

var number = lazyregexp.New(`-?\b[0-9]+(?:\.[0-9]+)?\b`)

// filler writes one instance.
type filler struct {
	w       jsonx.Writer
	root    jsonx.Raw
	text    string
	subject string
	numbers []string
}

// schemaObject is the supported part of JSON Schema (draft 2020-12).
type schemaObject struct {
	Ref              string      `json:"$ref"`
	Type             jsonx.Raw   `json:"type"`
	Const            jsonx.Raw   `json:"const"`
	Default          jsonx.Raw   `json:"default"`
	Enum             []jsonx.Raw `json:"enum"`
	AnyOf            []jsonx.Raw `json:"anyOf"`
	OneOf            []jsonx.Raw `json:"oneOf"`
	AllOf            []jsonx.Raw `json:"allOf"`
	Properties       jsonx.Raw   `json:"properties"`
	Required         []string    `json:"required"`
	Items            jsonx.Raw   `json:"items"`
	PrefixItems      []jsonx.Raw `json:"prefixItems"`
	MinItems         int         `json:"minItems"`
	Minimum          *float64    `json:"minimum"`
	Maximum          *float64    `json:"maximum"`
	ExclusiveMinimum *float64    `json:"exclusiveMinimum"`
	ExclusiveMaximum *float64    `json:"exclusiveMaximum"`
	MultipleOf       float64     `json:"multipleOf"`
	MinLength        int         `json:"minLength"`
	MaxLength        *int        `json:"maxLength"`
	Format           string      `json:"format"`
}

func (f *filler) value(schema jsonx.Raw, name string, depth int) {
	var s schemaObject
	if depth > maxDepth || jsonx.Unmarshal(schema, &s) != nil {
		f.w.Null()
		return
	}
	alternatives := slices.Concat(s.AnyOf, s.OneOf)
	switch {
	case s.Ref != "":
		f.value(resolve(f.root, s.Ref), name, depth+1)
	case s.Const != nil:
		f.w.Raw(s.Const)
	case len(s.Enum) > 0:
		f.w.Raw(f.pick(s.Enum))
	case len(alternatives) > 0:
		f.value(notNull(alternatives), name, depth+1)
	case len(s.AllOf) == 1 && s.Properties == nil:
		f.value(s.AllOf[0], name, depth+1)
	default:
		f.typed(&s, name, depth)
	}
}

// pick returns the value of an enum that the prompt mentions, or the first.
func (f *filler) pick(values []jsonx.Raw) jsonx.Raw {
	for _, v := range values {
		var s string
		if jsonx.Unmarshal(v, &s) == nil && s != "" && strings.Contains(strings.ToLower(f.text), strings.ToLower(s)) {
			return v
		}
	}
	return values[0]
}

// notNull returns the first alternative that is not null.
func notNull(alternatives []jsonx.Raw) jsonx.Raw {
	for _, a := range alternatives {
		var s schemaObject
		if jsonx.Unmarshal(a, &s) == nil && string(s.Type) != `"null"` {
			return a
		}
	}
	return alternatives[0]
}

func (f *filler) typed(s *schemaObject, name string, depth int) {
	switch typeOf(s) {
	case "object":
		f.object(s, depth)
	case "array":
		f.w.Array()
		for i := range max(s.MinItems, len(s.PrefixItems), 1) {
			item := s.Items
			if i < len(s.PrefixItems) {
				item = s.PrefixItems[i]
			}
			if item.Kind() == '{' {
				f.value(item, name, depth+1)
			}
		}
		f.w.EndArray()
	case "integer":
		f.w.Int(int64(f.bounded(s, true)))
	case "number":
		f.w.Float(f.bounded(s, false))
	case "boolean":
		f.w.Bool(true)
	case "null":
		f.w.Null()
	default:
		f.w.String(f.string(s, name))
	}
}

// typeOf returns the type of a schema; of several, the first that is not null.
func typeOf(s *schemaObject) string {
	var one string
	if jsonx.Unmarshal(s.Type, &one) == nil {
		return one
	}
	var several []string
	if jsonx.Unmarshal(s.Type, &several) == nil {
		for _, t := range several {
			if t != "null" {
				return t
			}
		}
	}
	switch {
	case s.Properties != nil:
		return "object"
	case s.Items != nil || s.PrefixItems != nil:
		return "array"
	}
	return "string"
}

// object writes the required properties or, if none is required, all.
func (f *filler) object(s *schemaObject, depth int) {
	members, err := jsonx.Members(s.Properties)
	if err != nil {
		members = nil // an invalid schema has no properties
	}
	for _, part := range s.AllOf {
		var more schemaObject
		if jsonx.Unmarshal(part, &more) == nil {
			if extra, err := jsonx.Members(more.Properties); err == nil {
				members = append(members, extra...)
				s.Required = append(s.Required, more.Required...)
			}
		}
	}
	f.w.Object()
	for _, m := range members {
		if len(s.Required) > 0 && !slices.Contains(s.Required, m.Name) {
			continue
		}
		if len(s.Required) == 0 && depth > 2 {
			continue // optional, and possibly recursive
		}
		f.w.AnyKey(m.Name)
		f.value(m.Value, m.Name, depth+1)
	}
	f.w.EndObject()
}

// bounded returns the next number of the prompt, or 1, moved into the schema's bounds.
func (f *filler) bounded(s *schemaObject, whole bool) float64 {
	v := 1.0
	if len(f.numbers) > 0 {
		if parsed, err := strconv.ParseFloat(f.numbers[0], 64); err == nil {
			v = parsed
		}
		f.numbers = f.numbers[1:]
	}
	if whole {
		v = math.Trunc(v)
	}
	step := 1.0
	if s.MultipleOf > 0 {
		step = s.MultipleOf
		v = math.Ceil(v/step) * step
	}
	if s.Minimum != nil && v < *s.Minimum {
		v = math.Ceil(*s.Minimum/step) * step
	}
	if s.ExclusiveMinimum != nil && v <= *s.ExclusiveMinimum {
		v = (math.Floor(*s.ExclusiveMinimum/step) + 1) * step
	}
	if s.Maximum != nil && v > *s.Maximum {
		v = clampDown(*s.Maximum, step, whole, s)
	}
	if s.ExclusiveMaximum != nil && v >= *s.ExclusiveMaximum {
		below := *s.ExclusiveMaximum - 1
		if s.Minimum != nil && below < *s.Minimum {
			below = (*s.Minimum + *s.ExclusiveMaximum) / 2
		}
		v = clampDown(below, step, whole, s)
	}
	return v
}

// clampDown returns the largest value up to most that is a multiple of the step, if the
// schema has one.
func clampDown(most, step float64, whole bool, s *schemaObject) float64 {
	if whole || s.MultipleOf > 0 {
		return math.Floor(most/step) * step
	}
	return most
}

// string returns a text for a property: one of its format, the subject, a quotation in
// the prompt, or the prompt itself.
func (f *filler) string(s *schemaObject, name string) string {
	switch s.Format {
	case "date":
		return "2026-01-31"
	case "date-time":
		return "2026-01-31T12:00:00Z"
	case "time":
		return "12:00:00Z"
	case "email":
		return "user@example.com"
	case "uri", "url":
		return "https://example.com/"
	case "uuid":
		return "00000000-0000-4000-8000-000000000000"
	case "ipv4":
		return "192.0.2.1"
	}
	text := f.subject
	if m := quoted.FindStringSubmatch(f.text); text == "" && m != nil {
		text = m[1] + m[2]
	}
	if text == "" {
		text = strings.Join(strings.Fields(firstRunes(f.text, 60)), " ")
	}
	if text == "" {
		text = name
	}
	if missing := s.MinLength - utf8.RuneCountInString(text); missing > 0 {
		text += strings.Repeat("x", missing)
	}
	if s.MaxLength != nil && *s.MaxLength >= 0 {
		text = firstRunes(text, int64(*s.MaxLength))
	}
	return text
}

var quoted = lazyregexp.New(`"([^"]+)"|'([^']{2,})'`)

// resolve returns the target of a local reference such as #/$defs/City.
func resolve(root jsonx.Raw, ref string) jsonx.Raw {
	path, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil
	}
	v := root
	for token := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if token == "" {
			continue
		}
		members, err := jsonx.Members(v)
		if err != nil {
			return nil
		}
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		at := slices.IndexFunc(members, func(m jsonx.Member) bool { return m.Name == token })
		if at < 0 {
			return nil
		}
		v = members[at].Value
	}
	return v
}
