package cohererank_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/cohererank"
)

func TestRequests(t *testing.T) {
	for _, test := range []struct {
		body     string
		want     llm.RerankRequest
		returned bool
	}{
		{
			`{"model":"m","query":"q","documents":["a",{"text":"b"},""]}`,
			llm.RerankRequest{Call: llm.Call{Model: "m"}, Query: "q", Documents: []llm.Document{{Text: "a"}, {JSON: jsonx.Raw(`{"text":"b"}`)}, {}}},
			false,
		},
		{
			`{"model":"m","query":"q","documents":[{"t":1}],"top_n":1,"rank_fields":["t"],"return_documents":true,"max_tokens_per_doc":9,"max_chunks_per_doc":2,"user":"u","x":1}`,
			llm.RerankRequest{
				Call: llm.Call{Model: "m", User: "u"}, Query: "q", Documents: []llm.Document{{JSON: jsonx.Raw(`{"t":1}`)}}, TopN: llm.Some[int64](1), RankFields: []string{"t"},
				MaxTokensPerDoc: llm.Some[int64](9), MaxChunksPerDoc: llm.Some[int64](2), ModelFields: []jsonx.Member{{Name: "x", Value: jsonx.Raw("1")}},
			},
			true,
		},
		{
			`{"model":"m","query":"q","documents":["a"],"top_n":null,"rank_fields":null,"return_documents":null,"max_tokens_per_doc":null}`,
			llm.RerankRequest{Call: llm.Call{Model: "m"}, Query: "q", Documents: []llm.Document{{Text: "a"}}},
			false,
		},
	} {
		r, err := cohererank.Decode([]byte(test.body), cohererank.Options{})
		if err != nil {
			t.Errorf("%s: %v", test.body, err)
			continue
		}
		if diff := cmp.Diff(test.want, r.LLM); diff != "" || r.ReturnDocuments != test.returned || len(r.Warnings) > 0 {
			t.Errorf("%s: documents %v, warnings %v, (-want +got):\n%s", test.body, r.ReturnDocuments, r.Warnings, diff)
		}
	}
}

