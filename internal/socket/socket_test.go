//go:build unix

package socket_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"outcrop/internal/socket"
)

// pair returns both ends of a connection.
func pair(t testing.TB) (client, server *net.TCPConn) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := new(net.Dialer).DialContext(context.Background(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = c.Close(), s.Close() })
	return c.(*net.TCPConn), s.(*net.TCPConn)
}

func TestAConnectionCarriesEverythingInOrder(t *testing.T) {
	client, server := pair(t)
	sent := make([]byte, 5<<20) // more than both sockets hold, so that writes wait
	for i := range sent {
		sent[i] = byte(i * i >> 7)
	}
	written := make(chan error, 1)
	go func() {
		k := socket.New(client)
		for rest, n := sent, 1; len(rest) > 0; n = n*3 + 1 { // pieces of all sizes
			n = min(n, len(rest))
			if k, err := k.Write(rest[:n]); err != nil || k != n {
				written <- errors.Join(err, io.ErrShortWrite)
				return
			}
			rest = rest[n:]
		}
		written <- client.CloseWrite()
	}()
	got, err := io.ReadAll(socket.New(server))
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes arrived of %d, or others: %v", len(got), len(sent), err)
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
}

func TestNothingIsReadIntoNothing(t *testing.T) {
	client, _ := pair(t)
	if n, err := socket.New(client).Read(nil); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

// TestFailuresAreThoseOfPackageNet makes the same thing fail with and without the package.
func TestFailuresAreThoseOfPackageNet(t *testing.T) {
	for name, fail := range map[string]func(t *testing.T, c net.Conn, other *net.TCPConn) error{
		"the other side has closed": func(_ *testing.T, c net.Conn, other *net.TCPConn) error {
			_ = other.Close()
			_, err := c.Read(make([]byte, 1))
			return err
		},
		"the other side has reset the connection": func(t *testing.T, c net.Conn, other *net.TCPConn) error {
			if err := errors.Join(other.SetLinger(0), other.Close()); err != nil {
				t.Fatal(err)
			}
			_, err := c.Read(make([]byte, 1))
			return err
		},
		"written after the end": func(t *testing.T, c net.Conn, _ *net.TCPConn) error {
			if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			_, err := c.Write([]byte("late"))
			return err
		},
		"closed before a read": func(_ *testing.T, c net.Conn, _ *net.TCPConn) error {
			_ = c.Close()
			_, err := c.Read(make([]byte, 1))
			return err
		},
		"closed before a write": func(_ *testing.T, c net.Conn, _ *net.TCPConn) error {
			_ = c.Close()
			_, err := c.Write([]byte("late"))
			return err
		},
		"a deadline has passed": func(t *testing.T, c net.Conn, _ *net.TCPConn) error {
			if err := c.SetDeadline(time.Unix(1, 0)); err != nil {
				t.Fatal(err)
			}
			_, err := c.Read(make([]byte, 1))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			theirs, otherOfTheirs := pair(t)
			ours, otherOfOurs := pair(t)
			want, got := fail(t, theirs, otherOfTheirs), fail(t, socket.New(ours), otherOfOurs)
			var net1, net2 *net.OpError
			if errors.As(want, &net1) != errors.As(got, &net2) {
				t.Fatalf("%v, package net: %v", got, want)
			}
			if net1 == nil {
				if !errors.Is(got, want) {
					t.Errorf("%v, package net: %v", got, want)
				}
				return
			}
			if net1.Op != net2.Op || net1.Net != net2.Net || net1.Err.Error() != net2.Err.Error() || net1.Timeout() != net2.Timeout() {
				t.Errorf("%v, package net: %v", got, want)
			}
			for _, target := range []error{net.ErrClosed, os.ErrDeadlineExceeded, syscall.ECONNRESET, syscall.EPIPE} {
				if errors.Is(want, target) != errors.Is(got, target) {
					t.Errorf("whether %v is %v: %v", got, target, !errors.Is(want, target))
				}
			}
		})
	}
}

func TestLookReadsNothing(t *testing.T) {
	client, server := pair(t)
	raw, err := server.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	look := func(want socket.State) {
		t.Helper()
		got := socket.Quiet
		err := raw.Read(func(fd uintptr) bool {
			got = socket.Look(fd)
			return got != socket.Quiet || want == socket.Quiet
		})
		if err != nil || got != want {
			t.Errorf("%v, want %v: %v", got, want, err)
		}
	}
	look(socket.Quiet)
	if _, err := client.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	look(socket.Data)
	look(socket.Data)
	if n, err := server.Read(make([]byte, 8)); n != 1 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	look(socket.Ended)
}

func TestOtherConnectionsStayAsTheyAre(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	defer a.Close()
	if socket.New(a) != a {
		t.Error("a pipe has become something else")
	}
}

// BenchmarkExchange sends a byte there and back.
func BenchmarkExchange(b *testing.B) {
	for name, with := range map[string]func(*net.TCPConn) net.Conn{
		"net":    func(c *net.TCPConn) net.Conn { return c },
		"socket": func(c *net.TCPConn) net.Conn { return socket.New(c) },
	} {
		b.Run(name, func(b *testing.B) {
			client, server := pair(b)
			go func() { _, _ = io.Copy(struct{ io.Writer }{with(server)}, struct{ io.Reader }{with(server)}) }()
			near, p := with(client), []byte("x")
			b.ReportAllocs()
			for b.Loop() {
				if _, err := near.Write(p); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(near, p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
