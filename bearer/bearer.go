// Package bearer verifies JSON Web Tokens, such as the access tokens of an OpenID Connect provider, with the provider's
// public keys, and says what they tell of who sends them. It knows neither keys of the gateway nor limits.
//
// A token chooses nothing of how it is verified: only the configured addresses have keys, only signatures by
// asymmetric algorithms count, and a key verifies those of its own type only (RFC 8725).
package bearer

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Options are a verifier's settings.
type Options struct {
	// URLs are the addresses of the keys, or of OpenID Connect descriptions that name them.
	URLs []string
	// Audience and Issuer are what aud must contain and iss must be; empty for anything.
	Audience, Issuer string
	// Fields are the claims that are read.
	Fields Fields
	// TTL is how often the keys are read again, and Stale how long beyond that they serve while they cannot be.
	TTL, Stale time.Duration
	Now        func() time.Time // time.Now if nil
	Logger     *slog.Logger
}

// Verifier verifies tokens. It is safe for concurrent use.
type Verifier struct {
	opt    Options
	client *http.Client

	mu         sync.Mutex
	sources    []source
	tried      time.Time // when the sources were last begun to be read
	flight     *flight   // nil unless they are being read
	failed     bool      // whether one of them could not be
	closed     bool
	generation int                             // of the keys
	verified   map[[sha256.Size]byte]*Identity // by the token's hash

	background context.Context
	stop       context.CancelFunc
	over       sync.WaitGroup
}

// maxVerified bounds the verified tokens that are remembered.
const maxVerified = 16 << 10

// MaxToken is the longest token that is looked at, in bytes.
const MaxToken = 16 << 10

// Open makes a verifier, which reads the keys in the background until Close.
func Open(opt Options) *Verifier {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	v := &Verifier{opt: opt, client: client(), verified: map[[sha256.Size]byte]*Identity{}}
	for _, address := range opt.URLs {
		v.sources = append(v.sources, source{address: address})
	}
	v.background, v.stop = context.WithCancel(context.Background())
	v.over.Go(v.follow)
	return v
}

// Close ends the work in the background.
func (v *Verifier) Close() {
	v.mu.Lock()
	v.closed = true
	v.mu.Unlock()
	v.stop()
	v.over.Wait()
}

// IsToken reports whether a key is to be read as a token: it has three parts with dots between them, as in LiteLLM, and
// does not begin like a key of the gateway, as no token can.
func IsToken(key string) bool {
	return strings.Count(key, ".") == 2 && !strings.HasPrefix(key, "sk-")
}

// algorithms are the signatures that count: LiteLLM's list (litellm/proxy/auth/handle_jwt.py, 1.110.2), without any
// algorithm whose key both sides know.
func algorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA}
}

// Verify says who sends a token. A token that it has verified before, with the keys that still hold, costs no check of
// its signature. The error is an *llm.Error.
func (v *Verifier) Verify(ctx context.Context, token string) (*Identity, error) {
	if len(token) > MaxToken {
		return nil, refused("it is longer than " + strconv.Itoa(MaxToken) + " bytes")
	}
	hash := sha256.Sum256([]byte(token))
	id := v.remembered(hash)
	if id != nil {
		if err := expired(id.Expires, v.opt.Now()); err != nil {
			return nil, err
		}
		return id, nil
	}
	signed, err := jose.ParseSignedCompact(token, algorithms())
	if err != nil || len(signed.Signatures) != 1 {
		return nil, refused("it is not a signed token, or its algorithm is not one of RS, PS and ES with 256, 384 or 512 bits, and EdDSA")
	}
	header := &signed.Signatures[0].Protected
	if typ, ok := header.ExtraHeaders[jose.HeaderType].(string); ok && elsewhere(typ) {
		return nil, refused("its header says that it is no access token")
	}
	claims, generation, err := v.check(ctx, signed, header)
	if err != nil {
		return nil, err
	}
	if id, err = v.claimed(claims); err != nil {
		return nil, err
	}
	v.keep(hash, id, generation)
	return id, nil
}

// elsewhere reports whether a token's type says that it is for something else than access, such as a logout token,
// which the same provider signs with the same keys (RFC 8725, section 3.11).
func elsewhere(typ string) bool {
	typ = strings.TrimPrefix(strings.ToLower(typ), "application/")
	return strings.HasSuffix(typ, "+jwt") && typ != "at+jwt"
}

// keep remembers a verified token, if the keys are still those that it was verified with.
func (v *Verifier) keep(hash [sha256.Size]byte, id *Identity, generation int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if generation != v.generation {
		return
	}
	if len(v.verified) >= maxVerified {
		now := v.opt.Now()
		for hash, other := range v.verified {
			if !now.Before(other.Expires) {
				delete(v.verified, hash)
			}
		}
		if len(v.verified) >= maxVerified {
			clear(v.verified)
		}
	}
	v.verified[hash] = id
}

// check verifies a signature, and returns what is signed, and which keys held.
func (v *Verifier) check(ctx context.Context, signed *jose.JSONWebSignature, header *jose.Header) (claims []byte, generation int, err error) {
	alg := jose.SignatureAlgorithm(header.Algorithm)
	keys, generation, missing := v.keys(header.KeyID)
	if len(keys) == 0 {
		v.refresh(ctx)
		keys, generation, missing = v.keys(header.KeyID)
	}
	switch {
	case len(keys) == 0 && ctx.Err() != nil:
		return nil, 0, &llm.Error{Code: llm.CodeClientGone, Status: 499, Message: "the client went away", Err: ctx.Err()}
	case len(keys) == 0 && missing:
		return nil, 0, away()
	case len(keys) == 0:
		return nil, 0, refused("none of the identity provider's keys has its kid")
	}
	keys = slices.DeleteFunc(keys, func(k key) bool { return !k.signs(alg) })
	if len(keys) == 0 {
		return nil, 0, refused("its key is for another algorithm")
	}
	for i := range keys {
		if claims, err := signed.Verify(keys[i].public); err == nil {
			return claims, generation, nil
		}
	}
	return nil, 0, refused("its signature is wrong")
}

