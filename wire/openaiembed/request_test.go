package openaiembed_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/openaiembed"
)

// png and jpeg are the beginnings of images, in base64.
const (
	png  = "iVBORw0KGgoAAAANSUhEUg=="
	jpeg = "/9j/4AAQSkZJRgABAQ=="
)

func b64(t *testing.T, s string) llm.Base64 {
	t.Helper()
	b, ok := llm.ParseBase64([]byte(s))
	if !ok {
		t.Fatalf("%q is not base64", s)
	}
	return b
}

func media(kind llm.BlockKind, m *llm.Media) llm.Block { return llm.Block{Kind: kind, Media: m} }

func TestInputs(t *testing.T) {
	image := media(llm.BlockImage, &llm.Media{Format: "png", Base64: b64(t, png)})
	one := func(field string, b llm.Block) llm.EmbedInput {
		return llm.EmbedInput{Parts: []llm.Block{b}, Field: field}
	}
	for _, test := range []struct {
		members string
		want    []llm.EmbedInput
	}{
		{`"input":"a"`, []llm.EmbedInput{{Text: "a", Field: "input"}}},
		{`"input":""`, []llm.EmbedInput{{Field: "input"}}},
		{`"input":["a","b"]`, []llm.EmbedInput{{Text: "a"}, {Text: "b"}}},
		{`"input":[1,2]`, []llm.EmbedInput{{Tokens: []int64{1, 2}, Field: "input"}}},
		{`"input":[[1],[2,3],"a"]`, []llm.EmbedInput{{Tokens: []int64{1}}, {Tokens: []int64{2, 3}}, {Text: "a"}}},
		{`"texts":["a"]`, []llm.EmbedInput{{Text: "a", Field: "texts[0]"}}},
		{`"input":"data:image/png;base64,` + png + `"`, []llm.EmbedInput{one("input", image)}},
		{`"input":["a"],"images":["data:image/png;base64,` + png + `","` + png + `"]`, []llm.EmbedInput{{Text: "a"}, one("images[0]", image), one("images[1]", image)}},
		{`"input":"` + png + `","input_type":"image"`, []llm.EmbedInput{one("input", image)}},
		{`"input":["` + strings.TrimRight(png, "=") + `\n"],"input_type":"image"`, []llm.EmbedInput{one("", image)}},
		{`"input":["data:application/octet-stream;base64,` + png + `"],"input_type":"image"`, []llm.EmbedInput{one("", image)}},
		{`"input":["s3://b/v.mov"],"inputType":"video"`, []llm.EmbedInput{one("", media(llm.BlockVideo, &llm.Media{Format: "mov", URI: "s3://b/v.mov"}))}},
		{`"input":["AAAA"],"input_type":"audio"`, []llm.EmbedInput{one("", media(llm.BlockAudio, &llm.Media{Base64: b64(t, "AAAA")}))}},
		{`"input":["HTTPS://e.com/a"],"input_type":"image"`, []llm.EmbedInput{one("", media(llm.BlockImage, &llm.Media{URI: "HTTPS://e.com/a", Field: "input[0]"}))}},
		{`"input":["https://e.com/a","data:,a","data:text/plain;base64,YQ==","data:image/png,a"]`, []llm.EmbedInput{{Text: "https://e.com/a"}, {Text: "data:,a"}, {Text: "data:text/plain;base64,YQ=="}, {Text: "data:image/png,a"}}},
		{`"input":[{"type":"text","text":"a"}]`, []llm.EmbedInput{{Text: "a"}}},
		{`"inputs":[{"content":[{"type":"text","text":"a"},{"type":"image_url","image_url":"data:image/png;base64,` + png + `"}]}]`, []llm.EmbedInput{
			{Parts: []llm.Block{{Kind: llm.BlockText, Text: "a"}, image}, Field: "inputs[0]"},
		}},
		{`"input":[{"type":"image_url","image_url":{"url":"http://e.com/a.png","format":"image/png"}}]`, []llm.EmbedInput{
			one("", media(llm.BlockImage, &llm.Media{Format: "png", URI: "http://e.com/a.png", Field: "input[0].image_url"})),
		}},
		{`"input":[{"type":"audio_url","audio_url":{"url":"data:audio/x-wav;base64,AAAA"}},{"type":"video_url","video_url":{"url":"s3://b/k","format":"mp4","bucket_owner":"1"}}]`, []llm.EmbedInput{
			one("", media(llm.BlockAudio, &llm.Media{Format: "wav", Base64: b64(t, "AAAA")})),
			one("", media(llm.BlockVideo, &llm.Media{Format: "mp4", URI: "s3://b/k", Owner: "1"})),
		}},
	} {
		r, err := openaiembed.Decode([]byte(`{"model":"m",`+test.members+`}`), openaiembed.Options{})
		if err != nil {
			t.Errorf("%s: %v", test.members, err)
			continue
		}
		if diff := cmp.Diff(test.want, r.LLM.Inputs, cmpopts.EquateEmpty()); diff != "" || len(r.Warnings) > 0 {
			t.Errorf("%s: warnings %v, inputs (-want +got):\n%s", test.members, r.Warnings, diff)
		}
	}
}

