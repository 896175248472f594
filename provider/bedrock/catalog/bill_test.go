package catalog

import (
	"math/big"
	"strings"
	"testing"

	"outcrop/llm"
)

// bill is a call and what it costs by the public price tables. The figures are
// worked out from those tables and not with this package: TestFiftyBills holds the
// catalogue to them, and TestBillsAgreeWithThePublicTables holds them to the tables.
type bill struct {
	model, region string // the model as it is called
	tier          Tier
	tokens        tokens
	prices        prices // of what the call uses
	usd           string // what it costs: the sum of tokens times prices, exactly
	// from is the table with the prices, by its key in sources.json, and behind a
	// space that with the price of a write for an hour, if it is another.
	from string
	// why is empty if no table says otherwise, and else names those that do.
	why string
}

// tokens are counts of what was read anew, written as the answer, read from the
// cache, written to it for five minutes, and written to it for an hour.
type tokens [5]int64

// prices are for a million tokens of each, in USD.
type prices [5]string

// prompt is how long the prompt is by which long ones are told.
func (n *tokens) prompt() int64 { return n[0] + n[2] + n[3] + n[4] }

// usage is the call as Bedrock reports it. Not every model splits what is written
// by time to live; what is not split is for five minutes.
func (n *tokens) usage() *llm.Usage {
	u := &llm.Usage{Input: n[0], Output: n[1], Total: n.prompt() + n[1]}
	if n[2] > 0 {
		u.CacheRead = llm.Some(n[2])
	}
	if n[3]+n[4] > 0 {
		u.CacheWrite = llm.Some(n[3] + n[4])
	}
	if n[4] > 0 {
		u.CacheWrites = []llm.CacheWrite{{TTL: "1h", Tokens: n[4]}, {TTL: "5m", Tokens: n[3]}}
	}
	return u
}

