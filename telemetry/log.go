package telemetry

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"time"
)

// LogState says how the log fares. A *Log is one.
type LogState interface {
	// Dropped is how many lines were lost so far.
	Dropped() int64
	// Err says why lines are being lost, or are about to be; nil while they flow.
	Err() error
}

// Log is a log whose reader nobody has to wait for.
type Log struct {
	*Queue
	Logger *slog.Logger
}

// NewLog makes a log on w; Close flushes and ends it. The handler that write makes
// says what a line looks like, and which levels there are.
func NewLog(w io.Writer, write func(io.Writer) slog.Handler) *Log {
	q := NewQueue(w, func(lost int64) []byte {
		var b bytes.Buffer
		r := slog.NewRecord(time.Now(), slog.LevelWarn, "log lines were dropped: they came faster than the log could be written", 0)
		r.AddAttrs(slog.Int64("lines", lost))
		_ = write(&b).Handle(context.Background(), r) // a buffer takes everything
		return b.Bytes()
	})
	return &Log{Logger: slog.New(write(q)), Queue: q}
}
