package cli

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

type spendCommand struct {
	adminFlags
	By     string   `enum:"day,key,team,user,model,tag" default:"day" help:"What to sum by: day, key, team, user, model or tag."`
	Since  string   `default:"30d" placeholder:"WHEN" help:"The first day: a date such as 2026-11-01, or how long ago, such as 7d. Days are those of UTC."`
	Until  string   `placeholder:"DATE" help:"The last day; today if it is left out."`
	CSV    bool     `name:"csv" help:"Print comma-separated values."`
	JSON   bool     `name:"json" help:"Print JSON; --json name,spend prints only these fields."`
	Fields []string `hidden:"" help:"The fields to print with --json."`
}

// spendColumns are what spend sums by.
func spendColumns() []string { return []string{"day", "key", "team", "user", "model", "tag"} }

// sums are what some calls have used.
type sums struct {
	cost                           llm.Cost
	calls, failures, input, output int64
}

func (s *sums) add(o *sums, sign int64) {
	s.cost += llm.Cost(sign) * o.cost
	s.calls += sign * o.calls
	s.failures += sign * o.failures
	s.input += sign * o.input
	s.output += sign * o.output
}

// spendRow is a line of the report.
type spendRow struct {
	name, detail string
	sums
}

// metrics are the sums of the API.
type metrics struct {
	Spend    float64 `json:"spend"`
	Requests int64   `json:"api_requests"`
	Failed   int64   `json:"failed_requests"`
	Input    int64   `json:"prompt_tokens"`
	Output   int64   `json:"completion_tokens"`
}

// sums returns the sums in whole units of money: the API's amounts are exact to 10⁻¹² USD.
func (m *metrics) sums() sums {
	return sums{llm.Cost(math.Round(m.Spend * 1e12)), m.Requests, m.Failed, m.Input, m.Output}
}

// keyPart is what a key has used of a part.
type keyPart struct {
	Metrics  metrics `json:"metrics"`
	Metadata struct {
		Alias *string `json:"key_alias"`
	} `json:"metadata"`
}

// spendPart is what a model, an entity or a day has used.
type spendPart struct {
	Metrics metrics            `json:"metrics"`
	Keys    map[string]keyPart `json:"api_key_breakdown"`
}

// spendDay is a day of the API's report.
type spendDay struct {
	Date      string  `json:"date"`
	Metrics   metrics `json:"metrics"`
	Breakdown struct {
		Models   map[string]spendPart `json:"models"`
		Keys     map[string]keyPart   `json:"api_keys"`
		Entities map[string]spendPart `json:"entities"`
	} `json:"breakdown"`
}

// masterUser is the user to whom the API counts calls with the master key (LiteLLM's litellm_proxy_admin_name).
const masterUser = "default_user_id"

// masterKey is the master key in the API's report (LiteLLM's LITELLM_PROXY_MASTER_KEY_ALIAS).
const masterKey = "litellm_proxy_master_key"

// What rows are called that have no name of their own.
const (
	withMaster = "(master key)"
	without    = "(none)"
)

// Run prints what calls have cost.
func (c *spendCommand) Run(ctx context.Context, con console) error {
	if c.CSV && c.JSON {
		return &usageError{"--csv and --json exclude each other", "Choose one of them."}
	}
	from, to, err := c.period(time.Now().UTC())
	if err != nil {
		return err
	}
	return c.with(ctx, con, func(m *manager) error {
		r := spendReport{m: m, from: from, to: to, rows: map[string]*spendRow{}}
		if err := r.read(ctx, c.By); err != nil {
			return err
		}
		return c.print(con, &r)
	})
}

// period returns the first and the last day.
func (c *spendCommand) period(now time.Time) (from, to string, err error) {
	to = cmp.Or(c.Until, now.Format(time.DateOnly))
	if _, err := time.Parse(time.DateOnly, to); err != nil {
		return "", "", &usageError{fmt.Sprintf("--until must be a date, not %q", c.Until), "An example is --until " + now.Format(time.DateOnly) + "."}
	}
	if _, err := time.Parse(time.DateOnly, c.Since); err == nil {
		from = c.Since
	} else {
		wrong := &usageError{fmt.Sprintf("--since must be a date or how long ago, not %q", c.Since), "Examples are --since 2026-11-01, --since 7d and --since 3mo."}
		digits := strings.TrimRight(c.Since, "dwmo")
		n, err := strconv.Atoi(digits)
		if err != nil || n < 0 || n > 100_000 {
			return "", "", wrong
		}
		switch c.Since[len(digits):] {
		case "d":
			from = now.AddDate(0, 0, -n).Format(time.DateOnly)
		case "w":
			from = now.AddDate(0, 0, -7*n).Format(time.DateOnly)
		case "mo":
			from = now.AddDate(0, -n, 0).Format(time.DateOnly)
		default:
			return "", "", wrong
		}
	}
	if from > to {
		return "", "", &usageError{"the first day, " + from + ", is after the last, " + to, "Change --since or --until."}
	}
	return from, to, nil
}

