package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"os/exec"
	"reflect"
	"strings"
	"testing"
)

// imagesConfig has models that make images by other APIs than OpenAI's.
const imagesConfig = `
general_settings: {master_key: ` + masterKey + `}
router_settings: {num_retries: 0}
model_list:
  - {model_name: studio, litellm_params: {model: gemini/gemini-2.5-flash-image, api_key: ` + vendorSecret + `, api_base: UPSTREAM}}
  - {model_name: studio-imagen, litellm_params: {model: gemini/imagen-4.0-generate-001, api_key: ` + vendorSecret + `, api_base: UPSTREAM}}
  - {model_name: vertex, litellm_params: {model: vertex_ai/gemini-3-pro-image, api_key: ` + vendorSecret + `, api_base: UPSTREAM}}
  - {model_name: vertex-imagen, litellm_params: {model: vertex_ai/imagen-4.0-generate-001, api_key: ` + vendorSecret + `, api_base: UPSTREAM}}
  - {model_name: vertex-editor, litellm_params: {model: vertex_ai/imagen-3.0-capability-001, api_key: ` + vendorSecret + `, api_base: UPSTREAM}}
  - {model_name: canvas, litellm_params: {model: "bedrock/amazon.nova-canvas-v1:0", api_key: ` + vendorSecret + `, aws_region_name: us-east-1, aws_bedrock_runtime_endpoint: UPSTREAM}}
  - {model_name: titan, litellm_params: {model: "bedrock/amazon.titan-image-generator-v2:0", api_key: ` + vendorSecret + `, aws_region_name: us-east-1, aws_bedrock_runtime_endpoint: UPSTREAM}}
  - {model_name: stable, litellm_params: {model: "bedrock/stability.sd3-5-large-v1:0", api_key: ` + vendorSecret + `, aws_region_name: us-west-2, aws_bedrock_runtime_endpoint: UPSTREAM}}
  - {model_name: claude, litellm_params: {model: anthropic/claude-sonnet-4-5, api_key: ` + vendorSecret + `}}
`

