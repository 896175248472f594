package spend

import (
	"io"
	"slices"
	"strings"

	"outcrop/store"
)

// Most rows of a key differ in little: their number, times, tokens and cost. What they have in common, the common part, is
// written with the first of them, and the others refer to it. So a row takes 80 bytes instead of 600, in the file
// and wherever it goes from there, and the texts of rows that share a part are the same in memory. A segment has all parts that its
// rows refer to.
//
// A row is a number, which is 2n for the n-th part of the segment, or 2n+1 if that part follows, with its length; and then what
// is the row's own. The number of a part that no other row refers to is 0.

// mostParts and mostPartBytes bound what an encoder keeps of a segment. Rows with other parts have these themselves.
const (
	mostParts     = 2048
	mostPartBytes = 1 << 20
)

// encoder writes the rows of a segment.
type encoder struct {
	numbers map[string]int64 // of the parts
	bytes   int              // of the parts
	part    []byte           // of the last row
	added   int64            // the number of a part that the last row has brought; 0 for none
}

// begin begins another segment.
func (e *encoder) begin() {
	clear(e.numbers)
	e.bytes, e.added = 0, 0
}

// record appends the record of a row. If it is written, written is to be called.
func (e *encoder) record(b []byte, row *store.Row) []byte {
	if cap(e.part) > maxIdleBuffer {
		e.part = nil
	}
	common := coder{out: e.part[:0]}
	common.common(row)
	e.part, e.added = common.out, 0
	start := len(b)
	c := coder{out: append(b, make([]byte, prefix)...)}
	if n, ok := e.numbers[string(e.part)]; ok {
		c.write(2 * n)
	} else {
		if len(e.numbers) < mostParts && e.bytes+len(e.part) <= mostPartBytes {
			e.added = int64(len(e.numbers)) + 1
		}
		c.write(2*e.added + 1)
		c.write(int64(len(e.part)))
		c.out = append(c.out, e.part...)
	}
	c.own(row)
	seal(c.out, start)
	return c.out
}

// written keeps the part that the last row has brought, for rows that follow.
func (e *encoder) written() {
	if e.added == 0 {
		return
	}
	if e.numbers == nil {
		e.numbers = map[string]int64{}
	}
	e.numbers[string(e.part)] = e.added
	e.bytes += len(e.part)
	e.added = 0
}

// decoder reads the rows of a segment, from its beginning on.
type decoder struct {
	version byte
	parts   []store.Row // the common parts
	bytes   []byte      // that were read
	rows    []store.Row // of the last load
	charges []store.Charge
	room    room
}

// begin makes room for so many rows, where the last ones are.
func (d *decoder) begin(rows int) {
	if cap(d.rows) < rows {
		d.rows = make([]store.Row, 0, rows)
	}
	d.rows, d.charges, d.room = d.rows[:0], d.charges[:0], room{}
}

// release gives up the memory for rows.
func (d *decoder) release() { d.bytes, d.rows, d.charges, d.room = nil, nil, nil, room{} }

// list is memory for charges of a row.
func (d *decoder) list(n int) []store.Charge {
	at := len(d.charges)
	if cap(d.charges)-at < n {
		at, d.charges = 0, make([]store.Charge, 0, n*(1+cap(d.rows)-len(d.rows))) // as many for each of the rows that follow
	}
	d.charges = d.charges[:at+n]
	return d.charges[at : at+n : at+n]
}

// read reads at most n bytes from an offset on: fewer at the end of a file.
func (d *decoder) read(r io.ReaderAt, offset, n int64) ([]byte, error) {
	d.bytes = slices.Grow(d.bytes[:0], int(n))[:n]
	got, err := r.ReadAt(d.bytes, offset)
	if err == io.EOF {
		err = nil
	}
	return d.bytes[:got], err
}

