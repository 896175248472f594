//go:build !linux

package httpd

import "net"

// limitUnsent does nothing: it is known how only for Linux.
func limitUnsent(*net.TCPConn) {}
