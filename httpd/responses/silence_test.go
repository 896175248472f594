package responses_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/httpd/responses"
	"outcrop/llm"
	"outcrop/route"
	"outcrop/store"
	"outcrop/telemetry"
)

// silent is a router whose model says nothing between its two words until it is told to.
type silent struct {
	gateway.Router

	goOn chan struct{}
}

func (*silent) Group(string) string { return "*" }
func (*silent) Settings(string) *route.Settings {
	return &route.Settings{KeepAlive: time.Millisecond}
}

func (s *silent) RelayStream(ctx context.Context, _ *llm.Raw, t *route.Translation) (llm.RawStream, error) {
	if _, err := t.Request(ctx); err != nil {
		return nil, err
	}
	return t.Stream(&silence{silent: s}), nil
}

type silence struct {
	*silent

	at   int
	meta llm.Meta
}

func (s *silence) Next(ev *llm.Event) error {
	all := []llm.Event{
		{Kind: llm.EventDelta, Block: llm.BlockText, Text: "one "},
		{Kind: llm.EventDelta, Block: llm.BlockText, Text: "two"},
		{Kind: llm.EventStop, Stop: llm.StopEnd},
	}
	if s.at == 1 {
		<-s.goOn
	}
	if s.at == len(all) {
		return io.EOF
	}
	*ev = all[s.at]
	s.at++
	return nil
}

func (*silence) More() bool        { return false }
func (s *silence) Meta() *llm.Meta { return &s.meta }
func (*silence) Close() error      { return nil }

// listener is a client that ends the silence when it has been told twice that the model is at work.
type listener struct {
	*httptest.ResponseRecorder

	once sync.Once
	goOn chan struct{}
}

func (l *listener) Write(p []byte) (int, error) {
	n, err := l.ResponseRecorder.Write(p)
	if strings.Count(l.Body.String(), "event: response.in_progress") >= 3 {
		l.once.Do(func() { close(l.goOn) })
	}
	return n, err
}

// TestSilenceIsFilledWithEvents checks the events that keep a connection open.
func TestSilenceIsFilledWithEvents(t *testing.T) {
	router := &silent{goOn: make(chan struct{})}
	g := gateway.New(gateway.Options{Router: router, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler))})
	keeper := store.NewKeeper(store.KeeperOptions{Logger: slog.New(slog.DiscardHandler)})
	h := responses.New(g, responses.Options{Options: door.Options{MaxBody: 1 << 20}, Keeper: keeper, Logger: slog.New(slog.DiscardHandler)})
	w := &listener{ResponseRecorder: httptest.NewRecorder(), goOn: router.goOn}
	w.Header()["X-Request-Id"] = []string{"0123"}
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/responses", strings.NewReader(`{"model":"m","input":"x","stream":true,"store":false}`)))
	body := w.Body.String()
	if !strings.Contains(body, `"text":"one two"`) || !strings.HasSuffix(body, "\n\n") || strings.Contains(body, "\n: ") {
		t.Errorf("got %s", body)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(body) {
		if _, rest, ok := strings.Cut(line, `"sequence_number":`); ok && strings.HasPrefix(line, "data: ") {
			number := rest[:strings.IndexAny(rest, ",}")]
			if seen[number] {
				t.Errorf("two events have the number %s", number)
			}
			seen[number] = true
		}
	}
	h.Close()
	if err := keeper.Close(); err != nil {
		t.Error(err)
	}
}
