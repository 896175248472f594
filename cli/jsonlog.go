package cli

import (
	"context"
	"io"
	"log/slog"
	"math"
	"strconv"
	"sync"
	"time"

	"outcrop/internal/jsonx"
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
	buf, _ := h.out.buffers.Get().(*[]byte)
	if buf == nil {
		buf = new([]byte)
	}
	defer h.out.buffers.Put(buf)
	b := append((*buf)[:0], `{"time":`...)
	b, known := appendValue(b, slog.TimeValue(r.Time))
	b = append(b, `,"level":"`...)
	b = append(b, r.Level.String()...)
	b = append(b, `","msg":`...)
	b = jsonx.AppendString(b, r.Message)
	r.Attrs(func(a slog.Attr) bool {
		b = append(b, ',')
		b = append(jsonx.AppendString(b, a.Key), ':')
		var ok bool
		b, ok = appendValue(b, a.Value)
		known = known && ok && a.Key != ""
		return known
	})
	*buf = b
	if !known {
		return h.other.Handle(ctx, r)
	}
	*buf = append(b, '}', '\n')
	_, err := h.out.Write(*buf)
	return err
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
