package bedrock

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"

	"outcrop/provider"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/creds"
	"outcrop/provider/bedrock/inventory"
)

// identities are the credentials in use. Deployments with the same settings share
// one source, so that a role is assumed once and not once for each of them.
type identities struct {
	mu   sync.Mutex
	open map[identity]*shared
	// inventories are what is known of each account, whatever region its
	// deployments are in.
	inventories map[identity]*account
}

// identity is what tells credentials apart: the settings, in the order of
// identitySettings, and whether an empty api_key keeps out the environment's.
type identity struct {
	settings [len(identitySettings)]string
	noAPIKey bool
}

// identitySettings is never written to.
var identitySettings = [...]string{
	"api_key", "aws_access_key_id", "aws_secret_access_key", "aws_session_token",
	"aws_profile_name", "aws_role_name", "aws_session_name", "aws_external_id", "aws_region_name",
}

// shared is a source and how many deployments use it.
type shared struct {
	*creds.Source
	key       identity
	users     int
	inventory *inventory.Inventory
}

// account is an inventory and how many sources use it.
type account struct {
	inventory *inventory.Inventory
	users     int
}

// source gives the credentials for a deployment's settings; release ends its use.
func (s *identities) source(p provider.Params) (*shared, error) {
	var key identity
	for i, name := range identitySettings {
		key.settings[i] = p.Values[name]
	}
	apiKey, given := p.Values["api_key"]
	key.noAPIKey = given && apiKey == ""
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.open[key]; known != nil {
		known.users++
		return known, nil
	}
	v := p.Values
	source, err := creds.Open(creds.Options{
		APIKey:       apiKey,
		NoAPIKey:     key.noAPIKey,
		AccessKey:    v["aws_access_key_id"],
		SecretKey:    v["aws_secret_access_key"],
		SessionToken: v["aws_session_token"],
		Profile:      v["aws_profile_name"],
		Role:         v["aws_role_name"],
		SessionName:  v["aws_session_name"],
		ExternalID:   v["aws_external_id"],
		Region:       v["aws_region_name"],
		Environ:      p.Environ,
		Now:          p.Now,
	})
	if err != nil {
		return nil, err
	}
	known, err := s.inventory(key.everywhere(), p)
	if err != nil {
		source.Close()
		return nil, err
	}
	made := &shared{Source: source, key: key, users: 1, inventory: known}
	s.open[key] = made
	return made, nil
}

// everywhere is the identity whatever the region.
func (k identity) everywhere() identity {
	k.settings[slices.Index(identitySettings[:], "aws_region_name")] = ""
	return k
}

// inventory gives what is known of an account; mu is held.
func (s *identities) inventory(key identity, p provider.Params) (*inventory.Inventory, error) {
	if known := s.inventories[key]; known != nil {
		known.users++
		return known.inventory, nil
	}
	base, err := catalog.Embedded()
	if err != nil {
		return nil, err
	}
	made := inventory.New(inventory.Options{Base: base, Dir: p.DataDir, Name: key.name(p.Environ), Now: p.Now, Logger: p.Logger})
	s.inventories[key] = &account{inventory: made, users: 1}
	return made, nil
}

// name is a file name for what is kept of an account: the same at every start
// with the same credentials, and nothing can be read from it.
func (k identity) name(environ func(string) string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %v", k.settings, k.noAPIKey)
	for _, name := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_PROFILE_NAME", "AWS_ROLE_NAME", "AWS_ROLE_ARN", "AWS_BEARER_TOKEN_BEDROCK",
		"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ENDPOINT_URL_BEDROCK", "AWS_ENDPOINT_URL",
	} {
		fmt.Fprintf(h, " %q", environ(name))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// release ends one deployment's use of a source; the last one closes it.
func (s *identities) release(used *shared) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if used.users--; used.users == 0 {
		delete(s.open, used.key)
		key := used.key.everywhere()
		if known := s.inventories[key]; known.users == 1 {
			delete(s.inventories, key)
			known.inventory.Close()
		} else {
			known.users--
		}
		used.Close()
	}
}
