package converse

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// shape describes a value as AWS's service model does. The shapes of a request are in model.go.
type shape struct {
	kind     shapeKind
	members  []member       // of an object or a union
	element  *shape         // of an array, or of a map's values
	key      *shape         // of a map
	enum     []string       // of a string
	min, max float64        // of a length or a number; max 0 means that there is none
	pattern  *regexp.Regexp // of a whole string
	bounded  bool           // whether min applies to a number
}

type member struct {
	name     string
	shape    *shape
	required bool
}

type shapeKind uint8

const (
	kindObject shapeKind = iota + 1
	kindUnion            // an object with exactly one member
	kindArray
	kindMap
	kindString
	kindBlob // base64
	kindInteger
	kindNumber
	kindBoolean
	kindDocument // any JSON
)

// conforms checks the body of a request against the service model. The error, if any, is a
// *jsonx.Error.
func conforms(body []byte) error {
	root := requestShape()
	return decode(body, func(s *source) { s.check(root) })
}

// check reads the next value and checks it against sh.
func (s *source) check(sh *shape) {
	switch sh.kind {
	case kindObject, kindUnion:
		s.checkObject(sh)
	case kindMap:
		s.checkMap(sh)
	case kindArray:
		s.checkArray(sh)
	case kindString:
		s.checkString(sh)
	case kindBlob:
		s.checkBlob(sh)
	case kindInteger:
		s.checkNumber(sh, float64(s.integer()))
	case kindNumber:
		s.checkNumber(sh, s.number())
	case kindBoolean:
		s.boolean()
	default:
		s.skip()
	}
}

func (s *source) checkObject(sh *shape) {
	var seen uint64 // by index in sh.members
	count := 0
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			break
		}
		i := slices.IndexFunc(sh.members, func(m member) bool { return m.name == string(name) })
		if i < 0 {
			s.skip()
			s.failf("is not a member of Converse's API")
			return
		}
		seen |= 1 << i
		count++
		s.check(sh.members[i].shape)
	}
	for i, m := range sh.members {
		if m.required && seen&(1<<i) == 0 {
			s.failf("%s is missing", m.name)
		}
	}
	if sh.kind == kindUnion && count != 1 {
		names := make([]string, len(sh.members))
		for i, m := range sh.members {
			names[i] = m.name
		}
		s.failf("must have exactly one of the members %s", strings.Join(names, ", "))
	}
}

func (s *source) checkMap(sh *shape) {
	count := 0
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			break
		}
		count++
		key := string(name)
		s.checkText(sh.key, key)
		s.check(sh.element)
	}
	s.checkLength(sh, count, "member")
}

func (s *source) checkArray(sh *shape) {
	count := 0
	s.open('[')
	for s.element() {
		count++
		s.check(sh.element)
	}
	s.checkLength(sh, count, "element")
}

func (s *source) checkString(sh *shape) {
	if text := s.text(); s.err == nil {
		s.checkText(sh, text)
	}
}

func (s *source) checkText(sh *shape, text string) {
	s.checkLength(sh, utf8.RuneCountInString(text), "character")
	if len(sh.enum) > 0 && !slices.Contains(sh.enum, text) {
		s.failf("%q must be one of %s", text, strings.Join(sh.enum, ", "))
	}
	if sh.pattern != nil && !sh.pattern.MatchString(text) {
		s.failf("%q does not match %s", text, sh.pattern)
	}
}

func (s *source) checkBlob(sh *shape) {
	content := s.base64()
	if s.err != nil {
		return
	}
	s.checkLength(sh, content.Size(), "byte")
}

func (s *source) checkNumber(sh *shape, n float64) {
	if s.err == nil && sh.bounded && (n < sh.min || sh.max != 0 && n > sh.max) {
		if sh.max == 0 {
			s.failf("must be at least %v", sh.min)
			return
		}
		s.failf("must be between %v and %v", sh.min, sh.max)
	}
}

func (s *source) checkLength(sh *shape, n int, unit string) {
	switch {
	case s.err != nil:
	case float64(n) < sh.min:
		s.failf("must have at least %s", quantity(sh.min, unit))
	case sh.max != 0 && float64(n) > sh.max:
		s.failf("must have at most %s", quantity(sh.max, unit))
	}
}

func quantity(n float64, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return strconv.Itoa(int(n)) + " " + unit + "s"
}
