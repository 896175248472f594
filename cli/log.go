package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Formats of the log.
const (
	logAuto = "auto" // text on a terminal, else JSON
	logJSON = "json"
	logText = "text"
)

// logStyle is the style of the log.
type logStyle struct {
	text   bool // short lines instead of JSON
	screen screen
}

// styleOf returns the style of a log that ends up in a stream, whatever buffers it.
func styleOf(stream io.Writer, format string) logStyle {
	s := screenOf(stream)
	return logStyle{text: format == logText || format == logAuto && s.terminal, screen: s}
}

// newLogger returns a logger that writes to w through newHandler.
func newLogger(w io.Writer, debug bool, style logStyle) *slog.Logger {
	return slog.New(newHandler(w, debug, style))
}

// newHandler returns a handler that writes to w: one JSON object per line, or short lines
// of text.
func newHandler(w io.Writer, debug bool, style logStyle) slog.Handler {
	level := slog.LevelInfo
	if debug {
		level = slog.LevelDebug
	}
	if style.text {
		return &lineHandler{out: &lines{w: w}, level: level, screen: style.screen}
	}
	return newJSONHandler(w, level)
}

// lines serializes the lines of concurrent loggers.
type lines struct {
	mu sync.Mutex
	w  io.Writer
}

// lineHandler writes short lines of text: for a call its status, model, region, time,
// tokens and cost; for any other record its message and attributes.
type lineHandler struct {
	out    *lines
	level  slog.Level
	screen screen
	attrs  []slog.Attr
	prefix string
}

// Enabled reports whether records of a level are written.
func (h *lineHandler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level }

// WithAttrs returns a handler that adds attributes to every record.
func (h *lineHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	with.attrs = append(append([]slog.Attr(nil), h.attrs...), attrs...)
	return &with
}

// WithGroup returns a handler that puts name before the names of later attributes.
func (h *lineHandler) WithGroup(name string) slog.Handler {
	with := *h
	with.prefix += name + "."
	return &with
}

// Handle writes a record.
func (h *lineHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	at := r.Time
	if at.IsZero() {
		at = time.Now()
	}
	b.WriteString(h.screen.paint(faint, at.Format(time.TimeOnly)) + " ")
	attrs := append([]slog.Attr(nil), h.attrs...)
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, slog.Attr{Key: h.prefix + a.Key, Value: a.Value.Resolve()})
		return true
	})
	switch {
	case r.Message == "call" && h.level > slog.LevelDebug:
		h.call(&b, attrs)
	default:
		b.WriteString(h.screen.paint(levelStyle(r.Level), r.Level.String()) + " " + r.Message)
		for _, a := range attrs {
			b.WriteString(" " + a.Key + "=" + quoted(a.Value))
		}
	}
	b.WriteByte('\n')
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	_, err := io.WriteString(h.out.w, b.String())
	return err
}

func levelStyle(l slog.Level) style {
	switch {
	case l >= slog.LevelError:
		return red
	case l >= slog.LevelWarn:
		return yellow
	default:
		return faint
	}
}

// quoted returns a value as one word, in quotes if needed.
func quoted(v slog.Value) string {
	text := v.String()
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == '"' || r == '=' || r == 0x7f }) {
		return strconv.Quote(text)
	}
	return text
}

// call writes the main facts of a call.
func (h *lineHandler) call(b *strings.Builder, attrs []slog.Attr) {
	of := map[string]slog.Value{}
	for _, a := range attrs {
		of[a.Key] = a.Value
	}
	text := func(key string) string {
		v, ok := of[key]
		if !ok {
			return ""
		}
		return oneLine(v.String())
	}
	status := text("status")
	how := green
	if of["code"].Kind() == slog.KindString {
		how = red
	}
	b.WriteString(h.screen.paint(how, status) + " " + text("model"))
	if region, id := targetOf(text("target")); region != "" {
		if id != "" && id != text("model") {
			b.WriteString(" -> " + id)
		}
		b.WriteString(" in " + region)
	}
	if v, ok := of["duration_ms"]; ok && v.Kind() == slog.KindFloat64 {
		b.WriteString(", " + time.Duration(v.Float64()*float64(time.Millisecond)).Round(time.Millisecond).String())
	}
	if text("prompt_tokens") != "" {
		b.WriteString(", " + text("prompt_tokens") + " + " + text("completion_tokens") + " tokens")
	}
	if v, ok := of["cost_usd"]; ok && v.Kind() == slog.KindFloat64 {
		b.WriteString(", $" + strconv.FormatFloat(v.Float64(), 'f', -1, 64))
	}
	if n := text("retries"); n != "" {
		b.WriteString(", retries: " + n)
	}
	if n := text("warnings"); n != "" {
		b.WriteString(", warnings: " + n)
	}
	if code := text("code"); code != "" {
		fmt.Fprintf(b, ": %s: %s", h.screen.paint(red, code), text("error"))
	}
}

// oneLine replaces line breaks and control characters in text that a client may have
// chosen.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
}

// targetOf returns the region and the id of a target in the log's format.
func targetOf(target string) (region, id string) {
	for part := range strings.SplitSeq(target, "; ") {
		if v, ok := strings.CutPrefix(part, "region="); ok {
			region = v
		}
		if v, ok := strings.CutPrefix(part, "id="); ok {
			id = v
		}
	}
	return region, id
}
