package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
)

// threeSides returns figures of two rounds; a slow neighbour took part in one.
func threeSides() []taken {
	return []taken{{"outcrop", []float64{20, 40, 30}}, {"proxy", []float64{10, 10, 10}}, {nginx, []float64{5, 4, 3}}, {litellm, []float64{900}}}
}

func TestALineOverItsLimitIsNamed(t *testing.T) {
	slow := compare("chat", "µs", threeSides())
	slow.Limit = 2.5
	if want := (spread{3, 2, 4}); *slow.Ratio != want {
		t.Errorf("ratio %+v; want %+v", *slow.Ratio, want)
	}
	fine := line{What: "memory", Outcrop: spreadOf([]float64{1, 2}), Limit: 2}
	r := report{Lines: []line{slow, fine}}
	if over := r.over(); len(over) != 1 || !strings.Contains(over[0], "chat is 3.00") {
		t.Errorf("over %q", over)
	}
}

func TestEachNeighbourHasItsRatioToTheProxy(t *testing.T) {
	l := compare("chat", "µs", threeSides())
	want := []neighbourFigure{
		{nginx, spread{4, 3, 5}, &spread{.4, .3, .5}},
		{litellm, spread{900, 900, 900}, &spread{90, 90, 90}},
	}
	if diff := cmp.Diff(want, l.Neighbour); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	printed := strings.Split(l.String(), "\n")
	if len(printed) != 3 || !strings.Contains(printed[1], "nginx        4.0 µs  ratio 0.40 (0.30 to 0.50)") || !strings.Contains(printed[2], "litellm    900.0 µs  ratio 90.00") {
		t.Errorf("printed %q", printed)
	}
}

func TestMemoryHasNoRatio(t *testing.T) {
	l := sideBySide("RSS", "MB", threeSides())
	if l.Ratio != nil || len(l.Neighbour) != 2 || l.Neighbour[0].Ratio != nil || l.judged() != 30 {
		t.Errorf("got %+v", l)
	}
	if s := l.String(); strings.Contains(s, "ratio") || !strings.Contains(s, "nginx        4.0 MB  (3.0 to 5.0)") {
		t.Errorf("printed %q", s)
	}
}

func TestTheReportSaysWhoIsMissing(t *testing.T) {
	const sentence = "nginx is not installed and is left out"
	r := report{Missing: []string{sentence}, Lines: []line{compare("chat", "µs", threeSides())}}
	if head := strings.Split(r.head(), "\n"); len(head) != 2 || head[1] != sentence {
		t.Errorf("head %q; want a line for it", head)
	}
	path := filepath.Join(t.TempDir(), "result.json")
	if err := r.write(path); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var read report
	if err := jsonx.Unmarshal(data, &read); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, read); diff != "" {
		t.Errorf("-written +read:\n%s", diff)
	}
}
