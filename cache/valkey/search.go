package valkey

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	client "github.com/valkey-io/valkey-go"

	"outcrop/cache"
)

// Index keeps answers in a server that can search vectors: Redis 8, Redis Stack, or Valkey with valkey-search. Each answer is a hash. Vectors
// of each length have an index of their own, which is made when there is the first.
type Index struct {
	*Store

	mu   sync.Mutex
	made map[int]bool // indexes by the length of vectors
}

var _ cache.Index = (*Index)(nil)

// Fields of the hashes. That of the vector has its length behind it.
const (
	fieldAnswer = "answer"
	fieldScope  = "scope"
	fieldVector = "vector"
)

// OpenIndex makes an index, whose keys have the prefix and then name. It makes no connection.
func OpenIndex(opt Options, name string) (*Index, error) {
	opt.Prefix += name + ":"
	s, err := Open(opt)
	if err != nil {
		return nil, err
	}
	return &Index{Store: s, made: map[int]bool{}}, nil
}

// Get returns the value of a key.
func (i *Index) Get(ctx context.Context, key string) ([]byte, error) {
	c, err := i.connected(ctx)
	if err != nil {
		return nil, err
	}
	value, err := c.Do(ctx, c.B().Hget().Key(i.prefix+key).Field(fieldAnswer).Build()).AsBytes()
	if client.IsValkeyNil(err) {
		return nil, nil
	}
	return value, err
}

// Set keeps a value.
func (i *Index) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return i.put(ctx, key, ttl, []string{fieldAnswer, client.BinaryString(value)})
}

// SetAt keeps a value, which Nearest finds at a place.
func (i *Index) SetAt(ctx context.Context, key string, value []byte, ttl time.Duration, at cache.Place) error {
	if err := i.make(ctx, len(at.Vector)); err != nil {
		return err
	}
	return i.put(ctx, key, ttl, []string{fieldAnswer, client.BinaryString(value), fieldScope, at.Scope, vectorField(len(at.Vector)), client.VectorString32(at.Vector)})
}

func vectorField(length int) string { return fieldVector + strconv.Itoa(length) }

func (i *Index) put(ctx context.Context, key string, ttl time.Duration, fields []string) error {
	c, err := i.connected(ctx)
	if err != nil {
		return err
	}
	key = i.prefix + key
	ends := c.B().Persist().Key(key).Build()
	if ttl > 0 {
		ends = c.B().Pexpire().Key(key).Milliseconds(max(1, ttl.Milliseconds())).Build()
	}
	var errs []error
	for _, r := range c.DoMulti(ctx, c.B().Arbitrary("HSET").Keys(key).Args(fields...).Build(), ends) {
		errs = append(errs, r.Error())
	}
	return errors.Join(errs...)
}

// index is the name of the index of vectors of a length.
func (i *Index) index(length int) string { return i.prefix + strconv.Itoa(length) }

// make makes an index, unless it is there.
func (i *Index) make(ctx context.Context, length int) error {
	i.mu.Lock()
	made := i.made[length]
	i.mu.Unlock()
	if made {
		return nil
	}
	c, err := i.connected(ctx)
	if err != nil {
		return err
	}
	err = c.Do(ctx, c.B().Arbitrary("FT.CREATE").Args(
		i.index(length), "ON", "HASH", "PREFIX", "1", i.prefix, "SCHEMA", fieldScope, "TAG",
		vectorField(length), "VECTOR", "HNSW", "6", "TYPE", "FLOAT32", "DIM", strconv.Itoa(length), "DISTANCE_METRIC", "COSINE",
	).Build()).Error()
	if err != nil && !strings.Contains(strings.ToLower(err.Error()), "already exists") {
		return explained(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.made[length] = true
	return nil
}

// explained says what a server without searches lacks.
func explained(err error) error {
	if err != nil && strings.Contains(strings.ToLower(err.Error()), "unknown command") {
		return fmt.Errorf("the server cannot search vectors, which needs Redis 8, Redis Stack, or Valkey with valkey-search: %w", err)
	}
	return err
}

// distance is the name of the distance in results.
const distance = "distance"

// Nearest returns the value at the nearest place of a scope.
func (i *Index) Nearest(ctx context.Context, at cache.Place) (found cache.Near, ok bool, err error) {
	c, err := i.connected(ctx)
	if err != nil {
		return found, false, err
	}
	length := len(at.Vector)
	query := "(@" + fieldScope + ":{" + at.Scope + "})=>[KNN 1 @" + vectorField(length) + " $vector AS " + distance + "]"
	_, docs, err := c.Do(ctx, c.B().Arbitrary("FT.SEARCH").Args(
		i.index(length), query, "RETURN", "2", fieldAnswer, distance, "PARAMS", "2", "vector", client.VectorString32(at.Vector), "DIALECT", "2",
	).ReadOnly()).AsFtSearch()
	if err != nil {
		if isMissing(err) {
			i.mu.Lock()
			delete(i.made, length) // somebody has deleted it
			i.mu.Unlock()
			return found, false, nil
		}
		return found, false, explained(err)
	}
	if len(docs) == 0 || docs[0].Doc[fieldAnswer] == "" { // its time is over
		return found, false, nil
	}
	far, err := strconv.ParseFloat(docs[0].Doc[distance], 64)
	if err != nil {
		return found, false, fmt.Errorf("the distance of a result cannot be read: %w", err)
	}
	return cache.Near{Key: strings.TrimPrefix(docs[0].Key, i.prefix), Value: []byte(docs[0].Doc[fieldAnswer]), Similarity: 1 - far}, true, nil
}

// isMissing reports whether an error says that there is no such index, in the words of Redis and of valkey-search.
func isMissing(err error) bool {
	if _, ok := client.IsValkeyErr(err); !ok {
		return false
	}
	text := strings.ToLower(err.Error())
	return strings.Contains(text, "no such index") || strings.Contains(text, "unknown index name") || strings.Contains(text, "index with name") && strings.Contains(text, "not found")
}

// Ping reports whether the server answers, and can search.
func (i *Index) Ping(ctx context.Context) error {
	c, err := i.connected(ctx)
	if err != nil {
		return err
	}
	return explained(c.Do(ctx, c.B().Arbitrary("FT._LIST").Build()).Error())
}
