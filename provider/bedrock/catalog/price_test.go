package catalog

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"outcrop/llm"
)

// usdPerMillion is a rate as price lists write it, in USD for a million tokens.
func usdPerMillion(r Rate) float64 { return float64(r) / 1e6 }

// TestCosts works prices out by hand: USD for a million tokens, from the lists
// that the catalogue names as its sources.
func TestCosts(t *testing.T) {
	c := Embedded()
	usage := func(in, out, read, write, hour int64) llm.Usage {
		u := llm.Usage{Input: in, Output: out}
		if read > 0 {
			u.CacheRead = llm.Some(read)
		}
		if write+hour > 0 {
			u.CacheWrite = llm.Some(write + hour)
			u.CacheWrites = []llm.CacheWrite{{TTL: "1h", Tokens: hour}, {TTL: "5m", Tokens: write}}
		}
		return u
	}
	for _, tt := range []struct {
		what           string
		base           string
		prefix, region string
		tier           Tier
		usage          llm.Usage
		want           float64 // USD; below 0 if the cost is unknown
	}{
		{"by the bare id", "amazon.nova-pro-v1:0", "", "us-east-1", Standard, usage(1000, 500, 0, 0, 0), (1000*0.8 + 500*3.2) / 1e6},
		{"in a region with a price of its own", "amazon.nova-pro-v1:0", "", "eu-central-1", Standard, usage(1000, 500, 0, 0, 0), (1000*1.05 + 500*4.2) / 1e6},
		{"in one of several with one price", "openai.gpt-oss-120b-1:0", "", "sa-east-1", Standard, usage(1000, 500, 0, 0, 0), (1000*0.18 + 500*0.73) / 1e6},
		{"through a geography", "anthropic.claude-sonnet-4-5-20250929-v1:0", "us", "us-east-1", Standard, usage(1000, 500, 0, 0, 0), (1000*3.3 + 500*16.5) / 1e6},
		{"through the world", "anthropic.claude-sonnet-4-5-20250929-v1:0", "global", "us-east-1", Standard, usage(1000, 500, 0, 0, 0), (1000*3 + 500*15) / 1e6},
		{"in the government's regions", "anthropic.claude-sonnet-4-5-20250929-v1:0", "us-gov", "us-gov-west-1", Standard, usage(1000, 500, 0, 0, 0), (1000*3.6 + 500*18) / 1e6},
		{"with the cache", "anthropic.claude-opus-4-7", "global", "eu-west-1", Standard, usage(100, 50, 20_000, 3000, 0), (100*5 + 50*25 + 20_000*0.5 + 3000*6.25) / 1e6},
		{"with the cache for an hour", "anthropic.claude-opus-4-7", "global", "eu-west-1", Standard, usage(100, 50, 0, 3000, 7000), (100*5 + 50*25 + 3000*6.25 + 7000*10.0) / 1e6},
		{"with the cache for an hour, by the maker's rule", "anthropic.claude-opus-5-5", "eu", "eu-west-1", Standard, usage(0, 0, 0, 0, 1000), 1000 * 8.8 / 1e6},
		{"a batch", "amazon.nova-pro-v1:0", "", "us-east-1", Batch, usage(1_000_000, 1000, 0, 0, 0), 0.4 + 1000*1.6/1e6},
		{"flex", "qwen.qwen3-32b-v1:0", "", "us-east-1", Flex, usage(1000, 1000, 0, 0, 0), (1000*0.075 + 1000*0.3) / 1e6},
		{"priority, in a region", "qwen.qwen3-32b-v1:0", "", "ap-southeast-2", Priority, usage(1000, 1000, 0, 0, 0), (1000*0.2704 + 1000*1.0815) / 1e6},
		{"a prompt that is just not long", "openai.gpt-5.6-sol", "us", "us-east-1", Standard, usage(270_000, 10, 2000, 0, 0), (270_000*4.4 + 10*22 + 2000*0.44) / 1e6},
		{"a long prompt costs more for every token", "openai.gpt-5.6-sol", "us", "us-east-1", Standard, usage(270_001, 10, 2000, 0, 0), (270_001*8.8 + 10*33 + 2000*0.88) / 1e6},
		{"an embedding", "amazon.titan-embed-text-v2:0", "", "us-east-1", Standard, usage(1000, 0, 0, 0, 0), 1000 * 0.02 / 1e6},
		{"a tier that no list has", "anthropic.claude-opus-5-5", "us", "us-east-1", Flex, usage(1, 1, 0, 0, 0), -1},
		{"a cache that no list prices", "qwen.qwen3-32b-v1:0", "", "us-east-1", Standard, usage(1, 1, 1, 0, 0), -1},
		{"a long prompt on a tier of which nobody says", "openai.gpt-5.6-sol", "us", "us-east-1", Batch, usage(300_000, 1, 0, 0, 0), -1},
	} {
		t.Run(tt.what, func(t *testing.T) {
			m, ok := c.Model(tt.base)
			if !ok {
				t.Fatalf("no model %s", tt.base)
			}
			p, exact := m.Price(tt.prefix, tt.region)
			if p == nil || !exact {
				t.Fatalf("no exact price: %+v", p)
			}
			got, ok := p.Cost(tt.tier, &tt.usage)
			switch {
			case tt.want < 0 && ok:
				t.Errorf("costs %g USD, want it unknown", got.USD())
			case tt.want >= 0 && (!ok || math.Abs(got.USD()-tt.want) > 1e-12):
				t.Errorf("costs %.12f USD, %t; want %.12f", got.USD(), ok, tt.want)
			}
		})
	}
}

