package http1

import (
	"net/http"
	"net/url"
	"strings"

	"outcrop/internal/httpfield"
)

// target is where a connection's last request went. Clients ask the same again and again.
type target struct {
	text string
	url  url.URL
}

// parse returns the URL that a target means, which is the caller's.
func (t *target) parse(text string) (*url.URL, error) {
	if text == t.text && text != "" {
		u := t.url
		return &u, nil
	}
	keep := len(text) <= maxKeptTarget
	if keep {
		text = strings.Clone(text) // without the memory of the head, which it is part of
	}
	u, err := url.ParseRequestURI(text)
	if err == nil && keep {
		t.text, t.url = text, *u
	}
	return u, err
}

// maxKeptTarget bounds the target that a connection keeps, in bytes.
const maxKeptTarget = 128

// parse reads a head that the scanner has found to be whole, to the request that http.ReadRequest makes
// of it, without what concerns the body. last is the target of the connection's last request. It reports false if the
// target is not a valid URL.
func parse(head string, last *target) (req http.Request, ok bool) {
	line, fields, _ := strings.Cut(head, "\r\n")
	method, rest, _ := strings.Cut(line, " ")
	uri, _, _ := strings.Cut(rest, " ")
	u, err := last.parse(uri)
	if err != nil {
		return req, false
	}
	header, err := httpfield.Parse(strings.TrimSuffix(fields, "\r\n"))
	if err != nil {
		return req, false
	}
	req = http.Request{
		Method: method, URL: u, RequestURI: uri, Host: header["Host"][0],
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header,
	}
	delete(header, "Host")
	if pragma := header["Pragma"]; len(pragma) > 0 && pragma[0] == "no-cache" && header["Cache-Control"] == nil {
		header["Cache-Control"] = []string{"no-cache"} // RFC 9111, section 5.4, and net/http
	}
	return req, true
}
