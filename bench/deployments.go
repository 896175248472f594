package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	// lotDeployments are the most deployments of one name that are measured.
	lotDeployments = 10_000
	// lotAliases are the names by which one deployment is called, of which calls have one.
	lotAliases = 1000
)

// deployed is a configuration with so many deployments of one name, which a strategy chooses among. Each has a key of its own.
// With aliases, calls have one of these.
type deployed struct {
	deployments, aliases int
	strategy             string
}

func (d deployed) String() string {
	text := fmt.Sprintf("%d deployments, %s", d.deployments, d.strategy)
	if d.aliases > 0 {
		text = fmt.Sprintf("%d aliases", d.aliases)
	}
	return text
}

// gateway is a gateway with the configuration.
func (d deployed) gateway(b *bench) (server, error) {
	dir, err := os.MkdirTemp(b.dir, "deployments")
	if err != nil {
		return server{}, err
	}
	name := openAIBurst
	if d.aliases > 0 {
		name = "deployed"
	}
	var text strings.Builder
	text.WriteString("model_list:\n")
	for i := range d.deployments {
		fmt.Fprintf(&text, "  - {model_name: %s, litellm_params: {model: openai/%s, api_key: sk-upstream-%05d, api_base: \"http://%s/%s/v1\"}, model_info: {id: d%d}}\n",
			name, openAIBurst, i, b.upstream.address, openAIBurst, i)
	}
	fmt.Fprintf(&text, "general_settings: {master_key: %s}\nrouter_settings:\n  routing_strategy: %s\n", masterKey, d.strategy)
	if d.aliases > 0 {
		fmt.Fprintf(&text, "  model_group_alias:\n    %s: %s\n", openAIBurst, name)
		for i := range d.aliases - 1 {
			fmt.Fprintf(&text, "    alias-%d: %s\n", i, name)
		}
	}
	config := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(config, []byte(text.String()), 0o600); err != nil {
		return server{}, err
	}
	return server{name: d.String(), gateway: true, slow: 1, begin: func(ctx context.Context) (*process, error) {
		return b.outcropIn(ctx, config, filepath.Join(dir, "data"))
	}}, nil
}

// manyDeployments compares calls of a name with many deployments, or by one of many aliases, with those of a name with a single
// deployment.
func manyDeployments(ctx context.Context, b *bench) ([]line, error) {
	var sides []*keyedSide
	for _, of := range []deployed{
		{1, 0, "simple-shuffle"},
		{1, lotAliases, "simple-shuffle"},
		{100, 0, "simple-shuffle"},
		{lotDeployments, 0, "simple-shuffle"},
		{lotDeployments, 0, "latency-based-routing"},
	} {
		s, err := of.gateway(b)
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
