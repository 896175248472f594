package openairesponses

import (
	"strconv"

	"outcrop/internal/lazyregexp"
)

// none is the part of a place that is not in one.
const none = -1

// place locates something in the input. It is formatted only when a message needs it.
type place struct {
	list     string
	item     int
	inOutput bool // in the output of the item, not in its content
	part     int
}

func (p place) String() string {
	s := p.list + "[" + strconv.Itoa(p.item) + "]"
	if p.part == none {
		return s
	}
	if p.inOutput {
		return s + ".output[" + strconv.Itoa(p.part) + "]"
	}
	return s + ".content[" + strconv.Itoa(p.part) + "]"
}

func (p place) field(name string) string { return p.String() + "." + name }

// places says where in the client's request the parts of llm's form are.
type places struct {
	history int      // items before the client's own
	text    bool     // input is a text
	tools   []string // the paths of the tools
}

// inItem begins the path of an item.
var inItem = lazyregexp.New(`^input\[(\d+)\]`)

// name is the client's name of a field of the input, whose items are counted from the history on.
func (p *places) name(field string) string {
	m := inItem.FindStringSubmatch(field)
	if m == nil {
		return field
	}
	i, err := strconv.Atoi(m[1])
	switch {
	case err != nil:
		return field
	case i < p.history:
		return "previous_response_id"
	case p.text:
		return "input"
	default:
		return "input[" + strconv.Itoa(i-p.history) + "]" + field[len(m[0]):]
	}
}
