package cohere_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
)

// sent is a body of the embed API.
type sent struct {
	Model     string
	Texts     []string
	Images    []string
	Inputs    []json.RawMessage
	InputType string   `json:"input_type"`
	Truncate  string   `json:"truncate"`
	Types     []string `json:"embedding_types"`
	Dimension int      `json:"output_dimension"`
	Priority  int      `json:"priority"`
	MaxTokens int      `json:"max_tokens"`
}

// embedServer answers as Cohere's embed API: the vector of a text is its length, of anything else -1.
type embedServer struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []sent
	raw    []string
}

func embedAPI(t *testing.T) *embedServer {
	t.Helper()
	s := &embedServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var b sent
		if err := json.Unmarshal(body, &b); err != nil || r.URL.Path != "/v2/embed" || r.Header.Get("Authorization") == "" {
			t.Errorf("%s %v: %s", r.URL.Path, err, body)
		}
		s.mu.Lock()
		s.bodies, s.raw = append(s.bodies, b), append(s.raw, string(body))
		s.mu.Unlock()
		var vectors []string
		for _, text := range b.Texts {
			vectors = append(vectors, fmt.Sprintf("[%d,0.5]", len(text)))
		}
		for range len(b.Images) + len(b.Inputs) {
			vectors = append(vectors, "[-1]")
		}
		billed := fmt.Sprintf(`"input_tokens":%d.0`, len(b.Texts))
		if len(b.Texts) == 0 {
			billed = `"images":1`
		}
		forms := make([]string, len(b.Types))
		for i, form := range b.Types {
			list := strings.Join(vectors, ",")
			if form != "float" {
				list = strings.ReplaceAll(list, ",0.5", "")
			}
			forms[i] = fmt.Sprintf(`%q:[%s]`, form, list)
		}
		_, _ = fmt.Fprintf(w, `{"id":"1","response_type":"embeddings_by_type","embeddings":{%s},"texts":[],"meta":{"api_version":{"version":"2"},"billed_units":{%s}}}`, strings.Join(forms, ","), billed)
	}))
	t.Cleanup(s.Close)
	return s
}

func embedder(t *testing.T, base, model string) provider.Embedder {
	t.Helper()
	e, ok := target(t, opened(t, model, base), llm.VerbEmbed, model).(provider.Embedder)
	if !ok {
		t.Fatal("it does not embed")
	}
	return e
}

func text(s string) llm.EmbedInput { return llm.EmbedInput{Text: s} }

func picture() llm.Block {
	return llm.Block{Kind: llm.BlockImage, Media: &llm.Media{Format: "png", Base64: llm.EncodeBase64([]byte("\x89PNG\r\n\x1a\n"))}}
}

func parts(blocks ...llm.Block) llm.EmbedInput { return llm.EmbedInput{Parts: blocks} }

func warned(all []llm.Warning) (out []string) {
	for _, w := range all {
		out = append(out, w.Code+" "+w.Field)
	}
	return out
}

