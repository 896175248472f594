package e2e

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"outcrop/e2e/roughbedrock"
	"outcrop/llm"
)

// TestBadInput checks that invalid input is answered with a 4xx that names the field,
// in the client's dialect; nothing is sent upstream, and the call is recorded once.
func TestBadInput(t *testing.T) {
	const hi = `{"role":"user","content":"Hi"}`
	with := func(members string) string { return `{"model":"granite",` + members + `}` }
	messages := func(list string) string { return with(`"messages":[` + list + `]`) }
	image := func(url string) string {
		return messages(`{"role":"user","content":[{"type":"text","text":"What is this?"},{"type":"image_url","image_url":{"url":"` + url + `"}}]}`)
	}
	const calling = `{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{}"}}]}`
	const tools = `"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}}]`
	for _, tt := range []struct {
		name, body string
		param      string // empty for none
		code       llm.Code
		words      string
	}{
		{"broken JSON", `{"model":"granite","messages":[{"role":"user","content":"Hi"}`, "messages", llm.CodeBadRequest, "not valid JSON"},
		{"an empty body", ``, "", llm.CodeBadRequest, "not valid JSON"},
		{"a list", `["granite"]`, "", llm.CodeBadRequest, "JSON object expected"},
		{"a NUL in a string", with(`"messages":[{"role":"user","content":"a` + "\x00" + `b"}]`), "messages[0].content", llm.CodeBadRequest, "not valid JSON"},
		{"NULs behind the body", question + "\x00\x00", "", llm.CodeBadRequest, "not valid JSON"},
		{"two bodies", question + question, "", llm.CodeBadRequest, "not valid JSON"},
		{"broken UTF-8", with(`"messages":[{"role":"user","content":"` + "\xff" + `"}]`), "messages[0].content", llm.CodeBadRequest, "UTF-8"},
		{"duplicate keys", with(`"messages":[` + hi + `],"messages":[` + hi + `]`), "messages", llm.CodeBadRequest, "duplicate"},
		{"deep nesting", with(`"messages":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)), "messages[0]", llm.CodeBadRequest, ""},
		{"deep nesting in a field of the model's own", with(`"messages":[` + hi + `],"strata":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)), "strata" + strings.Repeat("[0]", 64) + "[0…", llm.CodeBadRequest, ""},
		{"no messages", `{"model":"granite"}`, "messages", llm.CodeBadRequest, "required"},
		{"empty messages", messages(``), "messages", llm.CodeBadRequest, "at least one"},
		{"messages that are a string", with(`"messages":"Hi"`), "messages", llm.CodeBadRequest, "array"},
		{"only a system message", messages(`{"role":"system","content":"Be brief."}`), "messages", llm.CodeBadRequest, "user"},
		{"an unknown role", messages(`{"role":"wizard","content":"Hi"}`), "messages[0].role", llm.CodeBadRequest, "wizard"},
		{"no role", messages(`{"content":"Hi"}`), "messages[0].role", llm.CodeBadRequest, "required"},
		{"content that is a number", messages(`{"role":"user","content":42}`), "messages[0].content", llm.CodeBadRequest, "number"},
		{"no content", messages(`{"role":"user"}`), "messages[0].content", llm.CodeBadRequest, "is empty"},
		{"no model", `{"messages":[` + hi + `]}`, "model", llm.CodeBadRequest, "required"},
		{"an unknown model", `{"model":"no-such-model","messages":[` + hi + `]}`, "model", llm.CodeModelNotFound, "no-such-model"},
		{"max_tokens below 1", with(`"max_tokens":-5,"messages":[` + hi + `]`), "max_tokens", llm.CodeBadRequest, "-5"},
		{"a temperature in words", with(`"temperature":"hot","messages":[` + hi + `]`), "temperature", llm.CodeBadRequest, "number"},
		{"stream in words", with(`"stream":"yes","messages":[` + hi + `]`), "stream", llm.CodeBadRequest, "boolean"},
		{"a tool result without the call's id", with(tools + `,"messages":[` + hi + `,` + calling + `,{"role":"tool","content":"sunny"}]`), "messages[2].tool_call_id", llm.CodeBadRequest, "required"},
		{"an image at the metadata service", image("http://169.254.169.254/latest/meta-data"), "messages[0].content[1].image_url.url", llm.CodeUnsupported, "data URI"},
		{"an image in a file", image("file:///etc/passwd"), "messages[0].content[1].image_url.url", llm.CodeBadRequest, "unsupported URL scheme"},
		{"an image that is none", image("data:image/png;base64,PGh0bWw+aGVsbG88L2h0bWw+"), "messages[0].content[1].image_url.url", llm.CodeBadRequest, "not a supported image"},
		{"5,000 tools", with(`"messages":[` + hi + `],"tools":[` + strings.Repeat(`{"type":"function","function":{"name":"f"}},`, 4999) + `{"type":"function","function":{"name":"f"}}]`), "tools", llm.CodeBadRequest, "5000"},
		{"a schema without an end", with(`"messages":[` + hi + `],"tools":[{"type":"function","function":{"name":"f","parameters":{"$ref":"#"}}}]`), "tools[0].function.parameters", llm.CodeBadRequest, "has a circular $ref"},
		{"a number beyond int64", with(`"max_tokens":9223372036854775808,"messages":[` + hi + `]`), "max_tokens", llm.CodeBadRequest, "9223372036854775808"},
		{"an image that is not base64", image("data:image/png;base64,@@@ not base64 @@@"), "messages[0].content[1].image_url.url", llm.CodeBadRequest, "base64"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, complete, once)
			s := b.ask(t, tt.body)
			b.compareRefusal(t, s, tt.code, tt.words, "openai_chat")
			param := ""
			if s.failure != nil && s.failure.Param != nil {
				param = *s.failure.Param
			}
			if param != tt.param {
				t.Errorf("param %q, want %q", param, tt.param)
			}
		})
	}
}

