package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// bench is what the rows share: the upstream, and how to start what is measured.
type bench struct {
	settings
	self       string // this program
	dir        string
	config     string // of Outcrop and LiteLLM
	log        *os.File
	upstream   *process
	neighbours []neighbour
	environ    []string      // that Outcrop and the proxy get besides
	launches   *int          // how many processes have been started, which files have their names by
	connected  int           // connections of a closed loop
	settle     time.Duration // how long a process idles before its memory is read
}

func newBench(ctx context.Context, s settings, neighbours []neighbour) (*bench, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	b := &bench{settings: s, self: self, neighbours: neighbours, launches: new(int), connected: 16, settle: 2 * time.Second}
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
	if b.upstream, err = launch(ctx, b.log, nil, "", b.self, "upstream", b.every.String()); err != nil {
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
    litellm_params: &upstream
      model: bedrock/converse/*
      aws_access_key_id: AKIDEXAMPLE
      aws_secret_access_key: wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY
      aws_region_name: us-east-1
      aws_bedrock_runtime_endpoint: http://%[1]s
  - model_name: %[3]s
    litellm_params: {<<: *upstream, model: bedrock/%[3]s}
  - model_name: %[4]s
    litellm_params: {<<: *upstream, model: bedrock/%[4]s}
  - model_name: %[5]s
    litellm_params: {model: openai/%[5]s, api_key: sk-upstream, api_base: "http://%[1]s/%[5]s/v1"}
  - model_name: %[6]s
    litellm_params: {model: openai/%[6]s, api_key: sk-upstream, api_base: "http://%[1]s/%[6]s/v1"}
  - model_name: %[7]s
    litellm_params: {model: anthropic/%[9]s, api_key: sk-upstream, api_base: "http://%[1]s/%[7]s"}
  - model_name: %[8]s
    litellm_params: {model: anthropic/%[9]s, api_key: sk-upstream, api_base: "http://%[1]s/%[8]s"}
  - model_name: %[10]s
    litellm_params: {model: gemini/%[12]s, api_key: sk-upstream, api_base: "http://%[1]s/%[10]s"}
  - model_name: %[11]s
    litellm_params: {model: gemini/%[12]s, api_key: sk-upstream, api_base: "http://%[1]s/%[11]s"}
general_settings:
  master_key: %[2]s
`, b.upstream.address, masterKey, claudeBurst, claudePaced, openAIBurst, openAIPaced, anthropicBurst, anthropicPaced, anthropicModel, geminiBurst, geminiPaced, geminiModel), 0o600)
}

func (b *bench) close() {
	if b.upstream != nil {
		_ = b.upstream.stop() // it has no state to lose
	}
	if b.log != nil {
		_ = b.log.Close()
	}
	_ = os.RemoveAll(b.dir)
}

// outcropProcess starts Outcrop as a user would, with a master key and a log file.
func (b *bench) outcropProcess(ctx context.Context) (*process, error) {
	return b.outcropIn(ctx, b.config, b.dir)
}

// outcropIn is outcropProcess with another configuration and data folder.
func (b *bench) outcropIn(ctx context.Context, config, dir string) (*process, error) {
	args := []string{"serve", "--config", config, "--port", "0", "--data-dir", dir}
	name := b.outcrop
	if b.profile != "" {
		*b.launches++
		name = b.self
		args = append([]string{"profiled", filepath.Join(b.profile, fmt.Sprintf("outcrop-%d.pprof", *b.launches))}, args...)
	}
	return launch(ctx, b.log, b.environ, "/health/readiness", name, args...)
}

func (b *bench) proxyProcess(ctx context.Context) (*process, error) {
	return launch(ctx, b.log, b.environ, "/health", b.self, "proxy", "http://"+b.upstream.address, strconv.FormatBool(b.pooled))
}

// server is a server that is measured.
type server struct {
	name    string
	gateway bool              // its requests are in OpenAI's format, not in Bedrock's
	slow    int               // divisor of its calls, so that its rounds also take only seconds
	headers func(kind) string // that its requests have besides; nil for none
	begin   func(context.Context) (*process, error)
}

// share returns how many of a row's calls the server gets, at least least.
func (s server) share(calls, least int) int { return max(calls/s.slow, least) }

// fewer describes which servers get only a share of the calls, and how many those are.
func fewer(servers []server, calls, least int) string {
	var s strings.Builder
	for _, server := range servers {
		if n := server.share(calls, least); n < calls {
			fmt.Fprintf(&s, "; %s %d", server.name, n)
		}
	}
	return s.String()
}

// joins reports whether the server takes part in a round that requires a restart. A
// slow one only takes part in the first.
func (s server) joins(round int) bool { return round == 0 || s.slow == 1 }

// two returns Outcrop and the do-nothing proxy, in this order; every list of servers
// begins with them.
func (b *bench) two() []server {
	return []server{
		{name: "outcrop", gateway: true, slow: 1, begin: b.outcropProcess},
		{name: "proxy", slow: 1, begin: b.proxyProcess},
	}
}

// serversFor returns the servers that take calls of a kind. LiteLLM and Portkey's gateway
// take part in those of OpenAI's API only.
func (b *bench) serversFor(k kind, atOnce int) []server {
	all := b.servers(atOnce)
	if k.api == apiChat || k.api == apiOpenAI {
		return all
	}
	return slices.DeleteFunc(all, func(s server) bool { return s.name == litellm || s.name == portkey })
}

// servers returns the two and their neighbours, each with capacity for atOnce
// concurrent calls.
func (b *bench) servers(atOnce int) []server {
	all := b.two()
	for _, n := range b.neighbours {
		switch n.name {
		case nginx:
			all = append(all, server{name: nginx, slow: 1, begin: func(ctx context.Context) (*process, error) {
				return b.nginxProcess(ctx, n.path, atOnce)
			}})
		case litellm:
			all = append(all, server{name: litellm, gateway: true, slow: 100, begin: func(ctx context.Context) (*process, error) {
				return b.litellmProcess(ctx, n.path)
			}})
		case portkey:
			headers := func(k kind) string { return portkeyHeaders(b.upstream.address, k) }
			all = append(all, server{name: portkey, gateway: true, slow: 10, headers: headers, begin: func(ctx context.Context) (*process, error) {
				return b.portkeyProcess(ctx, n.path)
			}})
		}
	}
	return all
}

// side is a running server with its traffic.
type side struct {
	server
	*process
	traffic traffic
}

// run starts a server.
func (s server) run(ctx context.Context, k kind) (side, error) {
	p, err := s.begin(ctx)
	if err != nil {
		return side{}, fmt.Errorf("%s: %w", s.name, err)
	}
	return side{s, p, s.asked(k)}, nil
}

// asked returns a kind of call in the format of the server.
func (s server) asked(k kind) traffic {
	if !s.gateway {
		return k.proxy()
	}
	t := k.gateway()
	if s.headers != nil {
		t.bytes = withHeaders(t.bytes, s.headers(k))
	}
	return t
}

// runAll starts fresh servers, so that no row is affected by an earlier one.
func runAll(ctx context.Context, servers []server, k kind) (sides []side, stop func() error, err error) {
	stop = func() (err error) {
		for _, s := range sides {
			err = errors.Join(err, s.stop())
		}
		return err
	}
	for _, s := range servers {
		running, err := s.run(ctx, k)
		if err != nil {
			return nil, nil, errors.Join(err, stop())
		}
		sides = append(sides, running)
	}
	return sides, stop, nil
}

// turns returns the order of n sides in a round, which rotates from round to round.
func turns(round, n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for turn := range n {
			if !yield((round + turn + 1) % n) {
				return
			}
		}
	}
}