// keys returns the keys with an id, and whether a source has no keys that may be used. A token without an id is for the
// only key of a source, as in LiteLLM.
func (v *Verifier) keys(id string) (found []key, generation int, missing bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range v.sources {
		s := &v.sources[i]
		if !v.usable(s) {
			missing = true
			continue
		}
		for _, k := range s.keys {
			if k.id == id && id != "" || id == "" && len(s.keys) == 1 {
				found = append(found, k)
			}
		}
	}
	return found, v.generation, missing
}

// usable reports whether the keys of a source are new enough; v.mu is held.
func (v *Verifier) usable(s *source) bool {
	return !s.read.IsZero() && v.opt.Now().Sub(s.read) <= v.opt.TTL+v.opt.Stale+grace
}

// grace is how much later than it was due a reading may end before keys are too old.
const grace = 2 * fetchTimeout

// remembered is what a token said when it was verified; nil if it was not, or if keys have become too old since.
func (v *Verifier) remembered(hash [sha256.Size]byte) *Identity {
	v.mu.Lock()
	defer v.mu.Unlock()
	id := v.verified[hash]
	for i := range v.sources {
		if id == nil || !v.usable(&v.sources[i]) {
			return nil
		}
	}
	return id
}

// registered are the claims of RFC 7519 that are checked.
type registered struct {
	Issuer    string     `json:"iss"`
	Audience  audience   `json:"aud"`
	Expires   *jsonx.Raw `json:"exp"`
	NotBefore *jsonx.Raw `json:"nbf"`
	Issued    *jsonx.Raw `json:"iat"`
}

// audience is a text or a list of them.
type audience []string

// UnmarshalJSONFrom receives jsonx's decoder.
func (a *audience) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	v, err := d.ReadValue()
	if err != nil {
		return err
	}
	*a = texts(v)
	return nil
}

// claimed checks claims whose signature is right, and reads them.
func (v *Verifier) claimed(claims []byte) (*Identity, error) {
	var c registered
	if err := jsonx.Unmarshal(claims, &c); err != nil {
		return nil, refused("its claims cannot be read")
	}
	exp, ok := moment(c.Expires)
	if !ok || exp.IsZero() {
		return nil, refused("it has no exp, so it would never end")
	}
	now := v.opt.Now()
	if err := expired(exp, now); err != nil {
		return nil, err
	}
	for _, claim := range [...]struct {
		name string
		at   *jsonx.Raw
	}{{"nbf", c.NotBefore}, {"iat", c.Issued}} {
		at, ok := moment(claim.at)
		if !ok {
			return nil, refused("its " + claim.name + " is not a time")
		}
		if at.After(now.Add(skew)) {
			return nil, refused("its " + claim.name + " is in the future")
		}
	}
	if v.opt.Issuer != "" && c.Issuer != v.opt.Issuer {
		return nil, refused("its iss is not JWT_ISSUER")
	}
	if v.opt.Audience != "" && !slices.Contains(c.Audience, v.opt.Audience) {
		return nil, refused("its aud does not have JWT_AUDIENCE")
	}
	id := v.opt.Fields.identity(claims)
	id.Expires = exp
	return id, nil
}

// skew is how far the provider's clock may be ahead.
const skew = 5 * time.Second

// moment reads a time in seconds; the zero time for none.
func moment(raw *jsonx.Raw) (at time.Time, ok bool) {
	if raw == nil {
		return time.Time{}, true
	}
	seconds, err := strconv.ParseFloat(string(*raw), 64)
	if err != nil || seconds < 1 || seconds > 1<<40 {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0), true
}

// LiteLLM's types of errors (1.110.2, ProxyErrorTypes).
const (
	classAuth    = "auth_error"
	classExpired = "expired_key"
	classAway    = "auth_provider_unavailable"
)

// refused is the refusal of a token.
func refused(why string) *llm.Error {
	return &llm.Error{
		Code: llm.CodeUnauthorized, Status: 401, Class: classAuth, Message: "the token is not valid for this gateway: " + why + ".",
		Fix: "Get a new access token for this gateway from the identity provider. If that is refused too, the gateway's operator should compare it with JWT_PUBLIC_KEY_URL, JWT_ISSUER and JWT_AUDIENCE.",
	}
}

// expired is the refusal of a token that has ended; nil if it has not.
func expired(at, now time.Time) error {
	if now.Before(at) {
		return nil
	}
	return &llm.Error{
		Code: llm.CodeKeyExpired, Status: 401, Class: classExpired, Message: "the token expired at " + at.UTC().Format(time.RFC3339) + "; it is now " + now.UTC().Format(time.RFC3339) + ".",
		Fix: "Get a new access token from the identity provider.",
	}
}

// away is the refusal while the provider's keys are not known.
func away() *llm.Error {
	return &llm.Error{
		Code: llm.CodeIdentityAway, Status: 503, Class: classAway, Message: "the token cannot be checked, because the public keys of the identity provider cannot be read.", RetryAfter: "5",
		Fix: "Send the request again later. The gateway's log says why JWT_PUBLIC_KEY_URL cannot be read.",
	}
}
