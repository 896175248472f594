package httpd

import (
	"context"
	"errors"
	"net/http"

	"outcrop/httpd/door"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/openaichat"
)

// Callbacks are the services that are told of calls.
type Callbacks interface {
	// States are how they do, in the order of the configuration.
	States() []CallbackState
	// Test tells one of them of a call that was none; false if there is no such callback.
	Test(ctx context.Context, name string) (known bool, err error)
}

// CallbackState is how a callback does.
type CallbackState struct {
	Name string
	// Success and Failure are which calls it is told of, and Content is whether it gets what is asked and answered.
	Success, Failure, Content bool
	// Err is why it cannot be reached; nil if it can.
	Err error
	// Waiting is how many calls it has not been told of yet.
	Waiting int
}

func (s *server) callbackStates() []CallbackState {
	if s.opt.Callbacks == nil {
		return nil
	}
	return s.opt.Callbacks.States()
}

// appendDown names the callbacks that cannot be reached, in the answer of the readiness check. The gateway is ready all
// the same: its calls go on.
func (s *server) appendDown(out *jsonx.Writer) {
	begun := false
	for _, c := range s.callbackStates() {
		if c.Err == nil {
			continue
		}
		if !begun {
			begun = true
			out.Key("callbacks_down")
			out.Array()
		}
		out.String(c.Name)
	}
	if begun {
		out.EndArray()
	}
}

// callbacks lists the callbacks by what they are told of, in LiteLLM's form.
func (s *server) callbacks(w http.ResponseWriter, _ *http.Request) {
	var out jsonx.Writer
	out.Object()
	for _, kind := range [...]struct {
		key              string
		success, failure bool
	}{{"success", true, false}, {"failure", false, true}, {"success_and_failure", true, true}} {
		out.Key(kind.key)
		out.Array()
		for _, c := range s.callbackStates() {
			if c.Success == kind.success && c.Failure == kind.failure {
				out.String(c.Name)
			}
		}
		out.EndArray()
	}
	out.EndObject()
	writeJSON(w, http.StatusOK, out.Buf)
}

// activeCallbacks lists the callbacks as LiteLLM does, and how each of them does.
func (s *server) activeCallbacks(w http.ResponseWriter, _ *http.Request) {
	states := s.callbackStates()
	var out jsonx.Writer
	out.Object()
	for _, list := range [...]struct {
		key    string
		listed func(c *CallbackState) bool
	}{
		{"litellm.callbacks", func(c *CallbackState) bool { return c.Success && c.Failure }},
		{"litellm.success_callback", func(c *CallbackState) bool { return c.Success }},
		{"litellm.failure_callback", func(c *CallbackState) bool { return c.Failure }},
		{"all_litellm_callbacks", func(*CallbackState) bool { return true }},
	} {
		out.Key(list.key)
		out.Array()
		for i := range states {
			if list.listed(&states[i]) {
				out.String(states[i].Name)
			}
		}
		out.EndArray()
	}
	out.Key("num_callbacks")
	out.Int(int64(len(states)))
	out.Key("callbacks")
	out.Array()
	for i := range states {
		c := &states[i]
		out.Object()
		out.Key("name")
		out.String(c.Name)
		out.Key("content")
		out.Bool(c.Content)
		out.Key("waiting")
		out.Int(int64(c.Waiting))
		out.Key("down")
		out.Bool(c.Err != nil)
		if c.Err != nil {
			out.Key("error")
			out.String(c.Err.Error())
		}
		out.EndObject()
	}
	out.EndArray()
	out.EndObject()
	writeJSON(w, http.StatusOK, out.Buf)
}

// testService tells a callback of a call that was none, as LiteLLM's path of this name does.
func (s *server) testService(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("service")
	refuse := func(e *llm.Error) { door.WriteError(w, e, openaichat.AppendError) }
	if name == "" {
		refuse(llm.Invalid("service", "service is required: the name of a callback, such as langfuse"))
		return
	}
	known, err := false, error(nil)
	if s.opt.Callbacks != nil {
		known, err = s.opt.Callbacks.Test(r.Context(), name)
	}
	switch {
	case !known:
		e := llm.Invalid("service", "service %q is not configured as a callback.", llm.Clip(name, 100))
		e.Fix = "Add it to litellm_settings.callbacks."
		refuse(e)
	case err != nil:
		refuse(&llm.Error{Code: llm.CodeUnreachable, Status: http.StatusInternalServerError, Message: "the callback " + name + " could not be told of a call: " + err.Error() + ".", Err: errors.Unwrap(err)})
	default:
		var out jsonx.Writer
		out.Object()
		out.Key("status")
		out.String("success")
		out.Key("message")
		out.String("Mock LLM request made - check " + name + ".")
		out.EndObject()
		writeJSON(w, http.StatusOK, out.Buf)
	}
}
