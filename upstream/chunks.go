package upstream

import (
	"errors"
	"fmt"
	"math"

	"outcrop/internal/httpfield"
)

// Bounds of a chunked body's framing, in bytes.
const (
	maxChunkLine = 4 << 10 // of a chunk's size and its extensions
	maxDigits    = 16      // of a size
	maxTrailer   = 64 << 10
)

// errChunks is a body whose framing is not that of RFC 9112, section 7.1.
var errChunks = errors.New("the response's chunked encoding is malformed")

// chunkState is what comes next in a chunked body.
type chunkState uint8

const (
	chunkSize      chunkState = iota // the first digit of a size
	chunkDigits                      // more digits, or the end of the size
	chunkSpace                       // white space after a size
	chunkExtension                   // until the end of the line
	chunkSizeEnd                     // the line feed after a size
	chunkData
	chunkEnd         // the carriage return after data
	chunkEndFeed     // its line feed
	trailerStart     // a trailer's line, or the end
	trailerLine      // until the end of the line
	trailerFinalFeed // the line feed of the last line
	chunksOver
)

// chunks removes the framing of a chunked body.
type chunks struct {
	state   chunkState
	left    uint64 // bytes of the chunk
	line    int    // bytes of the line so far
	trailed []byte // the trailer so far
}

// over reports whether the body has ended.
func (c *chunks) over() bool { return c.state == chunksOver }

// decode removes the framing from p, which follows what earlier calls had. p[:n] is then what it
// carries, and p[used:] is what follows the body; used is len(p) before the body's end.
func (c *chunks) decode(p []byte) (n, used int, err error) {
	for used < len(p) && c.state != chunksOver {
		if c.state == chunkData {
			m := copy(p[n:], p[used:used+int(min(c.left, uint64(len(p)-used)))])
			n += m
			used += m
			if c.left -= uint64(m); c.left == 0 {
				c.state = chunkEnd
			}
			continue
		}
		if err := c.step(p[used]); err != nil {
			return n, used, err
		}
		used++
	}
	return n, used, nil
}

// step takes one byte of the framing. Lines end with a carriage return and a line feed, as net/http
// wants them too.
func (c *chunks) step(b byte) error {
	switch c.state {
	case chunkSize, chunkDigits, chunkSpace, chunkExtension:
		return c.size(b)
	case chunkSizeEnd:
		return c.feed(b, c.afterSize())
	case chunkEnd:
		if b != '\r' {
			return errChunks
		}
		c.state = chunkEndFeed
	case chunkEndFeed:
		return c.feed(b, chunkSize)
	case trailerStart, trailerLine:
		return c.trailer(b)
	case trailerFinalFeed:
		if err := c.feed(b, chunksOver); err != nil {
			return err
		}
		if _, err := httpfield.Parse(string(c.trailed)); err != nil {
			return fmt.Errorf("%w: %w", errChunks, err)
		}
		c.trailed = nil
	case chunkData, chunksOver:
	}
	return nil
}

// feed takes a line feed, which next follows.
func (c *chunks) feed(b byte, next chunkState) error {
	if b != '\n' {
		return errChunks
	}
	c.state, c.line = next, 0
	return nil
}

// afterSize is what follows the line with a chunk's size.
func (c *chunks) afterSize() chunkState {
	if c.left == 0 {
		return trailerStart
	}
	return chunkData
}

// size takes a byte of the line with a chunk's size.
func (c *chunks) size(b byte) error {
	if c.line++; c.line > maxChunkLine {
		return errChunks
	}
	digit, isDigit := hexDigit(b)
	switch {
	case isDigit && (c.state == chunkSize || c.state == chunkDigits):
		if c.state == chunkSize {
			c.state, c.left = chunkDigits, 0
		}
		if c.line > maxDigits || c.left > math.MaxInt64>>4 {
			return errChunks
		}
		c.left = c.left<<4 | uint64(digit)
	case c.state == chunkSize || b == '\n':
		return errChunks
	case b == '\r':
		c.state = chunkSizeEnd
	case c.state == chunkExtension:
	case b == ';' && c.state == chunkDigits:
		c.state = chunkExtension
	case b == ' ' || b == '\t':
		c.state = chunkSpace
	default:
		return errChunks
	}
	return nil
}

// hexDigit reads a hexadecimal digit.
func hexDigit(b byte) (value byte, ok bool) {
	switch {
	case b >= '0' && b <= '9':
		return b - '0', true
	case b >= 'a' && b <= 'f':
		return b - 'a' + 10, true
	case b >= 'A' && b <= 'F':
		return b - 'A' + 10, true
	default:
		return 0, false
	}
}

// trailer takes a byte of the fields after the last chunk, which must be well formed, and which nobody
// needs.
func (c *chunks) trailer(b byte) error {
	if c.state == trailerStart && b == '\r' {
		c.state = trailerFinalFeed
		return nil
	}
	if c.trailed = append(c.trailed, b); len(c.trailed) > maxTrailer {
		return errChunks
	}
	c.state = trailerLine
	if b == '\n' {
		c.state = trailerStart
	}
	return nil
}
