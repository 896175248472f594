package httpd

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"outcrop/httpd/inbound"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Health checks the entries of the configuration's list of models.
type Health interface {
	// Check returns how the entries do that a name or a model string selects, or the id of a deployment; all if both are empty. It
	// may call the models, and take as long as they do.
	Check(ctx context.Context, name, id string) []Checked
	// Connect calls the model of a connection, and says how it does. The error is an *llm.Error about the request.
	Connect(ctx context.Context, c *Connection) (*Checked, error)
	// Records are results that are remembered, the newest first.
	Records() []CheckRecord
	// Brief reports whether the health check tells neither why a model fails nor whose it is.
	Brief() bool
}

// Checked is an entry with the result of its checks.
type Checked struct {
	// Name is the name that clients request, Model the provider and the model string, and ID that of the deployment.
	Name, Model, ID string
	// Provider is the provider's name, and Mode what the model is for, if the configuration says it.
	Provider, Mode string
	// Fault is why calls will probably fail; empty if nothing is wrong. Status is the HTTP status of the failure, 0 if there was
	// no call.
	Fault  string
	Status int
}

// CheckRecord is a result that is remembered.
type CheckRecord struct {
	Checked

	RecordID string
	At       time.Time
	Took     time.Duration
}

// health reports which entries can be called, in LiteLLM's form. Like LiteLLM's, it can be asked about one name (model) or one
// deployment (model_id), and is a 503 then if none of them is well.
func (s *server) health(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	name, id := query.Get("model"), query.Get("model_id")
	if id != "" && s.opt.Entries != nil && !slices.ContainsFunc(s.opt.Entries(), func(e Entry) bool { return e.ID == id }) {
		s.refuse(w, r, &llm.Error{
			Code: llm.CodeModelNotFound, Status: http.StatusNotFound, Param: "model_id", Message: "no entry of the configuration has the id " + strconv.Quote(printable(id)) + ".",
			Fix: "GET /model/info lists all entries with their ids.",
		})
		return
	}
	status, word, reason := s.state(r.Context())
	fault := ""
	if status != http.StatusOK {
		fault = word
	}
	if reason != nil {
		fault = string(reason.Code) + ": " + reason.Message
	}
	var entries []Checked
	brief := false
	if s.opt.Health != nil {
		entries, brief = s.opt.Health.Check(r.Context(), name, id), s.opt.Health.Brief()
		inbound.Unread(w, r) // the wait has used up the time for reading a body, if there is one
	}
	var out jsonx.Writer
	counts := map[bool]int64{}
	out.Object()
	for _, healthy := range []bool{true, false} {
		if healthy {
			out.Key("healthy_endpoints")
		} else {
			out.Key("unhealthy_endpoints")
		}
		out.Array()
		for _, c := range entries {
			if c.Fault == "" {
				c.Fault = fault
			}
			if healthy != (c.Fault == "") {
				continue
			}
			counts[healthy]++
			c.write(&out, brief)
		}
		out.EndArray()
	}
	out.Key("healthy_count")
	out.Int(counts[true])
	out.Key("unhealthy_count")
	out.Int(counts[false])
	out.EndObject()
	if (name != "" || id != "") && counts[true] == 0 {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, out.Buf)
}

func (c *Checked) write(out *jsonx.Writer, brief bool) {
	out.Object()
	for _, m := range []struct {
		key, value string
		detail     bool
	}{
		{"model", c.Model, false},
		{"model_name", c.Name, false},
		{"model_id", c.ID, false},
		{"custom_llm_provider", c.Provider, true},
		{"mode", c.Mode, true},
		{"error", c.Fault, true},
	} {
		if m.value != "" && (!m.detail || !brief) {
			out.Key(m.key)
			out.String(m.value)
		}
	}
	if c.Status != 0 && c.Fault != "" {
		out.Key("exception_status")
		out.Int(int64(c.Status))
	}
	out.EndObject()
}
