package upstream

import "context"

type interceptKey struct{}

// Intercept returns a context for calls that are not to be sent: Do gives them to take as they would be written, and fails
// with the error that take returns. The request is take's only until it returns. So a call can be shown by the code that makes it.
func Intercept(ctx context.Context, take func(*Request) error) context.Context {
	return context.WithValue(ctx, interceptKey{}, take)
}

// intercepted returns what takes the calls of a context; nil if they are sent.
func intercepted(ctx context.Context) func(*Request) error {
	take, _ := ctx.Value(interceptKey{}).(func(*Request) error)
	return take
}
