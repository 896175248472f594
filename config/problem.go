package config

import (
	"strconv"
	"strings"
)

// Severity is the severity of a problem.
type Severity int

const (
	// Warning is a problem that does not keep the gateway from starting.
	Warning Severity = iota
	// Error is a problem that keeps the gateway from starting.
	Error
)

// String returns warning or error.
func (s Severity) String() string {
	if s == Error {
		return "error"
	}
	return "warning"
}

// Problem is a problem of a configuration. No field contains the value of a secret or
// of an environment variable.
type Problem struct {
	Severity Severity
	// Path is the setting, such as model_list[2].litellm_params.timeout; empty if the
	// problem concerns the whole file.
	Path string
	// File is the file's name.
	File string
	// Line and Column begin at 1 and count characters; a Line of 0 means that the
	// problem has no position in a file.
	Line, Column int
	// Message describes the problem.
	Message string
	// Accepted describes the accepted values; empty if Message does.
	Accepted string
	// Hint is the next step; empty if there is none.
	Hint string
}

// String returns the problem as one line, such as
//
//	config.yaml:12:7: error: model_list[0].litellm_params.timeout: "soon" is not a number; accepted: seconds above 0, such as 30 or 0.5
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		b.WriteByte(':')
	}
	if p.Line > 0 {
		b.WriteString(strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column) + ":")
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	b.WriteString(p.Severity.String() + ": ")
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message)
	if p.Accepted != "" {
		b.WriteString("; accepted: " + p.Accepted)
	}
	if p.Hint != "" {
		b.WriteString("; hint: " + p.Hint)
	}
	return b.String()
}

// nearest returns the candidate that is the fewest edits away from name, or "" if none
// is close enough to be a plausible correction.
func nearest(name string, candidates []string) string {
	best, fewest := "", 1+max(1, len(name)/4)
	for _, c := range candidates {
		if d := edits(strings.ToLower(name), c, fewest); d < fewest {
			best, fewest = c, d
		}
	}
	return best
}

// edits counts the insertions, deletions, replacements and swaps of neighbours that
// turn a into b; it gives up at limit.
func edits(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit || len(a) > 100 {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