// spendReport sums what calls have cost.
type spendReport struct {
	m        *manager
	from, to string
	rows     map[string]*spendRow
	total    sums
}

func (r *spendReport) add(name, detail string, s sums) {
	row := r.rows[name]
	if row == nil {
		row = &spendRow{name: name, detail: detail}
		r.rows[name] = row
	}
	row.add(&s, 1)
}

// read reads and sums.
func (r *spendReport) read(ctx context.Context, by string) error {
	days, err := r.days(ctx, "/user/daily/activity", "", nil)
	if err != nil {
		return err
	}
	for i := range days {
		r.day(&days[i], by)
	}
	if days, err = r.days(ctx, "/user/daily/activity", "user_id", []string{masterUser}); err != nil {
		return err
	}
	for i := range days {
		r.master(&days[i], by)
	}
	switch by {
	case "team":
		return r.entities(ctx, "/team/daily/activity", "team_ids", nil)
	case "tag":
		return r.entities(ctx, "/tag/daily/activity", "tags", nil)
	case "user":
		ids, err := r.users(ctx)
		if err != nil {
			return err
		}
		return r.entities(ctx, "/user/daily/activity", "user_id", ids)
	}
	return nil
}

// day adds a day of calls with keys.
func (r *spendReport) day(d *spendDay, by string) {
	all := d.Metrics.sums()
	r.total.add(&all, 1)
	switch by {
	case "day":
		r.add(d.Date, "", all)
	case "key":
		for hash, k := range d.Breakdown.Keys {
			if hash == masterKey {
				r.add(withMaster, "", k.Metrics.sums())
				continue
			}
			alias := "(deleted)"
			if k.Metadata.Alias != nil {
				alias = *k.Metadata.Alias
			}
			r.add(hash, alias, k.Metrics.sums())
		}
	case "model":
		r.models(d, all, func(p *spendPart) sums { return p.Metrics.sums() })
	}
}

// master adds the calls of a day with the master key that have no key in the API's report, as those of earlier versions.
func (r *spendReport) master(d *spendDay, by string) {
	all := d.Metrics.sums()
	for _, k := range d.Breakdown.Keys {
		s := k.Metrics.sums()
		all.add(&s, -1)
	}
	if all.calls == 0 && all.cost == 0 {
		return
	}
	r.total.add(&all, 1)
	switch by {
	case "day":
		r.add(d.Date, "", all)
	case "key":
		r.add(withMaster, "", all)
	case "model":
		r.models(d, all, func(p *spendPart) sums {
			k := p.Keys[""]
			return k.Metrics.sums()
		})
	}
}

// models adds the models of a day. What of the day has no model is a row too, such as calls that were refused.
func (r *spendReport) models(d *spendDay, all sums, of func(p *spendPart) sums) {
	for name, p := range d.Breakdown.Models {
		s := of(&p)
		r.add(name, "", s)
		all.add(&s, -1)
	}
	if all != (sums{}) {
		r.add(without, "", all)
	}
}

// entities adds teams, users or tags, and what belongs to none of them.
func (r *spendReport) entities(ctx context.Context, path, name string, ids []string) error {
	rest := r.total
	chunks := slices.Collect(slices.Chunk(ids, 100))
	if len(chunks) == 0 && name != "user_id" {
		chunks = [][]string{nil}
	}
	for _, chunk := range chunks {
		days, err := r.days(ctx, path, name, chunk)
		if err != nil {
			return err
		}
		for i := range days {
			for id, p := range days[i].Breakdown.Entities {
				s := p.Metrics.sums()
				r.add(id, "", s)
				rest.add(&s, -1)
			}
		}
	}
	if name == "tags" { // a call may have several tags
		return nil
	}
	if rest != (sums{}) {
		r.add(without, "", rest)
	}
	return nil
}

// users returns who has made calls, also users who have been deleted since.
func (r *spendReport) users(ctx context.Context) ([]string, error) {
	answer, err := r.m.get(ctx, "/spend/logs", url.Values{"start_date": {r.from}, "end_date": {r.to}, "summarize": {"true"}})
	if err != nil {
		return nil, err
	}
	var days []struct {
		Users map[string]float64 `json:"users"`
	}
	if err := jsonx.Unmarshal(answer, &days); err != nil {
		return nil, r.m.stranger()
	}
	ids := map[string]bool{}
	for _, d := range days {
		for id := range d.Users {
			ids[id] = true
		}
	}
	return slices.Sorted(maps.Keys(ids)), nil
}

