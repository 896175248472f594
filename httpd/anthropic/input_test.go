package anthropic_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestBadInputMakesNoCall has requests that cannot be understood: a clear error in the dialect, by
// each API, and no call of Bedrock.
func TestBadInputMakesNoCall(t *testing.T) {
	u := startEmulator(t)
	s := startGateway(t, u, "", "")
	const hi = `"messages":[{"role":"user","content":"Hi"}]`
	for _, tt := range []struct {
		name, body string // NAME stands for the model
		status     int
		words      string
	}{
		{"no JSON", `{"model":"NAME"`, 400, "JSON"},
		{"nothing", ``, 400, "JSON"},
		{"a list", `[]`, 400, "object"},
		{"invalid UTF-8", "{\"model\":\"NAME\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"\xff\"}]}", 400, "UTF-8"},
		{"no model", `{"max_tokens":9,` + hi + `}`, 400, "model: Field required"},
		{"a model of another type", `{"model":7,"max_tokens":9,` + hi + `}`, 400, "model"},
		{"a huge model id", `{"model":"` + strings.Repeat("m", 100_000) + `","max_tokens":9,` + hi + `}`, 400, "bytes long"},
		{"an unknown model", `{"model":"no-such-model-at-all","max_tokens":9,` + hi + `}`, 404, "not configured"},
		{"a member twice", `{"model":"NAME","model":"nova","max_tokens":9,` + hi + `}`, 400, "model"},
		{"an unending depth", `{"model":"NAME","max_tokens":9,"x":` + strings.Repeat("[", 20_000), 400, ""},
		{"a check of tools", `{"model":"NAME","max_tokens":9,` + hi + `,"safeguards":[{"type":"dangerous_tool_use"}]}`, 400, "safeguards: Extra inputs are not permitted"},
		{"MCP servers", `{"model":"NAME","max_tokens":9,` + hi + `,"mcp_servers":[{"type":"url","url":"https://a.example","name":"a"}]}`, 400, "mcp_servers"},
		{"a container", `{"model":"NAME","max_tokens":9,` + hi + `,"container":"c_1"}`, 400, "container"},
		{"a web search", `{"model":"NAME","max_tokens":9,` + hi + `,"tools":[{"type":"web_search_20250305","name":"web_search","max_uses":8}]}`, 400, "tools."},
		{"a file of Anthropic's", `{"model":"NAME","max_tokens":9,"messages":[{"role":"user","content":[{"type":"document","source":{"type":"file","file_id":"f"}}]}]}`, 400, "messages.0.content.0.source"},
		{"a geography", `{"model":"NAME","max_tokens":9,` + hi + `,"inference_geo":"us"}`, 400, "inference_geo"},
	} {
		for _, model := range []string{"claude", "claude-converse", "nova"} {
			if model == "nova" && tt.name == "a web search" {
				continue // which it can make
			}
			for _, stream := range []string{"", `"stream":true,`} {
				body := strings.Replace(strings.ReplaceAll(tt.body, "NAME", model), "{", "{"+stream, 1)
				r := s.message(t, body)
				f := failed(t, r.text)
				kind := "invalid_request_error"
				if tt.status == 404 {
					kind = "not_found_error"
				}
				if calls := u.taken(); r.StatusCode != tt.status || f.Error.Type != kind || !strings.Contains(f.Error.Message, tt.words) || len(calls) > 0 || len(r.text) > 4<<10 {
					t.Errorf("%s, %s%s: %d after %d calls: %.600s", tt.name, model, stream, r.StatusCode, len(calls), r.text)
				}
			}
		}
	}
}

// TestOddHeadersDoNotMatter has versions of the API that do not exist, and betas in any form.
func TestOddHeadersDoNotMatter(t *testing.T) {
	u := startEmulator(t)
	s := startGateway(t, u, "", "")
	for _, header := range [][]string{
		{"Anthropic-Version", ""},
		{"Anthropic-Version", "1999-01-01"},
		{"Anthropic-Version", "bedrock-2023-05-31"},
		{"Anthropic-Beta", ""},
		{"Anthropic-Beta", " , ,"},
		{"Anthropic-Beta", `["claude-code-20250219"]`},
		{"Anthropic-Beta", strings.Repeat("x-2027-01-01,", 2000)},
		{"Anthropic-Beta", "a", "Anthropic-Beta", "b"},
		{"Content-Type", "text/plain"},
		{"X-Stainless-Retry-Count", "7"},
	} {
		for _, model := range []string{"claude", "claude-converse", "nova"} {
			if r := s.message(t, hello(model, "Hi", ""), header...); r.StatusCode != http.StatusOK {
				t.Errorf("%.80q, %s: %d %s", header, model, r.StatusCode, r.text)
			}
		}
	}
}

