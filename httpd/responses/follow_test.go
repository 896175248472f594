package responses_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/httpd/responses"
	"outcrop/llm"
	"outcrop/route"
	"outcrop/store"
	"outcrop/telemetry"
)

// gated is a router whose model says a word for each value of words, and is done when that is closed.
type gated struct {
	gateway.Router

	words chan string
}

func (*gated) Group(string) string             { return "*" }
func (*gated) Settings(string) *route.Settings { return &route.Settings{} }

func (g *gated) RelayStream(ctx context.Context, _ *llm.Raw, t *route.Translation) (llm.RawStream, error) {
	if _, err := t.Request(ctx); err != nil {
		return nil, err
	}
	return t.Stream(&gatedStream{ctx: ctx, words: g.words}), nil
}

type gatedStream struct {
	ctx     context.Context
	words   chan string
	stopped bool
	meta    llm.Meta
}

func (s *gatedStream) Next(ev *llm.Event) error {
	if s.stopped {
		return io.EOF
	}
	select {
	case word, ok := <-s.words:
		*ev = llm.Event{Kind: llm.EventDelta, Block: llm.BlockText, Text: word}
		if !ok {
			*ev, s.stopped = llm.Event{Kind: llm.EventStop, Stop: llm.StopEnd}, true
		}
		return nil
	case <-s.ctx.Done():
		return llm.AsError(context.Cause(s.ctx))
	}
}

func (*gatedStream) More() bool        { return false }
func (s *gatedStream) Meta() *llm.Meta { return &s.meta }
func (*gatedStream) Close() error      { return nil }

// startGated serves the frontend before a gated model.
func startGated(t *testing.T) (*served, *gated) {
	t.Helper()
	router := &gated{words: make(chan string)}
	g := gateway.New(gateway.Options{Router: router, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler))})
	s := &served{keeper: store.NewKeeper(store.KeeperOptions{Logger: slog.New(slog.DiscardHandler)})}
	s.handler = responses.New(g, responses.Options{Options: door.Options{MaxBody: 1 << 20}, Keeper: s.keeper, Logger: slog.New(slog.DiscardHandler)})
	mux := http.NewServeMux()
	n := 0
	for _, route := range s.handler.Routes() {
		mux.HandleFunc(route.Pattern, func(w http.ResponseWriter, r *http.Request) {
			n++ // one request after the other
			w.Header()["X-Request-Id"] = []string{fmt.Sprint("id", n)}
			route.Handle(w, r)
		})
	}
	front := httptest.NewServer(mux)
	s.url = front.URL
	t.Cleanup(func() {
		s.handler.Close()
		front.Close()
		if err := s.keeper.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, router
}

// open begins a request whose response is read event by event; leave ends it.
func (s *served) open(t *testing.T, method, path, body string) (next func() string, leave func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req) //nolint:bodyclose // leave closes it
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d", resp.StatusCode)
	}
	lines := bufio.NewReader(resp.Body)
	return func() string {
			var event strings.Builder
			for {
				line, err := lines.ReadString('\n')
				event.WriteString(line)
				if err != nil || line == "\n" {
					return event.String()
				}
			}
		}, func() {
			cancel()
			_ = resp.Body.Close()
		}
}

const inBackground = `{"model":"m","input":"x","background":true,"stream":true}`

