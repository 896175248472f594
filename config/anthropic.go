package config

import "strings"

const sectionAnthropic = "outcrop_settings.anthropic_door"

// AnthropicDoor is outcrop_settings.anthropic_door.
type AnthropicDoor struct {
	// Aliases are names of Models by the names that clients ask for, in the order of the file.
	Aliases []Alias
	// DefaultModel is the name that serves unknown names; empty for none.
	DefaultModel string
	// PassUnknownBetas is whether betas that Outcrop does not know are passed on. The default is
	// false.
	PassUnknownBetas bool

	named []namedAt // the names of model_list in these settings
}

// Alias is a name for another.
type Alias struct {
	// Name is what clients ask for. It may contain one * that matches any text.
	Name string
	// Model is the name in Config.Models.
	Model string
}

// namedAt is a name of model_list with the place where it is used.
type namedAt struct {
	name string
	n    *node
	path string
}

// anthropic reads outcrop_settings.anthropic_door.
func (l *loader) anthropic(cfg *Config, n *node, path string) {
	d := &cfg.Anthropic
	name := func(n *node, path string) string {
		s, ok := l.text(Key{Type: StringType}, n, path)
		if ok {
			d.named = append(d.named, namedAt{s, n, path})
		}
		return s
	}
	l.fields(n, sectionAnthropic, path, nil, func(k Key, n *node, path string) {
		switch k.Name {
		case "model_aliases":
			for i := range n.members {
				m := &n.members[i]
				at := path + "." + m.key
				if strings.Count(m.key, "*") > 1 {
					l.errorAt(n.file, m.value.line, m.value.column, at, "has more than one *", "a name with at most one *", "")
					continue
				}
				d.Aliases = append(d.Aliases, Alias{m.key, name(m.value, at)})
			}
		case "default_model":
			d.DefaultModel = name(n, path)
		case "unknown_betas":
			word, ok := l.text(k, n, path)
			if ok && word != "drop" && word != "pass" {
				l.errorAt(n.file, n.line, n.column, path, shown(k, n)+" is neither drop nor pass", "drop or pass", "")
			}
			d.PassUnknownBetas = word == "pass"
		}
	})
}

// checkAnthropic reports names in outcrop_settings.anthropic_door that no entry of model_list serves.
func (l *loader) checkAnthropic(cfg *Config) {
	for _, at := range cfg.Anthropic.named {
		if !cfg.serves(at.name) {
			l.errorAt(at.n.file, at.n.line, at.n.column, at.path, "no entry of model_list has the name "+shown(Key{Type: StringType}, at.n), "a model_name of model_list", "")
		}
	}
}

// serves reports whether an entry of model_list serves a name.
func (c *Config) serves(name string) bool {
	for i := range c.Models {
		if c.Models[i].Name == name || covers(c.Models[i].Name, name) {
			return true
		}
	}
	return false
}
