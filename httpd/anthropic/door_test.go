package anthropic_test

import (
	"bufio"
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestHeadersOfAResponse are those by which a client finds a call again, and learns how it was
// served.
func TestHeadersOfAResponse(t *testing.T) {
	u := startEmulator(t)
	s := startGateway(t, u, "", "")
	for _, model := range []string{"claude", "claude-converse", "nova"} {
		for _, more := range []string{"", `,"stream":true`} {
			r := s.message(t, hello(model, "Hi", more))
			if r.StatusCode != http.StatusOK {
				t.Fatalf("%s%s: %d %s", model, more, r.StatusCode, r.text)
			}
			h := r.Header
			if id := h.Get("Request-Id"); id == "" || id != h.Get("X-Request-Id") || !strings.Contains(s.log.String(), id) {
				t.Errorf("%s%s: request-id %q, x-request-id %q", model, more, id, h.Get("X-Request-Id"))
			}
			for _, name := range []string{"X-Outcrop-Target", "X-Outcrop-Reason", "X-Amzn-Requestid"} {
				if h.Get(name) == "" {
					t.Errorf("%s%s: no header %s", model, more, name)
				}
			}
			if h.Get("X-Should-Retry") != "" {
				t.Errorf("%s%s: x-should-retry: %s", model, more, h.Get("X-Should-Retry"))
			}
			if more == "" && h.Get("X-Outcrop-Cost") == "" {
				t.Errorf("%s: no cost", model)
			}
			if kind := h.Get("Content-Type"); strings.HasPrefix(kind, "text/event-stream") != (more != "") {
				t.Errorf("%s%s: %s", model, more, kind)
			}
		}
	}
}

// TestAnEarlyFailureIsAStatus has failures before the first content, whole and streamed, by each
// API: they have an HTTP status, Anthropic's type, AWS's words, and the diagnosis.
func TestAnEarlyFailureIsAStatus(t *testing.T) {
	u := startEmulator(t)
	s := startGateway(t, u, "", "")
	for _, tt := range []struct {
		fault  string
		status int
		kind   string
		retry  string
	}{
		{"throttle always", 429, "rate_limit_error", ""},
		{"throttle-day always", 429, "rate_limit_error", "false"},
		{"unavailable always", 529, "overloaded_error", ""},
		{"internal always", 500, "api_error", ""},
		{"timeout always", 408, "timeout_error", ""},
		{"model-error always", 424, "api_error", "true"},
		{"validation always", 400, "invalid_request_error", ""},
		{"too-long always", 400, "invalid_request_error", ""},
		{"denied always", 403, "permission_error", ""},
		{"quota always", 400, "invalid_request_error", ""},
	} {
		for _, model := range []string{"claude", "claude-converse", "nova"} {
			for _, more := range []string{"", `,"stream":true`} {
				r := s.message(t, hello(model, "[[fault: "+tt.fault+"]]", more))
				f := failed(t, r.text)
				if r.StatusCode != tt.status || f.Error.Type != tt.kind || r.Header.Get("X-Should-Retry") != tt.retry {
					t.Errorf("%s, %s%s: %d %s, x-should-retry %q: %s", tt.fault, model, more, r.StatusCode, f.Error.Type, r.Header.Get("X-Should-Retry"), r.text)
				}
				if f.RequestID != r.Header.Get("Request-Id") || f.RequestID == "" || f.Error.Outcrop.Code == "" || r.Header.Get("X-Amzn-Requestid") == "" || r.Header.Get("X-Outcrop-Target") == "" {
					t.Errorf("%s, %s%s: %v %s", tt.fault, model, more, r.Header, r.text)
				}
			}
		}
	}
	for _, fault := range []string{"throttle first always", "unavailable first always", "empty always", "garbage always", "cut=reset always", "cut=fin always", "corrupt always", "error-frame type=x always"} {
		for _, model := range []string{"claude", "claude-converse"} {
			r := s.message(t, hello(model, "[[fault: "+fault+"]]", `,"stream":true`))
			if r.StatusCode < 400 {
				t.Errorf("%s, %s: %d %s", fault, model, r.StatusCode, r.text)
			}
			failed(t, r.text)
		}
	}
}

// TestAStreamThatFailsDoesNotLookFinished has every kind of failure in mid-stream, by each API.
func TestAStreamThatFailsDoesNotLookFinished(t *testing.T) {
	u := startEmulator(t)
	s := startGateway(t, u, ", stream_timeout: 1", "")
	for _, tt := range []struct{ fault, kind string }{
		{"throttle after=2", "rate_limit_error"},
		{"unavailable after=2", "overloaded_error"},
		{"internal after=2", "api_error"},
		{"stream-error after=2", "api_error"},
		{"timeout after=2", "timeout_error"},
		{"validation after=2", "invalid_request_error"},
		{"error-frame type=x after=2", ""},
		{"cut=reset after=2", ""},
		{"cut=fin after=2", ""},
		{"cut=end after=2", ""},
		{"cut=reset inside after=2", ""},
		{"cut=fin inside after=2", ""},
		{"cut=end inside after=2", ""},
		{"corrupt after=2", ""},
		{"corrupt=prelude after=2", ""},
		{"garbage after=2", ""},
		{"stall after=2", "timeout_error"},
	} {
		for _, model := range []string{"claude", "claude-converse", "nova"} {
			r := s.message(t, hello(model, "Tell me about granite in many words. [[fault: "+tt.fault+" always]]", `,"stream":true`))
			names := namesOf(eventsOf(r.text))
			if r.StatusCode != http.StatusOK || names[0] != "message_start" || names[len(names)-1] != "error" || slices.Contains(names, "message_stop") || slices.Contains(names, "message_delta") {
				t.Errorf("%s, %s: %d %v", tt.fault, model, r.StatusCode, names)
				continue
			}
			events := eventsOf(r.text)
			f := failed(t, events[len(events)-1].data)
			if tt.kind != "" && f.Error.Type != tt.kind || f.Error.Outcrop.Code == "" || f.RequestID != r.Header.Get("Request-Id") {
				t.Errorf("%s, %s: %s", tt.fault, model, events[len(events)-1].data)
			}
		}
	}
}

// TestAClientThatGoesEndsTheCall cuts the client's connection in mid-stream.
func TestAClientThatGoesEndsTheCall(t *testing.T) {
	for _, model := range []string{"claude", "claude-converse"} {
		t.Run(model, func(t *testing.T) {
			ended := make(chan struct{})
			u := startUpstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = w.Write(beginning(r.URL.Path))
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
				close(ended)
			}))
			s := startGateway(t, u, "", "")
			ctx, cancel := context.WithCancel(t.Context())
			resp := s.open(ctx, t, hello(model, "Hi", `,"stream":true`))
			line, err := bufio.NewReader(resp.Body).ReadString('\n')
			if err != nil || line != "event: message_start\n" {
				t.Errorf("%q, %v", line, err)
			}
			cancel()
			resp.Body.Close()
			<-ended
		})
	}
}

