//go:build unix

package upstream

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestWhatHasArrivedIsReadWithoutWaiting sends a body in steps, over TCP and over TLS.
func TestWhatHasArrivedIsReadWithoutWaiting(t *testing.T) {
	for name, start := range map[string]func(http.Handler) *httptest.Server{"TCP": httptest.NewServer, "TLS": httptest.NewTLSServer} {
		t.Run(name, func(t *testing.T) {
			steps, sent := make(chan string), make(chan struct{})
			server := start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.(http.Flusher).Flush()
				for s := range steps {
					_, _ = io.WriteString(w, s)
					w.(http.Flusher).Flush()
					sent <- struct{}{}
				}
			}))
			defer server.Close()
			c := newClient(t)
			if name == "TLS" {
				c.tls.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
			}
			resp, err := c.Do(t.Context(), post(t, server.URL, "{}"))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			b := resp.Body.(*body)
			send := func(s string) { // which has arrived when it returns: the kernel delivers it at once
				steps <- s
				<-sent
			}
			p := make([]byte, 64)
			read := func(want string, from func([]byte) (int, error)) {
				t.Helper()
				if n, err := from(p); string(p[:n]) != want || err != nil {
					t.Errorf("read %q, %v, want %q", p[:n], err, want)
				}
			}
			send("one")
			read("one", b.Read)
			read("", b.ReadArrived)
			send("two")
			read("two", b.ReadArrived)
			read("", b.ReadArrived)

			close(steps)
			for {
				n, err := b.ReadArrived(p)
				if n > 0 {
					t.Fatalf("read %q after the end", p[:n])
				}
				if errors.Is(err, io.EOF) {
					break // the end has arrived, too
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if k := b.conn; len(c.hosts[k.dest].idle) != 1 {
				t.Error("the connection is not kept after the end")
			}
		})
	}
}
