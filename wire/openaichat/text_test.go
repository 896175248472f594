package openaichat_test

import (
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/litellm"
	"outcrop/wire/openaichat"
)

func decodeText(t *testing.T, body string) *openaichat.TextRequest {
	t.Helper()
	r, err := openaichat.DecodeText([]byte(body), litellm.Options{})
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return r
}

func TestATextRequestForAnEndpointHasNothingOfTheGateways(t *testing.T) {
	r := decodeText(t, `{"model":"m","prompt":[[1,2],[3]],"suffix":"s","n":2,"best_of":3,"echo":true,"logprobs":0,"stream":true,"stream_options":{"include_usage":true},"user":"u","max_tokens":5,"stop":["a"],"metadata":{"team":"a"},"extra_headers":{"X-A":"1"},"drop_params":true}`)
	if got := string(r.Body); got != `{"model":"m","prompt":[[1,2],[3]],"suffix":"s","n":2,"best_of":3,"logprobs":0,"echo":true,"stream":true,"stream_options":{"include_usage":true},"user":"u","max_tokens":5,"stop":["a"]}` {
		t.Errorf("body %s", got)
	}
	if !r.Tokens || r.Prompts != nil || r.Choices != 2 || !r.Echo || !r.IncludeUsage || !r.Call.Stream || !r.Call.DropParams || len(r.Call.Metadata) != 1 || len(r.Call.Headers) != 1 {
		t.Errorf("%+v", r)
	}
	if bare := decodeText(t, `{"model":"m","prompt":null,"stream_options":null}`); string(bare.Body) != `{"model":"m","prompt":null}` || bare.Choices != 1 || bare.Tokens {
		t.Errorf("%s %+v", bare.Body, bare)
	}
}

func TestInvalidTextRequestsAreRefusedByField(t *testing.T) {
	for body, param := range map[string]string{
		`{"prompt":"x"}`:                                                   "model",
		`{"model":"m","prompt":1}`:                                         "prompt",
		`{"model":"m","prompt":[]}`:                                        "prompt",
		`{"model":"m","prompt":["a",1]}`:                                   "prompt[1]",
		`{"model":"m","prompt":[{}]}`:                                      "prompt[0]",
		`{"model":"m","prompt":"x","n":0}`:                                 "n",
		`{"model":"m","prompt":"x","echo":"yes"}`:                          "echo",
		`{"model":"m","prompt":"x","stream_options":{"include_usage":1}}`:  "stream_options.include_usage",
		`{"model":"m","prompt":[` + strings.Repeat(`"a",`, 2048) + `"a"]}`: "prompt",
	} {
		_, err := openaichat.DecodeText([]byte(body), litellm.Options{})
		if e := llm.AsError(err); err == nil || e.Param != param || e.Status != 400 {
			t.Errorf("%.80s: %+v", body, e)
		}
	}
}

func TestAConversationStandsForAPrompt(t *testing.T) {
	r := decodeText(t, `{"model":"m","prompt":["one","two"],"n":3,"max_tokens":5,"temperature":0.5,"stop":"END","user":"u","seed":7}`)
	warnings, err := r.Untranslated()
	if err != nil || len(warnings) > 0 {
		t.Fatalf("%v %v", warnings, err)
	}
	req, _, err := r.Chat(1)
	if err != nil {
		t.Fatal(err)
	}
	if len(req.Turns) != 1 || req.Turns[0].Role != llm.RoleUser || req.Turns[0].Blocks[0].Text != "two" || req.MaxTokens.Value != 5 || req.Temperature.Value != 0.5 || req.Stop[0] != "END" || req.User != "u" || req.Choices != 0 || len(req.Unmapped) != 1 {
		t.Errorf("%+v", req)
	}
	if got := req.FieldName(llm.Field{Kind: llm.FieldBlock}); got != "prompt" {
		t.Errorf("a message is called %s", got)
	}
	if _, _, err := decodeText(t, `{"model":"m","prompt":"x","temperature":9}`).Chat(0); llm.AsError(err).Param != "temperature" {
		t.Errorf("%v", err)
	}
}

func TestWhatAConversationCannotExpressIsRefusedOrDropped(t *testing.T) {
	for member, field := range map[string]string{`"prompt":"x","suffix":"y"`: "suffix", `"prompt":"x","best_of":2`: "best_of", `"prompt":"x","logprobs":0`: "logprobs", `"prompt":[1]`: "prompt", `"n":1`: "prompt"} {
		_, err := decodeText(t, `{"model":"m",`+member+`}`).Untranslated()
		if e := llm.AsError(err); err == nil || e.Param != field {
			t.Errorf("%s: %v", member, err)
		}
		warnings, err := decodeText(t, `{"model":"m","drop_params":true,`+member+`}`).Untranslated()
		if (err == nil) != (field != "prompt") || err == nil && (len(warnings) != 1 || warnings[0].Field != field || warnings[0].Code != llm.WarnDropped) {
			t.Errorf("%s: %v %v", member, warnings, err)
		}
	}
	if w, err := decodeText(t, `{"model":"m","prompt":"x","n":2,"best_of":2,"suffix":""}`).Untranslated(); err != nil || len(w) > 0 {
		t.Errorf("%v %v", w, err)
	}
}

