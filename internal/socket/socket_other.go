//go:build !unix

package socket

import (
	"errors"
	"net"
)

// Read is not known here.
func Read(uintptr, []byte) (n int, again bool, err error) { return 0, false, errors.ErrUnsupported }

// Write is not known here.
func Write(uintptr, []byte) (n int, again bool, err error) { return 0, false, errors.ErrUnsupported }

// State is what has arrived on a socket and was not read.
type State int

// The states of a socket.
const (
	Quiet State = iota
	Data
	Ended
	Broken
)

// Look is not known here.
func Look(uintptr) State { return Broken }

// New returns c.
func New(c net.Conn) net.Conn { return c }

// Conn is not known here.
type Conn struct{ net.Conn }

// Look is not known here.
func (*Conn) Look() State { return Quiet }

// Now does nothing.
func (*Conn) Now(bool) {}

// Memory is lent to read into, and taken back.
type Memory = interface {
	Lend() []byte
	TakeBack(p []byte)
}

// ReadLent is Read into memory of m, which the caller gives back.
func (c *Conn) ReadLent(m Memory) (p []byte, n int, err error) {
	p = m.Lend()
	if n, err = c.Read(p); n == 0 {
		m.TakeBack(p)
		p = nil
	}
	return p, n, err
}

// Waited is not known here.
func (*Conn) Waited() bool { return true }

// ErrNothing is not known here.
var ErrNothing = errors.New("nothing has arrived")
