package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"strconv"

	"outcrop/wire/eventstream"
)

// The upstream's models differ in how they stream.
const (
	modelBurst = "us.amazon.nova-micro-v1:0"   // all frames without a pause
	modelPaced = "us.amazon.nova-lite-v1:0"    // a pause before every frame but the first two
	modelHeld  = "us.amazon.nova-pro-v1:0"     // nothing after the first delta, until the client leaves
	modelLong  = "us.amazon.nova-premier-v1:0" // as modelHeld, but with a beat now and then

	claudeBurst = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
	claudePaced = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"

	openAIBurst = "gpt-burst"
	openAIPaced = "gpt-paced"

	// The same for Anthropic's API itself and for Gemini's. The names stand in the paths.
	anthropicBurst = "claude-direct-burst"
	anthropicPaced = "claude-direct-paced"
	geminiBurst    = "gemini-burst"
	geminiPaced    = "gemini-paced"
)

// deltas is the number of text pieces in a streamed answer, and marker is part of the
// first: once it has been read, the first token has arrived.
const (
	deltas = 32
	marker = "Granite"
)

// beatText is the text of the deltas by which a stream of modelLong lives on. It is nowhere else.
const beatText = " a-beat"

// answer is a Converse response: about 400 bytes, with members as AWS sends them.
const answer = `{"metrics":{"latencyMs":412},"output":{"message":{"content":[{"text":"` + marker +
	` is a coarse-grained rock that forms when magma cools slowly below the surface. It is made mostly of quartz, feldspar and mica, and where the land above it wears away it comes to light as an outcrop."}],` +
	`"role":"assistant"}},"stopReason":"end_turn","usage":{"inputTokens":61,"outputTokens":48,"totalTokens":109}}`

// frame returns an event as AWS frames it.
func frame(kind, payload string) []byte {
	return eventstream.Append(nil, []eventstream.Header{
		{Name: eventstream.HeaderEventType, Value: kind},
		{Name: eventstream.HeaderContentType, Value: "application/json"},
		{Name: eventstream.HeaderMessageType, Value: "event"},
	}, []byte(payload))
}

// frames returns a ConverseStream response: messageStart, the deltas, and the events
// after them, with the padding member p that AWS adds.
func frames() [][]byte {
	var all [][]byte
	add := func(kind, payload string) { all = append(all, frame(kind, payload)) }
	add("messageStart", `{"p":"abcdefghijkl","role":"assistant"}`)
	for i := range deltas {
		add("contentBlockDelta", fmt.Sprintf(`{"contentBlockIndex":0,"delta":{"text":%q},"p":"abcdefghijklmnopqrstuvwxyz"}`, deltaText(i)))
	}
	add("contentBlockStop", `{"contentBlockIndex":0,"p":"abcdefgh"}`)
	add("messageStop", `{"p":"abcdefghijklmnop","stopReason":"end_turn"}`)
	add("metadata", `{"metrics":{"latencyMs":412},"p":"abcdef","usage":{"inputTokens":61,"outputTokens":64,"totalTokens":125}}`)
	return all
}

// deltaText is the text of a delta.
func deltaText(i int) string {
	if i == 0 {
		return marker
	}
	return " word" + strconv.Itoa(i) + " of"
}

// message is Claude's response of InvokeModel with the text of answer, in Anthropic's format.
const message = `{"model":"claude-haiku-4-5-20251001","id":"msg_bdrk_01AbCdEfGhIjKlMnOpQrStUv","type":"message","role":"assistant","content":[{"type":"text","text":"` + marker +
	` is a coarse-grained rock that forms when magma cools slowly below the surface. It is made mostly of quartz, feldspar and mica, and where the land above it wears away it comes to light as an outcrop."}],` +
	`"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":61,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"output_tokens":48}}`

// messageStop is the last event of a message, to which AWS adds its metrics.
const messageStop = `{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":61,"outputTokenCount":64,"invocationLatency":412,"firstByteLatency":198}}`

// messageEvents returns the events of a streamed message in Anthropic's format.
func messageEvents() []string {
	all := []string{
		`{"type":"message_start","message":{"model":"claude-haiku-4-5-20251001","id":"msg_bdrk_01AbCdEfGhIjKlMnOpQrStUv","type":"message","role":"assistant","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":61,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":1}}}`,
		`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
	}
	for i := range deltas {
		all = append(all, fmt.Sprintf(`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":%q}}`, deltaText(i)))
	}
	return append(
		all,
		`{"type":"content_block_stop","index":0}`,
		`{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":64}}`,
		messageStop,
	)
}

