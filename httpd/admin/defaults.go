package admin

import (
	"regexp"
	"slices"
	"strconv"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/tenant"
)

// Defaults are what the configuration says of new keys, users and teams, as fields of requests. A field that is not
// here has no effect; see LiteLLM 1.110.2, litellm/proxy/management_endpoints/key_management_endpoints.py.
type Defaults struct {
	// Keys are the fields of new keys that requests leave out.
	Keys []jsonx.Member
	// KeyBounds are the most that keys may have: new keys have them where nothing else is said.
	KeyBounds []jsonx.Member
	// Teams are the fields of new teams that requests leave out. Models and metadata are for those that SCIM makes.
	Teams []jsonx.Member
	// Users are the fields and the teams of new users.
	Users tenant.NewUsers
	// Makers are who may make keys.
	Makers Makers
	// KeyAlias is what the aliases of new and renamed keys must match; nil for anything. AliasRule says it in a clause.
	KeyAlias  *regexp.Regexp
	AliasRule string
	// TeamMetadata are the members that the metadata of teams is meant to have.
	TeamMetadata []MetadataField
}

// MetadataField is a member of metadata, and its name for people, which may be empty.
type MetadataField struct{ Key, Label string }

// teamMetadata serves /team/metadata_schema, by which clients show a form. Nothing is refused by it, as in LiteLLM.
func (x *exchange) teamMetadata() ([]byte, error) {
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("fields")
		w.Array()
		for _, f := range x.h.opt.Defaults.TeamMetadata {
			w.Object()
			w.Key("key")
			w.String(f.Key)
			w.Key("label")
			w.StringOrNull(f.Label)
			w.EndObject()
		}
		w.EndArray()
		w.EndObject()
	}), nil
}

// completeTeam fills in what a request for a team leaves out. provisioned is whether SCIM makes it.
func (x *exchange) completeTeam(given *document, provisioned bool) {
	for _, d := range x.h.opt.Defaults.Teams {
		switch {
		case !provisioned && (d.Name == "models" || d.Name == "metadata"):
		case d.Name == "budget_duration" && given.has(d.Name): // null is an answer
		case given.get(d.Name) == nil:
			given.set(d.Name, d.Value)
		}
	}
}

// formed checks the form of an alias that is not the one which the key has.
func (x *exchange) formed(alias, has string) error {
	d := &x.h.opt.Defaults
	if d.KeyAlias == nil || alias == "" || alias == has || len(alias) <= longestAlias && d.KeyAlias.MatchString(alias) {
		return nil
	}
	return refused("key_alias", "Invalid key_alias format: key_alias is %s; %s.", strconv.Quote(clip(alias)), d.AliasRule)
}

// complete checks that the caller grants a new key no more than he has, and fills in what the request leaves out: by the
// caller's own limits, by the defaults, and by the bounds. What nobody has asked for is the least of them.
func (x *exchange) complete(given *document) error {
	body, err := x.object()
	if err != nil {
		return err
	}
	asked := &document{slices.Clone(given.members)}
	given.drop("budget_duration")
	if err := x.grant(given, nil); err != nil {
		return err
	}
	fixed := given.has("budget_duration") // by the caller's own: another period may be more money
	if !fixed && asked.has("budget_duration") {
		given.set("budget_duration", asked.get("budget_duration"))
	}
	for _, d := range x.h.opt.Defaults.Keys {
		x.byDefault(given, asked, d, endless(body))
	}
	for _, b := range x.h.opt.Defaults.KeyBounds {
		v := given.get(b.Name)
		switch {
		case b.Name == "budget_duration" && fixed:
		case b.Name == "duration" && endless(body):
			return tooMuch(b, quote("-1"))
		case v == nil:
			given.set(b.Name, b.Value)
		case !x.exceeds(b.Name, v, b.Value):
		case asked.get(b.Name) == nil:
			given.set(b.Name, b.Value)
		default:
			return tooMuch(b, v)
		}
	}
	return nil
}