// row adds the row of a record.
func (d *decoder) row(text string) error {
	c := coder{reading: true, in: text, room: &d.room}
	if d.version < version {
		d.rows = append(d.rows, store.Row{})
		c.row(&d.rows[len(d.rows)-1])
	} else {
		part := d.part(&c)
		if part == nil {
			return errDamaged
		}
		d.rows = append(d.rows, *part)
		row := &d.rows[len(d.rows)-1]
		if n := len(part.Charges); n > 0 {
			row.Charges = d.list(n)
			copy(row.Charges, part.Charges)
		}
		c.own(row)
	}
	if c.bad || c.in != "" {
		d.rows = d.rows[:len(d.rows)-1]
		return errDamaged
	}
	return nil
}

// part reads the common part of a row, or finds it; nil if there is none.
func (d *decoder) part(c *coder) *store.Row {
	number := int64(0)
	c.integer(&number)
	n, known := number>>1, int64(len(d.parts))
	switch {
	case number < 0, number&1 == 0 && (n == 0 || n > known), n > known+1:
		c.bad = true
		return nil
	case number&1 == 0:
		return &d.parts[n-1]
	}
	text, part := "", store.Row{}
	c.text(&text)
	common := coder{reading: true, in: text, room: &d.room}
	if n > 0 { // it remains when what was read does not
		common.in, common.room = strings.Clone(text), &room{}
	}
	common.common(&part)
	if c.bad = c.bad || common.bad || common.in != ""; c.bad {
		return nil
	}
	switch {
	case n == 0:
		return &part
	case n > known:
		d.parts = append(d.parts, part)
	default: // it is read again
		d.parts[n-1] = part
	}
	return &d.parts[n-1]
}

// common is what many rows have in common.
func (c *coder) common(r *store.Row) {
	for _, s := range []*string{
		&r.CallType, &r.Key, &r.KeyAlias, &r.Model, &r.Deployment, &r.Group, &r.Provider, &r.User, &r.Customer, &r.Team,
		&r.Organization, &r.Address, &r.Code, &r.Region,
	} {
		c.text(s)
	}
	c.number(&r.Status)
	c.flag(&r.Cached)
	c.tags(r)
	if n := c.length(len(r.Charges)); c.reading && n > 0 {
		r.Charges = take(&c.room.charges, n)
		clear(r.Charges)
	}
	for i := range r.Charges {
		ch := &r.Charges[i]
		c.text(&ch.Counter)
		c.integer(&ch.Period)
		c.window(&ch.Window)
	}
}

// What a row has of its own that many have not, as bits of a number.
const (
	ownFirst int64 = 1 << iota
	ownCache
	ownSession
	ownMetadata
	ownCharges // units that are not the row's cost, or that do not come out of a share as a whole

	ownAll = ownCharges<<1 - 1
)

// fields are the fields that a row has of its own.
func fields(r *store.Row) (of int64) {
	if !r.First.IsZero() {
		of |= ownFirst
	}
	if r.CacheRead != 0 || r.CacheWrite != 0 {
		of |= ownCache
	}
	if r.Session != "" {
		of |= ownSession
	}
	if len(r.Metadata) > 0 {
		of |= ownMetadata
	}
	for i := range r.Charges {
		if ch := &r.Charges[i]; ch.Units != r.Cost || ch.Taken != r.Cost {
			of |= ownCharges
		}
	}
	return of
}

// own is what is a row's own.
func (c *coder) own(r *store.Row) {
	of := int64(0)
	if !c.reading {
		of = fields(r)
	}
	c.integer(&of)
	c.bad = c.bad || of&^ownAll != 0
	c.text(&r.RequestID)
	c.integer(&r.Cost)
	c.integer(&r.Input)
	c.integer(&r.Output)
	c.time(&r.Start)
	c.since(&r.End, r.Start)
	if of&ownFirst != 0 {
		c.since(&r.First, r.Start)
	}
	if of&ownCache != 0 {
		c.integer(&r.CacheRead)
		c.integer(&r.CacheWrite)
	}
	if of&ownSession != 0 {
		c.text(&r.Session)
	}
	if of&ownMetadata != 0 {
		c.bytes(&r.Metadata)
	}
	for i := range r.Charges {
		ch := &r.Charges[i]
		if c.reading {
			ch.Units, ch.Taken = r.Cost, r.Cost
		}
		if of&ownCharges != 0 {
			c.integer(&ch.Units)
			c.integer(&ch.Taken)
		}
	}
}
