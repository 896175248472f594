package jsonx_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
)

// plainForm is a document with each kind of value that a Plain reads.
type plainForm struct {
	Text  string      `json:"text"`
	Count int64       `json:"count"`
	Yes   bool        `json:"yes"`
	Any   jsonx.Raw   `json:"any"`
	List  []plainForm `json:"list"`
}

// read reads the document's next value as Unmarshal reads it.
func (f *plainForm) read(p *jsonx.Plain) {
	p.Object(func(name []byte) {
		switch string(name) {
		case "text":
			p.Text(&f.Text)
		case "count":
			p.Int(&f.Count)
		case "yes":
			p.Bool(&f.Yes)
		case "any":
			p.Keep(&f.Any)
		case "list":
			f.List = []plainForm{}
			jsonx.PlainArray(p, &f.List, 4, func(inner *plainForm) { inner.read(p) })
		case "never":
			p.GiveUp()
		default:
			p.Value()
		}
	})
}

func readPlain(doc string) (f plainForm, done bool) {
	p := jsonx.NewPlain([]byte(doc))
	f.read(&p)
	return f, p.Done()
}

func TestPlainReadsWhatIsUsual(t *testing.T) {
	for _, doc := range []string{
		`{}`,
		" {\t\"text\" : \"a\" ,\r\n\"count\":0} ",
		`{"text":"größer","count":123456789012345678,"yes":true,"other":null}`,
		`{"text":"a\n\"b\"\\ \u00e9\ud83d\ude00","yes":false}`,
		`{"any":{"a":[1,-2.5e+3,0.1,"x",[],{},true,false,null],"b":{"a":1}}}`,
		`{"any":"with \"escapes\" and \\"}`,
		`{"list":[{"text":"a"},{"list":[{}]},{"any": 1 }]}`,
	} {
		got, done := readPlain(doc)
		var want plainForm
		if err := jsonx.Unmarshal([]byte(doc), &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); !done || diff != "" {
			t.Errorf("%s: done %v (-want +got):\n%s", doc, done, diff)
		}
	}
}

func TestPlainGivesUp(t *testing.T) {
	for name, doc := range map[string]string{
		"nothing":                "",
		"null":                   "null",
		"a list":                 "[]",
		"a document behind":      `{}{}`,
		"a byte of 0":            "{}\x00",
		"an open object":         `{"text":"a"`,
		"an open string":         `{"text":"a`,
		"an open escape":         `{"text":"a\`,
		"a comma at the end":     `{"text":"a",}`,
		"a comma at the start":   `{,"text":"a"}`,
		"no comma":               `{"text":"a" "count":1}`,
		"no colon":               `{"text" "a"}`,
		"the wrong bracket":      `{"list":[}]`,
		"a name twice":           `{"text":"a","text":"b"}`,
		"a name twice inside":    `{"any":[{"a":1,"a":2}]}`,
		"an escape in a name":    `{"t\u0065xt":"a"}`,
		"a control character":    "{\"text\":\"a\nb\"}",
		"no UTF-8":               "{\"text\":\"\xff\"}",
		"no UTF-8 in a name":     "{\"\xff\":1}",
		"half a surrogate":       `{"text":"\ud800"}`,
		"half a surrogate, kept": `{"any":"\ud800"}`,
		"an unknown escape":      `{"any":"\x"}`,
		"a number as text":       `{"text":1}`,
		"a text as number":       `{"count":"1"}`,
		"a fraction as number":   `{"count":1.0}`,
		"a negative number":      `{"count":-1}`,
		"a large number":         `{"count":1234567890123456789}`,
		"a leading zero":         `{"count":01}`,
		"a leading zero, kept":   `{"any":01}`,
		"a sign alone":           `{"any":-}`,
		"no digits behind":       `{"any":1.}`,
		"no exponent":            `{"any":1e+}`,
		"a word":                 `{"any":nul}`,
		"a longer word":          `{"any":nulls}`,
		"a text as boolean":      `{"yes":"true"}`,
		"half a boolean":         `{"yes":tru}`,
		"more than the limit":    `{"list":[{},{},{},{},{}]}`,
		"what the caller leaves": `{"never":1}`,
		"deep nesting":           `{"any":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}`,
		"many members":           `{"any":{` + strings.Join(strings.Split(strings.Repeat(`"x":1 `, 40), " ")[:40], ",") + `}}`,
	} {
		if f, done := readPlain(doc); done {
			t.Errorf("%s: %s is read as %+v", name, doc, f)
		}
	}
}

// FuzzPlain holds that a Plain reads what Unmarshal reads, or gives up.
func FuzzPlain(f *testing.F) {
	for _, doc := range []string{
		`{"text":"a","count":1,"yes":true,"any":{"b":[1.5e3,"x",null]},"list":[{"text":"c"}]}`,
		`{"text":"\u00e9\ud83d\ude00 \/","any":"\"","other":{"a":{"a":{}}}}`, `{"a":1,"a":2}`, "{\"text\":\"\xff\"}", `{"any":-0.0E-1} `,
	} {
		f.Add(doc)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		got, done := readPlain(doc)
		if !done {
			return
		}
		var want plainForm
		if err := jsonx.Unmarshal([]byte(doc), &want); err != nil {
			t.Fatalf("%q is read, and is refused: %v", doc, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", doc, diff)
		}
	})
}

// FuzzValid holds that Valid says of any document what the JSON library says of it.
func FuzzValid(f *testing.F) {
	for _, data := range []string{`{"a":"\u00e9\n","b":[1,2.5e3,null,true]}`, `{"a":1,"a":2}`, `"\ud800"`, "\"\xff\"", `[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]`, " 01 ", `"a" "b"`, ``} {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, want := jsonx.Valid(data), jsonx.Raw(data).IsValid(); got != want {
			t.Errorf("%q: %v, want %v", data, got, want)
		}
	})
}
