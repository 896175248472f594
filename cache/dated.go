package cache

import (
	"bytes"
	"strconv"
	"time"
)

// mostDate is the longest line that Dated puts in front of a value.
const mostDate = 32

// Dated is a value with the end of its time in a line in front, for stores that forget nothing by themselves; ttl 0 is for without an end.
func Dated(value []byte, now time.Time, ttl time.Duration) []byte {
	var ends int64
	if ttl > 0 {
		ends = now.Add(ttl).UnixMilli()
	}
	out := make([]byte, 0, mostDate+len(value))
	out = strconv.AppendInt(out, ends, 10)
	out = append(out, '\n')
	return append(out, value...)
}

// Undated is the value of Dated; nil if its time is over, or if it is none.
func Undated(dated []byte, now time.Time) []byte {
	line, value, ok := bytes.Cut(dated, []byte{'\n'})
	if !ok || len(line) > mostDate {
		return nil
	}
	ends, err := strconv.ParseInt(string(line), 10, 64)
	if err != nil || ends < 0 || ends > 0 && now.UnixMilli() >= ends {
		return nil
	}
	return value
}
