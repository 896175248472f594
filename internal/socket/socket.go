//go:build unix

package socket

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// Read reads what has arrived on a socket that does not block. again means that nothing has; n is 0 at
// the end.
func Read(fd uintptr, p []byte) (n int, again bool, err error) {
	for {
		n, err = read(fd, p)
		switch {
		case err == nil:
			return n, false, nil
		case errors.Is(err, syscall.EAGAIN):
			return 0, true, nil
		case !errors.Is(err, syscall.EINTR):
			return 0, false, os.NewSyscallError("read", err)
		}
	}
}

// Write writes what a socket that does not block has room for. again means that it has none.
func Write(fd uintptr, p []byte) (n int, again bool, err error) {
	for {
		n, err = write(fd, p)
		switch {
		case err == nil:
			return n, false, nil
		case errors.Is(err, syscall.EAGAIN):
			return 0, true, nil
		case !errors.Is(err, syscall.EINTR):
			return 0, false, os.NewSyscallError("write", err)
		}
	}
}

// State is what has arrived on a socket and was not read.
type State int

// The states of a socket.
const (
	Quiet  State = iota // nothing has arrived
	Data                // data
	Ended               // the end of what the other side sends
	Broken              // an error
)

// Look returns what has arrived on a socket. It neither waits nor reads anything.
func Look(fd uintptr) State {
	for {
		var b [1]byte
		n, err := peek(fd, b[:])
		switch {
		case err == nil && n > 0:
			return Data
		case err == nil:
			return Ended
		case errors.Is(err, syscall.EAGAIN):
			return Quiet
		case !errors.Is(err, syscall.EINTR):
			return Broken
		}
	}
}

// Conn is a TCP connection with this package's calls. One goroutine may read and one may write at a
// time; everything else is as in package net.
type Conn struct {
	*net.TCPConn
	raw syscall.RawConn
	in  transfer
	out transfer

	seen State // by Look
	see  func(fd uintptr) bool
}

// transfer is one call of Read or of Write.
type transfer struct {
	p      []byte
	from   Memory // where p comes from; nil if the caller has it
	n      int
	err    error
	try    func(fd uintptr) bool
	now    bool // fail instead of waiting
	waited bool // nothing had arrived at first
}

// Memory is lent to read into, and taken back.
type Memory = interface {
	Lend() []byte
	TakeBack(p []byte)
}

// ErrNothing is the error of Read when nothing has arrived and Now is set. It is one of net.Error that
// TLS does not take for the connection's end.
var ErrNothing error = nothing{}

type nothing struct{}

func (nothing) Error() string   { return "nothing has arrived" }
func (nothing) Timeout() bool   { return true }
func (nothing) Temporary() bool { return true }

// New returns c with this package's calls, or c itself if it is no TCP connection.
func New(c net.Conn) net.Conn {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return c
	}
	k := &Conn{TCPConn: tcp, raw: raw}
	k.in.try, k.out.try, k.see = k.in.read, k.out.write, k.look
	return k
}

// read reads without waiting, and reports whether something has been read, or nothing will be.
func (t *transfer) read(fd uintptr) bool {
	p := t.p
	if t.from != nil {
		p = t.from.Lend()
	}
	n, again, err := Read(fd, p)
	switch {
	case t.from == nil:
	case n > 0:
		t.p = p
	default:
		t.from.TakeBack(p)
	}
	switch {
	case again && t.now:
		t.err = ErrNothing
		return true
	case again:
		t.waited = true
		return false
	case n == 0 && err == nil:
		err = io.EOF
	}
	t.n, t.err = n, err
	return true
}

// write writes without waiting, and reports whether everything has been written, or nothing will be.
func (t *transfer) write(fd uintptr) bool {
	for t.n < len(t.p) {
		n, again, err := Write(fd, t.p[t.n:])
		t.n += n
		if t.err = err; again || err != nil {
			return !again
		}
	}
	return true
}

// end returns the result of a call of which err is what net.RawConn said.
func (t *transfer) end(err error) (int, error) {
	n, failure := t.n, t.err
	t.p, t.n, t.err = nil, 0, nil
	if err == nil {
		err = failure
	}
	return n, err
}

// Read is net.Conn's.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c.in.p, c.in.waited = p, false
	n, err := c.in.end(c.raw.Read(c.in.try))
	return n, c.named("read", err)
}

// ReadLent is Read into memory of m, which it holds only while something is read into it, and not while it waits. The caller
// gives p back; it is nil if nothing has been read.
func (c *Conn) ReadLent(m Memory) (p []byte, n int, err error) {
	c.in.from, c.in.waited = m, false
	err = c.raw.Read(c.in.try)
	c.in.from, p = nil, c.in.p
	n, err = c.in.end(err)
	return p, n, c.named("read", err)
}

// Look returns what has arrived and was not read. It must not be called while another goroutine reads.
func (c *Conn) Look() State {
	if c.raw.Read(c.see) != nil {
		return Broken
	}
	return c.seen
}

func (c *Conn) look(fd uintptr) bool {
	c.seen = Look(fd)
	return true
}

// Now makes Read return ErrNothing, or not, instead of waiting for something to arrive.
func (c *Conn) Now(set bool) { c.in.now = set }

// Waited reports whether the last Read had to wait.
func (c *Conn) Waited() bool { return c.in.waited }

// Write is net.Conn's.
func (c *Conn) Write(p []byte) (int, error) {
	c.out.p = p
	n, err := c.out.end(c.raw.Write(c.out.try))
	return n, c.named("write", err)
}

// named returns an error as package net has it.
func (c *Conn) named(op string, err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, ErrNothing) {
		return err
	}
	if of, ok := errors.AsType[*net.OpError](err); ok { // of net.RawConn, whose operations have names of their own
		err = of.Err
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}
