package jsonx_test

import (
	"testing"

	"outcrop/internal/jsonx"
)

func TestManyValues(t *testing.T) {
	for doc, commas := range map[string]int{
		``:                            0,
		`[1,2,3]`:                     2,
		`{"a":",,,","b":[1,2]}`:       2,
		`{"a\\":1,"\",\"":",",",":2}`: 2,
		`[",`:                         0,
		`,,,`:                         3,
	} {
		if jsonx.ManyValues([]byte(doc), commas) || commas > 0 && !jsonx.ManyValues([]byte(doc), commas-1) {
			t.Errorf("%s does not hold %d commas", doc, commas)
		}
	}
}
