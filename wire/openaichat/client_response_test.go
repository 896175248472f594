package openaichat

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

func TestResponsesInTheFormsOfServers(t *testing.T) {
	const usage = `"usage":{"prompt_tokens":3,"completion_tokens":4}`
	call := func(id, name, input string) llm.Block {
		return llm.Block{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: id, Name: name, Input: jsonx.Raw(input)}}
	}
	thought := func(text string) llm.Block { return llm.Block{Kind: llm.BlockReasoning, Text: text} }
	for _, tt := range []struct {
		name    string
		message string // and what follows in the choice
		opt     ReadOptions
		blocks  []llm.Block
		stop    llm.StopReason
		extra   []string
	}{
		{"a text", `{"role":"assistant","content":"Granite."},"finish_reason":"stop"`, ReadOptions{}, []llm.Block{words("Granite.")}, llm.StopEnd, nil},
		{"a refusal", `{"content":null,"refusal":"No."},"finish_reason":"stop"`, ReadOptions{}, []llm.Block{words("No.")}, llm.StopEnd, nil},
		{"calls", `{"content":"","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},{"function":{"name":"g","arguments":""}},{"id":"c","function":{"name":"h","arguments":"not JSON"}},{"id":"d","function":{"name":"i","arguments":{"y":2}}},{"id":"e","function":{"name":"j","arguments":null}}]},"finish_reason":"tool_calls"`, ReadOptions{}, []llm.Block{call("a", "f", `{"x":1}`), call("call_1", "g", `{}`), call("c", "h", `"not JSON"`), call("d", "i", `{"y":2}`), call("e", "j", `{}`)}, llm.StopToolUse, nil},
		{"a call that ends the turn", `{"content":null,"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"`, ReadOptions{}, []llm.Block{call("a", "f", `{}`)}, llm.StopToolUse, nil},
		{"the old function_call", `{"content":null,"function_call":{"name":"f","arguments":"{}"}},"finish_reason":"function_call"`, ReadOptions{}, []llm.Block{call("call_0", "f", `{}`)}, llm.StopToolUse, nil},
		{"DeepSeek's reasoning", `{"content":"Yes.","reasoning_content":"Hm."},"finish_reason":"length"`, ReadOptions{}, []llm.Block{thought("Hm."), words("Yes.")}, llm.StopMaxTokens, nil},
		{"OpenRouter's reasoning", `{"content":"Yes.","reasoning":"Hm."},"finish_reason":"content_filter"`, ReadOptions{}, []llm.Block{thought("Hm."), words("Yes.")}, llm.StopFiltered, nil},
		{"reasoning in another form", `{"content":"Yes.","reasoning":{"summary":"x"}},"finish_reason":"eos"`, ReadOptions{}, []llm.Block{words("Yes.")}, llm.StopEnd, nil},
		{"Mistral's parts", `{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm."}]},{"type":"text","text":"Yes."}]},"finish_reason":"model_length"`, ReadOptions{}, []llm.Block{thought("Hm."), words("Yes.")}, llm.StopMaxTokens, nil},
		{"reasoning between tags", `{"content":"<think>\nHm.\n</think>\n\nYes."},"finish_reason":"stop"`, ReadOptions{ThinkTags: true}, []llm.Block{thought("Hm."), words("Yes.")}, llm.StopEnd, nil},
		{"reasoning whose tag the prompt has opened", `{"content":"Hm.\n</think>\nYes."},"finish_reason":"stop"`, ReadOptions{ThinkTags: true}, []llm.Block{thought("Hm."), words("Yes.")}, llm.StopEnd, nil},
		{"reasoning that was cut", `{"content":" <think>Hm"},"finish_reason":"length"`, ReadOptions{ThinkTags: true}, []llm.Block{thought("Hm")}, llm.StopMaxTokens, nil},
		{"no reasoning", `{"content":"Yes."},"finish_reason":"sensitive"`, ReadOptions{ThinkTags: true}, []llm.Block{words("Yes.")}, llm.StopFiltered, nil},
		{"a reason of the server's own", `{"content":"Yes."},"finish_reason":"bored"`, ReadOptions{}, []llm.Block{words("Yes.")}, llm.StopOther, nil},
		{
			"members that the common language does not have", `{"content":"Yes.","audio":{"id":"x"},"empty":[],"none":null},"finish_reason":"stop","logprobs":{"content":[]},"native":true`,
			ReadOptions{},
			[]llm.Block{words("Yes.")},
			llm.StopEnd,
			[]string{`provider="x"`, `native=true`, `audio={"id":"x"}`, `logprobs={"content":[]}`},
		},
		{
			"citations", `{"content":"Yes.","annotations":[{"type":"url_citation","url_citation":{"url":"https://x","title":"X","content":"it is"}},{"type":"url_citation","url_citation":{"url":"https://y"}},{"type":"file_citation"}]},"finish_reason":"stop"`,
			ReadOptions{},
			[]llm.Block{{Kind: llm.BlockText, Text: "Yes.", Extra: []jsonx.Member{
				{Name: "citation", Value: jsonx.Raw(`{"title":"X","sourceContent":[{"text":"it is"}],"location":{"web":{"url":"https://x"}}}`)},
				{Name: "citation", Value: jsonx.Raw(`{"location":{"web":{"url":"https://y"}}}`)},
				{Name: "citation", Value: jsonx.Raw(`{"type":"file_citation"}`)},
			}}},
			llm.StopEnd, nil,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			top := ""
			if tt.extra != nil {
				top = `"provider":"x",`
			}
			got, err := DecodeResponse([]byte(`{"id":"c","model":"x",`+top+`"service_tier":"flex","choices":[{"index":0,"message":`+tt.message+`}],`+usage+`}`), tt.opt)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.blocks, got.Blocks, cmp.AllowUnexported(llm.Base64{})); diff != "" {
				t.Error(diff)
			}
			var extra []string
			for _, m := range got.Extra {
				extra = append(extra, m.Name+"="+string(m.Value))
			}
			if diff := cmp.Diff(tt.extra, extra); diff != "" {
				t.Error(diff)
			}
			if got.Stop != tt.stop || got.ServiceTier != "flex" || got.Usage.Input != 3 || got.Usage.Output != 4 || got.Uncounted || len(got.Meta.Warnings) > 0 {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestAResponseWithoutUsageOrReasonHasAWarning(t *testing.T) {
	for body, want := range map[string]string{
		`{"choices":[{"message":{"content":"x"}}]}`: "finish_reason usage",
		`{"choices":[{"message":{"content":"x"},"finish_reason":"stop","usage":{"prompt_tokens":1,"completion_tokens":1}}]}`:                    "",
		`{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}],"x_groq":{"usage":{"prompt_tokens":1,"completion_tokens":1}}}`:         "",
		`{"choices":[{"message":{"content":"x"}}],"usage":{"prompt_tokens":1,"completion_tokens":1},"error":null}`:                              "finish_reason",
		`{"error":{"message":"m"},"choices":[{"message":{"content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}`:                  "",
		`{"choices":[{"message":{"content":"x","tool_calls":null,"annotations":null},"finish_reason":"stop"}],"usage":{"completion_tokens":2}}`: "",
	} {
		got, err := DecodeResponse([]byte(body), ReadOptions{})
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		var fields []string
		for _, w := range got.Meta.Warnings {
			fields = append(fields, w.Field)
		}
		if strings.Join(fields, " ") != want || got.Uncounted != strings.Contains(want, "usage") {
			t.Errorf("%s: warnings of %q, uncounted %t", body, fields, got.Uncounted)
		}
	}
}

func TestABodyThatIsNoResponse(t *testing.T) {
	refusal := map[string]bool{`{"error":{"message":"m","code":503}}`: true, `{"choices":[{"error":{"message":"m"}}]}`: true}
	for _, body := range []string{``, `[]`, `{}`, `{"choices":[]}`, `{"choices":[{"message":{"content":7}}]}`, `{"error":{"message":"m","code":503}}`, `{"choices":[{"error":{"message":"m"}}]}`, `{"choices":[{"x":[` + strings.Repeat(`0,`, maxSentValues+1) + `0]}]}`} {
		_, err := DecodeResponse([]byte(body), ReadOptions{})
		own, ok := errors.AsType[*RefusalError](err)
		if err == nil || ok != refusal[body] || ok && (own.Message != "m" || own.Error() != "m") {
			t.Errorf("%.60s: %v", body, err)
		}
	}
}

func TestAStreamInTheFormsOfServers(t *testing.T) {
	chunks := func(r *EventReader, data ...string) (out *llm.Response, end llm.Event, err error) {
		var f llm.Fold
		var events []llm.Event
		for _, d := range data {
			if events, err = r.Append(events, []byte(d)); err != nil {
				return nil, end, err
			}
		}
		events = r.complete(events)
		for i := range events {
			f.Add(&events[i])
		}
		return f.Answer(), events[len(events)-1], nil
	}
	r := &EventReader{}
	got, end, err := chunks(r,
		`{"id":"c","object":"x","service_tier":"flex","provider":"P","system_fingerprint":"a","choices":[{"index":0,"delta":{"role":"assistant","content":"Gra"},"logprobs":{"content":[{"token":"Gra"}],"refusal":null}}]}`,
		`{"provider":"Q","choices":[{"index":0,"delta":{"content":"nite","annotations":[{"type":"url_citation","url_citation":{"url":"https://x"}}]},"logprobs":{"content":[{"token":"nite"}, {"token":"!"}]}}]}`,
		`{"choices":[{"index":0,"delta":{},"finish_reason":"length","usage":{"prompt_tokens":1,"completion_tokens":1}}]}`,
		`{"choices":[],"x_groq":{"usage":{"prompt_tokens":3,"completion_tokens":4}}}`)
	if err != nil || len(got.Blocks) != 1 || got.Blocks[0].Text != "Granite" || got.Stop != llm.StopMaxTokens || !r.Ended() {
		t.Fatalf("got %+v, %v", got, err)
	}
	if end.Kind != llm.EventUsage || end.Usage == nil || end.Usage.Input != 3 || end.Usage.Output != 4 || end.ServiceTier != "flex" {
		t.Errorf("the end is %+v", end)
	}
	extra := map[string]string{}
	for _, m := range end.Extra {
		extra[m.Name] = string(m.Value)
	}
	want := map[string]string{"provider": `"Q"`, "system_fingerprint": `"a"`, "logprobs": `{"content":[{"token":"Gra"},{"token":"nite"}, {"token":"!"}]}`}
	if diff := cmp.Diff(want, extra); diff != "" {
		t.Error(diff)
	}

	if _, complete := (&EventReader{}).End(nil); complete {
		t.Error("a stream without a finish reason and an end mark is complete")
	}
	empty, end, err := chunks(&EventReader{})
	if err != nil || len(empty.Blocks) != 0 || end.Usage != nil {
		t.Errorf("a stream without chunks: %+v, %+v, %v", empty, end, err)
	}
	for _, bad := range []string{
		`{`, `{"error":{"message":"m"}}`, `{"choices":[{"index":0,"error":{"message":"m"}}]}`, `{"choices":[{"index":1,"delta":{}}]}`,
		`{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"},{"index":0,"delta":{"content":"b"}}]}`,
		`{"choices":[{"index":0,"delta":{"function_call":{"arguments":"{}"}}}]}`, `{"choices":[{"index":0,"message":{"content":"a"},"finish_reason":"stop"}]}`,
	} {
		if _, _, err := chunks(&EventReader{}, bad); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

func TestWhatAGatewayReadsOfAResponseThatItPassesOn(t *testing.T) {
	const body = `{"id":"c","model":"gpt-5-2026","service_tier":"flex","choices":[{"index":0,"message":{"content":"x","model":"y"},"finish_reason":"length"},{"finish_reason":"stop"}],"error":null,"usage":{"prompt_tokens":3,"completion_tokens":4}}`
	out, tapped, err := Relay([]byte(body), "mine")
	want := &Tapped{Usage: llm.Usage{Input: 3, Output: 4}, Counted: true, RawStop: "length", ServiceTier: "flex"}
	if err != nil || string(out) != strings.Replace(body, "gpt-5-2026", "mine", 1) {
		t.Errorf("got %s, %v", out, err)
	}
	if diff := cmp.Diff(want, tapped); diff != "" {
		t.Error(diff)
	}
	for _, same := range []string{body, `{"choices":[{}]}`, `{"choices":[{"finish_reason":null}],"usage":null}`, `{"choices":["x"]}`} {
		if out, _, err := Relay([]byte(same), ""); err != nil || string(out) != same {
			t.Errorf("got %s, %v", out, err)
		}
	}
	for _, bad := range []string{``, `[]`, `{}`, `{"choices":7}`, `{"choices":[{"finish_reason":7}]}`, `{"service_tier":7}`, `{"choices":[`, `{"error":{"message":"m"}}`} {
		if _, _, err := Relay([]byte(bad), "mine"); err == nil {
			t.Errorf("%s is taken", bad)
		} else if refusal, ok := errors.AsType[*RefusalError](err); ok != strings.Contains(bad, `"m"`) || ok && refusal.Message != "m" {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestChunksThatArePassedOn(t *testing.T) {
	c := ChunkRelay{Model: "mine", IncludeUsage: true, Choices: 2}
	for _, tt := range []struct {
		data, want string
		content    bool
		stop       string
	}{
		{`{"id":"c","model":"x","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}`, `{"id":"c","model":"mine","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}`, false, ""},
		{"{\n\"model\": \"x\",\n\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}", `{"model":"mine","choices":[{"delta":{"content":"hi"}}]}`, true, ""},
		{`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a"}]}}]}`, `{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a"}]}}]}`, true, ""},
		{`{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"service_tier":"flex"}`, `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"service_tier":"flex"}`, true, "stop"},
	} {
		var ev llm.RawEvent
		if err := c.Next(&ev, []byte(tt.data)); err != nil || string(ev.Data) != "data: "+tt.want+"\n\n" || ev.Content != tt.content || ev.RawStop != tt.stop {
			t.Errorf("%s: got %s, %+v, %v", tt.data, ev.Data, ev, err)
		}
	}
	if c.End(&llm.RawEvent{}) {
		t.Error("it is complete after one choice of two")
	}
	var ev llm.RawEvent
	if err := c.Next(&ev, []byte(`{"choices":[{"index":1,"delta":{},"finish_reason":"length"}]}`)); err != nil || c.Ended() || !c.End(&ev) || !c.Ended() || string(ev.Data) != "data: [DONE]\n\n" {
		t.Errorf("it is not complete after both: %v", err)
	}
	if err := c.Next(&ev, []byte(Done)); err != nil || string(ev.Data) != "data: [DONE]\n\n" {
		t.Errorf("the end: %s, %v", ev.Data, err)
	}
	const counted = `{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}`
	for _, asked := range []bool{false, true} {
		own, ev := ChunkRelay{IncludeUsage: asked}, llm.RawEvent{}
		if err := own.Next(&ev, []byte(counted)); err != nil || (ev.Data != nil) != asked || ev.Usage == nil || ev.Usage.Output != 4 {
			t.Errorf("usage that was asked for %t: %+v, %v", asked, ev, err)
		}
	}
	if err := c.Next(&ev, []byte(`{"choices":[{"message":{"content":"a b"},"delta":{"content":"b"}}]}`)); err != nil {
		t.Errorf("Perplexity's chunk: %v", err)
	}
	for _, bad := range []string{`[]`, `{`, `{"a":"`, "{\n", `{"error":{"message":"m"}}`, `{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}`} {
		if err := c.Next(&ev, []byte(bad)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

func TestWhichBodiesArePlain(t *testing.T) {
	const rest = `"model":"m","messages":[{"role":"user","content":"hi"}]`
	for body, want := range map[string]Head{
		`{` + rest + `}`: {Model: "m", Plain: true},
		`{` + rest + `,"stream":true,"stream_options":{"include_usage":true},"n":3,"user":"u","seed":1,"x_vendor":{}}`: {Model: "m", Plain: true, Stream: true, IncludeUsage: true, Choices: 3, User: "u"},
		`{` + rest + `,"stream":null,"n":null,"user":null}`:                                                            {Model: "m", Plain: true},
		`{` + rest + `,"safety_identifier":"u"}`:                                                                       {Model: "m", Plain: true},
		`{` + rest + `,"extra_body":{}}`:                                                                               {Model: "m"},
		`{` + rest + `,"api_key":"k"}`:                                                                                 {Model: "m"},
		`{` + rest + `,"num_retries":1}`:                                                                               {Model: "m"},
		`{` + rest + `,"guardrailConfig":{}}`:                                                                          {Model: "m"},
		`{` + rest + `,"metadata":{}}`:                                                                                 {Model: "m"},
		`{` + rest + `,"e\u0078tra_body":{}}`:                                                                          {Model: "m"},
		`{` + rest + `,"tools":[{"toolSpec":{}}]}`:                                                                     {Model: "m"},
		`{"model":"m","messages":[{"content":[{"cachePoint":{}}]}]}`:                                                   {Model: "m"},
	} {
		got, ok := Peek([]byte(body))
		if diff := cmp.Diff(want, got); diff != "" || !ok {
			t.Errorf("%s: %t %s", body, ok, diff)
		}
	}
	head, _ := Peek([]byte(`{` + rest + `,"stream":true,"user":"u"}`))
	if c := head.Call(); c.Model != "m" || !c.Stream || c.User != "u" {
		t.Errorf("the call is %+v", c)
	}
	for _, body := range []string{``, `[]`, `{}`, `{"model":"m"}`, `{"messages":[]}`, `{"model":7,"messages":[]}`, `{"model":"m","messages":"hi"}`, `{"model":"m","messages":[],"n":"x"}`, `{"model":"m","messages":[]`, `{"model":"` + strings.Repeat("x", 5000) + `","messages":[]}`} {
		if _, ok := Peek([]byte(body)); ok {
			t.Errorf("%.60s is taken", body)
		}
	}
}

func TestHowLongToCacheIsRead(t *testing.T) {
	for value, want := range map[string]string{`"24h"`: "24h", `"in_memory"`: "", `"1h"`: ""} {
		req, err := Decode([]byte(`{"model":"m","messages":[{"role":"user","content":"x"}],"prompt_cache_retention":`+value+`}`), Options{})
		if err != nil {
			t.Errorf("%s: %v", value, err)
			continue
		}
		if req.LLM.CacheRetention != want || (len(req.Warnings) > 0) != (value == `"1h"`) {
			t.Errorf("%s: %q, warnings %v", value, req.LLM.CacheRetention, req.Warnings)
		}
	}
	for _, bad := range []string{`7`, `{}`} {
		if _, err := Decode([]byte(`{"model":"m","messages":[{"role":"user","content":"x"}],"prompt_cache_retention":`+bad+`}`), Options{}); err == nil || llm.AsError(err).Param != "prompt_cache_retention" {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
