// Package remote asks services that check texts: a POST with a JSON body to an address that the operator has set, and a JSON
// answer. It says which failures mean that a service was not there to be asked.
package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"outcrop/guard"
	"outcrop/internal/jsonx"
	"outcrop/upstream"
)

// maxAnswer bounds an answer, in bytes: it may have all texts of a long conversation.
const maxAnswer = 32 << 20

// Service is a service at an address. It is safe for concurrent use.
type Service struct {
	name   string
	client *upstream.Client
	url    *url.URL
	header http.Header
}

// New returns a service. name is what errors call it, address is where it is asked, and header is sent with every request,
// beside the types of the bodies. An error is about the address.
func New(name string, client *upstream.Client, address string, header http.Header) (*Service, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the address is not an http or https URL")
	}
	h := header.Clone()
	if h == nil {
		h = http.Header{}
	}
	h["Content-Type"], h["Accept"] = []string{"application/json"}, []string{"application/json"}
	return &Service{name: name, client: client, url: u, header: h}, nil
}

// Ask sends a body to a service, and decodes the answer, whose unknown members are ignored. An error is guard.ErrUnreachable if
// nobody answered, or something in between did: 502, 503 and 504. None has what was sent or answered.
func Ask[Answer any](ctx context.Context, s *Service, body []byte) (Answer, error) {
	var to Answer
	err := s.ask(ctx, body, func(answer []byte) error { return jsonx.Unmarshal(answer, &to) })
	return to, err
}

func (s *Service) ask(ctx context.Context, body []byte, decode func(answer []byte) error) error {
	resp, err := s.client.Do(ctx, &upstream.Request{Method: http.MethodPost, URL: s.url, Header: s.header, Body: [][]byte{body}})
	if err != nil {
		return fmt.Errorf("%s: %w: %w", s.name, guard.ErrUnreachable, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w: %w", s.name, guard.ErrUnreachable, err)
	case resp.Status >= http.StatusBadGateway && resp.Status <= http.StatusGatewayTimeout:
		return fmt.Errorf("%s: %w: status %d", s.name, guard.ErrUnreachable, resp.Status)
	case resp.Status != http.StatusOK:
		return errors.New(s.name + ": it refuses to check: status " + strconv.Itoa(resp.Status) + hint(resp.Status))
	case len(answer) > maxAnswer:
		return errors.New(s.name + ": its answer is too large")
	}
	if err := decode(answer); err != nil {
		return errors.New(s.name + ": its answer cannot be understood")
	}
	return nil
}

// hint is what a status means for the operator.
func hint(status int) string {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return " (check api_key)"
	case http.StatusNotFound:
		return " (check the address)"
	default:
		return ""
	}
}

// Below is an address with a path behind it. The address may have the path already.
func Below(address, path string) string {
	if address = strings.TrimRight(address, "/"); strings.HasSuffix(address, path) {
		return address
	}
	return address + path
}

// Reach is how streams are checked by a service, whose every check is a request: once in a kilobyte, of which a fifth is held back and
// seen twice. A text in the Latin alphabet is then a thousand characters, which is what services count as one unit.
func Reach() guard.Reach { return guard.Reach{Held: 200, Every: 780} }
