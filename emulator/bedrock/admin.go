package bedrock

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"outcrop/emulator/bedrock/catalogue"
)

// adminPrefix begins the paths by which users' own tests change the emulator
// while it runs. AWS has nothing there.
const adminPrefix = "/_emulator/"

// administer changes the catalogue: PUT /_emulator/models adds and replaces
// models, DELETE /_emulator/models/{id} removes one. It asks for no credentials
// and serves only who calls from the same machine.
func (e *Emulator) administer(c *call) error {
	if from, err := netip.ParseAddrPort(c.request.RemoteAddr); err != nil || !from.Addr().Unmap().IsLoopback() {
		return denied("The emulator is changed from a loopback address only, not from " + c.request.RemoteAddr + ".")
	}
	const models = adminPrefix + "models"
	path := c.request.URL.EscapedPath()
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
