package converse

import (
	"strconv"
	"strings"

	"outcrop/provider/bedrock/catalog"
)

// Model is what a request is fitted to. NewModel makes it; it is not changed
// afterwards.
type Model struct {
	// Vendor and Name are segments of the base id, such as anthropic and
	// claude-sonnet-4-5-20250929-v1. Both are empty where an ARN hides them.
	Vendor, Name string
	facts        *catalog.Model // nil if the catalogue does not have it
	traits       trait
	thinker      thinker
}

// NewModel makes the Model of a vendor and name; facts are what the catalogue has
// of it, nil if nothing. Where the catalogue is silent the rows of this package
// speak, and what neither knows is taken to work.
func NewModel(vendor, name string, facts *catalog.Model) *Model {
	m := &Model{Vendor: vendor, Name: name, facts: facts}
	for i := range rows {
		if rows[i].fits(m) {
			m.traits |= rows[i].traits
		}
	}
	if facts != nil {
		m.know(facts.System, noSystem)
		m.know(facts.Tools, noTools)
		m.know(facts.StreamTools, noStreamTools)
		if !m.any(native | noNative) {
			switch facts.StructuredOutput {
			case catalog.Yes:
				m.traits |= native
			case catalog.No:
				m.traits |= noNative
			case catalog.Unknown:
			}
		}
	}
	m.thinker = m.thinkerOf()
	return m
}

// Without is m without the features that AWS has refused of it, whatever is known of it:
// a schema for the answer, and strict tools.
func (m *Model) Without(format, strict bool) *Model {
	less := *m
	if format {
		less.traits = less.traits&^native | noNative
	}
	if strict {
		less.traits |= noStrict
	}
	return &less
}

// NativeFormat reports whether the model is given a schema for its answer.
func (m *Model) NativeFormat() bool {
	return m.any(native) || m.Vendor == "" && m.facts == nil && !m.any(noNative)
}

// StrictTools reports whether the model is given strict tools.
func (m *Model) StrictTools() bool { return !m.any(noStrict) }

// know takes over a fact about what t denies.
func (m *Model) know(fact catalog.Known, t trait) {
	switch fact {
	case catalog.Yes:
		m.traits &^= t
	case catalog.No:
		m.traits |= t
	case catalog.Unknown:
	}
}

// has reports whether m has all of the traits, and any whether it has one of them.
func (m *Model) has(t trait) bool { return m.traits&t == t }
func (m *Model) any(t trait) bool { return m.traits&t != 0 }

// claude is a Claude model's version as a number, 405 for 4.5; 0 if m is none.
// Anthropic names models claude-3-7-sonnet-20250219 and, since Claude 4,
// claude-sonnet-4-5-20250929: the version is the numbers of one or two digits,
// a date has eight.
func (m *Model) claude() int {
	rest, ok := strings.CutPrefix(m.Name, "claude-")
	if !ok || m.Vendor != "anthropic" {
		return 0
	}
	version, seen := 0, 0
	for part := range strings.SplitSeq(rest, "-") {
		n, err := strconv.Atoi(part)
		if err != nil || len(part) > 2 {
			if seen > 0 {
				break
			}
			continue
		}
		if seen++; seen > 2 {
			break
		}
		version = version*100 + n
	}
	if seen == 1 {
		version *= 100
	}
	return version
}
