package passthrough

import (
	"fmt"
	"strings"
	"testing"

	"outcrop/llm"
)

// read gives a response to a reading in pieces of a size, and describes what it has read.
func read(provider, path, request, kind, body string, size int) string {
	r := newReading(provider, "POST", path, "application/json", []byte(request))
	r.begin(200, []llm.Label{{Name: "Content-Type", Value: kind}})
	for rest := body; rest != ""; {
		n := min(size, len(rest))
		r.add([]byte(rest[:n]))
		rest = rest[n:]
	}
	got := r.end(true)
	return fmt.Sprintf("%s > %s stream=%v in=%d read=%d write=%d out=%d units=%d tier=%s stop=%s %s", got.Model, got.Answered, got.Stream,
		got.Usage.Input, got.Usage.CacheRead.Value, got.Usage.CacheWrite.Value, got.Usage.Output, got.Usage.SearchUnits, got.Tier, got.Stop, got.Unknown)
}

const (
	asJSON   = "application/json; charset=utf-8"
	asEvents = "text/event-stream"
)

// Each API is read whole and streamed, however the bytes arrive, and past members of the same names elsewhere.
func TestWhatAResponseSaysOfItselfIsRead(t *testing.T) {
	for _, tt := range []struct{ name, provider, path, request, kind, body, want string }{
		{
			"a chat", "openai", "/v1/chat/completions", `{"model":"gpt-4o","messages":[{"model":"no"}]}`, asJSON,
			`{"id":"x","choices":[{"message":{"content":"{\"usage\":{\"prompt_tokens\":9}} \\","usage":{"prompt_tokens":8}},"finish_reason":"stop"}],"model":"gpt-4o-2024-08-06","usage":{"prompt_tokens":10,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":4}},"service_tier":"default"}`,
			"gpt-4o > gpt-4o-2024-08-06 stream=false in=6 read=4 write=0 out=3 units=0 tier=default stop=stop ",
		},
		{
			"a streamed chat", "openai", "/v1/chat/completions", `{"model":"gpt-4o","stream":true,"stream_options":{"include_usage":true}}`, asEvents,
			": hello\n\ndata: {\"model\":\"gpt-4o\",\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":null}\r\n\r\nevent: x\ndata:{\"choices\":[{\"finish_reason\":\"length\"}]}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n",
			"gpt-4o > gpt-4o stream=true in=7 read=0 write=0 out=2 units=0 tier= stop=length ",
		},
		{
			"a streamed chat without usage", "openai", "/v1/chat/completions", `{"model":"gpt-4o","stream":true}`, asEvents,
			"data: {\"model\":\"gpt-4o\",\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
			"gpt-4o > gpt-4o stream=true in=0 read=0 write=0 out=0 units=0 tier= stop=stop a stream of this API reports its usage only if the request has stream_options.include_usage",
		},
		{
			"a deployment of Azure", "azure", "/openai/deployments/mine/chat/completions", `{}`, asJSON,
			`{"model":"gpt-4o","usage":{"prompt_tokens":10,"completion_tokens":3}}`,
			"mine > gpt-4o stream=false in=10 read=0 write=0 out=3 units=0 tier= stop= ",
		},
		{
			"a response", "openai", "/v1/responses", `{"model":"gpt-5"}`, asJSON,
			`{"model":"gpt-5-2025-08-07","output":[{"usage":{"input_tokens":99}}],"usage":{"input_tokens":10,"output_tokens":5,"input_tokens_details":{"cached_tokens":2}},"service_tier":"flex"}`,
			"gpt-5 > gpt-5-2025-08-07 stream=false in=8 read=2 write=0 out=5 units=0 tier=flex stop= ",
		},
		{
			"a streamed response", "openai", "/responses", `{"model":"gpt-5","stream":true}`, asEvents,
			"event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"model\":\"gpt-5\",\"usage\":null}}\n\nevent: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"model\":\"gpt-5\",\"usage\":{\"input_tokens\":10,\"output_tokens\":5}}}\n\n",
			"gpt-5 > gpt-5 stream=true in=10 read=0 write=0 out=5 units=0 tier= stop= ",
		},
		{
			"a response in the background", "openai", "/v1/responses", `{"model":"gpt-5","background":true}`, asJSON,
			`{"model":"gpt-5","status":"queued","usage":null}`,
			"gpt-5 > gpt-5 stream=false in=0 read=0 write=0 out=0 units=0 tier= stop= the response reports no usage",
		},
		{
			"embeddings", "openai", "/v1/embeddings", `{"model":"text-embedding-3-small"}`, asJSON,
			`{"object":"list","data":[{"embedding":[0.1,-2e-5]}],"model":"text-embedding-3-small","usage":{"prompt_tokens":12,"total_tokens":12}}`,
			"text-embedding-3-small > text-embedding-3-small stream=false in=12 read=0 write=0 out=0 units=0 tier= stop= ",
		},
		{
			"a message", "anthropic", "/v1/messages", `{"model":"claude-sonnet-4-5"}`, asJSON,
			`{"model":"claude-sonnet-4-5-20250929","content":[],"stop_reason":"end_turn","usage":{"input_tokens":9,"cache_read_input_tokens":100,"cache_creation_input_tokens":5,"output_tokens":4,"service_tier":"standard"}}`,
			"claude-sonnet-4-5 > claude-sonnet-4-5-20250929 stream=false in=9 read=100 write=5 out=4 units=0 tier=default stop=end_turn ",
		},
		{
			"a streamed message", "anthropic", "/v1/messages", `{"model":"claude-sonnet-4-5","stream":true}`, asEvents,
			"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"claude-sonnet-4-5\",\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"max_tokens\"},\"usage\":{\"output_tokens\":40}}\n\n",
			"claude-sonnet-4-5 > claude-sonnet-4-5 stream=true in=9 read=0 write=0 out=40 units=0 tier= stop=max_tokens ",
		},
		{
			"content of Gemini", "gemini", "/v1beta/models/gemini-2.5-pro:generateContent", `{}`, asJSON,
			`{"candidates":[{"content":{},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":2,"thoughtsTokenCount":5,"cachedContentTokenCount":4},"modelVersion":"gemini-2.5-pro"}`,
			"gemini-2.5-pro > gemini-2.5-pro stream=false in=6 read=4 write=0 out=7 units=0 tier= stop=STOP ",
		},
		{
			"a stream of Gemini's as an array", "gemini", "/v1beta/models/gemini-2.5-pro%3AstreamGenerateContent", `{}`, asJSON,
			`[{"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":2}}` + "\n,\r\n" + `{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":6},"modelVersion":"gemini-2.5-pro"}]`,
			"gemini-2.5-pro > gemini-2.5-pro stream=true in=10 read=0 write=0 out=6 units=0 tier= stop=STOP ",
		},
		{
			"a chat with Cohere", "cohere_chat", "/v2/chat", `{"model":"command-a-03-2025","stream":true}`, asEvents,
			"event: message-end\ndata: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"COMPLETE\",\"usage\":{\"billed_units\":{\"input_tokens\":3,\"output_tokens\":2},\"tokens\":{\"input_tokens\":70,\"output_tokens\":2}}}}\n\n",
			"command-a-03-2025 >  stream=true in=70 read=0 write=0 out=2 units=0 tier= stop=COMPLETE ",
		},
		{
			"a ranking of Cohere's", "cohere", "/v2/rerank", `{"model":"rerank-v3.5"}`, asJSON,
			`{"results":[{"index":0,"relevance_score":0.9}],"meta":{"api_version":{"version":"2"},"billed_units":{"search_units":3}}}`,
			"rerank-v3.5 >  stream=false in=0 read=0 write=0 out=0 units=3 tier= stop= ",
		},
		{
			"a chat with Ollama", "ollama", "/api/chat", `{"model":"qwen3"}`, "application/x-ndjson",
			`{"model":"qwen3","message":{"content":"a"},"done":false}` + "\n" + `{"model":"qwen3","done":true,"done_reason":"stop","prompt_eval_count":11,"eval_count":5}` + "\n",
			"qwen3 > qwen3 stream=true in=11 read=0 write=0 out=5 units=0 tier= stop=stop ",
		},
		{
			"images", "openai", "/v1/images/generations", `{"model":"gpt-image-1"}`, asJSON,
			`{"created":1,"data":[{"b64_json":"` + strings.Repeat("QUJD", 40000) + `"}],"usage":{"input_tokens":50,"output_tokens":4160,"total_tokens":4210}}`,
			"gpt-image-1 >  stream=false in=50 read=0 write=0 out=4160 units=0 tier= stop= ",
		},
		{
			"speech", "openai", "/v1/audio/speech", `{"model":"tts-1"}`, "audio/mpeg", "ID3",
			"tts-1 >  stream=false in=0 read=0 write=0 out=0 units=0 tier= stop= the response is audio/mpeg, which reports no usage",
		},
		{
			"another path", "openai", "/v1/threads/a/messages", `{"model":"gpt-4o"}`, asJSON, `{"usage":{"prompt_tokens":1}}`,
			" >  stream=false in=0 read=0 write=0 out=0 units=0 tier= stop= the path is not one of an API whose usage the gateway reads",
		},
		{
			"a count of tokens, which generates nothing", "anthropic", "/v1/messages/count_tokens", `{"model":"claude-sonnet-4-5"}`, asJSON, `{"input_tokens":9}`,
			"claude-sonnet-4-5 >  stream=false in=0 read=0 write=0 out=0 units=0 tier= stop= ",
		},
		{
			"what is no JSON", "openai", "/v1/chat/completions", `]]]{"model":`, asJSON, `}]{"model":]"usage":{"prompt_tokens":"x"},` + strings.Repeat("[{", 100) + "\x00\"",
			" >  stream=false in=0 read=0 write=0 out=0 units=0 tier= stop= the response reports no usage",
		},
	} {
		for _, size := range []int{len(tt.body), 1, 7, 100} {
			if got := read(tt.provider, tt.path, tt.request, tt.kind, tt.body, size); got != tt.want {
				t.Errorf("%s, by %d bytes:\n got %s\nwant %s", tt.name, size, got, tt.want)
			}
		}
	}
}

