package upstream

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

func TestWhatIsSent(t *testing.T) {
	large := strings.Repeat("granite ", 100_000)
	for _, body := range []string{"", "{}", large} {
		var got *http.Request
		var gotBody string
		address, _ := rawServer(t, func(c net.Conn, r *bufio.Reader) {
			got, gotBody, _ = request(r)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		})
		c := newClient(t)
		r := post(t, address+"/model/a%3Ab%2Fc/converse?x=1", body)
		r.Header["X-Amz-Date"] = []string{"20260101T000000Z"}
		if status, _ := do(t, c, r); status != 200 {
			t.Errorf("status %d", status)
		}
		if got.RequestURI != "/model/a%3Ab%2Fc/converse?x=1" || got.Host != r.URL.Host || got.Header.Get("X-Amz-Date") == "" || got.Header.Get("Accept-Encoding") != "" {
			t.Errorf("sent %+v", got)
		}
		if gotBody != body || got.ContentLength != int64(len(body)) {
			t.Errorf("sent %d bytes with length %d, want %d", len(gotBody), got.ContentLength, len(body))
		}
	}
}

func TestHeaderValueThatHTTPDoesNotAllow(t *testing.T) {
	address, _ := rawServer(t, func(_ net.Conn, r *bufio.Reader) { _, _, _ = request(r) })
	r := post(t, address, "{}")
	r.Header["X-Amz-Security-Token"] = []string{"a\r\nX-Evil: b"}
	_, err := newClient(t).Do(t.Context(), r)
	if err == nil || !strings.Contains(err.Error(), "X-Amz-Security-Token") || strings.Contains(err.Error(), "Evil") {
		t.Errorf("got %v", err)
	}
}

// Nothing above has to be trusted with the names of headers.
func TestHeaderNameThatHTTPDoesNotAllow(t *testing.T) {
	for _, name := range []string{"X-Evil: a\r\nX-B", "X A", "", "X:"} {
		address, _ := rawServer(t, func(_ net.Conn, r *bufio.Reader) { _, _, _ = request(r) })
		r := post(t, address, "{}")
		r.Header[name] = []string{"b"}
		_, err := newClient(t).Do(t.Context(), r)
		if err == nil || !strings.Contains(err.Error(), strconv.Quote(name)) {
			t.Errorf("%q: got %v", name, err)
		}
	}
}
