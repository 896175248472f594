package jsonx

import "bytes"

// ManyValues reports whether a document has more than most values, not counting the first of each
// object or array. It only counts commas, so the document need not be valid JSON.
func ManyValues(doc []byte, most int) bool {
	return bytes.Count(doc, []byte{','}) > most && // commas inside strings count here too, so this is an upper bound
		commas(doc) > most
}

// commas counts the commas of a JSON document outside its strings.
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
