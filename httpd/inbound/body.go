// Package inbound has what all HTTP frontends share: reading request bodies within bounds, and
// writing event streams with keep-alive comments.
package inbound

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"outcrop/internal/budget"
	"outcrop/llm"
)

// Weight is how many bytes of memory to reserve per byte of a body. A body exists as received,
// decoded and encoded for the provider, and growing buffers leave garbage: measured memory for
// texts was 2.2 (200 of 20 MB) to 3.6 times (one of 99 MB) their size.
const Weight = 4

// freeBody is how much of a body may arrive before memory for all of it is reserved: a client that
// only claims a length takes no memory from others. Waiting bodies hold this much, from the part of
// the budget for small leases.
const freeBody = firstBuffer

// A request's body must arrive within bodyTimeout plus the time for its size at bodyRate.
const (
	bodyTimeout = 30 * time.Second
	bodyRate    = 32 << 10 // bytes a second
)

// firstBuffer is allocated before anything has arrived, whatever length the client claims.
const firstBuffer = 8 << 10

// Memory is kept for later bodies in two pools, so that a short body does not occupy what a long one needs.
const (
	shortBody = 64 << 10
	keptBody  = 4 << 20 // larger ones are rare and not worth keeping
)

// Body is a request's body. Release frees its memory; Bytes must not be used afterwards.
type Body struct {
	Bytes []byte
	from  *Reader // nil after Release
}

// Release makes the memory available to another request.
func (b *Body) Release() {
	from := b.from
	switch b.from = nil; {
	case from == nil:
	case cap(b.Bytes) <= shortBody:
		b.Bytes = b.Bytes[:0]
		from.short.Put(b)
	case cap(b.Bytes) <= keptBody:
		b.Bytes = b.Bytes[:0]
		from.long.Put(b)
	default:
		b.Bytes = nil
	}
}

// body is memory for a body with a claimed length, preferably that of an earlier one.
func (rd *Reader) body(claimed int64) *Body {
	pool := &rd.short
	if claimed > shortBody {
		pool = &rd.long
	}
	b, _ := pool.Get().(*Body)
	if b == nil {
		b = &Body{Bytes: make([]byte, 0, firstBuffer)}
	}
	b.from = rd
	return b
}

// grow makes room for a body with a claimed length, or of unknown length if that is negative. The
// claim counts for at most sixteen times what has arrived.
func (b *Body) grow(claimed int64) {
	have := int64(len(b.Bytes))
	more := have
	if claimed >= have { // one extra byte to detect the end
		more = min(claimed-have+1, 15*have)
	}
	b.Bytes = slices.Grow(b.Bytes, int(more))
}

// Reader reads bodies of up to Limit bytes. Its zero value reads none.
type Reader struct {
	Limit int64
	// Weight is how many bytes of memory to reserve per byte of a body; the constant Weight if 0.
	Weight int64

	short, long sync.Pool // of *Body
}

// Read reads a request's body to its end. net/http closes a body that has not been read to its end
// when the response begins, which a client may see as a broken connection.
//
// The body's memory is taken from the lease, which remains the caller's: first for what has
// arrived, up to freeBody, then for the whole length at once, so that no two bodies wait for each
// other. A body of unknown length doubles its memory.
//
// The error is an *llm.Error with status 413, 408, 400, or 503 if there is no memory. The
// connection then ends with its response, see Unread.
func (rd *Reader) Read(w http.ResponseWriter, r *http.Request, lease *budget.Lease) (*Body, error) {
	b, err := rd.read(w, r, lease)
	if err != nil {
		Unread(w, r)
		return nil, err
	}
	delete(w.Header(), "Connection")
	visitOf(r).mark(serving)
	return b, nil
}

func (rd *Reader) read(w http.ResponseWriter, r *http.Request, lease *budget.Lease) (*Body, error) {
	limit := rd.Limit
	if total := lease.Total(); total > 0 && total < limit {
		limit = total
	}
	if r.ContentLength > limit {
		return nil, rd.tooLarge(limit)
	}
	covered := int64(freeBody) // the length for which the lease has memory
	if r.ContentLength >= 0 {
		covered = min(covered, r.ContentLength+1) // one extra byte to detect the end
	}
	weight := cmp.Or(rd.Weight, Weight)
	control := http.NewResponseController(w)
	if r.ProtoMajor >= 2 {
		_ = control.SetReadDeadline(time.Time{}) // that of Unread would end the body for good, even if the wait is for memory
	}
	full := lease.Grow(r.Context(), covered*weight) // without memory the body is read and discarded, so that the client gets to read the response
	b := rd.body(r.ContentLength)
	start := time.Now()
	deadline := start.Add(bodyTimeout)
	err := control.SetReadDeadline(deadline) // not every ResponseWriter supports deadlines
	deadlines := err == nil
	var read int64
	for {
		if read >= covered && full == nil {
			more := min(covered, limit+1)
			if r.ContentLength >= covered {
				more = r.ContentLength + 1 - covered
			}
			asked := time.Now()
			full = lease.Grow(r.Context(), more*weight)
			covered += more
			start = start.Add(time.Since(asked)) // the client is not to blame for the wait
		}
		if late := start.Add(bodyTimeout + time.Duration(read)*time.Second/bodyRate); deadlines && late.Sub(deadline) > time.Second {
			deadline = late
			deadlines = control.SetReadDeadline(deadline) == nil
		}
		room := min(int64(cap(b.Bytes)), covered)
		switch {
		case full != nil:
			b.Bytes, room = b.Bytes[:0], int64(cap(b.Bytes))
		case len(b.Bytes) == cap(b.Bytes):
			b.grow(r.ContentLength)
			room = min(int64(cap(b.Bytes)), covered)
		}
		n, err := r.Body.Read(b.Bytes[len(b.Bytes):room])
		b.Bytes = b.Bytes[:len(b.Bytes)+n]
		read += int64(n)
		switch {
		case read > limit:
			return nil, rd.tooLarge(limit)
		case errors.Is(err, io.EOF):
			if deadlines {
				_ = control.SetReadDeadline(time.Time{}) // setting it worked, so resetting it does
			}
			if full != nil {
				b.Release()
				return nil, llm.Overloaded(full)
			}
			return b, nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil, &llm.Error{
				Code: llm.CodeSlowClient, Status: 408, Message: "the request did not arrive in time.",
				Fix: "Send the whole body at once, with a correct Content-Length.", Err: err,
			}
		case err != nil:
			return nil, &llm.Error{Code: llm.CodeBadRequest, Status: 400, Message: "the request body cannot be read: " + err.Error(), Err: err}
		}
	}
}

func (rd *Reader) tooLarge(limit int64) error {
	e := llm.Invalid("", "the request is too large (limit %d MB).", limit>>20)
	e.Code, e.Status = llm.CodeTooLarge, 413
	e.Fix = "Send a smaller request, or raise general_settings.max_request_size_mb."
	if limit < rd.Limit {
		e.Fix = "Send a smaller request, or raise general_settings.max_in_flight_mb, the memory for all requests and responses in flight."
	}
	return e
}
