package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/tenant"
)

// Management is what the management API does beyond what requests say. Fields are those of its requests, in their form.
type Management struct {
	// NewKeys are the fields of new keys that requests leave out.
	NewKeys []jsonx.Member
	// KeyBounds are the most that keys may have. New keys have them where nothing else is said.
	KeyBounds []jsonx.Member
	// NewTeams are the fields of new teams that requests leave out.
	NewTeams []jsonx.Member
	// NewUsers is what new users have that nobody says.
	NewUsers tenant.NewUsers
	// TeamKeys and PersonalKeys are who may make keys, and MakersLimited is whether the configuration says so.
	TeamKeys, PersonalKeys KeyRule
	MakersLimited          bool
	// KeyAlias is what the aliases of keys must match as a whole; nil for anything. AliasRule says so to clients.
	KeyAlias  *regexp.Regexp
	AliasRule string
	// TeamMetadata are the members that the metadata of teams is meant to have.
	TeamMetadata []MetadataField
	// PublicModels are the names of models that are shown to everybody, and PublicLinks the links beside them, as JSON; nil for none.
	PublicModels []string
	PublicLinks  jsonx.Raw
}

// MetadataField is a member of metadata, and its name for people, which may be empty.
type MetadataField struct{ Key, Label string }

const sectionTeamMetadata = "general_settings.team_metadata_schema[]"

// teamMetadata reads team_metadata_schema.
func (l *loader) teamMetadata(n *node, path string) (all []MetadataField) {
	for i, item := range n.items {
		at := fmt.Sprintf("%s[%d]", path, i)
		var f MetadataField
		l.fields(item, sectionTeamMetadata, at, nil, func(k Key, n *node, path string) {
			if k.Name == "key" {
				f.Key, _ = l.text(k, n, path)
				return
			}
			f.Label, _ = l.text(k, n, path)
		})
		switch {
		case f.Key == "":
			l.errorAt(item.file, item.line, item.column, at, "key is missing", "a mapping with key, and label if people know it by another name", "")
		case slices.ContainsFunc(all, func(other MetadataField) bool { return other.Key == f.Key }):
			l.errorAt(item.file, item.line, item.column, at+".key", "another member has this key too", "each key once", "")
		default:
			all = append(all, f)
		}
	}
	return all
}

// The rule of enable_key_alias_format_validation is LiteLLM's (1.110.2, litellm/proxy/management_endpoints/key_management_endpoints.py).
const (
	usualAlias     = `[a-zA-Z0-9][a-zA-Z0-9_\-/.@]{0,253}[a-zA-Z0-9]`
	usualAliasRule = "it must have 2 to 255 letters, digits and characters of _-/.@, and begin and end with a letter or digit"
)

// maxParams bounds the JSON of a field, in bytes.
const maxParams = 1 << 16

// manage reads a setting of litellm_settings, and reports whether it is one of the management API.
func (l *loader) manage(to *Management, k Key, n *node, path string) bool {
	switch k.Name {
	case "default_key_generate_params":
		to.NewKeys = l.params(n, sectionNewKeys, path)
	case "upperbound_key_generate_params":
		to.KeyBounds = l.params(n, sectionKeyBounds, path)
	case "default_team_params":
		to.NewTeams = l.params(n, sectionNewTeams, path)
	case "default_internal_user_params", "max_internal_user_budget", "default_max_internal_user_budget", "internal_user_budget_duration":
		l.newUsers(&to.NewUsers, k, n, path)
	case "key_generation_settings":
		l.makers(to, n, path)
	case "enable_key_alias_format_validation":
		if on, ok := l.boolean(k, n, path); ok && on && to.KeyAlias == nil {
			to.KeyAlias, to.AliasRule = regexp.MustCompile(whole(usualAlias)), usualAliasRule
		}
	case "key_alias_pattern":
		l.aliasPattern(to, k, n, path)
	case "public_model_groups":
		to.PublicModels = l.texts(n, path)
	case "public_model_groups_links":
		to.PublicLinks = l.param(k, n, path)
	default:
		return false
	}
	return true
}

// whole is a pattern of a whole text.
func whole(pattern string) string { return `\A(?:` + pattern + `)\z` }

// aliasPattern reads key_alias_pattern, which precedes the usual form.
func (l *loader) aliasPattern(to *Management, k Key, n *node, path string) {
	pattern, ok := l.text(k, n, path)
	if !ok {
		return
	}
	compiled, err := regexp.Compile(whole(pattern))
	if err != nil {
		l.errorAt(n.file, n.line, n.column, path, shown(k, n)+" is not a valid regular expression", "RE2 syntax, without look-around", "")
		return
	}
	to.KeyAlias, to.AliasRule = compiled, "it must match "+strconv.Quote(pattern)+" as a whole, which litellm_settings.key_alias_pattern says"
}

// params reads a mapping of fields of requests.
func (l *loader) params(n *node, section, path string) (all []jsonx.Member) {
	l.fields(n, section, path, nil, func(k Key, n *node, path string) {
		if v := l.param(k, n, path); v != nil {
			all = append(all, jsonx.Member{Name: k.Name, Value: v})
		}
	})
	return all
}

// param reads a field of requests; nil if it has no effect, or is wrong.
func (l *loader) param(k Key, n *node, path string) jsonx.Raw {
	switch k.Type {
	case NumberType, IntType:
		f, ok := l.number(k, n, path)
		if ok && f < 0 {
			l.wrong(k, n, path, shown(k, n)+" is less than 0")
			ok = false
		}
		if ok {
			return strconv.AppendFloat(nil, f, 'f', -1, 64)
		}
	case BoolType:
		if yes, ok := l.boolean(k, n, path); ok {
			return strconv.AppendBool(nil, yes)
		}
	case ListType:
		var items []jsonx.Raw
		for _, text := range l.texts(n, path) {
			items = append(items, jsonx.AppendString(nil, text))
		}
		return jsonx.Array(items)
	case MapType:
		if n, ok := l.resolved(k, n, path); ok {
			v, fits := raw(n, maxParams)
			if fits {
				return v
			}
			l.errorAt(n.file, n.line, n.column, path, "is too large", "at most 64 KiB of JSON", "")
		}
	case AnyType, StringType, SecretType, SecondsType:
		return l.textParam(k, n, path)
	}
	return nil
}

// textParam reads a text, or a duration; -1 is the duration that never ends, which is what silence is.
func (l *loader) textParam(k Key, n *node, path string) jsonx.Raw {
	read := l.text
	if strings.HasSuffix(k.Name, "duration") && (n.text != "-1" || k.Section == sectionKeyBounds) {
		read = func(k Key, n *node, path string) (string, bool) { s := l.duration(k, n, path); return s, s != "" }
	}
	if s, ok := read(k, n, path); ok && s != "" && s != "-1" {
		return jsonx.AppendString(nil, s)
	}
	return nil
}
