package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// pace is the pause before a frame of modelPaced: long enough that each frame is read
// and has to be passed on separately.
const pace = time.Millisecond

// serveUpstream is the process that replaces Bedrock. It answers at once, with
// precomputed bytes, and uses as little processor time as possible, since it shares the
// processors with the process under test.
func serveUpstream(ctx context.Context, args []string, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("usage: bench upstream INTERVAL")
	}
	every, err := time.ParseDuration(args[0])
	if err != nil {
		return err
	}
	l, err := listen(ctx, out)
	if err != nil {
		return err
	}
	u := newUpstream(every)
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	return u.serve(l)
}

// listen opens a port and prints its address.
func listen(ctx context.Context, out io.Writer) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(out, "%shttp://%s\n", greeting, l.Addr())
	return l, err
}

// upstream answers Converse, ConverseStream, InvokeModel,
// InvokeModelWithResponseStream, OpenAI's chat completions, Anthropic's messages and
// Gemini's generateContent.
type upstream struct {
	converse, invoke, openAI, anthropic, gemini prepared

	head, eventsHead []byte // of a stream
	wg               sync.WaitGroup

	every time.Duration // between two beats of a stream of modelLong
	beat  []byte        // its chunk

	mu    sync.Mutex
	held  map[net.Conn]bool // connections with an open stream of modelHeld or modelLong
	beats int               // that have been sent
}

// prepared is the response of an API.
type prepared struct {
	whole  []byte
	chunks [][]byte // the frames of a stream, each in its HTTP chunk
}

// pathRelease is where a request releases all held streams to end. The answer has their
// number.
const pathRelease = "/release"

// pathBeats is where a request asks how many beats have been sent.
const pathBeats = "/beats"

