package vertex_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"outcrop/llm"
	"outcrop/provider"
)

const onePNG = "iVBORw0KGgoAAAANSUhEUg=="

// paints is a fake of Vertex AI that makes images, and refuses prompts with moss.
func paints(t *testing.T) (base string, calls func() []string) {
	t.Helper()
	var mu sync.Mutex
	var seen []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		seen = append(seen, r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]+" "+string(body))
		mu.Unlock()
		refused := strings.Contains(string(body), "moss")
		if strings.Contains(string(body), "a poem") {
			_, _ = io.WriteString(w, `{"candidates":[{"content":{"parts":[{"text":"Stone on stone."}]},"finishReason":"STOP"}]}`)
			return
		}
		if strings.HasSuffix(r.URL.Path, ":generateContent") {
			if refused {
				_, _ = io.WriteString(w, `{"candidates":[{"finishReason":"IMAGE_SAFETY"}]}`)
				return
			}
			_, _ = io.WriteString(w, `{"candidates":[{"content":{"role":"model","parts":[{"inlineData":{"mimeType":"image/png","data":"`+onePNG+`"}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":1290,"totalTokenCount":1295,"candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":1290}]}}`)
			return
		}
		var q struct {
			Parameters struct {
				Count int `json:"sampleCount"`
			} `json:"parameters"`
		}
		_ = json.Unmarshal(body, &q)
		one := `{"mimeType":"image/png","bytesBase64Encoded":"` + onePNG + `"}`
		if refused {
			one = `{"raiFilteredReason":"Unable to show generated images."}`
		}
		_, _ = io.WriteString(w, `{"predictions":[`+strings.TrimSuffix(strings.Repeat(one+",", q.Parameters.Count), ",")+`]}`)
	}))
	t.Cleanup(s.Close)
	return s.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return seen
	}
}

func TestImagesAreMadeInAsManyCallsAsTheModelNeeds(t *testing.T) {
	g := startGoogle(t)
	for model, tt := range map[string]struct {
		operation     string
		calls         int
		input, output int64
	}{
		"imagen-4.0-generate-001": {"predict", 2, 0, 0},
		"gemini-2.5-flash-image":  {"generateContent", 6, 30, 7740},
	} {
		base, calls := paints(t)
		d, err := open(t, model, map[string]string{"api_base": base, "vertex_credentials": g.account}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		targets, err := d.Targets(llm.VerbImage, model)
		if err != nil {
			t.Fatal(err)
		}
		imager, ok := targets[0].(provider.Imager)
		if !ok {
			t.Fatal("it makes no images")
		}
		r, err := imager.MakeImages(t.Context(), &llm.ImageRequest{Prompt: "granite", Count: llm.Some[int64](6)})
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range calls() {
			if !strings.HasPrefix(call, model+":"+tt.operation+" ") {
				t.Errorf("%s: %s", model, call)
			}
		}
		if len(calls()) != tt.calls || len(r.Images) != 6 || r.Usage.Images != 6 || r.Usage.Input != tt.input || r.Usage.Output != tt.output || r.Usage.ImageOutput.Value != tt.output || r.Uncounted != (tt.output == 0) || r.Meta.Destination.API != tt.operation {
			t.Errorf("%s: %d calls, %+v %+v", model, len(calls()), r.Usage, r.Meta)
		}
		_, err = imager.MakeImages(t.Context(), &llm.ImageRequest{Prompt: "moss"})
		if e, ok := errors.AsType[*llm.Error](err); !ok || e.Code != llm.CodeContentFiltered || e.Status != 400 {
			t.Errorf("%s: refused with %v", model, err)
		}
		if tt.operation != "generateContent" {
			continue
		}
		_, err = imager.MakeImages(t.Context(), &llm.ImageRequest{Prompt: "a poem"})
		if e, ok := errors.AsType[*llm.Error](err); !ok || e.Code != llm.CodeModelError || e.CanRetry() != llm.RetryNo || !strings.Contains(e.Message, "Stone on stone.") {
			t.Errorf("answered by a text: %v", err)
		}
	}
}
