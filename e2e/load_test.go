package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"outcrop/e2e/roughbedrock"
	"outcrop/llm"
)

// startLimited runs the program with a limit of open files until the test ends.
func startLimited(t *testing.T, upstream string, files int) *process {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yaml")
	text := strings.NewReplacer("SETTINGS", once, "UPSTREAM", upstream).Replace(roughConfig)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &process{log: &logBuffer{}}
	p.cmd = exec.CommandContext(t.Context(), "sh", "-c", "ulimit -n "+strconv.Itoa(files)+` && exec "$0" "$@"`,
		buildBinary(t, dir), "serve", "--config", config, "--port", "0", "--data-dir", filepath.Join(dir, "data"))
	p.cmd.Env = []string{"HOME=" + dir}
	p.cmd.Stderr = p.log
	p.start(t)
	return p
}

// status returns the status of a page, on a connection of its own.
func (p *process) status(ctx context.Context, path string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+path, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+masterKey) // for /metrics
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// hold opens connections that send a text and nothing more.
func (p *process) hold(ctx context.Context, t *testing.T, n int, sent func(i int) string) []net.Conn {
	t.Helper()
	conns := make([]net.Conn, n)
	for i := range conns {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", strings.TrimPrefix(p.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		send(t, conn, sent(i))
		conns[i] = conn
	}
	return conns
}

// TestClientsThatSendNothingMoreHoldNothing checks that, with 256 files and 300
// connections without a key that never send the rest, health, metrics and valid calls
// are answered throughout. A connection with an answer but without the rest of its body
// is closed.
func TestClientsThatSendNothingMoreHoldNothing(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there is no limit of open files to set")
	}
	never := []string{
		"POST /v1/chat/completions HTTP/1.1\r\nHost: gate\r\nContent-Length: 200000\r\n\r\n{",
		"POST /v1/chat/completions HTTP/1.1\r\nHost: gate\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
		"GET /health/liveliness HTTP/1.1\r\nHost: gate\r\nContent-Length: 200000\r\n\r\n{",
		"GET /metrics HTTP/1.1\r\nHost: gate\r\nContent-Length: 9\r\n\r\n",
		"GET /openapi.json HTTP/1.1\r\nHost: gate\r\nContent-Length: 9\r\n\r\n",
		"GET //metrics HTTP/1.1\r\nHost: gate\r\nContent-Length: 200000\r\n\r\n{", // redirected
		"POST /nothing HTTP/1.1\r\nHost: gate\r\nContent-Length: 200000\r\n\r\n{",
	}
	for name, tt := range map[string]struct {
		sent   func(i int) string
		closed bool // soon, even if nothing needs its place
	}{
		"no body":          {func(i int) string { return never[i%len(never)] }, true},
		"no end of a head": {func(int) string { return "POST /v1/chat/completions HTTP/1.1\r\nHost: gate" }, false},
		"nothing at all":   {func(int) string { return "" }, false},
		"a body with a key": {func(int) string {
			return "POST /v1/chat/completions HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer " + masterKey + "\r\nContent-Length: 200000\r\n\r\n{"
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			upstream, err := roughbedrock.Listen(complete, judge.Keep)
			if err != nil {
				t.Fatal(err)
			}
			defer upstream.Close()
			p := startLimited(t, upstream.URL(), 256)
			ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
			defer cancel()
			conns := p.hold(ctx, t, 300, tt.sent)
			for range 5 {
				for _, path := range []string{"/health/liveliness", "/health/readiness", "/metrics"} {
					if status, err := p.status(ctx, path); status != 200 {
						t.Fatalf("%s: status %d, %v", path, status, err)
					}
				}
				answer := &seen{}
				resp := open(ctx, t, p.url, question)
				answer.read(t, resp, nil)
				resp.Body.Close()
				if answer.status != 200 || answer.text != roughbedrock.Text() {
					t.Errorf("a good call got %d %q", answer.status, answer.body)
				}
			}
			if !tt.closed {
				return
			}
			for i, conn := range conns {
				_ = conn.SetReadDeadline(time.Now().Add(patience))
				if _, err := io.Copy(io.Discard, conn); err != nil && strings.Contains(err.Error(), "timeout") {
					t.Fatalf("connection %d is held: %q", i, tt.sent(i))
				}
			}
		})
	}
}

