package responses

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/gateway"
	"outcrop/httpd/inbound"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/store"
	wire "outcrop/wire/openairesponses"
)

// Retention is how long responses and conversations are kept by default, as in OpenAI's API.
const Retention = 30 * 24 * time.Hour

// unknown is the error for something that is not kept, or not for this caller.
func unknown(param, what, id string) *llm.Error {
	e := &llm.Error{
		Code: llm.CodeStateNotFound, Status: http.StatusNotFound, Param: param,
		Message: what + " " + quoted(id) + " is not kept by this gateway.",
		Fix:     "It may have expired, have been made with another key, or with store set to false.",
	}
	if param != "" { // a field of a valid request for something else
		e.Status = http.StatusBadRequest
	}
	return e
}

// quoted quotes an id of a request, at most the beginning of it.
func quoted(id string) string { return string(jsonx.AppendString(nil, llm.Clip(id, 128))) }

// unavailable is the error of a store that cannot be read.
func unavailable(err error) *llm.Error {
	return &llm.Error{Code: llm.CodeInternal, Status: http.StatusInternalServerError, Message: "the gateway's database cannot be read; look for this x-request-id in the gateway's log.", Err: err}
}

// reading is the error of a read of something, for the client.
func (h *Handler) reading(err error, param, what, id string) error {
	var over *store.OverBoundError
	switch {
	case errors.Is(err, store.ErrNotFound):
		return unknown(param, what, id)
	case errors.As(err, &over):
		return &llm.Error{
			Code: llm.CodeTooLarge, Status: http.StatusRequestEntityTooLarge, Param: param,
			Message: what + " " + quoted(id) + " has more content than a request may have.",
			Fix:     "Begin a new conversation, with a summary of this one.",
		}
	default:
		return unavailable(err)
	}
}

// resolve finds what a request refers to, and prepares the bodies that targets get: one for those that speak
// the dialect, and one with everything in place for the translation.
func (h *Handler) resolve(ctx context.Context, call *gateway.Call, x *exchange) error {
	x.owner, x.origin = call.Caller().Identity, call.Origin()
	references := bytes.Contains(x.head.Input, []byte(`"item_reference"`))
	if x.head.Store || x.head.Refers || references {
		items, err := wire.Items(x.head.Input, call.ID())
		if err != nil {
			return err
		}
		x.items = items
	}
	passage := &wire.Passage{}
	if x.head.Previous != "" || x.head.Conversation != "" || references {
		s, err := h.options.Keeper.Store(ctx)
		if err != nil {
			return unavailable(err)
		}
		if passage.History, err = h.history(ctx, s, x); err != nil {
			return err
		}
		if references {
			if passage.Own, err = h.dereference(ctx, s, x); err != nil {
				return err
			}
		}
	}
	x.body = x.raw.Body
	if x.head.Refers || references {
		history := make([]jsonx.Raw, len(passage.History))
		for i := range history {
			history[i] = passage.History[i].Item
		}
		body, err := wire.WithHistory(x.raw.Body, history, x.items)
		if err != nil {
			return err
		}
		// The history is part of what the call holds in memory.
		if err := call.Lease().Grow(ctx, int64(max(0, len(body)-len(x.raw.Body)))*inbound.Weight); err != nil {
			return llm.Overloaded(err)
		}
		x.body, x.options.History = body, len(history)
	}
	return h.pass(ctx, x, passage)
}

// pass prepares the body for targets that speak the dialect, if the model's name has any.
func (h *Handler) pass(ctx context.Context, x *exchange, p *wire.Passage) error {
	settings := h.Gateway.Settings(x.raw.Model)
	if !x.head.Plain && settings.AllowClientSettings { // they choose the deployment
		req, err := x.decoded(ctx)
		if err != nil {
			return err
		}
		x.raw.ClientSettings = req.ClientSettings
	}
	x.original, x.passage = x.raw.Body, *p
	x.raw.Body = x.body
	if some, _ := settings.Speaks(llm.DialectResponses); !some {
		return nil
	}
	x.passage.Parameters = settings.Parameters
	if x.options.Count { // what they change has no tokens
		x.passage.Parameters = nil
	}
	settings.Defaults.ApplyTo(&x.raw.Call)
	x.prepare(settings.Deployments, true)
	return nil
}

