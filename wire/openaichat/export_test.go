package openaichat

import "reflect"

// DecodeWhole is Decode for a body of which nothing stands beside.
func DecodeWhole(body []byte, opt Options) (*Request, error) { return decode(body, nil, opt) }

// PlainReading reads a body as a plain one and as any other. It reports whether it is plain, and what the second reading found. alike is
// whether both have found the same.
func PlainReading(body []byte) (plain, alike bool, err error) {
	d, all := &decoder{out: &Request{}}, &decoder{out: &Request{}}
	w, plain := d.readPlain(body)
	other, err := all.readAny(body)
	return plain, plain && err == nil && reflect.DeepEqual(w, other) && reflect.DeepEqual(d, all), err
}
