package jsonx

import (
	"bytes"
	"errors"
	"testing"
)

func TestMembersAreEditedAndTheRestStaysByteForByte(t *testing.T) {
	model := Edit{Name: "model", Value: Raw(`"m"`)}
	version := Edit{Name: "version", Value: Raw(`1`), Add: true}
	drop := Edit{Name: "drop"}
	for _, tt := range []struct {
		doc   string
		edits []Edit
		want  string
	}{
		{`{"a":1}`, nil, `{"a":1}`},
		{` { "a" : 1 , "b":[ {} ] } `, []Edit{drop}, ` { "a" : 1 , "b":[ {} ] } `},
		{`{"a":1, "model" : "x" ,"b":2}`, []Edit{model}, `{"a":1, "model" : "m" ,"b":2}`},
		{`{"a":1, "drop":{"model":1},"b":2}`, []Edit{drop, model}, `{"a":1,"b":2}`},
		{`{"drop":1,"a":1}`, []Edit{drop}, `{"a":1}`},
		{`{"a":1 , "drop":1 }`, []Edit{drop}, `{"a":1}`},
		{`{ "drop":1 }`, []Edit{drop}, `{}`},
		{`{"a":1,"drop":1,"model":2}`, []Edit{drop, {Name: "model"}}, `{"a":1}`},
		{`{"drop":1,"model":2,"a":1,"version":3}`, []Edit{drop, {Name: "model"}, version}, `{"a":1,"version":1}`},
		{`{}`, []Edit{version}, `{"version":1}`},
		{`{ "a":1 }`, []Edit{version}, `{ "a":1,"version":1 }`},
		{`{"drop":1}`, []Edit{drop, version, model}, `{"version":1}`},
		{`{"mod\u0065l":"x"}`, []Edit{model}, `{"mod\u0065l":"m"}`},
	} {
		doc := Raw(tt.doc)
		got, err := EditMembers(doc, tt.edits, nil)
		if text := string(bytes.Join(got, nil)); err != nil || text != tt.want {
			t.Errorf("%s: %s, %v; want %s", tt.doc, text, err, tt.want)
		}
		if string(doc) != tt.doc {
			t.Errorf("the document became %s", doc)
		}
	}
}

func TestEditsRefuseWhatIsNoObject(t *testing.T) {
	for _, doc := range []string{"", "[]", "1", `{"a":1,"a":2}`, `{"a":1} x`} {
		if _, err := EditMembers(Raw(doc), nil, nil); err == nil {
			t.Errorf("%s is taken", doc)
		}
	}
	own := errors.New("no")
	if _, err := EditMembers(Raw(`{"a":1,"b":2}`), nil, func(name string) error {
		if name == "b" {
			return own
		}
		return nil
	}); !errors.Is(err, own) {
		t.Errorf("%v", err)
	}
}
