package responses

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
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

// resolve replaces what a request refers to by its content.
func (h *Handler) resolve(ctx context.Context, call *gateway.Call, x *exchange) error {
	x.owner = call.Caller().Identity
	references := bytes.Contains(x.head.Input, []byte(`"item_reference"`))
	if x.head.Store || x.head.Previous != "" || x.head.Conversation != "" || references {
		items, err := wire.Items(x.head.Input, call.ID())
		if err != nil {
			return err
		}
		x.items = items
	}
	if x.head.Previous == "" && x.head.Conversation == "" && !references && !x.head.Background {
		return nil
	}
	var history []jsonx.Raw
	if x.head.Previous != "" || x.head.Conversation != "" || references {
		s, err := h.options.Keeper.Store(ctx)
		if err != nil {
			return unavailable(err)
		}
		if history, err = h.history(ctx, s, x); err != nil {
			return err
		}
		if references {
			if err := h.dereference(ctx, s, x); err != nil {
				return err
			}
		}
	}
	body, err := wire.WithHistory(x.raw.Body, history, x.items)
	if err != nil {
		return err
	}
	// The history is part of what the call holds in memory.
	if err := call.Lease().Grow(ctx, int64(max(0, len(body)-len(x.raw.Body)))*inbound.Weight); err != nil {
		return llm.Overloaded(err)
	}
	x.raw.Body, x.options.History = body, len(history)
	return nil
}

// history returns the items of what a request continues.
func (h *Handler) history(ctx context.Context, s *store.Store, x *exchange) (history []jsonx.Raw, err error) {
	if id := x.head.Conversation; id != "" {
		items, err := s.Items(ctx, x.owner, id, h.options.MaxBody)
		if err != nil {
			return nil, h.reading(err, "conversation", "conversation", id)
		}
		for _, it := range items {
			history = append(history, it.Body)
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
		history = append(append(history, input...), wire.Output(r.Body)...)
	}
	return history, nil
}

// dereference replaces references to items of responses by the items.
func (h *Handler) dereference(ctx context.Context, s *store.Store, x *exchange) error {
	outputs := map[string][]jsonx.Raw{}
	for i, item := range x.items {
		id := wire.Reference(item)
		origin := wire.Origin(id)
		if origin == "" {
			continue
		}
		output, ok := outputs[origin]
		if !ok {
			r, err := s.Response(ctx, x.owner, origin)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return unavailable(err)
			}
			if r != nil {
				output = wire.Output(r.Body)
			}
			outputs[origin] = output
		}
		for _, own := range output {
			if wire.ItemID(own) == id {
				x.items[i] = own
			}
		}
	}
	return nil
}

// keep keeps a response that is over, soon.
func (h *Handler) keep(ctx context.Context, x *exchange, response jsonx.Raw) {
	if !x.head.Store {
		return
	}
	now := time.Now()
	r := &store.Response{
		ID: wire.ResponseID(response), Owner: x.owner, Previous: x.head.Previous, Conversation: x.head.Conversation,
		Created: now, Expires: now.Add(h.options.Retention), Body: response, Input: arrayOf(x.items),
	}
	if r.ID == "" {
		return
	}
	var added []store.Item
	if status := wire.ResponseStatus(response); x.head.Conversation != "" && (status == wire.StatusCompleted || status == wire.StatusIncomplete) {
		for _, item := range slices.Concat(x.items, wire.Output(response)) {
			added = append(added, store.Item{ID: wire.ItemID(item), Body: item})
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

// arrayOf is a JSON array.
func arrayOf(items []jsonx.Raw) jsonx.Raw {
	w := jsonx.Writer{}
	w.Array()
	for _, item := range items {
		w.Raw(item)
	}
	w.EndArray()
	return w.Buf
}

// passed is a stream of the provider's own events. It notes the id of the response and the numbers of the
// events, so that the gateway's events among them go on from there.
type passed struct {
	llm.RawStream
	id   *string
	next *atomic.Int64
	seen bool // the id
}

func (p *passed) Next(ev *llm.RawEvent) error {
	err := p.RawStream.Next(ev)
	if err == nil {
		if !p.seen {
			if id := wire.Begun(ev.Data); id != "" {
				*p.id, p.seen = id, true
			}
		}
		if n := wire.LastNumber(ev.Data); n >= 0 {
			p.next.Store(n + 1)
		}
	}
	return err
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
