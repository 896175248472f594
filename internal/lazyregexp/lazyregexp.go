// Package lazyregexp has regular expressions that are compiled when they are used first. A gateway has some
// hundred of them, most for what a given one never meets, and to compile them all takes a third of its start.
// (The Go project's internal/lazyregexp is there for the same reason.)
package lazyregexp

import (
	"regexp"
	"sync"
)

// Regexp is a regular expression in package regexp's syntax. Its methods are those of regexp.Regexp that are needed.
type Regexp struct {
	compiled func() *regexp.Regexp
}

// New returns a regular expression, which must be valid: the first use of one that is not panics. A test
// compiles those of the whole repository.
func New(expression string) *Regexp {
	return &Regexp{sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })}
}

// String returns the expression.
func (r *Regexp) String() string { return r.compiled().String() }

// MatchString reports whether s contains a match.
func (r *Regexp) MatchString(s string) bool { return r.compiled().MatchString(s) }

// Match is MatchString for bytes.
func (r *Regexp) Match(b []byte) bool { return r.compiled().Match(b) }

// FindStringIndex returns where the first match in s begins and ends; nil if there is none.
func (r *Regexp) FindStringIndex(s string) []int { return r.compiled().FindStringIndex(s) }

// FindString returns the first match in s; empty if there is none.
func (r *Regexp) FindString(s string) string { return r.compiled().FindString(s) }

// FindStringSubmatch returns the first match in s and its groups; nil if there is none.
func (r *Regexp) FindStringSubmatch(s string) []string { return r.compiled().FindStringSubmatch(s) }

// FindAllString returns the first n matches in s; all if n is negative.
func (r *Regexp) FindAllString(s string, n int) []string { return r.compiled().FindAllString(s, n) }

// FindAllStringSubmatch returns the first n matches in s and their groups; all if n is negative.
func (r *Regexp) FindAllStringSubmatch(s string, n int) [][]string {
	return r.compiled().FindAllStringSubmatch(s, n)
}

// ReplaceAllString replaces the matches in s; $1 in the replacement is the first group.
func (r *Regexp) ReplaceAllString(s, replacement string) string {
	return r.compiled().ReplaceAllString(s, replacement)
}

// Split splits s at the matches, into at most n pieces; as many as there are if n is negative.
func (r *Regexp) Split(s string, n int) []string { return r.compiled().Split(s, n) }

// ReplaceAllStringFunc replaces the matches in s by what replace makes of them.
func (r *Regexp) ReplaceAllStringFunc(s string, replace func(string) string) string {
	return r.compiled().ReplaceAllStringFunc(s, replace)
}

// FindSubmatch is FindStringSubmatch for bytes.
func (r *Regexp) FindSubmatch(b []byte) [][]byte { return r.compiled().FindSubmatch(b) }
