package catalog

import (
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestBillsAgreeWithThePublicTables works every bill out again from the tables as
// their publishers write them, and looks for the table that proves it.
func TestBillsAgreeWithThePublicTables(t *testing.T) {
	tables := publicTables(t, sharedData(t))
	for _, b := range bills() {
		t.Run(b.model+" in "+b.region, func(t *testing.T) {
			said := b.quotes(tables)
			if len(said) == 0 {
				t.Fatal("no table has it")
			}
			newest, rates, hour := &said[0], said[0].rates, said[0].by
			if b.tokens[4] > 0 && rates[4] == nil {
				rates[4], hour = newest.forAnHour(said[1:])
			}
			if table, other := b.sources(); newest.by != table || b.tokens[4] > 0 && hour != other {
				t.Errorf("proved by %s, and a write for an hour by %s; want %s", newest.by, hour, b.from)
			}
			if got := b.cost(t, &rates); !near(got, decimal(t, b.usd)) {
				t.Errorf("costs %s USD by %s, want %s", got.FloatString(12), newest.by, b.usd)
			}
			disputed := false
			for i := range said[1:] {
				older := &said[1:][i]
				if newest.agrees(older, &b.tokens) {
					continue
				}
				disputed = true
				if !strings.Contains(b.why, older.by) {
					t.Errorf("%s says otherwise, of which %q does not speak", older.by, b.why)
				}
			}
			if !disputed && b.why != "" {
				t.Errorf("no table says otherwise, but the bill says that %s", b.why)
			}
		})
	}
}

// publicTable is one of the price tables.
type publicTable struct {
	key    string // as in sources.json
	quotes map[place]quote
}

// place is what a table has prices for: an id as it writes it, and a region, or
// none for everywhere.
type place struct {
	id, region string
	tier       Tier
}

// quote is what a table says. Prompts of more than above tokens have the rates
// long, if above is not 0.
type quote struct {
	by          string // the key of the table
	rates, long perMillion
	above       int64
}

// perMillion are rates in USD for a million tokens, in the order of tokens; nil
// where a table has none.
type perMillion = [5]*big.Rat

// quotes gives the rates for a call by each table that has any, the newest first:
// of those for the region itself if there are some, else of those for everywhere.
func (b *bill) quotes(tables []publicTable) []quote {
	var said []quote
	for _, region := range []string{b.region, ""} {
		for _, table := range tables {
			q, ok := table.quotes[place{b.model, region, b.tier}]
			if !ok {
				continue
			}
			if q.above > 0 && b.tokens.prompt() > q.above {
				q.rates = q.long
			}
			q.by = table.key
			said = append(said, q)
		}
		if len(said) > 0 {
			return said
		}
	}
	return nil
}

// agrees reports whether another table has the same rates for what is used, as far
// as both have them.
func (q *quote) agrees(other *quote, used *tokens) bool {
	for i, n := range used {
		if a, b := q.rates[i], other.rates[i]; n > 0 && a != nil && b != nil && a.Cmp(b) != 0 {
			return false
		}
	}
	return true
}

// forAnHour gives the rate of a write for an hour where the table has none: that
// of the newest one that agrees with it on all else, or twice the rate of input,
// which is the rule of Claude's maker.
func (q *quote) forAnHour(older []quote) (rate *big.Rat, by string) {
	for i := range older {
		if o := &older[i]; o.rates[4] != nil && q.agrees(o, &tokens{1, 1, 1, 1, 0}) {
			return o.rates[4], o.by
		}
	}
	return new(big.Rat).Mul(q.rates[0], big.NewRat(2, 1)), "anthropic-prices"
}

// publicTables reads all tables, the newest first. Portkey's two are of one day;
// that of bedrock-runtime goes first.
func publicTables(t *testing.T, dir string) []publicTable {
	t.Helper()
	return []publicTable{
		{"pi-ai", piAIQuotes(t, filepath.Join(dir, "models-pi-ai-2026-11-10.json"))},
		{"catwalk", catwalkQuotes(t, filepath.Join(dir, "models-catwalk-0.52.86.json"))},
		{"portkey-pricing", portkeyQuotes(t, filepath.Join(dir, "portkey-pricing-bedrock-2026-08-21.json"))},
		{"portkey-pricing-mantle", portkeyQuotes(t, filepath.Join(dir, "portkey-pricing-bedrock-mantle-2026-08-21.json"))},
		{"models.dev", modelsDevQuotes(t, filepath.Join(dir, "models-modelsdev-2026-07-02.json"))},
	}
}

func readTable(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", filepath.Base(file), err)
	}
}

// rates reads the prices of a table, of which scale makes USD for a million
// tokens. One of 0 for the cache means that there is none.
func rates(t *testing.T, scale int64, numbers ...json.Number) (r perMillion) {
	t.Helper()
	for i, n := range numbers {
		if price := decimal(t, n.String()); price != nil && (i < 2 || price.Sign() > 0) {
			r[i] = price.Mul(price, big.NewRat(scale, 1))
		}
	}
	return r
}