// open sends a request for a message and does not read the response.
func (s *server) open(ctx context.Context, t *testing.T, body string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+"/v1/messages", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Api-Key", masterKey)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// beginning are the first frames of a stream of the API that a path is for.
func beginning(path string) []byte {
	if strings.Contains(path, "/converse") {
		return frames("messageStart", `{"role":"assistant"}`, "contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"gran"}}`)
	}
	return chunks(
		`{"type":"message_start","message":{"model":"claude","id":"msg_1","type":"message","role":"assistant","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":1}}}`,
		`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"gran"}}`,
	)
}

// ending are the frames after beginning.
func ending(path string) []byte {
	if strings.Contains(path, "/converse") {
		return frames("contentBlockStop", `{"contentBlockIndex":0}`, "messageStop", `{"stopReason":"end_turn"}`, "metadata", `{"metrics":{"latencyMs":1},"usage":{"inputTokens":3,"outputTokens":1,"totalTokens":4}}`)
	}
	return chunks(`{"type":"content_block_stop","index":0}`, `{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":1}}`, `{"type":"message_stop"}`)
}

// TestAPingBelongsBehindTheBeginning keeps silent, before the first content and after it: pings keep
// the client waiting, but none comes before message_start.
func TestAPingBelongsBehindTheBeginning(t *testing.T) {
	for _, model := range []string{"claude", "claude-converse"} {
		t.Run(model, func(t *testing.T) {
			pinged := make(chan struct{})
			u := startUpstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = w.Write(beginning(r.URL.Path))
				_ = http.NewResponseController(w).Flush()
				<-pinged
				_, _ = w.Write(ending(r.URL.Path))
			}))
			s := startGateway(t, u, ", keepalive_seconds: 1", "")
			resp := s.open(t.Context(), t, hello(model, "Hi", `,"stream":true`))
			defer resp.Body.Close()
			var names []string
			lines := bufio.NewScanner(resp.Body)
			for lines.Scan() {
				name, ok := strings.CutPrefix(lines.Text(), "event: ")
				if !ok {
					continue
				}
				if name == "ping" && !slices.Contains(names, "ping") {
					close(pinged)
				}
				names = append(names, name)
			}
			first, last := slices.Index(names, "ping"), len(names)-1
			if names[0] != "message_start" || first < 1 || names[last] != "message_stop" {
				t.Errorf("%v", names)
			}
		})
	}
}

