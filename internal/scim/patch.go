package scim

import (
	"bytes"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
)

// Operation is one operation of a PATCH request.
type Operation struct {
	// Op is add, remove or replace.
	Op string
	// Path is what it changes; empty for what its value names.
	Path string
	// Value is nil for none.
	Value jsonx.Raw
}

// maxOperations bounds what one request may do, each of whose operations may look at all members of a group.
const maxOperations = 1000

// ParsePatch reads the body of a PATCH request (RFC 7644, 3.5.2). The error is an *Error.
func ParsePatch(doc []byte) ([]Operation, error) {
	body, err := Parse(doc)
	if err != nil {
		return nil, err
	}
	items := body.List("Operations")
	if len(items) == 0 {
		return nil, Fault(InvalidSyntax, "Operations must be a list of operations")
	}
	if len(items) > maxOperations {
		return nil, Fault(TooMany, "there are %d operations; at most %d are possible at once", len(items), maxOperations)
	}
	all := make([]Operation, len(items))
	for i, item := range items {
		o := objectOf(item)
		op := Operation{Op: strings.ToLower(o.Text("op")), Path: strings.TrimSpace(o.Text("path")), Value: o.Get("value")}
		if op.Op != "add" && op.Op != "remove" && op.Op != "replace" {
			return nil, Fault(InvalidSyntax, "Operations[%d].op must be add, remove or replace", i)
		}
		all[i] = op
	}
	return all, nil
}

// Apply changes a resource by an operation. The error is an *Error.
//
// It takes what Entra ID and Okta send beside what RFC 7644 has: paths as names in a value without a path, the items to
// remove as a value, and a manager as a text. An item of a list that is to be replaced, and is not there, is added if
// the filter says what it is.
func (o *Object) Apply(op Operation) error {
	if op.Path != "" {
		return o.apply(op)
	}
	if op.Op == "remove" {
		return Fault(NoTarget, "a remove operation must have a path")
	}
	if op.Value.Kind() != '{' {
		return Fault(InvalidValue, "the value of an operation without a path must be an object")
	}
	value, err := Parse(op.Value)
	if err != nil {
		return err
	}
	for _, m := range value.members {
		if readOnly(uncore(m.Name)) {
			continue // Okta repeats the id
		}
		one := Operation{Op: op.Op, Path: m.Name, Value: m.Value}
		if m.Value.Kind() == 'n' {
			one = Operation{Op: "remove", Path: m.Name}
		}
		if err := o.apply(one); err != nil {
			return err
		}
	}
	return nil
}

// readOnly reports whether the gateway alone sets an attribute (RFC 7643, 3.1 and 4.1.2).
func readOnly(name string) bool {
	name, _, _ = strings.Cut(name, ".")
	name, _, _ = strings.Cut(name, "[")
	return slices.Contains([]string{"id", "meta", "schemas", "groups"}, strings.ToLower(name))
}

// multiple reports whether an attribute is a list (RFC 7643, 4).
func multiple(name string) bool {
	return slices.Contains([]string{"emails", "phonenumbers", "ims", "photos", "addresses", "entitlements", "roles", "x509certificates", "members"}, strings.ToLower(name))
}

// apply changes what a path names.
func (o *Object) apply(op Operation) error {
	if op.Op != "remove" && op.Value == nil {
		return Fault(InvalidValue, "the operation %s of %s must have a value", op.Op, op.Path)
	}
	if extension, rest := o.extension(op.Path); extension != "" {
		within := o.Object(extension)
		if rest == "" {
			return o.whole(extension, op)
		}
		op.Path = rest
		if err := within.apply(op); err != nil {
			return err
		}
		if within.Empty() {
			o.Drop(extension)
		} else {
			o.Set(extension, within.Bytes())
		}
		return nil
	}
	p := &parser{rest: uncore(op.Path), text: op.Path, kind: InvalidPath}
	if readOnly(p.rest) {
		return Fault(Mutability, "%s cannot be changed", op.Path)
	}
	at, err := p.attribute()
	if err != nil {
		return err
	}
	var of *Filter
	if p.eat("[") {
		if of, err = p.closed("]"); err != nil {
			return err
		}
		if rest, ok := strings.CutPrefix(p.rest, "."); ok {
			p.rest = rest
			at.sub = p.name()
		}
	}
	if p.rest != "" {
		return p.fault("the end of the path")
	}
	switch {
	case at.schema != "":
		return p.fault("an attribute of a schema")
	case of != nil:
		return o.items(at, of, op)
	case at.sub != "":
		return o.part(at, op)
	default:
		return o.whole(at.name, op)
	}
}