// piAIQuotes reads USD for a million tokens.
func piAIQuotes(t *testing.T, file string) map[place]quote {
	t.Helper()
	type cost struct {
		Input, Output, CacheRead, CacheWrite json.Number
		InputTokensAbove                     int64
	}
	var table struct {
		Rows map[string]struct {
			ID   string
			Cost struct {
				cost
				Tiers []cost
			}
		} `json:"bedrock-converse-stream"`
	}
	readTable(t, file, &table)
	quotes := map[place]quote{}
	for _, row := range table.Rows {
		c := &row.Cost
		q := quote{rates: rates(t, 1, c.Input, c.Output, c.CacheRead, c.CacheWrite)}
		for _, l := range c.Tiers {
			q.long, q.above = rates(t, 1, l.Input, l.Output, l.CacheRead, l.CacheWrite), l.InputTokensAbove
		}
		quotes[place{row.ID, "", Standard}] = q
	}
	return quotes
}

// catwalkQuotes reads USD for a million tokens. The table calls the price of
// writing the cache that of cached input, and the price of reading it that of
// cached output.
func catwalkQuotes(t *testing.T, file string) map[place]quote {
	t.Helper()
	var table map[string]struct {
		Models []struct {
			ID    string
			In    json.Number `json:"cost_per_1m_in"`
			Out   json.Number `json:"cost_per_1m_out"`
			Write json.Number `json:"cost_per_1m_in_cached"`
			Read  json.Number `json:"cost_per_1m_out_cached"`
		}
	}
	readTable(t, file, &table)
	quotes := map[place]quote{}
	for _, provider := range table {
		for _, m := range provider.Models {
			quotes[place{m.ID, "", Standard}] = quote{rates: rates(t, 1, m.In, m.Out, m.Read, m.Write)}
		}
	}
	return quotes
}

// modelsDevQuotes reads USD for a million tokens.
func modelsDevQuotes(t *testing.T, file string) map[place]quote {
	t.Helper()
	var table struct {
		Models map[string]struct {
			Cost struct {
				Input, Output json.Number
				Read          json.Number `json:"cache_read"`
				Write         json.Number `json:"cache_write"`
			}
		}
	}
	readTable(t, file, &table)
	quotes := map[place]quote{}
	for id, m := range table.Models {
		if c := &m.Cost; c.Input != "" {
			quotes[place{id, "", Standard}] = quote{rates: rates(t, 1, c.Input, c.Output, c.Read, c.Write)}
		}
	}
	return quotes
}

type portkeyPrice struct{ Price json.Number }

type portkeyRates struct {
	Request    portkeyPrice `json:"request_token"`
	Response   portkeyPrice `json:"response_token"`
	Read       portkeyPrice `json:"cache_read_input_token"`
	Write      portkeyPrice `json:"cache_write_input_token"`
	Additional struct {
		Hour portkeyPrice `json:"cache_write_1h"`
	} `json:"additional_units"`
}

// perMillion reads cents for a token, of which 1 is 10⁴ USD for a million.
func (p *portkeyRates) perMillion(t *testing.T) perMillion {
	t.Helper()
	return rates(t, 10_000, p.Request.Price, p.Response.Price, p.Read.Price, p.Write.Price, p.Additional.Hour.Price)
}

type portkeyConfig struct {
	Config struct {
		Rates portkeyRates  `json:"pay_as_you_go"`
		Batch *portkeyRates `json:"batch_config"`
	} `json:"pricing_config"`
	// Lengths has other prices by the names of lengths of prompts.
	Lengths map[string]portkeyConfig `json:"context_tiers"`
}

// quote reads the rates of a tier. The names are those of prompts of more than so
// many tokens.
func (c *portkeyConfig) quote(t *testing.T, names map[string]string) quote {
	t.Helper()
	q := quote{rates: c.Config.Rates.perMillion(t)}
	for above, name := range names {
		n, err := strconv.ParseInt(above, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		prompts := c.Lengths[name]
		if r := prompts.Config.Rates.perMillion(t); n > 0 {
			q.long, q.above = r, n
		} else {
			q.rates = r
		}
	}
	return q
}

// portkeyQuotes reads cents for a token, by tier and region.
func portkeyQuotes(t *testing.T, file string) map[place]quote {
	t.Helper()
	var table map[string]struct {
		portkeyConfig
		Custom struct {
			Lengths map[string]string `json:"context_tier_map"`
			Regions map[string]struct {
				Modes map[string]portkeyConfig `json:"execution_modes"`
			}
		} `json:"custom_pricing"`
	}
	readTable(t, file, &table)
	tiers := map[string]Tier{"standard": Standard, "flex": Flex, "priority": Priority, "batch": Batch}
	quotes := map[place]quote{}
	for id, row := range table {
		quotes[place{id, "", Standard}] = quote{rates: row.Config.Rates.perMillion(t)}
		if row.Config.Batch != nil {
			quotes[place{id, "", Batch}] = quote{rates: row.Config.Batch.perMillion(t)}
		}
		for names, there := range row.Custom.Regions {
			for name, mode := range there.Modes {
				tier, ok := tiers[name]
				if !ok {
					t.Fatalf("%s: there is no tier %q", id, name)
				}
				q := mode.quote(t, row.Custom.Lengths)
				for region := range strings.SplitSeq(names, ",") {
					quotes[place{id, strings.TrimSuffix(region, "default"), tier}] = q
				}
			}
		}
	}
	return quotes
}
