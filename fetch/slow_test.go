package fetch

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"outcrop/llm"
)

// scripted is a client whose connections all lead to one function, without a
// network, for tests with a clock of their own.
func scripted(t *testing.T, timeout time.Duration, server func(net.Conn)) *Client {
	t.Helper()
	var servers sync.WaitGroup
	t.Cleanup(servers.Wait)
	c := New(Options{Timeout: timeout, Lookup: func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("93.184.215.14")}, nil
	}})
	c.dial = func(context.Context, string, netip.AddrPort) (net.Conn, error) {
		near, far := net.Pipe()
		servers.Go(func() {
			defer far.Close()
			server(far)
		})
		return near, nil
	}
	return c
}

func readRequest(c net.Conn) (text string) {
	buf := make([]byte, 4096)
	for !strings.Contains(text, "\r\n\r\n") {
		n, err := c.Read(buf)
		if err != nil {
			return text
		}
		text += string(buf[:n])
	}
	return text
}

func TestSlowServersAreLeft(t *testing.T) {
	const header = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
	drip := func(c net.Conn, text string, every time.Duration) {
		for _, b := range []byte(text) {
			if _, err := c.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(every)
		}
	}
	tests := []struct {
		name   string
		server func(net.Conn)
		says   string
		after  time.Duration
	}{
		{"silent from the start", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, "was silent for 10s", 10 * time.Second},
		{"a header in drops", func(c net.Conn) { readRequest(c); drip(c, header, 9*time.Second) }, "was silent for 10s", 10 * time.Second},
		{"silent behind the header", func(c net.Conn) { readRequest(c); _, _ = io.WriteString(c, header+png); _, _ = io.Copy(io.Discard, c) }, "was silent for 10s", 10 * time.Second},
		{"a body in drops", func(c net.Conn) {
			readRequest(c)
			_, _ = io.WriteString(c, header+png)
			drip(c, strings.Repeat("x", 1000), 9*time.Second)
		}, "did not come within 30s", 30 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, start := scripted(t, 0, tt.server), time.Now()
				e := refusal(t, c, "http://files.test/a?sig=secret")
				if e.Code != llm.CodeMedia || e.CanRetry() != llm.RetryLater || !strings.Contains(e.Message, tt.says) || time.Since(start) != tt.after {
					t.Errorf("after %v: %v", time.Since(start), e)
				}
			})
		})
	}
}

func TestFetchingIsBoundedInARequestAndInTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open, most atomic.Int64
		release := make(chan struct{})
		c := scripted(t, 0, func(c net.Conn) {
			most.Store(max(most.Load(), open.Add(1)))
			defer open.Add(-1)
			readRequest(c)
			<-release
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n"+png)
		})
		var wg sync.WaitGroup
		request := func(i int) {
			wg.Go(func() {
				uris := make([]string, 20)
				for j := range uris {
					uris[j] = fmt.Sprintf("http://files.test/%d/%d", i, j)
				}
				if _, err := c.Inline(t.Context(), imageAt(uris...)); err != nil {
					t.Error(err)
				}
			})
		}
		request(0)
		synctest.Wait()
		if open.Load() != perRequest {
			t.Errorf("%d open for one request", open.Load())
		}
		for i := range 9 {
			request(i + 1)
		}
		synctest.Wait()
		if open.Load() != perProcess {
			t.Errorf("%d open for ten requests", open.Load())
		}
		close(release)
		wg.Wait()
		if most.Load() != perProcess || len(c.slots) != 0 {
			t.Errorf("%d at most, %d slots are taken", most.Load(), len(c.slots))
		}
	})
}

func TestWaitingForASlotCountsForTheTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := scripted(t, 5*time.Second, func(net.Conn) { t.Error("connected") })
		for range perProcess {
			c.slots <- struct{}{}
		}
		if e := refusal(t, c, "http://files.test/a"); e.Code != llm.CodeMedia || !strings.Contains(e.Message, "did not come within 5s") {
			t.Errorf("got %v", e)
		}
	})
}

func TestTheFirstFailureEndsTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, start := scripted(t, 0, func(c net.Conn) {
			if strings.HasPrefix(readRequest(c), "GET /bad ") {
				_, _ = io.WriteString(c, "HTTP/1.1 404 Not Found\r\n\r\n")
				return
			}
			_, _ = io.Copy(io.Discard, c)
		}), time.Now()
		_, err := c.Inline(t.Context(), imageAt("http://files.test/silent", "http://files.test/bad"))
		e := llm.AsError(err)
		if e.Param != "messages[0].content[1].image_url.url" || !strings.Contains(e.Message, "404") || time.Since(start) > 0 {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}
