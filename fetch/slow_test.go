package fetch

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"outcrop/llm"
)

// scripted is a client whose connections all lead to one function, without a
// network, for tests with a clock of their own.
func scripted(t *testing.T, opt Options, server func(net.Conn)) *Client {
	t.Helper()
	var servers sync.WaitGroup
	t.Cleanup(servers.Wait)
	opt.Lookup = func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("93.184.215.14")}, nil
	}
	c := New(opt)
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
		}, "arrives slower than 32 KiB a second", 10 * time.Second},
		{"a body that is slow on average", func(c net.Conn) {
			readRequest(c)
			_, _ = io.WriteString(c, strings.ReplaceAll(header, "100000", "10000000")+png+strings.Repeat("x", 64<<10))
			for {
				time.Sleep(time.Second)
				if _, err := io.WriteString(c, strings.Repeat("x", 16<<10)); err != nil {
					return
				}
			}
		}, "arrives slower than 32 KiB a second", 23 * time.Second},
		{"a body that is large and no slower than it may be", func(c net.Conn) {
			readRequest(c)
			_, _ = io.WriteString(c, strings.ReplaceAll(header, "100000", "10000000")+png)
			for {
				if _, err := io.WriteString(c, strings.Repeat("x", 32<<10)); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}, "did not arrive within 30s", 30 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, start := scripted(t, Options{}, tt.server), time.Now()
				e := refusal(t, c, "http://files.test/a?sig=secret")
				if e.Code != llm.CodeMedia || e.CanRetry() != llm.RetryLater || !strings.Contains(e.Message, tt.says) || time.Since(start).Truncate(time.Second) != tt.after {
					t.Errorf("after %v: %v", time.Since(start), e)
				}
			})
		})
	}
}

// blocked is a client whose server answers when it is let, what it has open by path,
// and what lets it answer one path, or all that come.
func blocked(t *testing.T, opt Options) (c *Client, open func() []string, answer func(path string)) {
	t.Helper()
	var mu sync.Mutex
	waiting := map[string]chan struct{}{}
	c = scripted(t, opt, func(conn net.Conn) {
		_, path, _ := strings.Cut(readRequest(conn), " ")
		path, _, _ = strings.Cut(path, " ")
		mu.Lock()
		ready := make(chan struct{})
		waiting[path] = ready
		mu.Unlock()
		gone := make(chan struct{})
		go func() { // the other side leaves
			_, _ = io.Copy(io.Discard, conn)
			close(gone)
		}()
		select {
		case <-ready:
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n"+png)
		case <-gone:
		}
		mu.Lock()
		delete(waiting, path)
		mu.Unlock()
		_ = conn.Close()
		<-gone
	})
	open = func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Sorted(maps.Keys(waiting))
	}
	answer = func(path string) {
		mu.Lock()
		defer mu.Unlock()
		close(waiting[path])
	}
	return c, open, answer
}

// addresses are of images, each of another host where hosts says so.
func addresses(name string, n int, hosts bool) (uris []string) {
	for i := range n {
		host := "files.test"
		if hosts {
			host = fmt.Sprintf("%s-%d.test", name, i)
		}
		uris = append(uris, fmt.Sprintf("http://%s/%s/%d", host, name, i))
	}
	return uris
}

func TestNobodyHoldsAllPlaces(t *testing.T) {
	tests := []struct {
		name     string
		requests int // with 20 addresses each
		hosts    bool
		open     int // slots that they hold
	}{
		{"one request", 1, true, perRequest},
		{"requests for one host", 4, false, perHost},
		{"many requests for one host", 40, false, perHost},
		{"four requests for many hosts", 4, true, 28},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, open, answer := blocked(t, Options{})
				ctx, leave := context.WithCancel(t.Context())
				var wg sync.WaitGroup
				for i := range tt.requests {
					wg.Go(func() {
						_, _, err := c.Inline(ctx, imageAt(addresses(fmt.Sprintf("slow%d", i), 20, tt.hosts)...))
						if llm.AsError(err).Code != llm.CodeClientGone {
							t.Error(err)
						}
					})
					synctest.Wait()
				}
				if n := len(open()); n != tt.open {
					t.Errorf("%d slots are held", n)
				}
				wg.Go(func() {
					_, release, err := c.Inline(t.Context(), imageAt("http://other.test/good"))
					if err != nil {
						t.Error(err)
						return
					}
					release()
				})
				synctest.Wait()
				if !slices.Contains(open(), "/good") {
					t.Error("another caller's image waits")
				} else {
					answer("/good")
				}
				synctest.Wait()
				leave()
				wg.Wait()
				if c.slots.free != perProcess || len(c.slots.hosts) != 0 || len(c.slots.waiting) != 0 {
					t.Errorf("slots are left: %+v", c.slots)
				}
			})
		})
	}
}

func TestAPlaceThatIsGivenBackGoesToWhoHasNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, open, answer := blocked(t, Options{})
		ctx, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		request := func(name string, n int) {
			wg.Go(func() {
				if _, release, err := c.Inline(ctx, imageAt(addresses(name, n, true)...)); err == nil {
					release()
				}
			})
			synctest.Wait()
		}
		for i := range 10 {
			request(fmt.Sprintf("slow%d", i), 20)
		}
		if n := len(open()); n != perProcess {
			t.Errorf("%d slots are held", n)
		}
		request("good", 1)
		for _, path := range []string{"/slow0/0", "/slow0/1", "/slow0/2", "/slow0/3"} { // slow7 to slow9 have none either, and came before
			answer(path)
			synctest.Wait()
		}
		if !slices.Contains(open(), "/good/0") {
			t.Errorf("the slot went to another: %q", open())
		}
		leave()
		wg.Wait()
		if c.slots.free != perProcess {
			t.Errorf("slots are left: %+v", c.slots)
		}
	})
}

func TestWaitingForAPlaceCountsForTheTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := scripted(t, Options{Timeout: 5 * time.Second}, func(net.Conn) { t.Error("connected") })
		c.slots.free = 0
		if e := refusal(t, c, "http://files.test/a"); e.Code != llm.CodeMedia || !strings.Contains(e.Message, "did not arrive within 5s") {
			t.Errorf("got %v", e)
		}
	})
}

func TestTheFirstFailureEndsTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, start := scripted(t, Options{}, func(c net.Conn) {
			if strings.HasPrefix(readRequest(c), "GET /bad ") {
				_, _ = io.WriteString(c, "HTTP/1.1 404 Not Found\r\n\r\n")
				return
			}
			_, _ = io.Copy(io.Discard, c)
		}), time.Now()
		_, _, err := c.Inline(t.Context(), imageAt("http://files.test/silent", "http://files.test/bad"))
		e := llm.AsError(err)
		if e.Param != "messages[0].content[1].image_url.url" || !strings.Contains(e.Message, "404") || time.Since(start) > 0 {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}
