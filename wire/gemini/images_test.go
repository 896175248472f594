package gemini

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

const tinyPNG = "iVBORw0KGgoAAAANSUhEUg=="

func tiny() llm.Base64 {
	b, _ := llm.ReadBase64(tinyPNG)
	return b
}

func own(name, value string) jsonx.Member {
	return jsonx.Member{Name: name, Value: jsonx.Raw(value)}
}

func TestRequestsForImages(t *testing.T) {
	picture := []*llm.Media{{Format: "png", Base64: tiny()}}
	for name, tt := range map[string]struct {
		req      llm.ImageRequest
		model    string
		vertex   bool
		want     string
		warnings []string
	}{
		"AI Studio": {
			llm.ImageRequest{Prompt: "granite", Size: "1792x1024"},
			"gemini-2.5-flash-image", false,
			`{"contents":[{"role":"user","parts":[{"text":"granite"}]}],"generationConfig":{"responseModalities":["IMAGE","TEXT"],"imageConfig":{"aspectRatio":"16:9"}}}`, nil,
		},
		"Vertex AI, a resolution": {
			llm.ImageRequest{Prompt: "granite", Size: "2048x2048", Quality: "hd", Format: "webp"},
			"gemini-3-pro-image", true,
			`{"contents":[{"role":"user","parts":[{"text":"granite"}]}],"generationConfig":{"responseModalities":["IMAGE"],"imageConfig":{"aspectRatio":"1:1","imageSize":"2K"}}}`,
			[]string{"dropped quality", "dropped output_format"},
		},
		"Google's own parameters": {
			llm.ImageRequest{Prompt: "granite", Size: "1024x1024", ModelFields: []jsonx.Member{own("imageConfig", `{"imageSize":"4K"}`), own("aspect_ratio", `"21:9"`), own("safety_settings", `[]`), own("steps", "3")}},
			"gemini-3-pro-image", true,
			`{"contents":[{"role":"user","parts":[{"text":"granite"}]}],"generationConfig":{"responseModalities":["IMAGE"],"imageConfig":{"imageSize":"4K","aspectRatio":"21:9"}},"safetySettings":[]}`,
			[]string{"dropped steps"},
		},
		"an edit": {
			llm.ImageRequest{Prompt: "more granite", Images: picture},
			"gemini-2.5-flash-image", true,
			`{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"image/png","data":"` + tinyPNG + `"}},{"text":"more granite"}]}],"generationConfig":{"responseModalities":["IMAGE"]}}`, nil,
		},
		"a small size": {
			llm.ImageRequest{Prompt: "granite", Size: "512x500"},
			"gemini-3.1-flash-image", true,
			`{"contents":[{"role":"user","parts":[{"text":"granite"}]}],"generationConfig":{"responseModalities":["IMAGE"],"imageConfig":{"aspectRatio":"1:1","imageSize":"512"}}}`, nil,
		},
		"a ratio that there is not": {
			llm.ImageRequest{Prompt: "granite", Size: "4096x1024"},
			"gemini-3.1-flash-lite-image", true,
			`{"contents":[{"role":"user","parts":[{"text":"granite"}]}],"generationConfig":{"responseModalities":["IMAGE"],"imageConfig":{"aspectRatio":"21:9","imageSize":"1K"}}}`,
			[]string{"changed size"},
		},
	} {
		var w jsonx.Writer
		warnings, err := AppendImageRequest(&w, &tt.req, tt.model, tt.vertex)
		if got := words(warnings); err != nil || string(w.Buf) != tt.want || got != fmt.Sprint(tt.warnings) {
			t.Errorf("%s: %s\nwant %s\n%s, %v", name, w.Buf, tt.want, got, err)
		}
	}
	_, err := AppendImageRequest(&jsonx.Writer{}, &llm.ImageRequest{Images: picture, Mask: picture[0]}, "gemini-2.5-flash-image", true)
	if e, ok := errors.AsType[*llm.Error](err); !ok || e.Param != "mask" || e.Code != llm.CodeUnsupported {
		t.Errorf("a mask: %v", err)
	}
}

func words(warnings []llm.Warning) string {
	var out []string
	for _, w := range warnings {
		out = append(out, w.Code+" "+w.Field)
	}
	return fmt.Sprint(out)
}

