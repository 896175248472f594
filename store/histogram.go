package store

import (
	"context"
	"database/sql"
	"math"
	"strconv"
	"time"
)

// The daily sums also have what is not an entity: how many calls were in each region, failed with each code, were answered by
// the response cache, and took how long. So pages can show these for any days without reading the spend log. These sums have no
// key, so that their number does not grow with that of keys.
const (
	KindRegion Kind = "region" // its id is the region of the provider, or NoRegion
	KindCode   Kind = "code"   // its id is the code of an error
	KindCached Kind = "cached" // its id is CacheHit
	kindTook   Kind = "took"   // its id is a bucket of Histogram: from the beginning to the end of calls that were answered
	kindFirst  Kind = "first"  // its id is a bucket too: until the first content of a stream
)

// Ids of sums.
const (
	NoRegion = "none"
	CacheHit = "hit"
)

const (
	// perDoubling is how many buckets there are for times that double, so that each is 19 % wider than the one before: a
	// percentile is at most that wrong.
	perDoubling = 4
	buckets     = 22*perDoubling + 1 // the last begins after more than an hour
)

// Histogram counts times by their length.
type Histogram [buckets]int64

// bucketOf is the bucket of a time: bucket 0 ends at a millisecond.
func bucketOf(d time.Duration) int {
	if d <= time.Millisecond {
		return 0
	}
	return min(int(math.Ceil(perDoubling*math.Log2(float64(d)/float64(time.Millisecond)))), buckets-1)
}

// bound is where a bucket ends.
func bound(bucket int) time.Duration {
	return time.Duration(float64(time.Millisecond) * math.Exp2(float64(bucket)/perDoubling))
}

// Add counts a time.
func (h *Histogram) Add(d time.Duration) { h[bucketOf(d)]++ }

// Count is how many times were counted.
func (h *Histogram) Count() (n int64) {
	for _, of := range h {
		n += of
	}
	return n
}

// Percentile is the time below which so many per cent of all are, between the bounds of its bucket; 0 if there are none.
func (h *Histogram) Percentile(percent float64) time.Duration {
	rank := percent / 100 * float64(h.Count())
	if rank == 0 {
		return 0
	}
	below := 0.0
	for bucket, of := range h {
		if below+float64(of) < rank {
			below += float64(of)
			continue
		}
		from, to := time.Duration(0), bound(bucket)
		if bucket > 0 {
			from = bound(bucket - 1)
		}
		return from + time.Duration(float64(to-from)*(rank-below)/float64(of))
	}
	return bound(buckets - 1)
}

// Times are how long calls of a model took.
type Times struct {
	// Model is the provider's model id, and Group the name by which it was called.
	Model, Group string
	// Took is from the beginning to the end of calls that were answered, and First until the first content of streams.
	Took, First Histogram
}

// Times returns how long calls took on the days of a filter, by models and the names by which they were called.
func (s *Store) Times(ctx context.Context, from, to time.Time) ([]Times, error) {
	c := &condition{}
	c.add("kind IN (?, ?)", string(kindTook), string(kindFirst))
	if !from.IsZero() {
		c.add("day >= ?", from.UTC().Format(time.DateOnly))
	}
	if !to.IsZero() {
		c.add("day <= ?", to.UTC().Format(time.DateOnly))
	}
	type sum struct {
		kind, bucket, model, group string
		n                          int64
	}
	rows, err := s.db.QueryContext(ctx, c.after(`SELECT kind, id, model, model_group, CAST(SUM(requests) AS BIGINT) FROM daily_spend`, ` GROUP BY kind, id, model, model_group ORDER BY model, model_group`), c.args...)
	sums, err := collect(rows, err, func(rows *sql.Rows, of *sum) error {
		return rows.Scan(&of.kind, &of.bucket, &of.model, &of.group, &of.n)
	})
	if err != nil {
		return nil, err
	}
	var all []Times
	for i := range sums {
		of := &sums[i]
		bucket, err := strconv.Atoi(of.bucket)
		if err != nil || bucket < 0 || bucket >= buckets {
			continue // of a later release
		}
		if n := len(all); n == 0 || all[n-1].Model != of.model || all[n-1].Group != of.group {
			all = append(all, Times{Model: of.model, Group: of.group})
		}
		h := &all[len(all)-1].Took
		if of.kind == string(kindFirst) {
			h = &all[len(all)-1].First
		}
		h[bucket] = add(h[bucket], of.n)
	}
	return all, nil
}

// aspect is what daily sums have that are not those of an entity.
type aspect struct {
	day                   int64
	kind                  Kind
	id                    string
	model, group, through string // through is the provider
}

// daily is the key of the sums of an aspect with an id.
func (a *aspect) daily(id string) dailyKey {
	return dailyKey{kind: a.kind, id: bounded(id), day: dateOf(a.day), model: bounded(a.model), group: bounded(a.group), provider: bounded(a.through)}
}

// countAspects adds a row to the sums that are not those of entities.
func (c *counted) countAspects(day int64, r *Row, of *Sums) {
	a := aspect{day: day, kind: KindRegion, id: r.Region, model: r.Model, group: r.Group, through: r.Provider}
	if a.id == "" {
		a.id = NoRegion
	}
	c.regions.at(&a).add(of)
	if r.Cached {
		a.kind, a.id = KindCached, CacheHit
		c.other.at(&a).add(of)
	}
	if of.Failures > 0 {
		if r.Code != "" {
			a.kind, a.id = KindCode, r.Code
			c.other.at(&a).add(of)
		}
		return
	}
	if took := r.End.Sub(r.Start); took > 0 {
		a.kind, a.id = kindTook, ""
		c.took.at(&a).Add(took)
	}
	if first := r.First.Sub(r.Start); !r.First.IsZero() && first > 0 {
		a.kind, a.id = kindFirst, ""
		c.first.at(&a).Add(first)
	}
}
