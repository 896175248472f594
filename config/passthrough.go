package config

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"time"

	"outcrop/internal/httpfield"
	"outcrop/llm"
)

const sectionPassThrough = "general_settings.pass_through_endpoints[]"

// PassThrough is an endpoint of the operator's that passes requests on to another address.
type PassThrough struct {
	// ID is its name in the management API; Path if the file has none.
	ID string
	// Path is the path at the gateway, and Target the address to which its requests go, which may have a secret in its query.
	Path   string
	Target Secret
	// Headers are sent to the target, before all that clients send.
	Headers []SecretHeader
	// Query are members of the query that the target gets unless the client sends them.
	Query url.Values
	// ForwardHeaders is whether the client's headers go on to the target, but for its credentials.
	ForwardHeaders bool
	// Subpaths is whether paths below Path go on to the same below Target.
	Subpaths bool
	// Public is whether requests need no key, and Strict whether a key to which only allowed_routes grants the endpoint is refused: auth is
	// false, and auth is true.
	Public, Strict bool
	// Methods are those that are passed on.
	Methods []string
	// Cost is what a request costs; not set for nothing that is known.
	Cost llm.Opt[llm.Cost]
	// Timeout is how long the target may send nothing; 0 for Config.PassThroughTimeout.
	Timeout time.Duration
}

// SecretHeader is a header whose value may be a secret.
type SecretHeader struct {
	Name  string
	Value Secret
}

// passThroughMethods are those of an endpoint that names none, as in LiteLLM.
func passThroughMethods() []string {
	return []string{"GET", "POST", "PUT", "DELETE", "PATCH"}
}

// passThroughs reads pass_through_endpoints.
func (l *loader) passThroughs(n *node, path string) (all []PassThrough) {
	for i, item := range n.items {
		at := fmt.Sprintf("%s[%d]", path, i)
		p, ok := l.passThrough(item, at)
		if !ok {
			continue
		}
		for _, other := range all {
			if other.Path == p.Path && slices.ContainsFunc(p.Methods, func(m string) bool { return slices.Contains(other.Methods, m) }) {
				l.errorAt(item.file, item.line, item.column, at+".path", "another endpoint has this path and one of its methods too", "a path of its own, or other methods", "")
			}
		}
		all = append(all, p)
	}
	return all
}

// passThrough reads an endpoint, and reports whether it can be served.
func (l *loader) passThrough(n *node, path string) (p PassThrough, ok bool) {
	p = PassThrough{Methods: passThroughMethods()}
	ok = true
	l.fields(n, sectionPassThrough, path, nil, func(k Key, n *node, path string) {
		switch k.Name {
		case "id":
			p.ID, _ = l.text(k, n, path)
		case "path":
			p.Path = l.passThroughPath(k, n, path)
		case "target":
			p.Target = l.passThroughTarget(k, n, path)
		case "headers":
			p.Headers = l.passThroughHeaders(n, path)
		case "default_query_params":
			p.Query = l.passThroughQuery(n, path)
		case "forward_headers":
			p.ForwardHeaders, _ = l.boolean(k, n, path)
		case "include_subpath":
			p.Subpaths, _ = l.boolean(k, n, path)
		case "auth":
			if auth, read := l.boolean(k, n, path); read {
				p.Public, p.Strict = !auth, auth
			}
		case "methods":
			p.Methods = l.passThroughVerbs(n, path)
		case "cost_per_request":
			if n.text != "0" && n.text != "0.0" {
				p.Cost = l.money(k, n, path)
			}
		case "timeout":
			p.Timeout = l.seconds(k, n, path)
		case "guardrails":
			ok = false
			l.warnAt(n.file, n.line, n.column, path, "bodies of endpoints of your own cannot be checked, so that this endpoint is not served", "remove guardrails, or the endpoint")
		}
	})
	if n.kind != mapping {
		return p, false
	}
	for name, missing := range map[string]bool{"path": n.get("path") == nil, "target": n.get("target") == nil} {
		if missing {
			l.errorAt(n.file, n.line, n.column, path, name+" is missing", "path and target", "")
		}
	}
	p.ID = cmp.Or(p.ID, p.Path)
	return p, ok && p.Path != "" && p.Target != ""
}

