// Package port reserves ports of this machine for programs that cannot listen on port 0 and report
// the port that they got. Choosing a free port, closing it and passing it to a program is a race:
// until the program listens, any process may get that port. A Reserved port is given to no other
// process.
package port

// Reserved is a port of 127.0.0.1 without a listener. The system assigns it to no process that lets
// the system choose a port, neither for listening nor for connecting; a program that asks for it by
// number can listen on it if it sets SO_REUSEADDR, as servers do. Until then connections to it are
// refused.
//
// This holds on Linux. Elsewhere the port is merely free when it is chosen.
type Reserved struct {
	address string
	release func() error
}

// Address is the host and the port.
func (r *Reserved) Address() string { return r.address }

// Release ends the reservation; a program that already listens on the port is not affected. It may
// be called once.
func (r *Reserved) Release() error { return r.release() }
