package jsonx

import (
	"bytes"
	"strconv"
)

// Floats is an array of numbers, or null. It is decoded without reflection: a response with vectors has
// hundreds of thousands of them.
type Floats []float64

// UnmarshalJSONFrom reads the next value of d.
func (f *Floats) UnmarshalJSONFrom(d *Decoder) error {
	v, err := d.ReadValue()
	switch {
	case err != nil:
		return err
	case v.Kind() == 'n':
		return nil
	case v.Kind() != '[':
		return Fault("must be an array, not %s", KindName(v.Kind()))
	}
	rest := bytes.TrimSpace(v[1 : len(v)-1])
	*f = make(Floats, 0, bytes.Count(rest, []byte(","))+1)
	for more := len(rest) > 0; more; {
		var item []byte
		item, rest, more = bytes.Cut(rest, []byte(",")) // anything but numbers does not parse, whole or cut
		n, err := strconv.ParseFloat(string(bytes.TrimSpace(item)), 64)
		if err != nil {
			return Fault("must be an array of numbers")
		}
		*f = append(*f, n)
	}
	return nil
}
