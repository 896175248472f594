package catalog

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Friendly returns the base id for a friendly name, such as claude-sonnet-4-5, deepseek-r1,
// nova-pro or llama4-scout. The names of a model are derived from its id:
//
//   - The version may be left out, or what follows its colon, and with all of it
//     the day or month as well: claude-3-haiku-20240307-v1, claude-3-haiku-20240307
//     and claude-3-haiku.
//   - The vendor may stand in front, joined by a hyphen or a dot. It must where the
//     rest would be three characters or fewer, one word without a digit, or little
//     more than a version: deepseek-r1 and not r1.
//   - What says only that a model was trained to follow instructions (instruct,
//     it) may be left out, and then its size too (17b, 30b-a3b): llama4-scout for
//     llama4-scout-17b-instruct. Where models of different sizes would have the
//     same name without it, none has it: llama3-1 is no name.
//
// Case is ignored, and hyphens, dots, underscores and spaces are equivalent. If several models have
// one name, those that bedrock-runtime serves take precedence, then the newest: by the day in the
// id, the version, and the release day.
func (c *Catalogue) Friendly(name string) (base string, ok bool) {
	var buf [64]byte
	if len(name) > len(buf) {
		return "", false
	}
	folded := appendFolded(buf[:0], name)
	at, ok := find(&c.names, folded)
	if !ok {
		return "", false
	}
	return c.named[at].ID, true
}

// NamesOf returns the friendly names of a model: those without a version such as v1 first, shortest
// first. Callers must not modify the slice.
func (c *Catalogue) NamesOf(base string) []string {
	at, ok := find(&c.ids, base)
	if !ok {
		return nil
	}
	return c.namesOf[at]
}

// nameModels sets the names of models.
func (c *Catalogue) nameModels() {
	best := names(c.all)
	c.names = tableOf(slices.Sorted(maps.Keys(best)))
	of := make(map[*Model][]string, len(c.all))
	for _, name := range c.names.keys {
		m := best[name]
		c.named = append(c.named, m)
		of[m] = append(of[m], name)
	}
	c.namesOf = make([][]string, len(c.all))
	for i, m := range c.all {
		slices.SortFunc(of[m], func(a, b string) int {
			return cmp.Or(versioned(a)-versioned(b), cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
		})
		c.namesOf[i] = of[m]
	}
}

// versioned is 1 for a name that ends with a version such as v1.
func versioned(name string) int {
	if _, version := cutVersion(strings.Split(name, "-")); version[0] > 0 {
		return 1
	}
	return 0
}

// appendFolded appends name in the form in which names are compared.
func appendFolded(b []byte, name string) []byte {
	for i := range len(name) {
		switch c := name[i]; {
		case 'A' <= c && c <= 'Z':
			b = append(b, c+'a'-'A')
		case c == '.' || c == '_' || c == ' ':
			b = append(b, '-')
		default:
			b = append(b, c)
		}
	}
	return b
}

// stem is a base id, split into parts for its names.
type stem struct {
	vendor  string
	name    string // without vendor, version and day
	full    string // without vendor and what follows the version's colon
	day     string // such as 20250929 or, for a month, 2507; empty if there is none
	version [2]int // such as {1, 0} for v1:0
	short   string // without what says that it follows instructions
	size    string // what else could be left out: such as 17b
	bare    string // without size
}

// takeApart splits a base id.
func takeApart(id string) stem {
	var s stem
	rest := id
	if s.vendor = vendorOf(id); s.vendor != "" {
		rest = id[len(s.vendor)+1:]
	}
	s.full, _, _ = strings.Cut(rest, ":")
	words := strings.Split(rest, "-")
	words, s.version = cutVersion(words)
	if n := len(words); n > 1 && isDay(words[n-1]) {
		s.day, words = words[n-1], words[:n-1]
	}
	s.name = strings.Join(words, "-")
	short := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "instruct" || w == "it" || w == "chat" })
	s.short = strings.Join(short, "-")
	var sizes, bare []string
	for _, w := range short {
		if isSize(w) {
			sizes = append(sizes, w)
		} else {
			bare = append(bare, w)
		}
	}
	s.size, s.bare = strings.Join(sizes, "-"), strings.Join(bare, "-")
	return s
}

