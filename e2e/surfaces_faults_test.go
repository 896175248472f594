package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	emulator "outcrop/emulator/bedrock"
	"outcrop/internal/jsonx"
)

// surfaceFault is a failure of Bedrock's Responses API, and what the client and the log say of it.
type surfaceFault struct {
	fault string
	// status and code are of a response that is not streamed, and of a stream that fails before its first
	// token; status 0 is a response that is complete.
	status int
	code   string
	// inStream is whether a stream begins, and then fails with the code.
	inStream bool
}

func surfaceFaults() []surfaceFault {
	return []surfaceFault{
		{"throttle", 429, "limit.requests", false},
		{"throttle-tokens", 429, "limit.tokens", false},
		{"unavailable", 503, "service.unavailable", false},
		{"internal", 500, "service.internal", false},
		{"too-long", 400, "request.too_long", false},
		{"cut=reset", 502, "stream.interrupted", false},
		{"cut=fin", 502, "stream.interrupted", false},
		{"cut=end", 502, "stream.interrupted", false},
		{"corrupt", 502, "stream.interrupted", false},
		{"garbage", 502, "stream.interrupted", false},
		{"empty", 502, "stream.interrupted", false},
		{"stall", 504, "service.timeout", false},
		{"throttle after=3", 429, "limit.requests", true},
		{"internal after=3", 500, "service.internal", true},
		{"error-frame type=server_error after=3", 0, "service.internal", true},
		{"cut=reset after=3", 502, "stream.interrupted", true},
		{"cut=fin after=3 inside", 502, "stream.interrupted", true},
		{"cut=end after=3", 502, "stream.interrupted", true},
		{"corrupt after=3", 502, "stream.interrupted", true},
		{"garbage after=3", 502, "stream.interrupted", true},
		{"stall after=3", 504, "service.timeout", true},
	}
}

// TestFaultsOfBedrocksResponsesAPI has every failure of each surface reach the client as an error, and never as
// the end of a response, with one line in the log that says what it was.
func TestFaultsOfBedrocksResponsesAPI(t *testing.T) {
	t.Parallel()
	config := strings.Replace(surfaceConfig, "timeout: 60", "timeout: 1, stream_timeout: 1", 1)
	for _, model := range []string{"runtime", "mantle", "open"} {
		t.Run(model, func(t *testing.T) {
			t.Parallel()
			g := startGateway(t, config, startEmulator(t).URL())
			for _, f := range surfaceFaults() {
				for _, stream := range []bool{false, true} {
					before := len(g.log.lines(t))
					status, body := respond(t, g, model, "[[fault: "+f.fault+"]] [[words: 60]]", stream)
					at := fmt.Sprintf("%s, streamed %t: %d %.600s", f.fault, stream, status, body)
					lines := g.log.lines(t)[before:]
					if len(lines) != 1 || lines[0].Code != f.code && (stream || f.status != 0) || lines[0].Retries != 0 {
						t.Errorf("%s\nthe log has %+v, want %s", at, lines, f.code)
					}
					switch {
					case !stream && f.status == 0:
						if status != 200 {
							t.Error(at)
						}
					case stream && f.inStream:
						if status != 200 || strings.Contains(body, "response.completed") || strings.Count(body, "event: response.failed\n") != 1 || !strings.Contains(body, "_text.delta") {
							t.Error(at)
						}
						orderly(t, at, body)
					case status != f.status || !strings.Contains(body, `"code":"`+f.code+`"`):
						t.Errorf("%s, want %d %s", at, f.status, f.code)
					}
				}
			}
		})
	}
}

// respond makes one call of the Responses API.
func respond(t *testing.T, g *gateway, model, prompt string, stream bool) (status int, body string) {
	t.Helper()
	resp := startResponse(t.Context(), t, g, model, prompt, stream)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Errorf("%s: %v", prompt, err)
	}
	return resp.StatusCode, string(text)
}

