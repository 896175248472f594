package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"outcrop/e2e/roughbedrock"
	"outcrop/llm"
)

// TestAClientThatLeaves checks that the call to Bedrock is closed, and recorded once,
// with an estimate of the tokens used.
func TestAClientThatLeaves(t *testing.T) {
	for _, tt := range []struct {
		name string
		// script answers until the client of the gateway disconnects, and reports to gone
		// whether it did.
		script func(gone chan<- bool) roughbedrock.Script
		output bool // tokens have arrived
	}{
		{"while tokens flow", func(gone chan<- bool) roughbedrock.Script {
			return func(c *roughbedrock.Call) {
				c.Begin()
				c.Frames(roughbedrock.Begun()...)
				for c.Frames(roughbedrock.Delta("more ")) {
					// on and on
				}
				gone <- true
			}
		}, true},
		{"while the model thinks", func(gone chan<- bool) roughbedrock.Script {
			return func(c *roughbedrock.Call) {
				c.Begin()
				c.Frames(roughbedrock.Begun()...)
				gone <- c.Left()
			}
		}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			gone := make(chan bool, 1)
			b := newBench(t, tt.script(gone), once)
			s := b.watch(t, streamed, func(s *seen) bool { return s.text == "" })
			if s.text == "" {
				t.Fatalf("nothing came: %+v", s)
			}
			wait(t, gone)
			left(t, b, tt.output)
		})
	}
	t.Run("before anything has come", func(t *testing.T) {
		for _, stream := range []bool{false, true} {
			arrived, gone := make(chan struct{}), make(chan bool, 1)
			b := newBench(t, func(c *roughbedrock.Call) {
				close(arrived)
				gone <- c.Left()
			}, once)
			conn := b.dial(t)
			send(t, conn, head(len(body(stream)))+body(stream))
			<-arrived
			if err := conn.Close(); err != nil {
				t.Fatal(err)
			}
			wait(t, gone)
			left(t, b, false)
		}
	})
}

// wait waits for the report that the upstream call was closed.
func wait(t *testing.T, gone <-chan bool) {
	t.Helper()
	select {
	case closed := <-gone:
		if !closed {
			t.Error("the upstream call stayed open")
		}
	case <-time.After(patience):
		t.Fatal("the upstream call stays open")
	}
}

// left checks the record of a call whose client disconnected.
func left(t *testing.T, b *bench, output bool) {
	t.Helper()
	lines := b.close(t)
	if len(lines) != 1 {
		t.Fatalf("%d log lines, want one: %+v", len(lines), lines)
	}
	l := lines[0]
	if l.Code != string(llm.CodeClientGone) || l.Status != 499 || !l.TokensEstimated || l.PromptTokens == 0 || (l.CompletionTokens > 0) != output {
		t.Errorf("recorded %+v, want client_gone with estimated tokens", l)
	}
}