// bills are grouped by the kind of call. Of the tables that have a price, those
// that have it for the region itself go before those that have it for everywhere,
// and of these the newest counts. The tenth is what a call that stays in one
// geography costs more with newer models.
func bills() []bill {
	return []bill{
		// By the bare id, at the price that holds wherever no region has its own.
		{"amazon.nova-micro-v1:0", "us-east-1", Standard, tokens{1_234_567, 89_012}, prices{"0.035", "0.14"}, "0.055671525", "pi-ai", ""},
		{"amazon.titan-embed-text-v2:0", "us-west-2", Standard, tokens{987_654}, prices{"0.02"}, "0.01975308", "portkey-pricing", ""},
		{"meta.llama3-3-70b-instruct-v1:0", "us-east-2", Standard, tokens{45_678, 12_345}, prices{"0.72", "0.72"}, "0.04177656", "pi-ai", ""},
		{"cohere.command-r-plus-v1:0", "us-east-1", Standard, tokens{20_001, 7003}, prices{"3", "15"}, "0.165048", "portkey-pricing", ""},
		{"ai21.j2-ultra-v1", "us-east-1", Standard, tokens{8191, 2047}, prices{"18.8", "18.8"}, "0.1924744", "portkey-pricing", ""},
		{"deepseek.v3.2", "us-west-2", Standard, tokens{131_071, 8191}, prices{"0.62", "1.85"}, "0.09641737", "pi-ai", ""},
		{"google.gemma-3-27b-it", "us-east-1", Standard, tokens{77_777, 33_333}, prices{"0.23", "0.38"}, "0.03055525", "portkey-pricing-mantle", "models.dev had 0.12 and 0.2"},
		{"nvidia.nemotron-super-3-120b", "us-east-1", Standard, tokens{250_001, 40_003}, prices{"0.15", "0.65"}, "0.0635021", "pi-ai", ""},
		{"minimax.minimax-m2.5", "us-west-2", Standard, tokens{150_007, 30_011}, prices{"0.3", "1.2"}, "0.0810153", "pi-ai", ""},
		{"mistral.pixtral-large-2502-v1:0", "us-east-1", Standard, tokens{64_001, 9001}, prices{"2", "6"}, "0.182008", "pi-ai", ""},
		{"openai.gpt-5.4", "us-east-1", Standard, tokens{60_013, 7919, 40_009}, prices{"2.75", "16.5", "0.275"}, "0.306701725", "pi-ai", "portkey-pricing-mantle has it without the tenth for one region"},
		{"xai.grok-4.3", "us-east-1", Standard, tokens{90_001, 4001, 300_007}, prices{"1.25", "2.5", "0.2"}, "0.18250515", "pi-ai", ""},
		{"amazon.nova-pro-v1:0", "us-east-1", Standard, tokens{12_347, 4567, 80_021, 9001}, prices{"0.8", "3.2", "0.2", "0.8"}, "0.047697", "pi-ai", "portkey-pricing has the cache at 0.4 and 1.6, which are its prices of a batch"},
		{"anthropic.claude-sonnet-4-5-20250929-v1:0", "us-east-1", Standard, tokens{4321, 987, 65_432, 0, 12_345}, prices{"3", "15", "0.3", "", "6"}, "0.1214676", "pi-ai portkey-pricing", ""},
		{"anthropic.claude-opus-5", "us-east-1", Standard, tokens{5003, 2003, 70_001, 3001, 9001}, prices{"5", "25", "0.5", "6.25", "10"}, "0.21885675", "portkey-pricing", ""},

		// In regions with a price of their own.
		{"amazon.nova-micro-v1:0", "ap-southeast-2", Standard, tokens{1_234_567, 89_012}, prices{"0.03605", "0.1442"}, "0.05734167075", "portkey-pricing", ""},
		{"amazon.nova-lite-v1:0", "ca-central-1", Standard, tokens{333_331, 55_511}, prices{"0.064", "0.256"}, "0.035544", "portkey-pricing", ""},
		{"amazon.nova-pro-v1:0", "eu-west-2", Standard, tokens{100_003, 20_011}, prices{"1.13", "4.52"}, "0.20345311", "portkey-pricing", ""},
		{"amazon.nova-pro-v1:0", "eu-south-1", Standard, tokens{100_003, 20_011}, prices{"1.28", "5.21"}, "0.23226115", "portkey-pricing", ""},
		{"meta.llama3-2-1b-instruct-v1:0", "eu-central-1", Standard, tokens{500_009, 100_003}, prices{"0.13", "0.13"}, "0.07800156", "portkey-pricing", ""},
		{"mistral.mistral-large-2402-v1:0", "sa-east-1", Standard, tokens{31_337, 4242}, prices{"6.7", "20.2"}, "0.2956463", "portkey-pricing", ""},
		{"qwen.qwen3-next-80b-a3b", "ap-southeast-2", Standard, tokens{222_223, 44_449}, prices{"0.1545", "1.236"}, "0.0892724175", "portkey-pricing", ""},
		{"qwen.qwen3-coder-480b-a35b-v1:0", "eu-west-2", Standard, tokens{180_001, 21_001}, prices{"0.7", "2.79"}, "0.18459349", "portkey-pricing", ""},
		{"zai.glm-4.7", "ap-northeast-1", Standard, tokens{99_991, 9973}, prices{"0.72", "2.64"}, "0.09832224", "portkey-pricing", ""},
		{"moonshot.kimi-k2-thinking", "ap-south-1", Standard, tokens{70_001, 30_011}, prices{"0.71", "2.94"}, "0.13793305", "portkey-pricing", ""},
		{"moonshotai.kimi-k2.5", "eu-north-1", Standard, tokens{70_001, 30_011}, prices{"0.72", "3.6"}, "0.15844032", "portkey-pricing", ""},
		{"openai.gpt-oss-20b-1:0", "us-gov-west-1", Standard, tokens{400_009, 60_013}, prices{"0.084", "0.36"}, "0.055205436", "portkey-pricing", ""},

		// Through a geography.
		{"us.amazon.nova-2-lite-v1:0", "us-east-1", Standard, tokens{10_007, 3001, 50_021, 20_011}, prices{"0.33", "2.75", "0.0825", "0.33"}, "0.0222854225", "pi-ai", ""},
		{"eu.amazon.nova-2-lite-v1:0", "eu-west-1", Standard, tokens{10_007, 3001, 50_021, 20_011}, prices{"0.374", "3.157", "0.0935", "0.374"}, "0.0253778525", "pi-ai", ""},
		{"jp.amazon.nova-2-lite-v1:0", "ap-northeast-1", Standard, tokens{10_007, 3001, 50_021, 20_011}, prices{"0.396", "3.311", "0.099", "0.396"}, "0.026775518", "pi-ai", ""},
		{"apac.amazon.nova-pro-v1:0", "ap-northeast-1", Standard, tokens{55_001, 5501, 11_003}, prices{"0.84", "3.36", "0.21"}, "0.06699483", "pi-ai", ""},
		{"us.anthropic.claude-sonnet-4-5-20250929-v1:0", "us-east-1", Standard, tokens{15_013, 4003}, prices{"3.3", "16.5"}, "0.1155924", "pi-ai", "catwalk and models.dev have it without the tenth"},
		{"jp.anthropic.claude-sonnet-4-5-20250929-v1:0", "ap-northeast-1", Standard, tokens{15_013, 4003, 0, 25_013}, prices{"3.3", "16.5", "", "4.125"}, "0.218771025", "pi-ai", "models.dev has it without the tenth"},
		{"au.anthropic.claude-haiku-4-5-20251001-v1:0", "ap-southeast-2", Standard, tokens{9001, 1009, 44_021, 7013}, prices{"1.1", "5.5", "0.11", "1.375"}, "0.029935785", "pi-ai", "models.dev has it without the tenth"},
		{"in.anthropic.claude-haiku-4-5-20251001-v1:0", "ap-south-1", Standard, tokens{9001, 1009}, prices{"1.1", "5.5"}, "0.0154506", "pi-ai", ""},
		{"eu.anthropic.claude-opus-4-5-20251101-v1:0", "eu-central-1", Standard, tokens{2003, 1009, 150_011}, prices{"5.5", "27.5", "0.55"}, "0.12127005", "pi-ai", ""},
		{"eu.anthropic.claude-opus-4-1-20250805-v1:0", "eu-west-1", Standard, tokens{2003, 1009, 30_011, 5003}, prices{"16.5", "82.5", "1.65", "20.625"}, "0.268997025", "catwalk", ""},
		{"eu.anthropic.claude-sonnet-5", "eu-west-3", Standard, tokens{3001, 2003, 40_009, 6007, 8009}, prices{"2.2", "11", "0.22", "2.75", "4.4"}, "0.08919603", "pi-ai anthropic-prices", "portkey-pricing has it without the tenth, catwalk has 3.3 and 16.5"},
		{"us.anthropic.claude-fable-5", "us-west-2", Standard, tokens{1009, 503, 20_011, 0, 30_011}, prices{"11", "55", "1.1", "", "22"}, "0.7210181", "pi-ai anthropic-prices", "catwalk, portkey-pricing and models.dev have it without the tenth"},
		{"us.anthropic.claude-fable-5-1", "us-east-1", Standard, tokens{1009, 503, 777_001}, prices{"11", "55", "0.275"}, "0.252439275", "pi-ai", "catwalk has it without the tenth"},
		{"us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0", "us-gov-west-1", Standard, tokens{7001, 2003, 10_007, 3001, 5003}, prices{"3.6", "18", "0.36", "4.5", "7.2"}, "0.11438622", "portkey-pricing", ""},
		{"us-gov.anthropic.claude-sonnet-5", "us-gov-east-1", Standard, tokens{7001, 2003, 10_007, 3001, 5003}, prices{"2.4", "12", "0.24", "3", "4.8"}, "0.07625748", "portkey-pricing", ""},
		{"apac.anthropic.claude-sonnet-4-20250514-v1:0", "ap-south-1", Standard, tokens{30_011, 6007}, prices{"3", "15"}, "0.180138", "pi-ai", ""},
		{"us.deepseek.r1-v1:0", "us-east-1", Standard, tokens{28_657, 17_711}, prices{"1.35", "5.4"}, "0.13432635", "models.dev", ""},
		{"us.meta.llama4-maverick-17b-instruct-v1:0", "us-west-2", Standard, tokens{300_007, 20_011}, prices{"0.24", "0.97"}, "0.09141235", "pi-ai", ""},
		{"us.moonshotai.kimi-k3", "us-east-1", Standard, tokens{8009, 3001, 60_013, 12_007}, prices{"3.3", "16.5", "0.33", "4.125"}, "0.145279365", "pi-ai", ""},
		{"us.xai.grok-4.6", "us-west-2", Standard, tokens{50_021, 6007, 20_011}, prices{"2.2", "6.6", "0.55"}, "0.16069845", "pi-ai", ""},
		{"us.zai.glm-5.3", "us-east-1", Standard, tokens{40_009, 5003, 90_001, 7001}, prices{"1.848", "5.808", "0.3432", "2.31"}, "0.1500547092", "pi-ai", ""},
		{"us.writer.palmyra-x5-v1:0", "us-west-2", Standard, tokens{600_011, 8009}, prices{"0.6", "6"}, "0.4080606", "pi-ai", ""},

		// Through the world.
		{"global.amazon.nova-2-lite-v1:0", "eu-west-1", Standard, tokens{10_007, 3001, 50_021, 20_011}, prices{"0.3", "2.5", "0.075", "0.3"}, "0.020259475", "pi-ai", ""},
		{"global.anthropic.claude-sonnet-4-5-20250929-v1:0", "eu-west-1", Standard, tokens{15_013, 4003}, prices{"3", "15"}, "0.105084", "pi-ai", ""},
		{"global.anthropic.claude-opus-4-7", "ap-northeast-1", Standard, tokens{3001, 1009, 40_009, 5003, 6007}, prices{"5", "25", "0.5", "6.25", "10"}, "0.15157325", "pi-ai portkey-pricing", ""},
		{"global.anthropic.claude-sonnet-5-5", "us-east-1", Standard, tokens{3001, 2003, 500_009, 6007}, prices{"2", "10", "0.1", "2.5"}, "0.0910504", "pi-ai", ""},
		{"global.moonshotai.kimi-k3.1", "eu-west-1", Standard, tokens{8009, 3001, 60_013, 12_007}, prices{"4", "20", "0.2", "5"}, "0.1640936", "pi-ai", ""},
		{"global.xai.grok-4.7", "ap-southeast-2", Standard, tokens{50_021, 6007, 20_011}, prices{"2", "6", "0.5"}, "0.1460895", "pi-ai", ""},

		// Flex.
		{"openai.gpt-oss-120b-1:0", "us-west-2", Flex, tokens{123_457, 65_537}, prices{"0.075", "0.3"}, "0.028920375", "portkey-pricing", ""},
		{"qwen.qwen3-32b-v1:0", "eu-west-1", Flex, tokens{250_007, 50_021}, prices{"0.09", "0.35"}, "0.04000798", "portkey-pricing", ""},
		{"mistral.magistral-small-2509", "eu-west-2", Flex, tokens{80_021, 16_001}, prices{"0.39", "1.165"}, "0.049849355", "portkey-pricing", ""},
		{"meta.llama4-scout-17b-instruct-v1:0", "us-east-1", Flex, tokens{900_001, 30_011}, prices{"0.085", "0.33"}, "0.086403715", "portkey-pricing", ""},

		// Priority.
		{"moonshotai.kimi-k2.5", "ap-southeast-2", Priority, tokens{60_013, 12_007}, prices{"1.0815", "5.4075"}, "0.129831912", "portkey-pricing", ""},
		{"zai.glm-5", "eu-west-2", Priority, tokens{60_013, 12_007}, prices{"2.7125", "8.68"}, "0.2670060225", "portkey-pricing", ""},
		{"qwen.qwen3-vl-235b-a22b", "sa-east-1", Priority, tokens{60_013, 12_007}, prices{"1.12", "5.635"}, "0.134874005", "portkey-pricing", ""},
		{"mistral.mixtral-8x7b-instruct-v0:1", "eu-west-3", Priority, tokens{60_013, 12_007}, prices{"1.0325", "1.5925"}, "0.08108457", "portkey-pricing", ""},

		// Batches.
		{"amazon.nova-micro-v1:0", "ap-southeast-2", Batch, tokens{5_000_011, 700_001}, prices{"0.018025", "0.0721"}, "0.140595270375", "portkey-pricing", ""},
		{"amazon.titan-embed-text-v1", "us-east-1", Batch, tokens{9_999_991}, prices{"0.05"}, "0.49999955", "portkey-pricing", ""},
		{"anthropic.claude-sonnet-5", "us-east-1", Batch, tokens{2_000_003, 300_007}, prices{"1", "5"}, "3.500038", "portkey-pricing", ""},
		{"global.anthropic.claude-opus-4-7", "us-east-1", Batch, tokens{2_000_003, 300_007}, prices{"2.5", "12.5"}, "8.750095", "portkey-pricing", ""},
		{"meta.llama3-1-405b-instruct-v1:0", "us-west-2", Batch, tokens{1_000_003, 200_003}, prices{"1.2", "1.2"}, "1.4400072", "portkey-pricing", ""},
		{"mistral.mistral-large-2407-v1:0", "us-west-2", Batch, tokens{1_000_003, 200_003}, prices{"1.5", "4.5"}, "2.400018", "portkey-pricing", ""},
		{"openai.gpt-oss-120b-1:0", "eu-central-1", Batch, tokens{1_000_003, 200_003}, prices{"0.1", "0.4"}, "0.1800015", "portkey-pricing", ""},
		{"zai.glm-4.7-flash", "eu-central-1", Batch, tokens{1_000_003, 200_003}, prices{"0.04", "0.24"}, "0.08800084", "portkey-pricing", ""},

		// Long prompts.
		{"us.openai.gpt-5.6-sol", "us-east-1", Standard, tokens{200_000, 4001, 60_000, 12_000}, prices{"4.4", "22", "0.44", "5.5"}, "1.060422", "pi-ai", "portkey-pricing had 5.5 and 33 before it became cheaper"},
		{"us.openai.gpt-5.6-sol", "us-east-1", Standard, tokens{200_000, 4001, 60_000, 12_001}, prices{"8.8", "33", "0.88", "11"}, "2.076844", "pi-ai", "portkey-pricing had 11 and 49.5 before it became cheaper"},
		{"in.openai.gpt-5.6-luna", "ap-south-1", Standard, tokens{10_007, 2003, 400_009}, prices{"0.44", "1.98", "0.044"}, "0.025969416", "pi-ai", ""},
		{"global.openai.gpt-6.1-terra", "eu-west-1", Standard, tokens{300_007, 5003, 100_003, 50_021}, prices{"2", "7.5", "0.1", "2.5"}, "0.7725893", "pi-ai", ""},
		{"openai.gpt-6-astra", "us-east-1", Standard, tokens{272_001, 1009}, prices{"22", "82.5"}, "6.0672645", "pi-ai", ""},
		{"eu.anthropic.claude-haiku-5-5", "eu-west-1", Standard, tokens{5003, 1009, 90_001, 4996}, prices{"0.11", "0.55", "0.011", "0.1375"}, "0.002782241", "pi-ai", ""},
		{"eu.anthropic.claude-haiku-5-5", "eu-west-1", Standard, tokens{5003, 1009, 90_001, 4997}, prices{"0.55", "2.75", "0.055", "0.6875"}, "0.0139118925", "pi-ai", ""},
		{"jp.anthropic.claude-haiku-5-5", "ap-northeast-1", Standard, tokens{20_011, 3001, 70_001, 5003, 30_011}, prices{"0.55", "2.75", "0.055", "0.6875", "1.1"}, "0.0595605175", "pi-ai anthropic-prices", ""},
		{"global.anthropic.claude-haiku-5-5", "us-west-2", Standard, tokens{500_009, 8009}, prices{"0.5", "2.5"}, "0.270027", "pi-ai", ""},
	}
}

