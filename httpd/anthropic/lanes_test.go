package anthropic_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// weather is a tool, and pixel an image.
const (
	weather = `{"name":"weather","description":"The weather of a place.","input_schema":{"type":"object","properties":{"place":{"type":"string"}},"required":["place"]}}`
	pixel   = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

// TestBothLanesAreEqual sends the same requests to Claude by InvokeModel, in Anthropic's own dialect,
// and by Converse: the answers, the usage, the streams and the errors are the same.
func TestBothLanesAreEqual(t *testing.T) {
	u := startEmulator(t)
	s := startGateway(t, u, "", "")
	results := `"messages":[{"role":"user","content":"The weather in Bonn?"},{"role":"assistant","content":[{"type":"text","text":"I look."},{"type":"tool_use","id":"toolu_1","name":"weather","input":{"place":"Bonn"}}]},` +
		`{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","is_error":false,"content":[{"type":"text","text":"rain"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + pixel + `"}}]},{"type":"text","text":"Well?"}]}],"tools":[` + weather + `]`
	for _, tt := range []struct{ name, body string }{
		{"a text", `"max_tokens":200,"messages":[{"role":"user","content":"Say granite."}]`},
		{"blocks", `"max_tokens":200,"system":[{"type":"text","text":"Be brief."}],"messages":[{"role":"user","content":[{"type":"text","text":"Say"},{"type":"text","text":"granite."}]}]`},
		{"settings", `"max_tokens":200,"temperature":0.5,"top_k":5,"stop_sequences":["granite"],"messages":[{"role":"user","content":"Say granite."}]`},
		{"few tokens", `"max_tokens":1,"messages":[{"role":"user","content":"Say granite and slate and much more."}]`},
		{"a tool", `"max_tokens":200,"tools":[` + weather + `],"tool_choice":{"type":"any"},"messages":[{"role":"user","content":"The weather in Bonn?"}]`},
		{"a named tool", `"max_tokens":200,"tools":[` + weather + `],"tool_choice":{"type":"tool","name":"weather","disable_parallel_tool_use":true},"messages":[{"role":"user","content":"The weather in Bonn?"}]`},
		{"results", `"max_tokens":200,` + results},
		{"thinking", `"max_tokens":3000,"thinking":{"type":"enabled","budget_tokens":1024},"messages":[{"role":"user","content":"Say granite."}]`},
		{"a cache", `"max_tokens":200,"system":[{"type":"text","text":"` + strings.Repeat("Granite is a stone. ", 600) + `","cache_control":{"type":"ephemeral"}}],"messages":[{"role":"user","content":"Say granite."}]`},
		{"an image", `"max_tokens":200,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + pixel + `"}},{"type":"text","text":"What is it?"}]}]`},
		{"a tier and a user", `"max_tokens":200,"service_tier":"standard_only","metadata":{"user_id":"u-1"},"messages":[{"role":"user","content":"Say granite."}]`},

		{"too many tokens", `"max_tokens":999999,"messages":[{"role":"user","content":"Hi"}]`},
		{"a signature that is not Claude's", `"max_tokens":3000,"thinking":{"type":"enabled","budget_tokens":1024},"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"Hm.","signature":"c2ln"},{"type":"text","text":"Yes."}]},{"role":"user","content":"Go on."}]`},
		{"too long", `"max_tokens":9,"messages":[{"role":"user","content":"[[fault: too-long]]"}]`},
		{"throttled", `"max_tokens":9,"messages":[{"role":"user","content":"[[fault: throttle always]]"}]`},
		{"denied", `"max_tokens":9,"messages":[{"role":"user","content":"[[fault: denied]]"}]`},
	} {
		for _, stream := range []string{"", `,"stream":true`} {
			t.Run(tt.name+stream, func(t *testing.T) {
				s.message(t, `{"model":"claude",`+tt.body+`}`) // so that both find the cache filled
				u.taken()
				var got [2]string
				var replies [2]reply
				for i, model := range []string{"claude", "claude-converse"} {
					r := s.message(t, `{"model":"`+model+`",`+tt.body+stream+`}`)
					replies[i] = r
					switch {
					case r.StatusCode != http.StatusOK:
						f := failed(t, r.text)
						got[i] = r.Status + " " + f.Error.Type + " " + f.Error.Outcrop.Code + " retry " + r.Header.Get("X-Should-Retry")
					case stream == "":
						got[i] = meaning(t, r.text)
					default:
						got[i] = meaning(t, assembled(t, r.text))
					}
				}
				wanted := []string{"invoke", "converse"}
				if stream != "" {
					wanted = []string{"invoke-with-response-stream", "converse-stream"}
				}
				if made := operations(u.taken()); len(made) > 0 && !slices.Equal(made, wanted) {
					t.Errorf("made %v", made)
				}
				if got[0] != got[1] {
					t.Errorf("by InvokeModel\n%s\n%s\nby Converse\n%s\n%s", got[0], replies[0].text, got[1], replies[1].text)
				}
			})
		}
	}
}

// assembled is the message that a stream amounts to.
func assembled(t *testing.T, text string) string {
	t.Helper()
	type object = map[string]any
	var message object
	var blocks []any
	inputs := map[int]string{}
	at := func(o object) (int, object) {
		n, _ := o["index"].(float64)
		for len(blocks) <= int(n) {
			blocks = append(blocks, object{})
		}
		b, _ := blocks[int(n)].(object)
		return int(n), b
	}
	for _, e := range eventsOf(text) {
		var o object
		if err := json.Unmarshal([]byte(e.data), &o); err != nil || o["type"] != e.name {
			t.Fatalf("event %s: %s", e.name, e.data)
		}
		switch e.name {
		case "message_start":
			message, _ = o["message"].(object)
		case "content_block_start":
			n, _ := at(o)
			blocks[n] = o["content_block"]
		case "content_block_delta":
			n, b := at(o)
			d, _ := o["delta"].(object)
			for name, v := range d {
				if s, ok := v.(string); ok && name == "partial_json" {
					inputs[n] += s
				} else if ok && name != "type" {
					before, _ := b[name].(string)
					b[name] = before + s
				}
			}
		case "message_delta":
			d, _ := o["delta"].(object)
			maps.Copy(message, d)
			usage, _ := message["usage"].(object)
			more, _ := o["usage"].(object)
			maps.Copy(usage, more)
		}
	}
	for n, input := range inputs {
		var v any
		if err := json.Unmarshal([]byte(input), &v); err == nil {
			b, _ := blocks[n].(object)
			b["input"] = v
		}
	}
	message["content"] = blocks
	out, err := json.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestCountingTokens is exact for Claude, with the body that InvokeModel would get; other models are
// estimated, which is said.
func TestCountingTokens(t *testing.T) {
	u := startEmulator(t)
	s := startGateway(t, u, "", "")
	count := func(model, more string) (int64, reply, []upstreamCall) {
		t.Helper()
		r := s.send(t, http.MethodPost, "/v1/messages/count_tokens?beta=true", `{"model":"`+model+`","messages":[{"role":"user","content":"What is granite?"}]`+more+`}`, "Anthropic-Beta", "token-counting-2024-11-01")
		var n struct {
			Tokens int64 `json:"input_tokens"`
		}
		if err := json.Unmarshal([]byte(r.text), &n); err != nil || r.StatusCode != http.StatusOK || r.Header.Get("Request-Id") == "" {
			t.Fatalf("%s%s: %d %s", model, more, r.StatusCode, r.text)
		}
		return n.Tokens, r, u.taken()
	}
	for _, model := range []string{"claude", "claude-converse", "claude-invoke"} {
		for _, more := range []string{"", `,"tools":[` + weather + `],"tool_choice":{"type":"auto"}`, `,"thinking":{"type":"enabled","budget_tokens":4000}`, `,"system":"Be brief."`} {
			n, r, calls := count(model, more)
			if len(calls) != 1 || calls[0].operation != "count-tokens" || calls[0].model != strings.TrimPrefix(sonnet, "us.") || strings.Contains(r.Header.Get("X-Outcrop-Warnings"), "estimate") {
				t.Fatalf("%s%s: %+v %v", model, more, calls, r.Header)
			}
			var body struct {
				Input struct {
					InvokeModel *struct{ Body string } `json:"invokeModel"`
				} `json:"input"`
			}
			if err := json.Unmarshal([]byte(calls[0].body), &body); err != nil || (body.Input.InvokeModel != nil) != (model != "claude-converse") {
				t.Fatalf("%s%s: %s", model, more, calls[0].body)
			}
			if body.Input.InvokeModel != nil {
				inner, err := base64.StdEncoding.DecodeString(body.Input.InvokeModel.Body)
				if err != nil || !strings.Contains(string(inner), `"anthropic_version":"bedrock-2023-05-31"`) || strings.Contains(string(inner), `"model"`) {
					t.Errorf("%s%s: %s", model, more, inner)
				}
			}
			whole := s.message(t, `{"model":"`+model+`","max_tokens":4200,"messages":[{"role":"user","content":"What is granite?"}]`+more+`}`)
			u.taken()
			var m struct {
				Usage struct {
					Input int64 `json:"input_tokens"`
				} `json:"usage"`
			}
			if err := json.Unmarshal([]byte(whole.text), &m); err != nil || m.Usage.Input != n {
				t.Errorf("%s%s: counted %d, the message has %d: %s", model, more, n, m.Usage.Input, whole.text)
			}
		}
	}
	for i, calls := range []int{1, 0} { // that AWS does not count for a model is remembered
		n, r, made := count("nova", "")
		if n < 1 || len(made) != calls || !strings.Contains(r.Header.Get("X-Outcrop-Warnings"), "an estimate") {
			t.Errorf("count %d: %d after %d calls, %s", i, n, len(made), r.Header.Get("X-Outcrop-Warnings"))
		}
	}
	for _, body := range []string{`{"model":"nova"}`, `{"model":"nova","messages":[]}`, `{"messages":[{"role":"user","content":"x"}]}`, `{"model":"nova","messages":[{"role":"user","content":"x"}],"safeguards":[1]}`} {
		if r := s.send(t, http.MethodPost, "/v1/messages/count_tokens", body); r.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d %s", body, r.StatusCode, r.text)
		} else {
			failed(t, r.text)
		}
	}
	u.refuses(func(string, string) string { return "Too many tokens for this." })
	if r := s.send(t, http.MethodPost, "/v1/messages/count_tokens", hello("claude", "Hi", "")); r.StatusCode != http.StatusBadRequest || failed(t, r.text).Error.Type != "invalid_request_error" {
		t.Errorf("refused: %d %s", r.StatusCode, r.text)
	}
}

// TestDropParams turns refusals into warnings at each API, by the request's own setting.
func TestDropParams(t *testing.T) {
	u := startEmulator(t)
	s := startGateway(t, u, "", "")
	for _, model := range []string{"claude", "claude-converse", "nova"} {
		r := s.message(t, hello(model, "Hi", `,"drop_params":true,"container":"c_1","safeguards":[{"type":"dangerous_tool_use"}]`))
		warnings := r.Header.Get("X-Outcrop-Warnings")
		if r.StatusCode != http.StatusOK || !strings.Contains(warnings, "field=container") || !strings.Contains(warnings, "field=safeguards") {
			t.Errorf("%s: %d, warnings %s: %s", model, r.StatusCode, warnings, r.text)
		}
		if sent := u.taken()[0].body; strings.Contains(sent, "drop_params") || strings.Contains(sent, "container") {
			t.Errorf("%s: sent %s", model, sent)
		}
	}
}
