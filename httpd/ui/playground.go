package ui

import (
	"cmp"
	"io"
	"net/http"
	"slices"

	"outcrop/llm"
)

// playgroundData is what the playground shows.
type playgroundData struct {
	Models  []string
	First   string
	Address string
	Locked  bool
}

// playground shows a chat.
func (x *exchange) playground() error {
	names, err := x.usable()
	if err != nil {
		return err
	}
	d := playgroundData{Address: x.address(), Locked: x.h.opt.Master != "", First: x.h.opt.Sample()}
	for _, m := range x.h.opt.Models() {
		if (m.Verb == 0 || m.Verb == llm.VerbChat) && !m.Ended && names[m.Name] {
			d.Models = append(d.Models, m.Name)
		}
	}
	slices.Sort(d.Models)
	d.Models = slices.Compact(d.Models)
	if !slices.Contains(d.Models, d.First) {
		d.First = ""
		if len(d.Models) > 0 {
			d.First = d.Models[0]
		}
	}
	return x.show(http.StatusOK, "playground", "Playground", &d)
}

// chat makes a chat completion with the key of the session. It streams as the API does.
func (x *exchange) chat() error {
	r, err := x.request(x.r.Context(), http.MethodPost, "/v1/chat/completions", nil, nil)
	if err != nil {
		return err
	}
	r.Body, r.ContentLength = io.NopCloser(x.r.Body), x.r.ContentLength
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", cmp.Or(x.r.Header.Get("Accept"), "*/*"))
	x.h.opt.API().ServeHTTP(x.w, r)
	return nil
}
