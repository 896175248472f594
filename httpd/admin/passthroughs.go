package admin

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/store"
	"outcrop/tenant"
)

// passThroughPath is where endpoints that pass requests on are managed.
const passThroughPath = "/config/pass_through_endpoint"

// PassThroughs serves the endpoints of the store that pass requests on, beside those of the configuration's file.
type PassThroughs interface {
	// Stored reports whether it does: general_settings.store_model_in_db.
	Stored() bool
	// Configured are those of the file.
	Configured() []PassThrough
	// Check says what keeps an endpoint, as the store has it, from being served.
	Check(doc []byte) ([]Fault, error)
}

// PassThrough is an endpoint of the configuration's file, with its secrets.
type PassThrough struct {
	ID, Path, Target string
	Headers          []llm.Label
	Query            url.Values
	Subpaths, Public bool
	Methods          []string
	Cost             llm.Cost
	// Timeout is 0 for that of all.
	Timeout time.Duration
}

// SealedOfPassThroughs are the members of an endpoint in the store whose texts are encrypted: all that can have credentials of the target.
func SealedOfPassThroughs() []string { return []string{"target", "headers", "default_query_params"} }

// passThroughFields are those of an endpoint (litellm/proxy/_types.py, PassThroughGenericEndpoint), in the order of answers.
func passThroughFields() []field {
	return []field{
		{name: "id", form: text},
		{name: "path", form: text},
		{name: "target", form: text},
		{name: "headers", form: object, std: "{}"},
		{name: "default_query_params", form: object, std: "{}"},
		{name: "include_subpath", form: truth, std: "false"},
		{name: "cost_per_request", form: anything, std: "0.0"},
		{name: "timeout", form: anything},
		{name: "auth", form: truth, std: "true"},
		{name: "guardrails", form: object},
		{name: "is_from_config", form: truth, at: spoken, std: "false"},
		{name: "methods", form: texts},
	}
}

// newPassThrough serves POST /config/pass_through_endpoint.
func (x *exchange) newPassThrough() ([]byte, error) {
	given, err := x.storable(passThroughFields())
	if err != nil {
		return nil, err
	}
	for _, name := range [...]string{"path", "target"} {
		if given.text(name) == "" {
			return nil, invalid(name, "%s must be given.", name)
		}
	}
	id := given.text("id")
	if id == "" {
		id = newID()
	}
	t := &thing{Entity: store.Entity{Kind: store.KindPassThrough, ID: id, Created: x.now, Updated: x.now}, doc: &document{}}
	for _, f := range passThroughFields() {
		if f.at == own {
			t.doc.set(f.name, f.usual())
		}
	}
	t.doc.put("id", id)
	t.doc.put("created_by", x.caller.name())
	if err := x.fillPassThrough(t, given); err != nil {
		return nil, err
	}
	existing := refused("id", "There is an endpoint with the id %s already. Change it with POST %s/%s, or give another id.", clip(id), passThroughPath, clip(id))
	if err := x.add(existing, t); err != nil {
		return nil, err
	}
	return passThroughsShown(x.passThroughShown(t)), nil
}

// fillPassThrough writes what a request says into an endpoint, and checks it. null says nothing, as in LiteLLM.
func (x *exchange) fillPassThrough(t *thing, given *document) error {
	before := x.passThroughShown(t)
	for _, f := range passThroughFields() {
		v := given.get(f.name)
		if f.at != own || f.name == "id" || v == nil || v.Kind() == 'n' {
			continue
		}
		if slices.Contains(SealedOfPassThroughs(), f.name) {
			if string(v) == string(before.get(f.name)) { // a client sends back what it has read
				continue
			}
			sealed, err := x.sealPassThrough(v, before.get(f.name), parse(t.doc.get(f.name)))
			if err != nil {
				return err
			}
			v = sealed
		}
		t.doc.set(f.name, v)
	}
	t.Alias = t.doc.text("path")
	x.touch(t)
	faults, err := x.h.opt.PassThroughs.Check(t.doc.bytes())
	if err != nil {
		return err
	}
	if len(faults) > 0 {
		messages := make([]string, len(faults))
		for i, f := range faults {
			messages[i] = f.Message
		}
		return refused(faults[0].Field, "%s", strings.Join(messages, "\n"))
	}
	return x.onlyPassThrough(t)
}

// sealPassThrough encrypts the texts of a value. A member of an object that is as answers have shown it stays as it is.
func (x *exchange) sealPassThrough(v, shown jsonx.Raw, stored *document) (jsonx.Raw, error) {
	if v.Kind() != '{' {
		return x.seal(v, "endpoint")
	}
	next, was := parse(v), parse(shown)
	for i, m := range next.members {
		if string(m.Value) == string(was.get(m.Name)) && stored.has(m.Name) {
			next.members[i].Value = stored.get(m.Name)
			continue
		}
		sealed, err := x.seal(m.Value, "endpoint")
		if err != nil {
			return nil, err
		}
		next.members[i].Value = sealed
	}
	return next.bytes(), nil
}

