package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// client is one connection that makes calls, one after the other. It writes precomputed
// requests and reads the answers with net/http's parser.
type client struct {
	conn net.Conn
	in   *bufio.Reader
	body []byte
	rest io.Reader // of a held stream
}

// streamTimeout is how long a released stream may take for its next bytes.
const streamTimeout = time.Minute

func dial(ctx context.Context, address string) (*client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, in: bufio.NewReaderSize(conn, 8<<10)}, nil
}

// call makes one call and reads its whole answer. An incomplete answer, or a status
// other than 200, is an error, so that a gateway cannot look fast by doing less. The
// duration is until the first token if t asks for that, otherwise until the end.
func (c *client) call(t traffic, begin time.Time) (time.Duration, error) { return c.nth(t, 0, begin) }

// nth makes the n-th call of some traffic, as call does.
func (c *client) nth(t traffic, n int, begin time.Time) (time.Duration, error) {
	if _, err := c.conn.Write(t.of(n)); err != nil {
		return 0, err
	}
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	c.body = c.body[:0]
	var first time.Duration
	for {
		if len(c.body) == cap(c.body) {
			c.body = append(c.body, 0)[:len(c.body)]
		}
		n, err := resp.Body.Read(c.body[len(c.body):cap(c.body)])
		c.body = c.body[:len(c.body)+n]
		if t.first && first == 0 && bytes.Contains(c.body, t.mark) {
			first = time.Since(begin)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, err
		}
	}
	whole := time.Since(begin)
	if resp.StatusCode != http.StatusOK || !bytes.Contains(c.body, t.mark) || !bytes.HasSuffix(c.body, t.suffix) {
		return 0, fmt.Errorf("status %d, incomplete response: %.500q", resp.StatusCode, c.body)
	}
	if t.first {
		return first, nil
	}
	return whole, nil
}

// closedLoop makes calls over a number of connections, each starting its next call
// after the answer of the last.
func closedLoop(ctx context.Context, address string, t traffic, connections, calls int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for i := range connections {
		wg.Go(func() {
			c, err := dial(ctx, address)
			if err != nil {
				cancel(err)
				return
			}
			defer c.conn.Close()
			for n := i; n < calls && ctx.Err() == nil; n += connections {
				if _, err := c.nth(t, n, time.Now()); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// openLoop starts calls at a steady rate, whether or not earlier ones have finished,
// and returns the duration of each. Waiting for a connection is part of the duration.
func openLoop(ctx context.Context, address string, t traffic, perSecond, calls int) ([]time.Duration, error) {
	const connections = 64
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	due := make(chan time.Time, calls)
	var mu sync.Mutex
	took := make([]time.Duration, 0, calls)
	var wg sync.WaitGroup
	for range connections {
		c, err := dial(ctx, address)
		if err != nil {
			cancel(err)
			break
		}
		wg.Go(func() {
			defer c.conn.Close()
			for begin := range due {
				d, err := c.call(t, begin)
				if err != nil {
					cancel(err)
					return
				}
				mu.Lock()
				took = append(took, d)
				mu.Unlock()
			}
		})
	}
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	for range calls {
		select {
		case <-tick.C:
			due <- time.Now()
		case <-ctx.Done():
		}
	}
	close(due)
	wg.Wait()
	return took, context.Cause(ctx)
}

// heldStreams are streams kept open after their first token.
type heldStreams []*client

// hold opens streams, one after the other, and keeps them open after their first token.
// The caller must close the returned streams, also after an error.
func hold(ctx context.Context, address string, t traffic, streams int) (heldStreams, error) {
	clients := make(heldStreams, 0, streams)
	for range streams {
		c, err := dial(ctx, address)
		if err != nil {
			return clients, err
		}
		clients = append(clients, c)
		if err := c.open(t); err != nil {
			return clients, fmt.Errorf("stream %d: %w", len(clients), err)
		}
	}
	return clients, nil
}

func (h heldStreams) close() {
	for _, c := range h {
		c.conn.Close()
	}
}

// finish reads each stream to its end, and checks that it is complete.
func (h heldStreams) finish(t traffic) error {
	for i, c := range h {
		if _, err := c.finish(t); err != nil {
			return fmt.Errorf("stream %d: %w", i+1, err)
		}
	}
	return nil
}

// open starts a stream and reads up to its first token.
func (c *client) open(t traffic) error {
	if _, err := c.conn.Write(t.bytes); err != nil {
		return err
	}
	resp, err := http.ReadResponse(c.in, nil) //nolint:bodyclose // the stream is left open on purpose
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	c.rest, c.body = resp.Body, nil
	piece := make([]byte, 4<<10)
	for !bytes.Contains(c.body, t.mark) {
		n, err := resp.Body.Read(piece)
		c.body = append(c.body, piece[:n]...)
		if err != nil {
			return fmt.Errorf("the stream ended before its first token: %w", err)
		}
	}
	return nil // the body stays open: closing it would read to its end
}

// finish reads the rest of a stream that open has started, and returns it.
func (c *client) finish(t traffic) ([]byte, error) {
	if bytes.HasSuffix(c.body, t.suffix) {
		return nil, errors.New("the stream ended before it was released")
	}
	if err := c.conn.SetReadDeadline(time.Now().Add(streamTimeout)); err != nil {
		return nil, err
	}
	rest, err := io.ReadAll(c.rest)
	if err != nil {
		return nil, err
	}
	if !bytes.HasSuffix(rest, t.suffix) {
		return nil, fmt.Errorf("incomplete response: %.500q and then %q", c.body, rest)
	}
	return rest, nil
}
