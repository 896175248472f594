package config

import (
	"strings"

	"outcrop/internal/jsonx"
)

// raw encodes a node as JSON. It is not ok if the result would exceed limit bytes,
// which nested aliases in a small file can cause.
func raw(n *node, limit int) (v jsonx.Raw, ok bool) {
	var w jsonx.Writer
	if !writeJSON(&w, n, limit) {
		return nil, false
	}
	return w.Buf, true
}

func writeJSON(w *jsonx.Writer, n *node, limit int) bool {
	if len(w.Buf) > limit {
		return false
	}
	switch n.kind {
	case null:
		w.Null()
	case scalar:
		writeScalar(w, n)
	case sequence:
		w.Array()
		for _, item := range n.items {
			if !writeJSON(w, item, limit) {
				return false
			}
		}
		w.EndArray()
	case mapping:
		w.Object()
		for _, m := range n.members {
			w.AnyKey(m.key)
			if !writeJSON(w, m.value, limit) {
				return false
			}
		}
		w.EndObject()
	}
	return len(w.Buf) <= limit
}

// writeScalar writes true, false and valid JSON numbers unchanged, and everything else
// as a string.
func writeScalar(w *jsonx.Writer, n *node) {
	switch {
	case !n.plain:
		w.String(n.text)
	case strings.EqualFold(n.text, "true"), strings.EqualFold(n.text, "false"):
		w.Bool(strings.EqualFold(n.text, "true"))
	case n.text != "" && strings.ContainsRune("-0123456789", rune(n.text[0])) && jsonx.Valid([]byte(n.text)):
		w.Raw(jsonx.Raw(n.text))
	default:
		w.String(n.text)
	}
}
