package openairesponses_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	responses "outcrop/wire/openairesponses"
)

func TestWhatAGatewayReadsOfAResponseThatItPassesOn(t *testing.T) {
	const body = `{"id":"resp_1","object":"response","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"model":"gpt-5-2026","output":[{"model":"x"}],"error":null,"service_tier":"flex","usage":{"input_tokens":10,"input_tokens_details":{"cached_tokens":4,"cache_write_tokens":1},"output_tokens":7,"output_tokens_details":{"reasoning_tokens":5},"total_tokens":17}}`
	out, tapped, err := responses.RelayResponse([]byte(body), responses.Own{Model: "mine"})
	if err != nil || string(out) != strings.Replace(body, "gpt-5-2026", "mine", 1) {
		t.Errorf("got %s, %v", out, err)
	}
	want := &responses.Tapped{
		Counted: true, RawStop: "max_output_tokens", ServiceTier: "flex",
		Usage: llm.Usage{Input: 5, Output: 7, Total: 17, CacheRead: llm.Some[int64](4), CacheWrite: llm.Some[int64](1), Reasoning: llm.Some[int64](5)},
	}
	if diff := cmp.Diff(want, tapped); diff != "" {
		t.Error(diff)
	}
	for same, counted := range map[string]bool{
		body: true,
		`{"status":"completed","output":[],"usage":{"input_tokens":1,"output_tokens":1,"input_tokens_details":null,"output_tokens_details":null}}`: true,
		`{"status":7,"model":null,"output":[],"usage":null,"incomplete_details":null}`:                                                             false,
		`{"output":[],"usage":{}}`: false,
	} {
		if out, tapped, err := responses.RelayResponse([]byte(same), responses.Own{}); err != nil || string(out) != same || tapped.Counted != counted {
			t.Errorf("got %s, %+v, %v", out, tapped, err)
		}
	}
	for _, bad := range []string{``, `[]`, `{}`, `{"output":7}`, `{"status":"completed"}`, `{"output":[`, `{"output":[` + strings.Repeat("0,", 4_000_001) + `0]}`} {
		if _, _, err := responses.RelayResponse([]byte(bad), responses.Own{Model: "mine"}); err == nil {
			t.Errorf("%.40s is taken", bad)
		}
	}
}

func TestFailuresThatProvidersReportInResponsesAndEvents(t *testing.T) {
	for _, tt := range []struct {
		sent   string // an error object
		status int
		body   string // that an HTTP error would have
	}{
		{`{"code":"rate_limit_exceeded","message":"Slow down."}`, 429, `{"error":{"code":"rate_limit_exceeded","message":"Slow down."}}`},
		{`{"code":"insufficient_quota","message":"m"}`, 429, `{"error":{"code":"insufficient_quota","message":"m"}}`},
		{`{"code":"server_error","message":"m"}`, 500, `{"error":{"code":"server_error","message":"m"}}`},
		{`{"code":"server_is_overloaded","message":"m"}`, 503, `{"error":{"code":"server_is_overloaded","message":"m"}}`},
		{`{"code":"vector_store_timeout","message":"m"}`, 504, `{"error":{"code":"vector_store_timeout","message":"m"}}`},
		{`{"code":"invalid_image_format","message":"m"}`, 400, `{"error":{"code":"invalid_image_format","message":"m"}}`},
		{`{"error":{"code":"rate_limit_exceeded","message":"m"}}`, 429, `{"error":{"code":"rate_limit_exceeded","message":"m"}}`},
		{`{"message":"m"}`, 500, `{"error":{"message":"m"}}`},
		{`null`, 500, `{"error":{"message":"the response failed, without a reason"}}`},
	} {
		check := func(where string, err error) {
			t.Helper()
			own, ok := errors.AsType[*responses.FailedError](err)
			if !ok || own.Status != tt.status || string(own.Body) != tt.body || own.Error() != tt.body {
				t.Errorf("%s in %s: %v", tt.sent, where, err)
			}
		}
		_, _, err := responses.RelayResponse([]byte(`{"id":"resp_1","status":"failed","output":[],"error":`+tt.sent+`}`), responses.Own{Model: "m"})
		check("a response", err)
		var r responses.Relay
		check("response.failed", r.Next(&llm.RawEvent{}, []byte(`{"type":"response.failed","response":{"status":"failed","error":`+tt.sent+`}}`)))
	}
	var r responses.Relay
	err := r.Next(&llm.RawEvent{}, []byte(`{"type":"error","sequence_number":3,"code":"rate_limit_exceeded","message":"Slow down.","param":null}`))
	if own, ok := errors.AsType[*responses.FailedError](err); !ok || own.Status != 429 || !strings.Contains(string(own.Body), "Slow down.") {
		t.Errorf("the event error: %v", err)
	}
}