// head returns the header of a chat completion with a body of the length, with more
// header lines.
func head(length int, more ...string) string {
	lines := append([]string{
		"POST /v1/chat/completions HTTP/1.1", "Host: gateway", "Content-Type: application/json",
		"Authorization: Bearer " + masterKey, fmt.Sprintf("Content-Length: %d", length),
	}, more...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// dial opens a raw connection to the gateway, which is closed when the test ends.
func (g *gateway) dial(t *testing.T) *net.TCPConn {
	t.Helper()
	address, err := net.ResolveTCPAddr("tcp", g.Addr())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.DialTCP("tcp", nil, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // most tests have closed it already
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func send(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
}

// receive reads an answer from a raw connection, and closes it.
func receive(t *testing.T, conn net.Conn) *seen {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("the gateway gave no answer: %v", err)
	}
	defer resp.Body.Close()
	s := &seen{}
	s.read(t, resp, nil)
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	return s
}

// TestManyStreamsCutAtOnce checks that each of many clients receives its own failure,
// each call is recorded once, and nothing stays open.
func TestManyStreamsCutAtOnce(t *testing.T) {
	const clients = 100
	all := make(chan struct{})
	begin := sync.OnceFunc(func() { close(all) })
	b := newBench(t, func(c *roughbedrock.Call) {
		if c.Number == clients {
			begin()
		}
		<-all // so that all are open at once
		c.Begin()
		c.Frames(roughbedrock.Begun()...)
		switch c.Number % 4 {
		case 0:
			c.Cut(true)
		case 1:
			c.Cut(false)
		case 2:
			c.Frames(roughbedrock.Exception("internalServerException", "The system encountered an unexpected error during processing."))
			c.End()
		default:
			c.Frames(roughbedrock.Story("end_turn")[5:]...)
			c.End()
		}
	}, once)
	answers := make([]*seen, clients)
	var asking sync.WaitGroup
	for i := range answers {
		asking.Go(func() { answers[i] = b.ask(t, streamed) })
	}
	asking.Wait()
	begin() // if not all have arrived
	failed, good := 0, 0
	for _, s := range answers {
		switch {
		case s == nil: // ask has reported why
		case s.failure != nil && !s.done && len(s.finish) == 0 && s.text == roughbedrock.BegunText():
			failed++
		case s.failure == nil && s.done && s.text == roughbedrock.Text():
			good++
		default:
			t.Errorf("seen %+v", s)
		}
	}
	if failed != 75 || good != 25 {
		t.Errorf("%d failed and %d were answered, want 75 and 25", failed, good)
	}
	ids := map[string]bool{}
	for _, l := range b.close(t) {
		ids[l.ID] = true
	}
	if len(ids) != clients {
		t.Errorf("%d calls were recorded, want %d", len(ids), clients)
	}
}

// TestASlowReaderSlowsTheUpstream checks that what a client does not read stays at
// Bedrock and not in the gateway's memory, and nothing is lost. The waiting upstream
// does not count as silent.
func TestASlowReaderSlowsTheUpstream(t *testing.T) {
	const (
		pieces   = 480
		settings = "num_retries: 0, timeout: 5, stream_timeout: 5"
		longer   = 6 * time.Second
	)
	piece := roughbedrock.Delta(strings.Repeat("lava ", 13_000)) // 65 kB, 31 MB in all
	stalled := make(chan int, 1)
	b := newBench(t, func(c *roughbedrock.Call) {
		c.Begin()
		c.Frames(roughbedrock.Start())
		chunk := fmt.Appendf(nil, "%x\r\n%s\r\n", len(piece), piece)
		sent, waiting := 0, false
		defer func() {
			if !waiting {
				stalled <- sent
			}
		}()
		for range pieces {
			rest := chunk
			for len(rest) > 0 {
				n, waited := c.SendWithin(rest, longer)
				if n == 0 && !waited {
					return
				}
				sent, rest = sent+n, rest[n:]
				if waited && !waiting {
					waiting = true
					stalled <- sent
				}
			}
		}
		c.Frames(roughbedrock.Ending("end_turn")...)
		c.End()
	}, settings)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	ctx, cancel := context.WithTimeout(t.Context(), 10*patience)
	defer cancel()
	resp := open(ctx, t, b.URL(), streamed)
	defer resp.Body.Close()
	sent := <-stalled
	runtime.GC()
	runtime.ReadMemStats(&after)
	if sent > 24<<20 { // the sockets in between hold about 8
		t.Errorf("the gateway took %d MB from the upstream for a client that reads nothing", sent>>20)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("it holds %d MB more", grown>>20)
	}
	read, err := countText(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(pieces * 13_000 * len("lava ")); read != want {
		t.Errorf("%d characters came, want %d", read, want)
	}
	if lines := b.close(t); len(lines) != 1 || lines[0].Code != "" || lines[0].CompletionTokens != 7 {
		t.Errorf("recorded %+v, want one good call", lines)
	}
}

// countText counts the characters of a stream's text if they are lava, and fails if the
// stream does not end properly.
func countText(body io.Reader) (int64, error) {
	lines := bufio.NewReaderSize(body, 1<<17)
	var n int64
	for done := false; ; {
		line, err := lines.ReadString('\n')
		switch {
		case errors.Is(err, io.EOF) && done:
			return n, nil
		case err != nil:
			return n, fmt.Errorf("the stream broke off: %w", err)
		}
		done = done || line == "data: [DONE]\n"
		n += int64(strings.Count(line, "lava ") * len("lava "))
	}
}
