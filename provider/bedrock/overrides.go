package bedrock

import (
	"container/list"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"

	"outcrop/internal/netguard"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock/creds"
	"outcrop/provider/bedrock/endpoint"
	"outcrop/provider/overrides"
	"outcrop/upstream"
)

// maxOverrides bounds the overridden deployments that are cached, least recently used first out.
// LiteLLM keeps the same number of credentials.
const maxOverrides = 1000

// overridden describes the client-supplied settings of a deployment; the zero value means none.
type overridden struct {
	// present reports whether there are any, and ownCredentials whether they include credentials.
	// In that case nothing known about the deployment's account applies.
	present, ownCredentials bool
	region                  string // of its calls; empty for the deployment's
	guard                   upstream.Guard
	mantle                  bool // the deployment is one of bedrock_mantle, see Mantle
}

// overrideCache holds the copies of a deployment that have client-supplied settings.
type overrideCache struct {
	mu      sync.Mutex
	known   map[[sha256.Size]byte]*override
	recent  list.List // of *override, most recently used first
	closed  bool
	closing sync.WaitGroup // for copies that are closed before the deployment
}

// override is one of them. The first request that needs it opens the deployment, without blocking
// requests for others.
type override struct {
	key     [sha256.Size]byte
	element *list.Element
	users   int
	evicted bool // not cached any more; closed when the last user releases it

	open       sync.Once
	deployment *deployment // nil until it has been opened
	err        error       // of that
}

// WithOverrides returns the deployment with a request's settings applied. Requests with the same
// settings share one deployment, and so one session of the role that they name.
func (d *deployment) WithOverrides(access *llm.ClientSettings) (provider.Deployment, func(), error) {
	settings, v, err := d.validate(access)
	if err != nil {
		return nil, nil, err
	}
	all := &d.overrideCache
	g, err := all.take(digest(settings))
	if err != nil {
		return nil, nil, err
	}
	leave := sync.OnceFunc(func() { all.release(g) })
	g.open.Do(func() {
		made, err := d.openOverride(settings, v)
		all.mu.Lock()
		defer all.mu.Unlock()
		g.deployment, g.err = made, err
	})
	if g.deployment == nil {
		all.forget(g)
		leave()
		return nil, nil, overrides.AsRequests(g.err)
	}
	return g.deployment, leave, nil
}

// take returns the override of a key, creating it if necessary.
func (s *overrideCache) take(key [sha256.Size]byte) (*override, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, credentialError(&creds.Error{Kind: creds.Closed, Message: "the deployment is closed"})
	}
	g := s.known[key]
	if g == nil {
		if s.known == nil {
			s.known = map[[sha256.Size]byte]*override{}
		}
		g = &override{key: key, err: errors.New("not opened")}
		g.element = s.recent.PushFront(g)
		s.known[key] = g
		if s.recent.Len() > maxOverrides {
			s.drop(s.recent.Back().Value.(*override)) //nolint:forcetypeassert // the list holds nothing else
		}
	}
	s.recent.MoveToFront(g.element)
	g.users++
	return g, nil
}

// release ends a request's use of an override.
func (s *overrideCache) release(g *override) {
	s.mu.Lock()
	g.users--
	last := g.users == 0 && g.evicted && g.deployment != nil
	if last && !s.closed {
		s.end(g)
		last = false
	}
	s.mu.Unlock()
	if last { // nobody waits for it any more
		g.deployment.letGo()()
	}
}

// forget drops an override that failed to open, so that the next request tries again.
func (s *overrideCache) forget(g *override) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !g.evicted && !s.closed {
		s.drop(g)
	}
}

// drop removes an override and closes it if it has no users; mu must be held.
func (s *overrideCache) drop(g *override) {
	delete(s.known, g.key)
	s.recent.Remove(g.element)
	if g.evicted = true; g.users == 0 {
		s.end(g)
	}
}

// end closes an override without users; mu must be held, and the cache must be open. It does so in
// the background, because credentials may be slow to close and requests wait for mu.
func (s *overrideCache) end(g *override) {
	if g.deployment != nil {
		s.closing.Go(g.deployment.letGo())
	}
}

// close closes all overrides. Requests in flight keep their credentials.
func (s *overrideCache) close() {
	s.mu.Lock()
	s.closed = true
	var open []*deployment
	for _, g := range s.known {
		if g.evicted = true; g.deployment != nil { // else its request closes it
			open = append(open, g.deployment)
			g.users = 0
		}
	}
	clear(s.known)
	s.recent.Init()
	s.mu.Unlock()
	for _, d := range open {
		d.letGo()()
	}
	s.closing.Wait()
}

// digest identifies client-supplied settings without retaining them.
func digest(settings map[string]string) (key [sha256.Size]byte) {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(h, "%q=%q\n", name, settings[name])
	}
	h.Sum(key[:0])
	return key
}