func TestFormatsOfMedia(t *testing.T) {
	for mediaType, want := range map[string]string{
		"image/png": "png", "image/jpg": "png", "video/quicktime": "mov", "video/x-matroska": "mkv", "video/3gpp": "3gp", "video/x-ms-wmv": "wmv",
		"audio/mp4": "m4a", "audio/mpeg": "mp3", "audio/wave": "wav", "video/mpeg": "mpeg",
	} {
		r, err := openaiembed.Decode([]byte(`{"model":"m","input":"data:`+mediaType+`;base64,`+png+`"}`), openaiembed.Options{})
		if err != nil || r.LLM.Inputs[0].Parts == nil || r.LLM.Inputs[0].Parts[0].Media.Format != want {
			t.Errorf("%s: %+v, %v", mediaType, r, err)
			continue
		}
		if changed := len(r.Warnings) > 0; changed != (mediaType == "image/jpg") { // a PNG that is called JPEG
			t.Errorf("%s: warnings %v", mediaType, r.Warnings)
		}
	}
	for data, want := range map[string]string{jpeg: "jpeg", "R0lGODlhAAAA": "gif", "UklGRgAAAABXRUJQ": "webp"} {
		r, err := openaiembed.Decode([]byte(`{"model":"m","images":["`+data+`"]}`), openaiembed.Options{})
		if err != nil || r.LLM.Inputs[0].Parts[0].Media.Format != want {
			t.Errorf("%s: %+v, %v", want, r, err)
		}
	}
}

