package upstream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"outcrop/internal/httpfield"
)

// headSize is how much of a response is read at first: most heads, and with them most short bodies.
const headSize = 4 << 10

// maxInformational bounds the interim responses (100, 103) before the final one.
const maxInformational = 5

// head is the beginning of a response.
type head struct {
	status  int
	header  http.Header
	length  int64 // of the body; -1 if it is chunked or ends with the connection
	chunked bool
	close   bool // the connection ends with the response
}

// empty reports whether the response has no body.
func (h *head) empty() bool { return h.length == 0 }

// readHead reads the head of the response, after any interim ones. What has been read of the body
// stays in the connection's buffer.
func (k *conn) readHead() (*head, error) {
	left := maxHeader
	for range maxInformational {
		text, err := k.readLines(&left)
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("the connection was closed before the response header arrived")
			}
			return nil, err
		}
		h, err := parseHead(text)
		switch {
		case err != nil:
			return nil, err
		case h.status == http.StatusSwitchingProtocols:
			return nil, errors.New("the response switches to a protocol that was not requested")
		case h.status >= 200:
			return h, nil
		}
	}
	return nil, errors.New("too many interim (1xx) responses")
}

// readLines reads a head and returns its lines, without the empty one at its end. left is how many
// bytes heads may still have.
func (k *conn) readLines(left *int) (string, error) {
	if k.buf == nil {
		k.buf = k.client.takeHead()
	}
	for checked := k.from; ; {
		if end, next := headEnd(k.buf[k.from:k.to], checked-k.from); end >= 0 {
			text := string(k.buf[k.from : k.from+end])
			*left -= next
			k.from += next
			k.release()
			return text, nil
		}
		checked = max(k.from, k.to-len("\n\r")) // an end may begin there
		if k.to-k.from >= *left {
			return "", fmt.Errorf("the response header is too large (limit %d bytes)", maxHeader)
		}
		if k.to == len(k.buf) {
			checked -= k.from
			k.grow()
		}
		n, err := k.Read(k.buf[k.to:])
		k.to += n
		if n == 0 && err != nil {
			return "", err
		}
	}
}

// headEnd finds the empty line after a head, whose beginning up to from has none: end is the length
// of the lines before it, and next where it ends. end is -1 if the head is not complete.
func headEnd(b []byte, from int) (end, next int) {
	for {
		i := bytes.IndexByte(b[from:], '\n')
		if i < 0 {
			return -1, 0
		}
		from += i + 1
		switch rest := b[from:]; {
		case len(rest) > 0 && rest[0] == '\n':
			return from, from + 1
		case len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n':
			return from, from + 2
		}
	}
}

// parseHead reads the lines of a head. What it takes is what net/http's ReadResponse takes, except
// heads that implementations read differently.
func parseHead(text string) (*head, error) {
	line, fields, _ := strings.Cut(text, "\n")
	minor, status, ok := statusLine(strings.TrimSuffix(line, "\r"))
	if !ok {
		return nil, errors.New("the response does not begin with an HTTP/1.1 status line")
	}
	header, err := httpfield.Parse(fields)
	if err != nil {
		return nil, err
	}
	h := &head{status: status, header: header, length: -1}
	options := h.header["Connection"]
	if httpfield.HasToken(options, "close") {
		delete(h.header, "Connection")
		h.close = true
	} else if minor == 0 {
		h.close = !httpfield.HasToken(options, "keep-alive")
	}
	if err := h.frame(minor); err != nil {
		return nil, err
	}
	if h.length < 0 && !h.chunked {
		h.close = true // nothing else says where the body ends
	}
	return h, nil
}

// statusLine reads a line such as HTTP/1.1 200 OK, whose text may be missing.
func statusLine(line string) (minor, status int, ok bool) {
	rest, found := strings.CutPrefix(line, "HTTP/1.")
	if !found || len(rest) < len("1 200") || rest[0] != '0' && rest[0] != '1' || rest[1] != ' ' {
		return 0, 0, false
	}
	minor, rest = int(rest[0]-'0'), strings.TrimLeft(rest[1:], " ")
	code, _, _ := strings.Cut(rest, " ")
	if len(code) != 3 {
		return 0, 0, false
	}
	n, err := strconv.ParseUint(code, 10, 16)
	return minor, int(n), err == nil
}

// frame determines where the body ends (RFC 9112, section 6.3).
func (h *head) frame(minor int) error {
	switch h.status {
	case http.StatusNoContent, http.StatusNotModified:
		h.length = 0
		return nil
	}
	if h.status < 200 {
		h.length = 0
		return nil
	}
	if encodings := h.header["Transfer-Encoding"]; len(encodings) > 0 {
		if minor == 0 || len(encodings) > 1 || !strings.EqualFold(encodings[0], "chunked") {
			return fmt.Errorf("the response's transfer encoding %q is not supported", strings.Join(encodings, ", "))
		}
		delete(h.header, "Content-Length")
		delete(h.header, "Transfer-Encoding")
		h.chunked = true
		return nil
	}
	lengths := h.header["Content-Length"]
	for i, value := range lengths {
		n, err := strconv.ParseUint(value, 10, 63)
		if err != nil || value[0] == '+' || i > 0 && value != lengths[0] {
			return fmt.Errorf("the response's Content-Length %q is not a number of bytes", strings.Join(lengths, ", "))
		}
		h.length = int64(n)
	}
	if len(lengths) > 1 { // not always: setting a key of a full small map makes a larger map of it, even if it has the key
		h.header["Content-Length"] = lengths[:1]
	}
	return nil
}
