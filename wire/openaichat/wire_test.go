package openaichat_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/openaichat"
)

// images are the first bytes of one of each format.
var images = map[string]string{"png": "iVBORw0KGgo=", "jpeg": "/9j/4AAQSkZJRgAB", "gif": "R0lGODlhAQABAAAAACw=", "webp": "UklGRiQAAABXRUJQVlA4IBgA"}

// TestMediaTypes sends a file of each type that a model may take and compares
// the kind of content and the format that Converse calls it.
func TestMediaTypes(t *testing.T) {
	tests := []struct {
		file   string // the member file, without its data
		data   string
		kind   llm.BlockKind
		format string
	}{
		{``, "data:image/png;base64,", llm.BlockImage, "png"},
		{``, "data:image/jpg;base64,", llm.BlockImage, "jpeg"},
		{``, "data:image/jpeg;base64,", llm.BlockImage, "jpeg"},
		{``, "data:image/gif;base64,", llm.BlockImage, "gif"},
		{``, "data:IMAGE/WEBP;base64,", llm.BlockImage, "webp"},
		{``, "data:application/pdf;name=a.pdf;base64,", llm.BlockDocument, "pdf"},
		{``, "data:text/markdown;base64,", llm.BlockDocument, "md"},
		{`"filename":"a.pdf",`, "", llm.BlockDocument, "pdf"},
		{`"filename":"a.CSV",`, "", llm.BlockDocument, "csv"},
		{`"filename":"a.htm",`, "", llm.BlockDocument, "html"},
		{`"filename":"a.txt",`, "", llm.BlockDocument, "txt"},
		{`"filename":"a.md",`, "", llm.BlockDocument, "md"},
		{`"filename":"a.doc",`, "", llm.BlockDocument, "doc"},
		{`"filename":"a.docx",`, "", llm.BlockDocument, "docx"},
		{`"filename":"a.xls",`, "", llm.BlockDocument, "xls"},
		{`"filename":"a.b.xlsx",`, "", llm.BlockDocument, "xlsx"},
		{`"filename":"a.bin","format":"application/pdf",`, "", llm.BlockDocument, "pdf"},
		{`"filename":"a.docx",`, "data:application/octet-stream;base64,", llm.BlockDocument, "docx"},
		{`"format":"pdf",`, "data:text/plain;base64,", llm.BlockDocument, "pdf"},
		{``, "data:audio/mp3;base64,", llm.BlockAudio, "mp3"},
		{``, "data:audio/x-wav;base64,", llm.BlockAudio, "wav"},
		{``, "data:audio/ogg;base64,", llm.BlockAudio, "ogg"},
		{``, "data:audio/flac;base64,", llm.BlockAudio, "flac"},
		{``, "data:audio/aac;base64,", llm.BlockAudio, "aac"},
		{``, "data:video/mp4;base64,", llm.BlockVideo, "mp4"},
		{``, "data:video/quicktime;base64,", llm.BlockVideo, "mov"},
		{``, "data:video/x-matroska;base64,", llm.BlockVideo, "mkv"},
		{``, "data:video/webm;base64,", llm.BlockVideo, "webm"},
		{``, "data:video/x-flv;base64,", llm.BlockVideo, "flv"},
		{``, "data:video/mpeg;base64,", llm.BlockVideo, "mpeg"},
		{``, "data:video/x-ms-wmv;base64,", llm.BlockVideo, "wmv"},
		{``, "data:video/3gpp;base64,", llm.BlockVideo, "three_gp"},
	}
	for _, tt := range tests {
		t.Run(tt.file+tt.data, func(t *testing.T) {
			data := "AAAA"
			if tt.kind == llm.BlockImage {
				data = images[tt.format]
			}
			body := `{"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{` + tt.file + `"file_data":"` + tt.data + data + `"}}]}]}`
			req, err := openaichat.Decode([]byte(body), openaichat.Options{})
			if err != nil {
				t.Fatal(err)
			}
			b := req.LLM.Turns[0].Blocks[0]
			if b.Kind != tt.kind || b.Media.Format != tt.format || b.Media.Base64.String() != data {
				t.Errorf("got kind %v, %+v; want kind %v, format %s", b.Kind, b.Media, tt.kind, tt.format)
			}
		})
	}
}

