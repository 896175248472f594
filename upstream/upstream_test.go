package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"go.uber.org/goleak"

	"outcrop/internal/port"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func parse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func post(t *testing.T, address, body string) *Request {
	return &Request{Method: "POST", URL: parse(t, address), Header: http.Header{"Content-Type": {"application/json"}}, Body: [][]byte{[]byte(body)}}
}

// newClient makes a client that leaves nothing open when the test ends.
func newClient(t *testing.T) *Client {
	c := New()
	t.Cleanup(c.CloseIdle)
	return c
}

// rawServer answers each connection with a function of its own.
func rawServer(t *testing.T, serve func(c net.Conn, r *bufio.Reader)) (address string, connections *atomic.Int64) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	connections = new(atomic.Int64)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			running.Go(func() {
				defer c.Close()
				serve(c, bufio.NewReader(c))
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		running.Wait()
	})
	return "http://" + listener.Addr().String(), connections
}

// request reads one request from a connection; false at its end.
func request(r *bufio.Reader) (*http.Request, string, bool) {
	req, err := http.ReadRequest(r)
	if err != nil {
		return nil, "", false
	}
	body, err := io.ReadAll(req.Body)
	return req, string(body), err == nil
}

func do(t *testing.T, c *Client, r *Request) (int, string) {
	t.Helper()
	resp, err := c.Do(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Status, string(body)
}

func TestConnectionsAreReused(t *testing.T) {
	for _, tt := range []struct{ name, answer string }{
		{"with a length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"},
		{"in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n"},
		{"behind an interim answer", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"},
		{"an error", "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nhi"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			address, connections := rawServer(t, func(c net.Conn, r *bufio.Reader) {
				for {
					if _, _, ok := request(r); !ok {
						return
					}
					_, _ = io.WriteString(c, tt.answer)
				}
			})
			c := newClient(t)
			for range 5 {
				if _, body := do(t, c, post(t, address, "{}")); body != "hi" {
					t.Errorf("got %q", body)
				}
			}
			if n := connections.Load(); n != 1 {
				t.Errorf("%d connections for 5 calls", n)
			}
			c.CloseIdle()
		})
	}
}

func TestConnectionThatCannotBeReusedIsNot(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		hang         bool // close behind the answer
	}{
		{"the server says close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", false},
		{"the answer ends with the connection", "HTTP/1.1 200 OK\r\n\r\nhi", true},
		{"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", false},
		{"more than was asked for", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi and more", false},
		{"closed while idle", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			closed := make(chan bool, 10)
			address, connections := rawServer(t, func(c net.Conn, r *bufio.Reader) {
				if _, _, ok := request(r); !ok {
					return
				}
				_, _ = io.WriteString(c, tt.answer)
				if tt.hang {
					c.Close()
				} else {
					_, _, _ = request(r)
				}
				closed <- true
			})
			c := newClient(t)
			for range 3 {
				if _, body := do(t, c, post(t, address, "{}")); body != "hi" {
					t.Errorf("got %q", body)
				}
				<-closed
			}
			if n := connections.Load(); n != 3 {
				t.Errorf("%d connections for 3 calls", n)
			}
		})
	}
}

