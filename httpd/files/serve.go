package files

import (
	"net/http"

	"outcrop/httpd/door"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/litellm"
	wire "outcrop/wire/openaiapi"
)

// raw is a call about what an account keeps.
func (x *exchange) raw(at wire.ID, method string, path []string, query string) *llm.Raw {
	return &llm.Raw{
		Call:    llm.Call{Model: at.Model, Deployment: at.Deployment, Once: method == http.MethodPost},
		Dialect: x.h.dialect, Method: method, Path: path, Query: query, Service: true, Unestimated: true,
	}
}

// relay makes a call, and writes its response with the client's ids. The things in it belong to the client
// if own is set. keep is as in wire.ReplaceIDs.
func (x *exchange) relay(raw *llm.Raw, at wire.ID, own bool, keep func(id string) bool) error {
	resp, err := x.call.Relay(x.r.Context(), raw, nil)
	if err != nil {
		return err
	}
	resp.Body = wire.ReplaceIDs(resp.Body, x.h.kind, func(kind, id string) string {
		return wire.ID{Kind: kind, Model: at.Model, Deployment: at.Deployment, Own: id}.String()
	}, keep)
	if own {
		if err := x.owned(x.h.kind, wire.Member(resp.Body, "id")); err != nil {
			return err
		}
	}
	if x.h.kind == wire.KindBatch && keep == nil {
		if err := x.owned(wire.KindFile, wire.Files(resp.Body)...); err != nil {
			return err
		}
	}
	door.Head(x.w.Header(), x.call)
	if x.h.kind == wire.KindBatch && keep == nil {
		x.price(resp.Body, at.Deployment)
	}
	door.WriteRaw(x.w, resp)
	return nil
}

// price tells what a batch that is over has cost.
func (x *exchange) price(body []byte, deployment string) {
	b, over := wire.BatchOf(body)
	if !over {
		return
	}
	cost, estimated, known := x.call.Batch(deployment, b.Model, &b.Usage)
	if !known {
		return
	}
	h := x.w.Header()
	h["X-Outcrop-Batch-Cost"] = []string{cost.String()}
	if estimated {
		h["X-Outcrop-Batch-Cost-Estimated"] = []string{"true"}
	}
}

// upload keeps a file.
func (x *exchange) upload() error {
	body, err := x.h.Reader.Read(x.w, x.r, x.call.Lease())
	if err != nil {
		return err
	}
	parts, err := wire.ReadForm(body.Bytes, x.r.Header.Get("Content-Type"))
	body.Release() // the parts do not share its memory
	if err != nil {
		return err
	}
	given, sent := map[string]string{}, parts[:0]
	for _, p := range parts {
		switch p.Name {
		case "model", "target_model_names", "custom_llm_provider", "litellm_metadata":
			given[p.Name] = string(p.Content)
			continue
		}
		if err := litellm.CheckField(p.Name); err != nil {
			return err
		}
		if p.Name == "purpose" {
			given[p.Name] = string(p.Content)
		}
		sent = append(sent, p)
	}
	c, err := x.choose(given)
	if err != nil {
		return err
	}
	at, err := x.account(c)
	if err != nil {
		return err
	}
	if given["purpose"] == "batch" {
		for i := range sent {
			if sent[i].FileName != "" {
				sent[i].Content = wire.NameModels(sent[i].Content, func(model string) string { return x.h.Gateway.ModelAt(at.Deployment, model) })
			}
		}
	}
	raw := x.raw(at, http.MethodPost, nil, "")
	raw.Parts = sent
	return x.relay(raw, at, true, nil)
}

// create starts a batch.
func (x *exchange) create() error {
	body, err := x.h.Reader.Read(x.w, x.r, x.call.Lease())
	if err != nil {
		return err
	}
	defer body.Release()
	if err := litellm.CheckBody(body.Bytes); err != nil {
		return err
	}
	members, err := jsonx.Members(body.Bytes)
	if err != nil {
		return litellm.DecodeError(err)
	}
	given := map[string]string{}
	w := jsonx.Writer{}
	w.Object()
	for _, m := range members {
		switch m.Name {
		case "model", "target_model_names", "custom_llm_provider", "input_file_id":
			var text string
			if m.Value.Kind() != 'n' {
				if jsonx.Unmarshal(m.Value, &text) != nil {
					return llm.Invalid(m.Name, "%s must be a string, not %s", m.Name, jsonx.KindName(m.Value.Kind()))
				}
				given[m.Name] = text
			}
			continue
		case "litellm_metadata":
			continue
		}
		if err := litellm.CheckField(m.Name); err != nil {
			return err
		}
		w.AnyKey(m.Name)
		w.Raw(m.Value)
	}
	if given["input_file_id"] == "" {
		return llm.Invalid("input_file_id", "input_file_id is required: the id of a file of requests, with the purpose batch")
	}
	c, err := x.choose(given)
	if err != nil {
		return err
	}
	file, err := x.identify(wire.KindFile, given["input_file_id"], "input_file_id", c)
	if err != nil {
		return err
	}
	w.Key("input_file_id")
	w.String(file.Own)
	w.EndObject()
	raw := x.raw(file, http.MethodPost, nil, "")
	raw.Body = w.Buf
	return x.relay(raw, file, true, nil)
}

// list lists what an account keeps.
func (x *exchange) list() error {
	c, err := x.choose(nil)
	if err != nil {
		return err
	}
	query, at, err := x.forwarded(c)
	if err != nil {
		return err
	}
	if at.Model == "" {
		if at, err = x.account(c); err != nil {
			return err
		}
	}
	keep, err := x.keeps()
	if err != nil {
		return err
	}
	if keep == nil {
		keep = func(string) bool { return true }
	}
	return x.relay(x.raw(at, http.MethodGet, nil, query), at, false, keep)
}

// named is what the path of a request names.
func (x *exchange) named() (wire.ID, string, error) {
	c, err := x.choose(nil)
	if err != nil {
		return wire.ID{}, "", err
	}
	id, err := x.identify(x.h.kind, x.r.PathValue("id"), "", c)
	if err != nil {
		return id, "", err
	}
	query, _, err := x.forwarded(c)
	return id, query, err
}

// get describes one of them.
func (x *exchange) get() error {
	id, query, err := x.named()
	if err != nil {
		return err
	}
	return x.relay(x.raw(id, http.MethodGet, []string{id.Own}, query), id, false, nil)
}

// cancel ends a batch.
func (x *exchange) cancel() error {
	id, query, err := x.named()
	if err != nil {
		return err
	}
	return x.relay(x.raw(id, http.MethodPost, []string{id.Own, "cancel"}, query), id, false, nil)
}

// remove deletes a file.
func (x *exchange) remove() error {
	id, query, err := x.named()
	if err != nil {
		return err
	}
	if err := x.relay(x.raw(id, http.MethodDelete, []string{id.Own}, query), id, false, nil); err != nil {
		return err
	}
	if owner := x.call.Caller().Identity; owner != "" {
		if s, err := x.h.keeper.Store(x.r.Context()); err == nil {
			_ = s.DeleteObject(x.r.Context(), owner, x.r.PathValue("id")) // the provider does not have it any more
		}
	}
	return nil
}

// content relays a file.
func (x *exchange) content() error {
	id, query, err := x.named()
	if err != nil {
		return err
	}
	raw := x.raw(id, http.MethodGet, []string{id.Own, "content"}, query)
	raw.Stream = true
	door.Relayed(x.w, x.r, x.call, raw, x.h.WriteError)
	return nil
}