// chunkFrames returns an InvokeModelWithResponseStream response of Claude: each event in
// base64 in a frame of its own, with the padding that AWS adds.
func chunkFrames() [][]byte {
	var all [][]byte
	for _, event := range messageEvents() {
		all = append(all, frame("chunk", `{"bytes":"`+base64.StdEncoding.EncodeToString([]byte(event))+`","p":"abcdefghijklmnopqrstuvwxyz"}`))
	}
	return all
}

// completion is a chat completion with the text of answer, with members as OpenAI sends them.
const completion = `{"id":"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012","object":"chat.completion","created":1772442000,"model":"gpt-5-mini-2025-08-07","choices":[{"index":0,"message":{"role":"assistant","content":"` + marker +
	` is a coarse-grained rock that forms when magma cools slowly below the surface. It is made mostly of quartz, feldspar and mica, and where the land above it wears away it comes to light as an outcrop.","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],` +
	`"usage":{"prompt_tokens":61,"completion_tokens":48,"total_tokens":109,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default","system_fingerprint":"fp_44709d6fcb"}`

// openAIEvents returns a streamed chat completion, whose usage the request asks for.
func openAIEvents() [][]byte {
	var all [][]byte
	add := func(choices, usage string) {
		all = append(all, []byte(`data: {"id":"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012","object":"chat.completion.chunk","created":1772442000,"model":"gpt-5-mini-2025-08-07","service_tier":"default","system_fingerprint":"fp_44709d6fcb","choices":[`+choices+`],"usage":`+usage+`,"obfuscation":"aBcDeFgH"}`+"\n\n"))
	}
	add(`{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}`, "null")
	for i := range deltas {
		add(fmt.Sprintf(`{"index":0,"delta":{"content":%q},"logprobs":null,"finish_reason":null}`, deltaText(i)), "null")
	}
	add(`{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}`, "null")
	add("", `{"prompt_tokens":61,"completion_tokens":64,"total_tokens":125,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}`)
	return append(all, []byte("data: [DONE]\n\n"))
}

// The same question in the format of each API.
const (
	system   = "You are a geologist who answers in two sentences."
	question = "What is granite, where does it form, and how does it come to the surface?"
)

// openAIChat is a chat completion request for Outcrop.
func openAIChat(model string, stream bool, picture []byte) []byte {
	content := strconv.Quote(question)
	if picture != nil {
		content = `[{"type":"text","text":` + content + `},{"type":"image_url","image_url":{"url":"data:image/png;base64,` + base64.StdEncoding.EncodeToString(picture) + `"}}]`
	}
	return fmt.Appendf(nil, `{"model":%q,"messages":[{"role":"system","content":%q},{"role":"user","content":"Hello."},{"role":"assistant","content":"Hello, ask me about rocks."},{"role":"user","content":%s}],"max_tokens":300,"temperature":0.3,"stream":%t}`,
		model, system, content, stream)
}

// converse is the same request in AWS's format, for the proxy.
func converse(picture []byte) []byte {
	more := ""
	if picture != nil {
		more = `,{"image":{"format":"png","source":{"bytes":"` + base64.StdEncoding.EncodeToString(picture) + `"}}}`
	}
	return fmt.Appendf(nil, `{"system":[{"text":%q}],"messages":[{"role":"user","content":[{"text":"Hello."}]},{"role":"assistant","content":[{"text":"Hello, ask me about rocks."}]},{"role":"user","content":[{"text":%q}%s]}],"inferenceConfig":{"maxTokens":300,"temperature":0.3}}`,
		system, question, more)
}

// messages is the same request in Anthropic's format: for Outcrop with the model, for the
// proxy as InvokeModel takes it.
func messages(model string, stream bool) []byte {
	head := `"anthropic_version":"bedrock-2023-05-31",`
	if model != "" {
		head = fmt.Sprintf(`"model":%q,"stream":%t,`, model, stream)
	}
	return fmt.Appendf(nil, `{%s"max_tokens":300,"temperature":0.3,"system":%q,"messages":[{"role":"user","content":"Hello."},{"role":"assistant","content":"Hello, ask me about rocks."},{"role":"user","content":%q}]}`,
		head, system, question)
}

