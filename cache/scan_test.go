package cache

import (
	"bytes"
	"testing"

	"outcrop/internal/jsonx"
)

// What is found in a document is what the reader of JSON finds.
func FuzzScan(f *testing.F) {
	for _, doc := range []string{
		`{}`, ` { "a" : 1 , "b\n\u0041" : [ { "c" : "]}\"\\" } , {} , [ {} ] ] } `, `{"a":"\\","b":-1.5e3,"c":null,"d":true,"e":{"f":[]}}`, `{"messages":[{"role":"user"},{"role":"x"}]}`,
		`[]`, `{"a"}`, `{"a":1,}`, `{"a":1 2}`, "{\"\xff\":1}", `{"a":[}]}`,
	} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		want, err := jsonx.Members(doc)
		if err != nil || jsonx.Raw(doc).Kind() != '{' || !jsonx.Valid(doc) {
			want = nil
		}
		n := 0
		s := scanner{doc: doc}
		ok := s.members(func(name string, value jsonx.Raw, objects int) bool {
			if want == nil {
				return true
			}
			if n >= len(want) || want[n].Name != name || !bytes.Equal(bytes.TrimSpace(want[n].Value), bytes.TrimSpace(value)) {
				t.Fatalf("%q: member %d is %q with %q, want %q", doc, n, name, value, want)
			}
			if value.Kind() == '[' {
				var list []jsonx.Raw
				if err := jsonx.Unmarshal(value, &list); err != nil {
					t.Fatal(err)
				}
				for _, item := range list {
					if item.Kind() == '{' {
						objects--
					}
				}
				if objects != 0 {
					t.Fatalf("%q: %q has %d more objects", doc, value, objects)
				}
			}
			n++
			return true
		})
		if want != nil && (!ok || n != len(want)) {
			t.Fatalf("%q: %d of %d members, %v", doc, n, len(want), ok)
		}
	})
}

// A value without its white space is the value that the reader of JSON makes of it, and two values that differ stay two.
func FuzzCompact(f *testing.F) {
	for _, doc := range []string{`1`, ` [ 1 , "a b\" " , { "c" : 2 } ] `, `"a  b"`, `1 2`, `"`, `{"a" :"\\" }`} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		if !jsonx.Valid(doc) {
			_ = compact(nil, doc) // which must end
			return
		}
		want, err := jsonx.Compact(doc)
		if err != nil {
			t.Fatal(err)
		}
		if got := compact(nil, doc); !bytes.Equal(got[:len(got)-1], want) {
			t.Fatalf("%q becomes %q, want %q", doc, got, want)
		}
	})
}
