package bedrock

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outcrop/llm"
	"outcrop/wire/converse"
)

const (
	haiku = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
	micro = "amazon.nova-micro-v1:0"
	hello = `{"messages":[{"role":"user","content":[{"text":"hello"}]}]}`
)

// post calls an operation on a model with the demo API key.
func (s *server) post(t *testing.T, model, operation, body string) answer {
	t.Helper()
	return s.send(t, http.MethodPost, "/model/"+url.PathEscape(model)+"/"+operation, body, apiKey)
}

// read reads a stream into a response; the error is the stream's failure.
func read(body []byte) (*llm.Response, error) {
	r := converse.NewReader(bytes.NewReader(body))
	var fold llm.Fold
	var ev llm.Event
	for {
		switch err := r.Next(&ev); {
		case errors.Is(err, io.EOF):
			return fold.Answer(), nil
		case err != nil:
			return fold.Answer(), err
		}
		fold.Add(&ev)
	}
}

func TestModelIdentifiers(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Profiles: []ApplicationProfile{{ID: "abc123def456", Name: "a", Region: "us-east-1", Source: "us.anthropic.claude-sonnet-4-6"}}})
	account := "arn:aws:bedrock:us-east-1:" + DemoAccount
	const unknown = `{"message":"The provided model identifier is invalid."}`
	tests := []struct {
		name, path string
		refusal    string // empty if it is served
	}{
		{"a profile, percent-encoded", url.PathEscape(haiku), ""},
		{"a profile with its colon", haiku, ""},
		{"an on-demand model by its bare id", micro, ""},
		{"an on-demand model by its ARN", url.QueryEscape("arn:aws:bedrock:us-east-1::foundation-model/" + micro), ""},
		{"a profile by its ARN", url.QueryEscape(account + ":inference-profile/" + haiku), ""},
		{"a profile by its ARN with a plain slash", account + ":inference-profile/" + haiku, ""},
		{"an application profile", url.QueryEscape(account + ":application-inference-profile/abc123def456"), ""},
		{"the bare id of a profile-only model", "anthropic.claude-haiku-4-5-20251001-v1:0", `{"message":"Invocation of model ID anthropic.claude-haiku-4-5-20251001-v1:0 with on-demand throughput isn` + "\u2019" + `t supported. Retry your request with the ID or ARN of an inference profile that contains this model."}`},
		{"a model that does not exist", "us.does-not-exist-model-v1:0", unknown},
		{"a profile of another geography", "eu.anthropic.claude-haiku-4-5-20251001-v1:0", unknown},
		{"a profile of another account", url.QueryEscape("arn:aws:bedrock:us-east-1:999999999999:inference-profile/" + haiku), unknown},
		{"an ARN of another region", url.QueryEscape("arn:aws:bedrock:eu-west-1::foundation-model/" + micro), unknown},
		{"an application profile that does not exist", url.QueryEscape(account + ":application-inference-profile/zzz123def456"), unknown},
		{"a model that is not for conversations", "amazon.titan-embed-text-v2:0", "This action doesn't support the model that you provided."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, operation := range []string{"/converse", "/converse-stream"} {
				a := s.send(t, http.MethodPost, "/model/"+tt.path+operation, hello, apiKey)
				if tt.refusal != "" {
					wantRefusal(t, a, 400, "ValidationException", tt.refusal)
				} else if a.status != 200 {
					t.Errorf("%s: got %d %s", operation, a.status, a.body)
				}
			}
		})
	}
}

func TestSignedConverseIsVerifiedOverTheEncodedPath(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	for _, path := range []string{url.QueryEscape(haiku), haiku} {
		a := s.send(t, http.MethodPost, "/model/"+path+"/converse", hello, signed(demo, "us-west-2", "bedrock", noon))
		if a.status != 200 {
			t.Errorf("%s: got %d %s", path, a.status, a.body)
		}
	}
}

