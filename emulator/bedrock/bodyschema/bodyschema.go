// Package bodyschema checks the bodies of InvokeModel against the JSON schemas that
// Bedrock has for the models of some makers, and reports what is wrong in the words
// of Bedrock's validator, a Java library (https://github.com/everit-org/json-schema):
// "#/texts/0: expected maxLength: 2048, actual: 2049". Public reports of refusals
// have these words.
package bodyschema

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"outcrop/internal/jsonx"
)

// Type is the type of a value.
type Type string

// Types, in the validator's words. Any has none.
const (
	Any     Type = ""
	String  Type = "String"
	Integer Type = "Integer"
	Number  Type = "Number"
	Boolean Type = "Boolean"
	Array   Type = "JSONArray"
	Object  Type = "JSONObject"
)

// Schema describes a value. A zero limit means no limit; the zero Schema allows anything.
type Schema struct {
	Type Type
	// Properties are the members of an object, Required the names of those that must be
	// present. Other members are refused, unless Open is set or there are no Properties.
	Properties map[string]Schema
	Required   []string
	Open       bool
	// Items describes the elements of an array; nil for anything.
	Items              *Schema
	MinItems, MaxItems int
	// MinLength and MaxLength count UTF-16 code units, as Java does.
	MinLength, MaxLength int
	// Enum are the allowed values, strings or numbers, without quotes.
	Enum []string
	// Min and Max are bounds of a number; nil for none.
	Min, Max *float64
}

// Bounds returns pointers to the bounds of a number, for Min and Max.
func Bounds(lowest, highest float64) (least, most *float64) { return &lowest, &highest }

// Check returns the violation of a value, or how many violations there are; empty if
// there is none.
func (s *Schema) Check(value jsonx.Raw) string {
	switch faults := s.check("#", value, nil); len(faults) {
	case 0:
		return ""
	case 1:
		return faults[0]
	default:
		return fmt.Sprintf("%d schema violations found", len(faults))
	}
}

func (s *Schema) check(path string, value jsonx.Raw, faults []string) []string {
	add := func(format string, args ...any) { faults = append(faults, path+": "+fmt.Sprintf(format, args...)) }
	if s.Type != Any && !s.Type.is(value) {
		add("expected type: %s, found: %s", s.Type, found(value))
		return faults
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, plain(value)) {
		add("%s is not a valid enum value", plain(value))
	}
	switch value.Kind() {
	case '"':
		n := len(utf16.Encode([]rune(plain(value))))
		switch {
		case n < s.MinLength:
			add("expected minLength: %d, actual: %d", s.MinLength, n)
		case s.MaxLength > 0 && n > s.MaxLength:
			add("expected maxLength: %d, actual: %d", s.MaxLength, n)
		}
	case '0':
		n, err := strconv.ParseFloat(string(value), 64)
		switch {
		case err != nil:
		case s.Min != nil && n < *s.Min:
			add("%s is not greater or equal to %v", value, *s.Min)
		case s.Max != nil && n > *s.Max:
			add("%s is not less or equal to %v", value, *s.Max)
		}
	case '[':
		faults = s.checkItems(path, value, faults)
	case '{':
		faults = s.checkMembers(path, value, faults)
	default: // true, false and null have no limits
	}
	return faults
}

func (s *Schema) checkItems(path string, value jsonx.Raw, faults []string) []string {
	var list []jsonx.Raw
	if jsonx.Unmarshal(value, &list) != nil {
		return faults
	}
	switch {
	case len(list) < s.MinItems:
		faults = append(faults, fmt.Sprintf("%s: expected minimum item count: %d, found: %d", path, s.MinItems, len(list)))
	case s.MaxItems > 0 && len(list) > s.MaxItems:
		faults = append(faults, fmt.Sprintf("%s: expected maximum item count: %d, found: %d", path, s.MaxItems, len(list)))
	}
	if s.Items == nil {
		return faults
	}
	for i, item := range list {
		faults = s.Items.check(path+"/"+strconv.Itoa(i), item, faults)
	}
	return faults
}

func (s *Schema) checkMembers(path string, value jsonx.Raw, faults []string) []string {
	members, err := jsonx.Members(value)
	if err != nil {
		return faults
	}
	for _, name := range s.Required {
		if jsonx.Find(members, name) == nil {
			faults = append(faults, fmt.Sprintf("%s: required key [%s] not found", path, name))
		}
	}
	for _, m := range members {
		property, known := s.Properties[m.Name]
		switch {
		case known:
			faults = property.check(path+"/"+m.Name, m.Value, faults)
		case s.Properties != nil && !s.Open:
			faults = append(faults, fmt.Sprintf("%s: extraneous key [%s] is not permitted", path, m.Name))
		}
	}
	return faults
}

func (t Type) is(value jsonx.Raw) bool {
	switch t {
	case String:
		return value.Kind() == '"'
	case Integer:
		return value.Kind() == '0' && !strings.ContainsAny(string(value), ".eE")
	case Number:
		return value.Kind() == '0'
	case Boolean:
		return value.Kind() == 't' || value.Kind() == 'f'
	case Array:
		return value.Kind() == '['
	case Object:
		return value.Kind() == '{'
	default:
		return true
	}
}

// found returns the validator's word for the type of a value: the name of a Java class.
func found(value jsonx.Raw) string {
	switch value.Kind() {
	case '"':
		return "String"
	case '0':
		if strings.ContainsAny(string(value), ".eE") {
			return "BigDecimal"
		}
		return "Integer"
	case 't', 'f':
		return "Boolean"
	case '[':
		return "JSONArray"
	case '{':
		return "JSONObject"
	default:
		return "Null"
	}
}

// plain returns a string without its quotes, and any other value unchanged.
func plain(value jsonx.Raw) string {
	var s string
	if value.Kind() == '"' && jsonx.Unmarshal(value, &s) == nil {
		return s
	}
	return string(value)
}
