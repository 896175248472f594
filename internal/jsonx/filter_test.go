package jsonx_test

import (
	"testing"

	"outcrop/internal/jsonx"
)

func TestFilter(t *testing.T) {
	for doc, want := range map[string]string{
		`{"items":[{"id":"a","x":1.0},{"id":"b"},{"id":7},[]],"next":"t"}`: `{"items":[{"id":"a","x":1.0}],"next":"t"}`,
		`{"other":1}`:     `{"other":1}`,
		`{"items":"all"}`: `{"items":[]}`,
		`[]`:              `{"items":[]}`,
		`nonsense`:        `{"items":[]}`,
	} {
		if got := jsonx.Filter(jsonx.Raw(doc), "items", "id", func(id string) bool { return id == "a" }); string(got) != want {
			t.Errorf("%s gives %s, want %s", doc, got, want)
		}
	}
}
