package door

import (
	"errors"
	"io"
	"net/http"
	"sync"

	"outcrop/gateway"
	"outcrop/httpd/inbound"
	"outcrop/llm"
)

// MaxBurst is how much of a burst of events is collected before it is sent, in bytes.
const MaxBurst = 16 << 10

// usualBurst is the room for a burst at first, in bytes; keptBurst is the largest that is kept.
const (
	usualBurst = 4 << 10
	keptBurst  = 2 * MaxBurst
)

// Bursts is memory for bursts of events that many streams use, each only while it has one. The zero value
// is ready for use.
type Bursts struct{ pool sync.Pool }

// Take returns empty memory, for Give to take back.
func (b *Bursts) Take() *[]byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return p
	}
	p := make([]byte, 0, usualBurst)
	return &p
}

// Give takes memory back, which must not be used afterwards.
func (b *Bursts) Give(p *[]byte) {
	if cap(*p) <= keptBurst {
		*p = (*p)[:0]
		b.pool.Put(p)
	}
}

// Rest is Copy for the rest of a response, see inbound.Continue. It closes events and stream at the end, and tells the client of a panic. It is
// the last thing that a handler does.
func (b *Bursts) Rest(w http.ResponseWriter, call *gateway.Call, events *inbound.Events, stream llm.RawStream, fail func(dst []byte, e *llm.Error) []byte) {
	inbound.Continue(w, func() {
		defer stream.Close()
		defer events.Close()
		defer ReportPanic(events, call, fail)
		b.Copy(events, stream, fail)
	})
}

// Copy forwards the events of a stream until its end. If it breaks off, fail appends what tells the
// client so. A client that has gone ends it; closing the stream records that.
func (b *Bursts) Copy(events *inbound.Events, stream llm.RawStream, fail func(dst []byte, e *llm.Error) []byte) {
	var burst *[]byte // nil outside a burst
	var ev llm.RawEvent
	for {
		err := stream.Next(&ev)
		if err == nil && ev.Err != nil && ev.Data == nil {
			err = ev.Err
		}
		if err != nil {
			var rest []byte
			if burst != nil {
				rest = *burst
			}
			if e := llm.AsError(err); !errors.Is(err, io.EOF) && e.Code != llm.CodeClientGone {
				rest = fail(rest, e)
			}
			_ = events.Write(rest, len(rest) > 0) // the end of the response, which follows, sends it too
			if burst != nil {
				b.Give(burst)
			}
			return
		}
		more := ev.Err == nil && (burst == nil || len(*burst) < MaxBurst) && stream.More()
		switch {
		case burst == nil && !more:
			err = events.Write(ev.Data, false)
		case more:
			if burst == nil {
				burst = b.Take()
			}
			*burst = append(*burst, ev.Data...)
		default:
			*burst = append(*burst, ev.Data...)
			err = events.Write(*burst, false)
			b.Give(burst)
			burst = nil
		}
		if err != nil || ev.Err != nil {
			return
		}
	}
}
