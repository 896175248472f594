package jsonx_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
)

// shape has a member of each kind that decoding tells apart.
type shape struct {
	Text  string            `json:"text"`
	Whole int64             `json:"whole"`
	Real  float64           `json:"real"`
	Flag  bool              `json:"flag"`
	List  []shape           `json:"list"`
	Map   map[string]string `json:"map"`
	Odd   odd               `json:"odd"`
	Rest  jsonx.Raw         `json:",embed"`
}

// odd takes a word of three letters, or an object with a shape in it.
type odd struct {
	word  string
	Shape *shape `json:"shape"`
}

func (o *odd) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	if d.PeekKind() == '"' {
		if err := jsonx.UnmarshalDecode(d, &o.word); err != nil {
			return err
		}
		if len(o.word) != 3 {
			return jsonx.Fault("must have %d letters, not %d", 3, len(o.word))
		}
		return nil
	}
	type plain odd
	return jsonx.UnmarshalDecode(d, (*plain)(o))
}

func TestUnmarshalSaysWhereAndWhy(t *testing.T) {
	deep := strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001)
	tests := []struct {
		name, in string
		path     string
		reason   string // is contained in the error's
		syntax   bool
	}{
		{"a number for text", `{"text":1}`, "text", "must be a string, not a number", false},
		{"an object for text", `{"text":{}}`, "text", "must be a string, not an object", false},
		{"text for a whole number", `{"whole":"1"}`, "whole", "must be an integer, not a string", false},
		{"a fraction for a whole number", `{"whole":1.5}`, "whole", "1.5 is not an integer in the accepted range", false},
		{"a number that does not fit", `{"whole":9223372036854775808}`, "whole", "9223372036854775808 is not an integer in the accepted range", false},
		{"true for a number", `{"real":true}`, "real", "must be a number, not a boolean", false},
		{"text for a boolean", `{"flag":"true"}`, "flag", "must be a boolean, not a string", false},
		{"an object for a list", `{"list":{}}`, "list", "must be an array, not an object", false},
		{"a list for an object", `{"map":[]}`, "map", "must be an object, not an array", false},
		{"deep inside", `{"list":[{},{"list":[{"text":[]}]}]}`, "list[1].list[0].text", "must be a string, not an array", false},
		{"a fault of the type's own", `{"odd":"four"}`, "odd", "must have 3 letters, not 4", false},
		{"inside a type with several shapes", `{"odd":{"shape":{"text":7}}}`, "odd.shape.text", "must be a string, not a number", false},
		{"not an object", `[]`, "", "must be an object, not an array", false},

		{"nothing", ``, "", "invalid JSON: ", true},
		{"a word", `hello`, "", "invalid JSON: ", true},
		{"a name twice", `{"list":[{"text":"a","text":"b"}]}`, "list[0].text", "duplicate name in the JSON object", true},
		{"a name twice that has no field", `{"map":{"a":"1","a":"2"}}`, "map.a", "duplicate name", true},
		{"broken UTF-8", "{\"text\":\"\xff\"}", "text", "invalid JSON: ", true},
		{"a control character", "{\"text\":\"a\nb\"}", "text", "invalid JSON: ", true},
		{"a comma too many", `{"text":"a",}`, "", "invalid JSON: ", true},
		{"more behind it", `{} {}`, "", "invalid JSON: ", true},
		{"cut", `{"list":[{"text":"a`, "list[0].text", "invalid JSON: ", true},
		{"nested beyond reason", deep, "", "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var v shape
			var err error
			if tt.in == deep {
				var raw jsonx.Raw
				err = jsonx.Unmarshal([]byte(tt.in), &raw)
			} else {
				err = jsonx.Unmarshal([]byte(tt.in), &v)
			}
			var e *jsonx.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			if tt.in != deep && e.Path != tt.path || e.Syntax != tt.syntax || !strings.Contains(e.Reason, tt.reason) {
				t.Errorf("got path %q, syntax %t: %s; want path %q, syntax %t: %s", e.Path, e.Syntax, e.Reason, tt.path, tt.syntax, tt.reason)
			}
			if want := strings.TrimPrefix(e.Path+": ", ": ") + e.Reason; e.Error() != want {
				t.Errorf("the error reads %q, want %q", e, want)
			}
		})
	}
}

