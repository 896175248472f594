package http1

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"outcrop/internal/httpfield"
)

// appendHead appends the response's head. first is the beginning of the body, and all of it if the
// handler has returned. The order of the decisions is net/http's.
func (w *response) appendHead(b, first []byte) []byte {
	w.sent = true
	if w.fixed == nil {
		w.fix()
	}
	defer w.unfix()
	h := header{fields: w.fixed.fields}
	keepAlives := w.conn.server.keepAlives()
	encoding := h.get("Transfer-Encoding")
	done := w.done.Load()

	if done && encoding == "" && bodyAllowed(w.status) && !h.has("Content-Length") && (!w.isHead || len(first) > 0) {
		w.length = int64(len(first))
		h.length = w.length
	} else {
		h.length = -1
	}
	sized := w.length >= 0
	if w.wantsClose || h.get("Connection") == "close" || !keepAlives {
		w.closeAfter = true
	}
	if !w.body.empty && !w.closeAfter && !w.fullDuplex {
		next, tooLarge := w.body.skip()
		if !next {
			w.closeAfter = true
		}
		if tooLarge {
			w.limitHit = true
			h.omit("Connection")
			h.connection = "close"
		}
	}

	if bodyAllowed(w.status) {
		if encoding == "" && len(first) > 0 && !h.has("Content-Type") && h.get("Content-Encoding") == "" {
			h.contentType = http.DetectContentType(first)
		}
	} else {
		h.omit("Content-Length")
		h.omit("Transfer-Encoding")
		if w.status == http.StatusNotModified {
			h.omit("Content-Type")
		}
	}
	if sized && encoding != "" && encoding != "identity" {
		w.conn.server.logf("http: WriteHeader called with both Transfer-Encoding of %q and a Content-Length of %d", encoding, w.length)
		h.omit("Content-Length")
		sized = false
	}
	switch {
	case w.isHead, !bodyAllowed(w.status), sized:
		h.omit("Transfer-Encoding")
	case encoding == "identity":
		w.closeAfter = true
		h.omit("Transfer-Encoding")
	default:
		w.chunked = true
		if encoding == "chunked" {
			h.omit("Transfer-Encoding")
		}
		h.omit("Content-Length")
	}
	if w.closeAfter && (!keepAlives || !httpfield.HasToken([]string{h.get("Connection")}, "close")) && !h.switches(w.status) {
		h.omit("Connection")
		h.connection = "close"
	}
	return h.append(b, w.status, w.chunked, w.conn.server)
}

// bodyAllowed reports whether responses with a status have a body.
func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// inform sends an informational response, with the header as it is now.
func (w *response) inform(code int) {
	if w.err != nil {
		return
	}
	piece := buffer(&w.conn.server.pieces, pieceSize)
	b := buf((*piece)[:0])
	b = appendStatus(b, code)
	_ = w.header.WriteSubset(&b, map[string]bool{"Content-Length": true, "Transfer-Encoding": true}) // a buffer takes everything
	b = append(b, "\r\n"...)
	w.err = w.conn.out.write(piece, b, nil, nil)
}

// header is what the head of a response is made of.
type header struct {
	fields      []field         // the handler's
	omitted     map[string]bool // those that are not sent
	length      int64           // Content-Length; -1 for none of the server's
	contentType string          // the server's; empty for none
	connection  string          // the server's; empty for none
}

// field is a field of a header.
type field struct {
	name   string
	values []string
}

// index is where a field is; -1 for one that is not there.
func (h *header) index(key string) int {
	for i := range h.fields {
		if h.fields[i].name == key {
			return i
		}
	}
	return -1
}

func (h *header) has(key string) bool { return h.index(key) >= 0 }

func (h *header) get(key string) string {
	if i := h.index(key); i >= 0 && len(h.fields[i].values) > 0 {
		return h.fields[i].values[0]
	}
	return ""
}

func (h *header) omit(key string) {
	if !h.has(key) {
		return
	}
	if h.omitted == nil {
		h.omitted = map[string]bool{}
	}
	h.omitted[key] = true
}

// switches reports whether the response switches protocols.
func (h *header) switches(status int) bool {
	return status == http.StatusSwitchingProtocols && h.get("Upgrade") != "" && httpfield.HasToken([]string{h.get("Connection")}, "upgrade")
}

