package main

import (
	"context"
	"fmt"
	"strconv"
)

// Models of Anthropic's API and of Gemini's as their providers name them.
const (
	anthropicModel = "claude-haiku-4-5-20251001"
	geminiModel    = "gemini-2.5-flash"
)

// anthropicEvents returns a streamed message as Anthropic's own API sends it.
func anthropicEvents() [][]byte {
	var all [][]byte
	events := messageEvents()
	kinds := []string{"message_start", "content_block_start"}
	for range deltas {
		kinds = append(kinds, "content_block_delta")
	}
	kinds = append(kinds, "content_block_stop", "message_delta", "message_stop")
	events[len(events)-1] = `{"type":"message_stop"}`
	for i, event := range events {
		all = append(all, fmt.Appendf(nil, "event: %s\ndata: %s\n\n", kinds[i], event))
	}
	return all
}

// Parts of Gemini's responses.
const (
	geminiUsage = `"usageMetadata":{"promptTokenCount":61,"candidatesTokenCount":48,"totalTokenCount":109,"promptTokensDetails":[{"modality":"TEXT","tokenCount":61}]}`
	geminiRest  = `"modelVersion":"gemini-2.5-flash","responseId":"mVwkaY3sEo2kvdIPnbqYsQE"`
)

// generated is a response of Gemini's API with the text of answer.
const generated = `{"candidates":[{"content":{"parts":[{"text":"` + marker +
	` is a coarse-grained rock that forms when magma cools slowly below the surface. It is made mostly of quartz, feldspar and mica, and where the land above it wears away it comes to light as an outcrop."}],` +
	`"role":"model"},"finishReason":"STOP","index":0,"avgLogprobs":-0.21}],` + geminiUsage + `,` + geminiRest + `}`

// geminiEvents returns a streamed response of Gemini's API.
func geminiEvents() [][]byte {
	var all [][]byte
	for i := range deltas {
		finish := ""
		if i == deltas-1 {
			finish = `,"finishReason":"STOP"`
		}
		all = append(all, fmt.Appendf(nil, "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":%q}],\"role\":\"model\"}%s,\"index\":0}],%s,%s}\r\n\r\n", deltaText(i), finish, geminiUsage, geminiRest))
	}
	return all
}

// translated is a call as Outcrop makes it to Anthropic's API or Gemini's.
func (k kind) translated() traffic {
	switch {
	case k.api == apiAnthropic && k.stream:
		return newTraffic("/"+k.model+"/v1/messages", messages(anthropicModel, true), marker, "data: {\"type\":\"message_stop\"}\n\n")
	case k.api == apiAnthropic:
		return newTraffic("/"+k.model+"/v1/messages", messages(anthropicModel, false), marker, "}")
	case k.stream:
		all := geminiEvents()
		return newTraffic("/"+k.model+"/v1beta/models/"+geminiModel+":streamGenerateContent?alt=sse", generate(), marker, string(all[len(all)-1]))
	default:
		return newTraffic("/"+k.model+"/v1beta/models/"+geminiModel+":generateContent", generate(), marker, "}")
	}
}

// generate is the question in Gemini's format.
func generate() []byte {
	return []byte(`{"systemInstruction":{"parts":[{"text":` + strconv.Quote(system) + `}]},"contents":[{"role":"user","parts":[{"text":"Hello."}]},{"role":"model","parts":[{"text":"Hello, ask me about rocks."}]},{"role":"user","parts":[{"text":` +
		strconv.Quote(question) + `}]}],"generationConfig":{"maxOutputTokens":300,"temperature":0.3}}`)
}

func anthropicCall(ctx context.Context, b *bench) ([]line, error) {
	return b.called(ctx, kind{api: apiAnthropic, model: anthropicBurst}, "OpenAI's API to Anthropic: CPU per call", 20000, limitTranslated)
}

func anthropicStream(ctx context.Context, b *bench) ([]line, error) {
	return b.bothStreams(ctx, apiAnthropic, anthropicPaced, anthropicBurst, "OpenAI's API to Anthropic, stream", limitTranslated)
}

func geminiCall(ctx context.Context, b *bench) ([]line, error) {
	return b.called(ctx, kind{api: apiGemini, model: geminiBurst}, "OpenAI's API to Gemini: CPU per call", 20000, limitTranslated)
}

func geminiStream(ctx context.Context, b *bench) ([]line, error) {
	return b.bothStreams(ctx, apiGemini, geminiPaced, geminiBurst, "OpenAI's API to Gemini, stream", limitTranslated)
}
