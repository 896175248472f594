package passthrough

import (
	"maps"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/httpd/inbound"
	"outcrop/internal/httpfield"
	"outcrop/llm"
	"outcrop/wire/openaichat"
)

// EndpointsDoor is the name of the endpoints' frontend in the record.
const EndpointsDoor = "pass_through_endpoint"

// Endpoint is an endpoint of the operator's: of general_settings.pass_through_endpoints, or of the store.
type Endpoint struct {
	gateway.Endpoint

	// Path is its path, and Subpaths whether those below it are its own too.
	Path     string
	Subpaths bool
	// Methods are those that are passed on.
	Methods []string
	// Public is whether requests need no key, and Strict whether a key to which only allowed_routes grants the endpoint is refused.
	Public, Strict bool
	// ForwardHeaders is whether the client's headers go on, but for its credentials.
	ForwardHeaders bool
	// Query are members of the query that go on unless the client sends them.
	Query url.Values
}

// Endpoints is the frontend of the operator's endpoints.
type Endpoints struct {
	gateway *gateway.Gateway
	reader  *inbound.Reader
	all     func() []Endpoint
}

// NewEndpoints makes the frontend of what all returns at any moment; nobody may change a list that it has returned. maxBody bounds the size of a
// request's body.
func NewEndpoints(g *gateway.Gateway, all func() []Endpoint, maxBody int64) *Endpoints {
	return &Endpoints{gateway: g, all: all, reader: &inbound.Reader{Limit: maxBody, Weight: 2}}
}

// Routes lists the endpoints.
func (e *Endpoints) Routes() (all []door.Route) {
	now := e.all()
	for i := range now {
		one := &now[i]
		for _, m := range one.Methods {
			all = append(all, door.Route{Pattern: m + " " + one.Path, Path: one.Path, About: "an endpoint of this gateway's own, which passes requests on", Handle: e.ServeHTTP})
			if one.Subpaths {
				all = append(all, door.Route{Pattern: m + " " + one.Path + "/{path...}", Path: one.Path + "/{path}", About: "the same for paths below it", Handle: e.ServeHTTP})
			}
		}
	}
	return all
}

// Owns reports whether a path is one of an endpoint.
func (e *Endpoints) Owns(path string) bool {
	return slices.ContainsFunc(e.all(), func(one Endpoint) bool { _, ok := one.rest(path); return ok })
}

// rest is what a path has below the endpoint's, with a slash in front, or nothing.
func (e *Endpoint) rest(path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, e.Path)
	return rest, ok && (rest == "" || e.Subpaths && strings.HasPrefix(rest, "/"))
}

// find is the endpoint of a request in a list: of those for its method, the one with the longest path, which is compared unescaped, as the
// target reads it. methods are those of all endpoints of the path, if there is none.
func find(all []Endpoint, method, path string) (found *Endpoint, methods []string) {
	for i := range all {
		one := &all[i]
		if _, ok := one.rest(path); !ok {
			continue
		}
		methods = append(methods, one.Methods...)
		if slices.Contains(one.Methods, method) && (found == nil || len(one.Path) > len(found.Path)) {
			found = one
		}
	}
	return found, methods
}

// Whole reports true: paths are passed on as they are written.
func (e *Endpoints) Whole() bool { return true }

// WriteError writes a refusal in OpenAI's form.
func (e *Endpoints) WriteError(w http.ResponseWriter, err *llm.Error) {
	door.WriteError(w, err, openaichat.AppendError)
}

// ServeHTTP passes one request on.
func (e *Endpoints) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	all := e.all()
	to, methods := find(all, r.Method, r.URL.Path)
	if to != nil && to.Public {
		r = door.Public(r)
	}
	may := door.MayRoute
	if to != nil && !to.Public {
		may = func(call *gateway.Call, r *http.Request) error { return call.PassThrough(r.URL.Path, to.Strict) }
	}
	door.ServeIf(w, r, e.gateway, EndpointsDoor, door.Keys, may, e.WriteError, func(call *gateway.Call) {
		if to == nil && len(methods) == 0 { // it was deleted at this moment
			e.WriteError(w, door.Fail(w, call, &llm.Error{Code: llm.CodeNotFound, Status: http.StatusNotFound, Message: "there is no endpoint " + llm.Clip(path, 200) + " any more."}))
			return
		}
		if to == nil {
			w.Header().Set("Allow", strings.Join(methods, ", "))
			e.WriteError(w, door.Fail(w, call, &llm.Error{
				Code: llm.CodeMethod, Status: http.StatusMethodNotAllowed, Message: "Method " + printable(r.Method) + " is not allowed for pass-through endpoint " + llm.Clip(path, 200) + ".",
				Fix: "Use " + strings.Join(methods, ", ") + "; the gateway's operator has the list in general_settings.pass_through_endpoints.",
			}))
			return
		}
		if err := e.serve(w, r, call, all, to, path); err != nil {
			e.WriteError(w, door.Fail(w, call, err))
		}
	})
}

func (e *Endpoints) serve(w http.ResponseWriter, r *http.Request, call *gateway.Call, all []Endpoint, to *Endpoint, path string) error {
	rest, ok := to.rest(path)
	if ok = ok && !strings.Contains(path, "//"); ok {
		same, _ := find(all, r.Method, squeeze(r.URL.Path))
		ok = same == to
	}
	if !ok {
		err := llm.Invalid("", "the path %q is not written as the endpoint's", llm.Clip(path, 200))
		err.Fix = "Send the path of the endpoint as it is, without escapes and repeated slashes: " + to.Path + "."
		return err
	}
	query := r.URL.RawQuery
	if strings.HasPrefix(r.URL.Path, "/v1beta/") { // where it may have the gateway's key, see door.Keys
		query, _ = withoutKeys(query)
	}
	body, err := door.Read(e.reader, w, r, call)
	if err != nil {
		return err
	}
	defer body.Release()
	resp, err := call.ForwardTo(r.Context(), &to.Endpoint, &llm.Forward{Method: r.Method, Path: rest, Query: to.query(query), Header: to.header(r), Body: body.Bytes})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return relay(w, call, resp, &reading{})
}

// squeeze is a path without repeated slashes, as many servers read it.
func squeeze(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}

// query is what the target gets of a query, with the defaults of the operator.
func (e *Endpoint) query(sent string) string {
	if len(e.Query) == 0 {
		return sent
	}
	has, _ := url.ParseQuery(sent) // what cannot be read is no default's name
	own := maps.Clone(e.Query)
	maps.DeleteFunc(own, func(name string, _ []string) bool { return has.Has(name) })
	return strings.Trim(own.Encode()+"&"+sent, "&")
}

// passPrefix is in front of headers that always go on, without it.
const passPrefix = "X-Pass-"

// header is what the target gets of a request's header. Credentials never go on: they are the gateway's.
func (e *Endpoint) header(r *http.Request) (all []llm.Label) {
	for _, l := range header(r) {
		switch {
		case strings.HasPrefix(l.Name, passPrefix):
			name := textproto.CanonicalMIMEHeaderKey(strings.TrimPrefix(l.Name, passPrefix))
			if name != "" && httpfield.RuleOf(name) == httpfield.Pass && forProvider(name, nil) {
				all = append(all, llm.Label{Name: name, Value: l.Value})
			}
		case e.ForwardHeaders || l.Name == "Content-Type" || l.Name == "Content-Encoding" || l.Name == "Accept":
			all = append(all, l)
		}
	}
	return all
}

func printable(s string) string { return strings.ToValidUTF8(llm.Clip(s, 20), "?") }
