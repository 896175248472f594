package embed_test

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/embed"
	"outcrop/wire/openaiembed"
)

// Models of each form.
const (
	titan1   = "amazon.titan-embed-text-v1"
	titan2   = "amazon.titan-embed-text-v2:0"
	titanMM  = "amazon.titan-embed-image-v1"
	cohere3  = "cohere.embed-english-v3"
	cohere4  = "us.cohere.embed-v4:0"
	nova     = "amazon.nova-2-multimodal-embeddings-v1:0"
	marengo2 = "us.twelvelabs.marengo-embed-2-7-v1:0"
	marengo3 = "twelvelabs.marengo-embed-3-0-v1:0"
)

// png is the beginning of an image, in base64.
const png = "iVBORw0KGgoAAAANSUhEUg=="

func TestBodies(t *testing.T) {
	image := `"data:image/png;base64,` + png + `"`
	for _, test := range []struct {
		name, model string
		request     string   // members of the request
		bodies      []string // one for each call
		warnings    []string
	}{
		{"titan v1", titan1, `"input":"a"`, []string{`{"inputText":"a"}`}, nil},
		{"titan v1's own length", titan1, `"input":["a","b"],"dimensions":1536`, []string{`{"inputText":"a"}`, `{"inputText":"b"}`}, nil},
		{"titan v2", titan2, `"input":"a","dimensions":256,"normalize":false`, []string{`{"inputText":"a","dimensions":256,"normalize":false}`}, nil},
		{"titan v2, bits", titan2, `"input":"a","embeddingTypes":["float","binary"]`, []string{`{"inputText":"a","embeddingTypes":["float","binary"]}`}, nil},
		{"titan v2, floats", titan2, `"input":"a","embeddingTypes":["float"],"encoding_format":"base64"`, []string{`{"inputText":"a"}`}, nil},
		{"titan v2 has one kind of vector", titan2, `"input":"a","input_type":"search_query","truncate":"NONE","user":"u"`, []string{`{"inputText":"a"}`}, []string{"dropped input_type"}},
		{"tokens", titan2, `"input":[9906,11,1917]`, []string{`{"inputText":"Hello, world"}`}, []string{"changed input"}},
		{"lists of tokens", cohere3, `"input":[[9906],[1917]]`, []string{`{"texts":["Hello"," world"],"input_type":"search_document"}`}, []string{"changed input"}},
		{"titan image, text", titanMM, `"input":"a","dimensions":384`, []string{`{"inputText":"a","embeddingConfig":{"outputEmbeddingLength":384}}`}, nil},
		{"titan image, own field", titanMM, `"input":"a","embeddingConfig":{"outputEmbeddingLength":256}`, []string{`{"inputText":"a","embeddingConfig":{"outputEmbeddingLength":256}}`}, nil},
		{"titan image, image", titanMM, `"input":` + image, []string{`{"inputImage":"` + png + `"}`}, nil},
		{
			"titan image, both", titanMM, `"input":[{"content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":` + image + `}}]}]`,
			[]string{`{"inputText":"a","inputImage":"` + png + `"}`},
			nil,
		},
		{"cohere v3", cohere3, `"input":["a",""],"truncate":"end"`, []string{`{"texts":["a",""],"input_type":"search_document","truncate":"END"}`}, nil},
		{"cohere v3, image", cohere3, `"input":[` + image + `]`, []string{`{"images":[` + image + `],"input_type":"image"}`}, nil},
		{"cohere v3, typed image", cohere3, `"input":["` + png + `"],"input_type":"image"`, []string{`{"images":[` + image + `],"input_type":"image"}`}, nil},
		{
			"cohere v3, image as a document", cohere3, `"images":[` + image + "," + image + `],"input_type":"search_document"`,
			[]string{`{"images":[` + image + `],"input_type":"image"}`, `{"images":[` + image + `],"input_type":"image"}`},
			[]string{"changed input_type"},
		},
		{
			"cohere v4", cohere4, `"input":["a"],"dimensions":512,"max_tokens":9,"truncate":"LEFT","input_type":"clustering","embedding_types":["int8","float"]`,
			[]string{`{"texts":["a"],"input_type":"clustering","truncate":"LEFT","embedding_types":["int8","float"],"output_dimension":512,"max_tokens":9}`},
			nil,
		},
		{
			"cohere v4, kinds apart", cohere4, `"input":["a",` + image + `,"b",{"content":[{"type":"text","text":"c"},{"type":"image_url","image_url":` + image + `}]},` + image + `]`,
			[]string{
				`{"texts":["a","b"],"input_type":"search_document"}`, `{"images":[` + image + `,` + image + `],"input_type":"search_document"}`,
				`{"inputs":[{"content":[{"type":"text","text":"c"},{"type":"image_url","image_url":` + image + `}]}],"input_type":"search_document"}`,
			},
			nil,
		},
		{"cohere v4, typed image", cohere4, `"input":` + image + `,"input_type":"image"`, []string{`{"images":[` + image + `],"input_type":"search_document"}`}, nil},
		{
			"nova", nova, `"input":"a"`, []string{novaBody(`"GENERIC_INDEX"`, 3072, `"text":{"value":"a","truncationMode":"END"}`)}, nil,
		},
		{
			"nova, settings", nova, `"input":"a","dimensions":256,"truncate":"START","input_type":"search_query","taskType":"SINGLE_EMBEDDING","schemaVersion":"nova-multimodal-embed-v1"`,
			[]string{novaBody(`"GENERIC_RETRIEVAL"`, 256, `"text":{"value":"a","truncationMode":"START"}`)},
			nil,
		},
		{
			"nova, own settings", nova, `"input":[{"type":"text","text":"a"}],"embeddingDimension":1024,"embeddingPurpose":"TEXT_RETRIEVAL","text":{"truncationMode":"NONE"}`,
			[]string{novaBody(`"TEXT_RETRIEVAL"`, 1024, `"text":{"value":"a","truncationMode":"NONE"}`)},
			nil,
		},
		{"nova, classes", nova, `"input":"a","input_type":"classification"`, []string{novaBody(`"CLASSIFICATION"`, 3072, `"text":{"value":"a","truncationMode":"END"}`)}, nil},
		{"nova, clusters", nova, `"input":"a","input_type":"clustering"`, []string{novaBody(`"CLUSTERING"`, 3072, `"text":{"value":"a","truncationMode":"END"}`)}, nil},
		{
			"nova, media", nova,
			`"input":[` + image + `,"data:audio/mpeg;base64,AAAA",{"type":"video_url","video_url":{"url":"s3://b/v.mp4","bucket_owner":"1"}}],"image":{"detailLevel":"DOCUMENT_IMAGE"}`,
			[]string{
				novaBody(`"GENERIC_INDEX"`, 3072, `"image":{"format":"png","source":{"bytes":"`+png+`"},"detailLevel":"DOCUMENT_IMAGE"}`),
				novaBody(`"GENERIC_INDEX"`, 3072, `"audio":{"format":"mp3","source":{"bytes":"AAAA"}}`),
				novaBody(`"GENERIC_INDEX"`, 3072, `"video":{"format":"mp4","source":{"s3Location":{"uri":"s3://b/v.mp4","bucketOwner":"1"}},"embeddingMode":"AUDIO_VIDEO_COMBINED"}`),
			},
			nil,
		},
		{"marengo 2", marengo2, `"input":"a","textTruncate":"none"`, []string{`{"inputType":"text","inputText":"a","textTruncate":"none"}`}, nil},
		{"marengo 2, part", marengo2, `"input":{"type":"text","text":"a"},"truncate":"END"`, []string{`{"inputType":"text","inputText":"a","textTruncate":"end"}`}, nil},
		{"marengo 2, image", marengo2, `"input":"` + png + `","input_type":"image"`, []string{`{"inputType":"image","mediaSource":{"base64String":"` + png + `"}}`}, nil},
		{"marengo 2, bucket", marengo2, `"input":"s3://b/i.png","inputType":"image"`, []string{`{"inputType":"image","mediaSource":{"s3Location":{"uri":"s3://b/i.png"}}}`}, nil},
		{"marengo 3", marengo3, `"input":"a","inferenceId":"x"`, []string{`{"inputType":"text","text":{"inputText":"a"},"inferenceId":"x"}`}, nil},
		{"marengo 3, image", marengo3, `"input":` + image, []string{`{"inputType":"image","image":{"mediaSource":{"base64String":"` + png + `"}}}`}, nil},
		{
			"marengo 3, both", marengo3, `"input":{"content":[{"type":"text","text":"a"},{"type":"image_url","image_url":` + image + `}]},"input_type":"text_image"`,
			[]string{`{"inputType":"text_image","text_image":{"inputText":"a","mediaSource":{"base64String":"` + png + `"}}}`},
			nil,
		},
		// Under drop_params, what a model lacks is left out.
		{
			"dropped", titan1, `"drop_params":true,"input":"a","dimensions":256,"normalize":true,"max_tokens":5,"truncate":"START","embedding_types":["int8","float"],"embeddingPurpose":"X"`,
			[]string{`{"inputText":"a"}`},
			[]string{"dropped dimensions", "dropped truncate", "dropped max_tokens", "dropped normalize", "dropped embedding_types", "dropped embeddingPurpose"},
		},
		{
			"dropped once", nova, `"drop_params":true,"input":["a","b"],"text":{"x":1},"dimensions":5`,
			[]string{novaBody(`"GENERIC_INDEX"`, 3072, `"text":{"value":"a","truncationMode":"END"}`), novaBody(`"GENERIC_INDEX"`, 3072, `"text":{"value":"b","truncationMode":"END"}`)},
			[]string{"dropped dimensions", "dropped text.x"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			items, decoded, warnings := plan(t, []byte(`{"model":"`+test.model+`",`+test.request+`}`))
			var bodies []string
			for _, item := range items {
				bodies = append(bodies, string(bytes.Join(item.Body, nil)))
			}
			if got, want := strings.Join(bodies, "\n"), strings.Join(test.bodies, "\n"); got != want {
				t.Errorf("bodies\n%s\nwant\n%s", got, want)
			}
			var got []string
			for _, w := range append(decoded.Warnings, warnings...) {
				got = append(got, w.Code+" "+w.Field)
			}
			if fmt.Sprint(got) != fmt.Sprint(test.warnings) {
				t.Errorf("warnings %v, want %v", got, test.warnings)
			}
		})
	}
}

