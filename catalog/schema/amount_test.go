package schema

import (
	"strings"
	"testing"

	"outcrop/internal/jsonx"
)

func TestDecimalsAreExact(t *testing.T) {
	for _, tt := range []struct {
		what, text string
		digits     int
		want       int64
	}{
		{"a whole number", "3", 6, 3_000_000},
		{"a fraction", "0.875", 6, 875_000},
		{"the last digit", "0.000001", 6, 1},
		{"more digits than count", "0.0000014", 6, 1},
		{"a half goes up", "0.0000015", 6, 2},
		{"a double that is not what was meant", "0.049999999999999996", 6, 50_000},
		{"an exponent", "2.704e-05", 10, 270_400},
		{"a large exponent", "1e3", 2, 100_000},
		{"nothing", "0", 6, 0},
		{"nothing, at length", "0.000", 12, 0},
		{"next to nothing", "1e-999999999", 6, 0},
		{"many digits", "12.345678", 6, 12_345_678},
		{"twelve digits", "0.000000000001", 12, 1},
		{"the most", "100000", 6, 100_000_000_000},
		{"a sum in units of 10⁻¹²", "99999", 12, 99_999_000_000_000_000},
	} {
		t.Run(tt.what, func(t *testing.T) {
			got, err := ParseDecimal(tt.text, tt.digits)
			if err != nil || got != tt.want {
				t.Errorf("ParseDecimal(%q, %d) = %d, %v; want %d", tt.text, tt.digits, got, err, tt.want)
			}
		})
	}
}

func TestWhatIsNoPrice(t *testing.T) {
	for _, text := range []string{"", "-1", "1e6", "1e999999999", "NaN", "Inf", "free", ".", "1.2.3", "100001", "1_000", "0x1p4"} {
		if n, err := ParseDecimal(text, 6); err == nil {
			t.Errorf("ParseDecimal(%q) = %d, want an error", text, n)
		}
	}
	var row struct {
		A Amount  `json:"a"`
		D Dollars `json:"d"`
	}
	for _, body := range []string{`{"a":"1"}`, `{"a":null}`, `{"d":-0.1}`, `{"d":{}}`} {
		if err := jsonx.Unmarshal([]byte(body), &row); err == nil || !strings.ContainsAny(err.Error(), "ad") {
			t.Errorf("%s is read as %+v", body, row)
		}
	}
}

func TestAmountsAreWrittenAsTheyAreRead(t *testing.T) {
	for _, text := range []string{"0", "3", "0.875", "0.000001", "12.5", "100"} {
		n, err := ParseDecimal(text, 6)
		if got := string(Amount(n).Append(nil)); err != nil || got != text {
			t.Errorf("%s is written as %s (%v)", text, got, err)
		}
		n, err = ParseDecimal(text, 12)
		if got := string(Dollars(n).Append(nil)); err != nil || got != text {
			t.Errorf("%s dollars are written as %s (%v)", text, got, err)
		}
	}
}

func FuzzParseDecimal(f *testing.F) {
	for _, text := range []string{"0.049999999999999996", "1e-5", "99999.999999", "000000000001", "1."} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := ParseDecimal(text, 6)
		if err != nil {
			return
		}
		if n < 0 || n > 100_000_000_000 {
			t.Errorf("ParseDecimal(%q) = %d", text, n)
		}
		again, err := ParseDecimal(string(Amount(n).Append(nil)), 6)
		if err != nil || again != n {
			t.Errorf("%q: %d is written as %s, read as %d (%v)", text, n, Amount(n).Append(nil), again, err)
		}
	})
}
