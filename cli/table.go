package cli

import (
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// column is one of a table.
type column struct {
	head string
	// worth is the priority of the column if the screen is too narrow for all: those with
	// the lowest worth are hidden first. Columns of worth 0 are never hidden.
	worth int
	// spare hides the column as soon as a column of more worth is hidden.
	spare bool
	// right aligns the cells to the right, as for numbers.
	right bool
}

// table is rows of cells under columns.
type table struct {
	columns []column
	rows    [][]string
}

// columnGap separates two columns.
const columnGap = "  "

// print writes the table and returns the heads of the columns that did not fit.
func (t *table) print(w io.Writer, s screen) (left []string) {
	widths := make([]int, len(t.columns))
	for i, c := range t.columns {
		widths[i] = utf8.RuneCountInString(c.head)
		for _, row := range t.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	shown := t.fit(widths, s.width)
	for i, c := range t.columns {
		if !slices.Contains(shown, i) && slices.ContainsFunc(t.rows, func(row []string) bool { return row[i] != "-" }) {
			left = append(left, c.head)
		}
	}
	var b strings.Builder
	line := func(cell func(i int) string, how style) {
		start := b.Len()
		for n, i := range shown {
			if n > 0 {
				b.WriteString(columnGap)
			}
			text := cell(i)
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
			switch {
			case t.columns[i].right:
				b.WriteString(pad + text)
			case n == len(shown)-1:
				b.WriteString(text)
			default:
				b.WriteString(text + pad)
			}
		}
		text := strings.TrimRight(b.String()[start:], " ")
		rest := b.String()[:start]
		b.Reset()
		b.WriteString(rest)
		if how != "" {
			text = s.paint(how, text)
		}
		b.WriteString(text + "\n")
	}
	line(func(i int) string { return t.columns[i].head }, bold)
	for _, row := range t.rows {
		line(func(i int) string { return row[i] }, "")
	}
	_, _ = io.WriteString(w, b.String()) // a reader that has gone needs no output
	return left
}

// fit returns the columns that fit a width, preferring those of the highest worth.
func (t *table) fit(widths []int, width int) []int {
	var shown, rest []int
	total := 0
	for i, c := range t.columns {
		if c.worth > 0 && width > 0 {
			if slices.ContainsFunc(t.rows, func(row []string) bool { return row[i] != "-" }) { // not empty
				rest = append(rest, i)
			}
			continue
		}
		shown = append(shown, i)
		total += widths[i] + len(columnGap)
	}
	slices.SortStableFunc(rest, func(a, b int) int { return t.columns[b].worth - t.columns[a].worth })
	dropped := false
	for _, i := range rest {
		if dropped && t.columns[i].spare {
			continue
		}
		if more := widths[i] + len(columnGap); total+more-len(columnGap) <= width {
			shown, total = append(shown, i), total+more
		} else {
			dropped = true
		}
	}
	slices.Sort(shown)
	return shown
}
