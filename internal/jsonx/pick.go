package jsonx

import "slices"

// Picker picks members out of JSON texts that arrive in pieces, such as the response of a server that is
// passed on as it comes. It holds no more than one picked value. What it is given need not be valid: it then
// finds less. The zero Picker, with Take set, is ready for a text.
type Picker struct {
	// Take gets each picked value, whole, with its path: the names of members, separated by dots. An array is
	// not part of a path. The value is valid until Take returns.
	Take func(path string, value Raw)
	// Enter are the paths of the objects and arrays that are looked into; those at the top always are.
	Enter []string
	// Pick are the paths of the values that are picked.
	Pick []string

	open    []opened // what is looked into
	state   pickState
	key     []byte
	path    string // of the value that is being read; empty if it is not picked
	value   []byte
	nested  int // open objects and arrays within the value
	quoted  bool
	escaped bool
}

// opened is an object or array that is looked into.
type opened struct {
	path   string
	object bool
	named  bool // the name of a member has been read, and its value comes next
}

type pickState uint8

const (
	pickBetween pickState = iota // between names and values
	pickName                     // in the name of a member
	pickText                     // in a string
	pickNested                   // in an object or array that is not looked into
	pickScalar                   // in a number, true, false or null
)

// Bounds of what a Picker holds: values and names that are longer, and what lies deeper, are passed over.
const (
	maxPicked     = 64 << 10
	maxPickedName = 256
	maxPickDepth  = 16
)

// Reset makes the Picker ready for another text, whatever is open in this one.
func (p *Picker) Reset() {
	p.open, p.state, p.path, p.value = p.open[:0], pickBetween, "", p.value[:0]
	p.nested, p.quoted, p.escaped = 0, false, false
}

// Add reads the next piece of a text. Several texts may follow each other.
func (p *Picker) Add(piece []byte) {
	for len(piece) > 0 {
		var n int
		switch p.state {
		case pickBetween:
			n = p.between(piece)
		case pickName:
			n = p.name(piece)
		default:
			n = p.within(piece)
		}
		piece = piece[n:]
	}
}

// between reads one byte, or none if it begins a value.
func (p *Picker) between(piece []byte) int {
	var in *opened
	if len(p.open) > 0 {
		in = &p.open[len(p.open)-1]
	}
	switch c := piece[0]; c {
	case ' ', '\t', '\r', '\n', ':':
	case ',':
		if in != nil {
			in.named = false
		}
	case '}', ']':
		if in != nil {
			p.open = p.open[:len(p.open)-1]
		}
	default:
		if in != nil && in.object && !in.named {
			if c == '"' {
				p.state, p.key, p.escaped = pickName, p.key[:0], false
			}
			return 1
		}
		return p.begin(c, in)
	}
	return 1
}

// begin begins a value with its first byte, which it reads if the value is an object or array that is looked
// into.
func (p *Picker) begin(c byte, in *opened) int {
	path := ""
	if in != nil {
		path = in.path
		if in.object {
			path = join(path, string(p.key))
		}
	}
	nests := c == '{' || c == '['
	if nests && len(p.open) < maxPickDepth && (path == "" || slices.Contains(p.Enter, path)) {
		p.open = append(p.open, opened{path: path, object: c == '{'})
		return 1
	}
	p.path, p.value = "", p.value[:0]
	if path != "" && slices.Contains(p.Pick, path) {
		p.path = path
	}
	p.nested, p.quoted, p.escaped = 0, false, false
	switch {
	case nests:
		p.state = pickNested
	case c == '"':
		p.state = pickText
	default:
		p.state = pickScalar
	}
	return 0
}

// name reads the rest of a member's name. A name with escapes is kept as it is written, and so is not found.
func (p *Picker) name(piece []byte) int {
	for i, c := range piece {
		switch {
		case p.escaped:
			p.escaped = false
		case c == '\\':
			p.escaped = true
		case c == '"':
			p.open[len(p.open)-1].named = true
			p.state = pickBetween
			return i + 1
		}
		if len(p.key) <= maxPickedName {
			p.key = append(p.key, c)
		}
	}
	return len(piece)
}

// within reads more of a value.
func (p *Picker) within(piece []byte) int {
	for i, c := range piece {
		over := false
		switch {
		case p.escaped:
			p.escaped = false
		case p.quoted:
			p.escaped = c == '\\'
			if c == '"' {
				p.quoted, over = false, p.state == pickText
			}
		case p.state == pickScalar:
			switch c {
			case ',', '}', ']', ' ', '\t', '\r', '\n':
				p.keep(piece[:i])
				p.finish()
				return i
			}
		case c == '"':
			p.quoted = true
		case c == '{' || c == '[':
			p.nested++
		case c == '}' || c == ']':
			p.nested--
			over = p.nested == 0
		}
		if over {
			p.keep(piece[:i+1])
			p.finish()
			return i + 1
		}
	}
	p.keep(piece)
	return len(piece)
}

func (p *Picker) keep(part []byte) {
	switch {
	case p.path == "":
	case len(p.value)+len(part) > maxPicked:
		p.path = ""
	default:
		p.value = append(p.value, part...)
	}
}

func (p *Picker) finish() {
	p.state = pickBetween
	if p.path != "" {
		p.Take(p.path, p.value)
	}
}
