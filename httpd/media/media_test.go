package media_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"outcrop/gateway"
	"outcrop/httpd"
	"outcrop/httpd/door"
	"outcrop/httpd/media"
	"outcrop/llm"
	"outcrop/route"
	"outcrop/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// router answers every call with a text, or with its pieces.
type router struct {
	gateway.Router // of which nothing else is called

	lacks bool // no target speaks any dialect
	makes bool // a target makes images by another API
	usage llm.Usage
	fails error // after the first piece
	asked []*llm.Raw

	images []*llm.ImageRequest
}

func (*router) Group(name string) string             { return name }
func (*router) Settings(string) *route.Settings      { return &route.Settings{} }
func (r *router) Speaks(string, string) (bool, bool) { return !r.lacks, !r.lacks }

func (r *router) MakesImages(string, string) bool { return r.makes }

// Images passes the body, or has it translated by the request for images and back.
func (r *router) Images(ctx context.Context, raw *llm.Raw, t route.ImageTranslation) (*llm.RawResponse, error) {
	if !r.makes {
		return r.Relay(ctx, raw, nil)
	}
	r.asked = append(r.asked, raw)
	req, err := t.Request()
	if err != nil {
		return nil, err
	}
	r.images = append(r.images, req)
	content, _ := llm.ReadBase64("iVBORw0KGgoAAAANSUhEUg==")
	return t.Response(&llm.ImageResponse{Images: []llm.Image{{Base64: content, Format: "png"}}, Usage: llm.Usage{Images: 1}, Uncounted: true}), nil
}

func (r *router) Relay(_ context.Context, raw *llm.Raw, _ *route.Translation) (*llm.RawResponse, error) {
	r.asked = append(r.asked, raw)
	meta := llm.Meta{Header: []llm.Label{{Name: "Content-Type", Value: "text/plain; charset=utf-8"}}}
	return &llm.RawResponse{Meta: meta, Body: []byte("granite"), Usage: r.usage, Uncounted: r.usage.Input == 0}, nil
}

func (r *router) RelayStream(_ context.Context, raw *llm.Raw, _ *route.Translation) (llm.RawStream, error) {
	r.asked = append(r.asked, raw)
	return &stream{r: r, meta: llm.Meta{Header: []llm.Label{{Name: "Content-Type", Value: "audio/mpeg"}}}}, nil
}

// stream is two pieces.
type stream struct {
	r    *router
	n    int
	meta llm.Meta
}

func (s *stream) Next(ev *llm.RawEvent) error {
	switch s.n++; {
	case s.n > 1 && s.r.fails != nil:
		return s.r.fails
	case s.n > 2:
		return io.EOF
	}
	*ev = llm.RawEvent{Data: []byte("piece;"), Content: true}
	return nil
}
func (*stream) More() bool        { return false }
func (s *stream) Meta() *llm.Meta { return &s.meta }
func (*stream) Close() error      { return nil }

// ask makes a request, and returns the response and the log.
func ask(t *testing.T, r *router, path, body string) (w *httptest.ResponseRecorder, log string, aborted bool) {
	t.Helper()
	var lines strings.Builder
	g := gateway.New(gateway.Options{Router: r, Recorder: telemetry.NewRecorder(slog.New(slog.NewJSONHandler(&lines, nil)))})
	opt := door.Options{MaxBody: 1 << 20}
	h := httpd.New(httpd.Options{Gateway: g, Doors: []door.Frontend{media.Images(g, opt), media.Audio(g, opt), media.Moderations(g, opt)}, Logger: slog.New(slog.DiscardHandler)})
	w = httptest.NewRecorder()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	func() {
		defer func() { aborted = recover() != nil }()
		h.ServeHTTP(w, req)
	}()
	if strings.Count(lines.String(), "\n") != 1 {
		t.Errorf("%s: not one line: %s", path, &lines)
	}
	return w, lines.String(), aborted
}

