package config

import (
	_ "embed"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Class is how Outcrop handles a key.
type Class int

const (
	// Supported is a key that takes effect.
	Supported Class = iota
	// PerProvider is a key that is supported where the model's provider has a
	// setting of that name.
	PerProvider
	// Ignored is a key that has no equivalent here, so that leaving it out changes nothing.
	Ignored
	// NotYet is a key that should change behaviour, but is not supported yet.
	NotYet
	// Limits is a key that restricts who may call, what may be sent or what may be
	// spent, and that is not enforced yet. It is an error, since running without the
	// restriction would be unsafe.
	Limits
)

var classNames = [...]string{"supported", "provider", "ignored", "not yet", "limits"}

// String returns the class as keys.txt spells it.
func (c Class) String() string { return classNames[c] }

// Type is what kind of value a key takes.
type Type int

const (
	// AnyType is a value that is not checked.
	AnyType Type = iota
	// StringType is text; a number or a boolean counts as its literal text.
	StringType
	// SecretType is text that is never shown.
	SecretType
	// BoolType is true or false.
	BoolType
	// IntType is a whole number.
	IntType
	// NumberType is a number.
	NumberType
	// SecondsType is a time in seconds.
	SecondsType
	// ListType is a list.
	ListType
	// MapType is a mapping.
	MapType
)

var typeNames = [...]string{"any", "string", "secret", "boolean", "integer", "number", "seconds", "list", "mapping"}

// String returns the type as keys.txt spells it.
func (t Type) String() string { return typeNames[t] }

// Key is a key that LiteLLM or Outcrop knows.
type Key struct {
	// Section is the path of the mapping that contains the key, such as
	// model_list[].litellm_params; empty for the top level of the file.
	Section string
	Name    string
	Class   Class
	Type    Type
	// Limit is what a key of class Limits limits: access, content, spending, rate or
	// storage; empty for other classes.
	Limit string
	// Min and Max bound a number. Min is exclusive for seconds if it is 0.
	Min, Max float64
	// Default is the value that has the same effect as leaving the key out; empty if
	// there is none. An unsupported key with this value is accepted silently.
	Default string
	// Help describes the key in a sentence.
	Help string
	// Note says how a key works otherwise than in LiteLLM, why it is not needed, or what to do instead; it may be empty.
	Note string
}

// table is keys.txt, cut into its sections. The rows of a section are read when it is first asked for: a
// configuration has few of them, and reading all took a millisecond of each start.
type table struct {
	sections []*keySection // in the order of keys.txt
	index    map[string]*keySection
	observer map[string]bool // callbacks that only observe calls
}

// keySection is a section of keys.txt.
type keySection struct {
	path string // of the mapping that contains the keys
	line int    // of its head, from 1
	text string // its rows
	rows func() (*keyRows, error)
}

// keyRows are the keys of a section.
type keyRows struct {
	keys  []Key
	index map[string]int // by name, into keys
}

// read returns the rows of a section.
func (s *keySection) read() *keyRows {
	rows, err := s.rows()
	if err != nil {
		panic(err) //nolint:forbidigo // an embedded file that the tests parse cannot fail to parse
	}
	return rows
}

func (t *table) find(section, name string) (Key, bool) {
	s := t.index[section]
	if s == nil {
		return priceKey(section, name)
	}
	rows := s.read()
	i, ok := rows.index[name]
	if !ok {
		return priceKey(section, name)
	}
	return rows.keys[i], true
}

// names lists the keys of a section.
func (t *table) names(section string) []string {
	s := t.index[section]
	if s == nil {
		return nil
	}
	var names []string
	for _, k := range s.read().keys {
		names = append(names, k.Name)
	}
	return names
}

// all goes through the keys, section by section.
func (t *table) all() iter.Seq[Key] {
	return func(yield func(Key) bool) {
		for _, s := range t.sections {
			for _, k := range s.read().keys {
				if !yield(k) {
					return
				}
			}
		}
	}
}

//go:embed keys.txt
var keysText string

// keyTable reads keys.txt once. The tests verify that it parses.
var keyTable = sync.OnceValue(func() *table {
	t, err := readTable(keysText)
	if err != nil {
		panic(err) //nolint:forbidigo // an embedded file that the tests parse cannot fail to parse
	}
	return t
})

// Keys lists every known key, section by section.
func Keys() []Key { return slices.Collect(keyTable().all()) }

// readTable finds the sections of a text in the format that the head of keys.txt describes. Their rows are not
// read yet.
func readTable(text string) (*table, error) {
	t := &table{index: map[string]*keySection{}, observer: map[string]bool{}}
	line, rest := 0, text
	head, body := -1, 0 // the line of the last head, and where its rows begin
	name := ""
	end := func(at int) error {
		if head < 0 {
			return nil
		}
		return t.section(name, head, text[body:at])
	}
	for rest != "" {
		start := len(text) - len(rest)
		first, after, _ := strings.Cut(rest, "\n")
		line, rest = line+1, after
		if first == "" || first[0] != '[' {
			continue
		}
		if err := end(start); err != nil {
			return nil, err
		}
		name, head, body = strings.TrimSuffix(first[1:], "]"), line, len(text)-len(rest)
	}
	return t, end(len(text))
}

// section adds a section with its rows.
func (t *table) section(name string, line int, text string) error {
	if name == "observers" {
		for name := range strings.FieldsSeq(text) {
			t.observer[name] = true
		}
		return nil
	}
	if name == "top" {
		name = ""
	}
	if t.index[name] != nil {
		return fmt.Errorf("keys.txt:%d: a second section [%s]", line, name)
	}
	s := &keySection{path: name, line: line, text: text}
	s.rows = sync.OnceValues(s.parse)
	t.index[name] = s
	t.sections = append(t.sections, s)
	return nil
}

// parse reads the rows of a section.
func (s *keySection) parse() (*keyRows, error) {
	rows := &keyRows{index: map[string]int{}}
	line := s.line
	for row := range strings.SplitSeq(s.text, "\n") {
		line++
		row = strings.TrimSpace(row)
		if row == "" || row[0] == '#' {
			continue
		}
		if err := rows.row(s.path, row); err != nil {
			return nil, fmt.Errorf("keys.txt:%d: %w", line, err)
		}
	}
	return rows, nil
}

// row adds the keys of a row.
func (r *keyRows) row(section, line string) error {
	cells := strings.Split(line, "|")
	if len(cells) != 5 && len(cells) != 6 {
		return fmt.Errorf("%d cells, not 5 or 6", len(cells))
	}
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	k := Key{Section: section, Default: cells[3], Help: cells[4]}
	if len(cells) == 6 {
		k.Note = cells[5]
	}
	if limit, ok := strings.CutPrefix(cells[1], "limits "); ok {
		cells[1], k.Limit = "limits", limit
	}
	class, ok := indexOf(classNames[:], cells[1])
	if !ok {
		return fmt.Errorf("unknown class %q", cells[1])
	}
	k.Class = Class(class)
	if (k.Class == Limits) != (limitOf(k.Limit) != "") {
		return fmt.Errorf("class limits: unknown limit %q", k.Limit)
	}
	name, bounds, bounded := strings.Cut(cells[2], " ")
	typ, ok := indexOf(typeNames[:], name)
	if !ok {
		return fmt.Errorf("unknown type %q", name)
	}
	k.Type = Type(typ)
	if bounded {
		low, high, _ := strings.Cut(bounds, "-")
		var errLow, errHigh error
		k.Min, errLow = strconv.ParseFloat(low, 64)
		k.Max, errHigh = strconv.ParseFloat(high, 64)
		if errLow != nil || errHigh != nil || k.Min >= k.Max {
			return fmt.Errorf("invalid bounds %q", bounds)
		}
	}
	for name := range strings.SplitSeq(cells[0], ",") {
		k.Name = strings.TrimSpace(name)
		if _, dup := r.index[k.Name]; dup || k.Name == "" {
			return fmt.Errorf("key %q is empty or duplicated", k.Name)
		}
		r.index[k.Name] = len(r.keys)
		r.keys = append(r.keys, k)
	}
	return nil
}

func indexOf(names []string, name string) (int, bool) {
	for i, n := range names {
		if n == name {
			return i, true
		}
	}
	return 0, false
}

// limitOf describes what a key of class Limits limits; empty for an unknown limit.
func limitOf(limit string) string {
	switch limit {
	case "access":
		return "is a restriction on who may call, which is not enforced yet"
	case "content":
		return "is a restriction on what may be sent or returned, which is not enforced yet"
	case "spending":
		return "is a limit on spending, which is not enforced yet"
	case "rate":
		return "is a limit on the rate of calls, which is not enforced yet"
	case "storage":
		return "keeps keys, teams and budgets in a database, which Outcrop does not support yet, so they are not enforced"
	default:
		return ""
	}
}