func textEnvelope(echo ...string) *openaichat.TextEnvelope {
	return &openaichat.TextEnvelope{Envelope: openaichat.Envelope{ID: "cmpl-1", Model: "m", Created: 7}, Echo: echo}
}

func TestATextResponse(t *testing.T) {
	answers := []*llm.Response{
		{Blocks: []llm.Block{{Kind: llm.BlockReasoning, Text: "hm"}, {Kind: llm.BlockText, Text: "gra"}, {Kind: llm.BlockText, Text: "nite"}}, Stop: llm.StopMaxTokens},
		{Blocks: []llm.Block{{Kind: llm.BlockToolUse}}, Stop: llm.StopFiltered},
	}
	got := openaichat.AppendText(nil, textEnvelope("a ", "b "), answers, &llm.Usage{Input: 3, Output: 2}, []llm.Warning{{Code: "dropped", Field: "x"}})
	const want = `{"id":"cmpl-1","object":"text_completion","created":7,"model":"m","choices":[{"text":"a granite","index":0,"logprobs":null,"finish_reason":"length"},{"text":"b ","index":1,"logprobs":null,"finish_reason":"content_filter"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,`
	if !strings.HasPrefix(string(got), want) || !strings.HasSuffix(string(got), `"outcrop":{"warnings":[{"code":"dropped","field":"x"}]}}`) || !jsonx.Valid(got) {
		t.Errorf("got %s", got)
	}
	if w := openaichat.LeftOut(answers[0]); len(w) != 1 || w[0].Field != "reasoning_content" {
		t.Errorf("%v", w)
	}
	if w := openaichat.LeftOut(answers[1]); len(w) != 1 || w[0].Field != "tool_calls" {
		t.Errorf("%v", w)
	}
	answers[0].Uncounted = true
	if got := openaichat.AppendText(nil, textEnvelope(), answers, &llm.Usage{}, nil); strings.Contains(string(got), "usage") || !strings.Contains(string(got), `"text":"granite"`) {
		t.Errorf("got %s", got)
	}
}

func TestATextStream(t *testing.T) {
	c := openaichat.NewTextChunks(textEnvelope("a ", "b "), true, 2)
	var out []byte
	for _, ev := range []llm.Event{
		{Kind: llm.EventStart, Role: llm.RoleAssistant},
		{Kind: llm.EventDelta, Block: llm.BlockReasoning, Text: "hm"},
		{Kind: llm.EventDelta, Block: llm.BlockText, Text: "gra"},
		{Kind: llm.EventDelta, Block: llm.BlockText, Text: "nite"},
		{Kind: llm.EventStop, Stop: llm.StopMaxTokens},
		{Kind: llm.EventStop, Stop: llm.StopEnd, Choice: 1},
		{Kind: llm.EventUsage, Usage: &llm.Usage{Input: 3, Output: 2}},
		{Kind: llm.EventUsage, Usage: &llm.Usage{Input: 3, Output: 1}, Choice: 1},
	} {
		out = c.Append(out, &ev)
	}
	if c.Err() != nil || strings.Contains(string(out), `finish_reason":"`) {
		t.Errorf("an end before the end: %s", out)
	}
	out = c.AppendEnd(out, nil)
	var texts []string
	for line := range strings.SplitSeq(strings.TrimSpace(string(out)), "\n\n") {
		data := strings.TrimPrefix(line, "data: ")
		if data != "[DONE]" && !jsonx.Valid([]byte(data)) {
			t.Errorf("not JSON: %s", data)
		}
		_, rest, _ := strings.Cut(data, `"choices":`)
		texts = append(texts, rest)
	}
	want := []string{
		`[{"text":"a gra","index":0,"logprobs":null,"finish_reason":null}],"usage":null}`,
		`[{"text":"nite","index":0,"logprobs":null,"finish_reason":null}],"usage":null}`,
		`[{"text":"","index":0,"logprobs":null,"finish_reason":"length"}],"usage":null}`,
		`[{"text":"b ","index":1,"logprobs":null,"finish_reason":"stop"}],"usage":null}`,
	}
	if len(texts) != 6 || texts[5] != "" || strings.Join(texts[:4], "\n") != strings.Join(want, "\n") || !strings.Contains(texts[4], `[],"usage":{"prompt_tokens":6,"completion_tokens":3,`) || !strings.Contains(texts[4], "reasoning_content") {
		t.Errorf("got %q", texts)
	}
	plain := openaichat.NewTextChunks(textEnvelope(), false, 1)
	if got := string(plain.AppendEnd(nil, []llm.Warning{{Code: "dropped", Field: "x"}})); strings.Count(got, "data: ") != 2 || strings.Contains(got, "usage") || !strings.Contains(got, `"finish_reason":"stop"}],"outcrop":`) {
		t.Errorf("got %s", got)
	}
	uncounted := openaichat.NewTextChunks(textEnvelope(), true, 1)
	if got := string(uncounted.AppendEnd(nil, nil)); !strings.Contains(got, `"field":"stream_options.include_usage"`) {
		t.Errorf("got %s", got)
	}
}