// prepare prepares the body for targets that speak the dialect. With continued, a response that the provider
// keeps is continued there; otherwise the provider gets the whole conversation.
func (x *exchange) prepare(deployments []string, continued bool) {
	p := x.passage
	x.bind(&p, deployments, continued)
	x.continued, x.raw.Deployment = p.Previous != "", p.Holder
	body, warnings, ok := x.head.Passing(x.original, &p)
	if !ok {
		x.raw.Dialect, x.raw.Deployment = "", ""
		return
	}
	x.raw.Body, x.left = body, warnings
}

// bind has a request served by the deployment that holds what it continues, if the model's name has that
// deployment: by its own id of the response, if it keeps that, or because parts of the conversation mean
// nothing to others.
func (x *exchange) bind(p *wire.Passage, deployments []string, continued bool) {
	serves := func(deployment string) bool { return deployment != "" && slices.Contains(deployments, deployment) }
	if r := x.previous; r != nil && continued && r.Upstream != "" && serves(r.Deployment) && over(r.Body) {
		p.Previous, p.Holder, p.History = r.Upstream, r.Deployment, nil
	}
	for _, items := range [...][]wire.Past{p.Own, p.History} {
		for _, past := range slices.Backward(items) {
			if p.Holder == "" && serves(past.Deployment) && wire.Bound(past.Item) {
				p.Holder = past.Deployment
			}
		}
	}
}

// over reports whether a response has ended, and has not failed.
func over(response jsonx.Raw) bool {
	status := wire.ResponseStatus(response)
	return status == wire.StatusCompleted || status == wire.StatusIncomplete
}

// relayed makes a call by do, and makes it again with the whole conversation if the provider no longer has
// the response that the request continues: the gateway has it longer.
func relayed[T any](h *Handler, call *gateway.Call, x *exchange, do func() (T, error)) (T, error) {
	result, err := do()
	if err == nil || !x.continued || !lost(llm.AsError(err)) {
		return result, err
	}
	call.Recover()
	x.prepare(h.Gateway.Settings(x.raw.Model).Deployments, false)
	return do()
}

// lost reports whether a provider says that it does not have the response that a request continues.
func lost(e *llm.Error) bool {
	return e.Upstream && (e.UpstreamStatus == http.StatusBadRequest || e.UpstreamStatus == http.StatusNotFound) &&
		(e.Type == "previous_response_not_found" || strings.Contains(strings.ToLower(e.Message), "previous response"))
}

// history returns the items of what a request continues.
func (h *Handler) history(ctx context.Context, s *store.Store, x *exchange) (history []wire.Past, err error) {
	if id := x.head.Conversation; id != "" {
		items, err := s.Items(ctx, x.owner, id, h.options.MaxBody)
		if err != nil {
			return nil, h.reading(err, "conversation", "conversation", id)
		}
		for _, it := range items {
			history = append(history, wire.Past{Item: it.Body, Deployment: it.Deployment})
		}
		return history, nil
	}
	chain, err := s.Chain(ctx, x.owner, x.head.Previous, h.options.MaxBody)
	if err != nil {
		return nil, h.reading(err, "previous_response_id", "response", x.head.Previous)
	}
	for _, r := range chain {
		var input []jsonx.Raw
		if err := jsonx.Unmarshal(r.Input, &input); err != nil {
			return nil, unavailable(err)
		}
		for _, item := range input {
			history = append(history, wire.Past{Item: item})
		}
		for _, item := range wire.Output(r.Body) {
			history = append(history, wire.Past{Item: item, Deployment: r.Deployment})
		}
		x.previous = r
	}
	return history, nil
}

