package http1

import (
	"net"
	"slices"

	"outcrop/internal/socket"
)

// output writes to a connection's socket. It is used by one goroutine at a time.
type output struct {
	conn  *conn
	parts [3][]byte // what has not been written
	piece *[]byte   // the pooled buffer that parts[0] is in; nil if it is in none
	joint []byte    // copies of the parts, or the beginning of them, one after the other, in piece
	err   error
	try   func(fd uintptr) bool
}

// write writes head, which is in the pooled buffer piece, p and tail, if possible with one system
// call. While it waits for a client that does not read, it holds nothing but p and what is left of
// head.
func (o *output) write(piece *[]byte, head, p []byte, tail []byte) error {
	o.piece, o.parts = piece, [3][]byte{head, p, tail}
	o.joint = head
	if room := cap(head) - len(head); room >= len(p)+len(tail) {
		o.joint = append(append(o.joint, p...), tail...)
	} else if len(p) > 0 {
		o.joint = append(o.joint, p[:min(room, len(p))]...)
	}
	if o.try == nil {
		o.try = o.writeNow
	}
	err := o.conn.raw.Write(o.try)
	o.release()
	if err == nil {
		err = o.err
	}
	o.parts, o.err = [3][]byte{}, nil
	if err != nil {
		return &net.OpError{Op: "write", Net: "tcp", Addr: o.conn.nc.RemoteAddr(), Err: err}
	}
	return nil
}

// writeNow writes without waiting, and reports whether it is done.
func (o *output) writeNow(fd uintptr) bool {
	for {
		if done, again := o.writeOnce(fd); done || again {
			return done
		}
	}
}

// writeOnce makes one system call, if anything is left to write. again means that the socket has no
// room.
func (o *output) writeOnce(fd uintptr) (done, again bool) {
	next := o.joint
	for i := 0; len(next) == 0; i++ {
		if i == len(o.parts) {
			return true, false
		}
		next = o.parts[i]
	}
	n, again, err := socket.Write(fd, next)
	if err != nil {
		o.err = err
		return true, false
	}
	joint := len(o.joint) > 0
	o.skip(n)
	if joint && n < len(next) || again {
		o.release()
	}
	return false, again
}

// skip removes n bytes that have been written.
func (o *output) skip(n int) {
	o.joint = o.joint[min(n, len(o.joint)):]
	for i := range o.parts {
		k := min(n, len(o.parts[i]))
		o.parts[i] = o.parts[i][k:]
		n -= k
	}
}

// release puts the pooled buffer back, and keeps a copy of what is left in it and nowhere else.
func (o *output) release() {
	if o.piece == nil {
		return
	}
	o.joint = nil
	o.parts[0] = slices.Clone(o.parts[0])
	if len(o.parts[0]) == 0 {
		o.parts[0] = nil
	}
	o.conn.server.pieces.Put(o.piece)
	o.piece = nil
}
