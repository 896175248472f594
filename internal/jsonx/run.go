package jsonx

import (
	"math/bits"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Words of eight equal bytes, for looking at eight bytes at a time.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// run returns how many bytes at the beginning of s stand for themselves both in a JSON string and in the text
// that it means: those of ASCII that are no control characters, quotation marks or backslashes.
func run[T []byte | string](s T) int {
	i := 0
	for ; len(s)-i >= 16; i += 16 {
		b := s[i : i+16]
		low, high := special(b[:8])&highs, special(b[8:])&highs
		switch {
		case low != 0:
			return i + bits.TrailingZeros64(low)/8
		case high != 0:
			return i + 8 + bits.TrailingZeros64(high)/8
		}
	}
	if len(s) >= 8 { // eight bytes after eight, of which the last eight may have been looked at before
		for ; i < len(s); i += 8 {
			i = min(i, len(s)-8)
			if x := special(s[i:i+8]) & highs; x != 0 {
				return i + bits.TrailingZeros64(x)/8
			}
		}
		return len(s)
	}
	for i < len(s) && ordinary[s[i]] {
		i++
	}
	return i
}

// special has a high bit set if one of eight bytes is none that run counts: to subtract n from bytes of ASCII borrows where one is
// less than n, which sets its high bit. The first such byte is the first with its high bit set; of those behind it the bits may be
// wrong, because what is borrowed is borrowed from them.
func special[T []byte | string](b T) uint64 {
	_ = b[7]
	x := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
	return x | (x - ones*' ') | ((x ^ ones*'"') - ones) | ((x ^ ones*'\\') - ones)
}

// ordinary are the bytes that run counts.
var ordinary = func() (is [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		is[c] = c != '"' && c != '\\'
	}
	return is
}()

// beyond returns how many bytes at the beginning of s are not ASCII.
func beyond[T []byte | string](s T) int {
	n := 0
	for n < len(s) && s[n] >= utf8.RuneSelf {
		n++
	}
	return n
}

// AppendString appends s as a JSON string, with the escapes that RFC 8259 requires and no others. Bytes that
// are not UTF-8 become U+FFFD.
func AppendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for {
		n := run(s)
		dst = append(dst, s[:n]...)
		if s = s[n:]; s == "" {
			return append(dst, '"')
		}
		n = 1
		switch c := s[0]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		default:
			if c < ' ' {
				dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
				break
			}
			if n = beyond(s); utf8.ValidString(s[:n]) {
				dst = append(dst, s[:n]...)
				break
			}
			for _, r := range s[:n] {
				dst = utf8.AppendRune(dst, r)
			}
		}
		s = s[n:]
	}
}

// unquote returns the text that a JSON string means, given what is between its quotation marks; false if it
// is not valid, or has surrogates, which are left to the JSON library.
func unquote(quoted []byte) (string, bool) {
	var text strings.Builder
	text.Grow(len(quoted))
	for {
		n := run(quoted)
		text.Write(quoted[:n])
		if quoted = quoted[n:]; len(quoted) == 0 {
			return text.String(), true
		}
		if n = beyond(quoted); n > 0 {
			if !utf8.Valid(quoted[:n]) {
				return "", false
			}
			text.Write(quoted[:n])
			quoted = quoted[n:]
			continue
		}
		if quoted[0] != '\\' || len(quoted) == 1 {
			return "", false
		}
		n = 2
		switch c := quoted[1]; c {
		case '"', '\\', '/':
			text.WriteByte(c)
		case 'n':
			text.WriteByte('\n')
		case 'r':
			text.WriteByte('\r')
		case 't':
			text.WriteByte('\t')
		case 'b':
			text.WriteByte('\b')
		case 'f':
			text.WriteByte('\f')
		case 'u':
			r, ok := hexRune(quoted[2:])
			if !ok || utf16.IsSurrogate(r) {
				return "", false
			}
			text.WriteRune(r)
			n = 6
		default:
			return "", false
		}
		quoted = quoted[n:]
	}
}

// hexRune reads four hexadecimal digits.
func hexRune(s []byte) (r rune, ok bool) {
	if len(s) < 4 {
		return 0, false
	}
	for _, c := range s[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
