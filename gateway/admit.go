package gateway

import (
	"crypto/sha256"
	"crypto/subtle"

	"outcrop/llm"
)

// Authenticate checks the keys that a client presented in any of the supported headers. It takes
// the same time for a wrong key as for the right one. The error is an *llm.Error with status 401.
func (g *Gateway) Authenticate(presented *Credentials) error {
	if !g.locked {
		return nil
	}
	right, given := 0, false
	for _, key := range presented.Keys {
		if key == "" {
			continue
		}
		given = true
		sum := sha256.Sum256([]byte(key))
		right |= subtle.ConstantTimeCompare(sum[:], g.key[:])
	}
	switch {
	case right == 1:
		return nil
	case !given && presented.Scheme == NoScheme:
		return &llm.Error{
			Code: llm.CodeUnauthorized, Status: 401, Message: `the Authorization header lacks "Bearer " before the key.`,
			Fix: "Send the gateway's key as Authorization: Bearer KEY.",
		}
	case !given && presented.Scheme != "":
		return &llm.Error{
			Code: llm.CodeUnauthorized, Status: 401, Message: "the Authorization header has the scheme " + presented.Scheme + ", which this gateway does not accept.",
			Fix: "Send the gateway's key as Authorization: Bearer KEY.",
		}
	case !given:
		return &llm.Error{
			Code: llm.CodeUnauthorized, Status: 401, Message: "the API key is missing.",
			Fix: "Send the gateway's key as Authorization: Bearer, api-key, x-api-key, x-litellm-api-key or x-goog-api-key.",
		}
	default:
		return &llm.Error{
			Code: llm.CodeUnauthorized, Status: 401, Message: "the API key is not valid for this gateway.",
			Fix: "Ask the gateway's operator for a key.",
		}
	}
}

// Credentials are what a client presented to be admitted.
type Credentials struct {
	// Keys are the keys in the headers in which clients send one; empty where there was none.
	Keys [5]string
	// Scheme is the scheme of an Authorization header that has no key for this gateway, such as Basic:
	// NoScheme if it is a key without one, and empty if there is no such header.
	Scheme string
}

// NoScheme is Credentials.Scheme of an Authorization header that is a single word.
const NoScheme = "none"

// Caller is who makes a call.
type Caller struct {
	// Identity is the name of what the client presented, such as an access key id; empty for a
	// client that presented the master key, or nothing where nothing is needed.
	Identity string
}

// Admit begins a call, after checking what the client presented. The call is recorded by End also if
// it is refused; the error is then an *llm.Error.
func (g *Gateway) Admit(door, id string, c Credentials) (*Call, error) {
	if err := g.Authenticate(&c); err != nil {
		return g.Begin(Refused, id), err
	}
	return g.Begin(door, id), nil
}

// Refused is the door in the record of requests that go no further than the check of the key.
const Refused = "refused"

// Identify sets who makes a call whose client the frontend has verified after it began.
func (c *Call) Identify(identity string) { c.caller = Caller{Identity: identity} }

// Caller is who makes the call.
func (c *Call) Caller() Caller { return c.caller }
