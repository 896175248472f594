package httpd

import (
	"io"
	"net/http"
	"slices"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/tenant"
	"outcrop/wire/openaichat"
)

// Guardrail is a guardrail as it is configured, for LiteLLM's lists.
type Guardrail struct {
	ID, Name string
	// Params are its settings without secrets, and Info is what the operator says of it; nil if there is none. Both are JSON.
	Params, Info jsonx.Raw
}

// appendGuardrailsDown names the guardrails that give no verdicts, in the answer of the readiness check. The gateway is ready all the
// same: other calls need none of them.
func (s *server) appendGuardrailsDown(out *jsonx.Writer) {
	begun := false
	for _, g := range s.opt.Gateway.GuardrailStates() {
		if g.Err == nil {
			continue
		}
		if !begun {
			begun = true
			out.Key("guardrails_down")
			out.Array()
		}
		out.String(g.Name)
	}
	if begun {
		out.EndArray()
	}
}

// write writes a guardrail in LiteLLM's form (litellm/types/guardrails.py, GuardrailInfoResponse, 1.110.2). Its settings say what is
// looked for, so that only those who run the gateway see them.
func (g *Guardrail) write(out *jsonx.Writer, caller gateway.Caller) {
	out.Object()
	out.Key("guardrail_id")
	out.String(g.ID)
	out.Key("guardrail_name")
	out.String(g.Name)
	out.Key("litellm_params")
	if t := caller.Tenant(); g.Params == nil || t != nil && t.Role != tenant.RoleAdmin {
		out.Null()
	} else {
		out.Raw(g.Params)
	}
	out.Key("guardrail_info")
	if g.Info == nil {
		out.Null()
	} else {
		out.Raw(g.Info)
	}
	for _, key := range [...]string{"created_at", "updated_at"} {
		out.Key(key)
		out.Null()
	}
	out.Key("guardrail_definition_location")
	out.String("config")
	out.EndObject()
}

// listGuardrails lists the guardrails.
func (s *server) listGuardrails(w http.ResponseWriter, _ *http.Request, caller gateway.Caller) {
	var out jsonx.Writer
	out.Object()
	out.Key("guardrails")
	out.Array()
	for i := range s.opt.Guardrails {
		s.opt.Guardrails[i].write(&out, caller)
	}
	out.EndArray()
	out.EndObject()
	writeJSON(w, http.StatusOK, out.Buf)
}

// guardrailInfo is one guardrail.
func (s *server) guardrailInfo(w http.ResponseWriter, r *http.Request, caller gateway.Caller) {
	id := r.PathValue("id")
	at := slices.IndexFunc(s.opt.Guardrails, func(g Guardrail) bool { return g.ID == id })
	if at < 0 {
		noGuardrail(w, "id", id)
		return
	}
	var out jsonx.Writer
	s.opt.Guardrails[at].write(&out, caller)
	writeJSON(w, http.StatusOK, out.Buf)
}

func noGuardrail(w http.ResponseWriter, by, value string) {
	door.WriteError(w, &llm.Error{
		Code: llm.CodeNotFound, Status: http.StatusNotFound, Message: "the gateway has no guardrail with the " + by + " \"" + llm.Clip(value, 100) + "\".",
		Fix: "GET /guardrails/list lists the guardrails.",
	}, openaichat.AppendError)
}

// maxGuardrailRequest bounds the body with a text to check.
const maxGuardrailRequest = 4 << 20

// applyGuardrail checks a text by a guardrail.
func (s *server) applyGuardrail(w http.ResponseWriter, r *http.Request, caller gateway.Caller) {
	refuse := func(err error) { door.WriteError(w, llm.AsError(err), openaichat.AppendError) }
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxGuardrailRequest))
	if err != nil {
		refuse(llm.Invalid("body", "the body cannot be read, or is larger than 4 MiB"))
		return
	}
	var asked struct {
		Name string  `json:"guardrail_name"`
		Text *string `json:"text"`
		Side string  `json:"input_type"`
	}
	switch err := jsonx.Unmarshal(body, &asked); {
	case err != nil:
		refuse(llm.Invalid("body", "the body is not the JSON object that is expected: %v", err))
		return
	case asked.Name == "" || asked.Text == nil:
		refuse(llm.Invalid("guardrail_name", "guardrail_name and text are required"))
		return
	case asked.Side != "" && asked.Side != "request" && asked.Side != "response":
		refuse(llm.Invalid("input_type", "input_type is request or response, not %q", llm.Clip(asked.Side, 40)))
		return
	}
	text, known, err := s.opt.Gateway.ApplyGuardrail(r.Context(), caller, asked.Name, *asked.Text, asked.Side == "response")
	switch {
	case !known:
		noGuardrail(w, "name", asked.Name)
	case err != nil:
		refuse(err)
	default:
		var out jsonx.Writer
		out.Object()
		out.Key("response_text")
		out.String(text)
		out.EndObject()
		writeJSON(w, http.StatusOK, out.Buf)
	}
}