func TestSettings(t *testing.T) {
	body := `{"model":"m","input":"a","dimensions":256,"output_dimension":256,"encoding_format":"base64","input_type":"search_query","truncate":"END","max_tokens":8,
		"normalize":false,"embedding_types":["float","int8","float"],"embeddingPurpose":"X","user":"u","metadata":{"k":"v"},"max_retries":5,"extra_headers":{"X-A":"b"},"drop_params":true}`
	r, err := openaiembed.Decode([]byte(body), openaiembed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := llm.EmbedRequest{
		Call:   llm.Call{Model: "m", User: "u", Metadata: []llm.Label{{Name: "k", Value: "v"}}, Headers: []llm.Label{{Name: "X-A", Value: "b"}}, DropParams: true},
		Inputs: []llm.EmbedInput{{Text: "a", Field: "input"}}, Dimensions: llm.Some[int64](256), InputType: "search_query", Truncate: "END", MaxTokens: llm.Some[int64](8),
		Normalize: llm.Some(false), Types: []llm.VectorType{llm.VectorFloat, llm.VectorInt8}, ModelFields: []jsonx.Member{{Name: "embeddingPurpose", Value: jsonx.Raw(`"X"`)}},
	}
	if diff := cmp.Diff(want, r.LLM); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !r.Base64 || fmt.Sprint(r.Warnings) != "[{dropped max_retries }]" {
		t.Errorf("base64 %v, warnings %v", r.Base64, r.Warnings)
	}
	for _, body := range []string{`"embeddingTypes":"binary"`, `"embedding_types":["binary"]`, `"embeddingTypes":null,"embedding_types":"binary"`} {
		r, err := openaiembed.Decode([]byte(`{"model":"m","input":"a",`+body+`}`), openaiembed.Options{})
		if err != nil || len(r.LLM.Types) != 1 || r.LLM.Types[0] != llm.VectorBinary {
			t.Errorf("%s: %+v, %v", body, r, err)
		}
	}
}

func TestOptions(t *testing.T) {
	opt := openaiembed.Options{
		Model:      "deployed",
		DropParams: func(model string) bool { return model == "deployed" },
		Parameters: func(model string) []jsonx.Member {
			return []jsonx.Member{{Name: "dimensions", Value: jsonx.Raw("256")}, {Name: "input_type", Value: jsonx.Raw(`"of ` + model + `"`)}}
		},
	}
	r, err := openaiembed.Decode([]byte(`{"model":"m","input":"a","dimensions":512,"additional_drop_params":["user"],"user":"u"}`), opt)
	if err != nil {
		t.Fatal(err)
	}
	if g := r.LLM; g.Model != "deployed" || !g.DropParams || g.Dimensions.Value != 512 || g.InputType != "of deployed" || g.User != "" || fmt.Sprint(r.Warnings) != "[{dropped user }]" {
		t.Errorf("%+v, warnings %v", g, r.Warnings)
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	many := `"input":["a"` + strings.Repeat(`,"a"`, 2048) + `]`
	for _, test := range []struct{ body, param, says string }{
		{``, "", "not valid JSON"},
		{`[]`, "", "must be an object"},
		{`{"model":"m","input":"a"} x`, "", "not valid JSON"},
		{`{"model":"m","input":"` + "\xff" + `"}`, "input", "invalid UTF-8"},
		{`{"input":"a"}`, "model", "model is required"},
		{`{"model":7,"input":"a"}`, "model", "model must be a string, not a number"},
		{`{"model":"m"}`, "input", "input is required"},
		{`{"model":"m","input":null}`, "input", "input is required"},
		{`{"model":"m","input":[]}`, "input", "input must contain at least one element"},
		{`{"model":"m","input":7}`, "input", "input must be a string or an array, not a number"},
		{`{"model":"m","input":["a",7]}`, "input[1]", "input[1] must be a string, an array of tokens or a content part, not a number"},
		{`{"model":"m","input":[7,"a"]}`, "input[1]", "input[1] must be a token (an integer), not a string"},
		{`{"model":"m","input":[[7,null]]}`, "input[0][1]", "must be a token (an integer), not null"},
		{`{"model":"m","input":[1.5]}`, "input[0]", "1.5 is not an integer"},
		{`{"model":"m","input":[1,-1]}`, "input[1]", "must be a token, which is not negative, not -1"},
		{`{"model":"m","input":[[]]}`, "input[0]", "input[0] must contain at least one token"},
		{`{"model":"m",` + many + `}`, "input", "must have at most 2048 elements"},
		{`{"model":"m","input":["a"],"images":["a"` + strings.Repeat(`,"a"`, 2047) + `]}`, "input", "must have at most 2048 elements, not 2049"},
		{`{"model":"m","input":"a","texts":["a"]}`, "texts", "input and texts are the same setting"},
		{`{"model":"m","input":"a","dimensions":"256"}`, "dimensions", "dimensions must be an integer, not a string"},
		{`{"model":"m","input":"a","dimensions":0}`, "dimensions", "dimensions must be at least 1, not 0"},
		{`{"model":"m","input":"a","dimensions":1,"embeddingDimension":2}`, "embeddingDimension", "dimensions and embeddingDimension differ"},
		{`{"model":"m","input":"a","input_type":"a","inputType":"b"}`, "inputType", "input_type and inputType differ"},
		{`{"model":"m","input":"a","truncate":"END","textTruncate":"none"}`, "textTruncate", "truncate and textTruncate differ"},
		{`{"model":"m","input":"a","max_tokens":0}`, "max_tokens", "max_tokens must be at least 1"},
		{`{"model":"m","input":"a","encoding_format":"hex"}`, "encoding_format", `must be float or base64, not "hex"`},
		{`{"model":"m","input":"a","embedding_types":["half"]}`, "embedding_types[0]", `embedding_types[0] must be float, int8, uint8, binary or ubinary, not "half"`},
		{`{"model":"m","input":"a","embedding_types":7}`, "embedding_types", "must be a string or an array of strings"},
		{`{"model":"m","input":"a","embedding_types":[],"embeddingTypes":[]}`, "embeddingTypes", "are the same setting"},
		{`{"model":"m","input":[{}]}`, "input[0].type", `input[0].type must be text, image_url, audio_url or video_url, not ""`},
		{`{"model":"m","input":[{"type":"text"}]}`, "input[0].text", "input[0].text is required"},
		{`{"model":"m","input":[{"content":[]}]}`, "input[0]", "must have at least one part"},
		{`{"model":"m","input":{"content":[{"type":"x"}]}}`, "input.content[0].type", "must be text, image_url"},
		{`{"model":"m","input":[{"content":[{"type":"image_url"}]}]}`, "input[0].content[0].image_url", "must be a data URI"},
		{`{"model":"m","input":[{"type":"image_url","image_url":"abc"}]}`, "input[0].image_url", "must be a data URI"},
		{`{"model":"m","input":[{"type":"image_url","image_url":{"url":"https://e.com/a","format":"pdf"}}]}`, "input[0].image_url", `unsupported format "pdf"`},
		{`{"model":"m","images":["https://"]}`, "images[0]", "is not a valid URL"},
		{`{"model":"m","images":["ftp://e.com/a"]}`, "images[0]", "unsupported URL scheme"},
		{`{"model":"m","images":["data:image/png,abc"]}`, "images[0]", "is not a valid data URI"},
		{`{"model":"m","images":["data:application/zip;base64,AAAA"]}`, "images[0]", `has the type "application/zip"`},
		{`{"model":"m","images":["data:image/png;base64,!"]}`, "images[0]", "is not valid base64"},
		{`{"model":"m","images":["data:image/png;base64,"]}`, "images[0]", "is not valid base64"},
		{`{"model":"m","images":["AAAA"]}`, "images[0]", "is not a supported image"},
		{`{"model":"m","images":[""]}`, "images[0]", "must be a data URI"},
		{`{"model":"m","input":"a","api_key":"s"}`, "api_key", "may not be set by clients"},
		{`{"model":"m","input":[` + strings.Repeat("1,", 500_001) + `1]}`, "", "too many values (limit 500000)"},
	} {
		_, err := openaiembed.Decode([]byte(test.body), openaiembed.Options{})
		var e *llm.Error
		if !errors.As(err, &e) {
			t.Errorf("%.80s: %v", test.body, err)
			continue
		}
		if e.Status != 400 || e.Param != test.param || !strings.Contains(e.Message, test.says) {
			t.Errorf("%.80s:\n%d %q: %s\nwant %q: %s", test.body, e.Status, e.Param, e.Message, test.param, test.says)
		}
	}
}

func TestTheBodyCanBeReused(t *testing.T) {
	body := []byte(`{"model":"m","input":["a","data:image/png;base64,` + png + `"],"user":"u","embeddingPurpose":"X"}`)
	decode := func() *openaiembed.Request {
		r, err := openaiembed.Decode(body, openaiembed.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first, want := decode(), decode()
	copy(body, strings.Repeat("x", len(body)))
	if diff := cmp.Diff(want.LLM, first.LLM); diff != "" || first.LLM.Inputs[0].Text != "a" || string(first.LLM.ModelFields[0].Value) != `"X"` || first.LLM.Inputs[1].Parts[0].Media.Base64.String() != png {
		t.Errorf("the request shares the body's memory: %+v", first.LLM)
	}
}

func FuzzDecode(f *testing.F) {
	for _, members := range []string{
		`"input":"a"`, `"input":[1,2]`, `"input":["a",[1]]`, `"input":[{"type":"text","text":"a"}],"images":["` + png + `"]`,
		`"input":"data:image/png;base64,` + png + `","dimensions":4,"encoding_format":"base64"`, `"inputs":[{"content":[{"type":"image_url","image_url":"https://e.com/a"}]}]`,
	} {
		f.Add([]byte(`{"model":"m",` + members + `}`))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := openaiembed.Decode(body, openaiembed.Options{AllowClientSettings: func(string) bool { return true }})
		if err != nil {
			var e *llm.Error
			if !errors.As(err, &e) || e.Status != 400 || e.Message == "" {
				t.Errorf("refused with %+v", err)
			}
			return
		}
		if len(r.LLM.Inputs) == 0 || r.LLM.Model == "" {
			t.Errorf("a request of nothing: %+v", r.LLM)
		}
		for i := range r.LLM.Inputs {
			if in := &r.LLM.Inputs[i]; in.Name(i) == "" || in.Text != "" && (in.Tokens != nil || in.Parts != nil) || in.Tokens != nil && in.Parts != nil {
				t.Errorf("input %d is several things: %+v", i, in)
			}
		}
	})
}

// TestALargeBatchTakesAFewAllocationsEach decodes as many inputs as OpenAI allows.
func TestALargeBatchTakesAFewAllocationsEach(t *testing.T) {
	body := []byte(`{"model":"m","input":["` + strings.Repeat(strings.Repeat("a", 1000)+`","`, 2047) + `a"]}`)
	if n := testing.AllocsPerRun(1, func() {
		if _, err := openaiembed.Decode(body, openaiembed.Options{}); err != nil {
			t.Fatal(err)
		}
	}); n > 5*2048 {
		t.Errorf("%v allocations for 2048 inputs", n)
	}
}

func TestTruncateMayBeAsOllamaHasIt(t *testing.T) {
	for value, want := range map[string]string{"true": "END", "false": "NONE", "null": "", `"START"`: "START"} {
		r, err := openaiembed.Decode([]byte(`{"model":"m","input":"a","truncate":`+value+`}`), openaiembed.Options{})
		if err != nil || r.LLM.Truncate != want {
			t.Errorf("%s is %q, %v", value, r.LLM.Truncate, err)
		}
	}
	_, err := openaiembed.Decode([]byte(`{"model":"m","input":"a","truncate":7}`), openaiembed.Options{})
	if e, ok := errors.AsType[*llm.Error](err); !ok || e.Param != "truncate" {
		t.Errorf("a number: %v", err)
	}
}
