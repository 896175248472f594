//go:build !linux

package http1

import (
	"errors"
	"syscall"
)

// The lean loop needs Linux's epoll. Without newWatcher, net/http serves everything, and nothing
// else here is called.

type watcher struct{ done chan struct{} }

func newWatcher() (*watcher, error) { return nil, errors.ErrUnsupported }

func (*watcher) add(*conn) (uint64, error)  { return 0, errors.ErrUnsupported }
func (*watcher) remove(*conn, uint64, bool) {}
func (*watcher) close()                     {}

func ended(syscall.RawConn) bool { return false }
