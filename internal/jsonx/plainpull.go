package jsonx

import "bytes"

// This file reads a Plain's document step by step, for code that walks through it in a loop: Open, then Member
// or Element before each value, until they report false.

// Open enters the next value, an object ('{') or an array ('[').
func (p *Plain) Open(kind Kind) {
	if p.depth == maxPlainDepth || !p.take(byte(kind)) {
		p.gone = true
		return
	}
	p.depth++
	p.outer[p.depth-1] = p.named
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
	name, escaped := p.quoted()
	if p.gone || escaped || p.named == maxPlainNames || !p.take(':') {
		p.gone = true
		return nil, false
	}
	name = name[1 : len(name)-1]
	for _, other := range p.names[p.outer[p.depth-1]:p.named] {
		if bytes.Equal(name, other) {
			p.gone = true
			return nil, false
		}
	}
	p.names[p.named] = name
	p.named++
	return name, true
}

// more reports whether the open value has something else, and reads what stands before it.
func (p *Plain) more(closing byte) bool {
	first := p.first
	p.first = false
	switch {
	case p.gone || p.depth == 0:
		p.gone = true
		return false
	case p.end(closing):
		p.named = p.outer[p.depth] // that of the value that was open
		return false
	case first || p.take(','):
		return true
	}
	p.gone = true
	return false
}
