// Package moderation checks texts with OpenAI's moderation API (https://platform.openai.com/docs/api-reference/moderations).
package moderation

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"outcrop/guard"
	"outcrop/guard/remote"
	"outcrop/internal/jsonx"
	"outcrop/upstream"
)

// Settings are those of LiteLLM's guardrail openai_moderation (1.110.2).
type Settings struct {
	// Base is the address of the API, with its version; OpenAI's if empty.
	Base string
	Key  guard.Secret
	// Model is omni-moderation-latest if empty.
	Model string
}

// Check asks for moderation. It is safe for concurrent use.
type Check struct {
	model   string
	service *remote.Service
}

// New returns a check. It calls nobody. An error is about the settings.
func New(s Settings, client *upstream.Client) (*Check, error) {
	service, err := remote.New("OpenAI's moderation", client, remote.Below(cmp.Or(s.Base, "https://api.openai.com/v1"), "/moderations"), http.Header{"Authorization": {"Bearer " + s.Key.Reveal()}})
	if err != nil {
		return nil, errors.New("api_base: " + err.Error())
	}
	return &Check{model: cmp.Or(s.Model, "omni-moderation-latest"), service: service}, nil
}

// Reach is that of a service.
func (c *Check) Reach() guard.Reach { return remote.Reach() }

// answer has a result for each text.
type answer struct {
	Results []struct {
		Flagged    bool            `json:"flagged"`
		Categories map[string]bool `json:"categories"`
	} `json:"results"`
}

// Check refuses an input with a text that was flagged.
func (c *Check) Check(ctx context.Context, in *guard.Input) (guard.Verdict, error) {
	var w jsonx.Writer
	w.Object()
	w.Key("model")
	w.String(c.model)
	w.Key("input")
	w.Array()
	for _, text := range in.Texts {
		w.String(text)
	}
	w.EndArray()
	w.EndObject()
	got, err := remote.Ask[answer](ctx, c.service, w.Buf)
	switch {
	case err != nil:
		return guard.Verdict{}, err
	case len(got.Results) != len(in.Texts):
		return guard.Verdict{}, errors.New("OpenAI's moderation: it has not judged every text")
	}
	violated := map[string]bool{}
	flagged := false
	for _, r := range got.Results {
		if flagged = flagged || r.Flagged; r.Flagged {
			for name, is := range r.Categories {
				if is {
					violated[name] = true
				}
			}
		}
	}
	if !flagged {
		return guard.Verdict{}, nil
	}
	names := strings.Join(slices.Sorted(maps.Keys(violated)), ", ")
	return guard.Verdict{Block: &guard.Block{Reason: strings.TrimSuffix("Violated OpenAI moderation policy: "+names, ": ")}}, nil
}
