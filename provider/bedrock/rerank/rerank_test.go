package rerank_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/rerank"
)

const arn = "arn:aws:bedrock:us-west-2::foundation-model/cohere.rerank-v3-5:0"

func none(string) string { return "" }

func coheres() *rerank.Model { return rerank.NewModel("cohere", "rerank-v3-5", nil) }
func amazons() *rerank.Model {
	return rerank.NewModel("amazon", "rerank-v1", &catalog.Model{Kind: catalog.KindRerank})
}

// docs makes documents: JSON of those that begin with a brace.
func docs(all ...string) []llm.Document {
	out := make([]llm.Document, len(all))
	for i, s := range all {
		if strings.HasPrefix(s, "{") {
			out[i].JSON = jsonx.Raw(s)
		} else {
			out[i].Text = s
		}
	}
	return out
}

func TestBodies(t *testing.T) {
	source := func(doc string) string { return `{"type":"INLINE","inlineDocumentSource":` + doc + `}` }
	text := func(s string) string { return source(`{"type":"TEXT","textDocument":{"text":"` + s + `"}}`) }
	agent := func(n int, extra string, sources ...string) string {
		return `{"queries":[{"type":"TEXT","textQuery":{"text":"q"}}],"sources":[` + strings.Join(sources, ",") + `],"rerankingConfiguration":{"type":"BEDROCK_RERANKING_MODEL",` +
			`"bedrockRerankingConfiguration":{"modelConfiguration":{"modelArn":"` + arn + `"` + extra + `},"numberOfResults":` + fmt.Sprint(n) + `}}}`
	}
	for _, test := range []struct {
		name          string
		model         *rerank.Model
		req           llm.RerankRequest
		invoke, agent string
		warnings      string
	}{
		{
			"cohere", coheres(),
			llm.RerankRequest{Documents: docs("a", "b")},
			`{"query":"q","documents":["a","b"],"api_version":2}`, agent(2, "", text("a"), text("b")), "",
		},
		{
			"amazon", amazons(),
			llm.RerankRequest{Documents: docs("a", "b"), TopN: llm.Some[int64](1)},
			`{"query":"q","documents":["a","b"],"top_n":1}`, agent(1, "", text("a"), text("b")), "",
		},
		{
			"more results than documents", coheres(),
			llm.RerankRequest{Documents: docs("a"), TopN: llm.Some[int64](9), MaxTokensPerDoc: llm.Some[int64](5)},
			`{"query":"q","documents":["a"],"top_n":1,"api_version":2,"max_tokens_per_doc":5}`, agent(1, `,"additionalModelRequestFields":{"max_tokens_per_doc":5}`, text("a")), "",
		},
		{
			"objects", coheres(),
			llm.RerankRequest{Documents: docs(`{"text":"a\n"}`, `{"text":7}`, `{"title":"b","n":[1, 2]}`)},
			`{"query":"q","documents":["a\n","text: 7","title: b\nn: [1, 2]"],"api_version":2}`,
			agent(3, "", source(`{"type":"JSON","jsonDocument":{"text":"a\n"}}`), source(`{"type":"JSON","jsonDocument":{"text":7}}`), source(`{"type":"JSON","jsonDocument":{"title":"b","n":[1, 2]}}`)), "",
		},
		{
			"fields of objects", coheres(),
			llm.RerankRequest{Documents: docs(`{"a":"1","b":"2","c":"3"}`, "d"), RankFields: []string{"c", "a"}},
			`{"query":"q","documents":["a: 1\nc: 3","d"],"api_version":2}`, agent(2, "", source(`{"type":"JSON","jsonDocument":{"a":"1","c":"3"}}`), text("d")), "",
		},
		{
			"dropped", amazons(),
			llm.RerankRequest{
				Call: llm.Call{DropParams: true}, Documents: docs("a"), MaxTokensPerDoc: llm.Some[int64](5), MaxChunksPerDoc: llm.Some[int64](5),
				ModelFields: []jsonx.Member{{Name: "x", Value: jsonx.Raw("1")}},
			},
			`{"query":"q","documents":["a"]}`, agent(1, "", text("a")), "[{dropped max_tokens_per_doc } {dropped max_chunks_per_doc } {dropped x }]",
		},
	} {
		test.req.Query = "q"
		body, warnings, err := test.model.Invoke(&test.req)
		if err != nil || string(body) != test.invoke || len(warnings) > 0 && fmt.Sprint(warnings) != test.warnings || len(warnings) == 0 && test.warnings != "" {
			t.Errorf("%s: %s\nwant %s\n%v, warnings %v", test.name, body, test.invoke, err, warnings)
		}
		body, warnings, err = test.model.Agent(&test.req, arn, "")
		if err != nil || string(body) != test.agent || len(warnings) > 0 && fmt.Sprint(warnings) != test.warnings {
			t.Errorf("%s: %s\nwant %s\n%v, warnings %v", test.name, body, test.agent, err, warnings)
		}
	}
	body, _, err := coheres().Agent(&llm.RerankRequest{Query: "q", Documents: docs("a")}, arn, "n")
	if err != nil || !strings.HasSuffix(string(body), `,"nextToken":"n"}`) {
		t.Errorf("%s, %v", body, err)
	}
}

