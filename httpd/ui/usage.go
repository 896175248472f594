package ui

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// metrics are the sums of calls, as the API has them.
type metrics struct {
	Spend   float64 `json:"spend"`
	Input   int64   `json:"prompt_tokens"`
	Output  int64   `json:"completion_tokens"`
	Read    int64   `json:"cache_read_input_tokens"`
	Calls   int64   `json:"api_requests"`
	Success int64   `json:"successful_requests"`
	Failed  int64   `json:"failed_requests"`
}

func (m *metrics) add(o *metrics) {
	m.Spend += o.Spend
	m.Input += o.Input
	m.Output += o.Output
	m.Read += o.Read
	m.Calls += o.Calls
	m.Success += o.Success
	m.Failed += o.Failed
}

// sum is a sum with what is known of what it is of.
type sum struct {
	Metrics  metrics `json:"metrics"`
	Metadata struct {
		Alias string `json:"key_alias"`
		Team  string `json:"team_id"`
	} `json:"metadata"`
}

// daily is what the API says of days.
type daily struct {
	Results []struct {
		Date      string  `json:"date"`
		Metrics   metrics `json:"metrics"`
		Breakdown struct {
			Groups    map[string]sum `json:"model_groups"`
			Models    map[string]sum `json:"models"`
			Providers map[string]sum `json:"providers"`
			Keys      map[string]sum `json:"api_keys"`
			Entities  map[string]sum `json:"entities"`
		} `json:"breakdown"`
	} `json:"results"`
}

// by is what usage can be told apart by.
type by string

// What usage can be told apart by.
const (
	byModel    by = "model"
	byName     by = "configured name"
	byKey      by = "key"
	byProvider by = "provider"
	byTeam     by = "team"
	byTag      by = "tag"
	byRegion   by = "region"
)

// bys are the choices of a role.
func bys(r Role) []by {
	if r == Member {
		return []by{byModel, byName, byKey, byProvider}
	}
	return []by{byModel, byName, byKey, byProvider, byRegion, byTeam, byTag}
}

// usageRow is a row of the table.
type usageRow struct {
	Name string
	metrics

	Share int // of the cost, in thousandths
}

// Cost is the cost for people.
func (r *usageRow) Cost() string { return dollars(r.Spend) }

// usageData is what the page of usage shows.
type usageData struct {
	From, To string
	By       by
	Bys      []by
	Rows     []usageRow
	Total    usageRow
	// Series is the data of the plot, JSON: the days, and for each name what it has cost a day.
	Series string
	// Files are what can be exported.
	Files  []period
	Ranges []period
	Times  *timesData
	// Budgets are those of which most is used, of AllBudgets.
	Budgets    []leftRow
	AllBudgets int
}

// period is a choice of a time range.
type period struct {
	Title, Query string
	Here         bool
}

// mostSeries is how many names the plot tells apart; the rest is one more.
const mostSeries = 6

// readUsage reads the usage of a range.
func (x *exchange) readUsage() (*usageData, map[string]map[string]*metrics, error) {
	q := x.r.URL.Query()
	now := x.h.opt.Now().UTC()
	d := &usageData{From: day(q.Get("from"), now.AddDate(0, 0, -6)), To: day(q.Get("to"), now), By: by(q.Get("by")), Bys: bys(x.person.Role)}
	if !slices.Contains(d.Bys, d.By) {
		d.By = byModel
	}
	from, _ := time.Parse(time.DateOnly, d.From) // day has made both
	to, _ := time.Parse(time.DateOnly, d.To)
	if to.Before(from) {
		return nil, nil, &Error{Status: http.StatusBadRequest, Message: "to is before from: " + d.To + " is before " + d.From + ".", Fix: "Swap the dates."}
	}
	if to.Sub(from) > 400*24*time.Hour {
		return nil, nil, &Error{Status: http.StatusBadRequest, Message: "The range is at most 400 days.", Fix: "Choose a later from."}
	}
	path := "/user/daily/activity/aggregated"
	switch d.By {
	case byTeam:
		path = "/team/daily/activity/aggregated"
	case byTag:
		path = "/tag/daily/activity/aggregated"
	case byRegion:
		path = "/region/daily/activity/aggregated"
	case byModel, byName, byKey, byProvider:
	}
	var got daily
	if err := x.call(http.MethodGet, path, url.Values{"start_date": {d.From}, "end_date": {d.To}}, nil, &got); err != nil {
		return nil, nil, err
	}
	days := map[string]map[string]*metrics{} // by name and day
	for i := range got.Results {
		r := &got.Results[i]
		parts := map[by]map[string]sum{
			byModel: r.Breakdown.Models, byName: r.Breakdown.Groups, byKey: r.Breakdown.Keys, byProvider: r.Breakdown.Providers, byTeam: r.Breakdown.Entities, byTag: r.Breakdown.Entities, byRegion: r.Breakdown.Entities,
		}[d.By]
		for name, s := range parts {
			if d.By == byKey {
				name = cmp.Or(s.Metadata.Alias, llm.Clip(name, 10))
			}
			if days[name] == nil {
				days[name] = map[string]*metrics{}
			}
			if days[name][r.Date] == nil {
				days[name][r.Date] = &metrics{}
			}
			days[name][r.Date].add(&s.Metrics)
		}
		d.Total.add(&r.Metrics)
	}
	for name, by := range days {
		row := usageRow{Name: name}
		for _, m := range by {
			row.add(m)
		}
		d.Rows = append(d.Rows, row)
	}
	slices.SortFunc(d.Rows, func(a, b usageRow) int {
		return cmp.Or(cmp.Compare(b.Spend, a.Spend), cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Name, b.Name))
	})
	for i := range d.Rows {
		if r := &d.Rows[i]; d.Rows[0].Spend > 0 {
			r.Share = int(1000 * r.Spend / d.Rows[0].Spend)
		}
	}
	return d, days, nil
}

