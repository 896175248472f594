package eventstream

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"
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

// A Decoder reads with room for a burst of frames of text, so that a burst takes few system calls: what
// has been read at once is also sent at once. A frame larger than that is read into a buffer of largeBuf
// or more.
const (
	burstBuf = 4 << 10 // bytes
	largeBuf = 8 << 10 // bytes
)

// leastRoom is the room for which a read is worth its system call, in bytes.
const leastRoom = burstBuf / 2

// Errors in a stream of frames; test with errors.Is.
var (
	ErrTruncated = errors.New("the event stream ends inside a frame")
	ErrChecksum  = errors.New("an event stream frame's checksum does not match")
	ErrTooLarge  = errors.New("an event stream frame exceeds the format's limits")
	ErrMalformed = errors.New("an event stream frame is malformed")

	errHeaders = fmt.Errorf("%w: headers", ErrMalformed)
	errCount   = errors.New("eventstream: the reader returned an impossible count")
)

// Buffers are shared by many Decoders, since each needs one only while a frame is read and used. The
// zero value is ready for use by many goroutines.
type Buffers struct {
	burst sync.Pool // of *[burstBuf]byte
	large sync.Pool // of *[largeBuf]byte
}

// take returns a buffer of a size.
func (b *Buffers) take(size int) []byte {
	if b != nil {
		switch size {
		case burstBuf:
			if buf, ok := b.burst.Get().(*[burstBuf]byte); ok {
				return buf[:]
			}
		case largeBuf:
			if buf, ok := b.large.Get().(*[largeBuf]byte); ok {
				return buf[:]
			}
		}
	}
	return make([]byte, size)
}

// Lend returns memory for a burst, and TakeBack takes it back.
func (b *Buffers) Lend() []byte { return b.take(burstBuf) }

// TakeBack takes back what Lend has returned.
func (b *Buffers) TakeBack(p []byte) { b.put(p) }

func (b *Buffers) put(buf []byte) {
	if b == nil {
		return
	}
	switch len(buf) {
	case burstBuf:
		b.burst.Put((*[burstBuf]byte)(buf))
	case largeBuf:
		b.large.Put((*[largeBuf]byte)(buf))
	}
}

// Decoder reads frames from a stream. It is for one goroutine.
type Decoder struct {
	r      io.Reader
	shared *Buffers // nil if buffers are not shared
	buf    []byte
	start  int // of the data that is read but not yet returned
	end    int
	frame  Frame
	err    error // the reader's own error after buf[:end]
}

// NewDecoder makes a Decoder that reads from r. It does not allocate before the first Next.
func NewDecoder(r io.Reader) *Decoder { return &Decoder{r: r} }

// Share makes the Decoder take its buffers from b, and give them back with Trim. It is
// called before the first Next.
func (d *Decoder) Share(b *Buffers) { d.shared = b }

// Next gives the next frame, whose bytes stay valid until the following call. It
// returns io.EOF only where the stream ends between two frames. Otherwise the
// error is one of the package's sentinels or wraps one, or it is the reader's own.
func (d *Decoder) Next() (*Frame, error) {
	if err := d.fill(preludeLen); err != nil {
		return nil, err
	}
	total, headers, err := lengths(d.buf[d.start:])
	if err != nil {
		return nil, err
	}
	if err := d.fill(int(total)); err != nil {
		return nil, err
	}
	whole := d.buf[d.start : d.start+int(total)]
	body := len(whole) - 4
	if crc32.ChecksumIEEE(whole[:body]) != binary.BigEndian.Uint32(whole[body:]) {
		return nil, ErrChecksum
	}
	d.frame = Frame{Raw: whole, headers: whole[preludeLen : preludeLen+headers], Payload: whole[preludeLen+headers : body]}
	if !wellFormed(d.frame.headers) {
		return nil, errHeaders
	}
	d.start += int(total)
	return &d.frame, nil
}

