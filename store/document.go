package store

import (
	"fmt"
	"math"
	"slices"
	"time"

	"outcrop/internal/jsonx"
)

// The document of a block of one call is a JSON object with the names of Row. That of a block of several has what is the same
// for all of them once:
//
//	{"all":{"api_key":"5b2e…","model":"amazon.nova-pro-v1:0"},"calls":[{"request_id":"0197…","times":[1790000000123456789,812000000]},{…}]}
//
// so that it is a third as long. Blocks of earlier releases are an array of the objects.

// A row's times are nanoseconds: when it began since 1970, and since then when it ended and, of a stream, when the first content
// came. Times that have no such form are texts in their own members.
const (
	timeStart = iota
	timeEnd
	timeFirst
)

// text is a member that is a text.
type text struct {
	name string
	of   func(*Row) *string
}

// number is a member that is a number, but for the status.
type number struct {
	name string
	of   func(*Row) *int64
}

var (
	texts = [...]text{
		{"request_id", func(r *Row) *string { return &r.RequestID }},
		{"call_type", func(r *Row) *string { return &r.CallType }},
		{"api_key", func(r *Row) *string { return &r.Key }},
		{"key_alias", func(r *Row) *string { return &r.KeyAlias }},
		{"model", func(r *Row) *string { return &r.Model }},
		{"model_id", func(r *Row) *string { return &r.Deployment }},
		{"model_group", func(r *Row) *string { return &r.Group }},
		{"provider", func(r *Row) *string { return &r.Provider }},
		{"user", func(r *Row) *string { return &r.User }},
		{"end_user", func(r *Row) *string { return &r.Customer }},
		{"team_id", func(r *Row) *string { return &r.Team }},
		{"organization_id", func(r *Row) *string { return &r.Organization }},
		{"session_id", func(r *Row) *string { return &r.Session }},
		{"requester_ip_address", func(r *Row) *string { return &r.Address }},
		{"code", func(r *Row) *string { return &r.Code }},
		{"region", func(r *Row) *string { return &r.Region }},
	}
	numbers = [...]number{
		{"cost", func(r *Row) *int64 { return &r.Cost }},
		{"prompt_tokens", func(r *Row) *int64 { return &r.Input }},
		{"completion_tokens", func(r *Row) *int64 { return &r.Output }},
		{"cache_read", func(r *Row) *int64 { return &r.CacheRead }},
		{"cache_write", func(r *Row) *int64 { return &r.CacheWrite }},
	}
)

// members are some of a row's: a bit for each of texts, numbers, and the others.
type members uint32

const (
	memberStatus members = 1 << (len(texts) + len(numbers) + iota)
	memberTags
	memberMetadata
	memberCached
	memberTimes

	allMembers = memberTimes<<1 - 1
)

func textMember(i int) members   { return 1 << i }
func numberMember(i int) members { return 1 << (len(texts) + i) }

// same are the members that are equal in all rows.
func same(rows []*Row) members {
	m := allMembers &^ memberTimes
	first := rows[0]
	for _, r := range rows[1:] {
		for i := range texts {
			if m&textMember(i) != 0 && *texts[i].of(r) != *texts[i].of(first) {
				m &^= textMember(i)
			}
		}
		for i := range numbers {
			if m&numberMember(i) != 0 && *numbers[i].of(r) != *numbers[i].of(first) {
				m &^= numberMember(i)
			}
		}
		if r.Status != first.Status {
			m &^= memberStatus
		}
		if r.Cached != first.Cached {
			m &^= memberCached
		}
		if m&memberTags != 0 && !slices.Equal(r.Tags, first.Tags) {
			m &^= memberTags
		}
		if m&memberMetadata != 0 && string(r.Metadata) != string(first.Metadata) {
			m &^= memberMetadata
		}
	}
	return m
}

// document is the JSON of rows, without their charges, which are in the counters. A row is posted whatever it has: texts that
// are not UTF-8 are repaired.
func document(rows ...*Row) string {
	w := jsonx.Writer{Buf: make([]byte, 0, 480+200*len(rows))}
	if len(rows) == 1 {
		writeRow(&w, rows[0], allMembers)
		return string(w.Buf)
	}
	all := same(rows)
	w.Object()
	w.Key("all")
	writeRow(&w, rows[0], all)
	w.Key("calls")
	w.Array()
	for _, r := range rows {
		writeRow(&w, r, allMembers&^all)
	}
	w.EndArray()
	w.EndObject()
	return string(w.Buf)
}

