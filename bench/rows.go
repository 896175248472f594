package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// row is one thing that is measured; it may give several lines.
type row struct {
	name    string
	measure func(context.Context, *bench) ([]line, error)
}

// The limits of ratios, and of Outcrop's memory.
const (
	limitChat   = 1.6
	limitStream = 1.6
	limitIdle   = 40.0 // MB
	limitOpen   = 40.0 // KB a stream
)

func rows() []row {
	return []row{
		{"start", startUp},
		{"chat", chat},
		{"stream", stream},
		{"burst", burst},
		{"image", imageCall},
		{"latency", latency},
		{"first", firstToken},
		{"open", openStreams},
	}
}

func rowNames() []string {
	var names []string
	for _, r := range rows() {
		names = append(names, r.name)
	}
	return names
}

// chosen gives the rows that are named, all if none is.
func chosen(only string) ([]row, error) {
	if only == "" {
		return rows(), nil
	}
	var out []row
	for name := range strings.SplitSeq(only, ",") {
		at := slices.Index(rowNames(), name)
		if at < 0 {
			return nil, fmt.Errorf("there is no row %q; there are %s", name, strings.Join(rowNames(), ", "))
		}
		out = append(out, rows()[at])
	}
	return out, nil
}

// bench is what the rows share: the upstream and how to start its two neighbours.
type bench struct {
	settings
	self      string // this program
	dir       string
	config    string
	log       *os.File
	upstream  *process
	launches  int
	connected int // connections of a closed loop
}

func newBench(ctx context.Context, s settings) (*bench, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	b := &bench{settings: s, self: self, connected: 16}
	if b.dir, err = os.MkdirTemp("", "outcrop-bench"); err != nil {
		return nil, err
	}
	if err := b.open(ctx); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bench) open(ctx context.Context) (err error) {
	if b.log, err = os.Create(filepath.Join(b.dir, "log")); err != nil {
		return err
	}
	if b.upstream, err = launch(ctx, b.log, "", b.self, "upstream"); err != nil {
		return err
	}
	if b.profile != "" {
		if err := os.MkdirAll(b.profile, 0o755); err != nil {
			return err
		}
	}
	b.config = filepath.Join(b.dir, "config.yaml")
	return os.WriteFile(b.config, fmt.Appendf(nil, `
model_list:
  - model_name: "*"
    litellm_params:
      model: bedrock/converse/*
      aws_access_key_id: AKIDEXAMPLE
      aws_secret_access_key: wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY
      aws_region_name: us-east-1
      aws_bedrock_runtime_endpoint: http://%s
general_settings:
  master_key: %s
`, b.upstream.address, masterKey), 0o600)
}

func (b *bench) close() {
	if b.upstream != nil {
		_ = b.upstream.stop() // it holds nothing that could be lost
	}
	if b.log != nil {
		_ = b.log.Close()
	}
	_ = os.RemoveAll(b.dir)
}

// outcropProcess starts Outcrop as a user would, with a key to check and its log
// written to a file.
func (b *bench) outcropProcess(ctx context.Context) (*process, error) {
	args := []string{"serve", "--config", b.config, "--port", "0", "--data-dir", b.dir}
	name := b.outcrop
	if b.profile != "" {
		b.launches++
		name = b.self
		args = append([]string{"profiled", filepath.Join(b.profile, fmt.Sprintf("outcrop-%d.pprof", b.launches))}, args...)
	}
	return launch(ctx, b.log, "/health/readiness", name, args...)
}

func (b *bench) proxyProcess(ctx context.Context) (*process, error) {
	return launch(ctx, b.log, "/health", b.self, "proxy", "http://"+b.upstream.address, strconv.FormatBool(b.pooled))
}

// side is one of the neighbours with its traffic.
type side struct {
	*process
	traffic traffic
}

// pair starts both neighbours afresh, so that no row bears what another left.
func (b *bench) pair(ctx context.Context, k kind) (outcrop, proxy side, stop func() error, err error) {
	o, err := b.outcropProcess(ctx)
	if err != nil {
		return side{}, side{}, nil, err
	}
	p, err := b.proxyProcess(ctx)
	if err != nil {
		return side{}, side{}, nil, errors.Join(err, o.stop())
	}
	return side{o, k.gateway()}, side{p, k.proxy()}, func() error { return errors.Join(o.stop(), p.stop()) }, nil
}

