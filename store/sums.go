package store

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Sums are those of calls: their number, how many of them have failed, their tokens, and their cost in 10⁻¹² USD. Input
// includes CacheRead and CacheWrite.
type Sums struct {
	Requests, Failures                   int64
	Input, Output, CacheRead, CacheWrite int64
	Cost                                 int64
}

// add adds other sums. A sum that would be too large stays at the largest number.
func (s *Sums) add(t *Sums) {
	s.Requests, s.Failures = add(s.Requests, t.Requests), add(s.Failures, t.Failures)
	s.Input, s.Output = add(s.Input, t.Input), add(s.Output, t.Output)
	s.CacheRead, s.CacheWrite = add(s.CacheRead, t.CacheRead), add(s.CacheWrite, t.CacheWrite)
	s.Cost = add(s.Cost, t.Cost)
}

// sumsOf are those of one call.
func sumsOf(r *Row) Sums {
	s := Sums{
		Requests: 1, Input: max(0, r.Input), Output: max(0, r.Output),
		CacheRead: max(0, r.CacheRead), CacheWrite: max(0, r.CacheWrite), Cost: max(0, r.Cost),
	}
	if r.Code != "" || r.Status >= 400 {
		s.Failures = 1
	}
	return s
}

// total is what calls have in common that are summed up: what they count for, apart from tags, and how they are told apart.
// It has one tag, for the sums of that alone, or none.
type total struct {
	day                                int64
	key, user, team, organization      string
	customer, model, group, providedBy string
	tag                                string
}

// tally finds what belongs to keys. It remembers the last, because that is usually the next too, and comparing the texts of two
// keys takes less than looking for one.
type tally[K comparable, V any] struct {
	all  map[K]*V
	last K
	of   *V
}

func (t *tally[K, V]) at(key *K) *V {
	if t.of != nil && t.last == *key {
		return t.of
	}
	of := t.all[*key]
	if of == nil {
		if t.all == nil {
			t.all = map[K]*V{}
		}
		of = new(V)
		t.all[*key] = of
	}
	t.last, t.of = *key, of
	return of
}

// counted is what rows add to the sums of days.
type counted struct {
	totals, tagged tally[total, Sums]
	regions, other tally[aspect, Sums]
	took, first    tally[aspect, Histogram] // of kinds without ids
}

// count adds a row of a day.
func (c *counted) count(day int64, r *Row) {
	t := total{
		day: day, key: r.Key, user: r.User, team: r.Team, organization: r.Organization, customer: r.Customer,
		model: r.Model, group: r.Group, providedBy: r.Provider,
	}
	of := sumsOf(r)
	c.totals.at(&t).add(&of)
	c.countAspects(day, r, &of)
	if len(r.Tags) == 0 {
		return
	}
	tags := slices.Clone(r.Tags)
	slices.Sort(tags)
	t.user, t.team, t.organization, t.customer = "", "", "", ""
	for _, tag := range slices.Compact(tags) {
		if t.tag = tag; tag != "" {
			c.tagged.at(&t).add(&of)
		}
	}
}

// dailyKey is the key of daily_spend.
type dailyKey struct {
	kind                                 Kind
	id, day, key, model, group, provider string
}

func (k dailyKey) compare(l dailyKey) int {
	return cmp.Or(cmp.Compare(k.kind, l.kind), cmp.Compare(k.id, l.id), cmp.Compare(k.day, l.day), cmp.Compare(k.key, l.key),
		cmp.Compare(k.model, l.model), cmp.Compare(k.group, l.group), cmp.Compare(k.provider, l.provider))
}

// dailySums are the rows of daily_spend. All replicas write them in one order, so that none waits for one that waits for it.
func (c *counted) dailySums() (rows []any) {
	var daily tally[dailyKey, Sums]
	for _, totals := range [...]map[total]*Sums{c.totals.all, c.tagged.all} {
		for t, s := range totals {
			k := dailyKey{day: dateOf(t.day), key: bounded(t.key), model: bounded(t.model), group: bounded(t.group), provider: bounded(t.providedBy)}
			of := [...]struct {
				kind Kind
				id   string
			}{
				{KindKey, t.key}, {KindUser, t.user}, {KindTeam, t.team}, {KindOrganization, t.organization}, {KindCustomer, t.customer}, {KindTag, t.tag},
			}
			for _, e := range of {
				if e.id != "" && (e.kind == KindTag || t.tag == "") {
					k.kind, k.id = e.kind, bounded(e.id)
					daily.at(&k).add(s)
				}
			}
		}
	}
	for _, aspects := range [...]map[aspect]*Sums{c.regions.all, c.other.all} {
		for a, s := range aspects {
			k := a.daily(a.id)
			daily.at(&k).add(s)
		}
	}
	for _, times := range [...]map[aspect]*Histogram{c.took.all, c.first.all} {
		for a, h := range times {
			for bucket, n := range h {
				if n > 0 {
					k := a.daily(strconv.Itoa(bucket))
					daily.at(&k).add(&Sums{Requests: n})
				}
			}
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(daily.all), dailyKey.compare) {
		s := daily.all[k]
		rows = append(rows, k.day, string(k.kind), k.id, k.key, k.model, k.group, k.provider, s.Input, s.Output, s.CacheRead, s.CacheWrite, s.Cost, s.Requests, s.Failures)
	}
	return rows
}

// dateOf is a day as daily_spend has it.
func dateOf(day int64) string {
	return time.Unix(0, 0).UTC().AddDate(0, 0, int(day)).Format(time.DateOnly)
}

const (
	dailyColumns = 14
	dailyInsert  = `INSERT INTO daily_spend (day, kind, id, key, model, model_group, provider, input, output, cache_read, cache_write, cost, requests, failures)`
	// A sum that is too large for the column stays at its largest value.
	dailyConflict = `ON CONFLICT (kind, id, day, key, model, model_group, provider) DO UPDATE SET
		requests = daily_spend.requests + excluded.requests, failures = daily_spend.failures + excluded.failures,
		input = CASE WHEN daily_spend.input > 9223372036854775807 - excluded.input THEN 9223372036854775807 ELSE daily_spend.input + excluded.input END,
		output = CASE WHEN daily_spend.output > 9223372036854775807 - excluded.output THEN 9223372036854775807 ELSE daily_spend.output + excluded.output END,
		cache_read = CASE WHEN daily_spend.cache_read > 9223372036854775807 - excluded.cache_read THEN 9223372036854775807 ELSE daily_spend.cache_read + excluded.cache_read END,
		cache_write = CASE WHEN daily_spend.cache_write > 9223372036854775807 - excluded.cache_write THEN 9223372036854775807 ELSE daily_spend.cache_write + excluded.cache_write END,
		cost = CASE WHEN daily_spend.cost > 9223372036854775807 - excluded.cost THEN 9223372036854775807 ELSE daily_spend.cost + excluded.cost END`
)
