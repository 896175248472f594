package httpd

import (
	"net/http"
	"slices"
	"time"

	"outcrop/catalog"
	"outcrop/gateway"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/tenant"
	"outcrop/wire/litellm"
)

// Entry is an entry of the configuration's list of models, or one like it, for LiteLLM's API for their settings.
type Entry struct {
	// Name is the name that clients request, ID the id of the entry, and Provider and Model what it calls.
	Name, ID, Provider, Model string
	// Context and MaxOutput are limits in tokens, and Verb is what the model is for; 0 if unknown.
	Context, MaxOutput int64
	Verb               llm.Verb
	// Input and Output are the prices of a token, where Prices is nil.
	Input, Output llm.Opt[llm.Cost]
	// Prices are the entry's own prices, or those that are known; nil for none.
	Prices *llm.Prices
	// EndOfLife is the day of the model's retirement, and Successor the model to move to; the zero time and empty if unknown.
	EndOfLife time.Time
	Successor string
	// Facts are what is known of the model; nil if nothing.
	Facts *catalog.Model
	// Stored is whether it is in the database, and not in the configuration's file; Blocked is whether it is there and not
	// served.
	Stored, Blocked bool
	// Team is the only team that may use it, and Public the name by which it does; empty if it is nobody's.
	Team, Public string
	// Limits are those of the deployment.
	Limits llm.Limits
	// Info is the entry's model_info, a JSON object; empty for none.
	Info jsonx.Raw
	// About is what model_info says of a stored entry besides: when it was made and changed, and by whom.
	About []jsonx.Member
}

// entries are those that a caller may use.
func (s *server) entries(caller gateway.Caller) []Entry {
	var entries []Entry
	if s.opt.Entries != nil {
		entries = s.opt.Entries()
	}
	if t := caller.Tenant(); t != nil {
		admin := t.Role == tenant.RoleAdmin || t.Role == tenant.RoleAdminViewer
		entries = slices.DeleteFunc(entries, func(e Entry) bool {
			if admin && e.Team != "" {
				return false
			}
			groups, name := s.opt.Gateway.Settings(e.Name).AccessGroups, e.Name
			if e.Team != "" {
				name = e.Public
			}
			return !s.allows(t, name, e.Team, groups)
		})
	}
	for i := range entries {
		if e := &entries[i]; e.Team != "" {
			e.Name = e.Public
		}
	}
	return entries
}

// modelInfo lists the entries, or the one with the id in litellm_model_id, as LiteLLM does: with what the
// configuration says in model_info over what is known. Of an entry's settings it has the model only.
func (s *server) modelInfo(w http.ResponseWriter, r *http.Request, caller gateway.Caller) {
	entries := s.entries(caller)
	if id := r.URL.Query().Get("litellm_model_id"); id != "" {
		entries = slices.DeleteFunc(entries, func(e Entry) bool { return e.ID != id })
		if len(entries) == 0 {
			s.refuse(w, r, &llm.Error{
				Code: llm.CodeModelNotFound, Status: http.StatusNotFound, Param: "litellm_model_id", Message: "no entry of the configuration has this id.",
				Fix: "GET /model/info without litellm_model_id lists all entries.",
			})
			return
		}
	}
	var out jsonx.Writer
	out.Object()
	out.Key("data")
	out.Array()
	for i := range entries {
		entries[i].write(&out)
	}
	out.EndArray()
	out.EndObject()
	writeJSON(w, http.StatusOK, out.Buf)
}

func (e *Entry) write(w *jsonx.Writer) {
	w.Object()
	w.Key("model_name")
	w.String(e.Name)
	w.Key("litellm_params")
	w.Object()
	w.Key("model")
	w.String(e.Provider + "/" + e.Model)
	w.EndObject()
	w.Key("model_info")
	w.Object()
	w.Members(e.info())
	w.EndObject()
	w.EndObject()
}

// info is model_info: what is known, and what the configuration says over it.
func (e *Entry) info() []jsonx.Member {
	own, _ := jsonx.Members(e.Info) // the configuration made it
	known, _ := jsonx.Members(e.known())
	known = slices.DeleteFunc(known, func(m jsonx.Member) bool { return jsonx.Find(own, m.Name) != nil })
	return append(known, own...)
}

// known is what is known of an entry's model, under LiteLLM's names.
func (e *Entry) known() jsonx.Raw {
	var w jsonx.Writer
	word := func(name, value string) {
		if value != "" {
			w.Key(name)
			w.String(value)
		}
	}
	number := func(name string, n int64) {
		if n > 0 {
			w.Key(name)
			w.Int(n)
		}
	}
	flag := func(name string, b llm.Opt[bool]) {
		if b.Set {
			w.Key(name)
			w.Bool(b.Value)
		}
	}
	w.Object()
	word("id", e.ID)
	w.Key("db_model")
	w.Bool(e.Stored)
	if e.Stored {
		w.Key("blocked")
		w.Bool(e.Blocked)
		w.Members(e.About)
	}
	word("litellm_provider", e.Provider)
	word("mode", modeOf(e.Verb))
	most := e.Context
	if f := e.Facts; f != nil {
		word("key", f.ID)
		if f.MaxInput > 0 {
			most = f.MaxInput
		}
		number("output_vector_size", f.Dimensions)
		flag("supports_function_calling", f.Tools)
		flag("supports_response_schema", f.Schema)
		flag("supports_reasoning", f.Reasoning)
		flag("supports_prompt_caching", f.Cache)
		if len(f.Input) > 0 {
			flag("supports_vision", llm.Some(slices.Contains(f.Input, "image")))
			flag("supports_pdf_input", llm.Some(slices.Contains(f.Input, "document")))
			flag("supports_audio_input", llm.Some(slices.Contains(f.Input, "audio")))
		}
	}
	if !e.EndOfLife.IsZero() {
		word("deprecation_date", e.EndOfLife.Format(time.DateOnly))
	}
	number("max_tokens", e.MaxOutput)
	number("max_input_tokens", most)
	number("max_output_tokens", e.MaxOutput)
	if e.Prices != nil {
		litellm.AppendPrices(&w, e.Prices)
	} else {
		litellm.AppendPrices(&w, &llm.Prices{Rates: []llm.Rates{{Input: e.Input, Output: e.Output}}})
	}
	w.EndObject()
	return w.Buf
}
