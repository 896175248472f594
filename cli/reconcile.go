package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/bill"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/modelid"
)

// spendCommands are what calls have cost, and the comparison with what AWS says.
type spendCommands struct {
	Show      spendCommand     `cmd:"" default:"withargs" help:"Show what calls have cost by day, key, team, user, model or tag (the default)."`
	Reconcile reconcileCommand `cmd:"" help:"Compare what calls have cost with AWS's Cost and Usage Report."`
}

type reconcileCommand struct {
	adminFlags
	File      string  `arg:"" name:"file" help:"The report: CUR 2.0 or the older form, as CSV, also compressed by gzip."`
	Tolerance float64 `name:"tolerance" default:"1" placeholder:"PERCENT" help:"The difference of the totals, in percent of AWS's, from which on the exit code is 1."`
	JSON      bool    `name:"json" help:"Print JSON."`
}

// errDiffers is returned if AWS's total differs from the gateway's by more than is tolerated, after both were printed.
var errDiffers = errors.New("the figures differ from AWS's")

// Run compares.
func (c *reconcileCommand) Run(ctx context.Context, con console) error {
	if c.Tolerance < 0 || math.IsNaN(c.Tolerance) {
		return &usageError{"--tolerance must be a percentage from 0, not " + strconv.FormatFloat(c.Tolerance, 'g', -1, 64), "An example is --tolerance 2.5."}
	}
	models := catalog.Embedded()
	theirs, err := c.read(models)
	if err != nil {
		return err
	}
	if theirs.First == "" {
		return &hinted{c.File + " has no lines of Amazon Bedrock", "Export the report of the account and the month whose calls the gateway has made."}
	}
	return c.with(ctx, con, func(m *manager) error {
		all := comparison{models: models, from: theirs.First, to: theirs.Last, rows: map[compared]*pair{}}
		all.add(theirs)
		if err := all.ask(ctx, m); err != nil {
			return err
		}
		return c.print(con, &all)
	})
}

func (c *reconcileCommand) read(models *catalog.Catalogue) (*bill.Bill, error) {
	f, err := os.Open(c.File)
	if err != nil {
		return nil, &usageError{err.Error(), "Check the file name, and the folder that the command runs in."}
	}
	defer f.Close()
	b, err := bill.Read(f, models)
	switch {
	case errors.Is(err, bill.ErrParquet):
		return nil, &hinted{c.File + ": " + err.Error(), "Set the export to text/csv with gzip, or convert the file to CSV."}
	case err != nil:
		return nil, &hinted{c.File + ": " + err.Error(), "It must be a Cost and Usage Report of AWS as CSV, with the columns line_item_*, or lineItem/* in its older form."}
	}
	return b, nil
}

// compared is what is compared: a model on a day.
type compared struct{ day, model string }

// pair is what both sides say of it.
type pair struct {
	aws, own     side
	uncounted    bool // AWS's report does not say how many tokens they are
	inAWS, inOwn bool
}

// side is what one side says: the cost, and the tokens by their type.
type side struct {
	cost   llm.Cost
	tokens [4]int64
}

// types are the types of tokens, in the order of side.tokens.
func types() [4]bill.Tokens {
	return [4]bill.Tokens{bill.Input, bill.Output, bill.CacheRead, bill.CacheWrite}
}

// comparison is what AWS and the gateway say.
type comparison struct {
	models   *catalog.Catalogue
	from, to string
	rows     map[compared]*pair
	others   []bill.Other
	foreign  map[string]llm.Cost // of models that are not known to be on Bedrock
}

func (all *comparison) row(day, model string) *pair {
	key := compared{day, model}
	p := all.rows[key]
	if p == nil {
		p = &pair{}
		all.rows[key] = p
	}
	return p
}

// add adds AWS's figures.
func (all *comparison) add(b *bill.Bill) {
	all.others = b.Others
	kinds := types()
	for i := range b.Sums {
		s := &b.Sums[i]
		p := all.row(s.Day, s.Model)
		p.inAWS = true
		p.aws.cost += s.Cost
		p.aws.tokens[slices.Index(kinds[:], s.Type)] += s.Amount
		p.uncounted = p.uncounted || !s.Counted
	}
}

