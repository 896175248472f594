package httpd

import (
	"errors"
	"net"
	"syscall"
	"testing"
)

// accepted returns the server's end of a new connection to a watched listener whose client reads
// nothing and has little room for what arrives.
func accepted(t *testing.T) *watchedConn {
	t.Helper()
	inner, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := Watch(inner, func(int) {})
	t.Cleanup(func() { _ = l.Close() })
	small := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10) })
	}}
	client, err := small.DialContext(t.Context(), "tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server.(*watchedConn)
}

// TestTheKernelHoldsLittleOfAnUnreadResponse writes until the socket takes nothing more. Without the
// limit the socket takes 2.5 MB and more.
func TestTheKernelHoldsLittleOfAnUnreadResponse(t *testing.T) {
	raw, err := accepted(t).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	taken, full := 0, false
	err = raw.Write(func(fd uintptr) bool {
		for event := make([]byte, 2<<10); ; {
			n, err := syscall.Write(int(fd), event)
			switch {
			case errors.Is(err, syscall.EINTR):
			case err != nil:
				full = errors.Is(err, syscall.EAGAIN)
				return true
			}
			taken += max(n, 0)
		}
	})
	if err != nil || !full {
		t.Fatalf("%d bytes, full %v: %v", taken, full, err)
	}
	if taken < 2<<10 || taken > 3*mostUnsent {
		t.Errorf("the socket took %d bytes, want at most three times %d", taken, mostUnsent)
	}
}