// TestKeys are taken from x-api-key and Authorization, and the right one counts.
func TestKeys(t *testing.T) {
	u := startEmulator(t)
	s := startGateway(t, u, "", "")
	for _, tt := range []struct {
		key, authorization string
		ok                 bool
	}{
		{masterKey, "", true},
		{"", "Bearer " + masterKey, true},
		{masterKey, "Bearer " + masterKey, true},
		{"wrong", "Bearer " + masterKey, true},
		{masterKey, "Bearer wrong", true},
		{"wrong", "", false},
		{"", "Bearer wrong", false},
		{"wrong", "Bearer wrong", false},
		{"", "", false},
		{"", "Basic " + masterKey, false},
	} {
		header := []string{"X-Api-Key", "", "Authorization", "", "X-Api-Key", tt.key, "Authorization", tt.authorization}
		for _, path := range []string{"/v1/messages", "/anthropic/v1/messages", "/v1/messages/count_tokens", "/v1/messages/other", "/v1/models", "/v1/models/claude"} {
			method := http.MethodPost
			if strings.Contains(path, "models") {
				method = http.MethodGet
			}
			r := s.send(t, method, path, hello("claude", "Hi", ""), header...)
			calls := u.taken()
			if tt.ok && r.StatusCode == http.StatusUnauthorized || !tt.ok && r.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s with %v: %d %s", path, tt, r.StatusCode, r.text)
			}
			if tt.ok {
				continue
			}
			if f := failed(t, r.text); f.Error.Type != "authentication_error" || len(calls) > 0 || r.Header.Get("Request-Id") == "" || r.Header.Get("X-Should-Retry") != "false" {
				t.Errorf("%s with %v: %d calls, %v %s", path, tt, len(calls), r.Header, r.text)
			}
		}
	}
}

// TestPaths that are not served, and methods, are refused in the dialect without a call.
func TestPaths(t *testing.T) {
	u := startEmulator(t)
	s := startGateway(t, u, "", "")
	for _, tt := range []struct {
		method, path string
		status       int
	}{
		{http.MethodGet, "/v1/messages", 405},
		{http.MethodPut, "/v1/messages", 405},
		{http.MethodGet, "/v1/messages/count_tokens", 405},
		{http.MethodPost, "/v1/messages/batches", 404},
		{http.MethodGet, "/v1/messages/batches/b_1", 404},
		{http.MethodPost, "/anthropic/v1/messages/x", 404},
		{http.MethodHead, "/v1/messages", 405},
		{http.MethodHead, "/v1/messages/x", 404},
	} {
		r := s.send(t, tt.method, tt.path, "")
		if r.StatusCode != tt.status || r.Header.Get("Request-Id") == "" || len(u.taken()) > 0 {
			t.Errorf("%s %s: %d %v %s", tt.method, tt.path, r.StatusCode, r.Header, r.text)
		}
		if tt.method == http.MethodHead {
			continue
		}
		if f := failed(t, r.text); tt.status == 404 && f.Error.Type != "not_found_error" || tt.status == 405 && f.Error.Type != "invalid_request_error" {
			t.Errorf("%s %s: %s", tt.method, tt.path, r.text)
		}
	}
}
