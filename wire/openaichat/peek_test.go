package openaichat

import (
	"os"
	"path/filepath"
	"testing"

	"outcrop/internal/jsonx"
)

// TestHeadsAreTheSameWhoeverReadsThem reads the heads of the golden requests, and of what one byte less or another byte makes of a
// usual one, by the JSON library and without it.
func TestHeadsAreTheSameWhoeverReadsThem(t *testing.T) {
	const usual = `{"model":"m","messages":[{"role":"user","content":"a \"b\" é"}],"stream":true,"stream_options":{"include_usage":true,"x":[null]},"n":2,"user":"u","tools":[],"seed":-1.5e3}`
	bodies := []string{usual, usual + " ", usual + "x", `{"n":-1}`, `{"n":1.5}`, `{"model":null,"stream":null}`, `{"messages":{}}`}
	for i := range len(usual) {
		bodies = append(bodies, usual[:i], usual[:i]+usual[i+1:], usual[:i]+","+usual[i:], usual[:i]+"}"+usual[i+1:])
	}
	paths, err := filepath.Glob("testdata/requests/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden requests: %v", err)
	}
	for _, path := range paths {
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, string(body))
	}
	plain := 0
	for _, body := range bodies {
		got, want := headReader{Head: Head{Plain: true}}, headReader{Head: Head{Plain: true}}
		if !got.plainly([]byte(body)) {
			continue
		}
		plain++
		if err := jsonx.Unmarshal([]byte(body), &want); err != nil || got != want {
			t.Errorf("%.300s: got %+v, want %+v, %v", body, got, want, err)
		}
		if model := Model([]byte(body)); model != want.Model {
			t.Errorf("%.300s: the model is %q, want %q", body, model, want.Model)
		}
	}
	if plain < len(paths)*3/4 {
		t.Errorf("only %d of %d bodies were read without the library", plain, len(bodies))
	}
}
