package admin

import (
	"errors"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/store"
	"outcrop/tenant"
)

// shortestKey is the least length of a key that a client chooses, as in LiteLLM.
const shortestKey = 16

// generateKey serves /key/generate.
func (x *exchange) generateKey() ([]byte, error) {
	given, err := x.given(keyFields())
	if err != nil {
		return nil, err
	}
	if !x.caller.admin() {
		switch user := given.text("user_id"); {
		case user == "":
			given.put("user_id", x.caller.UserID)
		case user != x.caller.UserID:
			return nil, forbidden("user_id", "User can only create keys for themselves. Got user_id=%s.", llm.Clip(user, 100))
		}
	}
	if err := x.mayMake(given); err != nil {
		return nil, err
	}
	secret, t, err := x.makeKey(given)
	if err != nil {
		return nil, err
	}
	if err := x.add(refused("key", "This key exists already."), t); err != nil {
		return nil, err
	}
	return x.born(secret, t), nil
}

// generateServiceKey serves /key/service-account/generate: a key of a team and of no user.
func (x *exchange) generateServiceKey() ([]byte, error) {
	body, err := x.object()
	if err != nil {
		return nil, err
	}
	given, err := x.take(body, keyFields())
	if err != nil {
		return nil, err
	}
	if given.text("team_id") == "" {
		return nil, refused("team_id", "team_id is required for service account keys. Please specify `team_id` in the request body.")
	}
	if err := x.mayMake(given); err != nil {
		return nil, err
	}
	given.drop("user_id")
	metadata := given.metadata()
	metadata.put("service_account_id", given.text("key_alias"))
	given.set("metadata", metadata.bytes())
	secret, t, err := x.makeKey(given)
	if err != nil {
		return nil, err
	}
	if err := x.add(refused("key", "This key exists already."), t); err != nil {
		return nil, err
	}
	return x.born(secret, t), nil
}

// makeKey makes a key of given fields, which is not written yet, and checks that the caller may.
func (x *exchange) makeKey(given *document) (secret string, t *thing, err error) {
	if id := given.text("team_id"); id != "" && !x.caller.admin() {
		team, err := x.inTeam(id)
		if err != nil {
			return "", nil, err
		}
		if err := x.inherits(given, team); err != nil {
			return "", nil, err
		}
	}
	if org := given.text("organization_id"); org != "" && !x.caller.admin() && !x.caller.leads(org) {
		return "", nil, forbidden("organization_id", "Only admins of the organization can make keys of it.")
	}
	if err := x.inProject(given, nil); err != nil {
		return "", nil, err
	}
	if err := x.complete(given); err != nil {
		return "", nil, err
	}
	if err := limitsFit(given); err != nil {
		return "", nil, err
	}
	if err := x.alias(given, "", ""); err != nil {
		return "", nil, err
	}
	if secret, err = chosenKey(given, "key"); err != nil {
		return "", nil, err
	}
	expires := given.get("expires")
	if period := given.text("duration"); period != "" {
		expires = sooner(expires, later(period, x.now))
	}
	x.routes(given)
	x.defaultRoutes(given)
	t = x.create(store.KindKey, tenant.Hash(secret), given, keyFields())
	if err := x.passesKept(&document{}, t); err != nil {
		return "", nil, err
	}
	t.doc.put("key_name", mask(secret))
	t.doc.set("expires", expires)
	if spend, ok := given.cost("spend"); ok && spend > 0 {
		return "", nil, refused("spend", "A new key has spent nothing; set spend by /key/update.")
	}
	columns(t)
	x.keyMade(t.ID, secret)
	return secret, t, nil
}

// chosenKey is the key that the client has chosen, or a new one.
func chosenKey(given *document, name string) (string, error) {
	key := given.text(name)
	switch {
	case key == "":
		return newKey(), nil
	case !strings.HasPrefix(key, "sk-"):
		return "", refused(name, "%s must start with 'sk-'; what does not is taken for the hash of a key.", name)
	case len(key) < shortestKey:
		return "", refused(name, "%s must be at least %d characters long.", name, shortestKey)
	case len(key) > tenant.MaxKey:
		return "", refused(name, "%s must be at most %d characters long.", name, tenant.MaxKey)
	case strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", refused(name, "%s must have ASCII characters only, and no spaces, because clients send it in a header.", name)
	}
	return key, nil
}

// routes sets the routes of a key with a key_type, as LiteLLM does.
func (x *exchange) routes(given *document) {
	switch given.text("key_type") {
	case "llm_api":
		given.set("allowed_routes", quoteAll([]string{"llm_api_routes"}))
	case "management":
		given.set("allowed_routes", quoteAll([]string{"management_routes"}))
	case "read_only":
		given.set("allowed_routes", quoteAll([]string{"info_routes"}))
	}
}

