package cohererank_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/cohererank"
)

func TestRequestsAreWrittenAsTheyWereRead(t *testing.T) {
	for _, rest := range []string{
		`"query":"q \"x\"","documents":["a",{"text":"b"},""]}`,
		`"query":"q","documents":[{"t":1}],"top_n":1,"max_tokens_per_doc":9,"max_chunks_per_doc":2,"rank_fields":["t","u"],"x":[1]}`,
	} {
		req, err := cohererank.Decode([]byte(`{"model":"mine",`+rest), cohererank.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var w jsonx.Writer
		cohererank.AppendRequest(&w, &req.LLM, "theirs")
		if diff := cmp.Diff(`{"model":"theirs",`+rest, string(w.Buf)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestResponsesOfServers(t *testing.T) {
	ranked := func(index int, score float64) llm.Ranked { return llm.Ranked{Index: index, Score: score} }
	for _, tt := range []struct {
		name, body string
		want       llm.RerankResponse
	}{
		{"Cohere", `{"id":"x","results":[{"index":1,"relevance_score":0.9},{"index":0,"relevance_score":0.2}],"meta":{"api_version":{"version":"2"},"billed_units":{"search_units":3}}}`, llm.RerankResponse{Results: []llm.Ranked{ranked(1, 0.9), ranked(0, 0.2)}, Usage: llm.Usage{SearchUnits: 3}}},
		{"Jina, in another order", `{"model":"j","results":[{"index":0,"relevance_score":0.2,"document":{"text":"a"}},{"index":2,"relevance_score":0.9}],"usage":{"total_tokens":15}}`, llm.RerankResponse{Results: []llm.Ranked{ranked(2, 0.9), ranked(0, 0.2)}, Usage: llm.Usage{Input: 15, Total: 15}}},
		{"Voyage", `{"object":"list","data":[{"index":1,"relevance_score":0.5}],"usage":{"total_tokens":4}}`, llm.RerankResponse{Results: []llm.Ranked{ranked(1, 0.5)}, Usage: llm.Usage{Input: 4, Total: 4}}},
		{"with the score under another name", `{"results":[{"index":0,"score":-1.5}],"usage":{"prompt_tokens":7}}`, llm.RerankResponse{Results: []llm.Ranked{ranked(0, -1.5)}, Usage: llm.Usage{Input: 7, Total: 7}}},
		{"without usage", `{"results":[]}`, llm.RerankResponse{Estimated: true}},
		{"of equal scores", `{"results":[{"index":2,"score":0},{"index":1,"score":0}]}`, llm.RerankResponse{Results: []llm.Ranked{ranked(2, 0), ranked(1, 0)}, Estimated: true}},
	} {
		got, err := cohererank.DecodeResponse([]byte(tt.body), 3)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if diff := cmp.Diff(&tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

func TestResponsesThatRankNothingAreErrors(t *testing.T) {
	for _, body := range []string{
		``, `[]`, `{}`, `{"results":null}`, `{"results":[{"index":3,"relevance_score":1}]}`, `{"results":[{"index":-1,"relevance_score":1}]}`,
		`{"results":[{"index":0}]}`, `{"results":[{"index":0,"relevance_score":1},{"index":0,"relevance_score":1}]}`, `{"results":[{"index":"0","relevance_score":1}]}`,
	} {
		if got, err := cohererank.DecodeResponse([]byte(body), 3); err == nil {
			t.Errorf("%s is %+v", body, got)
		}
	}
}
