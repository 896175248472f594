package http1

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
)

// BenchmarkExchange is a POST of a few hundred bytes with an answer of the same size on an open
// connection, with the lean loop and with net/http, the client's part included.
func BenchmarkExchange(b *testing.B) {
	answer := make([]byte, 500)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header()["Content-Type"] = []string{"application/json"}
		_, _ = w.Write(answer)
	})
	lean, std := New(settings(handler)), settings(handler)
	for name, s := range map[string]struct {
		serve func(net.Listener) error
		end   func() error
	}{"lean": {lean.Serve, lean.Close}, "std": {std.Serve, std.Close}} {
		b.Run(name, func(b *testing.B) {
			l := listen(b)
			run(b, s.serve, s.end, l)
			conn := dial(b, l)
			defer conn.Close()
			text := []byte(post("/", string(answer), "Accept: */*", "Authorization: Bearer sk-1234567890", "User-Agent: bench", "Content-Type: application/json"))
			r := bufio.NewReader(conn)
			if _, err := conn.Write(text); err != nil {
				b.Fatal(err)
			}
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				b.Fatal(err)
			}
			_ = resp.Body.Close()
			size := len("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Sat, 28 Nov 2026 00:00:00 GMT\r\nContent-Length: 500\r\n\r\n") + len(answer)
			b.ReportAllocs()
			got := make([]byte, size)
			for b.Loop() {
				if _, err := conn.Write(text); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(r, got); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
