package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// leastSpan is how many bytes a span has at least: less has not arrived.
const leastSpan = 100

// collector takes traces by OTLP and drops them.
type collector struct {
	server *http.Server
	url    string
	bytes  atomic.Int64
}

func collect(ctx context.Context) (*collector, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &collector{url: "http://" + listener.Addr().String()}
	c.server = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c.bytes.Add(n)
		w.Header().Set("Content-Type", "application/x-protobuf") // an empty ExportTraceServiceResponse
	})}
	go func() { _ = c.server.Serve(listener) }() // until it is closed
	return c, nil
}

// traced compares calls of which spans are sent to a collector by OTLP with calls of a gateway without callbacks.
func traced(ctx context.Context, b *bench) (lines []line, err error) {
	c, err := collect(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.server.Close()) }()
	text, err := os.ReadFile(b.config)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(b.dir, "traced.yaml")
	text = fmt.Appendf(text, "litellm_settings: {callbacks: [otel]}\nenvironment_variables: {OTEL_EXPORTER_OTLP_ENDPOINT: %q, OTEL_EXPORTER_OTLP_PROTOCOL: http/protobuf}\n", c.url)
	if err := os.WriteFile(config, text, 0o600); err != nil {
		return nil, err
	}
	plain := b.two()[0]
	with := server{name: "OTLP", gateway: true, slow: 1, begin: func(ctx context.Context) (*process, error) { return b.outcropIn(ctx, config, b.dir) }}
	sides := []*keyedSide{{side: side{server: with}}, {side: side{server: plain}}}
	all, err := b.keyRounds(ctx, kind{model: modelBurst}, sides)
	if err != nil {
		return nil, err
	}
	if got := c.bytes.Load(); got < int64(sides[0].made)*leastSpan {
		return nil, fmt.Errorf("the collector has %d bytes of %d calls", got, sides[0].made)
	}
	l := compare("chat with traces by OTLP: CPU per call", "µs", all)
	l.Base, l.Limit = "without", limitTraced
	l.Note = fmt.Sprintf("the spans have arrived, %d bytes a call", c.bytes.Load()/int64(sides[0].made))
	return []line{l}, nil
}
