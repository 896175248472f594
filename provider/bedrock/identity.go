package bedrock

import (
	"sync"

	"outcrop/provider"
	"outcrop/provider/bedrock/creds"
)

// identities are the credentials in use. Deployments with the same settings share
// one source, so that a role is assumed once and not once for each of them.
type identities struct {
	mu   sync.Mutex
	open map[identity]*shared
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
	key   identity
	users int
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
	made := &shared{Source: source, key: key, users: 1}
	s.open[key] = made
	return made, nil
}

// release ends one deployment's use of a source; the last one closes it.
func (s *identities) release(used *shared) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if used.users--; used.users == 0 {
		delete(s.open, used.key)
		used.Close()
	}
}
