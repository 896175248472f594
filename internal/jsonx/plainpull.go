package jsonx

// This file reads a Plain's document step by step, for code that walks through it in a loop: Open, then Member
// or Element before each value, until they report false.

// Open enters the next value, an object ('{') or an array ('[').
func (p *Plain) Open(kind Kind) {
	if p.depth == maxPlainDepth || !p.take(byte(kind)) {
		p.GiveUp()
		return
	}
	p.depth++
	p.outer[p.depth-1] = uint8(p.named)
	p.first = true
}

// Element reports whether the open array has another element. If not, it closes the array.
func (p *Plain) Element() bool { return p.more(']') }

// Member returns the name of the open object's next member, in the document's memory. If there is none, it
// closes the object and returns false.
func (p *Plain) Member() (name []byte, ok bool) {
	if !p.more('}') {
		return nil, false
	}
	name = p.name(int(p.outer[p.depth-1]))
	return name, !p.gone
}

// more reports whether the open value has something else, and reads what stands before it.
func (p *Plain) more(closing byte) bool {
	first := p.first
	p.first = false
	switch {
	case p.gone || p.depth == 0:
		p.GiveUp()
		return false
	case p.end(closing):
		p.named = int(p.outer[p.depth]) // that of the value that was open
		return false
	case first || p.take(','):
		return true
	}
	p.GiveUp()
	return false
}