func TestAResponseHasItsOwnType(t *testing.T) {
	r := &router{}
	w, log, _ := ask(t, r, "/openai/deployments/a%2Fb/audio/transcriptions", `{"model":"ignored"}`)
	if w.Code != 200 || w.Body.String() != "granite" || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" || r.asked[0].Model != "a/b" || r.asked[0].Dialect != llm.DialectTranscriptions {
		t.Errorf("%d %s %v %+v", w.Code, w.Body, w.Header(), r.asked[0])
	}
	if !strings.Contains(log, `"door":"openai_audio"`) || strings.Contains(log, `"estimated"`) || strings.Contains(log, "granite") {
		t.Errorf("logged %s", log)
	}
	_, log, _ = ask(t, &router{usage: llm.Usage{Input: 7, Output: 9}}, "/v1/images/generations", `{"model":"m"}`)
	if !strings.Contains(log, `"prompt_tokens":7`) || !strings.Contains(log, `"door":"openai_images"`) {
		t.Errorf("logged %s", log)
	}
}

func TestSpeechIsRelayedAndBreaksOffAsAConnection(t *testing.T) {
	w, log, aborted := ask(t, &router{}, "/audio/speech", `{"model":"m","input":"x"}`)
	if aborted || w.Body.String() != "piece;piece;" || w.Header().Get("Content-Type") != "audio/mpeg" || !strings.Contains(log, `"stream":true`) {
		t.Errorf("%v %s %v %s", aborted, w.Body, w.Header(), log)
	}
	_, log, aborted = ask(t, &router{fails: &llm.Error{Code: llm.CodeInterrupted, Status: 502}}, "/audio/speech", `{"model":"m","input":"x"}`)
	if !aborted || !strings.Contains(log, `"code":"stream.interrupted"`) {
		t.Errorf("%v %s", aborted, log)
	}
	w, _, aborted = ask(t, &router{fails: &llm.Error{Code: llm.CodeInterrupted, Status: 502}}, "/v1/images/generations", `{"model":"m","stream":true}`)
	if aborted || !strings.Contains(w.Body.String(), `"code":"stream.interrupted"`) || w.Header().Get("Content-Type") != "text/event-stream" {
		t.Errorf("%v %s", aborted, w.Body)
	}
}

func TestAProviderWithoutTheAPIIsRefusedByName(t *testing.T) {
	r := &router{lacks: true}
	w, _, _ := ask(t, r, "/v1/moderations", `{"input":"x"}`)
	if w.Code != 400 || !strings.Contains(w.Body.String(), `"param":"model"`) || !strings.Contains(w.Body.String(), `omni-moderation-latest`) || !strings.Contains(w.Body.String(), `"model.feature_unsupported"`) || len(r.asked) > 0 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestCallsForImagesAreTranslated(t *testing.T) {
	r := &router{lacks: true, makes: true}
	w, log, _ := ask(t, r, "/v1/images/generations", `{"model":"m","prompt":"granite","n":2,"response_format":"url"}`)
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"data":[{"url":"data:image/png;base64,iVBORw0KGgoAAAANSUhEUg=="}],"output_format":"png"}`) || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
	if len(r.images) != 1 || r.images[0].Model != "m" || r.images[0].Prompt != "granite" || r.images[0].Number() != 2 {
		t.Errorf("asked for %+v", r.images)
	}
	if !strings.Contains(w.Header().Get("X-Outcrop-Warnings"), "changed;field=response_format") || !strings.Contains(log, `"images":1`) || strings.Contains(log, "granite") {
		t.Errorf("the warnings are %v, and the log %s", w.Header(), log)
	}
	w, _, _ = ask(t, r, "/v1/images/generations", `{"model":"m"}`)
	if w.Code != 400 || !strings.Contains(w.Body.String(), `"param":"prompt"`) {
		t.Errorf("without a prompt: %d %s", w.Code, w.Body)
	}
	w, _, _ = ask(t, r, "/v1/images/generations", `{"model":"m","prompt":"granite","stream":true}`)
	if w.Code != 400 || !strings.Contains(w.Body.String(), `"param":"stream"`) {
		t.Errorf("streamed: %d %s", w.Code, w.Body)
	}
	w, _, _ = ask(t, &router{lacks: true}, "/v1/images/edits", `{"model":"m","prompt":"granite"}`)
	if w.Code != 400 || !strings.Contains(w.Body.String(), `"model.feature_unsupported"`) {
		t.Errorf("of no provider with images: %d %s", w.Code, w.Body)
	}
}