func novaBody(purpose string, dimension int, content string) string {
	return fmt.Sprintf(`{"schemaVersion":"nova-multimodal-embed-v1","taskType":"SINGLE_EMBEDDING","singleEmbeddingParams":{"embeddingPurpose":%s,"embeddingDimension":%d,%s}}`, purpose, dimension, content)
}

func TestWhatAModelLacksIsRefusedByName(t *testing.T) {
	image := `"data:image/png;base64,` + png + `"`
	for _, test := range []struct {
		model, request string
		param, says    string
		code           llm.Code
	}{
		{titan1, `"input":"a","dimensions":256`, "dimensions", "returns vectors of 1536 dimensions only, not 256", llm.CodeUnsupported},
		{titan2, `"input":"a","dimensions":255`, "dimensions", "vectors of 256, 512 or 1024 dimensions, not 255", llm.CodeUnsupported},
		{titan1, `"input":"a","normalize":true`, "normalize", "normalize is not supported by model amazon.titan-embed-text-v1", llm.CodeUnsupported},
		{titan2, `"input":"a","truncate":"END"`, "truncate", "truncate END is not supported", llm.CodeUnsupported},
		{titan2, `"input":"a","truncate":"MIDDLE"`, "truncate", "must be NONE, START or END", llm.CodeBadRequest},
		{titan2, `"input":"a","max_tokens":3`, "max_tokens", "max_tokens is not supported", llm.CodeUnsupported},
		{titan2, `"input":"a","embedding_types":["int8"]`, "embedding_types", "embedding_types int8 is not supported", llm.CodeUnsupported},
		{titan2, `"input":"a","embeddingPurpose":"GENERIC_INDEX"`, "embeddingPurpose", "embeddingPurpose is not supported", llm.CodeUnsupported},
		{titanMM, `"input":"a","embeddingConfig":{},"dimensions":256`, "embeddingConfig", "are the same setting", llm.CodeBadRequest},
		{titan2, `"input":["a",""]`, "input[1]", "input[1] must not be empty", llm.CodeBadRequest},
		{titan2, `"input":""`, "input", "input must not be empty", llm.CodeBadRequest},
		{titan2, `"input":["a",` + image + `]`, "input[1]", "input[1] is an image, and model amazon.titan-embed-text-v2 takes only texts", llm.CodeFeature},
		{titan2, `"input":["a",[9906,200000]]`, "input[1]", "token 200000 at position 1 is not in the encoding cl100k_base", llm.CodeBadRequest},
		{titan2, `"input":["` + strings.Repeat("é", 50_001) + `"]`, "input[0]", "takes texts of up to 50000 characters, not 50001", llm.CodeTooLong},
		{cohere3, `"input":["a","` + strings.Repeat("a", 2049) + `"]`, "input[1]", "takes texts of up to 2048 characters, not 2049", llm.CodeTooLong},
		{cohere3, `"input":"a","input_type":"query"`, "input_type", "must be search_document, search_query, classification, clustering or image", llm.CodeBadRequest},
		{cohere3, `"input":[{"type":"text","text":"a"}],"input_type":"image"`, "input[0]", "is a text, but input_type image is for images", llm.CodeBadRequest},
		{cohere3, `"input":"a","truncate":"LEFT"`, "truncate", "truncate LEFT is not supported", llm.CodeUnsupported},
		{cohere3, `"input":[{"content":[{"type":"text","text":"a"},{"type":"image_url","image_url":` + image + `}]}]`, "input[0]", "has several parts", llm.CodeFeature},
		{cohere3, `"images":["data:image/gif;base64,R0lGODlhAAAA"]`, "images[0]", `has the format "gif", and model cohere.embed-english-v3 takes png or jpeg`, llm.CodeUnsupported},
		{cohere4, `"input":["a","s3://b/a.png"],"input_type":"image"`, "input[0]", "input[0] is not valid base64", llm.CodeBadRequest},
		{cohere4, `"input":["s3://b/a.png"],"input_type":"image"`, "input[0]", "is in S3, which model cohere.embed-v4 does not read", llm.CodeUnsupported},
		{cohere4, `"images":["https://example.com/a.png"]`, "images[0]", "has not been fetched", llm.CodeBadRequest},
		{nova, `"input":"a","text":{"value":"b"}`, "text.value", "send the content as input", llm.CodeBadRequest},
		{nova, `"input":"a","text":7`, "text", "text must be an object, not a number", llm.CodeBadRequest},
		{nova, `"input":"a","text":{"truncationMode":"END"},"truncate":"END"`, "text.truncationMode", "are the same setting", llm.CodeBadRequest},
		{nova, `"input":"a","audio":{"x":1}`, "audio.x", "audio.x is not supported", llm.CodeUnsupported},
		{nova, `"input":"a","taskType":"SEGMENTED_EMBEDDING"`, "taskType", "must be SINGLE_EMBEDDING", llm.CodeUnsupported},
		{nova, `"input":"a","video":{"embeddingMode":"AUDIO_VIDEO_SEPARATE"}`, "video.embeddingMode", "two vectors for one input", llm.CodeUnsupported},
		{nova, `"input":["s3://b/clip"],"input_type":"video"`, "input[0]", "does not show its format", llm.CodeBadRequest},
		{nova, `"input":"data:audio/flac;base64,AAAA"`, "input", `has the format "flac"`, llm.CodeUnsupported},
		{marengo2, `"input":"data:video/mp4;base64,AAAA"`, "input", "is a video, and model twelvelabs.marengo-embed-2-7-v1 takes texts and images", llm.CodeFeature},
		{marengo2, `"input":"data:audio/wav;base64,AAAA"`, "input", "is audio", llm.CodeFeature},
		{marengo3, `"input":"a","output_s3_uri":"s3://b/"`, "output_s3_uri", "output_s3_uri is not supported", llm.CodeUnsupported},
		{"amazon.nova-lite-v1:0", `"input":"a"`, "model", "amazon.nova-lite-v1 does not return embeddings", llm.CodeFeature},
		{"acme.embed-v1", `"input":"a"`, "model", "the form of embedding requests to model acme.embed-v1 is unknown", llm.CodeFeature},
		{"arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc", `"input":"a"`, "model", "it is unknown which model this ARN calls", llm.CodeFeature},
	} {
		r, err := openaiembed.Decode([]byte(`{"model":"`+test.model+`",`+test.request+`}`), openaiembed.Options{})
		if err == nil {
			m := model(t, test.model)
			if m.Known() != (test.param != "model") {
				t.Errorf("%s: known %v", test.model, m.Known())
			}
			_, _, err = m.Plan(&r.LLM)
		}
		var e *llm.Error
		if !errors.As(err, &e) {
			t.Errorf("%s %.80s: %v", test.model, test.request, err)
			continue
		}
		if e.Param != test.param || !strings.Contains(e.Message, test.says) || e.Code != test.code || e.Status != 400 {
			t.Errorf("%s %.80s:\n%s %d %q: %s\nwant %s %q: %s", test.model, test.request, e.Code, e.Status, e.Param, e.Message, test.code, test.param, test.says)
		}
	}
}

