package bill

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"outcrop/provider/bedrock/catalog"
)

func known(t *testing.T) *catalog.Catalogue {
	t.Helper()
	c := catalog.Embedded()
	return c
}

func text(b *Bill) string {
	var out strings.Builder
	for _, s := range b.Sums {
		fmt.Fprintf(&out, "%s %s %t %s %s %d %t\n", s.Day, s.Model, s.Known, s.Type, s.Cost, s.Amount, s.Counted)
	}
	for _, o := range b.Others {
		fmt.Fprintf(&out, "other %s %s %s %s\n", o.Day, o.Kind, o.Usage, o.Cost)
	}
	return out.String()
}

func TestReportsOfBothForms(t *testing.T) {
	const want = `2026-11-01 anthropic.claude-sonnet-4-6 true cache_read 0.3 1000000 true
2026-11-01 anthropic.claude-sonnet-4-6 true input 3 1000000 true
2026-11-01 anthropic.claude-sonnet-4-6 true output 7.5 500000 true
2026-11-02 USE1-Obsidian9 false input 0.01 10000 true
2026-11-02 amazon.nova-lite-v1:0 true input 0.00006 1000 true
2026-11-02 amazon.nova-lite-v1:0 true output 0.00048 2000 true
other 2026-11-02 Tax USE1-NovaLite-input-tokens 0.5
other 2026-11-02 Usage USE1-NovaLite-ProvisionedThroughput 20
`
	for _, name := range []string{"cur2.csv", "legacy.csv"} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		if _, err := z.Write(data); err != nil || z.Close() != nil {
			t.Fatal(err)
		}
		for form, data := range map[string][]byte{"plain": data, "gzip": packed.Bytes()} {
			b, err := Read(bytes.NewReader(data), known(t))
			if err != nil {
				t.Errorf("%s, %s: %v", name, form, err)
				continue
			}
			if got := text(b); got != want || b.First != "2026-11-01" || b.Last != "2026-11-02" {
				t.Errorf("%s, %s: %s to %s\n%s\nwant\n%s", name, form, b.First, b.Last, got, want)
			}
		}
	}
}

func TestUsageTypes(t *testing.T) {
	b := reading{names: namesOf(known(t))}
	for usage, want := range map[string]string{
		"USE1-Claude4Sonnet-input-tokens":                                          "input anthropic.claude-sonnet-4-20250514-v1:0",
		"USE1-Claude4Sonnet-output-tokens-cross-region-global":                     "output anthropic.claude-sonnet-4-20250514-v1:0",
		"USE1-Claude4.6Opus-cache-read-input-token-count-cross-region-global":      "cache_read anthropic.claude-opus-4-6-v1",
		"USE1-Claude4.6Opus-cache-write-input-token-count":                         "cache_write anthropic.claude-opus-4-6-v1",
		"USW2-anthropic.claude-opus-4-8-mantle-cache-write-tokens-global-standard": "cache_write anthropic.claude-opus-4-8",
		"USE1-Nova2.0Lite-text-input-tokens-priority":                              "input amazon.nova-2-lite-v1:0",
		"EUW1-NovaMicro-output-tokens":                                             "output amazon.nova-micro-v1:0",
		"USE1-MP:USE1_CacheReadInputTokenCount-Units":                              "cache_read ",
		"APS3-MP:APS3_output_tokens_global_standard-Units":                         "output ",
		"USE1-MP:USE1_search_units-Units":                                          " ",
		"USE1-NovaLite-ProvisionedThroughput":                                      " ",
	} {
		name, tokens := parse(usage)
		if got := string(tokens) + " " + b.model(name); got != want {
			t.Errorf("%s is %q, want %q", usage, got, want)
		}
	}
}

func TestReportsThatCannotBeRead(t *testing.T) {
	const head = "line_item_usage_start_date,line_item_unblended_cost,line_item_usage_type,line_item_usage_amount,line_item_line_item_type,line_item_product_code,line_item_currency_code\n"
	for name, tt := range map[string]struct{ text, want string }{
		"empty":          {"", "no header"},
		"another table":  {"a,b\n1,2\n", "no column line_item_usage_start_date"},
		"a day":          {head + "soon,1,x,1,Usage,AmazonBedrock,USD\n", `line 2: line_item_usage_start_date is "soon"`},
		"a cost":         {head + "2026-11-01,much,x,1,Usage,AmazonBedrock,USD\n", `line_item_unblended_cost is "much"`},
		"a currency":     {head + "2026-11-01,1,x,1,Usage,AmazonBedrock,CNY\n", "CNY"},
		"a broken gzip":  {"\x1f\x8bxx", "EOF"},
		"a short line":   {head + "2026-11-01\n", "wrong number of fields"},
		"Apache Parquet": {"PAR1....", "Parquet"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Read(strings.NewReader(tt.text), known(t)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := Read(strings.NewReader("PAR1...."), known(t)); !errors.Is(err, ErrParquet) {
		t.Error(err)
	}
}
