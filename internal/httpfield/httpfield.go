// Package httpfield knows the names and values of HTTP headers: which are well formed, and which
// ones clients may send to providers.
package httpfield

import "strings"

// First returns the first value of the field name, or the empty string if there is none. name is as http.CanonicalHeaderKey has it: it is
// not made so, as http.Header.Get does each time, of which a call needs some twenty.
func First(header map[string][]string, name string) string {
	if values := header[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// IsToken reports whether s is a valid header name (RFC 9110, section 5.6.2).
func IsToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// IsValue reports whether s is a valid header value: no control characters except the tab (RFC
// 9110, section 5.5).
func IsValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// MediaType returns the media type of a Content-Type, in lower case and without parameters; empty if there is
// none. It is not checked.
func MediaType(contentType string) string {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// HasToken reports whether lists of tokens, the values of a header such as Connection, contain a token
// in any letter case (RFC 9110, section 5.6.1).
func HasToken(lists []string, token string) bool {
	for _, list := range lists {
		for t := range strings.SplitSeq(list, ",") {
			if t = strings.Trim(t, " \t"); len(t) == len(token) && strings.EqualFold(t, token) { // letters outside ASCII are longer
				return true
			}
		}
	}
	return false
}

// Rule determines how a client's header for a provider is handled.
type Rule uint8

// Rules.
const (
	// Pass is for headers that only concern the client and the provider.
	Pass Rule = iota
	// Drop is for headers that the gateway sets itself, and whose loss does not change what the
	// client asked for.
	Drop
	// Refuse is for headers of the connection, the body and the authorization: dropping them would
	// change what the client asked for.
	Refuse
)

// RuleOf returns the rule for a header's name, in any letter case. Headers of the connection are
// those of RFC 9110, section 7.6.1.
func RuleOf(name string) Rule {
	name = strings.ToLower(name)
	switch name {
	case "authorization", "proxy-authorization", "cookie",
		"host", "connection", "proxy-connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect",
		"content-length", "content-type", "content-encoding", "accept", "accept-encoding":
		return Refuse
	case "proxy-authenticate", "date", "api-key", "x-api-key", "user-agent":
		return Drop
	case "x-amzn-sagemaker-custom-attributes", "x-amzn-sagemaker-inference-id": // for the container of an endpoint of SageMaker, and for its log
		return Pass
	}
	switch {
	case strings.HasPrefix(name, "x-amz-"):
		return Refuse
	case strings.HasPrefix(name, "content-"), strings.HasPrefix(name, "x-amzn-"):
		return Drop
	default:
		return Pass
	}
}
