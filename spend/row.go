package spend

import (
	"encoding/binary"
	"time"

	"outcrop/quota"
	"outcrop/store"
)

// coder writes a row, or reads it: the same methods do both, in the same order, so that what is written is what
// is read. A new field of the part that rows share changes the version of the segments; fields are then read only from
// segments that have them.
type coder struct {
	out []byte
	// reading, and what has not been read; bad if it ended too early.
	reading bool
	in      string
	bad     bool
	room    *room // for the lists of rows that are read
}

// room is memory for the lists of many rows: a list each would be a third of what reading costs.
type room struct {
	tags    []string
	charges []store.Charge
}

// take returns a list of n elements out of the free ones, of which it makes more if there are too few.
func take[T any](free *[]T, n int) []T {
	if len(*free) < n {
		*free = make([]T, max(n, 256))
	}
	list := (*free)[:n:n]
	*free = (*free)[n:]
	return list
}

// row is a row of version 1.
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
	c.tags(r)
	if n := c.length(len(r.Charges)); c.reading && n > 0 {
		r.Charges = take(&c.room.charges, n)
	}
	for i := range r.Charges {
		c.charge(&r.Charges[i])
	}
	c.end(r)
}

// What the end of a row has, as bits of a number.
const (
	endCached int64 = 1 << iota
	endRegion
)

// end is what later releases have added, and is there only for rows that have some of it: first which fields, and then these.
// Releases without a response cache ended before it.
func (c *coder) end(r *store.Row) {
	fields := int64(0)
	if r.Cached {
		fields |= endCached
	}
	if r.Region != "" {
		fields |= endRegion
	}
	if c.reading {
		if c.in == "" {
			return
		}
		c.integer(&fields)
		r.Cached = fields&endCached != 0
		c.bad = c.bad || fields <= 0 || fields&^(endCached|endRegion) != 0
	} else if fields != 0 {
		c.integer(&fields)
	}
	if fields&endRegion != 0 {
		c.text(&r.Region)
		c.bad = c.bad || r.Region == ""
	}
}

func (c *coder) tags(r *store.Row) {
	if n := c.length(len(r.Tags)); c.reading && n > 0 {
		r.Tags = take(&c.room.tags, n)
	}
	for i := range r.Tags {
		c.text(&r.Tags[i])
	}
}

func (c *coder) charge(ch *store.Charge) {
	c.text(&ch.Counter)
	for _, n := range []*int64{&ch.Units, &ch.Taken, &ch.Period} {
		c.integer(n)
	}
	c.window(&ch.Window)
}

// window is that of a counter of money, which does not slide: its Slice is 0.
func (c *coder) window(w *quota.Window) {
	c.integer((*int64)(&w.Length))
	c.time(&w.Anchor)
	c.number(&w.Days)
	c.number(&w.Months)
}

// length writes the length of a list, or reads it.
func (c *coder) length(of int) int {
	n := int64(of)
	c.integer(&n)
	if n < 0 || c.reading && n > int64(len(c.in)) { // an element has at least one byte
		c.bad = true
		return 0
	}
	return int(n)
}

func (c *coder) integer(n *int64) {
	if !c.reading {
		c.write(*n)
		return
	}
	if c.in != "" && c.in[0] < 0x80 { // most are
		u := int64(c.in[0])
		*n, c.in = u>>1^-(u&1), c.in[1:]
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

// write writes a number, which is one byte if it is small, as most are.
func (c *coder) write(n int64) {
	if u := uint64(n)<<1 ^ uint64(n>>63); u < 0x80 {
		c.out = append(c.out, byte(u))
		return
	}
	c.out = binary.AppendVarint(c.out, n)
}

func (c *coder) flag(f *bool) {
	n := int64(0)
	if *f {
		n = 1
	}
	c.integer(&n)
	*f = n != 0
	c.bad = c.bad || n&^1 != 0
}

func (c *coder) number(n *int) {
	wide := int64(*n)
	c.integer(&wide)
	*n = int(wide)
}

func (c *coder) text(s *string) {
	if !c.reading {
		c.write(int64(len(*s)))
		c.out = append(c.out, *s...)
		return
	}
	n := int64(0)
	c.integer(&n)
	switch {
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
	if c.reading && len(c.in) > 1 && c.in[0]|c.in[1] == 0 { // the zero time, which most are
		*t, c.in = time.Time{}, c.in[2:]
		return
	}
	seconds, nanoseconds := t.Unix()-yearOne, int64(t.Nanosecond())
	c.integer(&seconds)
	c.integer(&nanoseconds)
	if c.reading {
		*t = time.Unix(seconds+yearOne, nanoseconds).UTC()
	}
}

// since writes a time by what has passed since another, which takes less.
func (c *coder) since(t *time.Time, start time.Time) {
	seconds, nanoseconds := t.Unix()-start.Unix(), int64(t.Nanosecond()-start.Nanosecond())
	c.integer(&seconds)
	c.integer(&nanoseconds)
	if c.reading {
		*t = time.Unix(start.Unix()+seconds, int64(start.Nanosecond())+nanoseconds).UTC()
	}
}
