package openairesponses

import (
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// A reasoning item becomes a block of reasoning whose text are the parts of its summary and of its content,
// and whose signature carries the rest, so that the item can be written again as it was: who has encrypted
// it, its id, the parts that its text has, and encrypted_content, byte for byte. The encrypted content alone
// is what the model reads; an item without it means nothing to an endpoint that keeps nothing, and its block
// has no signature.

// betweenParts separates the parts of reasoning in a text.
const betweenParts = "\n\n"

// Kinds of part, as they stand in signatures.
const (
	summaryPart = 's'
	contentPart = 'c'
)

// thoughtPart is a part of a reasoning item.
type thoughtPart struct {
	kind byte
	text string
}

// signatureOf is the signature of the block of a reasoning item; empty if nobody has encrypted it.
func signatureOf(sealer, id, encrypted string, parts []thoughtPart) string {
	if encrypted == "" || sealer == "" {
		return ""
	}
	if strings.Contains(id, ".") { // no server's has a point
		id = ""
	}
	b := append([]byte(llm.ResponsesMark), sealer...)
	b = append(append(append(b, '.'), id...), '.')
	if len(parts) != 1 || parts[0].kind != summaryPart { // of most there is one summary
		for _, p := range parts {
			b = append(b, p.kind)
			b = strconv.AppendInt(b, int64(len(p.text)), 10)
		}
	}
	return string(append(append(b, '.'), encrypted...))
}

// signedThought is what a signature says of a reasoning item.
type signedThought struct{ sealer, id, parts, encrypted string }

// readSignature reads a signature; ok is false for one that signatureOf has not made.
func readSignature(signature string) (s signedThought, ok bool) {
	rest, ok := strings.CutPrefix(signature, llm.ResponsesMark)
	fields := strings.SplitN(rest, ".", 4)
	if !ok || len(fields) != 4 || fields[3] == "" {
		return s, false
	}
	return signedThought{fields[0], fields[1], fields[2], fields[3]}, true
}

// of cuts the text of a block into the parts that the item had. A text that has been changed is one summary.
func (s *signedThought) of(text string) []thoughtPart {
	var parts []thoughtPart
	rest, sizes := text, s.parts
	for sizes != "" {
		kind := sizes[0]
		end := 1
		for end < len(sizes) && sizes[end] >= '0' && sizes[end] <= '9' {
			end++
		}
		n, err := strconv.Atoi(sizes[1:end])
		if len(parts) > 0 {
			cut, found := strings.CutPrefix(rest, betweenParts)
			if !found {
				err = strconv.ErrSyntax
			}
			rest = cut
		}
		if err != nil || n < 0 || n > len(rest) || kind != summaryPart && kind != contentPart {
			return []thoughtPart{{summaryPart, text}}
		}
		parts = append(parts, thoughtPart{kind, rest[:n]})
		rest, sizes = rest[n:], sizes[end:]
	}
	if rest != "" {
		return []thoughtPart{{summaryPart, text}}
	}
	return parts
}

// thought writes a block of reasoning as the item that it was. followed is whether something that it led to
// stands behind it, which the API demands.
func (e *requestWriter) thought(b *llm.Block, field string, followed bool) {
	s, ok := readSignature(b.Signature)
	switch {
	case !ok && b.Signature == "":
		e.once(field+".reasoning", "reasoning: the model takes it back only as it has encrypted it")
		return
	case !ok || s.sealer != e.form.Sealer:
		e.once(field+".reasoning", "reasoning: only the model that wrote it can read it")
		return
	case !followed:
		e.once(field+".reasoning", "reasoning: nothing that it led to stands behind it")
		return
	}
	w := e.w
	parts := s.of(b.Text)
	w.Object()
	w.Key("type")
	w.Word("reasoning")
	if s.id != "" {
		w.Key("id")
		w.String(s.id)
	}
	w.Key("summary")
	appendThoughts(w, parts, summaryPart, "summary_text")
	for _, p := range parts {
		if p.kind == contentPart {
			w.Key("content")
			appendThoughts(w, parts, contentPart, "reasoning_text")
			break
		}
	}
	w.Key("encrypted_content")
	w.String(s.encrypted)
	w.EndObject()
}

// appendThoughts writes the parts of a kind.
func appendThoughts(w *jsonx.Writer, parts []thoughtPart, kind byte, name string) {
	w.Array()
	for _, p := range parts {
		if p.kind == kind {
			w.Object()
			w.Key("type")
			w.Word(name)
			w.Key("text")
			w.String(p.text)
			w.EndObject()
		}
	}
	w.EndArray()
}
