package port

import (
	"fmt"
	"net/netip"
	"os"
	"syscall"
)

// Reserve reserves a port until Release. It binds a socket with SO_REUSEADDR and does not listen:
// another bind of the same port succeeds only if it sets SO_REUSEADDR too and asks for the port by
// number (inet_csk_bind_conflict of Linux, and ip(7) on SO_REUSEADDR).
func Reserve() (*Reserved, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	address, err := bind(fd)
	if err != nil {
		_ = syscall.Close(fd) // nothing has been written to it
		return nil, fmt.Errorf("port: reserve a port of 127.0.0.1: %w", err)
	}
	return &Reserved{address: address, release: func() error { return os.NewSyscallError("close", syscall.Close(fd)) }}, nil
}

// bind binds a socket to a port that the system chooses.
func bind(fd int) (address string, err error) {
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return "", os.NewSyscallError("setsockopt", err)
	}
	host := [4]byte{127, 0, 0, 1}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: host}); err != nil {
		return "", os.NewSyscallError("bind", err)
	}
	bound, err := syscall.Getsockname(fd)
	if err != nil {
		return "", os.NewSyscallError("getsockname", err)
	}
	in, ok := bound.(*syscall.SockaddrInet4)
	if !ok {
		return "", fmt.Errorf("getsockname: an address of type %T", bound)
	}
	return netip.AddrPortFrom(netip.AddrFrom4(in.Addr), uint16(in.Port)).String(), nil
}
