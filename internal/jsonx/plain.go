package jsonx

import (
	"bytes"
	"math"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Plain reads a small document member by member, as Object and its neighbours do with a Decoder, in less
// than half the time. It is for the events of streams, of which there are tens in each response.
//
// It gives up whatever is unusual: names with escapes, many members, deep nesting, and everything that is
// no JSON. Its methods then do nothing, and Done reports false: the document must be read anew by
// Unmarshal, which also says what is wrong. A document of which Done reports true is one that Unmarshal
// accepts.
type Plain struct {
	doc   []byte // nil if it is given up
	at    int
	gone  bool // given up
	depth int
	// names are those of the members of all open objects, of which the innermost are last: where in doc they are.
	names [maxPlainNames]span
	named int
	// first is whether nothing has been read of the value that Open has entered, and outer is named at the Open of each open value.
	first bool
	outer [maxPlainDepth]uint8 // at most maxPlainNames
}

// span is a part of the document.
type span struct{ from, to uint32 }

// Bounds of what is plain: members that were read of all open objects, and nesting.
const (
	maxPlainNames = 32
	maxPlainDepth = 16
	maxPlainSize  = math.MaxInt32 // bytes of the document, which an int counts everywhere
)

// NewPlain makes a Plain that reads doc, which must not change meanwhile.
func NewPlain(doc []byte) (p Plain) {
	p.Begin(doc)
	return p
}

// Begin makes a new Plain a reader of doc. Unlike NewPlain it makes no copy of it, which takes stack.
func (p *Plain) Begin(doc []byte) {
	if p.doc = doc; len(doc) > maxPlainSize {
		p.doc, p.gone = nil, true
	}
}

// Done reports whether the whole document has been read, and nothing else is there.
func (p *Plain) Done() bool { return !p.gone && p.peek() == 0 && p.at == len(p.doc) }

// GiveUp gives the document up, because it has something that the caller leaves to Unmarshal.
func (p *Plain) GiveUp() { p.doc, p.at, p.gone = nil, 0, true }

// Going reports whether the document has not been given up so far.
func (p *Plain) Going() bool { return !p.gone }

// Offset is the number of bytes that have been read: behind Kind, where the next value begins.
func (p *Plain) Offset() int { return p.at }

// Kind returns the kind of the next value, without reading it; another byte if there is none.
func (p *Plain) Kind() Kind {
	switch c := p.peek(); c {
	case '-', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return '0'
	default:
		return Kind(c)
	}
}

// peek returns the next byte that is no white space, without reading it; 0 at the end, or if the document
// is given up.
func (p *Plain) peek() byte {
	p.space()
	if p.at < len(p.doc) {
		return p.doc[p.at]
	}
	return 0
}

// space reads white space, of which most documents have none.
func (p *Plain) space() {
	if p.at < len(p.doc) && p.doc[p.at] <= ' ' {
		p.skip()
	}
}

func (p *Plain) skip() {
	for ; p.at < len(p.doc); p.at++ {
		if c := p.doc[p.at]; c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return
		}
	}
}

// is reports whether the next byte is c.
func (p *Plain) is(c byte) bool { return p.at < len(p.doc) && p.doc[p.at] == c }

// take reads a byte behind white space, and reports whether it is c.
func (p *Plain) take(c byte) bool {
	p.space()
	if !p.is(c) {
		return false
	}
	p.at++
	return true
}

// begin reads the opening bracket of an object or array, and reports whether something follows that is not
// the closing one, which it reads too.
func (p *Plain) begin(opening, closing byte) bool {
	if p.depth == maxPlainDepth || !p.take(opening) {
		p.GiveUp()
		return false
	}
	p.depth++
	return !p.end(closing)
}

// end reads the closing bracket of an object or array, if it is next.
func (p *Plain) end(closing byte) bool {
	if !p.take(closing) {
		return false
	}
	p.depth--
	return true
}

// next reads what stands between two values of an object or array, and reports whether another one follows.
func (p *Plain) next(closing byte) bool {
	p.space()
	switch {
	case p.is(','):
		p.at++
		return true
	case p.is(closing):
		p.at++
		p.depth--
	default:
		p.GiveUp()
	}
	return false
}

// Object calls read for each member of the next value, an object, with the Plain before the member's value,
// which read has to consume.
func (p *Plain) Object(read func(name []byte)) {
	outer := p.named
	for more := p.begin('{', '}'); more && !p.gone; more = p.next('}') {
		name := p.name(outer)
		if p.gone {
			return
		}
		read(name)
	}
	p.named = outer
}

// name reads the name of a member, and the colon behind it. outer is how many names were known when its object began.
func (p *Plain) name(outer int) []byte {
	if p.space(); !p.is('"') || p.named == maxPlainNames {
		p.GiveUp()
		return nil
	}
	from := p.at + 1
	to := from + run(p.doc[from:])
	if to+1 < len(p.doc) && p.doc[to] == '"' && p.doc[to+1] == ':' { // as in nearly all documents
		p.at = to + 2
	} else {
		quoted, escaped := p.quoted()
		if p.gone || escaped || !p.take(':') {
			p.GiveUp()
			return nil
		}
		to = from + len(quoted) - 2
	}
	name := p.doc[from:to:to]
	for _, other := range p.names[outer:p.named] {
		if int(other.to-other.from) == len(name) && bytes.Equal(name, p.doc[other.from:other.to]) {
			p.GiveUp()
			return nil
		}
	}
	p.names[p.named] = span{uint32(from), uint32(to)}
	p.named++
	return name
}