// passThroughPath reads the path of an endpoint.
func (l *loader) passThroughPath(k Key, n *node, path string) string {
	s, ok := l.text(k, n, path)
	if !ok {
		return ""
	}
	if !strings.HasPrefix(s, "/") || len(strings.Trim(s, "/")) == 0 || strings.ContainsAny(s, "{}?#*% ") || strings.Contains(s, "//") {
		l.errorAt(n.file, n.line, n.column, path, shown(k, n)+" is not a path of an endpoint", "a path such as /v1/rerank", "")
		return ""
	}
	return strings.TrimRight(s, "/")
}

// passThroughTarget reads the address of an endpoint.
func (l *loader) passThroughTarget(k Key, n *node, path string) Secret {
	s, ok := l.text(k, n, path)
	if !ok {
		return ""
	}
	if u, err := url.Parse(s); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Fragment != "" {
		l.errorAt(n.file, n.line, n.column, path, "it is not the address of an HTTP API", "an http or https URL, such as https://api.cohere.com/v1/rerank", "")
		return ""
	}
	return Secret(s)
}

// passThroughHeaders reads headers. A value may have a reference to the environment at its end, such as "Bearer os.environ/COHERE_API_KEY". The keys of
// Langfuse become its header.
func (l *loader) passThroughHeaders(n *node, path string) (all []SecretHeader) {
	langfuse := map[string]string{}
	for i := range n.members {
		m := &n.members[i]
		at := path + "." + m.key
		value := *m.value
		before, name, refers := strings.Cut(value.text, envPrefix)
		if refers {
			value.text = envPrefix + name
		}
		s, ok := l.text(Key{Type: SecretType}, &value, at)
		if !ok {
			continue
		}
		s = before + s
		if !refers {
			s = value.text
		}
		switch {
		case m.key == "LANGFUSE_PUBLIC_KEY" || m.key == "LANGFUSE_SECRET_KEY":
			langfuse[m.key] = s
		case !httpfield.IsToken(m.key) || slices.Contains(connectionHeaders(), strings.ToLower(m.key)):
			l.errorAt(m.file, m.line, m.column, at, "it is not a header that can be set", "a header such as Authorization", "")
		case !httpfield.IsValue(s):
			l.errorAt(m.file, m.line, m.column, at, "the value has characters that a header cannot have", "", "")
		default:
			all = append(all, SecretHeader{Name: textproto.CanonicalMIMEHeaderKey(m.key), Value: Secret(s)})
		}
	}
	if len(langfuse) > 0 {
		pair := langfuse["LANGFUSE_PUBLIC_KEY"] + ":" + langfuse["LANGFUSE_SECRET_KEY"]
		all = append(all, SecretHeader{Name: "Authorization", Value: Secret("Basic " + base64.StdEncoding.EncodeToString([]byte(pair)))})
	}
	return all
}

// connectionHeaders are those of connections and bodies, which nobody sets.
func connectionHeaders() []string {
	return []string{"host", "connection", "proxy-connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect", "content-length"}
}

// passThroughQuery reads members of a query.
func (l *loader) passThroughQuery(n *node, path string) url.Values {
	query := url.Values{}
	for i := range n.members {
		m := &n.members[i]
		items := []*node{m.value}
		if m.value.kind == sequence {
			items = m.value.items
		}
		for _, item := range items {
			if s, ok := l.text(Key{Type: SecretType}, item, path+"."+m.key); ok {
				query.Add(m.key, s)
			}
		}
	}
	return query
}

// passThroughVerbs reads methods; none are all.
func (l *loader) passThroughVerbs(n *node, path string) (methods []string) {
	for i, item := range n.items {
		at := fmt.Sprintf("%s[%d]", path, i)
		name, ok := l.text(Key{Type: StringType}, item, at)
		if !ok {
			continue
		}
		name = strings.ToUpper(name)
		if !slices.Contains(passThroughMethods(), name) {
			l.errorAt(item.file, item.line, item.column, at, shown(Key{Type: StringType}, item)+" is not a method that can be passed on", strings.Join(passThroughMethods(), ", "), "")
			continue
		}
		methods = append(methods, name)
	}
	if len(methods) == 0 {
		return passThroughMethods()
	}
	return methods
}