// ownMetrics are the API's sums with the tokens of the cache.
type ownMetrics struct {
	metrics
	CacheRead  int64 `json:"cache_read_input_tokens"`
	CacheWrite int64 `json:"cache_creation_input_tokens"`
}

// ownPart is what a model has used on a day, and of it what each key has.
type ownPart struct {
	Metrics ownMetrics `json:"metrics"`
	Keys    map[string]struct {
		Metrics ownMetrics `json:"metrics"`
	} `json:"api_key_breakdown"`
}

// ownDay is a day of the API's report.
type ownDay struct {
	Date      string `json:"date"`
	Breakdown struct {
		Models map[string]ownPart `json:"models"`
	} `json:"breakdown"`
}

// ask adds the gateway's figures: the calls with keys, and those with the master key, which have no key.
func (all *comparison) ask(ctx context.Context, m *manager) error {
	all.foreign = map[string]llm.Cost{}
	r := spendReport{m: m, from: all.from, to: all.to}
	days, err := activity[ownDay](ctx, &r, "/user/daily/activity", "", nil)
	if err != nil {
		return err
	}
	for _, d := range days {
		for model, p := range d.Breakdown.Models {
			all.own(d.Date, model, &p.Metrics)
		}
	}
	if days, err = activity[ownDay](ctx, &r, "/user/daily/activity", "user_id", []string{masterUser}); err != nil {
		return err
	}
	for _, d := range days {
		for model, p := range d.Breakdown.Models {
			if k, ok := p.Keys[""]; ok {
				all.own(d.Date, model, &k.Metrics)
			}
		}
	}
	return nil
}

// own adds what a model has used on a day.
func (all *comparison) own(day, model string, m *ownMetrics) {
	s := m.sums()
	if s.cost == 0 && m.Input+m.Output == 0 { // it was refused
		return
	}
	base := model
	if id, err := modelid.Parse(model); err == nil {
		base = id.Base()
	}
	if _, ok := all.models.Model(base); !ok {
		all.foreign[model] += s.cost
		return
	}
	p := all.row(day, base)
	p.inOwn = true
	p.own.cost += s.cost
	for i, n := range [...]int64{m.Input - m.CacheRead - m.CacheWrite, m.Output, m.CacheRead, m.CacheWrite} {
		p.own.tokens[i] += n
	}
}

// percent is how much more AWS says, in percent of what it says; false if it says nothing.
func percent(aws, own llm.Cost) (float64, bool) {
	switch aws {
	case own:
		return 0, true
	case 0:
		return 0, false
	}
	return 100 * float64(aws-own) / float64(aws), true
}

func (c *reconcileCommand) print(con console, all *comparison) error {
	keys := slices.SortedFunc(maps.Keys(all.rows), func(a, b compared) int {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.model, b.model))
	})
	var total pair
	for _, p := range all.rows {
		total.aws.cost += p.aws.cost
		total.own.cost += p.own.cost
	}
	share, ok := percent(total.aws.cost, total.own.cost)
	differs := !ok || math.Abs(share) > c.Tolerance
	if c.JSON {
		if err := c.printJSON(con, all, keys, &total, differs); err != nil {
			return err
		}
	} else {
		c.printTable(con, all, keys, &total)
	}
	if differs {
		return errDiffers
	}
	return nil
}

// shown is a share as a text.
func shown(share float64, ok bool) string {
	if !ok {
		return "-"
	}
	return strconv.FormatFloat(share, 'f', 2, 64)
}

// only says which side alone has a row; empty if both have it.
func (p *pair) only() string {
	switch {
	case !p.inOwn && p.inAWS:
		return "AWS"
	case !p.inAWS && p.inOwn:
		return "Outcrop"
	}
	return ""
}

