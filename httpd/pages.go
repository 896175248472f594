package httpd

import (
	"context"
	_ "embed"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/httpd/inbound"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/tenant"
)

// Models lists the model names that can be called. It never blocks.
type Models func() []Model

// Refresh reads the lists of models again and returns their state.
type Refresh func(ctx context.Context) []List

// List is the state of the lists of one region.
type List struct {
	Region, Account  string
	At               time.Time // zero if they were never read
	Models, Profiles int
	Err              *llm.Error // why the last refresh failed; nil if it succeeded
}

// Model is one entry of /v1/models.
type Model = door.Model

// Ready reports whether a call could be served now: nil, or an *llm.Error that names what is
// missing.
type Ready func(ctx context.Context) error

// since is the creation date of all models, in seconds since 1970; OpenAI's clients expect one, and
// no provider reports it. LiteLLM uses the same.
const since = 1677610602

// appendModel writes a model in OpenAI's form, with the members that LiteLLM adds.
func appendModel(w *jsonx.Writer, m Model) {
	w.Object()
	w.Key("id")
	w.String(m.ID)
	w.Key("object")
	w.String("model")
	w.Key("created")
	w.Int(since)
	w.Key("owned_by")
	w.String(m.OwnedBy)
	if mode := modeOf(m.Verb); mode != "" {
		w.Key("mode")
		w.String(mode)
	}
	if m.MaxInput > 0 {
		w.Key("max_input_tokens")
		w.Int(m.MaxInput)
	}
	if m.MaxOutput > 0 {
		w.Key("max_output_tokens")
		w.Int(m.MaxOutput)
	}
	w.EndObject()
}

// modeOf is LiteLLM's word for what a model is for; empty if that is unknown.
func modeOf(verb llm.Verb) string {
	switch verb {
	case llm.VerbChat:
		return "chat"
	case llm.VerbEmbed:
		return "embedding"
	case llm.VerbRerank:
		return "rerank"
	default:
		return ""
	}
}

// lister returns the frontend in whose dialect a request is for the list of models, or for one of
// them; nil for OpenAI's.
func (s *server) lister(r *http.Request) door.Lister {
	for _, d := range s.opt.Doors {
		if l, ok := d.(door.Lister); ok && l.Lists(r) {
			return l
		}
	}
	return nil
}

// models are those that a caller may use.
func (s *server) models(caller gateway.Caller) []Model {
	if s.opt.Models == nil {
		return nil
	}
	t := caller.Tenant()
	var all []Model
	seen := map[string]bool{}
	for _, m := range s.opt.Models() {
		own := s.opt.Gateway.Settings(m.ID)
		if own.Team != "" { // only the team's keys see it, by its name in the team
			if t == nil || !t.In(own.Team) {
				continue
			}
			m.ID = own.Public
		}
		if t != nil && !s.allows(t, m.ID, own.Team, own.AccessGroups) || seen[m.ID] {
			continue
		}
		seen[m.ID] = true
		all = append(all, m)
	}
	return all
}

// allows reports whether a caller may use a model that is in groups. The name of one that is a team's is that in the team.
func (s *server) allows(t *tenant.Caller, name, team string, groups []string) bool {
	if team != "" {
		return t.In(team) && t.Allows(name, name, groups)
	}
	return t.Allows(name, s.opt.Gateway.Group(name), groups)
}

// listModels lists the known models.
func (s *server) listModels(w http.ResponseWriter, r *http.Request, caller gateway.Caller) {
	models := s.models(caller)
	if l := s.lister(r); l != nil {
		l.WriteModels(w, r, models, "")
		return
	}
	var out jsonx.Writer
	out.Object()
	out.Key("object")
	out.String("list")
	out.Key("data")
	out.Array()
	for _, m := range models {
		appendModel(&out, m)
	}
	out.EndArray()
	out.EndObject()
	writeJSON(w, http.StatusOK, out.Buf)
}

func (s *server) getModel(w http.ResponseWriter, r *http.Request, caller gateway.Caller) {
	_, escaped, _ := strings.Cut(r.URL.EscapedPath(), "/models/")
	id, err := url.PathUnescape(escaped)
	if err != nil {
		id = escaped
	}
	if l := s.lister(r); l != nil {
		l.WriteModels(w, r, s.models(caller), id)
		return
	}
	for _, m := range s.models(caller) {
		if m.ID == id {
			var out jsonx.Writer
			appendModel(&out, m)
			writeJSON(w, http.StatusOK, out.Buf)
			return
		}
	}
	s.refuse(w, r, &llm.Error{
		Code: llm.CodeModelNotFound, Status: 404, Param: "model", Message: "the model " + strconv.Quote(printable(id)) + " is not listed.",
		Fix: "GET /v1/models lists the configured names.",
	})
}

// refreshTimeout bounds how long a request waits for a refresh, which continues afterwards.
const refreshTimeout = time.Minute

// Reloaded is what has become of a configuration that was read again.
type Reloaded struct {
	// Kept, Opened and Closed count the entries of model_list that stay as they are, are new or changed, and are gone.
	Kept, Opened, Closed int
	// Restart are the parts that have changed since the start and take effect with a restart only.
	Restart []string
	// Warnings are about the file.
	Warnings []string
}

