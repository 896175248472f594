package e2e

import (
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outcrop/e2e/roughbedrock"
	"outcrop/llm"
)

// roughConfig configures a gateway for a rough Bedrock. SETTINGS stands for its
// router_settings.
const roughConfig = `
general_settings: {master_key: ` + masterKey + `, max_request_size_mb: 1}
router_settings: {SETTINGS}
model_list:
  - model_name: granite
    litellm_params:
      model: bedrock/` + claude + `
      aws_access_key_id: AKIDEXAMPLE
      aws_secret_access_key: wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY
      aws_region_name: us-east-1
      aws_bedrock_runtime_endpoint: UPSTREAM
`

// once are the settings of a gateway that makes one attempt.
const once = "num_retries: 0, timeout: 30"

// shortTimeouts are the settings of a gateway that gives up on an upstream that is silent for
// shortLimit. That is short, but longer than this process may be delayed on a busy
// machine.
const (
	shortTimeouts = "num_retries: 0, timeout: 2, stream_timeout: 2"
	shortLimit    = 2 * time.Second
)

// bench is a gateway with a rough Bedrock, and the resources in use before they
// started.
type bench struct {
	*gateway
	upstream *roughbedrock.Server
	files    int
	leaks    goleak.Option
}

// newBench starts both. The test ends them with close.
func newBench(t *testing.T, script roughbedrock.Script, settings string) *bench {
	t.Helper()
	b := &bench{files: openFiles(t), leaks: goleak.IgnoreCurrent()}
	var err error
	if b.upstream, err = roughbedrock.Listen(script, judge.Keep); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.upstream.Close)
	b.gateway = startRough(t, settings, b.upstream.URL())
	return b
}

// startRough starts a gateway for one model at the address.
func startRough(t *testing.T, settings, upstream string) *gateway {
	t.Helper()
	return startGateway(t, strings.ReplaceAll(roughConfig, "SETTINGS", settings), upstream)
}

// close stops the gateway and the upstream, checks that they leave no goroutine and no
// open file, and returns the records of the calls.
func (b *bench) close(t *testing.T) []logLine {
	t.Helper()
	b.stop(t)
	b.upstream.Close()
	goleak.VerifyNone(t, b.leaks)
	eventually(t, "the files that were opened are closed", func() bool { return openFiles(t) <= b.files })
	lines := b.log.lines(t)
	for _, l := range lines {
		if l.Msg != "call" {
			t.Errorf("the log holds %+v", l)
		}
	}
	return lines
}

// openFiles counts the open files and sockets of this process; 0 if that is not
// possible.
func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}

// eventually waits until the condition holds, and fails the test if it never does.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("it did not happen that %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// want is the expected result of a call.
type want struct {
	// status is the client's; 200 for a stream that has begun.
	status int
	// code is the verdict, for the client and in the record; empty for a success.
	code llm.Code
	// words are in the error's message.
	words string
	// text and arguments are everything that is delivered.
	text, arguments string
	// finish is the finish reason of a success; stop if empty.
	finish string
	// logged is the status in the record; that of the response if 0.
	logged int
	// calls is how often the upstream was called; once if 0.
	calls int
}

// whole expects the whole text and a proper end.
func whole() want { return want{status: 200, text: roughbedrock.Text()} }

// check makes one call on the bench, closes it, and compares.
func (b *bench) check(t *testing.T, stream bool, w want) *seen {
	t.Helper()
	s := b.ask(t, body(stream))
	b.compare(t, stream, s, w)
	return s
}

// compare closes the bench and compares what the client saw and what was recorded.
func (b *bench) compare(t *testing.T, stream bool, s *seen, w want) {
	t.Helper()
	calls := b.upstream.Calls()
	lines := b.close(t)
	if s.broke != nil {
		t.Errorf("the answer broke: %v", s.broke)
	}
	if s.status != w.status {
		t.Errorf("status %d, want %d: %+v", s.status, w.status, s)
	}
	if s.text != w.text || s.arguments != w.arguments {
		t.Errorf("delivered %q and arguments %q, want %q and %q", s.text, s.arguments, w.text, w.arguments)
	}
	if w.code == "" {
		w.compareEnd(t, stream, s)
	} else {
		w.compareFailure(t, s)
	}
	if want := max(1, w.calls); calls != want {
		t.Errorf("the upstream was called %d times, want %d", calls, want)
	}
	w.compareRecord(t, stream, lines)
}

// compareEnd checks the end of a success.
func (w want) compareEnd(t *testing.T, stream bool, s *seen) {
	t.Helper()
	finish := w.finish
	if finish == "" {
		finish = "stop"
	}
	if s.failure != nil || s.done != stream || len(s.finish) != 1 || s.finish[0] != finish {
		t.Errorf("finish %q, [DONE] %v, error %+v; want a good end with %q", s.finish, s.done, s.failure, finish)
	}
}

// compareFailure checks that a failure is reported, and nothing else.
func (w want) compareFailure(t *testing.T, s *seen) {
	t.Helper()
	if s.done || len(s.finish) > 0 || s.usage {
		t.Errorf("it looks finished: %+v", s)
	}
	switch f := s.failure; {
	case f == nil:
		t.Errorf("no error: %+v", s)
	case f.Outcrop.Code != w.code || !strings.Contains(f.Message, w.words) || f.Message == "" || f.Type == "" || f.Code == "":
		t.Errorf("error %+v, want %s with %q", *f, w.code, w.words)
	}
}

// compareRecord checks that the call has one record with the actual outcome.
func (w want) compareRecord(t *testing.T, stream bool, lines []logLine) {
	t.Helper()
	status := w.logged
	if status == 0 {
		status = w.status
	}
	if len(lines) != 1 {
		t.Fatalf("%d log lines, want one: %+v", len(lines), lines)
	}
	l := lines[0]
	if l.Status != status || l.Code != string(w.code) || l.Door != "openai_chat" || len(l.ID) != 32 {
		t.Errorf("recorded %+v, want status %d and code %q", l, status, w.code)
	}
	if interrupted := stream && w.status == 200 && w.code != ""; l.TokensEstimated != interrupted {
		t.Errorf("tokens estimated: %v, want %v: %+v", l.TokensEstimated, interrupted, l)
	}
}

// form names streamed and other calls in subtests.
func form(stream bool) string {
	if stream {
		return "streamed"
	}
	return "whole"
}