func TestAPriceThatStandsIn(t *testing.T) {
	c := Embedded()
	m, _ := c.Model("anthropic.claude-3-7-sonnet-20250219-v1:0")
	p, exact := m.Price("us", "us-east-1")
	if p == nil || exact || usdPerMillion(p.Standard.Input.Value) != 3 {
		t.Errorf("the price of a profile that has none of its own is that of the model, and said to be so: got %+v, %t", p, exact)
	}
	// Reading the cache costs less than writing it, in whichever column the list has it.
	if usdPerMillion(p.Standard.CacheRead.Value) != 0.3 || usdPerMillion(p.Standard.CacheWrite.Value) != 3.75 {
		t.Errorf("the cache: got %+v", p.Standard)
	}
	if fresh := c.With(virginia()); fresh != nil {
		m, _ := fresh.Model("anthropic.claude-opus-9")
		if p, _ := m.Price("us", "us-east-1"); p != nil {
			t.Errorf("a model without a price costs %+v", p)
		}
	}
	image, _ := c.Model("stability.stable-image-core-v1:1")
	if p, _ := image.Price("", "us-west-2"); p == nil || p.Image.Value.USD() != 0.04 {
		t.Errorf("an image costs %+v", p)
	}
	rerank, _ := c.Model("cohere.rerank-v3-5:0")
	if p, _ := rerank.Price("", "us-west-2"); p == nil || p.Query.Value.USD() != 0.002 || p.Standard.Known() {
		t.Errorf("a query costs %+v", p)
	}
}

func TestTiersByTheirWords(t *testing.T) {
	for word, want := range map[string]Tier{"": Standard, "default": Standard, "flex": Flex, "priority": Priority} {
		if got, ok := TierOf(word); got != want || !ok {
			t.Errorf("TierOf(%q) = %d, %t", word, got, ok)
		}
	}
	if _, ok := TierOf("reserved"); ok {
		t.Error("capacity that is paid by the month has a price by token")
	}
}

// TestAPriceIsOfItsPartition: the price that is a list's for every region is that of
// the commercial ones.
func TestAPriceIsOfItsPartition(t *testing.T) {
	c := Embedded()
	for _, tt := range []struct {
		base, prefix, region string
		input                float64
		exact                bool
	}{
		{"anthropic.claude-sonnet-5", "", "us-east-1", 2, true},
		{"anthropic.claude-sonnet-5", "", "", 2, true},
		{"anthropic.claude-sonnet-5", "", "us-gov-west-1", 2, false},
		{"anthropic.claude-sonnet-5", "us-gov", "us-gov-west-1", 2.4, true},
		{"anthropic.claude-sonnet-5", "", "cn-north-1", 2, false},
		{"anthropic.claude-sonnet-5", "", "eusc-de-east-1", 2, false},
		{"amazon.nova-pro-v1:0", "", "us-gov-west-1", 0.96, true},
		{"amazon.nova-pro-v1:0", "", "us-gov-east-1", 0.8, false},
		{"openai.gpt-oss-20b-1:0", "", "us-gov-east-1", 0.084, true},
	} {
		m, ok := c.Model(tt.base)
		if !ok {
			t.Fatalf("no model %s", tt.base)
		}
		p, exact := m.Price(tt.prefix, tt.region)
		if p == nil || exact != tt.exact || usdPerMillion(p.Standard.Input.Value) != tt.input {
			t.Errorf("%s by %q in %q: got %+v, exact %t; want %g for input, exact %t", tt.base, tt.prefix, tt.region, p, exact, tt.input, tt.exact)
		}
	}
}