// onlyPassThrough checks that no other endpoint of the store has the path and a method of one.
func (x *exchange) onlyPassThrough(t *thing) error {
	others, _, err := x.entities(store.Filter{Kind: store.KindPassThrough, Alias: t.Alias})
	if err != nil {
		return err
	}
	methods := methodsOf(t.doc)
	for _, other := range others {
		if other.ID != t.ID && (methods == nil || methodsOf(other.doc) == nil || slices.ContainsFunc(methodsOf(other.doc), func(m string) bool { return slices.Contains(methods, m) })) {
			return refused("path", "The endpoint %s has the path %s and one of the methods too. Give another path, or other methods.", clip(other.ID), clip(t.Alias))
		}
	}
	return nil
}

// methodsOf are the methods of an endpoint; nil for all.
func methodsOf(d *document) []string {
	methods := d.texts("methods")
	for i := range methods {
		methods[i] = strings.ToUpper(methods[i])
	}
	if len(methods) == 0 {
		return nil
	}
	return methods
}

// passThroughShown is an endpoint of the store as answers have it. What cannot be decrypted is null.
func (x *exchange) passThroughShown(t *thing) *document {
	d := &document{}
	for _, f := range passThroughFields() {
		v := t.doc.get(f.name)
		if v == nil {
			v = orNull(f.usual())
		}
		if slices.Contains(SealedOfPassThroughs(), f.name) {
			v = x.opened(v)
		}
		d.set(f.name, v)
	}
	return maskPassThrough(d)
}

// opened decrypts the texts of a value and of its members.
func (x *exchange) opened(v jsonx.Raw) jsonx.Raw {
	open := func(v jsonx.Raw) jsonx.Raw {
		if x.h.opt.Models == nil {
			return jsonx.Raw("null")
		}
		plain, err := x.h.opt.Models.Open(v)
		if err != nil {
			return jsonx.Raw("null")
		}
		return plain
	}
	if v.Kind() != '{' {
		return open(v)
	}
	d := parse(v)
	for i, m := range d.members {
		d.members[i].Value = open(m.Value)
	}
	return d.bytes()
}

// maskPassThrough hides the values of headers, and of members of queries that are named as secrets.
func maskPassThrough(d *document) *document {
	d.set("headers", hidden(d.get("headers"), true))
	d.set("default_query_params", hidden(d.get("default_query_params"), false))
	if target := d.text("target"); target != "" {
		d.put("target", maskedAddress(target))
	}
	return d
}

// maskedAddress is an address without its secrets: its user, and members of the query that are named as secrets.
func maskedAddress(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return shortMask
	}
	query := u.Query()
	changed := u.User != nil
	if changed {
		u.User = url.User("****")
	}
	for name, values := range query {
		for i := range values {
			if sensitive(name) {
				values[i], changed = "****", true
			}
		}
	}
	if !changed {
		return address
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// shown is an endpoint of the file as answers have it.
func (p *PassThrough) shown() *document {
	headers, query := &document{}, &document{}
	for _, h := range p.Headers {
		headers.put(h.Name, h.Value)
	}
	for name, values := range p.Query {
		if len(values) == 1 {
			query.put(name, values[0])
		} else {
			query.set(name, quoteAll(values))
		}
	}
	slices.SortFunc(query.members, func(a, b jsonx.Member) int { return strings.Compare(a.Name, b.Name) })
	d := &document{}
	d.put("id", p.ID)
	d.put("path", p.Path)
	d.put("target", p.Target)
	d.set("headers", headers.bytes())
	d.set("default_query_params", query.bytes())
	d.set("include_subpath", strconv.AppendBool(nil, p.Subpaths))
	d.set("cost_per_request", p.Cost.Append(nil))
	d.set("timeout", jsonx.Raw("null"))
	if p.Timeout > 0 {
		d.set("timeout", strconv.AppendFloat(nil, p.Timeout.Seconds(), 'f', -1, 64))
	}
	d.set("auth", strconv.AppendBool(nil, !p.Public))
	d.set("guardrails", jsonx.Raw("null"))
	d.set("is_from_config", jsonx.Raw("true"))
	d.set("methods", quoteAll(p.Methods))
	return maskPassThrough(d)
}

// passThroughsShown is an answer with endpoints.
func passThroughsShown(all ...*document) []byte {
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("endpoints")
		w.Array()
		for _, d := range all {
			w.Raw(d.bytes())
		}
		w.EndArray()
		w.EndObject()
	})
}

