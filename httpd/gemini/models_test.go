package gemini_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outcrop/httpd/door"
	"outcrop/httpd/gemini"
	"outcrop/llm"
)

func TestModelsAreListedInPages(t *testing.T) {
	h := &gemini.Handler{}
	models := []door.Model{
		{ID: "granite", Title: "Granite 1", MaxInput: 1000, MaxOutput: 100, Verb: llm.VerbChat},
		{ID: "sorter", Verb: llm.VerbRerank},
		{ID: "bedrock/vectors:0", Context: 512, Verb: llm.VerbEmbed},
		{ID: "new"},
	}
	const (
		granite = `{"name":"models/granite","displayName":"Granite 1","inputTokenLimit":1000,"outputTokenLimit":100,"supportedGenerationMethods":["generateContent","countTokens"]}`
		vectors = `{"name":"models/bedrock/vectors:0","displayName":"bedrock/vectors:0","inputTokenLimit":512,"supportedGenerationMethods":["embedContent"]}`
		added   = `{"name":"models/new","displayName":"new","supportedGenerationMethods":["generateContent","countTokens"]}`
	)
	for _, tt := range []struct {
		query, id string
		status    int
		want      string // the body, or a part of an error
	}{
		{"", "", 200, `{"models":[` + granite + `,` + vectors + `,` + added + `]}`},
		{"?pageSize=2", "", 200, `{"models":[` + granite + `,` + vectors + `],"nextPageToken":"bedrock/vectors:0"}`},
		{"?pageSize=2&pageToken=bedrock/vectors:0", "", 200, `{"models":[` + added + `]}`},
		{"?pageSize=0&pageToken=new", "", 200, `{"models":[]}`},
		{"?pageSize=100000", "", 200, `{"models":[` + granite + `,` + vectors + `,` + added + `]}`},
		{"?pageSize=two", "", 400, `pageSize must be a whole number, not \"two\"`},
		{"?pageSize=-1", "", 400, `pageSize`},
		{"?pageToken=gone", "", 400, `pageToken \"gone\"`},
		{"", "granite", 200, granite},
		{"", "bedrock/vectors:0", 200, vectors},
		{"", "sorter", 404, `the model \"sorter\" is not listed`},
		{"", "none", 404, `"status":"NOT_FOUND"`},
	} {
		w := httptest.NewRecorder()
		h.WriteModels(w, httptest.NewRequest(http.MethodGet, "/v1beta/models"+tt.query, nil), models, tt.id)
		if got := w.Body.String(); w.Code != tt.status || tt.status == 200 && got != tt.want || !strings.Contains(got, tt.want) {
			t.Errorf("%s %s: %d %s", tt.query, tt.id, w.Code, got)
		}
	}
}

func TestTheListIsForGooglesClients(t *testing.T) {
	h := &gemini.Handler{}
	for target, want := range map[string]bool{"/v1beta/models": true, "/v1beta/models/granite": true, "/v1/models": false} {
		if got := h.Lists(httptest.NewRequest(http.MethodGet, target, nil)); got != want {
			t.Errorf("%s: %t", target, got)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/v1/models", nil)
	r.Header.Set("X-Goog-Api-Key", "k")
	if !h.Lists(r) {
		t.Error("a request with the header of Google's clients is not theirs")
	}
}
