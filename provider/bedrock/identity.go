package bedrock

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"

	"outcrop/internal/refcount"
	"outcrop/provider"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/creds"
	"outcrop/provider/bedrock/inventory"
	"outcrop/upstream"
	"outcrop/wire/eventstream"
)

// identities holds the credentials in use. Deployments with the same settings share one source, so
// that a role is assumed only once.
type identities struct {
	open refcount.Pool[identity, *creds.Source]
	// accounts holds the inventory of each account, independent of region.
	accounts refcount.Pool[identity, *inventory.Inventory]
	// overlays holds the catalogues of all accounts; nil until the first account is opened.
	overlays *catalog.Overlays

	buffers sync.Pool // of *buffer: of the calls of all deployments, since many deployments have few calls each
	frames  eventstream.Buffers
}

// maxOverrideLists bounds the memory for the model lists of client-supplied accounts, in bytes.
const maxOverrideLists = 32 << 20

// identity identifies credentials: by the settings, in the order of identitySettings, and whether
// an empty api_key disables the environment's.
type identity struct {
	settings [len(identitySettings)]string
	noAPIKey bool
	// own reports whether the credentials are client-supplied. The gateway's environment does not
	// complete them, and they do not share its lists.
	own bool
	// trust is how the certificates of credential sources are verified.
	trust upstream.Settings
	// endpoint is the runtime endpoint if it is not AWS's. It distinguishes inventories, and empty
	// credentials.
	endpoint string
}

// identitySettings is never written to.
var identitySettings = [...]string{
	"api_key", "aws_access_key_id", "aws_secret_access_key", "aws_session_token",
	"aws_profile_name", "aws_role_name", "aws_session_name", "aws_external_id", "aws_region_name",
	"aws_web_identity_token", "aws_session_tags", "aws_sts_endpoint",
}

// shared is a deployment's use of a source.
type shared struct {
	*creds.Source
	leave func() (last bool)
}

// account is a deployment's use of an account's inventory.
type account struct {
	*inventory.Inventory
	key   identity
	leave func() (last bool)
}

// source returns the credential source for a deployment's settings, with the connection settings
// made; release ends its use.
func (s *identities) source(p provider.Params, by overridden, made upstream.Settings) (*shared, error) {
	key := identityOf(p, by)
	guard := p.Upstream.Guard()
	key.trust = upstream.Settings{CAFile: made.CAFile, Insecure: made.Insecure, Guard: guard}
	if by.region != "" {
		key.settings[slices.Index(identitySettings[:], "aws_region_name")] = by.region
	}
	opt, err := creds.OptionsOf(p.Values)
	if err != nil {
		return nil, err
	}
	opt.APIKey, opt.NoAPIKey = p.Values["api_key"], key.noAPIKey
	opt.Region = cmp.Or(by.region, opt.Region)
	opt.CAFile, opt.Insecure, opt.Guard, opt.Authorities = made.CAFile, made.Insecure, guard, p.Upstream.Authorities
	opt.Environ, opt.Now, opt.Logger = p.Environ, p.Now, p.Logger
	source, leave, err := s.open.Take(key, func() (*creds.Source, error) { return creds.Open(opt) })
	if err != nil {
		return nil, err
	}
	return &shared{source, leave}, nil
}

// identityOf returns the identity that a deployment's settings describe.
func identityOf(p provider.Params, by overridden) identity {
	key := identity{own: by.ownCredentials}
	for i, name := range identitySettings {
		key.settings[i] = p.Values[name]
	}
	apiKey, given := p.Values["api_key"]
	key.noAPIKey = given && apiKey == ""
	return key
}

// account returns the inventory of a deployment's account, independent of region; releaseAccount
// ends its use. Another endpoint than AWS's counts as another account.
func (s *identities) account(p provider.Params, by overridden) (*account, error) {
	key := identityOf(p, by)
	key.settings[slices.Index(identitySettings[:], "aws_region_name")] = ""
	key.endpoint = cmp.Or(p.Values["aws_bedrock_runtime_endpoint"], p.Values["api_base"])
	used, leave, err := s.accounts.Take(key, func() (*inventory.Inventory, error) {
		if s.overlays == nil {
			base := catalog.Embedded()
			s.overlays = catalog.NewOverlays(base, maxOverrideLists)
		}
		return inventory.New(inventory.Options{Overlays: s.overlays, Bounded: by.present, Dir: p.DataDir, Name: key.name(p.Environ), Now: p.Now, Logger: p.Logger}), nil
	})
	if err != nil {
		return nil, err
	}
	return &account{used, key, leave}, nil
}

// releaseAccount ends one deployment's use of an account; end closes it after the last one,
// and may take a while.
func (s *identities) releaseAccount(used *account) (end func()) {
	if used.leave() {
		return used.Close
	}
	return func() {}
}

// name is the file name for an account's saved data. It is the same at every start with the same
// credentials, and reveals nothing about them.
func (k identity) name(environ func(string) string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %v %q", k.settings, k.noAPIKey, k.endpoint)
	for _, name := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_PROFILE_NAME", "AWS_ROLE_NAME", "AWS_ROLE_ARN", "AWS_BEARER_TOKEN_BEDROCK",
		"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ENDPOINT_URL_BEDROCK", "AWS_ENDPOINT_URL",
	} {
		fmt.Fprintf(h, " %q", environ(name))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// release ends one deployment's use of a source; end closes it after the last one, and
// may take a while, as a credential process can be slow to end.
func (s *identities) release(used *shared) (end func()) {
	if used.leave() {
		return used.Close
	}
	return func() {}
}
