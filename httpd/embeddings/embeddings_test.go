package embeddings_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"outcrop/gateway"
	"outcrop/httpd"
	"outcrop/httpd/door"
	"outcrop/httpd/embeddings"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/route"
	"outcrop/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// router answers each call with a vector for each input: its index.
type router struct {
	gateway.Router // of which nothing else is called

	asked    []*llm.EmbedRequest
	meta     llm.Meta
	err      error
	settings route.Settings
}

func (r *router) Embed(_ context.Context, req *llm.EmbedRequest) (*llm.EmbedResponse, error) {
	r.asked = append(r.asked, req)
	if r.err != nil {
		return nil, r.err
	}
	out := &llm.EmbedResponse{Usage: llm.Usage{Input: 3, Total: 3}, Meta: r.meta}
	for i := range req.Inputs {
		out.Vectors = append(out.Vectors, llm.Vector{Float: []float64{float64(i), -0.5}})
	}
	return out, nil
}

func (*router) Group(name string) string { return name }

func (r *router) Settings(string) *route.Settings { return &r.settings }

// price is a cent.
type price struct{}

func (price) Cost(string, *llm.Usage) (llm.Cost, bool) { return 10_000_000_000, true }

// served is a server with this frontend, and its log.
func served(r *router) (http.Handler, *bytes.Buffer) {
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	g := gateway.New(gateway.Options{Router: r, Recorder: telemetry.NewRecorder(logger), MasterKey: "sk-master"})
	frontend := embeddings.New(g, door.Options{MaxBody: 1 << 20, Parameters: r.settings.Parameters != nil})
	return httpd.New(httpd.Options{Gateway: g, Doors: []door.Frontend{frontend}, Logger: logger}), &log
}