func TestBodiesThatAreNoRequest(t *testing.T) {
	tests := []struct {
		name, body   string
		param, wants string
	}{
		{"no JSON", `hello`, "", "the request body is not valid JSON: "},
		{"nothing", ``, "", "the request body is not valid JSON: "},
		{"a list", `[]`, "", "the request body must be an object, not an array (JSON object expected)"},
		{"cut inside a message", `{"model":"m","messages":[{"role":"us`, "messages[0].role", ", at messages[0].role (byte "},
		{"a name twice", `{"model":"a","model":"b"}`, "model", "duplicate name in the JSON object, at model"},
		{"more behind it", `{"model":"m","messages":[]} {}`, "", "the request body is not valid JSON: "},
		{"a number for text", `{"model":7}`, "model", "model must be a string, not a number"},
		{"text for a number", `{"model":"m","max_tokens":"7"}`, "max_tokens", "max_tokens must be an integer, not a string"},
		{"a fraction for a whole number", `{"model":"m","n":1.5}`, "n", "n 1.5 is not an integer in the accepted range"},
		{"a wrong kind deep inside", `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":[]}]}]}`, "messages[0].content[0].text", "must be a string, not an array"},
		{"a cache mark of a wrong kind", `{"model":"m","messages":[{"role":"user","content":"a","cache_control":{"type":"ephemeral","ttl":5}}]}`, "messages[0].cache_control.ttl", "must be a string, not a number"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := openaichat.Decode([]byte(tt.body), openaichat.Options{})
			var e *llm.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			if e.Code != llm.CodeBadRequest || e.Status != 400 || e.Param != tt.param || !strings.Contains(e.Message, tt.wants) {
				t.Errorf("got %s, status %d, param %q: %s\nwant param %q: %s", e.Code, e.Status, e.Param, e.Message, tt.param, tt.wants)
			}
		})
	}
}

func TestThePathsModelStandsForTheBodys(t *testing.T) {
	body := []byte(`{"model":"gpt-4","messages":[{"role":"user","content":"a"}],"seed":1}`)
	req, err := openaichat.Decode(body, openaichat.Options{Model: "granite", DropParams: func(model string) bool { return model == "granite" }})
	if err != nil {
		t.Fatal(err)
	}
	if req.LLM.Model != "granite" {
		t.Errorf("got model %s", req.LLM.Model)
	}
	if _, err := openaichat.Decode([]byte(`{"messages":[{"role":"user","content":"a"}]}`), openaichat.Options{Model: "granite"}); err != nil {
		t.Errorf("the body needs no model then: %v", err)
	}
}

