package door

import (
	"errors"
	"io"

	"outcrop/httpd/inbound"
	"outcrop/llm"
)

// MaxBurst is how much of a burst of events is collected before it is sent, in bytes.
const MaxBurst = 16 << 10

// Copy forwards the events of a stream until its end. If it breaks off, fail appends what tells the
// client so. A client that has gone ends it; closing the stream records that.
func Copy(events *inbound.Events, stream llm.RawStream, fail func(dst []byte, e *llm.Error) []byte) {
	var buf []byte
	var ev llm.RawEvent
	for {
		err := stream.Next(&ev)
		if err == nil && ev.Err != nil && ev.Data == nil {
			err = ev.Err
		}
		if err != nil {
			if e := llm.AsError(err); !errors.Is(err, io.EOF) && e.Code != llm.CodeClientGone {
				buf = fail(buf, e)
			}
			_ = events.Write(buf, len(buf) > 0) // the end of the response, which follows, sends it too
			return
		}
		more := ev.Err == nil && len(buf) < MaxBurst && stream.More()
		if len(buf) == 0 && !more {
			err = events.Write(ev.Data, false)
		} else if buf = append(buf, ev.Data...); !more {
			err = events.Write(buf, false)
			buf = buf[:0]
		}
		if err != nil || ev.Err != nil {
			return
		}
	}
}
