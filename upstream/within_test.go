package upstream

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// A body whose time is bounded is read as far as it has come, and its connection has no limit afterwards.
func TestTheRestOfABodyHasATimeOfItsOwn(t *testing.T) {
	address, connections := rawServer(t, func(c net.Conn, r *bufio.Reader) {
		for {
			if _, _, ok := request(r); !ok {
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
		}
	})
	c := newClient(t)
	resp, err := c.Do(t.Context(), post(t, address, "{}"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.(*body).Within(-time.Second) // what has come with the head needs no time
	if all, err := io.ReadAll(resp.Body); string(all) != "hi" || err != nil {
		t.Errorf("read %q, %v", all, err)
	}
	if _, body := do(t, c, post(t, address, "{}")); body != "hi" {
		t.Errorf("got %q", body)
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections for 2 calls", n)
	}
	c.CloseIdle()
}

func TestABodyThatDoesNotEndInTimeFails(t *testing.T) {
	ended := make(chan struct{})
	address, _ := rawServer(t, func(c net.Conn, r *bufio.Reader) {
		if _, _, ok := request(r); ok {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
			_, _ = r.ReadByte() // until the client closes
			close(ended)
		}
	})
	c := newClient(t)
	resp, err := c.Do(t.Context(), post(t, address, "{}"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.(*body).Within(time.Millisecond)
	if _, err := io.ReadAll(resp.Body); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the body ends with %v", err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	<-ended
}
