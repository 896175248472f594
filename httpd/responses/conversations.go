package responses

import (
	"context"
	"net/http"
	"strings"
	"time"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/store"
	wire "outcrop/wire/openairesponses"
)

// conversationRoots are the paths under which conversations are served.
var conversationRoots = [...]string{"/v1/conversations", "/conversations"}

// conversationRoutes lists the paths of conversations.
func (h *Handler) conversationRoutes() (all []door.Route) {
	for i, root := range conversationRoots {
		add := func(method, rest, about string, handle http.HandlerFunc) {
			if i > 0 {
				about = "the same under " + root + rest
			}
			all = append(all, door.Route{Pattern: method + " " + root + rest, Path: root + rest, About: about, Handle: handle})
		}
		add("POST", "", "makes a conversation, which responses continue and add to", h.newConversation)
		add("GET", "/{id}", "a conversation", h.getConversation)
		add("POST", "/{id}", "changes the metadata of a conversation", h.changeConversation)
		add("DELETE", "/{id}", "forgets a conversation", h.removeConversation)
		add("GET", "/{id}/items", "the items of a conversation", h.listItems)
		add("POST", "/{id}/items", "adds items to a conversation", h.addItems)
		add("GET", "/{id}/items/{item}", "an item of a conversation", h.getItem)
		add("DELETE", "/{id}/items/{item}", "removes an item from a conversation", h.removeItem)
	}
	return all
}

// maxItems is how many items one request can add, as in OpenAI's API.
const maxItems = 20

// request reads the body of a request about a conversation, and its items.
func (h *Handler) request(w http.ResponseWriter, r *http.Request, call *gateway.Call) (*wire.NewConversation, []store.Item, error) {
	body, err := h.Reader.Read(w, r, call.Lease())
	if err != nil {
		return nil, nil, err
	}
	defer body.Release() // what is decoded is a copy
	v, err := wire.DecodeConversation(body.Bytes)
	if err != nil {
		return nil, nil, err
	}
	raws, err := wire.Items(v.Items, call.ID())
	if err != nil {
		e := *llm.AsError(err)
		e.Param, e.Message = strings.Replace(e.Param, "input", "items", 1), strings.Replace(e.Message, "input", "items", 1)
		return nil, nil, &e
	}
	if len(raws) > maxItems {
		return nil, nil, llm.Invalid("items", "items must have at most %d items, not %d", maxItems, len(raws))
	}
	items := make([]store.Item, 0, len(raws))
	for _, raw := range raws {
		items = append(items, store.Item{ID: wire.ItemID(raw), Body: raw})
	}
	return v, items, nil
}

func (h *Handler) newConversation(w http.ResponseWriter, r *http.Request) {
	h.answer(w, r, func(ctx context.Context, call *gateway.Call, s *store.Store) ([]byte, error) {
		v, items, err := h.request(w, r, call)
		if err != nil {
			return nil, err
		}
		now := time.Now()
		c := &store.Conversation{ID: "conv_" + call.ID(), Owner: call.Caller().Identity, Created: now, Expires: now.Add(h.options.Retention), Metadata: v.Metadata}
		if len(c.Metadata) == 0 {
			c.Metadata = []byte("{}")
		}
		if err := s.PutConversation(ctx, c); err != nil {
			return nil, unavailable(err)
		}
		if len(items) > 0 {
			if err := s.AddItems(ctx, c.Owner, c.ID, c.Expires, items); err != nil {
				return nil, unavailable(err)
			}
		}
		return wire.AppendConversation(nil, c.ID, c.Created.Unix(), c.Metadata), nil
	})
}

// conversation returns the conversation that a path names.
func (h *Handler) conversation(ctx context.Context, r *http.Request, call *gateway.Call, s *store.Store) (*store.Conversation, error) {
	id := r.PathValue("id")
	c, err := s.Conversation(ctx, call.Caller().Identity, id)
	if err != nil {
		return nil, h.reading(err, "", "conversation", id)
	}
	return c, nil
}

