package config

import (
	"cmp"
	"fmt"
	"strings"

	"outcrop/provider"
)

// hint suggests the key that may have been meant.
func (l *loader) hint(name, section string, p *provider.Info) string {
	at := [3]string{"", section, name}
	if p != nil {
		at[0] = p.Name
	}
	if hint, ok := l.hints[at]; ok {
		return hint
	}
	names := l.table.names(section)
	if p != nil {
		for _, o := range p.Settings() {
			names = append(names, o.Name)
		}
	}
	hint := l.elsewhere(name, section)
	if near := nearest(name, names); hint == "" && near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	l.hints[at] = hint
	return hint
}

// elsewhere names the section that a misplaced key belongs in, and what becomes of the key there; empty
// if no section has it. Of several sections it names the nearest ones, of those where the key is
// supported if there are any.
func (l *loader) elsewhere(name, section string) string {
	var found []Key
	for k := range l.table.all() {
		if k.Name != name || k.Section == section {
			continue
		}
		far := 0
		if len(found) > 0 {
			far = cmp.Or(steps(section, k.Section)-steps(section, found[0].Section), support(k)-support(found[0]))
		}
		if far < 0 {
			found = nil
		}
		if far <= 0 {
			found = append(found, k)
		}
	}
	if len(found) == 0 {
		return ""
	}
	var places []string
	for _, k := range found {
		place := "under " + k.Section
		if k.Section == "" {
			place = "at the top level of the file"
		}
		places = append(places, place)
	}
	hint := "it belongs " + strings.Join(places, " or ")
	switch found[0].Class {
	case Limits:
		return hint + ", where it " + limitOf(found[0].Limit)
	case NotYet:
		return hint + ", where it is not supported yet"
	case Ignored:
		return hint + ", where it has no effect either"
	case Supported, PerProvider:
	}
	return hint
}

// support ranks a key that takes effect before one that does not.
func support(k Key) int {
	if k.Class == Supported || k.Class == PerProvider {
		return 0
	}
	return 1
}

// steps is how many mappings lie between two sections.
func steps(a, b string) int {
	from, to := sectionPath(a), sectionPath(b)
	shared := 0
	for shared < min(len(from), len(to)) && from[shared] == to[shared] {
		shared++
	}
	return len(from) + len(to) - 2*shared
}

func sectionPath(section string) []string {
	if section == "" {
		return nil
	}
	return strings.Split(section, ".")
}
