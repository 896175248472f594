package responses

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/llm"
	"outcrop/route"
	"outcrop/store"
	"outcrop/telemetry"
	wire "outcrop/wire/openairesponses"
)

// done is a router whose model is done at once.
type done struct{ gateway.Router }

func (done) Group(string) string             { return "*" }
func (done) Settings(string) *route.Settings { return &route.Settings{} }
func (done) Relay(ctx context.Context, _ *llm.Raw, t *route.Translation) (*llm.RawResponse, error) {
	if _, err := t.Request(ctx); err != nil {
		return nil, err
	}
	return t.Response(&llm.Response{Blocks: []llm.Block{{Kind: llm.BlockText, Text: "granite"}}, Stop: llm.StopEnd}), nil
}

// A request for a cancellation reads that a response is in progress, and the response becomes complete before
// it is cancelled: it stays complete.
func TestAResponseThatBecomesCompleteIsNotCancelled(t *testing.T) {
	logger := slog.New(slog.DiscardHandler)
	g := gateway.New(gateway.Options{Router: done{}, Recorder: telemetry.NewRecorder(logger)})
	keeper := store.NewKeeper(store.KeeperOptions{Logger: logger})
	h := New(g, Options{Options: door.Options{MaxBody: 1 << 20}, Keeper: keeper, Logger: logger})
	defer func() {
		h.Close()
		if err := keeper.Close(); err != nil {
			t.Error(err)
		}
	}()
	w := httptest.NewRecorder()
	w.Header()["X-Request-Id"] = []string{"0123"}
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/responses", strings.NewReader(`{"model":"m","input":"x","background":true}`)))
	h.Close() // waits for the end
	call := g.Begin(Door, "1")
	defer call.End(t.Context())
	read, err := h.stored(t.Context(), call, "resp_0123")
	if err != nil || wire.ResponseStatus(read.Body) != wire.StatusCompleted {
		t.Fatalf("%+v, %v", read, err)
	}
	stale := *read
	stale.Body = wire.WithStatus(read.Body, wire.StatusInProgress, nil)
	if body, err := h.cancelled(t.Context(), call, &stale); err == nil || !strings.Contains(err.Error(), "the response is completed") {
		t.Errorf("%s, %v", body, err)
	}
	if now, err := h.stored(t.Context(), call, "resp_0123"); err != nil || wire.ResponseStatus(now.Body) != wire.StatusCompleted {
		t.Errorf("then it is %+v, %v", now, err)
	}
}

func TestCancellingReportsWhetherThereWasSomethingToCancel(t *testing.T) {
	var r running
	cancelled := 0
	m := &making{cancel: func(error) { cancelled++ }}
	if r.cancel("x") || !r.begin("x", m) {
		t.Fatal("before it begins")
	}
	kept := ""
	r.keep(m, false, func() { kept += "progress " })
	r.keep(m, true, func() { kept += "complete" })
	if r.cancel("x") || cancelled != 0 {
		t.Error("a response that is complete was cancelled")
	}
	r.end("x")
	m = &making{cancel: func(error) { cancelled++ }}
	r.begin("x", m)
	if !r.cancel("x") || r.cancel("x") || cancelled != 1 {
		t.Error("a response was not cancelled once")
	}
	r.keep(m, true, func() { kept = "late" })
	if kept != "progress complete" {
		t.Errorf("kept %s", kept)
	}
	r.end("x")
}