func TestStreamTellsTheSameAsTheWholeAnswer(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	body := `{"messages":[{"role":"user","content":[{"text":"Tell me the weather in Paris and Rome"}]}],
		"toolConfig":{"tools":[{"toolSpec":{"name":"get_weather","inputSchema":{"json":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}}]},
		"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":1024}},"inferenceConfig":{"maxTokens":4000}}`
	whole := s.post(t, haiku, "converse", body)
	want, err := converse.DecodeResponse(whole.body)
	if err != nil {
		t.Fatalf("%v in %s", err, whole.body)
	}
	stream := s.post(t, haiku, "converse-stream", body)
	if got := stream.header.Get("Content-Type"); got != "application/vnd.amazon.eventstream" {
		t.Errorf("content type %q", got)
	}
	got, err := read(stream.body)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(want.Blocks) != 3 || want.RawStop != "tool_use" || want.Usage.Total != want.Usage.Prompt()+want.Usage.Output {
		t.Errorf("got %s", whole.body)
	}
	for _, part := range []string{`"p":"abc`, `"serverToolUsage":{}`, `"latencyMs":`} {
		if !bytes.Contains(stream.body, []byte(part)) {
			t.Errorf("the stream lacks %s", part)
		}
	}
}

func TestRulesOfConverse(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	const (
		tools  = `"toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object"}}}}]}`
		turn   = `"messages":[{"role":"user","content":[{"text":"hi"}]}]`
		use    = `{"role":"user","content":[{"text":"hi"}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"f","input":{}}},{"toolUse":{"toolUseId":"t2","name":"f","input":{}}}]}`
		thinks = `"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":2000}}`
	)
	result := func(id string) string {
		return `{"toolResult":{"toolUseId":"` + id + `","content":[{"text":"x"}]}}`
	}
	tests := []struct{ name, model, operation, body, want string }{
		{"an unknown member", haiku, "converse", `{` + turn + `,"temprature":1}`, "temprature"},
		{"a body that is no JSON", haiku, "converse", `{"messages":`, "SerializationException"},
		{"no messages", haiku, "converse", `{"messages":[]}`, "must start with a user message"},
		{"an assistant's start with Nova", micro, "converse", `{"messages":[{"role":"assistant","content":[{"text":"hi"}]}]}`, "must start with a user message"},
		{"an assistant's start with Claude", haiku, "converse", `{"messages":[{"role":"assistant","content":[{"text":"hi"}]},{"role":"user","content":[{"text":"hi"}]}]}`, ""},
		{"blank text", haiku, "converse", `{"messages":[{"role":"user","content":[{"text":" \n"}]}]}`, "The text field in the ContentBlock object at messages.0.content.0 is blank."},
		{"no content", haiku, "converse", `{"messages":[{"role":"user","content":[]}]}`, "at messages.0 is empty"},
		{"tool blocks without tools", haiku, "converse", `{"messages":[` + use + `,{"role":"user","content":[` + result("t1") + `,` + result("t2") + `]}]}`, "The toolConfig field must be defined"},
		{"every result there", haiku, "converse", `{` + tools + `,"messages":[` + use + `,{"role":"user","content":[` + result("t2") + `,` + result("t1") + `]}]}`, ""},
		{"results divided over two turns of the user", haiku, "converse", `{` + tools + `,"messages":[` + use + `,{"role":"user","content":[` + result("t2") + `]},{"role":"user","content":[` + result("t1") + `]}]}`, ""},
		{"a result missing", haiku, "converse", `{` + tools + `,"messages":[` + use + `,{"role":"user","content":[` + result("t2") + `]}]}`, "Expected toolResult blocks at messages.2.content for the following Ids: t1"},
		{"a result for no call", haiku, "converse", `{` + tools + `,"messages":[` + use + `,{"role":"user","content":[` + result("t1") + `,` + result("t2") + `,` + result("t3") + `]}]}`, "The number of toolResult blocks at messages.2.content exceeds the number of toolUse blocks of previous turn."},
		{"a result without any call", haiku, "converse", `{` + tools + `,"messages":[{"role":"user","content":[` + result("t1") + `]}]}`, "exceeds the number of toolUse blocks"},
		{"text beside a result with Mistral", "mistral.mistral-large-2402-v1:0", "converse", `{` + tools + `,"messages":[` + use + `,{"role":"user","content":[` + result("t1") + `,` + result("t2") + `,{"text":"and"}]}]}`, "cannot be provided in the same turn"},
		{"tools in a stream of Llama", "us.meta.llama3-3-70b-instruct-v1:0", "converse-stream", `{` + turn + `,` + tools + `}`, "This model doesn't support tool use in streaming mode."},
		{"tools without a stream of Llama", "us.meta.llama3-3-70b-instruct-v1:0", "converse", `{` + turn + `,` + tools + `}`, ""},
		{"a system prompt for Mistral 7B", "mistral.mistral-7b-instruct-v0:2", "converse", `{` + turn + `,"system":[{"text":"be kind"}]}`, "doesn't support system messages"},
		{"stop sequences for gpt-oss", "openai.gpt-oss-20b-1:0", "converse", `{` + turn + `,"inferenceConfig":{"stopSequences":["x"]}}`, "stopSequences"},
		{"temperature with topP for Claude 4.5", haiku, "converse", `{` + turn + `,"inferenceConfig":{"temperature":0.5,"topP":0.5}}`, "`temperature` and `top_p` cannot both be specified for this model. Please use only one."},
		{"temperature for Claude Opus 4.8", "us.anthropic.claude-opus-4-8", "converse", `{` + turn + `,"inferenceConfig":{"temperature":0.5}}`, "temperature"},
		{"a line break between a document and a cache point", haiku, "converse", `{"messages":[{"role":"user","content":[{"text":"hi"},{"document":{"format":"txt","name":"a","source":{"bytes":"Yg=="}}},{"text":"\n"},{"cachePoint":{"type":"default"}}]}]}`, ""},
		{"a video from a tool for Nova", "amazon.nova-lite-v1:0", "converse", `{` + tools + `,"messages":[{"role":"user","content":[{"text":"hi"}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"f","input":{}}}]},{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[{"video":{"format":"mp4","source":{"s3Location":{"uri":"s3://bucket/key"}}}}]}}]}]}`, "#/messages/2/content/0: extraneous key [toolResult] is not permitted"},
		{"a video for Claude", haiku, "converse", `{"messages":[{"role":"user","content":[{"video":{"format":"mp4","source":{"bytes":"AAAA"}}}]}]}`, "This model doesn't support the video content block that you provided."},
		{"a strict tool for Claude Opus 4.8", "us.anthropic.claude-opus-4-8", "converse", `{` + turn + `,"toolConfig":{"tools":[{"toolSpec":{"name":"f","strict":true,"inputSchema":{"json":{"type":"object"}}}}]}}`, "tools.0.custom.strict: Extra inputs are not permitted"},
		{"a choice of a tool that is not there", haiku, "converse", `{` + turn + `,"toolConfig":{"toolChoice":{"tool":{"name":"g"}},"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object"}}}}]}}`, "not among toolConfig.tools"},
		{"a forced tool for Claude Sonnet 5.5", "us.anthropic.claude-sonnet-5-5", "converse", `{` + turn + `,"toolConfig":{"toolChoice":{"any":{}},"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object"}}}}]}}`, `tool_choice: type \"tool\" and \"any\" are not supported for this model.`},
		{"no thinking for Claude Sonnet 5.5", "us.anthropic.claude-sonnet-5-5", "converse", `{` + turn + `,"additionalModelRequestFields":{"thinking":{"type":"disabled"}}}`, "disabled"},
		{"a budget for a model that only adapts", "us.anthropic.claude-opus-4-8", "converse", `{` + turn + `,` + thinks + `}`, "thinking"},
		{"thinking that is no object", haiku, "converse", `{` + turn + `,"additionalModelRequestFields":{"thinking":true}}`, "thinking: Input should be"},
		{"an image for Nova Micro", micro, "converse", `{"messages":[{"role":"user","content":[{"image":{"format":"png","source":{"bytes":"AAAA"}}}]}]}`, "doesn't support the image content block"},
		{"S3 for Claude", haiku, "converse", `{"messages":[{"role":"user","content":[{"image":{"format":"png","source":{"s3Location":{"uri":"s3://bucket/key"}}}}]}]}`, "This model doesn't support the s3Uri field. Remove s3Uri and try again."},
		{"more tokens than the model writes", micro, "converse", `{` + turn + `,"inferenceConfig":{"maxTokens":10001}}`, "exceeds the model limit of 10000"},
		{"thinking for a model that cannot", micro, "converse", `{` + turn + `,` + thinks + `}`, "extraneous key [thinking]"},
		{"a budget above max tokens", haiku, "converse", `{` + turn + `,` + thinks + `,"inferenceConfig":{"maxTokens":2000}}`, "`max_tokens` must be greater than `thinking.budget_tokens`."},
		{"thinking with a forced tool", haiku, "converse", `{` + turn + `,` + thinks + `,"toolConfig":{"toolChoice":{"any":{}},"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object"}}}}]}}`, "tool_choice forces tool use"},
		{"a tool loop that lost its thinking", haiku, "converse", `{` + tools + `,` + thinks + `,"messages":[` + use + `,{"role":"user","content":[` + result("t1") + `,` + result("t2") + `]}]}`, "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`."},
		{"reasoning without its signature", haiku, "converse", `{"messages":[{"role":"user","content":[{"text":"hi"}]},{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"x"}}},{"text":"y"}]},{"role":"user","content":[{"text":"hi"}]}]}`, `"messages.1.content.0.thinking.signature: Field required"`},
		{"reasoning with another signature", haiku, "converse", `{"messages":[{"role":"user","content":[{"text":"hi"}]},{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"x","signature":"eA=="}}},{"text":"y"}]},{"role":"user","content":[{"text":"hi"}]}]}`, "Invalid `signature` in `thinking` block"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := s.post(t, tt.model, tt.operation, tt.body)
			switch {
			case tt.want == "SerializationException":
				wantRefusal(t, a, 400, "SerializationException", "message")
			case tt.want != "":
				wantRefusal(t, a, 400, "ValidationException", tt.want)
			case a.status != 200:
				t.Errorf("got %d %s", a.status, a.body)
			}
		})
	}
}

