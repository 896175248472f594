//go:build linux && !race

package socket

import (
	"syscall"
	"unsafe"
)

// mostCopied is the largest write whose time does not matter to the scheduler: copying it takes a few
// microseconds. The kernel copies and sends a larger one for so long that others should get the
// processor.
const mostCopied = 64 << 10

// read and write are the system calls. The scheduler does not know of them, which is right for sockets
// that do not block, and for nothing else.

func read(fd uintptr, p []byte) (int, error) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p))) //nolint:gosec // the pointer is converted in the call, as package unsafe allows
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

func write(fd uintptr, p []byte) (int, error) {
	if len(p) > mostCopied {
		return syscall.Write(int(fd), p)
	}
	n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p))) //nolint:gosec // as above
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

func peek(fd uintptr, p []byte) (int, error) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), syscall.MSG_PEEK|syscall.MSG_DONTWAIT, 0, 0) //nolint:gosec // as above
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
