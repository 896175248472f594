// Package gateway is the pipeline of every call, whatever its frontend: authenticate, fetch media,
// route, meter, record. It knows neither HTTP nor any dialect or provider.
package gateway

import (
	"cmp"
	"context"
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"outcrop/cache"
	"outcrop/guard"
	"outcrop/guard/ruleset"
	"outcrop/internal/budget"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/route"
	"outcrop/telemetry"
	"outcrop/tenant"
)

// Router finds a deployment for a call; *route.Router is one.
type Router interface {
	Names
	Complete(ctx context.Context, req *llm.Request) (*llm.Response, error)
	Stream(ctx context.Context, req *llm.Request) (llm.Stream, error)
	CountTokens(ctx context.Context, raw *llm.Raw, t *route.Translation) (*llm.Count, error)
	Embed(ctx context.Context, req *llm.EmbedRequest) (*llm.EmbedResponse, error)
	Rerank(ctx context.Context, req *llm.RerankRequest) (*llm.RerankResponse, error)
	Relay(ctx context.Context, raw *llm.Raw, t *route.Translation) (*llm.RawResponse, error)
	RelayStream(ctx context.Context, raw *llm.Raw, t *route.Translation) (llm.RawStream, error)
	Images(ctx context.Context, raw *llm.Raw, t route.ImageTranslation) (*llm.RawResponse, error)
}

// Names tells what a router knows of model names.
type Names interface {
	Group(name string) string
	Alternative(name string) string
	Settings(name string) *route.Settings
	Speaks(name, dialect string) (some, all bool)
	MakesImages(name, dialect string) bool
	Account(dialect, name, of string) (route.Account, bool)
	ModelAt(deployment, name string) string
	PriceAt(deployment, model string) llm.Pricer
	Terms(name string) *route.Terms
}

// Inliner fetches media from URLs; *fetch.Client is one.
type Inliner interface {
	// Inline returns a copy of req with content in place of every http and https URL, and leaves
	// req unchanged. The caller calls release when the provider's response is over. A failure is an
	// *llm.Error, and release is then nil.
	Inline(ctx context.Context, req *llm.Request) (whole *llm.Request, release func(), err error)
}

// Options are a gateway's parts.
type Options struct {
	Router   Router
	Recorder *telemetry.Recorder
	// Media fetches media; nil to refuse media that must be fetched.
	Media Inliner
	// MasterKey is the key that clients must present; empty for no authentication.
	MasterKey string
	// Tenants knows the callers with other keys, and whose the calls are; nil if only the master key is known. It
	// is asked only if there is a master key.
	Tenants Tenants
	// TeamModel returns the name of the model that a team uses by another name; empty if there is none. It may be nil.
	TeamModel func(team, public string) string
	// Budget is the memory for requests and responses in flight; nil for no bound.
	Budget *budget.Budget
	// Forwarders are the providers whose own APIs clients can call, by name; nil for none.
	Forwarders map[string]Forwarder
	// Mirrored reports whether calls of any model are mirrored to others; nil if none are.
	Mirrored func() bool
	// Prices returns what calls of a model of a provider cost, for calls of the provider's own API; nil if
	// that is not known. own is whether the operator has set them, so that they precede what the provider
	// says. It may be nil.
	Prices func(provider, model string) (p llm.Pricer, own bool)
	// Adjustments are the operator's, of what providers charge; nil for none.
	Adjustments *llm.Adjustments
	// Guardrails are the checks of requests and responses; nil for none.
	Guardrails []*guard.Rule
	// Policies say for which calls guardrails are in force besides; nil for none.
	Policies *ruleset.Set
	// Attribution names what providers are told of who calls, of key_alias, user_id, team_id, organization_id,
	// end_user and tags.
	Attribution []string
	// SessionTags names what the sessions of the gateway's identity at providers have as labels, of the same names. Those
	// of callers' choice are no good here: each combination of labels is a session.
	SessionTags []string
	// Cache keeps answers; nil for none. It is not used if there are guardrails.
	Cache *cache.Cache
	// Demands are what bodies must and must not have.
	Demands Demands
	// ForwardHeaders is for which models headers of the client's request go on to the provider.
	ForwardHeaders ForwardHeaders
	// Replacements replace the models that requests name.
	Replacements Replacements
	// MaxChoices is how many responses one call may request; 8 if 0.
	MaxChoices int64
	// Now is the clock; time.Now if nil.
	Now func() time.Time
}