func TestAnswersThatFail(t *testing.T) {
	for _, tt := range []struct{ name, answer string }{
		{"nothing", ""},
		{"no HTTP", "SSH-2.0-OpenSSH_9.6\r\n\r\n"},
		{"half a header", "HTTP/1.1 200 OK\r\nContent-"},
		{"a header without an end", "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-Strata: stone\r\n", 40_000)},
		{"another protocol", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"},
		{"too many interim (1xx) responses", strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 10)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			address, _ := rawServer(t, func(c net.Conn, r *bufio.Reader) {
				_, _, _ = request(r)
				_, _ = io.WriteString(c, tt.answer)
			})
			_, err := newClient(t).Do(t.Context(), post(t, address, "{}"))
			var e *Error
			if !errors.As(err, &e) || e.Unreachable {
				t.Errorf("got %v", err)
			}
		})
	}
	for _, tt := range []struct{ name, answer string }{
		{"short of its length", "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhi"},
		{"cut between chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			address, _ := rawServer(t, func(c net.Conn, r *bufio.Reader) {
				_, _, _ = request(r)
				_, _ = io.WriteString(c, tt.answer)
			})
			resp, err := newClient(t).Do(t.Context(), post(t, address, "{}"))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if body, err := io.ReadAll(resp.Body); string(body) != "hi" || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("got %q and %v", body, err)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	nobody, err := port.Reserve()
	if err != nil {
		t.Fatal(err)
	}
	_, err = newClient(t).Do(t.Context(), post(t, "http://"+nobody.Address(), "{}"))
	var e *Error
	if !errors.As(err, &e) || !e.Unreachable {
		t.Errorf("got %v", err)
	}
	if err := nobody.Release(); err != nil {
		t.Error(err)
	}
}

// A server that refuses a large request at once and reads no more of it is heard
// all the same, whether it closes the connection or leaves it open.
func TestRefusalBeforeTheWholeRequest(t *testing.T) {
	release := make(chan bool)
	address, connections := rawServer(t, func(c net.Conn, r *bufio.Reader) {
		_, _ = r.ReadString('\n')
		_, _ = io.WriteString(c, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")
		<-release
	})
	c := newClient(t)
	for range 2 {
		if status, body := do(t, c, post(t, address, strings.Repeat("x", 32<<20))); status != 413 || body != "no" {
			t.Errorf("got %d %q", status, body)
		}
	}
	close(release)
	if n := connections.Load(); n != 2 {
		t.Errorf("%d connections for 2 calls: one with half a request on it was used again", n)
	}
}

// What a server sends behind an answer is nobody's answer, over TLS too.
func TestSurplusIsNotTheNextAnswer(t *testing.T) {
	cert := httptest.NewUnstartedServer(nil)
	cert.StartTLS()
	defer cert.Close()
	plain := func(answer string) (string, *atomic.Int64) {
		return rawServer(t, func(c net.Conn, r *bufio.Reader) {
			_, _, _ = request(r)
			_, _ = io.WriteString(c, answer)
			_, _, _ = request(r)
		})
	}
	poison := strings.Repeat("h", 5000) + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON"
	answer := "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + poison
	listener, err := tls.Listen("tcp", "127.0.0.1:0", cert.TLS)
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				r := bufio.NewReader(c)
				_, _, _ = request(r)
				_, _ = io.WriteString(c, answer)
				_, _, _ = request(r)
			})
		}
	})
	defer running.Wait()
	defer listener.Close()
	address, _ := plain(answer)
	for _, address := range []string{address, "https://" + listener.Addr().String()} {
		c := newClient(t)
		c.tls.RootCAs = cert.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
		for range 3 {
			if _, body := do(t, c, post(t, address, "{}")); body != strings.Repeat("h", 5000) {
				t.Errorf("got %d bytes: %.20q", len(body), body)
			}
		}
		c.CloseIdle()
	}
}

func TestOriginsAreBounded(t *testing.T) {
	c := newClient(t)
	for i := range 3 * maxHosts {
		u := parse(t, fmt.Sprintf("https://bedrock-runtime.zz-aaaa-%d.amazonaws.com/", i))
		if _, err := c.proxied(origin{u.Scheme, u.Host}, u); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(c.hosts); n > maxHosts {
		t.Errorf("%d origins are remembered", n)
	}
}

func TestCancelClosesTheConnection(t *testing.T) {
	for _, where := range []string{"before the header", "in the body"} {
		t.Run(where, func(t *testing.T) {
			arrived, closed := make(chan bool), make(chan bool)
			address, _ := rawServer(t, func(c net.Conn, r *bufio.Reader) {
				_, _, _ = request(r)
				if where == "in the body" {
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
				}
				arrived <- true
				_, _ = r.ReadByte() // until the client closes
				close(closed)
			})
			reason := errors.New("enough")
			ctx, cancel := context.WithCancelCause(t.Context())
			go func() {
				<-arrived
				cancel(reason)
			}()
			resp, err := newClient(t).Do(ctx, post(t, address, "{}"))
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				resp.Body.Close()
			}
			if !errors.Is(err, reason) {
				t.Errorf("got %v", err)
			}
			<-closed
		})
	}
}

