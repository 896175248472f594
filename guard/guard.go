// Package guard holds checks of what people ask of models and of what models answer: the contract that every check
// fulfils, and checks by words and patterns that need no service. It knows no call and no dialect.
package guard

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"
)

// Side is which side of a call a text is from.
type Side uint8

// Sides.
const (
	Request  Side = iota + 1 // what is asked of a model
	Response                 // what it answers
)

// String returns the side's name in LiteLLM's words: request or response.
func (s Side) String() string {
	if s == Response {
		return "response"
	}
	return "request"
}

// Input is what is checked at once.
type Input struct {
	Side Side
	// Texts are in the order of the conversation. A check must not change them.
	Texts []string
	// Roles are who says the texts, one for one: system, user, assistant or tool. It is nil where nobody knows.
	Roles []string
	// Fixed is whether the texts cannot be replaced any more, so that a verdict that would is a refusal.
	Fixed bool
	// Model is the model as the client named it, and CallID the call's id; either may be empty.
	Model, CallID string
	// Caller says who makes the call; nil if nobody knows.
	Caller func() Caller
}

// Role returns who says a text: as Roles has it, and otherwise the side that speaks.
func (in *Input) Role(i int) string {
	switch {
	case i < len(in.Roles):
		return in.Roles[i]
	case in.Side == Response:
		return "assistant"
	default:
		return "user"
	}
}

// Caller is who makes a call, for services that are told of it. Fields are empty for what the caller does not have.
type Caller struct {
	// KeyHash is the hexadecimal SHA-256 of the key, and KeyAlias its name for people.
	KeyHash, KeyAlias                                             string
	UserID, UserEmail, TeamID, TeamAlias, OrganizationID, EndUser string
}

// Verdict is what a check says of an input. The zero value lets it pass as it is.
type Verdict struct {
	// Texts replace those of the input, one for one; nil if nothing is replaced.
	Texts []string
	// Block is why the input must not go on; nil if it may.
	Block *Block
	// Restore is what stands in the replaced texts of a request in place of something that the client has said, and that
	// is put back where the response has it.
	Restore []Pair
}

// Pair is a text that stands for another.
type Pair struct{ Mask, Original string }

// Block says why an input is refused.
type Block struct {
	// Reason is for the client. It never has the text that was found.
	Reason string
}

// Checker checks texts. It is safe for concurrent use.
type Checker interface {
	// Check judges an input. An error means that there is no verdict; it is ErrUnreachable if the check was not there to
	// be asked.
	Check(ctx context.Context, in *Input) (Verdict, error)
	// Reach is how streams are checked in pieces.
	Reach() Reach
}

// Reach is how a stream is checked in pieces.
type Reach struct {
	// Held is how many bytes are held back, so that what is looked for is found although it arrives in pieces.
	Held int
	// Every is how many bytes at least are added between two checks.
	Every int
	// Again is whether the end of what has been released is seen again in the next check, to know what was in front. What
	// must be masked in it then ends the stream. A check whose results depend on more than the place itself, as those of
	// services do, does not want that.
	Again bool
}

// ErrUnreachable is the error of a check that was not there to be asked: its service does not answer, or not in time.
var ErrUnreachable = errors.New("the service cannot be reached")

// Secret is a text that is never shown. It prints as [secret].
type Secret string

// Reveal is the text itself.
func (s Secret) Reveal() string { return string(s) }

// String is [secret].
func (s Secret) String() string { return "[secret]" }

// Format writes [secret] whatever the verb is.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[secret]")) }

// MarshalText returns [secret].
func (s Secret) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }

// Mode is a set of times at which a rule is in force.
type Mode uint8

// Modes. They have LiteLLM's names.
const (
	PreCall    Mode = 1 << iota // on the request, before the model has it
	DuringCall                  // on the request, while the model has it
	PostCall                    // on the response
	Logging                     // on what callbacks get of both, of every call; nothing of the call changes
)