// TestPricesAgreeWithTheNewestTable holds every price of the newest table against
// the catalogue, read with another JSON library and in other units.
func TestPricesAgreeWithTheNewestTable(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(sharedData(t), "models-pi-ai-2026-11-10.json"))
	if err != nil {
		t.Fatal(err)
	}
	type cost struct{ Input, Output, CacheRead, CacheWrite, InputTokensAbove float64 }
	var table struct {
		Rows map[string]struct {
			ID   string
			Cost struct {
				cost
				Tiers []cost
			}
		} `json:"bedrock-converse-stream"`
	}
	if err := json.Unmarshal(data, &table); err != nil {
		t.Fatal(err)
	}
	c := Embedded()
	near := func(t *testing.T, what string, got llm.Opt[Rate], want float64) {
		t.Helper()
		if got.Set != (want != 0) || math.Abs(usdPerMillion(got.Value)-want) > 1e-6 {
			t.Errorf("%s: %+v, want %g", what, got, want)
		}
	}
	for _, row := range table.Rows {
		m, prefix := modelOf(c, row.ID)
		if m == nil {
			t.Errorf("%s is not in the catalogue", row.ID)
			continue
		}
		p, exact := m.Price(prefix, "")
		if !exact {
			t.Errorf("%s has no price of its own", row.ID)
			continue
		}
		near(t, row.ID+" input", p.Standard.Input, row.Cost.Input)
		near(t, row.ID+" output", p.Standard.Output, row.Cost.Output)
		near(t, row.ID+" cache read", p.Standard.CacheRead, row.Cost.CacheRead)
		near(t, row.ID+" cache write", p.Standard.CacheWrite, row.Cost.CacheWrite)
		for _, long := range row.Cost.Tiers {
			if float64(p.LongAbove) != long.InputTokensAbove {
				t.Errorf("%s: long is above %d, want %g", row.ID, p.LongAbove, long.InputTokensAbove)
			}
			near(t, row.ID+" long input", p.Long.Input, long.Input)
			near(t, row.ID+" long output", p.Long.Output, long.Output)
			near(t, row.ID+" long cache read", p.Long.CacheRead, long.CacheRead)
			near(t, row.ID+" long cache write", p.Long.CacheWrite, long.CacheWrite)
		}
	}
}

