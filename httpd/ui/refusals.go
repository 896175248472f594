package ui

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/telemetry"
)

// cause is a group of calls that have failed for the same reason.
type cause struct {
	problem

	Actor, Meaning string
	Count          int
	Last           time.Time
	Models         []string
	Example        string // the id of the last call
	// Works is whether a model of the cause has answered since.
	Works bool
}

// refusalsData is what the page of refusals shows.
type refusalsData struct {
	Causes []cause
	Calls  int
	CanTry bool
	CSRF   string
	Tried  []tried
}

// tried is what became of a model that was called again.
type tried struct{ Model, State, Detail string }

// causes groups the failures among the calls that are kept.
func (x *exchange) causes() *refusalsData {
	d := &refusalsData{CanTry: x.person.Role == Operator, CSRF: x.h.token(&x.session)}
	since := map[string]time.Time{} // when a model has last answered
	p := x.h.opt.Calls.Read(0, 1<<20, func(c *telemetry.Call) bool { return c.Err == nil || c.Err.Code != llm.CodeClientGone })
	d.Calls = len(p.Calls)
	for i := range p.Calls {
		c := &p.Calls[i]
		if c.Err == nil {
			if since[c.Model].Before(c.Started) {
				since[c.Model] = c.Started
			}
			continue
		}
		d.Causes = addCause(d.Causes, c)
	}
	for i := range d.Causes {
		g := &d.Causes[i]
		g.Works = slices.ContainsFunc(g.Models, func(m string) bool { return since[m].After(g.Last) })
	}
	slices.SortStableFunc(d.Causes, func(a, b cause) int {
		if a.Works != b.Works {
			return cmp.Compare(btoi(a.Works), btoi(b.Works))
		}
		return cmp.Compare(b.Count, a.Count)
	})
	return d
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// addCause adds a failure, of which there is none newer in all, to its cause: those with the same code and the same fix.
func addCause(all []cause, c *telemetry.Call) []cause {
	e := c.Err
	i := slices.IndexFunc(all, func(g cause) bool { return g.Code == string(e.Code) && g.Fix == e.Fix })
	if i < 0 {
		i = len(all)
		all = append(all, cause{
			problem: problem{string(e.Code), e.Message, e.Cause, e.Fix, e.Docs, statements(e), nil},
			Actor:   string(e.Responsible()), Meaning: e.Code.Info().Meaning, Last: c.Started, Example: c.ID,
		})
	}
	g := &all[i]
	g.Count++
	if c.Model != "" && len(g.Models) < 20 && !slices.Contains(g.Models, llm.Clip(c.Model, 120)) {
		g.Models = append(g.Models, llm.Clip(c.Model, 120))
	}
	return all
}

// refusals shows why calls have failed, and what to do.
func (x *exchange) refusals() error { return x.show(http.StatusOK, "refusals", "Refusals", x.causes()) }

// againTimeout bounds the calls that show whether a cause is gone.
const againTimeout = time.Minute

// tryAgain calls a model again.
func (x *exchange) tryAgain() error {
	model := strings.TrimSpace(x.r.PostFormValue("model"))
	if model == "" || len(model) > 300 {
		return &Error{Status: http.StatusBadRequest, Message: "model must name a model."}
	}
	ctx, cancel := context.WithTimeout(x.r.Context(), againTimeout)
	defer cancel()
	// As a client would: the call is in the log, and the cause is gone if it is answered.
	body := `{"model":` + string(jsonx.AppendString(nil, model)) + `,"max_tokens":16,"messages":[{"role":"user","content":"Hello"}]}`
	r, err := x.request(ctx, http.MethodPost, "/v1/chat/completions", nil, []byte(body))
	if err != nil {
		return err
	}
	a := &answer{header: http.Header{}}
	x.h.opt.API().ServeHTTP(a, r)
	t := tried{Model: model, State: string(provider.StateOK), Detail: "It was called again, and works now."}
	if a.status >= http.StatusBadRequest {
		t.State, t.Detail = string(provider.StateFail), "It still fails: "+refusalOf(a)
	}
	if x.r.Header.Get("Hx-Request") == "" { // without script
		http.Redirect(x.w, x.r, Path+"/refusals", http.StatusSeeOther)
		return nil
	}
	return x.part("refusals", "tried", &t)
}

// refusalOf is the message of a refusal.
func refusalOf(a *answer) string {
	var refusal struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if jsonx.Unmarshal(a.Bytes(), &refusal) != nil || refusal.Error.Message == "" {
		return http.StatusText(a.status)
	}
	return refusal.Error.Message
}