func post(h http.Handler, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer sk-master")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// failure is an error in OpenAI's form.
type failure struct {
	Error struct {
		Message, Type, Param, Code string
		Outcrop                    struct{ Code, Actor, Fix, Retry string }
	}
}

func failureOf(t *testing.T, w *httptest.ResponseRecorder) *failure {
	t.Helper()
	var f failure
	if err := json.Unmarshal(w.Body.Bytes(), &f); err != nil || f.Error.Message == "" || f.Error.Outcrop.Code == "" {
		t.Fatalf("status %d, %v: %s", w.Code, err, w.Body)
	}
	return &f
}

func TestEmbeddings(t *testing.T) {
	r := &router{meta: llm.Meta{
		Destination: llm.Destination{API: "invoke", Region: "us-east-1", ID: "m", Reason: "on demand"}, UpstreamID: "aws-1", Price: price{},
		Warnings: []llm.Warning{{Code: llm.WarnMissing, Field: "usage", Detail: "tokens were estimated"}},
	}}
	h, log := served(r)
	w := post(h, "/v1/embeddings", `{"model":"stone","input":["granite","slate"],"user":"ann","max_retries":3}`)
	const want = `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0,-0.5]},{"object":"embedding","index":1,"embedding":[1,-0.5]}],"model":"stone","usage":{"prompt_tokens":3,"total_tokens":3}}`
	if w.Code != 200 || w.Body.String() != want {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	id := w.Header().Get("X-Request-Id")
	for name, want := range map[string]string{
		"Content-Type": "application/json", "X-Amzn-Requestid": "aws-1", "X-Outcrop-Reason": "on demand", "X-Outcrop-Cost": "0.01", "X-Litellm-Response-Cost": "0.01",
		"X-Outcrop-Target":   "api=invoke; region=us-east-1; id=m",
		"X-Outcrop-Warnings": `dropped;field=max_retries;detail="the model does not support this parameter", missing;field=usage;detail="tokens were estimated"`,
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if id == "" || !strings.Contains(log.String(), `"id":"`+id+`","door":"openai_embeddings","model":"stone"`) || !strings.Contains(log.String(), `"prompt_tokens":3`) || strings.Contains(log.String(), "granite") {
		t.Errorf("the log is %s", log)
	}
	if w := post(h, "/v1/embeddings", `{"model":"stone","input":"granite","encoding_format":"base64"}`); !strings.Contains(w.Body.String(), `"embedding":"AAAAAAAAAL8="`) {
		t.Errorf("in base64: %d %s", w.Code, w.Body)
	}
}

func TestTheModelOfAPath(t *testing.T) {
	for path, want := range map[string]string{
		"/v1/embeddings":                             "stone",
		"/embeddings":                                "stone",
		"/openai/deployments/basalt/embeddings":      "basalt",
		"/openai/deployments/a%2Fb%3A0/embeddings?x": "a/b:0",
		"/openai/deployments/bedrock/amazon.titan-embed-text-v2:0/embeddings?api-version=2024-02-01": "bedrock/amazon.titan-embed-text-v2:0",
		"/engines/basalt/embeddings":    "basalt",
		"/engines/a%2Fb%3A0/embeddings": "a/b:0",
	} {
		r := &router{}
		h, _ := served(r)
		if w := post(h, path, `{"model":"stone","input":"granite"}`); w.Code != 200 || r.asked[0].Model != want || !strings.Contains(w.Body.String(), `"model":"`+want+`"`) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	r := &router{}
	h, _ := served(r)
	if w := post(h, "/openai/deployments/basalt/embeddings", `{"input":"granite"}`); w.Code != 200 || r.asked[0].Model != "basalt" {
		t.Errorf("without a model in the body: %d %s", w.Code, w.Body)
	}
	for path, status := range map[string]int{"/engines/basalt/other": 404, "/v1/embeddings/x": 404, "/openai/deployments/a/b/other": 404} {
		if w := post(h, path, "{}"); w.Code != status {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestTheKey(t *testing.T) {
	r := &router{}
	h, log := served(r)
	for _, tt := range []struct {
		header, value string
		status        int
	}{
		{"Authorization", "Bearer sk-master", 200},
		{"Api-Key", "sk-master", 200},
		{"X-Api-Key", "sk-master", 200},
		{"X-Litellm-Api-Key", "sk-master", 200},
		{"Authorization", "Bearer sk-other", 401},
		{"Api-Key", "sk-other", 401},
		{"X-Nothing", "", 401},
	} {
		w := post(h, "/v1/embeddings", `{"model":"stone","input":"granite"}`, "Authorization", "", tt.header, tt.value)
		if w.Code != tt.status {
			t.Errorf("%s: %s: %d %s", tt.header, tt.value, w.Code, w.Body)
		}
		if w.Code == 401 && (failureOf(t, w).Error.Outcrop.Code != string(llm.CodeUnauthorized) || w.Header().Get("Www-Authenticate") == "") {
			t.Errorf("the refusal is %s", w.Body)
		}
	}
	if len(r.asked) != 4 || !strings.Contains(log.String(), `"door":"refused"`) || strings.Contains(log.String(), "sk-other") {
		t.Errorf("%d calls; the log is %s", len(r.asked), log)
	}
}

// TestRequestsThatAreNotUnderstood checks that each wrong request is refused with the name of the
// field, before anything is called.
func TestRequestsThatAreNotUnderstood(t *testing.T) {
	many := `[` + strings.Repeat(`"a",`, 2048) + `"a"]`
	for _, tt := range []struct {
		name, body, param string
	}{
		{"no body", "", ""},
		{"no JSON", "input=granite", ""},
		{"cut off", `{"model":"stone","input":["gran`, "input[0]"},
		{"two values", `{"model":"stone","input":"a"}{}`, ""},
		{"an array", `[1]`, ""},
		{"a string", `"granite"`, ""},
		{"null", `null`, "model"},
		{"invalid UTF-8 in the input", "{\"model\":\"stone\",\"input\":\"\xff\"}", "input"},
		{"invalid UTF-8 in the model", "{\"model\":\"\xc3(\",\"input\":\"a\"}", "model"},
		{"half of a surrogate pair", `{"model":"stone","input":"\ud800"}`, "input"},
		{"deep", `{"model":"stone","input":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`, "*"},
		{"a member twice", `{"model":"stone","input":"a","input":"b"}`, "input"},
		{"no model", `{"input":"a"}`, "model"},
		{"an empty model", `{"model":"","input":"a"}`, "model"},
		{"a model that is a number", `{"model":7,"input":"a"}`, "model"},
		{"a very long model", `{"model":"` + strings.Repeat("m", 5000) + `","input":"a"}`, "model"},
		{"no input", `{"model":"stone"}`, "input"},
		{"null as input", `{"model":"stone","input":null}`, "input"},
		{"no inputs", `{"model":"stone","input":[]}`, "input"},
		{"a number as input", `{"model":"stone","input":7}`, "input"},
		{"true as input", `{"model":"stone","input":true}`, "input"},
		{"a number among texts", `{"model":"stone","input":["a",7]}`, "input[1]"},
		{"a text among tokens", `{"model":"stone","input":[7,"a"]}`, "input[1]"},
		{"a negative token", `{"model":"stone","input":[-1]}`, "input[0]"},
		{"a token with a fraction", `{"model":"stone","input":[1.5]}`, "input[0]"},
		{"a token that is too large", `{"model":"stone","input":[99999999999999999999]}`, "input[0]"},
		{"null among texts", `{"model":"stone","input":["a",null]}`, "input[1]"},
		{"no tokens", `{"model":"stone","input":[[]]}`, "input[0]"},
		{"too many inputs", `{"model":"stone","input":` + many + `}`, "input"},
		{"an empty part", `{"model":"stone","input":[{}]}`, "input[0].type"},
		{"a part of an unknown type", `{"model":"stone","input":[{"type":"smell"}]}`, "input[0].type"},
		{"an image without a URL", `{"model":"stone","input":[{"type":"image_url"}]}`, "input[0].image_url"},
		{"an image that is none", `{"model":"stone","input":["data:image/png;base64,AAAA"]}`, "input[0]"},
		{"an image that is no base64", `{"model":"stone","input":["data:image/png;base64,%%%%"]}`, "input[0]"},
		{"an image at a file's URL", `{"model":"stone","input":[{"type":"image_url","image_url":{"url":"file:///etc/passwd"}}]}`, "input[0].image_url"},
		{"a fraction of a dimension", `{"model":"stone","input":"a","dimensions":1.5}`, "dimensions"},
		{"dimensions as text", `{"model":"stone","input":"a","dimensions":"256"}`, "dimensions"},
		{"no dimensions", `{"model":"stone","input":"a","dimensions":0}`, "dimensions"},
		{"negative dimensions", `{"model":"stone","input":"a","dimensions":-1}`, "dimensions"},
		{"two dimensions", `{"model":"stone","input":"a","dimensions":256,"output_dimension":512}`, "output_dimension"},
		{"an unknown format", `{"model":"stone","input":"a","encoding_format":"hex"}`, "encoding_format"},
		{"a format that is a number", `{"model":"stone","input":"a","encoding_format":1}`, "encoding_format"},
		{"a user that is an object", `{"model":"stone","input":"a","user":{}}`, "user"},
		{"types that are numbers", `{"model":"stone","input":"a","embedding_types":[1]}`, "embedding_types[0]"},
		{"an unknown type", `{"model":"stone","input":"a","embedding_types":["hex"]}`, "embedding_types[0]"},
		{"normalize as text", `{"model":"stone","input":"a","normalize":"yes"}`, "normalize"},
		{"no tokens at most", `{"model":"stone","input":"a","max_tokens":0}`, "max_tokens"},
		{"headers that are text", `{"model":"stone","input":"a","extra_headers":"x"}`, "extra_headers"},
		{"a header that signs", `{"model":"stone","input":"a","extra_headers":{"Authorization":"x"}}`, "extra_headers.Authorization"},
		{"a header of two lines", `{"model":"stone","input":"a","extra_headers":{"X-A":"x\r\ny: z"}}`, "extra_headers.X-A"},
		{"credentials that are not accepted", `{"model":"stone","input":"a","aws_access_key_id":"AKID"}`, "aws_access_key_id"},
		{"another provider's settings", `{"model":"stone","input":"a","vertex_project":"p"}`, "vertex_project"},
		{"a drop_params that is text", `{"model":"stone","input":"a","drop_params":"yes"}`, "drop_params"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &router{}
			h, log := served(r)
			w := post(h, "/v1/embeddings", tt.body)
			f := failureOf(t, w)
			if w.Code != 400 || f.Error.Param != tt.param && tt.param != "*" || len(r.asked) != 0 || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
			if !strings.Contains(log.String(), `"code":"`+f.Error.Outcrop.Code+`"`) {
				t.Errorf("the log is %s", log)
			}
		})
	}
}

func TestFieldsOfTheModelPassThrough(t *testing.T) {
	r := &router{}
	h, _ := served(r)
	if w := post(h, "/v1/embeddings", `{"model":"stone","input":"a","embeddingPurpose":"RETRIEVAL","extra_body":{"x":[1]}}`); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	want := []jsonx.Member{{Name: "embeddingPurpose", Value: jsonx.Raw(`"RETRIEVAL"`)}, {Name: "x", Value: jsonx.Raw(`[1]`)}}
	if diff := cmp.Diff(want, r.asked[0].ModelFields); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestTheSettingsOfAName are drop_params and the operator's parameters.
func TestTheSettingsOfAName(t *testing.T) {
	r := &router{settings: route.Settings{DropParams: true, Parameters: []jsonx.Member{{Name: "dimensions", Value: jsonx.Raw("256")}, {Name: "input_type", Value: jsonx.Raw(`"search_query"`)}}}}
	h, _ := served(r)
	w := post(h, "/v1/embeddings", `{"model":"stone","input":"a","input_type":"clustering","additional_drop_params":["user"],"user":"ann"}`)
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if got := r.asked[0]; !got.DropParams || got.Dimensions != llm.Some(int64(256)) || got.InputType != "clustering" || got.User != "" {
		t.Errorf("asked %+v", got)
	}
}

func TestARequestThatIsTooLarge(t *testing.T) {
	r := &router{}
	h, _ := served(r)
	w := post(h, "/v1/embeddings", `{"model":"stone","input":"`+strings.Repeat("a", 1<<20)+`"}`)
	if f := failureOf(t, w); w.Code != 413 || f.Error.Outcrop.Code != string(llm.CodeTooLarge) || len(r.asked) != 0 {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

// TestErrorsOfAWS checks that a client sees AWS's words, the diagnosis, and when to try again.
func TestErrorsOfAWS(t *testing.T) {
	r := &router{err: &llm.Error{
		Code: llm.CodeLimitTokens, Status: 429, Message: "Too many tokens.", Upstream: true, Type: "ThrottlingException", RequestID: "aws-1", RetryAfter: "7", Fix: "Wait.",
		Destination: llm.Destination{API: "invoke", Region: "us-east-1", ID: "m"},
	}}
	h, log := served(r)
	w := post(h, "/v1/embeddings", `{"model":"stone","input":"a"}`)
	f := failureOf(t, w)
	if w.Code != 429 || !strings.Contains(f.Error.Message, "Too many tokens.") || f.Error.Outcrop.Code != string(llm.CodeLimitTokens) || f.Error.Outcrop.Fix != "Wait." {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	for name, want := range map[string]string{"Retry-After": "7", "X-Amzn-Requestid": "aws-1", "X-Outcrop-Target": "api=invoke; region=us-east-1; id=m"} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if !strings.Contains(log.String(), `"code":"limit.tokens"`) {
		t.Errorf("the log is %s", log)
	}
	r.err = &llm.Error{Code: llm.CodeClientGone, Status: 499}
	if w := post(h, "/v1/embeddings", `{"model":"stone","input":"a"}`); w.Body.Len() != 0 {
		t.Errorf("a client that is gone gets %s", w.Body)
	}
}

func TestOtherMethods(t *testing.T) {
	h, _ := served(&router{})
	for _, path := range []string{"/v1/embeddings", "/embeddings", "/openai/deployments/a/embeddings", "/engines/a/embeddings"} {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer sk-master")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if f := failureOf(t, w); w.Code != 405 || f.Error.Outcrop.Code != string(llm.CodeMethod) || !slices.Equal(w.Header().Values("Allow"), []string{"POST"}) {
			t.Errorf("%s: %d %v %s", path, w.Code, w.Header(), w.Body)
		}
	}
}
