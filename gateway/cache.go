package gateway

import (
	"context"
	"slices"
	"strings"
	"time"

	"outcrop/cache"
	"outcrop/llm"
	"outcrop/telemetry"
)

// Query is a request as the response cache sees it.
type Query struct {
	// Body is the request as it was sent.
	Body []byte
	// Model is the model in the path; empty if the body has it. Named returns what the model's name means to the frontend;
	// nil for the name itself.
	Model string
	Named func(model string) string
	// Control is the header Cache-Control, and Headers are those that change answers.
	Control string
	Headers []string
	// Form is what changes the form of answers beside the body, such as the version in the path.
	Form string
	// Owned is whether answers are kept for later calls of whoever has made them, unless the body asks for the opposite.
	Owned bool
	// Parts is whether the frontend has the parts of the request looked up one by one, and not the whole; see Call.Embed.
	Parts bool
	// Setting reports whether a member of a body sets the connection to the provider. Answers to such calls are not kept.
	Setting func(name string) bool
}

// Hit is an answer of the response cache.
type Hit struct {
	*cache.Answer
	// Key is the key of the answer, by which it can be deleted.
	Key string
	// Age is how old it is, in seconds.
	Age int64
	// Asked is the model as the request names it, if it is not Answer.Model.
	Asked string
	// Similarity is how similar the question was; 0 if the cache does not compare questions.
	Similarity float64
	// Live passes on the stream of a call that is under way; nil for an answer that is complete. Answer has no body then.
	Live *Live
}

// keeping is how the answer to a call is kept.
type keeping struct {
	key    string
	model  string
	ttl    cache.Controls
	store  bool // the answer is kept
	flight *cache.Flight
	buf    []byte // of a stream, so far
	stream bool
	lost   bool // the stream has become too long to be kept
	parts  *parts

	text  string // that is compared with others; empty if it is not
	rest  string // what else must be the same
	place *cache.Place

	regions []string // that the text must not leave
}

// Lookup looks a request up in the response cache, after the checks of the caller. For a hit the call is over: it has been charged, and
// only has to be written and ended. Otherwise hit is nil, and the answer that the frontend passes to Keep or Record
// is kept when the call ends. body is the request without what is for the cache. The error is an *llm.Error, and is recorded.
func (c *Call) Lookup(ctx context.Context, q *Query) (hit *Hit, body []byte, err error) {
	if !c.set.Cache.Serves(c.record.Door) {
		return nil, q.Body, nil
	}
	question, ok := cache.Read(q.Body, q.Setting)
	if !ok {
		return nil, q.Body, nil
	}
	if q.Model != "" {
		question.Model = q.Model
	}
	hit, err = c.lookup(ctx, q, question)
	if err != nil {
		return nil, nil, c.Fail(err)
	}
	return hit, question.Without(q.Body), nil
}

func (c *Call) lookup(ctx context.Context, q *Query, question *cache.Question) (*Hit, error) {
	controls, err := c.controls(q, question)
	if err != nil {
		return nil, err
	}
	if question.Off || question.Alone != "" || !c.set.Cache.Takes(&controls, question.Messages) {
		return nil, nil //nolint:nilnil // the cache is not asked
	}
	model := question.Model
	if q.Named != nil {
		model = q.Named(model)
	}
	req := question.Call(model)
	if err := c.begin(ctx, &req, nil); err != nil {
		return nil, err
	}
	if c.record.Group == "" || !c.set.Cache.Serves(c.record.Door) { // the settings may have changed with the first line
		return nil, nil //nolint:nilnil // the frontend says that there is no such model
	}
	scope := c.scope(q, question, &req)
	if q.Parts {
		c.keeping = &keeping{model: question.Model, parts: &parts{scope: scope, controls: controls}}
		return nil, nil //nolint:nilnil // the parts are looked up later
	}
	k := &keeping{key: c.set.Cache.Named(controls.Namespace, question.Key(&scope)), model: question.Model, ttl: controls, store: !controls.NoStore, stream: question.Stream}
	if c.set.Cache.Semantic() != nil {
		c.compare(k, q, question, &scope, &req)
	}
	return c.find(ctx, k, &req)
}

