// Package sign signs requests with AWS Signature Version 4 and verifies the signatures
// of received ones. Both depend only on the parts of the request, the credentials, the
// scope and the time; nothing here does I/O.
//
// It follows AWS's "Signature Version 4 signing process" for every service except S3:
// the payload hash is the SHA-256 of the body, and the canonical URI is the path of the
// request line with every byte outside A-Za-z0-9-._~/ percent-encoded once more. Paths
// are not normalized: . and .. segments are signed unchanged, as the AWS SDKs do.
package sign

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"outcrop/internal/second"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
	dateTime   = "20060102T150405Z"
)

// Header names of Signature Version 4, in canonical form.
const (
	headerAuthorization = "Authorization"
	headerDate          = "X-Amz-Date"
	headerToken         = "X-Amz-Security-Token"
)

// Credentials are an AWS access key. They show their access key id but never their
// secrets when they are printed, logged or marshalled. Do not keep them in an
// unexported field: package fmt shows their secrets there.
type Credentials struct {
	AccessKey    string
	SecretKey    string
	SessionToken string // empty for a long-term key
}

func (c Credentials) String() string { return "access key " + c.AccessKey }

// Format writes String for every verb, so that no verb shows the secrets.
func (c Credentials) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// LogValue returns String, for package slog.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText returns String, for encoders.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Request has the parts of a request that a signature covers.
type Request struct {
	Method string
	Host   string // as in the Host header: with its port unless that is the default
	Path   string // as in the request line, escaped; empty means /
	Query  string // as in the request line, without the ?
	// Header must not be nil. Sign reads the headers to sign from it and sets the
	// signature's headers in it; names are in canonical form.
	Header http.Header
	// Body is the request body, as consecutive pieces.
	Body [][]byte
}

// Signer signs requests. The zero value is ready; a Signer is safe for concurrent use
// and must not be copied.
//
// It keeps the derived signing keys of the credentials that it has used, so that a call
// costs the hash of the body and one HMAC over a few hundred bytes. Looking up a kept
// key takes no lock.
type Signer struct {
	keys    atomic.Pointer[keyring]
	adding  sync.Mutex // held while keys is replaced
	scratch sync.Pool  // of *scratch
	dates   second.Of[string]
}

// Sign signs r for a service in a region, such as bedrock in eu-west-1, at the time
// now. It sets the Authorization, X-Amz-Date and, for temporary credentials,
// X-Amz-Security-Token headers, and removes the session token header of an earlier
// signature.
//
// It signs Host, Content-Type if present, every X-Amz- header (as AWS asks), and the
// headers named in extra, in canonical form, that are present. Content-Length in extra
// is the length of the body. A proxy may change any other header without breaking the
// signature.
func (s *Signer) Sign(r *Request, c Credentials, region, service string, now time.Time, extra ...string) {
	w, _ := s.scratch.Get().(*scratch)
	if w == nil {
		w = new(scratch)
	}
	defer s.scratch.Put(w)

	now = now.UTC()
	date := s.dates.At(now, func(t time.Time) string { return t.Format(dateTime) })
	values := make([]string, 3) // one allocation for three one-element header values
	values[0] = date
	r.Header[headerDate] = values[0:1:1]
	if c.SessionToken != "" {
		values[1] = c.SessionToken
		r.Header[headerToken] = values[1:2:2]
	} else {
		delete(r.Header, headerToken)
	}

	w.chooseHeaders(r, extra)
	key := s.key(c.SecretKey, now, region, service)
	signature := w.sign(r, key, date, region, service)

	b := w.buf[:0]
	b = append(b, algorithm+" Credential="...)
	b = append(b, c.AccessKey...)
	b = append(b, '/')
	b = appendScope(b, date, region, service)
	b = append(b, ", SignedHeaders="...)
	b = w.appendSignedHeaders(b)
	b = append(b, ", Signature="...)
	b = append(b, signature[:]...)
	w.buf = b
	values[2] = string(b)
	r.Header[headerAuthorization] = values[2:3:3]
}

// sign returns the signature, in hexadecimal, of r with the headers in w.fields.
func (w *scratch) sign(r *Request, key *signingKey, date, region, service string) [2 * sha256.Size]byte {
	body := hashOf(r.Body)
	w.buf = w.appendCanonicalRequest(w.buf[:0], r, body)
	canonical := sha256.Sum256(w.buf)

	b := w.buf[:0]
	b = append(b, algorithm+"\n"...)
	b = append(b, date...)
	b = append(b, '\n')
	b = appendScope(b, date, region, service)
	b = append(b, '\n')
	b = hex.AppendEncode(b, canonical[:])
	w.buf = b
	return key.sum(b)
}

// appendScope appends the credential scope; date is in the format of X-Amz-Date.
func appendScope(b []byte, date, region, service string) []byte {
	b = append(b, date[:len("20060102")]...)
	b = append(b, '/')
	b = append(b, region...)
	b = append(b, '/')
	b = append(b, service...)
	return append(b, "/"+terminator...)
}

// Bearer sets a Bedrock API key as h's authorization and removes the headers of a
// signature: a request with a bearer token has no X-Amz-Date (AWS, "Use an Amazon
// Bedrock API key").
func Bearer(h http.Header, token string) {
	h[headerAuthorization] = []string{"Bearer " + token}
	delete(h, headerDate)
	delete(h, headerToken)
}

// hashOf returns the SHA-256 of consecutive pieces.
func hashOf(pieces [][]byte) (sum [sha256.Size]byte) {
	if len(pieces) == 1 {
		return sha256.Sum256(pieces[0])
	}
	h := sha256.New()
	for _, p := range pieces {
		h.Write(p)
	}
	h.Sum(sum[:0])
	return sum
}
