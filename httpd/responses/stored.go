package responses

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/store"
	wire "outcrop/wire/openairesponses"
)

// answer serves a request about what is kept. serve returns the body of the answer.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, serve func(ctx context.Context, call *gateway.Call, s *store.Store) ([]byte, error)) {
	door.Serve(w, r, h.Gateway, Door, door.Keys, h.WriteError, func(call *gateway.Call) {
		s, err := h.options.Keeper.Store(r.Context())
		if err != nil {
			h.WriteError(w, door.Fail(w, call, unavailable(err)))
			return
		}
		body, err := serve(r.Context(), call, s)
		if err != nil {
			h.WriteError(w, door.Fail(w, call, err))
			return
		}
		door.WriteJSON(w, http.StatusOK, body)
	})
}

// stored returns the response that a path names.
func (h *Handler) stored(ctx context.Context, call *gateway.Call, id string) (*store.Response, error) {
	made := h.running.get(id) != nil // before the store is read, which has the response when it is no longer made
	s, err := h.options.Keeper.Store(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	resp, err := s.Response(ctx, call.Caller().Identity, id)
	if err != nil {
		return nil, h.reading(err, "", "response", id)
	}
	if unfinished(resp.Body) && !made {
		resp.Body = wire.WithStatus(resp.Body, wire.StatusFailed, &llm.Error{Code: llm.CodeInternal, Status: 500, Message: "the gateway was restarted before the response was complete."})
	}
	return resp, nil
}

// get returns a response.
func (h *Handler) get(w http.ResponseWriter, r *http.Request) {
	if stream := r.URL.Query().Get("stream"); stream != "" && stream != "false" {
		h.resume(w, r)
		return
	}
	h.answer(w, r, func(ctx context.Context, call *gateway.Call, _ *store.Store) ([]byte, error) {
		resp, err := h.stored(ctx, call, r.PathValue("id"))
		if err != nil {
			return nil, err
		}
		return resp.Body, nil
	})
}

// remove forgets a response.
func (h *Handler) remove(w http.ResponseWriter, r *http.Request) {
	h.answer(w, r, func(ctx context.Context, call *gateway.Call, _ *store.Store) ([]byte, error) {
		id := r.PathValue("id")
		resp, err := h.stored(ctx, call, id)
		if err != nil {
			return nil, err
		}
		if err := h.removeUpstream(ctx, call, resp); err != nil {
			return nil, err
		}
		h.running.cancel(id)
		s, err := h.options.Keeper.Store(ctx) // with what was kept before
		if err != nil {
			return nil, unavailable(err)
		}
		if err := s.DeleteResponse(ctx, call.Caller().Identity, id); err != nil {
			return nil, h.reading(err, "", "response", id)
		}
		return wire.AppendDeleted(nil, id, "response"), nil
	})
}

// removeUpstream has the provider forget a response that it keeps. One that it does not have any more, or whose
// deployment is no longer configured, is no error.
func (h *Handler) removeUpstream(ctx context.Context, call *gateway.Call, resp *store.Response) error {
	if resp.Upstream == "" {
		return nil
	}
	_, err := call.Relay(ctx, &llm.Raw{
		Call: llm.Call{Model: resp.Model, Deployment: resp.Deployment}, Dialect: llm.DialectResponses,
		Service: true, Method: http.MethodDelete, Path: []string{resp.Upstream},
	}, nil)
	if err == nil {
		return nil
	}
	e := llm.AsError(err)
	switch {
	case e.Code == llm.CodeStateNotFound, e.Code == llm.CodeModelNotFound, e.UpstreamStatus == http.StatusNotFound, e.UpstreamStatus == http.StatusMethodNotAllowed:
		h.options.Logger.WarnContext(ctx, "a response was deleted here, and not at its provider", "response", resp.ID, "deployment", resp.Deployment, "error", e.Message)
		call.Recover()
		return nil
	default:
		return e
	}
}

// cancel ends a response that is made in the background.
func (h *Handler) cancel(w http.ResponseWriter, r *http.Request) {
	h.answer(w, r, func(ctx context.Context, call *gateway.Call, _ *store.Store) ([]byte, error) {
		id := r.PathValue("id")
		resp, err := h.stored(ctx, call, id)
		if err != nil {
			return nil, err
		}
		return h.cancelled(ctx, call, resp)
	})
}

// cancelled cancels a response, and returns it as it is then.
func (h *Handler) cancelled(ctx context.Context, call *gateway.Call, resp *store.Response) ([]byte, error) {
	if unfinished(resp.Body) && !h.running.cancel(resp.ID) {
		now, err := h.stored(ctx, call, resp.ID) // it has become complete, unless another request cancels it too
		if err != nil {
			return nil, err
		}
		resp = now
	}
	if unfinished(resp.Body) {
		s, err := h.options.Keeper.Store(ctx) // with what was kept before
		if err != nil {
			return nil, unavailable(err)
		}
		resp.Body = wire.WithStatus(resp.Body, wire.StatusCancelled, nil)
		if err := s.PutResponse(ctx, resp); err != nil {
			return nil, unavailable(err)
		}
	}
	if status := wire.ResponseStatus(resp.Body); status != wire.StatusCancelled {
		return nil, llm.Invalid("", "the response is %s, and cannot be cancelled: only a response that is made in the background can, before it is complete", status)
	}
	return resp.Body, nil
}

// unfinished reports whether a response is still being made, according to its status.
func unfinished(response []byte) bool {
	status := wire.ResponseStatus(response)
	return status == wire.StatusQueued || status == wire.StatusInProgress
}

// inputItems lists the items of a response's input.
func (h *Handler) inputItems(w http.ResponseWriter, r *http.Request) {
	h.answer(w, r, func(ctx context.Context, call *gateway.Call, _ *store.Store) ([]byte, error) {
		resp, err := h.stored(ctx, call, r.PathValue("id"))
		if err != nil {
			return nil, err
		}
		var items []jsonx.Raw
		if err := jsonx.Unmarshal(resp.Input, &items); err != nil {
			return nil, unavailable(err)
		}
		return page(r, items)
	})
}

// Bounds on the items of a page.
const (
	defaultPage = 20
	maxPage     = 100
)

// page answers with a page of items, which are the oldest first.
func page(r *http.Request, items []jsonx.Raw) ([]byte, error) {
	query := r.URL.Query()
	limit := defaultPage
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxPage {
			return nil, llm.Invalid("limit", "limit must be between 1 and %d, not %q", maxPage, llm.Clip(text, 64))
		}
		limit = n
	}
	switch order := query.Get("order"); order {
	case "", "desc":
		items = slices.Clone(items)
		slices.Reverse(items)
	case "asc":
	default:
		return nil, llm.Invalid("order", "order must be asc or desc, not %q", llm.Clip(order, 64))
	}
	if after := query.Get("after"); after != "" {
		at := slices.IndexFunc(items, func(item jsonx.Raw) bool { return wire.ItemID(item) == after })
		if at < 0 {
			return nil, llm.Invalid("after", "after is %q, which is not the id of an item here", llm.Clip(after, 128))
		}
		items = items[at+1:]
	}
	more := len(items) > limit
	return wire.AppendList(nil, items[:min(limit, len(items))], more), nil
}