// passThroughs are the endpoints that are served, those of the file first. Those of the store precede in calls.
func (x *exchange) passThroughs() (all []*document, err error) {
	found, _, err := x.entities(store.Filter{Kind: store.KindPassThrough, Ascending: true})
	if err != nil {
		return nil, err
	}
	if id := x.r.URL.Query().Get("endpoint_id"); id != "" { // those of the file have no id in LiteLLM
		for _, t := range found {
			if t.ID == id {
				all = append(all, x.passThroughShown(t))
			}
		}
		return all, nil
	}
	if x.h.opt.PassThroughs != nil {
		for _, p := range x.h.opt.PassThroughs.Configured() {
			if !slices.ContainsFunc(found, func(t *thing) bool { return t.Alias == p.Path }) {
				all = append(all, p.shown())
			}
		}
	}
	for _, t := range found {
		all = append(all, x.passThroughShown(t))
	}
	return all, nil
}

// listPassThroughs serves GET /config/pass_through_endpoint.
func (x *exchange) listPassThroughs() ([]byte, error) {
	all, err := x.passThroughs()
	if err != nil {
		return nil, err
	}
	return passThroughsShown(all...), nil
}

// teamPassThroughs serves GET /config/pass_through_endpoint/team/{team_id}.
func (x *exchange) teamPassThroughs() ([]byte, error) {
	id := x.r.PathValue("team_id")
	team, err := x.entity(store.KindTeam, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, absent("team_id", "There is no team %s.", clip(id))
	}
	if err != nil {
		return nil, err
	}
	all, err := x.passThroughs()
	if err != nil {
		return nil, err
	}
	metadata := team.doc.metadata()
	allowed, denied := metadata.texts(passesAllowed), metadata.texts(passesDenied)
	all = slices.DeleteFunc(all, func(d *document) bool {
		path := d.text("path")
		return metadata.get(passesAllowed) != nil && !slices.Contains(allowed, path) ||
			d.yes("auth") && slices.ContainsFunc(denied, func(entry string) bool { return tenant.PassDenied(entry, path) })
	})
	return passThroughsShown(all...), nil
}

// Members of the metadata of keys and teams that say which endpoints they may call.
const (
	passesAllowed = "allowed_passthrough_routes"
	passesDenied  = "denied_passthrough_routes"
)

// passesKept checks that only proxy admins change which endpoints a key or a team may call. before is the metadata that it had.
func (x *exchange) passesKept(before *document, t *thing) error {
	if x.caller.admin() {
		return nil
	}
	now := t.doc.metadata()
	for _, name := range [...]string{passesAllowed, passesDenied} {
		if v := now.get(name); string(v) != string(before.get(name)) && (before.get(name) != nil || string(v) != "[]") {
			return forbidden("metadata."+name, "Only proxy admins can set %s.", name)
		}
	}
	return nil
}

// updatePassThrough serves POST /config/pass_through_endpoint/{endpoint_id}.
func (x *exchange) updatePassThrough() ([]byte, error) {
	given, err := x.storable(passThroughFields())
	if err != nil {
		return nil, err
	}
	id := x.r.PathValue("endpoint_id")
	t, err := x.entity(store.KindPassThrough, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, x.noPassThrough(id, absent)
	}
	if err != nil {
		return nil, err
	}
	if other := given.text("id"); other != "" && other != id {
		return nil, refused("id", "id cannot be changed: delete the endpoint, and add another.")
	}
	if err := x.fillPassThrough(t, given); err != nil {
		return nil, err
	}
	if err := x.put(t); err != nil {
		return nil, err
	}
	return passThroughsShown(x.passThroughShown(t)), nil
}

// noPassThrough is the refusal of an id that no endpoint of the store has.
func (x *exchange) noPassThrough(id string, refusal func(param, format string, args ...any) error) error {
	if p := x.h.opt.PassThroughs; p != nil && slices.ContainsFunc(p.Configured(), func(p PassThrough) bool { return p.ID == id }) {
		return refusal("endpoint_id", "The endpoint %s is in the configuration's file, and can only be changed there.", clip(id))
	}
	return refusal("endpoint_id", "Endpoint with ID '%s' not found: GET %s lists the ids.", clip(id), passThroughPath)
}

// deletePassThrough serves DELETE /config/pass_through_endpoint.
func (x *exchange) deletePassThrough() ([]byte, error) {
	if err := x.storing(); err != nil {
		return nil, err
	}
	id := x.r.URL.Query().Get("endpoint_id")
	if id == "" {
		return nil, invalid("endpoint_id", "endpoint_id must be given in the query: the id of an endpoint.")
	}
	t, err := x.entity(store.KindPassThrough, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, x.noPassThrough(id, refused)
	}
	if err != nil {
		return nil, err
	}
	if err := x.change(store.Change{Delete: []store.Ref{{Kind: t.Kind, ID: t.ID}}}); err != nil {
		return nil, err
	}
	return passThroughsShown(x.passThroughShown(t)), nil
}