func TestWhatAModelLacksIsRefusedByName(t *testing.T) {
	many := make([]llm.Document, 1001)
	for i := range many {
		many[i].Text = "a"
	}
	request := func(change func(*llm.RerankRequest)) *llm.RerankRequest {
		r := &llm.RerankRequest{Query: "q", Documents: docs("a")}
		change(r)
		return r
	}
	for _, test := range []struct {
		model         *rerank.Model
		req           *llm.RerankRequest
		param, says   string
		invoke, agent bool // which body is refused
	}{
		{rerank.NewModel("cohere", "embed-english-v3", nil), request(func(*llm.RerankRequest) {}), "model", "does not rerank documents", true, true},
		{rerank.NewModel("cohere", "rerank-v3-5", &catalog.Model{Kind: catalog.KindChat}), request(func(*llm.RerankRequest) {}), "model", "does not rerank documents", true, true},
		{coheres(), request(func(r *llm.RerankRequest) { r.Query = "" }), "query", "must not be empty", true, true},
		{coheres(), request(func(r *llm.RerankRequest) { r.Documents = nil }), "documents", "at least one document", true, true},
		{amazons(), request(func(r *llm.RerankRequest) { r.MaxTokensPerDoc = llm.Some[int64](5) }), "max_tokens_per_doc", "not supported by model amazon.rerank-v1", true, true},
		{coheres(), request(func(r *llm.RerankRequest) { r.MaxChunksPerDoc = llm.Some[int64](5) }), "max_chunks_per_doc", "not supported", true, true},
		{coheres(), request(func(r *llm.RerankRequest) { r.ModelFields = []jsonx.Member{{Name: "x"}} }), "x", "x is not supported", true, true},
		{coheres(), request(func(r *llm.RerankRequest) { r.Documents, r.RankFields = docs(`{"a":1}`), []string{"b"} }), "documents[0]", "none of the members in rank_fields", true, true},
		{coheres(), request(func(r *llm.RerankRequest) { r.Documents[0].JSON = jsonx.Raw("7") }), "documents[0]", "must be a string or an object", true, true},
		{coheres(), request(func(r *llm.RerankRequest) { r.Documents = many }), "documents", "at most 1000 elements, not 1001", false, true},
		{coheres(), request(func(r *llm.RerankRequest) { r.Query = strings.Repeat("é", 32_001) }), "query", "at most 32000 characters", false, true},
		{coheres(), request(func(r *llm.RerankRequest) { r.Documents[0].Text = strings.Repeat("é", 32_001) }), "documents[0]", "at most 32000 characters long, not 32001", false, true},
		{coheres(), request(func(r *llm.RerankRequest) { r.Documents[0].Text = "" }), "documents[0]", "must not be empty", false, true},
		{coheres(), request(func(r *llm.RerankRequest) { r.Documents[0].Text = strings.Repeat("a", 25_000_000) }), "documents", "bodies of up to 25000000 bytes", true, true},
	} {
		_, _, invoke := test.model.Invoke(test.req)
		_, _, agent := test.model.Agent(test.req, arn, "")
		if (invoke != nil) != test.invoke || (agent != nil) != test.agent {
			t.Errorf("%s: InvokeModel %v, Rerank %v", test.says, invoke, agent)
		}
		err := agent
		if invoke != nil {
			err = invoke
		}
		var e *llm.Error
		if !errors.As(err, &e) || e.Status != 400 || e.Param != test.param || !strings.Contains(e.Message, test.says) {
			t.Errorf("%v, want %q: %s", err, test.param, test.says)
		}
	}
	if !coheres().Known() || rerank.NewModel("meta", "rerank", nil).Known() {
		t.Error("known models are Cohere's and Amazon's")
	}
}