// find finds the answer to a call: a kept one, that of a call that is under way, or none.
func (c *Call) find(ctx context.Context, k *keeping, req *llm.Call) (hit *Hit, err error) {
	controls := &k.ttl
	if controls.NoCache {
		c.g.recorder.Cached(telemetry.CacheBypassed)
		c.keeping = k
		return nil, nil //nolint:nilnil // the cache is not asked
	}
	for first := true; ; first = false {
		if hit = c.hit(k, c.set.Cache.Get(ctx, k.key), controls); hit != nil {
			c.g.recorder.Cached(telemetry.CacheHit)
			return hit, c.answered(ctx, req, hit)
		}
		var flight *cache.Flight
		leads := false
		if k.store {
			flight, leads = c.set.Cache.Join(k.key)
		}
		if flight == nil || leads {
			return c.lead(ctx, k, flight, req)
		}
		hit, again, err := c.follow(ctx, k, flight, req)
		switch {
		case hit != nil || err != nil:
			return hit, err
		case !again || !first:
			c.g.recorder.Cached(telemetry.CacheMiss)
			c.keeping = k
			return nil, nil //nolint:nilnil // the call that others wait for has failed
		}
	}
}

// lead looks for an answer once more, before the provider is asked. flight is what others wait for; nil if they do not.
func (c *Call) lead(ctx context.Context, k *keeping, flight *cache.Flight, req *llm.Call) (*Hit, error) {
	k.flight, c.keeping = flight, k
	if flight != nil {
		value := c.set.Cache.Late(ctx, k.key)
		if late := c.hit(k, value, &k.ttl); late != nil {
			c.keeping = nil
			c.land(k, cache.Outcome{Value: value})
			c.g.recorder.Cached(telemetry.CacheShared)
			return late, c.answered(ctx, req, late)
		}
	}
	if k.text != "" {
		if near, hit := c.similar(ctx, k); hit != nil {
			c.keeping = nil
			c.land(k, cache.Outcome{Value: near.Value, Key: near.Key, Similarity: near.Similarity})
			c.g.recorder.Cached(telemetry.CacheSimilar)
			return hit, c.answered(ctx, req, hit)
		}
	}
	c.g.recorder.Cached(telemetry.CacheMiss)
	return nil, nil //nolint:nilnil // there is none
}

// scope is what decides, beside the body, whether two requests ask the same.
func (c *Call) scope(q *Query, question *cache.Question, req *llm.Call) cache.Scope {
	group, shared := c.set.Cache.Group(c.record.Group)
	if !shared && group != req.Model {
		group += "\n" + req.Model // of a name with a wildcard
	}
	scope := cache.Scope{Door: c.record.Door, Group: group, More: []string{q.Form, strings.Join(q.Headers, "\n"), ""}}
	settings := c.g.Settings(req.Model)
	for i := range settings.Parameters {
		p := settings.Parameters[i]
		scope.More[2] += p.Name + "=" + string(p.Value) + "\n"
	}
	if passed := c.passedHeaders(); passed != "" {
		scope.More = append(scope.More, passed)
	}
	if s := c.set.Cache.Semantic(); s != nil {
		scope.Owner = c.sharers(s, req)
	} else if q.Owned && question.Stored {
		scope.Owner = "of " + c.caller.Identity
	}
	return scope
}

// passedHeaders are the headers of the client's request that go on to the provider, whose answer may depend on them; empty for none.
func (c *Call) passedHeaders() string {
	if len(c.labels.headers) == 0 || !c.set.ForwardHeaders.of(c.record.Group, c.record.Model) {
		return ""
	}
	var b strings.Builder
	for _, h := range c.labels.headers {
		b.WriteString(h.Name + ":" + h.Value + "\n")
	}
	return b.String()
}

