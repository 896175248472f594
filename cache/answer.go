package cache

import (
	"encoding/binary"
	"time"

	"outcrop/llm"
)

// Answer is what is kept of a call.
type Answer struct {
	// Made is when the answer was complete.
	Made time.Time
	// Model is the model as the request named it, which the answer repeats.
	Model string
	// Deployment and Destination are what the call was served by, and Stop is the provider's reason to stop.
	Deployment  string
	Destination llm.Destination
	Stop        string
	// Input, Output, Read and Write are the tokens of the call, and Cost is what it cost.
	Input, Output, Read, Write int64
	Cost                       llm.Cost
	// Warnings are those of the call.
	Warnings []llm.Warning
	// Body is the answer as it was sent: a document, or the events of a stream.
	Body []byte
}

// Age is how old the answer is.
func (a *Answer) Age(now time.Time) time.Duration { return max(0, now.Sub(a.Made)) }

// form is the first byte of an encoded answer. Answers in another form are not read.
const form = 1

// Append appends the answer as stores keep it.
func (a *Answer) Append(dst []byte) []byte {
	from := len(dst)
	dst = append(dst, form, 0, 0, 0, 0)
	for _, n := range [...]int64{a.Made.UnixMilli(), a.Input, a.Output, a.Read, a.Write, int64(a.Cost)} {
		dst = binary.AppendVarint(dst, n)
	}
	d := &a.Destination
	for _, s := range [...]string{a.Model, a.Deployment, a.Stop, d.Provider, d.API, d.Region, d.ID, d.Reason, d.Note} {
		dst = appendText(dst, s)
	}
	dst = binary.AppendUvarint(dst, uint64(len(a.Warnings)))
	for i := range a.Warnings {
		w := &a.Warnings[i]
		dst = appendText(appendText(appendText(dst, w.Code), w.Field), w.Detail)
	}
	binary.LittleEndian.PutUint32(dst[from+1:], uint32(len(dst)-from-before))
	return append(dst, a.Body...)
}

// before is the length of what is before the description of an answer: its form, and the length of the description.
const before = 5

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// Parse reads an answer that Append has written. Its body shares memory with data. It reports false for anything else, such
// as a value that another program, or another release, has put there.
func Parse(data []byte) (*Answer, bool) {
	if len(data) < before || data[0] != form {
		return nil, false
	}
	n := uint64(binary.LittleEndian.Uint32(data[1:]))
	if n > uint64(len(data)-before) {
		return nil, false
	}
	r := reader{rest: string(data[before : before+n])} // texts share it
	a := &Answer{}
	made := int64(0)
	for _, to := range [...]*int64{&made, &a.Input, &a.Output, &a.Read, &a.Write, (*int64)(&a.Cost)} {
		*to = r.number()
	}
	d := &a.Destination
	for _, to := range [...]*string{&a.Model, &a.Deployment, &a.Stop, &d.Provider, &d.API, &d.Region, &d.ID, &d.Reason, &d.Note} {
		*to = r.text()
	}
	for n := r.length(); n > 0 && !r.bad; n-- {
		a.Warnings = append(a.Warnings, llm.Warning{Code: r.text(), Field: r.text(), Detail: r.text()})
	}
	a.Made, a.Body = time.UnixMilli(made), data[before+n:]
	return a, !r.bad && r.rest == ""
}

// reader reads an encoded answer.
type reader struct {
	rest string
	bad  bool
}

func (r *reader) number() int64 {
	u := r.length()
	n := int64(u >> 1)
	if u&1 != 0 {
		n = ^n
	}
	return n
}

func (r *reader) length() (n uint64) {
	for i := 0; i < len(r.rest) && i < binary.MaxVarintLen64; i++ {
		b := r.rest[i]
		if n |= uint64(b&0x7f) << (7 * i); b < 0x80 {
			r.rest = r.rest[i+1:]
			return n
		}
	}
	r.bad = true
	return 0
}

func (r *reader) text() string {
	n := r.length()
	if r.bad || n > uint64(len(r.rest)) {
		r.bad = true
		return ""
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}
