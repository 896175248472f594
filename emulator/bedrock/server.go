package bedrock

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server serves a handler, such as an Emulator, on an address. Create it with
// NewServer, call Start once, and then Stop.
type Server struct {
	http     *http.Server
	listener net.Listener
	abandon  context.CancelFunc // ends every request in flight
	done     chan struct{}      // closed when serving has ended

	once sync.Once
	err  error // why serving ended; read after done
}

// NewServer creates a server for h. It serves HTTP/1.1 and, on the same port, HTTP/2 with
// prior knowledge, which AWS's SDK for JavaScript and its asynchronous SDK for Java use
// with plain http addresses.
func NewServer(h http.Handler) *Server {
	ctx, cancel := context.WithCancel(context.Background())
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &Server{
		http: &http.Server{
			Handler:           h,
			Protocols:         protocols,
			ReadHeaderTimeout: 10 * time.Second,
			BaseContext:       func(net.Listener) context.Context { return ctx },
		},
		abandon: cancel,
		done:    make(chan struct{}),
	}
}

// Start listens on addr, such as 127.0.0.1:0 for a free port, and serves until Stop. It
// returns once connections are accepted, or with the reason why not.
func (s *Server) Start(ctx context.Context, addr string) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listen on %q: %w", addr, err)
	}
	s.listener = listener
	go func() {
		defer close(s.done)
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.err = err
		}
	}()
	return nil
}

// Addr returns the address that Start listens on, host and port; empty before Start.
func (s *Server) Addr() string {
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// URL returns the base URL for clients, such as http://127.0.0.1:4510; empty before
// Start.
func (s *Server) URL() string {
	if s.listener == nil {
		return ""
	}
	return "http://" + s.Addr()
}

// Stop ends the server: delayed answers (latency, a token rate, a stall) are abandoned
// at once, others may finish until ctx is done. It returns after all goroutines of the
// server have ended, with the error that ended serving, if any.
func (s *Server) Stop(ctx context.Context) error {
	s.once.Do(func() {
		s.abandon()
		if s.listener == nil {
			return
		}
		if err := s.http.Shutdown(ctx); err != nil {
			_ = s.http.Close() // the listener is already closed; the error says nothing new
		}
		<-s.done
	})
	return s.err
}
