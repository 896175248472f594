//go:build unix

package upstream

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// ledger lends memory, and knows how much of it is away.
type ledger struct {
	size, away, most int
}

func (l *ledger) Lend() []byte {
	l.away++
	l.most = max(l.most, l.away)
	return make([]byte, l.size)
}

func (l *ledger) TakeBack([]byte) { l.away-- }

// TestABodyIsReadIntoLentMemory reads bodies of both framings, over TCP and over TLS, in pieces smaller and larger than the memory. Memory is
// away only while the reader has it: not while it waits, and not at the end.
func TestABodyIsReadIntoLentMemory(t *testing.T) {
	pieces := []string{"a", "bc", strings.Repeat("d", 3000), "e", strings.Repeat("f", 40_000), "g"}
	whole := strings.Join(pieces, "")
	for name, start := range map[string]func(http.Handler) *httptest.Server{"TCP": httptest.NewServer, "TLS": httptest.NewTLSServer} {
		for framing, length := range map[string]bool{"chunks": false, "a length": true} {
			t.Run(name+" with "+framing, func(t *testing.T) {
				next := make(chan struct{}, len(pieces))
				server := start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					if length {
						w.Header().Set("Content-Length", "43005")
					}
					for _, p := range pieces {
						_, _ = io.WriteString(w, p)
						w.(http.Flusher).Flush()
						<-next
					}
				}))
				defer server.Close()
				defer close(next)
				c := newClient(t)
				if name == "TLS" {
					c.tls.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
				}
				resp, err := c.Do(t.Context(), post(t, server.URL, "{}"))
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				b, m, sent := resp.Body.(*body), &ledger{size: 512}, 0
				var got []byte
				for {
					p, n, err := b.ReadLent(m)
					if (p == nil) != (n == 0) || m.away > 1 {
						t.Fatalf("%d bytes, memory %v, %d pieces of memory are away", n, p != nil, m.away)
					}
					got = append(got, p[:n]...)
					if p != nil {
						m.TakeBack(p)
					}
					if errors.Is(err, io.EOF) {
						break
					}
					if err != nil {
						t.Fatal(err)
					}
					for sent < len(pieces) && len(got) >= len(strings.Join(pieces[:sent+1], "")) { // what was sent has arrived
						next <- struct{}{}
						sent++
					}
				}
				if !bytes.Equal(got, []byte(whole)) || m.away != 0 || m.most != 1 {
					t.Errorf("%d bytes, or others; %d pieces of memory are away, and %d were at once", len(got), m.away, m.most)
				}
				if _, _, err := b.ReadLent(m); !errors.Is(err, io.EOF) {
					t.Errorf("%v behind the end", err)
				}
			})
		}
	}
}
