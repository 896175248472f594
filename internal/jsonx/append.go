package jsonx

import (
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Writer appends one JSON document to Buf. It places commas by itself and
// trusts its caller for the rest: every Key is followed by one value, every
// Object and Array is closed. Names given to Key must need no escaping.
type Writer struct {
	Buf []byte
	// SplitLarge leaves long base64 where it is; Pieces gives the document then.
	SplitLarge bool

	behind bool // a value stands before in the same object or array
	apart  []piece
}

// piece is what stands in the document before the byte at of Buf.
type piece struct {
	at   int
	text []byte
}

// apartFrom is the length from which base64 stays apart, in bytes: less is copied
// sooner than it is written by itself.
const apartFrom = 32 << 10

// Segments gives the document, all from Buf's first byte on, in pieces to be read one
// behind the other. They share the memory of Buf and of what was given to Base64.
func (w *Writer) Segments() [][]byte {
	pieces := make([][]byte, 0, 2*len(w.apart)+1)
	from := 0
	for _, p := range w.apart {
		pieces = append(pieces, w.Buf[from:p.at], p.text)
		from = p.at
	}
	return append(pieces, w.Buf[from:])
}

// value makes room for a value or a name: a comma where one is due.
func (w *Writer) value(behind bool) {
	if w.behind {
		w.Buf = append(w.Buf, ',')
	}
	w.behind = behind
}

func (w *Writer) end(c byte) {
	w.Buf = append(w.Buf, c)
	w.behind = true
}

// Object opens an object; EndObject closes it.
func (w *Writer) Object() { w.value(false); w.Buf = append(w.Buf, '{') }

// EndObject closes the object that Object opened.
func (w *Writer) EndObject() { w.end('}') }

// Array opens an array; EndArray closes it.
func (w *Writer) Array() { w.value(false); w.Buf = append(w.Buf, '[') }

// EndArray closes the array that Array opened.
func (w *Writer) EndArray() { w.end(']') }

// Key writes a member's name; a value must follow.
func (w *Writer) Key(name string) {
	w.value(false)
	w.Buf = append(w.Buf, '"')
	w.Buf = append(w.Buf, name...)
	w.Buf = append(w.Buf, '"', ':')
}

// AnyKey is Key for a name that may need escaping.
func (w *Writer) AnyKey(name string) {
	w.value(false)
	w.Buf = AppendString(w.Buf, name)
	w.Buf = append(w.Buf, ':')
}

// String writes a string value.
func (w *Writer) String(s string) { w.value(true); w.Buf = AppendString(w.Buf, s) }

// Word writes a string whose characters are known to need no escaping.
func (w *Writer) Word(s string) {
	w.value(true)
	w.Buf = append(w.Buf, '"')
	w.Buf = append(w.Buf, s...)
	w.Buf = append(w.Buf, '"')
}

// Base64 writes a string that is known to be base64. Where Apart is set it must not
// be written to before the document has been used.
func (w *Writer) Base64(text []byte) {
	w.value(true)
	w.Buf = append(w.Buf, '"')
	if w.SplitLarge && len(text) >= apartFrom {
		w.apart = append(w.apart, piece{len(w.Buf), text})
	} else {
		w.Buf = append(w.Buf, text...)
	}
	w.Buf = append(w.Buf, '"')
}

// Int writes a whole number.
func (w *Writer) Int(n int64) { w.value(true); w.Buf = strconv.AppendInt(w.Buf, n, 10) }

// Float writes a number, in the shortest form that reads back the same.
func (w *Writer) Float(f float64) { w.value(true); w.Buf = jsontext.AppendFloat(w.Buf, f, 64) }

// Bool writes true or false.
func (w *Writer) Bool(b bool) { w.value(true); w.Buf = strconv.AppendBool(w.Buf, b) }

// Null writes null.
func (w *Writer) Null() { w.value(true); w.Buf = append(w.Buf, "null"...) }

// Raw writes a value as it is; an empty one is null.
func (w *Writer) Raw(v Raw) {
	if len(v) == 0 {
		w.Null()
		return
	}
	w.value(true)
	w.Buf = append(w.Buf, v...)
}

// Members writes name and value of each member into the open object.
func (w *Writer) Members(members []Member) {
	for _, m := range members {
		w.AnyKey(m.Name)
		w.Raw(m.Value)
	}
}

// AppendString appends s as a JSON string. Bytes that are not UTF-8 become
// U+FFFD.
func AppendString(dst []byte, s string) []byte {
	start := len(dst)
	dst = append(dst, '"')
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			dst, _ = jsontext.AppendQuote(dst[:start], s) // the error only says that bytes were replaced
			return dst
		}
	}
	dst = append(dst, s...)
	return append(dst, '"')
}
