package httpd

import (
	"net/http"
	"time"

	"outcrop/gateway"
	"outcrop/internal/jsonx"
)

// Hub is what everybody may see of models, without a key.
type Hub struct {
	// Groups are their names.
	Groups []string
	// Links are links to more, a JSON object by their names; empty for none.
	Links jsonx.Raw
}

// hub is what everybody may see at this moment.
func (s *server) hub() Hub {
	if s.opt.Hub == nil {
		return Hub{}
	}
	return s.opt.Hub()
}

// publicHub lists the public names.
func (s *server) publicHub(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, jsonx.Array(s.publicRows()))
}

// publicRows are the public names, each once, as LiteLLM has them: with what their models can do and cost, and the last result of
// their health checks. A name that no model has is there without providers. Models of teams are not, whatever their names are.
func (s *server) publicRows() []jsonx.Raw {
	var everybody gateway.Caller
	groups := s.hub().Groups
	rows := []jsonx.Raw{}
	if len(groups) == 0 {
		return rows
	}
	byName, latest, known := s.publicEntries(), map[string]CheckRecord{}, map[string]Model{}
	for _, c := range s.healthRecords() { // the newest first
		if _, ok := latest[c.Name]; !ok {
			latest[c.Name] = c
		}
	}
	for _, m := range s.models(everybody) {
		known[m.ID] = m
	}
	seen := map[string]bool{}
	for _, name := range groups {
		if seen[name] {
			continue
		}
		seen[name] = true
		m, ok := known[name]
		g := &modelGroup{name: name, mode: "chat"} // LiteLLM's mode of names that it does not know
		if ok {
			g = s.group(&m, byName)
		}
		var out jsonx.Writer
		out.Object()
		g.write(&out, true)
		check, checked := latest[name]
		writeLatest(&out, &check, ok && checked)
		out.EndObject()
		rows = append(rows, out.Buf)
	}
	return rows
}

// publicEntries are the entries that are nobody's own.
func (s *server) publicEntries() map[string][]Entry {
	byName := map[string][]Entry{}
	if s.opt.Entries == nil {
		return byName
	}
	for _, e := range s.opt.Entries() {
		if !e.Blocked && e.Team == "" {
			byName[e.Name] = append(byName[e.Name], e)
		}
	}
	return byName
}

// writeLatest writes what a group says of its last health check.
func writeLatest(out *jsonx.Writer, c *CheckRecord, checked bool) {
	for _, key := range [...]string{"health_status", "health_response_time", "health_checked_at"} {
		out.Key(key)
		switch {
		case !checked:
			out.Null()
		case key == "health_status":
			out.String(c.word())
		case key == "health_response_time":
			out.Float(float64(c.Took.Microseconds()) / 1000)
		default:
			out.String(c.At.UTC().Format(time.RFC3339Nano))
		}
	}
}

// publicHubInfo says which gateway this is, under LiteLLM's names.
func (s *server) publicHubInfo(w http.ResponseWriter, _ *http.Request) {
	var out jsonx.Writer
	out.Object()
	out.Key("docs_title")
	out.String("Outcrop")
	out.Key("custom_docs_description")
	out.Null()
	out.Key("litellm_version")
	out.String(s.opt.Version)
	out.Key("useful_links")
	if links := s.hub().Links; len(links) > 0 {
		out.Raw(links)
	} else {
		out.Object()
		out.EndObject()
	}
	out.EndObject()
	writeJSON(w, http.StatusOK, out.Buf)
}
