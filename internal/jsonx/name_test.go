package jsonx_test

import (
	"testing"

	"outcrop/internal/jsonx"
)

func TestWordsAreTheTextsOfStrings(t *testing.T) {
	for raw, want := range map[string]string{
		`"default"`: "default", `"rare words"`: "rare words", `""`: "", `"a\"b\u0041"`: `a"bA`, `"é"`: "é",
		`"open`: "", `"a"b"`: "", "\"a\nb\"": "", "\"\xff\"": "", `1`: "", `null`: "", ``: "", `{"a":"b"}`: "",
	} {
		if got := jsonx.Word(jsonx.Raw(raw)); got != want {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
	}
}

func TestFrequentNamesAreNotCopied(t *testing.T) {
	frequent, rare := []byte("content_block_delta"), []byte("content_block_other")
	if n := testing.AllocsPerRun(100, func() { _ = jsonx.Name(frequent) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if got := jsonx.Name(rare); got != "content_block_other" {
		t.Errorf("%q", got)
	}
}
