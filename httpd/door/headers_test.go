package door

import (
	"strconv"
	"testing"
	"time"
)

func TestMillisecondsAreThoseOfTheFloat(t *testing.T) {
	check := func(n int64) {
		d := time.Duration(n) * time.Microsecond
		if got, want := string(appendMilliseconds(nil, d)), strconv.FormatFloat(float64(n)/1000, 'f', -1, 64); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
	for n := range int64(12_345) {
		check(n)
	}
	check(600_000_000)
	check(86_399_999_999)
	if got := string(appendMilliseconds(nil, -time.Second)); got != "0" {
		t.Errorf("a clock that went back: got %q", got)
	}
}
