package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"outcrop/internal/jsonx"
)

// ownRouting is a call of a key that has router settings, or is of a team that has some.
type ownRouting struct {
	name, key, model, more string
	// why says why the outcomes differ; empty if they must not.
	why string
}

// ownRoutings are calls with the settings of keys and teams. The keys are those of ownKeys.
func ownRoutings() []ownRouting {
	return []ownRouting{
		{name: "no settings", key: "sk-own-none-00001", model: "bad"},
		{name: "a key's fallbacks", key: "sk-own-fall-00001", model: "bad"},
		{name: "a request's fallbacks before the key's", key: "sk-own-fall-00001", model: "bad", more: `,"fallbacks":["other"]`},
		{name: "a team's fallbacks", key: "sk-own-team-00001", model: "bad"},
		{name: "a key's fallbacks before its team's", key: "sk-own-both-00001", model: "bad"},
		{name: "a key's retries, which leave the team's fallbacks out", key: "sk-own-retry-0001", model: "bad"},
		{name: "a key's alias", key: "sk-own-alias-0001", model: "fast"},
		{name: "the alias of another key", key: "sk-own-none-00001", model: "fast", why: "a model that there is not is a 404, as in OpenAI's API; LiteLLM says 400"},
		{name: "a key without settings of its own", key: "sk-own-empty-0001", model: "bad"},
		{name: "a key's tags", key: "sk-own-tags-00001", model: "tagged", more: `,"metadata":{"tags":["b"]}`},
	}
}

// ownKeys makes the keys and teams.
func ownKeys(t *testing.T, base string) {
	t.Helper()
	for _, of := range [][2]string{
		{"/team/new", `{"team_id":"owners","team_alias":"owners","router_settings":{"fallbacks":[{"bad":["other"]}]}}`},
		{"/key/generate", `{"key":"sk-own-none-00001"}`},
		{"/key/generate", `{"key":"sk-own-fall-00001","router_settings":{"fallbacks":[{"bad":["ok"]}]}}`},
		{"/key/generate", `{"key":"sk-own-team-00001","team_id":"owners"}`},
		{"/key/generate", `{"key":"sk-own-both-00001","team_id":"owners","router_settings":{"fallbacks":[{"bad":["ok"]}]}}`},
		{"/key/generate", `{"key":"sk-own-retry-0001","team_id":"owners","router_settings":{"num_retries":1}}`},
		{"/key/generate", `{"key":"sk-own-alias-0001","router_settings":{"model_group_alias":{"fast":"ok"}}}`},
		{"/key/generate", `{"key":"sk-own-empty-0001","team_id":"owners","router_settings":{}}`},
		{"/key/generate", `{"key":"sk-own-tags-00001","router_settings":{"enable_tag_filtering":true}}`},
	} {
		if a := ask(t, base, http.MethodPost, of[0], masterKey, of[1]); a.status != http.StatusOK {
			t.Fatalf("%s %s: %d %s", of[0], of[1], a.status, a.body)
		}
	}
}

// mirrored is a call whose entry is mirrored.
type mirrored struct {
	name, model, body string
	why               string
}

// mirrors are calls of models with silent_model. PROMPT is the prompt that tells calls apart.
func mirrors() []mirrored {
	const messages = `"messages":[{"role":"user","content":"PROMPT"}]`
	return []mirrored{
		{name: "a call", model: "loud", body: messages},
		{name: "a stream", model: "loud", body: messages + `,"stream":true`},
		{name: "parameters", model: "loud", body: messages + `,"temperature":0.5,"max_tokens":7,"stop":["x"]`},
		{name: "tools", model: "loud", body: messages + `,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}],"tool_choice":"auto"`},
		{name: "tags", model: "loud", body: messages + `,"metadata":{"tags":["b"]}`},
		{name: "a mirror that fails", model: "unlucky", body: messages},
		{name: "a model that fails", model: "broken", body: messages},
	}
}

