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
	"outcrop/upstream"
)

// maxOverrides bounds how many guests of a deployment are kept, the ones used last.
// LiteLLM keeps as many credentials.
const maxOverrides = 1000

// maxOverrideValue bounds a value that a request brings, in bytes; STS takes web identity
// tokens of 20,000 (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html).
const maxOverrideValue = 20_000

// overrides is what a request's settings make of a deployment; the zero visit is none.
type overrides struct {
	// present is whether there is one, and own whether its credentials are not the
	// deployment's: nothing of the deployment's account counts for it then.
	present, ownCredentials bool
	region                  string // of its calls; empty for the deployment's
	guard                   upstream.Guard
}

// overrideCache are a deployment as requests with settings of their own have it.
type overrideCache struct {
	mu      sync.Mutex
	known   map[[sha256.Size]byte]*override
	recent  list.List // of *guest, the one used last in front
	closed  bool
	closing sync.WaitGroup // for those that are closed before the deployment is
}

// override is one of them. The deployment is opened by the first request that wants it,
// without holding up those that want others.
type override struct {
	key     [sha256.Size]byte
	element *list.Element
	users   int
	evicted bool // it is kept no more, and closed when nobody uses it

	open       sync.Once
	deployment *deployment // nil until it has been opened
	err        error       // of that
}

// WithOverrides gives the deployment as the settings of a request make it. Requests with
// the same settings share one, and with it a session of the role that they name.
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
		return nil, nil, asRequests(g.err)
	}
	return g.deployment, leave, nil
}

// take gives the guest of a key to a request, a new one if need be.
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

// release ends a request's use of a guest.
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

// forget drops a guest that could not be opened, so that the next request tries again.
func (s *overrideCache) forget(g *override) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !g.evicted && !s.closed {
		s.drop(g)
	}
}

// drop forgets a guest, and closes it when nobody uses it; mu is held.
func (s *overrideCache) drop(g *override) {
	delete(s.known, g.key)
	s.recent.Remove(g.element)
	if g.evicted = true; g.users == 0 {
		s.end(g)
	}
}

// end closes a guest that nobody uses; mu is held, and the guests are not closed. It
// does so in the background: credentials may be slow to end, and requests wait for mu.
func (s *overrideCache) end(g *override) {
	if g.deployment != nil {
		s.closing.Go(g.deployment.letGo())
	}
}

// close closes the guests. Requests under way keep the credentials that there are.
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

// digest tells what requests bring apart without keeping it.
func digest(settings map[string]string) (key [sha256.Size]byte) {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(h, "%q=%q\n", name, settings[name])
	}
	h.Sum(key[:0])
	return key
}

// validate holds what a request brings to what callers may bring, and gives it by the
// names of options.
func (d *deployment) validate(access *llm.ClientSettings) (map[string]string, overrides, error) {
	v := overrides{present: true}
	settings := map[string]string{}
	known := options()
	for _, name := range access.Names() {
		value, option := access.Get(name), optionName(name)
		setting, withValue := d.params.ClientPolicy.Allows(option, value)
		switch {
		case !slices.ContainsFunc(known, func(o provider.Option) bool { return o.Name == option && o.ClientSettable }):
			return nil, v, llm.Unsupported(name, "%s cannot be set by a request; the gateway's operator can set it for the model", name)
		case !setting:
			e := llm.Unsupported(name, "%s is not allowed: clients may not set it for this model", name)
			e.Fix = "Leave " + name + " out, or ask the gateway's operator to list it in configurable_clientside_auth_params of the model."
			return nil, v, e
		case strings.HasPrefix(value, "os.environ/") || strings.HasPrefix(value, "oidc/"):
			return nil, v, llm.Invalid(name, "%s must be the value itself: a request cannot refer to the gateway's environment or tokens", name)
		case len(value) > maxOverrideValue:
			return nil, v, llm.Invalid(name, "%s must be at most %d bytes long, not %d", name, maxOverrideValue, len(value))
		case value == "" || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }):
			return nil, v, llm.Invalid(name, "%s must be printable ASCII without white space", name)
		case !withValue:
			return nil, v, llm.Invalid(name, "%s has a value that clients may not set for this model", name)
		}
		if _, twice := settings[option]; twice {
			return nil, v, llm.Invalid(name, "%s is set twice, under two names; send only one", option)
		}
		settings[option] = value
		if option == "api_base" || option == "aws_bedrock_runtime_endpoint" {
			v.guard = max(v.guard, d.guardOf(option, value))
		}
	}
	if err := v.keepApart(settings); err != nil {
		return nil, v, err
	}
	return settings, v, nil
}

// guardOf says where a brought address may lead: to public addresses, and where a
// pattern of the operator's names its host, to that host wherever it is. So may the
// regional hosts of AWS's own, which lead into the own network where it has VPC
// endpoints with private DNS; not the names of VPC endpoints, which anybody can have
// lead to any private address.
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

// keepApart says whose the credentials are, and holds a request to the rule that
// the gateway's go to no address that a caller names.
func (v *overrides) keepApart(settings map[string]string) error {
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

// hasKeys reports whether a request brings credentials, or a part of some: the
// gateway's play no part then.
func hasKeys(settings map[string]string) bool {
	for _, name := range []string{"api_key", "aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_web_identity_token"} {
		if settings[name] != "" {
			return true
		}
	}
	return false
}

// optionName gives the option that a name in a request stands for.
func optionName(name string) string {
	switch name {
	case "region_name":
		return "aws_region_name"
	case "base_url":
		return "api_base"
	default:
		return name
	}
}

// openOverride makes a guest. Credentials that a request brings take the place of all of
// the deployment's, so that no half of the one is joined to a half of the other.
func (d *deployment) openOverride(settings map[string]string, v overrides) (*deployment, error) {
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

// asRequests is a setting that cannot be as an error of the request that brings it.
func asRequests(err error) error {
	if e, ok := errors.AsType[*provider.OptionError](err); ok {
		return llm.Invalid(e.Option, "%s", e.Error())
	}
	return err
}

var _ provider.Overridable = (*deployment)(nil)
