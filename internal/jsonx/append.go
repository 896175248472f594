package jsonx

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Writer appends one JSON document to Buf. It adds commas and relies on its caller otherwise: every
// Key is followed by one value, every Object and Array is closed. Names given to Key must need no
// escaping.
type Writer struct {
	Buf []byte
	// SplitLarge stores long base64 separately; Segments then returns the document.
	SplitLarge bool

	behind bool // a value precedes in the same object or array
	apart  []piece
}

// piece is a part of the document before the byte at of Buf.
type piece struct {
	at   int
	text []byte
}

// apartFrom is the length from which base64 is stored separately, in bytes: shorter text is faster
// to copy than to write in a separate call.
const apartFrom = 32 << 10

// Segments returns the document, from Buf's first byte on, in segments to be read in sequence. They
// share the memory of Buf and of the arguments of Base64.
func (w *Writer) Segments() [][]byte {
	pieces := make([][]byte, 0, 2*len(w.apart)+1)
	from := 0
	for _, p := range w.apart {
		pieces = append(pieces, w.Buf[from:p.at], p.text)
		from = p.at
	}
	return append(pieces, w.Buf[from:])
}

// value prepares for a value or a name: it adds a comma if needed.
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

// StringOrNull writes a string, or null if it is empty.
func (w *Writer) StringOrNull(s string) {
	if s == "" {
		w.Null()
		return
	}
	w.String(s)
}

// Word writes a string that needs no escaping.
func (w *Writer) Word(s string) {
	w.value(true)
	w.Buf = append(w.Buf, '"')
	w.Buf = append(w.Buf, s...)
	w.Buf = append(w.Buf, '"')
}

// Base64 writes a string of base64. If SplitLarge is set, the string must not be modified before
// the document has been used.
func (w *Writer) Base64(text []byte) { w.PrefixedBase64("", text) }

// PrefixedBase64 is Base64 with a text before it that needs no escaping, as in a data URI.
func (w *Writer) PrefixedBase64(prefix string, text []byte) {
	w.value(true)
	w.Buf = append(w.Buf, '"')
	w.Buf = append(w.Buf, prefix...)
	if w.SplitLarge && len(text) >= apartFrom {
		w.apart = append(w.apart, piece{len(w.Buf), text})
	} else {
		w.Buf = append(w.Buf, text...)
	}
	w.Buf = append(w.Buf, '"')
}

// Int writes a whole number.
func (w *Writer) Int(n int64) { w.value(true); w.Buf = strconv.AppendInt(w.Buf, n, 10) }

// Float writes a number in the shortest form that parses to the same value.
func (w *Writer) Float(f float64) { w.value(true); w.Buf = AppendFloat(w.Buf, f) }

// AppendFloat appends a number in the shortest form that parses to the same value. It must be finite.
func AppendFloat(dst []byte, f float64) []byte { return jsontext.AppendFloat(dst, f, 64) }

// Bool writes true or false.
func (w *Writer) Bool(b bool) { w.value(true); w.Buf = strconv.AppendBool(w.Buf, b) }

// Null writes null.
func (w *Writer) Null() { w.value(true); w.Buf = append(w.Buf, "null"...) }

// Raw writes a value unchanged; an empty one is null.
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

// Array returns an array of values, as they are.
func Array(items []Raw) Raw {
	var w Writer
	w.Array()
	for _, item := range items {
		w.Raw(item)
	}
	w.EndArray()
	return w.Buf
}
