package main

import (
	"fmt"
	"slices"
	"strings"
)

// kind is one kind of call.
type kind struct {
	name  string
	body  string
	noKey bool
	// statuses are the statuses that the client may see.
	statuses []int
	// wants are parts of the answer.
	wants []string
	// abandon makes the client disconnect after the beginning of the answer.
	abandon bool
	// logged is the status in the log if it differs from the client's: for a stream that
	// breaks off or whose client disconnected. 0 means the client's.
	logged int
}

// pixel is a PNG image of one pixel.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

const (
	tools  = `,"tools":[{"type":"function","function":{"name":"weigh","parameters":{"type":"object","properties":{"stone":{"type":"string"}},"required":["stone"]}}}],"tool_choice":"required"`
	schema = `,"response_format":{"type":"json_schema","json_schema":{"name":"stone","schema":{"type":"object","properties":{"name":{"type":"string"}},"required":["name"],"additionalProperties":false}}}`
)

// ask returns the body of a call with one user message.
func ask(text, more string) string {
	return fmt.Sprintf(`{"model":"granite","messages":[{"role":"user","content":%q}]%s}`, text, more)
}

// image returns the body of a call with an image.
func image(url string) string {
	return fmt.Sprintf(`{"model":"granite","messages":[{"role":"user","content":[{"type":"text","text":"What is it?"},{"type":"image_url","image_url":{"url":%q}}]}]}`, url)
}

const streamed = `,"stream":true`

// kinds returns the kinds of call to mix: twelve that succeed, a client that
// disconnects, three that are refused, and failures of Bedrock in turn. media is the
// URL of an image.
func kinds(media string) [][]kind {
	ok := []int{200}
	one := func(k kind) []kind { return []kind{k} }
	return [][]kind{
		one(kind{name: "whole", body: ask("What is granite?", ""), statuses: ok, wants: []string{`"finish_reason":"stop"`}}),
		one(kind{name: "streamed", body: ask("What is granite?", streamed), statuses: ok, wants: []string{`"finish_reason":"stop"`, "[DONE]"}}),
		one(kind{name: "streamed with usage", body: ask("What is basalt?", streamed+`,"stream_options":{"include_usage":true}`), statuses: ok, wants: []string{`"total_tokens"`, "[DONE]"}}),
		one(kind{name: "tool", body: ask("Weigh it.", tools), statuses: ok, wants: []string{`"name":"weigh"`, `"finish_reason":"tool_calls"`}}),
		one(kind{name: "tool, streamed", body: ask("Weigh it.", tools+streamed), statuses: ok, wants: []string{`"name":"weigh"`, `"finish_reason":"tool_calls"`, "[DONE]"}}),
		one(kind{name: "conversation", body: `{"model":"granite","messages":[{"role":"system","content":"Be short."},{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello."},{"role":"user","content":"What is slate?"}]}`, statuses: ok, wants: []string{`"finish_reason":"stop"`}}),
		one(kind{name: "JSON", body: ask("Name a stone.", schema), statuses: ok, wants: []string{`\"name\"`}}),
		one(kind{name: "two answers", body: ask("What is chalk?", `,"n":2`), statuses: ok, wants: []string{`"index":1`}}),
		one(kind{name: "two answers, streamed", body: ask("What is chalk?", `,"n":2`+streamed), statuses: ok, wants: []string{`"index":1`, "[DONE]"}}),
		one(kind{name: "image by address", body: image(media), statuses: ok, wants: []string{`"finish_reason":"stop"`}}),
		one(kind{name: "image inline", body: image("data:image/png;base64," + pixel), statuses: ok, wants: []string{`"finish_reason":"stop"`}}),
		one(kind{name: "long, streamed", body: ask("[[words: 300]]", streamed), statuses: ok, wants: []string{"[DONE]"}}),
		one(kind{name: "left", body: ask("[[words: 300]] [[fault: rate=40]]", streamed), statuses: ok, abandon: true, logged: 499}),
		one(kind{name: "no messages", body: `{"model":"granite"}`, statuses: []int{400}, wants: []string{`"error"`}}),
		one(kind{name: "no key", body: ask("Hi", ""), noKey: true, statuses: []int{401}, wants: []string{`"error"`}}),
		one(kind{name: "no such model", body: `{"model":"nothing","messages":[{"role":"user","content":"Hi"}]}`, statuses: []int{404}, wants: []string{`"error"`}}),
		{
			{name: "throttled", body: ask("[[fault: throttle]]", ""), statuses: []int{429}, wants: []string{`"error"`}},
			{name: "unavailable", body: ask("[[fault: unavailable]]", ""), statuses: []int{503}, wants: []string{`"error"`}},
			{name: "denied", body: ask("[[fault: denied]]", ""), statuses: []int{403}, wants: []string{`"error"`}},
			{name: "empty", body: ask("[[fault: empty]]", ""), statuses: []int{502}, wants: []string{`"error"`}},
			// A reset discards what the emulator has not sent yet, possibly everything.
			{name: "cut off", body: ask("[[words: 50]] [[fault: cut=reset after=3]]", streamed), statuses: []int{200, 502}, wants: []string{`"error"`}, logged: 502},
			{name: "corrupt", body: ask("[[words: 50]] [[fault: corrupt after=2]]", streamed), statuses: ok, wants: []string{`"error"`}, logged: 502},
			{name: "unavailable in a stream", body: ask("[[words: 50]] [[fault: unavailable after=3]]", streamed), statuses: ok, wants: []string{`"error"`}, logged: 503},
		},
	}
}

// wrong describes what is wrong with a response; empty if nothing is.
func (k *kind) wrong(status int, body string) string {
	if !slices.Contains(k.statuses, status) {
		return fmt.Sprintf("%s: status %d, want %v: %.300s", k.name, status, k.statuses, body)
	}
	if k.abandon {
		return ""
	}
	for _, want := range k.wants {
		if !strings.Contains(body, want) {
			return fmt.Sprintf("%s: %q is not in the response: %.300s", k.name, want, body)
		}
	}
	return ""
}
