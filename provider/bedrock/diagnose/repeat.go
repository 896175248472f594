package diagnose

import (
	"bytes"
	"iter"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Repetitions of a request in a message are found by pieces of pieceLen bytes; shorter
// texts of at least shortest bytes are compared as a whole. Only the beginning of a
// message is examined, which is all that a log has room for, and maxSeen bytes of a
// request, its last turns first.
const (
	pieceLen  = 24
	shortest  = 8
	maxLogged = 2 << 10
	maxSeen   = 4 << 20
	// shortValue is the minimum length of a value among the model's own fields that is
	// searched for as a whole. It is small because callers may put anything there.
	shortValue = 3
)

type piece = [pieceLen]byte

// withoutRepeats returns a message without the parts that repeat a request, and whether
// there were any. It examines each byte of both once.
func withoutRepeats(message string, req *llm.Request) (string, bool) {
	if req == nil || len(message) < shortest {
		return message, false
	}
	message = llm.Clip(message, maxLogged)
	pieces := map[piece]bool{} // those that the request has too
	for i := 0; i+pieceLen <= len(message); i++ {
		pieces[piece([]byte(message[i:i+pieceLen]))] = false
	}
	repeated := make([]bool, len(message))
	found := false
	mark := func(at, n int) {
		found = true
		for i := at; i < at+n; i++ {
			repeated[i] = true
		}
	}
	for value := range values(req.ModelFields) {
		for from := 0; len(value) >= shortValue; {
			at := strings.Index(message[from:], value)
			if at < 0 {
				break
			}
			mark(from+at, len(value))
			from += at + len(value)
		}
	}
	left := maxSeen
	for text := range texts(req) {
		if len(text) < shortest || left <= 0 {
			continue
		}
		text = text[:min(len(text), left)]
		left -= len(text)
		if len(text) < pieceLen {
			if at := strings.Index(message, text); at >= 0 {
				mark(at, len(text))
			}
			continue
		}
		for i := 0; i+pieceLen <= len(text); i++ {
			key := piece([]byte(text[i : i+pieceLen]))
			if seen, there := pieces[key]; there && !seen {
				pieces[key] = true
			}
		}
	}
	for i := 0; i+pieceLen <= len(message); i++ {
		if pieces[piece([]byte(message[i:i+pieceLen]))] {
			mark(i, pieceLen)
		}
	}
	if !found {
		return message, false
	}
	var b strings.Builder
	for i := range len(message) {
		switch {
		case !repeated[i]:
			b.WriteByte(message[i])
		case i == 0 || !repeated[i-1]:
			b.WriteString("…")
		}
	}
	return strings.ToValidUTF8(b.String(), "…"), true
}

// values yields the texts and long numbers among the model's own fields, within the
// examined size of a request.
func values(fields []jsonx.Member) iter.Seq[string] {
	return func(yield func(string) bool) {
		left := maxSeen
		for _, f := range fields {
			if left -= len(f.Value); left < 0 {
				return
			}
			d := jsonx.NewDecoder(bytes.NewReader(f.Value))
			for {
				t, err := d.ReadToken()
				if err != nil {
					break
				}
				text, k := t.String(), t.Kind()
				in, n := d.StackIndex(d.StackDepth())
				isName := in == '{' && n%2 == 1
				if (k == '"' && !isName || k == '0' && len(text) >= shortest) && !yield(text) {
					return
				}
			}
		}
	}
}

// texts yields the caller's texts in a request, the last turns first.
func texts(req *llm.Request) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, t := range slices.Backward(req.Turns) {
			if !blockTexts(t.Blocks, yield) {
				return
			}
		}
		if !blockTexts(req.System, yield) {
			return
		}
		for _, t := range req.Tools {
			if !yield(t.Description) || !yield(string(t.Schema)) {
				return
			}
		}
		for _, label := range slices.Concat([]llm.Label{{Value: req.User}}, req.Metadata) {
			if !yield(label.Value) {
				return
			}
		}
		for _, s := range req.Stop {
			if !yield(s) {
				return
			}
		}
	}
}

func blockTexts(blocks []llm.Block, yield func(string) bool) bool {
	for i := range blocks {
		b := &blocks[i]
		if !yield(b.Text) {
			return false
		}
		if m := b.Media; m != nil && (!yield(m.Text) || !yield(m.Context) || !yield(m.URI) || !yield(m.Name)) {
			return false
		}
		if b.ToolUse != nil && !yield(string(b.ToolUse.Input)) {
			return false
		}
		if b.ToolResult == nil {
			continue
		}
		for j := range b.ToolResult.Content {
			c := &b.ToolResult.Content[j]
			if !yield(string(c.JSON)) || !blockTexts([]llm.Block{c.Block}, yield) {
				return false
			}
		}
	}
	return true
}
