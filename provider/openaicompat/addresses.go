package openaicompat

import (
	"net/url"
	"sync"
)

// maxAddresses bounds the addresses that are kept, because clients may set some.
const maxAddresses = 1000

// addresses are those that a vendor's deployments call. Deployments with the same base have the same address in memory,
// which matters with thousands of them.
type addresses struct {
	mu    sync.Mutex
	bases map[string]*url.URL
	apis  map[addressOf]*url.URL
}

// addressOf is the path of an API below a base.
type addressOf struct {
	base *url.URL
	path string
}

// base is ParseBase of a text.
func (a *addresses) base(text string) (*url.URL, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if known := a.bases[text]; known != nil {
		return known, nil
	}
	u, err := ParseBase(text)
	if err != nil {
		return nil, err
	}
	if a.bases == nil || len(a.bases) >= maxAddresses {
		a.bases = map[string]*url.URL{}
	}
	a.bases[text] = u
	return u, nil
}

// of is the address that join gives for the path of an API below a base.
func (a *addresses) of(base *url.URL, path string, join func() *url.URL) *url.URL {
	at := addressOf{base, path}
	a.mu.Lock()
	defer a.mu.Unlock()
	if known := a.apis[at]; known != nil {
		return known
	}
	if a.apis == nil || len(a.apis) >= maxAddresses {
		a.apis = map[addressOf]*url.URL{}
	}
	made := join()
	a.apis[at] = made
	return made
}
