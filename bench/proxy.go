package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"runtime/pprof"
	"strconv"
	"sync"
	"time"

	"outcrop/cli"
)

// serveProxy is the baseline: a reverse proxy that inspects and changes nothing. Its
// transport keeps idle connections as Outcrop does.
func serveProxy(ctx context.Context, args []string, out io.Writer) error {
	if len(args) != 2 {
		return errors.New("usage: bench proxy UPSTREAM POOLED")
	}
	pooled, err := strconv.ParseBool(args[1])
	if err != nil {
		return err
	}
	target, err := url.Parse(args[0])
	if err != nil {
		return err
	}
	l, err := listen(ctx, out)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: newProxy(target, newTransport(), pooled), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 120 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// newTransport returns a transport that keeps as many idle connections, and for as
// long, as Outcrop does.
func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		DialContext:         dialer.DialContext,
		DisableCompression:  true,
		MaxIdleConnsPerHost: 1024,
		IdleConnTimeout:     50 * time.Second,
	}
}

// bufferPool lets a proxy's calls reuse their copy buffers of 32 KB, which
// httputil.ReverseProxy does not do by default.
type bufferPool struct{ pool sync.Pool }

func (b *bufferPool) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, 32<<10)
}

func (b *bufferPool) Put(p []byte) { b.pool.Put(&p) }

// newProxy returns the handler, with a pool of buffers or, as is
// httputil.ReverseProxy's default, without. It enables full duplex because net/http's
// server otherwise closes a request's body at the first byte of the answer, which
// occasionally loses a call.
func newProxy(target *url.URL, transport *http.Transport, pooled bool) http.Handler {
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		FlushInterval: -1,
		Transport:     transport,
	}
	if pooled {
		proxy.BufferPool = new(bufferPool)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet { // the health check, which is not measured
			w.WriteHeader(http.StatusOK)
			return
		}
		if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		proxy.ServeHTTP(w, r)
	})
}

// serveProfiled runs Outcrop's command line with a CPU profile, written to the file
// that the first argument names.
func serveProfiled(args []string) (err error) {
	if len(args) < 2 {
		return errors.New("usage: bench profiled FILE ARGUMENTS")
	}
	f, err := os.Create(args[0])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	if cli.Main(args[1:], os.Stdout, os.Stderr) != 0 {
		return errors.New("outcrop failed")
	}
	return nil
}
