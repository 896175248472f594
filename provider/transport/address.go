package transport

import (
	"errors"
	"net/url"
	"strings"
)

// BaseURL parses the address of a provider's API as operators write it. Queries, fragments and
// credentials are refused, because paths are appended to it. The error says what is wrong and does
// not repeat the address, which may contain a secret.
func BaseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("it is not a URL; write it like https://host/path")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("it must begin with https:// or http://")
	case u.Host == "" || u.Hostname() == "":
		return nil, errors.New("it has no host")
	case u.User != nil:
		return nil, errors.New("it must not contain a user or password; set api_key instead")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("it must not contain a query or fragment")
	}
	return u, nil
}

// From names the environment variable that an invalid setting comes from, before what is wrong with
// it; nothing if it comes from the option itself.
func From(name, option string, err error) string {
	if name == option {
		return err.Error()
	}
	return name + ": " + err.Error()
}

// IsSecret reports whether text can stand in a header as a key or token; an empty one can.
func IsSecret(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}
