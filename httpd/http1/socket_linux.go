package http1

import (
	"errors"
	"os"
	"sync"
	"syscall"

	"outcrop/internal/socket"
)

// ended reports whether nothing more will arrive on a socket: the client has closed it, or its
// sending half, and everything that it sent has been read. It neither waits nor reads anything.
func ended(raw syscall.RawConn) bool {
	var state socket.State
	err := raw.Control(func(fd uintptr) { state = socket.Look(fd) })
	return err != nil || state == socket.Ended || state == socket.Broken
}

// watcher notices when clients close their connections or the sending halves of them, without
// reading from the connections: an epoll instance of its own holds them all, and one goroutine waits
// for it. A connection costs one system call, whatever number of requests it carries.
type watcher struct {
	file *os.File
	raw  syscall.RawConn
	done chan struct{} // closed when the goroutine has ended

	mu     sync.Mutex
	fd     int // of file; valid until closed
	closed bool
	conns  map[uint64]*conn
	last   uint64 // the key that was given out last
}

// endEvents are the end of what the client sends, and, without being asked for, errors. They are
// reported once, when they happen: whoever is told remembers it.
const endEvents = syscall.EPOLLRDHUP | 1<<31 // EPOLLET, which package syscall has as a negative number

func newWatcher() (*watcher, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := syscall.SetNonblock(fd, true); err != nil { // makes os.NewFile hand it to the runtime's poller
		return nil, errors.Join(os.NewSyscallError("fcntl", err), syscall.Close(fd))
	}
	w := &watcher{file: os.NewFile(uintptr(fd), "epoll"), done: make(chan struct{}), fd: fd, conns: map[uint64]*conn{}}
	if w.raw, err = w.file.SyscallConn(); err != nil {
		return nil, errors.Join(err, w.file.Close())
	}
	go w.run()
	return w, nil
}

// run tells connections of their ends until close.
func (w *watcher) run() {
	defer close(w.done)
	var events [64]syscall.EpollEvent
	for {
		n := 0
		err := w.raw.Read(func(fd uintptr) bool {
			var err error
			n, err = syscall.EpollWait(int(fd), events[:], 0)
			return err == nil && n > 0
		})
		if err != nil {
			return
		}
		for _, e := range events[:n] {
			w.mu.Lock()
			c := w.conns[key(e)]
			w.mu.Unlock()
			if c != nil {
				c.hungUp()
			}
		}
	}
}

// event and key put a key into the data of an event and take it out.
func event(key uint64) syscall.EpollEvent {
	return syscall.EpollEvent{Events: endEvents, Fd: int32(key), Pad: int32(key >> 32)}
}

func key(e syscall.EpollEvent) uint64 { return uint64(uint32(e.Fd)) | uint64(uint32(e.Pad))<<32 }

// add watches a connection, and returns the key to remove it with. The end may be reported before
// add returns.
func (w *watcher) add(c *conn) (uint64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return 0, os.ErrClosed
	}
	w.last++
	k := w.last
	w.conns[k] = c
	var failure error
	err := c.raw.Control(func(fd uintptr) {
		e := event(k)
		failure = os.NewSyscallError("epoll_ctl", syscall.EpollCtl(w.fd, syscall.EPOLL_CTL_ADD, int(fd), &e))
	})
	if err = errors.Join(err, failure); err != nil {
		delete(w.conns, k)
		return 0, err
	}
	return k, nil
}

// remove ends watching a connection. The kernel forgets it when it is closed, so only open says
// that it must be told.
func (w *watcher) remove(c *conn, k uint64, open bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, k)
	if open && !w.closed {
		_ = c.raw.Control(func(fd uintptr) { // an event with a forgotten key is ignored anyway
			_ = syscall.EpollCtl(w.fd, syscall.EPOLL_CTL_DEL, int(fd), nil)
		})
	}
}

// close ends the goroutine.
func (w *watcher) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed {
		w.closed = true
		_ = w.file.Close()
	}
}
