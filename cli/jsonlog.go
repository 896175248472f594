package cli

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"math"
	"strconv"
	"sync"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/internal/second"
)

// jsonHandler writes records as slog.JSONHandler does, which it asks for those that have anything but names with texts, numbers and
// times. There is a line for each call, and slog's takes more than twice as long for it.
type jsonHandler struct {
	out   *jsonLines
	level slog.Level
	other slog.Handler
	plain bool // there are no attributes of the handler's own
}

// jsonLines is where the lines go.
type jsonLines struct {
	lines
	buffers sync.Pool // of *[]byte
	last    second.Of[ends]
}

// ends are how times of a second are written, before and after the fraction.
type ends struct{ front, back string }

func endsOf(t time.Time) ends {
	return ends{t.Format(`"2006-01-02T15:04:05`), t.Format(`Z07:00"`)}
}

// appendTime appends a time as time.RFC3339Nano has it, in quotation marks. Many lines are of the same second.
func (l *jsonLines) appendTime(b []byte, t time.Time) []byte {
	s := l.last.At(t, endsOf)
	b = append(b, s.front...)
	if fraction := t.Nanosecond(); fraction != 0 {
		const digits = 1_000_000_000
		from := len(b)
		b = strconv.AppendInt(b, int64(digits+fraction), 10)
		b[from] = '.' // in place of the first digit, which is 1
		b = bytes.TrimRight(b, "0")
	}
	return append(b, s.back...)
}

// Write writes a line.
func (l *jsonLines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(line)
}

func newJSONHandler(w io.Writer, level slog.Level) *jsonHandler {
	out := &jsonLines{lines: lines{w: w}}
	return &jsonHandler{out: out, level: level, other: slog.NewJSONHandler(out, &slog.HandlerOptions{Level: level}), plain: true}
}

// Enabled reports whether records of a level are written.
func (h *jsonHandler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level }

// WithAttrs returns a handler that adds attributes to every record.
func (h *jsonHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &jsonHandler{out: h.out, level: h.level, other: h.other.WithAttrs(attrs)}
}

// WithGroup returns a handler that puts later attributes into an object.
func (h *jsonHandler) WithGroup(name string) slog.Handler {
	return &jsonHandler{out: h.out, level: h.level, other: h.other.WithGroup(name)}
}

// Handle writes a record.
func (h *jsonHandler) Handle(ctx context.Context, r slog.Record) error {
	if !h.plain || r.Time.IsZero() {
		return h.other.Handle(ctx, r)
	}
	buf := h.out.buffer()
	defer h.out.buffers.Put(buf)
	b, known := h.out.appendHead(*buf, r.Time, r.Level, r.Message)
	r.Attrs(func(a slog.Attr) bool {
		var ok bool
		b, ok = appendAttr(b, &a)
		known = known && ok
		return known
	})
	if *buf = b; !known {
		return h.other.Handle(ctx, r)
	}
	return h.out.end(buf)
}

// WriteLine writes a record from its parts.
func (h *jsonHandler) WriteLine(t time.Time, level slog.Level, msg string, attrs []slog.Attr) error {
	if h.plain {
		buf := h.out.buffer()
		defer h.out.buffers.Put(buf)
		b, known := h.out.appendHead(*buf, t, level, msg)
		for i := 0; i < len(attrs) && known; i++ {
			b, known = appendAttr(b, &attrs[i])
		}
		if *buf = b; known {
			return h.out.end(buf)
		}
	}
	r := slog.NewRecord(t, level, msg, 0)
	r.AddAttrs(attrs...)
	return h.other.Handle(context.Background(), r)
}

// buffer returns memory for a line.
func (l *jsonLines) buffer() *[]byte {
	if buf, ok := l.buffers.Get().(*[]byte); ok {
		*buf = (*buf)[:0]
		return buf
	}
	return new([]byte)
}

// end ends a line and writes it.
func (l *jsonLines) end(buf *[]byte) error {
	*buf = append(*buf, '}', '\n')
	_, err := l.Write(*buf)
	return err
}

// appendHead appends the beginning of a line; false if it is left to slog.
func (l *jsonLines) appendHead(b []byte, t time.Time, level slog.Level, msg string) ([]byte, bool) {
	if y := t.Year(); y < 0 || y > 9999 {
		return b, false
	}
	b = l.appendTime(append(b, `{"time":`...), t)
	b = append(append(b, `,"level":"`...), level.String()...)
	return jsonx.AppendString(append(b, `","msg":`...), msg), true
}

// appendAttr appends an attribute; false if it is left to slog.
func appendAttr(b []byte, a *slog.Attr) ([]byte, bool) {
	b = append(jsonx.AppendString(append(b, ','), a.Key), ':')
	b, ok := appendValue(b, a.Value)
	return b, ok && a.Key != ""
}

// appendValue appends a value in JSON; false if it is of a kind that is left to slog.
func appendValue(b []byte, v slog.Value) ([]byte, bool) {
	switch v.Kind() {
	case slog.KindString:
		return jsonx.AppendString(b, v.String()), true
	case slog.KindInt64:
		return strconv.AppendInt(b, v.Int64(), 10), true
	case slog.KindUint64:
		return strconv.AppendUint(b, v.Uint64(), 10), true
	case slog.KindBool:
		return strconv.AppendBool(b, v.Bool()), true
	case slog.KindDuration:
		return strconv.AppendInt(b, int64(v.Duration()), 10), true
	case slog.KindFloat64:
		f := v.Float64()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return b, false
		}
		return jsonx.AppendFloat(b, f), true
	case slog.KindTime:
		t := v.Time()
		if y := t.Year(); y < 0 || y > 9999 {
			return b, false
		}
		b = t.AppendFormat(append(b, '"'), time.RFC3339Nano)
		return append(b, '"'), true
	case slog.KindAny, slog.KindGroup, slog.KindLogValuer:
	}
	return b, false
}
