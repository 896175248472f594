package admin

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"outcrop/httpd/door"
	"outcrop/httpd/inbound"
	"outcrop/internal/jsonx"
	"outcrop/internal/scim"
	"outcrop/llm"
	"outcrop/store"
)

// SCIM 2.0 is how identity providers make, change and delete users, and teams as groups (RFC 7643 and 7644). The paths,
// and which field of an entity an attribute is, are LiteLLM's (1.110.2, litellm/proxy/management_endpoints/scim).

const scimRoot = "/scim/v2"

func scimEndpoints() []endpoint {
	const user, group = scimRoot + "/Users/{user_id}", scimRoot + "/Groups/{group_id}"
	put, patch, remove := http.MethodPut, http.MethodPatch, http.MethodDelete
	return []endpoint{
		{get, []string{scimRoot, scimRoot + "/ResourceTypes"}, "SCIM: what can be provisioned", admins, with((*exchange).scimFixed, scim.ResourceTypes), 0},
		{get, []string{scimRoot + "/ResourceTypes/{id}"}, "SCIM: one of these", admins, with((*exchange).scimFixed, scim.ResourceTypes), 0},
		{get, []string{scimRoot + "/Schemas"}, "SCIM: the attributes", admins, with((*exchange).scimFixed, scim.Schemas), 0},
		{get, []string{scimRoot + "/Schemas/{id}"}, "SCIM: the attributes of one schema", admins, with((*exchange).scimFixed, scim.Schemas), 0},
		{get, []string{scimRoot + "/ServiceProviderConfig"}, "SCIM: which parts of it are served", admins, (*exchange).scimConfig, 0},
		{get, []string{scimRoot + "/Users"}, "SCIM: finds users", admins, (*exchange).scimUsers, 0},
		{get, []string{user}, "SCIM: a user", admins, (*exchange).scimGetUser, 0},
		{post, []string{scimRoot + "/.search"}, "SCIM: finds users and teams by a body", admins, (*exchange).scimSearch, 0},
		{post, []string{scimRoot + "/Users/.search"}, "SCIM: finds users by a body", admins, (*exchange).scimUsers, 0},
		{post, []string{scimRoot + "/Users"}, "SCIM: makes a user", admins, (*exchange).scimNewUser, http.StatusCreated},
		{put, []string{user}, "SCIM: replaces a user", admins, (*exchange).scimPutUser, 0},
		{patch, []string{user}, "SCIM: changes a user", admins, (*exchange).scimPatchUser, 0},
		{remove, []string{user}, "SCIM: deletes a user, with the keys", admins, (*exchange).scimDeleteUser, http.StatusNoContent},
		{get, []string{scimRoot + "/Groups"}, "SCIM: finds teams", admins, (*exchange).scimGroups, 0},
		{get, []string{group}, "SCIM: a team", admins, (*exchange).scimGetGroup, 0},
		{post, []string{scimRoot + "/Groups/.search"}, "SCIM: finds teams by a body", admins, (*exchange).scimGroups, 0},
		{post, []string{scimRoot + "/Groups"}, "SCIM: makes a team", admins, (*exchange).scimNewGroup, http.StatusCreated},
		{put, []string{group}, "SCIM: replaces a team", admins, (*exchange).scimPutGroup, 0},
		{patch, []string{group}, "SCIM: changes a team", admins, (*exchange).scimPatchGroup, 0},
		{remove, []string{group}, "SCIM: deletes a team, with its keys", admins, (*exchange).scimDeleteGroup, http.StatusNoContent},
	}
}

// SCIM is the frontend of SCIM 2.0, whose paths and errors are not those of the management API.
type SCIM struct{ h *Handler }

// SCIM returns the frontend of SCIM, which serves what h serves to identity providers.
func (h *Handler) SCIM() SCIM { return SCIM{h} }

// Routes lists the paths.
func (s SCIM) Routes() []door.Route {
	return s.h.routes(scimEndpoints(), "Users and teams from identity providers (SCIM 2.0)")
}

// Owns reports whether a path is one of the frontend's, with any method.
func (s SCIM) Owns(path string) bool {
	return path == scimRoot || strings.HasPrefix(path, scimRoot+"/")
}

// Whole reports false: the paths are served by http.ServeMux.
func (s SCIM) Whole() bool { return false }

// ServeHTTP refuses a request: the routes have handlers of their own.
func (s SCIM) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	writeSCIM(w, http.StatusNotFound, (&scim.Error{Status: http.StatusNotFound, Detail: "This is not a path of SCIM."}).Encode())
}

// WriteError writes a refusal in SCIM's form.
func (s SCIM) WriteError(w http.ResponseWriter, e *llm.Error) {
	if e.Code == llm.CodeClientGone {
		return
	}
	door.FailureHead(w.Header(), e)
	writeSCIM(w, e.Status, scimError(e).Encode())
}

