// Package jsonx is the only user of the JSON library in Outcrop.
//
// Decoding is strict: duplicate names, invalid UTF-8, control characters in strings, data after the
// value and nesting deeper than 10,000 levels are errors, and an error names the offending field by
// a path such as messages[2].content[0].text. Encoding appends to a byte slice, without reflection.
package jsonx

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Raw is a JSON value exactly as in its document.
type Raw = jsontext.Value

// Kind is the first byte of a JSON value: '{', '[', '"', '0', 't', 'f' or 'n'.
type Kind = jsontext.Kind

// Decoder reads JSON token by token; types with several forms implement UnmarshalJSONFrom(*Decoder)
// error with it.
type Decoder = jsontext.Decoder

// NewDecoder makes a Decoder that reads from r, which may contain several values.
func NewDecoder(r io.Reader) *Decoder { return jsontext.NewDecoder(r) }

// Member is one member of a JSON object. A slice of them preserves an object's order and holds
// members without a field.
type Member struct {
	Name  string
	Value Raw
}

// Find returns the value of the member with a name; nil if there is none.
func Find(members []Member, name string) Raw {
	for _, m := range members {
		if m.Name == name {
			return m.Value
		}
	}
	return nil
}

// Error reports where and why a document cannot be decoded.
type Error struct {
	Path   string // the field, such as messages[2].content; empty at the top
	Offset int64  // bytes before the fault
	Reason string // without the path
	Syntax bool   // the document is not JSON at all
}

func (e *Error) Error() string {
	if e.Path == "" {
		return e.Reason
	}
	return e.Path + ": " + e.Reason
}

// Unmarshal decodes the one JSON value in data into v. A failure is an *Error.
func Unmarshal(data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return explain(err)
	}
	return nil
}

// UnmarshalKnown is Unmarshal for documents without members that v does not have: one is an error.
func UnmarshalKnown(data []byte, v any) error {
	if err := json.Unmarshal(data, v, json.RejectUnknownMembers(true)); err != nil {
		return explain(err)
	}
	return nil
}

// UnmarshalDecode decodes d's next value into v, for use inside UnmarshalJSONFrom.
func UnmarshalDecode(d *Decoder, v any) error { return json.UnmarshalDecode(d, v) }

// Marshal encodes v by reflection. It is for configuration, pages and tests, not for the path of
// requests.
func Marshal(v any) ([]byte, error) { return json.Marshal(v, json.Deterministic(true)) }

// Valid reports whether data is one JSON value and nothing else.
func Valid(data []byte) bool {
	p := NewPlain(data)
	p.Value()
	return p.Done() || Raw(data).IsValid()
}

// Compact returns v without insignificant white space; v itself is not changed.
func Compact(v Raw) (Raw, error) {
	c := v.Clone()
	if err := c.Compact(); err != nil {
		return nil, explain(err)
	}
	return c, nil
}

// Indent formats a value for people, with two spaces per level.
func Indent(v Raw) (Raw, error) {
	v = slices.Clone(v)
	if err := v.Indent(jsontext.WithIndent("  ")); err != nil {
		return nil, explain(err)
	}
	return v, nil
}

// Members splits an object into its members, in order. The values are copies, which do not change
// when v is modified.
func Members(v Raw) ([]Member, error) {
	if len(v) == 0 {
		return nil, nil
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(v))
	if d.PeekKind() != '{' {
		return nil, &Error{Reason: "must be an object"}
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, explain(err)
	}
	var members []Member
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, explain(err)
		}
		m := Member{Name: name.String()}
		value, err := d.ReadValue()
		if err != nil {
			return nil, explain(err)
		}
		m.Value = value.Clone()
		members = append(members, m)
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, explain(err)
	}
	return members, nil
}

// Empty reports whether a value requests nothing: false, an empty string, array or object.
func Empty(v Raw) bool {
	switch v.Kind() {
	case 'f':
		return true
	case '"':
		return len(v) == len(`""`)
	case '[':
		return strings.Trim(string(v), "[] \t\r\n") == ""
	case '{':
		return strings.Trim(string(v), "{} \t\r\n") == ""
	default:
		return false
	}
}

