package httpfield

import (
	"errors"
	"net/textproto"
	"strings"
)

// Parse reads the header fields of an HTTP/1.1 message: complete lines, without the empty line after
// them. The fields are those that net/textproto reads: names are canonical, values are without the
// white space around them, and lines that continue another (RFC 9112, section 5.2) are joined to it by
// a space. A name that is not a token and a value with control characters are errors. Names and values
// are parts of block, so that reading a header allocates little besides the map.
func Parse(block string) (map[string][]string, error) {
	n := strings.Count(block, "\n")
	fields := make(map[string][]string, n)
	values := make([]string, n) // one piece of memory for all of them
	for block != "" {
		line, rest, _ := strings.Cut(block, "\n")
		line = trimEnd(line)
		for rest != "" && (rest[0] == ' ' || rest[0] == '\t') {
			var next string
			next, rest, _ = strings.Cut(rest, "\n")
			line += " " + strings.TrimLeft(trimEnd(next), " \t") //nolint:perfsprint // obsolete, and never more than a few
		}
		block = rest
		name, value, ok := strings.Cut(line, ":")
		if !ok || !IsToken(name) {
			return nil, errors.New("a header line does not begin with a name and a colon")
		}
		value = strings.TrimLeft(value, " \t")
		if !IsValue(value) {
			return nil, errors.New("the value of a header has characters that are not allowed in HTTP")
		}
		name = textproto.CanonicalMIMEHeaderKey(name)
		if earlier := fields[name]; earlier != nil {
			fields[name] = append(earlier, value)
			continue
		}
		values[0] = value
		fields[name] = values[:1:1] // appending to one must not reach the next
		values = values[1:]
	}
	return fields, nil
}

// trimEnd removes the end of a line and the white space before it.
func trimEnd(line string) string { return strings.TrimRight(strings.TrimSuffix(line, "\r"), " \t") }