// alternate runs a round's measurement of each side, the sides changing places
// from round to round.
func alternate(round int, outcrop, proxy side, once func(side) (float64, error)) (forOutcrop, forProxy float64, err error) {
	if round%2 == 1 {
		if forOutcrop, err = once(outcrop); err != nil {
			return 0, 0, err
		}
		forProxy, err = once(proxy)
		return forOutcrop, forProxy, err
	}
	if forProxy, err = once(proxy); err != nil {
		return 0, 0, err
	}
	forOutcrop, err = once(outcrop)
	return forOutcrop, forProxy, err
}

// cpuRounds measures the processor time of a call in microseconds, after a
// warm-up of a tenth of the calls.
func (b *bench) cpuRounds(ctx context.Context, k kind, calls int) (outcrop, proxy []float64, sizes string, err error) {
	if b.quick {
		calls /= 4
	}
	o, p, stop, err := b.pair(ctx, k)
	if err != nil {
		return nil, nil, "", err
	}
	defer func() { err = errors.Join(err, stop()) }()
	for _, s := range []side{o, p} {
		if err := closedLoop(ctx, s.address, s.traffic, b.connected, calls/10); err != nil {
			return nil, nil, "", err
		}
	}
	for round := range b.rounds {
		forOutcrop, forProxy, err := alternate(round, o, p, func(s side) (float64, error) {
			before, err := s.cpu()
			if err != nil {
				return 0, err
			}
			if err := closedLoop(ctx, s.address, s.traffic, b.connected, calls); err != nil {
				return 0, err
			}
			after, err := s.cpu()
			return float64((after - before).Microseconds()) / float64(calls), err
		})
		if err != nil {
			return nil, nil, "", err
		}
		outcrop, proxy = append(outcrop, forOutcrop), append(proxy, forProxy)
	}
	return outcrop, proxy, fmt.Sprintf("%d calls a round over %d connections; request %d and %d bytes", calls, b.connected, o.traffic.size, p.traffic.size), nil
}

func chat(ctx context.Context, b *bench) ([]line, error) {
	outcrop, proxy, note, err := b.cpuRounds(ctx, kind{model: modelBurst}, 20000)
	if err != nil {
		return nil, err
	}
	l := compare("chat: CPU per call", "µs", outcrop, proxy)
	l.Limit, l.Note = limitChat, note
	return []line{l}, nil
}

func stream(ctx context.Context, b *bench) ([]line, error) {
	return b.streamed(ctx, modelPaced, fmt.Sprintf("stream of %d chunks, each by itself", deltas), 2000)
}

func burst(ctx context.Context, b *bench) ([]line, error) {
	return b.streamed(ctx, modelBurst, fmt.Sprintf("stream of %d chunks, no pause between", deltas), 4000)
}

func (b *bench) streamed(ctx context.Context, model, what string, calls int) ([]line, error) {
	outcrop, proxy, note, err := b.cpuRounds(ctx, kind{model: model, stream: true}, calls)
	if err != nil {
		return nil, err
	}
	whole := compare(what+": CPU", "µs", outcrop, proxy)
	whole.Limit, whole.Note = limitStream, note
	for i := range outcrop {
		outcrop[i] /= deltas
		proxy[i] /= deltas
	}
	return []line{whole, compare("  the same, per chunk", "µs", outcrop, proxy)}, nil
}

func imageCall(ctx context.Context, b *bench) ([]line, error) {
	png, err := picture()
	if err != nil {
		return nil, err
	}
	outcrop, proxy, note, err := b.cpuRounds(ctx, kind{model: modelBurst, picture: png}, 400)
	if err != nil {
		return nil, err
	}
	l := compare("chat with an image of 1 MB: CPU per call", "µs", outcrop, proxy)
	l.Note = note
	return []line{l}, nil
}

