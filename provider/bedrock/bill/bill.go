// Package bill reads what AWS has charged for Bedrock from its Cost and Usage Reports: CUR 2.0 of Data Exports and
// the older Cost and Usage Report, as CSV
// (https://docs.aws.amazon.com/bedrock/latest/userguide/cost-mgmt-understanding-cur-data.html).
package bill

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
)

// Tokens is a type of tokens that AWS charges for.
type Tokens string

// Types of tokens.
const (
	Input      Tokens = "input"
	Output     Tokens = "output"
	CacheRead  Tokens = "cache_read"
	CacheWrite Tokens = "cache_write"
)

// Sum is what AWS has charged for one type of tokens of a model on a day of UTC.
type Sum struct {
	Day string
	// Model is the base id, or AWS's own name if the catalogue has no model of this name, or several.
	Model string
	// Known is whether the catalogue has the model.
	Known  bool
	Type   Tokens
	Cost   llm.Cost
	Amount int64 // in tokens
	// Counted is whether the report says what a unit of the usage is.
	Counted bool
}

// Other are charges of Bedrock that are not for the tokens of a call, such as provisioned throughput, taxes and
// credits.
type Other struct {
	Day, Kind, Usage string
	Cost             llm.Cost
}

// Bill is what a report has of Bedrock.
type Bill struct {
	Sums   []Sum
	Others []Other
	// First and Last are the days of the report's Bedrock lines; empty if there are none.
	First, Last string
}

// The columns that are read, by their names in CUR 2.0. The older report has lineItem/UsageType for
// line_item_usage_type.
const (
	colStart    = "line_item_usage_start_date"
	colCost     = "line_item_unblended_cost"
	colUsage    = "line_item_usage_type"
	colAmount   = "line_item_usage_amount"
	colKind     = "line_item_line_item_type"
	colCode     = "line_item_product_code"
	colCurrency = "line_item_currency_code"
	colUnit     = "pricing_unit"
	colProduct  = "product" // CUR 2.0: a JSON object
	colName     = "product_product_name"
	colService  = "product_servicename"
)

// ErrParquet is returned for a report in a format that is not read.
var ErrParquet = errors.New("the report is in Apache Parquet")

// Read reads a report, which may be compressed by gzip.
func Read(r io.Reader, models *catalog.Catalogue) (*Bill, error) {
	in := bufio.NewReader(r)
	head, _ := in.Peek(4) // a shorter file has no such beginning
	switch {
	case bytes.Equal(head, []byte("PAR1")):
		return nil, ErrParquet
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, err
		}
		in = bufio.NewReader(z)
	}
	rows := csv.NewReader(in)
	rows.ReuseRecord = true
	header, err := rows.Read()
	if err != nil {
		return nil, fmt.Errorf("the report has no header: %w", err)
	}
	b := reading{columns: map[string]int{}, names: namesOf(models), sums: map[Sum]*total{}, others: map[Other]*big.Rat{}}
	for i, name := range header {
		b.columns[column(name)] = i
	}
	for _, name := range [...]string{colStart, colCost, colUsage, colAmount, colKind, colCode} {
		if _, ok := b.columns[name]; !ok {
			return nil, fmt.Errorf("the report has no column %s", name)
		}
	}
	for {
		if b.row, err = rows.Read(); errors.Is(err, io.EOF) {
			return b.bill(), nil
		}
		if err == nil {
			err = b.line()
		}
		if err != nil {
			line, _ := rows.FieldPos(0)
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
	}
}

// column is the name of a column in CUR 2.0: line_item_usage_type for lineItem/UsageType.
func column(name string) string {
	name = strings.TrimPrefix(name, "\ufeff")
	if !strings.Contains(name, "/") {
		return strings.ToLower(name)
	}
	var out []byte
	for i, c := range []byte(name) {
		switch {
		case c == '/':
			out = append(out, '_')
			continue
		case 'A' <= c && c <= 'Z':
			if i > 0 && name[i-1] != '/' {
				out = append(out, '_')
			}
			c += 'a' - 'A'
		}
		out = append(out, c)
	}
	return string(out)
}

// total is a sum in the making.
type total struct{ cost, amount big.Rat }

// reading is a report that is being read.
type reading struct {
	columns map[string]int
	row     []string
	names   map[string]string
	sums    map[Sum]*total
	others  map[Other]*big.Rat
	days    []string
}

func (b *reading) cell(name string) string {
	if i, ok := b.columns[name]; ok && i < len(b.row) {
		return b.row[i]
	}
	return ""
}

// edition is what AWS adds to the name of a model that it sells for another company through its marketplace.
const edition = "(Amazon Bedrock Edition)"

