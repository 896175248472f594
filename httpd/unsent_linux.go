package httpd

import (
	"net"
	"syscall"
)

// tcpNotsentLowat is the socket option TCP_NOTSENT_LOWAT (25 in Linux's uapi/linux/tcp.h).
const tcpNotsentLowat = 25

// mostUnsent is how much of a response the kernel takes beyond what it could send.
const mostUnsent = 128 << 10 // bytes

// limitUnsent bounds what the kernel holds of a response whose client reads slowly or not at all.
// Without it a socket takes up to 4 MB (tcp_wmem in tcp(7)), and the provider's socket, which is read
// as fast as that, grows to 6 MB (tcp_rmem): memory that counts for the gateway's container and that
// Go does not see. The window is not limited, so a fast client does not notice. The option is set for
// each connection, because connections do not inherit it from a listener that accepts Multipath TCP,
// which Go's do. On a kernel without it nothing changes.
func limitUnsent(c *net.TCPConn) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotsentLowat, mostUnsent)
	})
}
