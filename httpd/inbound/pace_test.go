package inbound

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose connections are pipes, which wait on the clock of a
// synctest bubble.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// serve answers one request over a pipe with h, and gives the client's end with
// the request sent.
func serve(t *testing.T, h http.HandlerFunc) (client net.Conn, stop func()) {
	t.Helper()
	l := &pipes{conns: make(chan net.Conn, 1), done: make(chan struct{})}
	server := &http.Server{Handler: h}
	go func() { _ = server.Serve(l) }()
	client, other := net.Pipe()
	l.conns <- other
	if _, err := io.WriteString(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	return client, func() {
		client.Close()
		server.Close()
	}
}

// A client that reads nothing is let go after writeTimeout; one that reads slowly
// is waited for, for five times as long.
func TestPatienceWithSlowReaders(t *testing.T) {
	const size = 10 * largeAnswer
	write := map[string]func(w http.ResponseWriter) error{
		"whole": func(w http.ResponseWriter) error {
			w.Header().Set("Content-Length", strconv.Itoa(size))
			WriteWhole(w, make([]byte, size))
			return nil
		},
		"events": func(w http.ResponseWriter) error {
			e := NewEvents(w, ": ping\n\n", time.Hour)
			defer e.Close()
			for range 10 {
				if err := e.Write(make([]byte, largeAnswer), false); err != nil {
					return err
				}
			}
			return nil
		},
	}
	for name, answer := range write {
		t.Run(name+" to a client that reads nothing", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				took := make(chan time.Duration, 1)
				_, stop := serve(t, func(w http.ResponseWriter, _ *http.Request) {
					began := time.Now()
					_ = answer(w)
					took <- time.Since(began)
				})
				if d := <-took; d != writeTimeout {
					t.Errorf("the wait was %v, want %v", d, writeTimeout)
				}
				stop()
				synctest.Wait()
			})
		})
		t.Run(name+" to a client that reads slowly", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var failed error
				client, stop := serve(t, func(w http.ResponseWriter, _ *http.Request) { failed = answer(w) })
				resp, err := http.ReadResponse(bufio.NewReaderSize(client, 16), nil)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				got, piece := 0, make([]byte, largeAnswer/2)
				for got < size {
					time.Sleep(writeTimeout / 4) // the bubble's clock
					n, err := io.ReadFull(resp.Body, piece[:min(len(piece), size-got)])
					if got += n; err != nil {
						t.Fatalf("after %d of %d bytes: %v", got, size, err)
					}
				}
				stop()
				synctest.Wait()
				if failed != nil {
					t.Error(failed)
				}
			})
		})
	}
}

// A client that reads nothing is given up after sharedPatience if others want what it gets, whenever they come, and they get the rest at once.
func TestOthersDoNotWaitForAClientThatReadsNothing(t *testing.T) {
	const never = 1000 * time.Hour
	for name, tt := range map[string]struct {
		come, took time.Duration
		fails      bool
	}{
		"others from the beginning": {0, sharedPatience, false},
		"others that come later":    {time.Minute, time.Minute, false},
		"nobody":                    {never, writeTimeout, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				type result struct {
					took     time.Duration
					recorded int
					err      error
				}
				results := make(chan result, 1)
				client, stop := serve(t, func(w http.ResponseWriter, _ *http.Request) {
					var r result
					var mu sync.Mutex
					began := time.Now()
					e := NewEvents(w, ": ping\n\n", time.Hour)
					defer e.Close()
					e.Record(func(p []byte) bool {
						mu.Lock()
						defer mu.Unlock()
						r.recorded += len(p)
						return time.Since(began) >= tt.come
					})
					for range 10 {
						if r.err = e.Write(make([]byte, largeAnswer), false); r.err != nil {
							break
						}
					}
					r.took = time.Since(began)
					results <- r
				})
				r := <-results
				if r.took != tt.took || (r.err != nil) != tt.fails || !tt.fails && r.recorded != 10*largeAnswer {
					t.Errorf("%+v; want %v", r, tt.took)
				}
				synctest.Wait()
				if got, err := io.ReadAll(client); err != nil || bytes.HasSuffix(got, []byte("0\r\n\r\n")) {
					t.Errorf("the client takes %d bytes for the whole, %v", len(got), err)
				}
				stop()
				synctest.Wait()
			})
		})
	}
}

// The deadline of one answer does not hold for the next on the same connection.
func TestDeadlineEndsWithItsAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, stop := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			WriteWhole(w, make([]byte, 2*largeAnswer))
		})
		r := bufio.NewReader(client)
		for i := range 2 {
			if i > 0 {
				time.Sleep(2 * writeTimeout) // the bubble's clock
				if _, err := io.WriteString(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
					t.Fatal(err)
				}
			}
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			n, err := io.Copy(io.Discard, resp.Body)
			if err != nil || n != 2*largeAnswer {
				t.Fatalf("answer %d: %d bytes, %v", i, n, err)
			}
			resp.Body.Close()
		}
		stop()
		synctest.Wait()
	})
}

// A comment that is due while a client does not read waits for nobody: it would keep a
// goroutine for each such stream.
func TestCommentsDoNotWaitForSlowReaders(t *testing.T) {
	e := NewEvents(httptest.NewRecorder(), ": ping\n\n", time.Hour)
	defer e.Close()
	e.mu.Lock() // as Write does while the client does not read
	defer e.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.silent()
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Error("the comment waits")
	}
}