// extension splits a path into the schema of an extension and the rest; empty if it has none.
func (o *Object) extension(text string) (schema, rest string) {
	if len(text) < 4 || !strings.EqualFold(text[:4], "urn:") || uncore(text) != text {
		return "", ""
	}
	if strings.EqualFold(text, EnterpriseUser) || o.at(text) >= 0 {
		return text, ""
	}
	end := len(text)
	if i := strings.IndexByte(text, '['); i >= 0 {
		end = i
	}
	colon := strings.LastIndexByte(text[:end], ':')
	if colon < 4 || colon == len(text)-1 {
		return "", ""
	}
	return text[:colon], text[colon+1:]
}

// whole changes an attribute.
func (o *Object) whole(name string, op Operation) error {
	old := o.Get(name)
	value := op.Value
	if strings.EqualFold(name, "manager") && len(value) > 0 && value.Kind() == '"' { // as Entra ID sends it
		m := &Object{}
		m.Put("value", textOf(value))
		value = m.Bytes()
	}
	switch {
	case op.Op == "remove" && value != nil && multiple(name): // as Entra ID removes members
		o.keep(name, func(item jsonx.Raw) bool {
			return !slices.ContainsFunc(listOf(value), func(v jsonx.Raw) bool { return same(item, v) })
		})
	case op.Op == "remove":
		o.Drop(name)
	case multiple(name):
		items := listOf(value)
		if op.Op == "add" {
			items = added(listOf(old), items)
		}
		o.Set(name, jsonx.Array(items))
	case value.Kind() == '{' && len(old) > 0 && old.Kind() == '{':
		merged, err := merge(old, value)
		if err != nil {
			return err
		}
		o.Set(name, merged)
	default:
		o.Set(name, value)
	}
	return nil
}

// merge sets the attributes of an object to those of another.
func merge(old, value jsonx.Raw) (jsonx.Raw, error) {
	to := objectOf(old)
	from, err := Parse(value)
	if err != nil {
		return nil, err
	}
	for _, m := range from.members {
		if m.Value.Kind() == 'n' {
			m.Value = nil
		}
		to.Set(m.Name, m.Value)
	}
	return to.Bytes(), nil
}

// keep leaves those items of a list that a test accepts.
func (o *Object) keep(name string, good func(item jsonx.Raw) bool) {
	var left []jsonx.Raw
	for _, item := range o.List(name) {
		if good(item) {
			left = append(left, item)
		}
	}
	if len(left) == 0 {
		o.Drop(name)
		return
	}
	o.Set(name, jsonx.Array(left))
}

// same reports whether two items of a list are the same: they have the same value, and the same type if both have one.
func same(a, b jsonx.Raw) bool {
	x, y := itemOf(a), itemOf(b)
	if x.Get("value") == nil || y.Get("value") == nil {
		return bytes.Equal(a, b)
	}
	return bytes.Equal(x.Get("value"), y.Get("value")) && (x.Get("type") == nil || y.Get("type") == nil || strings.EqualFold(x.Text("type"), y.Text("type")))
}

