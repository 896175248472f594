// Package eventstream reads and writes AWS's binary frames, the media type
// application/vnd.amazon.eventstream
// (https://smithy.io/2.0/aws/amazon-eventstream.html). All integers are big
// endian:
//
//	u32 total length | u32 headers length | u32 CRC-32 of the eight bytes before
//	headers: u8 name length, name, u8 type, value
//	payload
//	u32 CRC-32 of all before
package eventstream

import (
	"encoding/binary"
	"hash/crc32"
	"iter"
)

// Names of the headers that AWS's services send.
const (
	HeaderMessageType   = ":message-type"   // event, exception or error
	HeaderEventType     = ":event-type"     // of an event: the member's name
	HeaderExceptionType = ":exception-type" // of an exception: the member's name
	HeaderErrorCode     = ":error-code"     // of an error
	HeaderErrorMessage  = ":error-message"  // of an error
	HeaderContentType   = ":content-type"   // of the payload
)

// MediaType is the content type of a stream of frames.
const MediaType = "application/vnd.amazon.eventstream"

// Types of a header's value.
const (
	typeTrue byte = iota
	typeFalse
	typeInt8
	typeInt16
	typeInt32
	typeInt64
	typeBytes // u16 length before it
	typeString
	typeTimestamp // milliseconds, 8 bytes
	typeUUID
)

const maxValue = 1<<15 - 1 // bytes of a value of variable length, by the specification

// Frame is one message of a stream.
type Frame struct {
	// Raw is the whole frame as it was read, with its checksums, which are right. It aliases the
	// Decoder's buffer.
	Raw     []byte
	headers []byte // known to be well formed
	// Payload aliases the Decoder's buffer.
	Payload []byte
}

// Header returns the value of the header of that name, nil if there is none or its value is not a
// string. It does not allocate, and aliases the Decoder's buffer.
func (f *Frame) Header(name string) []byte {
	for n, value := range f.Headers() {
		if string(n) == name {
			return value
		}
	}
	return nil
}

// Headers iterates over the headers with string values, in order. It skips values of the other nine
// types, which Bedrock does not send.
func (f *Frame) Headers() iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for rest := f.headers; len(rest) > 0; {
			name, kind, value, n := header(rest)
			if kind == typeString && !yield(name, value) {
				return
			}
			rest = rest[n:]
		}
	}
}

// header splits off the first header of b, which takes n bytes; n is 0 if it is not well formed.
// value excludes the length that precedes a value of variable length.
func header(b []byte) (name []byte, kind byte, value []byte, n int) {
	at := 1 + int(b[0])
	if b[0] == 0 || len(b) < at+1 {
		return nil, 0, nil, 0
	}
	name, kind = b[1:at], b[at]
	at++
	size := 0
	switch kind {
	case typeTrue, typeFalse:
	case typeInt8:
		size = 1
	case typeInt16:
		size = 2
	case typeInt32:
		size = 4
	case typeInt64, typeTimestamp:
		size = 8
	case typeUUID:
		size = 16
	case typeBytes, typeString:
		if len(b) < at+2 {
			return nil, 0, nil, 0
		}
		size = int(binary.BigEndian.Uint16(b[at:]))
		at += 2
	default:
		return nil, 0, nil, 0
	}
	if len(b) < at+size {
		return nil, 0, nil, 0
	}
	return name, kind, b[at : at+size], at + size
}

func wellFormed(headers []byte) bool {
	for len(headers) > 0 {
		_, _, _, n := header(headers)
		if n == 0 {
			return false
		}
		headers = headers[n:]
	}
	return true
}

// Header is a header with a string value.
type Header struct{ Name, Value string }

// Append appends a complete frame. Names have 1 to 255 bytes; a value is truncated at 32,767 bytes.
// The caller respects MaxFrame and MaxHeaders.
func Append(dst []byte, headers []Header, payload []byte) []byte {
	begin := len(dst)
	dst = Begin(dst, headers...)
	dst = append(dst, payload...)
	return End(dst, begin)
}

// Begin appends a frame up to its payload. The caller appends the payload, then calls End.
func Begin(dst []byte, headers ...Header) []byte {
	begin := len(dst)
	dst = append(dst, make([]byte, preludeLen)...)
	for _, h := range headers {
		value := h.Value[:min(len(h.Value), maxValue)]
		dst = append(dst, byte(len(h.Name)))
		dst = append(dst, h.Name...)
		dst = append(dst, typeString)
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(value)))
		dst = append(dst, value...)
	}
	binary.BigEndian.PutUint32(dst[begin+4:], uint32(len(dst)-begin-preludeLen))
	return dst
}

// End completes the frame that Begin began at dst[begin:]: it fills in the lengths and the
// checksums.
func End(dst []byte, begin int) []byte {
	frame := dst[begin:]
	binary.BigEndian.PutUint32(frame, uint32(len(frame)+4))
	binary.BigEndian.PutUint32(frame[8:], crc32.ChecksumIEEE(frame[:8]))
	return binary.BigEndian.AppendUint32(dst, crc32.ChecksumIEEE(frame))
}
