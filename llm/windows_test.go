package llm_test

import (
	"testing"
	"time"

	"outcrop/llm"
)

func TestWhenATeamIsKeptAwayFromADeployment(t *testing.T) {
	zone := time.FixedZone("east", 2*3600)
	r := &llm.Reserved{Windows: []llm.AccessWindow{
		{Start: 9 * time.Hour, End: 17*time.Hour + 30*time.Minute, Zone: zone, Teams: []string{"day"}},
		{Start: 22 * time.Hour, End: 6 * time.Hour, Zone: zone, Teams: []string{"night"}},
		{Start: 16 * time.Hour, End: 18 * time.Hour, Zone: zone, Teams: []string{"late"}},
	}}
	for _, tt := range []struct{ at, team, until string }{
		{"2026-03-01T06:59:59Z", "night", ""}, // 08:59:59 there
		{"2026-03-01T07:00:00Z", "day", ""},
		{"2026-03-01T07:00:00Z", "night", "2026-03-01T15:30:00Z"},
		{"2026-03-01T07:00:00Z", "", "2026-03-01T15:30:00Z"},
		{"2026-03-01T14:30:00Z", "late", ""}, // two windows, of which one is the team's
		{"2026-03-01T14:30:00Z", "day", ""},
		{"2026-03-01T14:30:00Z", "x", "2026-03-01T15:30:00Z"},
		{"2026-03-01T15:30:00Z", "day", "2026-03-01T16:00:00Z"},
		{"2026-03-01T16:00:00Z", "x", ""},
		{"2026-03-01T20:00:00Z", "day", "2026-03-02T04:00:00Z"},
		{"2026-03-01T23:00:00Z", "day", "2026-03-02T04:00:00Z"}, // after midnight there
		{"2026-03-02T03:59:59Z", "night", ""},
		{"2026-03-02T04:00:00Z", "day", ""},
	} {
		now, err := time.Parse(time.RFC3339, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if until := r.Until(tt.team, now); !until.IsZero() {
			got = until.UTC().Format(time.RFC3339)
		}
		if got != tt.until {
			t.Errorf("%s at %s: %q, want %q", tt.team, tt.at, got, tt.until)
		}
	}
}
