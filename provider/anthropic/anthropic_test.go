package anthropic_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/anthropic"
	"outcrop/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "sk-ant-api03-granite"

// call is a request that reached the fake API.
type call struct {
	path   string
	header http.Header
	body   map[string]any
}

// fake is an API that gives one answer and keeps the last request.
type fake struct {
	*httptest.Server
	last   call
	answer func(w http.ResponseWriter)
}

func startFake(t *testing.T, answer func(w http.ResponseWriter)) *fake {
	t.Helper()
	f := &fake{answer: answer}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.last = call{path: r.URL.Path, header: r.Header.Clone()}
		if err := json.Unmarshal(body, &f.last.body); err != nil {
			t.Errorf("body %s: %v", body, err)
		}
		w.Header().Set("Request-Id", "req_1")
		f.answer(w)
	}))
	t.Cleanup(f.Close)
	return f
}

// whole answers with a status and a body.
func whole(status int, body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// streamed answers with server-sent events.
func streamed(events ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		for _, e := range events {
			var head struct {
				Type string `json:"type"`
			}
			_ = json.Unmarshal([]byte(e), &head)
			_, _ = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", head.Type, e)
		}
	}
}

// target opens a deployment at the fake.
func (f *fake) target(t *testing.T, model string, environ map[string]string, values map[string]string) provider.Target {
	t.Helper()
	all := map[string]string{"api_base": f.URL, "api_key": secret}
	maps.Copy(all, values)
	client := upstream.New()
	t.Cleanup(client.CloseIdle)
	d, err := anthropic.Provider().Open(t.Context(), provider.Params{
		Model: model, Values: all, Upstream: client, Environ: func(name string) string { return environ[name] },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	targets, err := d.Targets(llm.VerbChat, model)
	if err != nil {
		t.Fatal(err)
	}
	return targets[0]
}

const answer = `{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[{"type":"thinking","thinking":"Hm.","signature":"c2ln"},{"type":"text","text":"Granite."},{"type":"tool_use","id":"toolu_1","name":"look","input":{"a":1}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":9,"cache_read_input_tokens":4,"output_tokens":7,"service_tier":"standard"}}`

var events = []string{
	`{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[],"stop_reason":null,"usage":{"input_tokens":9,"cache_read_input_tokens":4,"output_tokens":1,"service_tier":"standard"}}}`,
	`{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}`,
	`{"type":"ping"}`,
	`{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm."}}`,
	`{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}`,
	`{"type":"content_block_stop","index":0}`,
	`{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}`,
	`{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Granite."}     }`,
	`{"type":"content_block_stop","index":1}`,
	`{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"toolu_1","name":"look","input":{}}}`,
	`{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\""}}`,
	`{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":":1}"}}`,
	`{"type":"content_block_stop","index":2}`,
	`{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":7}}`,
	`{"type":"message_stop"}`,
}

func ask(text string) *llm.Request {
	return &llm.Request{Call: llm.Call{Model: "mine"}, Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: text}}}}}
}

// folded is a stream's answer.
func folded(s llm.Stream) (*llm.Response, error) {
	defer s.Close()
	var f llm.Fold
	for {
		var ev llm.Event
		if err := s.Next(&ev); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			f.Meta = *s.Meta()
			return f.Answer(), err
		}
		f.Add(&ev)
	}
}