func TestErrorsAsOpenAIsClientsReadThem(t *testing.T) {
	tests := []struct {
		name string
		err  *llm.Error
		want string // the members but for outcrop
	}{
		{"the gateway's own key", &llm.Error{Code: llm.CodeUnauthorized, Status: 401, Message: "no"}, `{"message":"no","type":"authentication_error","param":null,"code":"invalid_api_key"}`},
		{"a permission", &llm.Error{Code: llm.CodeDenied, Status: 403, Message: "no"}, `{"message":"no","type":"permission_error","param":null,"code":"403"}`},
		{"an unknown model", &llm.Error{Code: llm.CodeModelNotFound, Status: 404, Message: "no", Param: "model"}, `{"message":"no","type":"not_found_error","param":"model","code":"model_not_found"}`},
		{"an unknown path", &llm.Error{Code: llm.CodeNotFound, Status: 404, Message: "no"}, `{"message":"no","type":"not_found_error","param":null,"code":"404"}`},
		{"a throttle", &llm.Error{Code: llm.CodeLimitTokens, Status: 429, Message: "slow", Upstream: true, Type: "ThrottlingException"}, `{"message":"ThrottlingException: slow","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"}`},
		{"too long", &llm.Error{Code: llm.CodeTooLong, Status: 400, Message: "long", Fix: "Send less."}, `{"message":"long. Send less.","type":"invalid_request_error","param":null,"code":"context_length_exceeded"}`},
		{"a next step behind a sentence", &llm.Error{Code: llm.CodeInvalid, Status: 400, Message: "No.", Fix: "Yes."}, `{"message":"No. Yes.","type":"invalid_request_error","param":null,"code":"400"}`},
		{"a failure", &llm.Error{Code: llm.CodeUnavailable, Status: 503, Message: "down"}, `{"message":"down","type":"internal_server_error","param":null,"code":"503"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := openaichat.AppendError(nil, tt.err)
			got, verdict, ok := strings.Cut(string(body), `,"outcrop":`)
			if !ok || got != `{"error":`+strings.TrimSuffix(tt.want, "}") {
				t.Errorf("got  %s\nwant %s", body, tt.want)
			}
			if !strings.Contains(verdict, `"code":"`+string(tt.err.Code)+`"`) {
				t.Errorf("the verdict does not name its code: %s", verdict)
			}
		})
	}
}

func TestTheVerdictHoldsWhatIsKnown(t *testing.T) {
	body := openaichat.AppendError(nil, &llm.Error{
		Code: llm.CodeDenied, Status: 403, Message: "no", Cause: "a policy", Fix: "Add it.", Statement: jsonx.Raw(`{"Effect":"Allow"}`),
		Docs: "https://example.com", RequestID: "r-1", Err: errors.New("a secret detail"),
	})
	want := `"outcrop":{"code":"iam.denied","cause":"a policy","actor":"aws_admin","fix":"Add it.","statement":{"Effect":"Allow"},"docs":"https://example.com","request_id":"r-1","retry":"no"}}}`
	if !strings.HasSuffix(string(body), want) {
		t.Errorf("got %s", body)
	}
	if strings.Contains(string(body), "secret detail") {
		t.Error("the error underneath is shown")
	}
}

// TestChunks says events that no recorded stream has in this order.
func TestChunks(t *testing.T) {
	text := func(index int, s string) llm.Event {
		return llm.Event{Kind: llm.EventDelta, Index: index, Block: llm.BlockText, Text: s}
	}
	tests := []struct {
		name   string
		events []llm.Event
		want   []string // the deltas
	}{
		{"a block without a start", []llm.Event{text(0, "a")}, []string{`{"role":"assistant","content":"a"}`, `{}`}},
		{"an empty delta says nothing", []llm.Event{text(0, ""), text(0, "a")}, []string{`{"role":"assistant","content":"a"}`, `{}`}},
		{"nothing at all", nil, []string{`{"role":"assistant"}`}},
		{
			"a citation, and what it rests on, stand behind their text",
			[]llm.Event{
				text(0, "Grün: "),
				{Kind: llm.EventBlockEnd},
				text(1, "hard"),
				{Kind: llm.EventDelta, Index: 1, Block: llm.BlockText, Other: &jsonx.Member{Name: "citation", Value: jsonx.Raw("{\n\"title\":\"t\",\"source\":\"https://x.example\"}")}},
				text(1, "er"),
				{Kind: llm.EventBlockEnd, Index: 1},
			},
			[]string{
				`{"role":"assistant","content":"Grün: "}`, `{"content":"hard"}`, `{"content":"er"}`,
				`{"annotations":[{"type":"url_citation","url_citation":{"start_index":6,"end_index":12,"title":"t","url":"https://x.example"}}],` +
					`"provider_specific_fields":{"citationsContent":[{"citations":[{"title":"t","source":"https://x.example"}],"content":[{"text":"harder"}]}]}}`,
				`{}`,
			},
		},
		{
			"members that nobody knows",
			[]llm.Event{
				{Kind: llm.EventDelta, Block: llm.BlockText, Text: "a", Extra: []jsonx.Member{{Name: "mood", Value: jsonx.Raw(`1`)}}},
				{Kind: llm.EventDelta, Block: llm.BlockText, Text: "b", Extra: []jsonx.Member{{Name: "mood", Value: jsonx.Raw(`2`)}}},
			},
			[]string{
				`{"role":"assistant","content":"a"}`, `{"content":"b"}`,
				`{"provider_specific_fields":{"blocks":[{"type":"text","extra":[{"mood":1},{"mood":2}]}]}}`, `{}`,
			},
		},
		{
			"a tool call without arguments and without its end, then text",
			[]llm.Event{
				{Kind: llm.EventBlockStart, Index: 0, Block: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "c1", Name: "find"}},
				{Kind: llm.EventDelta, Index: 0, Block: llm.BlockToolUse},
				text(1, "a"),
			},
			[]string{
				`{"role":"assistant","tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"find","arguments":""}}]}`,
				`{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}`, `{"content":"a"}`, `{}`,
			},
		},
		{
			"redacted reasoning in pieces is one block",
			[]llm.Event{
				{Kind: llm.EventDelta, Block: llm.BlockRedacted, Text: "YQ=="},
				{Kind: llm.EventDelta, Block: llm.BlockRedacted, Text: "Yg=="},
				{Kind: llm.EventBlockEnd},
			},
			[]string{`{"role":"assistant","reasoning_content":"","thinking_blocks":[{"index":0,"type":"redacted_thinking","data":"YWI="}]}`, `{}`},
		},
		{
			"media and a block of the provider's own come whole",
			[]llm.Event{
				{Kind: llm.EventBlockStart, Index: 0, Block: llm.BlockImage, Media: &llm.Media{Format: "png"}},
				{Kind: llm.EventDelta, Index: 0, Block: llm.BlockImage, Media: &llm.Media{Base64: llm.EncodeBase64(make([]byte, 3))}},
				{Kind: llm.EventBlockEnd, Index: 0, Block: llm.BlockImage},
				{Kind: llm.EventBlockStart, Index: 1, Block: llm.BlockOther, Other: &jsonx.Member{Name: "dream", Value: jsonx.Raw(`{"deep":true}`)}},
				{Kind: llm.EventBlockEnd, Index: 1, Block: llm.BlockOther},
			},
			[]string{
				`{"role":"assistant","provider_specific_fields":{"blocks":[{"type":"media","format":"png","data":"AAAA"}]}}`,
				`{"provider_specific_fields":{"blocks":[{"type":"dream","value":{"deep":true}}]}}`, `{}`,
			},
		},
		{
			"what a tool of the provider's said",
			[]llm.Event{
				{Kind: llm.EventBlockStart, Index: 0, Block: llm.BlockToolResult, ToolResult: &llm.ToolResult{ID: "s1", Type: llm.ServerSide}},
				{Kind: llm.EventDelta, Index: 0, Block: llm.BlockToolResult, Other: &jsonx.Member{Name: "json", Value: jsonx.Raw(`{"n":1}`)}},
				{Kind: llm.EventDelta, Index: 0, Block: llm.BlockToolResult, Text: "seen", Other: &jsonx.Member{Name: "text"}},
			},
			[]string{`{"role":"assistant","provider_specific_fields":{"blocks":[{"type":"` + llm.ServerSide + `","id":"s1","content":[{"n":1},"seen"]}]}}`, `{}`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := openaichat.NewChunks(openaichat.Envelope{ID: "chatcmpl-1", Model: "m", Created: 1}, false, 1)
			var out []byte
			for i := range tt.events {
				out = c.Append(out, &tt.events[i])
			}
			got := deltas(t, string(c.AppendEnd(out, nil)))
			if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// Tokens of thinking are those of the answer's that clients do not see.
func TestUsageTellsThinkingApart(t *testing.T) {
	for n, want := range map[llm.Opt[int64]]string{
		{}:                       `"total_tokens":10,"prompt_tokens_details":{"cached_tokens":0}}`,
		llm.Some(int64(0)):       `"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"text_tokens":4}}`,
		llm.Some(int64(3)):       `"completion_tokens_details":{"reasoning_tokens":3,"text_tokens":1}}`,
		llm.Some(int64(1 << 40)): `"completion_tokens_details":{"reasoning_tokens":4,"text_tokens":0}}`,
	} {
		answer := &llm.Response{Usage: llm.Usage{Input: 6, Output: 4, Total: 10, Reasoning: n}}
		if got := string(openaichat.AppendResponse(nil, openaichat.Envelope{}, answer, nil)); !strings.Contains(got, want) {
			t.Errorf("%v: no %s in %s", n, want, got)
		}
	}
}

// Callers that speak of functions, which tools came after, are answered so.
func TestFunctionCalls(t *testing.T) {
	env := openaichat.Envelope{ID: "chatcmpl-1", Model: "m", Created: 1, Functions: true}
	answer := &llm.Response{Stop: llm.StopToolUse, RawStop: "tool_use", Blocks: []llm.Block{
		{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "c1", Name: "f", Input: jsonx.Raw(`{"a":1}`)}},
		{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "c2", Name: "g", Input: jsonx.Raw(`{}`)}},
	}}
	whole := string(openaichat.AppendResponse(nil, env, answer, nil))
	for _, want := range []string{
		`"function_call":{"name":"f","arguments":"{\"a\":1}"},"tool_calls":[{"index":0,"id":"c2","type":"function","function":{"name":"g","arguments":"{}"}}]`,
		`"finish_reason":"function_call"`,
	} {
		if !strings.Contains(whole, want) {
			t.Errorf("no %s in\n%s", want, whole)
		}
	}
	c := openaichat.NewChunks(env, false, 1)
	var out []byte
	for _, ev := range events(answer) {
		out = c.Append(out, &ev)
	}
	stream := string(c.AppendEnd(out, nil))
	want := []string{
		`{"role":"assistant","function_call":{"name":"f","arguments":""}}`, `{"function_call":{"arguments":"{\""}}`, `{"function_call":{"arguments":"a\":1}"}}`,
		`{"tool_calls":[{"index":0,"id":"c2","type":"function","function":{"name":"g","arguments":""}}]}`, `{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}`, `{}`,
	}
	if diff := cmp.Diff(want, deltas(t, stream)); diff != "" || !strings.Contains(stream, `"finish_reason":"function_call"`) {
		t.Errorf("streamed (-want +got):\n%s\n%s", diff, stream)
	}
}

// Several choices are told apart by their index, end each with a reason, and share
// one count.
func TestSeveralChoices(t *testing.T) {
	env := openaichat.Envelope{ID: "chatcmpl-1", Model: "m", Created: 1}
	answers := []*llm.Response{
		{Blocks: []llm.Block{{Kind: llm.BlockText, Text: "a"}}, Stop: llm.StopEnd, RawStop: "end_turn", LatencyMs: llm.Some[int64](5), ServiceTier: "flex"},
		{Blocks: []llm.Block{{Kind: llm.BlockText, Text: "b"}}, Stop: llm.StopMaxTokens, RawStop: "max_tokens", LatencyMs: llm.Some[int64](7), ServiceTier: "flex"},
	}
	whole := string(openaichat.AppendResponses(nil, env, answers, &llm.Usage{Input: 6, Output: 4, Total: 10}, nil))
	want := `"choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop","logprobs":null,"provider_specific_fields":{"stop_reason":"end_turn","latency_ms":5}},` +
		`{"index":1,"message":{"role":"assistant","content":"b"},"finish_reason":"length","logprobs":null,"provider_specific_fields":{"stop_reason":"max_tokens","latency_ms":7}}],` +
		`"usage":{"prompt_tokens":6,"completion_tokens":4,"total_tokens":10,"prompt_tokens_details":{"cached_tokens":0}},"service_tier":"flex"}`
	if !strings.HasSuffix(whole, want) {
		t.Errorf("whole:\n%s\nwant\n%s", whole, want)
	}
	c := openaichat.NewChunks(env, true, 2)
	var out []byte
	for _, choice := range []int{1, 0} {
		answers[choice].Usage = llm.Usage{Input: 3, Output: 2, Total: 5}
		for _, ev := range events(answers[choice]) {
			ev.Choice = choice
			out = c.Append(out, &ev)
		}
	}
	stream := string(c.AppendEnd(out, nil))
	for _, want := range []string{
		`"choices":[{"index":1,"delta":{"role":"assistant","content":"b"},"finish_reason":null}],"usage":null}`,
		`"choices":[{"index":0,"delta":{"role":"assistant","content":"a"},"finish_reason":null}],"usage":null}`,
		`"choices":[{"index":0,"delta":{},"finish_reason":"stop","provider_specific_fields":{"stop_reason":"end_turn","latency_ms":5}}],"usage":null}`,
		`"choices":[{"index":1,"delta":{},"finish_reason":"length","provider_specific_fields":{"stop_reason":"max_tokens","latency_ms":7}}],"usage":null}`,
		`"choices":[],"usage":{"prompt_tokens":6,"completion_tokens":4,"total_tokens":10,"prompt_tokens_details":{"cached_tokens":0}},"service_tier":"flex"}`,
	} {
		if !strings.Contains(stream, want) {
			t.Errorf("no %s in\n%s", want, stream)
		}
	}
}

// deltas takes the delta out of each chunk of a stream that ends well.
func deltas(t *testing.T, stream string) []string {
	t.Helper()
	rest, ok := strings.CutSuffix(stream, "data: [DONE]\n\n")
	if !ok {
		t.Fatalf("the stream does not end: %s", stream)
	}
	var out []string
	for event := range strings.SplitSeq(strings.TrimSuffix(rest, "\n\n"), "\n\n") {
		var chunk struct {
			Choices []struct {
				Delta json.RawMessage `json:"delta"`
			} `json:"choices"`
		}
		if err := json.Unmarshal([]byte(strings.TrimPrefix(event, "data: ")), &chunk); err != nil {
			t.Fatalf("%v: %s", err, event)
		}
		if len(chunk.Choices) != 1 {
			t.Fatalf("not one choice: %s", event)
		}
		out = append(out, string(chunk.Choices[0].Delta))
	}
	return out
}

func TestAnAnswerThatBreaksOffEndsInAnErrorWithoutDone(t *testing.T) {
	got := string(openaichat.AppendFailure([]byte("data: {}\n\n"), &llm.Error{Code: llm.CodeInterrupted, Status: 502, Message: "cut"}))
	if !strings.HasPrefix(got, `data: {}`+"\n\n"+`data: {"error":{"message":"cut","type":"internal_server_error",`) || !strings.HasSuffix(got, "}}\n\n") || strings.Contains(got, "[DONE]") {
		t.Errorf("got %s", got)
	}
}
