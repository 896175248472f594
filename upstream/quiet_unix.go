//go:build unix

package upstream

import (
	"net"
	"syscall"

	"outcrop/internal/socket"
)

// quiet reports whether nothing has arrived on an idle connection: no data, no end, no error. It
// does not wait.
func quiet(c net.Conn) bool {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	silent := false
	err = raw.Read(func(fd uintptr) bool {
		silent = socket.Look(fd) == socket.Quiet
		return true
	})
	return err == nil && silent
}
