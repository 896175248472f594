package converse

import (
	"fmt"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// source reads a JSON document member by member. It keeps its first error: after an error every
// method returns the zero value, so that code that walks a document needs no check after each step.
//
// A member whose value is null counts as absent, as it does for AWS; the json of
// a tool result, which may be null, is the exception.
type source struct {
	d *jsonx.Decoder
	// plain is read in place of d if plainly is set, in less than half the time. When it gives something up, all methods return zero
	// values, and the document must be read anew from d, which also says what is wrong. It is no pointer, so that it stays on the stack.
	plain   jsonx.Plain
	plainly bool
	err     error
	fault   *jsonx.Error // set if err was found here and not by the decoder
}

// decode walks the document in data. An error is a *jsonx.Error.
func decode(data []byte, walk func(s *source)) error {
	w := walker{walk: walk}
	err := jsonx.Unmarshal(data, &w)
	if w.fault != nil {
		return w.fault
	}
	return err
}

type walker struct {
	walk  func(s *source)
	fault *jsonx.Error
}

// UnmarshalJSONFrom receives jsonx's decoder.
func (w *walker) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	s := source{d: d}
	w.walk(&s)
	w.fault = s.fault
	return s.err
}

// failf reports an error in the last value read.
func (s *source) failf(format string, args ...any) {
	if s.plainly {
		s.plain.GiveUp()
		return
	}
	if s.err == nil {
		s.fault = &jsonx.Error{
			Path:   jsonx.Path(string(s.d.StackPointer())),
			Offset: s.d.InputOffset(),
			Reason: fmt.Sprintf(format, args...),
		}
		s.err = s.fault
	}
}

// open enters an object ('{') or an array ('[').
func (s *source) open(kind jsonx.Kind) {
	if s.plainly {
		s.plain.Open(kind)
		return
	}
	if s.err != nil {
		return
	}
	if k := s.d.PeekKind(); k != kind && k != 0 {
		s.err = s.d.SkipValue()
		s.failf("must be %s, not %s", jsonx.KindName(kind), jsonx.KindName(k))
		return
	}
	_, s.err = s.d.ReadToken()
}

// member returns the name of the open object's next member that is not null. If there is none, it
// closes the object and returns false. The name is valid until the next read.
func (s *source) member() ([]byte, bool) {
	for s.plainly {
		name, ok := s.plain.Member()
		if !ok || s.plain.Kind() != 'n' || string(name) == "json" {
			return name, ok
		}
		s.plain.Value()
	}
	for s.err == nil {
		if s.d.PeekKind() == '}' {
			_, s.err = s.d.ReadToken()
			break
		}
		var quoted jsonx.Raw
		if quoted, s.err = s.d.ReadValue(); s.err != nil {
			break
		}
		name := unquote(quoted)
		if s.d.PeekKind() == 'n' && string(name) != "json" {
			s.err = s.d.SkipValue()
			continue
		}
		return name, true
	}
	return nil, false
}

// element reports whether the open array has another element. If not, it closes the array.
func (s *source) element() bool {
	if s.plainly {
		return s.plain.Element()
	}
	if s.err != nil {
		return false
	}
	if s.d.PeekKind() != ']' {
		return true
	}
	_, s.err = s.d.ReadToken()
	return false
}

// unquote returns the text of a valid JSON string; without escapes it aliases quoted.
func unquote(quoted jsonx.Raw) []byte {
	inner := quoted[1 : len(quoted)-1]
	for _, c := range inner {
		if c == '\\' {
			var text string
			if jsonx.Unmarshal(quoted, &text) == nil {
				return []byte(text)
			}
		}
	}
	return inner
}

// text reads a string.
func (s *source) text() (text string) {
	if s.plainly {
		s.plain.Text(&text)
		return text
	}
	if s.err != nil {
		return ""
	}
	token, err := s.d.ReadToken()
	if err != nil {
		s.err = err
		return ""
	}
	if k := token.Kind(); k != '"' {
		s.failf("must be a string, not %s", jsonx.KindName(k))
		return ""
	}
	return token.String()
}

// base64 reads a string of base64 bytes.
func (s *source) base64() llm.Base64 {
	text := s.text()
	content, ok := llm.ParseBase64([]byte(text))
	if !ok && s.err == nil {
		s.failf("must be base64")
	}
	return content
}

func (s *source) integer() (n int64) {
	if s.plainly {
		s.plain.Int(&n)
		return n
	}
	if s.err != nil {
		return 0
	}
	token, err := s.d.ReadToken()
	if err != nil {
		s.err = err
		return 0
	}
	if k := token.Kind(); k != '0' {
		s.failf("must be an integer, not %s", jsonx.KindName(k))
		return 0
	}
	n, err = token.Int()
	if err != nil {
		s.failf("%s is not an integer in the accepted range", token.String())
	}
	return n
}

func (s *source) number() (f float64) {
	s.into(&f)
	return f
}

func (s *source) boolean() (b bool) {
	if s.plainly {
		s.plain.Bool(&b)
		return b
	}
	s.into(&b)
	return b
}

func (s *source) into(v any) {
	if s.plainly {
		s.plain.GiveUp()
		return
	}
	if s.err == nil {
		s.err = jsonx.UnmarshalDecode(s.d, v)
	}
}

// raw reads any value unchanged.
func (s *source) raw() jsonx.Raw {
	if s.plainly {
		return s.plain.Value().Clone()
	}
	if s.err != nil {
		return nil
	}
	var value jsonx.Raw
	if value, s.err = s.d.ReadValue(); s.err != nil {
		return nil
	}
	return value.Clone()
}

func (s *source) skip() {
	if s.plainly {
		s.plain.Value()
		return
	}
	if s.err == nil {
		s.err = s.d.SkipValue()
	}
}

// index reads a block index.
func (s *source) index() int {
	n := s.integer()
	if n < 0 || n > maxIndex {
		s.failf("%d is not a valid block index", n)
		return 0
	}
	return int(n)
}

// maxIndex is AWS's own bound for an integer; it prevents overflow of int.
const maxIndex = 1<<31 - 1

// rest keeps a member without a field. The name must be copied before the value is read.
func (s *source) rest(name []byte) jsonx.Member {
	kept := jsonx.Member{Name: string(name)}
	kept.Value = s.raw()
	return kept
}

// members reads an object as a list of members.
func (s *source) members() []jsonx.Member {
	var members []jsonx.Member
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			return members
		}
		members = append(members, s.rest(name))
	}
}
