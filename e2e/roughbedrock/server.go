// Package roughbedrock is a Bedrock runtime on raw sockets that answers exactly
// according to a test's script: byte by byte, out of order, wrong, late, or not at all.
// It writes raw bytes, so that it can send what no HTTP server would. It validates
// nothing; the emulator does.
package roughbedrock

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// RequestID is the x-amzn-RequestId of every answer.
const RequestID = "4f5b1c7e-0a51-4f7a-9d0e-6a0c1f2b3d4e"

// Script answers one call. It runs in the connection's goroutine. The connection
// serves the next call when it returns, unless it was closed or broke.
type Script func(*Call)

// Server is a Bedrock that answers according to a script. Close stops it.
type Server struct {
	listener net.Listener
	script   Script
	watch    []func(*http.Request, []byte)
	done     sync.WaitGroup

	mu     sync.Mutex
	calls  int
	closed bool
	conns  map[*net.TCPConn]struct{}
}

// Listen serves on a free local port. Each watch is called with every call of a model
// and its body before the script answers; it may be called concurrently.
func Listen(script Script, watch ...func(*http.Request, []byte)) (*Server, error) {
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	s := &Server{listener: listener, script: script, watch: watch, conns: map[*net.TCPConn]struct{}{}}
	s.done.Go(func() {
		for {
			conn, err := listener.AcceptTCP()
			if err != nil {
				return
			}
			if s.keep(conn) {
				s.done.Go(func() { s.serve(conn) })
			}
		}
	})
	return s, nil
}

// URL returns the server's base URL.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Calls returns how many calls of a model have arrived.
func (s *Server) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// Close stops the server, closes all connections, and waits for its goroutines. It
// wakes a script that waits for its client.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	_ = s.listener.Close() // its error does not matter here
	for conn := range s.conns {
		_ = conn.Close()
	}
	s.mu.Unlock()
	s.done.Wait()
}

// keep registers a connection; if the server is closed, it closes the connection and
// returns false.
func (s *Server) keep(conn *net.TCPConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = conn.Close()
		return false
	}
	s.conns[conn] = struct{}{}
	return true
}

func (s *Server) serve(conn *net.TCPConn) {
	defer func() {
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
		_ = conn.Close()
	}()
	in := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		if !strings.HasPrefix(req.URL.Path, "/model/") { // a health check of the host
			if _, err := io.WriteString(conn, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"); err != nil {
				return
			}
			continue
		}
		for _, watch := range s.watch {
			watch(req, body)
		}
		c := &Call{conn: conn, in: in, Body: string(body), Stream: strings.HasSuffix(req.URL.Path, "/converse-stream")}
		s.mu.Lock()
		s.calls++
		c.Number = s.calls
		s.mu.Unlock()
		s.script(c)
		if c.err != nil || c.closed {
			return
		}
	}
}

// Call is a call of a model. After a failed write, further writes do nothing.
type Call struct {
	conn   *net.TCPConn
	in     *bufio.Reader
	err    error // of a write
	closed bool

	// Number counts the server's calls from 1.
	Number int
	// Stream reports whether the call is of ConverseStream rather than Converse.
	Stream bool
	Body   string
}

// Send writes raw bytes; false if they could not be written.
func (c *Call) Send(raw []byte) bool {
	if c.err == nil {
		_, c.err = c.conn.Write(raw)
	}
	return c.err == nil
}

// SendWithin is like Send with a time limit; it drops what is not written by then, and
// reports that in waited. The connection remains usable.
func (c *Call) SendWithin(raw []byte, bound time.Duration) (n int, waited bool) {
	if c.err != nil {
		return 0, false
	}
	c.err = c.conn.SetWriteDeadline(time.Now().Add(bound))
	if c.err != nil {
		return 0, false
	}
	n, err := c.conn.Write(raw)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.err = c.conn.SetWriteDeadline(time.Time{})
		return n, true
	}
	c.err = err
	return n, false
}

// Answer writes a complete answer. A negative length means the body's own. Headers are
// complete lines, such as "Retry-After: 7".
func (c *Call) Answer(status int, mediaType, body string, length int, headers ...string) {
	if length < 0 {
		length = len(body)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.1 %d X\r\nContent-Type: %s\r\nContent-Length: %d\r\nx-amzn-RequestId: %s\r\n", status, mediaType, length, RequestID)
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	c.Send([]byte(b.String() + "\r\n" + body))
}

// Refuse answers with one of AWS's errors, such as 429 ThrottlingException. key is the
// member of the body with the message: message, or Message for the authorization layer.
func (c *Call) Refuse(status int, kind, key, message string, headers ...string) {
	headers = append(headers, "x-amzn-ErrorType: "+kind+":http://internal.amazon.com/coral/com.amazon.bedrock/")
	c.Answer(status, "application/json", fmt.Sprintf("{%q:%q}", key, message), -1, headers...)
}

// Complete answers successfully, with Text and the stop reason.
func (c *Call) Complete(reason string) {
	if c.Stream {
		c.Begin()
		c.Frames(Story(reason)...)
		c.End()
		return
	}
	c.Answer(http.StatusOK, "application/json", fmt.Sprintf(
		`{"metrics":{"latencyMs":300},"output":{"message":{"content":[{"text":%q}],"role":"assistant"}},"stopReason":%q,"usage":{"inputTokens":9,"outputTokens":7,"totalTokens":16}}`,
		Text(), reason), -1)
}

// Begin writes the header of a stream.
func (c *Call) Begin() {
	c.Send([]byte("HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\nTransfer-Encoding: chunked\r\nx-amzn-RequestId: " + RequestID + "\r\n\r\n"))
}

// Frames writes pieces of a stream's body, each in its own chunk and segment; false if
// they could not be written.
func (c *Call) Frames(pieces ...[]byte) bool {
	for _, p := range pieces {
		c.Send(fmt.Appendf(nil, "%x\r\n%s\r\n", len(p), p))
	}
	return c.err == nil
}

// End ends a stream's body properly.
func (c *Call) End() { c.Send([]byte("0\r\n\r\n")) }

// Cut closes the connection: properly (FIN), or by a reset.
func (c *Call) Cut(reset bool) {
	c.closed = true
	if reset {
		_ = c.conn.SetLinger(0) // if it fails, the client sees a FIN, and the test reports it
	}
	_ = c.conn.Close()
}

// Left waits until the client has closed the connection; false if the server stops
// before. A caller must wait for the result before it stops the server: a client may
// have given up, and reported that, a moment before its connection is closed.
func (c *Call) Left() bool {
	c.closed = true
	_, err := io.Copy(io.Discard, c.in)
	return !errors.Is(err, net.ErrClosed) // any other error is the client's
}
