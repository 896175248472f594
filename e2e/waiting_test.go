package e2e

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"outcrop/e2e/roughbedrock"
)

// startSilent runs an upstream that answers each call with the beginning of a stream, and then says nothing until the test ends. It has one
// goroutine and holds nothing but the connections, so that a test can measure what the gateway holds.
func startSilent(t *testing.T) (address string) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	chunk := func(frame []byte) string { return fmt.Sprintf("%x\r\n%s\r\n", len(frame), frame) }
	beginning := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(roughbedrock.Start()) + chunk(roughbedrock.Delta("Granite")))
	var calls sync.WaitGroup
	calls.Go(func() {
		var open []net.Conn
		defer func() {
			for _, conn := range open {
				_ = conn.Close()
			}
		}()
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			open = append(open, conn)
			if (*endless)(nil).asked(conn) {
				_, _ = conn.Write(beginning)
			}
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		calls.Wait()
	})
	return l.Addr().String()
}

// TestWaitingStreamsHoldLittle: a stream that waits for its next event holds no buffer, no header and a stack of 4 KB, whatever its
// request has needed.
func TestWaitingStreamsHoldLittle(t *testing.T) {
	const (
		streams  = 200
		mostHeap = 15 << 10 // bytes of a stream, with four ends of connections, and what routing, callbacks and guardrails keep of its call
	)
	mostAll := int64(19 << 10) // and with its stack
	if underRace {
		mostAll = 28 << 10
	}
	g := startGateway(t, strings.ReplaceAll(roughConfig, "SETTINGS", "num_retries: 0, timeout: 600"), "http://"+startSilent(t))
	body := `{"model":"granite","stream":true,"messages":[{"role":"user","content":"Is granite a rock? ` + strings.Repeat("Why? ", 200) + `"}]}`
	piece := make([]byte, 4<<10)
	open := func(n int) (conns []net.Conn) {
		for range n {
			conn := g.dial(t)
			send(t, conn, head(len(body))+body)
			for got := []byte(nil); !bytes.Contains(got, []byte("Granite")); {
				n, err := conn.Read(piece)
				if err != nil {
					t.Fatalf("%v after %q", err, got)
				}
				got = append(got, piece[:n]...)
			}
			conns = append(conns, conn)
		}
		return conns
	}
	holdLittle(t, g, open, nil, streams, mostHeap, mostAll)
}
