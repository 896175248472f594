package bedrock

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"outcrop/emulator/bedrock/fault"
	"outcrop/wire/converse"
)

// try calls an operation with a fault in the header; the error is from the transport or
// from reading the body.
func (s *server) try(ctx context.Context, operation, text string) (status int, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL()+"/model/"+url.PathEscape(haiku)+"/"+operation,
		strings.NewReader(`{"messages":[{"role":"user","content":[{"text":"[[words: 40]]"}]}]}`))
	if err != nil {
		return 0, nil, err
	}
	apiKey(req)
	req.Header.Set(FaultHeader, text)
	resp, err := s.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

func TestEveryExceptionComesByStatusAndByFrame(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	for _, word := range fault.Words() {
		want, err := fault.Parse(word)
		if err != nil {
			t.Fatal(err)
		}
		for _, operation := range []string{"converse", "converse-stream"} {
			a := s.send(t, http.MethodPost, "/model/"+url.PathEscape(haiku)+"/"+operation, hello, func(r *http.Request) {
				apiKey(r)
				r.Header.Set(FaultHeader, word)
			})
			wantRefusal(t, a, want.Status, want.Type, want.Message)
		}
		for _, place := range []string{" first", " after=2"} {
			status, body, err := s.try(t.Context(), "converse-stream", word+place)
			if err != nil || status != 200 {
				t.Fatalf("%s%s: %d, %v", word, place, status, err)
			}
			got, err := read(body)
			var broken *converse.Fault
			if !errors.As(err, &broken) || broken.Type != want.Type || broken.Message != want.Message {
				t.Errorf("%s%s: the stream ends with %v", word, place, err)
			}
			if said := len(got.Blocks) > 0; said != (place == " after=2") {
				t.Errorf("%s%s: %d blocks before the exception", word, place, len(got.Blocks))
			}
		}
	}
}

func TestBrokenAnswers(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	reset := func(t *testing.T, _ []byte, err error) {
		t.Helper()
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("got %v, want a reset", err)
		}
	}
	early := func(t *testing.T, _ []byte, err error) {
		t.Helper()
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("got %v, want an unexpected end", err)
		}
	}
	broken := func(t *testing.T, body []byte, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("the transport sees %v, but only the content is broken", err)
		}
		if _, err := read(body); err == nil {
			t.Error("the stream reads as a whole answer")
		}
	}
	notJSON := func(t *testing.T, body []byte, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("the transport sees %v, but only the content is broken", err)
		}
		if _, err := converse.DecodeResponse(body); err == nil {
			t.Error("the body reads as a whole answer")
		}
	}
	tests := []struct {
		name, operation, text string
		check                 func(*testing.T, []byte, error)
	}{
		{"a stream reset before its first frame", "converse-stream", "cut=reset", reset},
		{"a stream reset inside a frame", "converse-stream", "cut=reset after=2 inside", reset},
		{"a stream closed", "converse-stream", "cut=fin after=2", early},
		{"a stream that ends too soon", "converse-stream", "cut=end after=2", broken},
		{"a stream that ends inside a frame", "converse-stream", "cut=end after=2 inside", broken},
		{"a corrupt message", "converse-stream", "corrupt after=1", broken},
		{"a corrupt prelude", "converse-stream", "corrupt=prelude", broken},
		{"an error frame", "converse-stream", "error-frame after=1", broken},
		{"an empty stream", "converse-stream", "empty", broken},
		{"garbage for a stream", "converse-stream", "garbage", broken},
		{"a whole answer reset", "converse", "cut=reset", reset},
		{"a whole answer closed", "converse", "cut=fin", early},
		{"half an answer", "converse", "cut=end", notJSON},
		{"an empty answer", "converse", "empty", notJSON},
		{"garbage for an answer", "converse", "garbage", notJSON},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			status, body, err := s.try(t.Context(), tt.operation, tt.text)
			if status != 200 && status != 0 {
				t.Errorf("status %d", status)
			}
			tt.check(t, body, err)
		})
	}
}

func TestAStallEndsWhenTheClientGoesAwayOrTheServerStops(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"converse", "converse-stream"} {
		s := start(t, Options{})
		for _, leave := range []bool{true, false} {
			ctx, cancel := context.WithCancel(t.Context())
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL()+"/model/"+url.PathEscape(haiku)+"/"+operation, strings.NewReader(hello))
			if err != nil {
				t.Fatal(err)
			}
			apiKey(req)
			req.Header.Set(FaultHeader, "stall after=1")
			resp, err := s.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			if leave {
				cancel()
			} else if err := s.Stop(t.Context()); err != nil {
				t.Error(err)
			}
			if _, err := io.ReadAll(resp.Body); err == nil && operation == "converse" {
				t.Error("a stalled answer came to its end")
			}
			resp.Body.Close()
			cancel()
		}
	}
}

