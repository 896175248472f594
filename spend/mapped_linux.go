package spend

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// mapped is a segment that is written to in memory which the kernel shares with the file: what is written survives the end of the
// process as with write(2), without a system call for each record. What is reserved and not written is zero.
type mapped struct {
	f    *os.File
	data []byte // the whole reserved file
	size int    // what has been written
}

// newMapped takes a file that is empty. If the file system cannot reserve space or share memory, it is an error, and f stays as it is.
func newMapped(f *os.File) (*mapped, error) {
	m := &mapped{f: f}
	if err := m.reserve(reservedBytes); err != nil {
		return nil, errors.Join(err, f.Truncate(0))
	}
	return m, nil
}

// reserve makes the file larger. Its blocks are there afterwards, so that a full disk shows here.
func (m *mapped) reserve(size int64) error {
	fd := int(m.f.Fd()) // the file is never polled, so that blocking mode changes nothing
	if err := unix.Fallocate(fd, 0, 0, size); err != nil {
		return os.NewSyscallError("fallocate", err)
	}
	data, err := unix.Mmap(fd, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return os.NewSyscallError("mmap", err)
	}
	var old []byte
	old, m.data = m.data, data
	if old == nil {
		return nil
	}
	return os.NewSyscallError("munmap", unix.Munmap(old))
}

// Write appends p as a whole or not at all.
func (m *mapped) Write(p []byte) (n int, err error) {
	if end := int64(m.size + len(p)); end > int64(len(m.data)) {
		if err := m.reserve(end + reservedBytes); err != nil {
			return 0, err
		}
	}
	if err := m.copy(p); err != nil {
		return 0, err
	}
	m.size += len(p)
	return len(p), nil
}

// copy writes behind what has been written. A page that the disk cannot give, because somebody has made the file shorter or the disk
// fails, is an error: without SetPanicOnFault it would end the process.
func (m *mapped) copy(p []byte) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("write to the file's memory: %v", fault)
		}
	}()
	copy(m.data[m.size:], p)
	return nil
}

// Truncate makes everything behind a size zero, which is not part of the segment.
func (m *mapped) Truncate(size int64) error {
	clear(m.data[size:])
	m.size = int(size)
	return nil
}

// Sync returns when the disk has what was written.
func (m *mapped) Sync() error { return m.f.Sync() }

// Close gives back what was reserved and not written.
func (m *mapped) Close() error {
	err := os.NewSyscallError("munmap", unix.Munmap(m.data))
	m.data = nil
	return errors.Join(err, m.f.Truncate(int64(m.size)), m.f.Close())
}

// shared returns f for writing without system calls, or f itself where that is not possible.
func shared(f *os.File) file {
	m, err := newMapped(f)
	if err != nil {
		return f
	}
	return m
}
