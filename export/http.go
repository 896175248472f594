package export

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"time"
)

// Secret is a text that is never shown. It prints as [secret].
type Secret string

// Reveal is the text itself.
func (s Secret) Reveal() string { return string(s) }

// String is [secret].
func (s Secret) String() string { return "[secret]" }

// Format writes [secret] whatever the verb is.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[secret]")) }

// Poster makes requests of services. It follows no redirections: they would carry records to addresses that the operator
// has not named.
type Poster struct{ client *http.Client }

// NewPoster makes a Poster. transport is nil for the usual one.
func NewPoster(transport http.RoundTripper) *Poster {
	if transport == nil {
		var protocols http.Protocols
		protocols.SetHTTP1(true)
		protocols.SetHTTP2(true)
		transport = &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 8, IdleConnTimeout: 90 * time.Second, Protocols: &protocols}
	}
	return &Poster{&http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Close closes the connections that wait.
func (p *Poster) Close() { p.client.CloseIdleConnections() }

// maxReply bounds what is read of an answer, in bytes.
const maxReply = 64 << 10

// Do makes a request, and returns the beginning of the answer. An answer with an error status is an error, which is final
// unless the service may take the same request later. No error has the address, which may hold a secret.
func (p *Poster) Do(ctx context.Context, method, address string, header http.Header, body []byte) (_ []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, &FinalError{errors.New("the address is not a URL")}
	}
	maps.Copy(req.Header, header)
	resp, err := p.client.Do(req)
	if err != nil {
		if with, ok := errors.AsType[*url.Error](err); ok {
			return nil, with.Err
		}
		return nil, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	reply, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if err != nil {
		return nil, err
	}
	return reply, Refusal(resp.StatusCode)
}

// Refusal is the error of an answer with a status; nil for one of success.
func Refusal(status int) error {
	switch {
	case status < http.StatusMultipleChoices:
		return nil
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status >= http.StatusInternalServerError:
		return fmt.Errorf("the answer has status %d", status)
	default:
		return &FinalError{fmt.Errorf("the answer has status %d", status)}
	}
}
