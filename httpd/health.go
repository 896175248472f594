package httpd

import (
	"context"
	"net/http"
	"slices"

	"outcrop/internal/jsonx"
)

// Health checks the entries of the configuration's list of models, without calling a model. It may take a few
// seconds.
type Health func(ctx context.Context) []Checked

// Checked is an entry with the result of its checks.
type Checked struct {
	// Name is the name that clients request, Model the provider and the model string, and ID that of the deployment.
	Name, Model, ID string
	// Fault is why calls will probably fail; empty if nothing is wrong.
	Fault string
}

// health reports which entries can be called, in LiteLLM's form. It calls no model, because each call would cost
// money. Like LiteLLM's, it can be asked about one name (model) or one deployment (model_id).
func (s *server) health(w http.ResponseWriter, r *http.Request) {
	status, word, reason := s.state(r.Context())
	fault := ""
	if status != http.StatusOK {
		fault = word
	}
	if reason != nil {
		fault = string(reason.Code) + ": " + reason.Message
	}
	var entries []Checked
	if s.opt.Health != nil {
		query := r.URL.Query()
		name, id := query.Get("model"), query.Get("model_id")
		entries = slices.DeleteFunc(slices.Clone(s.opt.Health(r.Context())), func(c Checked) bool {
			return name != "" && c.Name != name || id != "" && c.ID != id
		})
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
			out.Object()
			for _, m := range []struct{ key, value string }{{"model", c.Model}, {"model_name", c.Name}, {"model_id", c.ID}, {"error", c.Fault}} {
				if m.value != "" {
					out.Key(m.key)
					out.String(m.value)
				}
			}
			out.EndObject()
		}
		out.EndArray()
	}
	out.Key("healthy_count")
	out.Int(counts[true])
	out.Key("unhealthy_count")
	out.Int(counts[false])
	out.EndObject()
	writeJSON(w, status, out.Buf)
}
