package config

import (
	"cmp"
	"slices"
	"strings"
)

// Verdict is what becomes of a key of a file, with the problems of the file taken into account.
type Verdict int

const (
	// VerdictWorks is a key that takes effect.
	VerdictWorks Verdict = iota
	// VerdictInPart is a key of which a part has no effect, or of whose effect there is a warning.
	VerdictInPart
	// VerdictNotNeeded is a key without which everything is as with it.
	VerdictNotNeeded
	// VerdictNotThere is a key that should change something and does not.
	VerdictNotThere
	// VerdictUnknown is a key that neither LiteLLM nor Outcrop has.
	VerdictUnknown
	// VerdictRefused is a key that keeps the gateway from starting.
	VerdictRefused
)

var verdictNames = [...]string{"works", "works in part", "is not needed", "has no effect", "is unknown", "is refused"}

// String returns the verdict as the end of a sentence about the key.
func (v Verdict) String() string { return verdictNames[v] }

// Judged is a use of a key with its verdict. Note says how the key works otherwise than in LiteLLM, why it is not needed, what to do
// instead, or what is wrong with it; it may be empty.
type Judged struct {
	*Use
	Verdict Verdict
	Note    string
}

// verdict is what becomes of a key, whatever its value.
func (u *Use) verdict() Verdict {
	switch {
	case u.Effect == Refused:
		return VerdictRefused
	case !u.Known:
		return VerdictUnknown
	case u.Effect == Works:
		return VerdictWorks
	case u.Effect == Neutral, u.Key.Class == Ignored:
		return VerdictNotNeeded
	default:
		return VerdictNotThere
	}
}

// Judge returns the keys that have a value of their own, each once, in the order of their places. Keys that only hold others are
// left out, and a problem of a key or of a part of it changes its verdict.
func Judge(uses []Use, problems []Problem) []Judged {
	parents, at, placed := map[string]bool{}, map[string]int{}, map[Position]bool{}
	files := map[string]int{} // in the order in which they are read
	var keys []Judged
	for i := range uses {
		u := &uses[i]
		for path := parent(u.Path); path != "" && !parents[path]; path = parent(path) {
			parents[path] = true
		}
		if placed[u.Position] { // an alias repeats it
			continue
		}
		placed[u.Position] = true
		if _, seen := files[u.File]; !seen {
			files[u.File] = len(files)
		}
		at[u.Path] = len(keys)
		keys = append(keys, Judged{Use: u, Verdict: u.verdict(), Note: u.Key.Note})
	}
	for i := range problems {
		p := &problems[i]
		for path := p.Path; path != ""; path = parent(path) {
			i, ok := at[path]
			if !ok {
				continue
			}
			switch k := &keys[i]; {
			case p.Severity == Error:
				k.Verdict, k.Note = VerdictRefused, p.Message
			case k.Verdict == VerdictWorks:
				k.Verdict, k.Note = VerdictInPart, p.Message
			case k.Verdict == VerdictRefused: // as the operator has accepted
				k.Verdict = VerdictNotThere
			}
			break
		}
	}
	keys = slices.DeleteFunc(keys, func(k Judged) bool { return parents[k.Path] })
	slices.SortStableFunc(keys, func(a, b Judged) int {
		return cmp.Or(cmp.Compare(files[a.File], files[b.File]), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return keys
}

// parent returns the path of the mapping or list that a path is in; empty at the top.
func parent(path string) string {
	return path[:max(0, strings.LastIndexAny(path, ".["))]
}
