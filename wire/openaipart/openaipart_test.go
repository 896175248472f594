package openaipart_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/openaipart"
)

func TestASchemaHasANameAndWhatElseIsSet(t *testing.T) {
	for _, test := range []struct {
		format llm.Format
		want   string
	}{
		{llm.Format{Schema: jsonx.Raw(`{"type":"object"}`)}, `{"name":"response","schema":{"type":"object"}}`},
		{
			llm.Format{Name: "a \"b\"", Description: "c", Schema: jsonx.Raw(`{}`), Strict: llm.Some(false)},
			`{"name":"a \"b\"","description":"c","schema":{},"strict":false}`,
		},
	} {
		var w jsonx.Writer
		w.Object()
		openaipart.AppendSchema(&w, &test.format)
		w.EndObject()
		if string(w.Buf) != test.want {
			t.Errorf("%s, want %s", w.Buf, test.want)
		}
	}
}

func TestADocumentIsATextIfItsContentIsOne(t *testing.T) {
	content := llm.EncodeBase64([]byte("a,b\n"))
	for _, test := range []struct {
		media llm.Media
		want  string
		ok    bool
	}{
		{llm.Media{Text: "x"}, "x", true},
		{llm.Media{Format: "csv", Base64: content}, "a,b\n", true},
		{llm.Media{Format: "md", Name: "n", Context: "c", Base64: content}, "n:\n\nc\n\na,b\n", true},
		{llm.Media{Format: "pdf", Base64: content}, "", false},
		{llm.Media{Format: "txt"}, "", false},
	} {
		if got, ok := openaipart.Text(&test.media); got != test.want || ok != test.ok {
			t.Errorf("%+v: %q, %t", test.media, got, ok)
		}
	}
}

func TestADocumentAsksForCitationsUnlessTheyAreOff(t *testing.T) {
	for doc, want := range map[string]bool{``: false, `{"enabled":true}`: true, `{"enabled":false}`: false} {
		if got := openaipart.Cited(&llm.Media{Citations: jsonx.Raw(doc)}); got != want {
			t.Errorf("%s: %t", doc, got)
		}
	}
}

func TestAFileHasANameThatEndsAsItsFormat(t *testing.T) {
	for _, test := range []struct{ name, format, want, wantFormat string }{
		{"", "", "document.pdf", "pdf"},
		{"report", "docx", "report.docx", "docx"},
		{"Report.PDF", "pdf", "Report.PDF", "pdf"},
	} {
		name, format := openaipart.File(&llm.Media{Name: test.name, Format: test.format})
		if name != test.want || format != test.wantFormat {
			t.Errorf("%+v: %s, %s", test, name, format)
		}
	}
}

func TestOnlyBedrockReadsS3(t *testing.T) {
	e := llm.AsError(openaipart.OnlyAWS("messages[0].content[1]"))
	if e.Param != "messages[0].content[1]" || e.Status != 400 || e.Fix == "" {
		t.Errorf("%+v", e)
	}
}

func TestArgumentsAreATextOrTheObjectItself(t *testing.T) {
	type call struct {
		Arguments openaipart.Arguments `json:"arguments"`
	}
	for doc, want := range map[string]openaipart.Arguments{
		`{"arguments":"{\"a\":1}"}`: `{"a":1}`,
		`{"arguments":{"a":[1]}}`:   `{"a":[1]}`,
		`{"arguments":null}`:        "",
		`{}`:                        "",
	} {
		var got call
		if err := jsonx.Unmarshal([]byte(doc), &got); err != nil || got.Arguments != want {
			t.Errorf("%s: %v\n%s", doc, err, cmp.Diff(want, got.Arguments))
		}
	}
	var got call
	if err := jsonx.Unmarshal([]byte(`{"arguments":{"a":}}`), &got); err == nil {
		t.Errorf("%v", got)
	}
}
