package jsonx_test

import (
	"slices"
	"testing"

	"outcrop/internal/jsonx"
)

func TestFloatsAreNumbersAndNothingElse(t *testing.T) {
	for _, tt := range []struct {
		doc  string
		want []float64
		ok   bool
	}{
		{`[ 1 , -2.5e-3,0 ]`, []float64{1, -2.5e-3, 0}, true},
		{`[]`, nil, true},
		{`null`, nil, true},
		{`["1"]`, nil, false},
		{`[[1,2]]`, nil, false},
		{`[1,null]`, nil, false},
		{`{"a":1}`, nil, false},
		{`[1,]`, nil, false},
	} {
		var f jsonx.Floats
		if err := jsonx.Unmarshal([]byte(tt.doc), &f); (err == nil) != tt.ok || tt.ok && !slices.Equal(f, tt.want) {
			t.Errorf("%s is %v, %v", tt.doc, f, err)
		}
	}
}