func TestAWrongEscapeIsToldWithoutTheTextBehindIt(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":"before\ud800secret"}`:  "a: invalid JSON: invalid surrogate pair in string",
		`{"a":"before\ud800\u0041x"}`: "a: invalid JSON: invalid surrogate pair in string",
		`{"a":"before\usecret"}`:      "a: invalid JSON: invalid escape sequence in string",
		`{"a":"before\xsecret"}`:      "a: invalid JSON: invalid escape sequence `\\x` in string",
	} {
		var v struct {
			A string `json:"a"`
		}
		if err := jsonx.Unmarshal([]byte(in), &v); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", in, err, want)
		}
	}
}

func TestUnmarshalKeepsWhatHasNoField(t *testing.T) {
	var v shape
	if err := jsonx.Unmarshal([]byte(`{"b": [1, 2.50], "text":"x", "a":{"n":null}}`), &v); err != nil {
		t.Fatal(err)
	}
	members, err := jsonx.Members(v.Rest)
	if err != nil {
		t.Fatal(err)
	}
	want := []jsonx.Member{{Name: "b", Value: jsonx.Raw(`[1, 2.50]`)}, {Name: "a", Value: jsonx.Raw(`{"n":null}`)}}
	if diff := cmp.Diff(want, members); diff != "" {
		t.Errorf("the rest (-want +got):\n%s", diff)
	}
}

// pair is an array of at most two texts.
type pair []string

func (p *pair) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	return jsonx.DecodeArray(d, (*[]string)(p), 2)
}

func TestDecodeArray(t *testing.T) {
	for doc, want := range map[string]pair{`["a","b"]`: {"a", "b"}, `[]`: nil, `null`: nil} {
		var got pair
		if err := jsonx.Unmarshal([]byte(doc), &got); err != nil || !cmp.Equal(got, want) {
			t.Errorf("%s: %v, %v", doc, got, err)
		}
	}
	for doc, want := range map[string]string{
		`{"p":["a","b","c"]}`: "p must have at most 2 elements",
		`{"p":"a"}`:           "p must be an array, not a string",
		`{"p":["a",1]}`:       "p[1] must be a string, not a number",
	} {
		var got struct {
			P pair `json:"p"`
		}
		var e *jsonx.Error
		if err := jsonx.Unmarshal([]byte(doc), &got); !errors.As(err, &e) || e.Path+" "+e.Reason != want {
			t.Errorf("%s: %v", doc, err)
		}
	}
}

