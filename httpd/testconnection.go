package httpd

import (
	"io"
	"net/http"
	"slices"
	"strings"

	"outcrop/httpd/inbound"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Connection is a model that is tried before it is added, or one that is served.
type Connection struct {
	// Model is the name or the model string of an entry that is served, or ID its id; both are empty for one that is not.
	Model, ID string
	// Params and Info are litellm_params and model_info of one that is not served.
	Params, Info jsonx.Raw
}

// maxConnection bounds the body with a connection, in bytes.
const maxConnection = 1 << 20

// testConnection calls a model, as LiteLLM's path of this name does.
func (s *server) testConnection(w http.ResponseWriter, r *http.Request) {
	if s.opt.Health == nil {
		s.notFound(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxConnection))
	if err != nil {
		s.refuse(w, r, llm.Invalid("", "the body cannot be read, or is larger than 1 MiB"))
		return
	}
	connection, refusal := connectionOf(body)
	if refusal != nil {
		s.refuse(w, r, llm.AsError(refusal))
		return
	}
	checked, err := s.opt.Health.Connect(r.Context(), connection)
	inbound.Unread(w, r)
	if err != nil {
		s.refuse(w, r, llm.AsError(err))
		return
	}
	var out jsonx.Writer
	out.Object()
	out.Key("status")
	if checked.Fault == "" {
		out.String("success")
	} else {
		out.String("error")
	}
	out.Key("result")
	checked.write(&out, false)
	out.EndObject()
	writeJSON(w, http.StatusOK, out.Buf)
}

// connectionOf reads the body. One that has only the model, or the id of an entry, means an entry that is served.
func connectionOf(body []byte) (*Connection, error) {
	var asked struct {
		Params jsonx.Raw `json:"litellm_params"`
		Info   jsonx.Raw `json:"model_info"`
		Mode   jsonx.Raw `json:"mode"`
	}
	if err := jsonx.Unmarshal(body, &asked); err != nil {
		return nil, llm.Invalid("", "the request body is not valid: %s", err)
	}
	if refersOutside(asked.Params) || refersOutside(asked.Info) {
		return nil, llm.Invalid("litellm_params", "the request refers to the environment of the gateway (os.environ/...); send the value itself")
	}
	params, err := object("litellm_params", asked.Params)
	if err != nil {
		return nil, err
	}
	info, err := object("model_info", asked.Info)
	if err != nil {
		return nil, err
	}
	id, model := jsonx.Word(jsonx.Find(info, "id")), jsonx.Word(jsonx.Find(params, "model"))
	switch {
	case model == "" && id == "":
		return nil, llm.Invalid("litellm_params.model", "litellm_params.model is missing")
	case id != "" && len(params) > 1:
		return nil, llm.Invalid("litellm_params", "an entry with an id is tested as it is; leave out model_info.id to test other settings")
	case id != "" || len(params) == 1:
		return &Connection{Model: model, ID: id}, nil
	}
	var w jsonx.Writer
	w.Object()
	for _, m := range info {
		if m.Name != "mode" || asked.Mode == nil || asked.Mode.Kind() == 'n' {
			w.AnyKey(m.Name)
			w.Raw(m.Value)
		}
	}
	if asked.Mode != nil && asked.Mode.Kind() != 'n' {
		w.Key("mode")
		w.Raw(asked.Mode)
	}
	w.EndObject()
	return &Connection{Params: asked.Params, Info: w.Buf}, nil
}

// refersOutside reports whether a value refers to the environment of the gateway. Who tries a model need not be who may read that.
func refersOutside(v jsonx.Raw) bool {
	switch v.Kind() {
	case '"':
		return strings.HasPrefix(strings.TrimSpace(jsonx.Word(v)), "os.environ/")
	case '{':
		members, _ := jsonx.Members(v) // what is not valid is refused when it is read
		return slices.ContainsFunc(members, func(m jsonx.Member) bool { return refersOutside(m.Value) })
	case '[':
		var items []jsonx.Raw
		_ = jsonx.Unmarshal(v, &items) // as above
		return slices.ContainsFunc(items, refersOutside)
	default:
		return false
	}
}

// object reads an object that may be missing.
func object(name string, v jsonx.Raw) ([]jsonx.Member, error) {
	if v == nil || v.Kind() == 'n' {
		return nil, nil
	}
	members, err := jsonx.Members(v)
	if err != nil {
		return nil, llm.Invalid(name, "%s must be an object", name)
	}
	return members, nil
}