func TestEventsThatArePassedOn(t *testing.T) {
	r := responses.Relay{Own: responses.Own{Model: "mine"}}
	for _, tt := range []struct {
		data    string
		content bool
		length  int
	}{
		{`{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","model":"theirs","status":"in_progress","output":[]}}`, false, 0},
		{`{"type":"response.in_progress","sequence_number":1,"response":{"model":"theirs"}}`, false, 0},
		{`{"type":"keepalive","sequence_number":2}`, false, 0},
		{`{"type":"response.output_item.added","sequence_number":3,"item":{"type":"web_search_call","model":"theirs"}}`, true, 0},
		{`{"type":"response.output_text.delta","sequence_number":4,"delta":"gra\"nite","response":null}`, true, 9},
		{`{"type":"response.mcp_call.arguments.delta","delta":{"a":1}}`, true, 0},
		{`{"type":"response.something_new","x":[1]}`, true, 0},
	} {
		var ev llm.RawEvent
		err := r.Next(&ev, []byte(tt.data))
		kind, _, _ := strings.Cut(strings.TrimPrefix(tt.data, `{"type":"`), `"`)
		want := "event: " + kind + "\ndata: " + strings.Replace(tt.data, `"model":"theirs"`, `"model":"mine"`, 1) + "\n\n"
		if strings.Contains(tt.data, "item.added") {
			want = "event: " + kind + "\ndata: " + tt.data + "\n\n"
		}
		if err != nil || string(ev.Data) != want || ev.Content != tt.content || ev.Length != tt.length || ev.Type != kind || r.Ended() {
			t.Errorf("got %s, %+v, %v", ev.Data, ev, err)
		}
	}
	var ev llm.RawEvent
	if err := r.Next(&ev, []byte("{\"type\":\"response.completed\",\n\"response\":{\"status\":\"completed\",\"usage\":{\"input_tokens\":3,\"output_tokens\":4}}}")); err != nil || !r.Ended() || ev.Usage == nil || ev.Usage.Input != 3 || ev.RawStop != "completed" || strings.Count(string(ev.Data), "\n") != 3 {
		t.Errorf("the end is %s, %+v, %v", ev.Data, ev, err)
	}
	for _, bad := range []string{``, `{`, `[]`, `{}`, `{"delta":"x"}`, "{\n", `{"type":"x"`} {
		if err := r.Next(&ev, []byte(bad)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
	var long responses.Relay
	text := `{"type":"response.output_text.delta","delta":"` + strings.Repeat("x", 100<<10) + `"}`
	for range 2 { // whose memory is not kept
		if err := long.Next(&ev, []byte(text)); err != nil || len(ev.Data) < len(text) {
			t.Errorf("a long event: %d bytes, %v", len(ev.Data), err)
		}
	}
}

func TestCountsOfTokensAreRead(t *testing.T) {
	if n, err := responses.DecodeCount(responses.AppendCount(nil, 17)); n != 17 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	for _, bad := range []string{``, `[]`, `{}`, `{"input_tokens":null}`, `{"input_tokens":"17"}`} {
		if n, err := responses.DecodeCount([]byte(bad)); err == nil {
			t.Errorf("%s is %d", bad, n)
		}
	}
}

func TestAClientGetsItsOwnToolsBack(t *testing.T) {
	own := responses.Own{Model: "mine", Tools: jsonx.Raw(`[{"type":"custom"}]`)}
	for said, want := range map[string]string{
		`{"model":"x","output":[{"tools":[1]}],"tools":[1,2],"user":null}`: `{"model":"mine","output":[{"tools":[1]}],"tools":[{"type":"custom"}],"user":null}`,
		`{"tools":[],"output":[],"model":"x"}`:                             `{"tools":[{"type":"custom"}],"output":[],"model":"mine"}`,
		`{"output":[],"model":"x"}`:                                        `{"output":[],"model":"mine"}`,
		`{"output":[],"tools":[]}`:                                         `{"output":[],"tools":[{"type":"custom"}]}`,
		`{"output":[],"tools":null,"model":7}`:                             `{"output":[],"tools":null,"model":7}`,
	} {
		if got, _, err := responses.RelayResponse([]byte(said), own); err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
		var ev llm.RawEvent
		r := responses.Relay{Own: own}
		if err := r.Next(&ev, []byte(`{"type":"response.created","response":`+said+`}`)); err != nil || !strings.Contains(string(ev.Data), `"response":`+want+"}\n\n") {
			t.Errorf("got %s, %v, want %s", ev.Data, err, want)
		}
	}
	got, _, err := responses.RelayResponse([]byte(`{"output":[],"tools":[1],"model":"x"}`), responses.Own{Model: "mine"})
	if err != nil || string(got) != `{"output":[],"tools":[1],"model":"mine"}` {
		t.Errorf("got %s, %v", got, err)
	}
}
