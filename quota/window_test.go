package quota_test

import (
	"strings"
	"testing"
	"time"

	"outcrop/quota"
)

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

func TestWhenAPeriodEnds(t *testing.T) {
	anchor := at("2026-03-04T05:06:07Z")
	for _, test := range []struct{ window, now, end string }{
		{"4s", "2026-03-04T05:06:07Z", "2026-03-04T05:06:11Z"},
		{"4s", "2026-03-04T05:06:10Z", "2026-03-04T05:06:11Z"},
		{"4s", "2026-03-04T05:06:11Z", "2026-03-04T05:06:15Z"},
		{"90m", "2026-03-04T06:30:00Z", "2026-03-04T06:36:07Z"},
		{"2h", "2026-03-04T05:00:00Z", "2026-03-04T05:06:07Z"}, // before the anchor
		{"1d", "2026-03-04T23:59:59Z", "2026-03-05T00:00:00Z"},
		{"1d", "2026-03-05T00:00:00Z", "2026-03-06T00:00:00Z"},
		{"7d", "2026-03-04T05:06:07Z", "2026-03-09T00:00:00Z"}, // a Wednesday and the next Monday
		{"1w", "2026-03-09T00:00:00Z", "2026-03-16T00:00:00Z"},
		{"30d", "2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z"},
		{"1mo", "2026-12-31T23:00:00Z", "2027-01-01T00:00:00Z"},
		{"3mo", "2026-05-10T00:00:00Z", "2026-07-01T00:00:00Z"},
	} {
		w, err := quota.ParseWindow(test.window, anchor)
		if got := w.End(at(test.now)); err != nil || !got.Equal(at(test.end)) {
			t.Errorf("%s at %s: %s, %v; want %s", test.window, test.now, got, err, test.end)
		}
	}
	if end := (quota.Window{}).End(anchor); !end.IsZero() {
		t.Errorf("a counter without periods ends at %s", end)
	}
	if end := (quota.Window{Length: time.Minute}).End(anchor); !end.Equal(anchor.Add(time.Minute)) {
		t.Errorf("a period that begins with its use ends at %s", end)
	}
}

func TestWhatIsNoWindow(t *testing.T) {
	for _, text := range []string{"", "d", "30", "0d", "-1d", "1y", "1sm", "d30", "1 d", "100001s", "9999999999999999999d"} {
		if w, err := quota.ParseWindow(text, time.Time{}); err == nil || !strings.Contains(err.Error(), "is not a duration") {
			t.Errorf("%q is %+v, %v", text, w, err)
		}
	}
}

func TestAPeriodThatEndsAtAKnownTimeEndsThenAndAWholeNumberOfPeriodsLater(t *testing.T) {
	at := time.Date(2026, 3, 4, 17, 30, 0, 0, time.UTC)
	for _, c := range []struct {
		text string
		ends time.Time
		want []time.Time // of the periods that include at, and the time that the one before ends
	}{
		{"2h", at.Add(20 * time.Minute), []time.Time{at.Add(20 * time.Minute), at.Add(140 * time.Minute)}},
		{"2h", at.Add(-20 * time.Minute), []time.Time{at.Add(100 * time.Minute)}},
		{"10d", time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC), []time.Time{time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 19, 0, 0, 0, 0, time.UTC)}},
		{"1d", time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC), []time.Time{time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC)}},
		{"30d", time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC), []time.Time{time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)}},
		{"1h", time.Time{}, []time.Time{at.Add(time.Hour)}},
	} {
		w, err := quota.ParseWindowEnding(c.text, at, c.ends)
		if err != nil {
			t.Fatal(err)
		}
		now := at
		for _, want := range c.want {
			if got := w.End(now); !got.Equal(want) {
				t.Errorf("%s that ends at %s: at %s the end is %s, want %s", c.text, c.ends, now, got, want)
			}
			now = want
		}
	}
}