// TestTheListOfModels is in Anthropic's form for Anthropic's clients, by pages, with what the
// catalogue knows.
func TestTheListOfModels(t *testing.T) {
	u := startEmulator(t)
	s := startGateway(t, u, "", "")
	type list struct {
		Data []struct {
			Type        string `json:"type"`
			ID          string `json:"id"`
			DisplayName string `json:"display_name"`
			CreatedAt   string `json:"created_at"`
			Lifecycle   string `json:"lifecycle"`
			MaxInput    int64  `json:"max_input_tokens"`
			MaxOutput   int64  `json:"max_tokens"`
		} `json:"data"`
		HasMore bool   `json:"has_more"`
		FirstID string `json:"first_id"`
		LastID  string `json:"last_id"`
	}
	get := func(query string) (l list, ids []string) {
		r := s.send(t, http.MethodGet, "/v1/models"+query, "")
		if err := json.Unmarshal([]byte(r.text), &l); err != nil || r.StatusCode != http.StatusOK || r.Header.Get("Request-Id") == "" {
			t.Fatalf("%s: %d %s", query, r.StatusCode, r.text)
		}
		for _, m := range l.Data {
			ids = append(ids, m.ID)
		}
		return l, ids
	}
	all, ids := get("?limit=1000") // as Claude Code asks
	if want := []string{"claude", "claude-converse", "claude-invoke", "small", "nova", "opus", "qwen"}; !slices.Equal(ids, want) || all.HasMore || all.FirstID != "claude" || all.LastID != "qwen" {
		t.Errorf("got %+v", all)
	}
	if m := all.Data[0]; m.Type != "model" || m.DisplayName != "Claude Sonnet 4.5" || m.MaxInput != 200_000 || m.MaxOutput != 64_000 || m.CreatedAt == "" || m.Lifecycle != "active" {
		t.Errorf("got %+v", m)
	}
	if l, ids := get("?limit=2&after_id=claude"); !slices.Equal(ids, []string{"claude-converse", "claude-invoke"}) || !l.HasMore {
		t.Errorf("after claude: %+v", l)
	}
	if l, ids := get("?limit=2&before_id=nova"); !slices.Equal(ids, []string{"claude-invoke", "small"}) || !l.HasMore {
		t.Errorf("before nova: %+v", l)
	}
	if l, _ := get("?after_id=no-such"); len(l.Data) != 0 || l.HasMore {
		t.Errorf("after an unknown id: %+v", l)
	}
	for _, limit := range []string{"0", "-1", "1001", "x", "99999999999999999999"} {
		if r := s.send(t, http.MethodGet, "/v1/models?limit="+limit, ""); r.StatusCode != http.StatusBadRequest || failed(t, r.text).Error.Type != "invalid_request_error" {
			t.Errorf("limit=%s: %d %s", limit, r.StatusCode, r.text)
		}
	}
	if r := s.send(t, http.MethodGet, "/v1/models/small", ""); r.StatusCode != http.StatusOK || !strings.Contains(r.text, `"display_name":"Claude Haiku 4.5"`) {
		t.Errorf("one model: %d %s", r.StatusCode, r.text)
	}
	if r := s.send(t, http.MethodGet, "/v1/models/no-such", ""); r.StatusCode != http.StatusNotFound || failed(t, r.text).Error.Type != "not_found_error" {
		t.Errorf("an unknown model: %d %s", r.StatusCode, r.text)
	}
	if r := s.send(t, http.MethodGet, "/v1/models", "", "Anthropic-Version", ""); !strings.HasPrefix(r.text, `{"object":"list"`) {
		t.Errorf("for other clients: %s", r.text)
	}
	if calls := u.taken(); len(calls) > 0 {
		t.Errorf("%d calls of Bedrock", len(calls))
	}
}

