// Package qdrant keeps the answers of the response cache in Qdrant, and finds them by the similarity of what was asked
// (https://api.qdrant.tech/api-reference). It makes six calls of its API, which are there from Qdrant 1.10 on.
package qdrant

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"outcrop/cache"
	"outcrop/internal/jsonx"
)

// Options say where answers are.
type Options struct {
	// URL is the server's, and Key the key for it; empty for none.
	URL, Key string
	// Collection is the name of the collection. It is made if there is none, for vectors of Size (1536 if 0), with
	// Quantization: binary (the default), scalar or product.
	Collection   string
	Size         int
	Quantization string
	// MaxAnswer is the size of the largest value that is read, in bytes.
	MaxAnswer int64
	// Now is the clock; time.Now if nil.
	Now func() time.Time
}

// defaultSize is LiteLLM's (QDRANT_VECTOR_SIZE).
const defaultSize = 1536

// Quantizations are those that can be configured.
func Quantizations() []string { return []string{"binary", "scalar", "product"} }

// Store keeps each answer in a point. Those that are found only by their key have a scope that nobody searches, because each point has
// a vector.
type Store struct {
	opt       Options
	base      string // of the collection
	client    *http.Client
	preparing sync.WaitGroup

	mu      sync.Mutex
	size    int      // of vectors; 0 until the collection is there
	attempt *attempt // nil if none is under way
	closed  bool
	swept   time.Time // when answers were last deleted whose time was over
}

var _ cache.Index = (*Store)(nil)

// Bounds.
const (
	prepareTimeout = 30 * time.Second
	sweepEvery     = time.Minute
	maxText        = 1 << 20
)

// Open makes a store. It calls nobody.
func Open(opt Options) (*Store, error) {
	opt.Size = cmp.Or(opt.Size, defaultSize)
	opt.Quantization = cmp.Or(opt.Quantization, Quantizations()[0])
	if opt.Now == nil {
		opt.Now = time.Now
	}
	u, err := url.Parse(opt.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("the address of Qdrant must be an http or https URL, such as http://localhost:6333")
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 32, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: 10 * time.Second}
	return &Store{
		opt: opt, base: strings.TrimRight(opt.URL, "/") + "/collections/" + url.PathEscape(opt.Collection), swept: opt.Now(),
		client: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}, nil
}

// statusError is a refusal of the server.
type statusError struct {
	status int
	text   string
}

func (e *statusError) Error() string { return fmt.Sprintf("Qdrant answers %d: %s", e.status, e.text) }

func is(err error, status int) bool {
	e, ok := errors.AsType[*statusError](err)
	return ok && e.status == status
}

// call makes a call, and reads the member result of the response into result, unless that is nil.
func (s *Store) call(ctx context.Context, method, path string, body, result any) error {
	var sent io.Reader
	if body != nil {
		data, err := jsonx.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, s.base+path, sent)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if s.opt.Key != "" {
		req.Header.Set("Api-Key", s.opt.Key)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, s.opt.MaxAnswer*4/3+maxText))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return &statusError{resp.StatusCode, string(data[:min(len(data), 300)])}
	}
	if result == nil {
		return nil
	}
	if err := jsonx.Unmarshal(data, &struct {
		Result any `json:"result"`
	}{result}); err != nil {
		return fmt.Errorf("the response of Qdrant cannot be read: %w", err)
	}
	return nil
}

// attempt is an attempt to find or make the collection, for which callers wait.
type attempt struct {
	done chan struct{}
	err  error
}

var errClosed = errors.New("the cache is closed")