// usage shows what days have cost.
func (x *exchange) usage() error {
	d, days, err := x.readUsage()
	if err != nil {
		return err
	}
	d.Series = series(d, days)
	for _, f := range files() {
		d.Files = append(d.Files, period{f.title, Path + "/usage.csv?" + url.Values{"from": {d.From}, "to": {d.To}, "by": {string(d.By)}, "what": {f.name}}.Encode(), false})
	}
	now := x.h.opt.Now().UTC()
	for _, r := range []struct {
		title string
		days  int
	}{{"Today", 0}, {"7 days", 6}, {"30 days", 29}, {"90 days", 89}} {
		from, to := now.AddDate(0, 0, -r.days).Format(time.DateOnly), now.Format(time.DateOnly)
		d.Ranges = append(d.Ranges, period{r.title, "?" + url.Values{"from": {from}, "to": {to}, "by": {string(d.By)}}.Encode(), d.From == from && d.To == to})
	}
	if d.Times, err = x.readTimes(d.From, d.To); err != nil {
		return err
	}
	if d.Budgets, err = x.readLeft(); err != nil {
		return err
	}
	d.AllBudgets = len(d.Budgets)
	d.Budgets = d.Budgets[:min(d.AllBudgets, mostLeft)]
	return x.show(http.StatusOK, "usage", "Usage", d)
}

// series is the data of the plot.
func series(d *usageData, days map[string]map[string]*metrics) string {
	from, _ := time.Parse(time.DateOnly, d.From)
	to, _ := time.Parse(time.DateOnly, d.To)
	var w jsonx.Writer
	w.Object()
	w.Key("days")
	w.Array()
	for t := from; !t.After(to); t = t.AddDate(0, 0, 1) {
		w.Int(t.Unix())
	}
	w.EndArray()
	w.Key("series")
	w.Array()
	write := func(name string, names []string) {
		w.Object()
		w.Key("name")
		w.String(name)
		for _, kind := range []struct {
			name string
			of   func(m *metrics) float64
		}{
			{"cost", func(m *metrics) float64 { return m.Spend }}, {"tokens", func(m *metrics) float64 { return float64(m.Input + m.Output) }}, {"calls", func(m *metrics) float64 { return float64(m.Calls) }},
		} {
			w.Key(kind.name)
			w.Array()
			for t := from; !t.After(to); t = t.AddDate(0, 0, 1) {
				v := 0.0
				for _, n := range names {
					if m := days[n][t.Format(time.DateOnly)]; m != nil {
						v += kind.of(m)
					}
				}
				w.Float(v)
			}
			w.EndArray()
		}
		w.EndObject()
	}
	var rest []string
	for i := range d.Rows {
		if i < mostSeries {
			write(d.Rows[i].Name, []string{d.Rows[i].Name})
		} else {
			rest = append(rest, d.Rows[i].Name)
		}
	}
	if rest != nil {
		write("others", rest)
	}
	w.EndArray()
	w.EndObject()
	return string(w.Buf)
}

// harmless is a text that a spreadsheet does not take for a formula: names come from clients.
func harmless(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

// Kinds are what the plot can show.
func (d *usageData) Kinds() []string { return []string{"cost", "tokens", "calls"} }

// HitShare is which share of the calls the response cache has answered, in per cent; empty if that is none.
func (d *usageData) HitShare() string {
	if d.Times.AllHits == 0 || d.Total.Calls == 0 {
		return ""
	}
	return strconv.FormatFloat(100*float64(d.Times.AllHits)/float64(d.Total.Calls), 'f', 1, 64) + " %"
}