func TestUsageReadsTheCacheTheSecondTime(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	body := `{"system":[{"text":"` + strings.Repeat("granite ", 2100) + `"},{"cachePoint":{"type":"default"}}],"messages":[{"role":"user","content":[{"text":"hello"}]}]}`
	const sonnet = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
	for _, want := range []string{`"cacheReadInputTokens":0,"cacheWriteInputTokenCount":4200,"cacheWriteInputTokens":4200`, `"cacheReadInputTokens":4200,"cacheWriteInputTokenCount":0,"cacheWriteInputTokens":0`} {
		if a := s.post(t, sonnet, "converse", body); a.status != 200 || !bytes.Contains(a.body, []byte(want)) {
			t.Errorf("got %s, want %s", a.body, want)
		}
	}
}

func TestAnAnswerEchoesWhatTheRequestSays(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	a := s.post(t, "us.amazon.nova-pro-v1:0", "converse", `{"messages":[{"role":"user","content":[{"text":"stop here"}]}],"inferenceConfig":{"stopSequences":["here"]},
		"additionalModelResponseFieldPaths":["/stop_sequence"],"serviceTier":{"type":"flex"},"performanceConfig":{"latency":"optimized"}}`)
	for _, part := range []string{`"additionalModelResponseFields":{"stop_sequence":"here"}`, `"stopReason":"stop_sequence"`, `"serviceTier":{"type":"flex"}`, `"performanceConfig":{"latency":"optimized"}`, `"text":"You said: stop "`} {
		if !bytes.Contains(a.body, []byte(part)) {
			t.Errorf("%s lacks %s", a.body, part)
		}
	}
}

