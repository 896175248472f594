package jsonx

import (
	"strings"
	"testing"
)

// A Picker finds the same in one piece and byte by byte, and holds nothing that is larger than its bounds.
func TestPickerFindsMembersHoweverTheTextArrives(t *testing.T) {
	large := strings.Repeat("x", 2*maxPicked)
	deep := strings.Repeat("[", 10000) + strings.Repeat("]", 10000)
	for text, want := range map[string]string{
		`{"a":1}`:                               "a=1;",
		`{"a":1,"b":{"a":2},"c":{"a":[3,"]"]}}`: `a=1;c.a=[3,"]"];`,
		`{"b":"\"a\":5,","a" : "x\"}" , "c":[{"a":null},{"a":true}]}`: `a="x\"}";c.a=null;c.a=true;`,
		`[{"a":1},{"a":{"d":"}"}}]`:                                   `a=1;a={"d":"}"};`,
		"{\"a\":1}\n{\"a\":2}":                                        "a=1;a=2;",
		`{"a":"` + large + `","c":{"a":7}}`:                           "c.a=7;",
		`{"` + large + `":1,"a":2}`:                                   "a=2;",
		`{"b":` + deep + `,"a":2}`:                                    "a=2;",
		deep + `{"a":2}`:                                              "a=2;",
		`}}]{"a":`:                                                    "",
		`"text"{"a":-1e5}`:                                            "a=-1e5;",
	} {
		for _, size := range []int{1, 3, len(text)} {
			var got strings.Builder
			p := Picker{Enter: []string{"c"}, Pick: []string{"a", "c.a"}, Take: func(path string, value Raw) {
				got.WriteString(path + "=" + string(value) + ";")
			}}
			for rest := text; rest != ""; {
				n := min(size, len(rest))
				p.Add([]byte(rest[:n]))
				rest = rest[n:]
			}
			if got.String() != want {
				t.Errorf("%.60s by %d: %s, want %s", text, size, got.String(), want)
			}
			if cap(p.value) > 2*maxPicked || cap(p.key) > 4*maxPickedName || cap(p.open) > 2*maxPickDepth {
				t.Errorf("%.60s: holds %d, %d, %d", text, cap(p.value), cap(p.key), cap(p.open))
			}
		}
	}
}

func TestPickerBeginsAnewAfterReset(t *testing.T) {
	got := ""
	p := Picker{Pick: []string{"a"}, Take: func(_ string, value Raw) { got += string(value) }}
	p.Add([]byte(`{"b":[{"c":"`))
	p.Reset()
	p.Add([]byte(`{"a":4}`))
	if got != "4" {
		t.Errorf("got %q", got)
	}
}

func FuzzPicker(f *testing.F) {
	f.Add([]byte(`{"a":1,"c":[{"a":"\\\""}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var whole, split string
		p := Picker{Enter: []string{"c"}, Pick: []string{"a", "c.a"}, Take: func(path string, value Raw) { whole += path + string(value) }}
		p.Add(text)
		q := Picker{Enter: []string{"c"}, Pick: []string{"a", "c.a"}, Take: func(path string, value Raw) { split += path + string(value) }}
		for i := range text {
			q.Add(text[i : i+1])
		}
		if whole != split {
			t.Errorf("%q and %q", whole, split)
		}
	})
}
