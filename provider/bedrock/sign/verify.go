package sign

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Window is the maximum difference between the time of a signature and the verifier's
// clock, in either direction.
const Window = 5 * time.Minute

// Kind is the kind of fault in a signature.
type Kind int

// Kinds of faults.
const (
	Missing       Kind = iota + 1 // no Authorization header
	Incomplete                    // an incomplete Authorization header
	UnknownKey                    // no such access key, or another session token
	Expired                       // signed more than Window ago
	NotYetCurrent                 // signed more than Window ahead of the clock
	WrongRegion                   // the scope names another region
	WrongService                  // the scope names another service
	WrongScope                    // a wrong date or end of the scope
	Mismatch                      // the signature is wrong
)

// Fault is the refusal of a request because of its signature, in AWS's words.
type Fault struct {
	Kind    Kind
	Status  int    // HTTP status of the refusal
	Type    string // AWS's name for it, such as InvalidSignatureException
	Message string
}

func (f *Fault) Error() string { return f.Type + ": " + f.Message }

func fault(k Kind, format string, args ...any) *Fault {
	f := &Fault{Kind: k, Status: http.StatusForbidden, Type: "InvalidSignatureException", Message: fmt.Sprintf(format, args...)}
	switch k {
	case Missing:
		f.Type = "MissingAuthenticationTokenException"
	case Incomplete:
		f.Type, f.Status = "IncompleteSignatureException", http.StatusBadRequest
	case UnknownKey:
		f.Type = "UnrecognizedClientException"
	default: // the signature is wrong
	}
	return f
}

// Lookup returns the secret key and, for temporary credentials, the session token of an
// access key id. ok reports whether the key exists.
type Lookup func(accessKey string) (secretKey, sessionToken string, ok bool)

