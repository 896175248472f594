package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// report writes a Cost and Usage Report of today, of which each line has its usage type, amount and cost.
func report(t *testing.T, lines ...string) string {
	t.Helper()
	text := "line_item_usage_start_date,line_item_unblended_cost,line_item_usage_type,line_item_usage_amount,line_item_line_item_type,line_item_product_code,line_item_currency_code,pricing_unit\n"
	day := time.Now().UTC().Format(time.DateOnly)
	for _, l := range lines {
		f := strings.Fields(l)
		text += fmt.Sprintf("%s 00:00:00.000,%s,%s,%s,Usage,AmazonBedrock,USD,1K tokens\n", day, f[2], f[0], f[1])
	}
	file := filepath.Join(t.TempDir(), "report.csv")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Each call of the emulator's Nova Lite has 4 tokens of input and 7 of output, for 0.00000192 USD.
func TestReconcileComparesWithAWS(t *testing.T) {
	g := opened(t)
	key := strings.TrimSpace(must(t, "keys", "create", "ann"))
	for _, k := range [...]string{key, key, adminKey} {
		if status := g.call(k); status != http.StatusOK {
			t.Fatalf("status %d", status)
		}
	}
	g.restart()
	input, output := "USE1-NovaLite-input-tokens 0.012 0.00000072", "USE1-NovaLite-output-tokens 0.021 0.00000504"
	for name, tt := range map[string]struct {
		lines []string
		flags []string
		code  int
		wants []string
		not   string
	}{
		"the same": {
			lines: []string{input, output}, wants: []string{" amazon.nova-lite-v1:0 0.00000576 0.00000576 0 0.00 -\n", "total - 0.00000576 0.00000576 0 0.00 -"}, not: "TOKENS",
		},
		"AWS says more": {
			lines: []string{input, "USE1-NovaLite-output-tokens 0.042 0.00001008"}, code: 1,
			wants: []string{"0.0000108 0.00000576 0.00000504 46.67 -", " amazon.nova-lite-v1:0 output 42 21 21\n"},
		},
		"as much as is tolerated": {lines: []string{input, "USE1-NovaLite-output-tokens 0.042 0.00001008"}, flags: []string{"--tolerance", "50"}, wants: []string{"46.67"}},
		"a model that is not known": {
			lines: []string{input, output, "USE1-Obsidian9-input-tokens 1 0.5"}, code: 1, wants: []string{" USE1-Obsidian9 0.50 0 0.50 100.00 AWS\n", "input 1000 0 1000"},
		},
		"lines that are not for tokens": {
			lines: []string{input, output, "USE1-NovaLite-ProvisionedThroughput 1 20"}, wants: []string{"not for the tokens of calls", "Usage USE1-NovaLite-ProvisionedThroughput 20"},
		},
		"what AWS does not have": {lines: []string{"USE1-NovaPro-input-tokens 1 0.0008"}, code: 1, wants: []string{"amazon.nova-lite-v1:0 0 0.00000576 -0.00000576 - Outcrop", "amazon.nova-pro-v1:0 0.0008 0 0.0008 100.00 AWS"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errs := ran(append([]string{"spend", "reconcile", report(t, tt.lines...)}, tt.flags...)...)
			if code != tt.code || errs != "" {
				t.Errorf("exit code %d: %s", code, errs)
			}
			lacks(t, squeezed(out), tt.wants...)
			if tt.not != "" && strings.Contains(out, tt.not) {
				t.Errorf("there is %s in\n%s", tt.not, out)
			}
		})
	}
	code, out, errs := ran("spend", "reconcile", "--json", report(t, input, output, "USE1-NovaLite-ProvisionedThroughput 1 20"))
	var got struct {
		Within bool `json:"within_tolerance"`
		Total  struct{ AWS, Outcrop, Difference, Percent float64 }
		Rows   []struct {
			Model  string
			Tokens map[string]struct{ AWS, Outcrop int64 }
		}
		Others []struct{ Usage string } `json:"other_lines"`
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != 0 {
		t.Fatalf("exit code %d, %v: %s%s", code, err, out, errs)
	}
	if !got.Within || got.Total.AWS != 0.00000576 || got.Total.Difference != 0 || len(got.Rows) != 1 || got.Rows[0].Tokens["output"].AWS != 21 || got.Rows[0].Tokens["input"].Outcrop != 12 || len(got.Others) != 1 {
		t.Errorf("%+v in %s", got, out)
	}
}

func TestReconcileExplainsFailures(t *testing.T) {
	opened(t)
	folder := t.TempDir()
	file := func(name, text string) string {
		name = filepath.Join(folder, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for name, tt := range map[string]struct {
		args []string
		code int
		want string
	}{
		"no file":            {[]string{}, 2, "FILE is missing"},
		"no such file":       {[]string{filepath.Join(folder, "none.csv")}, 2, "no such file"},
		"another table":      {[]string{file("a.csv", "a,b\n")}, 1, "the report has no column"},
		"Parquet":            {[]string{file("a.parquet", "PAR1xxxx")}, 1, "convert the file to CSV"},
		"nothing of Bedrock": {[]string{report(t)}, 1, "has no lines of Amazon Bedrock"},
		"a tolerance":        {[]string{report(t), "--tolerance=-1"}, 2, "--tolerance must be a percentage"},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, errs := ran(append([]string{"spend", "reconcile"}, tt.args...)...)
			if code != tt.code || !strings.Contains(errs, tt.want) {
				t.Errorf("exit code %d: %s", code, errs)
			}
		})
	}
}