func TestChatIsTheSameWholeAndStreamed(t *testing.T) {
	f := startFake(t, whole(200, answer))
	target := f.target(t, "claude-sonnet-4-5", nil, nil)
	chatter := target.(provider.Chatter)
	req := ask("What is it?")
	req.System = []llm.Block{{Kind: llm.BlockText, Text: "Be brief."}}
	req.User = "u-1"
	req.Reasoning.Effort = "low"
	req.Headers = []llm.Label{{Name: "anthropic-beta", Value: "a-2025-01-01,b-2025-01-01"}}
	req.Tools = []llm.Tool{{Name: "look", Schema: jsonx.Raw(`{"type":"object"}`)}}
	first, err := chatter.Complete(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	sent := f.last
	want := map[string]any{
		"model": "claude-sonnet-4-5", "max_tokens": 64000.0, "system": []any{map[string]any{"type": "text", "text": "Be brief."}},
		"messages": []any{map[string]any{"role": "user", "content": []any{map[string]any{"type": "text", "text": "What is it?"}}}},
		"tools":    []any{map[string]any{"name": "look", "input_schema": map[string]any{"type": "object"}}},
		"thinking": map[string]any{"type": "enabled", "budget_tokens": 1024.0}, "metadata": map[string]any{"user_id": "u-1"},
	}
	if diff := cmp.Diff(want, sent.body); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	if sent.path != "/v1/messages" || sent.header.Get("X-Api-Key") != secret || sent.header.Get("Anthropic-Version") != "2023-06-01" || sent.header.Get("Anthropic-Beta") != "a-2025-01-01,b-2025-01-01" || sent.header.Get("Authorization") != "" {
		t.Errorf("sent %s %v", sent.path, sent.header)
	}
	f.answer = streamed(events...)
	s, err := chatter.Stream(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	second, err := folded(s)
	if err != nil {
		t.Fatal(err)
	}
	if f.last.body["stream"] != true {
		t.Errorf("sent %v", f.last.body)
	}
	for _, r := range []*llm.Response{first, second} {
		if len(r.Blocks) != 3 || r.Blocks[0].Signature != "c2ln" || r.Blocks[1].Text != "Granite." || string(r.Blocks[2].ToolUse.Input) != `{"a":1}` || r.Stop != llm.StopToolUse {
			t.Errorf("%+v", r.Blocks)
		}
		if r.Usage.Input != 9 || r.Usage.CacheRead != llm.Some[int64](4) || r.Usage.Output != 7 || r.ServiceTier != "default" || r.Meta.UpstreamID != "req_1" {
			t.Errorf("%+v %+v", r.Usage, r.Meta)
		}
	}
}

func TestBodiesInAnthropicsDialectPassThrough(t *testing.T) {
	f := startFake(t, whole(200, answer))
	target := f.target(t, "claude-opus-4-5", nil, nil)
	passer := target.(provider.Passer)
	raw := func(more string) *llm.Raw {
		return &llm.Raw{
			Call: llm.Call{Model: "mine", Headers: []llm.Label{{Name: "Anthropic-Beta", Value: "x-2026-01-01"}}}, Dialect: llm.DialectAnthropic,
			Body: jsonx.Raw(`{"model":"mine","max_tokens":5,"drop_params":true,"new_member":{"a":[1]},"messages":[{"role":"user","content":"Hi"}]` + more + `}`),
		}
	}
	if !passer.Speaks(llm.DialectAnthropic) || passer.Speaks(llm.DialectBedrock) {
		t.Error("it speaks other dialects")
	}
	r, err := passer.Pass(t.Context(), raw(""))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"model": "claude-opus-4-5", "max_tokens": 5.0, "new_member": map[string]any{"a": []any{1.0}}, "messages": []any{map[string]any{"role": "user", "content": "Hi"}}}
	if diff := cmp.Diff(want, f.last.body); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	if f.last.header.Get("Anthropic-Beta") != "x-2026-01-01" {
		t.Errorf("sent %v", f.last.header)
	}
	if string(r.Body) != strings.Replace(answer, "claude-sonnet-4-5-20250929", "mine", 1) || r.Usage.Output != 7 || r.RawStop != "tool_use" {
		t.Errorf("got %s %+v", r.Body, r)
	}
	f.answer = streamed(events...)
	s, err := passer.PassStream(t.Context(), raw(`,"stream":true`))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var text strings.Builder
	var usage *llm.Usage
	for {
		var ev llm.RawEvent
		if err := s.Next(&ev); err != nil {
			if !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			break
		}
		text.Write(ev.Data)
		if ev.Usage != nil {
			usage = ev.Usage
		}
	}
	var sent strings.Builder
	for _, e := range events {
		kind, _, _ := strings.Cut(strings.TrimPrefix(e, `{"type":"`), `"`)
		sent.WriteString("event: " + kind + "\ndata: " + strings.Replace(e, "claude-sonnet-4-5-20250929", "mine", 1) + "\n\n")
	}
	if text.String() != sent.String() {
		t.Errorf("relayed\n%s\nwant\n%s", text.String(), sent.String())
	}
	if usage == nil || usage.Input != 9 || usage.Output != 7 {
		t.Errorf("%+v", usage)
	}
}

func TestTokensAreCountedByTheRealEndpoint(t *testing.T) {
	f := startFake(t, whole(200, `{"input_tokens":42}`))
	target := f.target(t, "claude-opus-4-5", nil, nil)
	n, err := target.(provider.RawCounter).CountRaw(t.Context(), &llm.Raw{Dialect: llm.DialectAnthropic, Body: jsonx.Raw(`{"model":"mine","messages":[]}`)})
	if err != nil || n.Tokens != 42 || f.last.path != "/v1/messages/count_tokens" || f.last.body["model"] != "claude-opus-4-5" {
		t.Errorf("%+v %v %+v", n, err, f.last)
	}
	n, err = target.(provider.Counter).CountTokens(t.Context(), ask("Hi"))
	if err != nil || n.Tokens != 42 || f.last.body["max_tokens"] != nil || f.last.body["stream"] != nil {
		t.Errorf("%+v %v %+v", n, err, f.last)
	}
}

func TestSettingsOfConnectionsInABodyAreRefused(t *testing.T) {
	f := startFake(t, whole(200, answer))
	_, err := f.target(t, "claude-opus-4-5", nil, nil).(provider.Passer).Pass(t.Context(), &llm.Raw{Dialect: llm.DialectAnthropic, Body: jsonx.Raw(`{"model":"mine","api_key":"sk-mine"}`)})
	if e := llm.AsError(err); e.Param != "api_key" || strings.Contains(e.Message, "sk-mine") || f.last.path != "" {
		t.Errorf("%v, sent %+v", err, f.last)
	}
}

func TestRefusalsSayWhoHasToAct(t *testing.T) {
	for _, tt := range []struct {
		status            int
		kind, message     string
		code              llm.Code
		want              int
		actor             llm.Actor
		retry             llm.Retry
		withoutAnError    bool
		mustContainInText string
	}{
		{401, "authentication_error", "invalid x-api-key", llm.CodeAPIKeyInvalid, 403, llm.ActorOperator, llm.RetryNo, false, "configuration"},
		{403, "permission_error", "Your API key does not have permission to use the specified resource.", llm.CodeNotGranted, 403, llm.ActorOperator, llm.RetryNo, false, "access"},
		{402, "billing_error", "There's an issue with your billing or payment information.", llm.CodeBilling, 402, llm.ActorOperator, llm.RetryNo, false, "credit"},
		{400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.", llm.CodeBilling, 402, llm.ActorOperator, llm.RetryNo, false, "credit"},
		{400, "invalid_request_error", "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.", llm.CodeServiceQuota, 429, llm.ActorOperator, llm.RetryNo, false, "limit"},
		{404, "not_found_error", "model: claude-none", llm.CodeModelUnknown, 404, llm.ActorCaller, llm.RetryNo, false, "claude-opus-4-5"},
		{413, "request_too_large", "Request exceeds the maximum size", llm.CodeTooLong, 413, llm.ActorCaller, llm.RetryNo, false, ""},
		{429, "rate_limit_error", "This request would exceed your organization's rate limit of 50 requests per minute", llm.CodeLimitRequests, 429, llm.ActorCaller, llm.RetryLater, false, ""},
		{429, "rate_limit_error", "This request would exceed the rate limit of 40,000 input tokens per minute", llm.CodeLimitTokens, 429, llm.ActorCaller, llm.RetryLater, false, ""},
		{500, "api_error", "Internal server error", llm.CodeServiceInternal, 500, llm.ActorProvider, llm.RetryLater, false, ""},
		{504, "timeout_error", "Request timed out", llm.CodeTimeout, 504, llm.ActorProvider, llm.RetryNowElsewhere, false, ""},
		{529, "overloaded_error", "Overloaded", llm.CodeUnavailable, 503, llm.ActorProvider, llm.RetryNowElsewhere, false, ""},
		{400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", llm.CodeTooLong, 400, llm.ActorCaller, llm.RetryNo, false, ""},
		{400, "invalid_request_error", "max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens for claude-opus-4-5", llm.CodeMaxTokens, 400, llm.ActorCaller, llm.RetryNo, false, ""},
		{400, "invalid_request_error", "messages.1.content.0: unexpected `tool_use_id` found in `tool_result` blocks: toolu_1. Each `tool_result` block must have a corresponding `tool_use` block in the previous message.", llm.CodeToolPairing, 400, llm.ActorCaller, llm.RetryNo, false, ""},
		{400, "invalid_request_error", "tools.0.custom.foo: Extra inputs are not permitted", llm.CodeUnknownField, 400, llm.ActorCaller, llm.RetryNo, false, ""},
		{407, "", "<html>Proxy authentication</html>", llm.CodeUnreachable, 502, llm.ActorOperator, llm.RetryNowElsewhere, true, "api_base"},
		{502, "", "<html>Bad gateway</html>", llm.CodeServiceInternal, 500, llm.ActorProvider, llm.RetryLater, true, ""},
	} {
		t.Run(tt.message, func(t *testing.T) {
			body := tt.message + " " + secret
			if !tt.withoutAnError {
				text, _ := json.Marshal(tt.message + " " + secret)
				body = `{"type":"error","error":{"type":"` + tt.kind + `","message":` + string(text) + `},"request_id":"req_2"}`
			}
			f := startFake(t, func(w http.ResponseWriter) {
				w.Header().Set("Retry-After", "7")
				whole(tt.status, body)(w)
			})
			target := f.target(t, "claude-opus-4-5", nil, nil)
			_, err := target.(provider.Chatter).Stream(t.Context(), ask("Hi"))
			e := llm.AsError(err)
			if e.Code != tt.code || e.Status != tt.want || e.Responsible() != tt.actor || e.CanRetry() != tt.retry {
				t.Errorf("%s, status %d, %s, retry %s", e.Code, e.Status, e.Responsible(), e.CanRetry())
			}
			if e.UpstreamStatus != tt.status || e.RetryAfter != "7" || e.RequestID != "req_1" || e.Destination.ID != "claude-opus-4-5" {
				t.Errorf("%+v", e)
			}
			if all := e.Message + e.Fix + e.Cause + string(e.Body) + e.Logged; strings.Contains(all, secret) || !strings.Contains(all, tt.mustContainInText) {
				t.Errorf("it says %s", all)
			}
		})
	}
}

func TestStreamsThatDoNotFinishAreErrors(t *testing.T) {
	join := func(events []string, end string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			streamed(events...)(w)
			_, _ = io.WriteString(w, end)
		}
	}
	for name, tt := range map[string]struct {
		answer func(http.ResponseWriter)
		code   llm.Code
	}{
		"nothing":                 {streamed(), llm.CodeInterrupted},
		"no message_stop":         {streamed(events[:len(events)-1]...), llm.CodeInterrupted},
		"cut in an event":         {join(events[:7], "event: content_block_delta\ndata: {\"ty"), llm.CodeInterrupted},
		"not JSON":                {join(events[:7], "data: {]\n\n"), llm.CodeInterrupted},
		"a delta without a block": {join(events[:1], "data: "+events[7]+"\n\n"), llm.CodeInterrupted},
		"not UTF-8":               {join(events[:7], "data: {\"type\":\"\xff\"}\n\n"), llm.CodeInterrupted},
		"another type":            {whole(200, answer), llm.CodeInterrupted},
		"overloaded":              {streamed(append(append([]string{}, events[:8]...), `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`)...), llm.CodeUnavailable},
		"a reset": {func(w http.ResponseWriter) {
			streamed(events[:8]...)(w)
			c, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_ = c.Close()
			}
		}, llm.CodeInterrupted},
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t, tt.answer)
			target := f.target(t, "claude-opus-4-5", nil, nil)
			s, err := target.(provider.Chatter).Stream(t.Context(), ask("Hi"))
			if err == nil {
				_, err = folded(s)
			}
			if e := llm.AsError(err); err == nil || e.Code != tt.code || e.Responsible() != llm.ActorProvider || e.RequestID != "req_1" {
				t.Errorf("in the common language: %v", err)
			}
			if name == "a delta without a block" { // which is the client's to find where events pass through
				return
			}
			raw, err := target.(provider.Passer).PassStream(t.Context(), &llm.Raw{Dialect: llm.DialectAnthropic, Body: jsonx.Raw(`{"stream":true}`)})
			if err == nil {
				defer raw.Close()
				var ev llm.RawEvent
				for err == nil {
					err = raw.Next(&ev)
				}
			}
			if e := llm.AsError(err); errors.Is(err, io.EOF) || e.Code != tt.code {
				t.Errorf("passed through: %v", err)
			}
		})
	}
}

