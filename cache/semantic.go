package cache

import (
	"context"
	"log/slog"
	"time"
)

// Index is a store that also finds values by the similarity of what was asked. It is safe for concurrent use.
type Index interface {
	Store
	// SetAt is Set for a value that Nearest finds at a place. Set may leave the key the place that it had, for the new value, or not.
	SetAt(ctx context.Context, key string, value []byte, ttl time.Duration, at Place) error
	// Nearest returns the value whose place is the most similar one of the same scope. ok is false if there is none. A vector of another
	// length than those of a scope finds nothing.
	Nearest(ctx context.Context, at Place) (found Near, ok bool, err error)
}

// Place is where a question is among others.
type Place struct {
	// Scope is what questions must have in common to be compared: letters and digits.
	Scope string
	// Vector is the embedding of the text that is compared. It is not all zeros.
	Vector []float32
}

// Near is a value that an Index has found.
type Near struct {
	Key   string
	Value []byte
	// Similarity is the cosine of the angle between the vectors, at most 1.
	Similarity float64
}

// Semantic is how answers to similar questions are found.
type Semantic struct {
	Index Index
	// Threshold is the least similarity of a hit.
	Threshold float64
	// Model is the name of the embedding model among the gateway's own.
	Model string
	// Timeout bounds an embedding.
	Timeout time.Duration
	// MaxTokens is how many tokens a text may have to be compared, as estimated by its length; 0 for any number.
	MaxTokens int
	// EachEndUser is whether the end users of one key do not share answers.
	EachEndUser bool
}

// Fits reports whether a text may be compared.
func (s *Semantic) Fits(text string) bool {
	return s.MaxTokens == 0 || len(text) <= bytesOfToken*s.MaxTokens
}

// bytesOfToken is about how many bytes of a text a token has.
const bytesOfToken = 4

// Semantic is how answers to similar questions are found; nil if they are not.
func (c *Cache) Semantic() *Semantic { return c.opt.Semantic }

// Embedded has embed make a vector, for Semantic.Timeout at most, and leaves it out while embeddings fail. It returns nil if there is no
// vector. refused reports whether an error is about the text alone, so that it says nothing of other texts.
func (c *Cache) Embedded(ctx context.Context, embed func(ctx context.Context) ([]float32, error), refused func(error) bool) []float32 {
	if !c.embedding.try() {
		c.opt.Report("embed", LeftOut)
		return nil
	}
	own, cancel := context.WithTimeout(ctx, c.opt.Semantic.Timeout)
	defer cancel()
	v, err := embed(own)
	switch {
	case err == nil && usable(v):
		c.embedding.well()
		c.opt.Report("embed", Done)
		return v
	case err == nil || refused(err):
		c.embedding.well()
		c.opt.Report("embed", Refused)
	case ctx.Err() != nil:
		c.embedding.unknown()
	default:
		c.opt.Report("embed", Failed)
		if c.embedding.failed(err) {
			c.opt.Logger.Warn("the response cache gets no embeddings; only identical requests are answered by it",
				slog.String("model", c.opt.Semantic.Model), slog.String("error", err.Error()))
		}
	}
	return nil
}

// Refused is what becomes of an embedding that the text itself does not allow.
const Refused = "refused"

// usable reports whether a vector has a direction.
func usable(v []float32) bool {
	for _, f := range v {
		if f != 0 {
			return true
		}
	}
	return false
}

// Nearest returns the answer to the most similar question, if it is similar enough and the index answers.
func (c *Cache) Nearest(ctx context.Context, at Place) (found Near, ok bool) {
	if !c.health.try() {
		c.opt.Report("search", LeftOut)
		return Near{}, false
	}
	own, cancel := context.WithTimeout(ctx, c.opt.Timeout)
	defer cancel()
	found, ok, err := c.opt.Semantic.Index.Nearest(own, at)
	c.reported(ctx, "search", err)
	if err != nil || !ok || found.Similarity < c.opt.Semantic.Threshold {
		return Near{}, false
	}
	found.Similarity = min(found.Similarity, 1)
	return found, true
}

// EmbeddingErr is why embeddings were left out when one was last asked for; nil if there was one.
func (c *Cache) EmbeddingErr() error { return c.embedding.err() }
