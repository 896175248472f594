package eventstream

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// Limits of a frame, from the format's specification.
const (
	MaxFrame   = 16 << 20  // bytes of a whole frame
	MaxHeaders = 128 << 10 // bytes of a frame's headers
)

const (
	preludeLen = 12             // total length, headers length, their checksum
	overhead   = preludeLen + 4 // the bytes of a frame besides headers and payload
)

// A Decoder's buffer starts with space for a few frames of text, because a stream keeps it for as
// long as it is open. A burst that fills it grows it up to burstBuf; only a larger frame grows it
// further.
const (
	firstBuf = 1 << 10 // bytes
	burstBuf = 4 << 10 // bytes
)

// Errors in a stream of frames; test with errors.Is.
var (
	ErrTruncated = errors.New("the event stream ends inside a frame")
	ErrChecksum  = errors.New("an event stream frame's checksum does not match")
	ErrTooLarge  = errors.New("an event stream frame exceeds the format's limits")
	ErrMalformed = errors.New("an event stream frame is malformed")
)

// Decoder reads frames from a stream. It must be used by one goroutine.
type Decoder struct {
	r     io.Reader
	buf   []byte
	start int // of the data that is read but not yet returned
	end   int
	frame Frame
	err   error // the reader's own error after buf[:end]
}

// NewDecoder makes a Decoder that reads from r. It does not allocate before the first Next.
func NewDecoder(r io.Reader) *Decoder { return &Decoder{r: r} }

// Next returns the next frame, whose bytes stay valid until the following call. It returns io.EOF
// only if the stream ends between two frames. Any other error is one of the package's sentinels or
// wraps one, or is the reader's own.
func (d *Decoder) Next() (*Frame, error) {
	if err := d.fill(preludeLen); err != nil {
		return nil, err
	}
	prelude := d.buf[d.start:]
	if crc32.ChecksumIEEE(prelude[:8]) != binary.BigEndian.Uint32(prelude[8:]) {
		return nil, fmt.Errorf("%w (prelude)", ErrChecksum)
	}
	total, headers := binary.BigEndian.Uint32(prelude), binary.BigEndian.Uint32(prelude[4:])
	switch {
	case total > MaxFrame || headers > MaxHeaders:
		return nil, fmt.Errorf("%w: %d bytes, headers of %d", ErrTooLarge, total, headers)
	case total < overhead || headers > total-overhead:
		return nil, fmt.Errorf("%w: %d bytes, headers of %d", ErrMalformed, total, headers)
	}
	if err := d.fill(int(total)); err != nil {
		return nil, err
	}
	whole := d.buf[d.start : d.start+int(total)]
	body := len(whole) - 4
	if crc32.ChecksumIEEE(whole[:body]) != binary.BigEndian.Uint32(whole[body:]) {
		return nil, ErrChecksum
	}
	d.frame = Frame{headers: whole[preludeLen : preludeLen+headers], Payload: whole[preludeLen+headers : body]}
	if !wellFormed(d.frame.headers) {
		return nil, fmt.Errorf("%w: headers", ErrMalformed)
	}
	d.start += int(total)
	return &d.frame, nil
}

// More reports whether another complete frame has already been read, so that Next will not wait for
// the network.
func (d *Decoder) More() bool {
	ahead := d.buf[d.start:d.end]
	return len(ahead) >= overhead && uint64(len(ahead)) >= uint64(binary.BigEndian.Uint32(ahead))
}

// Release frees the buffer, including the last frame and everything read ahead. The Decoder must
// not be used afterwards.
func (d *Decoder) Release() { *d = Decoder{err: io.EOF} }

// fill reads until n bytes are buffered. A full buffer grows by doubling, so that a claimed length
// costs nothing before the bytes arrive.
func (d *Decoder) fill(n int) error {
	for d.end-d.start < n {
		if d.err != nil {
			if !errors.Is(d.err, io.EOF) {
				return d.err
			}
			if d.start < d.end {
				return ErrTruncated
			}
			return io.EOF
		}
		d.room()
		got, err := d.r.Read(d.buf[d.end:])
		if got < 0 || got > len(d.buf)-d.end {
			return errors.New("eventstream: the reader returned an invalid count")
		}
		d.end += got
		d.err = err
	}
	return nil
}

// room makes space after end: by moving unread data to the front, or by a larger buffer. A small
// buffer that is full has met a burst.
func (d *Decoder) room() {
	if d.start == d.end {
		d.start, d.end = 0, 0
	}
	switch {
	case d.end < len(d.buf):
	case d.start > 0 && len(d.buf) >= burstBuf:
		d.end = copy(d.buf, d.buf[d.start:d.end])
		d.start = 0
	default:
		grown := make([]byte, max(firstBuf, 2*len(d.buf)))
		d.end = copy(grown, d.buf[d.start:d.end])
		d.start, d.buf = 0, grown
	}
}