// Gateway serves calls. It is safe for concurrent use.
type Gateway struct {
	router   Router
	recorder *telemetry.Recorder
	budget   *budget.Budget
	now      func() time.Time
	tenants  Tenants
	stopping atomic.Bool
	open     atomic.Int64

	swap    sync.RWMutex // whoever replaces the settings and what belongs to them has it
	current atomic.Pointer[inForce]

	states      guardStates
	teamModel   func(team, public string) string
	maxChoices  int64
	forwarders  atomic.Pointer[map[string]Forwarder]
	prices      func(provider, model string) (p llm.Pricer, own bool)
	adjustments *llm.Adjustments
	mirrored    func() bool
	mirrors     mirrors
}

// New makes a gateway.
func New(opt Options) *Gateway {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	g := &Gateway{
		router: opt.Router, recorder: opt.Recorder, budget: opt.Budget, now: opt.Now, tenants: opt.Tenants, teamModel: opt.TeamModel,
		maxChoices: cmp.Or(opt.MaxChoices, defaultMaxChoices), prices: opt.Prices, adjustments: opt.Adjustments, mirrored: opt.Mirrored,
	}
	g.current.Store(newInForce(Settings{
		Media: opt.Media, MasterKey: opt.MasterKey, Guardrails: opt.Guardrails, Policies: opt.Policies, Attribution: opt.Attribution, SessionTags: opt.SessionTags, Cache: opt.Cache,
		Demands: opt.Demands, ForwardHeaders: opt.ForwardHeaders, Replacements: opt.Replacements,
	}))
	g.mirrors.open()
	g.SetForwarders(opt.Forwarders)
	g.states.begin(opt.Guardrails, opt.Recorder)
	return g
}

// Locked reports whether clients must present a key.
func (g *Gateway) Locked() bool { return g.current.Load().locked }

// Open is the number of calls in progress.
func (g *Gateway) Open() int64 { return g.open.Load() }

// Drain makes the gateway refuse new calls with CodeStopping; open calls continue, except for mirrored ones, for which nobody waits.
func (g *Gateway) Drain() {
	g.stopping.Store(true)
	g.mirrors.close()
}

// Price is what usage of a model costs, by a name that clients may call; false if no price is known.
func (g *Gateway) Price(model string, u *llm.Usage) (llm.Cost, bool) {
	terms := g.router.Terms(model)
	cost := terms.Cost(u)
	return cost, cost > 0 || terms.Priced()
}

// Stopping reports whether Drain was called.
func (g *Gateway) Stopping() bool { return g.stopping.Load() }

// Call is one request in the gateway. It is used by one goroutine, and recorded when End is called,
// once.
type Call struct {
	g       *Gateway
	set     *inForce // held until the call ends
	settled bool     // set is final
	caller  Caller
	lease   *budget.Lease
	record  telemetry.Call
	charge  *tenant.Charge // nil if the call is nobody's, has not begun, or has been settled
	labels  labels
	// routing is what the request's headers ask; nil for nothing.
	routing *llm.Routing

	adjusted llm.Adjusted // the last cost
	charged  llm.Cost     // the same before it was adjusted
	tier     string       // of charged

	keeping *keeping      // how the answer is kept; nil if it is not
	leading *cache.Flight // whose streamed answer others may follow; nil for none

	mirroring *mirroring // how the call is mirrored; nil if it is not
	mirror    *mirror    // the call that this one mirrors; nil for any other
	guarding

	asked string // the model's name as the client sent it, if the call is somebody's
	ended bool

	sent time.Time // when the provider was called

	// for callbacks; empty if there are none
	customer string
	tags     []string
}

// Begin starts a call. door names the frontend for the record, id is the request's id.
func (g *Gateway) Begin(door, id string) *Call {
	g.open.Add(1)
	g.recorder.Begun()
	return &Call{g: g, set: g.take(), lease: g.budget.Lease(), record: telemetry.Call{ID: id, Door: door, Started: g.now(), Status: 200}}
}

// Streams reports whether the call's answer is a stream.
func (c *Call) Streams() bool { return c.record.Stream }

// Lease is the call's share of the memory for requests and responses in flight: of its request, of
// the media fetched for it, and of its response. A frontend reserves for a body the memory of its
// decoded and encoded forms; three quarters of it are released when a stream is open, and the rest
// when the call ends.
func (c *Call) Lease() *budget.Lease { return c.lease }

// ID is the request's id.
func (c *Call) ID() string { return c.record.ID }

// Started is when the call began.
func (c *Call) Started() time.Time { return c.record.Started }

// Repeats records how the client counts the call: its own id, the same for its retries, and which
// attempt of how many this is. Empty and 0 are unknown.
func (c *Call) Repeats(id string, attempt, attempts int) {
	c.record.ClientCall, c.record.ClientAttempt, c.record.ClientAttempts = id, attempt, attempts
}

