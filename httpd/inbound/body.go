// Package inbound is what all front doors share on the way in and out over HTTP:
// request bodies read whole within bounds, and event streams written with
// keep-alive comments.
package inbound

import (
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

// Weight is how many bytes of memory a byte of a body counts as. A body is held as it
// came, decoded and encoded for the provider, and the buffers that grow with it leave
// garbage: texts took 2.2 (200 of 20 MB) to 3.6 times (one of 99 MB) their size.
const Weight = 4

// freeBody is what a body may bring before the budget is asked for all of it: who only
// claims a length takes no memory from others. Bodies that wait hold this much, of the
// part of the budget that is there for small ones.
const freeBody = firstBuffer

// A request's body must arrive within bodyTimeout plus the time that its bytes
// take at bodyRate.
const (
	bodyTimeout = 30 * time.Second
	bodyRate    = 32 << 10 // bytes a second
)

// firstBuffer is what is set aside before anything has arrived, whatever length
// the client claims.
const firstBuffer = 8 << 10

// Body is a request's body. Release gives its memory back; Bytes must not be
// used after.
type Body struct {
	Bytes []byte
	pool  *sync.Pool
}

// Release gives the memory back for another request.
func (b *Body) Release() {
	if b.pool != nil && cap(b.Bytes) <= 1<<20 { // what is larger is rare and not worth holding
		b.Bytes = b.Bytes[:0]
		b.pool.Put(b)
	}
}

// grow makes room for a body that is said to be of a length, or of none if that
// is negative. The claim counts for no more than sixteen times what has arrived.
func (b *Body) grow(claimed int64) {
	have := int64(len(b.Bytes))
	more := have
	if claimed >= have { // one byte more, in which the end is met
		more = min(claimed-have+1, 15*have)
	}
	b.Bytes = slices.Grow(b.Bytes, int(more))
}

// Reader reads bodies of up to Limit bytes. Its zero value reads none.
type Reader struct {
	Limit int64
	pool  sync.Pool
}

// Read reads a request's body to its end. net/http closes a body that is not
// read to its end at the answer's first byte, which a client may see as a broken
// connection.
//
// The body's memory is taken from the lease, which stays with the caller: first for
// what has come, up to freeBody, then for the whole length at once, so that no two
// bodies wait for each other. One without a length takes more by doubling.
//
// The error is an *llm.Error with status 413, 408, 400, or 503 if there is no memory.
// The connection ends with its answer then, as Unread has it.
func (rd *Reader) Read(w http.ResponseWriter, r *http.Request, lease *budget.Lease) (*Body, error) {
	b, err := rd.read(w, r, lease)
	if err != nil {
		Unread(w, r)
		return nil, err
	}
	delete(w.Header(), "Connection")
	mark(r, serving)
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
	covered := int64(freeBody) // bytes of the body that the lease has memory for
	if r.ContentLength >= 0 {
		covered = min(covered, r.ContentLength+1) // one byte more, in which the end is met
	}
	full := lease.Grow(r.Context(), covered*Weight) // without memory what comes is thrown away, so that the client comes to read the answer
	b, _ := rd.pool.Get().(*Body)
	if b == nil {
		b = &Body{Bytes: make([]byte, 0, firstBuffer), pool: &rd.pool}
	}
	control := http.NewResponseController(w)
	start := time.Now()
	deadline := start.Add(bodyTimeout)
	err := control.SetReadDeadline(deadline) // not every ResponseWriter has deadlines; then there are none
	deadlines := err == nil
	var read int64
	for {
		if read >= covered && full == nil {
			more := min(covered, limit+1)
			if r.ContentLength >= covered {
				more = r.ContentLength + 1 - covered
			}
			asked := time.Now()
			full = lease.Grow(r.Context(), more*Weight)
			covered += more
			start = start.Add(time.Since(asked)) // the wait is not the client's
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
				_ = control.SetReadDeadline(time.Time{}) // it could be set, so it can be lifted
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
