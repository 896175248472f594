// Package generic checks texts with any service that has LiteLLM's generic guardrail API
// (https://docs.litellm.ai/docs/adding_provider/generic_guardrail_api; LiteLLM 1.110.2,
// litellm/types/proxy/guardrails/guardrail_hooks/generic_guardrail_api.py).
package generic

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"outcrop/guard"
	"outcrop/guard/remote"
	"outcrop/internal/jsonx"
	"outcrop/upstream"
)

// Settings are those of LiteLLM's guardrail generic_guardrail_api (1.110.2).
type Settings struct {
	// Base is the service's address, to which the path of the API is added.
	Base string
	// Key is sent as x-api-key; empty for none.
	Key guard.Secret
	// Header are further headers of every request, by their names.
	Header map[string]guard.Secret
	// Parameters are what the service needs besides, a JSON object; empty for none.
	Parameters jsonx.Raw
}

// path is where the API is.
const path = "/beta/litellm_basic_guardrail_api"

// Check asks a service. It is safe for concurrent use.
type Check struct {
	parameters jsonx.Raw
	service    *remote.Service
}

// New returns a check. It calls nobody. An error is about the settings.
func New(s Settings, client *upstream.Client) (*Check, error) {
	h := http.Header{}
	for name, value := range s.Header {
		h.Set(name, value.Reveal())
	}
	if s.Key != "" {
		h.Set("X-Api-Key", s.Key.Reveal())
	}
	service, err := remote.New("the service", client, remote.Below(s.Base, path), h)
	if err != nil {
		return nil, errors.New("api_base: " + err.Error())
	}
	return &Check{parameters: s.Parameters, service: service}, nil
}

// Reach is that of a service.
func (c *Check) Reach() guard.Reach { return remote.Reach() }

// answer is what a service says.
type answer struct {
	Action   string    `json:"action"`
	Reason   string    `json:"blocked_reason"`
	Texts    []string  `json:"texts"`
	Messages []message `json:"structured_messages"`
}

// message is a message that a service has given back.
type message struct {
	Content jsonx.Raw `json:"content"`
}

// Check refuses what the service blocks, and takes over what it has changed.
func (c *Check) Check(ctx context.Context, in *guard.Input) (guard.Verdict, error) {
	got, err := remote.Ask[answer](ctx, c.service, c.body(in))
	if err != nil {
		return guard.Verdict{}, err
	}
	switch got.Action {
	case "BLOCKED":
		reason := got.Reason
		if reason == "" {
			reason = "Content violates policy"
		}
		return guard.Verdict{Block: &guard.Block{Reason: reason}}, nil
	case "", "NONE", "GUARDRAIL_INTERVENED":
	default:
		return guard.Verdict{}, errors.New("the service: its answer has an action that is neither BLOCKED, GUARDRAIL_INTERVENED nor NONE")
	}
	texts := in.Texts
	if len(got.Texts) > 0 {
		if len(got.Texts) != len(texts) {
			return guard.Verdict{}, errors.New("the service: its answer has another number of texts than it was asked about")
		}
		texts = got.Texts
	}
	if len(got.Messages) > 0 {
		if texts, err = got.rewritten(in.Texts, texts); err != nil {
			return guard.Verdict{}, err
		}
	}
	if slices.Equal(texts, in.Texts) {
		return guard.Verdict{}, nil
	}
	return guard.Verdict{Texts: texts}, nil
}

// rewritten takes over what a service has changed in messages, each of which is one text.
func (a *answer) rewritten(asked, texts []string) ([]string, error) {
	if len(a.Messages) != len(asked) {
		return nil, errors.New("the service: its answer has another number of messages than it was asked about")
	}
	texts = slices.Clone(texts)
	for i, m := range a.Messages {
		var content string
		if m.Content.Kind() != '"' || jsonx.Unmarshal(m.Content, &content) != nil {
			return nil, errors.New("the service: its answer has a message whose content is not a text")
		}
		if content != asked[i] {
			texts[i] = content
		}
	}
	return texts, nil
}

// body is a request. What is not known here is null, as in LiteLLM.
func (c *Check) body(in *guard.Input) []byte {
	var w jsonx.Writer
	text := func(key, value string) {
		w.Key(key)
		w.StringOrNull(value)
	}
	w.Object()
	text("input_type", in.Side.String())
	text("litellm_call_id", in.CallID)
	text("litellm_trace_id", "")
	w.Key("structured_messages")
	w.Array()
	for i, content := range in.Texts {
		w.Object()
		w.Key("role")
		w.String(in.Role(i))
		w.Key("content")
		w.String(content)
		w.EndObject()
	}
	w.EndArray()
	for _, key := range [...]string{"images", "tools"} {
		w.Key(key)
		w.Null()
	}
	w.Key("texts")
	w.Array()
	for _, t := range in.Texts {
		w.String(t)
	}
	w.EndArray()
	w.Key("request_data")
	w.Object()
	if in.Caller != nil {
		who := in.Caller()
		for _, member := range [...][2]string{
			{"user_api_key_hash", who.KeyHash},
			{"user_api_key_alias", who.KeyAlias},
			{"user_api_key_user_id", who.UserID},
			{"user_api_key_user_email", who.UserEmail},
			{"user_api_key_team_id", who.TeamID},
			{"user_api_key_team_alias", who.TeamAlias},
			{"user_api_key_end_user_id", who.EndUser},
			{"user_api_key_org_id", who.OrganizationID},
		} {
			if member[1] != "" {
				text(member[0], member[1])
			}
		}
	}
	w.EndObject()
	w.Key("request_headers")
	w.Null()
	w.Key("litellm_version")
	w.Null()
	w.Key("additional_provider_specific_params")
	if len(c.parameters) > 0 {
		w.Raw(c.parameters)
	} else {
		w.Object()
		w.EndObject()
	}
	w.Key("tool_calls")
	w.Null()
	text("model", in.Model)
	w.EndObject()
	return w.Buf
}
