package config

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// Class is what Outcrop does about a key.
type Class int

const (
	// Supported is a key that does what it says.
	Supported Class = iota
	// PerProvider is a key that is supported where the model's provider has a
	// setting of that name.
	PerProvider
	// Ignored is a key that makes no difference here.
	Ignored
	// NotYet is a key that would change behaviour and does not yet.
	NotYet
	// Limits is a key about who may call, what may be said or what may be spent,
	// and that is not enforced yet. To run without it would be to run wide open,
	// so it is an error.
	Limits
)

var classNames = [...]string{"supported", "provider", "ignored", "not yet", "limits"}

// String returns the class as keys.txt spells it.
func (c Class) String() string { return classNames[c] }

// Type is what kind of value a key takes.
type Type int

const (
	// AnyType is a value that is not looked at.
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
	// Section is the path of the mapping that the key stands in, such as
	// model_list[].litellm_params; empty for the top of the file.
	Section string
	Name    string
	Class   Class
	Type    Type
	// Limit is what a key of the class Limits limits: access, content, spending, rate or
	// storage; empty for the others.
	Limit string
	// Min and Max bound a number. Min is exclusive for seconds if it is 0.
	Min, Max float64
	// Default is the value that stands for what happens without the key; empty
	// if there is none. A key that is not supported is in order as long as it has
	// this value.
	Default string
	// Help says in a sentence what the key is for.
	Help string
}

// table is what keys.txt holds.
type table struct {
	keys     []Key
	index    map[string]map[string]int // by section and name, into keys
	observer map[string]bool           // callbacks that only watch
}

func (t *table) find(section, name string) (Key, bool) {
	i, ok := t.index[section][name]
	if !ok {
		return Key{}, false
	}
	return t.keys[i], true
}

// names lists the keys of a section that do something.
func (t *table) names(section string) []string {
	var names []string
	for _, k := range t.keys {
		if k.Section == section {
			names = append(names, k.Name)
		}
	}
	return names
}

//go:embed keys.txt
var keysText string

// keyTable reads keys.txt once. That it can be read is for the tests to show.
var keyTable = sync.OnceValue(func() *table {
	t, err := readTable(keysText)
	if err != nil {
		panic(err) //nolint:forbidigo // a file in the binary that its tests have read cannot fail to be read
	}
	return t
})

// Keys lists every known key, section by section.
func Keys() []Key { return append([]Key(nil), keyTable().keys...) }

// readTable reads the format that the head of keys.txt describes.
func readTable(text string) (*table, error) {
	t := &table{index: map[string]map[string]int{}, observer: map[string]bool{}}
	section := ""
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			section = strings.TrimSuffix(line[1:], "]")
			if section == "top" {
				section = ""
			}
		case section == "observers":
			for name := range strings.FieldsSeq(line) {
				t.observer[name] = true
			}
		default:
			if err := t.row(section, line); err != nil {
				return nil, fmt.Errorf("keys.txt:%d: %w", i+1, err)
			}
		}
	}
	return t, nil
}

func (t *table) row(section, line string) error {
	cells := strings.Split(line, "|")
	if len(cells) != 5 {
		return fmt.Errorf("%d cells, not 5", len(cells))
	}
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	k := Key{Section: section, Default: cells[3], Help: cells[4]}
	if limit, ok := strings.CutPrefix(cells[1], "limits "); ok {
		cells[1], k.Limit = "limits", limit
	}
	class, ok := indexOf(classNames[:], cells[1])
	if !ok {
		return fmt.Errorf("no class %q", cells[1])
	}
	k.Class = Class(class)
	if (k.Class == Limits) != (limitOf(k.Limit) != "") {
		return fmt.Errorf("what is limited is not told, or not known: %q", k.Limit)
	}
	name, bounds, bounded := strings.Cut(cells[2], " ")
	typ, ok := indexOf(typeNames[:], name)
	if !ok {
		return fmt.Errorf("no type %q", name)
	}
	k.Type = Type(typ)
	if bounded {
		low, high, _ := strings.Cut(bounds, "-")
		var errLow, errHigh error
		k.Min, errLow = strconv.ParseFloat(low, 64)
		k.Max, errHigh = strconv.ParseFloat(high, 64)
		if errLow != nil || errHigh != nil || k.Min >= k.Max {
			return fmt.Errorf("no bounds: %q", bounds)
		}
	}
	if t.index[section] == nil {
		t.index[section] = map[string]int{}
	}
	for name := range strings.SplitSeq(cells[0], ",") {
		k.Name = strings.TrimSpace(name)
		if _, dup := t.index[section][k.Name]; dup || k.Name == "" {
			return fmt.Errorf("key %q is there already", k.Name)
		}
		t.index[section][k.Name] = len(t.keys)
		t.keys = append(t.keys, k)
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

// limitOf says in words what a key of the class Limits limits.
func limitOf(limit string) string {
	switch limit {
	case "access":
		return "limits who may call, and is not enforced yet"
	case "content":
		return "limits what may be sent or answered, and is not enforced yet"
	case "spending":
		return "limits what may be spent, and is not enforced yet"
	case "rate":
		return "limits how much may be called, and is not enforced yet"
	case "storage":
		return "keeps keys, teams and budgets in a database; Outcrop has none yet, so none of them is enforced"
	default:
		return ""
	}
}
