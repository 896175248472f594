package http1

import (
	"net/http"
	"net/url"
	"strings"

	"outcrop/internal/httpfield"
)

// parse reads a head that the scanner has found to be whole, to the request that http.ReadRequest makes
// of it, without what concerns the body. It reports false if the target is not a valid URL.
func parse(head string) (req http.Request, ok bool) {
	line, fields, _ := strings.Cut(head, "\r\n")
	method, rest, _ := strings.Cut(line, " ")
	target, _, _ := strings.Cut(rest, " ")
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return req, false
	}
	header, err := httpfield.Parse(strings.TrimSuffix(fields, "\r\n"))
	if err != nil {
		return req, false
	}
	req = http.Request{
		Method: method, URL: u, RequestURI: target, Host: header["Host"][0],
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header,
	}
	delete(header, "Host")
	if pragma := header["Pragma"]; len(pragma) > 0 && pragma[0] == "no-cache" && header["Cache-Control"] == nil {
		header["Cache-Control"] = []string{"no-cache"} // RFC 9111, section 5.4, and net/http
	}
	return req, true
}
