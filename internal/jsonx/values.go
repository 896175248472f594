package jsonx

import "bytes"

// ManyValues reports whether a document holds more than most values behind the first of
// their object or array, which its commas tell. It looks at no more than that: the
// document may be no JSON at all.
func ManyValues(doc []byte, most int) bool {
	return bytes.Count(doc, []byte{','}) > most && // what stands inside of texts counts here too, so this is an upper bound
		commas(doc) > most
}

// commas counts the commas of a JSON document outside of its strings.
func commas(doc []byte) (n int) {
	for {
		quote := bytes.IndexByte(doc, '"')
		if quote < 0 {
			return n + bytes.Count(doc, []byte{','})
		}
		n += bytes.Count(doc[:quote], []byte{','})
		doc = doc[quote+1:]
		for {
			end := bytes.IndexByte(doc, '"')
			if end < 0 {
				return n
			}
			escapes := 0
			for escapes < end && doc[end-1-escapes] == '\\' {
				escapes++
			}
			doc = doc[end+1:]
			if escapes%2 == 0 {
				break
			}
		}
	}
}
