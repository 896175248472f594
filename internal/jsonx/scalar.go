package jsonx

import (
	"bytes"
	"strconv"
)

// Text decodes the decoder's next value, a string, into to; null leaves to as it is. It does what
// UnmarshalDecode does, without reflection, which is most of the cost of short strings.
func Text(d *Decoder, to *string) error {
	if d.PeekKind() != '"' {
		return UnmarshalDecode(d, to)
	}
	quoted, err := d.ReadValue()
	if err != nil {
		return err
	}
	if bytes.IndexByte(quoted, '\\') >= 0 {
		return Unmarshal(quoted, to)
	}
	setText(to, quoted[1:len(quoted)-1])
	return nil
}

// setText is *to = string(text), which needs no memory if to says so already.
func setText(to *string, text []byte) {
	if *to != string(text) {
		*to = string(text)
	}
}

// Int decodes the decoder's next value, an integer, into to; null leaves to as it is. It does what
// UnmarshalDecode does, without reflection.
func Int(d *Decoder, to *int64) error {
	if d.PeekKind() != '0' {
		return UnmarshalDecode(d, to)
	}
	number, err := d.ReadValue()
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(string(number), 10, 64)
	if err != nil {
		return Unmarshal(number, to) // which says why
	}
	*to = n
	return nil
}

// Bool decodes the decoder's next value, true or false, into to; null leaves to as it is. It does what
// UnmarshalDecode does, without reflection.
func Bool(d *Decoder, to *bool) error {
	switch d.PeekKind() {
	case 't', 'f':
		t, err := d.ReadToken()
		*to = err == nil && t.Bool()
		return err
	default:
		return UnmarshalDecode(d, to)
	}
}

// Keep copies the decoder's next value into to, as it is.
func Keep(d *Decoder, to *Raw) error {
	v, err := d.ReadValue()
	*to = v.Clone()
	return err
}

// Each is Object for a value that may be null, which has no members.
func Each(d *Decoder, read func(name []byte) error) error {
	if d.PeekKind() == 'n' {
		return d.SkipValue()
	}
	return Object(d, read)
}

// Object calls read for each member of the decoder's next value, an object, with the decoder before the
// member's value, which read has to consume. name is only valid until then. A value of another kind is an
// error.
func Object(d *Decoder, read func(name []byte) error) error {
	if kind := d.PeekKind(); kind != '{' {
		if err := d.SkipValue(); err != nil {
			return err // it is no JSON
		}
		return Fault("must be an object, not %s", KindName(kind))
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		quoted, err := d.ReadValue()
		if err != nil {
			return err
		}
		name := quoted[1 : len(quoted)-1]
		if bytes.IndexByte(name, '\\') >= 0 {
			var text string
			if err := Unmarshal(quoted, &text); err != nil {
				return err
			}
			name = []byte(text)
		}
		if err := read(name); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}
