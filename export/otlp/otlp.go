// Package otlp sends traces and metrics of calls by OpenTelemetry's protocol, over HTTP or gRPC
// (https://opentelemetry.io/docs/specs/otlp/), with the GenAI conventions' names.
package otlp

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/proto"

	"outcrop/export"
)

// Settings are where traces and metrics go.
type Settings struct {
	// Traces and Metrics are the addresses, with their paths if they are for HTTP. An empty one is not sent to.
	Traces, Metrics string
	// GRPC is whether the protocol is gRPC.
	GRPC bool
	// Headers are sent with each request; their values may be secret.
	Headers map[string]export.Secret
	// Service, Environment and Attributes describe the gateway.
	Service, Environment string
	Attributes           map[string]string
	// Version is the gateway's.
	Version string
	// Langfuse adds the names by which Langfuse finds what was asked and answered.
	Langfuse bool
	Form     export.Form
}

type sender struct {
	*export.Poster

	opt      Settings
	header   http.Header
	resource *resource.Resource
	encoded  []byte       // resource
	room     []byte       // for a span
	size     int          // of the spans of a call, about
	client   *http.Client // of gRPC

	mu    sync.Mutex // held while a batch is sent: a test may come beside the calls
	since time.Time  // when the last metrics were sent
}

// New makes the sender.
func New(opt Settings) export.Sender {
	h := http.Header{"Content-Type": {"application/x-protobuf"}, "User-Agent": {"outcrop/" + opt.Version}}
	if opt.GRPC {
		h["Content-Type"], h["Te"] = []string{"application/grpc+proto"}, []string{"trailers"}
	}
	for name, value := range maps.All(opt.Headers) {
		h.Set(name, value.Reveal())
	}
	var instance [16]byte
	_, _ = rand.Read(instance[:])
	var a attributes
	a.text("service.name", opt.Service)
	a.text("service.version", opt.Version)
	a.text("service.instance.id", hex.EncodeToString(instance[:]))
	a.text("deployment.environment", opt.Environment)
	a.text("deployment.environment.name", opt.Environment)
	for _, name := range slices.Sorted(maps.Keys(opt.Attributes)) {
		if !slices.ContainsFunc(a, func(kv *common.KeyValue) bool { return kv.GetKey() == name }) {
			a.text(name, opt.Attributes[name])
		}
	}
	encoded, _ := proto.Marshal(&resource.Resource{Attributes: a}) // of texts in UTF-8
	s := &sender{encoded: encoded, Poster: export.NewPoster(nil), opt: opt, header: h, resource: &resource.Resource{Attributes: a}, since: time.Now()}
	if opt.GRPC {
		var protocols http.Protocols
		protocols.SetHTTP2(true)
		protocols.SetUnencryptedHTTP2(true)
		s.client = &http.Client{
			Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, Protocols: &protocols, IdleConnTimeout: 90 * time.Second, ForceAttemptHTTP2: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return s
}

// Close closes the connections.
func (s *sender) Close() {
	s.Poster.Close()
	if s.client != nil {
		s.client.CloseIdleConnections()
	}
}

// Services of gRPC. What they take has the same form as the data itself.
const (
	traceService  = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
	metricService = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
)

// Send sends the spans of a batch, and then its metrics, which are not sent again.
func (s *sender) Send(ctx context.Context, batch []*export.Record) ([]*export.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opt.Traces != "" {
		if body := s.traces(batch); body != nil {
			if err := s.post(ctx, s.opt.Traces, traceService, body); err != nil {
				return batch, err
			}
		}
	}
	if s.opt.Metrics == "" {
		return nil, nil
	}
	now := time.Now()
	all := s.measure(batch, s.since, now)
	s.since = now
	if len(all) == 0 {
		return nil, nil
	}
	scope := &common.InstrumentationScope{Name: scopeOf, Version: s.opt.Version}
	data, err := proto.Marshal(&metrics.MetricsData{ResourceMetrics: []*metrics.ResourceMetrics{{Resource: s.resource, ScopeMetrics: []*metrics.ScopeMetrics{{Scope: scope, Metrics: all}}}}})
	if err != nil {
		return batch, &export.FinalError{Err: err}
	}
	if err := s.post(ctx, s.opt.Metrics, metricService, data); err != nil {
		if s.opt.Traces != "" { // the spans have arrived
			return nil, fmt.Errorf("metrics: %w", err)
		}
		return batch, err
	}
	return nil, nil
}

// scopeOf is the name of what makes spans and metrics.
const scopeOf = "outcrop"

// traces is a message TracesData with the spans of a batch; nil if there are none.
func (s *sender) traces(batch []*export.Record) []byte {
	spans := make([]byte, 0, len(batch)*s.size)
	for _, r := range batch {
		spans = s.spans(spans, r)
	}
	if len(spans) == 0 {
		return nil
	}
	s.size = len(spans)/len(batch) + 1
	var scope, in, of, all span
	scope.string(scopeName, scopeOf)
	scope.string(scopeVersion, s.opt.Version)
	in.b = make([]byte, 0, len(spans)+64)
	in.bytes(scopeSpansScope, scope.b)
	in.b = append(in.b, spans...)
	of.bytes(resourceSpansResource, s.encoded)
	of.bytes(resourceSpansScope, in.b)
	all.bytes(tracesResourceSpans, of.b)
	return all.b
}

// post sends a message.
func (s *sender) post(ctx context.Context, address, service string, body []byte) error {
	if !s.opt.GRPC {
		_, err := s.Do(ctx, http.MethodPost, address, s.header, body)
		return err
	}
	return s.call(ctx, strings.TrimRight(address, "/")+service, body)
}

// call makes a call of gRPC: a message behind five bytes, one back, and the status in the trailer
// (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).
func (s *sender) call(ctx context.Context, address string, message []byte) (err error) {
	framed := binary.BigEndian.AppendUint32(make([]byte, 1, len(message)+5), uint32(len(message)))
	framed = append(framed, message...)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(string(framed)))
	if err != nil {
		return &export.FinalError{Err: errors.New("the address is not a URL")}
	}
	req.Header = s.header.Clone()
	resp, err := s.client.Do(req)
	if err != nil {
		if with, ok := errors.AsType[*url.Error](err); ok {
			return with.Err
		}
		return err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)); err != nil {
		return err
	}
	if err := export.Refusal(resp.StatusCode); err != nil {
		return err
	}
	status := resp.Trailer.Get("Grpc-Status")
	if status == "" {
		status = resp.Header.Get("Grpc-Status") // of an answer without a message
	}
	code, err := strconv.Atoi(status)
	switch {
	case err != nil:
		return &export.FinalError{Err: errors.New("the answer is not gRPC's")}
	case code == 0:
		return nil
	}
	refusal := fmt.Errorf("the answer has gRPC's status %d", code)
	switch code {
	case 1, 4, 8, 10, 11, 14, 15: // may be sent again, as OTLP's specification says
		return refusal
	default:
		return &export.FinalError{Err: refusal}
	}
}
