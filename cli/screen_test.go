package cli

import (
	"strings"
	"testing"
)

func TestTablesFitTheScreen(t *testing.T) {
	tab := table{
		columns: []column{{head: "NAME"}, {head: "CALLS", worth: 1}, {head: "CONTEXT", worth: 2, right: true}},
		rows:    [][]string{{"claude", strings.Repeat("x", 40), "1M"}, {"növa", "y", "128k"}},
	}
	for width, want := range map[int]string{0: "CALLS", 80: "CALLS", 30: "", 5: ""} {
		var b strings.Builder
		left := tab.print(&b, screen{width: width})
		for line := range strings.Lines(b.String()) {
			if n := len([]rune(line)) - 1; width > 5 && n > width {
				t.Errorf("%d columns on %d: %s", n, width, line)
			}
		}
		if shown := strings.Contains(b.String(), "CALLS"); shown != (want != "") || shown != (len(left) == 0) {
			t.Errorf("at %d: left out %q of\n%s", width, left, b.String())
		}
		if !strings.Contains(b.String(), "claude") {
			t.Errorf("at %d the name is missing:\n%s", width, b.String())
		}
	}
}

func TestTextsAreWrappedBetweenWords(t *testing.T) {
	const text = "a statement of many words and one-that-is-much-longer-than-the-screen"
	if got := (screen{}).wrap(text, "  "); got != text {
		t.Errorf("without a width: %q", got)
	}
	want := "a statement of many\n  words and\n  one-that-is-much-longer-than-the-screen"
	if got := (screen{width: 20}).wrap(text, "  "); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestColoursAreForTerminals(t *testing.T) {
	if got := screenOf(&strings.Builder{}).paint(red, "x"); got != "x" {
		t.Errorf("got %q", got)
	}
	if got := (screen{colours: true}).paint(red, "x"); got != "\x1b[31mx\x1b[0m" {
		t.Errorf("got %q", got)
	}
}

func TestASpareColumnGoesBeforeThoseOfMoreWorth(t *testing.T) {
	tab := table{
		columns: []column{{head: "NAME"}, {head: "CALLS", worth: 2}, {head: "API", worth: 1, spare: true}},
		rows:    [][]string{{"claude", strings.Repeat("x", 40), "converse"}},
	}
	for width, want := range map[int]string{80: "NAME CALLS API", 40: "NAME"} {
		var b strings.Builder
		tab.print(&b, screen{width: width})
		head, _, _ := strings.Cut(b.String(), "\n")
		if got := strings.Join(strings.Fields(head), " "); got != want {
			t.Errorf("at %d: %q, want %q", width, got, want)
		}
	}
}