// line reads a line of the report.
func (b *reading) line() error {
	product := cmp.Or(b.cell(colName), b.cell(colService), b.product())
	if !strings.HasPrefix(b.cell(colCode), "AmazonBedrock") && !strings.Contains(product, edition) {
		return nil
	}
	day, _, _ := strings.Cut(strings.ReplaceAll(b.cell(colStart), "T", " "), " ")
	if _, err := time.Parse(time.DateOnly, day); err != nil {
		return fmt.Errorf("%s is %q, which does not begin with a date", colStart, b.cell(colStart))
	}
	if code := b.cell(colCurrency); code != "" && code != "USD" {
		return fmt.Errorf("%s is %s, and only USD can be compared", colCurrency, code)
	}
	cost, ok := new(big.Rat).SetString(cmp.Or(b.cell(colCost), "0"))
	if !ok {
		return fmt.Errorf("%s is %q, which is no number", colCost, b.cell(colCost))
	}
	b.days = append(b.days, day)
	if len(b.days) > 64 {
		b.days = []string{slices.Min(b.days), slices.Max(b.days)}
	}
	usage, kind := b.cell(colUsage), b.cell(colKind)
	name, tokens := parse(usage)
	if tokens == "" || kind != "Usage" && kind != "DiscountedUsage" {
		key := Other{Day: day, Kind: kind, Usage: usage}
		if b.others[key] == nil {
			b.others[key] = new(big.Rat)
		}
		b.others[key].Add(b.others[key], cost)
		return nil
	}
	if model, _, sold := strings.Cut(product, edition); sold {
		name = strings.TrimSpace(model)
	}
	key := Sum{Day: day, Model: name, Type: tokens}
	if base := b.model(name); base != "" {
		key.Model, key.Known = base, true
	}
	unit := units(b.cell(colUnit), usage)
	key.Counted = unit > 0
	t := b.sums[key]
	if t == nil {
		t = &total{}
		b.sums[key] = t
	}
	t.cost.Add(&t.cost, cost)
	if amount, ok := new(big.Rat).SetString(b.cell(colAmount)); ok {
		t.amount.Add(&t.amount, amount.Mul(amount, new(big.Rat).SetInt64(unit)))
	}
	return nil
}

// product is the product's name in CUR 2.0.
func (b *reading) product() string {
	text := b.cell(colProduct)
	if text == "" {
		return ""
	}
	var p struct {
		Name    string `json:"product_name"`
		Service string `json:"servicename"`
	}
	if jsonx.Unmarshal([]byte(text), &p) != nil {
		return ""
	}
	return cmp.Or(p.Name, p.Service)
}

// units is how many tokens a unit of usage has; 0 if unknown. The marketplace's units are a million tokens: the price
// list has their prices so.
func units(unit, usage string) int64 {
	switch strings.ToLower(strings.TrimSpace(unit)) {
	case "1k tokens", "1k token":
		return 1000
	case "1m tokens", "1m token":
		return 1_000_000
	case "tokens", "token":
		return 1
	case "units", "unit", "":
		if strings.Contains(usage, "MP:") {
			return 1_000_000
		}
	}
	return 0
}

// bill returns what was read, in order.
func (b *reading) bill() *Bill {
	out := &Bill{}
	for s, t := range b.sums {
		s.Cost, s.Amount = cost(&t.cost), round(&t.amount)
		out.Sums = append(out.Sums, s)
	}
	for o, c := range b.others {
		o.Cost = cost(c)
		out.Others = append(out.Others, o)
	}
	slices.SortFunc(out.Sums, func(a, b Sum) int {
		return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Model, b.Model), cmp.Compare(a.Type, b.Type))
	})
	slices.SortFunc(out.Others, func(a, b Other) int {
		return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Usage, b.Usage))
	})
	if len(b.days) > 0 {
		out.First, out.Last = slices.Min(b.days), slices.Max(b.days)
	}
	return out
}

// cost is an amount of dollars.
func cost(usd *big.Rat) llm.Cost {
	return llm.Cost(round(new(big.Rat).Mul(usd, big.NewRat(1e12, 1))))
}

// round is the nearest whole number.
func round(r *big.Rat) int64 {
	f, _ := new(big.Float).SetRat(r).Int64()
	rest := new(big.Rat).Sub(r, new(big.Rat).SetInt64(f))
	switch {
	case rest.Cmp(big.NewRat(1, 2)) >= 0:
		f++
	case rest.Cmp(big.NewRat(-1, 2)) <= 0:
		f--
	}
	return f
}