// picture returns a PNG of about 1 MB of noise, so that nothing in it repeats.
func picture() ([]byte, error) {
	const side = 590
	noise := rand.New(rand.NewPCG(1, 2))
	img := image.NewNRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			n := noise.Uint32()
			img.SetNRGBA(x, y, color.NRGBA{R: uint8(n), G: uint8(n >> 8), B: uint8(n >> 16), A: 255})
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// request returns a complete HTTP/1.1 request. Both sides get the same headers.
func request(path string, body []byte) []byte { return requestWith(path, masterKey, body) }

// requestWith is request with another key.
func requestWith(path, key string, body []byte) []byte {
	head := "POST " + path + " HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\nAccept: application/json\r\nContent-Type: application/json\r\nAuthorization: Bearer " + key +
		"\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n"
	return append([]byte(head), body...)
}

// masterKey is the key that Outcrop requires.
const masterKey = "sk-bench-0123456789"

// traffic is one kind of call in the format of one side, and how its answer ends.
type traffic struct {
	bytes  []byte
	others [][]byte // further calls of the same size, made in turn with bytes
	suffix []byte   // the end of a complete answer's body
	mark   []byte   // what has marker in it
	size   int      // of the request's body
	first  bool     // measure until mark rather than until the end
}

// of returns the bytes of the n-th call.
func (t *traffic) of(n int) []byte {
	if n %= len(t.others) + 1; n > 0 {
		return t.others[n-1]
	}
	return t.bytes
}

// api is the API by which Outcrop is called.
type api int

const (
	apiChat      api = iota // OpenAI's chat completions
	apiAWS                  // Bedrock's own, as the proxy is called
	apiMessages             // Anthropic's, for which the upstream is called by InvokeModel
	apiOpenAI               // OpenAI's, for which the upstream is called by the same
	apiAnthropic            // OpenAI's, for which the upstream is called by Anthropic's
	apiGemini               // OpenAI's, for which the upstream is called by Gemini's
)

// kind is a kind of call, for both sides.
type kind struct {
	api     api
	model   string
	stream  bool
	picture []byte
}

// gateway is the call as Outcrop gets it.
func (k kind) gateway() traffic {
	switch k.api {
	case apiAWS:
		return k.proxy()
	case apiOpenAI:
		t := k.proxy()
		t.bytes = request("/v1/chat/completions", openAIAsked(k))
		return t
	case apiMessages:
		end := "}"
		if k.stream {
			end = "data: {\"type\":\"message_stop\"}\n\n"
		}
		return newTraffic("/v1/messages", messages(k.model, k.stream), marker, end)
	default:
		end := "}"
		if k.stream {
			end = "data: [DONE]\n\n"
		}
		return newTraffic("/v1/chat/completions", openAIChat(k.model, k.stream, k.picture), marker, end)
	}
}

// proxy is the call as Outcrop makes it to the upstream.
func (k kind) proxy() traffic {
	path := "/model/" + k.model
	switch {
	case k.api == apiAnthropic || k.api == apiGemini:
		return k.translated()
	case k.api == apiOpenAI:
		end := "}"
		if k.stream {
			end = "data: [DONE]\n\n"
		}
		return newTraffic("/"+k.model+"/v1/chat/completions", openAIAsked(k), marker, end)
	case k.api == apiMessages && k.stream:
		all := chunkFrames()
		return newTraffic(path+"/invoke-with-response-stream", messages("", true), string(all[2]), string(all[len(all)-1]))
	case k.api == apiMessages:
		return newTraffic(path+"/invoke", messages("", false), marker, "}")
	case k.stream:
		all := frames()
		return newTraffic(path+"/converse-stream", converse(k.picture), marker, string(all[len(all)-1]))
	default:
		return newTraffic(path+"/converse", converse(k.picture), marker, "}")
	}
}

// openAIAsked is a chat completion request that asks for the usage of streams.
func openAIAsked(k kind) []byte {
	body := openAIChat(k.model, k.stream, k.picture)
	if k.stream {
		body = append(body[:len(body)-1], `,"stream_options":{"include_usage":true}}`...)
	}
	return body
}

func newTraffic(path string, body []byte, mark, suffix string) traffic {
	return traffic{bytes: request(path, body), size: len(body), mark: []byte(mark), suffix: []byte(suffix)}
}
