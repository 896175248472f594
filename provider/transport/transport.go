// Package transport is what providers share of an HTTP call: the errors of a call without a response,
// bodies of bounded size, and responses without the secrets of their requests. It knows no dialect.
package transport

import (
	"bytes"
	"context"
	"errors"
	"html"
	"io"
	"net/url"
	"strconv"
	"strings"

	"outcrop/internal/budget"
	"outcrop/llm"
	"outcrop/upstream"
)

// MaxBody bounds a non-streaming response, and maxErrorBody what is read of an error response, in
// bytes.
const (
	MaxBody      = 64 << 20
	maxErrorBody = 64 << 10
)

// The part of a non-streaming response beyond freeBody is charged to the memory budget with
// bodyWeight bytes for each byte, because it is held raw, decoded and encoded for the client.
const (
	freeBody   = 256 << 10
	bodyWeight = 4
)

// Errors of AppendBody and ReadBody.
var (
	// ErrTooLarge is for a body of more than MaxBody.
	ErrTooLarge = errors.New("it is larger than " + strconv.Itoa(MaxBody>>20) + " MB")
	// ErrCut is for a body that broke off; it wraps the connection's error.
	ErrCut = errors.New("it ended before its Content-Length")
)

// ReadBody reads a complete response and closes its body. Its memory is charged to the lease in ctx
// and stays charged. The error is that of AppendBody.
func ReadBody(ctx context.Context, resp *upstream.Response) ([]byte, error) {
	defer resp.Body.Close()
	room := int64(4 << 10)
	if n, err := strconv.ParseInt(resp.Header.Get("Content-Length"), 10, 64); err == nil {
		if n > MaxBody {
			return nil, ErrTooLarge
		}
		room = min(max(n, 0), freeBody) + 1 // one extra byte to detect the end
	}
	return AppendBody(ctx, make([]byte, 0, room), resp.Body)
}

// AppendBody reads r to its end, into dst from its first byte on. The error is ErrTooLarge, one that
// wraps ErrCut, or an *llm.Error if the memory budget is exhausted.
func AppendBody(ctx context.Context, dst []byte, r io.Reader) ([]byte, error) {
	dst = dst[:0]
	covered := freeBody // bytes covered by the memory budget
	for {
		if len(dst) >= covered {
			if err := budget.From(ctx).Grow(ctx, int64(3*covered)*bodyWeight); err != nil {
				return dst, llm.Overloaded(err)
			}
			covered *= 4
		}
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := r.Read(dst[len(dst):min(cap(dst), covered)])
		dst = dst[:len(dst)+n]
		switch {
		case errors.Is(err, io.EOF):
			return dst, nil
		case err != nil:
			return dst, &cutError{err}
		case len(dst) > MaxBody:
			return dst, ErrTooLarge
		}
	}
}

// cutError is a body that broke off.
type cutError struct{ err error }

func (e *cutError) Error() string   { return ErrCut.Error() }
func (e *cutError) Unwrap() []error { return []error{ErrCut, e.err} }

// ReadErrorBody reads the beginning of an error response, without the secrets of the request, and
// closes its body.
func ReadErrorBody(resp *upstream.Response, secrets ...string) []byte {
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	if err != nil {
		body = append(body, " (cut)"...)
	}
	return Hide(body, secrets...)
}

// Hide removes secrets of a request from an error response, whose text is passed on: a proxy's error
// page may repeat the request.
func Hide(body []byte, secrets ...string) []byte {
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		for _, written := range []string{secret, strings.ReplaceAll(secret, "/", `\/`), html.EscapeString(secret), url.QueryEscape(secret)} {
			body = bytes.ReplaceAll(body, []byte(written), []byte("[secret]"))
		}
	}
	return body
}
