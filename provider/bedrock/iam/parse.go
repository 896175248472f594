package iam

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"outcrop/internal/jsonx"
)

// SyntaxError is a policy that is not JSON.
type SyntaxError struct {
	Line, Column int // of the fault, from 1
	Reason       string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%d:%d: not JSON: %s", e.Line, e.Column, e.Reason)
}

// node is a JSON value and where it stands. It keeps members of one name apart,
// which internal/jsonx refuses and IAM does as well, so that both are shown.
type node struct {
	kind    byte   // { [ " or the first byte of another value
	at      int    // offset of its first byte
	text    string // of a string
	items   []*node
	members []member
}

type member struct {
	name  string
	at    int // of the name
	value *node
}

// maxDepth is deeper than a policy can be.
const maxDepth = 16

// parser reads one JSON document.
type parser struct {
	data []byte
	at   int
}

// parseJSON reads the one value in data. Errors are of type *SyntaxError.
func parseJSON(data []byte) (*node, error) {
	p := &parser{data: data}
	if strings.HasPrefix(string(data), "\ufeff") {
		p.at = len("\ufeff")
	}
	n, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if p.skip(); p.at < len(data) {
		return nil, p.fault("unexpected text after the policy")
	}
	return n, nil
}

func (p *parser) fault(reason string) error {
	line, column := position(p.data, p.at)
	return &SyntaxError{Line: line, Column: column, Reason: reason}
}

// position gives line and column of an offset, from 1; a column is a character.
func position(data []byte, at int) (line, column int) {
	before := data[:min(at, len(data))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte{'\n'}) + 1, utf8.RuneCount(before[start:]) + 1
}

func (p *parser) skip() {
	for p.at < len(p.data) && strings.IndexByte(" \t\r\n", p.data[p.at]) >= 0 {
		p.at++
	}
}

func (p *parser) peek() byte {
	p.skip()
	if p.at == len(p.data) {
		return 0
	}
	return p.data[p.at]
}

func (p *parser) value(depth int) (*node, error) {
	c := p.peek()
	n := &node{kind: c, at: p.at}
	switch {
	case c == 0:
		return nil, p.fault("unexpected end: a value is missing")
	case depth == maxDepth:
		return nil, p.fault("it is nested too deeply for a policy")
	case c == '{':
		return n, p.object(n, depth)
	case c == '[':
		return n, p.array(n, depth)
	case c == '"':
		var err error
		n.text, err = p.string()
		return n, err
	}
	end := p.at
	for end < len(p.data) && strings.IndexByte(" \t\r\n,]}:", p.data[end]) < 0 {
		end++
	}
	if !jsonx.Valid(p.data[p.at:end]) {
		return nil, p.fault("a value is expected here")
	}
	p.at = end
	return n, nil
}

func (p *parser) string() (string, error) {
	end := p.at + 1
	for ; end < len(p.data) && p.data[end] != '"'; end++ {
		if p.data[end] == '\\' {
			end++
		}
	}
	if end >= len(p.data) {
		return "", p.fault("this string is not terminated")
	}
	var s string
	if err := jsonx.Unmarshal(p.data[p.at:end+1], &s); err != nil {
		return "", p.fault("this is not a valid JSON string")
	}
	p.at = end + 1
	return s, nil
}

func (p *parser) object(n *node, depth int) error {
	p.at++
	for first := true; ; first = false {
		c := p.peek()
		if c == '}' && first {
			break
		}
		if c != '"' {
			return p.fault("a member name is expected here")
		}
		m := member{at: p.at}
		var err error
		if m.name, err = p.string(); err != nil {
			return err
		}
		if p.peek() != ':' {
			return p.fault("a colon is expected here")
		}
		p.at++
		if m.value, err = p.value(depth + 1); err != nil {
			return err
		}
		n.members = append(n.members, m)
		if c = p.peek(); c == '}' {
			break
		}
		if c != ',' {
			return p.fault("a comma or } is expected here")
		}
		p.at++
	}
	p.at++
	return nil
}

func (p *parser) array(n *node, depth int) error {
	p.at++
	for first := true; ; first = false {
		if p.peek() == ']' && first {
			break
		}
		item, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		n.items = append(n.items, item)
		c := p.peek()
		if c == ']' {
			break
		}
		if c != ',' {
			return p.fault("a comma or ] is expected here")
		}
		p.at++
	}
	p.at++
	return nil
}
