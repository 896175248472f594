package openairesponses_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	responses "outcrop/wire/openairesponses"
)

func raws(texts ...string) (out []jsonx.Raw) {
	for _, text := range texts {
		out = append(out, jsonx.Raw(text))
	}
	return out
}

func joined(items []jsonx.Raw) string {
	var all []string
	for _, item := range items {
		all = append(all, string(item))
	}
	return strings.Join(all, "\n")
}

func TestItemsInTheFormInWhichTheyAreKept(t *testing.T) {
	for input, want := range map[string]string{
		``:     ``,
		`null`: ``,
		`"hi"`: `{"id":"msg_1_in0","type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}`,
		`[{"role":"user","content":"hi"},{"role":"assistant","content":"ho"},{"id":"m","type":"message","role":"user","content":[1]}]`: `{"id":"msg_1_in0","type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}
{"id":"msg_1_in1","type":"message","role":"assistant","content":[{"type":"output_text","annotations":[],"text":"ho"}]}
{"id":"m","type":"message","role":"user","content":[1]}`,
		`[{"type":"reasoning","summary":[]},{"type":"function_call","name":"f"},{"type":"function_call_output","id":null}]`: `{"id":"rs_1_in0","type":"reasoning","summary":[]}
{"id":"fc_1_in1","type":"function_call","name":"f"}
{"id":"item_1_in2","type":"function_call_output"}`,
	} {
		got, err := responses.Items(jsonx.Raw(input), "1")
		if diff := cmp.Diff(want, joined(got)); diff != "" || err != nil {
			t.Errorf("%s: %s, %v", input, diff, err)
		}
	}
	for input, param := range map[string]string{`7`: "input", `[7]`: "input[0]", `[{},[]]`: "input[1]"} {
		if _, err := responses.Items(jsonx.Raw(input), "1"); err == nil || llm.AsError(err).Param != param {
			t.Errorf("%s: %v", input, err)
		}
	}
}