func newUpstream(every time.Duration) *upstream {
	const common = "Date: Mon, 02 Mar 2026 09:00:00 GMT\r\nConnection: keep-alive\r\nx-amzn-RequestId: 6f1b5b5e-5d1c-4c7e-9d2e-0a4f3a1f7c11\r\n"
	u := &upstream{
		every:      every,
		beat:       chunk(frame("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"`+beatText+`"},"p":"abcdefghijklmnopqrstuvwxyz"}`)),
		held:       make(map[net.Conn]bool),
		head:       []byte("HTTP/1.1 200 OK\r\n" + common + "Content-Type: application/vnd.amazon.eventstream\r\nTransfer-Encoding: chunked\r\n\r\n"),
		eventsHead: []byte("HTTP/1.1 200 OK\r\n" + common + "Content-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"),
	}
	prepare := func(headers, whole string, frames [][]byte) (p prepared) {
		p.whole = []byte("HTTP/1.1 200 OK\r\n" + common + headers + "Content-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(whole)) + "\r\n\r\n" + whole)
		for _, f := range frames {
			p.chunks = append(p.chunks, chunk(f))
		}
		return p
	}
	u.converse = prepare("", answer, frames())
	u.invoke = prepare("X-Amzn-Bedrock-Invocation-Latency: 412\r\nX-Amzn-Bedrock-Input-Token-Count: 61\r\nX-Amzn-Bedrock-Output-Token-Count: 48\r\n", message, chunkFrames())
	u.anthropic = prepare("request-id: req_011CWAbCdEfGhIjKlMnOpQrS\r\n", message, anthropicEvents())
	u.gemini = prepare("Server: scaffolding on HTTPServer2\r\n", generated, geminiEvents())
	u.openAI = prepare("openai-processing-ms: 412\r\nx-ratelimit-remaining-requests: 9999\r\nx-ratelimit-remaining-tokens: 149999\r\n", completion, openAIEvents())
	return u
}

// chunk is a frame in its HTTP chunk.
func chunk(frame []byte) []byte {
	return append(fmt.Appendf(nil, "%x\r\n%s", len(frame), frame), "\r\n"...)
}

// serve answers on connections from l until it is closed, and returns after the last of
// them.
func (u *upstream) serve(l net.Listener) error {
	defer u.wg.Wait()
	for {
		conn, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			return err
		}
		u.wg.Go(func() {
			defer conn.Close()
			u.answer(conn)
		})
	}
}

// answer answers the requests of one connection until it ends.
func (u *upstream) answer(conn net.Conn) {
	in := bufio.NewReaderSize(conn, 4<<10)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		openAI, anthropic := strings.HasSuffix(r.URL.Path, "/chat/completions"), strings.HasSuffix(r.URL.Path, "/messages")
		streamed := strings.HasSuffix(r.URL.Path, "-stream") || strings.HasSuffix(r.URL.Path, ":streamGenerateContent")
		if openAI || anthropic {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			streamed = bytes.Contains(body, []byte(`"stream":true`))
		} else if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		of, head := &u.converse, u.head
		switch {
		case openAI:
			of, head = &u.openAI, u.eventsHead
		case anthropic:
			of, head = &u.anthropic, u.eventsHead
		case strings.Contains(r.URL.Path, "enerateContent"):
			of, head = &u.gemini, u.eventsHead
		case strings.Contains(r.URL.Path, "/invoke"):
			of = &u.invoke
		}
		switch {
		case r.URL.Path == pathRelease:
			err = writeNumber(conn, u.release())
		case r.URL.Path == pathBeats:
			err = writeNumber(conn, u.sentBeats())
		case streamed:
			err = u.stream(conn, in, r.URL.Path, head, of.chunks)
		default:
			_, err = conn.Write(of.whole)
		}
		if err != nil {
			return
		}
	}
}

// writeNumber answers with a number.
func writeNumber(conn net.Conn, n int) error {
	text := strconv.Itoa(n)
	_, err := fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
	return err
}

// stream writes each frame separately.
func (u *upstream) stream(conn net.Conn, in *bufio.Reader, path string, head []byte, chunks [][]byte) error {
	paced, held := strings.Contains(path, modelPaced) || strings.Contains(path, claudePaced) || strings.Contains(path, "-paced/"), strings.Contains(path, modelHeld)
	long := strings.Contains(path, modelLong)
	if held || long { // before the client can know that it is open
		u.mu.Lock()
		u.held[conn] = true
		u.mu.Unlock()
	}
	if _, err := conn.Write(head); err != nil {
		return err
	}
	for i, c := range chunks {
		if i == 2 && (held || long) {
			if err := u.hold(conn, in, long); err != nil {
				return err
			}
		}
		if i >= 2 && paced {
			time.Sleep(pace)
		}
		if _, err := conn.Write(c); err != nil {
			return err
		}
	}
	_, err := io.WriteString(conn, "0\r\n\r\n")
	return err
}

// hold waits until the stream is released by an expired deadline, with beats if it is a
// long one. It fails if the client disconnects.
func (u *upstream) hold(conn net.Conn, in *bufio.Reader, long bool) error {
	for {
		if long && !u.until(conn, time.Now().Add(u.every)) {
			return conn.SetReadDeadline(time.Time{})
		}
		_, err := in.ReadByte()
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			u.mu.Lock()
			delete(u.held, conn)
			u.mu.Unlock()
			return errors.Join(err, net.ErrClosed) // the client may send nothing else
		}
		if !long || !u.count(conn) {
			return conn.SetReadDeadline(time.Time{})
		}
		if _, err := conn.Write(u.beat); err != nil {
			return err
		}
	}
}

// until sets when a stream is due for its next beat. It reports whether the stream is held still.
func (u *upstream) until(conn net.Conn, due time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.held[conn] && conn.SetReadDeadline(due) == nil
}

// count counts a beat, unless the stream has been released. It reports whether it is held still.
func (u *upstream) count(conn net.Conn) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.held[conn] {
		u.beats++
	}
	return u.held[conn]
}

// sentBeats returns how many beats have been sent.
func (u *upstream) sentBeats() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.beats
}

// release releases the held streams, and returns their number.
func (u *upstream) release() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	released := 0
	for conn := range u.held {
		if conn.SetReadDeadline(time.Unix(1, 0)) == nil { // otherwise it has been closed
			released++
		}
	}
	clear(u.held)
	return released
}
