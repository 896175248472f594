package migrate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/token"

	"outcrop/config"
	"outcrop/internal/lazyregexp"
)

// names gives variables to secrets: the same one to the same secret.
type names struct {
	bySecret map[string]string
	taken    map[string]bool
	order    []string
}

func newNames() *names { return &names{bySecret: map[string]string{}, taken: map[string]bool{}} }

// of returns the variable of a secret, with a name made of words if it has none yet.
func (n *names) of(secret string, words ...string) string {
	if name, ok := n.bySecret[secret]; ok {
		return name
	}
	base := variable(words...)
	name := base
	for i := 2; n.taken[name]; i++ {
		name = fmt.Sprintf("%s_%d", base, i)
	}
	n.bySecret[secret], n.taken[name] = name, true
	n.order = append(n.order, name)
	return name
}

// variable makes the name of an environment variable.
func variable(words ...string) string {
	upper := func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return ' '
	}
	name := strings.Join(strings.Fields(strings.Map(upper, strings.Join(words, " "))), "_")
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		name = "SECRET_" + name
	}
	return name
}

// moveSecrets replaces the secrets of a config.yaml with references.
func (a *annotator) moveSecrets() {
	n := newNames()
	for _, t := range a.page.tokens { // names that the file uses for something else
		if name, ok := strings.CutPrefix(t.Value, references[0]); ok {
			n.taken[name] = true
		}
	}
	before := len(n.taken)
	for i, t := range a.page.tokens {
		if t.Type != token.MappingValueType || i == 0 || i+1 >= len(a.page.tokens) {
			continue
		}
		key, value := a.page.tokens[i-1], a.page.tokens[i+1]
		at := place{key.Position.Line, key.Position.Column}
		if !a.secret(key.Value, a.byPlace[at]) && !secretText(value.Value) {
			continue
		}
		switch value.Type {
		case token.LiteralType, token.FoldedType, token.AnchorType, token.TagType:
			a.say(at.line, "a secret that --secrets-to-env has left here, because of how it is written.")
			continue
		case token.StringType, token.SingleQuoteType, token.DoubleQuoteType, token.IntegerType:
		default:
			continue
		}
		raw := strings.TrimSpace(value.Origin)
		if value.Value == "" || refers(value.Value) || !inside(value, key, a.page.tokens, i+2) {
			continue
		}
		name := n.of(value.Value, a.words(key.Value, a.byPlace[at])...)
		if !a.page.replace(value.Position.Line, value.Position.Column, raw, references[0]+name) {
			a.say(at.line, "a secret that --secrets-to-env has left here, because of how it is written.")
			if len(n.taken) > before {
				n.order = slices.DeleteFunc(n.order, func(other string) bool { return other == name && !a.written(name) })
			}
		}
	}
	a.result.Moved, a.moved = n.order, map[string]string{}
	for secret, name := range n.bySecret {
		a.moved[name] = secret
	}
}

// written reports whether an edit refers to a variable.
func (a *annotator) written(name string) bool {
	return slices.ContainsFunc(a.page.edits, func(e edit) bool { return e.text == references[0]+name })
}

// inside reports whether a value belongs to a key: it is not the next key of a mapping, which begins on another line
// and is followed by a colon.
func inside(value, key *token.Token, tokens token.Tokens, next int) bool {
	return value.Position.Line == key.Position.Line || value.Position.Column > key.Position.Column && (next >= len(tokens) || tokens[next].Type != token.MappingValueType)
}

// secret reports whether the value of a key is secret: the table says so, or it does not know the key and the name
// says so.
func (a *annotator) secret(name string, uses []config.Use) bool {
	for _, u := range uses {
		switch {
		case u.Key.Section == "model_list[].model_info":
			return false // shown as it is
		case u.Key.Type == config.SecretType:
			return !public(name)
		case u.Known && u.Key.Class == config.Supported && u.Key.Section != "environment_variables":
			return false
		}
	}
	return secretName(name)
}

// public reports whether a setting of providers is none that others must not see, although messages do not show it.
func public(name string) bool {
	return slices.Contains([]string{"api_version", "organization", "tenant_id", "client_id", "azure_scope", "azure_username", "watsonx_region_name"}, name)
}

// secretName reports whether the name of a setting or a variable says that its value is secret.
func secretName(name string) bool {
	name = strings.ToLower(strings.ReplaceAll(name, "-", "_"))
	for _, end := range [...]string{"api_key", "apikey", "access_key", "access_key_id", "secret", "secret_key", "client_secret", "password", "token", "private_key", "master_key", "salt_key", "authorization", "webhook_url", "connection_string", "license", "database_url", "redis_url", "dsn", "credentials", "service_account_json"} {
		if name == end || strings.HasSuffix(name, "_"+end) {
			return true
		}
	}
	return false
}

// secretTexts are texts that have a secret in them, whatever their key is.
var secretTexts = lazyregexp.New(`(?i)\bbearer \S|\bsk-[a-z0-9_-]{16}|://[^/\s:@]*:[^/\s@]+@|[?&](?:key|token|secret|sig|code)=[^&\s]|hooks\.slack\.com/services/`)

func secretText(text string) bool { return secretTexts.MatchString(text) }

// words are those of which the name of a variable is made.
func (a *annotator) words(key string, uses []config.Use) []string {
	if len(uses) == 0 {
		return []string{key}
	}
	u := uses[0]
	switch {
	case u.Path == "general_settings.master_key":
		return []string{"LITELLM_MASTER_KEY"}
	case u.Path == "general_settings.database_url":
		return []string{"DATABASE_URL"}
	case u.Key.Section == "environment_variables":
		return []string{key}
	}
	path := strings.Split(u.Path, ".")
	if entry := a.names[path[0]]; entry != "" {
		return []string{entry, key}
	}
	return path[max(0, len(path)-2):]
}
