package invoke

import (
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// maxValues bounds the members and elements of a body, so that its parsed form stays within a few
// times its size.
const maxValues = 500_000

// node is a JSON value by its position in a document.
type node struct {
	key        int    // where the name of a member begins, quotation mark included; start for others
	start, end int    // of the value
	name       string // of a member
	kind       jsonx.Kind
	edited     bool // it or one of its kids has changes; render keeps it current
	kids       []node
	change     *change
}

// change is what becomes of a node.
type change struct {
	gone        bool
	text        []byte // replaces the value if not nil
	front, back []byte // kids before the first and after the last, without a comma at either end
	after       []byte // siblings after the node, likewise
}

func (n *node) changes() *change {
	if n.change == nil {
		n.change = &change{}
	}
	return n.change
}

func (n *node) drop() { n.changes().gone = true }

func (n *node) replace(text string) { n.changes().text = []byte(text) }

// gone reports whether the node is dropped; a missing one is.
func (n *node) gone() bool { return n == nil || n.change != nil && n.change.gone }

// prepend adds a kid before the others, and add one after them.
func (n *node) prepend(text string) { c := n.changes(); c.front = list(c.front, text) }
func (n *node) add(text string)     { c := n.changes(); c.back = list(c.back, text) }

// follow adds a sibling.
func (n *node) follow(text []byte) { c := n.changes(); c.after = list(c.after, string(text)) }

func list(have []byte, text string) []byte {
	if len(have) > 0 {
		have = append(have, ',')
	}
	return append(have, text...)
}

// member returns the kid of that name that is not dropped; nil if there is none.
func (n *node) member(name string) *node {
	if n.gone() || n.kind != '{' {
		return nil
	}
	for i := range n.kids {
		if k := &n.kids[i]; k.name == name && !k.gone() {
			return k
		}
	}
	return nil
}

// elements returns the elements of an array that are not dropped, with their indices.
func (n *node) elements(yield func(int, *node) bool) {
	if n.gone() || n.kind != '[' {
		return
	}
	for i := range n.kids {
		if !n.kids[i].gone() && !yield(i, &n.kids[i]) {
			return
		}
	}
}

// document is a JSON document with its edits. Long base64 strings are not in doc but in long.
type document struct {
	doc  []byte
	long []piece
	root node

	ex   *jsonx.Extracted // while parsing
	open []node           // the kids so far of the values that are being parsed
	slab []node           // memory for kids
}

// piece is a string that was extracted from between start and end of the document.
type piece struct {
	start, end int
	text       []byte
}

// parse parses a document, strictly. The error is an *llm.Error.
func parse(body []byte) (*document, error) {
	if jsonx.ManyValues(body, maxValues) {
		return nil, llm.Invalid("", "the request body has too many values (limit %d)", maxValues)
	}
	if ex := jsonx.Extract(body); ex != nil {
		d := &document{doc: ex.Doc, ex: ex}
		if jsonx.Unmarshal(d.doc, d) == nil && ex.Unresolved() == 0 {
			return d, nil
		}
	}
	d := &document{doc: body}
	if err := jsonx.Unmarshal(body, d); err != nil {
		return nil, llm.Invalid("", "the request body is not valid: %v", err)
	}
	if d.root.kind != '{' {
		return nil, llm.Invalid("", "the request body must be an object, not %s", jsonx.KindName(d.root.kind))
	}
	return d, nil
}

// UnmarshalJSONFrom receives jsonx's decoder.
func (d *document) UnmarshalJSONFrom(dec *jsonx.Decoder) (err error) {
	d.open = make([]node, 0, someNodes)
	d.root, err = d.value(dec, "")
	d.open, d.slab = nil, nil
	return err
}

// value parses the next value; name is that of a member.
func (d *document) value(dec *jsonx.Decoder, name string) (node, error) {
	n := node{name: name, kind: dec.PeekKind()}
	if (n.kind != '{' && n.kind != '[') || opaque(name) && d.ex == nil {
		v, err := dec.ReadValue()
		if err != nil {
			return node{}, err
		}
		n.end = int(dec.InputOffset())
		n.start = n.end - len(v)
		if n.kind == '"' && d.ex != nil {
			d.extracted(n.start+1, n.end-1)
		}
		return n, nil
	}
	if _, err := dec.ReadToken(); err != nil {
		return node{}, err
	}
	n.start = int(dec.InputOffset()) - 1
	first := len(d.open)
	for k := dec.PeekKind(); k != '}' && k != ']'; k = dec.PeekKind() {
		if err := d.kid(dec, n.kind == '{'); err != nil {
			return node{}, err
		}
	}
	_, err := dec.ReadToken()
	n.end = int(dec.InputOffset())
	if !opaque(name) {
		n.kids = d.keep(d.open[first:])
	}
	d.open = d.open[:first]
	return n, err
}

// kid parses a member or an element, and adds it to those of the value that is being parsed.
func (d *document) kid(dec *jsonx.Decoder, member bool) error {
	key, name := -1, ""
	if member {
		quoted, err := dec.ReadValue()
		if err != nil {
			return err
		}
		key, name = int(dec.InputOffset())-len(quoted), jsonx.Word(quoted)
	}
	n, err := d.value(dec, name)
	if err != nil {
		return err
	}
	if n.key = key; !member {
		n.key = n.start
	}
	d.open = append(d.open, n)
	return nil
}

// Most bodies of chats have someNodes values at most; the kids of larger ones get memory for moreNodes
// at a time.
const (
	someNodes = 16
	moreNodes = 128
)

// keep moves kids to memory of their own.
func (d *document) keep(kids []node) []node {
	if len(kids) > cap(d.slab)-len(d.slab) {
		room := moreNodes
		if d.slab == nil {
			room = someNodes
		}
		d.slab = make([]node, 0, max(len(kids), room))
	}
	first := len(d.slab)
	d.slab = append(d.slab, kids...)
	return d.slab[first:len(d.slab):len(d.slab)]
}

// opaque reports whether a member of that name holds the client's own data, in which nothing is
// edited: tool inputs and schemas.
func opaque(name string) bool {
	switch name {
	case "input", "input_schema", "schema", "properties":
		return true
	default:
		return false
	}
}

// maxPlaceholder is more than the length of a placeholder of jsonx.Extract.
const maxPlaceholder = 64

func (d *document) extracted(start, end int) {
	if end-start > maxPlaceholder || end == start || d.doc[start] != '~' {
		return
	}
	check := func(text []byte) bool { _, ok := llm.ParseBase64(text); return ok }
	if text, ok := d.ex.Resolve(string(d.doc[start:end]), check); ok {
		d.long = append(d.long, piece{start, end, text})
	}
}

// raw is a value as the client wrote it, except for extracted strings. It must not be modified.
func (d *document) raw(n *node) jsonx.Raw { return d.doc[n.start:n.end] }

// text is the value of a string; empty for any other value, and for a missing one.
func (d *document) text(n *node) string {
	if n == nil || n.kind != '"' {
		return ""
	}
	return jsonx.Word(d.doc[n.start:n.end])
}

// output collects a document in segments.
type output struct {
	d        *document
	segments [][]byte
	last     int // where the last segment ends in the document; -1 if it is no part of it
}

// render returns n with its edits, in segments that share the document's memory.
func (d *document) render(n *node) [][]byte {
	n.settle()
	o := output{d: d, last: -1}
	o.node(n)
	return o.segments
}

// settle sets edited in a subtree.
func (n *node) settle() bool {
	n.edited = n.change != nil
	for i := range n.kids {
		if n.kids[i].settle() {
			n.edited = true
		}
	}
	return n.edited
}

func (o *output) write(text []byte) {
	if len(text) > 0 {
		o.segments, o.last = append(o.segments, text), -1
	}
}

// span writes a part of the document.
func (o *output) span(start, end int) {
	first, _ := slices.BinarySearchFunc(o.d.long, start, func(p piece, at int) int { return p.start - at })
	for _, p := range o.d.long[first:] {
		if p.start >= end {
			break
		}
		o.plain(start, p.start)
		o.write(p.text)
		start = p.end
	}
	o.plain(start, end)
}

func (o *output) plain(start, end int) {
	switch {
	case start >= end:
	case start == o.last:
		s := &o.segments[len(o.segments)-1]
		*s = o.d.doc[start-len(*s) : end]
		o.last = end
	default:
		o.segments, o.last = append(o.segments, o.d.doc[start:end]), end
	}
}

func (o *output) node(n *node) {
	c := n.change
	if c == nil {
		c = &change{}
	}
	switch {
	case !n.edited:
		o.span(n.start, n.end)
		return
	case c.text != nil:
		o.write(c.text)
		return
	case n.kind != '{' && n.kind != '[':
		o.span(n.start, n.end)
		return
	}
	o.span(n.start, n.start+1)
	comma := []byte{','}
	some := false // something stands before
	insert := func(text []byte) {
		if len(text) == 0 {
			return
		}
		if some {
			o.write(comma)
		}
		o.write(text)
		some = true
	}
	insert(c.front)
	at := n.start + 1 // what was written last of the document ends here
	for i := range n.kids {
		k := &n.kids[i]
		if !k.gone() {
			begin := n.start + 1
			if i > 0 {
				begin = n.kids[i-1].end
			}
			switch {
			case begin == at && (i > 0) == some: // its neighbour is the one that it had
				o.span(begin, k.key)
			case some:
				o.write(comma)
			}
			o.span(k.key, k.start)
			o.node(k)
			some, at = true, k.end
		}
		if k.change != nil && len(k.change.after) > 0 {
			insert(k.change.after)
			at = -1
		}
	}
	insert(c.back)
	tail := n.end - 1
	if len(n.kids) > 0 && n.kids[len(n.kids)-1].end == at {
		tail = at
	}
	if len(n.kids) == 0 {
		tail = n.start + 1
	}
	o.span(tail, n.end)
}