func TestContentThatAWSRefusesIsRefusedBefore(t *testing.T) {
	big := func(n int) llm.Base64 {
		content := make([]byte, n)
		copy(content, "\x89PNG\r\n\x1a\n")
		return llm.EncodeBase64(content)
	}
	image := func(n int) []llm.EmbedInput {
		return []llm.EmbedInput{{Parts: []llm.Block{{Kind: llm.BlockImage, Media: &llm.Media{Format: "png", Base64: big(n)}}}}}
	}
	for _, test := range []struct {
		model  string
		inputs []llm.EmbedInput
		says   string
	}{
		{titan2, nil, "input must contain at least one element"},
		{cohere3, image(5<<20 + 1), "input[0] is too large: model cohere.embed-english-v3 takes images of up to 5 MB, and this one has 5.0 MB"},
		{titanMM, image(25<<20 + 1), "input[0] is too large: model amazon.titan-embed-image-v1 takes images of up to 25 MB"},
		{titanMM, image(20 << 20), "input[0] is too large: Bedrock takes bodies of up to 25000000 bytes"},
		{titanMM, []llm.EmbedInput{{Parts: []llm.Block{{Kind: llm.BlockImage, Media: &llm.Media{Format: "png"}}}}}, "input[0] has no content"},
		{titanMM, []llm.EmbedInput{{Parts: []llm.Block{{Kind: llm.BlockImage}}}}, "input[0] is an image"},
		{titanMM, []llm.EmbedInput{{Parts: []llm.Block{{Kind: llm.BlockDocument, Media: &llm.Media{}}}}}, "input[0] is content of another kind"},
		{titanMM, []llm.EmbedInput{{Parts: []llm.Block{{Kind: llm.BlockText}}}}, "input[0] must not be empty"},
	} {
		_, _, err := model(t, test.model).Plan(&llm.EmbedRequest{Inputs: test.inputs})
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %s", test.model, err, test.says)
		}
	}
}

