package httpd

import (
	"net/http"
	"slices"
	"strconv"

	"outcrop/gateway"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// modelGroups says of each name that a caller may request what the models behind it can do and cost, or of the one in
// model_group, as LiteLLM does (litellm/types/router.py, ModelGroupInfo).
func (s *server) modelGroups(w http.ResponseWriter, r *http.Request, caller gateway.Caller) {
	byName, public := s.entriesByName(caller), s.hub().Groups
	only := r.URL.Query().Get("model_group")
	var out jsonx.Writer
	out.Object()
	out.Key("data")
	out.Array()
	for _, m := range s.models(caller) {
		if only != "" && m.ID != only {
			continue
		}
		out.Object()
		s.group(&m, byName).write(&out, slices.Contains(public, m.ID))
		out.EndObject()
	}
	out.EndArray()
	out.EndObject()
	writeJSON(w, http.StatusOK, out.Buf)
}

// entriesByName are the entries that a caller may use and that are served.
func (s *server) entriesByName(caller gateway.Caller) map[string][]Entry {
	byName := map[string][]Entry{}
	for _, e := range s.entries(caller) {
		if !e.Blocked {
			byName[e.Name] = append(byName[e.Name], e)
		}
	}
	return byName
}

// group is what is known of the models of one name.
func (s *server) group(m *Model, byName map[string][]Entry) *modelGroup {
	g := &modelGroup{name: m.ID}
	entries, exact := byName[m.ID]
	if !exact {
		entries = byName[s.opt.Gateway.Group(m.ID)]
	}
	for i := range entries {
		g.add(&entries[i])
	}
	if !exact { // the entry has a *, and this is one of its models
		g.mode, g.maxInput, g.maxOutput = modeOf(m.Verb), max(g.maxInput, float64(m.MaxInput)), max(g.maxOutput, float64(m.MaxOutput))
	}
	return g
}

// modelGroup is what is known of the entries of one name together: the largest limits and prices, and what one of them can do.
type modelGroup struct {
	name, mode, description           string
	providers                         []string
	maxInput, maxOutput               float64 // 0 if unknown
	input, output                     llm.Opt[float64]
	can                               [len(abilities)]bool
	tokens, requests, inputs, outputs int64 // a minute; 0 for no limit
}

// abilities are what a group says of its models, under LiteLLM's names.
var abilities = [...]string{ //nolint:gochecknoglobals // it is never written to
	"supports_parallel_function_calling", "supports_vision", "supports_web_search", "supports_url_context", "supports_continuation",
	"supports_reasoning", "supports_function_calling", "supports_fast_mode",
}

func (g *modelGroup) add(e *Entry) {
	if !slices.Contains(g.providers, e.Provider) {
		g.providers = append(g.providers, e.Provider)
	}
	info := e.info()
	number := func(name string) (f float64, ok bool) {
		v := jsonx.Find(info, name)
		if v == nil || v.Kind() != '0' {
			return 0, false
		}
		f, err := strconv.ParseFloat(string(v), 64)
		return f, err == nil
	}
	most := func(name string, to *float64) {
		if f, ok := number(name); ok {
			*to = max(*to, f)
		}
	}
	price := func(name string, to *llm.Opt[float64]) {
		if f, ok := number(name); ok {
			*to = llm.Some(max(to.Value, f))
		}
	}
	most("max_input_tokens", &g.maxInput)
	most("max_output_tokens", &g.maxOutput)
	price("input_cost_per_token", &g.input)
	price("output_cost_per_token", &g.output)
	for i, name := range abilities {
		g.can[i] = g.can[i] || string(jsonx.Find(info, name)) == "true"
	}
	word := func(name string, to *string) {
		if v := jsonx.Find(info, name); *to == "" && v != nil {
			*to = jsonx.Word(v)
		}
	}
	word("mode", &g.mode)
	word("description", &g.description)
	g.tokens += e.Limits.Tokens.Value
	g.requests += e.Limits.Requests.Value
	g.inputs += e.Limits.Input.Value
	g.outputs += e.Limits.Output.Value
}

// write writes the members of a group.
func (g *modelGroup) write(w *jsonx.Writer, public bool) {
	w.Key("model_group")
	w.String(g.name)
	w.Key("providers")
	w.Array()
	for _, p := range g.providers {
		w.String(p)
	}
	w.EndArray()
	number := func(name string, f llm.Opt[float64]) {
		w.Key(name)
		if !f.Set {
			w.Null()
			return
		}
		w.Float(f.Value)
	}
	text := func(name, value string) {
		w.Key(name)
		if value == "" {
			w.Null()
			return
		}
		w.String(value)
	}
	limit := func(name string, n int64) { number(name, llm.Opt[float64]{Value: float64(n), Set: n > 0}) }
	number("max_input_tokens", llm.Opt[float64]{Value: g.maxInput, Set: g.maxInput > 0})
	number("max_output_tokens", llm.Opt[float64]{Value: g.maxOutput, Set: g.maxOutput > 0})
	number("input_cost_per_token", g.input)
	number("output_cost_per_token", g.output)
	text("mode", g.mode)
	limit("tpm", g.tokens)
	limit("rpm", g.requests)
	limit("itpm", g.inputs)
	limit("otpm", g.outputs)
	for i, name := range abilities {
		w.Key(name)
		w.Bool(g.can[i])
	}
	text("description", g.description)
	w.Key("supports_background_chat")
	w.Bool(false)
	w.Key("is_public_model_group")
	w.Bool(public)
}
