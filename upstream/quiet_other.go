//go:build !unix

package upstream

import "net"

// quiet cannot be told here; a connection that was closed shows when it is used.
func quiet(net.Conn) bool { return true }
