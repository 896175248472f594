package bedrock

import (
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"outcrop/emulator/bedrock/account"
	"outcrop/emulator/bedrock/catalogue"
	"outcrop/internal/jsonx"
)

// adminPrefix begins the paths with which users' own tests change the running emulator.
// AWS has nothing there.
const adminPrefix = "/_emulator/"

// administer changes the catalogue and the account: PUT /_emulator/models adds and
// replaces models, DELETE /_emulator/models/{id} removes one, PUT /_emulator/account
// replaces the account's set-up, and GET /_emulator/authorizations returns the
// permissions that the last call needed. It requires no credentials and serves only
// clients on the same machine.
func (e *Emulator) administer(c *call) error {
	if from, err := netip.ParseAddrPort(c.request.RemoteAddr); err != nil || !from.Addr().Unmap().IsLoopback() {
		return denied("The emulator is changed from a loopback address only, not from " + c.request.RemoteAddr + ".")
	}
	const models = adminPrefix + "models"
	path := c.request.URL.EscapedPath()
	switch path {
	case adminPrefix + "account":
		if c.request.Method != http.MethodPut {
			return unknownOperation()
		}
		setup, err := account.Parse(c.body)
		if err == nil {
			err = e.SetAccount(setup)
		}
		if err != nil {
			return invalid("%v", err)
		}
		c.WriteHeader(http.StatusNoContent)
		return nil
	case adminPrefix + "authorizations":
		if c.request.Method != http.MethodGet {
			return unknownOperation()
		}
		return c.writeJSON(appendAuthorizations(nil, e.Authorizations()))
	}
	switch id, one := strings.CutPrefix(path, models+"/"); {
	case path == models && c.request.Method == http.MethodPut:
		if err := e.changeCatalogue(func(now *catalogue.Catalogue) (*catalogue.Catalogue, error) { return now.With(c.body) }); err != nil {
			return invalid("%v", err)
		}
	case one && c.request.Method == http.MethodDelete:
		id, err := url.PathUnescape(id)
		if err != nil {
			return invalid("The path cannot be read.")
		}
		if err := e.changeCatalogue(func(now *catalogue.Catalogue) (*catalogue.Catalogue, error) {
			if now.Model(id) == nil {
				return nil, notFound("There is no model %q.", id)
			}
			return now.Without(id), nil
		}); err != nil {
			return err
		}
	default:
		return unknownOperation()
	}
	c.WriteHeader(http.StatusNoContent)
	return nil
}

// appendAuthorizations writes the questions of a call and IAM's answers.
func appendAuthorizations(buf []byte, all []Authorization) []byte {
	w := jsonx.Writer{Buf: buf}
	w.Object()
	w.Key("authorizations")
	w.Array()
	for _, a := range all {
		w.Object()
		w.Key("principal")
		w.String(a.Principal)
		w.Key("action")
		w.String(a.Action)
		w.Key("resource")
		w.String(a.Resource)
		w.Key("context")
		w.Object()
		for _, key := range slices.Sorted(maps.Keys(a.Context)) {
			w.AnyKey(key)
			writeStrings(&w, a.Context[key])
		}
		w.EndObject()
		w.Key("decision")
		switch d := a.Decision; {
		case d.Allowed():
			w.String("allowed")
		case d.Explicit:
			w.String("explicitDeny")
		default:
			w.String("implicitDeny")
		}
		if !a.Decision.Allowed() {
			w.Key("reason")
			w.String(a.Decision.Reason(a.Action))
		}
		w.EndObject()
	}
	w.EndArray()
	w.EndObject()
	return w.Buf
}