// ParseMode returns the mode of one of LiteLLM's names.
func ParseMode(name string) (Mode, bool) {
	for _, m := range modes() {
		if m.name == name {
			return m.mode, true
		}
	}
	return 0, false
}

// Names returns the names of the modes in the set.
func (m Mode) Names() (names []string) {
	for _, known := range modes() {
		if m&known.mode != 0 {
			names = append(names, known.name)
		}
	}
	return names
}

type namedMode struct {
	name string
	mode Mode
}

func modes() []namedMode {
	return []namedMode{{"pre_call", PreCall}, {"during_call", DuringCall}, {"post_call", PostCall}, {"logging_only", Logging}}
}

// Rule is a check with its name, and when it is in force: an entry of guardrails.
type Rule struct {
	Name string
	// Kind is what the check is, such as litellm_content_filter.
	Kind string
	Mode Mode
	// Tags are the modes of calls that have a tag, in place of Mode; nil if tags are of no importance.
	Tags map[string]Mode
	// Always is whether the rule is in force for every call; others are for those that name it.
	Always bool
	// Open is when a call goes on although there is no verdict. Otherwise it is refused.
	Open Openness
	// Timeout bounds each check.
	Timeout time.Duration
	// SkipSystem is whether instructions of the system are not checked.
	SkipSystem bool
	Checker
}

// Openness is when a call goes on without a verdict.
type Openness uint8

// Values of Openness.
const (
	Closed            Openness = iota // never
	OpenIfUnreachable                 // if the error is ErrUnreachable
	Open                              // whatever the error is
)

// Lets reports whether a call goes on after an error.
func (o Openness) Lets(err error) bool {
	return o == Open || o == OpenIfUnreachable && errors.Is(err, ErrUnreachable)
}

// For is the rule as it is in force for a call with tags: with the modes of all of its tags that the rule knows, or with Mode if
// it knows none.
func (r *Rule) For(tags []string) *Rule {
	var mode Mode
	known := false
	for _, tag := range tags {
		m, ok := r.Tags[tag]
		mode |= m
		known = known || ok
	}
	if !known {
		return r
	}
	own := *r
	own.Mode = mode
	return &own
}

// Modes are all modes in which the rule may be in force.
func (r *Rule) Modes() Mode {
	all := r.Mode
	for _, m := range r.Tags {
		all |= m
	}
	return all
}

// Choose returns the rules that are in force for a call that names some and has tags, in their order, and the first name that is
// no rule's; empty if there is none. Of several rules with the same name and the same modes one is in force, which the call's id decides: so
// the work is shared between services.
func Choose(rules []*Rule, names, tags []string, id string) (chosen []*Rule, unknown string) {
	for _, name := range names {
		if !slices.ContainsFunc(rules, func(r *Rule) bool { return r.Name == name }) {
			return nil, name
		}
	}
	for _, r := range rules {
		if r.Always || slices.Contains(names, r.Name) {
			if r = r.For(tags); r.Mode&^Logging != 0 {
				chosen = append(chosen, r)
			}
		}
	}
	return balance(chosen, id), ""
}

// balance leaves one of each group of rules that stand for each other.
func balance(rules []*Rule, id string) []*Rule {
	alike := func(a, b *Rule) bool { return a.Name == b.Name && a.Mode == b.Mode }
	double := false
	for i, r := range rules {
		double = double || slices.ContainsFunc(rules[i+1:], func(other *Rule) bool { return alike(r, other) })
	}
	if !double {
		return rules
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	var left []*Rule
	for _, r := range rules {
		if slices.ContainsFunc(left, func(other *Rule) bool { return alike(r, other) }) {
			continue
		}
		var group []*Rule
		for _, other := range rules {
			if alike(r, other) {
				group = append(group, other)
			}
		}
		left = append(left, group[int(h.Sum32()%uint32(len(group)))])
	}
	return left
}
