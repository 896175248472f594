package anthropic

import (
	"outcrop/internal/jsonx"
	"outcrop/wire/litellm"
)

// Bounds on the content of one request, so that its decoded form stays within a few times the
// body's size. Anthropic allows 100,000 messages
// (https://platform.claude.com/docs/en/api/messages).
const (
	maxMessages = 100_000
	maxList     = 10_000 // blocks of a message
	maxTools    = 1024
	maxStops    = 2500 // Converse's own bound (InferenceConfiguration in its service model)
	maxFields   = 1024 // members of additionalModelRequestFields and of metadata
	maxWarnings = 200
	// maxModel is AWS's bound on model ids, in bytes, with room for a prefix.
	maxModel = 2048 + 128
)

// list is an array of at most maxList elements.
type list[T any] []T

func (l *list[T]) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	return jsonx.DecodeArray(d, (*[]T)(l), maxList)
}

// optional is a member that may be absent or null.
type optional[T any] = litellm.Optional[T]

// given reports whether a member is present and not null.
func given(v jsonx.Raw) bool { return len(v) > 0 && v.Kind() != 'n' }

// empty reports whether a value requests nothing: false, an empty string, list or object.
func empty(v jsonx.Raw) bool {
	switch v.Kind() {
	case 'n', 'f':
		return true
	case '"':
		return len(v) == len(`""`)
	case '[':
		return blank(string(v[1 : len(v)-1]))
	case '{':
		return blank(string(v[1 : len(v)-1]))
	default:
		return false
	}
}

func blank(s string) bool {
	for i := range len(s) {
		switch s[i] {
		case ' ', '\t', '\r', '\n':
		default:
			return false
		}
	}
	return true
}