// dereference replaces references to items of responses by the items, and returns all items of the request.
// A reference to what the gateway has not kept for this caller is an error, also where a provider might know
// the item: it could be another caller's.
func (h *Handler) dereference(ctx context.Context, s *store.Store, x *exchange) ([]wire.Past, error) {
	all := make([]wire.Past, len(x.items))
	responses := map[string]*store.Response{}
	for i, item := range x.items {
		all[i].Item = item
		id := wire.Reference(item)
		if id == "" {
			continue
		}
		origin := wire.Origin(id)
		r, ok := responses[origin]
		if !ok || origin == "" {
			var err error
			if r, err = s.Response(ctx, x.owner, origin); errors.Is(err, store.ErrNotFound) {
				r, err = s.ResponseOfItem(ctx, x.owner, id)
			}
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return nil, unavailable(err)
			}
			responses[origin] = r
		}
		found := false
		if r != nil {
			for _, own := range wire.Output(r.Body) {
				if wire.ItemID(own) == id {
					x.items[i], all[i], found = own, wire.Past{Item: own, Deployment: r.Deployment}, true
				}
			}
		}
		if !found {
			field := "input[" + strconv.Itoa(i) + "].id"
			return nil, llm.Invalid(field, "%s refers to an item that this gateway has not kept: %q", field, llm.Clip(id, 128))
		}
	}
	return all, nil
}

// keep keeps a response that is over, soon.
func (h *Handler) keep(ctx context.Context, x *exchange, response jsonx.Raw) {
	if !x.head.Store {
		return
	}
	now := time.Now()
	r := &store.Response{
		ID: wire.ResponseID(response), Owner: x.owner, Previous: x.head.Previous, Conversation: x.head.Conversation,
		Created: now, Expires: now.Add(h.options.Retention), Body: response, Input: jsonx.Array(x.items),
		Model: x.raw.Model, Deployment: x.made.Deployment, Upstream: x.upstream,
	}
	if r.ID == "" {
		return
	}
	if r.Deployment != "" {
		for _, item := range wire.Output(response) {
			if id := wire.ItemID(item); id != "" {
				r.Items = append(r.Items, id)
			}
		}
	}
	var added []store.Item
	if x.head.Conversation != "" && over(response) {
		for _, item := range x.items {
			added = append(added, store.Item{ID: wire.ItemID(item), Body: item})
		}
		for _, item := range wire.Output(response) {
			added = append(added, store.Item{ID: wire.ItemID(item), Body: item, Deployment: x.made.Deployment})
		}
	}
	h.options.Keeper.Later(ctx, "response "+r.ID, len(r.Body)+2*len(r.Input), func(ctx context.Context, s *store.Store) error {
		if err := s.PutResponse(ctx, r); err != nil {
			return err
		}
		if len(added) == 0 {
			return nil
		}
		return s.AddItems(ctx, r.Owner, r.Conversation, r.Expires, added)
	})
}

// note takes note of who has made a response that was not translated: its deployment, and the provider's id
// of it if the provider keeps it.
func (x *exchange) note(meta *llm.Meta, id string) {
	if !meta.Passed {
		return
	}
	x.made.Deployment = meta.Deployment
	if meta.Keeps && x.head.Store {
		x.upstream = id
	}
}

// passed is a stream of the provider's own events. It notes the id of the response and the numbers of the
// events, so that the gateway's events among them go on from there.
type passed struct {
	llm.RawStream
	x    *exchange
	seen bool // the id
}

func (p *passed) Next(ev *llm.RawEvent) error {
	err := p.RawStream.Next(ev)
	if err != nil {
		return err
	}
	x := p.x
	if !p.seen {
		if id := wire.Begun(ev.Data); id != "" {
			p.seen = true
			x.note(p.Meta(), id)
			if !x.head.Background {
				x.env.ID = id
			}
		}
	}
	if n := wire.LastNumber(ev.Data); n >= 0 {
		x.next.Store(n + 1)
	}
	if x.head.Refers {
		ev.Data = x.head.Echo.WithEchoIn(ev.Data, x.env.ID)
	} else {
		ev.Data = x.head.Echo.WithStoreIn(ev.Data)
	}
	return nil
}

// keeping is a stream whose last event is kept before the client gets it, so that the client can refer to
// it at once.
type keeping struct {
	llm.RawStream
	keep func(response jsonx.Raw)
}

func (k *keeping) Next(ev *llm.RawEvent) error {
	err := k.RawStream.Next(ev)
	if err != nil {
		return err
	}
	if response := wire.Final(ev.Data); response != nil {
		k.keep(response)
	}
	return nil
}
