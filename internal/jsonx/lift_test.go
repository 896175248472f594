package jsonx_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
)

func all([]byte) bool { return true }

func TestLongBase64IsTakenOutOfADocument(t *testing.T) {
	long := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("outcrop"), 1000))
	for _, tt := range []struct {
		name, doc string
		taken     []string
	}{
		{"nothing long", `{"a":"` + long[:100] + `"}`, nil},
		{"a string", `{"a":"` + long + `","b":1}`, []string{long}},
		{"a data URI", `["data:image/png;base64,` + long + `"]`, []string{long}},
		{"a data URI in capitals", `["DATA:image/png;base64,` + long + `"]`, []string{long}},
		{"two", `{"a":"` + long + `","b":["x","` + long[4:] + `"]}`, []string{long, long[4:]}},
		{"a text", `{"a":"` + strings.Repeat("A text of words. ", 500) + `"}`, nil},
		{"a data URI that is no base64", `["data:text/plain,` + long + `"]`, nil},
		{"behind a string with quotation marks", `{"a\\":"\\\"","b":"` + long + `"}`, []string{long}},
		{"a string without an end", `{"a":"` + long, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := jsonx.Extract([]byte(tt.doc))
			if l == nil {
				if tt.taken != nil {
					t.Fatal("nothing was taken out")
				}
				return
			}
			if len(tt.taken) != l.Unresolved() {
				t.Fatalf("%d were taken out, want %d", l.Unresolved(), len(tt.taken))
			}
			if len(l.Doc) > len(tt.doc)-len(long)/2 || !jsonx.Valid(l.Doc) {
				t.Errorf("what is left: %s", l.Doc)
			}
			for _, want := range tt.taken {
				var mark string
				for _, piece := range strings.FieldsFunc(string(l.Doc), func(r rune) bool { return r == '"' || r == ',' }) {
					if strings.HasPrefix(piece, "~") {
						mark = piece
						break
					}
				}
				if text, ok := l.Resolve(mark, func([]byte) bool { return false }); ok {
					t.Errorf("%s was given although it was not what it should be", text)
				}
				got, ok := l.Resolve(mark, all)
				if !ok || string(got) != want {
					t.Errorf("mark %q stands for %d bytes, %v", mark, len(got), ok)
				}
				l.Doc = bytes.Replace(l.Doc, []byte(mark), got, 1)
			}
			if string(l.Doc) != tt.doc || l.Unresolved() != 0 {
				t.Errorf("put back it is another document; %d are left", l.Unresolved())
			}
		})
	}
}

func TestAMarkCannotBeGuessed(t *testing.T) {
	long := strings.Repeat("QUJD", 2000)
	doc := []byte(`["` + long + `"]`)
	first, second := jsonx.Extract(doc), jsonx.Extract(doc)
	if bytes.Equal(first.Doc, second.Doc) {
		t.Error("two documents have the same marks")
	}
	for _, text := range []string{"", "~", "~0", "0", "~0000000000000000.0", string(bytes.Trim(second.Doc, `[]"`)), string(bytes.Trim(first.Doc, `[]"`)) + "1", string(bytes.Trim(first.Doc, `[]"0`)) + "-1"} {
		if _, ok := first.Resolve(text, all); ok {
			t.Errorf("%q is taken for a mark", text)
		}
	}
	var none *jsonx.Extracted
	if _, ok := none.Resolve("~0", all); ok {
		t.Error("nothing holds something")
	}
}

func TestLongBase64StaysApart(t *testing.T) {
	long := bytes.Repeat([]byte("QUJD"), 10_000)
	write := func(w *jsonx.Writer) {
		w.Object()
		w.Key("a")
		w.Base64(long)
		w.Key("b")
		w.Base64(long[:8])
		w.Key("c")
		w.Array()
		w.Base64(long[4:])
		w.Base64(long[8:])
		w.EndArray()
		w.EndObject()
	}
	var whole jsonx.Writer
	write(&whole)
	apart := jsonx.Writer{SplitLarge: true, Buf: []byte("before ")}
	write(&apart)
	if got := bytes.Join(apart.Segments(), nil); string(got) != "before "+string(whole.Buf) {
		t.Errorf("the pieces say something else: %d and %d bytes", len(got), len(whole.Buf))
	}
	if len(apart.Buf) > 100 {
		t.Errorf("%d bytes were copied", len(apart.Buf))
	}
	if got := bytes.Join(whole.Segments(), nil); !bytes.Equal(got, whole.Buf) {
		t.Error("a document of one piece is another in pieces")
	}
}
