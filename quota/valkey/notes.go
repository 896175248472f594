package valkey

import "sync"

// notes are ids for a reader that may be slow. If it is too slow, it gets an empty id for those that it missed.
type notes struct {
	c chan string

	mu             sync.Mutex
	missed, closed bool
}

const maxNotes = 256

func newNotes() *notes { return &notes{c: make(chan string, maxNotes)} }

// send sends an id, without waiting for the reader.
func (n *notes) send(id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed || n.missed && !n.catchUp() {
		return
	}
	select {
	case n.c <- id:
	default:
		n.missed = true
	}
}

// flush tells the reader what it has missed, if it can be told now.
func (n *notes) flush() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.closed && n.missed {
		n.catchUp()
	}
}

// catchUp sends the empty id; n.mu is held.
func (n *notes) catchUp() bool {
	select {
	case n.c <- "":
		n.missed = false
	default:
	}
	return !n.missed
}

func (n *notes) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	close(n.c)
}
