package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// startUp measures the time to the first healthy answer, and the resident memory before
// the first request.
func startUp(ctx context.Context, b *bench) ([]line, error) {
	servers := b.servers(b.connected)
	start, idle := make([]taken, len(servers)), make([]taken, len(servers))
	for round := range b.rounds {
		for i := range turns(round, len(servers)) {
			s := servers[i]
			if !s.joins(round) {
				continue
			}
			p, err := s.begin(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			time.Sleep(b.settle / 2)
			rss, err := p.rss()
			if err := errors.Join(err, p.stop()); err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			start[i].add(s.name, float64(p.start.Microseconds())/1e3)
			idle[i].add(s.name, float64(rss)/1e6)
		}
	}
	resident := sideBySide("RSS idle after the start", "MB", idle)
	resident.Limit = limitIdle
	return []line{compare("start to the first healthy answer", "ms", start), resident}, nil
}

// held is the cost of open streams in a server.
type held struct {
	total     float64 // resident memory, in MB
	stream    float64 // growth of anonymous memory since before the first stream, in KB per stream
	files     int     // open in the process that has the most
	processes int
}

// openIn starts a server, opens streams on it, and measures them. It makes a few calls
// first, so that the pages of the server's code do not count as the streams'. With
// finish, each stream must still be open when all are released, and must end
// completely.
func (b *bench) openIn(ctx context.Context, s server, streams int, finish bool) (h held, err error) {
	k := kind{model: modelHeld, stream: true}
	running, err := s.run(ctx, k)
	if err != nil {
		return held{}, err
	}
	defer func() { err = errors.Join(err, running.stop()) }()
	warm := k
	warm.model = modelBurst
	if err := closedLoop(ctx, running.address, s.asked(warm), 1, 16); err != nil {
		return held{}, err
	}
	before, err := running.anonymous()
	if err != nil {
		return held{}, err
	}
	clients, err := hold(ctx, running.address, running.traffic, streams)
	defer clients.close()
	if err != nil {
		return held{}, err
	}
	time.Sleep(b.settle)
	total, err := running.rss()
	if err != nil {
		return held{}, err
	}
	after, err := running.anonymous()
	if err != nil {
		return held{}, err
	}
	h = held{total: float64(total) / 1e6, stream: float64(after-before) / 1e3 / float64(streams)}
	if h.files, h.processes, err = running.files(); err != nil || !finish {
		return h, err
	}
	released, err := b.release(ctx)
	if err != nil {
		return held{}, err
	}
	if released != streams {
		return held{}, fmt.Errorf("%d streams were open at the upstream; want %d", released, streams)
	}
	return h, clients.finish(running.traffic)
}

// release makes the upstream end the streams that it holds, and returns their number.
func (b *bench) release(ctx context.Context) (int, error) { return b.number(ctx, pathRelease) }

// number returns the number with which the upstream answers at a path.
func (b *bench) number(ctx context.Context, path string) (int, error) {
	text, err := b.upstream.get(ctx, path)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

// get returns what a process answers at a path, over a connection of its own.
func (p *process) get(ctx context.Context, path string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address+path, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+masterKey)
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

// openStreams measures the cost of an open stream, in fresh processes.
func openStreams(ctx context.Context, b *bench) ([]line, error) {
	const streams, fewStreams = 1000, 100
	servers := b.servers(streams)
	all := make([]taken, len(servers))
	for round := range min(b.rounds, 3) {
		for i := range turns(round, len(servers)) {
			s := servers[i]
			if !s.joins(round) {
				continue
			}
			h, err := b.openIn(ctx, s, s.share(streams, fewStreams), false)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			all[i].add(s.name, h.stream)
		}
	}
	l := sideBySide("RSS per open stream", "KB", all)
	l.Limit, l.Note = limitOpen, fmt.Sprintf("%d open streams", streams)+fewer(servers, streams, fewStreams)
	return []line{l}, nil
}

// manyStreams opens so many streams in one process that a few more would reach a
// machine's limit of open files, and checks that each ends completely.
func manyStreams(ctx context.Context, b *bench) ([]line, error) {
	thousands := 8
	if b.quick {
		thousands = 1
	}
	streams := thousands * 1000
	if err := roomFor(2*streams + 1000); err != nil {
		return nil, err
	}
	servers := slices.DeleteFunc(b.servers(streams), func(s server) bool { return s.slow > 1 })
	total, each := make([]taken, len(servers)), make([]taken, len(servers))
	var notes []string
	for i, s := range servers {
		h, err := b.openIn(ctx, s, streams, true)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		total[i].add(s.name, h.total)
		each[i].add(s.name, h.stream)
		note := fmt.Sprintf("%s had %d files open", s.name, h.files)
		if h.processes > 1 {
			note += fmt.Sprintf(" in one of %d processes", h.processes)
		}
		notes = append(notes, note)
	}
	all := sideBySide(fmt.Sprintf("%d,000 open streams held in one process: RSS", thousands), "MB", total)
	all.Note = strings.Join(notes, ", ")
	perStream := sideBySide("  the same, per stream", "KB", each)
	perStream.Limit = limitHeld
	return []line{all, perStream}, nil
}

// roomFor reports whether a process may open that many files. Go programs raise their
// soft limit to the hard limit by themselves.
func roomFor(files int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	if limit.Max < uint64(files) {
		return fmt.Errorf("a process needs %d open files, but the limit is %d (ulimit -Hn)", files, limit.Max)
	}
	return nil
}
