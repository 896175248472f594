package e2e

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"outcrop/e2e/roughbedrock"
)

// endless answers every call with frames of 4 KB for as long as they are read. It holds almost
// nothing for a call, so that a test can measure what the gateway holds.
type endless struct {
	listener net.Listener
	calls    sync.WaitGroup
	begun    atomic.Int64
	sent     atomic.Int64
}

func startEndless(t *testing.T) *endless {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &endless{listener: l}
	chunk := func(frame []byte) string { return fmt.Sprintf("%x\r\n%s\r\n", len(frame), frame) }
	first := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(roughbedrock.Start()))
	delta := []byte(chunk(roughbedrock.Delta(strings.Repeat("lorem ip", 500))))
	e.calls.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			e.calls.Go(func() {
				if e.asked(conn) {
					e.calls.Go(func() { e.answer(conn, first, delta) }) // on a stack that reading the request has not enlarged
					return
				}
				_ = conn.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		e.calls.Wait()
	})
	return e
}

func (e *endless) answer(conn net.Conn, first, delta []byte) {
	defer conn.Close()
	e.begun.Add(1)
	for piece := first; ; piece = delta {
		n, err := conn.Write(piece)
		e.sent.Add(int64(n))
		if err != nil {
			return
		}
	}
}

// asked reads a request's header; its buffer becomes garbage afterwards.
func (*endless) asked(conn net.Conn) bool {
	_, err := http.ReadRequest(bufio.NewReaderSize(conn, 1<<10))
	return err == nil
}

// settled reports whether n calls have begun, and no reads were made for a while. On a busy machine
// some may still continue.
func (e *endless) settled(n int64) func() bool {
	last, same := int64(-1), 0
	return func() bool {
		sent := e.sent.Load()
		if sent != last {
			last, same = sent, 0
		}
		same++
		return e.begun.Load() == n && same > 20
	}
}

// TestUnreadStreamsHoldLittle: a stream whose client reads nothing holds one event as it is
// written, and what is known of the call; neither the frame that it came in nor the text that
// came before, no buffers of the server's, and one goroutine with a small stack.
func TestUnreadStreamsHoldLittle(t *testing.T) {
	const (
		streams  = 100
		mostHeap = 26 << 10 // bytes of a stream, with its client's and upstream's ends, and what routing, callbacks and guardrails keep of its call
	)
	mostAll := int64(37 << 10) // and with the stacks of all goroutines
	if underRace {
		mostAll = 58 << 10
	}
	upstream := startEndless(t)
	g := startGateway(t, strings.ReplaceAll(roughConfig, "SETTINGS", "num_retries: 0, timeout: 600"), "http://"+upstream.listener.Addr().String())
	const body = `{"model":"granite","stream":true,"messages":[{"role":"user","content":"Is granite a rock?"}]}`
	open := func(n int) (conns []net.Conn) {
		for range n {
			conn := g.dial(t)
			send(t, conn, head(len(body))+body)
			conns = append(conns, conn)
		}
		return conns
	}
	holdLittle(t, g, open, upstream.settled, streams, mostHeap, mostAll)
}

// holdLittle opens streams and checks how many bytes of heap each of them holds, and how many with the stacks of all goroutines. Where settled is
// not nil, its result says when so many streams are stuck.
func holdLittle(t *testing.T, g *gateway, open func(n int) []net.Conn, settled func(n int64) func() bool, streams, mostHeap, mostAll int64) {
	t.Helper()
	stuck := func(what string, n int64) {
		if settled != nil {
			eventually(t, what, settled(n))
		}
	}
	conns := open(1) // one-time allocations are done
	stuck("the first stream is stuck", 1)
	heap, all := inUse()
	conns = append(conns, open(int(streams))...)
	stuck("all streams are stuck", 1+streams)
	var each, eachAll int64
	defer func() { t.Logf("a stream holds %d bytes of heap, %d with stacks", each, eachAll) }()
	eventually(t, "streams hold little", func() bool { // those that have just begun, or still continue, produce garbage
		heapThen, allThen := inUse()
		each, eachAll = (heapThen-heap)/streams, (allThen-all)/streams
		return each <= mostHeap && eachAll <= mostAll
	})
	for _, conn := range conns {
		_ = conn.Close()
	}
	eventually(t, "all calls have ended", func() bool { return g.Client().Pipeline().Open() == 0 })
}

// inUse returns the live bytes on the heap, and those with the stacks.
func inUse() (heap, all int64) {
	for range 3 { // pools keep their contents for two collections
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc), int64(m.HeapAlloc + m.StackInuse)
}
