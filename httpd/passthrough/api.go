package passthrough

import (
	"net/url"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/anthropic"
	"outcrop/wire/coherechat"
	"outcrop/wire/gemini"
	"outcrop/wire/ollama"
	"outcrop/wire/openaiapi"
	"outcrop/wire/openaichat"
	"outcrop/wire/openairesponses"
)

// api is an API whose responses say which model answered, and how much it read and wrote.
type api struct {
	// free is whether its calls generate nothing, such as a count of tokens.
	free bool
	// enter and pick are where the members stand, in responses and in events of streams.
	enter, pick []string
	// asks is whether a stream reports its usage only to requests that ask for it.
	asks bool
	// array is whether a stream is a JSON array if the query does not ask for events.
	array bool
	// grows is whether the usage in a stream is that of the response so far, and complete when it has stopped.
	grows bool
	// stops is whether the response says that it has stopped, after which no other usage follows but the last.
	stops bool
	// read reads the usage. It adds to what is known, or replaces it, as the API means it.
	read func(u *llm.Usage, value jsonx.Raw) (tier string, ok bool)
}

// usage takes usage.
func (a *api) usage(r *reading, value jsonx.Raw) {
	u := r.got.Usage
	tier, ok := a.read(&u, value)
	if !ok {
		return
	}
	r.got.Usage, r.got.Counted = u, true
	if tier != "" {
		r.got.Tier = tier
	}
}

// streams is whether a response in JSON is a stream.
func (a *api) streams(r *reading) bool { return a.array || r.streams }

// replaced is the read of an API that reports the whole usage each time.
func replaced(read func(jsonx.Raw) (llm.Usage, bool)) func(*llm.Usage, jsonx.Raw) (string, bool) {
	return func(u *llm.Usage, value jsonx.Raw) (string, bool) {
		got, ok := read(value)
		if ok {
			*u = got
		}
		return "", ok
	}
}

func chat() *api {
	return &api{
		asks: true, stops: true, enter: []string{"choices"}, pick: []string{"model", "usage", "service_tier", "choices.finish_reason"},
		read: replaced(openaichat.ReadUsage),
	}
}

func responses() *api {
	return &api{
		enter: []string{"response"}, pick: []string{"model", "usage", "service_tier", "response.model", "response.usage", "response.service_tier"},
		read: replaced(openairesponses.ReadUsage),
	}
}

// media is images, audio and embeddings, in OpenAI's format.
func media(images bool) *api {
	return &api{pick: []string{"model", "usage"}, read: replaced(func(value jsonx.Raw) (llm.Usage, bool) {
		whole := append(append(append(jsonx.Raw(nil), `{"usage":`...), value...), '}')
		u, ok := openaiapi.Usage(whole)
		switch {
		case ok && images:
			u = openaiapi.Depicted(u)
		case !ok:
			u, _, ok = openaiapi.Units(llm.DialectTranscriptions, whole)
		}
		return u, ok
	})}
}

// messages is Anthropic's. The events of a stream report the counters that have changed.
func messages() *api {
	return &api{
		grows: true, stops: true, enter: []string{"message", "delta"}, pick: []string{"model", "usage", "stop_reason", "message.model", "message.usage", "delta.stop_reason"},
		read: func(u *llm.Usage, value jsonx.Raw) (string, bool) {
			if value.Kind() != '{' {
				return "", false
			}
			tier, err := anthropic.AddUsage(u, value)
			return tier, err == nil
		},
	}
}

// generate is Gemini's. Each event of a stream has the counters of all of it so far.
func generate(array bool) *api {
	return &api{
		grows: true, array: array, stops: true, enter: []string{"candidates"}, pick: []string{"modelVersion", "usageMetadata", "candidates.finishReason"},
		read: replaced(func(value jsonx.Raw) (llm.Usage, bool) {
			if value.Kind() != '{' {
				return llm.Usage{}, false
			}
			u, err := gemini.DecodeUsage(value)
			return u, err == nil
		}),
	}
}

// cohere is each of Cohere's APIs: version 1 has the usage in meta, version 2 for chats in usage.
func cohere() *api {
	return &api{
		stops: true, enter: []string{"delta", "response"},
		pick: []string{"usage", "meta", "finish_reason", "delta.usage", "delta.finish_reason", "response.meta"},
		read: replaced(func(value jsonx.Raw) (llm.Usage, bool) {
			if u, ok := coherechat.Usage(value); ok {
				return u, true
			}
			return openaichat.ReadUsage(value) // Voyage's and others' rerank
		}),
	}
}

func ollamas() *api {
	return &api{stops: true, pick: []string{"model", "prompt_eval_count", "eval_count", "done_reason"}, read: replaced(ollama.Usage)}
}

// apiOf recognizes an API by the path of a request, escaped, and the model that the path names; nil if it is
// none that is known.
func apiOf(path string) (a *api, model string) {
	if plain, err := url.PathUnescape(path); err == nil {
		path = plain
	}
	segments := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
	if len(segments) == 0 {
		return nil, ""
	}
	last, before := segments[len(segments)-1], ""
	if len(segments) > 1 {
		before = segments[len(segments)-2]
	}
	for i, s := range segments {
		if s == "deployments" && i+1 < len(segments) { // Azure's
			model = segments[i+1]
		}
	}
	if name, verb, ok := strings.Cut(last, ":"); ok {
		return ofVerb(verb), name
	}
	switch before + "/" + last {
	case "chat/completions":
		return chat(), model
	case "images/generations", "images/edits", "images/variations":
		return media(true), model
	case "audio/speech", "audio/transcriptions", "audio/translations":
		return media(false), model
	case "v1/messages", "/messages":
		return messages(), model
	case "messages/count_tokens", "responses/input_tokens":
		return &api{free: true}, model
	case "v1/chat", "v2/chat", "v1/embed", "v2/embed", "v1/rerank", "v2/rerank", "/rerank":
		return cohere(), model
	case "api/chat", "api/generate", "api/embed":
		return ollamas(), model
	}
	switch last {
	case "completions":
		return chat(), model
	case "responses":
		return responses(), model
	case "embeddings":
		return media(false), model
	case "moderations", "tokenize", "detokenize":
		return &api{free: true}, model
	default:
		return nil, model
	}
}

// ofVerb is the API of a method of Google's.
func ofVerb(verb string) *api {
	switch verb {
	case "generateContent", "embedContent", "batchEmbedContents":
		return generate(false)
	case "streamGenerateContent":
		return generate(true)
	case "rawPredict", "streamRawPredict": // Claude on Vertex AI
		return messages()
	case "countTokens":
		return &api{free: true}
	default:
		return nil
	}
}
