package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// row is one measurement; it may produce several lines.
type row struct {
	name    string
	alone   bool // only if it is named
	measure func(context.Context, *bench) ([]line, error)
}

// Limits of the ratios, and of Outcrop's memory.
const (
	limitChat        = 1.4
	limitStream      = 1.4
	limitImage       = 2.0
	limitIdle        = 40.0 // MB
	limitAWS         = 0.6
	limitMessages    = 0.8
	limitStreamRaw   = 1.0 // of AWS's or Anthropic's API
	limitOpenAI      = 0.7
	limitOpenAISSE   = 0.9
	limitTranslated  = 1.0  // from OpenAI's API to Anthropic's or Gemini's
	limitKeys        = 1.1  // with a key, budgets and limits, of a call with the master key alone
	limitCached      = 0.3  // of calls that the response cache answers
	limitTraced      = 1.1  // with traces by OTLP, of a call without
	limitManyKeys    = 1.05 // with one of 100,000 keys, of one with one of ten
	limitDeployments = 1.05 // with 10,000 deployments of the name, of one with a single deployment
	limitCores       = 1.05 // with more processors, of a call with one
	limitKeysRSS     = 60.0 // MB more with 100,000 keys than with ten
	limitBody        = 2.0  // bytes per byte of one body
	limitBodies      = 4.0  // the same, per byte of max_request_size_mb, for fifty bodies at once
	limitOpen        = 25.0 // KB per stream, of 1,000
	limitHeld        = 25.0 // the same, of 8,000 that have all just begun, or are open for long
)

func rows() []row {
	return []row{
		{name: "start", measure: startUp},
		{name: "chat", measure: chat},
		{name: "stream", measure: stream},
		{name: "burst", measure: burst},
		{name: "image", measure: imageCall},
		{name: "aws", measure: awsCall},
		{name: "aws-stream", measure: awsStream},
		{name: "messages", measure: messagesCall},
		{name: "messages-stream", measure: messagesStream},
		{name: "openai", measure: openAICall},
		{name: "openai-stream", measure: openAIStream},
		{name: "anthropic", measure: anthropicCall},
		{name: "anthropic-stream", measure: anthropicStream},
		{name: "gemini", measure: geminiCall},
		{name: "gemini-stream", measure: geminiStream},
		{name: "cached", measure: cacheHits},
		{name: "traced", measure: traced},
		{name: "keys", measure: withKeys},
		{name: "many-keys", measure: manyKeys},
		{name: "deployments", measure: manyDeployments},
		{name: "cores", measure: manyCores},
		{name: "aws-body", measure: largeBodies},
		{name: "latency", measure: latency},
		{name: "first", measure: firstToken},
		{name: "open", measure: openStreams},
		{name: "held", measure: manyStreams},
		{name: "soak-streams", alone: true, measure: longStreams},
	}
}

func rowNames() []string {
	var names []string
	for _, r := range rows() {
		names = append(names, r.name)
	}
	return names
}

// chosen returns the named rows, or all that need not be named if none is.
func chosen(only string) ([]row, error) {
	if only == "" {
		return slices.DeleteFunc(rows(), func(r row) bool { return r.alone }), nil
	}
	var out []row
	for name := range strings.SplitSeq(only, ",") {
		at := slices.Index(rowNames(), name)
		if at < 0 {
			return nil, fmt.Errorf("unknown row %q; rows are %s", name, strings.Join(rowNames(), ", "))
		}
		out = append(out, rows()[at])
	}
	return out, nil
}

// cpuRounds measures the processor time of a call in microseconds, after a warm-up of a
// tenth of the calls, at least three for each connection.
func (b *bench) cpuRounds(ctx context.Context, k kind, calls int) (all []taken, note string, err error) {
	return b.cpuRoundsOf(ctx, b.serversFor(k, b.connected), k, calls)
}

// cpuRoundsOf is cpuRounds for some servers.
func (b *bench) cpuRoundsOf(ctx context.Context, servers []server, k kind, calls int) (all []taken, note string, err error) {
	if b.quick {
		calls /= 4
	}
	sides, stop, err := runAll(ctx, servers, k)
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, stop()) }()
	for _, s := range sides {
		if err := closedLoop(ctx, s.address, s.traffic, b.connected, s.share(calls/10, 3*b.connected)); err != nil {
			return nil, "", fmt.Errorf("%s: %w", s.name, err)
		}
	}
	all = make([]taken, len(sides))
	for round := range b.rounds {
		for i := range turns(round, len(sides)) {
			s := sides[i]
			figure, err := s.cpuOf(ctx, b.connected, s.share(calls, b.connected))
			if err != nil {
				return nil, "", fmt.Errorf("%s: %w", s.name, err)
			}
			all[i].add(s.name, figure)
		}
	}
	note = fmt.Sprintf("%d calls a round%s; over %d connections; request %d and %d bytes",
		calls, fewer(servers, calls, b.connected), b.connected, sides[0].traffic.size, sides[1].traffic.size)
	return all, note, nil
}