func TestTheBodyCanBeReused(t *testing.T) {
	body := []byte(`{"model":"m","query":"q","documents":["a",{"text":"b"}]}`)
	r, err := cohererank.Decode(body, cohererank.Options{})
	if err != nil {
		t.Fatal(err)
	}
	copy(body, strings.Repeat("x", len(body)))
	if d := r.LLM.Documents; r.LLM.Query != "q" || d[0].Text != "a" || string(d[1].JSON) != `{"text":"b"}` {
		t.Errorf("the request shares the body's memory: %+v", r.LLM)
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	many := `"a"` + strings.Repeat(`,"a"`, 10_000)
	for _, test := range []struct{ body, param, says string }{
		{`{`, "", "not valid JSON"},
		{`{"query":"q","documents":["a"]}`, "model", "model is required"},
		{`{"model":"m","documents":["a"]}`, "query", "query is required"},
		{`{"model":"m","query":"","documents":["a"]}`, "query", "query must not be empty"},
		{`{"model":"m","query":["q"],"documents":["a"]}`, "query", "query must be a string, not an array"},
		{`{"model":"m","query":"q"}`, "documents", "documents is required"},
		{`{"model":"m","query":"q","documents":null}`, "documents", "documents is required"},
		{`{"model":"m","query":"q","documents":[]}`, "documents", "at least one document"},
		{`{"model":"m","query":"q","documents":"a"}`, "documents", "documents must be an array, not a string"},
		{`{"model":"m","query":"q","documents":["a",7]}`, "documents[1]", "documents[1] must be a string or an object, not a number"},
		{`{"model":"m","query":"q","documents":[` + many + `]}`, "documents", "documents must have at most 10000 elements"},
		{`{"model":"m","query":"q","documents":["a"],"top_n":0}`, "top_n", "top_n must be at least 1, not 0"},
		{`{"model":"m","query":"q","documents":["a"],"max_tokens_per_doc":-1}`, "max_tokens_per_doc", "max_tokens_per_doc must be at least 1"},
		{`{"model":"m","query":"q","documents":["a"],"max_chunks_per_doc":0}`, "max_chunks_per_doc", "max_chunks_per_doc must be at least 1"},
		{`{"model":"m","query":"q","documents":["a"],"rank_fields":["a",""]}`, "rank_fields[1]", "rank_fields[1] must not be empty"},
		{`{"model":"m","query":"q","documents":["a"],"return_documents":"yes"}`, "return_documents", "return_documents must be a boolean"},
		{`{"model":"m","query":"q","documents":["a"],"api_key":"s"}`, "api_key", "may not be set by clients"},
	} {
		_, err := cohererank.Decode([]byte(test.body), cohererank.Options{})
		var e *llm.Error
		if !errors.As(err, &e) || e.Status != 400 || e.Param != test.param || !strings.Contains(e.Message, test.says) {
			t.Errorf("%.90s: %v\nwant %q: %s", test.body, err, test.param, test.says)
		}
	}
}

func TestResponses(t *testing.T) {
	results := []llm.Ranked{{Index: 1, Score: 0.9}, {Index: 0, Score: 1e-7}}
	for _, test := range []struct {
		env  cohererank.Envelope
		r    llm.RerankResponse
		want string
	}{
		{
			cohererank.Envelope{ID: "i", Version: 2},
			llm.RerankResponse{Results: results, Usage: llm.Usage{SearchUnits: 1}},
			`{"id":"i","results":[{"index":1,"relevance_score":0.9},{"index":0,"relevance_score":1e-7}],"meta":{"api_version":{"version":"2"},"billed_units":{"search_units":1}}}`,
		},
		{
			cohererank.Envelope{ID: "i", Version: 1, Documents: []llm.Document{{Text: "a\n"}, {JSON: jsonx.Raw(`{"t":1}`)}}},
			llm.RerankResponse{Results: results, Usage: llm.Usage{Input: 7, SearchUnits: 2}},
			`{"id":"i","results":[{"index":1,"relevance_score":0.9,"document":{"t":1}},{"index":0,"relevance_score":1e-7,"document":{"text":"a\n"}}],` +
				`"meta":{"api_version":{"version":"1"},"billed_units":{"search_units":2},"tokens":{"input_tokens":7,"output_tokens":0}}}`,
		},
	} {
		if got := string(cohererank.AppendResponse(nil, test.env, &test.r)); got != test.want {
			t.Errorf("%s\nwant\n%s", got, test.want)
		}
	}
}

func TestErrors(t *testing.T) {
	full := &llm.Error{
		Code: llm.CodeIdentityMissing, Status: 403, Message: "User is not authorized.", Type: "AccessDeniedException", Upstream: true, Fix: "Allow it.", Cause: "No policy allows it.",
		Statement: jsonx.Raw(`{"a":1}`), Statements: []jsonx.Raw{jsonx.Raw(`{"a":1}`), jsonx.Raw(`{"b":2}`)}, Docs: "https://d", RequestID: "r",
	}
	want := `{"id":"r","message":"AccessDeniedException: User is not authorized. Allow it.","error":{"message":"AccessDeniedException: User is not authorized. Allow it.",` +
		`"type":"permission_error","param":null,"code":"403","outcrop":{"code":"iam.identity_missing","cause":"No policy allows it.","actor":"aws_admin","fix":"Allow it.",` +
		`"statement":{"a":1},"statements":[{"a":1},{"b":2}],"docs":"https://d","request_id":"r","retry":"no"}}}`
	if got := string(cohererank.AppendError(nil, full)); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	for status, name := range map[int]string{400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error", 503: "internal_server_error"} {
		got := string(cohererank.AppendError(nil, &llm.Error{Code: llm.CodeBadRequest, Status: status, Message: "m", Param: "query"}))
		if !json.Valid([]byte(got)) || !strings.Contains(got, `"message":"m"`) || !strings.Contains(got, `"type":"`+name+`","param":"query"`) {
			t.Errorf("%d: %s", status, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"model":"m","query":"q","documents":["a",{"text":"b"}],"top_n":1,"rank_fields":["t"],"return_documents":true}`))
	f.Add([]byte(`{"model":"m","query":"q","documents":[{}],"max_tokens_per_doc":9,"extra_body":{"x":1}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := cohererank.Decode(body, cohererank.Options{})
		if err != nil {
			var e *llm.Error
			if !errors.As(err, &e) || e.Status != 400 || e.Message == "" {
				t.Errorf("refused with %+v", err)
				return
			}
			if doc := cohererank.AppendError(nil, e); !json.Valid(doc) {
				t.Errorf("no JSON goes to the client: %s", doc)
			}
			return
		}
		answer := &llm.RerankResponse{Results: []llm.Ranked{{Index: 0, Score: 0.5}}}
		if doc := cohererank.AppendResponse(nil, cohererank.Envelope{ID: "i", Version: 2, Documents: r.LLM.Documents}, answer); !json.Valid(doc) {
			t.Errorf("no JSON goes to the client: %s", doc)
		}
	})
}
