package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"outcrop/gateway"
	"outcrop/llm"
	"outcrop/telemetry"
)

func TestSeveralRequestsAreOneCall(t *testing.T) {
	g, log := manyCalls(&many{answer: func(context.Context, int64) (*llm.Response, error) {
		return &llm.Response{Usage: llm.Usage{Input: 3, Output: 5}}, nil
	}})
	call := g.Begin("test", "id-1")
	answers, err := call.CompleteEach(t.Context(), []*llm.Request{asking(), asking()})
	if err != nil || len(answers) != 2 || call.Usage().Input != 6 {
		t.Errorf("%d, %v, %+v", len(answers), err, call.Usage())
	}
	call.WarnOnce(llm.Warning{Code: llm.WarnDropped, Field: "a"})
	call.WarnOnce(llm.Warning{Code: llm.WarnDropped, Field: "a"})
	if len(call.Warnings()) != 1 {
		t.Errorf("%v", call.Warnings())
	}
	call.End(t.Context())
	_ = log(t)
}

func TestTooManyRequestsInOneCallAreRefused(t *testing.T) {
	g, _ := manyCalls(&many{})
	call := g.Begin("test", "id-1")
	defer call.End(t.Context())
	nine := make([]*llm.Request, 9)
	for i := range nine {
		nine[i] = asking()
	}
	if _, err := call.CompleteEach(t.Context(), nine); llm.AsError(err).Status != 400 || !strings.Contains(llm.AsError(err).Message, "9") {
		t.Errorf("%v", err)
	}
	if _, err := call.StreamEach(t.Context(), nine); llm.AsError(err).Status != 400 {
		t.Errorf("%v", err)
	}
}

// forwarder answers with a body.
type forwarder struct {
	body func(ctx context.Context) io.Reader
}

func (f forwarder) Forward(ctx context.Context, _ *llm.Forward) (*llm.Forwarded, error) {
	return &llm.Forwarded{Status: 429, Body: io.NopCloser(f.body(ctx))}, nil
}

// hanging is a body that never comes.
type hanging struct{ ctx context.Context }

func (h hanging) Read([]byte) (int, error) {
	<-h.ctx.Done()
	return 0, h.ctx.Err()
}

func TestWhatIsPassedOnIsOneLine(t *testing.T) {
	for _, tt := range []struct {
		name   string
		body   func(ctx context.Context) io.Reader
		cancel bool
		early  bool
		status float64
		code   string
	}{
		{"whole", func(context.Context) io.Reader { return strings.NewReader("granite") }, false, false, 429, ""},
		{"cut", func(context.Context) io.Reader {
			return io.MultiReader(strings.NewReader("gra"), errReader{errors.New("reset")})
		}, false, false, 502, "stream.interrupted"},
		{"silent", func(ctx context.Context) io.Reader { return hanging{ctx} }, false, false, 504, "service.timeout"},
		{"left by the client", func(ctx context.Context) io.Reader { return hanging{ctx} }, true, false, 499, "gateway.client_gone"},
		{"closed early", func(context.Context) io.Reader { return strings.NewReader("granite") }, false, true, 499, "gateway.client_gone"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				g := gateway.New(gateway.Options{
					Router: &many{}, Recorder: telemetry.NewRecorder(slog.New(slog.NewJSONHandler(&log, nil))),
					Forwarders: map[string]gateway.Forwarder{"openai": forwarder{tt.body}},
				})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				call := g.Begin("test", "id-1")
				resp, err := call.Forward(ctx, "openai", &llm.Forward{}, gateway.Asked{})
				if err != nil {
					t.Fatal(err)
				}
				if tt.cancel {
					time.AfterFunc(time.Second, cancel)
				}
				if !tt.early {
					_, err = io.ReadAll(resp.Body)
				}
				if (err != nil) != (tt.code != "" && !tt.early) {
					t.Errorf("read: %v", err)
				}
				_ = resp.Body.Close()
				call.End(ctx)
				var l map[string]any
				if err := json.Unmarshal(log.Bytes(), &l); err != nil {
					t.Fatal(err)
				}
				if code, _ := l["code"].(string); l["status"] != tt.status || code != tt.code || l["model"] != "openai" {
					t.Errorf("logged %s", &log)
				}
			})
		})
	}
}

type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) { return 0, e.err }

func TestAProviderWithoutCredentialsIsNotFound(t *testing.T) {
	g, _ := manyCalls(&many{})
	call := g.Begin("test", "id-1")
	defer call.End(t.Context())
	_, err := call.Forward(t.Context(), "mistral", &llm.Forward{}, gateway.Asked{})
	if e := llm.AsError(err); e.Status != 404 || !strings.Contains(e.Fix, "mistral") || g.Forwards("mistral") {
		t.Errorf("%+v", e)
	}
}