// cutVersion cuts off a last word such as v1:0, v2 or 1:0.
func cutVersion(words []string) (rest []string, version [2]int) {
	last := words[len(words)-1]
	major, minor, colon := strings.Cut(last, ":")
	digits, v := strings.CutPrefix(major, "v")
	if len(words) == 1 || !isDigits(digits) || !v && !colon || len(digits) > 2 {
		return words, [2]int{}
	}
	version[0], _ = strconv.Atoi(digits)
	version[1], _ = strconv.Atoi(minor)
	return words[:len(words)-1], version
}

// isSize reports whether a word counts parameters: 17b, 8x7b, a3b, e2b.
func isSize(word string) bool {
	digits, ok := strings.CutSuffix(strings.TrimPrefix(strings.TrimPrefix(word, "a"), "e"), "b")
	return ok && isDigits(strings.Replace(digits, "x", "", 1))
}

// isDay reports whether a word is a day such as 20250929, or a month such as 2509.
func isDay(word string) bool {
	return isDigits(word) && (len(word) == len("20250929") || len(word) == len("2509") && word >= "2300" && word < "4000")
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// names makes the names of models.
func names(models []*Model) map[string]*Model {
	stems := make(map[string]stem, len(models))
	sizes := map[string]map[string]bool{} // the sizes of models that are the same but for them
	for _, m := range models {
		s := takeApart(m.ID)
		stems[m.ID] = s
		key := s.vendor + "." + s.bare
		if sizes[key] == nil {
			sizes[key] = map[string]bool{}
		}
		sizes[key][s.size] = true
	}
	best := map[string]*Model{}
	give := func(name string, m *Model) {
		key := string(appendFolded(nil, name))
		if now := best[key]; now == nil || preferred(m, now, stems) > 0 {
			best[key] = m
		}
	}
	for _, m := range models {
		s := stems[m.ID]
		forms := []string{s.full, s.name, s.short}
		if s.day != "" {
			forms = append(forms, s.name+"-"+s.day)
		}
		if len(sizes[s.vendor+"."+s.bare]) == 1 {
			forms = append(forms, s.bare)
		}
		for _, form := range forms {
			if isName(form) {
				give(form, m)
			}
			if s.vendor != "" && form != "" {
				give(s.vendor+"-"+form, m)
			}
		}
	}
	return best
}

// isName reports whether a form says enough without the vendor: more than r1,
// r1-v1, v3.2 or claude.
func isName(form string) bool {
	letters := strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' && r != 'v' {
			return r
		}
		return -1
	}, form)
	return len(form) > 3 && len(letters) > 1 && strings.Trim(form[1:], "0123456789.-") != "" && strings.ContainsAny(form, "0123456789-")
}

// preferred compares two models that could have the same name; positive if a gets it.
func preferred(a, b *Model, stems map[string]stem) int {
	sa, sb := stems[a.ID], stems[b.ID]
	return cmp.Or(
		cmp.Compare(a.onRuntime(), b.onRuntime()),
		cmp.Compare(sa.day, sb.day),
		slices.Compare(sa.version[:], sb.version[:]),
		cmp.Compare(a.Lifecycle.Launched, b.Lifecycle.Launched),
		cmp.Compare(b.ID, a.ID),
	)
}

// OnlyOnMantle reports whether bedrock-mantle is known to have a model, and bedrock-runtime is not.
func (m *Model) OnlyOnMantle() bool {
	return m.Converse != Yes && m.Invoke != Yes && m.OpenAI != Yes && m.Mantle.ID == m.ID
}

// OnMantle reports whether bedrock-mantle has a model in a region, as far as is known; Unknown if no source names any
// region for it, or it is not there at all. A live list of the region takes precedence.
func (m *Model) OnMantle(region string) Known {
	if there, ok := m.atMantle[region]; ok {
		return known(there)
	}
	if len(m.Mantle.In) == 0 {
		return Unknown
	}
	return known(slices.Contains(m.Mantle.In, region))
}

// MantleRegions are the regions whose bedrock-mantle is known to have a model, sorted.
func (m *Model) MantleRegions() []string {
	all := slices.DeleteFunc(slices.Clone(m.Mantle.In), func(region string) bool { return m.OnMantle(region) == No })
	for region, there := range m.atMantle {
		if there && !slices.Contains(all, region) {
			all = append(all, region)
		}
	}
	slices.Sort(all)
	return all
}

// onRuntime is 0 for a model that only bedrock-mantle is known to have.
func (m *Model) onRuntime() int {
	if m.OnlyOnMantle() {
		return 0
	}
	return 1
}
