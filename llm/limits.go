package llm

import (
	"context"
	"errors"
)

// Limits bound what a deployment may serve. Limits that are not set are not there.
type Limits struct {
	// Deployment is the deployment's id, and Provider the name of its provider in the configuration.
	Deployment, Provider string
	// Requests, Tokens, Input and Output are the most requests, tokens, tokens of prompts and tokens of responses
	// in a minute, and Parallel is the most calls at a time.
	Requests, Tokens, Input, Output, Parallel Opt[int64]
	// Budget is the deployment's, and ProviderBudget that of all deployments of the provider.
	Budget, ProviderBudget Budget
	// Reserved is when only certain teams may use the deployment; nil for never.
	Reserved *Reserved
	// Watch is told when a call that the limits have admitted is over; nil for nobody.
	Watch Watcher
}

// Capacity is what all deployments of a model together take in a minute, as far as it is known.
type Capacity struct{ Requests, Tokens Opt[int64] }

// Watcher is told when there may be room for another call. It does not block.
type Watcher interface{ Free() }

// ErrFull is the cause of a refusal because of Limits.Parallel: there is room when another call ends.
var ErrFull = errors.New("as many calls as there may be at a time")

// Any reports whether anything is limited.
func (l *Limits) Any() bool {
	return l.Requests.Set || l.Tokens.Set || l.Input.Set || l.Output.Set || l.Parallel.Set || l.Budget.Most.Set || l.ProviderBudget.Most.Set || l.Reserved != nil
}

// Budget is money for a time.
type Budget struct {
	Most Opt[Cost]
	// Duration is when the budget begins anew, in LiteLLM's form, such as 30d; empty for never.
	Duration string
}

// Admission lets a call use a deployment within its limits, or refuses it with an *Error. What it reserves counts for
// the call when that ends, unless failed is called, because the deployment has not served it. limits is nil for a deployment without
// limits. name is the model name of the deployment if the call has come to it by another, such as that of a group of names: what the
// caller may use of a model holds for it by that name too. Otherwise it is empty.
type Admission func(ctx context.Context, limits *Limits, name string) (failed func(), err error)
