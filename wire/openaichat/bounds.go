package openaichat

import (
	"outcrop/internal/jsonx"
)

// Bounds on the content of one request, so that its decoded form stays within a few times the
// body's size. They are far above what models accept: OpenAI allows 128 tools, Anthropic 100,000
// messages (https://platform.openai.com/docs/api-reference/chat,
// https://docs.anthropic.com/en/api/messages).
const (
	maxMessages = 100_000
	maxList     = 10_000 // parts, calls or thinking blocks of a message
	maxTools    = 1024
	maxFields   = 1024 // members that OpenAI does not know
	maxStops    = 2500 // Converse's own bound (InferenceConfiguration in its service model)
)

// list is an array of at most maxList elements.
type list[T any] []T

func (l *list[T]) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	return jsonx.DecodeArray(d, (*[]T)(l), maxList)
}
