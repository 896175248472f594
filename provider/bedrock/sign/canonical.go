package sign

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// scratch is the memory of one signature, reused by the next.
type scratch struct {
	buf    []byte
	fields []field // the signed headers, in order of their lower-case names
}

// field is a header to sign.
type field struct {
	name   string   // in upper or lower case
	values []string // nil for host and content-length, which are made from the request
}

// chooseHeaders sets w.fields to the headers of r that Sign signs.
func (w *scratch) chooseHeaders(r *Request, extra []string) {
	f := append(w.fields[:0], field{name: "Host"})
	for name, values := range r.Header {
		if len(values) == 0 {
			continue
		}
		if name == "Content-Type" || strings.HasPrefix(name, "X-Amz-") || slices.Contains(extra, name) {
			f = append(f, field{name, values})
		}
	}
	if _, present := r.Header["Content-Length"]; !present && slices.Contains(extra, "Content-Length") {
		f = append(f, field{name: "Content-Length"})
	}
	w.setFields(f)
}

func (w *scratch) setFields(f []field) {
	// Authorization is the result, and Host comes from Request.Host.
	f = slices.DeleteFunc(f, func(f field) bool {
		return f.values != nil && (f.name == headerAuthorization || f.name == "Host")
	})
	slices.SortFunc(f, func(a, b field) int { return compareFold(a.name, b.name) })
	w.fields = f
}

// appendCanonicalRequest appends the canonical request of r with the headers in
// w.fields.
func (w *scratch) appendCanonicalRequest(b []byte, r *Request, body [sha256.Size]byte) []byte {
	b = append(b, r.Method...)
	b = append(b, '\n')
	b = appendCanonicalPath(b, r.Path)
	b = append(b, '\n')
	b = appendCanonicalQuery(b, r.Query)
	b = append(b, '\n')
	for _, f := range w.fields {
		b = appendLower(b, f.name)
		b = append(b, ':')
		switch {
		case f.values != nil:
			for i, v := range f.values {
				if i > 0 {
					b = append(b, ',')
				}
				b = appendTrimmed(b, v)
			}
		case compareFold(f.name, "host") == 0, f.name == authority:
			b = appendTrimmed(b, r.Host)
		default:
			length := 0
			for _, p := range r.Body {
				length += len(p)
			}
			b = strconv.AppendInt(b, int64(length), 10)
		}
		b = append(b, '\n')
	}
	b = append(b, '\n')
	b = w.appendSignedHeaders(b)
	b = append(b, '\n')
	return hex.AppendEncode(b, body[:])
}

func (w *scratch) appendSignedHeaders(b []byte) []byte {
	for i, f := range w.fields {
		if i > 0 {
			b = append(b, ';')
		}
		b = appendLower(b, f.name)
	}
	return b
}

func appendCanonicalPath(b []byte, path string) []byte {
	if path == "" {
		return append(b, '/')
	}
	for i := range len(path) {
		if c := path[i]; c == '/' {
			b = append(b, c)
		} else {
			b = appendEscaped(b, c)
		}
	}
	return b
}

// appendCanonicalQuery appends the parameters of a raw query, with each name and value
// decoded and strictly encoded, sorted by encoded name and then by encoded value. A +
// is a space, as in forms; a % that does not begin an escape is literal.
func appendCanonicalQuery(b []byte, query string) []byte {
	if query == "" {
		return b
	}
	type parameter struct{ name, value string }
	var parameters []parameter
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		parameters = append(parameters, parameter{recode(name), recode(value)})
	}
	slices.SortFunc(parameters, func(a, b parameter) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return strings.Compare(a.value, b.value)
	})
	for i, p := range parameters {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(b, p.name...)
		b = append(b, '=')
		b = append(b, p.value...)
	}
	return b
}

// recode decodes a part of a query and encodes it strictly.
func recode(s string) string {
	var b []byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '+':
			c = ' '
		case c == '%' && i+2 < len(s):
			if d, err := hex.DecodeString(s[i+1 : i+3]); err == nil {
				c = d[0]
				i += 2
			}
		}
		b = appendEscaped(b, c)
	}
	return string(b)
}

// appendEscaped appends c, percent-encoded unless it is unreserved in RFC 3986.
func appendEscaped(b []byte, c byte) []byte {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~':
		return append(b, c)
	}
	const digits = "0123456789ABCDEF"
	return append(b, '%', digits[c>>4], digits[c&15])
}

// appendTrimmed appends a header value without surrounding spaces, and with each run of
// spaces inside it reduced to one.
func appendTrimmed(b []byte, v string) []byte {
	v = strings.Trim(v, " \t")
	for i := range len(v) {
		if v[i] == ' ' && v[i-1] == ' ' {
			continue
		}
		b = append(b, v[i])
	}
	return b
}

func appendLower(b []byte, name string) []byte {
	for i := range len(name) {
		b = append(b, lower(name[i]))
	}
	return b
}

func compareFold(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if x, y := lower(a[i]), lower(b[i]); x != y {
			return int(x) - int(y)
		}
	}
	return len(a) - len(b)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// headerValues returns the values of a header by its lower-case name; ok is false if it
// is absent.
func headerValues(h http.Header, name string) (values []string, ok bool) {
	values, ok = h[http.CanonicalHeaderKey(name)]
	return values, ok && len(values) > 0
}
