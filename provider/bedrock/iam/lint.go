package iam

import (
	"cmp"
	"fmt"
	"slices"

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

// Finding is something wrong with a policy.
type Finding struct {
	// Code names the kind of fault, such as action.unknown. It is never renamed.
	Code string
	// Line and Column are where it stands, from 1; a column is a character.
	Line, Column int
	// Message is what is wrong, in a sentence or two.
	Message string
	// Fix is what the statement should be, or the statements to add; nil where none
	// can be given.
	Fix Document
}

// Options say what a policy is held against.
type Options struct {
	Kind Kind
	// Calls are what the policy shall allow, each with a region and id. Without one
	// the policy is held against itself: the profiles that it names against their
	// models.
	Calls []Call
	// Known is the catalogue; nil knows nothing.
	Known *catalog.Catalogue
}

// MaxPolicy is how long a policy may be that Lint reads, in bytes. IAM takes at most
// 10,240 characters for most kinds and 20,480 for a VPC endpoint, without white space
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
const MaxPolicy = 128 << 10

// Lint finds what is wrong with a policy's JSON, in the order of the text. What it
// cannot know it lets pass: conditions on who calls, and from where, hold for what
// is allowed, and do not for what is denied. A call in Options that Needs
// refuses is an error; if the policy is not JSON, or longer than MaxPolicy, it is a
// *SyntaxError.
func Lint(policy []byte, o Options) ([]Finding, error) {
	if len(policy) > MaxPolicy {
		return nil, &SyntaxError{Line: 1, Column: 1, Reason: fmt.Sprintf("it has more than %d bytes, and no policy of AWS's has", MaxPolicy)}
	}
	root, err := parseJSON(policy)
	if err != nil {
		return nil, err
	}
	if o.Kind == "" {
		o.Kind = Identity
	}
	l := &linter{data: policy, opt: o}
	rules := l.document(root)
	for _, r := range rules {
		l.statement(r)
	}
	if err := l.coverage(rules); err != nil {
		return nil, err
	}
	slices.SortStableFunc(l.found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return l.found, nil
}

// linter collects what one Lint finds.
type linter struct {
	data  []byte
	opt   Options
	found []Finding
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