func TestRequestsForImagesOfImagen(t *testing.T) {
	picture := []*llm.Media{{Format: "png", Base64: tiny()}}
	for name, tt := range map[string]struct {
		req      llm.ImageRequest
		mask     llm.Base64
		want     string
		warnings []string
	}{
		"new images": {
			llm.ImageRequest{Prompt: "granite", Size: "1024x1792", Format: "jpeg"},
			llm.Base64{},
			`{"instances":[{"prompt":"granite"}],"parameters":{"sampleCount":3,"aspectRatio":"9:16","includeRaiReason":true,"outputOptions":{"mimeType":"image/jpeg"}}}`, nil,
		},
		"Google's own parameters": {
			llm.ImageRequest{Prompt: "granite", Size: "1024x1024", Format: "webp", ModelFields: []jsonx.Member{own("aspectRatio", `"3:4"`), own("aspect_ratio", `"1:1"`), own("seed", "7"), own("imageSize", `"2K"`), own("negative_prompt", `"moss"`)}},
			llm.Base64{},
			`{"instances":[{"prompt":"granite"}],"parameters":{"sampleCount":3,"includeRaiReason":true,"aspectRatio":"3:4","seed":7,"sampleImageSize":"2K","negativePrompt":"moss"}}`,
			[]string{"changed output_format"},
		},
		"an edit": {
			llm.ImageRequest{Prompt: "moss", Images: picture},
			llm.Base64{},
			`{"instances":[{"prompt":"moss","referenceImages":[{"referenceType":"REFERENCE_TYPE_RAW","referenceId":1,"referenceImage":{"bytesBase64Encoded":"` + tinyPNG + `"}}]}],"parameters":{"sampleCount":3,"includeRaiReason":true,"editMode":"EDIT_MODE_DEFAULT"}}`, nil,
		},
		"an edit with a mask": {
			llm.ImageRequest{Prompt: "moss", Images: picture, ModelFields: []jsonx.Member{own("editMode", `"EDIT_MODE_OUTPAINT"`)}},
			tiny(),
			`{"instances":[{"prompt":"moss","referenceImages":[{"referenceType":"REFERENCE_TYPE_RAW","referenceId":1,"referenceImage":{"bytesBase64Encoded":"` + tinyPNG + `"}},{"referenceType":"REFERENCE_TYPE_MASK","referenceId":2,"referenceImage":{"bytesBase64Encoded":"` + tinyPNG + `"},"maskImageConfig":{"maskMode":"MASK_MODE_USER_PROVIDED"}}]}],"parameters":{"sampleCount":3,"includeRaiReason":true,"editMode":"EDIT_MODE_OUTPAINT"}}`, nil,
		},
	} {
		var w jsonx.Writer
		warnings, err := AppendImagenRequest(&w, &tt.req, "imagen-4.0-generate-001", 3, tt.mask)
		if got := words(warnings); err != nil || string(w.Buf) != tt.want || got != fmt.Sprint(tt.warnings) {
			t.Errorf("%s: %s\nwant %s\n%s, %v", name, w.Buf, tt.want, got, err)
		}
	}
}

func TestResponsesWithImagesAreRead(t *testing.T) {
	const inline = `{"inlineData":{"mimeType":"image/png","data":"` + tinyPNG + `"}}`
	r, err := DecodeImages([]byte(`{"candidates":[{"content":{"parts":[{"text":"Here."},{"thought":true,"inlineData":{"mimeType":"image/png","data":"AAAA"}},` + inline + `]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":265,"candidatesTokenCount":1300,"totalTokenCount":1565,"promptTokensDetails":[{"modality":"TEXT","tokenCount":7},{"modality":"IMAGE","tokenCount":258}],"candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":1290}]}}`))
	if err != nil || len(r.Images) != 1 || r.Images[0].Base64.String() != tinyPNG || r.Images[0].Format != "png" {
		t.Fatalf("%+v, %v", r, err)
	}
	if u := r.Usage; u.Input != 265 || u.Output != 1300 || u.ImageInput.Value != 258 || u.ImageOutput.Value != 1290 || u.Images != 1 || r.Uncounted {
		t.Errorf("the usage is %+v", u)
	}
	r, err = DecodeImages([]byte(`{"candidates":[{"content":{"parts":[` + inline + `]}}],"usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":1290,"thoughtsTokenCount":10}}`))
	if err != nil || r.Usage.ImageOutput.Value != 1290 {
		t.Errorf("without modalities: %+v, %v", r, err)
	}
	r, err = DecodeImagen([]byte(`{"predictions":[{"mimeType":"image/png","bytesBase64Encoded":"` + tinyPNG + `","prompt":"a grey stone"},{"raiFilteredReason":"Unable to show it."}]}`))
	if err != nil || len(r.Images) != 1 || r.Images[0].Prompt != "a grey stone" || r.Usage.Images != 1 || !r.Uncounted {
		t.Errorf("Imagen: %+v, %v", r, err)
	}
}

func TestRefusedImagesAreTheFilters(t *testing.T) {
	for body, reason := range map[string]string{
		`{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"}}`:                                 "PROHIBITED_CONTENT",
		`{"candidates":[{"finishReason":"IMAGE_SAFETY","finishMessage":"No."}]}`:                  "IMAGE_SAFETY",
		`{"candidates":[{"content":{"parts":[{"text":"I will not."}]},"finishReason":"SAFETY"}]}`: "SAFETY",
	} {
		_, err := DecodeImages([]byte(body))
		if b, ok := errors.AsType[*BlockedError](err); !ok || b.Reason != reason {
			t.Errorf("%s: %v", body, err)
		}
	}
	for body, text := range map[string]string{`{"candidates":[{"content":{"parts":[{"text":"Hm.","thought":true},{"text":"A poem."}]},"finishReason":"STOP"}]}`: "A poem.", `{}`: ""} {
		_, err := DecodeImages([]byte(body))
		if n, ok := errors.AsType[*NoImageError](err); !ok || n.Text != text || text != "" && !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", body, err)
		}
	}
	for _, body := range []string{`[`, `{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"!"}}]}}]}`, `{"error":{"code":500,"message":"no","status":"INTERNAL"}}`} {
		if r, err := DecodeImages([]byte(body)); err == nil {
			t.Errorf("%s is %+v", body, r)
		}
	}
	for _, body := range []string{`{"predictions":[{"raiFilteredReason":"Unable to show it. Support codes: 1"}]}`, `{}`} {
		_, err := DecodeImagen([]byte(body))
		if _, ok := errors.AsType[*BlockedError](err); !ok {
			t.Errorf("%s: %v", body, err)
		}
	}
}