// TestFiftyBills holds the catalogue to the bills, to 10⁻⁹ USD and in arithmetic
// of its own.
func TestFiftyBills(t *testing.T) {
	c := Embedded()
	for _, b := range bills() {
		t.Run(b.model+" in "+b.region, func(t *testing.T) {
			var rates [5]*big.Rat
			for i, price := range b.prices {
				rates[i] = decimal(t, price)
			}
			want := b.cost(t, &rates)
			if want.Cmp(decimal(t, b.usd)) != 0 {
				t.Fatalf("the prices come to %s USD and not to %s", want.FloatString(15), b.usd)
			}
			m, prefix := modelOf(c, b.model)
			if m == nil {
				t.Fatalf("%s is not in the catalogue", b.model)
			}
			p, exact := m.Price(prefix, b.region)
			if p == nil || !exact {
				t.Fatalf("no price of its own: %+v", p)
			}
			got, ok := p.Cost(b.tier, b.tokens.usage())
			if !ok || !near(big.NewRat(int64(got), 1e12), want) {
				t.Errorf("costs %.12f USD, %t; want %s", got.USD(), ok, b.usd)
			}
			table, hour := b.sources()
			switch r := p.Rates(b.tier, b.tokens.prompt()); {
			case r == nil || r.Source.Key != table:
				t.Errorf("the prices are %+v, want those of %s", r, table)
			case b.tokens[4] > 0 && r.Source1h.Key != hour:
				t.Errorf("the price of a write for an hour is that of %s, want that of %s", r.Source1h.Key, hour)
			}
		})
	}
}

