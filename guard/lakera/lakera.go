// Package lakera checks texts with Lakera Guard (https://docs.lakera.ai/docs/api/guard).
package lakera

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"outcrop/guard"
	"outcrop/guard/remote"
	"outcrop/internal/jsonx"
	"outcrop/upstream"
)

// Flagged is what becomes of an input that Lakera has flagged.
type Flagged string

// Values of Flagged, in LiteLLM's words.
const (
	Block   Flagged = "block"   // it is refused
	Mask    Flagged = "mask"    // personal data are masked if nothing else was found; otherwise it is refused
	Monitor Flagged = "monitor" // personal data are masked if nothing else was found, and it goes on
)

// Settings are those of LiteLLM's guardrail lakera_v2 (1.110.2).
type Settings struct {
	// Base is the address of the API; Lakera's if empty.
	Base string
	Key  guard.Secret
	// Project is the project whose policy counts; empty for the default.
	Project string
	// Metadata is sent with every check, a JSON object; empty for none.
	Metadata jsonx.Raw
	// Flagged is Block if empty.
	Flagged Flagged
}

// Check asks Lakera. It is safe for concurrent use.
type Check struct {
	settings Settings
	service  *remote.Service
}

// New returns a check. It calls nobody. An error is about the settings.
func New(s Settings, client *upstream.Client) (*Check, error) {
	service, err := remote.New("Lakera", client, remote.Below(cmp.Or(s.Base, "https://api.lakera.ai"), "/v2/guard"), http.Header{"Authorization": {"Bearer " + s.Key.Reveal()}})
	if err != nil {
		return nil, errors.New("api_base: " + err.Error())
	}
	s.Flagged = cmp.Or(s.Flagged, Block)
	return &Check{settings: s, service: service}, nil
}

// Reach is that of a service.
func (c *Check) Reach() guard.Reach { return remote.Reach() }

// answer is what Lakera says of messages.
type answer struct {
	Flagged *bool `json:"flagged"`
	// Payload are the places of personal data and the like.
	Payload   []place `json:"payload"`
	Breakdown []struct {
		Detector string `json:"detector_type"`
		Detected bool   `json:"detected"`
	} `json:"breakdown"`
}

// place is where something was found. Start and End count characters.
type place struct {
	Start    int    `json:"start"`
	End      int    `json:"end"`
	Detector string `json:"detector_type"`
	Message  int    `json:"message_id"`
}

// Check refuses or masks what Lakera has flagged.
func (c *Check) Check(ctx context.Context, in *guard.Input) (guard.Verdict, error) {
	got, err := remote.Ask[answer](ctx, c.service, c.body(in))
	switch {
	case err != nil:
		return guard.Verdict{}, err
	case got.Flagged == nil:
		return guard.Verdict{}, errors.New("the answer of Lakera does not say whether something was flagged")
	case !*got.Flagged:
		return guard.Verdict{}, nil
	}
	if c.settings.Flagged == Monitor && in.Fixed {
		return guard.Verdict{}, nil
	}
	if c.settings.Flagged != Block && got.personal() {
		if texts := got.masked(in.Texts); texts != nil {
			return guard.Verdict{Texts: texts}, nil
		}
	}
	if c.settings.Flagged == Monitor {
		return guard.Verdict{}, nil
	}
	return guard.Verdict{Block: &guard.Block{Reason: strings.TrimSuffix("Violated guardrail policy: "+strings.Join(got.detected(), ", "), ": ")}}, nil
}

// body is a request: each text is a message.
func (c *Check) body(in *guard.Input) []byte {
	var w jsonx.Writer
	w.Object()
	w.Key("messages")
	w.Array()
	for i, text := range in.Texts {
		w.Object()
		w.Key("role")
		w.String(in.Role(i))
		w.Key("content")
		w.String(text)
		w.EndObject()
	}
	w.EndArray()
	if c.settings.Project != "" {
		w.Key("project_id")
		w.String(c.settings.Project)
	}
	w.Key("payload")
	w.Bool(true)
	w.Key("breakdown")
	w.Bool(true)
	if len(c.settings.Metadata) > 0 {
		w.Key("metadata")
		w.Raw(c.settings.Metadata)
	}
	w.EndObject()
	return w.Buf
}

// detected are the detectors that have found something.
func (a *answer) detected() (names []string) {
	for _, b := range a.Breakdown {
		if b.Detected && !slices.Contains(names, b.Detector) {
			names = append(names, b.Detector)
		}
	}
	return names
}

// personal reports whether personal data were found, and nothing else.
func (a *answer) personal() bool {
	names := a.detected()
	return len(names) > 0 && !slices.ContainsFunc(names, func(name string) bool { return !strings.HasPrefix(name, "pii/") })
}

// masked are the texts without what was found, with LiteLLM's masks; nil if Lakera does not say where all of it is. Places that
// overlap are one, with the name of the first.
func (a *answer) masked(texts []string) []string {
	missing := a.detected()
	sorted := slices.SortedFunc(slices.Values(a.Payload), func(a, b place) int {
		return cmp.Or(cmp.Compare(a.Message, b.Message), cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End))
	})
	var places []place
	for _, p := range sorted {
		missing = slices.DeleteFunc(missing, func(name string) bool { return name == p.Detector })
		if last := len(places) - 1; last >= 0 && places[last].Message == p.Message && p.Start < places[last].End {
			places[last].End = max(places[last].End, p.End)
			continue
		}
		places = append(places, p)
	}
	if len(missing) > 0 {
		return nil
	}
	out := slices.Clone(texts)
	for _, p := range slices.Backward(places) { // so that those before stay where they are
		if p.Message < 0 || p.Message >= len(out) {
			return nil
		}
		characters := []rune(out[p.Message])
		if p.Start < 0 || p.End <= p.Start || p.End > len(characters) {
			return nil
		}
		kind := strings.ToUpper(p.Detector[strings.LastIndexByte(p.Detector, '/')+1:])
		out[p.Message] = string(characters[:p.Start]) + "[MASKED " + cmp.Or(kind, "PII") + "]" + string(characters[p.End:])
	}
	return out
}
