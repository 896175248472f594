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
	modelBurst = "us.amazon.nova-micro-v1:0" // all frames without a pause
	modelPaced = "us.amazon.nova-lite-v1:0"  // a pause before every frame but the first two
	modelHeld  = "us.amazon.nova-pro-v1:0"   // nothing after the first delta, until the client leaves
)

// deltas is the number of text pieces in a streamed answer, and marker is part of the
// first: once it has been read, the first token has arrived.
const (
	deltas = 32
	marker = "Granite"
)

// answer is a Converse response: about 400 bytes, with members as AWS sends them.
const answer = `{"metrics":{"latencyMs":412},"output":{"message":{"content":[{"text":"` + marker +
	` is a coarse-grained rock that forms when magma cools slowly below the surface. It is made mostly of quartz, feldspar and mica, and where the land above it wears away it comes to light as an outcrop."}],` +
	`"role":"assistant"}},"stopReason":"end_turn","usage":{"inputTokens":61,"outputTokens":48,"totalTokens":109}}`

// frames returns a ConverseStream response: messageStart, the deltas, and the events
// after them, with the padding member p that AWS adds.
func frames() [][]byte {
	var all [][]byte
	add := func(kind, payload string) {
		all = append(all, eventstream.Append(nil, []eventstream.Header{
			{Name: eventstream.HeaderEventType, Value: kind},
			{Name: eventstream.HeaderContentType, Value: "application/json"},
			{Name: eventstream.HeaderMessageType, Value: "event"},
		}, []byte(payload)))
	}
	add("messageStart", `{"p":"abcdefghijkl","role":"assistant"}`)
	for i := range deltas {
		text := marker
		if i > 0 {
			text = " word" + strconv.Itoa(i) + " of"
		}
		add("contentBlockDelta", fmt.Sprintf(`{"contentBlockIndex":0,"delta":{"text":%q},"p":"abcdefghijklmnopqrstuvwxyz"}`, text))
	}
	add("contentBlockStop", `{"contentBlockIndex":0,"p":"abcdefgh"}`)
	add("messageStop", `{"p":"abcdefghijklmnop","stopReason":"end_turn"}`)
	add("metadata", `{"metrics":{"latencyMs":412},"p":"abcdef","usage":{"inputTokens":61,"outputTokens":64,"totalTokens":125}}`)
	return all
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
func request(path string, body []byte) []byte {
	head := "POST " + path + " HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\nAccept: application/json\r\nContent-Type: application/json\r\nAuthorization: Bearer " + masterKey +
		"\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n"
	return append([]byte(head), body...)
}

// masterKey is the key that Outcrop requires.
const masterKey = "sk-bench-0123456789"

// traffic is one kind of call in the format of one side, and how its answer ends.
type traffic struct {
	bytes  []byte
	suffix []byte // the end of a complete answer's body
	size   int    // of the request's body
	first  bool   // measure until marker rather than until the end
}

// kind is a kind of call, for both sides.
type kind struct {
	model   string
	stream  bool
	picture []byte
}

func (k kind) gateway() traffic {
	body := openAIChat(k.model, k.stream, k.picture)
	t := traffic{bytes: request("/v1/chat/completions", body), size: len(body), suffix: []byte("}")}
	if k.stream {
		t.suffix = []byte("data: [DONE]\n\n")
	}
	return t
}

func (k kind) proxy() traffic {
	body := converse(k.picture)
	path := "/model/" + k.model + "/converse"
	t := traffic{size: len(body), suffix: []byte("}")}
	if k.stream {
		path += "-stream"
		all := frames()
		t.suffix = all[len(all)-1]
	}
	t.bytes = request(path, body)
	return t
}