func TestResponsesThatAreNoMessagesAreErrors(t *testing.T) {
	for _, body := range []string{"", "{}", "[]", `{"type":"message","content":null}`, `{"type":"message","content":[`, `{"type":"error","error":{"type":"api_error","message":"m"}}`} {
		f := startFake(t, whole(200, body))
		target := f.target(t, "claude-opus-4-5", nil, nil)
		if _, err := target.(provider.Chatter).Complete(t.Context(), ask("Hi")); err == nil {
			t.Errorf("%s is taken", body)
		}
		if _, err := target.(provider.Passer).Pass(t.Context(), &llm.Raw{Dialect: llm.DialectAnthropic, Body: jsonx.Raw(`{}`)}); err == nil {
			t.Errorf("%s passes", body)
		}
	}
}

func TestACancelledCallEnds(t *testing.T) {
	stop := make(chan struct{})
	f := startFake(t, func(w http.ResponseWriter) {
		streamed(events[:1]...)(w)
		_ = http.NewResponseController(w).Flush()
		<-stop
	})
	defer close(stop)
	ctx, cancel := context.WithCancelCause(t.Context())
	s, err := f.target(t, "claude-opus-4-5", nil, nil).(provider.Chatter).Stream(ctx, ask("Hi"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var ev llm.Event
	if err := s.Next(&ev); err != nil {
		t.Fatal(err)
	}
	own := &llm.Error{Code: llm.CodeClientGone, Status: 499, Message: "gone"}
	cancel(own)
	if err := s.Next(&ev); llm.AsError(err).Code != llm.CodeClientGone {
		t.Errorf("%v", err)
	}
}

func TestKeysComeFromSettingsOrTheEnvironment(t *testing.T) {
	for name, tt := range map[string]struct {
		values, environ map[string]string
		header, want    string
		beta            string
	}{
		"the key of the environment":   {map[string]string{"api_key": ""}, map[string]string{"ANTHROPIC_API_KEY": "sk-env"}, "X-Api-Key", "sk-env", ""},
		"a token":                      {map[string]string{"api_key": ""}, map[string]string{"ANTHROPIC_AUTH_TOKEN": "tok"}, "Authorization", "Bearer tok", ""},
		"the key goes before a token":  {map[string]string{"api_key": "sk-a"}, map[string]string{"ANTHROPIC_AUTH_TOKEN": "tok"}, "X-Api-Key", "sk-a", ""},
		"the token of a login":         {map[string]string{"api_key": "sk-ant-oat01-x"}, nil, "Authorization", "Bearer sk-ant-oat01-x", "oauth-2025-04-20"},
		"none":                         {map[string]string{"api_key": ""}, nil, "", "", ""},
		"an address with the path":     {nil, nil, "X-Api-Key", secret, ""},
		"an address of the SDK's kind": {nil, nil, "X-Api-Key", secret, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t, whole(200, answer))
			values := map[string]string{}
			maps.Copy(values, tt.values)
			switch name {
			case "an address with the path":
				values["api_base"] = f.URL + "/v1/messages"
			case "an address of the SDK's kind":
				values["api_base"] = f.URL + "/v1/"
			}
			_, err := f.target(t, "claude-opus-4-5", tt.environ, values).(provider.Chatter).Complete(t.Context(), ask("Hi"))
			if tt.want == "" {
				if e := llm.AsError(err); e.Code != llm.CodeCredentialsMissing || !strings.Contains(e.Fix, "ANTHROPIC_API_KEY") {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil || f.last.header.Get(tt.header) != tt.want || f.last.header.Get("Anthropic-Beta") != tt.beta || f.last.path != "/v1/messages" {
				t.Errorf("%v; sent %s %v", err, f.last.path, f.last.header)
			}
		})
	}
}

func TestWrongSettingsNameTheOption(t *testing.T) {
	for _, tt := range []struct{ option, value, says string }{
		{"api_base", "api.anthropic.com", "https://"},
		{"api_base", "https://", "host"},
		{"api_base", "https://u:p@host", "password"},
		{"api_base", "https://host?key=1", "query"},
		{"api_key", "sk-a\n", "line break"},
		{"ssl_verify", "/none/ca.pem", "cannot be read"},
	} {
		_, err := anthropic.Provider().Open(t.Context(), provider.Params{Model: "claude-opus-4-5", Upstream: upstream.New(), Values: map[string]string{tt.option: tt.value}})
		e, ok := errors.AsType[*provider.OptionError](err)
		if !ok || e.Option != tt.option || !strings.Contains(e.Reason, tt.says) || strings.Contains(e.Reason, "u:p") {
			t.Errorf("%s %q: %v", tt.option, tt.value, err)
		}
	}
}

func TestADeploymentDoesNotPrintItsKey(t *testing.T) {
	d, err := anthropic.Provider().Open(t.Context(), provider.Params{Model: "claude-opus-4-5", Upstream: upstream.New(), Values: map[string]string{"api_key": secret}})
	if err != nil {
		t.Fatal(err)
	}
	targets, _ := d.Targets(llm.VerbChat, "claude-opus-4-5")
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format+" "+format, d, targets[0]); strings.Contains(text, secret) {
			t.Errorf("%s prints %s", format, text)
		}
	}
}
