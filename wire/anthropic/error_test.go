package anthropic_test

import (
	"encoding/json"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/anthropic"
)

// TestErrors covers the types by status, and what stands in the object.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		code    llm.Code
		status  int
		kind    string
		gets    int
		retried string
	}{
		{llm.CodeBadRequest, 400, "invalid_request_error", 400, ""},
		{llm.CodeUnauthorized, 401, "authentication_error", 401, "false"},
		{"", 402, "billing_error", 402, ""},
		{llm.CodeDenied, 403, "permission_error", 403, ""},
		{llm.CodeModelNotFound, 404, "not_found_error", 404, ""},
		{llm.CodeMethod, 405, "invalid_request_error", 405, ""},
		{llm.CodeSlowClient, 408, "timeout_error", 408, "false"},
		{llm.CodeTimeout, 408, "timeout_error", 408, ""},
		{llm.CodeTooLarge, 413, "request_too_large", 413, ""},
		{llm.CodeModelError, 424, "api_error", 424, "true"},
		{llm.CodeLimitTokens, 429, "rate_limit_error", 429, ""},
		{llm.CodeTokensPerDay, 429, "rate_limit_error", 429, "false"},
		{llm.CodeServiceInternal, 500, "api_error", 500, ""},
		{llm.CodeInternal, 500, "api_error", 500, "false"},
		{llm.CodeInterrupted, 502, "api_error", 502, ""},
		{llm.CodeStopping, 503, "api_error", 503, ""},
		{llm.CodeUnavailable, 503, "overloaded_error", 529, ""},
		{llm.CodeOverloaded, 503, "overloaded_error", 529, ""},
		{"", 504, "timeout_error", 504, ""},
		{llm.CodeModelNotInRegion, 400, "invalid_request_error", 400, ""},
	} {
		e := &llm.Error{Code: c.code, Status: c.status, Message: "it failed", Fix: "Wait.", Upstream: true, Type: "SomeException", Statement: jsonx.Raw(`{"Effect":"Allow"}`)}
		var got struct {
			Type  string
			Error struct {
				Type, Message string
				Outcrop       object
			}
			RequestID *string `json:"request_id"`
		}
		if err := json.Unmarshal(anthropic.AppendError(nil, e, "req_1"), &got); err != nil {
			t.Fatal(err)
		}
		if got.Type != "error" || got.Error.Type != c.kind || anthropic.Status(e) != c.gets || *got.RequestID != "req_1" {
			t.Errorf("%s %d: %+v, status %d", c.code, c.status, got, anthropic.Status(e))
		}
		if got.Error.Message != "it failed. Wait." || got.Error.Outcrop["code"] != any(string(c.code)) && c.code != "" || got.Error.Outcrop["statement"] == nil {
			t.Errorf("%s: %+v", c.code, got)
		}
		if r := anthropic.ShouldRetry(e); r != c.retried {
			t.Errorf("%s %d: x-should-retry %q, want %q", c.code, c.status, r, c.retried)
		}
	}
	if b := anthropic.AppendError(nil, &llm.Error{Status: 400}, ""); strings.Contains(string(b), "request_id") {
		t.Errorf("%s", b)
	}
}

// TestMessagesNameFieldsInAnthropicsWords: the gateway's own messages have the path in them.
func TestMessagesNameFieldsInAnthropicsWords(t *testing.T) {
	e := llm.Unsupported("messages[1].content[0]", "%s is a video, which is not supported by this model", "messages[1].content[0]")
	e.Fix = "Leave messages[1].content[0] out."
	if b := string(anthropic.AppendError(nil, e, "")); !strings.Contains(b, `"messages.1.content.0 is a video, which is not supported by this model. Leave messages.1.content.0 out."`) {
		t.Error(b)
	}
	_, err := anthropic.Decode([]byte(with(`"safeguards":[1]`)), anthropic.Options{})
	if b := string(anthropic.AppendError(nil, llm.AsError(err), "")); !strings.Contains(b, `"safeguards: Extra inputs are not permitted"`) {
		t.Error(b)
	}
}

