package door

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"

	"outcrop/gateway"
	"outcrop/httpd/inbound"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Mirror lets a call be mirrored, if calls of any model are: its request is then made again by serve, at a path of the frontend. It
// reports whether the body is needed as long as the call is under way, so that it must not be released before.
func (t *Translated) Mirror(r *http.Request, call *gateway.Call, body *inbound.Body, path string, serve func(w http.ResponseWriter, r *http.Request, call *gateway.Call)) bool {
	if !call.Mirrors() {
		return false
	}
	call.Repeatable(&repeatable{t: t, r: r, body: body, path: path, serve: serve})
	return true
}

// repeatable is a request that can be made again.
type repeatable struct {
	t     *Translated
	r     *http.Request
	body  *inbound.Body
	path  string
	serve func(w http.ResponseWriter, r *http.Request, call *gateway.Call)
}

// Size is that of the copy of the body.
func (m *repeatable) Size() int64 { return int64(len(m.body.Bytes)) }

// Keep copies the body and the headers.
func (m *repeatable) Keep() func(ctx context.Context, model string, call *gateway.Call) {
	again := &http.Request{
		Method: m.r.Method, URL: &url.URL{Path: m.path}, Pattern: m.r.Method + " " + m.path, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: m.r.Header.Clone(), Host: m.r.Host,
	}
	body, t, serve, address := bytes.Clone(m.body.Bytes), m.t, m.serve, inbound.Address(m.r)
	return func(ctx context.Context, model string, call *gateway.Call) {
		named, err := jsonx.EditMembers(body, []jsonx.Edit{{Name: "model", Value: jsonx.AppendString(nil, model), Add: true}}, nil)
		if err != nil { // the call itself was not made either
			_ = call.Fail(llm.Invalid("", "the request body is not valid: %s", err))
			return
		}
		var pieces []io.Reader
		var length int64
		for _, piece := range named {
			pieces = append(pieces, bytes.NewReader(piece))
			length += int64(len(piece))
		}
		again.Body, again.ContentLength = io.NopCloser(io.MultiReader(pieces...)), length
		t.repeat(inbound.From(again.WithContext(ctx), address), call, serve)
	}
}

// repeat makes a request as a call that has begun, and drops the response.
func (t *Translated) repeat(r *http.Request, call *gateway.Call, serve func(w http.ResponseWriter, r *http.Request, call *gateway.Call)) {
	var w http.ResponseWriter = &dropped{header: http.Header{"X-Request-Id": {call.ID()}}}
	if most := call.Wants().Content; most > 0 {
		var release func()
		w, r, release = t.captures.Capture(w, r, most)
		defer release()
	}
	if err := label(call, r); err != nil {
		_ = call.Fail(err)
		return
	}
	describe(call, r)
	forward(call, r, t.Gateway)
	serve(w, r, call)
}

// dropped is a http.ResponseWriter of a response that nobody gets.
type dropped struct{ header http.Header }

func (d *dropped) Header() http.Header         { return d.header }
func (d *dropped) Write(p []byte) (int, error) { return len(p), nil }
func (d *dropped) WriteHeader(int)             {}

// Flush is for http.Flusher.
func (d *dropped) Flush() {}