func (h *Handler) getConversation(w http.ResponseWriter, r *http.Request) {
	h.answer(w, r, func(ctx context.Context, call *gateway.Call, s *store.Store) ([]byte, error) {
		c, err := h.conversation(ctx, r, call, s)
		if err != nil {
			return nil, err
		}
		return wire.AppendConversation(nil, c.ID, c.Created.Unix(), c.Metadata), nil
	})
}

func (h *Handler) changeConversation(w http.ResponseWriter, r *http.Request) {
	h.answer(w, r, func(ctx context.Context, call *gateway.Call, s *store.Store) ([]byte, error) {
		v, _, err := h.request(w, r, call)
		if err != nil {
			return nil, err
		}
		c, err := h.conversation(ctx, r, call, s)
		if err != nil {
			return nil, err
		}
		if len(v.Metadata) > 0 {
			c.Metadata, c.Expires = v.Metadata, time.Now().Add(h.options.Retention)
			if err := s.PutConversation(ctx, c); err != nil {
				return nil, unavailable(err)
			}
		}
		return wire.AppendConversation(nil, c.ID, c.Created.Unix(), c.Metadata), nil
	})
}

func (h *Handler) removeConversation(w http.ResponseWriter, r *http.Request) {
	h.answer(w, r, func(ctx context.Context, call *gateway.Call, s *store.Store) ([]byte, error) {
		id := r.PathValue("id")
		if err := s.DeleteConversation(ctx, call.Caller().Identity, id); err != nil {
			return nil, h.reading(err, "", "conversation", id)
		}
		return wire.AppendDeleted(nil, id, "conversation.deleted"), nil
	})
}

// items are those of the conversation that a path names.
func (h *Handler) items(ctx context.Context, r *http.Request, call *gateway.Call, s *store.Store) ([]jsonx.Raw, error) {
	id := r.PathValue("id")
	items, err := s.Items(ctx, call.Caller().Identity, id, h.options.MaxBody)
	if err != nil {
		return nil, h.reading(err, "", "conversation", id)
	}
	raws := make([]jsonx.Raw, 0, len(items))
	for _, it := range items {
		raws = append(raws, it.Body)
	}
	return raws, nil
}

func (h *Handler) listItems(w http.ResponseWriter, r *http.Request) {
	h.answer(w, r, func(ctx context.Context, call *gateway.Call, s *store.Store) ([]byte, error) {
		items, err := h.items(ctx, r, call, s)
		if err != nil {
			return nil, err
		}
		return page(r, items)
	})
}

func (h *Handler) addItems(w http.ResponseWriter, r *http.Request) {
	h.answer(w, r, func(ctx context.Context, call *gateway.Call, s *store.Store) ([]byte, error) {
		_, items, err := h.request(w, r, call)
		if err != nil {
			return nil, err
		}
		if len(items) == 0 {
			return nil, llm.Invalid("items", "items is required: an array of at least one item")
		}
		id := r.PathValue("id")
		if err := s.AddItems(ctx, call.Caller().Identity, id, time.Now().Add(h.options.Retention), items); err != nil {
			return nil, h.reading(err, "", "conversation", id)
		}
		raws := make([]jsonx.Raw, 0, len(items))
		for _, it := range items {
			raws = append(raws, it.Body)
		}
		return wire.AppendList(nil, raws, false), nil
	})
}

func (h *Handler) getItem(w http.ResponseWriter, r *http.Request) {
	h.answer(w, r, func(ctx context.Context, call *gateway.Call, s *store.Store) ([]byte, error) {
		items, err := h.items(ctx, r, call, s)
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			if wire.ItemID(item) == r.PathValue("item") {
				return item, nil
			}
		}
		return nil, unknown("", "item", r.PathValue("item"))
	})
}

func (h *Handler) removeItem(w http.ResponseWriter, r *http.Request) {
	h.answer(w, r, func(ctx context.Context, call *gateway.Call, s *store.Store) ([]byte, error) {
		c, err := h.conversation(ctx, r, call, s)
		if err != nil {
			return nil, err
		}
		if err := s.DeleteItem(ctx, c.Owner, c.ID, r.PathValue("item")); err != nil {
			return nil, h.reading(err, "", "item", r.PathValue("item"))
		}
		return wire.AppendConversation(nil, c.ID, c.Created.Unix(), c.Metadata), nil
	})
}
