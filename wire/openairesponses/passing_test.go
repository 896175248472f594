package openairesponses_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	responses "outcrop/wire/openairesponses"
)

// passed is what becomes of a body, and the fields of the warnings.
func passed(t *testing.T, body string, p responses.Passage) (out, warned string, ok bool) {
	t.Helper()
	head, err := responses.Peek([]byte(body))
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	got, warnings, ok := head.Passing([]byte(body), &p)
	for _, w := range warnings {
		warned += w.Field + " "
	}
	return string(got), strings.TrimSpace(warned), ok
}

func past(deployment string, items ...string) (out []responses.Past) {
	for _, it := range items {
		out = append(out, responses.Past{Item: jsonx.Raw(it), Deployment: deployment})
	}
	return out
}

func TestWhatPassesToAnEndpoint(t *testing.T) {
	member := func(name, value string) jsonx.Member { return jsonx.Member{Name: name, Value: jsonx.Raw(value)} }
	summary := responses.SealSummary("We spoke of gneis.")
	for _, tt := range []struct {
		name, body   string
		p            responses.Passage
		want, warned string
	}{
		{"as it is", "{ \"model\":\"m\",\n\"input\":\"x\",\"new\":[1, 2] }", responses.Passage{}, "{ \"model\":\"m\",\n\"input\":\"x\",\"new\":[1, 2] }", ""},
		{"what the gateway does itself", `{"model":"m","background":true,"conversation":"conv_1","drop_params":true,"input":"x","store":false}`, responses.Passage{}, `{"model":"m","input":"x","store":false}`, ""},
		{"a response that the endpoint has", `{"model":"m","previous_response_id":"resp_ours","input":[{"role":"user","content":"x"}]}`, responses.Passage{Previous: "resp_theirs", Holder: "d"}, `{"model":"m","input":[{"role":"user","content":"x"}],"previous_response_id":"resp_theirs"}`, ""},
		{
			"a history of the endpoint's own", `{"model":"m","previous_response_id":"r","input":"go on"}`,
			responses.Passage{Holder: "d", History: append(past("", `{"id":"msg_1_in0","type":"message","role":"user","content":[]}`), past("d", `{"id":"rs_1","type":"reasoning","summary":[]}`, `{"id":"msg_1","type":"message","role":"assistant","content":[]}`, `{"id":"ws_1","type":"web_search_call"}`)...)},
			`{"model":"m","input":[{"type":"message","role":"user","content":[]},{"id":"rs_1","type":"reasoning","summary":[]},{"id":"msg_1","type":"message","role":"assistant","content":[]},{"id":"ws_1","type":"web_search_call"},{"type":"message","role":"user","content":[{"type":"input_text","text":"go on"}]}]}`, "",
		},
		{
			"a history of another's", `{"model":"m","previous_response_id":"r","input":"go on"}`,
			responses.Passage{Holder: "d", History: past("e", `{"id":"rs_1","type":"reasoning","summary":[]}`, `{"id":"cmp_1","type":"compaction","encrypted_content":"gAAA"}`, `{"id":"fc_1","type":"function_call","call_id":"c"}`, `{"id":"ws_1","type":"web_search_call"}`, `{"id":"lsh_1","type":"local_shell_call"}`)},
			`{"model":"m","input":[{"type":"function_call","call_id":"c"},{"id":"lsh_1","type":"local_shell_call"},{"type":"message","role":"user","content":[{"type":"input_text","text":"go on"}]}]}`, strings.TrimSpace(strings.Repeat("previous_response_id ", 3)),
		},
		{
			"what the gateway has made", `{"model":"m","input":[{"type":"reasoning","id":"rs_1_0","summary":[]},{"type":"reasoning","id":"rs_x","summary":[],"encrypted_content":"outcrop-1.e30="},{"type":"compaction","encrypted_content":"` + summary + `"},{"id":"msg_1_1","type":"message","role":"assistant","content":[]},{"id":"item_1_in3","type":"function_call_output","call_id":"c","output":""},{"id":"msg_theirs","role":"user","content":"x"}]}`,
			responses.Passage{},
			`{"model":"m","input":[{"type":"message","role":"user","content":"This is a summary of the conversation so far:\n\nWe spoke of gneis."},{"type":"message","role":"assistant","content":[]},{"type":"function_call_output","call_id":"c","output":""},{"id":"msg_theirs","type":"message","role":"user","content":[{"type":"input_text","text":"x"}]}]}`, "input[0] input[1]",
		},
		{"an own list", `{"model":"m","input":[{"type":"item_reference","id":"msg_1"}]}`, responses.Passage{Own: past("e", `{"id":"msg_1","type":"message","role":"assistant","content":[]}`)}, `{"model":"m","input":[{"type":"message","role":"assistant","content":[]}]}`, ""},
		{
			"parameters of the operator", `{"model":"m","input":"x","temperature":0,"max_output_tokens":null}`,
			responses.Passage{Parameters: []jsonx.Member{member("temperature", "1"), member("max_tokens", "5"), member("max_completion_tokens", "6"), member("reasoning_effort", `"low"`), member("guardrailConfig", "{}"), member("user", `"u"`)}},
			`{"model":"m","input":"x","temperature":0,"max_output_tokens":5,"reasoning":{"effort":"low"},"user":"u"}`, "",
		},
		{"an input that the endpoint judges", `{"model":"m","input":{"x":"msg_1_in0"}}`, responses.Passage{}, `{"model":"m","input":{"x":"msg_1_in0"}}`, ""},
		{"no input", `{"model":"m","previous_response_id":"r"}`, responses.Passage{Previous: "resp_1"}, `{"model":"m","previous_response_id":"resp_1"}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, warned, ok := passed(t, tt.body, tt.p)
			if diff := cmp.Diff(tt.want, got); diff != "" || !ok || warned != tt.warned {
				t.Errorf("%s\nwarned of %s", diff, warned)
			}
		})
	}
	for _, body := range []string{
		`{"model":"m","input":"x","max_tokens":5}`, `{"model":"m","input":"x","extra_headers":{}}`, `{"model":"m","input":"x","api_key":"k"}`, `{"model":"m","input":"x","num_retries":1}`, `{"model":"m","input":"x","guardrailConfig":{}}`, `{"model":"m","input":"x","additional_drop_params":[]}`,
	} {
		if got, _, ok := passed(t, body, responses.Passage{}); ok {
			t.Errorf("%s passes as %s", body, got)
		}
	}
	if got, _, ok := passed(t, `{"model":"m","input":"x"}`, responses.Passage{Parameters: []jsonx.Member{member("top_k", "5")}}); ok {
		t.Errorf("a parameter that the dialect does not have: %s", got)
	}
}

func TestWhichItemsBelongToOneDeployment(t *testing.T) {
	for item, want := range map[string]bool{
		`{"id":"rs_1","type":"reasoning","summary":[]}`:                                  true,
		`{"type":"compaction","encrypted_content":"gAAA"}`:                               true,
		`{"id":"ci_1","type":"code_interpreter_call"}`:                                   true,
		`{"id":"msg_1","type":"message"}`:                                                false,
		`{"id":"fc_1","type":"function_call"}`:                                           false,
		`{"type":"compaction","encrypted_content":"` + responses.SealSummary("x") + `"}`: false,
		`7`: false,
	} {
		if got := responses.Bound(jsonx.Raw(item)); got != want {
			t.Errorf("%s: %t", item, got)
		}
	}
}

func TestAResponseRepeatsWhatItsRequestReferredTo(t *testing.T) {
	e := &responses.Echo{Conversation: "conv_1", Background: true, Store: true}
	const theirs = `{"id":"resp_theirs","previous_response_id":null,"conversation":null,"store":false,"background":false,"status":"completed"}`
	const ours = `{"id":"%s","status":"completed","background":true,"conversation":{"id":"conv_1"},"previous_response_id":null,"store":true}`
	if got, want := string(e.WithEcho(jsonx.Raw(theirs), "")), strings.Replace(ours, "%s", "resp_theirs", 1); got != want {
		t.Errorf("got %s", got)
	}
	event := "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":" + theirs + ",\"sequence_number\":3}\n\n"
	want := "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":" + strings.Replace(ours, "%s", "resp_ours", 1) + ",\"sequence_number\":3}\n\n"
	if got := string(e.WithEchoIn([]byte(event), "resp_ours")); got != want {
		t.Errorf("got %s", got)
	}
	p := &responses.Echo{Previous: "resp_0"}
	if got := string(p.WithEcho(jsonx.Raw(`{}`), "")); !strings.Contains(got, `"previous_response_id":"resp_0"`) {
		t.Errorf("got %s", got)
	}
	for _, same := range []string{"event: x\ndata: {\"delta\":\"\"}\n\n", ": comment\n\n", "event: x\ndata: {\"response\":\n\n"} {
		if got := string(e.WithEchoIn([]byte(same), "x")); got != same {
			t.Errorf("%q became %q", same, got)
		}
	}
	if got := string(e.WithEcho(jsonx.Raw(`7`), "x")); got != "7" {
		t.Errorf("what is no response became %s", got)
	}
}

func TestTheHeadOfARequest(t *testing.T) {
	h, err := responses.Peek([]byte(`{"model":"m","stream":true,"store":false,"background":true,"drop_params":true,"user":"u","conversation":{"id":"conv_1"},"input":[1],"x":2,"metadata":null}`))
	if err != nil || h.Store || !h.Background || h.Conversation != "conv_1" || string(h.Input) != "[1]" || !h.Plain || !h.Refers {
		t.Errorf("got %+v, %v", h, err)
	}
	if c := h.Call(); c.Model != "m" || !c.Stream || c.User != "u" || !c.DropParams || c.FieldName(llm.Field{Kind: llm.FieldMaxTokens}) != "max_output_tokens" {
		t.Errorf("the call is %+v", c)
	}
	if h, err := responses.Peek([]byte(`{"model":"m","store":null,"stream":null,"previous_response_id":null,"conversation":null,"input":"x"}`)); err != nil || !h.Store || h.Stream || h.Previous != "" || h.Conversation != "" {
		t.Errorf("got %+v, %v", h, err)
	}
	for body, param := range map[string]string{
		`{"model":"m"`: "", `7`: "", `{}`: "model", `{"model":7}`: "model", `{"model":"m","user":["x"]}`: "", `{"model":"m","stream":"yes"}`: "stream", `{"model":"m","background":1}`: "background",
		`{"model":"m","drop_params":"x"}`: "drop_params", `{"model":"m","previous_response_id":7}`: "previous_response_id", `{"model":"m","conversation":7}`: "conversation",
		`{"model":"m","conversation":{"id":7}}`: "conversation.id", `{"model":"m","conversation":"a","previous_response_id":"b"}`: "conversation",
	} {
		_, err := responses.Peek([]byte(body))
		if strings.Contains(body, `["x"]`) { // whoever decodes it refuses it
			if err != nil {
				t.Errorf("%s: %v", body, err)
			}
			continue
		}
		if e := llm.AsError(err); err == nil || e.Status != 400 || e.Param != param {
			t.Errorf("%s: %v, param %q", body, err, e.Param)
		}
	}
}

func TestAResponseRepeatsWhatTheClientSaidOfStore(t *testing.T) {
	for _, tt := range []struct {
		store       bool
		said, wants string
	}{
		{true, `{"id":"resp_1", "store":false,"tools":[{"store":false}]}`, `{"id":"resp_1", "store":true,"tools":[{"store":false}]}`},
		{false, `{"store" : true,"id":"resp_1"}`, `{"store" : false,"id":"resp_1"}`},
		{true, `{"id":"resp_1", "store":true}`, ""},
		{true, `{"id":"resp_1"}`, ""}, // some endpoints do not say it
		{true, `{"tools":[{"store":false}]}`, ""},
		{true, `7`, ""},
	} {
		e := &responses.Echo{Store: tt.store}
		want := tt.wants
		if want == "" {
			want = tt.said
		}
		if got := string(e.WithStore(jsonx.Raw(tt.said))); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		event := func(response string) string {
			return "event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":7,\"response\":" + response + "}\n\n"
		}
		if got := string(e.WithStoreIn([]byte(event(tt.said)))); got != event(want) {
			t.Errorf("got %s, want %s", got, event(want))
		}
	}
	e := &responses.Echo{Store: true}
	for _, same := range []string{"", "data: 7", "event: x\ndata: {\"delta\":\"\\\"response\\\":{\\\"store\\\":false}\"}\n\n", "event: x\ndata: {\"response\":[{\"store\":false}]}\n\n", ": keep\n\n"} {
		if got := string(e.WithStoreIn([]byte(same))); got != same {
			t.Errorf("got %q, want %q", got, same)
		}
	}
}
