// Package cache keeps answers to calls, so that the same call is answered again without a provider. It reads what
// a request asks for, as far as that decides whether two requests are the same, and knows no dialect and no server. See
// docs/adr/0015-answers-are-kept-as-they-were-sent.md.
package cache

import (
	"context"
	"time"
)

// Store keeps values by key. It is safe for concurrent use. What it returns and is given is not modified.
type Store interface {
	// Get returns the value of a key; nil if there is none, or none any more.
	Get(ctx context.Context, key string) ([]byte, error)
	// Set keeps a value for ttl, or without an end if that is 0. The store may forget it earlier.
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error
	// Delete forgets keys. It is no error if there are no values.
	Delete(ctx context.Context, keys []string) error
	// Flush forgets everything that the gateway has kept.
	Flush(ctx context.Context) error
	// Ping reports whether the store can be used.
	Ping(ctx context.Context) error
	// Close ends what the store does. It is the last call.
	Close() error
}
