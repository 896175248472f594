package guard

import (
	"context"
	"fmt"
)

// Missing is a check that there is not, by what it would be. It gives no verdict, so that calls which need it are refused.
type Missing string

var _ Checker = Missing("")

// Check returns an error.
func (m Missing) Check(context.Context, *Input) (Verdict, error) {
	return Verdict{}, fmt.Errorf("guardrails of the type %q are not supported", string(m))
}

// Reach is that of a check that looks at nothing.
func (Missing) Reach() Reach { return Reach{} }
