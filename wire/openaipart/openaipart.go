// Package openaipart has what OpenAI's chat completions and its Responses API write and read alike: schemas,
// documents and the arguments of calls (https://platform.openai.com/docs/api-reference).
package openaipart

import (
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// AppendSchema writes the members of a response format with a schema into the object that is open: name,
// which OpenAI requires, description, schema and strict.
func AppendSchema(w *jsonx.Writer, f *llm.Format) {
	w.Key("name")
	if f.Name == "" {
		w.Word("response")
	} else {
		w.String(f.Name)
	}
	if f.Description != "" {
		w.Key("description")
		w.String(f.Description)
	}
	w.Key("schema")
	w.Raw(f.Schema)
	if f.Strict.Set {
		w.Key("strict")
		w.Bool(f.Strict.Value)
	}
}

// Text returns a document as the text of a part, behind its name and its context; false for one that is not
// a text.
func Text(m *llm.Media) (string, bool) {
	text, ok := m.Text, m.Text != ""
	switch m.Format {
	case "txt", "md", "csv", "html":
		if !m.Base64.IsZero() {
			text, ok = string(m.Base64.Decode()), true
		}
	}
	if !ok {
		return "", false
	}
	head := ""
	if m.Name != "" {
		head = m.Name + ":\n\n"
	}
	if m.Context != "" {
		head += m.Context + "\n\n"
	}
	return head + text, true
}

// Cited reports whether the client asks for citations of a document.
func Cited(m *llm.Media) bool {
	return len(m.Citations) > 0 && !strings.Contains(string(m.Citations), "false")
}

// File returns the name of a document as a file, which ends as its format does, and the format; a PDF if
// nothing is said.
func File(m *llm.Media) (name, format string) {
	format, name = m.Format, m.Name
	if format == "" {
		format = "pdf"
	}
	if name == "" {
		name = "document"
	}
	if !strings.HasSuffix(strings.ToLower(name), "."+format) {
		name += "." + format
	}
	return name, format
}

// OnlyAWS is the error for content at an s3:// address in a field.
func OnlyAWS(field string) error {
	err := llm.Unsupported(field, "%s: only models of AWS Bedrock read s3:// addresses", field)
	err.Fix = "Send the content inline, or an https URL."
	return err
}

// Arguments are a call's arguments: a text, or the object itself, which some servers send.
type Arguments string

// UnmarshalJSONFrom receives jsonx's decoder.
func (a *Arguments) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	switch d.PeekKind() {
	case 'n':
		return d.SkipValue()
	case '"':
		return jsonx.UnmarshalDecode(d, (*string)(a))
	default:
		v, err := d.ReadValue()
		*a = Arguments(v)
		return err
	}
}