func TestAnswersDoNotDependOnTheServer(t *testing.T) {
	t.Parallel()
	one, two, other := start(t, Options{Seed: 5}), start(t, Options{Seed: 5}), start(t, Options{Seed: 6})
	a, b, c := one.post(t, haiku, "converse-stream", hello), two.post(t, haiku, "converse-stream", hello), other.post(t, haiku, "converse-stream", hello)
	if !bytes.Equal(a.body, b.body) || a.header.Get("x-amzn-RequestId") != b.header.Get("x-amzn-RequestId") {
		t.Error("two servers with one seed answer differently")
	}
	if bytes.Equal(a.body, c.body) {
		t.Error("the seed changes nothing")
	}
}

func TestHandlerWorksWithoutAServer(t *testing.T) {
	t.Parallel()
	e, err := New(Options{Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequest(http.MethodPost, "https://bedrock-runtime.us-east-1.amazonaws.com/model/"+url.PathEscape(haiku)+"/converse-stream", strings.NewReader(hello))
	apiKey(req)
	w := httptest.NewRecorder()
	e.ServeHTTP(w, req)
	got, err := read(w.Body.Bytes())
	if err != nil || len(got.Blocks) != 1 || got.Blocks[0].Text != "You said: hello" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestABodyOverTheLimitIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	wantRefusal(t, s.post(t, haiku, "converse", strings.Repeat(" ", maxBody+1)), 413, "RequestEntityTooLargeException", "25000000 bytes")
}
