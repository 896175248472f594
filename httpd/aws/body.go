package aws

import (
	"net/http"
	"sync"

	"outcrop/gateway"
	"outcrop/httpd/inbound"
	"outcrop/internal/budget"
	"outcrop/llm"
)

// Large bodies share a budget of their own, besides the one for all calls: a body of this API exists
// once, so that it is received as fast as clients send, and what was received before is garbage until
// the next collection. With largeBodies times the largest request, both together stay below four
// times that size.
const (
	largeBodies = 2
	largeBody   = 1 << 20 // bytes
)

// received is a request's body with its share of the budget for large ones.
type received struct {
	*inbound.Body
	lease *budget.Lease // nil for a small body
	once  sync.Once
}

// Release makes the memory available to other requests. It may be called more than once.
func (b *received) Release() {
	b.once.Do(func() {
		b.Body.Release()
		b.lease.Release()
	})
}

// read reads a request's body. The error is an *llm.Error.
func (h *Handler) read(w http.ResponseWriter, r *http.Request, call *gateway.Call) (*received, error) {
	b := &received{}
	size := r.ContentLength
	if size < 0 {
		size = h.opt.MaxBody / 4 // unknown, and rarely as large
	}
	if size > largeBody && size <= h.opt.MaxBody {
		b.lease = h.bodies.Lease()
		if err := b.lease.Grow(r.Context(), size); err != nil {
			inbound.Unread(w, r)
			return nil, llm.Overloaded(err)
		}
	}
	var err error
	if b.Body, err = h.reader.Read(w, r, call.Lease()); err != nil {
		b.lease.Release()
		return nil, err
	}
	return b, nil
}