func TestARequestWithWhatItRefersToInPlace(t *testing.T) {
	got, err := responses.WithHistory([]byte(`{"model":"m","previous_response_id":"r","conversation":null,"background":true,"input":"x","tools":[]}`), raws(`{"a":1}`), raws(`{"b":2}`))
	if want := `{"model":"m","tools":[],"input":[{"a":1},{"b":2}]}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
	if _, err := responses.WithHistory([]byte(`{`), nil, nil); err == nil || llm.AsError(err).Status != 400 {
		t.Errorf("what is no request: %v", err)
	}
}

func TestReferencesToItems(t *testing.T) {
	for item, want := range map[string]string{
		`{"type":"item_reference","id":"msg_1_0"}`: "msg_1_0", `{"id":"msg_1_0"}`: "msg_1_0", `{"type":"message","id":"m"}`: "", `{"role":"user","id":"m"}`: "", `{}`: "", `7`: "",
	} {
		if got := responses.Reference(jsonx.Raw(item)); got != want {
			t.Errorf("%s refers to %q", item, got)
		}
	}
	for id, want := range map[string]string{"msg_1_0": "resp_1", "fc_a_b_12": "resp_a_b", "msg_1": "", "x": "", "": ""} {
		if got := responses.Origin(id); got != want {
			t.Errorf("%s is of %q", id, got)
		}
	}
}

func TestWhatAResponseSays(t *testing.T) {
	r := jsonx.Raw(`{"id":"resp_1","status":"completed","output":[{"id":"a"},{"id":7}],"error":null}`)
	if responses.ResponseID(r) != "resp_1" || responses.ResponseStatus(r) != "completed" || joined(responses.Output(r)) != "{\"id\":\"a\"}\n{\"id\":7}" {
		t.Error("its id, status or output is not read")
	}
	if responses.ItemID(jsonx.Raw(`{"id":7}`)) != "" || responses.Output(jsonx.Raw(`7`)) != nil || responses.ResponseID(jsonx.Raw(`7`)) != "" {
		t.Error("something is read of what is no response")
	}
	if got := string(responses.WithStatus(r, "cancelled", nil)); got != `{"id":"resp_1","status":"cancelled","output":[{"id":"a"},{"id":7}],"error":null}` {
		t.Errorf("got %s", got)
	}
	failed := string(responses.WithStatus(r, "failed", &llm.Error{Code: llm.CodeLimitRequests, Status: 429, Message: "Slow down", Fix: "Wait."}))
	if !strings.Contains(failed, `"status":"failed"`) || !strings.Contains(failed, `"code":"rate_limit_exceeded","message":"Slow down. Please try again in 5s. Wait."`) {
		t.Errorf("got %s", failed)
	}
	if got := string(responses.WithStatus(jsonx.Raw(`7`), "x", nil)); got != "7" {
		t.Errorf("what is no response became %s", got)
	}
}

func TestEventsAmongEvents(t *testing.T) {
	stream := "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_1\"}}\n\n" +
		"event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":1,\"delta\":\"response.completed \\\"sequence_number\\\":9\"}\n\n"
	const last = "event: response.incomplete\ndata: {\"type\":\"response.incomplete\",\"sequence_number\":42,\"response\":{\"id\":\"resp_1\",\"status\":\"incomplete\"}}\n\n"
	if got := responses.Begun([]byte(stream)); got != "resp_1" {
		t.Errorf("it begins %q", got)
	}
	if responses.Begun([]byte(last)) != "" || responses.Final([]byte(stream)) != nil || responses.Final([]byte("data: response.completed\n\n")) != nil {
		t.Error("something is read that is not there")
	}
	if got := string(responses.Final([]byte(stream + last))); got != `{"id":"resp_1","status":"incomplete"}` {
		t.Errorf("it ends with %s", got)
	}
	for events, want := range map[string]int64{stream: 1, stream + last: 42, `{"sequence_number": 7 }`: 7, `{"sequence_number":x}`: -1, ``: -1} {
		if got := responses.LastNumber([]byte(events)); got != want {
			t.Errorf("%s: %d", events, got)
		}
	}
	if got := string(responses.AppendKeepAlive(nil, 3)); got != "event: keepalive\ndata: {\"type\":\"keepalive\",\"sequence_number\":3}\n\n" {
		t.Errorf("got %s", got)
	}
	event := responses.AppendEvent(nil, "response.queued", 3, jsonx.Raw(`{"id":"resp_1"}`))
	if want := "event: response.queued\ndata: {\"type\":\"response.queued\",\"sequence_number\":3,\"response\":{\"id\":\"resp_1\"}}\n\n"; string(event) != want {
		t.Errorf("got %s", event)
	}
	if got := string(responses.Numbered(event, 1234)); got != strings.Replace(string(event), ":3,", ":1234,", 1) {
		t.Errorf("got %s", got)
	}
	if got := string(responses.Numbered([]byte("event: x\n\n"), 1)); got != "event: x\n\n" {
		t.Errorf("an event without a number became %s", got)
	}
	if responses.EventType(event) != "response.queued" || responses.EventType([]byte(": comment\n\n")) != "" || responses.EventType(nil) != "" {
		t.Error("the type of an event is wrong")
	}
}

func TestPagesAndDeletionsAndConversations(t *testing.T) {
	for want, got := range map[string][]byte{
		`{"object":"list","data":[{"id":"a"},{"id":"b"}],"first_id":"a","last_id":"b","has_more":true}`: responses.AppendList(nil, raws(`{"id":"a"}`, `{"id":"b"}`), true),
		`{"object":"list","data":[],"first_id":null,"last_id":null,"has_more":false}`:                   responses.AppendList(nil, nil, false),
		`{"id":"resp_1","object":"response","deleted":true}`:                                            responses.AppendDeleted(nil, "resp_1", "response"),
		`{"id":"conv_1","object":"conversation","created_at":7,"metadata":{"a":"b"}}`:                   responses.AppendConversation(nil, "conv_1", 7, jsonx.Raw(`{"a":"b"}`)),
		`{"object":"response.input_tokens","input_tokens":5}`:                                           responses.AppendCount(nil, 5),
	} {
		if string(got) != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for body, want := range map[string]string{``: "|", ` `: "|", `{}`: "|", `{"metadata":null,"items":null}`: "|null", `{"metadata":{"a":"b"},"items":[1]}`: `{"a":"b"}|[1]`} {
		if got, err := responses.DecodeConversation([]byte(body)); err != nil || string(got.Metadata)+"|"+string(got.Items) != want {
			t.Errorf("%q: %+v, %v", body, got, err)
		}
	}
	for body, param := range map[string]string{`{`: "", `7`: "", `{"metadata":7}`: "metadata", `{"items":{}}`: "items"} {
		if _, err := responses.DecodeConversation([]byte(body)); err == nil || llm.AsError(err).Param != param || llm.AsError(err).Status != 400 {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestCompactingAsksForASummaryAndGivesItBackSealed(t *testing.T) {
	got, err := responses.Compacting([]byte(`{"model":"m","input":"hi","stream":true,"text":{},"tool_choice":"auto","tools":[]}`))
	if err != nil || !strings.HasPrefix(string(got), `{"model":"m","tools":[],"tool_choice":"none","input":[{"id":"msg_compact_in0",`) || strings.Contains(string(got), "stream") {
		t.Errorf("got %s, %v", got, err)
	}
	for _, bad := range []string{`{`, `{"input":7}`} {
		if _, err := responses.Compacting([]byte(bad)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
	out := responses.AppendCompacted(nil, responses.Envelope{ID: "resp_1", Created: 7}, &llm.Response{Blocks: []llm.Block{{Kind: llm.BlockReasoning, Text: "Hm."}, {Kind: llm.BlockText, Text: "We spoke of gneis."}}}, llm.Usage{Input: 3, Output: 4})
	req, err := responses.Decode([]byte(`{"model":"m","input":[`+string(responses.Output(out)[0])+`]}`), responses.Options{})
	if err != nil || !strings.HasSuffix(req.LLM.Turns[0].Blocks[0].Text, "\n\nWe spoke of gneis.") || !strings.Contains(string(out), `"object":"response.compaction"`) || !strings.Contains(string(out), `"total_tokens":7`) {
		t.Errorf("got %s, %v", out, err)
	}
}

func TestResponsesBeforeTheyHaveContent(t *testing.T) {
	echo := &responses.Echo{Background: true, Store: true}
	env := responses.Envelope{ID: "resp_1", Model: "m", Created: 7, Echo: echo}
	queued := responses.AppendQueued(nil, env, responses.StatusQueued)
	if responses.ResponseStatus(queued) != "queued" || !strings.Contains(string(queued), `"background":true`) || !strings.Contains(string(queued), `"output":[]`) {
		t.Errorf("got %s", queued)
	}
	failed := responses.AppendFailed(nil, env, &llm.Error{Code: llm.CodeTooLong, Status: 400, Message: "Too long."})
	if responses.ResponseStatus(failed) != "failed" || !strings.Contains(string(failed), `"error":{"code":"context_length_exceeded","message":"Too long."`) {
		t.Errorf("got %s", failed)
	}
}

func TestContentThatOtherDialectsBring(t *testing.T) {
	citation := func(json string) jsonx.Member { return jsonx.Member{Name: "citation", Value: jsonx.Raw(json)} }
	env := responses.Envelope{ID: "resp_1", Model: "m"}
	got := string(responses.AppendResponse(nil, env, &llm.Response{Stop: llm.StopEnd, Usage: llm.Usage{Input: 1}, Blocks: []llm.Block{
		{Kind: llm.BlockText, Text: "Gneis.", Extra: []jsonx.Member{citation(`{"title":"A","location":{"web":{"url":"https://a"}}}`), citation(`{"title":"B","source":"https://b"}`), {Name: "x", Value: jsonx.Raw("1")}}},
		{Kind: llm.BlockOther, Other: &jsonx.Member{Name: "citationsContent", Value: jsonx.Raw(`{"content":[{"text":"Ba"},{"text":"salt."}],"citations":[{"title":"C","source":"http://c"}]}`)}},
	}}, []llm.Warning{{Code: llm.WarnDropped, Field: "top_k"}, {Code: llm.WarnChanged, Field: "x", Detail: "so"}}))
	for _, want := range []string{
		`"text":"Gneis."`, `{"type":"url_citation","start_index":0,"end_index":6,"title":"A","url":"https://a"}`, `"title":"B","url":"https://b"`, `"text":"Basalt."`, `"title":"C","url":"http://c"`,
		`"outcrop":{"warnings":[{"code":"dropped","field":"top_k"},{"code":"changed","field":"x","detail":"so"}]}`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("it lacks %s: %s", want, got)
		}
	}
	for name, b := range map[string]llm.Block{
		"a block of another dialect":   {Kind: llm.BlockOther, Other: &jsonx.Member{Name: "x", Value: jsonx.Raw("{}")}},
		"a call of the provider's":     {Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "c", Name: "search", Type: llm.ServerSide}},
		"an image":                     {Kind: llm.BlockImage},
		"a citation of a document":     {Kind: llm.BlockText, Text: "x", Extra: []jsonx.Member{citation(`{"location":{"documentPage":{"start":1}}}`)}},
		"a citation that is no object": {Kind: llm.BlockText, Text: "x", Extra: []jsonx.Member{citation(`7`)}},
	} {
		if got := string(responses.AppendResponse(nil, env, &llm.Response{Stop: llm.StopEnd, Blocks: []llm.Block{b}}, nil)); !strings.Contains(got, `"field":"output"`) {
			t.Errorf("%s is left out in silence: %s", name, got)
		}
	}
	c := responses.NewEvents(env)
	c.Skip(7)
	if got := string(c.AppendFailure(nil, &llm.Error{Code: llm.CodeInterrupted, Status: 502, Message: "cut"})); !strings.HasPrefix(got, "event: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":7,") {
		t.Errorf("a failure behind other events: %s", got)
	}
}

func TestMembersOfOtherDialects(t *testing.T) {
	with := func(member string) string { return `{"model":"m","input":"Hi",` + member + `}` }
	for body, param := range map[string]string{
		with(`"stop":7`):                                               "stop",
		with(`"thinking":"on"`):                                        "thinking",
		with(`"max_tokens":"x"`):                                       "max_tokens",
		with(`"additionalModelRequestFields":7`):                       "additionalModelRequestFields",
		with(`"x":1,"additionalModelRequestFields":{"x":2}`):           "x",
		with(`"additionalModelRequestFields":{"aws_region_name":"x"}`): "aws_region_name",
		with(`"prompt_cache_retention":7`):                             "prompt_cache_retention",
	} {
		if _, err := responses.Decode([]byte(body), responses.Options{}); err == nil || llm.AsError(err).Param != param {
			t.Errorf("%s: %v", body, err)
		}
	}
	r, err := responses.Decode([]byte(with(`"max_output_tokens":5,"max_tokens":9,"stop":["a","b"],"thinking":{"type":"adaptive"},"prompt_cache_retention":"1h","additional_drop_params":["temperature","model"],"temperature":0.5`)), responses.Options{})
	if err != nil || r.LLM.MaxTokens.Value != 5 || len(r.LLM.Stop) != 2 || r.LLM.Temperature.Set || string(r.LLM.Reasoning.Thinking) != `{"type":"adaptive"}` {
		t.Fatalf("got %+v, %v", r, err)
	}
	var fields []string
	for _, w := range r.Warnings {
		fields = append(fields, w.Field)
	}
	if got := strings.Join(fields, " "); got != "max_tokens prompt_cache_retention temperature" {
		t.Errorf("warned of %s", got)
	}
}
