// Package port finds ports of this machine for programs that cannot be given port 0
// and asked which one they got. To choose a free port, close it and name it to a
// program is a race: until the program listens, anybody may be given that port. A
// Reserved one is given to nobody else.
package port

// Reserved is a port of 127.0.0.1 on which nobody listens. The system gives it to
// nobody who leaves the choice to it, neither to listen nor to connect from; a
// program that names it can listen on it if it sets SO_REUSEADDR, as servers do.
// A connection to it is refused until then.
//
// That is so on Linux. Elsewhere the port is merely free when it is chosen.
type Reserved struct {
	address string
	release func() error
}

// Address is the host and the port.
func (r *Reserved) Address() string { return r.address }

// Release ends the reservation; a program that listens on the port by then is not
// disturbed. It may be called once.
func (r *Reserved) Release() error { return r.release() }
