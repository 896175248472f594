package config

import (
	"fmt"
	"slices"
)

const (
	sectionAWSDoor    = "outcrop_settings.aws_door"
	sectionAccessKeys = "outcrop_settings.aws_door.access_keys[]"
)

// awsDoor reads outcrop_settings.aws_door.
func (l *loader) awsDoor(cfg *Config, n *node, path string) {
	l.fields(n, sectionAWSDoor, path, nil, func(_ Key, n *node, path string) {
		for i, item := range n.items {
			l.accessKey(cfg, item, fmt.Sprintf("%s[%d]", path, i))
		}
	})
}

// accessKey reads an access key.
func (l *loader) accessKey(cfg *Config, n *node, path string) {
	if n.kind == null {
		l.errorAt(n.file, n.line, n.column, path, "must be a mapping, not nothing", "access_key_id and secret_access_key", "")
		return
	}
	var own AccessKey
	given := map[string]bool{}
	l.fields(n, sectionAccessKeys, path, nil, func(k Key, n *node, path string) {
		given[k.Name] = true
		s, ok := l.text(k, n, path)
		switch {
		case !ok:
		case k.Name == "access_key_id" && !accessKeyID(s):
			l.errorAt(n.file, n.line, n.column, path, shown(k, n)+" is not an access key id", "3 to 128 letters, digits, hyphens and underscores", "")
		case k.Name == "access_key_id" && slices.ContainsFunc(cfg.AccessKeys, func(a AccessKey) bool { return a.ID == s }):
			l.errorAt(n.file, n.line, n.column, path, shown(k, n)+" is already the id of another access key", "a unique id", "")
		case k.Name == "access_key_id":
			own.ID = s
		case s == "" && k.Name == "key":
			l.errorAt(n.file, n.line, n.column, path, "must not be empty", "", "make one with outcrop keys create, or leave key out")
		case k.Name == "key":
			own.Key = Secret(s)
		case s == "":
			l.errorAt(n.file, n.line, n.column, path, "must not be empty", "", "generate one: openssl rand -hex 32")
		default:
			own.Secret = Secret(s)
		}
	})
	if n.kind != mapping {
		return
	}
	for _, name := range []string{"access_key_id", "secret_access_key"} {
		if !given[name] {
			l.errorAt(n.file, n.line, n.column, path, name+" is missing", "", "")
		}
	}
	if own.ID != "" && own.Secret != "" {
		cfg.AccessKeys = append(cfg.AccessKeys, own)
	}
}

// accessKeyID reports whether a text can be an access key id: in a signature's scope no slash, comma
// or space may be part of it.
func accessKeyID(s string) bool {
	if len(s) < 3 || len(s) > 128 {
		return false
	}
	return !slices.ContainsFunc([]byte(s), func(c byte) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_'
	})
}