// complete sends a complete answer.
func complete(c *roughbedrock.Call) { c.Complete("end_turn") }

// compareRefusal checks what the client of a refused request received, and its record,
// and closes the bench.
func (b *bench) compareRefusal(t *testing.T, s *seen, code llm.Code, words, door string) {
	t.Helper()
	if s.status < 400 || s.status > 499 || s.text != "" {
		t.Errorf("status %d, want one of 400 to 499: %+v", s.status, s)
	}
	want{code: code, words: words}.compareFailure(t, s)
	if n := b.upstream.Calls(); n != 0 {
		t.Errorf("the upstream was called %d times", n)
	}
	lines := b.close(t)
	if len(lines) != 1 || lines[0].Status != s.status || lines[0].Code != string(code) || lines[0].Door != door {
		t.Errorf("recorded %+v, want one call with %d and %s", lines, s.status, code)
	}
}

// TestKeys checks that nothing is served without the master key, and that the gateway
// does not wait for the body.
func TestKeys(t *testing.T) {
	for name, header := range map[string]string{
		"no key": "X-Other: x", "a wrong key": "Authorization: Bearer sk-" + strings.Repeat("0", 48), "the key without its scheme": "Authorization: " + masterKey, "a wrong api-key": "api-key: no",
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, complete, once)
			conn := b.dial(t)
			send(t, conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\n"+header+"\r\nContent-Length: 1000000\r\n\r\n")
			s := receive(t, conn)
			if s.status != 401 || s.header.Get("Www-Authenticate") == "" {
				t.Errorf("status %d, header %v", s.status, s.header)
			}
			b.compareRefusal(t, s, llm.CodeUnauthorized, "key", "refused")
		})
	}
	for _, name := range []string{"Authorization: Bearer ", "api-key: ", "x-api-key: ", "x-litellm-api-key: ", "x-goog-api-key: "} {
		t.Run("the right key as "+strings.TrimSpace(name), func(t *testing.T) {
			b := newBench(t, complete, once)
			conn := b.dial(t)
			send(t, conn, fmt.Sprintf("POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n%s%s\r\nContent-Length: %d\r\n\r\n%s", name, masterKey, len(question), question))
			b.compare(t, false, receive(t, conn), whole())
		})
	}
}

