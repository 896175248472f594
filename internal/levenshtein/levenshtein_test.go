package levenshtein

import (
	"strings"
	"testing"
)

func TestDistance(t *testing.T) {
	long := strings.Repeat("granite", 40)
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"granite", "granite", 0},
		{"", "granite", 7},
		{"granite", "", 7},
		{"granit", "granite", 1},
		{"granite", "grenite", 1},
		{"kitten", "sitting", 3},
		{"gneiss", "schist", 4},
		{long, long, 0},
		{long, long[1:] + "s", 2},
	} {
		if got := Distance(tt.a, tt.b); got != tt.want {
			t.Errorf("from %q to %q: %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := Distance(tt.b, tt.a); got != tt.want {
			t.Errorf("from %q to %q: %d, want %d", tt.b, tt.a, got, tt.want)
		}
	}
}
