package admin_test

import (
	"strings"
	"testing"

	"outcrop/alert"
)

// heard keeps alerts of the types that are wanted.
type heard struct {
	wanted []alert.Type
	all    []alert.Alert
}

func (h *heard) Wants(t alert.Type) bool {
	for _, wanted := range h.wanted {
		if wanted == t {
			return true
		}
	}
	return false
}

func (h *heard) Send(a alert.Alert) { h.all = append(h.all, a) }

func TestPeopleAreToldOfANewModelWithoutItsSettings(t *testing.T) {
	const model = `{"model_name":"fast","litellm_params":{"model":"openai/gpt-5","api_key":"sk-of-the-provider"},"model_info":{"base_model":"gpt-5"}}`
	eachStore(t, func(w *world) {
		h := &heard{wanted: []alert.Type{alert.ModelAdded}}
		w.alerts = h
		w.keeper(nil)
		w.master("/model/new", model).is(200)
		w.master("/model/new", `{"model_name":"broken"}`).fails(422, "bad_request_error", "litellm_params")
		w.key(`{}`)
		if len(h.all) != 1 || h.all[0].Type != alert.ModelAdded || h.all[0].Level != alert.Low || h.all[0].Text != "*New Model Added*\nModel Name: `fast`\nBase Model: `gpt-5`\n" {
			t.Errorf("%+v", h.all)
		}
		quiet := &heard{wanted: []alert.Type{alert.KeyCreated}}
		w.alerts = quiet
		w.keeper(nil)
		w.master("/model/new", model).is(200)
		w.key(`{"key_alias":"maps"}`)
		if len(quiet.all) != 1 || !strings.Contains(quiet.all[0].Text, "maps") {
			t.Errorf("%+v", quiet.all)
		}
	})
}
