package converse

import (
	"strings"

	"outcrop/llm"
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
	host         string // who serves it
}

// NewModel makes the Model of a vendor and name; facts are what the catalogue has
// of it, nil if nothing. Where the catalogue is silent the rows of this package
// speak, and what neither knows is taken to work.
func NewModel(vendor, name string, facts *catalog.Model) *Model {
	m := &Model{Vendor: vendor, Name: name, facts: facts, host: bedrock}
	for i := range rows {
		if rows[i].fits(m) {
			m.traits |= rows[i].traits
		}
	}
	if facts != nil {
		m.know(facts.System, noSystem)
		m.know(facts.Tools, noTools)
		m.know(facts.StreamTools, noStreamTools)
		if in := facts.Input; in != 0 { // which has documents of some models only
			m.know(is(in&catalog.Image != 0), noImage)
			m.know(is(in&(catalog.Audio|catalog.Speech) != 0), noAudio)
			// A lack of video is not a trait: media refuses videos of models that have it.
			if in&catalog.Document != 0 {
				m.traits &^= noDocument
			}
		}
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

// WithoutMedia is m without media of a kind that AWS has refused of it: within tool results if
// inResults is set, else anywhere.
func (m *Model) WithoutMedia(kind llm.BlockKind, inResults bool) *Model {
	less := *m
	for i := range mediaTraits {
		if mediaTraits[i].kind != kind {
			continue
		}
		if inResults {
			less.traits |= mediaTraits[i].noResult
		} else {
			less.traits |= mediaTraits[i].none
		}
	}
	return &less
}

// TakesMedia reports whether the model is given media of a kind: within tool results if inResults is
// set, else anywhere.
func (m *Model) TakesMedia(kind llm.BlockKind, inResults bool) bool {
	if kind == llm.BlockVideo && m.facts != nil && m.facts.Input != 0 && m.facts.Input&catalog.Video == 0 {
		return false
	}
	for i := range mediaTraits {
		if mediaTraits[i].kind == kind {
			return !m.any(mediaTraits[i].none) && (!inResults || !m.any(mediaTraits[i].noResult))
		}
	}
	return true
}

// mediaTraits are the traits about each kind of media. It is never written to.
var mediaTraits = []struct {
	kind           llm.BlockKind
	none, noResult trait
}{
	{llm.BlockImage, noImage, noResultImage},
	{llm.BlockDocument, noDocument, noResultDocument},
	{llm.BlockVideo, noVideo, noResultVideo},
	{llm.BlockAudio, noAudio, 0},
}

// is turns a fact that a list states into a Known.
func is(b bool) catalog.Known {
	if b {
		return catalog.Yes
	}
	return catalog.No
}

// WithoutStreamTools is m without tools in streams, which AWS has refused of it.
func (m *Model) WithoutStreamTools() *Model {
	less := *m
	less.traits |= noStreamTools
	return &less
}

// StreamTools reports whether the model is given tools in streams.
func (m *Model) StreamTools() bool { return !m.any(noStreamTools) }

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
		n, ok := shortNumber(part)
		if !ok {
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

// shortNumber reads a number of one or two digits. An error of package strconv would need memory, for each
// word of each name.
func shortNumber(s string) (n int, ok bool) {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, len(s) == 1 || len(s) == 2
}
