package http1

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"outcrop/internal/second"
)

// TestUnreadResponse: a stream whose client does not read blocks, holds none of the shared buffers
// meanwhile, and goes on where it stopped. The client gets every byte.
func TestUnreadResponse(t *testing.T) {
	const pieces, size = 400, 40 << 10
	stuck := make(chan int, pieces)
	_, l := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		b := bytes.Repeat([]byte("0123456789abcdef"), size/16)
		c := w.(*response).conn
		written := 0
		c.out.try = func(fd uintptr) bool {
			done := c.out.writeNow(fd)
			if !done {
				if c.head != nil || c.out.piece != nil || c.out.joint != nil || c.current.hold != nil || cap(c.out.parts[0]) > 1<<10 {
					t.Error("a stuck stream holds a shared buffer")
				}
				stuck <- written
			}
			return done
		}
		for i := range pieces {
			b[0] = byte('a' + i%26)
			n := size
			if i%2 == 1 {
				n = 100 // small pieces are copied, and the copy must not stay
			}
			if _, err := w.Write(b[:n]); err != nil {
				t.Error(err)
			}
			w.(http.Flusher).Flush()
			written++
		}
	}, nil)
	conn := ask(t, l, get("/"))
	if n := within(t, "the stream is stuck", stuck); n == 0 || n == pieces {
		t.Errorf("stuck after %d pieces", n)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for i := range pieces {
		n := size
		if i%2 == 1 {
			n = 100
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(resp.Body, b); err != nil {
			t.Fatal(i, err)
		}
		if want := strings.Repeat("0123456789abcdef", n/16+1)[1:n]; b[0] != byte('a'+i%26) || string(b[1:]) != want {
			t.Fatalf("piece %d is damaged", i)
		}
	}
	if n, err := resp.Body.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Error(n, err)
	}
}

// TestWriteDeadline: a write that takes too long fails, its connection is closed, and the request's
// context ends.
func TestWriteDeadline(t *testing.T) {
	result := make(chan error, 1)
	_, l := serve(t, func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		if err := control.SetWriteDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
			t.Error(err)
		}
		_, err := w.Write(make([]byte, 64<<20))
		_, again := w.Write([]byte("x"))
		flush := control.Flush()
		if again == nil && flush == nil || r.Context().Err() == nil {
			t.Error(again, flush, r.Context().Err())
		}
		result <- err
	}, nil)
	conn := ask(t, l, get("/"))
	if err := within(t, "writing ends", result); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	ends(t, conn)
}

// TestWriteDeadlineEndsWithTheRequest: one that a handler leaves does not apply to the next response.
func TestWriteDeadlineEndsWithTheRequest(t *testing.T) {
	_, l := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.URL.Path)
		if r.URL.Path == "/first" {
			http.NewResponseController(w).Flush()
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Hour))
		}
	}, nil)
	if got := ends(t, ask(t, l, get("/first")+get("/second", "Connection: close"))); !strings.HasSuffix(got, "/second") {
		t.Errorf("got %q", got)
	}
}

// TestReadDeadline: a handler's deadline applies to a read that waits, also if it is set meanwhile,
// and not to reading the next request.
func TestReadDeadline(t *testing.T) {
	result := make(chan error, 1)
	_, l := serve(t, func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		go func() {
			c := w.(*response).conn
			for reading := false; !reading; {
				c.mu.Lock()
				reading = c.reading
				c.mu.Unlock()
			}
			if err := control.SetReadDeadline(time.Unix(1, 0)); err != nil {
				t.Error(err)
			}
		}()
		_, err := io.ReadAll(r.Body)
		result <- err
	}, nil)
	conn := ask(t, l, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n")
	if err := within(t, "reading ends", result); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	ends(t, conn)
}