func TestABackgroundStreamGoesOnWhenItsClientLeaves(t *testing.T) {
	s, model := startGated(t)
	next, leave := s.open(t, "POST", "/v1/responses", inBackground)
	var seen strings.Builder
	for i, kind := range []string{"response.created", "response.queued", "response.in_progress"} {
		event := next()
		seen.WriteString(event)
		if !strings.HasPrefix(event, fmt.Sprintf("event: %s\ndata: {\"type\":\"%s\",\"sequence_number\":%d,", kind, kind, i)) || !strings.Contains(event, `"id":"resp_id1"`) {
			t.Fatalf("event %d is %s", i, event)
		}
	}
	model.words <- "granite "
	for !strings.Contains(seen.String(), "granite") {
		seen.WriteString(next())
	}
	leave()
	model.words <- "and "
	read := strings.Count(seen.String(), "event: ")

	rest, done := s.open(t, "GET", fmt.Sprintf("/v1/responses/resp_id1?stream=true&starting_after=%d", read-1), "")
	defer done()
	model.words <- "basalt"
	close(model.words)
	for {
		event := rest()
		seen.WriteString(event)
		if event == "" {
			break
		}
	}
	if got := s.do(t, "GET", "/v1/responses/resp_id1", ""); got.Status != "completed" || !strings.Contains(got.body, `"text":"granite and basalt"`) || !strings.Contains(got.body, `"background":true`) {
		t.Errorf("got %s", got.body)
	}
	if !strings.Contains(seen.String(), "event: response.completed\n") {
		t.Errorf("both clients saw %s", &seen)
	}
	number := 0
	for line := range strings.SplitSeq(seen.String(), "\n") {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			if !strings.Contains(data, fmt.Sprintf(`"sequence_number":%d,`, number)) {
				t.Errorf("event %d is %s", number, data)
			}
			number++
		}
	}
	if again := s.do(t, "GET", "/v1/responses/resp_id1?stream=true", ""); again.body != seen.String() {
		t.Errorf("all events again:\n%s\nnot\n%s", again.body, &seen)
	}
	s.handler.Close() // now they are in the store
	for after := -1; after < number; after += 2 {
		_, want, _ := strings.Cut(seen.String(), fmt.Sprintf(`"sequence_number":%d,`, after))
		_, want, _ = strings.Cut(want, "\n\n")
		query := fmt.Sprintf("&starting_after=%d", after)
		if after < 0 {
			query, want = "", seen.String()
		}
		if again := s.do(t, "GET", "/v1/responses/resp_id1?stream=true"+query, ""); again.status != 200 || again.body != want {
			t.Errorf("after %d:\n%s\nnot\n%s", after, again.body, want)
		}
	}
	if gone := s.do(t, "DELETE", "/v1/responses/resp_id1", ""); gone.status != 200 {
		t.Error(gone.body)
	}
	if late := s.do(t, "GET", "/v1/responses/resp_id1?stream=true", ""); late.status != 404 {
		t.Errorf("after its deletion: %s", late.body)
	}
}

func TestACancelledBackgroundStreamEnds(t *testing.T) {
	s, model := startGated(t)
	next, leave := s.open(t, "POST", "/v1/responses", inBackground)
	defer leave()
	model.words <- "granite "
	for !strings.Contains(next(), "granite") {
	}
	if got := s.do(t, "POST", "/v1/responses/resp_id1/cancel", ""); got.Status != "cancelled" {
		t.Errorf("got %s", got.body)
	}
	if event := next(); strings.Contains(event, "response.completed") || strings.Contains(event, "response.failed") {
		t.Errorf("then %s", event)
	}
	s.handler.Close()
	if got := s.do(t, "GET", "/v1/responses/resp_id1", ""); got.Status != "cancelled" {
		t.Errorf("got %s", got.body)
	}
	if got := s.do(t, "GET", "/v1/responses/resp_id1?stream=true", ""); !strings.Contains(got.body, "granite") || strings.Contains(got.body, "response.failed") {
		t.Errorf("its events are %s", got.body)
	}
}

func TestABackgroundStreamFailsWhenTheGatewayStops(t *testing.T) {
	s, model := startGated(t)
	next, leave := s.open(t, "POST", "/v1/responses", inBackground)
	defer leave()
	model.words <- "granite "
	s.handler.Close()
	last := ""
	for event := next(); event != ""; event = next() {
		last = event
	}
	if !strings.HasPrefix(last, "event: response.failed\n") || !strings.Contains(last, "the gateway was stopped") {
		t.Errorf("the last event is %s", last)
	}
	if got := s.do(t, "GET", "/v1/responses/resp_id1", ""); got.Status != "failed" {
		t.Errorf("got %s", got.body)
	}
}

func TestABackgroundStreamOfAProvider(t *testing.T) {
	s, _, b := laned(t)
	got := s.do(t, "POST", "/v1/responses", `{"model":"solo","input":"one","background":true,"stream":true}`)
	if strings.Contains(got.body, "resp_b1") || strings.Count(got.body, "event: ") != 5 || !strings.Contains(got.body, "\"sequence_number\":4,\"response\":{\"id\":\"resp_") || !strings.Contains(got.body, `"model":"solo"`) {
		t.Errorf("the client got %s", got.body)
	}
	if body, _ := b.last(); strings.Contains(body, "background") {
		t.Errorf("OpenAI got %s", body)
	}
	failed := s.do(t, "POST", "/v1/responses", `{"model":"solo","input":"[[fail]]","background":true,"stream":true}`)
	if !strings.Contains(failed.body, "event: response.failed") || !strings.Contains(failed.body, "Slow down.") {
		t.Errorf("the client got %s", failed.body)
	}
}

func TestOnlyBackgroundStreamsAreResumed(t *testing.T) {
	s := start(t, "")
	first := s.create(t, "[[answer: basalt]]", "")
	if got := s.do(t, "GET", "/v1/responses/"+first.ID+"?stream=true", ""); got.status != 400 || got.Error.Param != "stream" {
		t.Errorf("got %d %s", got.status, got.body)
	}
}
