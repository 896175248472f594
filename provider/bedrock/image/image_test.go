package image_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	stdimage "image"
	"image/color"
	stdpng "image/png"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/image"
)

const png = "iVBORw0KGgoAAAANSUhEUg=="

func picture() *llm.Media {
	content, _ := llm.ReadBase64(png)
	return &llm.Media{Format: "png", Base64: content}
}

// mask is a PNG with one opaque pixel and one transparent one.
func mask(t *testing.T) *llm.Media {
	t.Helper()
	i := stdimage.NewNRGBA(stdimage.Rect(0, 0, 2, 1))
	i.Set(0, 0, color.NRGBA{A: 255})
	var b bytes.Buffer
	if err := stdpng.Encode(&b, i); err != nil {
		t.Fatal(err)
	}
	return &llm.Media{Format: "png", Base64: llm.EncodeBase64(b.Bytes())}
}

func member(name, value string) jsonx.Member {
	return jsonx.Member{Name: name, Value: jsonx.Raw(value)}
}

func plan(model string, req *llm.ImageRequest) (bodies, warnings []string, err error) {
	vendor, name, _ := strings.Cut(model, ".")
	all, found, err := image.NewModel(vendor, name, nil).Plan(req)
	for _, b := range all {
		bodies = append(bodies, string(bytes.Join(b, nil)))
	}
	for _, w := range found {
		warnings = append(warnings, w.Code+" "+w.Field)
	}
	return bodies, warnings, err
}

const (
	canvas  = "amazon.nova-canvas-v1"
	titan   = "amazon.titan-image-generator-v2"
	sd3     = "stability.sd3-5-large-v1"
	core    = "stability.stable-image-core-v1"
	inpaint = "stability.stable-image-inpaint-v1"
	style   = "stability.stable-style-transfer-v1"
	xl      = "stability.stable-diffusion-xl-v1"
)