func TestScriptedFaultsGoAwayAfterTheirTimes(t *testing.T) {
	t.Parallel()
	throttle, err := fault.Parse("throttle times=2")
	if err != nil {
		t.Fatal(err)
	}
	throttle.Operation = "Converse"
	scripted := start(t, Options{Faults: []fault.Fault{throttle}})
	plain := start(t, Options{})
	tests := []struct {
		name string
		call func() answer
	}{
		{"by the options", func() answer { return scripted.post(t, haiku, "converse", hello) }},
		{"by the prompt", func() answer {
			return plain.post(t, haiku, "converse", `{"messages":[{"role":"user","content":[{"text":"hello [[fault: throttle times=2]]"}]}]}`)
		}},
	}
	for _, tt := range tests {
		for _, want := range []int{429, 429, 200, 200} {
			if a := tt.call(); a.status != want {
				t.Errorf("%s: got %d, want %d", tt.name, a.status, want)
			}
		}
	}
	wantRefusal(t, plain.post(t, haiku, "converse", `{"messages":[{"role":"user","content":[{"text":"[[fault: nonsense]]"}]}]}`), 400, "ValidationException", `unknown fault \"nonsense\"`)
}

func TestLatencyAndRateSlowDown(t *testing.T) {
	t.Parallel()
	e, err := New(Options{Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	// "You said: hello" is 15 characters; each delta is counted by itself.
	for text, least := range map[string]time.Duration{"latency=2s": 2 * time.Second, "rate=1": 4 * time.Second, "latency=1h rate=0.5": time.Hour + 8*time.Second} {
		synctest.Test(t, func(t *testing.T) {
			req := httptest.NewRequest(http.MethodPost, "https://bedrock-runtime.us-east-1.amazonaws.com/model/"+url.PathEscape(haiku)+"/converse-stream", strings.NewReader(hello))
			apiKey(req)
			req.Header.Set(FaultHeader, text)
			w := httptest.NewRecorder()
			began := time.Now()
			e.ServeHTTP(w, req)
			// The bubble has its own clock, so the duration is exact.
			if took := time.Since(began); took < least || took > 3*least {
				t.Errorf("%s: took %v, want %v or a little more", text, took, least)
			}
			if _, err := read(w.Body.Bytes()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRecordedExchangesAreServed(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Recordings: "testdata/recordings"})
	strict := start(t, Options{Recordings: "testdata/recordings", StrictRecordings: true})
	const reordered = `{"inferenceConfig": {}, "messages": [ {"content": [{"text": "What is schist?"}], "role": "user"} ]}`
	for _, srv := range []*server{s, strict} {
		for _, want := range []string{"A rock.", "Still a rock.", "Still a rock."} {
			if a := srv.post(t, haiku, "converse", reordered); a.status != 200 || !strings.Contains(string(a.body), want) {
				t.Errorf("got %d %s, want %s", a.status, a.body, want)
			}
		}
		a := srv.post(t, haiku, "converse-stream", reordered)
		if got, err := read(a.body); err != nil || got.Blocks[0].Text != "Hi" || a.header.Get("Content-Type") != "application/vnd.amazon.eventstream" {
			t.Errorf("the recorded stream reads as %+v, %v", got, err)
		}
	}
	if a := s.post(t, haiku, "converse", hello); a.status != 200 {
		t.Errorf("what is not recorded: got %d %s", a.status, a.body)
	}
	wantRefusal(t, strict.post(t, haiku, "converse", hello), 409, "ConflictException", "To record it, put a file")
	if a := strict.get(t, "/foundation-models"); a.status != 200 {
		t.Errorf("the control plane needs no recording: got %d %s", a.status, a.body)
	}
}

func TestRecordingsThatCannotBeReadStopTheStart(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{"{": "invalid JSON", `{"method":"POST"}`: "not those of a request", `{"method":"POST","url":"http://x/y","response":{"base64":"?"}}`: "response.base64"} {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, "a.json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := New(Options{Recordings: folder}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "a.json") {
			t.Errorf("%s: got %v, want an error with %q and the file's name", content, err, want)
		}
	}
	if _, err := New(Options{Recordings: t.TempDir()}); err == nil {
		t.Error("an empty folder is accepted")
	}
	if _, err := New(Options{StrictRecordings: true}); err == nil {
		t.Error("strictness without a folder is accepted")
	}
}
