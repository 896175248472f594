package main

import (
	"fmt"
	"os"
	"slices"
	"time"

	"outcrop/internal/jsonx"
)

// spread is a figure from several rounds.
type spread struct {
	Median float64 `json:"median"`
	Least  float64 `json:"least"`
	Most   float64 `json:"most"`
}

// spreadOf takes at least one figure.
func spreadOf(figures []float64) spread {
	sorted := slices.Sorted(slices.Values(figures))
	n := len(sorted)
	return spread{Median: (sorted[(n-1)/2] + sorted[n/2]) / 2, Least: sorted[0], Most: sorted[n-1]}
}

// line is one result. Ratio is Outcrop's figure over the proxy's, round by round,
// and Limit what the ratio, or Outcrop's figure if there is no ratio, may be at
// most; 0 for no limit.
type line struct {
	Row     string  `json:"row"`
	What    string  `json:"what"`
	Unit    string  `json:"unit"`
	Outcrop spread  `json:"outcrop"`
	Proxy   spread  `json:"proxy"`
	Ratio   *spread `json:"ratio,omitempty"`
	Limit   float64 `json:"limit,omitempty"`
	Note    string  `json:"note,omitempty"`
}

func (l line) String() string {
	s := fmt.Sprintf("%-44s outcrop %8.1f  proxy %8.1f %s", l.What, l.Outcrop.Median, l.Proxy.Median, l.Unit)
	if l.Ratio != nil {
		s += fmt.Sprintf("  ratio %.2f (%.2f to %.2f)", l.Ratio.Median, l.Ratio.Least, l.Ratio.Most)
	} else {
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
	return s
}

// judged is the figure that the limit is for.
func (l line) judged() float64 {
	if l.Ratio != nil {
		return l.Ratio.Median
	}
	return l.Outcrop.Median
}

// compare makes a line from figures of both sides, of which the same place in
// both is one round.
func compare(what, unit string, outcrop, proxy []float64) line {
	ratios := make([]float64, len(outcrop))
	for i := range outcrop {
		ratios[i] = outcrop[i] / proxy[i]
	}
	ratio := spreadOf(ratios)
	return line{What: what, Unit: unit, Outcrop: spreadOf(outcrop), Proxy: spreadOf(proxy), Ratio: &ratio}
}

// report is the result of a run.
type report struct {
	Go     string `json:"go"`
	OS     string `json:"os"`
	Cores  int    `json:"cores"`
	Rounds int    `json:"rounds"`
	Lines  []line `json:"lines"`
}

func (r *report) write(path string) error {
	data, err := jsonx.Marshal(r)
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}

// over names the lines that are over their limit.
func (r *report) over() []string {
	var names []string
	for _, l := range r.Lines {
		if l.Limit > 0 && l.judged() > l.Limit {
			names = append(names, fmt.Sprintf("%s is %.2f, the limit %g", l.What, l.judged(), l.Limit))
		}
	}
	return names
}

// percentile gives the value that a share p of the sorted durations does not
// exceed, in microseconds.
func percentile(sorted []time.Duration, p float64) float64 {
	at := min(int(p*float64(len(sorted))), len(sorted)-1)
	return float64(sorted[at].Nanoseconds()) / 1e3
}