func TestCloseDoesNotWaitForTheRest(t *testing.T) {
	closed := make(chan bool)
	address, _ := rawServer(t, func(c net.Conn, r *bufio.Reader) {
		_, _, _ = request(r)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
		_, _ = r.ReadByte()
		close(closed)
	})
	resp, err := newClient(t).Do(t.Context(), post(t, address, "{}"))
	if err != nil {
		t.Fatal(err)
	}
	var two [2]byte
	if _, err := io.ReadFull(resp.Body, two[:]); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	resp.Body.Close()
	<-closed
	if _, err := resp.Body.Read(two[:]); !errors.Is(err, io.EOF) {
		t.Errorf("a read behind Close gives %v", err)
	}
}

func TestTLS(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%d %s", len(body), r.Proto)
	}))
	defer server.Close()
	c := newClient(t)
	_, err := c.Do(t.Context(), post(t, server.URL, "{}"))
	var e *Error
	if !errors.As(err, &e) || !e.Unreachable || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an authority that is not known: %v", err)
	}
	c.tls.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	for range 3 {
		if status, body := do(t, c, post(t, server.URL, strings.Repeat("x", 100_000))); status != 200 || body != "100000 HTTP/1.1" {
			t.Errorf("got %d %q", status, body)
		}
	}
	c.CloseIdle()
}

func TestProxy(t *testing.T) {
	var through atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		through.Add(1)
		fmt.Fprint(w, "by proxy to ", r.URL.Host)
	}))
	defer proxy.Close()
	c := newClient(t)
	c.proxy = func(*http.Request) (*url.URL, error) { return url.Parse(proxy.URL) }
	if by, err := c.Proxy(&url.URL{Scheme: "http", Host: "bedrock.example"}); err != nil || by.String() != proxy.URL {
		t.Errorf("the proxy is %v, %v", by, err)
	}
	if _, body := do(t, c, post(t, "http://bedrock.example/model", "{}")); body != "by proxy to bedrock.example" || through.Load() != 1 {
		t.Errorf("got %q", body)
	}
	broken := newClient(t)
	broken.proxy = func(*http.Request) (*url.URL, error) { return nil, errors.New("no such proxy") }
	if _, err := broken.Do(t.Context(), post(t, "http://bedrock.example/", "{}")); err == nil {
		t.Error("a wrong proxy setting was passed over")
	}
}

func TestManyCallsAtOnce(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(iotest.OneByteReader(r.Body))
		_, _ = w.Write(body)
	}))
	defer server.Close()
	c := newClient(t)
	var calls sync.WaitGroup
	for i := range 50 {
		calls.Go(func() {
			for j := range 20 {
				want := fmt.Sprint(i, "-", j)
				resp, err := c.Do(context.Background(), &Request{Method: "POST", URL: parse(t, server.URL), Body: [][]byte{[]byte(want)}})
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if string(got) != want || err != nil {
					t.Errorf("got %q and %v, want %q", got, err, want)
				}
			}
		})
	}
	calls.Wait()
	c.CloseIdle()
}

func TestSweepClosesWhatTheOtherSideClosed(t *testing.T) {
	closed := make(chan bool)
	address, _ := rawServer(t, func(c net.Conn, r *bufio.Reader) {
		_, _, _ = request(r)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
		c.Close()
		close(closed)
	})
	c := newClient(t)
	do(t, c, post(t, address, "{}"))
	<-closed
	c.sweepIdle()
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.hosts[origin{"http", strings.TrimPrefix(address, "http://")}].idle); n != 0 || c.sweep != nil {
		t.Errorf("%d idle connections stay", n)
	}
}
