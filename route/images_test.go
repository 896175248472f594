package route

import (
	"context"
	"errors"
	"testing"
	"time"

	"outcrop/llm"
	"outcrop/provider"
)

// painter is a deployment with the API of a dialect; it makes no images otherwise.
type painter struct {
	fake
	dialect string
	taken   []string
}

func (p *painter) Targets(llm.Verb, string) ([]provider.Target, error) {
	return []provider.Target{painterTarget{fakeTarget{&p.fake, "m"}, p}}, nil
}

type painterTarget struct {
	fakeTarget
	p *painter
}

func (t painterTarget) Speaks(dialect string) bool { return dialect == t.p.dialect }

func (t painterTarget) Pass(_ context.Context, raw *llm.Raw) (*llm.RawResponse, error) {
	t.p.taken = append(t.p.taken, string(raw.Body))
	return &llm.RawResponse{Body: []byte("own")}, nil
}

func (painterTarget) PassStream(context.Context, *llm.Raw) (llm.RawStream, error) {
	return nil, errors.New("not of a test")
}

// TestImagesPassWhereTheAPIIsAndAreTranslatedElsewhere calls a target with OpenAI's image API, one with
// another, and one with none.
func TestImagesPassWhereTheAPIIsAndAreTranslatedElsewhere(t *testing.T) {
	p := &painter{dialect: llm.DialectImageGenerations}
	var pauses []time.Duration
	one := func(name string, d provider.Deployment) Entry {
		return Entry{Name: name, ID: "of " + name, Model: "m", Deployment: d, Timeout: time.Minute}
	}
	r := instant(&pauses, one("passes", p), one("translates", &able{fake{steps: []step{{}}}}), one("neither", &painter{}))
	decoded := 0
	images := func(name string) (*llm.RawResponse, error) {
		raw := &llm.Raw{Call: llm.Call{Model: name}, Dialect: llm.DialectImageGenerations, Body: []byte("{}")}
		return r.Images(t.Context(), raw, ImageTranslation{
			Request:  func() (*llm.ImageRequest, error) { decoded++; return &llm.ImageRequest{Call: raw.Call}, nil },
			Response: func(*llm.ImageResponse) *llm.RawResponse { return &llm.RawResponse{Body: []byte("translated")} },
		})
	}
	resp, err := images("passes")
	if err != nil || string(resp.Body) != "own" || !resp.Meta.Passed || decoded != 0 || len(p.taken) != 1 || p.taken[0] != "{}" {
		t.Errorf("passed: %+v, %v", resp, err)
	}
	resp, err = images("translates")
	if err != nil || string(resp.Body) != "translated" || resp.Meta.Passed || resp.Meta.Deployment != "of translates" || decoded != 1 {
		t.Errorf("translated: %+v, %v", resp, err)
	}
	if _, err := images("neither"); err == nil || llm.AsError(err).Param != "model" {
		t.Errorf("neither: %v", err)
	}
	for name, want := range map[string]bool{"passes": true, "translates": true, "neither": false, "unknown": false} {
		if got := r.MakesImages(name, llm.DialectImageGenerations); got != want {
			t.Errorf("%s makes images: %v", name, got)
		}
	}
	if r.MakesImages("passes", llm.DialectImageEdits) {
		t.Error("an API that the target lacks counts")
	}
}