// byDefault fills in a default that the request, asked, leaves out.
func (x *exchange) byDefault(given, asked *document, d jsonx.Member, endless bool) {
	switch d.Name {
	case "allowed_routes": // see defaultRoutes
	case "object_permission":
		given.set(d.Name, merge(given.get(d.Name), d.Value))
	case "models":
		if len(asked.texts(d.Name)) == 0 {
			given.set(d.Name, common(given.texts(d.Name), d.Value))
		}
	case "metadata":
		if v := asked.get(d.Name); v == nil || jsonx.Empty(v) {
			given.set(d.Name, d.Value)
		}
	case "budget_duration": // null is an answer
		if !given.has(d.Name) {
			given.set(d.Name, d.Value)
		}
	case "duration":
		if asked.get(d.Name) == nil && !endless {
			given.set(d.Name, d.Value)
		}
	case "user_id":
		if given.get(d.Name) == nil && !given.metadata().has("service_account_id") {
			given.set(d.Name, d.Value)
		}
	default:
		if v := given.get(d.Name); v == nil || asked.get(d.Name) == nil && x.exceeds(d.Name, v, d.Value) {
			given.set(d.Name, d.Value)
		}
	}
}

// defaultRoutes sets the default routes of a new key, unless its type says otherwise, or it is a team's own.
func (x *exchange) defaultRoutes(given *document) {
	routes := jsonx.Find(x.h.opt.Defaults.Keys, "allowed_routes")
	if routes == nil || jsonx.Empty(routes) || given.metadata().has("service_account_id") && given.text("user_id") == "" {
		return
	}
	switch given.text("key_type") {
	case "":
		if len(given.texts("allowed_routes")) == 0 {
			given.set("allowed_routes", routes)
		}
	case "llm_api": // the default may only add to what the type allows
		d := &document{[]jsonx.Member{{Name: "routes", Value: routes}}}
		if slices.Contains(d.texts("routes"), "llm_api_routes") {
			given.set("allowed_routes", routes)
		}
	}
}

// bounded checks the changes of a key against the bounds. Only admins can take back what is bounded: LiteLLM lets its
// owner do so, and thereby have a key without the bound.
func (x *exchange) bounded(body []jsonx.Member, given *document) error {
	for _, b := range x.h.opt.Defaults.KeyBounds {
		switch v := given.get(b.Name); {
		case b.Name == "duration" && endless(body):
			return tooMuch(b, quote("-1"))
		case v == nil && given.has(b.Name) && !x.caller.admin():
			return tooMuch(b, jsonx.Raw("null"))
		case v != nil && x.exceeds(b.Name, v, b.Value):
			return tooMuch(b, v)
		}
	}
	return nil
}

// endless reports whether a request asks for a key that never expires, rather than saying nothing.
func endless(body []jsonx.Member) bool { return jsonx.Word(jsonx.Find(body, "duration")) == "-1" }

// sooner is the earlier of an expiry, as JSON, and a time.
func sooner(expires jsonx.Raw, t time.Time) jsonx.Raw {
	if ends, ok := instant(jsonx.Word(expires)); ok && ends.Before(t) {
		return expires
	}
	return moment(t)
}

// exceeds reports whether a value is more than another of the same field.
func (x *exchange) exceeds(name string, v, most jsonx.Raw) bool {
	if name == "duration" || name == "budget_duration" {
		return later(jsonx.Word(v), x.now).After(later(jsonx.Word(most), x.now))
	}
	a, errA := strconv.ParseFloat(string(v), 64)
	b, errB := strconv.ParseFloat(string(most), 64)
	return errA == nil && errB == nil && a > b
}

// tooMuch is the error of a value above a bound.
func tooMuch(bound jsonx.Member, v jsonx.Raw) error {
	return refused(bound.Name, "%s is over the max limit set in the config: the request has %s, and litellm_settings.upperbound_key_generate_params allows at most %s.", bound.Name, clip(string(v)), bound.Value)
}

// merge adds the members of an object that another lacks.
func merge(to, from jsonx.Raw) jsonx.Raw {
	if to == nil {
		return from
	}
	d := parse(to)
	for _, m := range parse(from).members {
		if !d.has(m.Name) {
			d.set(m.Name, m.Value)
		}
	}
	return d.bytes()
}

// common is a list's part that is among the texts which a caller may grant, or those if there is none. No texts are all.
func common(have []string, list jsonx.Raw) jsonx.Raw {
	d := &document{[]jsonx.Member{{Name: "list", Value: list}}}
	if len(have) == 0 {
		return list
	}
	both := slices.DeleteFunc(d.texts("list"), func(text string) bool { return !slices.Contains(have, text) })
	if len(both) == 0 {
		both = have
	}
	return quoteAll(both)
}
