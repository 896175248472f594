package tenant

import "outcrop/llm"

// Request is a call to be made.
type Request struct {
	// Asked is the model's name as the client sent it, Model what it means for the caller, Group the configured
	// name that serves it, and Groups the access groups that it is in.
	Asked, Model, Group string
	Groups              []string
	// Capacity is what the model can take in a minute; nil if it is not known.
	Capacity *llm.Capacity
	// Team is the only team that may use the model, whose name for it is Group then; empty if it is nobody's.
	Team string
	// Customer is the client's own user, and Tags the call's labels.
	Customer string
	Tags     []string
	// Estimate is called only if there is a limit that needs it.
	Estimate func() Estimate
	// Mirrors is the call that this one mirrors, for another model; nil for any other call. Whether it may be made is then that
	// call's, and of the limits only those of money hold: the client has not made it.
	Mirrors *Request
}
