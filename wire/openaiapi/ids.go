package openaiapi

import (
	"encoding/base64"
	"strings"

	"outcrop/internal/jsonx"
)

// Kinds of things that clients refer to.
const (
	KindFile  = "file-"
	KindBatch = "batch_"
)

// ID names something that a provider keeps: what it is, whose account has it, and the provider's own id.
type ID struct {
	// Kind is one of the Kind constants.
	Kind string
	// Model is a name by which the account is routed to, and Deployment the id of its deployment.
	Model, Deployment string
	// Own is the provider's id.
	Own string
}

// mark begins what an id encodes, so that a provider's own id is not taken for one.
const mark = "outcrop1\n"

// String writes the id for clients. It begins as OpenAI's do, and is not encrypted.
func (id ID) String() string {
	text := mark + id.Deployment + "\n" + id.Model + "\n" + id.Own
	return id.Kind + base64.RawURLEncoding.EncodeToString([]byte(text))
}

// maxID bounds an id, in bytes.
const maxID = 4 << 10

// ParseID reads an id that String wrote; it reports false for any other.
func ParseID(kind, text string) (ID, bool) {
	encoded, ok := strings.CutPrefix(text, kind)
	if !ok || len(text) > maxID {
		return ID{}, false
	}
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	rest, marked := strings.CutPrefix(string(raw), mark)
	parts := strings.Split(rest, "\n")
	if err != nil || !marked || len(parts) != 3 || !IsID(parts[2]) {
		return ID{}, false
	}
	return ID{Kind: kind, Deployment: parts[0], Model: parts[1], Own: parts[2]}, true
}

// IsID reports whether a text can be a provider's id, and a segment of a path.
func IsID(text string) bool {
	return text != "" && len(text) <= 512 && strings.Trim(text, ".") != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.:", r)
	})
}

// idMembers are the members of files and batches that are ids, and what they name; of id it is that of the
// object.
func idMember(name, kind string) string {
	switch name {
	case "id", "first_id", "last_id":
		return kind
	case "input_file_id", "output_file_id", "error_file_id":
		return KindFile
	default:
		return ""
	}
}

// ReplaceIDs replaces the provider's ids in a response about things of a kind. keep, unless nil, reports
// whether the element of a list with an id, in the client's form, stays. What is not a JSON object stays as
// it is.
func ReplaceIDs(body []byte, kind string, replace func(kind, own string) string, keep func(id string) bool) []byte {
	members, err := jsonx.Members(body)
	if err != nil {
		return body
	}
	var w jsonx.Writer
	w.Object()
	for _, m := range members {
		w.AnyKey(m.Name)
		switch of := idMember(m.Name, kind); {
		case of != "" && m.Value.Kind() == '"':
			w.String(replaced(m.Value, of, replace))
		case m.Name == "data" && m.Value.Kind() == '[':
			var list []jsonx.Raw
			_ = jsonx.Unmarshal(m.Value, &list) // it is valid
			w.Array()
			for _, e := range list {
				if e = ReplaceIDs(e, kind, replace, nil); keep == nil || keep(idOf(e)) {
					w.Raw(e)
				}
			}
			w.EndArray()
		default:
			w.Raw(m.Value)
		}
	}
	w.EndObject()
	return w.Buf
}

func replaced(value jsonx.Raw, kind string, replace func(kind, own string) string) string {
	var own string
	_ = jsonx.Unmarshal(value, &own) // it is valid
	if own == "" {
		return ""
	}
	return replace(kind, own)
}

// idOf is the id of an object; empty if it has none.
func idOf(body []byte) string { return Member(body, "id") }

// Member is a member of an object that is a string; empty if there is none.
func Member(body []byte, name string) (text string) {
	members, err := jsonx.Members(body)
	if err != nil {
		return ""
	}
	if v := jsonx.Find(members, name); len(v) > 0 && v.Kind() == '"' {
		_ = jsonx.Unmarshal(v, &text) // it is valid
	}
	return text
}

// Files are the ids of files that a batch refers to, in the form in which the body has them.
func Files(body []byte) (ids []string) {
	for _, name := range [...]string{"input_file_id", "output_file_id", "error_file_id"} {
		if id := Member(body, name); id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}