func startResponse(ctx context.Context, t *testing.T, g *gateway, model, prompt string, stream bool) *http.Response {
	t.Helper()
	body := fmt.Sprintf(`{"model":%q,"input":%q,"stream":%t}`, model, prompt, stream)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.URL()+"/v1/responses", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+masterKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// orderly checks that the events of a stream are numbered without a gap.
func orderly(t *testing.T, at, body string) {
	t.Helper()
	next := int64(0)
	for line := range strings.Lines(body) {
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		var e struct {
			Number int64     `json:"sequence_number"`
			Rest   jsonx.Raw `json:",embed"`
		}
		if err := jsonx.Unmarshal([]byte(data), &e); err != nil || e.Number != next {
			t.Errorf("%s\nevent %d has the number %d (%v)", at, next, e.Number, err)
		}
		next++
	}
}

// TestAClientThatLeavesEndsTheCallOfBedrocksResponsesAPI waits for the emulator to see its client go.
func TestAClientThatLeavesEndsTheCallOfBedrocksResponsesAPI(t *testing.T) {
	t.Parallel()
	for _, model := range []string{"runtime", "mantle", "open"} {
		t.Run(model, func(t *testing.T) {
			t.Parallel()
			e, err := emulator.New(emulator.Options{})
			if err != nil {
				t.Fatal(err)
			}
			gone := make(chan struct{})
			upstream := startServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				e.ServeHTTP(w, r)
				if r.Context().Err() != nil {
					close(gone)
				}
			}))
			g := startGateway(t, surfaceConfig, upstream.URL())
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			resp := startResponse(ctx, t, g, model, "[[fault: stall after=3]] [[words: 60]]", true)
			if _, err := resp.Body.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close() // before its end: the client goes
			select {
			case <-gone:
			case <-ctx.Done():
				t.Error("Bedrock's call goes on")
			}
		})
	}
}

// TestARetryOfBedrocksResponsesAPIIsInvisible has a call fail once before its first token.
func TestARetryOfBedrocksResponsesAPIIsInvisible(t *testing.T) {
	t.Parallel()
	config := strings.Replace(surfaceConfig, "num_retries: 0", "num_retries: 2", 1)
	for _, model := range []string{"runtime", "mantle", "open"} {
		t.Run(model, func(t *testing.T) {
			t.Parallel()
			g := startGateway(t, config, startEmulator(t).URL())
			for _, fault := range []string{"unavailable times=1", "internal first times=1", "cut=reset first times=1", "corrupt first times=1"} {
				before := len(g.log.lines(t))
				status, body := respond(t, g, model, "[[fault: "+fault+"]] [[answer: granite]]", true)
				if status != 200 || strings.Count(body, "event: response.created\n") != 1 || !strings.Contains(body, "event: response.completed\n") || strings.Contains(body, "response.failed") {
					t.Errorf("%s: %d %s", fault, status, body)
				}
				orderly(t, fault, body)
				if lines := g.log.lines(t)[before:]; len(lines) != 1 || lines[0].Retries != 1 || lines[0].Status != 200 {
					t.Errorf("%s: the log has %+v", fault, lines)
				}
			}
		})
	}
}

// TestAProfileThatAWSDoesNotHaveInTheResponsesAPIGoesByConverse has AWS refuse a model there, in its own words.
func TestAProfileThatAWSDoesNotHaveInTheResponsesAPIGoesByConverse(t *testing.T) {
	t.Parallel()
	e, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	without, err := e.Catalogue().With([]byte(`[{"id":"openai.gpt-5.6-sol","family":"gpt","context":1050000,"maxOutput":128000,"profiles":{"us":["us-3"]}}]`))
	if err != nil {
		t.Fatal(err)
	}
	e.SetCatalogue(without)
	config := strings.Replace(surfaceConfig, "num_retries: 0", "num_retries: 2", 1)
	g := startGateway(t, config, startServer(t, judge.Watch(e)).URL())
	for range 2 { // the second call knows
		resp := startResponse(t.Context(), t, g, "runtime", "[[answer: granite]]", false)
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(resp.Header.Get("X-Outcrop-Target"), "api=converse") || !strings.Contains(string(body), "granite") {
			t.Errorf("%d %v %s (%v)", resp.StatusCode, resp.Header, body, err)
		}
	}
}