func TestResponses(t *testing.T) {
	req := &llm.RerankRequest{Query: "q", Documents: docs("a", "b", "c")}
	for _, test := range []struct {
		body, tokens, next string
		want               llm.RerankResponse
	}{
		{
			`{"results":[{"index":2,"relevance_score":0.9},{"index":0,"relevance_score":0.1}]}`, "", "",
			llm.RerankResponse{Results: []llm.Ranked{{Index: 2, Score: 0.9}, {Index: 0, Score: 0.1}}, Usage: llm.Usage{SearchUnits: 1}, Estimated: true},
		},
		{
			`{"results":[{"index":0,"relevanceScore":0},{"index":1,"relevanceScore":0.6847912669181824},{"index":2,"relevanceScore":0}],"nextToken":"n"}`, "8", "n",
			llm.RerankResponse{Results: []llm.Ranked{{Index: 1, Score: 0.6847912669181824}, {Index: 0}, {Index: 2}}, Estimated: true, Usage: llm.Usage{Input: 8, Total: 8, SearchUnits: 1}},
		},
		{
			`{"results":[{"index":0,"relevance_score":1}],"meta":{"billed_units":{"search_units":3}}}`, "x", "",
			llm.RerankResponse{Results: []llm.Ranked{{Index: 0, Score: 1}}, Usage: llm.Usage{SearchUnits: 3}},
		},
	} {
		got, next, err := rerank.Decode(req, []byte(test.body), func(string) string { return test.tokens })
		if err != nil {
			t.Errorf("%s: %v", test.body, err)
			continue
		}
		if diff := cmp.Diff(&test.want, got); diff != "" || next != test.next {
			t.Errorf("%s: next %q (-want +got):\n%s", test.body, next, diff)
		}
	}
	for body, says := range map[string]string{
		``:                                    "cannot be decoded",
		`{}`:                                  "has no results",
		`{"results":[]}`:                      "has no results",
		`{"results":[{"index":0}]}`:           "without index or score at 0",
		`{"results":[{"relevance_score":0}]}`: "without index or score at 0",
		`{"results":[{"index":3,"relevance_score":0}]}`:                                 "has the index 3 at 0",
		`{"results":[{"index":-1,"relevance_score":0}]}`:                                "has the index -1 at 0",
		`{"results":[{"index":"0","relevance_score":"high"}]}`:                          "cannot be decoded",
		`{"results":[{"index":0,"relevance_score":0},{"index":0,"relevance_score":0}]}`: "has the index 0 at 1",
	} {
		_, _, err := rerank.Decode(req, []byte(body), none)
		var e *llm.Error
		if !errors.As(err, &e) || e.Status != 502 || !strings.Contains(e.Message, says) {
			t.Errorf("%s: %v, want %s", body, err, says)
		}
	}
}

func TestSearchUnitsOfManyAndLongDocuments(t *testing.T) {
	units := func(n, length, query int) int64 {
		req := &llm.RerankRequest{Query: strings.Repeat("q", query)}
		for range n {
			req.Documents = append(req.Documents, llm.Document{Text: strings.Repeat("a", length)})
		}
		got, _, err := rerank.Decode(req, []byte(`{"results":[{"index":0,"relevance_score":0}]}`), none)
		if err != nil {
			t.Fatal(err)
		}
		return got.Usage.SearchUnits
	}
	for _, test := range []struct {
		n, length, query int
		want             int64
	}{{1, 0, 1, 1}, {100, 100, 10, 1}, {101, 100, 10, 2}, {100, 2100, 10, 2}, {1, 100, 100_000, 1}} {
		if got := units(test.n, test.length, test.query); got != test.want {
			t.Errorf("%d documents of %d bytes, query of %d: %d units, want %d", test.n, test.length, test.query, got, test.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"results":[{"index":1,"relevance_score":0.9},{"index":0,"relevanceScore":0.1}],"nextToken":"n","meta":{"billed_units":{"search_units":3}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		req := &llm.RerankRequest{Query: "q", Documents: docs("a", "b")}
		got, _, err := rerank.Decode(req, body, none)
		if err != nil {
			var e *llm.Error
			if !errors.As(err, &e) || e.Status != 502 {
				t.Errorf("refused with %+v", err)
			}
			return
		}
		if len(got.Results) == 0 || len(got.Results) > 2 || got.Results[len(got.Results)-1].Score > got.Results[0].Score {
			t.Errorf("results %+v", got.Results)
		}
	})
}

func FuzzBodies(f *testing.F) {
	f.Add("q", `{"a":"b"}`, "a")
	f.Add("q", "text", "")
	f.Fuzz(func(t *testing.T, query, doc, field string) {
		req := &llm.RerankRequest{Query: query, Documents: docs(doc)}
		if req.Documents[0].JSON != nil && !jsonx.Valid(req.Documents[0].JSON) {
			return // decoding refuses it
		}
		if field != "" {
			req.RankFields = []string{field}
		}
		for _, m := range []*rerank.Model{coheres(), amazons()} {
			for _, body := range []func() ([]byte, []llm.Warning, error){
				func() ([]byte, []llm.Warning, error) { return m.Invoke(req) },
				func() ([]byte, []llm.Warning, error) { return m.Agent(req, arn, "") },
			} {
				got, _, err := body()
				if err == nil && !json.Valid(got) {
					t.Errorf("no JSON goes upstream: %s", got)
				}
			}
		}
	})
}
