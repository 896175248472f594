package cache

import (
	"encoding/binary"
	"math"

	"outcrop/llm"
)

// AppendVector appends a vector as it is kept.
func AppendVector(dst []byte, v *llm.Vector) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(v.Float)))
	for _, f := range v.Float {
		dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(f))
	}
	for i := range v.Others {
		q := &v.Others[i]
		dst = binary.AppendUvarint(appendText(dst, string(q.Type)), uint64(len(q.Values)))
		for _, n := range q.Values {
			dst = binary.LittleEndian.AppendUint16(dst, uint16(n))
		}
	}
	return dst
}

// ParseVector reads a vector that AppendVector has written. It reports false for anything else.
func ParseVector(data []byte) (v llm.Vector, ok bool) {
	r := reader{rest: string(data)}
	n := r.length()
	if r.bad || n > uint64(len(r.rest))/8 {
		return v, false
	}
	if n > 0 {
		v.Float = make([]float64, n)
		for i := range v.Float {
			v.Float[i] = math.Float64frombits(binary.LittleEndian.Uint64([]byte(r.rest[8*i : 8*i+8])))
		}
		r.rest = r.rest[8*n:]
	}
	for len(r.rest) > 0 {
		q := llm.Quantized{Type: llm.VectorType(r.text())}
		n := r.length()
		if r.bad || n > uint64(len(r.rest))/2 {
			return v, false
		}
		q.Values = make([]int16, n)
		for i := range q.Values {
			q.Values[i] = int16(binary.LittleEndian.Uint16([]byte(r.rest[2*i : 2*i+2])))
		}
		r.rest = r.rest[2*n:]
		v.Others = append(v.Others, q)
	}
	return v, true
}
