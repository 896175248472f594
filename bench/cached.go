package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// cachedServers returns an Outcrop that answers from its cache in memory, and the do-nothing proxy.
func (b *bench) cachedServers() ([]server, error) {
	text, err := os.ReadFile(b.config)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(b.dir, "cached.yaml")
	text = append(text, "litellm_settings: {cache: true, cache_params: {type: local, ttl: 86400}}\n"...)
	if err := os.WriteFile(config, text, 0o600); err != nil {
		return nil, err
	}
	servers := b.two()
	servers[0].begin = func(ctx context.Context) (*process, error) { return b.outcropIn(ctx, config, b.dir) }
	return servers, nil
}

// cacheHits measures calls that the response cache answers, whole and as streams, beside the same calls through a proxy, which asks
// the upstream each time.
func cacheHits(ctx context.Context, b *bench) ([]line, error) {
	servers, err := b.cachedServers()
	if err != nil {
		return nil, err
	}
	var lines []line
	for _, k := range []kind{{model: modelBurst}, {model: modelBurst, stream: true}} {
		what, calls := "a chat that is cached: CPU per call", 20000
		if k.stream {
			what, calls = fmt.Sprintf("a stream of %d chunks that is cached: CPU", deltas), 4000
		}
		all, note, err := b.cpuRoundsOf(ctx, servers, k, calls)
		if err != nil {
			return nil, err
		}
		l := compare(what, "µs", all)
		l.Limit, l.Note = limitCached, note
		lines = append(lines, l)
	}
	return lines, nil
}
