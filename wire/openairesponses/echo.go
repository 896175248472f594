package openairesponses

import "outcrop/internal/jsonx"

// Echo are the settings of a request that its response repeats, as the client wrote them.
type Echo struct {
	members []jsonx.Member
	// Previous and Conversation are the ids that the response continues or belongs to; empty for none.
	Previous, Conversation string
	// Background and Store are as in Head.
	Background, Store bool
}

// echoed are the members with the value that a response has if the request has none.
var echoed = [...]struct{ name, unset string }{
	{"instructions", "null"},
	{"max_output_tokens", "null"},
	{"max_tool_calls", "null"},
	{"metadata", "{}"},
	{"parallel_tool_calls", "true"},
	{"prompt", "null"},
	{"prompt_cache_key", "null"},
	{"prompt_cache_retention", "null"},
	{"reasoning", `{"effort":null,"summary":null}`},
	{"safety_identifier", "null"},
	{"temperature", "null"},
	{"text", `{"format":{"type":"text"}}`},
	{"tool_choice", `"auto"`},
	{"tools", "[]"},
	{"top_logprobs", "null"},
	{"top_p", "null"},
	{"truncation", `"disabled"`},
	{"user", "null"},
}

// has reports whether a member is repeated.
func (*Echo) has(name string) bool {
	for i := range echoed {
		if echoed[i].name == name {
			return true
		}
	}
	return false
}

// append writes the settings into the open object of a response.
func (e *Echo) append(w *jsonx.Writer) {
	e.references(w)
	for i := range echoed {
		w.Key(echoed[i].name)
		if v := jsonx.Find(e.members, echoed[i].name); v != nil {
			w.Raw(v)
		} else {
			w.Raw(jsonx.Raw(echoed[i].unset))
		}
	}
}

// references writes what the request referred to, and how it is served.
func (e *Echo) references(w *jsonx.Writer) {
	w.Key("background")
	w.Bool(e.Background)
	w.Key("conversation")
	if e.Conversation == "" {
		w.Null()
	} else {
		w.Object()
		w.Key("id")
		w.String(e.Conversation)
		w.EndObject()
	}
	w.Key("previous_response_id")
	w.StringOrNull(e.Previous)
	w.Key("store")
	w.Bool(e.Store)
}