// controls are those of a call: what the key has of its own precedes.
func (c *Call) controls(q *Query, question *cache.Question) (cache.Controls, error) {
	if question.Bad != nil {
		return cache.Controls{}, question.Bad
	}
	controls := question.Controls
	t := c.caller.tenant
	if t == nil {
		controls.Header(q.Control)
		return controls, nil
	}
	allowed, own := t.Cache()
	if err := controls.Within(allowed); err != nil {
		return controls, err
	}
	if len(allowed) == 0 {
		controls.Header(q.Control) // a client's library may send it without being asked, which is no reason to refuse a call
	}
	if len(own) == 0 {
		return controls, nil
	}
	key, err := cache.ReadControls("metadata.cache", own)
	if err != nil {
		e := llm.AsError(err)
		e.Message = "the key's " + e.Message
		e.Fix = "The gateway's operator can correct the metadata of the key with /key/update."
		return controls, e
	}
	return controls.Under(&key), nil
}

// hit is a kept value as the answer to the call; nil if it is none, or too old for it.
func (c *Call) hit(k *keeping, value []byte, controls *cache.Controls) *Hit {
	if len(value) == 0 {
		return nil
	}
	a, ok := cache.Parse(value)
	if !ok {
		return nil
	}
	age := a.Age(c.g.now())
	if controls.MaxAge.Set && age > controls.MaxAge.Value {
		return nil
	}
	hit := &Hit{Answer: a, Key: k.key, Age: int64(age.Seconds())}
	if k.text != "" {
		hit.Similarity = 1
	}
	if a.Model != k.model {
		hit.Asked = k.model
	}
	return hit
}

// kept is the size of an answer that the cache has: it is a request, and uses nothing.
type kept struct{}

func (kept) size() (prompt, output, times int64) { return 0, nothing, 1 }

// begin does nothing: no deployment is chosen.
func (kept) begin(*beginning) {}

// answered charges and records a call that the cache has answered.
func (c *Call) answered(ctx context.Context, req *llm.Call, hit *Hit) error {
	if c.caller.tenant != nil { // else there is nothing to reserve
		if err := c.begin(ctx, req, kept{}); err != nil {
			return err
		}
	}
	c.adoptHit(hit.Answer)
	c.settle()
	return nil
}

// adoptHit records what is known of an answer of the cache.
func (c *Call) adoptHit(hit *cache.Answer) {
	r := &c.record
	r.Cached, r.Saved = true, hit.Cost
	r.Meta.Deployment, r.Meta.Destination = hit.Deployment, hit.Destination
	r.Meta.Warnings = append(r.Meta.Warnings, hit.Warnings...)
	r.Usage = llm.Usage{Input: hit.Input, Output: hit.Output, Cost: llm.Some(llm.Cost(0))}
	if hit.Read > 0 {
		r.Usage.CacheRead = llm.Some(hit.Read)
	}
	if hit.Write > 0 {
		r.Usage.CacheWrite = llm.Some(hit.Write)
	}
	r.Stop = hit.Stop
	if r.Stream && r.FirstToken == 0 {
		r.FirstToken = c.g.now().Sub(r.Started)
	}
}

// Keep keeps a whole answer, which is about to be sent, if the cache may have it. It copies body.
func (c *Call) Keep(ctx context.Context, body []byte) {
	k := c.keeping
	if k == nil || k.parts != nil {
		return
	}
	c.keep(ctx, k, body)
}

// Record returns what is to be called with the parts of a streamed answer, in their order; nil if the answer is not kept. The answer is
// kept when the call ends, if it is complete then. What is returned reports whether others want the rest, even if the client has gone;
// with an empty part it only reports, and may be called at any time.
func (c *Call) Record() func(part []byte) (wanted bool) {
	k := c.keeping
	if k == nil || !k.store || k.parts != nil {
		return nil
	}
	flight := k.flight
	return func(part []byte) bool {
		if len(part) == 0 {
			return flight != nil && flight.Begun() && flight.Send(nil)
		}
		if k.flight != nil {
			return c.send(k, part)
		}
		if k.lost || len(k.buf)+len(part) > c.set.Cache.MaxItem() {
			k.buf, k.lost = nil, true
			return false
		}
		k.buf = append(k.buf, part...)
		return false
	}
}