// Warn adds to the call's warnings.
func (c *Call) Warn(warnings ...llm.Warning) {
	c.record.Meta.Warnings = append(c.record.Meta.Warnings, warnings...)
}

// WarnOnce adds a warning that the call does not have yet.
func (c *Call) WarnOnce(w llm.Warning) { c.warnMore([]llm.Warning{w}) }

// Warnings are all warnings of the call so far.
func (c *Call) Warnings() []llm.Warning { return c.record.Meta.Warnings }

// Fail records the failure that ends the call.
func (c *Call) Fail(err error) *llm.Error {
	e := llm.AsError(err)
	c.record.Err, c.record.Status = e, e.Status
	return e
}

// Recover takes back a failure with which the frontend has dealt, so that the call has not failed.
func (c *Call) Recover() { c.record.Err, c.record.Status = nil, 200 }

// End records the call.
func (c *Call) End(ctx context.Context) {
	if c.ended {
		return
	}
	c.ended = true
	c.lease.Release()
	c.endKeeping(ctx)
	c.settle()
	c.record.Duration = c.g.now().Sub(c.record.Started)
	if c.Wants().Details {
		c.identify()
		if !c.sent.IsZero() && c.record.Upstream == 0 { // it has failed
			c.record.Upstream = c.record.Duration - c.record.Sent
		}
	}
	c.g.recorder.Record(ctx, &c.record)
	c.g.open.Add(-1)
	c.set.calls.Leave()
}

// begin records the request, sets the operator's guardrail, and refuses the request if the gateway is shutting
// down or the caller may not make it. All calls of a model begin here, whatever their dialect. size is what the
// call may use; nil for one that uses nothing.
func (c *Call) begin(ctx context.Context, req *llm.Call, size sizer) error {
	if t := c.caller.tenant; t != nil && c.mirror == nil && (c.asked == "" || req.Model != c.record.Model) { // else it has begun before
		c.asked = req.Model
		req.Model = t.TeamModel(t.Model(req.Model), c.g.teamModel)
	}
	settings := c.modelSettings(req.Model)
	c.attribute(req)
	req.Guardrail = guardrailOf(settings)
	c.record.Model, c.record.Group, c.record.Stream = req.Model, c.g.router.Group(req.Model), req.Stream
	c.record.Foreign = req.ClientSettings.HasEndpoint()
	if err := c.stopping(); err != nil {
		return err
	}
	if settings.Team != "" {
		c.record.Group = settings.Public
	}
	if err := c.reside(ctx, req); err != nil {
		return err
	}
	c.steer(req, settings, size)
	if err := c.reserve(ctx, req, settings, size); err != nil {
		return err
	}
	if err := c.choose(req, settings); err != nil {
		return err
	}
	c.reflect(req)
	c.sending(req)
	return nil
}

// guardrailOf is the operator's guardrail of a model.
func guardrailOf(s *route.Settings) jsonx.Raw {
	if s.Defaults == nil {
		return nil
	}
	return s.Defaults.Guardrail
}

// stopping refuses the call if the gateway is shutting down.
func (c *Call) stopping() error {
	if c.g.Stopping() {
		return c.Fail(&llm.Error{
			Code: llm.CodeStopping, Status: 503, Message: "this gateway is shutting down.", RetryAfter: "1",
			Fix: "Send the request again; another replica will answer it.",
		})
	}
	return nil
}

// inline fetches the media at URLs. No request with such a URL goes further. The caller calls
// release when the provider's response is over.
func (c *Call) inline(ctx context.Context, req *llm.Request) (whole *llm.Request, release func(), err error) {
	m := req.Remote()
	if m == nil {
		return req, func() {}, nil
	}
	if c.set.Media == nil {
		return nil, nil, c.Fail(&llm.Error{
			Code: llm.CodeUnsupported, Status: 400, Param: m.Field, Message: "this gateway does not fetch images and files from URLs.",
			Fix: "Send the content inline as a data URI; the gateway's operator can set outcrop_settings.media.fetch.",
		})
	}
	whole, release, err = c.set.Media.Inline(ctx, req)
	if err != nil {
		return nil, nil, c.Fail(err)
	}
	return whole, release, nil
}

