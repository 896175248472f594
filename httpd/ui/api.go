package ui

import (
	"bytes"
	"context"
	"net/http"
	"net/url"

	"outcrop/internal/jsonx"
)

// request makes a request to the gateway's own API, with the key of the session.
func (x *exchange) request(ctx context.Context, method, path string, query url.Values, body []byte) (*http.Request, error) {
	u := url.URL{Path: path, RawQuery: query.Encode()}
	r, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Host, r.RemoteAddr, r.TLS, r.RequestURI = x.r.Host, x.r.RemoteAddr, x.r.TLS, u.RequestURI()
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "User-Agent"} {
		if v := x.r.Header.Values(name); v != nil {
			r.Header[name] = v
		}
	}
	if len(body) > 0 {
		r.Header.Set("Content-Type", "application/json")
	}
	x.authorize(r.Header)
	return r, nil
}

// authorize adds the key of the session.
func (x *exchange) authorize(h http.Header) {
	key := x.session.Key
	if key == "" {
		key = x.h.opt.Master
	}
	if key != "" {
		h.Set("Authorization", "Bearer "+key)
	}
}

// answer is a response in memory.
type answer struct {
	bytes.Buffer
	header http.Header
	status int
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// call calls the gateway's API and decodes the answer into to, unless that is nil. A refusal is an *Error.
func (x *exchange) call(method, path string, query url.Values, body []byte, to any) error {
	r, err := x.request(x.r.Context(), method, path, query, body)
	if err != nil {
		return err
	}
	a := &answer{header: http.Header{}}
	x.h.opt.API().ServeHTTP(a, r)
	if a.status >= http.StatusBadRequest {
		var refusal struct {
			Error struct {
				Message string `json:"message"`
				Fix     string `json:"fix"`
			} `json:"error"`
		}
		e := &Error{Status: a.status, Message: "The gateway answered " + http.StatusText(a.status) + "."}
		if jsonx.Unmarshal(a.Bytes(), &refusal) == nil && refusal.Error.Message != "" {
			e.Message, e.Fix = refusal.Error.Message, refusal.Error.Fix
		}
		return e
	}
	if to == nil {
		return nil
	}
	return jsonx.Unmarshal(a.Bytes(), to)
}
