package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"
)

// Counter is what a counter has.
type Counter struct {
	// Period numbers its periods, and Used is what was used in this one; 0 if it is over.
	Period, Used int64
	// Ends is when the period ends; the zero time if it does not, or is over.
	Ends time.Time
}

// Counters returns counters by their ids. Those that do not exist, because nobody has used them, are missing.
func (s *Store) Counters(ctx context.Context, ids []string) (map[string]Counter, error) {
	names := make(map[string]string, len(ids)) // by the id that the database has
	for _, id := range ids {
		names[bounded(id)] = id
	}
	all := make(map[string]Counter, len(ids))
	for part := range slices.Chunk(ids, listedValues[0]) {
		c := &condition{}
		short := make([]string, len(part))
		for i, id := range part {
			short[i] = bounded(id)
		}
		c.in("id", short)
		rows, err := s.db.QueryContext(ctx, c.after(`SELECT id, period, used, ends, `+s.dialect.clock()+` FROM counters`), c.args...)
		_, err = collect(rows, err, func(rows *sql.Rows, _ *struct{}) error {
			var id string
			var got Counter
			var ends, now int64
			if err := rows.Scan(&id, &got.Period, &got.Used, &ends, &now); err != nil {
				return err
			}
			if ends != 0 && ends <= now {
				got.Used, ends = 0, 0
			}
			got.Ends = moment(ends)
			all[names[id]] = got
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Spent returns what was used of counters in their periods, by their ids: 0 if nobody has used one, or its period is over.
func (s *Store) Spent(ctx context.Context, ids []string) (map[string]int64, error) {
	counters, err := s.Counters(ctx, ids)
	if err != nil {
		return nil, err
	}
	used := make(map[string]int64, len(ids))
	for _, id := range ids {
		used[id] = counters[id].Used
	}
	return used, nil
}

// ResetSpend sets what was used of a counter in its period. Calls that are under way count as before when they end.
func (s *Store) ResetSpend(ctx context.Context, counter string, units int64) error {
	return s.counting(ctx, []string{bounded(counter)}, "", func(a *accounts) error {
		c := a.of(counter)
		if c.period == 0 || c.ends != 0 && c.ends <= a.now {
			c.period++
			c.ends = 0 // the next draw knows the window
		}
		c.used, c.changed = units, true
		a.notes = append(a.notes, restoreNote(c.id))
		return nil
	})
}

// Column is a column by which the daily sums are told apart.
type Column int

// Columns.
const (
	ByDay Column = iota
	ByID
	ByKey
	ByModel
	ByGroup
	ByProvider
)

// columnNames are those of daily_spend.
var columnNames = [...]string{ByDay: "day", ByID: "id", ByKey: "key", ByModel: "model", ByGroup: "model_group", ByProvider: "provider"}

// DailyFilter selects daily sums of entities of a kind. Empty fields select all.
type DailyFilter struct {
	Kind Kind
	IDs  []string // nil for all
	// Start and End are days in UTC, both included.
	Start, End                  time.Time
	Key, Model, Group, Provider string
	// By are the columns by which the sums are told apart; nil for all columns. Others are empty in the result.
	By []Column
}

// DailySum is what calls of one entity have cost.
type DailySum struct {
	// Day is a date in UTC, such as 2026-01-31.
	Day  string
	Kind Kind
	ID   string
	// Key is the key's hash, and Group the name by which the model was called.
	Key, Model, Group, Provider string

	Sums
}

// Daily returns sums of calls, in the order of their days.
func (s *Store) Daily(ctx context.Context, f DailyFilter) ([]DailySum, error) {
	c := &condition{}
	c.add("kind = ?", string(f.Kind))
	if f.IDs != nil {
		ids := make([]string, len(f.IDs))
		for i, id := range f.IDs {
			ids[i] = bounded(id)
		}
		c.in("id", ids)
	}
	if !f.Start.IsZero() {
		c.add("day >= ?", f.Start.UTC().Format(time.DateOnly))
	}
	if !f.End.IsZero() {
		c.add("day <= ?", f.End.UTC().Format(time.DateOnly))
	}
	c.equal("key", bounded(f.Key))
	c.equal("model", bounded(f.Model))
	c.equal("model_group", bounded(f.Group))
	c.equal("provider", bounded(f.Provider))
	by := f.By
	if by == nil {
		by = []Column{ByDay, ByID, ByKey, ByModel, ByGroup, ByProvider}
	}
	names := make([]string, len(by))
	for i, column := range by {
		names[i] = columnNames[column] + ", "
	}
	list := strings.Join(names, "")
	group := ""
	if list != "" {
		group = " GROUP BY " + strings.TrimSuffix(list, ", ") + " ORDER BY " + strings.TrimSuffix(list, ", ")
	}
	rows, err := s.db.QueryContext(ctx, c.after(`SELECT `+list+sumsOfColumns+` FROM daily_spend`, group), c.args...)
	sums, err := collect(rows, err, func(rows *sql.Rows, d *DailySum) error {
		d.Kind = f.Kind
		var to []any
		for _, column := range by {
			to = append(to, [...]*string{ByDay: &d.Day, ByID: &d.ID, ByKey: &d.Key, ByModel: &d.Model, ByGroup: &d.Group, ByProvider: &d.Provider}[column])
		}
		var high, low [7]int64
		for i := range high {
			to = append(to, &high[i], &low[i])
		}
		if err := rows.Scan(to...); err != nil {
			return err
		}
		for i, value := range []*int64{&d.Requests, &d.Failures, &d.Input, &d.Output, &d.CacheRead, &d.CacheWrite, &d.Cost} {
			*value = joined(high[i], low[i])
		}
		return nil
	})
	if len(by) == 0 && len(sums) == 1 && sums[0].Requests == 0 {
		return nil, err // the sum of nothing
	}
	return sums, err
}

// half is what sums are split by, so that they are exact and cannot leave the range in the database.
const half = 1_000_000_000

// sumsOfColumns are the halves of the sums, in the order in which Daily reads them.
const sumsOfColumns = `CAST(COALESCE(SUM(requests / 1000000000), 0) AS BIGINT), CAST(COALESCE(SUM(requests % 1000000000), 0) AS BIGINT),
	CAST(COALESCE(SUM(failures / 1000000000), 0) AS BIGINT), CAST(COALESCE(SUM(failures % 1000000000), 0) AS BIGINT),
	CAST(COALESCE(SUM(input / 1000000000), 0) AS BIGINT), CAST(COALESCE(SUM(input % 1000000000), 0) AS BIGINT),
	CAST(COALESCE(SUM(output / 1000000000), 0) AS BIGINT), CAST(COALESCE(SUM(output % 1000000000), 0) AS BIGINT),
	CAST(COALESCE(SUM(cache_read / 1000000000), 0) AS BIGINT), CAST(COALESCE(SUM(cache_read % 1000000000), 0) AS BIGINT),
	CAST(COALESCE(SUM(cache_write / 1000000000), 0) AS BIGINT), CAST(COALESCE(SUM(cache_write % 1000000000), 0) AS BIGINT),
	CAST(COALESCE(SUM(cost / 1000000000), 0) AS BIGINT), CAST(COALESCE(SUM(cost % 1000000000), 0) AS BIGINT)`

// joined is a sum of its halves, or the largest number if that is too large.
func joined(high, low int64) int64 {
	high += low / half
	if high > (1<<63-1)/half {
		return 1<<63 - 1
	}
	return add(high*half, low%half)
}