// added measures what each side adds to the time of calls at a steady rate: its
// percentiles less those of the upstream called directly in the same round.
func (b *bench) added(ctx context.Context, k kind, first bool, what string, perSecond, calls int) (lines []line, err error) {
	if b.quick {
		calls /= 4
	}
	o, p, stop, err := b.pair(ctx, k)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	direct := side{b.upstream, k.proxy()}
	sides := []*side{&direct, &o, &p}
	for _, s := range sides {
		s.traffic.first = first
		if _, err := openLoop(ctx, s.address, s.traffic, perSecond, calls/4); err != nil {
			return nil, err
		}
	}
	points := []float64{.50, .99}
	figures := make([][][]float64, len(sides)) // by side, percentile, round
	for i := range figures {
		figures[i] = make([][]float64, len(points))
	}
	for round := range b.rounds {
		for turn := range sides {
			i := (round + turn) % len(sides)
			took, err := openLoop(ctx, sides[i].address, sides[i].traffic, perSecond, calls)
			if err != nil {
				return nil, err
			}
			slices.Sort(took)
			for at, point := range points {
				figures[i][at] = append(figures[i][at], percentile(took, point))
			}
		}
	}
	for at, point := range points {
		for round, base := range figures[0][at] {
			figures[1][at][round] -= base
			figures[2][at][round] -= base
		}
		lines = append(lines, line{
			What: fmt.Sprintf("%s, added at p%.0f", what, point*100), Unit: "µs",
			Outcrop: spreadOf(figures[1][at]), Proxy: spreadOf(figures[2][at]),
			Note: fmt.Sprintf("%d calls a second, %d a round", perSecond, calls),
		})
	}
	return lines, nil
}

func latency(ctx context.Context, b *bench) ([]line, error) {
	return b.added(ctx, kind{model: modelBurst}, false, "chat: time", 500, 2000)
}

func firstToken(ctx context.Context, b *bench) ([]line, error) {
	return b.added(ctx, kind{model: modelPaced, stream: true}, true, "stream: time to the first token", 50, 300)
}

// settle is how long a process is left alone before its memory is read.
const settle = 2 * time.Second

// startUp measures the time to the first healthy answer, and what is resident
// when nothing has been asked yet.
func startUp(ctx context.Context, b *bench) ([]line, error) {
	var startOutcrop, startProxy, idleOutcrop, idleProxy []float64
	once := func(begin func(context.Context) (*process, error), start, idle *[]float64) error {
		p, err := begin(ctx)
		if err != nil {
			return err
		}
		time.Sleep(settle / 2)
		rss, err := p.rss()
		*start = append(*start, float64(p.start.Microseconds())/1e3)
		*idle = append(*idle, float64(rss)/1e6)
		return errors.Join(err, p.stop())
	}
	for range b.rounds {
		if err := errors.Join(once(b.proxyProcess, &startProxy, &idleProxy), once(b.outcropProcess, &startOutcrop, &idleOutcrop)); err != nil {
			return nil, err
		}
	}
	start := compare("start to the first healthy answer", "ms", startOutcrop, startProxy)
	idle := line{What: "RSS idle after the start", Unit: "MB", Outcrop: spreadOf(idleOutcrop), Proxy: spreadOf(idleProxy), Limit: limitIdle}
	return []line{start, idle}, nil
}

// openStreams measures what an open stream takes: what is resident with all of
// them open less what was before the first, in processes that are fresh but for
// a few calls, so that the pages of their code do not count as the streams'.
func openStreams(ctx context.Context, b *bench) ([]line, error) {
	const streams = 1000
	rounds := min(b.rounds, 3)
	var outcrop, proxy []float64
	for round := range rounds {
		o, p, stop, err := b.pair(ctx, kind{model: modelHeld, stream: true})
		if err != nil {
			return nil, err
		}
		warm := kind{model: modelBurst, stream: true}
		err = errors.Join(closedLoop(ctx, o.address, warm.gateway(), 1, 16), closedLoop(ctx, p.address, warm.proxy(), 1, 16))
		if err != nil {
			return nil, errors.Join(err, stop())
		}
		forOutcrop, forProxy, err := alternate(round, o, p, func(s side) (float64, error) {
			before, err := s.rss()
			if err != nil {
				return 0, err
			}
			release, err := hold(ctx, s.address, s.traffic, streams)
			defer release()
			if err != nil {
				return 0, err
			}
			time.Sleep(settle)
			after, err := s.rss()
			return float64(after-before) / 1e3 / streams, err
		})
		if err := errors.Join(err, stop()); err != nil {
			return nil, err
		}
		outcrop, proxy = append(outcrop, forOutcrop), append(proxy, forProxy)
	}
	l := line{What: "RSS per open stream", Unit: "KB", Outcrop: spreadOf(outcrop), Proxy: spreadOf(proxy), Limit: limitOpen, Note: fmt.Sprintf("%d open streams", streams)}
	return []line{l}, nil
}