// scim reports whether an endpoint is one of SCIM, whose bodies and errors have a form of their own.
func (e endpoint) scim() bool { return strings.HasPrefix(e.paths[0], scimRoot) }

// provisions reports whether the caller may call SCIM's endpoints because the key is for them: as in LiteLLM, a key whose
// allowed_routes name them needs no role. Only an admin can make such a key.
func provisions(routes []string) bool {
	return slices.ContainsFunc(routes, func(entry string) bool { return strings.HasPrefix(entry, "/scim") })
}

// writeSCIM writes an answer in SCIM's media type.
func writeSCIM(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/scim+json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	inbound.WriteWhole(w, body)
}

// scimError is a failure in SCIM's form.
func scimError(err error) *scim.Error {
	var e *scim.Error
	var own *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &own):
		e = &scim.Error{Status: own.Status, Detail: own.Message}
	default:
		refusal := llm.AsError(err)
		e = &scim.Error{Status: refusal.Status, Detail: strings.TrimSpace(strings.TrimSuffix(refusal.Message, ".") + ". " + refusal.Fix)}
	}
	if e.Status == http.StatusUnprocessableEntity { // SCIM has one status for what is wrong with a body
		e.Status, e.Type = http.StatusBadRequest, scim.InvalidValue
	}
	return e
}

// scimChange makes a change of entities that were read before. What has been deleted meanwhile is read again.
func (x *exchange) scimChange(c store.Change) error {
	err := x.change(c)
	if errors.Is(err, store.ErrNotFound) {
		return store.ErrConflict
	}
	return err
}

// location is the address of a resource, as the client reached the gateway.
func (x *exchange) location(kind, id string) string {
	scheme := "http"
	if x.r.TLS != nil || strings.EqualFold(x.r.Header.Get("X-Forwarded-Proto"), "https") {
		scheme = "https"
	}
	return scheme + "://" + x.r.Host + scimRoot + "/" + kind + "/" + url.PathEscape(id)
}

// scimMeta is what a resource says of itself.
func (x *exchange) scimMeta(resource, location string, t *thing) jsonx.Raw {
	meta := &scim.Object{}
	meta.Put("resourceType", resource)
	meta.Set("created", moment(t.Created))
	meta.Set("lastModified", moment(t.Updated))
	meta.Put("location", location)
	return meta.Bytes()
}

// scimBody reads the resource of a request.
func (x *exchange) scimBody(schema string) (*scim.Object, error) {
	o, err := scim.Parse(slices.Clone(x.body)) // its memory is used again
	if err != nil {
		return nil, err
	}
	if schemas := o.List("schemas"); len(schemas) > 0 && !slices.ContainsFunc(schemas, func(s jsonx.Raw) bool { return strings.EqualFold(jsonx.Word(s), schema) }) {
		return nil, scim.Fault(scim.InvalidValue, "schemas must have %s", schema)
	}
	return o, nil
}

// scimPatched applies the operations of a PATCH request to a resource.
func (x *exchange) scimPatched(o *scim.Object) error {
	ops, err := scim.ParsePatch(slices.Clone(x.body))
	if err != nil {
		return err
	}
	for _, op := range ops {
		if err := o.Apply(op); err != nil {
			return err
		}
	}
	return nil
}

// scimLongest is the longest id or name, in bytes: the database's indexes have them.
const scimLongest = 512

// scimWord is the text of an attribute, which must be one; empty if there is none.
func scimWord(o *scim.Object, name string) (string, error) {
	v := o.Get(name)
	switch text := o.Text(name); {
	case v == nil:
		return "", nil
	case v.Kind() != '"':
		return "", scim.Fault(scim.InvalidValue, "%s must be a text", name)
	case strings.ContainsRune(text, 0):
		return "", scim.Fault(scim.InvalidValue, "%s must have no NUL", name)
	case len(text) > scimLongest:
		return "", scim.Fault(scim.InvalidValue, "%s has %d bytes; at most %d are possible", name, len(text), scimLongest)
	default:
		return text, nil
	}
}

// scimPage is which resources a request wants.
type scimPage struct {
	filter       *scim.Filter // nil for all
	start, count int
	attributes   string
	excluded     string
}

// scimMost is the largest page, as in LiteLLM.
const scimMost = 100

// scimQuery reads the query of a request.
func (x *exchange) scimQuery() (scimPage, error) {
	q, err := x.scimParameters()
	if err != nil {
		return scimPage{}, err
	}
	p := scimPage{start: 1, count: scimMost, attributes: q.Get("attributes"), excluded: q.Get("excludedAttributes")}
	for _, v := range []struct {
		name     string
		to       *int
		min, max int
	}{{"startIndex", &p.start, 1, 1 << 30}, {"count", &p.count, 0, scimMost}} {
		if text := q.Get(v.name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil {
				return p, scim.Fault(scim.InvalidValue, "%s must be an integer, not %s", v.name, strconv.Quote(clip(text)))
			}
			*v.to = min(max(n, v.min), v.max) // RFC 7644, 3.4.2.4: less is the least
		}
	}
	if text := q.Get("filter"); text != "" {
		var err error
		if p.filter, err = scim.ParseFilter(text); err != nil {
			return p, err
		}
	}
	return p, nil
}

