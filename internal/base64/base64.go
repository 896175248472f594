// Package base64 checks whether a text is base64, faster than encoding/base64 decodes it: a request
// with images has megabytes that need not be decoded.
package base64

import (
	"bytes"
	"encoding/binary"

	"github.com/segmentio/asm/base64"
)

// large is the length from which decoding with the processor's vector instructions is worth the
// memory that it needs, and chunk is the number of characters decoded at a time.
const (
	large = 4 << 10
	chunk = 16 << 10
)

// Valid reports whether text is standard base64 with padding (RFC 4648, section 4): complete groups
// of four characters of the alphabet, the last with up to two = at its end, and nothing else, not
// even line breaks. It ignores unused bits of the last group.
func Valid(text []byte) bool {
	if len(text)%4 != 0 {
		return false
	}
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("=")), []byte("="))
	if len(text) >= large {
		scratch := make([]byte, chunk/4*3)
		for len(text) >= 4 {
			now := text[:min(chunk, len(text)&^3)]
			// Line breaks, which the decoder skips, and padding produce fewer bytes.
			if n, err := base64.StdEncoding.Decode(scratch, now); err != nil || n != len(now)/4*3 {
				return false
			}
			text = text[len(now):]
		}
	}
	var foreign uint64
	for len(text) >= 8 {
		foreign |= foreignBytes(binary.LittleEndian.Uint64(text))
		text = text[8:]
	}
	last := [8]byte{'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A'}
	copy(last[:], text)
	foreign |= foreignBytes(binary.LittleEndian.Uint64(last[:]))
	return foreign&highBits == 0
}

const (
	everyByte = 0x0101010101010101
	highBits  = 0x80 * everyByte
)

// foreignBytes has the high bit set in each byte of w that is not in the alphabet; its other bits
// have no meaning. The alphabet is the letters, the bytes from / to 9, and +. The high bit of a
// byte tells whether a sum has reached a bound; no sum carries into the next byte because the high
// bits of the summands are cleared.
func foreignBytes(w uint64) uint64 {
	low := w &^ highBits
	letter := low | 0x20*everyByte // converts upper case to lower case, and turns nothing else into a letter
	letters := (letter + (0x80-'a')*everyByte) &^ (letter + (0x80-'z'-1)*everyByte)
	digits := (low + (0x80-'/')*everyByte) &^ (low + (0x80-'9'-1)*everyByte)
	notPlus := (low ^ '+'*everyByte) + 0x7f*everyByte
	return w | (notPlus &^ letters &^ digits)
}