// Array calls read for each element of the next value, an array, with the Plain before the element, which read
// has to consume.
func (p *Plain) Array(read func()) {
	for more := p.begin('[', ']'); more && !p.gone; more = p.next(']') {
		read()
	}
}

// PlainArray appends the elements of p's next value, an array, to list. read has to consume an element, and
// gets memory for it that is empty, as with DecodeArray. An array that would make the list longer than
// limit is given up.
func PlainArray[T any](p *Plain, list *[]T, limit int, read func(element *T)) {
	p.Array(func() {
		if len(*list) == limit {
			p.GiveUp()
			return
		}
		read(grow(list))
	})
}

// Text reads the next value, a string, into to.
func (p *Plain) Text(to *string) {
	quoted, escaped := p.quoted()
	switch {
	case p.gone:
	case escaped:
		text, err := jsontext.AppendUnquote(nil, quoted)
		if err != nil {
			p.GiveUp()
			return
		}
		*to = string(text)
	default:
		setText(to, quoted[1:len(quoted)-1])
	}
}

// Word is Text for a value that is one of a few words, as Name knows them.
func (p *Plain) Word(to *string) {
	quoted, escaped := p.quoted()
	if escaped {
		p.GiveUp()
	}
	if !p.gone {
		*to = Name(quoted[1 : len(quoted)-1])
	}
}

// Int reads the next value, a whole number of at most 18 digits that is not negative, into to.
func (p *Plain) Int(to *int64) {
	if c := p.peek(); c < '0' || c > '9' {
		p.GiveUp()
		return
	}
	digits := p.number()
	if p.gone || len(digits) > 18 {
		p.GiveUp()
		return
	}
	var n int64
	for _, c := range digits {
		if c < '0' || c > '9' {
			p.GiveUp()
			return
		}
		n = 10*n + int64(c-'0')
	}
	*to = n
}

// Bool reads the next value, true or false, into to.
func (p *Plain) Bool(to *bool) {
	switch p.peek() {
	case 't':
		p.word("true")
		*to = true
	case 'f':
		p.word("false")
		*to = false
	default:
		p.GiveUp()
	}
}

// Keep copies the next value into to, as it is; the memory of to is used again.
func (p *Plain) Keep(to *Raw) {
	if v := p.Value(); !p.gone {
		*to = append((*to)[:0], v...)
	}
}

// Value reads the next value and returns it as it is, in the document's memory; nil if it is given up.
func (p *Plain) Value() Raw {
	kind := p.peek()
	start := p.at
	switch kind {
	case '{':
		p.Object(func([]byte) { p.Value() })
	case '[':
		p.Array(func() { p.Value() })
	case '"':
		if quoted, escaped := p.quoted(); escaped && !Raw(quoted).IsValid() {
			p.GiveUp()
		}
	case 't':
		p.word("true")
	case 'f':
		p.word("false")
	case 'n':
		p.word("null")
	default:
		p.number()
	}
	if p.gone {
		return nil
	}
	return p.doc[start:p.at:p.at]
}

func (p *Plain) word(word string) {
	if !bytes.HasPrefix(p.doc[p.at:], []byte(word)) {
		p.GiveUp()
		return
	}
	p.at += len(word)
}

// quoted reads a string and returns it with its quotation marks. One with escapes remains to be checked.
func (p *Plain) quoted() (text []byte, escaped bool) {
	if p.space(); !p.is('"') {
		p.GiveUp()
		return nil, false
	}
	doc, ascii := p.doc, true
	for i := p.at + 1; ; i++ {
		i += run(doc[i:])
		if i >= len(doc) {
			break
		}
		switch c := doc[i]; {
		case c == '"':
			text = doc[p.at : i+1]
			p.at = i + 1
			if !ascii && !utf8.Valid(text) {
				p.GiveUp()
			}
			return text, escaped
		case c == '\\':
			escaped = true
			if i++; i == len(doc) {
				p.GiveUp()
				return nil, false
			}
		case c < ' ':
			p.GiveUp()
			return nil, false
		default:
			ascii = false
		}
	}
	p.GiveUp()
	return nil, false
}

// number reads a number (RFC 8259, section 6).
func (p *Plain) number() []byte {
	rest := p.doc[p.at:]
	n := 0
	digits := func() bool {
		from := n
		for n < len(rest) && '0' <= rest[n] && rest[n] <= '9' {
			n++
		}
		return n > from
	}
	if n < len(rest) && rest[n] == '-' {
		n++
	}
	whole := n
	ok := digits() && (rest[whole] != '0' || n == whole+1)
	if ok && n < len(rest) && rest[n] == '.' {
		n++
		ok = digits()
	}
	if ok && n < len(rest) && (rest[n] == 'e' || rest[n] == 'E') {
		n++
		if n < len(rest) && (rest[n] == '+' || rest[n] == '-') {
			n++
		}
		ok = digits()
	}
	if !ok {
		p.GiveUp()
		return nil
	}
	p.at += n
	return rest[:n]
}