func TestABatchHasAsManyInputsAsTheModelTakes(t *testing.T) {
	texts := make([]llm.EmbedInput, 2048)
	for i := range texts {
		texts[i].Text = fmt.Sprint(i)
	}
	items, _, err := model(t, cohere4).Plan(&llm.EmbedRequest{Inputs: texts})
	if err != nil {
		t.Fatal(err)
	}
	next := 0
	for _, item := range items {
		if len(item.Inputs) > 96 {
			t.Errorf("%d inputs in one call", len(item.Inputs))
		}
		for _, i := range item.Inputs {
			if i != next {
				t.Fatalf("input %d where %d should be", i, next)
			}
			next++
		}
	}
	if len(items) != 22 || next != 2048 {
		t.Errorf("%d calls with %d inputs", len(items), next)
	}
	// Images of 6 MB: two in a call of at most 16 MB, in base64.
	content := make([]byte, 5_900_000)
	copy(content, "\x89PNG\r\n\x1a\n")
	image := llm.EmbedInput{Parts: []llm.Block{{Kind: llm.BlockImage, Media: &llm.Media{Format: "png", Base64: llm.EncodeBase64(content)}}}}
	items, _, err = model(t, cohere4).Plan(&llm.EmbedRequest{Inputs: []llm.EmbedInput{image, image, image}})
	if err != nil || len(items) != 2 || len(items[0].Inputs) != 2 {
		t.Errorf("%d calls, %v", len(items), err)
	}
}

func TestPlanningIsLinear(t *testing.T) {
	m := model(t, titan2)
	bytesOf := func(n int) uint64 {
		inputs := make([]llm.EmbedInput, n)
		for i := range inputs {
			inputs[i].Text = strings.Repeat("a", 1000)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, _, err := m.Plan(&llm.EmbedRequest{Inputs: inputs}); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	small, large := bytesOf(128), bytesOf(2048)
	if large > small*16*2 {
		t.Errorf("128 inputs take %d bytes, 2048 take %d", small, large)
	}
	if large > 2048*1000*6 {
		t.Errorf("2048 inputs of 1000 bytes take %d bytes", large)
	}
}

func TestKindsOfTheCatalogueComeFirst(t *testing.T) {
	facts := &catalog.Model{Kind: catalog.KindChat}
	if embed.NewModel("cohere", "embed-chat-v9", facts).Known() {
		t.Error("a chat model embeds")
	}
	if !embed.NewModel("cohere", "embed-multilingual-v3", nil).Known() {
		t.Error("a model of a known family is unknown without the catalogue")
	}
}