// cpuOf measures the processor time of a call in microseconds.
func (s side) cpuOf(ctx context.Context, connections, calls int) (float64, error) {
	before, err := s.cpu()
	if err != nil {
		return 0, err
	}
	if err := closedLoop(ctx, s.address, s.traffic, connections, calls); err != nil {
		return 0, err
	}
	after, err := s.cpu()
	return float64((after - before).Microseconds()) / float64(calls), err
}

func chat(ctx context.Context, b *bench) ([]line, error) {
	return b.called(ctx, kind{model: modelBurst}, "chat: CPU per call", 20000, limitChat)
}

func imageCall(ctx context.Context, b *bench) ([]line, error) {
	png, err := picture()
	if err != nil {
		return nil, err
	}
	return b.called(ctx, kind{model: modelBurst, picture: png}, "chat with an image of 1 MB: CPU per call", 400, limitImage)
}

func awsCall(ctx context.Context, b *bench) ([]line, error) {
	return b.called(ctx, kind{api: apiAWS, model: modelBurst}, "AWS's API, Converse: CPU per call", 20000, limitAWS)
}

func messagesCall(ctx context.Context, b *bench) ([]line, error) {
	return b.called(ctx, kind{api: apiMessages, model: claudeBurst}, "Anthropic's API, Claude: CPU per call", 20000, limitMessages)
}

func (b *bench) called(ctx context.Context, k kind, what string, calls int, limit float64) ([]line, error) {
	all, note, err := b.cpuRounds(ctx, k, calls)
	if err != nil {
		return nil, err
	}
	l := compare(what, "µs", all)
	l.Limit, l.Note = limit, note
	return []line{l}, nil
}

func stream(ctx context.Context, b *bench) ([]line, error) {
	return b.streamed(ctx, kind{model: modelPaced}, fmt.Sprintf("stream of %d chunks, one at a time", deltas), 2000, limitStream)
}

func burst(ctx context.Context, b *bench) ([]line, error) {
	return b.streamed(ctx, kind{model: modelBurst}, fmt.Sprintf("stream of %d chunks, without pauses", deltas), 4000, limitStream)
}

func awsStream(ctx context.Context, b *bench) ([]line, error) {
	return b.bothStreams(ctx, apiAWS, modelPaced, modelBurst, "AWS's API, ConverseStream", limitStreamRaw)
}

func messagesStream(ctx context.Context, b *bench) ([]line, error) {
	return b.bothStreams(ctx, apiMessages, claudePaced, claudeBurst, "Anthropic's API, Claude, stream", limitStreamRaw)
}

func openAICall(ctx context.Context, b *bench) ([]line, error) {
	return b.called(ctx, kind{api: apiOpenAI, model: openAIBurst}, "OpenAI's API to OpenAI: CPU per call", 20000, limitOpenAI)
}

func openAIStream(ctx context.Context, b *bench) ([]line, error) {
	return b.bothStreams(ctx, apiOpenAI, openAIPaced, openAIBurst, "OpenAI's API to OpenAI, stream", limitOpenAISSE)
}

// bothStreams measures streams with and without pauses.
func (b *bench) bothStreams(ctx context.Context, of api, paced, atOnce, what string, limit float64) ([]line, error) {
	slow, err := b.streamed(ctx, kind{api: of, model: paced}, what+", one at a time", 2000, limit)
	if err != nil {
		return nil, err
	}
	fast, err := b.streamed(ctx, kind{api: of, model: atOnce}, what+", without pauses", 4000, limit)
	return append(slow, fast...), err
}

func (b *bench) streamed(ctx context.Context, k kind, what string, calls int, limit float64) ([]line, error) {
	k.stream = true
	all, note, err := b.cpuRounds(ctx, k, calls)
	if err != nil {
		return nil, err
	}
	whole := compare(what+": CPU", "µs", all)
	whole.Limit, whole.Note = limit, note
	for _, t := range all {
		for i := range t.figures {
			t.figures[i] /= deltas
		}
	}
	return []line{whole, compare("  the same, per chunk", "µs", all)}, nil
}

// added measures what each side adds to the duration of calls at a steady rate: its
// percentiles minus those of direct calls of the upstream in the same round.
func (b *bench) added(ctx context.Context, k kind, first bool, what string, perSecond, calls int) (lines []line, err error) {
	if b.quick {
		calls /= 4
	}
	measured, stop, err := runAll(ctx, b.two(), k)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	sides := append([]side{{process: b.upstream, traffic: k.proxy()}}, measured...)
	for i := range sides {
		s := &sides[i]
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
		for i := range turns(round, len(sides)) {
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