func TestBillsAreOfManyKinds(t *testing.T) {
	c := Embedded()
	kinds := map[string]int{}
	for _, b := range bills() {
		m, prefix := modelOf(c, b.model)
		p, _ := m.Price(prefix, b.region)
		for _, kind := range b.kinds(m, prefix, p) {
			kinds[kind]++
		}
	}
	vendors := 0
	for kind := range kinds {
		if strings.HasPrefix(kind, "by ") {
			vendors++
		}
	}
	if n := len(bills()); n < 50 || vendors < 8 {
		t.Errorf("%d bills of %d vendors, want 50 of 8", n, vendors)
	}
	for _, kind := range []string{"everywhere", "a region's own", "a geography's", "a geography's that costs a tenth more", "global", "cache read", "written for 5m", "written for 1h", "flex", "priority", "batch", "long"} {
		if kinds[kind] < 4 {
			t.Errorf("%d bills are of the kind %q, want 4: %v", kinds[kind], kind, kinds)
		}
	}
}

// cost gives tokens times rates for a million.
func (b *bill) cost(t *testing.T, rates *[5]*big.Rat) *big.Rat {
	t.Helper()
	sum := new(big.Rat)
	for i, n := range b.tokens {
		if n == 0 {
			continue
		}
		if rates[i] == nil {
			t.Fatalf("no price for the %d tokens at %d", n, i)
		}
		sum.Add(sum, new(big.Rat).Mul(big.NewRat(n, 1e6), rates[i]))
	}
	return sum
}

