package telemetry

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"time"
)

// LogState reports the health of the log. A *Log is one.
type LogState interface {
	// Dropped is the number of lines lost so far.
	Dropped() int64
	// Err reports why lines are being lost, or are about to be; nil while writing succeeds.
	Err() error
}

// Log is a log that never blocks on its writer.
type Log struct {
	*Queue
	Logger *slog.Logger
}

// NewLog makes a log on w; Close flushes and ends it. write makes the handler that determines the
// format of lines and the levels.
func NewLog(w io.Writer, write func(io.Writer) slog.Handler) *Log {
	q := NewQueue(w, func(lost int64) []byte {
		var b bytes.Buffer
		r := slog.NewRecord(time.Now(), slog.LevelWarn, "log lines were dropped: they came faster than the log could be written", 0)
		r.AddAttrs(slog.Int64("lines", lost))
		_ = write(&b).Handle(context.Background(), r) // writing to a buffer never fails
		return b.Bytes()
	})
	return &Log{Logger: slog.New(write(q)), Queue: q}
}