// dateField is the field Date of the responses of a second.
func dateField(now time.Time) string {
	return "Date: " + now.UTC().Format(http.TimeFormat) + "\r\n"
}

// append appends the head.
func (h *header) append(dst []byte, status int, chunked bool, s *Server) []byte {
	b := appendStatus(dst, status)
	h.omit("Trailer") // none are sent
	b = h.appendFields(b)
	if !h.has("Date") {
		b = append(b, s.dates.At(time.Now(), dateField)...)
	}
	if h.length >= 0 {
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, h.length, 10)
		b = append(b, "\r\n"...)
	}
	if h.contentType != "" {
		b = append(b, "Content-Type: "+h.contentType+"\r\n"...)
	}
	if h.connection != "" {
		b = append(b, "Connection: "+h.connection+"\r\n"...)
	}
	if chunked {
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	return append(b, "\r\n"...)
}

// fieldsAtOnce is how many names of fields are sorted without allocating.
const fieldsAtOnce = 32

// orders are the names of the fields of responses, in their order: most responses of a server have those of another. A
// response finds them by their number.
type orders [8]atomic.Pointer[[]string]

// appendFields appends the handler's fields as http.Header.WriteSubset writes them.
func (h *header) appendFields(b []byte) []byte {
	for i := range h.fields {
		f := &h.fields[i]
		if h.omitted != nil && h.omitted[f.name] {
			continue
		}
		for _, v := range f.values {
			b = append(b, f.name...)
			b = append(b, ": "...)
			b = appendValue(b, v)
			b = append(b, "\r\n"...)
		}
	}
	return b
}

// kept is a copy of a header, in the order of the fields' names and without names that are none, in memory that is used again.
type kept struct {
	fields []field
	values []string
}

// keep copies a header.
func (k *kept) keep(h http.Header, known *orders) {
	at := &known[len(h)%len(known)]
	if names := at.Load(); names != nil && len(*names) == len(h) && k.add(h, *names) {
		return
	}
	k.forget()
	var room [fieldsAtOnce]string
	names := room[:0]
	for name := range h {
		if httpfield.IsToken(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if len(names) == len(h) && len(names) <= fieldsAtOnce {
		order := make([]string, len(names))
		for i, name := range names {
			order[i] = strings.Clone(name)
		}
		at.Store(&order)
	}
	k.add(h, names)
}

// add copies the fields of some names, and reports whether all of them are there.
func (k *kept) add(h http.Header, names []string) bool {
	for _, name := range names {
		values, ok := h[name]
		if !ok {
			return false
		}
		from := len(k.values)
		k.values = append(k.values, values...)
		k.fields = append(k.fields, field{name, k.values[from:len(k.values):len(k.values)]})
	}
	return true
}

func (k *kept) forget() {
	clear(k.fields)
	clear(k.values)
	k.fields, k.values = k.fields[:0], k.values[:0]
}

// appendValue appends the value of a field. A line end within it would begin another field.
func appendValue(b []byte, v string) []byte {
	if v != "" && (v[0] <= ' ' || v[len(v)-1] <= ' ') {
		v = strings.Trim(v, " \t\r\n")
	}
	if strings.IndexByte(v, '\n') < 0 && strings.IndexByte(v, '\r') < 0 {
		return append(b, v...)
	}
	for _, c := range []byte(v) {
		if c == '\n' || c == '\r' {
			c = ' '
		}
		b = append(b, c)
	}
	return b
}

// appendStatus appends a status line.
func appendStatus(b []byte, code int) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(code), 10)
	b = append(b, ' ')
	if text := http.StatusText(code); text != "" {
		b = append(b, text...)
	} else {
		b = append(b, "status code "...)
		b = strconv.AppendInt(b, int64(code), 10)
	}
	return append(b, "\r\n"...)
}

// buf is a buffer to write to. It is an io.StringWriter, as http.Header wants it.
type buf []byte

var _ io.StringWriter = (*buf)(nil)

func (b *buf) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}

func (b *buf) WriteString(s string) (int, error) {
	*b = append(*b, s...)
	return len(s), nil
}