// TestPricesAgreeWithTheTableOfTiers does the same for tiers and regions, which
// the other table has in cents for a token. Where the catalogue has another
// standard price than that table, the table's tiers are of that other price, and
// the catalogue has none.
func TestPricesAgreeWithTheTableOfTiers(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(sharedData(t), "portkey-pricing-bedrock-2026-08-21.json"))
	if err != nil {
		t.Fatal(err)
	}
	type price struct{ Price float64 }
	type rates struct {
		Request  price `json:"request_token"`
		Response price `json:"response_token"`
	}
	type config struct {
		Config struct {
			Rates rates  `json:"pay_as_you_go"`
			Batch *rates `json:"batch_config"`
		} `json:"pricing_config"`
	}
	var table map[string]json.RawMessage
	if err := json.Unmarshal(data, &table); err != nil {
		t.Fatal(err)
	}
	c := Embedded()
	checked, unknown := 0, 0
	same := func(got *Rates, want rates) bool {
		return math.Abs(usdPerMillion(got.Input.Value)-want.Request.Price*1e4) < 1e-5 && math.Abs(usdPerMillion(got.Output.Value)-want.Response.Price*1e4) < 1e-5
	}
	check := func(t *testing.T, what string, p *Price, standard rates, got *Rates, want rates) {
		t.Helper()
		checked++
		if got != &p.Standard && !same(&p.Standard, standard) {
			unknown++
			if got.Known() {
				t.Errorf("%s: costs %g for input, of a table with another standard price, %g and not %g", what, usdPerMillion(got.Input.Value), standard.Request.Price*1e4, usdPerMillion(p.Standard.Input.Value))
			}
			return
		}
		if !same(got, want) {
			t.Errorf("%s: input %g and output %g, want %g and %g", what, usdPerMillion(got.Input.Value), usdPerMillion(got.Output.Value), want.Request.Price*1e4, want.Response.Price*1e4)
		}
	}
	for id, raw := range table {
		m, prefix := modelOf(c, id)
		var row struct {
			config
			Custom struct {
				Regions map[string]struct {
					Modes map[string]config `json:"execution_modes"`
				}
			} `json:"custom_pricing"`
		}
		if m == nil || json.Unmarshal(raw, &row) != nil || m.Kind == KindRerank || id == "amazon.titan-embed-image-v1" || id == "us.amazon.nova-pro-v1" {
			continue // not a model of Bedrock's, paid by queries, or a row that is known to be wrong
		}
		if row.Config.Batch != nil {
			p, _ := m.Price(prefix, "")
			check(t, id+" batch", p, row.Config.Rates, p.Batch, *row.Config.Batch)
		}
		for names, place := range row.Custom.Regions {
			for region := range strings.SplitSeq(names, ",") {
				p, _ := m.Price(prefix, strings.TrimSuffix(region, "default"))
				for mode, want := range place.Modes {
					tiers := map[string]*Rates{"batch": p.Batch, "flex": p.Flex, "priority": p.Priority}
					if region != "default" && len(p.Regions) > 0 {
						tiers["standard"] = &p.Standard
						if !slices.Contains(p.Regions, region) {
							t.Errorf("%s: %s has the price of %q", id, region, p.Regions)
						}
					}
					if got := tiers[mode]; got != nil {
						check(t, id+" "+region+" "+mode, p, place.Modes["standard"].Config.Rates, got, want.Config.Rates)
					}
				}
			}
		}
	}
	if checked-unknown < 500 || unknown == 0 {
		t.Errorf("%d prices were held against the table, of which %d are of another standard price", checked, unknown)
	}
}

// modelOf gives the model of an id and its prefix.
func modelOf(c *Catalogue, id string) (m *Model, prefix string) {
	if m, ok := c.Model(id); ok {
		return m, ""
	}
	if p, ok := c.Profile(id); ok {
		m, _ := c.Model(p.Base)
		return m, p.Prefix
	}
	return nil, ""
}

// Who answers says how many tokens there were, and may say anything: a cost stays at
// the most that there is, and never falls.
func TestACostIsBounded(t *testing.T) {
	p := &Price{Standard: Rates{Input: llm.Some[Rate](3_000_000), Output: llm.Some[Rate](15_000_000), CacheRead: llm.Some[Rate](300_000)}}
	for _, tt := range []struct {
		usage llm.Usage
		want  llm.Cost
	}{
		{llm.Usage{Input: 2, Output: 1}, 21_000_000},
		{llm.Usage{Input: math.MaxInt64}, math.MaxInt64},
		{llm.Usage{Input: math.MaxInt64 / 3_000_000, Output: 1}, math.MaxInt64},
		{llm.Usage{Input: math.MaxInt64 / 3_000_000}, math.MaxInt64 / 3_000_000 * 3_000_000},
		{llm.Usage{Input: math.MaxInt64, Output: math.MaxInt64, CacheRead: llm.Some[int64](math.MaxInt64)}, math.MaxInt64},
		{llm.Usage{Input: 2, Output: -5}, 6_000_000},
		{llm.Usage{Input: math.MinInt64, Output: 1}, 15_000_000},
	} {
		if got, ok := p.Cost(Standard, &tt.usage); !ok || got != tt.want {
			t.Errorf("%+v costs %d, %v; want %d", tt.usage, got, ok, tt.want)
		}
	}
}