// writeRow writes some members of a row, if they are not empty.
func writeRow(w *jsonx.Writer, r *Row, which members) {
	w.Object()
	for i := range texts {
		if which&textMember(i) == 0 {
			continue
		}
		if value := *texts[i].of(r); value != "" {
			w.Key(texts[i].name)
			w.String(value)
		}
	}
	for i := range numbers {
		if which&numberMember(i) == 0 {
			continue
		}
		if value := *numbers[i].of(r); value != 0 {
			w.Key(numbers[i].name)
			w.Int(value)
		}
	}
	if r.Status != 0 && which&memberStatus != 0 {
		w.Key("status")
		w.Int(int64(r.Status))
	}
	if r.Cached && which&memberCached != 0 {
		w.Key("cache_hit")
		w.Bool(true)
	}
	if len(r.Tags) > 0 && which&memberTags != 0 {
		w.Key("request_tags")
		w.Array()
		for _, tag := range r.Tags {
			w.String(tag)
		}
		w.EndArray()
	}
	if len(r.Metadata) > 0 && which&memberMetadata != 0 {
		w.Key("metadata")
		if jsonx.Valid(r.Metadata) {
			w.Raw(r.Metadata)
		} else {
			w.String(string(r.Metadata))
		}
	}
	if which&memberTimes != 0 {
		writeTimes(w, r)
	}
	w.EndObject()
}

func writeTimes(w *jsonx.Writer, r *Row) {
	took, first := r.End.Sub(r.Start), r.First.Sub(r.Start)
	if numbered(r.Start) && r.Start.Add(took).Equal(r.End) && (r.First.IsZero() || r.Start.Add(first).Equal(r.First)) {
		w.Key("times")
		w.Array()
		w.Int(r.Start.UnixNano())
		w.Int(int64(took))
		if !r.First.IsZero() {
			w.Int(int64(first))
		}
		w.EndArray()
		return
	}
	writeMoment(w, "start", r.Start)
	writeMoment(w, "first", r.First)
	writeMoment(w, "end", r.End)
}

// numbered reports whether a time is a number of nanoseconds since 1970 (time.Time.UnixNano).
func numbered(t time.Time) bool {
	s := t.Unix()
	return s > math.MinInt64/int64(time.Second) && s < math.MaxInt64/int64(time.Second)
}

func writeMoment(w *jsonx.Writer, name string, at time.Time) {
	at = at.UTC()
	if year := at.Year(); !at.IsZero() && year >= 0 && year <= 9999 { // others have no form in RFC 3339
		var text [len(time.RFC3339Nano) + 2]byte
		w.Key(name)
		w.Raw(append(at.AppendFormat(append(text[:0], '"'), time.RFC3339Nano), '"'))
	}
}

// row is a Row as its document has it.
type row struct {
	Row

	Metadata jsonx.Raw `json:"metadata,omitzero"`
	Times    []int64   `json:"times,omitzero"`
}

// whole is the Row itself.
func (r *row) whole() Row {
	r.Row.Metadata, r.Charges = r.Metadata, nil
	if n := len(r.Times); n > timeEnd {
		r.Start = time.Unix(0, r.Times[timeStart]).UTC()
		r.End = r.Start.Add(time.Duration(r.Times[timeEnd]))
		if n > timeFirst {
			r.First = r.Start.Add(time.Duration(r.Times[timeFirst]))
		}
	}
	return r.Row
}

// parseBlock reads the document of a block.
func parseBlock(doc []byte) ([]Row, error) {
	rows, err := rowsIn(doc)
	if err != nil {
		return nil, fmt.Errorf("a row of the spend log: %w", err)
	}
	whole := make([]Row, len(rows))
	for i := range rows {
		whole[i] = rows[i].whole()
	}
	return whole, nil
}

func rowsIn(doc []byte) (rows []row, err error) {
	if len(doc) > 0 && doc[0] == '[' {
		err = jsonx.Unmarshal(doc, &rows)
		return rows, err
	}
	var block struct { // a row's own members are those of a block of one call
		row

		All   *row        `json:"all"`
		Calls []jsonx.Raw `json:"calls"`
	}
	if err := jsonx.Unmarshal(doc, &block); err != nil {
		return nil, err
	}
	if block.All == nil {
		return []row{block.row}, nil
	}
	rows = make([]row, len(block.Calls))
	for i, call := range block.Calls {
		rows[i] = *block.All
		if err := jsonx.Unmarshal(call, &rows[i]); err != nil {
			return nil, err
		}
	}
	return rows, nil
}
