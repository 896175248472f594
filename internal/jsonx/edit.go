package jsonx

import "slices"

// Edit is a change of one member of an object.
type Edit struct {
	Name string
	// Value replaces the member's value; nil removes the member.
	Value Raw
	// Add is whether the member is added, behind all others, if there is none.
	Add bool
}

// EditMembers returns an object with changed members, in segments to be read in sequence, which share
// the memory of doc and of the edits. Everything else stays byte for byte. names, unless nil, is
// called with the name of each member; its error is returned. A document that is not an object is an
// *Error.
func EditMembers(doc Raw, edits []Edit, names func(name string) error) ([][]byte, error) {
	f := memberFinder{}
	if err := Unmarshal(doc, &f); err != nil {
		return nil, err
	}
	out := segments{doc: doc}
	out.span(0, f.open)
	some := false  // a member precedes
	next := f.open // behind the member that precedes in doc, whether it is kept or not
	missing := slices.Clone(edits)
	for _, m := range f.members {
		if names != nil {
			if err := names(m.name); err != nil {
				return nil, err
			}
		}
		at := next
		next = m.end
		i := slices.IndexFunc(missing, func(e Edit) bool { return e.Name == m.name })
		if i >= 0 && missing[i].Value == nil {
			continue
		}
		switch {
		case out.end == at: // its neighbour is the one that it had
			out.span(at, m.key)
		case some:
			out.text(Raw(","))
		}
		some = true
		if i < 0 {
			out.span(m.key, m.end)
			continue
		}
		out.span(m.key, m.start)
		out.text(missing[i].Value)
		out.end = m.end
		missing = slices.Delete(missing, i, i+1)
	}
	tail := f.close
	if out.end == next {
		tail = next
	}
	for _, e := range missing {
		if !e.Add || e.Value == nil {
			continue
		}
		text := append(AppendString(nil, e.Name), ':')
		if some {
			text = append([]byte{','}, text...)
		}
		some = true
		out.text(text)
		out.text(e.Value)
	}
	out.span(tail, len(doc))
	return out.all, nil
}

// segments collects parts of a document, and texts in place of others.
type segments struct {
	doc  Raw
	all  [][]byte
	end  int  // in doc, behind what was written last of it
	join bool // the last segment ends at end
}

func (s *segments) span(from, to int) {
	switch n := len(s.all) - 1; {
	case from == to:
	case s.join && from == s.end:
		s.all[n] = s.doc[from-len(s.all[n]) : to]
	default:
		s.all = append(s.all, s.doc[from:to])
	}
	s.end, s.join = to, s.join && from == s.end || from < to
}

func (s *segments) text(text []byte) {
	s.all = append(s.all, text)
	s.join = false
}

// memberFinder finds the members of an object.
type memberFinder struct {
	open, close int // behind the opening brace, and before the closing one
	members     []memberPlace
}

// memberPlace is where a member stands: from key to end, its value from start.
type memberPlace struct {
	name            string
	key, start, end int
}

// UnmarshalJSONFrom receives the decoder.
func (f *memberFinder) UnmarshalJSONFrom(d *Decoder) error {
	if d.PeekKind() != '{' {
		return Fault("must be an object, not %s", KindName(d.PeekKind()))
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	f.open = int(d.InputOffset())
	for d.PeekKind() != '}' {
		var m memberPlace
		quoted, err := d.ReadValue()
		if err != nil {
			return err
		}
		m.key = int(d.InputOffset()) - len(quoted)
		if err := Unmarshal(quoted, &m.name); err != nil {
			return err
		}
		value, err := d.ReadValue()
		if err != nil {
			return err
		}
		m.end = int(d.InputOffset())
		m.start = m.end - len(value)
		f.members = append(f.members, m)
	}
	_, err := d.ReadToken()
	f.close = int(d.InputOffset()) - 1
	return err
}
