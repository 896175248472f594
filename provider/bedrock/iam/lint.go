package iam

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"outcrop/provider/bedrock/catalog"
)

// Kind says where a policy is attached, which decides what it does: all but SCPs
// must allow what is done, and an SCP that allows nothing stands beside one that
// does
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html).
type Kind string

// Kinds. The zero Kind is Identity.
const (
	Identity Kind = "identity" // of a user, group or role
	SCP      Kind = "scp"      // of an organization
	Boundary Kind = "boundary" // what a user or role can have at most
	Session  Kind = "session"  // passed when a role is assumed
	Endpoint Kind = "vpce"     // of a VPC endpoint
)

// Finding is a problem in a policy.
type Finding struct {
	// Code names the kind of fault, such as action.unknown. It is never renamed.
	Code string
	// Line and Column are where it stands, from 1; a column is a character.
	Line, Column int
	// Message is what is wrong, in a sentence or two.
	Message string
	// Fix is the corrected statement, with every mistake fixed that can be, or the statements to
	// add; nil if there is none.
	Fix Document
	// Statement is the number of the statement, from 1, that Fix replaces; 0 if Fix is to be added,
	// or only advice.
	Statement int
}

// Options say what a policy is checked against.
type Options struct {
	Kind Kind
	// Calls are the calls that the policy must allow, each with a region and id. Without calls, the
	// profiles that the policy names are checked against their models.
	Calls []Call
	// Known is the catalogue; nil knows nothing.
	Known *catalog.Catalogue
}

// MaxPolicy is how long a policy may be that Lint reads, in bytes. IAM takes at most
// 10,240 characters for most kinds and 20,480 for a VPC endpoint, without white space
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
const MaxPolicy = 128 << 10

// Lint finds what is wrong with a policy's JSON, in the order of the text. What it cannot know it
// accepts: conditions on who calls, and from where, hold for what is allowed, and do not for what
// is denied. A call in Options that Needs refuses is an error; if the policy is not JSON, or longer
// than MaxPolicy, it is a *SyntaxError.
func Lint(policy []byte, o Options) ([]Finding, error) {
	l, _, err := lint(policy, o)
	if err != nil {
		return nil, err
	}
	return l.found, nil
}

// lint is Lint, and also returns the statements.
func lint(policy []byte, o Options) (*linter, []*rule, error) {
	if len(policy) > MaxPolicy {
		return nil, nil, &SyntaxError{Line: 1, Column: 1, Reason: fmt.Sprintf("the policy has more than %d bytes, the limit for AWS policies", MaxPolicy)}
	}
	root, err := parseJSON(policy)
	if err != nil {
		return nil, nil, err
	}
	if o.Kind == "" {
		o.Kind = Identity
	}
	l := &linter{data: policy, opt: o}
	rules := l.document(root)
	for i, r := range rules {
		r.number = i + 1
		l.statement(r)
		l.whole(r)
	}
	if err := l.coverage(rules); err != nil {
		return nil, nil, err
	}
	slices.SortStableFunc(l.found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return l, rules, nil
}

// ErrNotRewritten is a policy with a statement that a Statement cannot hold: one with
// NotAction, NotResource or a Principal that is not *, or without an Effect, an Action
// or a Resource.
var ErrNotRewritten = errors.New("the policy has NotAction, NotResource, a Principal that is not \"*\", or a statement that lacks a part, and cannot be rewritten")

// maxRounds bounds how often a fixed policy is fixed again.
const maxRounds = 8

// Fixed returns the whole policy with everything fixed that can be, and what the calls require
// added; and the remaining findings, with positions in its JSON. Statements that allow more than
// required are left unchanged. An error is one of Lint's, or ErrNotRewritten.
func Fixed(policy []byte, o Options) (Document, []Finding, error) {
	var d Document
	for range maxRounds {
		l, rules, err := lint(policy, o)
		if err != nil {
			return nil, nil, err
		}
		if d, err = rewritten(l.found, rules); err != nil {
			return nil, nil, err
		}
		next := d.JSON()
		if bytes.Equal(next, policy) {
			return d, l.found, nil
		}
		policy = next
	}
	left, err := Lint(policy, o)
	return d, left, err
}

// rewritten applies the fixes of findings to the statements of a policy.
func rewritten(found []Finding, rules []*rule) (Document, error) {
	var d, added Document
	for _, r := range rules {
		if at := slices.IndexFunc(found, func(f Finding) bool { return f.Statement == r.number && f.Fix != nil }); at >= 0 {
			d = append(d, found[at].Fix...)
			continue
		}
		s, ok := r.fixed()
		if !ok {
			return nil, ErrNotRewritten
		}
		d = append(d, s)
	}
	for _, f := range found {
		if f.Statement == 0 && !strings.HasSuffix(f.Code, ".wide") {
			added = append(added, f.Fix...)
		}
	}
	d = append(d, Merge(added)...)
	used := map[string]bool{}
	for i := range d {
		sid := d[i].Sid
		for n := 2; used[d[i].Sid] && sid != ""; n++ {
			d[i].Sid = sid + strconv.Itoa(n)
		}
		used[d[i].Sid] = true
	}
	return d, nil
}

// linter collects what one Lint finds.
type linter struct {
	data  []byte
	opt   Options
	found []Finding
}

// whole gives all findings that fix a statement the same corrected statement, so that applying one
// fix does not revert another.
func (l *linter) whole(r *rule) {
	s, ok := r.fixed()
	if !ok {
		return
	}
	for i := range l.found {
		if f := &l.found[i]; f.Statement == r.number {
			f.Fix = Document{s}
			if len(r.split) > 0 {
				f.Fix = r.split
			}
		}
	}
}

func (l *linter) find(code string, at int, message string, fix ...Statement) {
	f := Finding{Code: code, Message: message}
	if len(fix) > 0 {
		f.Fix = fix
	}
	f.Line, f.Column = position(l.data, at)
	same := func(other Finding) bool {
		return other.Code == f.Code && other.Line == f.Line && other.Column == f.Column
	}
	if !slices.ContainsFunc(l.found, same) {
		l.found = append(l.found, f)
	}
}
