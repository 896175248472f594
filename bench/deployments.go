package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// lotDeployments are the most deployments of one name that are measured.
const lotDeployments = 10_000

// deployments is a gateway with so many deployments of one model name, which a strategy chooses among.
func (b *bench) deployments(n int, strategy string) (server, error) {
	dir, err := os.MkdirTemp(b.dir, "deployments")
	if err != nil {
		return server{}, err
	}
	var text strings.Builder
	text.WriteString("model_list:\n")
	for i := range n {
		fmt.Fprintf(&text, "  - {model_name: %s, litellm_params: {model: openai/%s, api_key: sk-upstream, api_base: \"http://%s/%s/v1\"}, model_info: {id: d%d}}\n",
			openAIBurst, openAIBurst, b.upstream.address, openAIBurst, i)
	}
	fmt.Fprintf(&text, "general_settings: {master_key: %s}\nrouter_settings: {routing_strategy: %s}\n", masterKey, strategy)
	config := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(config, []byte(text.String()), 0o600); err != nil {
		return server{}, err
	}
	return server{name: fmt.Sprintf("%d deployments, %s", n, strategy), gateway: true, slow: 1, begin: func(ctx context.Context) (*process, error) {
		return b.outcropIn(ctx, config, filepath.Join(dir, "data"))
	}}, nil
}

// manyDeployments compares calls of a name with many deployments with those of one with a single deployment.
func manyDeployments(ctx context.Context, b *bench) ([]line, error) {
	var sides []*keyedSide
	for _, of := range []struct {
		n        int
		strategy string
	}{{1, "simple-shuffle"}, {100, "simple-shuffle"}, {lotDeployments, "simple-shuffle"}, {lotDeployments, "latency-based-routing"}} {
		s, err := b.deployments(of.n, of.strategy)
		if err != nil {
			return nil, err
		}
		sides = append(sides, &keyedSide{side: side{server: s}})
	}
	all, err := b.keyRounds(ctx, kind{api: apiOpenAI, model: openAIBurst}, sides)
	if err != nil {
		return nil, err
	}
	var lines []line
	for i, s := range sides[1:] {
		l := compare("chat with "+s.name+": CPU per call", "µs", []taken{all[i+1], all[0]})
		l.Base, l.Limit = "one deployment", limitDeployments
		lines = append(lines, l)
	}
	return lines, nil
}
