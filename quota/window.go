package quota

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Window is the period after which a counter begins anew. The zero Window never ends.
type Window struct {
	// Length is the length of a period; 0 for one by the calendar.
	Length time.Duration
	// Anchor is when the first period begins; the zero time for the first use of the counter, so that each
	// period begins with the first use after the one before.
	Anchor time.Time
	// Days and Months are periods by the calendar, in UTC: days begin at midnight, weeks (7 days) on Monday, and
	// months on their first day. At most one of them is not 0.
	Days, Months int
	// Slice makes a window without an Anchor slide: no span of Length, wherever it begins, has more units than the limit.
	// A period of the counter is a slice then, which begins with the first use after the one before, and its units count
	// until the whole slice is older than Length. So units are free again up to Slice later than they might be. 0 for a
	// window that begins anew.
	Slice time.Duration `json:",omitzero"`
}

// Sliding is a window that slides, in slices.
func Sliding(length, slice time.Duration) Window { return Window{Length: length, Slice: slice} }

// ParseWindow reads a duration as LiteLLM writes it: a number and one of s, m, h, d, w, mo, such as 30d. Days,
// weeks and months are periods by the calendar (docs.litellm.ai/docs/proxy/users: budget resets are at midnight
// UTC), of which 30d is a month. anchor is when periods of seconds, minutes and hours begin.
func ParseWindow(text string, anchor time.Time) (Window, error) {
	digits := strings.TrimRight(text, "smhdwo")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > 100_000 {
		return Window{}, fmt.Errorf("%q is not a duration: a number followed by s, m, h, d, w or mo, such as 30d", text)
	}
	switch unit := text[len(digits):]; unit {
	case "s":
		return Window{Length: time.Duration(n) * time.Second, Anchor: anchor}, nil
	case "m":
		return Window{Length: time.Duration(n) * time.Minute, Anchor: anchor}, nil
	case "h":
		return Window{Length: time.Duration(n) * time.Hour, Anchor: anchor}, nil
	case "d":
		if n == 30 {
			return Window{Months: 1}, nil
		}
		return Window{Days: n}, nil
	case "w":
		return Window{Days: 7 * n}, nil
	case "mo":
		return Window{Months: n}, nil
	default:
		return Window{}, fmt.Errorf("%q is not a duration: %q is not one of s, m, h, d, w or mo", text, unit)
	}
}

// ParseWindowEnding is ParseWindow for a counter whose period is known to end at a time, unless that is the zero time: its
// periods of seconds, minutes, hours and days end then and a whole number of periods before and after. Months, and periods
// that end then anyway, remain as they are.
func ParseWindowEnding(text string, anchor, ends time.Time) (Window, error) {
	w, err := ParseWindow(text, anchor)
	if err != nil || ends.IsZero() || w.Months > 0 || w.End(ends.Add(-time.Nanosecond)).Equal(ends) {
		return w, err
	}
	if w.Days > 0 {
		w = Window{Length: time.Duration(w.Days) * 24 * time.Hour}
	}
	// The anchor is in the past, so that End counts periods from it.
	w.Anchor = ends.Add(-w.Length)
	return w, nil
}

// firstMonday begins the weeks by the calendar, 1970-01-05.
const firstMonday = 4

// End is when the period that includes now ends, which is a slice of a sliding window; the zero time if it does not end.
func (w Window) End(now time.Time) time.Time {
	switch now = now.UTC(); {
	case w.Slice > 0:
		return now.Add(w.Slice)
	case w.Length > 0 && w.Anchor.IsZero():
		return now.Add(w.Length)
	case w.Length > 0:
		passed := now.Sub(w.Anchor)
		if passed < 0 {
			return w.Anchor
		}
		return now.Add(w.Length - passed%w.Length)
	case w.Days > 0:
		day := now.Unix() / (24 * 60 * 60)
		first := int64(0)
		if w.Days%7 == 0 {
			first = firstMonday
		}
		days := int64(w.Days)
		return time.Unix(((day-first)/days*days+first+days)*24*60*60, 0).UTC()
	case w.Months > 0:
		month := now.Year()*12 + int(now.Month()) - 1
		month = month/w.Months*w.Months + w.Months
		return time.Date(month/12, time.Month(month%12+1), 1, 0, 0, 0, 0, time.UTC)
	default:
		return time.Time{}
	}
}

// Begun is when a period that ends at a time has begun; the zero time for a window that does not end.
func (w Window) Begun(ends time.Time) time.Time {
	switch ends = ends.UTC(); {
	case w.Length > 0:
		return ends.Add(-w.Length)
	case w.Days > 0:
		return ends.AddDate(0, 0, -w.Days)
	case w.Months > 0:
		return ends.AddDate(0, -w.Months, 0)
	default:
		return time.Time{}
	}
}
