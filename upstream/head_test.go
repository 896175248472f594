package upstream

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pieces is a connection whose other side sends in pieces of a given size.
type pieces struct {
	net.Conn
	rest []byte
	size int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.rest[:min(len(p.rest), p.size)])
	p.rest = p.rest[n:]
	return n, nil
}

func (*pieces) Close() error { return nil }

// read is a response as a reader has it.
type read struct {
	Status int
	Header http.Header
	Body   string
	Cut    bool // the body broke off
	Reuse  bool // the connection can be used again
}

// ours reads a response with this package; size is how much arrives at once.
func ours(sent string, size int) (*read, error) {
	from := &pieces{rest: []byte(sent), size: size}
	c := New()
	c.hosts[origin{}] = &host{}
	k := &conn{Conn: from, tcp: from, client: c}
	h, err := k.readHead()
	if err != nil {
		return nil, err
	}
	b := &body{conn: k, ctx: nil, left: h.length, chunked: h.chunked}
	r := &read{Status: h.status, Header: h.header, Reuse: !h.close}
	var all bytes.Buffer
	buf := make([]byte, 100)
	for err == nil && !h.empty() {
		var n int
		n, err = b.read(buf)
		all.Write(buf[:n])
	}
	r.Body = all.String()
	if err != nil && !errors.Is(err, io.EOF) {
		r.Cut, r.Reuse = true, false
	}
	if k.surplus || k.buf != nil || len(from.rest) > 0 {
		r.Reuse = false
	}
	return r, nil
}

// theirs reads a response with net/http.
func theirs(sent string) (*read, error) {
	in := bufio.NewReader(strings.NewReader(sent))
	for range maxInformational {
		resp, err := http.ReadResponse(in, nil) //nolint:bodyclose // it is in memory
		if err != nil {
			return nil, err
		}
		if resp.StatusCode == http.StatusSwitchingProtocols {
			return nil, errors.New("switching")
		}
		if resp.StatusCode < 200 {
			continue
		}
		r := &read{Status: resp.StatusCode, Header: resp.Header, Reuse: !resp.Close}
		got, err := io.ReadAll(resp.Body)
		r.Body = string(got)
		if err != nil {
			r.Cut, r.Reuse = true, false
		}
		if _, err := in.Peek(1); err == nil {
			r.Reuse = false
		}
		return r, nil
	}
	return nil, errors.New("too many")
}

// responses are read alike by both.
var responses = []string{
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-amzn-requestid:  abc \t\r\n\r\nhello",
	"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, and more",
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;name=value\r\nhello\r\nA\r\n0123456789\r\n000\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Trailer: 1\r\nY: 2\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ng\r\nhello\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 \t\r\nhello\r\n0 ;x\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 5\r\nhello\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0000000000000000005\r\nhello\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff0\r\nhello\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nno colon\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nConnection: foo, Close\r\nContent-Length: 5\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\n\r\nuntil the end",
	"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
	"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello",
	"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n",
	"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 429 Too Many Requests\r\nRetry-After: 3\r\nContent-Length: 2\r\n\r\n{}",
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
	"HTTP/1.1 200 OK\r\nX-Folded: one\r\n  two\r\n\tthree\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nX: \r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
	"HTTP/1.1 200 OK\r\nX: a\x01b\r\n\r\n",
	"HTTP/1.1 200 OK\r\n: empty name\r\n\r\n",
	"HTTP/1.1 2000 OK\r\n\r\n",
	"HTTP/1.1 20 OK\r\n\r\n",
	"SSH-2.0-OpenSSH\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
	"",
}

func TestResponsesThatAreNotHTTP11AreRefused(t *testing.T) {
	for _, sent := range []string{
		"HTTP/1.1 200 OK\r\nbad name: 1\r\n\r\n",
		"HTTP/2.0 200 OK\r\n\r\n",
	} {
		if _, err := ours(sent, headSize); err == nil {
			t.Errorf("%q is taken", sent)
		}
	}
}

func TestResponsesAreReadAsByNetHTTP(t *testing.T) {
	for _, sent := range responses {
		for _, size := range []int{1, 2, 7, 64, headSize} {
			if compare(t, sent, size) {
				t.Errorf("%q in pieces of %d: only net/http takes it", sent, size)
			}
		}
	}
}

// FuzzResponses looks for a response that this package takes and net/http refuses or reads differently.
func FuzzResponses(f *testing.F) {
	for _, sent := range responses {
		f.Add(sent, 7)
	}
	f.Fuzz(func(t *testing.T, sent string, size int) {
		if size < 1 {
			size = headSize
		}
		compare(t, sent, size)
	})
}

// compare checks that this package takes no response that net/http refuses, and none differently. It
// reports whether only net/http takes it, which is allowed for odd ones.
func compare(t *testing.T, sent string, size int) (stricter bool) {
	t.Helper()
	got, err := ours(sent, size)
	want, theirErr := theirs(sent)
	switch {
	case err != nil:
		return theirErr == nil
	case theirErr != nil:
		t.Errorf("%q in pieces of %d: net/http refuses it: %v", sent, size, theirErr)
		return false
	case got.Cut && !want.Cut:
		return true
	case got.Cut: // how much of a broken body was read does not matter
		got.Body, want.Body = "", ""
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%q in pieces of %d (-net/http +here):\n%s", sent, size, diff)
	}
	return false
}
