package ui

import (
	"encoding/csv"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// file is a table that can be exported.
type file struct{ name, title string }

// files are what the page of usage exports.
func files() []file {
	return []file{{"days", "Cost by day"}, {"times", "Times"}, {"errors", "Errors"}, {"cache", "Cache hits"}, {"budgets", "Budgets"}}
}

// usageCSV exports a table of usage.
func (x *exchange) usageCSV() error {
	what := x.r.URL.Query().Get("what")
	if what == "" {
		what = "days"
	}
	d, days, err := x.readUsage()
	if err != nil {
		return err
	}
	var rows [][]string
	switch what {
	case "days":
		rows = dayRows(d, days)
	case "budgets":
		left, err := x.readLeft()
		if err != nil {
			return err
		}
		rows = leftRows(left)
	case "times", "errors", "cache":
		t, err := x.readTimes(d.From, d.To)
		if err != nil {
			return err
		}
		rows = t.rows(what)
	default:
		return &Error{Status: http.StatusBadRequest, Message: "There is no such table to export.", Fix: "what is days, times, errors, cache or budgets."}
	}
	h := x.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+what+"-"+d.From+"-"+d.To+`.csv"`)
	_ = csv.NewWriter(x.w).WriteAll(rows) // a client that is gone needs no response
	return nil
}

func money(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func whole(n int64) string { return strconv.FormatInt(n, 10) }

// dayRows are a row for each name and day.
func dayRows(d *usageData, days map[string]map[string]*metrics) [][]string {
	rows := [][]string{{"date", string(d.By), "cost_usd", "prompt_tokens", "completion_tokens", "cache_read_tokens", "calls", "failed"}}
	for i := range d.Rows {
		name := d.Rows[i].Name
		for _, date := range slices.Sorted(maps.Keys(days[name])) {
			m := days[name][date]
			rows = append(rows, []string{date, harmless(name), money(m.Spend), whole(m.Input), whole(m.Output), whole(m.Read), whole(m.Calls), whole(m.Failed)})
		}
	}
	return rows
}

func leftRows(left []leftRow) [][]string {
	rows := [][]string{{"kind", "id", "name", "spent_usd", "budget_usd", "left_usd", "begins_anew"}}
	for i := range left {
		r := &left[i]
		rows = append(rows, []string{r.Kind, harmless(r.ID), harmless(r.Name), money(r.Spent), money(r.Budget), money(r.Left), harmless(r.Resets)})
	}
	return rows
}

// rows are those of one of the tables.
func (t *timesData) rows(what string) (rows [][]string) {
	ms := func(d time.Duration) string {
		if d == 0 {
			return ""
		}
		return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 3, 64)
	}
	switch what {
	case "times":
		rows = [][]string{{"model", "calls", "p50_ms", "p95_ms", "p99_ms", "first_token_p50_ms", "first_token_p95_ms", "first_token_p99_ms"}}
		for i := range t.Speed {
			s := &t.Speed[i]
			rows = append(rows, []string{harmless(s.Model), whole(s.Calls), ms(s.Took.Half), ms(s.Took.Most), ms(s.Took.Worst), ms(s.First.Half), ms(s.First.Most), ms(s.First.Worst)})
		}
	case "errors":
		rows = [][]string{{"error_code", "calls"}}
		for _, e := range t.Errors {
			rows = append(rows, []string{harmless(e.Code), whole(e.Calls)})
		}
	default:
		rows = [][]string{{"date", "cache_hits", "tokens"}}
		for _, h := range t.Hits {
			rows = append(rows, []string{harmless(h.Day), whole(h.Hits), whole(h.Tokens)})
		}
	}
	return rows
}
