package main

import (
	"context"
	"errors"
	"fmt"
)

// The bodies of the row aws-body: their size, and how many are sent at once.
const (
	bodySize = 25 << 20
	bodies   = 50
)

// maxRequest is Outcrop's default for max_request_size_mb, in bytes.
const maxRequest = 100 << 20

// largeBodies measures the memory that large bodies take on their way through AWS's API.
func largeBodies(ctx context.Context, b *bench) ([]line, error) {
	n := bodies
	if b.quick {
		n /= 5
	}
	one, err := b.peaks(ctx, 1, bodySize)
	if err != nil {
		return nil, err
	}
	several, err := b.peaks(ctx, n, bodySize)
	if err != nil {
		return nil, err
	}
	const mb = 1e6
	first := sideBySide("a body of 25 MB through AWS's API: RSS, growth to the peak", "MB", one)
	first.Limit = limitBody * bodySize / mb
	second := sideBySide(fmt.Sprintf("  the same, %d at once", n), "MB", several)
	second.Limit = limitBodies * maxRequest / mb
	return []line{first, second}, nil
}

// peaks measures the growth of resident memory from before a number of simultaneous calls
// to its peak, in MB.
func (b *bench) peaks(ctx context.Context, n, size int) ([]taken, error) {
	k := kind{api: apiAWS, model: modelBurst}
	large := k
	large.picture = make([]byte, size/4*3) // in base64
	servers := b.serversFor(k, n)
	all := make([]taken, len(servers))
	for round := range min(b.rounds, 3) {
		for i := range turns(round, len(servers)) {
			grown, err := b.peak(ctx, servers[i], k, large, n)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", servers[i].name, err)
			}
			all[i].add(servers[i].name, float64(grown)/1e6)
		}
	}
	return all, nil
}

// peak starts a server, and makes a few small calls before it measures the large ones.
func (b *bench) peak(ctx context.Context, s server, small, large kind, n int) (grown int64, err error) {
	running, err := s.run(ctx, large)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, running.stop()) }()
	if err := closedLoop(ctx, running.address, s.asked(small), 1, 16); err != nil {
		return 0, err
	}
	before, err := running.rss()
	if err != nil {
		return 0, err
	}
	if err := closedLoop(ctx, running.address, running.traffic, n, n); err != nil {
		return 0, err
	}
	after, err := running.peak()
	return after - before, err
}