// added are items with those of another list that are not among them. A new primary one takes the place of the old.
func added(old, items []jsonx.Raw) []jsonx.Raw {
	seen := map[string]bool{}
	for _, o := range old { // groups have many members
		seen[string(itemOf(o).Get("value"))] = true
	}
	for _, item := range items {
		value := string(itemOf(item).Get("value"))
		if seen[value] && slices.ContainsFunc(old, func(o jsonx.Raw) bool { return same(o, item) }) {
			continue
		}
		seen[value] = true
		if yes, _ := Truth(itemOf(item).Get("primary")); yes {
			for i, o := range old {
				if was, _ := Truth(itemOf(o).Get("primary")); was {
					other := objectOf(o)
					other.Set("primary", jsonx.Raw("false"))
					old[i] = other.Bytes()
				}
			}
		}
		old = append(old, item)
	}
	return old
}

// part changes a part of an attribute, or of all items of a list.
func (o *Object) part(at path, op Operation) error {
	set := func(of jsonx.Raw) jsonx.Raw {
		item := itemOf(of)
		item.Set(at.sub, valueOf(op))
		return item.Bytes()
	}
	old := o.Get(at.name)
	switch {
	case len(old) > 0 && old.Kind() == '[':
		items := listOf(old)
		for i := range items {
			items[i] = set(items[i])
		}
		o.Set(at.name, jsonx.Array(items))
	case old == nil && op.Op == "remove":
	case old == nil && multiple(at.name):
		o.Set(at.name, jsonx.Array([]jsonx.Raw{set(jsonx.Raw("{}"))}))
	case old == nil:
		o.Set(at.name, set(jsonx.Raw("{}")))
	case old.Kind() != '{':
		return Fault(InvalidPath, "%s has no parts", at.name)
	default:
		o.Set(at.name, set(old))
	}
	return nil
}

// valueOf is what an operation sets; nil if it removes.
func valueOf(op Operation) jsonx.Raw {
	if op.Op == "remove" {
		return nil
	}
	return op.Value
}

// items changes the items of a list that a filter selects, or a part of each.
func (o *Object) items(at path, of *Filter, op Operation) error {
	if op.Op == "remove" && at.sub == "" {
		o.keep(at.name, func(item jsonx.Raw) bool { return !of.Matches(itemOf(item)) })
		return nil
	}
	changed := func(item *Object) (jsonx.Raw, error) {
		switch {
		case at.sub != "":
			item.Set(at.sub, valueOf(op))
		case op.Value.Kind() == '{' && op.Op == "add":
			return merge(item.Bytes(), op.Value)
		case op.Value.Kind() == '{':
			return op.Value, nil
		default:
			item.Set("value", op.Value)
		}
		return item.Bytes(), nil
	}
	items := o.List(at.name)
	found := false
	for i := range items {
		item := itemOf(items[i])
		if !of.Matches(item) {
			continue
		}
		found = true
		var err error
		if items[i], err = changed(item); err != nil {
			return err
		}
	}
	if !found && op.Op != "remove" {
		fresh := &Object{}
		if !of.fill(fresh) {
			return Fault(NoTarget, "%s selects nothing", op.Path)
		}
		item, err := changed(fresh)
		if err != nil {
			return err
		}
		items = append(items, item)
	}
	if len(items) > 0 {
		o.Set(at.name, jsonx.Array(items))
	}
	return nil
}

// fill makes an object that a filter selects, if it says what each attribute is.
func (f *Filter) fill(o *Object) bool {
	switch f.op {
	case "and":
		return f.left.fill(o) && f.right.fill(o)
	case "eq":
		if f.attr.schema != "" || f.attr.sub != "" || f.value.Kind() == 'n' {
			return false
		}
		v := f.value
		if yes, ok := Truth(v); ok && strings.EqualFold(f.attr.name, "primary") {
			v = jsonx.Raw("false")
			if yes {
				v = jsonx.Raw("true")
			}
		}
		o.Set(f.attr.name, v)
		return true
	default:
		return false
	}
}
