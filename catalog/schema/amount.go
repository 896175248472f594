package schema

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
)

// Amount is the price of a token in 10⁻¹² USD. In the files it is in USD per million
// tokens, as in price lists.
type Amount int64

// Dollars is the price of a thing in 10⁻¹² USD. In the files it is in USD.
type Dollars int64

const (
	amountDigits  = 6 // decimals of a price in the files
	dollarsDigits = 12
	// mostDollars is the highest accepted price; a higher one is a mistake of units.
	mostDollars = 1e5
)

// ParseDecimal returns the decimal number in text times 10^digits, rounded to the
// nearest whole number, halves upwards. It rejects numbers below 0 and above 100,000,
// which cannot be prices.
func ParseDecimal(text string, digits int) (int64, error) {
	if n, ok := plain(text, digits); ok {
		return n, nil
	}
	rough, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil || strings.Trim(text, "0123456789.eE+-") != "":
		return 0, fmt.Errorf("%q is not a decimal number", text)
	case !(rough >= 0 && rough <= mostDollars):
		return 0, fmt.Errorf("%s is not a price", text)
	case rough == 0:
		return 0, nil
	}
	exact, ok := new(big.Rat).SetString(text)
	if !ok {
		return 0, fmt.Errorf("%q is not a decimal number", text)
	}
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
	exact.Mul(exact, new(big.Rat).SetInt(scale))
	exact.Add(exact, big.NewRat(1, 2))
	whole := new(big.Int).Quo(exact.Num(), exact.Denom())
	if !whole.IsInt64() {
		return 0, errors.New("is too large for a price")
	}
	return whole.Int64(), nil
}

// plain parses the numbers of the data files, which have neither signs nor exponents,
// and no more than digits decimals.
func plain(text string, digits int) (n int64, ok bool) {
	if text == "" || text[0] == '.' || len(text) > 12 {
		return 0, false
	}
	point := false
	for i := range len(text) {
		switch c := text[i]; {
		case '0' <= c && c <= '9' && (!point || digits > 0):
			n = 10*n + int64(c-'0')
			if point {
				digits--
			}
		case c == '.' && !point:
			point = true
		default:
			return 0, false
		}
	}
	if n > 1e5 { // near the limit of a price, or of an int64
		return 0, false
	}
	for range digits {
		n *= 10
	}
	return n, true
}

// UnmarshalJSONFrom reads a number in USD per million tokens.
func (a *Amount) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	n, err := number(d, amountDigits)
	*a = Amount(n)
	return err
}

// UnmarshalJSONFrom reads a number in USD.
func (a *Dollars) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	n, err := number(d, dollarsDigits)
	*a = Dollars(n)
	return err
}

func number(d *jsonx.Decoder, digits int) (int64, error) {
	value, err := d.ReadValue()
	if err != nil {
		return 0, err
	}
	if value.Kind() != '0' {
		return 0, jsonx.Fault("must be a number, not %s", jsonx.KindName(value.Kind()))
	}
	n, err := ParseDecimal(string(value), digits)
	if err != nil {
		return 0, jsonx.Fault("%s", err)
	}
	return n, nil
}

// Append appends the amount in the form of the files.
func (a Amount) Append(b []byte) []byte { return appendDecimal(b, int64(a), amountDigits) }

// Append appends the price in the form of the files.
func (a Dollars) Append(b []byte) []byte { return appendDecimal(b, int64(a), dollarsDigits) }

// appendDecimal appends n / 10^digits without trailing zeros.
func appendDecimal(b []byte, n int64, digits int) []byte {
	scale := int64(1)
	for range digits {
		scale *= 10
	}
	b = strconv.AppendInt(b, n/scale, 10)
	rest := n % scale
	if rest == 0 {
		return b
	}
	b = append(b, '.')
	for rest != 0 {
		scale /= 10
		b = append(b, byte('0'+rest/scale))
		rest %= scale
	}
	return b
}
