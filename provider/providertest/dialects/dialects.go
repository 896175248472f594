// Package dialects has upstreams for the suite of providers in dialects that several providers speak.
// They are written from the APIs' documentation, and share no code with what they judge beyond JSON.
package dialects

import "outcrop/internal/jsonx"

func quoted(s string) string { return string(jsonx.AppendString(nil, s)) }

// strict decodes a value without unknown members.
func strict(raw []byte, v any) error { return jsonx.UnmarshalKnown(raw, v) }
