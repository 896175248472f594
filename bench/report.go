package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"outcrop/internal/jsonx"
)

// spread is a figure of several rounds.
type spread struct {
	Median float64 `json:"median"`
	Least  float64 `json:"least"`
	Most   float64 `json:"most"`
}

// spreadOf needs at least one figure.
func spreadOf(figures []float64) spread {
	sorted := slices.Sorted(slices.Values(figures))
	n := len(sorted)
	return spread{Median: (sorted[(n-1)/2] + sorted[n/2]) / 2, Least: sorted[0], Most: sorted[n-1]}
}

// String formats a ratio.
func (s spread) String() string {
	return fmt.Sprintf("%.2f (%.2f to %.2f)", s.Median, s.Least, s.Most)
}

// line is one result. Ratio is Outcrop's figure divided by the proxy's, round by round; with Base, Proxy is the figure
// of what Base names. Limit is the maximum of the ratio, or of Outcrop's figure if there is no ratio; 0 for
// no limit.
type line struct {
	Row       string            `json:"row"`
	What      string            `json:"what"`
	Unit      string            `json:"unit"`
	Base      string            `json:"base,omitempty"`
	Outcrop   spread            `json:"outcrop"`
	Proxy     spread            `json:"proxy"`
	Ratio     *spread           `json:"ratio,omitempty"`
	Limit     float64           `json:"limit,omitempty"`
	Neighbour []neighbourFigure `json:"beside,omitempty"`
	Note      string            `json:"note,omitempty"`
	Alone     bool              `json:"alone,omitempty"` // there is only Outcrop's figure
}

// neighbourFigure is a neighbour's figure in a line, with its ratio to the proxy's if
// the line has one.
type neighbourFigure struct {
	Name   string  `json:"name"`
	Figure spread  `json:"figure"`
	Ratio  *spread `json:"ratio,omitempty"`
}

func (l line) String() string {
	s := fmt.Sprintf("%-44s outcrop %8.1f  %s %8.1f %s", l.What, l.Outcrop.Median, cmp.Or(l.Base, "proxy"), l.Proxy.Median, l.Unit)
	switch {
	case l.Alone:
		s = fmt.Sprintf("%-44s outcrop %8.1f %s  (%.1f to %.1f)", l.What, l.Outcrop.Median, l.Unit, l.Outcrop.Least, l.Outcrop.Most)
	case l.Ratio != nil:
		s += fmt.Sprintf("  ratio %v", *l.Ratio)
	default:
		s += fmt.Sprintf("  (%.1f to %.1f, %.1f to %.1f)", l.Outcrop.Least, l.Outcrop.Most, l.Proxy.Least, l.Proxy.Most)
	}
	if l.Limit > 0 {
		s += fmt.Sprintf("  limit %g", l.Limit)
		if l.judged() > l.Limit {
			s += " EXCEEDED"
		}
	}
	if l.Note != "" {
		s += "  [" + l.Note + "]"
	}
	lines := []string{s}
	for _, n := range l.Neighbour {
		behind := fmt.Sprintf("(%.1f to %.1f)", n.Figure.Least, n.Figure.Most)
		if n.Ratio != nil {
			behind = fmt.Sprintf("ratio %v", *n.Ratio)
		}
		lines = append(lines, fmt.Sprintf("%-44s %-7s %8.1f %s  %s", "", n.Name, n.Figure.Median, l.Unit, behind))
	}
	return strings.Join(lines, "\n")
}

// judged returns the figure that the limit applies to.
func (l line) judged() float64 {
	if l.Ratio != nil {
		return l.Ratio.Median
	}
	return l.Outcrop.Median
}

// taken are one side's figures, one for each round.
type taken struct {
	name    string
	figures []float64
}

func (t *taken) add(name string, figure float64) {
	t.name = name
	t.figures = append(t.figures, figure)
}

// over returns the ratio of figures to others, round by round. A side with fewer rounds
// took part in the first ones.
func (t taken) over(other taken) *spread {
	ratios := make([]float64, len(t.figures))
	for i := range t.figures {
		ratios[i] = t.figures[i] / other.figures[i]
	}
	ratio := spreadOf(ratios)
	return &ratio
}

// sideBySide returns a line with the figures of Outcrop, the proxy and their
// neighbours, in this order.
func sideBySide(what, unit string, all []taken) line {
	l := line{What: what, Unit: unit, Outcrop: spreadOf(all[0].figures), Proxy: spreadOf(all[1].figures)}
	for _, t := range all[2:] {
		l.Neighbour = append(l.Neighbour, neighbourFigure{Name: t.name, Figure: spreadOf(t.figures)})
	}
	return l
}

// compare is sideBySide with the ratio of each to the proxy.
func compare(what, unit string, all []taken) line {
	l := sideBySide(what, unit, all)
	proxy := all[1]
	l.Ratio = all[0].over(proxy)
	for i, t := range all[2:] {
		l.Neighbour[i].Ratio = t.over(proxy)
	}
	return l
}

// report is the result of a run. Missing lists the neighbours that are not in it.
type report struct {
	Go      string   `json:"go"`
	OS      string   `json:"os"`
	Cores   int      `json:"cores"`
	Rounds  int      `json:"rounds"`
	Missing []string `json:"missing,omitempty"`
	Lines   []line   `json:"lines"`
}

// head describes what is compared, and where, in lines.
func (r *report) head() string {
	first := fmt.Sprintf("Outcrop compared with a do-nothing httputil.ReverseProxy, %d cores, %s %s, %d rounds; median (least to most)", r.Cores, r.Go, r.OS, r.Rounds)
	return strings.Join(append([]string{first}, r.Missing...), "\n")
}

func (r *report) write(path string) error {
	data, err := jsonx.Marshal(r)
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}

// over returns the names of the lines that exceed their limit.
func (r *report) over() []string {
	var names []string
	for _, l := range r.Lines {
		if l.Limit > 0 && l.judged() > l.Limit {
			names = append(names, fmt.Sprintf("%s is %.2f, the limit %g", l.What, l.judged(), l.Limit))
		}
	}
	return names
}

// percentile returns the value that a share p of the sorted durations does not exceed,
// in microseconds.
func percentile(sorted []time.Duration, p float64) float64 {
	at := min(int(p*float64(len(sorted))), len(sorted)-1)
	return float64(sorted[at].Nanoseconds()) / 1e3
}
