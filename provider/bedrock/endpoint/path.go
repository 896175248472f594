package endpoint

import "net/url"

// Path gives the path of an operation on a model, such as
// /model/us.amazon.nova-pro-v1%3A0/converse, as it stands in the request line.
// modelID is a model id, profile id or ARN, unescaped.
func Path(modelID, operation string) string {
	b := make([]byte, 0, 160) // room for most on the stack
	b = append(b, "/model/"...)
	b = AppendEscaped(b, modelID)
	b = append(b, '/')
	b = append(b, operation...)
	return string(b)
}

// AppendEscaped appends a segment of a path with every byte outside
// A-Za-z0-9-._~ percent-encoded, as AWS's SDKs encode a label of a URI: a colon
// is %3A, and a slash inside an ARN is %2F.
func AppendEscaped(b []byte, segment string) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(segment) {
		switch c := segment[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~':
			b = append(b, c)
		default:
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return b
}

// URL gives the address of a path below the endpoint, made of unescaped
// segments: URL("", "model", id, "converse"). query is in its raw form. The
// URL's EscapedPath, which goes into the request line and under the signature,
// is the endpoint's prefix and the segments as AppendEscaped writes them.
func (e *Endpoint) URL(query string, segments ...string) *url.URL {
	plain := make([]byte, 0, 128)
	plain = append(plain, e.prefix...)
	raw := make([]byte, 0, 160)
	raw = append(raw, e.rawPrefix...)
	for _, s := range segments {
		plain = append(append(plain, '/'), s...)
		raw = AppendEscaped(append(raw, '/'), s)
	}
	return &url.URL{Scheme: e.Scheme, Host: e.Host, Path: string(plain), RawPath: string(raw), RawQuery: query}
}