// printTable prints the costs, the tokens of which the sides say different numbers, and what is not compared.
func (c *reconcileCommand) printTable(con console, all *comparison, keys []compared, total *pair) {
	costs := &table{columns: []column{{head: "DAY"}, {head: "MODEL"}, {head: "AWS $", right: true}, {head: "OUTCROP $", right: true}, {head: "DIFFERENCE $", right: true}, {head: "%", right: true}, {head: "ONLY"}}}
	tokens := &table{columns: []column{{head: "DAY"}, {head: "MODEL"}, {head: "TOKENS"}, {head: "AWS", right: true}, {head: "OUTCROP", right: true}, {head: "DIFFERENCE", right: true}}}
	kinds := types()
	line := func(day, model string, p *pair) {
		costs.add(day, model, dollars(p.aws.cost.USD()), dollars(p.own.cost.USD()), dollars((p.aws.cost - p.own.cost).USD()), shown(percent(p.aws.cost, p.own.cost)), cmp.Or(p.only(), "-"))
	}
	for _, k := range keys {
		p := all.rows[k]
		line(k.day, k.model, p)
		for i, kind := range kinds {
			if a, o := p.aws.tokens[i], p.own.tokens[i]; a != o && !p.uncounted {
				tokens.add(k.day, k.model, string(kind), number(a), number(o), number(a-o))
			}
		}
	}
	line("total", "-", total)
	costs.show(con)
	if len(tokens.rows) > 0 {
		fmt.Fprintln(con.out, "\nTokens of which AWS and the gateway have different numbers:")
		tokens.show(con)
	}
	if len(all.others) > 0 {
		fmt.Fprintln(con.out, "\nLines of Bedrock that are not for the tokens of calls, and not in the total:")
		t := &table{columns: []column{{head: "DAY"}, {head: "KIND"}, {head: "USAGE"}, {head: "AWS $", right: true}}}
		for _, o := range all.others {
			t.add(o.Day, o.Kind, o.Usage, dollars(o.Cost.USD()))
		}
		t.show(con)
	}
	if len(all.foreign) > 0 {
		fmt.Fprintln(con.out, "\nModels of the gateway that are not known to be on Bedrock, and not in the total:")
		t := &table{columns: []column{{head: "MODEL"}, {head: "OUTCROP $", right: true}}}
		for _, model := range slices.Sorted(maps.Keys(all.foreign)) {
			t.add(model, dollars(all.foreign[model].USD()))
		}
		t.show(con)
	}
}

// printJSON prints one object.
func (c *reconcileCommand) printJSON(con console, all *comparison, keys []compared, total *pair, differs bool) error {
	var rows, others, foreign []jsonx.Raw
	kinds := types()
	for _, k := range keys {
		p := all.rows[k]
		var o, tokens object
		o.put("day", k.day)
		o.put("model", k.model)
		p.put(&o)
		for i, kind := range kinds {
			var both object
			if p.uncounted {
				both.raw("aws", jsonx.Raw("null"))
			} else {
				both.raw("aws", jsonx.Raw(number(p.aws.tokens[i])))
			}
			both.raw("outcrop", jsonx.Raw(number(p.own.tokens[i])))
			tokens.raw(string(kind), both.bytes())
		}
		o.raw("tokens", tokens.bytes())
		rows = append(rows, o.bytes())
	}
	for i := range all.others {
		var o object
		o.put("day", all.others[i].Day)
		o.put("kind", all.others[i].Kind)
		o.put("usage", all.others[i].Usage)
		o.raw("aws", jsonx.Raw(all.others[i].Cost.String()))
		others = append(others, o.bytes())
	}
	for _, model := range slices.Sorted(maps.Keys(all.foreign)) {
		var o object
		o.put("model", model)
		o.raw("outcrop", jsonx.Raw(all.foreign[model].String()))
		foreign = append(foreign, o.bytes())
	}
	var sum, out object
	total.put(&sum)
	out.put("from", all.from)
	out.put("to", all.to)
	out.raw("within_tolerance", jsonx.Raw(strconv.FormatBool(!differs)))
	out.raw("total", sum.bytes())
	out.raw("rows", jsonx.Array(rows))
	out.raw("other_lines", jsonx.Array(others))
	out.raw("other_models", jsonx.Array(foreign))
	_, err := fmt.Fprintln(con.out, string(out.bytes()))
	return err
}

// put adds the costs of a pair to an object.
func (p *pair) put(o *object) {
	o.raw("aws", jsonx.Raw(p.aws.cost.String()))
	o.raw("outcrop", jsonx.Raw(p.own.cost.String()))
	o.raw("difference", jsonx.Raw((p.aws.cost - p.own.cost).String()))
	if share, ok := percent(p.aws.cost, p.own.cost); ok {
		o.raw("percent", jsonx.Raw(strconv.FormatFloat(share, 'f', 4, 64)))
	} else {
		o.raw("percent", jsonx.Raw("null"))
	}
	if side := p.only(); side != "" {
		o.put("only", side)
	}
}
