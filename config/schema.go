package config

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/provider"
)

// schema is a JSON Schema of the draft 2020-12 (https://json-schema.org/draft/2020-12), as far as WriteSchema needs it.
type schema struct {
	Schema      string             `json:"$schema,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Deprecated  bool               `json:"deprecated,omitzero"`
	AnyOf       []*schema          `json:"anyOf,omitempty"`
	Type        []string           `json:"type,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	Minimum     *float64           `json:"minimum,omitempty"`
	Above       *float64           `json:"exclusiveMinimum,omitempty"`
	Maximum     *float64           `json:"maximum,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Patterns    map[string]*schema `json:"patternProperties,omitempty"`
	// Others is what other members must be; nil for anything.
	Others jsonx.Raw `json:"additionalProperties,omitempty"`
}

// booleanWord is what the loader takes as a boolean in quotes, in any case: editors' regular expressions have no flag for that.
const booleanWord = `^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[Yy][Ee][Ss]|[Nn][Oo]|[Oo][Nn]|[Oo][Ff][Ff])$`

// reference is what may stand for any value: the name of an environment variable or of a file.
const reference = `^os\.(environ|file)/.+`

// WriteSchema writes a JSON Schema of the configuration for editors. A key without effect is deprecated in it, and an unknown
// key is an error where one is reported at the start. The settings of providers are among those of litellm_params.
func WriteSchema(w io.Writer, providers []provider.Info) error {
	root := &schema{
		Schema: "https://json-schema.org/draft/2020-12/schema", Title: "Configuration of Outcrop, in the format of LiteLLM's config.yaml",
		Type: []string{"object", "null"},
	}
	t := keyTable()
	for k := range t.all() {
		holder := root.at(k.Section)
		if strict(k.Section) {
			holder.Others = jsonx.Raw("false")
		}
		if holder.Properties == nil {
			holder.Properties = map[string]*schema{}
		}
		if holder.Properties[k.Name] == nil {
			holder.Properties[k.Name] = &schema{}
		}
		k.describe(holder.Properties[k.Name])
	}
	params := root.at(sectionParams)
	for i := range providers {
		for _, o := range providers[i].Settings() {
			k, known := t.find(sectionParams, o.Name)
			if !known {
				k = Key{Section: sectionParams, Name: o.Name, Type: StringType}
			}
			if k.Class = Supported; k.Help == "" {
				k.Help = "A setting of " + providers[i].Name + "."
			}
			if params.Properties[o.Name] == nil || !known {
				params.Properties[o.Name] = &schema{}
			}
			params.Properties[o.Name].Deprecated = false
			k.describe(params.Properties[o.Name])
		}
	}
	root.Properties["environment_variables"].Others = jsonx.Raw(`{"type":["string","number","boolean","null"]}`)
	text, err := jsonx.Marshal(root)
	if err != nil {
		return fmt.Errorf("the schema of the configuration: %w", err)
	}
	if text, err = jsonx.Indent(text); err != nil {
		return fmt.Errorf("the schema of the configuration: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s\n", text)
	return err
}

// at returns the schema of a section, such as model_list[].litellm_params. A last segment in capitals is a name of the user's.
func (s *schema) at(section string) *schema {
	for _, name := range sectionPath(section) {
		name, list := strings.CutSuffix(name, "[]")
		var next *schema
		if name == strings.ToUpper(name) {
			if s.Patterns == nil {
				s.Patterns = map[string]*schema{".": {Type: []string{"object", "null"}}}
			}
			next = s.Patterns["."]
		} else {
			if s.Properties == nil {
				s.Properties = map[string]*schema{}
			}
			if s.Properties[name] == nil {
				s.Properties[name] = &schema{}
			}
			next = s.Properties[name]
		}
		if list {
			if next.Items == nil {
				next.Items = &schema{Type: []string{"object", "null"}}
			}
			next = next.Items
		}
		s = next
	}
	return s
}

// describe writes what a key takes into a schema, which may hold the keys below it already.
func (k Key) describe(s *schema) {
	s.Description = k.Help
	switch k.Class {
	case Supported, PerProvider:
	case Ignored, NotYet:
		s.Deprecated = true
		s.Description = strings.TrimSpace(s.Description + " It has no effect. " + k.Note)
	case Limits:
		s.Deprecated = true
		s.Description = strings.TrimSpace(s.Description + " It is refused: it " + limitOf(k.Limit) + ". " + k.Note)
	}
	low, high := k.bounds()
	switch k.Type {
	case AnyType:
	case StringType, SecretType:
		s.Type = []string{"string", "number", "boolean", "null"}
	case BoolType:
		s.AnyOf = []*schema{{Type: []string{"boolean", "null"}}, {Type: []string{"string"}, Pattern: booleanWord + `|` + reference}}
	case IntType, NumberType, SecondsType:
		number := &schema{Type: []string{"number", "null"}, Maximum: high}
		if k.Type == IntType {
			number.Type[0] = "integer"
		}
		if k.Type == SecondsType && k.Min == 0 {
			number.Above = low
		} else {
			number.Minimum = low
		}
		s.AnyOf = []*schema{number, {Type: []string{"string"}, Pattern: `^[+-]?[0-9.eE+_-]+$|` + reference}}
	case ListType:
		s.Type = []string{"array", "null"}
	case MapType:
		s.Type = []string{"object", "null"}
	}
	if k.Class == Ignored || k.Class == NotYet || k.Class == Limits {
		s.AnyOf, s.Type = nil, nil // the value is not read
	}
}

// bounds returns the bounds of a number; nil where there is none.
func (k Key) bounds() (low, high *float64) {
	if k.Max == 0 {
		return nil, nil
	}
	low, high = new(float64), new(float64)
	*low, *high = k.Min, k.Max
	return low, high
}

// strict reports whether an unknown key is an error in a section.
func strict(section string) bool {
	return section == sectionTokens || slices.ContainsFunc([]string{sectionGuardrail, "outcrop_settings", "model_list[].model_info.outcrop"}, func(beginning string) bool { return strings.HasPrefix(section, beginning) })
}
