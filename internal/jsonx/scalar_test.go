package jsonx_test

import (
	"strings"
	"testing"

	"outcrop/internal/jsonx"
)

// scalars reads an object with a text and a number.
type scalars struct {
	text   string
	number int64
	names  []string
}

func (s *scalars) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	return jsonx.Each(d, func(name []byte) error {
		s.names = append(s.names, string(name))
		switch string(name) {
		case "text":
			return jsonx.Text(d, &s.text)
		case "number":
			return jsonx.Int(d, &s.number)
		default:
			return d.SkipValue()
		}
	})
}

func TestMembersAreReadWithoutReflection(t *testing.T) {
	for doc, want := range map[string]scalars{
		`{}`:   {},
		`null`: {},
		`{"text":"a","number":-7,"other":[{"text":1}]}`: {text: "a", number: -7, names: []string{"text", "number", "other"}},
		`{"te\u0078t":"\"\u00e9\n","number":null}`:      {text: "\"é\n", names: []string{"text", "number"}},
		`{"text":null,"number":9223372036854775807}`:    {number: 1<<63 - 1, names: []string{"text", "number"}},
	} {
		var got scalars
		err := jsonx.Unmarshal([]byte(doc), &got)
		if err != nil || got.text != want.text || got.number != want.number || strings.Join(got.names, " ") != strings.Join(want.names, " ") {
			t.Errorf("%s: %+v, %v, want %+v", doc, got, err, want)
		}
	}
}

// TestScalarsOfAnotherKindAreRefused holds the functions to UnmarshalDecode, by a struct.
func TestScalarsOfAnotherKindAreRefused(t *testing.T) {
	for _, doc := range []string{
		`{"text":1}`, `{"text":[]}`, `{"number":"1"}`, `{"number":1.5}`, `{"number":1e3}`, `{"number":9223372036854775808}`, `{"number":true}`,
		`{"text":"a","text":"b"}`, `{"text":"a`, `{"number":-}`, `[]`, `5`, ``, `{`,
	} {
		var plain struct {
			Text   string `json:"text"`
			Number int64  `json:"number"`
		}
		var got scalars
		want, err := jsonx.Unmarshal([]byte(doc), &plain), jsonx.Unmarshal([]byte(doc), &got)
		if (want == nil) != (err == nil) {
			t.Errorf("%s: %v, a struct says: %v", doc, err, want)
		}
	}
}