// Forget has the answer not be kept, because it is not to be given to others as it is.
func (c *Call) Forget() {
	if k := c.keeping; k != nil {
		c.keeping = nil
		c.land(k, cache.Outcome{})
	}
}

// keep keeps the answer of a call that has succeeded, and passes it to those who wait for it.
func (c *Call) keep(ctx context.Context, k *keeping, body []byte) {
	var value []byte
	if k.store && len(body) > 0 && len(body) <= c.set.Cache.MaxItem() && c.keepable() {
		value = c.answer(k, body)
		item := cache.Item{Key: k.key, Value: value, At: k.place}
		if k.text != "" && k.place == nil && k.ttl.NoCache {
			g, answers := c.g, c.set.Cache
			item.Locate = func(ctx context.Context) *cache.Place { return g.locate(ctx, answers, k) }
		}
		c.set.Cache.Put(ctx, c.lifetime(&k.ttl), item)
	}
	c.land(k, cache.Outcome{Value: value})
}

// lifetime is how long an answer is kept; 0 for without an end.
func (c *Call) lifetime(controls *cache.Controls) time.Duration {
	if controls.TTL.Set {
		return max(controls.TTL.Value, 1) // 0 is for without an end
	}
	return c.set.Cache.TTL()
}

func (c *Call) land(k *keeping, out cache.Outcome) {
	f := k.flight
	if f == nil {
		return
	}
	k.flight = nil
	out.Gone = c.record.Err != nil && c.record.Err.Code == llm.CodeClientGone
	if k.stream && f.Begun() {
		c.tell(k, &out)
	}
	c.set.Cache.Land(k.key, f, out)
}

// endKeeping keeps what was recorded of a stream.
func (c *Call) endKeeping(ctx context.Context) {
	if c.leading != nil {
		defer c.leading.Release()
	}
	k := c.keeping
	if k == nil || k.parts != nil {
		return
	}
	c.keeping = nil
	if k.stream && k.flight != nil {
		k.buf = k.flight.Whole()
	}
	if k.stream && !k.lost && len(k.buf) > 0 {
		c.keep(ctx, k, k.buf)
	}
	c.land(k, cache.Outcome{})
}

// keepable reports whether the answer may be given to others: it is complete, is what the model has made and no other in its place, and
// has content.
func (c *Call) keepable() bool {
	r := &c.record
	switch {
	case r.Err != nil || r.Status != 200 || r.Foreign || r.Meta.Fallbacks > 0 || filtered(r.Stop):
		return false
	case slices.Contains(noText[:], r.Door):
		return true
	default:
		return r.Usage.Output > 0 || r.Estimated
	}
}

// noText are the frontends whose answers have no tokens. It is never modified.
var noText = [...]string{"cohere_rerank", "openai_embeddings"}

// filtered reports whether a provider's reason to stop is that a filter or a guardrail has stepped in, in the words of all of
// them.
func filtered(stop string) bool {
	switch strings.ToLower(stop) {
	case "guardrail_intervened", "content_filtered", "content_filter", "refusal", "safety", "recitation", "prohibited_content", "blocklist", "spii", "image_safety",
		"language", "error", "error_toxic", "failed", "cancelled":
		return true
	default:
		return false
	}
}

// answer is the value that is kept.
func (c *Call) answer(k *keeping, body []byte) []byte {
	a := c.described(k)
	a.Body = cache.Free(body)
	return a.Append(make([]byte, 0, len(body)+512))
}

// described is the answer of the call without its body.
func (c *Call) described(k *keeping) *cache.Answer {
	r := &c.record
	return &cache.Answer{
		Made: c.g.now(), Model: k.model, Deployment: r.Meta.Deployment, Destination: r.Meta.Destination, Stop: r.Stop, Warnings: r.Meta.Warnings,
		Input: r.Usage.Input, Output: r.Usage.Output, Read: r.Usage.CacheRead.Value, Write: r.Usage.CacheWrite.Value, Cost: r.Usage.Cost.Value,
	}
}

// Cache is the response cache; nil if there is none.
func (g *Gateway) Cache() *cache.Cache { return g.current.Load().Cache }
