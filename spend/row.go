package spend

import (
	"encoding/binary"
	"time"

	"outcrop/store"
)

// coder writes a row, or reads it: the same methods do both, in the same order, so that what is written is what
// is read. A new field changes the version of the segments; fields are then read only from segments that have
// them.
type coder struct {
	out []byte
	// reading, and what has not been read; bad if it ended too early.
	reading bool
	in      string
	bad     bool
}

// appendRow appends a row as bytes.
func appendRow(b []byte, row *store.Row) []byte {
	c := coder{out: b}
	c.row(row)
	return c.out
}

// parseRow reads what appendRow has written into an empty row.
func parseRow(b []byte, row *store.Row) error {
	c := coder{reading: true, in: string(b)} // the row's texts share this one
	if c.row(row); c.bad || c.in != "" {
		return errDamaged
	}
	return nil
}

func (c *coder) row(r *store.Row) {
	for _, s := range []*string{
		&r.RequestID, &r.CallType, &r.Key, &r.KeyAlias, &r.Model, &r.Deployment, &r.Group, &r.Provider,
		&r.User, &r.Customer, &r.Team, &r.Organization, &r.Session, &r.Address, &r.Code,
	} {
		c.text(s)
	}
	for _, n := range []*int64{&r.Cost, &r.Input, &r.Output, &r.CacheRead, &r.CacheWrite} {
		c.integer(n)
	}
	for _, t := range []*time.Time{&r.Start, &r.First, &r.End} {
		c.time(t)
	}
	c.number(&r.Status)
	c.bytes(&r.Metadata)
	for i := range list(c, &r.Tags) {
		c.text(&r.Tags[i])
	}
	for i := range list(c, &r.Charges) {
		c.charge(&r.Charges[i])
	}
}

func (c *coder) charge(ch *store.Charge) {
	c.text(&ch.Counter)
	for _, n := range []*int64{&ch.Units, &ch.Taken, &ch.Period, (*int64)(&ch.Window.Length)} {
		c.integer(n)
	}
	c.time(&ch.Window.Anchor)
	c.number(&ch.Window.Days)
	c.number(&ch.Window.Months)
}

// list writes the length of a list, or reads it and makes the list.
func list[T any](c *coder, s *[]T) []T {
	n := int64(len(*s))
	c.integer(&n)
	if c.reading && n != 0 {
		if n < 0 || n > int64(len(c.in)) { // an element has at least one byte
			c.bad = true
			return nil
		}
		*s = make([]T, n)
	}
	return *s
}

func (c *coder) integer(n *int64) {
	if !c.reading {
		c.out = binary.AppendVarint(c.out, *n)
		return
	}
	u := uint64(0)
	for i := 0; i < len(c.in) && i < binary.MaxVarintLen64; i++ {
		b := c.in[i]
		if u |= uint64(b&0x7f) << (7 * i); b < 0x80 {
			c.in = c.in[i+1:]
			*n = int64(u>>1) ^ -int64(u&1)
			return
		}
	}
	c.bad, c.in = true, ""
}

func (c *coder) number(n *int) {
	wide := int64(*n)
	c.integer(&wide)
	*n = int(wide)
}

func (c *coder) text(s *string) {
	n := int64(len(*s))
	c.integer(&n)
	switch {
	case !c.reading:
		c.out = append(c.out, *s...)
	case n < 0 || n > int64(len(c.in)):
		c.bad, c.in = true, ""
	default:
		*s, c.in = c.in[:n], c.in[n:]
	}
}

func (c *coder) bytes(b *[]byte) {
	if !c.reading {
		c.out = binary.AppendVarint(c.out, int64(len(*b)))
		c.out = append(c.out, *b...)
		return
	}
	s := ""
	if c.text(&s); s != "" {
		*b = []byte(s)
	}
}

// yearOne is the zero time in seconds since 1970.
const yearOne = -62135596800

// time writes a time to the nanosecond. It is read in UTC.
func (c *coder) time(t *time.Time) {
	seconds, nanoseconds := t.Unix()-yearOne, int64(t.Nanosecond())
	c.integer(&seconds)
	c.integer(&nanoseconds)
	if c.reading {
		*t = time.Unix(seconds+yearOne, nanoseconds).UTC()
	}
}