// TestWordsThatClientsRead: numbers that Claude Code reads out of messages.
func TestWordsThatClientsRead(t *testing.T) {
	asked := &anthropic.Asked{Model: "granite", MaxTokens: 128000}
	for _, c := range []struct {
		code          llm.Code
		message, want string
	}{
		{llm.CodeTooLong, "prompt is too long: 210000 tokens > 200000 maximum", ""},
		{llm.CodeTooLong, "The model returned the following errors: prompt is too long: 210000 tokens > 200000 maximum", ""},
		{llm.CodeTooLong, "Input is too long for requested model.", ""},
		{llm.CodeTooLong, "input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000, decrease input length", ""},
		{llm.CodeTooLong, "This model's maximum context length is 131,072 tokens. However, you requested 140000 tokens (139000 in the messages, 1000 in the completion).", "prompt is too long: 140000 tokens > 131072 maximum (This"},
		{llm.CodeTooLong, "Input Tokens Exceeded: Number of input tokens exceeds maximum length. Please update the input to try again.", "prompt is too long (Input Tokens Exceeded"},
		{llm.CodeTooLong, "The prompt has 9000 tokens, the model takes 8192", "prompt is too long: 9000 tokens > 8192 maximum (The"},
		{llm.CodeTooLong, "99999999999999999999 tokens", "prompt is too long (9999"},
		{llm.CodeMaxTokens, "max_tokens: 128000 > 64000, which is the maximum allowed number of output tokens for claude-x", ""},
		{llm.CodeMaxTokens, "The maximum tokens you requested exceeds the model limit of 10000. Try again with a maximum tokens value that is lower than 10000.", "max_tokens: 128000 > 10000, which is the maximum allowed number of output tokens for granite (The maximum"},
		{llm.CodeMaxTokens, "Value '128000' at 'inferenceConfig.maxTokens' failed to satisfy constraint: Member must have value less than or equal to 65536", "max_tokens: 128000 > 65536, which"},
		{llm.CodeMaxTokens, "It is too much.", ""},
		{llm.CodeInvalid, "the maximum is 10000", ""},
	} {
		e := &llm.Error{Code: c.code, Status: 400, Upstream: true, Message: c.message}
		got := anthropic.InWords(e, asked)
		if c.want == "" && got.Message != c.message || !strings.HasPrefix(got.Message, c.want) {
			t.Errorf("%s\nbecomes %s", c.message, got.Message)
		}
		if !strings.Contains(got.Message, strings.TrimSuffix(c.message, ".")) {
			t.Errorf("AWS's words are lost: %s", got.Message)
		}
		if again := anthropic.InWords(got, nil); again != got {
			t.Errorf("%s\nbecomes %s", got.Message, again.Message)
		}
	}
	e := &llm.Error{Code: llm.CodeMaxTokens, Status: 400, Message: "max_tokens 128000 exceeds the limit of 64000"}
	if got := anthropic.InWords(e, nil).Message; !strings.HasPrefix(got, "max_tokens: 128000 > 64000, which is the maximum allowed number of output tokens (") {
		t.Error(got)
	}
}

// TestParam writes paths as Anthropic's errors have them.
func TestParam(t *testing.T) {
	for path, want := range map[string]string{
		"":                                       "",
		"model":                                  "model",
		"messages[1].content[0].source.url":      "messages.1.content.0.source.url",
		"messages[1].content[0].content[2].type": "messages.1.content.0.content.2.type",
		"messages.1.content.0":                   "messages.1.content.0",
		"anthropic-beta":                         "anthropic-beta",
	} {
		if got := anthropic.Param(path); got != want {
			t.Errorf("%s becomes %s, want %s", path, got, want)
		}
	}
}
