package llm

import (
	"math"
	"testing"
)

// Calls without tokens cost what their units cost, and nothing is made up for a unit without a price.
func TestCostsOfUnits(t *testing.T) {
	dollar := Some(Cost(costUnit))
	for name, tt := range map[string]struct {
		prices Prices
		usage  Usage
		want   Cost
		ok     bool
	}{
		"images":                         {Prices{Image: dollar}, Usage{Images: 3}, 3 * costUnit, true},
		"seconds":                        {Prices{Second: dollar}, Usage{Seconds: 1.5}, costUnit * 3 / 2, true},
		"characters":                     {Prices{Character: dollar}, Usage{Characters: 2}, 2 * costUnit, true},
		"images without a price":         {Prices{Second: dollar}, Usage{Images: 3}, 0, false},
		"tokens of a model without":      {Prices{Image: dollar}, Usage{Images: 1, Input: 5}, costUnit, true},
		"tokens beside an image":         {Prices{Image: dollar, Rates: []Rates{{Input: Some(Cost(2))}}}, Usage{Images: 1, Input: 5}, costUnit + 10, true},
		"more than there is":             {Prices{Second: dollar}, Usage{Seconds: math.MaxFloat64}, 1 << 60, true},
		"no number":                      {Prices{Second: dollar}, Usage{Seconds: math.NaN()}, 0, true},
		"tokens of images":               {Prices{Rates: []Rates{{Input: Some(Cost(2)), Output: Some(Cost(3)), ImageInput: Some(Cost(5)), ImageOutput: Some(Cost(7))}}}, Usage{Input: 10, Output: 10, ImageInput: Some(int64(4)), ImageOutput: Some(int64(9))}, 6*2 + 4*5 + 3 + 9*7, true},
		"tokens of images, priced alike": {Prices{Rates: []Rates{{Input: Some(Cost(2)), Output: Some(Cost(3))}}}, Usage{Input: 10, Output: 10, ImageInput: Some(int64(4)), ImageOutput: Some(int64(99))}, 50, true},
	} {
		if got, ok := tt.prices.Cost("", &tt.usage); got != tt.want || ok != tt.ok {
			t.Errorf("%s: %d %v, want %d", name, got, ok, tt.want)
		}
	}
}

func TestFreePrices(t *testing.T) {
	zero, some := Some(Cost(0)), Some(Cost(1))
	for name, tt := range map[string]struct {
		prices Prices
		want   bool
	}{
		"free":           {Prices{Rates: []Rates{{Input: zero, Output: zero}}}, true},
		"nothing known":  {Prices{}, false},
		"half known":     {Prices{Rates: []Rates{{Input: zero}}}, false},
		"output costs":   {Prices{Rates: []Rates{{Input: zero, Output: some}}}, false},
		"searches cost":  {Prices{Query: some, Rates: []Rates{{Input: zero, Output: zero}}}, false},
		"one tier costs": {Prices{Rates: []Rates{{Input: zero, Output: zero}, {Tier: TierFlex, Input: some, Output: some}}}, false},
	} {
		if tt.prices.Free() != tt.want {
			t.Errorf("%s: %v", name, !tt.want)
		}
	}
}
