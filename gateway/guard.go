package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"outcrop/guard"
	"outcrop/guard/ruleset"
	"outcrop/llm"
	"outcrop/route"
)

// Guardrails are the checks of requests and responses, as the operator has set them.
func (g *Gateway) Guardrails() []*guard.Rule { return g.current.Load().Guardrails }

// Guarded names the guardrails that are in force for the call.
func (c *Call) Guarded() (names []string) {
	for _, r := range c.rules {
		if r.steps == nil {
			names = append(names, r.Name)
		}
		for i := range r.steps {
			if name := r.steps[i].rule.Name; !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// Policies names the policies that are in force for the call.
func (c *Call) Policies() []string { return c.policies }

// choose finds the guardrails that are in force for a call: those for all calls, those of the caller's key and what it belongs to, and those that
// the request names.
func (c *Call) choose(req *llm.Call, settings *route.Settings) error {
	c.byModel = settings.Guardrails
	if c.mirror != nil {
		c.byModel = slices.Concat(c.byModel, c.mirror.guardrails)
	}
	return c.named(req)
}

// named is choose for the names and tags in a request, which may be known only after it has been decoded.
func (c *Call) named(req *llm.Call) error {
	c.rules, c.policies = nil, nil
	asked := req.Guardrails
	names := slices.Concat(c.byModel, asked)
	if t := c.caller.tenant; t != nil {
		names = slices.Concat(t.Guardrails(), names)
	}
	var tags []string
	policies := c.set.policies.Load()
	if c.set.byTags || policies != nil {
		tags = c.allTags(req)
	}
	decided, anyway, err := c.byPolicy(policies, req, tags)
	if err != nil {
		return err
	}
	anyway.Guardrails = append(anyway.Guardrails, names[:len(names)-len(asked)]...)
	names = append(names, decided.Guardrails...)
	if len(c.set.Guardrails)+len(names)+len(decided.Pipelines) == 0 {
		return nil
	}
	rules, unknown := guard.Choose(c.set.Guardrails, names, tags, c.record.ID)
	inForce, missing := c.withPipelines(rules, decided.Pipelines, anyway, tags)
	if unknown = cmp.Or(unknown, missing); unknown != "" {
		e := llm.Invalid("guardrails", "the gateway has no guardrail %q", unknown)
		if !slices.Contains(asked, unknown) {
			e = &llm.Error{Code: llm.CodeGuardrailAway, Status: 503, Message: "a guardrail of the key, or of what it belongs to, is not configured: " + strconv.Quote(unknown)}
			e.Fix = "The gateway's operator must add it to guardrails, or take it from the key, team, user or organization."
		}
		return c.Fail(e)
	}
	c.rules = inForce
	return nil
}

// byPolicy finds the guardrails that policies put in force for a call, and those that they would without what the request names.
func (c *Call) byPolicy(policies *ruleset.Set, req *llm.Call, tags []string) (decided, anyway ruleset.Decision, err error) {
	var own []string
	about := ruleset.Call{Tags: tags, Models: []string{c.record.Model}}
	if c.asked != "" && c.asked != c.record.Model {
		about.Models = append(about.Models, c.asked)
	}
	if t := c.caller.tenant; t != nil {
		own = t.Policies()
		about.Teams, about.Key = t.TeamAliases(), t.Alias
	}
	anyway, unknown := policies.Decide(&about, own)
	decided = anyway
	if unknown == "" && len(req.Policies) > 0 {
		decided, unknown = policies.Decide(&about, slices.Concat(own, req.Policies))
	}
	if unknown != "" {
		e := llm.Invalid("policies", "the gateway has no policy %q", unknown)
		if !slices.Contains(req.Policies, unknown) {
			e = &llm.Error{Code: llm.CodeGuardrailAway, Status: 503, Message: "a policy of the key, or of what it belongs to, is not configured: " + strconv.Quote(unknown)}
			e.Fix = "The gateway's operator must add it to policies, or take it from the key, team or project."
		}
		return ruleset.Decision{}, ruleset.Decision{}, c.Fail(e)
	}
	c.policies = decided.Policies
	return decided, anyway, nil
}

// checkedFor refuses that a call goes on with another model whose guardrails are not in force for it: they would come too late.
func (c *Call) checkedFor(req *llm.Call, other *route.Settings) error {
	if len(other.Guardrails) == 0 {
		return nil
	}
	rules, unknown := guard.Choose(c.set.Guardrails, other.Guardrails, c.allTags(req), c.record.ID)
	for _, r := range rules {
		if unknown == "" && !slices.Contains(c.Guarded(), r.Name) {
			unknown = r.Name
		}
	}
	if unknown == "" {
		return nil
	}
	return &llm.Error{Code: llm.CodeModelDenied, Status: 403, Message: "the model has a guardrail that the call has not been checked by: " + strconv.Quote(unknown)}
}

// unguarded refuses a call that no guardrail can check, if one is in force.
func (c *Call) unguarded() error {
	if len(c.rules) == 0 {
		return nil
	}
	e := llm.Unsupported("guardrails", "the guardrail %q is in force for this call, and its API or what it refers to cannot be checked", c.Guarded()[0])
	e.Fix = "Use chat completions, Messages, Responses, generateContent, or embeddings of texts."
	return c.Fail(e)
}

// in are the rules of the call that are in force in a mode.
func (c *Call) in(mode guard.Mode) (rules []rule) {
	for _, r := range c.rules {
		if r.Mode&mode != 0 {
			rules = append(rules, r)
		}
	}
	return rules
}

// unfinished reports whether a failure ends a call that a provider may charge for although it did not answer.
func (c *Call) unfinished(e *llm.Error) bool {
	return e.Code == llm.CodeClientGone || c.given && refuses(e)
}

// refuses reports whether an error is a guardrail's.
func refuses(err error) bool {
	e := llm.AsError(err)
	return e.Code == llm.CodeGuardrail || e.Code == llm.CodeGuardrailAway
}

// judge asks a rule for its verdict. The error, an *llm.Error, is a refusal; a verdict without one may replace texts. roles are who
// says them; nil where nobody knows.
func (c *Call) judge(ctx context.Context, r *guard.Rule, mode guard.Mode, side guard.Side, texts, roles []string) ([]string, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	start := c.g.now()
	asking, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	v, err := r.Check(asking, &guard.Input{Side: side, Texts: texts, Roles: roles, Fixed: mode == guard.DuringCall, Model: c.record.Model, CallID: c.record.ID, Caller: c.guardCaller})
	if err != nil && asking.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w in %s: %w", guard.ErrUnreachable, r.Timeout, err)
	}
	result := "passed"
	var e *llm.Error
	switch {
	case err == nil && v.Texts != nil && len(v.Texts) != len(texts):
		err = errors.New("its verdict has another number of texts")
		fallthrough
	case err != nil:
		if ctx.Err() != nil {
			return nil, llm.Overloaded(cmp.Or(context.Cause(ctx), ctx.Err())) // the client has gone, or the call has ended
		}
		if result = "failed"; !r.Open.Lets(err) {
			e = away(r, err)
		}
	case v.Block != nil:
		result, e = "blocked", refusal(v.Block.Reason)
	case v.Texts != nil && mode == guard.DuringCall:
		result, e = "blocked", refusal("Content blocked: the guardrail "+r.Name+" would mask something, which is not possible while the model has the request")
	case v.Texts != nil:
		result = "masked"
	}
	c.g.recorder.Guarded(r.Name, mode.Names()[0], result, c.g.now().Sub(start))
	c.g.states.became(r, err)
	if e != nil {
		return nil, e
	}
	if err != nil {
		return nil, nil
	}
	if mode == guard.PreCall {
		c.restore = append(c.restore, v.Restore...)
	}
	return v.Texts, nil
}

// refusal is the error of a call that a guardrail does not let through. Its form is LiteLLM's (1.110.2): status 400 with the type None.
func refusal(reason string) *llm.Error {
	return &llm.Error{Code: llm.CodeGuardrail, Status: 400, Class: "None", Message: reason, Logged: "a guardrail has refused the call"}
}

// away is the error of a call that a guardrail gives no verdict for. What is known of the reason, such as a missing permission, is
// told as for a call of a model.
func away(r *guard.Rule, err error) *llm.Error {
	e := &llm.Error{
		Code: llm.CodeGuardrailAway, Status: 503, Message: "the guardrail " + strconv.Quote(r.Name) + " gives no verdict, and the call may not go on without one.", Err: err,
		Fix: "Send the request again later; the gateway's operator finds the reason in the log.",
	}
	if cause, ok := errors.AsType[*llm.Error](err); ok {
		e.Message = strings.TrimSuffix(e.Message, ".") + ": " + cause.Message
		e.Cause, e.Fix, e.Docs, e.Actor = cause.Cause, cmp.Or(cause.Fix, e.Fix), cause.Docs, cause.Responsible()
		e.Statement, e.Statements, e.Destination, e.RequestID = cause.Statement, cause.Statements, cause.Destination, cause.RequestID
	}
	return e
}

// before checks a request before a model has it, and returns it with what is masked.
func (c *Call) before(ctx context.Context, req *llm.Request) (*llm.Request, error) {
	checked, err := c.beforeEach(ctx, []*llm.Request{req})
	if err != nil {
		return nil, err
	}
	return checked[0], nil
}

// beforeEach is before for several requests. They are one input of a check: else the same mask could stand for something else in
// each, and be put back wrongly.
func (c *Call) beforeEach(ctx context.Context, requests []*llm.Request) ([]*llm.Request, error) {
	for _, r := range c.in(guard.PreCall) {
		checked, err := c.checkRequests(ctx, r, guard.PreCall, requests)
		if err != nil {
			return nil, c.Fail(err)
		}
		requests = checked
	}
	return requests, nil
}

// checkRequests asks a rule about requests, and returns them, or copies in which something is masked.
func (c *Call) checkRequests(ctx context.Context, r rule, mode guard.Mode, requests []*llm.Request) ([]*llm.Request, error) {
	visit := func(requests []*llm.Request) func(v *visitor) {
		return func(v *visitor) {
			for _, req := range requests {
				v.request(req, r.SkipSystem)
			}
		}
	}
	t := collect(visit(requests))
	replaced, err := c.ask(ctx, r, mode, guard.Request, t.texts, t.roles)
	if err != nil || replaced == nil {
		return requests, err
	}
	own := make([]*llm.Request, len(requests))
	for i, req := range requests {
		own[i] = cloneRequest(req)
	}
	return own, t.replace(replaced, visit(own))
}

// during checks requests while a model has them.
func (c *Call) during(ctx context.Context, rules []rule, requests []*llm.Request) error {
	for _, r := range rules {
		for _, req := range requests {
			if req == nil {
				continue // nothing is said
			}
			if _, err := c.checkRequests(ctx, r, guard.DuringCall, []*llm.Request{req}); err != nil {
				return err
			}
		}
	}
	return nil
}

// alongside runs do, and checks the requests meanwhile. do is ended if they are refused: then err is the refusal if do has failed, and
// otherwise refused is.
func (c *Call) alongside(ctx context.Context, requests []*llm.Request, do func(ctx context.Context) error) (refused, err error) {
	c.given = true
	rules := c.in(guard.DuringCall)
	if len(rules) == 0 {
		return nil, do(ctx)
	}
	own, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	verdict := make(chan error, 1)
	go func() {
		err := c.during(own, rules, requests)
		if err != nil {
			cancel(err)
		}
		verdict <- err
	}()
	if err = do(own); err != nil {
		cancel(err)
	}
	refused = <-verdict
	switch {
	case err == nil:
		return refused, nil
	case refused != nil && refuses(refused):
		return nil, refused
	default:
		return nil, err
	}
}

// after checks a response, and returns it, or a copy in which something is masked.
func (c *Call) after(ctx context.Context, resp *llm.Response) (*llm.Response, error) {
	for _, r := range c.in(guard.PostCall) {
		t := collect(func(v *visitor) { v.response(resp) })
		texts, err := c.ask(ctx, r, guard.PostCall, guard.Response, t.texts, nil)
		words := replacing(err)
		if err != nil && words == nil {
			return nil, err
		}
		if err == nil && texts == nil {
			continue
		}
		own := *resp
		if words != nil {
			words.into(&own)
			return &own, nil
		}
		own.Blocks = cloneBlocks(resp.Blocks)
		if err := t.replace(texts, func(v *visitor) { v.response(&own) }); err != nil {
			return nil, err
		}
		resp = &own
	}
	return c.restored(resp), nil
}

// complete gets a response and checks it. refused is the refusal of a response that has been made.
func (c *Call) complete(ctx context.Context, req *llm.Request) (resp *llm.Response, refused, err error) {
	refused, err = c.alongside(ctx, []*llm.Request{req}, func(ctx context.Context) error {
		var err error
		resp, err = c.g.router.Complete(ctx, req)
		return err
	})
	if err != nil || refused != nil {
		return resp, refused, err
	}
	checked, refused := c.after(ctx, resp)
	if refused != nil {
		return resp, refused, nil
	}
	return checked, nil, nil
}

// stream opens a stream, and returns it when the requests have been checked; what it says is checked as it comes.
func (c *Call) stream(ctx context.Context, requests []*llm.Request, open func() (llm.Stream, error)) (llm.Stream, error) {
	var s llm.Stream
	refused, err := c.alongside(ctx, requests, func(context.Context) (err error) {
		s, err = open()
		return err
	})
	if err == nil && refused != nil {
		_ = s.Close() // refused is the relevant error
		err = refused
	}
	if err != nil {
		return nil, err
	}
	return c.guardStream(ctx, s), nil
}

// relay is route.Router.Relay for a call with guardrails. A body goes on as it is if nothing in it is masked and the response is not
// checked; otherwise the translation is called, whatever the target speaks.
func (c *Call) relay(ctx context.Context, raw *llm.Raw, t *Translation) (resp *llm.RawResponse, refused, err error) {
	req, translate, err := c.beforeRelay(ctx, raw, t)
	if err != nil {
		if all := c.inPlace(err, 1); all != nil {
			return t.Response(all[0]), nil, nil
		}
		return nil, nil, err
	}
	if !translate {
		refused, err = c.alongside(ctx, []*llm.Request{req}, func(ctx context.Context) (err error) {
			resp, err = c.g.router.Relay(ctx, raw, t)
			return err
		})
		return resp, refused, err
	}
	answer, refused, err := c.complete(ctx, c.translated(raw, req))
	if err != nil {
		return nil, nil, err
	}
	return t.Response(answer), refused, nil
}

// relayStream is relay for a stream.
func (c *Call) relayStream(ctx context.Context, raw *llm.Raw, t *Translation) (s llm.RawStream, err error) {
	req, translate, err := c.beforeRelay(ctx, raw, t)
	if err != nil {
		if all := c.inPlace(err, 1); all != nil {
			return t.Stream(newFixedStream(all)), nil
		}
		return nil, err
	}
	if translate {
		req = c.translated(raw, req)
		inner, err := c.stream(ctx, []*llm.Request{req}, func() (llm.Stream, error) { return c.g.router.Stream(ctx, req) })
		if err != nil {
			return nil, err
		}
		return t.Stream(inner), nil
	}
	refused, err := c.alongside(ctx, []*llm.Request{req}, func(context.Context) (err error) {
		s, err = c.g.router.RelayStream(ctx, raw, t)
		return err
	})
	if err == nil && refused != nil {
		_ = s.Close() // refused is the relevant error
		err = refused
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// beforeRelay checks the request of a call in a dialect, and reports whether the call must be translated.
func (c *Call) beforeRelay(ctx context.Context, raw *llm.Raw, t *Translation) (req *llm.Request, translate bool, err error) {
	if len(c.set.Guardrails) == 0 {
		return nil, false, nil
	}
	if t == nil {
		if len(c.rules) == 0 || len(raw.Body)+len(raw.Parts) == 0 { // nothing is said
			return nil, false, nil
		}
		return nil, false, c.unguarded()
	}
	if req, err = t.Request(ctx); err != nil {
		return nil, false, err
	}
	if err := c.named(&req.Call); err != nil {
		return nil, false, err
	}
	checked, err := c.before(ctx, req)
	if err != nil {
		return nil, false, err
	}
	// A body that names guardrails is for the gateway alone.
	return checked, checked != req || len(c.in(guard.PostCall))+len(req.Guardrails)+len(req.Policies) > 0, nil
}

// countable checks a request whose tokens are counted, and returns what counts them: the translation of what is left if something is masked.
func (c *Call) countable(ctx context.Context, raw *llm.Raw, t *Translation) (*llm.Raw, *Translation, error) {
	if len(c.set.Guardrails) == 0 {
		return raw, t, nil
	}
	req, err := t.Request(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := c.named(&req.Call); err != nil {
		return nil, nil, err
	}
	checked, err := c.before(ctx, req)
	if err != nil || checked == req {
		return raw, t, err
	}
	masked, own := *raw, *t
	masked.Dialect = "" // no target takes the body as it is
	own.Request = func(context.Context) (*llm.Request, error) { return checked, nil }
	return &masked, &own, nil
}

// translated is the request of a call in a dialect as a call of its own, with what the pipeline knows of the call.
func (c *Call) translated(raw *llm.Raw, req *llm.Request) *llm.Request {
	own := *req
	own.Model, own.Stream, own.Deployment, own.Once, own.Routing = raw.Model, raw.Stream, raw.Deployment, raw.Once, raw.Routing
	own.Guardrail, own.Attribution, own.Session, own.Mirror = raw.Guardrail, raw.Attribution, raw.Session, raw.Mirror
	own.ClientSettings, own.DropParams = raw.ClientSettings, raw.DropParams || own.DropParams
	settings := c.g.Settings(own.Model)
	c.steer(&own.Call, settings, conversation{&own})
	c.admission(&own.Call)
	return &own
}
