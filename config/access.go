package config

import (
	"slices"
	"strconv"
	"strings"
)

const (
	sectionUserHeader     = "general_settings.user_header_mappings[]"
	sectionServiceAccount = "general_settings.service_account_settings"
)

// Access is which paths may be called, and in which headers requests say who calls.
type Access struct {
	// Routes are the paths that may be called; nil for all. Public are those that need no key.
	Routes, Public []string
	// KeyHeader is a header whose key precedes all others; empty for none.
	KeyHeader string
	// CustomerHeaders are headers with the customer of a call, the first that is there.
	CustomerHeaders []string
}

// Demands are what the bodies of requests must and must not have.
type Demands struct {
	// User is whether they must have user.
	User bool
	// Members are those that they must have, and ServiceMembers those for keys of service accounts besides.
	Members, ServiceMembers []string
	// NoTags is whether metadata.tags is refused.
	NoTags bool
}

// access reads a setting of general_settings about paths and headers.
func (l *loader) access(to *Access, k Key, n *node, path string) {
	switch k.Name {
	case "allowed_routes":
		to.Routes = l.texts(n, path)
	case "public_routes":
		to.Public = l.texts(n, path)
	case "litellm_key_header_name":
		to.KeyHeader = l.header(k, n, path)
	case "user_header_name":
		if name := l.header(k, n, path); name != "" {
			to.CustomerHeaders = append(to.CustomerHeaders, name) // it comes last
		}
	case "user_header_mappings":
		items := n.items
		if n.kind == mapping {
			items = []*node{n}
		}
		var names []string
		for i, item := range items {
			if name := l.userHeader(item, path+"["+strconv.Itoa(i)+"]"); name != "" {
				names = append(names, name)
			}
		}
		to.CustomerHeaders = append(names, to.CustomerHeaders...)
	}
}

// userHeader reads an entry of user_header_mappings, and returns the header of a customer; empty for another.
func (l *loader) userHeader(n *node, path string) string {
	name, role := "", ""
	l.fields(n, sectionUserHeader, path, nil, func(k Key, n *node, path string) {
		if k.Name == "header_name" {
			name = l.header(k, n, path)
			return
		}
		role, _ = l.text(k, n, path)
	})
	if !strings.EqualFold(role, "customer") {
		l.warnAt(n.file, n.line, n.column, path, "has no effect: only headers with the role customer have", "litellm_user_role: customer")
		return ""
	}
	return name
}

// header reads the name of a header.
func (l *loader) header(k Key, n *node, path string) string {
	name, ok := l.text(k, n, path)
	if ok && name != "" && strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r) }) {
		l.wrong(k, n, path, shown(k, n)+" is not a name of a header")
		return ""
	}
	return name
}

// demands reads a setting of general_settings about bodies.
func (l *loader) demands(to *Demands, k Key, n *node, path string) {
	switch k.Name {
	case "enforce_user_param":
		to.User, _ = l.boolean(k, n, path)
	case "reject_clientside_metadata_tags":
		to.NoTags, _ = l.boolean(k, n, path)
	case "enforced_params":
		to.Members = l.members(n, path)
	case "service_account_settings":
		l.fields(n, sectionServiceAccount, path, nil, func(_ Key, n *node, path string) { to.ServiceMembers = l.members(n, path) })
	}
}

// members reads names of members of bodies, which may lead into an object once.
func (l *loader) members(n *node, path string) []string {
	return slices.DeleteFunc(l.texts(n, path), func(name string) bool {
		bad := name == "" || strings.Count(name, ".") > 1
		if bad {
			l.errorAt(n.file, n.line, n.column, path, strconv.Quote(name)+" is not a member that can be demanded", "a name such as user, or one in an object, such as metadata.generation_name", "")
		}
		return bad
	})
}