// longestAlias is the greatest length of an alias, in bytes.
const longestAlias = 255

// alias checks that the alias that is given may be one, and no other key has it. id and has are those of a key that there is.
func (x *exchange) alias(given *document, id, has string) error {
	alias := given.text("key_alias")
	if alias == "" {
		return nil
	}
	if err := x.formed(alias, has); err != nil {
		return err
	}
	if len(alias) > longestAlias {
		return refused("key_alias", "key_alias must be at most 255 bytes long.")
	}
	others, _, err := x.entities(store.Filter{Kind: store.KindKey, Alias: alias, Limit: 2})
	if err != nil {
		return err
	}
	for _, other := range others {
		if other.ID != id {
			return refused("key_alias", "Key with alias '%s' already exists. Unique key aliases across all keys are required.", llm.Clip(alias, 100))
		}
	}
	return nil
}

// columns sets the columns of a key by which lists filter.
func columns(t *thing) {
	t.Alias, t.UserID, t.TeamID, t.OrganizationID = t.doc.text("key_alias"), t.doc.text("user_id"), t.doc.text("team_id"), t.doc.text("organization_id")
}

// mask is what may be shown of a key.
func mask(key string) string { return "sk-..." + key[len(key)-4:] }

// born is the answer to a new key, the only one with the key itself.
func (x *exchange) born(secret string, t *thing) []byte {
	d := x.shown(t)
	raise(d, keyFields())
	d.put("key", secret)
	d.put("token", t.ID)
	d.put("token_id", t.ID)
	d.set("duration", nil)
	d.set("litellm_budget_table", nil)
	return d.bytes()
}

// updateKey serves /key/update.
func (x *exchange) updateKey() ([]byte, error) {
	body, err := x.object()
	if err != nil {
		return nil, err
	}
	d, err := x.changeKey(body)
	if err != nil {
		return nil, err
	}
	return d.bytes(), nil
}

// changeKey changes a key by the fields of a request, and returns it for the answer.
func (x *exchange) changeKey(body []jsonx.Member) (*document, error) {
	given, err := x.take(body, keyFields())
	if err != nil {
		return nil, err
	}
	name := given.text("key")
	if name == "" {
		if name, err = x.keyByAlias(given.text("key_alias")); err != nil {
			return nil, err
		}
	}
	t, err := x.key(name, true)
	if err != nil {
		return nil, err
	}
	if err := x.changeable(t, given); err != nil {
		return nil, err
	}
	if err := x.inProject(given, t); err != nil {
		return nil, err
	}
	if err := x.bounded(body, given); err != nil {
		return nil, err
	}
	if given.has("temp_budget_increase") != given.has("temp_budget_expiry") {
		return nil, invalid("temp_budget_increase", "temp_budget_increase and temp_budget_expiry must be set together.")
	}
	if err := limitsFit(given); err != nil {
		return nil, err
	}
	if err := x.alias(given, t.ID, t.Alias); err != nil {
		return nil, err
	}
	if given.has("key_type") && !given.has("allowed_routes") {
		x.routes(given)
	}
	service := t.doc.metadata().text("service_account_id")
	before := t.doc.metadata()
	x.update(t, given, keyFields())
	if err := x.passesKept(before, t); err != nil {
		return nil, err
	}
	if metadata := t.doc.metadata(); service != "" && metadata.text("service_account_id") != service {
		metadata.put("service_account_id", service) // stays what it is, as in LiteLLM
		t.doc.set("metadata", metadata.bytes())
	}
	if given.has("duration") {
		t.doc.set("expires", moment(later(given.text("duration"), x.now)))
	}
	columns(t)
	if err := x.put(t); err != nil {
		return nil, err
	}
	if spend, ok := given.cost("spend"); ok {
		if err := x.setSpent(t, int64(spend)); err != nil {
			return nil, err
		}
	}
	d, err := x.keyInfo(t)
	if err != nil {
		return nil, err
	}
	out := &document{}
	out.put("key", name)
	out.members = append(out.members, d.members...)
	out.put("token", t.ID)
	return out, nil
}

// keyByAlias is the id of the key with an alias.
func (x *exchange) keyByAlias(alias string) (string, error) {
	if alias == "" {
		return "", invalid("key", "key or key_alias must be given.")
	}
	found, _, err := x.entities(store.Filter{Kind: store.KindKey, Alias: alias, Limit: 1})
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return alias, nil // which is no key, and refused as such
	}
	return found[0].ID, nil
}