func TestAnEmbeddingHasCoheresOwnWords(t *testing.T) {
	s := embedAPI(t)
	r, err := embedder(t, s.URL, "embed-v4.0").Embed(t.Context(), &llm.EmbedRequest{
		Call:   llm.Call{User: "u"},
		Inputs: []llm.EmbedInput{text("granite"), {Tokens: []int64{9906}}}, Dimensions: llm.Some[int64](256), InputType: "search_query", Truncate: "start",
		MaxTokens: llm.Some[int64](9), Types: []llm.VectorType{llm.VectorInt8, llm.VectorFloat}, ModelFields: []jsonx.Member{{Name: "priority", Value: jsonx.Raw("3")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := sent{Model: "embed-v4.0", Texts: []string{"granite", "Hello"}, InputType: "search_query", Truncate: "START", Types: []string{"int8", "float"}, Dimension: 256, Priority: 3, MaxTokens: 9}
	if got := fmt.Sprintf("%+v", s.bodies); got != fmt.Sprintf("%+v", []sent{want}) {
		t.Errorf("sent %s", got)
	}
	if len(r.Vectors) != 2 || !slices.Equal(r.Vectors[1].Float, []float64{5, 0.5}) || !slices.Equal(r.Vectors[0].Others[0].Values, []int16{7}) || r.Usage.Input != 2 || r.Usage.Total != 2 || r.Estimated {
		t.Errorf("the response is %+v", r)
	}
	if got := warned(r.Meta.Warnings); !slices.Equal(got, []string{"dropped user", "changed input"}) || r.Meta.Destination.Provider != "cohere" || r.Meta.Price != nil {
		t.Errorf("warnings %v, meta %+v", got, r.Meta)
	}
}

func TestManyInputsAreSeveralCallsInOrder(t *testing.T) {
	s := embedAPI(t)
	var inputs []llm.EmbedInput
	for i := range 200 {
		inputs = append(inputs, text(strings.Repeat("a", i+1)))
	}
	r, err := embedder(t, s.URL, "embed-multilingual-v3.0").Embed(t.Context(), &llm.EmbedRequest{Inputs: inputs})
	if err != nil || len(s.bodies) != 3 || r.Usage.Input != 200 {
		t.Fatalf("%d calls, %+v, %v", len(s.bodies), r, err)
	}
	for i, v := range r.Vectors {
		if v.Float[0] != float64(i+1) {
			t.Fatalf("the vector of input %d is that of a text of %v letters", i, v.Float[0])
		}
	}
	for _, b := range s.bodies {
		if len(b.Texts) > 96 || b.InputType != "search_document" || !slices.Equal(b.Types, []string{"float"}) {
			t.Errorf("a body has %d texts: %+v", len(b.Texts), b)
		}
	}
}

func TestImagesAreSentAsTheirModelTakesThem(t *testing.T) {
	label := llm.Block{Kind: llm.BlockText, Text: "a rock"}
	const image = `data:image/png;base64,iVBORw0KGgo=`
	for _, tt := range []struct {
		model, purpose string
		inputs         []llm.EmbedInput
		bodies         []string
		warnings       []string
	}{
		{"embed-english-v3.0", "", []llm.EmbedInput{parts(picture()), parts(picture())}, []string{`"images":["` + image + `"],"input_type":"image"`, `"images":["` + image + `"],"input_type":"image"`}, nil},
		{"embed-english-v3.0", "search_query", []llm.EmbedInput{parts(picture())}, []string{`"images":["` + image + `"],"input_type":"image"`}, []string{"changed input_type"}},
		{"embed-v4.0", "", []llm.EmbedInput{parts(picture()), text("a"), parts(picture())}, []string{`"images":["` + image + `","` + image + `"],"input_type":"image"`, `"texts":["a"],"input_type":"search_document"`}, nil},
		{"embed-v4.0", "search_query", []llm.EmbedInput{parts(picture())}, []string{`"inputs":[{"content":[{"type":"image_url","image_url":{"url":"` + image + `"}}]}],"input_type":"search_query"`}, nil},
		{"embed-v4.0", "", []llm.EmbedInput{parts(label, picture())}, []string{`"inputs":[{"content":[{"type":"text","text":"a rock"},{"type":"image_url","image_url":{"url":"` + image + `"}}]}],"input_type":"search_document"`}, nil},
		{"embed-v4.0", "image", []llm.EmbedInput{parts(label, picture())}, []string{`"input_type":"search_document"`}, []string{"changed input_type"}},
		{"embed-english-v3.0", "", []llm.EmbedInput{parts(label)}, []string{`"texts":["a rock"],"input_type":"search_document"`}, nil},
	} {
		s := embedAPI(t)
		r, err := embedder(t, s.URL, tt.model).Embed(t.Context(), &llm.EmbedRequest{Inputs: tt.inputs, InputType: tt.purpose})
		if err != nil {
			t.Errorf("%s %q: %v", tt.model, tt.purpose, err)
			continue
		}
		all := strings.Join(s.raw, "\n")
		for _, want := range tt.bodies {
			if !strings.Contains(all, want) {
				t.Errorf("%s %q: %s is not in\n%s", tt.model, tt.purpose, want, all)
			}
		}
		if got := warned(r.Meta.Warnings); len(s.raw) != len(tt.bodies) || !slices.Equal(got, tt.warnings) {
			t.Errorf("%s %q: %d calls, warnings %v", tt.model, tt.purpose, len(s.raw), got)
		}
		if len(tt.inputs[0].Parts) > 0 && tt.inputs[0].Parts[len(tt.inputs[0].Parts)-1].Media != nil {
			if r.Meta.Price == nil {
				t.Errorf("%s: images have the price of texts", tt.model)
			} else if _, known := r.Meta.Price.Cost("", &r.Usage); known {
				t.Errorf("%s: images have a price", tt.model)
			}
		}
	}
}

func TestWhatCohereDoesNotEmbedIsRefusedByName(t *testing.T) {
	for _, tt := range []struct {
		model string
		req   llm.EmbedRequest
		param string
		code  llm.Code
	}{
		{"embed-english-v3.0", llm.EmbedRequest{Inputs: []llm.EmbedInput{text("a")}, Dimensions: llm.Some[int64](256)}, "dimensions", llm.CodeUnsupported},
		{"embed-english-light-v3.0", llm.EmbedRequest{Inputs: []llm.EmbedInput{text("a")}, Dimensions: llm.Some[int64](1024)}, "dimensions", llm.CodeUnsupported},
		{"embed-v4.0", llm.EmbedRequest{}, "input", llm.CodeBadRequest},
		{"embed-v4.0", llm.EmbedRequest{Inputs: []llm.EmbedInput{text("a")}, Truncate: "LEFT"}, "truncate", llm.CodeBadRequest},
		{"embed-v4.0", llm.EmbedRequest{Inputs: []llm.EmbedInput{text("a")}, InputType: "query"}, "input_type", llm.CodeBadRequest},
		{"embed-v4.0", llm.EmbedRequest{Inputs: []llm.EmbedInput{text("a")}, InputType: "image"}, "input[0]", llm.CodeBadRequest},
		{"embed-v4.0", llm.EmbedRequest{Inputs: []llm.EmbedInput{text("a")}, Normalize: llm.Some(true)}, "normalize", llm.CodeUnsupported},
		{"embed-english-v3.0", llm.EmbedRequest{Inputs: []llm.EmbedInput{parts(llm.Block{Kind: llm.BlockText, Text: "a"}, picture())}}, "input[0]", llm.CodeFeature},
		{"embed-v4.0", llm.EmbedRequest{Inputs: []llm.EmbedInput{parts(llm.Block{Kind: llm.BlockAudio, Media: &llm.Media{Format: "mp3", Base64: llm.EncodeBase64([]byte("a"))}})}}, "input[0]", llm.CodeFeature},
		{"embed-v4.0", llm.EmbedRequest{Inputs: []llm.EmbedInput{{Tokens: []int64{1 << 40}}}}, "input[0]", llm.CodeBadRequest},
	} {
		s := embedAPI(t)
		_, err := embedder(t, s.URL, tt.model).Embed(t.Context(), &tt.req)
		if e, ok := errors.AsType[*llm.Error](err); !ok || e.Param != tt.param || e.Code != tt.code || len(s.bodies) > 0 {
			t.Errorf("%s: %+v, with %d calls", tt.param, err, len(s.bodies))
		}
	}
	s := embedAPI(t)
	r, err := embedder(t, s.URL, "embed-english-v3.0").Embed(t.Context(), &llm.EmbedRequest{
		Call: llm.Call{DropParams: true}, Inputs: []llm.EmbedInput{text("a")}, Dimensions: llm.Some[int64](256), Normalize: llm.Some(true),
	})
	if err != nil || s.bodies[0].Dimension != 0 || !slices.Equal(warned(r.Meta.Warnings), []string{"dropped dimensions", "dropped normalize"}) {
		t.Errorf("with drop_params: %+v, %v", r, err)
	}
	r, err = embedder(t, s.URL, "embed-english-light-v3.0").Embed(t.Context(), &llm.EmbedRequest{Inputs: []llm.EmbedInput{text("a")}, Dimensions: llm.Some[int64](384)})
	if err != nil || len(r.Meta.Warnings) > 0 {
		t.Errorf("its own length: %+v, %v", r, err)
	}
}

func TestAResponseThatIsNotToTheRequestIsAnError(t *testing.T) {
	for _, body := range []string{
		`{"embeddings":{"float":[[1],[2]]}}`, `{"embeddings":{"int8":[[1]]}}`, `{"embeddings":{"float":[[]]}}`, `{"embeddings":{"float":[["a"]]}}`, `{}`, `[`,
	} {
		s := serve(t, 200, "application/json", body)
		_, err := embedder(t, s.URL, "embed-v4.0").Embed(t.Context(), &llm.EmbedRequest{Inputs: []llm.EmbedInput{text("a")}})
		if e, ok := errors.AsType[*llm.Error](err); !ok || e.Status != http.StatusBadGateway || e.Destination.API != "embeddings" {
			t.Errorf("%s: %v", body, err)
		}
	}
	s := serve(t, 200, "application/json", `{"embeddings":{"float":[[1]]}}`)
	r, err := embedder(t, s.URL, "embed-v4.0").Embed(t.Context(), &llm.EmbedRequest{Inputs: []llm.EmbedInput{text("granite")}})
	if err != nil || !r.Estimated || r.Usage.Input != 2 || !slices.Equal(warned(r.Meta.Warnings), []string{"missing usage"}) {
		t.Errorf("without usage: %+v, %v", r, err)
	}
	s = serve(t, 400, "application/json", `{"id":"1","message":"invalid request: valid output_dimension values are 256, 512, 1024, and 1536"}`)
	_, err = embedder(t, s.URL, "embed-v4.0").Embed(t.Context(), &llm.EmbedRequest{Inputs: []llm.EmbedInput{text("a")}, Dimensions: llm.Some[int64](3)})
	if e, ok := errors.AsType[*llm.Error](err); !ok || e.Status != 400 || !strings.Contains(e.Message, "valid output_dimension") {
		t.Errorf("a refusal: %+v", err)
	}
}