// scimParameters are those of the query, or of the body of a search (RFC 7644, 3.4.3).
func (x *exchange) scimParameters() (url.Values, error) {
	if !strings.HasSuffix(x.action, "/.search") {
		return x.r.URL.Query(), nil
	}
	o, err := scim.Parse(slices.Clone(x.body))
	if err != nil {
		return nil, err
	}
	q := url.Values{}
	for _, name := range []string{"filter", "startIndex", "count", "attributes", "excludedAttributes"} {
		var words []string
		for _, v := range o.List(name) {
			word := string(v)
			if v.Kind() == '"' {
				word = jsonx.Word(v)
			}
			words = append(words, word)
		}
		q.Set(name, strings.Join(words, ","))
	}
	return q, nil
}

// needs reports whether an attribute that costs a look into the store is asked for.
func (p *scimPage) needs(attribute string) bool {
	o := &scim.Object{}
	o.Set(attribute, jsonx.Raw("true"))
	o.Select(p.attributes, p.excluded)
	return o.Get(attribute) != nil
}

// scimKind is a kind of resources: how those that may be wanted are found, and how one is made, full with the attribute
// that costs more looks into the store.
type scimKind struct {
	filter    store.Filter
	attribute string
	of        func(t *thing, full bool) (*scim.Object, error)
}

// scimList answers a request for resources of some kinds.
func (x *exchange) scimList(p *scimPage, kinds ...scimKind) ([]byte, error) {
	type resource struct {
		*thing
		*scimKind
	}
	paged := p.filter == nil && len(kinds) == 1
	total := 0
	var all []resource
	for i := range kinds {
		k := &kinds[i]
		k.filter.Ascending = true // so that pages stay what they are while new ones are made
		if paged {
			k.filter.Offset, k.filter.Limit = p.start-1, max(p.count, 1)
		}
		found, n, err := x.entities(k.filter)
		if err != nil {
			return nil, err
		}
		for _, t := range found {
			if p.filter != nil {
				o, err := k.of(t, p.filter.Names(k.attribute))
				if err != nil {
					return nil, err
				}
				if !p.filter.Matches(o) {
					n--
					continue
				}
			}
			all = append(all, resource{t, k})
		}
		total += n
	}
	if !paged {
		all = all[min(p.start-1, total):]
	}
	resources := []jsonx.Raw{}
	for _, r := range all[:min(p.count, len(all))] {
		o, err := r.of(r.thing, p.needs(r.attribute))
		if err != nil {
			return nil, err
		}
		o.Select(p.attributes, p.excluded)
		resources = append(resources, o.Bytes())
	}
	return scim.List(resources, p.start, total), nil
}

// scimSearch serves POST /scim/v2/.search.
func (x *exchange) scimSearch() ([]byte, error) {
	p, err := x.scimQuery()
	if err != nil {
		return nil, err
	}
	return x.scimList(&p, x.scimUserKind(&p), x.scimGroupKind(&p))
}

// scimOne answers with one resource; fresh is whether it was made.
func (x *exchange) scimOne(o *scim.Object, fresh bool) ([]byte, error) {
	if fresh {
		x.place = o.Object("meta").Text("location")
	}
	p, err := x.scimQuery()
	if err != nil {
		return nil, err
	}
	o.Select(p.attributes, p.excluded)
	return o.Bytes(), nil
}

// scimFixed serves lists that are always the same, or the one that the path names.
func (x *exchange) scimFixed(all func(location func(kind, id string) string) []*scim.Object) ([]byte, error) {
	list := all(x.location)
	if id := x.r.PathValue("id"); id != "" {
		for _, o := range list {
			if o.Text("id") == id {
				return o.Bytes(), nil
			}
		}
		return nil, &scim.Error{Status: http.StatusNotFound, Detail: "There is no " + clip(id) + "."}
	}
	if x.r.URL.Query().Get("filter") != "" { // RFC 7644, 4
		return nil, &scim.Error{Status: http.StatusForbidden, Detail: "These resources cannot be filtered."}
	}
	resources := make([]jsonx.Raw, len(list))
	for i, o := range list {
		resources[i] = o.Bytes()
	}
	return scim.List(resources, 1, len(resources)), nil
}

func (x *exchange) scimConfig() ([]byte, error) {
	return scim.Config(scimMost, strings.TrimSuffix(x.location("ServiceProviderConfig", ""), "/")).Bytes(), nil
}
