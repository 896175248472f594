package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"outcrop/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink is a writer that a test holds up or has fail.
type sink struct {
	mu   sync.Mutex
	b    bytes.Buffer
	hold chan struct{} // while open, writes wait; nil for never
	err  error
	fits int // bytes that are written of a write that fails
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	hold := s.hold
	s.mu.Unlock()
	if hold != nil {
		<-hold
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		s.b.Write(p[:min(len(p), s.fits)])
		return min(len(p), s.fits), s.err
	}
	return s.b.Write(p)
}

func (s *sink) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func notice(lost int64) []byte { return fmt.Appendf(nil, "lost %d\n", lost) }

func write(t *testing.T, q *telemetry.Queue, line string) {
	t.Helper()
	if n, err := io.WriteString(q, line); n != len(line) || err != nil {
		t.Errorf("Write gave %d, %v", n, err)
	}
}

func flush(t *testing.T, q *telemetry.Queue) {
	t.Helper()
	if err := q.Close(t.Context()); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func TestAQueueWritesWholeLinesInTheirOrder(t *testing.T) {
	var s sink
	q := telemetry.NewQueue(&s, notice)
	var all sync.WaitGroup
	for writer := range 4 {
		all.Go(func() {
			for i := range 500 {
				write(t, q, fmt.Sprintf("%d %d %s\n", writer, i, strings.Repeat("x", i%40)))
			}
		})
	}
	all.Wait()
	flush(t, q)
	next := map[int]int{}
	for line := range strings.Lines(s.String()) {
		var writer, i int
		var rest string
		_, _ = fmt.Sscanf(line, "%d %d %s", &writer, &i, &rest)
		if i != next[writer] || rest != strings.Repeat("x", i%40) {
			t.Fatalf("line %q comes after %d lines of its writer", line, next[writer])
		}
		next[writer]++
	}
	if len(next) != 4 || next[0]+next[1]+next[2]+next[3] != 2000 || q.Dropped() != 0 || q.Err() != nil {
		t.Errorf("%v lines, %d dropped, %v", next, q.Dropped(), q.Err())
	}
}

// Logging never blocks. Lines that do not fit are counted, and one line says
// how much was lost where it is missing.
func TestAStalledReaderCostsLinesAndNoTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sink{hold: make(chan struct{})}
		q := telemetry.NewQueue(&s, notice)
		line := strings.Repeat("y", 1023) + "\n"
		write(t, q, "first\n")
		synctest.Wait() // it is on its way
		for range 5000 {
			write(t, q, line)
		}
		synctest.Wait()
		lost := q.Dropped()
		if lost != 5000-1024 {
			t.Errorf("%d of 5000 lines of 1 KB are lost; a queue holds 1 MB", lost)
		}
		if err := q.Err(); !errors.Is(err, telemetry.ErrQueueFull) {
			t.Errorf("while it is full: %v", err)
		}
		close(s.hold)
		synctest.Wait()
		if err := q.Err(); err != nil {
			t.Errorf("when it flows again: %v", err)
		}
		write(t, q, "after\n")
		flush(t, q)
		got := s.String()
		if strings.Count(got, line) != int(5000-lost) || !strings.HasSuffix(got, fmt.Sprintf("y\nlost %d\nafter\n", lost)) || strings.Count(got, "lost") != 1 {
			t.Errorf("%d lines, %d lost, ends with %q", strings.Count(got, line), lost, got[max(0, len(got)-60):])
		}
	})
}

func TestAWriteThatTakesLongIsAStallBeforeAnythingIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sink{hold: make(chan struct{})}
		q := telemetry.NewQueue(&s, notice)
		write(t, q, "a\n")
		time.Sleep(4 * time.Second)
		if err := q.Err(); err != nil {
			t.Errorf("after 4 s: %v", err)
		}
		time.Sleep(2 * time.Second)
		if err := q.Err(); !errors.Is(err, telemetry.ErrQueueStalled) || q.Dropped() != 0 {
			t.Errorf("after 6 s: %v, %d dropped", err, q.Dropped())
		}
		close(s.hold)
		flush(t, q)
		if q.Err() != nil || s.String() != "a\n" {
			t.Errorf("at last: %v, %q", q.Err(), s.String())
		}
	})
}

// A writer that fails is tried again without a new line, too: what is not ready
// gets no calls that would make one.
func TestAWriterThatFailsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sink{err: syscall.ENOSPC, fits: 3}
		q := telemetry.NewQueue(&s, notice)
		write(t, q, "a\nb\nc\n")
		synctest.Wait()
		if err := q.Err(); !errors.Is(err, syscall.ENOSPC) || q.Dropped() != 2 {
			t.Errorf("%v, %d dropped", err, q.Dropped())
		}
		s.mu.Lock()
		s.fits = 0
		s.mu.Unlock()
		time.Sleep(time.Minute) // the probes fail too, and count for nothing
		if q.Dropped() != 2 {
			t.Errorf("%d dropped", q.Dropped())
		}
		s.fail(nil)
		time.Sleep(time.Minute)
		if err := q.Err(); err != nil || s.String() != "a\nblost 2\n" {
			t.Errorf("%v, %q", err, s.String())
		}
		flush(t, q)
	})
}

func TestCloseFlushesWithinItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sink{hold: make(chan struct{})}
		q := telemetry.NewQueue(&s, notice)
		write(t, q, "a\n")
		synctest.Wait()
		write(t, q, "b\n")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if err := q.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("Close gave %v after %v", err, time.Since(began))
		}
		write(t, q, "late\n")
		if q.Dropped() != 1 {
			t.Errorf("%d dropped", q.Dropped())
		}
		close(s.hold)
		flush(t, q)
		if got := s.String(); got != "a\nb\nlost 1\n" {
			t.Errorf("got %q", got)
		}
	})
}

func TestALogSaysWhatItLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sink{err: errors.New("no")}
		log := telemetry.NewLog(&s, jsonLines)
		log.Logger.Debug("not at this level")
		log.Logger.Info("lost")
		synctest.Wait()
		s.fail(nil)
		log.Logger.Info("kept")
		flush(t, log.Queue)
		got := s.String()
		if lines := strings.Count(got, "\n"); lines != 2 || !strings.Contains(got, `"msg":"kept"`) || !strings.Contains(got, `"level":"WARN"`) || !strings.Contains(got, `"lines":1}`) {
			t.Errorf("got %s", got)
		}
	})
}

func TestCountersStandAtZeroBeforeTheFirstCall(t *testing.T) {
	r := telemetry.NewRecorder(slog.New(slog.DiscardHandler))
	r.Expect("chat", "granite", "basalt")
	for _, want := range []string{
		`outcrop_requests_total{code="",door="chat",model="granite",status="200"} 0`,
		`outcrop_retries_total{code="",model="basalt"} 0`,
		`outcrop_tokens_total{kind="cache_read",model="granite"} 0`,
		`outcrop_cost_usd_total{model="granite"} 0`,
		"outcrop_log_lines_dropped_total 0",
	} {
		if all := scrape(r, "outcrop_"); !strings.Contains(all, want+"\n") {
			t.Errorf("%s is missing in\n%s", want, all)
		}
	}
	s := sink{err: errors.New("no")}
	log := telemetry.NewLog(&s, jsonLines)
	r.WatchLog(log)
	log.Logger.Info("lost")
	if err := log.Close(t.Context()); err == nil {
		t.Error("Close does not say that the line was lost")
	}
	if got := scrape(r, "outcrop_log"); got != "outcrop_log_lines_dropped_total 1\n" {
		t.Errorf("got %s", got)
	}
}

func jsonLines(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) }