// lengths reads the prelude of a frame. It is apart from Next because its stack would come on top of what a waiting stream needs.
//
//go:noinline
func lengths(prelude []byte) (total, headers uint32, err error) {
	if crc32.ChecksumIEEE(prelude[:8]) != binary.BigEndian.Uint32(prelude[8:]) {
		return 0, 0, fmt.Errorf("%w (prelude)", ErrChecksum)
	}
	total, headers = binary.BigEndian.Uint32(prelude), binary.BigEndian.Uint32(prelude[4:])
	switch {
	case total > MaxFrame || headers > MaxHeaders:
		return 0, 0, fmt.Errorf("%w: %d bytes, headers of %d", ErrTooLarge, total, headers)
	case total < overhead || headers > total-overhead:
		return 0, 0, fmt.Errorf("%w: %d bytes, headers of %d", ErrMalformed, total, headers)
	}
	return total, headers, nil
}

// arrived is a reader that can also read without waiting: it returns 0 and no error if nothing has
// arrived.
type arrived interface {
	ReadArrived(p []byte) (int, error)
}

// lent is a reader that takes memory only when something has arrived. p is given back later; it is nil if n is 0.
type lent interface {
	ReadLent(m interface {
		Lend() []byte
		TakeBack(p []byte)
	}) (p []byte, n int, err error)
}

// More reports whether Next will not wait for the network: another complete frame has been read, or
// has arrived, or the stream has ended. The last frame's bytes stay valid.
func (d *Decoder) More() bool {
	if d.whole() {
		return true
	}
	r, ok := d.r.(arrived)
	if !ok || d.err != nil {
		return d.r != nil && d.err != nil
	}
	if d.buf == nil {
		d.buf = d.shared.take(burstBuf)
	}
	if space := d.buf[d.end:]; len(space) >= leastRoom/2 {
		var got int
		if got, d.err = r.ReadArrived(space); got > 0 {
			d.end += min(got, len(space))
		}
	}
	more := d.whole() || d.err != nil
	if d.end == 0 {
		d.Trim()
	}
	return more
}

// whole reports whether a complete frame lies ahead.
func (d *Decoder) whole() bool {
	ahead := d.buf[d.start:d.end]
	return len(ahead) >= overhead && uint64(len(ahead)) >= uint64(binary.BigEndian.Uint32(ahead))
}

// Trim gives back the buffer if nothing has been read ahead. A stream does not hold it
// while what was read is passed on, which takes as long as the client likes. The last
// frame's bytes are not valid afterwards.
func (d *Decoder) Trim() {
	if d.start != d.end || d.shared == nil && len(d.buf) <= burstBuf {
		return
	}
	d.shared.put(d.buf)
	d.buf, d.start, d.end, d.frame = nil, 0, 0, Frame{}
}

// Release lets go of the buffer, and with it of the last frame and of what was
// read ahead. The Decoder is not used afterwards.
func (d *Decoder) Release() { *d = Decoder{err: io.EOF} }

// fill reads until n bytes lie ahead, and nothing behind them if they are more than a
// burst. The buffer grows by doubling when it is full, so that a large length that is
// claimed costs nothing before the bytes come.
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
		if r, ok := d.r.(lent); ok && d.buf == nil && d.shared != nil {
			d.buf, d.end, d.err = r.ReadLent(d.shared)
			if d.end < 0 || d.end > len(d.buf) {
				return errCount
			}
			continue
		}
		d.room(n)
		space := d.buf[d.end:]
		if n > burstBuf {
			space = space[:min(len(space), d.start+n-d.end)]
		}
		got, err := d.r.Read(space)
		if got < 0 || got > len(space) {
			return errCount
		}
		d.end += got
		d.err = err
	}
	return nil
}

// room makes place behind end, where n bytes from start on are wanted: by moving what
// lies ahead to the front, if there is little, since each read is a system call, or by a
// larger buffer, if this one is full, or there has been more than it has place for.
func (d *Decoder) room(n int) {
	if d.start == d.end {
		d.start, d.end = 0, 0
	}
	size := len(d.buf)
	switch {
	case n > burstBuf && size <= burstBuf:
		size = largeBuf
	case size == 0:
		size = burstBuf
	case d.start == 0 && d.end == size:
		size *= 2
	case d.start > 0 && size-d.end < leastRoom:
		d.end = copy(d.buf, d.buf[d.start:d.end])
		d.start = 0
		return
	default:
		return
	}
	larger := d.shared.take(size)
	d.end = copy(larger, d.buf[d.start:d.end])
	d.shared.put(d.buf)
	d.start, d.buf = 0, larger
}