// Verify checks the signature of a received request for a service in a region, as AWS
// would at the time now. The request's path and query are those of the request line,
// unchanged. A refusal is a *Fault; nil means that the request was signed with a key
// that lookup returned.
//
// A client of HTTP/2 may sign :authority in place of host, as AWS's SDK for JavaScript
// does. A path with repeated slashes may be signed as it was sent or, as the same SDK does,
// with each run of slashes as one.
func Verify(r *Request, lookup Lookup, region, service string, now time.Time) error {
	header := r.Header.Get(headerAuthorization)
	if header == "" {
		return fault(Missing, "Missing Authentication Token")
	}
	a, err := parseAuthorization(header)
	if err != nil {
		return err
	}
	date, err := signingTime(r.Header)
	if err != nil {
		return err
	}
	if err := a.checkScope(date.Format(dateTime), region, service); err != nil {
		return err
	}
	if err := checkTime(date, now); err != nil {
		return err
	}
	secret, token, ok := lookup(a.accessKey)
	if !ok || subtle.ConstantTimeCompare([]byte(r.Header.Get(headerToken)), []byte(token)) == 0 {
		return fault(UnknownKey, "The security token included in the request is invalid.")
	}

	w := new(scratch)
	if err := w.takeHeaders(r, a.signedHeaders); err != nil {
		return err
	}
	key := deriveKey(secret, a.day, a.region, a.service)
	matches := func(r *Request) bool {
		signature := w.sign(r, key, date.Format(dateTime), a.region, a.service)
		return subtle.ConstantTimeCompare(signature[:], []byte(a.signature)) == 1
	}
	if matches(r) {
		return nil
	}
	if path := CollapseSlashes(r.Path); path != r.Path {
		collapsed := *r
		collapsed.Path = path
		if matches(&collapsed) {
			return nil
		}
	}
	return fault(Mismatch, "The request signature we calculated does not match the signature you provided. "+
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
}

// CollapseSlashes returns an escaped path with each run of slashes replaced by
// one. An escaped slash (%2F) is data and stays.
func CollapseSlashes(path string) string {
	if !strings.Contains(path, "//") {
		return path
	}
	b := make([]byte, 0, len(path))
	for i := range len(path) {
		if path[i] != '/' || i == 0 || path[i-1] != '/' {
			b = append(b, path[i])
		}
	}
	return string(b)
}

// authority is the pseudo-header of HTTP/2 that takes the place of Host
// (RFC 9113, section 8.3.1).
const authority = ":authority"

// Scope is what an Authorization header says about its signature.
type Scope struct{ AccessKey, Region, Service string }

// ParseScope reads the scope of an Authorization header. The error is a *Fault.
func ParseScope(header string) (Scope, error) {
	a, err := parseAuthorization(header)
	return Scope{a.accessKey, a.region, a.service}, err
}

// authorization is a parsed Authorization header.
type authorization struct {
	accessKey, day, region, service, end string
	signedHeaders                        []string
	signature                            string
}

func parseAuthorization(header string) (authorization, error) {
	var a authorization
	name, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
	if name != algorithm {
		return a, fault(Incomplete, "Unsupported AWS 'algorithm': '%s'.", name)
	}
	var credential, signed string
	for part := range strings.SplitSeq(rest, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch k {
		case "Credential":
			credential = v
		case "SignedHeaders":
			signed = v
		case "Signature":
			a.signature = v
		}
	}
	var lacks []string
	for _, p := range [...]struct{ name, value string }{
		{"Credential", credential}, {"Signature", a.signature}, {"SignedHeaders", signed},
	} {
		if p.value == "" {
			lacks = append(lacks, "Authorization header requires '"+p.name+"' parameter.")
		}
	}
	if lacks != nil {
		return a, fault(Incomplete, "%s", strings.Join(lacks, " "))
	}

	// An access key id has no slash, so the scope is what follows the first.
	parts := strings.Split(credential, "/")
	if len(parts) != 5 {
		return a, fault(Incomplete, "Credential must have exactly 5 slash-delimited elements, "+
			"e.g. keyid/date/region/service/term, got '%s'", credential)
	}
	a.accessKey, a.day, a.region, a.service, a.end = parts[0], parts[1], parts[2], parts[3], parts[4]
	a.signedHeaders = strings.Split(signed, ";")
	return a, nil
}

// signingTime reads X-Amz-Date, or Date if that is absent.
func signingTime(h http.Header) (time.Time, error) {
	if v := h.Get(headerDate); v != "" {
		if t, err := time.Parse(dateTime, v); err == nil {
			return t, nil
		}
		return time.Time{}, fault(Incomplete, "Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", v)
	}
	if t, err := http.ParseTime(h.Get("Date")); err == nil {
		return t.UTC(), nil
	}
	return time.Time{}, fault(Incomplete, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
}

func (a *authorization) checkScope(date, region, service string) error {
	switch {
	case a.end != terminator:
		return fault(WrongScope, "Credential should be scoped with a valid terminator: '%s', not '%s'. ", terminator, a.end)
	case a.region != region:
		return fault(WrongRegion, "Credential should be scoped to a valid region. ")
	case a.service != service:
		return fault(WrongService, "Credential should be scoped to correct service: '%s'. ", service)
	case a.day != date[:len("20060102")]:
		return fault(WrongScope, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "+
			"'%s' != '%s', from '%s'.", a.day, date[:len("20060102")], date)
	}
	return nil
}

func checkTime(signed, now time.Time) error {
	now = now.UTC()
	switch {
	case signed.Before(now.Add(-Window)):
		return fault(Expired, "Signature expired: %s is now earlier than %s (%s - 5 min.)",
			signed.Format(dateTime), now.Add(-Window).Format(dateTime), now.Format(dateTime))
	case signed.After(now.Add(Window)):
		return fault(NotYetCurrent, "Signature not yet current: %s is still later than %s (%s + 5 min.)",
			signed.Format(dateTime), now.Add(Window).Format(dateTime), now.Format(dateTime))
	}
	return nil
}

// takeHeaders sets w.fields to the headers of r that its signature names.
func (w *scratch) takeHeaders(r *Request, names []string) error {
	if !slices.Contains(names, "host") && !slices.Contains(names, authority) {
		return fault(Mismatch, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	}
	var f []field
	for _, name := range names {
		values, present := headerValues(r.Header, name)
		switch {
		case name == "host", name == authority:
			f = append(f, field{name: name})
		case present:
			f = append(f, field{name, values})
		case name == "content-length":
			f = append(f, field{name: name})
		default:
			f = append(f, field{name, []string{""}})
		}
	}
	// The order is the signer's own; AWS accepts any order, but signs in sorted order.
	w.setFields(f)
	return nil
}
