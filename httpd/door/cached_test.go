package door_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"outcrop/cache"
	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/httpd/inbound"
	"outcrop/llm"
	"outcrop/telemetry"
)

// A follower of a stream whose own client is refused gets an event of its dialect that says that the response is not complete.
func TestAFollowerOfARefusedStreamGetsAFailure(t *testing.T) {
	const body, first = `{"model":"m","stream":true}`, "data: {}\n\n"
	for refusal, want := range map[string]string{
		`{"error":{"code":"CODE"}}`:                `data: {"error":{"code":"stream.interrupted"}}`,
		`{"type":"error","error":{"code":"CODE"}}`: "event: error\n" + `data: {"type":"error","error":{"code":"stream.interrupted"}}`,
	} {
		synctest.Test(t, func(t *testing.T) {
			answers := cache.New(cache.Options{Store: cache.NewMemory(1<<20, 0, nil), Doors: []string{"test"}})
			defer answers.Close()
			g := gateway.New(gateway.Options{Router: router{}, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler)), Cache: answers})
			write := func(w http.ResponseWriter, e *llm.Error) {
				door.WriteError(w, e, func(dst []byte, e *llm.Error) []byte {
					return append(dst, strings.Replace(refusal, "CODE", string(e.Code), 1)...)
				})
			}
			leader := g.Begin("test", "1")
			if hit, _, err := leader.Lookup(t.Context(), &gateway.Query{Body: []byte(body)}); hit != nil || err != nil {
				t.Fatalf("%+v %v", hit, err)
			}
			record := leader.Record()
			record([]byte(first))
			w, done := httptest.NewRecorder(), make(chan struct{})
			go func() {
				defer close(done)
				r := httptest.NewRequest(http.MethodPost, "/", nil)
				follower := g.Begin("test", "2")
				defer follower.End(r.Context())
				if !door.Cached(w, r, follower, &inbound.Body{Bytes: []byte(body)}, gateway.Query{}, write) {
					t.Error("the stream is not shared")
				}
			}()
			synctest.Wait()
			_ = leader.Fail(&llm.Error{Code: llm.CodeBudget, Status: 429, Message: "the budget of alice is used up"})
			record([]byte("data: the budget of alice is used up\n\n"))
			leader.End(t.Context())
			<-done
			if got := w.Body.String(); w.Code != http.StatusOK || got != first+want+"\n\n" {
				t.Errorf("%d %s; want %s", w.Code, got, want)
			}
		})
	}
}
