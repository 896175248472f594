package vertex_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
)

// embeds is a fake of Vertex AI's embeddings: each text's vector is its length.
func embeds(t *testing.T) (base string, calls func() map[string]int) {
	t.Helper()
	var mu sync.Mutex
	seen := map[string]int{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		seen[r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]]++
		mu.Unlock()
		d := json.NewDecoder(strings.NewReader(string(body)))
		d.DisallowUnknownFields()
		if strings.HasSuffix(r.URL.Path, ":embedContent") {
			var q struct {
				Content struct {
					Parts []struct {
						Text string `json:"text"`
					} `json:"parts"`
				} `json:"content"`
				Task string `json:"taskType"`
				Size int    `json:"outputDimensionality"`
			}
			if err := d.Decode(&q); err != nil || len(q.Content.Parts) != 1 {
				t.Errorf("body %s: %v", body, err)
				return
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"embedding": map[string]any{"values": []int{len(q.Content.Parts[0].Text)}}, "usageMetadata": map[string]int{"promptTokenCount": 2, "totalTokenCount": 2}})
			return
		}
		var q struct {
			Instances []struct {
				Content string `json:"content"`
				Task    string `json:"task_type"`
				Title   string `json:"title"`
			} `json:"instances"`
			Parameters struct {
				Auto *bool `json:"autoTruncate"`
				Size int   `json:"outputDimensionality"`
			} `json:"parameters"`
		}
		if err := d.Decode(&q); err != nil {
			t.Errorf("body %s: %v", body, err)
			return
		}
		var out []any
		for _, in := range q.Instances {
			if in.Task != "RETRIEVAL_QUERY" || q.Parameters.Size != 3 || q.Parameters.Auto == nil || *q.Parameters.Auto {
				t.Errorf("body %s", body)
			}
			out = append(out, map[string]any{"embeddings": map[string]any{"values": []int{len(in.Content)}, "statistics": map[string]any{"truncated": false, "token_count": 2}}})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"predictions": out, "metadata": map[string]int{"billableCharacterCount": 9}})
	}))
	t.Cleanup(s.Close)
	return s.URL, func() map[string]int {
		mu.Lock()
		defer mu.Unlock()
		return seen
	}
}

func TestTextsAreEmbeddedInAsManyCallsAsTheModelNeeds(t *testing.T) {
	g := startGoogle(t)
	for _, tt := range []struct {
		model  string
		inputs int
		want   map[string]int
	}{
		{"text-embedding-005", 3, map[string]int{"text-embedding-005:predict": 1}},
		{"text-multilingual-embedding-002", 251, map[string]int{"text-multilingual-embedding-002:predict": 2}},
		{"gemini-embedding-001", 3, map[string]int{"gemini-embedding-001:predict": 3}},
		{"gemini-embedding-2", 2, map[string]int{"gemini-embedding-2:embedContent": 2}},
	} {
		t.Run(tt.model, func(t *testing.T) {
			base, calls := embeds(t)
			d, err := open(t, tt.model, map[string]string{"api_base": base, "vertex_credentials": g.account}, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			req := &llm.EmbedRequest{InputType: "search_query", Dimensions: llm.Some[int64](3), Truncate: "NONE"}
			if strings.HasPrefix(tt.model, "gemini-embedding-2") {
				req.Truncate = ""
			}
			want := make([]llm.Vector, tt.inputs)
			for i := range tt.inputs {
				req.Inputs = append(req.Inputs, llm.EmbedInput{Text: strings.Repeat("x", i+1)})
				want[i].Float = []float64{float64(i + 1)}
			}
			targets, err := d.Targets(llm.VerbEmbed, tt.model)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := targets[0].(provider.Embedder).Embed(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, resp.Vectors); diff != "" {
				t.Error(diff)
			}
			if resp.Usage.Input != int64(2*tt.inputs) || resp.Estimated {
				t.Errorf("counted %+v", resp.Usage)
			}
			if diff := cmp.Diff(tt.want, calls()); diff != "" {
				t.Error(diff)
			}
			if m := d.(provider.Reviewer).Describe(tt.model); m.Verb != llm.VerbEmbed {
				t.Errorf("described as %+v", m)
			}
		})
	}
}

func TestWhatAnEmbeddingModelLacksIsRefusedByName(t *testing.T) {
	g := startGoogle(t)
	a := startAPI(t, 403, `{"error":{"code":403,"message":"Permission 'aiplatform.endpoints.predict' denied on resource.","status":"PERMISSION_DENIED"}}`)
	d, err := open(t, "text-embedding-005", map[string]string{"api_base": a.URL, "vertex_credentials": g.account}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	targets, _ := d.Targets(llm.VerbEmbed, "text-embedding-005")
	text := []llm.EmbedInput{{Text: "Granite."}}
	for _, tt := range []struct {
		name string
		req  *llm.EmbedRequest
		code llm.Code
		want string
	}{
		{"tokens", &llm.EmbedRequest{Inputs: []llm.EmbedInput{{Tokens: []int64{1}}}}, llm.CodeUnsupported, "input"},
		{"another type", &llm.EmbedRequest{Inputs: text, Types: []llm.VectorType{"int8"}}, llm.CodeUnsupported, "embedding_types"},
		{"a purpose", &llm.EmbedRequest{Inputs: text, InputType: "digging"}, llm.CodeUnsupported, "input_type"},
		{"a member", &llm.EmbedRequest{Inputs: text, ModelFields: []jsonx.Member{{Name: "rock", Value: jsonx.Raw("1")}}}, llm.CodeUnsupported, "rock"},
		{"Google's refusal", &llm.EmbedRequest{Inputs: text}, llm.CodeNotGranted, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := targets[0].(provider.Embedder).Embed(t.Context(), tt.req)
			if e := llm.AsError(err); e.Code != tt.code || !strings.HasPrefix(e.Param, tt.want) {
				t.Errorf("%v, for %q", err, e.Param)
			}
		})
	}
}
