package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// How many streams are to be held for long, and how many files a process may have open besides the two sockets of each.
const (
	manyLong   = 10_000
	otherFiles = 200
)

// longStreams holds as many streams in one Outcrop as the limit of open files allows, each with an event now and then, and reads its
// memory after each minute. At the end each stream must have all of its events.
func longStreams(ctx context.Context, b *bench) ([]line, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return nil, err
	}
	streams := manyLong
	if limit.Max < 2*manyLong+otherFiles {
		streams = (int(limit.Max) - otherFiles) / 2
	}
	if b.quick {
		streams = 1000
	}
	l, err := b.holdLong(ctx, b.two()[0], streams)
	if err != nil {
		return nil, err
	}
	return []line{l.report(b.hold, b.every)}, nil
}

// longHeld is what was seen of streams that were held for long.
type longHeld struct {
	streams, beats, files, goroutines int

	idle, ended footprint   // before the first stream, and when all have ended
	open        []footprint // when all were open, and after each minute
}

// footprint is the memory of a process in bytes.
type footprint struct{ rss, anonymous int64 }

func (p *process) footprint() (f footprint, err error) {
	if f.rss, err = p.rss(); err != nil {
		return f, err
	}
	f.anonymous, err = p.anonymous()
	return f, err
}

// report makes a line of what was seen.
func (l *longHeld) report(held, every time.Duration) line {
	var each []float64
	var rss []string
	for _, f := range l.open {
		each = append(each, float64(f.anonymous-l.idle.anonymous)/1e3/float64(l.streams))
		rss = append(rss, fmt.Sprintf("%.0f", float64(f.rss)/1e6))
	}
	return line{
		What: fmt.Sprintf("%d streams held for %v: RSS per stream", l.streams, held), Unit: "KB", Outcrop: spreadOf(each), Limit: limitHeld, Alone: true,
		Note: fmt.Sprintf("RSS %.0f MB before, %s MB when all were open and after each minute, %.0f MB after their end; %d goroutines, %d files open; an event for each every %v, %d in all; every stream was complete",
			float64(l.idle.rss)/1e6, strings.Join(rss, ", "), float64(l.ended.rss)/1e6, l.goroutines, l.files, every, l.beats),
	}
}

// holdLong opens streams in a server, holds them, and ends them.
func (b *bench) holdLong(ctx context.Context, s server, streams int) (l longHeld, err error) {
	l.streams = streams
	running, err := s.run(ctx, kind{model: modelLong, stream: true})
	if err != nil {
		return l, err
	}
	defer func() { err = errors.Join(err, running.stop()) }()
	if err := closedLoop(ctx, running.address, s.asked(kind{model: modelBurst, stream: true}), 1, 16); err != nil {
		return l, err
	}
	if err := pause(ctx, b.settle); err != nil {
		return l, err
	}
	if l.idle, err = running.footprint(); err != nil {
		return l, err
	}
	clients, err := hold(ctx, running.address, running.traffic, streams)
	defer clients.close()
	if err != nil {
		return l, err
	}
	for left := b.hold; ; left -= time.Minute {
		f, err := running.footprint()
		if err != nil {
			return l, err
		}
		if l.open = append(l.open, f); left <= 0 {
			break
		}
		if err := pause(ctx, min(left, time.Minute)); err != nil {
			return l, err
		}
	}
	if l.files, _, err = running.files(); err != nil {
		return l, err
	}
	if l.goroutines, err = running.goroutines(ctx); err != nil {
		return l, err
	}
	if err := b.endLong(ctx, clients, &running, &l); err != nil {
		return l, err
	}
	if err := pause(ctx, b.settle); err != nil {
		return l, err
	}
	l.ended, err = running.footprint()
	return l, err
}

// endLong ends the streams, and checks that each was open and is complete with all of its events.
func (b *bench) endLong(ctx context.Context, clients heldStreams, running *side, l *longHeld) error {
	released, err := b.release(ctx)
	if err != nil {
		return err
	}
	if released != l.streams {
		return fmt.Errorf("%d streams were open at the upstream; want %d", released, l.streams)
	}
	beats := 0
	for i, c := range clients {
		rest, err := c.finish(running.traffic)
		if err != nil {
			return fmt.Errorf("stream %d: %w", i+1, err)
		}
		beats += bytes.Count(append(c.body, rest...), []byte(beatText)) // events may have come while other streams were opened
	}
	if l.beats, err = b.number(ctx, pathBeats); err == nil && beats != l.beats {
		err = fmt.Errorf("%d events have arrived of %d", beats, l.beats)
	}
	return err
}

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// goroutines reads the number of goroutines from Outcrop's metrics.
func (p *process) goroutines(ctx context.Context) (int, error) {
	text, err := p.get(ctx, "/metrics")
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(text, "\ngo_goroutines ")
	number, _, _ := strings.Cut(rest, "\n")
	if !ok {
		return 0, fmt.Errorf("the metrics have no go_goroutines: %.200q", text)
	}
	return strconv.Atoi(number)
}