// TestBodiesAreBounded checks that a request over max_request_size_mb, 1 MB here, is
// refused at once if it has a length, and at the limit otherwise.
func TestBodiesAreBounded(t *testing.T) {
	t.Run("with a Content-Length", func(t *testing.T) {
		b := newBench(t, complete, once)
		conn := b.dial(t)
		send(t, conn, head(60<<20)) // the body is never sent
		s := receive(t, conn)
		if s.status != 413 {
			t.Errorf("status %d, want 413", s.status)
		}
		b.compareRefusal(t, s, llm.CodeTooLarge, "1 MB", "openai_chat")
	})
	t.Run("in chunks without end", func(t *testing.T) {
		b := newBench(t, complete, once)
		conn := b.dial(t)
		start, _, _ := strings.Cut(head(0), "Content-Length")
		send(t, conn, start+"Transfer-Encoding: chunked\r\n\r\n")
		for range 17 { // one more than the limit
			send(t, conn, "10000\r\n"+strings.Repeat(" ", 1<<16)+"\r\n")
		}
		s := receive(t, conn)
		if s.status != 413 {
			t.Errorf("status %d, want 413", s.status)
		}
		b.compareRefusal(t, s, llm.CodeTooLarge, "1 MB", "openai_chat")
	})
	t.Run("a body just below the limit is taken", func(t *testing.T) {
		b := newBench(t, complete, once)
		big := strings.Replace(question, "What is granite?", strings.Repeat("granite ", 130_000), 1)
		b.compare(t, false, b.ask(t, big), whole())
	})
	t.Run("a header of a megabyte", func(t *testing.T) {
		b := newBench(t, complete, once)
		conn := b.dial(t)
		// The write may fail: the gateway need not read the rest to refuse.
		_, _ = io.WriteString(conn, head(len(question), "X-Strata: "+strings.Repeat("s", 1<<20)))
		status := make([]byte, len("HTTP/1.1 431"))
		if _, err := io.ReadFull(conn, status); err != nil || string(status) != "HTTP/1.1 431" {
			t.Errorf("the gateway answered %q, %v; want 431", status, err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		if n := b.upstream.Calls(); n != 0 {
			t.Errorf("the upstream was called %d times", n)
		}
		b.close(t)
	})
}

// TestSlowClients checks that neither a header nor a body may trickle in for ever. The
// limits are those of package httpd, 10 s and 30 s.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, sent string
		status     int // 0 for a connection closed without an answer
	}{
		{"a header that does not end", "POST /v1/chat/completions HTTP/1.1\r\nHost: gate", 0},
		{"a body that does not come", head(1000) + `{"model":`, 408},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			upstream, err := roughbedrock.Listen(complete, judge.Keep)
			if err != nil {
				t.Fatal(err)
			}
			defer upstream.Close()
			g := startRough(t, once, upstream.URL())
			conn := g.dial(t)
			send(t, conn, tt.sent)
			if tt.status == 0 {
				if rest, err := io.ReadAll(conn); err != nil || len(rest) > 0 && !strings.HasPrefix(string(rest), "HTTP/1.1 408") {
					t.Errorf("the gateway answered %q, %v", rest, err)
				}
				return
			}
			s := receive(t, conn)
			g.stop(t)
			lines := g.log.lines(t)
			if s.status != tt.status || len(lines) != 1 || lines[0].Code != string(llm.CodeSlowClient) || upstream.Calls() != 0 {
				t.Errorf("status %d, recorded %+v, %d upstream calls", s.status, lines, upstream.Calls())
			}
		})
	}
}