// TestAfterTheHandler: a ResponseWriter that a handler has left to others writes nothing into the
// next response.
func TestAfterTheHandler(t *testing.T) {
	var first http.ResponseWriter
	_, l := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if first == nil {
			first = w
			return
		}
		w.Header().Set("X-Second", "1")
		control := http.NewResponseController(first)
		_, err := io.WriteString(first, "late")
		first.WriteHeader(http.StatusTeapot)
		for _, err := range []error{err, control.Flush(), control.SetReadDeadline(time.Unix(1, 0)), control.SetWriteDeadline(time.Unix(1, 0))} {
			if err == nil {
				t.Error("no error")
			}
		}
		_, _ = io.WriteString(w, "second")
	}, nil)
	got := ends(t, ask(t, l, get("/")+get("/", "Connection: close")))
	if strings.Contains(got, "late") || strings.Contains(got, "418") || !strings.HasSuffix(got, "second") {
		t.Errorf("got %q", got)
	}
}

// TestOneSystemCall: a whole response is one write, and so is each piece of a stream.
func TestOneSystemCall(t *testing.T) {
	for name, tt := range map[string]struct {
		answer func(w http.ResponseWriter)
		writes int64
	}{
		"nothing":      {func(http.ResponseWriter) {}, 1},
		"a status":     {func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) }, 1},
		"a short body": {func(w http.ResponseWriter) { _, _ = w.Write(make([]byte, 100)) }, 1},
		"a declared body": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "9000")
			_, _ = w.Write(make([]byte, 9000))
		}, 1},
		"a large body": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "90000")
			_, _ = w.Write(make([]byte, 90000))
		}, 2},
		"written in parts": {func(w http.ResponseWriter) { _, _ = w.Write(make([]byte, 1000)); _, _ = w.Write(make([]byte, 1000)) }, 1},
		"a stream": {func(w http.ResponseWriter) {
			for _, size := range []int{10, 100, 5000, 16000} { // and the end
				_, _ = w.Write(make([]byte, size))
				w.(http.Flusher).Flush()
			}
		}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			var writes int64
			count := make(chan int64, 1)
			_, l := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/count" {
					count <- writes
					return
				}
				c := w.(*response).conn
				c.out.try = func(fd uintptr) bool {
					for {
						done, again := c.out.writeOnce(fd)
						if done || again {
							return done
						}
						writes++
					}
				}
				tt.answer(w)
			}, nil)
			ends(t, ask(t, l, get("/")+get("/count", "Connection: close")))
			if got := within(t, "the second request", count); got != tt.writes {
				t.Errorf("%d writes, want %d", got, tt.writes)
			}
		})
	}
}

// TestDates: the responses of a second share their date, and others do not.
func TestDates(t *testing.T) {
	var d second.Of[string]
	then := time.Date(2026, 11, 30, 23, 59, 59, 999, time.FixedZone("", 3600))
	for after, want := range map[time.Duration]string{
		0:               "Date: Mon, 30 Nov 2026 22:59:59 GMT\r\n",
		time.Second / 2: "Date: Mon, 30 Nov 2026 22:59:59 GMT\r\n",
		time.Second:     "Date: Mon, 30 Nov 2026 23:00:00 GMT\r\n",
	} {
		if got := d.At(then.Add(after), dateField); got != want {
			t.Errorf("after %v: %q, want %q", after, got, want)
		}
	}
}

// TestTargets: each request has a URL of its own, whatever the handler of the one before has done to its own.
func TestTargets(t *testing.T) {
	var got []string
	_, l := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		got = append(got, r.URL.String()+" "+r.URL.RawPath+" "+r.RequestURI)
		r.URL.Path, r.URL.RawQuery = "/changed", ""
	}, nil)
	long := "/" + strings.Repeat("a", 2*maxKeptTarget)
	targets := []string{"/a%2fb?x=1", "/a%2fb?x=1", "/a", "/a?", "/a?", long, long, "http://other/a", "http://other/a", "/a"}
	text := ""
	for _, target := range targets {
		text += "GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n"
	}
	conn := dial(t, l)
	defer conn.Close()
	if _, err := io.WriteString(conn, text+lastRequest); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(conn); err != nil {
		t.Fatal(err)
	}
	for i, target := range targets {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			t.Fatal(err)
		}
		if want := u.String() + " " + u.RawPath + " " + target; got[i] != want {
			t.Errorf("%d: %q, want %q", i, got[i], want)
		}
	}
}
