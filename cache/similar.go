package cache

import (
	"slices"
	"strings"

	"outcrop/internal/jsonx"
)

// Similar is the text of a question that may be compared with others, which is what the user said last, and the key of everything else:
// only questions with the same one are compared. ok is false for a question that must be the same word for word, because it has tools,
// or something else than text.
func (q *Question) Similar(s *Scope) (text, rest string, ok bool) {
	var room [usual]byte
	b := part(s.append(room[:0]), "similar")
	if q.Stream {
		b = compact(part(b, "stream"), q.options)
	} else {
		b = part(b, "whole")
	}
	prompts := 0
	for i := range q.members {
		m := &q.members[i]
		b = part(b, m.Name)
		switch m.Name {
		case "tools", "functions":
			if !jsonx.Empty(m.Value) {
				return "", "", false
			}
			b = compact(b, m.Value)
		case "messages", "input", "prompt":
			prompts++
			if text, b, ok = prompt(b, m.Value); !ok {
				return "", "", false
			}
		default:
			b = compact(b, m.Value)
		}
	}
	return text, hexOf(b), prompts == 1
}

// prompt reads a prompt: a text, or a list of messages. It appends what is not the last text.
func prompt(b []byte, v jsonx.Raw) (text string, _ []byte, ok bool) {
	if v.Kind() == '"' {
		ok = unquoted(v, &text)
		return text, part(b, "text"), ok && strings.TrimSpace(text) != ""
	}
	var messages []jsonx.Raw
	if v.Kind() != '[' || jsonx.Unmarshal(v, &messages) != nil || len(messages) == 0 {
		return "", b, false
	}
	last := len(messages) - 1
	for i, m := range messages {
		text, role, rest, plain := message(m)
		switch {
		case !plain:
			return "", b, false
		case i < last:
			b = compact(b, m)
		default:
			return text, part(b, rest), role == "user" && strings.TrimSpace(text) != ""
		}
	}
	return "", b, false // not reached
}

// message reads a message of a conversation. plain is false for one that is more than a text, and rest is everything else
// than the text.
func message(v jsonx.Raw) (text, role, rest string, plain bool) {
	if v.Kind() != '{' {
		return "", "", "", false
	}
	members, err := jsonx.Members(v)
	if err != nil {
		return "", "", "", false
	}
	slices.SortFunc(members, func(a, b jsonx.Member) int { return strings.Compare(a.Name, b.Name) })
	var b []byte
	for i := range members {
		m := &members[i]
		if m.Value.Kind() == 'n' {
			continue // as if it were absent
		}
		b = part(b, m.Name)
		switch m.Name {
		case "content":
			var others string
			if text, others, plain = content(m.Value); !plain {
				return "", "", "", false
			}
			b = part(b, others)
			continue
		case "role":
			if m.Value.Kind() != '"' || !unquoted(m.Value, &role) || !slices.Contains(speakers[:], role) {
				return "", "", "", false
			}
		case "type":
			if string(m.Value) != `"message"` {
				return "", "", "", false
			}
		case "name", "id", "status", "cache_control", "phase":
		default: // calls of tools and their results, audio
			if !jsonx.Empty(m.Value) {
				return "", "", "", false
			}
		}
		b = compact(b, m.Value)
	}
	return text, role, string(b), plain
}

// speakers are the roles of messages that are no results of tools. It is never modified.
var speakers = [...]string{"system", "developer", "user", "assistant"}

// content reads the content of a message: a text, or a list of texts.
func content(v jsonx.Raw) (text, rest string, plain bool) {
	if v.Kind() == '"' {
		plain = unquoted(v, &text)
		return text, "", plain
	}
	var parts []jsonx.Raw
	if v.Kind() != '[' || jsonx.Unmarshal(v, &parts) != nil {
		return "", "", false
	}
	var texts []string
	var b []byte
	for _, p := range parts {
		members, err := jsonx.Members(p)
		if err != nil || !slices.Contains(texted[:], string(jsonx.Find(members, "type"))) {
			return "", "", false
		}
		t, there := "", false
		for i := range members {
			if m := &members[i]; m.Name == "text" && m.Value.Kind() == '"' {
				there = unquoted(m.Value, &t)
			} else {
				b = compact(part(b, m.Name), m.Value)
			}
		}
		if !there {
			return "", "", false
		}
		b = part(b, "text")
		texts = append(texts, t)
	}
	return strings.Join(texts, "\n"), string(b), true
}

// texted are the types of parts that are texts, in JSON. It is never modified.
var texted = [...]string{`"text"`, `"input_text"`, `"output_text"`}
