package quota

import (
	"slices"
	"time"
)

// Slice is a part of a sliding window: a period of the counter, and the units that were drawn or used in it.
type Slice struct {
	Period int64
	// Ends is when it is over, in microseconds since 1970. Its units count for Window.Length after that.
	Ends  int64
	Units int64
}

// Slices are the parts of a sliding window that are over, from the oldest to the newest. A Bank keeps them beside the
// period that is under way, whose units are drawn and returned as those of any other.
type Slices []Slice

// Close adds a period that is over, and drops what does not count any more.
func (s Slices) Close(w Window, now int64, over Slice) Slices {
	if over.Units > 0 {
		s = append(s, over)
	}
	return slices.DeleteFunc(s, func(old Slice) bool { return !old.counts(w, now) })
}

func (s *Slice) counts(w Window, now int64) bool { return s.Ends+w.Length.Microseconds() > now }

// Units are those that count.
func (s Slices) Units(w Window, now int64) (sum int64) {
	for i := range s {
		if s[i].counts(w, now) {
			sum = plus(sum, s[i].Units)
		}
	}
	return sum
}

// Counts reports whether a period is one of them, and counts.
func (s Slices) Counts(w Window, now, period int64) bool {
	return slices.ContainsFunc(s, func(old Slice) bool { return old.Period == period && old.counts(w, now) })
}

// Return takes back units that were drawn in a period and not used, and reports whether it is one of them.
func (s Slices) Return(period, units int64) bool {
	i := slices.IndexFunc(s, func(old Slice) bool { return old.Period == period })
	if i < 0 {
		return false
	}
	s[i].Units = max(0, s[i].Units-max(0, units))
	return true
}

// Frees is how long it takes until at least some units are free that are not now, unless they are returned before. open is
// the period that is under way, which ends last.
func (s Slices) Frees(w Window, now int64, open Slice, units int64) time.Duration {
	frees := time.Duration(0)
	for _, part := range append(slices.Clip(s), open) {
		if part.Units <= 0 || !part.counts(w, now) {
			continue
		}
		frees = time.Duration(part.Ends-now)*time.Microsecond + w.Length
		if units -= part.Units; units <= 0 {
			break
		}
	}
	return frees
}
