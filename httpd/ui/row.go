package ui

import (
	"html/template"
	"net/url"
	"strconv"
	"strings"
)

// rowsHTML are rows of a table of calls. They are written by hand, because html/template takes ten times as long, and tables of
// calls are what pages send most of: each text is escaped where it is written.
func rowsHTML(rows []row) template.HTML {
	var b strings.Builder
	for i := range rows {
		rows[i].write(&b)
	}
	return template.HTML(b.String()) //nolint:gosec // all that comes from elsewhere is escaped
}

// write writes the row.
func (r *row) write(b *strings.Builder) {
	text := func(parts ...string) { // what is ours, and what is not, in turns
		for i, p := range parts {
			if i%2 == 0 {
				b.WriteString(p)
			} else {
				b.WriteString(template.HTMLEscapeString(p))
			}
		}
	}
	kind := "good"
	switch {
	case r.Status >= 500:
		kind = "bad"
	case r.Status >= 400:
		kind = "warn"
	}
	text(`<tr data-id="`, r.ID, `"><td class="time"><time datetime="`, r.Iso, `">`, r.Clock, `</time></td><td><span class="tag `+kind+`">`+strconv.Itoa(r.Status)+`</span></td><td class="grow"><a href="`+Path+`/logs/call/`, url.PathEscape(r.ID), `">`, r.Model, `</a>`)
	if r.Code != "" {
		text(` <code class="code">`, r.Code, `</code>`)
	}
	count := func(n int, class, one, several string) {
		switch {
		case n == 1:
			b.WriteString(` <span class="` + class + `">1 ` + one + `</span>`)
		case n > 1:
			b.WriteString(` <span class="` + class + `">` + strconv.Itoa(n) + ` ` + several + `</span>`)
		}
	}
	count(r.Retries, "tag", "retry", "retries")
	if r.Fallback != "" {
		text(` <span class="tag">fallback `, r.Fallback, `</span>`)
	}
	if r.Cached {
		b.WriteString(` <span class="tag">cached</span>`)
	}
	count(r.Warnings, "tag warn", "warning", "warnings")
	text(`</td><td class="wide">`, r.Key, `</td><td class="wide">`, r.Region, `</td><td class="num wide">`, r.Input, `</td><td class="num wide">`, r.Output, `</td><td class="num wide">`, r.Cost, `</td><td class="num">`, r.Took, "</td></tr>\n")
}
