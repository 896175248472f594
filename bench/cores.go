package main

import (
	"context"
	"fmt"
	"runtime"
)

// mostCores bounds the numbers of processors that are measured.
const mostCores = 16

// coreCounts are the numbers of processors to measure on a machine with so many: powers of two, and all of them.
func coreCounts(there int) []int {
	there = min(there, mostCores)
	var counts []int
	for n := 1; n < there; n *= 2 {
		counts = append(counts, n)
	}
	return append(counts, there)
}

// manyCores compares calls with GOMAXPROCS set to 1 with those with more, of Outcrop and of the do-nothing proxy, so that what
// more processors cost any Go program can be told from what they cost this one.
func manyCores(ctx context.Context, b *bench) ([]line, error) {
	counts := coreCounts(runtime.NumCPU())
	var sides []*keyedSide
	for i, s := range b.two() {
		for _, n := range counts {
			own := *b
			own.environ = []string{fmt.Sprintf("GOMAXPROCS=%d", n)}
			with := own.two()[i]
			with.name = fmt.Sprintf("%s with %d", s.name, n)
			sides = append(sides, &keyedSide{side: side{server: with}})
		}
	}
	all, err := b.keyRounds(ctx, kind{model: modelBurst}, sides)
	if err != nil {
		return nil, err
	}
	var lines []line
	for i, s := range sides {
		if i%len(counts) == 0 {
			continue
		}
		l := compare("chat, "+s.name+" processors: CPU per call", "µs", []taken{all[i], all[i-i%len(counts)]})
		l.Base = "GOMAXPROCS=1"
		if s.gateway {
			l.Limit = limitCores
		}
		lines = append(lines, l)
	}
	return lines, nil
}