func TestBodies(t *testing.T) {
	one := []*llm.Media{picture()}
	for name, tt := range map[string]struct {
		model    string
		req      llm.ImageRequest
		bodies   []string
		warnings []string
	}{
		"new images": {
			canvas,
			llm.ImageRequest{Prompt: "granite", Count: llm.Some[int64](2), Size: "1280x720", Quality: "hd"},
			[]string{`{"taskType":"TEXT_IMAGE","textToImageParams":{"text":"granite"},"imageGenerationConfig":{"numberOfImages":2,"width":1280,"height":720,"quality":"premium"}}`},
			nil,
		},
		"more than a call makes": {
			titan,
			llm.ImageRequest{Prompt: "granite", Count: llm.Some[int64](7), Quality: "low", Format: "jpeg"},
			[]string{
				`{"taskType":"TEXT_IMAGE","textToImageParams":{"text":"granite"},"imageGenerationConfig":{"numberOfImages":5,"quality":"standard"}}`,
				`{"taskType":"TEXT_IMAGE","textToImageParams":{"text":"granite"},"imageGenerationConfig":{"numberOfImages":2,"quality":"standard"}}`,
			},
			[]string{"changed output_format"},
		},
		"the model's own parameters": {
			canvas,
			llm.ImageRequest{Prompt: "granite", Size: "512x512", ModelFields: []jsonx.Member{
				member("cfgScale", "8"), member("negativeText", `"moss"`), member("imageGenerationConfig", `{"seed":7,"width":1024,"height":1024}`), member("textToImageParams", `{"style":"PHOTOREALISM"}`), member("steps", "9"),
			}},
			[]string{`{"taskType":"TEXT_IMAGE","textToImageParams":{"text":"granite","style":"PHOTOREALISM","negativeText":"moss"},"imageGenerationConfig":{"numberOfImages":1,"seed":7,"width":1024,"height":1024,"cfgScale":8}}`},
			[]string{"dropped steps"},
		},
		"colours": {
			canvas,
			llm.ImageRequest{Prompt: "granite", ModelFields: []jsonx.Member{member("taskType", `"COLOR_GUIDED_GENERATION"`), member("colors", `["#808080"]`)}},
			[]string{`{"taskType":"COLOR_GUIDED_GENERATION","colorGuidedGenerationParams":{"text":"granite","colors":["#808080"]},"imageGenerationConfig":{"numberOfImages":1}}`},
			nil,
		},
		"a variation": {
			canvas,
			llm.ImageRequest{Prompt: "granite", Images: one, ModelFields: []jsonx.Member{member("similarityStrength", "0.5")}},
			[]string{`{"taskType":"IMAGE_VARIATION","imageVariationParams":{"images":["` + png + `"],"text":"granite","similarityStrength":0.5},"imageGenerationConfig":{"numberOfImages":1}}`},
			nil,
		},
		"a mask in words": {
			canvas,
			llm.ImageRequest{Prompt: "granite", Images: one, ModelFields: []jsonx.Member{member("maskPrompt", `"the rock"`)}},
			[]string{`{"taskType":"INPAINTING","inPaintingParams":{"image":"` + png + `","text":"granite","maskPrompt":"the rock"},"imageGenerationConfig":{"numberOfImages":1}}`},
			nil,
		},
		"a background": {
			canvas,
			llm.ImageRequest{Images: one, ModelFields: []jsonx.Member{member("taskType", `"BACKGROUND_REMOVAL"`)}},
			[]string{`{"taskType":"BACKGROUND_REMOVAL","backgroundRemovalParams":{"image":"` + png + `"}}`},
			nil,
		},
		"stability": {
			sd3,
			llm.ImageRequest{Prompt: "granite", Size: "1024x1792", Format: "jpeg", Quality: "high", Count: llm.Some[int64](2), ModelFields: []jsonx.Member{member("seed", "7")}},
			[]string{`{"prompt":"granite","aspect_ratio":"9:16","output_format":"jpeg","seed":7}`, `{"prompt":"granite","aspect_ratio":"9:16","output_format":"jpeg","seed":7}`},
			[]string{"dropped quality"},
		},
		"a ratio that stability lacks": {core, llm.ImageRequest{Prompt: "granite", Size: "1024x768"}, []string{`{"prompt":"granite","aspect_ratio":"5:4"}`}, []string{"changed size"}},
		"stability, an image": {
			sd3,
			llm.ImageRequest{Prompt: "granite", Images: one, ModelFields: []jsonx.Member{member("strength", "0.3")}},
			[]string{`{"prompt":"granite","image":"` + png + `","mode":"image-to-image","strength":0.3}`},
			nil,
		},
		"a style": {style, llm.ImageRequest{Images: one, ModelFields: []jsonx.Member{member("style_image", `"AA=="`)}}, []string{`{"init_image":"` + png + `","style_image":"AA=="}`}, nil},
		"diffusion": {
			xl,
			llm.ImageRequest{Prompt: "granite", Size: "1024x1024", ModelFields: []jsonx.Member{member("steps", "30")}},
			[]string{`{"text_prompts":[{"text":"granite","weight":1}],"width":1024,"height":1024,"steps":30}`},
			nil,
		},
		"OpenAI's hints": {
			core,
			llm.ImageRequest{Call: llm.Call{User: "u"}, Prompt: "granite", Unmapped: []jsonx.Member{member("background", `"auto"`), member("moderation", `"low"`), member("style", `"vivid"`)}},
			[]string{`{"prompt":"granite"}`},
			[]string{"dropped moderation", "dropped style", "dropped user"},
		},
	} {
		bodies, warnings, err := plan(tt.model, &tt.req)
		if err != nil || fmt.Sprint(bodies) != fmt.Sprint(tt.bodies) || fmt.Sprint(warnings) != fmt.Sprint(tt.warnings) {
			t.Errorf("%s: bodies\n%s\nwant\n%s\nwarnings %v, %v", name, strings.Join(bodies, "\n"), strings.Join(tt.bodies, "\n"), warnings, err)
		}
	}
}

// TestAMaskIsInTheModelsColours holds the masks to the documents: Amazon's models edit what is black, and
// Stability AI's what is white.
func TestAMaskIsInTheModelsColours(t *testing.T) {
	for model, tt := range map[string]struct {
		member string
		edited uint32
	}{canvas: {"maskImage", 0}, inpaint: {"mask", 0xffff}} {
		bodies, _, err := plan(model, &llm.ImageRequest{Prompt: "granite", Images: []*llm.Media{picture()}, Mask: mask(t)})
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(bodies[0], `"`+tt.member+`":"`)
		text, _, _ := strings.Cut(rest, `"`)
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatalf("%s: %s", model, bodies[0])
		}
		got, err := stdpng.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		kept, _, _, _ := got.At(0, 0).RGBA()
		edited, _, _, _ := got.At(1, 0).RGBA()
		if edited != tt.edited || kept != 0xffff-tt.edited {
			t.Errorf("%s: the mask is %d where the image is kept, and %d where it is edited", model, kept, edited)
		}
	}
}