// days reads all days of a report, for some ids or for all.
func (r *spendReport) days(ctx context.Context, path, name string, ids []string) ([]spendDay, error) {
	return activity[spendDay](ctx, r, path, name, ids)
}

// activity reads all days of a report in a form.
func activity[Day any](ctx context.Context, r *spendReport, path, name string, ids []string) ([]Day, error) {
	q := url.Values{"start_date": {r.from}, "end_date": {r.to}, "page_size": {"1000"}}
	if len(ids) > 0 {
		q.Set(name, strings.Join(ids, ","))
	}
	var all []Day
	for page := 1; ; page++ {
		q.Set("page", strconv.Itoa(page))
		answer, err := r.m.get(ctx, path, q)
		if err != nil {
			return nil, err
		}
		var part struct {
			Results  []Day `json:"results"`
			Metadata struct {
				More bool `json:"has_more"`
			} `json:"metadata"`
		}
		if err := jsonx.Unmarshal(answer, &part); err != nil {
			return nil, r.m.stranger()
		}
		all = append(all, part.Results...)
		if !part.Metadata.More {
			return all, nil
		}
	}
}

// sorted returns the rows: days in their order, the others with the dearest first.
func (r *spendReport) sorted(by string) []*spendRow {
	rows := slices.Collect(maps.Values(r.rows))
	slices.SortFunc(rows, func(a, b *spendRow) int {
		if by != "day" && a.cost != b.cost {
			return cmp.Compare(b.cost, a.cost)
		}
		return cmp.Compare(a.name, b.name)
	})
	return rows
}

// fields returns the names of a row's members, and members a row.
func (c *spendCommand) fields() []string {
	names := []string{c.By}
	if c.By == "key" {
		names = append(names, "alias")
	}
	return append(names, "spend", "requests", "failed", "prompt_tokens", "completion_tokens")
}

func (c *spendCommand) members(row *spendRow) []string {
	cells := []string{row.name}
	if c.By == "key" {
		cells = append(cells, row.detail)
	}
	return append(cells, row.cost.String(), number(row.calls), number(row.failures), number(row.input), number(row.output))
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// print prints the report in the form that the flags select.
func (c *spendCommand) print(con console, r *spendReport) error {
	rows := r.sorted(c.By)
	switch {
	case c.JSON:
		all := make([]object, len(rows))
		names := c.fields()
		for i, row := range rows {
			for n, text := range c.members(row) {
				if names[n] == c.By || names[n] == "alias" {
					all[i].put(names[n], text)
				} else {
					all[i].raw(names[n], jsonx.Raw(text))
				}
			}
		}
		return (&outputFlags{Fields: c.Fields}).printObjects(con, all)
	case c.CSV:
		w := csv.NewWriter(con.out)
		if err := w.Write(c.fields()); err != nil {
			return err
		}
		for _, row := range rows {
			cells := c.members(row)
			for i := range cells {
				cells[i] = inert(cells[i])
			}
			if err := w.Write(cells); err != nil {
				return err
			}
		}
		w.Flush()
		return w.Error()
	case len(rows) == 0 && r.total == (sums{}):
		fmt.Fprintf(con.err, "There were no calls from %s to %s (UTC).\n", r.from, r.to)
		return nil
	case len(rows) == 0:
		fmt.Fprintf(con.err, "No call from %s to %s (UTC) has a %s.\n", r.from, r.to, c.By)
		return nil
	}
	t := &table{columns: []column{
		{head: strings.ToUpper(c.By)},
		{head: "ALIAS", worth: 9},
		{head: "SPENT $", right: true},
		{head: "REQUESTS", worth: 8, right: true},
		{head: "FAILED", worth: 5, right: true},
		{head: "TOKENS IN", worth: 7, right: true},
		{head: "TOKENS OUT", worth: 6, right: true},
	}}
	if c.By != "key" {
		t.columns = slices.Delete(t.columns, 1, 2)
	}
	line := func(name, detail string, s *sums) {
		cells := []string{name}
		if c.By == "key" {
			cells = append(cells, detail)
		}
		t.add(append(cells, dollars(s.cost.USD()), number(s.calls), number(s.failures), number(s.input), number(s.output))...)
	}
	for _, row := range rows {
		name := row.name
		if c.By == "key" && name != withMaster {
			name = head(name)
		}
		line(name, row.detail, &row.sums)
	}
	if c.By != "tag" && len(rows) > 1 {
		line("total", "", &r.total)
	}
	t.show(con)
	return nil
}

// inert is a cell that spreadsheets do not take for a formula.
func inert(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