// A response that is cut says so, unless the usage is known to be complete.
func TestACutResponseDoesNotReportAllUsage(t *testing.T) {
	const start = "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n"
	for body, want := range map[string]string{
		start: "the response ended before its last usage",
		start + "data: {\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":40}}\n\n": "",
	} {
		r := newReading("anthropic", "POST", "/v1/messages", "", nil)
		r.begin(200, []llm.Label{{Name: "content-type", Value: asEvents}})
		r.add([]byte(body))
		if got := r.end(false); got.Unknown != want || got.Usage.Input != 9 {
			t.Errorf("%q, input %d", got.Unknown, got.Usage.Input)
		}
	}
}

// Requests that generate nothing, and errors, are not metered, and nothing is said of them.
func TestNothingIsSaidOfResponsesThatCostNothing(t *testing.T) {
	for _, tt := range []struct {
		method string
		status int
	}{{"GET", 200}, {"DELETE", 200}, {"POST", 429}} {
		r := newReading("openai", tt.method, "/v1/nowhere", "", nil)
		if hold := r.begin(tt.status, []llm.Label{{Name: "Content-Type", Value: asJSON}}); hold {
			t.Errorf("%s: the body is held", tt.method)
		}
		r.add([]byte(`{"usage":{"prompt_tokens":1}}`))
		if got := r.end(true); got.Unknown != "" || got.Counted {
			t.Errorf("%s %d: %+v", tt.method, tt.status, got)
		}
	}
}

func TestACompressedResponseIsNotRead(t *testing.T) {
	r := newReading("openai", "POST", "/v1/chat/completions", "", nil)
	hold := r.begin(200, []llm.Label{{Name: "Content-Type", Value: asJSON}, {Name: "Content-Encoding", Value: "gzip"}})
	if got := r.end(true); hold || got.Unknown != "the response is compressed" {
		t.Errorf("%v %q", hold, got.Unknown)
	}
}

func TestTheModelOfAFormIsRead(t *testing.T) {
	const form = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"model\"\r\n\r\nRIFF\r\n--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--b--\r\n"
	r := newReading("openai", "POST", "/v1/audio/transcriptions", "multipart/form-data; boundary=b", []byte(form))
	if r.got.Model != "whisper-1" {
		t.Errorf("model %q", r.got.Model)
	}
}