// TestNamesThatAreNotConfigured are served as the configuration says, and the response tells.
func TestNamesThatAreNotConfigured(t *testing.T) {
	u := startEmulator(t)
	const (
		aliases = `outcrop_settings: {anthropic_door: {model_aliases: {"claude-3-*": nova, "*-mini": small, small: nova}}}`
		other   = `outcrop_settings: {anthropic_door: {default_model: nova}}`
	)
	for _, tt := range []struct {
		name, more, asked string
		model, warns      string // the id called; empty if none is
	}{
		{"the same model by another name", "", "claude-haiku-4-5-20251001", haiku, "same model"},
		{"the same model by its profile's id", "", "global.anthropic.claude-haiku-4-5-20251001-v1:0", haiku, "same model"},
		{"the same model, before the default", other, "claude-haiku-4-5", haiku, "same model"},
		{"another model", "", "claude-opus-4-8", "", ""},
		{"another model, by the default", other, "claude-opus-4-8", nova, "default_model"},
		{"no model, by the default", other, "my-company-model", nova, "default_model"},
		{"an alias", aliases, "claude-3-haiku-20240307", nova, "model_aliases"},
		{"an alias that ends alike", aliases, "gpt-mini", haiku, "model_aliases"},
		{"a configured name before an alias", aliases, "small", haiku, ""},
		{"no alias", aliases, "claude-opus-4-8", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := startGateway(t, u, "", tt.more)
			for _, path := range []string{"/v1/messages", "/v1/messages/count_tokens"} {
				for _, stream := range []string{"", `,"stream":true`} {
					r := s.send(t, http.MethodPost, path, hello(tt.asked, "Hi", stream))
					calls := u.taken()
					if tt.model == "" {
						if r.StatusCode != http.StatusNotFound || len(calls) > 0 {
							t.Errorf("%s: %d after %d calls: %s", path, r.StatusCode, len(calls), r.text)
						}
						continue
					}
					warnings := r.Header.Get("X-Outcrop-Warnings")
					if r.StatusCode != http.StatusOK || (len(calls) == 0) != (tt.model == nova && strings.HasSuffix(path, "count_tokens") && stream != "") || len(calls) > 0 && !strings.HasSuffix(tt.model, calls[0].model) || strings.Contains(warnings, "field=model") != (tt.warns != "") || !strings.Contains(warnings, tt.warns) {
						t.Errorf("%s: %d, %+v, x-outcrop-warnings: %s\n%s", path, r.StatusCode, calls, warnings, r.text)
					}
				}
			}
		})
	}
}

// TestBetasThatAreNotKnown are dropped with a warning, or passed, by the setting, at each API.
func TestBetasThatAreNotKnown(t *testing.T) {
	u := startEmulator(t)
	u.refuses(func(_, body string) string { // whatever the emulator knows
		if strings.Contains(body, "tomorrow-2027-01-01") {
			return "messages: the beta has arrived"
		}
		return ""
	})
	for setting, passed := range map[string]bool{"": false, "drop": false, "pass": true} {
		more := ""
		if setting != "" {
			more = "outcrop_settings: {anthropic_door: {unknown_betas: " + setting + "}}"
		}
		s := startGateway(t, u, "", more)
		for _, model := range []string{"claude", "claude-converse"} {
			r := s.message(t, hello(model, "Hi", ""), "Anthropic-Beta", "tomorrow-2027-01-01,claude-code-20250219,mcp-client-2025-11-20")
			warnings := r.Header.Get("X-Outcrop-Warnings")
			if passed != strings.Contains(r.text, "the beta has arrived") || !passed && (r.StatusCode != http.StatusOK || !strings.Contains(warnings, "tomorrow-2027-01-01") || !strings.Contains(warnings, "mcp-client-2025-11-20") || strings.Contains(warnings, "claude-code")) {
				t.Errorf("%q, %s: %d %s\n%s", setting, model, r.StatusCode, warnings, r.text)
			}
			for _, c := range u.taken() {
				if strings.Contains(c.body, "claude-code") || strings.Contains(c.body, "mcp-client") {
					t.Errorf("%q, %s: sent %s", setting, model, c.body)
				}
			}
		}
	}
}

// TestTheUserIsALabel of the call at each API, also in the form that Claude Code gives it.
func TestTheUserIsALabel(t *testing.T) {
	u := startEmulator(t)
	s := startGateway(t, u, "", "")
	const user = `,"metadata":{"user_id":"{\"device_id\":\"d1\",\"account_uuid\":\"\",\"session_id\":\"s-1\"}"}`
	const label = `{"user.device_id":"d1","user.session_id":"s-1"}`
	for _, model := range []string{"claude", "claude-converse", "nova"} {
		r := s.message(t, hello(model, "Hi", user))
		c := u.taken()[0]
		if r.StatusCode != http.StatusOK || r.Header.Get("X-Outcrop-Warnings") != "" || c.header.Get("X-Amzn-Bedrock-Request-Metadata") != label && !strings.Contains(c.body, `"requestMetadata":`+label) {
			t.Errorf("%s: %d, warnings %s, sent %v %s", model, r.StatusCode, r.Header.Get("X-Outcrop-Warnings"), c.header, c.body)
		}
	}
}