// prepared waits until the collection is there, or ctx ends, and returns the size of its vectors.
func (s *Store) prepared(ctx context.Context) (size int, err error) {
	s.mu.Lock()
	if s.size > 0 || s.closed {
		defer s.mu.Unlock()
		if s.closed {
			return 0, errClosed
		}
		return s.size, nil
	}
	a := s.attempt
	if a == nil {
		a = &attempt{done: make(chan struct{})}
		s.attempt = a
		s.preparing.Go(func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), prepareTimeout)
			defer cancel()
			size, err := s.prepare(ctx)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.attempt, s.size, a.err = nil, size, err
			close(a.done)
		})
	}
	s.mu.Unlock()
	select {
	case <-a.done:
		if a.err != nil {
			return 0, a.err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.size, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// prepare finds or makes the collection and its indexes, and returns the size of its vectors.
func (s *Store) prepare(ctx context.Context) (size int, err error) {
	size, err = s.found(ctx)
	if is(err, http.StatusNotFound) {
		if err := s.create(ctx); err != nil && !is(err, http.StatusConflict) { // another replica was faster
			return 0, err
		}
		size, err = s.found(ctx)
	}
	if err != nil {
		return 0, err
	}
	for field, kind := range map[string]string{fieldScope: "keyword", fieldEnds: "integer"} {
		if err := s.call(ctx, http.MethodPut, "/index?wait=true", map[string]string{"field_name": field, "field_schema": kind}, nil); err != nil {
			return 0, err
		}
	}
	return size, nil
}

func (s *Store) found(ctx context.Context) (size int, err error) {
	var info struct {
		Config struct {
			Params struct {
				Vectors struct {
					Size     int    `json:"size"`
					Distance string `json:"distance"`
				} `json:"vectors"`
			} `json:"params"`
		} `json:"config"`
	}
	if err := s.call(ctx, http.MethodGet, "", nil, &info); err != nil {
		return 0, err
	}
	v := info.Config.Params.Vectors
	if v.Size == 0 || v.Distance != "Cosine" {
		return 0, fmt.Errorf("the collection %s of Qdrant is no collection of a cache: its points need one vector without a name, and the distance Cosine", s.opt.Collection)
	}
	return v.Size, nil
}

func (s *Store) create(ctx context.Context) error {
	quantization := map[string]map[string]any{
		"binary":  {"binary": map[string]any{"always_ram": false}},
		"scalar":  {"scalar": map[string]any{"type": "int8", "quantile": 0.99, "always_ram": false}},
		"product": {"product": map[string]any{"compression": "x16", "always_ram": false}},
	}[s.opt.Quantization]
	return s.call(ctx, http.MethodPut, "", map[string]any{"vectors": map[string]any{"size": s.opt.Size, "distance": "Cosine"}, "quantization_config": quantization}, nil)
}

// Fields of payloads. LiteLLM's have other names, so that a collection can be that of both.
const (
	fieldKey   = "outcrop_key"
	fieldScope = "outcrop_scope"
	fieldEnds  = "outcrop_ends"
)

// payload is what a point has beside its vector. Ends is in milliseconds since 1970; absent for never.
type payload struct {
	Key    string `json:"outcrop_key"`
	Scope  string `json:"outcrop_scope"`
	Answer []byte `json:"outcrop_answer"`
	Ends   int64  `json:"outcrop_ends,omitzero"`
}

// id is the id of the point of a key: a UUID.
func id(key string) string {
	sum := sha256.Sum256([]byte(key))
	text := hex.EncodeToString(sum[:16])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

// condition is a part of a filter.
type condition map[string]any

// filter selects points.
type filter struct {
	Must    []condition `json:"must,omitempty"`
	MustNot []condition `json:"must_not,omitempty"`
	Should  []condition `json:"should,omitempty"`
}

// Get returns the value of a key.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	if _, err := s.prepared(ctx); err != nil {
		return nil, err
	}
	var point struct {
		Payload payload `json:"payload"`
	}
	err := s.call(ctx, http.MethodGet, "/points/"+id(key), nil, &point)
	if is(err, http.StatusNotFound) {
		return nil, s.gone(err)
	}
	p := &point.Payload
	if err != nil || p.Key != key || p.Ends != 0 && p.Ends <= s.opt.Now().UnixMilli() {
		return nil, err
	}
	return p.Answer, nil
}

// gone is the error of a point or a collection that is not there: none, because that is a miss. The collection is made again if it was
// deleted.
func (s *Store) gone(err error) error {
	if strings.Contains(strings.ToLower(err.Error()), "collection") {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.size = 0
	}
	return nil
}

// unplaced is the scope of answers that are found only by their key.
const unplaced = "none"

// Set keeps a value. It loses the place that it had.
func (s *Store) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	size, err := s.prepared(ctx)
	if err != nil {
		return err
	}
	v := make([]float32, size)
	v[0] = 1
	return s.put(ctx, v, &payload{Key: key, Scope: unplaced, Answer: value}, ttl)
}