func TestWhatAModelLacksIsRefusedByName(t *testing.T) {
	one := []*llm.Media{picture()}
	for _, tt := range []struct {
		model string
		req   llm.ImageRequest
		param string
		code  llm.Code
	}{
		{"amazon.nova-lite-v1", llm.ImageRequest{Prompt: "a"}, "model", llm.CodeFeature},
		{"", llm.ImageRequest{Prompt: "a"}, "model", llm.CodeFeature},
		{inpaint, llm.ImageRequest{Prompt: "a"}, "model", llm.CodeFeature},
		{canvas, llm.ImageRequest{Prompt: "a", Images: one, Mask: mask(t), ModelFields: []jsonx.Member{member("maskPrompt", `"a"`)}}, "mask", llm.CodeBadRequest},
		{canvas, llm.ImageRequest{Prompt: "a", Images: one, Mask: mask(t), ModelFields: []jsonx.Member{member("taskType", `"IMAGE_VARIATION"`)}}, "mask", llm.CodeUnsupported},
		{core, llm.ImageRequest{Prompt: "a", Images: one}, "model", llm.CodeFeature},
		{xl, llm.ImageRequest{Prompt: "a", Images: one}, "model", llm.CodeFeature},
		{canvas, llm.ImageRequest{Prompt: "a", Quality: "best"}, "quality", llm.CodeBadRequest},
		{canvas, llm.ImageRequest{Prompt: "a", ModelFields: []jsonx.Member{member("taskType", `"INPAINTING"`)}}, "taskType", llm.CodeBadRequest},
		{canvas, llm.ImageRequest{Prompt: "a", Images: one, ModelFields: []jsonx.Member{member("taskType", `"TEXT_IMAGE"`)}}, "taskType", llm.CodeBadRequest},
		{canvas, llm.ImageRequest{Prompt: "a", ModelFields: []jsonx.Member{member("taskType", `"PAINT"`)}}, "taskType", llm.CodeBadRequest},
		{canvas, llm.ImageRequest{Prompt: "a", ModelFields: []jsonx.Member{member("imageGenerationConfig", `7`)}}, "imageGenerationConfig", llm.CodeBadRequest},
		{canvas, llm.ImageRequest{Prompt: "a", Images: one, Mask: &llm.Media{Base64: llm.EncodeBase64([]byte("no"))}}, "mask", llm.CodeBadRequest},
		{canvas, llm.ImageRequest{Prompt: "a", Images: append(one, one...), Mask: mask(t)}, "image", llm.CodeUnsupported},
		{sd3, llm.ImageRequest{Prompt: "a", Images: one, Mask: mask(t)}, "mask", llm.CodeUnsupported},
		{sd3, llm.ImageRequest{Prompt: "a", Unmapped: []jsonx.Member{member("background", `"transparent"`)}}, "background", llm.CodeUnsupported},
	} {
		_, _, err := plan(tt.model, &tt.req)
		if e, ok := errors.AsType[*llm.Error](err); !ok || e.Param != tt.param || e.Code != tt.code {
			t.Errorf("%s %s: %+v", tt.model, tt.param, err)
		}
	}
}

func TestImagesAndRefusalsAreRead(t *testing.T) {
	for body, want := range map[string]int{
		`{"images":["` + png + `","` + png + `"],"error":null}`:                                         2,
		`{"images":["` + png + `"],"error":"Some images were blocked."}`:                                1,
		`{"seeds":[1],"finish_reasons":[null],"images":["` + png + `"]}`:                                1,
		`{"artifacts":[{"seed":1,"base64":"` + png + `","finishReason":"SUCCESS"}],"result":"success"}`: 1,
		`{"finish_reasons":["Filter reason: prompt",null],"images":["","` + png + `"]}`:                 1,
	} {
		images, err := image.Decode([]byte(body))
		if err != nil || len(images) != want || images[0].Format != "png" || images[0].Base64.String() != png {
			t.Errorf("%s: %v, %v", body, images, err)
		}
	}
	for body, code := range map[string]llm.Code{
		`{"images":[],"error":"blocked by our content filters"}`:                             llm.CodeContentFiltered,
		`{"finish_reasons":["Filter reason: prompt"]}`:                                       llm.CodeContentFiltered,
		`{"artifacts":[{"base64":"","finishReason":"CONTENT_FILTERED"}],"result":"success"}`: llm.CodeContentFiltered,
		`{"images":["!"]}`: llm.CodeServiceInternal,
		`{"images":[]}`:    llm.CodeServiceInternal,
		`[`:                llm.CodeServiceInternal,
	} {
		_, err := image.Decode([]byte(body))
		if e, ok := errors.AsType[*llm.Error](err); !ok || e.Code != code {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestImageModelsOfTheCatalogueAreKnown(t *testing.T) {
	known := catalog.Embedded()
	n := 0
	for _, m := range known.Models() {
		if m.Kind != catalog.KindImage {
			continue
		}
		n++
		vendor, name, _ := strings.Cut(m.ID, ".")
		if !image.NewModel(vendor, name, m).Known() {
			t.Errorf("the form of %s is unknown", m.ID)
		}
	}
	if n < 15 {
		t.Errorf("%d models make images in the catalogue", n)
	}
}
