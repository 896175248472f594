package openairesponses

import (
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/wire/litellm"
)

// Bounds on the content of one request, so that its decoded form stays within a few times the body's
// size.
const (
	maxItems    = 100_000
	maxList     = 10_000 // parts of an item
	maxTools    = 1024
	maxFields   = 1024 // parameters of the model
	maxWarnings = 200
)

// list is an array of at most maxList elements.
type list[T any] []T

func (l *list[T]) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	return jsonx.DecodeArray(d, (*[]T)(l), maxList)
}

type optional[T any] = litellm.Optional[T]

// given reports whether a member is present and not null.
func given(v jsonx.Raw) bool { return len(v) > 0 && v.Kind() != 'n' }

func blank(s string) bool { return strings.TrimSpace(s) == "" }