// Complete gets one complete response, whatever req.Choices is. A failure is an *llm.Error and is
// recorded.
func (c *Call) Complete(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	if err := c.begin(ctx, &req.Call, conversation{req}); err != nil {
		return nil, err
	}
	ctx = budget.With(ctx, c.lease)
	req, err := c.before(ctx, req)
	if err != nil {
		all, err := c.responses(err, 1)
		if err != nil {
			return nil, err
		}
		return all[0], nil
	}
	req, release, err := c.inline(ctx, req)
	if err != nil {
		return nil, err
	}
	defer release()
	resp, refused, err := c.complete(ctx, req)
	if err != nil {
		e := c.Fail(err)
		if c.unfinished(e) {
			c.estimate(promptLength(req), 0, "")
		}
		return nil, e
	}
	c.metaOf(req, &resp.Meta)
	c.price(&resp.Usage, cmp.Or(resp.ServiceTier, req.ServiceTier))
	c.record.Usage, c.record.Stop = resp.Usage, resp.RawStop
	if resp.Uncounted {
		c.estimate(promptLength(req), answerLength(resp), cmp.Or(resp.ServiceTier, req.ServiceTier))
	}
	defer c.settle()
	if refused != nil {
		return nil, c.Fail(refused)
	}
	return resp, nil
}

// meta adopts the response's Meta, and adds its warnings.
func (c *Call) meta(m *llm.Meta) {
	c.adopt(m, slices.Concat(c.record.Meta.Warnings, m.Warnings))
}

// metaOf is meta for the response to a chat request.
func (c *Call) metaOf(req *llm.Request, m *llm.Meta) {
	c.adopt(m, req.OrderWarnings(c.record.Meta.Warnings, m.Warnings))
}

func (c *Call) adopt(m *llm.Meta, warnings []llm.Warning) {
	if m.Fallback != "" {
		c.record.Group = c.g.router.Group(m.Fallback)
	}
	c.received()
	c.record.Meta = *m
	c.record.Meta.Warnings = warnings
}

// Group is the configured name that serves the call, or its fallback's; empty if there is none.
func (c *Call) Group() string { return c.record.Group }

// Meta describes where the response came from.
func (c *Call) Meta() *llm.Meta { return &c.record.Meta }

// Stream gets a streaming response. It returns when there is content, or an *llm.Error, which is
// recorded. The stream is metered. If req.Choices requests several responses, they are merged into
// one stream whose events have the number of their choice; one failure ends all.
func (c *Call) Stream(ctx context.Context, req *llm.Request) (llm.Stream, error) {
	if err := c.begin(ctx, &req.Call, conversation{req}); err != nil {
		return nil, err
	}
	several, err := c.checkChoices(req)
	if err != nil {
		return nil, err
	}
	body := c.lease.Held()
	ctx = budget.With(c.detached(ctx), c.lease)
	n := req.Choices
	if req, err = c.before(ctx, req); err != nil {
		return c.streamInPlace(ctx, err, n)
	}
	req, release, err := c.inline(ctx, req)
	if err != nil {
		return nil, err
	}
	opened := false
	defer func() {
		if !opened {
			release()
		}
	}()
	if err := c.encodings(ctx, req); err != nil {
		return nil, err
	}
	m := &meteredStream{metering: metering{call: c, release: release, allowance: allowance{ctx: ctx}}, prompt: promptLength(req), tier: req.ServiceTier}
	if m.out = m.one[:]; several {
		m.out = make([]int64, req.Choices)
	}
	m.Stream, err = c.stream(ctx, []*llm.Request{req}, func() (llm.Stream, error) {
		if several {
			return c.openAll(ctx, slices.Repeat([]*llm.Request{req}, int(req.Choices)))
		}
		return c.g.router.Stream(ctx, req)
	})
	if err != nil {
		e := c.Fail(err)
		if c.unfinished(e) {
			c.estimate(m.prompt*int64(len(m.out)), 0, "")
		}
		return nil, e
	}
	c.lease.Shrink(body / 4 * 3) // the body and its encoding are gone; fallbacks may still need the request itself
	c.metaOf(req, m.Meta())
	c.record.FirstToken = c.g.now().Sub(c.record.Started)
	m.warned = len(m.Meta().Warnings)
	opened = true
	return m, nil
}

// NewID makes the id of a call, 32 hexadecimal digits. It need not be secret, only unique. Ids that are made later
// are greater, to the millisecond: so they come to the end of a database's index, which costs least.
func NewID() string {
	var b [16]byte
	var text [32]byte
	now, hi, lo := uint64(time.Now().UnixMilli()), rand.Uint64(), rand.Uint64() //nolint:gosec // it need not be secret, and the time is not negative
	for i := range 6 {
		b[i] = byte(now >> (8 * (5 - i)))
	}
	for i := range 8 {
		b[8+i] = byte(lo >> (8 * i))
	}
	b[6], b[7] = byte(hi), byte(hi>>8)
	hex.Encode(text[:], b[:])
	return string(text[:])
}