// sources are the keys of the tables with the prices and with that of a write for
// an hour.
func (b *bill) sources() (table, hour string) {
	table, hour, two := strings.Cut(b.from, " ")
	if !two {
		hour = table
	}
	return table, hour
}

// kinds says what the bill is an example of.
func (b *bill) kinds(m *Model, prefix string, p *Price) []string {
	kinds := []string{"by " + m.Vendor}
	switch {
	case prefix == global:
		kinds = append(kinds, "global")
	case prefix != "":
		kinds = append(kinds, "a geography's")
		if world, exact := m.Price(global, b.region); exact && p.Standard.Input.Value*10 == world.Standard.Input.Value*11 {
			kinds = append(kinds, "a geography's that costs a tenth more")
		}
	case len(p.Regions) > 0:
		kinds = append(kinds, "a region's own")
	default:
		kinds = append(kinds, "everywhere")
	}
	for what, is := range map[string]bool{
		"cache read": b.tokens[2] > 0, "written for 5m": b.tokens[3] > 0, "written for 1h": b.tokens[4] > 0,
		"flex": b.tier == Flex, "priority": b.tier == Priority, "batch": b.tier == Batch,
		"long": p.LongAbove > 0 && b.tokens.prompt() > p.LongAbove,
	} {
		if is {
			kinds = append(kinds, what)
		}
	}
	return kinds
}

// decimal reads a decimal exactly. The empty text is nil, no price.
func decimal(t *testing.T, text string) *big.Rat {
	t.Helper()
	if text == "" {
		return nil
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("%q is not a decimal", text)
	}
	return r
}

// near reports whether two amounts are the same to 10⁻⁹ USD.
func near(a, b *big.Rat) bool {
	d := new(big.Rat).Sub(a, b)
	return d.Abs(d).Cmp(big.NewRat(1, 1e9)) <= 0
}
