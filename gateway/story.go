package gateway

import (
	"strconv"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/telemetry"
)

// mostTold is how many warnings and attempts of a call the spend log has at most, and longestTold how long a text of them is.
const (
	mostTold    = 8
	longestTold = 500
)

// story is what the spend log has of a call beside its columns, as JSON: why it has failed, in LiteLLM's form, and in the member
// outcrop which attempts were made and what was not done as it was asked. A call of which there is nothing to tell has none,
// so that most calls pay nothing for it.
func (c *Call) story() []byte {
	r := &c.record
	failed := r.Meta.Tries
	if r.Err != nil && failed == nil {
		failed = r.Err.Tries
	}
	if r.Err == nil && len(failed) == 0 && len(r.Meta.Warnings) == 0 && r.Meta.Fallback == "" && c.mirror == nil {
		return nil
	}
	var w jsonx.Writer
	w.Object()
	if c.mirror != nil {
		w.Key("is_silent_experiment") // as LiteLLM marks them
		w.Bool(true)
	}
	if e := r.Err; e != nil {
		w.Key("error_information")
		w.Object()
		tell(&w, "error_code", strconv.Itoa(r.Status))
		tell(&w, "error_class", string(e.Code))
		tell(&w, "error_message", telemetry.Words(e))
		w.EndObject()
	}
	w.Key("outcrop")
	w.Object()
	to := r.Meta.Destination
	if r.Err != nil {
		if r.Err.Responsible() != llm.ActorCaller { // else they may repeat what the request has
			tell(&w, "cause", r.Err.Cause)
			tell(&w, "fix", r.Err.Fix)
		}
		if to == (llm.Destination{}) {
			to = r.Err.Destination
		}
	}
	tell(&w, "reason", to.Reason)
	tell(&w, "fallback", r.Meta.Fallback)
	spent(&w, "sent_us", r.Sent)
	spent(&w, "upstream_us", r.Upstream)
	if len(failed) > 0 {
		w.Key("tries")
		w.Array()
		for i := range failed[:min(len(failed), mostTold)] {
			t := &failed[i]
			w.Object()
			tell(&w, "id", t.Destination.ID)
			tell(&w, "region", t.Destination.Region)
			tell(&w, "reason", t.Destination.Reason)
			tell(&w, "code", string(t.Code))
			spent(&w, "at_us", t.At)
			w.EndObject()
		}
		w.EndArray()
	}
	if warnings := r.Meta.Warnings; len(warnings) > 0 {
		w.Key("warnings")
		w.Array()
		for i := range warnings[:min(len(warnings), mostTold)] {
			w.Object()
			tell(&w, "code", warnings[i].Code)
			tell(&w, "field", warnings[i].Field)
			tell(&w, "detail", warnings[i].Detail)
			w.EndObject()
		}
		w.EndArray()
	}
	w.EndObject()
	w.EndObject()
	return w.Buf
}

// tell writes a member, unless it is empty.
func tell(w *jsonx.Writer, name, text string) {
	if text != "" {
		w.Key(name)
		w.String(llm.Clip(text, longestTold))
	}
}

// spent writes a time in microseconds, unless it is 0.
func spent(w *jsonx.Writer, name string, d time.Duration) {
	if us := d.Microseconds(); us > 0 {
		w.Key(name)
		w.Int(us)
	}
}