// DecodeArray appends the elements of an array to list; null has none. An element that would make
// the list longer than limit is refused before it is decoded. It is for use inside UnmarshalJSONFrom.
func DecodeArray[T any](d *Decoder, list *[]T, limit int) error {
	switch d.PeekKind() {
	case 'n':
		return d.SkipValue()
	case '[':
	default:
		return Fault("must be an array, not %s", KindName(d.PeekKind()))
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != ']' {
		if len(*list) == limit {
			return Fault("must have at most %d elements", limit)
		}
		if err := decode(d, grow(list)); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// grow appends an element to a list. One that was in use before, behind the list's end, is emptied by its
// method Reset if it has one, so that it can keep its memory.
func grow[T any](list *[]T) *T {
	n := len(*list)
	if n == cap(*list) {
		*list = append(*list, *new(T))
		return &(*list)[n]
	}
	*list = (*list)[:n+1]
	element := &(*list)[n]
	if used, ok := any(element).(interface{ Reset() }); ok {
		used.Reset()
	} else {
		*element = *new(T)
	}
	return element
}

// decode is UnmarshalDecode, without reflection for types that do not need it.
func decode[T any](d *Decoder, to *T) error {
	if own, ok := any(to).(interface{ UnmarshalJSONFrom(d *Decoder) error }); ok {
		return own.UnmarshalJSONFrom(d)
	}
	return UnmarshalDecode(d, to)
}

// Fault makes an error about the value at the decoder's position, for use inside UnmarshalJSONFrom;
// Unmarshal adds the path.
func Fault(format string, args ...any) error { return &Error{Reason: fmt.Sprintf(format, args...)} }

// KindName names the kind of a JSON value in words, with its article.
func KindName(k Kind) string {
	switch k {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	default:
		return "no JSON value"
	}
}

func explain(err error) error {
	var own *Error
	var sem *json.SemanticError
	var syn *jsontext.SyntacticError
	switch {
	case errors.As(err, &syn):
		reason := withoutText(syn.Err.Error())
		if errors.Is(syn.Err, jsontext.ErrDuplicateName) {
			reason = "duplicate name in the JSON object"
		}
		return &Error{Path: Path(string(syn.JSONPointer)), Offset: syn.ByteOffset, Reason: "invalid JSON: " + reason, Syntax: true}
	case errors.As(err, &sem):
		e := &Error{Path: Path(string(sem.JSONPointer)), Offset: sem.ByteOffset}
		switch {
		case errors.As(sem.Err, &own):
			e.Reason = own.Reason
			e.Path = join(e.Path, own.Path)
		case sem.GoType != nil && sem.JSONKind != 0:
			e.Reason = fmt.Sprintf("must be %s, not %s", typeName(sem.GoType.Kind().String()), KindName(sem.JSONKind))
			if sem.Err != nil && len(sem.JSONValue) > 0 && len(sem.JSONValue) < 40 {
				e.Reason = fmt.Sprintf("%s is not %s in the accepted range", sem.JSONValue, typeName(sem.GoType.Kind().String()))
			}
		case sem.Err != nil:
			e.Reason = sem.Err.Error()
		default:
			e.Reason = sem.Error()
		}
		return e
	case errors.As(err, &own):
		return own
	default:
		return &Error{Reason: "invalid JSON: " + err.Error(), Syntax: true}
	}
}

// withoutText returns the reason for an invalid escape in a string without the document's text,
// which the library quotes.
func withoutText(reason string) string {
	begin, rest, quotes := strings.Cut(reason, " `\\u")
	if i := strings.LastIndexByte(rest, '`'); quotes && i >= 0 {
		return begin + rest[i+1:]
	}
	return reason
}

func join(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "" || b[0] == '[':
		return a + b
	default:
		return a + "." + b
	}
}

func typeName(kind string) string {
	switch kind {
	case "struct", "map", "ptr":
		return "an object"
	case "slice", "array":
		return "an array"
	case "string":
		return "a string"
	case "bool":
		return "a boolean"
	case "float32", "float64":
		return "a number"
	default:
		if strings.HasPrefix(kind, "int") || strings.HasPrefix(kind, "uint") {
			return "an integer"
		}
		return "another type"
	}
}

// maxPath is the maximum length of a path in bytes: the sender of a document determines its depth
// and the length of its names.
const maxPath = 200

// Path converts a JSON pointer (RFC 6901) to the usual notation: /messages/2/content becomes
// messages[2].content. It truncates long ones.
func Path(pointer string) string {
	var b strings.Builder
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if _, err := strconv.ParseUint(token, 10, 32); err == nil && b.Len() > 0 {
			b.WriteString("[" + token + "]")
		} else {
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(strings.NewReplacer("~1", "/", "~0", "~").Replace(token))
		}
		if b.Len() > maxPath {
			return strings.ToValidUTF8(b.String()[:maxPath], "") + "…"
		}
	}
	return b.String()
}