// validate checks client-supplied settings against the client policy and returns them by option
// name.
func (d *deployment) validate(access *llm.ClientSettings) (map[string]string, overridden, error) {
	v := overridden{present: true, mantle: d.overrides.mantle}
	settings, err := overrides.Read(options(), d.params.ClientPolicy, access)
	if err != nil {
		return nil, v, err
	}
	for _, option := range []string{"api_base", "aws_bedrock_runtime_endpoint"} {
		if value := settings[option]; value != "" {
			v.guard = max(v.guard, d.guardOf(option, value))
		}
	}
	if err := v.keepApart(settings); err != nil {
		return nil, v, err
	}
	return settings, v, nil
}

// guardOf determines which addresses a client-supplied endpoint may resolve to: public ones, or any
// except metadata services if a pattern of the operator names its host. The same holds for AWS's
// regional hosts, which resolve to private addresses in a network with VPC endpoints and private
// DNS. It does not hold for the names of VPC endpoints, which anyone can point to any private
// address.
func (d *deployment) guardOf(option, value string) upstream.Guard {
	if pattern := d.params.ClientPolicy.Names[option]; pattern != nil && !d.params.ClientPolicy.All && netguard.Names(pattern, value) {
		return upstream.NoMetadata
	}
	if u, err := url.Parse(value); err == nil && u.Scheme == "https" {
		host := strings.ToLower(u.Host)
		if strings.HasPrefix(host, "bedrock-runtime") && endpoint.RegionOf(host) != "" && !strings.Contains(host, ".vpce.") {
			return upstream.NoMetadata
		}
	}
	return upstream.PublicOnly
}

// keepApart determines whose credentials are used, and enforces that the gateway's own are never
// sent to a client-supplied address.
func (v *overridden) keepApart(settings map[string]string) error {
	v.ownCredentials = hasKeys(settings) || settings["aws_role_name"] != ""
	v.region = settings["aws_region_name"]
	for _, name := range []string{"api_base", "aws_bedrock_runtime_endpoint"} {
		if settings[name] != "" && !hasKeys(settings) {
			e := llm.Invalid(name, "%s requires credentials in the same request: the gateway does not send its own to a client-supplied address", name)
			e.Fix = "Also send api_key, or aws_access_key_id and aws_secret_access_key."
			return e
		}
	}
	if token := settings["aws_web_identity_token"]; token != "" && !creds.IsToken(token) {
		return llm.Invalid("aws_web_identity_token", "aws_web_identity_token must be a JSON Web Token")
	}
	if v.region != "" {
		if err := endpoint.CheckRegion(llm.Clip(v.region, 60)); err != nil && err.Certain {
			return llm.Invalid("aws_region_name", "aws_region_name: %s", err.Error())
		}
	}
	return nil
}

// hasKeys reports whether a request has credentials, or a part of them; the gateway's are not used
// then.
func hasKeys(settings map[string]string) bool {
	for _, name := range []string{"api_key", "aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_web_identity_token"} {
		if settings[name] != "" {
			return true
		}
	}
	return false
}

// openOverride opens the deployment with client-supplied settings. Client-supplied credentials
// replace all of the deployment's, so that credentials are never mixed.
func (d *deployment) openOverride(settings map[string]string, v overridden) (*deployment, error) {
	p := d.params
	p.Values = maps.Clone(p.Values)
	p.Logger, p.DataDir = slog.New(slog.DiscardHandler), ""
	drop := func(names ...string) {
		for _, name := range names {
			delete(p.Values, name)
		}
	}
	var hidden []string // variables that say something of the gateway's own identity
	if v.ownCredentials {
		hidden = []string{"AWS_BEARER_TOKEN_BEDROCK", "AWS_SESSION_NAME", "AWS_EXTERNAL_ID"}
		drop("api_key", "aws_session_name", "aws_external_id", "aws_session_tags")
	}
	if hasKeys(settings) { // else the gateway's identity assumes the role
		drop("aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_profile_name", "aws_role_name", "aws_web_identity_token")
	}
	if settings["api_base"] != "" || settings["aws_bedrock_runtime_endpoint"] != "" {
		drop("api_base", "aws_bedrock_runtime_endpoint", "ssl_certificate", "ssl_certificate_key")
		hidden = append(hidden, "SSL_CERTIFICATE")
	}
	for name, value := range settings {
		if name != "aws_region_name" { // the policy judges it as one that the model string names
			p.Values[name] = value
		}
	}
	environ := p.Environ
	p.Environ = func(name string) string {
		if slices.Contains(hidden, name) {
			return ""
		}
		return environ(name)
	}
	return open(d.identities, p, v)
}

var _ provider.Overridable = (*deployment)(nil)
