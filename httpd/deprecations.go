package httpd

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"outcrop/gateway"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// warnDays is within how many days an end of life is imminent, unless the request says another number, as in LiteLLM.
const warnDays = 30

// ending is a model whose end of life is known.
type ending struct {
	entry *Entry
	day   time.Time
	// successor is the model to move to; configured is whether model_info says so.
	successor  string
	configured bool
}

// deprecations serves GET /model/deprecations: the ends of life of the models that the caller may use, as LiteLLM lists them.
func (s *server) deprecations(w http.ResponseWriter, r *http.Request, caller gateway.Caller) {
	within := warnDays
	if text := r.URL.Query().Get("warn_within_days"); text != "" {
		days, err := strconv.Atoi(text)
		if err != nil {
			s.refuse(w, r, &llm.Error{
				Code: llm.CodeInvalid, Status: http.StatusUnprocessableEntity, Param: "warn_within_days", Message: fmt.Sprintf("warn_within_days must be a number of days, not %q.", llm.Clip(text, 50)),
				Fix: "Send a number such as 30, or leave it out.",
			})
			return
		}
		within = days
	}
	now := time.Now().UTC()
	lists := map[string][]jsonx.Raw{}
	for _, e := range endings(s.entries(caller)) {
		days := int(math.Round(e.day.Sub(now.Truncate(24*time.Hour)).Hours() / 24))
		status := "upcoming"
		switch {
		case days < 0:
			status = "deprecated"
		case days <= within:
			status = "imminent"
		}
		lists[status] = append(lists[status], e.json(days, status))
	}
	var out jsonx.Writer
	out.Object()
	for _, status := range [...]string{"deprecated", "imminent", "upcoming"} {
		out.Key(status)
		out.Array()
		for _, one := range lists[status] {
			out.Raw(one)
		}
		out.EndArray()
	}
	out.Key("warn_within_days")
	out.Int(int64(within))
	out.Key("checked_at")
	out.String(now.Format(time.RFC3339Nano))
	out.EndObject()
	writeJSON(w, http.StatusOK, out.Buf)
}

// Ending is the end of life of a model, for people. Successor is the model to move to; empty if none is known.
type Ending struct {
	Model, Provider, Successor string
	Day                        time.Time
}

// Endings are the ends of life of entries as GET /model/deprecations has them, the first ones first.
func Endings(entries []Entry) (all []Ending) {
	for _, e := range endings(entries) {
		all = append(all, Ending{Model: e.entry.Name, Provider: e.entry.Provider, Successor: e.successor, Day: e.day})
	}
	return all
}

// endings are the ends of life of entries, the first ones first; several entries with one name and one day are one, whose successor is
// the first that model_info names, or else that is known.
func endings(entries []Entry) (all []*ending) {
	for i := range entries {
		e := &entries[i]
		own, _ := jsonx.Members(e.Info)
		one := &ending{entry: e, day: e.EndOfLife, successor: jsonx.Word(jsonx.Find(own, "successor_model"))}
		if day, err := time.Parse(time.DateOnly, jsonx.Word(jsonx.Find(own, "deprecation_date"))); err == nil {
			one.day = day
		}
		if one.day.IsZero() || e.Blocked {
			continue
		}
		one.configured = one.successor != ""
		one.successor = cmp.Or(one.successor, e.Successor)
		at := slices.IndexFunc(all, func(other *ending) bool { return other.entry.Name == e.Name && other.day.Equal(one.day) })
		switch {
		case at < 0:
			all = append(all, one)
		case all[at].successor == "", one.configured && !all[at].configured:
			all[at].successor, all[at].configured = one.successor, one.configured
		}
	}
	slices.SortStableFunc(all, func(a, b *ending) int {
		return cmp.Or(a.day.Compare(b.day), cmp.Compare(a.entry.Name, b.entry.Name))
	})
	return all
}

// json is one for the answer, with the members of LiteLLM's.
func (e *ending) json(days int, status string) []byte {
	var w jsonx.Writer
	word := func(name, value string) {
		w.Key(name)
		w.StringOrNull(value)
	}
	source := ""
	if e.successor != "" {
		source = "model_cost_map" // LiteLLM's word for what is known of all models
		if e.configured {
			source = "deployment_config"
		}
	}
	notice := ""
	if f := e.entry.Facts; f != nil && f.Source("endOfLife") != nil {
		notice = f.Source("endOfLife").URL
	}
	w.Object()
	word("model_name", e.entry.Name)
	word("team_public_model_name", e.entry.Public)
	word("litellm_model", e.entry.Provider+"/"+e.entry.Model)
	word("deprecation_date", e.day.Format(time.DateOnly))
	w.Key("days_until_deprecation")
	w.Int(int64(days))
	word("status", status)
	word("litellm_provider", e.entry.Provider)
	word("successor_model", e.successor)
	word("successor_model_source", source)
	word("deprecation_source", notice)
	w.EndObject()
	return w.Buf
}