// reloadConfig reads the configuration again.
func (s *server) reloadConfig(w http.ResponseWriter, r *http.Request) {
	if s.opt.Reload == nil {
		s.notFound(w, r)
		return
	}
	done, err := s.opt.Reload(r.Context())
	inbound.Unread(w, r)
	if err != nil {
		s.refuse(w, r, llm.AsError(err))
		return
	}
	var out jsonx.Writer
	out.Object()
	out.Key("status")
	out.String("success")
	for _, n := range []struct {
		name  string
		count int
	}{{"kept", done.Kept}, {"opened", done.Opened}, {"closed", done.Closed}} {
		out.Key(n.name)
		out.Int(int64(n.count))
	}
	for _, l := range []struct {
		name  string
		items []string
	}{{"needs_restart", done.Restart}, {"warnings", done.Warnings}} {
		out.Key(l.name)
		out.Array()
		for _, item := range l.items {
			out.String(item)
		}
		out.EndArray()
	}
	out.EndObject()
	writeJSON(w, http.StatusOK, out.Buf)
}

// refreshCatalogue refreshes the lists of models and returns their state: 200 if at least one list
// could be read, else the failure.
func (s *server) refreshCatalogue(w http.ResponseWriter, r *http.Request) {
	if s.opt.Refresh == nil {
		s.notFound(w, r)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), refreshTimeout)
	defer cancel()
	lists := s.opt.Refresh(ctx)
	inbound.Unread(w, r) // the wait has used up the time for reading a body, if there is one
	failed := slices.IndexFunc(lists, func(l List) bool { return l.Err != nil })
	if failed >= 0 && !slices.ContainsFunc(lists, func(l List) bool { return l.Err == nil }) && lists[failed].At.IsZero() {
		s.refuse(w, r, lists[failed].Err)
		return
	}
	var out jsonx.Writer
	out.Object()
	out.Key("lists")
	out.Array()
	for _, l := range lists {
		out.Object()
		out.Key("region")
		out.String(l.Region)
		out.Key("account")
		out.String(l.Account)
		out.Key("at")
		if l.At.IsZero() {
			out.Null()
		} else {
			out.String(l.At.UTC().Format(time.RFC3339))
		}
		out.Key("models")
		out.Int(int64(l.Models))
		out.Key("profiles")
		out.Int(int64(l.Profiles))
		if l.Err != nil {
			out.Key("code")
			out.String(string(l.Err.Code))
			out.Key("error")
			out.String(l.Err.Message)
		}
		out.EndObject()
	}
	out.EndArray()
	out.EndObject()
	writeJSON(w, http.StatusOK, out.Buf)
}

// alive reports that the process serves requests, in LiteLLM's words.
func (s *server) alive(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, []byte(`"I'm alive!"`))
}

// readyTimeout bounds how long a readiness check may look for credentials.
const readyTimeout = 3 * time.Second

// readiness returns 503 while the gateway shuts down, and while no call could succeed because
// credentials are missing.
func (s *server) readiness(w http.ResponseWriter, r *http.Request) {
	status, word, reason := s.state(r.Context())
	var out jsonx.Writer
	out.Object()
	out.Key("status")
	out.String(word)
	if reason != nil {
		out.Key("code")
		out.String(string(reason.Code))
		if !s.opt.Gateway.Locked() { // the path is open to everybody, and the reason may name accounts and roles
			out.Key("reason")
			out.String(reason.Message)
			if reason.Fix != "" {
				out.Key("fix")
				out.String(reason.Fix)
			}
		}
	}
	s.appendDown(&out)
	s.appendGuardrailsDown(&out)
	s.readyCache(&out)
	out.EndObject()
	writeJSON(w, status, out.Buf)
}

// state reports whether calls could be served: 200 or 503, one word for it, and the reason if there
// is one.
func (s *server) state(ctx context.Context) (status int, word string, reason *llm.Error) {
	if s.opt.Gateway.Stopping() {
		return http.StatusServiceUnavailable, "stopping", nil
	}
	if s.opt.Ready != nil {
		ctx, cancel := context.WithTimeout(ctx, readyTimeout)
		defer cancel()
		if err := s.opt.Ready(ctx); err != nil {
			return http.StatusServiceUnavailable, "not ready", llm.AsError(err)
		}
	}
	return http.StatusOK, "healthy", nil
}

// metricsLocked reports whether /metrics needs a key.
func (s *server) metricsLocked() bool {
	return s.opt.Gateway != nil && s.opt.Gateway.Locked() && !s.opt.OpenMetrics
}

func (s *server) metrics(w http.ResponseWriter, r *http.Request) {
	if s.metricsLocked() {
		if _, ok := s.admit(w, r); !ok {
			return
		}
	}
	if s.opt.Metrics == nil {
		s.notFound(w, r)
		return
	}
	s.opt.Metrics.ServeHTTP(w, r)
}

//go:embed openapi.json
var openAPIDocument []byte

func (s *server) openAPI(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, openAPIDocument)
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that is gone needs no response
}
