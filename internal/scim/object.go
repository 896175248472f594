// Package scim has what SCIM 2.0 (RFC 7643 and 7644) says of any resource: its names without regard to case, filters,
// changes by PATCH, and errors. It knows neither users nor groups, and does no I/O.
package scim

import (
	"slices"
	"strings"

	"outcrop/internal/jsonx"
)

// Schemas.
const (
	User           = "urn:ietf:params:scim:schemas:core:2.0:User"
	Group          = "urn:ietf:params:scim:schemas:core:2.0:Group"
	EnterpriseUser = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	listResponse   = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	errorMessage   = "urn:ietf:params:scim:api:messages:2.0:Error"
)

// Object is a JSON object whose members are found without regard to the case of their names, as SCIM's attributes
// are (RFC 7643, 2.1). Members keep their order.
type Object struct{ members []jsonx.Member }

// Parse reads an object. The error is an *Error. Of two members whose names differ in case only, it is not said which
// one is meant, so that is an error.
func Parse(doc []byte) (*Object, error) {
	members, err := jsonx.Members(doc)
	if err != nil {
		return nil, Fault(InvalidSyntax, "the body must be a JSON object: %s", err)
	}
	seen := map[string]bool{}
	for _, m := range members {
		if seen[strings.ToLower(m.Name)] {
			return nil, Fault(InvalidSyntax, "%s is given twice", m.Name)
		}
		seen[strings.ToLower(m.Name)] = true
	}
	return &Object{members}, nil
}

func (o *Object) at(name string) int {
	return slices.IndexFunc(o.members, func(m jsonx.Member) bool { return strings.EqualFold(m.Name, name) })
}

// Get is the value of an attribute; nil if it is absent or null.
func (o *Object) Get(name string) jsonx.Raw {
	if i := o.at(name); i >= 0 && o.members[i].Value.Kind() != 'n' {
		return o.members[i].Value
	}
	return nil
}

// Text is the text of an attribute; empty if it is none.
func (o *Object) Text(name string) string { return textOf(o.Get(name)) }

// textOf is a JSON string's text; empty for anything else.
func textOf(v jsonx.Raw) string {
	if len(v) == 0 || v.Kind() != '"' {
		return ""
	}
	return jsonx.Word(v)
}

// Object is the object at an attribute; an empty one if it is none.
func (o *Object) Object(name string) *Object { return objectOf(o.Get(name)) }

func objectOf(v jsonx.Raw) *Object {
	if len(v) == 0 || v.Kind() != '{' {
		return &Object{}
	}
	members, err := jsonx.Members(v)
	if err != nil {
		return &Object{}
	}
	return &Object{members}
}

// List is the values of an attribute: the items of a list, or a single value.
func (o *Object) List(name string) []jsonx.Raw { return listOf(o.Get(name)) }

func listOf(v jsonx.Raw) []jsonx.Raw {
	switch {
	case len(v) == 0 || v.Kind() == 'n':
		return nil
	case v.Kind() != '[':
		return []jsonx.Raw{v}
	}
	var items []jsonx.Raw
	if jsonx.Unmarshal(v, &items) != nil {
		return nil
	}
	return items
}

// Set sets an attribute; nil removes it. An attribute that is there keeps its name's case.
func (o *Object) Set(name string, value jsonx.Raw) {
	i := o.at(name)
	switch {
	case value == nil && i >= 0:
		o.members = slices.Delete(o.members, i, i+1)
	case value == nil:
	case i >= 0:
		o.members[i].Value = value
	default:
		o.members = append(o.members, jsonx.Member{Name: name, Value: value})
	}
}

// Put sets an attribute to a text; an empty one removes it.
func (o *Object) Put(name, text string) {
	if text == "" {
		o.Set(name, nil)
		return
	}
	o.Set(name, jsonx.AppendString(nil, text))
}

// Drop removes attributes.
func (o *Object) Drop(names ...string) {
	for _, name := range names {
		o.Set(name, nil)
	}
}

// Names are the attributes' names, in order.
func (o *Object) Names() []string {
	names := make([]string, len(o.members))
	for i := range o.members {
		names[i] = o.members[i].Name
	}
	return names
}

// Empty reports whether there are no attributes.
func (o *Object) Empty() bool { return len(o.members) == 0 }

// Bytes is the object as JSON.
func (o *Object) Bytes() jsonx.Raw {
	var w jsonx.Writer
	w.Object()
	w.Members(o.members)
	w.EndObject()
	return w.Buf
}

// Clone is a copy whose attributes can be set without changing o.
func (o *Object) Clone() *Object { return &Object{slices.Clone(o.members)} }

// Select leaves the attributes that a request wants: those of attributes, or all but those of excluded; lists with
// commas (RFC 7644, 3.9). id and schemas are always there.
func (o *Object) Select(attributes, excluded string) {
	switch {
	case attributes != "":
		wanted := names(attributes)
		o.members = slices.DeleteFunc(o.members, func(m jsonx.Member) bool { return !always(m.Name) && !slices.ContainsFunc(wanted, wants(m.Name)) })
	case excluded != "":
		unwanted := names(excluded)
		o.members = slices.DeleteFunc(o.members, func(m jsonx.Member) bool {
			return !always(m.Name) && slices.ContainsFunc(unwanted, func(n string) bool { return strings.EqualFold(n, m.Name) })
		})
	}
}

func always(name string) bool {
	return strings.EqualFold(name, "id") || strings.EqualFold(name, "schemas")
}

// names are the parts of a list with commas, without the core schemas in front of them.
func names(list string) []string {
	parts := strings.Split(list, ",")
	for i, p := range parts {
		parts[i] = uncore(strings.TrimSpace(p))
	}
	return parts
}

// wants reports whether a name in a list is an attribute's, or a part of it.
func wants(attribute string) func(name string) bool {
	return func(name string) bool {
		if strings.EqualFold(name, attribute) {
			return true
		}
		if len(name) <= len(attribute) || !strings.EqualFold(name[:len(attribute)], attribute) {
			return false
		}
		return name[len(attribute)] == '.' || name[len(attribute)] == ':'
	}
}

// uncore removes the core schema that may be in front of an attribute.
func uncore(path string) string {
	for _, schema := range [...]string{User, Group} {
		if len(path) > len(schema) && strings.EqualFold(path[:len(schema)], schema) && path[len(schema)] == ':' {
			return path[len(schema)+1:]
		}
	}
	return path
}

// Truth is the value of a boolean, which clients such as Entra ID also send as a text; ok is false if it is neither.
func Truth(v jsonx.Raw) (yes, ok bool) {
	word := strings.ToLower(string(v))
	if text := textOf(v); text != "" {
		word = strings.ToLower(text)
	}
	return word == "true", word == "true" || word == "false"
}

// Primary is the value of a list's primary item, or else of its first one (RFC 7643, 2.4). Items may be texts.
func Primary(items []jsonx.Raw) string {
	first := ""
	for _, item := range items {
		value := textOf(item)
		if item.Kind() == '{' {
			o := objectOf(item)
			value = o.Text("value")
			if yes, _ := Truth(o.Get("primary")); yes && value != "" {
				return value
			}
		}
		if first == "" {
			first = value
		}
	}
	return first
}