// SetAt keeps a value, which Nearest finds at a place.
func (s *Store) SetAt(ctx context.Context, key string, value []byte, ttl time.Duration, at cache.Place) error {
	size, err := s.prepared(ctx)
	if err != nil {
		return err
	}
	if size != len(at.Vector) {
		return fmt.Errorf("the vectors of the collection %s have %d numbers, and those of the embedding model %d: set qdrant_semantic_cache_vector_size, and another qdrant_collection_name",
			s.opt.Collection, size, len(at.Vector))
	}
	return s.put(ctx, at.Vector, &payload{Key: key, Scope: at.Scope, Answer: value}, ttl)
}

func (s *Store) put(ctx context.Context, v []float32, p *payload, ttl time.Duration) error {
	now := s.opt.Now()
	if ttl > 0 {
		p.Ends = now.Add(ttl).UnixMilli()
	}
	point := map[string]any{"id": id(p.Key), "vector": v, "payload": p}
	err := s.call(ctx, http.MethodPut, "/points?wait=true", map[string]any{"points": []any{point}}, nil)
	if is(err, http.StatusNotFound) {
		_ = s.gone(err)
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	due := now.Sub(s.swept) >= sweepEvery
	if due {
		s.swept = now
	}
	s.mu.Unlock()
	if !due {
		return nil
	}
	return s.remove(ctx, "false", filter{Must: []condition{{"key": fieldEnds, "range": map[string]int64{"lte": now.UnixMilli()}}}})
}

func (s *Store) remove(ctx context.Context, wait string, f filter) error {
	err := s.call(ctx, http.MethodPost, "/points/delete?wait="+wait, map[string]filter{"filter": f}, nil)
	if is(err, http.StatusNotFound) {
		return s.gone(err)
	}
	return err
}

// Nearest returns the value at the nearest place of a scope.
func (s *Store) Nearest(ctx context.Context, at cache.Place) (found cache.Near, ok bool, err error) {
	size, err := s.prepared(ctx)
	if err != nil || size != len(at.Vector) {
		return found, false, err
	}
	var result struct {
		Points []struct {
			Score   float64 `json:"score"`
			Payload payload `json:"payload"`
		} `json:"points"`
	}
	err = s.call(ctx, http.MethodPost, "/points/query", map[string]any{
		"query": at.Vector, "limit": 1, "with_payload": true,
		"params": map[string]any{"quantization": map[string]any{"ignore": false, "rescore": true, "oversampling": 3.0}},
		"filter": filter{
			Must: []condition{{"key": fieldScope, "match": map[string]string{"value": at.Scope}}},
			Should: []condition{
				{"is_empty": map[string]string{"key": fieldEnds}},
				{"key": fieldEnds, "range": map[string]int64{"gt": s.opt.Now().UnixMilli()}},
			},
		},
	}, &result)
	if is(err, http.StatusNotFound) {
		return found, false, s.gone(err)
	}
	if err != nil || len(result.Points) == 0 || result.Points[0].Payload.Scope != at.Scope {
		return found, false, err
	}
	p := &result.Points[0]
	return cache.Near{Key: p.Payload.Key, Value: p.Payload.Answer, Similarity: p.Score}, true, nil
}

// Delete forgets keys.
func (s *Store) Delete(ctx context.Context, keys []string) error {
	if _, err := s.prepared(ctx); err != nil {
		return err
	}
	ids := make([]string, 0, len(keys))
	for _, key := range keys {
		ids = append(ids, id(key))
	}
	for chunk := range slices.Chunk(ids, 1000) {
		err := s.call(ctx, http.MethodPost, "/points/delete?wait=true", map[string][]string{"points": chunk}, nil)
		if err != nil && !is(err, http.StatusNotFound) {
			return err
		}
	}
	return nil
}

// Flush forgets everything that the gateway has kept, and nothing else that is in the collection.
func (s *Store) Flush(ctx context.Context) error {
	if _, err := s.prepared(ctx); err != nil {
		return err
	}
	return s.remove(ctx, "true", filter{MustNot: []condition{{"is_empty": map[string]string{"key": fieldKey}}}})
}

// Ping reports whether the server answers, and has the collection.
func (s *Store) Ping(ctx context.Context) error {
	if _, err := s.prepared(ctx); err != nil {
		return err
	}
	_, err := s.found(ctx)
	if is(err, http.StatusNotFound) {
		_ = s.gone(err)
	}
	return err
}

// Close ends the connections.
func (s *Store) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.preparing.Wait()
	s.client.CloseIdleConnections()
	return nil
}
