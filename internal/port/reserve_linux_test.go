package port

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"
)

// ipLocalPortRange confines the ports that the system chooses for a socket; see
// ip(7), IP_LOCAL_PORT_RANGE. The system then has one to choose.
const ipLocalPortRange = 51

// only confines a socket to one port. It reports ENOPROTOOPT before Linux 6.3.
func only(port uint16) func(network, address string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) error {
		var err error
		failed := c.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, ipLocalPortRange, int(port)|int(port)<<16)
		})
		return errors.Join(failed, err)
	}
}

func reserve(t *testing.T) (*Reserved, uint16) {
	t.Helper()
	r, err := Reserve()
	if err != nil {
		t.Fatal(err)
	}
	return r, netip.MustParseAddrPort(r.Address()).Port()
}

func TestTheSystemGivesAReservedPortToNobody(t *testing.T) {
	r, port := reserve(t)
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	listen := func() error {
		l, err := (&net.ListenConfig{Control: only(port)}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		return l.Close()
	}
	connect := func() error {
		c, err := (&net.Dialer{Control: only(port)}).DialContext(t.Context(), "tcp", server.Addr().String())
		if err != nil {
			return err
		}
		return c.Close()
	}
	err = listen()
	if errors.Is(err, syscall.ENOPROTOOPT) {
		t.Skip("this system cannot be told which port to choose")
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("listening on a port of the system's choice: %v; want EADDRINUSE", err)
	}
	if err := connect(); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("connecting from a port of the system's choice: %v; want EADDRNOTAVAIL", err)
	}
	if err := r.Release(); err != nil {
		t.Fatal(err)
	}
	if err := listen(); err != nil {
		t.Errorf("a port that is released: %v", err)
	}
}

func TestWhoNamesAReservedPortCanListenOnIt(t *testing.T) {
	r, _ := reserve(t)
	var d net.Dialer
	if _, err := d.DialContext(t.Context(), "tcp", r.Address()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("before anybody listens: %v; want ECONNREFUSED", err)
	}
	l, err := net.Listen("tcp", r.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := r.Release(); err != nil {
		t.Fatal(err)
	}
	c, err := d.DialContext(t.Context(), "tcp", r.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
}
