package providertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"outcrop/llm"
	"outcrop/provider"
)

// reply is what the fake upstream answers to a call.
type reply struct {
	status int
	header http.Header
	body   string
	events []string // of a stream; body is not used then
	kind   string   // of a stream, as a media type; empty for server-sent events
	cut    bool     // the connection breaks behind them
	stall  bool     // nothing follows, and the connection stays open
	silent bool     // there is no response at all
}

// fake is an upstream with a script of one reply.
type fake struct {
	base  string
	serve *http.Server
	reply reply

	mu      sync.Mutex
	bodies  [][]byte
	arrived chan struct{} // closed when the first request has arrived
	gone    chan struct{} // closed when a client has gone during a stall
	once    sync.Once
}

// listen starts a fake upstream. close stops it.
func listen(r reply) (*fake, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &fake{base: "http://" + l.Addr().String(), reply: r, arrived: make(chan struct{}), gone: make(chan struct{})}
	f.serve = &http.Server{Handler: f, ReadHeaderTimeout: time.Minute}
	go func() { _ = f.serve.Serve(l) }() // it ends with close
	return f, nil
}

func (f *fake) close() { _ = f.serve.Close() }

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	f.bodies = append(f.bodies, body)
	if len(f.bodies) == 1 {
		close(f.arrived)
	}
	f.mu.Unlock()
	if f.reply.silent {
		<-r.Context().Done()
		f.once.Do(func() { close(f.gone) })
		return
	}
	maps.Copy(w.Header(), f.reply.header)
	status := f.reply.status
	if status == 0 {
		status = http.StatusOK
	}
	if f.reply.events == nil {
		w.Header().Set("Content-Type", "application/json")
		if f.reply.cut {
			w.Header().Set("Content-Length", strconv.Itoa(len(f.reply.body)+100))
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, f.reply.body) // a client that has gone is the client's affair
		return
	}
	kind := f.reply.kind
	if kind == "" {
		kind = "text/event-stream"
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	for _, event := range f.reply.events {
		_, _ = io.WriteString(w, event)
		_ = http.NewResponseController(w).Flush()
	}
	switch {
	case f.reply.stall:
		<-r.Context().Done()
		f.once.Do(func() { close(f.gone) })
	case f.reply.cut:
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = conn.Close()
		}
	}
}

// last is the body of the last request.
func (f *fake) last() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.bodies) == 0 {
		return nil
	}
	return f.bodies[len(f.bodies)-1]
}

// with opens a deployment before a fake upstream, and calls do with a target of it.
func (p *Provider) with(r reply, do func(f *fake, t provider.Target) error) error {
	if framed, ok := p.Upstream.(Framed); ok {
		r.kind = framed.StreamType()
	}
	f, err := listen(r)
	if err != nil {
		return err
	}
	defer f.close()
	d, err := p.Open(f.base)
	if err != nil {
		return err
	}
	defer d.Close()
	targets, err := d.Targets(llm.VerbChat, p.Model)
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		return errors.New("there is no target")
	}
	return do(f, targets[0])
}

// complete makes a call for a complete response.
func complete(ctx context.Context, t provider.Target, q *Question) (*llm.Response, error) {
	c, ok := t.(provider.Chatter)
	if !ok {
		return nil, errors.New("the target is not a provider.Chatter")
	}
	return c.Complete(ctx, q.Request())
}

// stream makes a call for a streaming response, and folds its events.
func stream(ctx context.Context, t provider.Target, q *Question) (*llm.Response, error) {
	c, ok := t.(provider.Chatter)
	if !ok {
		return nil, errors.New("the target is not a provider.Chatter")
	}
	req := q.Request()
	req.Stream = true
	s, err := c.Stream(ctx, req)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return fold(s)
}

// fold reads a stream to its end. The response is what has arrived until then.
func fold(s llm.Stream) (*llm.Response, error) {
	var f llm.Fold
	order := order{open: map[int]bool{}}
	for {
		var ev llm.Event
		err := s.Next(&ev)
		if errors.Is(err, io.EOF) {
			return f.Answer(), order.end()
		}
		if err != nil {
			return f.Answer(), err
		}
		if err := order.take(&ev); err != nil {
			return nil, err
		}
		f.Add(&ev)
	}
}

// order checks the order of events that llm.EventKind states.
type order struct {
	begun, stopped, counted bool
	open                    map[int]bool
}

func (o *order) take(ev *llm.Event) error {
	switch ev.Kind {
	case llm.EventStart:
		if o.begun {
			return errors.New("the stream has two starts")
		}
		o.begun = true
	case llm.EventBlockStart:
		o.open[ev.Index] = true
	case llm.EventDelta:
		if o.stopped {
			return errors.New("the stream has a delta behind its stop")
		}
		if !o.open[ev.Index] && ev.Block != llm.BlockText && ev.Block != llm.BlockReasoning {
			return fmt.Errorf("the stream has a delta of block %d, which has not begun", ev.Index)
		}
	case llm.EventStop:
		if o.stopped {
			return errors.New("the stream has two stops")
		}
		o.stopped = true
	case llm.EventUsage:
		if !o.stopped || o.counted {
			return errors.New("the usage is not the one event behind the stop")
		}
		o.counted = true
	case llm.EventBlockEnd, llm.EventOther:
	}
	return nil
}

func (o *order) end() error {
	if !o.begun || !o.stopped || !o.counted {
		return fmt.Errorf("the stream ended without all of start (%t), stop (%t) and usage (%t)", o.begun, o.stopped, o.counted)
	}
	return nil
}
