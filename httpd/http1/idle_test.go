package http1

import (
	"net"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// deadlines is a connection that notes what becomes of its deadline for reading, since the beginning.
type deadlines struct {
	net.Conn

	begin time.Time
	set   []time.Duration
}

func (d *deadlines) SetReadDeadline(t time.Time) error {
	d.set = append(d.set, t.Sub(d.begin))
	return nil
}

// TestABusyConnectionKeepsItsDeadline: a connection may be closed a little before its idle timeout, so that the deadline is not set
// anew for each request.
func TestABusyConnectionKeepsItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		socket := &deadlines{begin: time.Now()}
		c := &conn{server: &Server{std: &http.Server{IdleTimeout: 64 * time.Second, ReadHeaderTimeout: time.Minute}}, nc: socket}
		for range 130 { // 6.5 seconds
			c.limitIdle()
			time.Sleep(50 * time.Millisecond)
		}
		var want []time.Duration
		for at := time.Duration(0); at < 6500*time.Millisecond; at += 1050 * time.Millisecond { // the first time after more than a second
			want = append(want, at+64*time.Second)
		}
		if !slices.Equal(socket.set, want) {
			t.Errorf("got the deadlines %v, want %v", socket.set, want)
		}
		socket.set = nil
		c.limitHead() // half a head
		c.limitIdle()
		c.setDeadline(time.Now().Add(time.Hour)) // as a body may want it
		c.limitIdle()
		if len(socket.set) != 4 || socket.set[3] != 6500*time.Millisecond+64*time.Second {
			t.Errorf("after other deadlines: got %v", socket.set)
		}
		c.server.std.IdleTimeout = 0
		c.limitIdle()
		if !c.socket.IsZero() {
			t.Errorf("without an idle timeout: got %v", c.socket)
		}
	})
}