// TestBodiesInFlightAreBounded checks that bodies beyond max_in_flight_mb wait for
// memory, and that one larger than the limit is refused.
func TestBodiesInFlightAreBounded(t *testing.T) {
	released := make(chan struct{})
	release := sync.OnceFunc(func() { close(released) })
	upstream, err := roughbedrock.Listen(func(c *roughbedrock.Call) {
		<-released
		c.Complete("end_turn")
	})
	if err != nil {
		t.Fatal(err)
	}
	defer upstream.Close()
	defer release()
	g := startGateway(t, strings.NewReplacer("SETTINGS", once, "max_request_size_mb: 1", "max_in_flight_mb: 16").Replace(roughConfig), upstream.URL())
	large := func(size int) string {
		return `{"model":"granite","messages":[{"role":"user","content":"` + strings.Repeat("x", size) + `"}]}`
	}
	const calls = 6
	answers := make([]*seen, calls)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = g.ask(t, large(2<<20)) }) // each counts as 8 MB
	}
	eventually(t, "one call is made and the others wait", func() bool {
		return upstream.Calls() == 1 && g.Client().InFlight().Waiting == calls-1
	})
	if f := g.Client().InFlight(); f.Most != 16<<20 || f.Taken > f.Most {
		t.Errorf("%+v is in flight", f)
	}
	small := make(chan *seen, 1) // small ones have a share of their own
	go func() { small <- g.ask(t, question) }()
	eventually(t, "a small call is made meanwhile", func() bool { return upstream.Calls() == 2 })
	release()
	if s := <-small; s.status != 200 {
		t.Errorf("the small call got %d %s", s.status, s.body)
	}
	all.Wait()
	for _, s := range answers {
		if s.status != 200 {
			t.Errorf("got %d %s", s.status, s.body)
		}
	}
	conn := g.dial(t)
	send(t, conn, head(17<<20)+"{")
	s := receive(t, conn)
	if s.status != 413 || !strings.Contains(s.body, "max_in_flight_mb") {
		t.Errorf("one that is too large got %d %s", s.status, s.body)
	}
	eventually(t, "all memory is given back", func() bool { return g.Client().InFlight().Taken == 0 })
}

// TestLargeAnswers checks that an answer larger than any model's is reported as such,
// and not requested again.
func TestLargeAnswers(t *testing.T) {
	const whole = `{"metrics":{"latencyMs":300},"output":{"message":{"content":[%s],"role":"assistant"}},"stopReason":"end_turn","usage":{"inputTokens":9,"outputTokens":7,"totalTokens":16}}`
	for name, script := range map[string]roughbedrock.Script{
		"in bytes": func(c *roughbedrock.Call) {
			c.Answer(200, "application/json", fmt.Sprintf(whole, `{"text":"a"}`), 70<<20)
			c.Left()
		},
		"in blocks": func(c *roughbedrock.Call) {
			c.Answer(200, "application/json", fmt.Sprintf(whole, strings.Repeat(`{"text":"a"},`, 20_000)+`{"text":"a"}`), -1)
		},
		"in values": func(c *roughbedrock.Call) {
			c.Answer(200, "application/json", fmt.Sprintf(whole, `{"text":"a"}],"new":[`+strings.Repeat("1,", 600_000)+"1"), -1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			upstream, err := roughbedrock.Listen(script)
			if err != nil {
				t.Fatal(err)
			}
			defer upstream.Close()
			g := startRough(t, "num_retries: 2, timeout: 30", upstream.URL())
			s := g.ask(t, question)
			if s.status != 502 || s.failure == nil || s.failure.Outcrop.Code != llm.CodeAnswerTooLarge {
				t.Errorf("got %d %s", s.status, s.body)
			}
			if n := upstream.Calls(); n != 1 {
				t.Errorf("%d calls were made", n)
			}
		})
	}
}