func TestMembers(t *testing.T) {
	tests := []struct {
		name, in string
		want     []jsonx.Member
		fault    string
	}{
		{"no value has none", "", nil, ""},
		{"an empty object has none", " {} ", nil, ""},
		{"in the order of the document", `{"b":1,"a":"\u0041"}`, []jsonx.Member{{Name: "b", Value: jsonx.Raw("1")}, {Name: "a", Value: jsonx.Raw(`"\u0041"`)}}, ""},
		{"a list", `[1]`, nil, "must be an object"},
		{"null", `null`, nil, "must be an object"},
		{"cut in a name", `{"a`, nil, "invalid JSON: "},
		{"cut in a value", `{"a":[1`, nil, "invalid JSON: "},
		{"cut behind a value", `{"a":1`, nil, "invalid JSON: "},
		{"a name twice", `{"a":1,"a":2}`, nil, "duplicate name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := jsonx.Members(jsonx.Raw(tt.in))
			if tt.fault != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fault) {
					t.Errorf("got %v, %v", got, err)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestCompact(t *testing.T) {
	in := jsonx.Raw("{ \"b\" : [ 1.50 ,\n2 ], \"a b\": \"c  d\" }")
	before := string(in)
	got, err := jsonx.Compact(in)
	if err != nil || string(got) != `{"b":[1.50,2],"a b":"c  d"}` {
		t.Errorf("got %s, %v", got, err)
	}
	if string(in) != before {
		t.Error("the value itself was changed")
	}
	if _, err := jsonx.Compact(jsonx.Raw("{")); err == nil {
		t.Error("half an object is compact")
	}
}

func TestValid(t *testing.T) {
	for in, want := range map[string]bool{`{}`: true, ` 1 `: true, `"a"`: true, ``: false, `{} {}`: false, `{"a":1,"a":1}`: false, "\"\xff\"": false} {
		if got := jsonx.Valid([]byte(in)); got != want {
			t.Errorf("%q: got %t", in, got)
		}
	}
}

func TestPath(t *testing.T) {
	for pointer, want := range map[string]string{
		"":                      "",
		"/model":                "model",
		"/messages/2/content/0": "messages[2].content[0]",
		"/a~1b/c~0d":            "a/b.c~d",
		"/0":                    "0",
		"/~01":                  "~1",
	} {
		if got := jsonx.Path(pointer); got != want {
			t.Errorf("%s: got %s, want %s", pointer, got, want)
		}
	}
}

func TestKindNames(t *testing.T) {
	for in, want := range map[string]string{`{}`: "an object", `[]`: "an array", `""`: "a string", `-1`: "a number", `true`: "a boolean", `false`: "a boolean", `null`: "null", ``: "no JSON value"} {
		if got := jsonx.KindName(jsonx.Raw(in).Kind()); got != want {
			t.Errorf("%q is %s, want %s", in, got, want)
		}
	}
}

func TestMarshalIsTheSameEachTime(t *testing.T) {
	got, err := jsonx.Marshal(map[string]int{"b": 2, "a": 1, "c": 3})
	if err != nil || string(got) != `{"a":1,"b":2,"c":3}` {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestWriter(t *testing.T) {
	var w jsonx.Writer
	w.Object()
	w.Key("text")
	w.String("a\"b\\c\n\u2028é\xff")
	w.AnyKey("any \"name\"")
	w.Array()
	w.Int(math.MinInt64)
	w.Float(0.1)
	w.Float(1e21)
	w.Bool(true)
	w.Bool(false)
	w.Null()
	w.Raw(nil)
	w.Raw(jsonx.Raw(`{"raw": 1}`))
	w.Array()
	w.EndArray()
	w.Object()
	w.EndObject()
	w.EndArray()
	w.Key("data")
	w.Base64([]byte("AA=="))
	w.Members([]jsonx.Member{{Name: "m", Value: jsonx.Raw("7")}, {Name: "n"}})
	w.EndObject()
	want := `{"text":"a\"b\\c\n` + "\u2028é\ufffd" + `","any \"name\"":[-9223372036854775808,0.1,1e+21,true,false,null,null,{"raw": 1},[],{}],"data":"AA==","m":7,"n":null}`
	if string(w.Buf) != want {
		t.Errorf("got  %s\nwant %s", w.Buf, want)
	}
	if !json.Valid(w.Buf) {
		t.Error("encoding/json does not take it")
	}
}

func TestWriterAppendsBehindWhatIsThere(t *testing.T) {
	w := jsonx.Writer{Buf: []byte("data: ")}
	w.Array()
	w.Int(1)
	w.EndArray()
	if string(w.Buf) != "data: [1]" {
		t.Errorf("got %s", w.Buf)
	}
}

// FuzzAppendString holds every string to encoding/json's reading of it.
func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "plain", "a\"b", "\\", "\x00\x1f\x7f", "é\u2028", "\xff\xfe", "\U0001f600", "a\xffb"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := jsonx.AppendString([]byte("x"), s)
		var back string
		if err := json.Unmarshal(out[1:], &back); err != nil {
			t.Fatalf("%q became %s: %v", s, out, err)
		}
		if want := strings.ToValidUTF8(s, "\ufffd"); strings.ReplaceAll(back, "\ufffd", "") != strings.ReplaceAll(want, "\ufffd", "") {
			t.Errorf("%q came back as %q", s, back)
		}
		if !jsonx.Valid(out[1:]) {
			t.Errorf("%q became %s, which jsonx does not take", s, out)
		}
	})
}

func TestIndentSpreadsAValueOverLines(t *testing.T) {
	v := jsonx.Raw(`{"a":[1,{"b":null}]}`)
	got, err := jsonx.Indent(v)
	if want := "{\n  \"a\": [\n    1,\n    {\n      \"b\": null\n    }\n  ]\n}"; err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
	if string(v) != `{"a":[1,{"b":null}]}` {
		t.Errorf("the value itself was changed: %s", v)
	}
	if _, err := jsonx.Indent(jsonx.Raw(`{`)); err == nil {
		t.Error("what is no JSON is spread")
	}
}