// changeable checks that the caller may change a key so.
func (x *exchange) changeable(t *thing, given *document) error {
	if x.caller.admin() {
		return nil
	}
	if given.has("user_id") && given.text("user_id") != t.UserID {
		return forbidden("user_id", "Only proxy admins can give a key to another user.")
	}
	if given.has("organization_id") && given.text("organization_id") != t.OrganizationID && !x.caller.leads(given.text("organization_id")) {
		return forbidden("organization_id", "Only admins of the organization can give it keys.")
	}
	id := t.TeamID
	if given.text("team_id") != "" && given.text("team_id") != id {
		id = given.text("team_id")
	} else if given.has("team_id") && given.text("team_id") == "" && id != "" {
		return forbidden("team_id", "Only proxy admins can take a key out of its team.")
	}
	if id != "" {
		team, err := x.inTeam(id)
		if err != nil {
			return err
		}
		if err := x.inherits(given, team); err != nil {
			return err
		}
		if !x.manages(team) {
			if err := raises(given, t); err != nil {
				return err
			}
		}
	} else if err := raises(given, t); err != nil {
		return err
	}
	return x.grant(given, t)
}

// raises refuses changes by which a key's owner, who is no admin, would get more than he was given.
func raises(given *document, t *thing) error {
	for _, name := range []string{"max_budget", "tpm_limit", "rpm_limit", "max_parallel_requests"} {
		had, limited := costOf(t.doc.get(name))
		if !limited || !given.has(name) {
			continue
		}
		if now, ok := costOf(given.get(name)); !ok || now > had {
			return forbidden(name, "Only an admin can raise %s of a key.", name)
		}
	}
	for _, name := range []string{"budget_limits", "model_max_budget", "model_rpm_limit", "model_tpm_limit", "budget_duration", "blocked", "project_id"} {
		had := t.doc.get(name)
		if had == nil {
			had = t.doc.metadata().get(name)
		}
		if had != nil && string(had) != "{}" && string(had) != "false" && given.has(name) && string(given.get(name)) != string(had) {
			return forbidden(name, "Only an admin can change %s of a key that has it.", name)
		}
	}
	if given.has("metadata") {
		old, now := t.doc.metadata(), given.metadata()
		for _, name := range []string{"model_rpm_limit", "model_tpm_limit", "temp_budget_increase", "temp_budget_expiry", "guardrails", "tags"} {
			if v := now.get(name); v != nil && string(v) != string(old.get(name)) {
				return forbidden("metadata", "Only an admin can change %s of a key.", name)
			}
		}
	}
	return nil
}

// updateKeys serves /key/bulk_update: each key by itself, as LiteLLM does.
func (x *exchange) updateKeys() ([]byte, error) {
	body, err := x.object()
	if err != nil {
		return nil, err
	}
	items, err := objects(body, "keys")
	if err != nil {
		return nil, err
	}
	var done, failed []jsonx.Raw
	for _, item := range items {
		key := jsonx.Find(item, "key")
		d, err := x.changeKey(item)
		var e *Error
		switch {
		case err == nil:
			out := &document{}
			out.set("key", key)
			out.set("key_info", d.bytes())
			done = append(done, out.bytes())
		case errors.As(err, &e) && e.Err == nil:
			out := &document{}
			out.set("key", key)
			out.set("key_info", nil)
			out.put("failed_reason", e.Message)
			failed = append(failed, out.bytes())
		default:
			return nil, err
		}
	}
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("total_requested")
		w.Int(int64(len(items)))
		w.Key("successful_updates")
		w.Raw(jsonx.Array(done))
		w.Key("failed_updates")
		w.Raw(jsonx.Array(failed))
		w.EndObject()
	}), nil
}

// mostAtOnce is how many entities a request may change, as in LiteLLM.
const mostAtOnce = 500

// objects is a member that must be a list of objects, neither empty nor too long.
func objects(body []jsonx.Member, name string) ([][]jsonx.Member, error) {
	var items []jsonx.Raw
	if v := jsonx.Find(body, name); v.Kind() != '[' || jsonx.Unmarshal(v, &items) != nil || len(items) == 0 {
		return nil, invalid(name, "%s must be a list of objects that is not empty.", name)
	}
	if len(items) > mostAtOnce {
		return nil, refused(name, "%s has %d entries; at most %d can be changed at once.", name, len(items), mostAtOnce)
	}
	all := make([][]jsonx.Member, len(items))
	for i, item := range items {
		members, err := jsonx.Members(item)
		if err != nil {
			return nil, invalid(name, "%s must be a list of objects.", name)
		}
		all[i] = members
	}
	return all, nil
}

// named is a member that must be a list of texts, neither empty nor too long.
func named(body []jsonx.Member, name string) ([]string, error) {
	var items []string
	if v := jsonx.Find(body, name); v.Kind() != '[' || jsonx.Unmarshal(v, &items) != nil || len(items) == 0 {
		return nil, invalid(name, "%s must be a list of texts that is not empty.", name)
	}
	if len(items) > mostAtOnce {
		return nil, refused(name, "%s has %d entries; at most %d can be changed at once.", name, len(items), mostAtOnce)
	}
	return items, nil
}