// ownConfig is the configuration of both gateways.
func ownConfig(address string) string {
	var b strings.Builder
	b.WriteString("model_list:\n")
	for _, entry := range [][3]string{
		{"bad", "500.x", ""},
		{"ok", "ok.ok", ""},
		{"other", "ok.other", ""},
		{"tagged", "ok.a", `, tags: [a]`},
		{"tagged", "ok.b", `, tags: [b]`},
		{"loud", "ok.loud", ", silent_model: quiet"},
		{"quiet", "ok.quiet", ""},
		{"unlucky", "ok.unlucky", ", silent_model: bad"},
		{"broken", "500.broken", ", silent_model: quiet"},
	} {
		fmt.Fprintf(&b, "  - {model_name: %s, litellm_params: {model: openai/%s, api_base: %q, api_key: %s%s}}\n", entry[0], entry[1], address+"/v1", vendorSecret, entry[2])
	}
	fmt.Fprintf(&b, "general_settings: {master_key: %s}\nrouter_settings: {num_retries: 0, disable_cooldowns: true}\n", masterKey)
	return b.String()
}

// TestMirrorsAndOwnRoutingBesideLiteLLM makes the calls of both gateways: with router settings of keys and teams, which need LiteLLM's
// database, and to models that are mirrored.
func TestMirrorsAndOwnRoutingBesideLiteLLM(t *testing.T) {
	t.Parallel()
	v, seen := upstreamOf(t)
	config := ownConfig(v.URL)
	proxy, _ := litellmOnDatabase(t, config)
	own := startGateway(t, config, "").URL()
	ownKeys(t, proxy)
	ownKeys(t, own)
	for i, c := range ownRoutings() {
		var outcomes [2]string
		for side, base := range []string{proxy, own} {
			prompt := fmt.Sprintf("own %d of side %d", i, side)
			a := ask(t, base, http.MethodPost, "/v1/chat/completions", c.key, fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":%q}]%s}`, c.model, prompt, c.more))
			text := ""
			if found := contentOf.FindSubmatch(a.body); found != nil {
				text = string(found[1])
			}
			outcomes[side] = fmt.Sprintf("%d %q; asked %s", a.status, text, strings.Join(askedFor(seen, prompt), " "))
		}
		if (outcomes[0] == outcomes[1]) != (c.why == "") {
			t.Errorf("%s: LiteLLM %s, Outcrop %s; explained by %q", c.name, outcomes[0], outcomes[1], c.why)
		}
	}
	for i, c := range mirrors() {
		var outcomes [2]string
		for side, base := range []string{proxy, own} {
			prompt := fmt.Sprintf("mirror %d of side %d", i, side)
			_ = v.taken()
			a := ask(t, base, http.MethodPost, "/v1/chat/completions", masterKey, fmt.Sprintf(`{"model":%q,%s}`, c.model, strings.ReplaceAll(c.body, "PROMPT", prompt)))
			// The mirror is asked in the background, also of a call that fails.
			deadline := time.Now().Add(20 * time.Second)
			for len(askedFor(seen, prompt)) < 2 && time.Now().Before(deadline) {
				time.Sleep(20 * time.Millisecond)
			}
			models := askedFor(seen, prompt)
			slices.Sort(models)
			outcomes[side] = fmt.Sprintf("%d; asked %s; %s", a.status, strings.Join(models, " "), mirroredMembers(v.taken(), "ok.quiet"))
		}
		if (outcomes[0] == outcomes[1]) != (c.why == "") {
			t.Errorf("%s:\n LiteLLM %s\n Outcrop %s\n explained by %q", c.name, outcomes[0], outcomes[1], c.why)
		}
	}
}

// askedFor are the upstream models that a prompt has led to.
func askedFor(seen *sync.Map, prompt string) []string {
	of, ok := seen.Load(prompt)
	if !ok {
		return nil
	}
	a := of.(*upstreamCalls)
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.models)
}

// mirroredMembers names the members of the body that a model was asked with, but for the messages.
func mirroredMembers(calls []vendorCall, model string) string {
	for _, c := range calls {
		members, err := jsonx.Members(c.Body)
		if err != nil || jsonx.Word(jsonx.Find(members, "model")) != model {
			continue
		}
		var names []string
		for _, m := range members {
			if m.Name != "messages" && m.Value.Kind() != 'n' {
				names = append(names, m.Name+"="+string(m.Value))
			}
		}
		slices.Sort(names)
		return strings.Join(names, " ")
	}
	return "nothing"
}
