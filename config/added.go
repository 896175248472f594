package config

import (
	"maps"
	"slices"

	"outcrop/guard/ruleset"
	"outcrop/internal/jsonx"
)

// base is what the entries of a file are read with, so that others can be read in the same way later.
type base struct {
	src        Source
	files      []string
	all        calls
	everywhere policy
	creds      map[string]credential
	globals    globals
	managed    *managed
	guarded    []string
	caching    Cache         // the limits, which the file has without a cache too
	valkey     func() Secret // that of the router, or of the environment; a function is not printed
}

// Addition is an entry that is not in the file, as JSON.
type Addition struct {
	// Path is what problems are told by, before a full stop and the name of a setting.
	Path string
	// Entry is the entry, with the members of one of model_list.
	Entry jsonx.Raw
	// Credentials are objects with the settings that litellm_credential_name can refer to, by name. Those of the
	// file precede them.
	Credentials map[string]jsonx.Raw
}

// Entry reads an entry that is not in the file as one that is, with the same defaults and the same problems. There
// are no models if one of them is an error. Whether an id is unique is not checked.
func (c *Config) Entry(a *Addition) ([]Model, []Problem) {
	if c.base == nil {
		return nil, []Problem{{Severity: Error, Path: a.Path, Message: "this configuration was not read from a file, so no entry can be added"}}
	}
	l, file := c.additions()
	creds := map[string]credential{}
	for name, values := range a.Credentials {
		creds[name] = credential{fromJSON(values, file, 0), "the credential " + quoted(name)}
	}
	root := fromJSON(a.Entry, file, 0)
	l.fetchMore(root, creds, a.Path)
	maps.Copy(creds, c.base.creds)
	e := entry{l: l, node: root, path: a.Path, all: c.base.all, everywhere: c.base.everywhere, creds: creds}
	models := e.read()
	for i := range models {
		models[i].Callers.All = c.General.ClientCredentials
		c.base.globals.connection(l, &models[i])
		c.base.globals.limits.settle(&models[i])
	}
	problems := l.sorted()
	if slices.ContainsFunc(problems, func(p Problem) bool { return p.Severity == Error }) {
		return nil, problems
	}
	return models, problems
}

// additions is what reads an entry that is not in the file, and the number of the file that its nodes have.
func (c *Config) additions() (l *loader, file int) {
	l = newLoader(c.base.src)
	l.src.SkipUnsupportedModels = false // who adds an entry has to know that it is not served
	l.addition, l.managed = true, c.base.managed
	l.files, l.environment = append(slices.Clone(c.base.files), ""), c.Environment
	return l, len(c.base.files)
}

// AddedPassThrough reads an endpoint that is not in the file as one of general_settings.pass_through_endpoints, with the same problems.
// It is nil if one of them is an error, or keeps it from being served. Whether others have its path is not checked.
func (c *Config) AddedPassThrough(path string, entry jsonx.Raw) (*PassThrough, []Problem) {
	if c.base == nil {
		return nil, []Problem{{Severity: Error, Path: path, Message: "this configuration was not read from a file, so no endpoint can be added"}}
	}
	l, file := c.additions()
	root := fromJSON(entry, file, 0)
	l.fetchMore(root, nil, path)
	p, ok := l.passThrough(root, path)
	problems := l.sorted()
	if !ok || slices.ContainsFunc(problems, func(p Problem) bool { return p.Severity == Error }) {
		return nil, problems
	}
	return &p, problems
}

// AddedPolicy reads a policy that is not in the file as one of policies, with the same problems. It is nil if one of them is an error.
// Guardrails that there are not are one, unless absent is set: whoever has the policy in force refuses calls then. Whether
// there is what it inherits from is not checked.
func (c *Config) AddedPolicy(path, name string, entry jsonx.Raw, absent bool) (*ruleset.Policy, []Problem) {
	l, root, wrong := c.addedToSets(path, entry)
	if wrong != nil {
		return nil, wrong
	}
	l.absent = absent
	sets := policies{parents: map[string]*node{}}
	sets.named(l, name, root, path)
	p := sets.policy(l, name, root, path)
	problems := l.sorted()
	if slices.ContainsFunc(problems, func(p Problem) bool { return p.Severity == Error }) {
		return nil, problems
	}
	return p, problems
}

// AddedAttachment reads an attachment that is not in the file as one of policy_attachments. Its policy has to be one of all.
func (c *Config) AddedAttachment(path string, entry jsonx.Raw, all []*ruleset.Policy) (*ruleset.Attachment, []Problem) {
	l, root, wrong := c.addedToSets(path, entry)
	if wrong != nil {
		return nil, wrong
	}
	var sets policies
	a := sets.attachment(l, root, path, all)
	problems := l.sorted()
	if slices.ContainsFunc(problems, func(p Problem) bool { return p.Severity == Error }) {
		return nil, problems
	}
	return &a, problems
}

// addedToSets is what reads a policy or an attachment that is not in the file.
func (c *Config) addedToSets(path string, entry jsonx.Raw) (*loader, *node, []Problem) {
	if c.base == nil {
		return nil, nil, []Problem{{Severity: Error, Path: path, Message: "this configuration was not read from a file, so no policy can be added"}}
	}
	l, file := c.additions()
	l.guarded = c.base.guarded
	return l, fromJSON(entry, file, 0), nil
}

// fetchMore reads what an entry and its credentials refer to from the secret manager, unless the file refers to it too.
func (l *loader) fetchMore(root *node, creds map[string]credential, path string) {
	if l.managed == nil {
		return
	}
	names, seen := map[string]bool{}, map[*node]bool{}
	references(root, seen, names)
	for _, c := range creds {
		references(c.values, seen, names)
	}
	l.fetch(slices.Sorted(maps.Keys(names)), root, path)
}

// HasCredential reports whether credential_list of the file has a name.
func (c *Config) HasCredential(name string) bool {
	if c.base == nil {
		return false
	}
	_, ok := c.base.creds[name]
	return ok
}

// fromJSON makes nodes of JSON, which need not be valid YAML.
func fromJSON(v jsonx.Raw, file, depth int) *node {
	n := &node{file: file}
	if depth > maxDepth {
		return n
	}
	switch v.Kind() {
	case '{':
		n.kind = mapping
		members, err := jsonx.Members(v)
		if err != nil {
			return &node{file: file}
		}
		for _, m := range members {
			n.members = append(n.members, member{key: m.Name, file: file, value: fromJSON(m.Value, file, depth+1)})
		}
	case '[':
		n.kind = sequence
		var items []jsonx.Raw
		if jsonx.Unmarshal(v, &items) != nil {
			return &node{file: file}
		}
		for _, item := range items {
			n.items = append(n.items, fromJSON(item, file, depth+1))
		}
	case '"':
		n.kind, n.text = scalar, jsonx.Word(v)
	case '0', 't', 'f':
		n.kind, n.text, n.plain = scalar, string(v), true
	default: // null
	}
	return n
}

func quoted(s string) string { return string(jsonx.AppendString(nil, s)) }
