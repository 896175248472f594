package bedrock_test

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"outcrop/llm"
	"outcrop/provider"
)

// painting calls the best target for a request.
func (o opened) painting(t *testing.T, model string, req *llm.ImageRequest) (*llm.ImageResponse, error) {
	t.Helper()
	targets, err := o.Targets(llm.VerbImage, model)
	if err != nil {
		t.Fatal(err)
	}
	return targets[0].(provider.Imager).MakeImages(t.Context(), req)
}

const somePNG = "iVBORw0KGgoAAAANSUhEUg=="

func TestImagesAreMadeInAsManyCallsAsTheModelNeeds(t *testing.T) {
	const canvas, sd3 = "amazon.nova-canvas-v1:0", "stability.sd3-5-large-v1:0"
	for model, want := range map[string]struct {
		calls int64
		cost  string
	}{canvas: {2, ""}, sd3: {6, "0.48"}} {
		url, calls := models(t, func(w http.ResponseWriter, _ *http.Request, _ *invoked) {
			if model == canvas {
				_, _ = io.WriteString(w, `{"images":["`+somePNG+`","`+somePNG+`","`+somePNG+`"]}`)
				return
			}
			_, _ = io.WriteString(w, `{"seeds":[1],"finish_reasons":[null],"images":["`+somePNG+`"]}`)
		})
		r, err := openModel(t, url, model, "us-west-2").painting(t, model, &llm.ImageRequest{Prompt: "granite", Count: llm.Some[int64](6), Size: "1024x1024"})
		if err != nil {
			t.Fatal(err)
		}
		if calls.Load() != want.calls || len(r.Images) != 6 || r.Usage.Images != 6 || r.Meta.Destination.API != "invoke" || r.Meta.UpstreamID == "" || len(r.Meta.Warnings) > 0 && model == sd3 {
			t.Errorf("%s: %d calls, %+v", model, calls.Load(), r.Meta)
		}
		cost, known := r.Meta.Price.Cost("", &r.Usage)
		if known != (want.cost != "") || known && cost.String() != want.cost {
			t.Errorf("%s: the cost is %s, %v", model, cost, known)
		}
	}
}

func TestARefusedImageIsTheFilters(t *testing.T) {
	const model = "stability.sd3-5-large-v1:0"
	for name, answer := range map[string]func(w http.ResponseWriter){
		"in the response": func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"finish_reasons":["Filter reason: prompt"]}`) },
		"as an error": func(w http.ResponseWriter) {
			w.Header().Set("X-Amzn-Errortype", "ValidationException")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"message":"This request has been blocked by our content filters. Our filters automatically flagged this prompt because it may conflict our AUP or AWS Responsible AI Policy."}`)
		},
	} {
		url, _ := models(t, func(w http.ResponseWriter, _ *http.Request, _ *invoked) { answer(w) })
		_, err := openModel(t, url, model, "us-west-2").painting(t, model, &llm.ImageRequest{Prompt: "granite"})
		e, ok := errors.AsType[*llm.Error](err)
		if !ok || e.Code != llm.CodeContentFiltered || e.Status != 400 || e.Responsible() != llm.ActorCaller || e.Destination.API != "invoke" {
			t.Errorf("%s: %+v", name, err)
		}
	}
}