// imageAPIs answers like the APIs of Google and AWS for images; prompts with moss are refused.
func imageAPIs(w http.ResponseWriter, c vendorCall) {
	w.Header().Set("Content-Type", "application/json")
	refused := strings.Contains(string(c.Body), "moss") && !strings.Contains(string(c.Body), "negativeText")
	several := func(n int, one string) string {
		return strings.TrimSuffix(strings.Repeat(one+",", max(n, 1)), ",")
	}
	switch path, _, _ := strings.Cut(c.Path, "?"); {
	case strings.HasSuffix(path, ":generateContent") && refused:
		_, _ = io.WriteString(w, `{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":5,"totalTokenCount":5}}`)
	case strings.HasSuffix(path, ":generateContent"):
		_, _ = io.WriteString(w, `{"candidates":[{"content":{"role":"model","parts":[{"inlineData":{"mimeType":"image/png","data":"`+tinyPNG+`"}}]},"finishReason":"STOP","index":0}],`+
			`"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":1290,"totalTokenCount":1295,"promptTokensDetails":[{"modality":"TEXT","tokenCount":5}],"candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":1290}]}}`)
	case strings.HasSuffix(path, ":predict") && refused:
		_, _ = io.WriteString(w, `{"predictions":[{"raiFilteredReason":"Unable to show generated images. Support codes: 39322892"}]}`)
	case strings.HasSuffix(path, ":predict"):
		var q struct {
			Parameters struct{ SampleCount int }
		}
		_ = json.Unmarshal(c.Body, &q)
		_, _ = fmt.Fprintf(w, `{"predictions":[%s]}`, several(q.Parameters.SampleCount, `{"mimeType":"image/png","bytesBase64Encoded":"`+tinyPNG+`"}`))
	case strings.HasSuffix(path, "/invoke") && strings.Contains(path, "stability") && refused:
		_, _ = io.WriteString(w, `{"seeds":[1],"finish_reasons":["Filter reason: prompt"],"images":[""]}`)
	case strings.HasSuffix(path, "/invoke") && strings.Contains(path, "stability"):
		_, _ = io.WriteString(w, `{"seeds":[1],"finish_reasons":[null],"images":["`+tinyPNG+`"]}`)
	case strings.HasSuffix(path, "/invoke") && refused:
		w.Header().Set("X-Amzn-Errortype", "ValidationException")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"message":"This request has been blocked by our content filters. Our filters automatically flagged this prompt because it may conflict our AUP or AWS Responsible AI Policy."}`)
	case strings.HasSuffix(path, "/invoke"):
		var q struct {
			ImageGenerationConfig struct{ NumberOfImages int }
		}
		_ = json.Unmarshal(c.Body, &q)
		_, _ = fmt.Fprintf(w, `{"images":[%s]}`, several(q.ImageGenerationConfig.NumberOfImages, `"`+tinyPNG+`"`))
	default:
		http.Error(w, "{}", http.StatusNotFound)
	}
}

// halfMask is a PNG whose right half is transparent, and the same with the transparent part white and the rest
// black, both as base64.
func halfMask(t *testing.T) (transparent, white string) {
	t.Helper()
	alpha, grey := image.NewNRGBA(image.Rect(0, 0, 2, 1)), image.NewGray(image.Rect(0, 0, 2, 1))
	alpha.Set(0, 0, color.NRGBA{R: 1, A: 255})
	grey.SetGray(1, 0, color.Gray{Y: 255})
	encode := func(i image.Image) string {
		var b bytes.Buffer
		if err := png.Encode(&b, i); err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(b.Bytes())
	}
	return encode(alpha), encode(grey)
}

// TestOpenAISDKMakesImagesByOtherAPIs makes images with models of Gemini, Imagen and Bedrock, and holds
// what these get to what Google's SDK and LiteLLM send for the same.
func TestOpenAISDKMakesImagesByOtherAPIs(t *testing.T) { //nolint:tparallel // its subtests share a gateway
	t.Parallel()
	c := python(t)
	v := startVendor(t, imageAPIs)
	transparent, white := halfMask(t)
	g := startApp(t, strings.ReplaceAll(imagesConfig, "UPSTREAM", v.URL), "", nil)
	c.run(t, "openai_images.py", []string{
		"Gemini makes images, with their usage and cost",
		"Imagen makes images, several in a call",
		"images are edited",
		"models of Bedrock make images",
		"an address is a data URI, and says so",
		"what a filter refuses is an error with that code",
		"what a model lacks is refused by name, or dropped with a warning",
	}, "BASE_URL="+g.URL(), "API_KEY="+masterKey, "MODEL=canvas", "RETRIED=canvas", "PNG="+tinyPNG, "MASK="+transparent)
	g.stop(t)
	if log := g.log.text.String(); strings.Contains(log, vendorSecret) || strings.Contains(log, tinyPNG) || !strings.Contains(log, `"images":3`) {
		t.Errorf("the log lacks the images' number, or has a secret or content: %s", log)
	}
	sent := v.taken()
	t.Run("Google's SDK writes the same", func(t *testing.T) {
		google := venv(t, "google", "google")
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, google.interpreter, "images.py", v.URL, tinyPNG, white)
		cmd.Dir = "sdks/google"
		var log bytes.Buffer
		cmd.Stderr = &log
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, log.String())
		}
		var read [][]string
		if err := json.Unmarshal(out, &read); err != nil || len(read) != 4 || len(read[0]) != 3 || read[1][0] != tinyPNG || read[3][0] != tinyPNG {
			t.Errorf("the SDK reads %s", out)
		}
		for _, want := range v.taken() {
			if !hasBody(sent, want) {
				t.Errorf("the gateway has not sent what the SDK sends to %s: %s", want.Path, want.Body)
			}
		}
	})
	t.Run("LiteLLM writes the same", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, venv(t, "litellm", "litellm").interpreter, "images.py")
		cmd.Dir = "sdks/litellm"
		cmd.Stdin = strings.NewReader(`{"model":"canvas","prompt":"granite","parameters":{"n":2,"size":"1280x720","quality":"hd"}}
{"model":"titan","prompt":"granite","parameters":{"n":1,"size":"512x512","quality":"standard"}}
{"model":"stable","prompt":"moss","parameters":{}}
`)
		var log bytes.Buffer
		cmd.Stderr = &log
		out, err := cmd.Output()
		lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
		if err != nil || len(lines) != 3 {
			t.Fatalf("%v: %s %s", err, out, log.String())
		}
		for i, line := range lines {
			model := []string{"nova-canvas", "titan-image", "stability"}[i]
			if !hasBody(sent, vendorCall{Path: model, Body: line}) {
				t.Errorf("the gateway has not sent what LiteLLM sends to %s: %s", model, line)
			}
		}
	})
}

// hasBody reports whether one of some calls of the same model has the same body.
func hasBody(calls []vendorCall, want vendorCall) bool {
	var wanted any
	if json.Unmarshal(want.Body, &wanted) != nil {
		return false
	}
	model := want.Path[strings.LastIndexByte(want.Path, '/')+1:]
	for _, c := range calls {
		var got any
		if strings.Contains(c.Path, model) && json.Unmarshal(c.Body, &got) == nil && reflect.DeepEqual(got, wanted) {
			return true
		}
	}
	return false
}
