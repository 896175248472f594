// Package valkey keeps the answers of the response cache in Valkey or Redis, which replicas share.
package valkey

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	client "github.com/valkey-io/valkey-go"

	"outcrop/cache"
)

// Options say where the server is.
type Options struct {
	// Address is the server's, or that of one of Nodes: redis://user:password@host:6379/0, or rediss:// for TLS.
	Address string
	// Nodes are the nodes of a cluster, or the sentinels that know where Service is, as host:port; nil for one server.
	Nodes   []string
	Service string
	// Prefix is in front of all keys.
	Prefix string
	// TLS is how the server and the sentinels are reached where Address says so.
	TLS TLS
	// SentinelPassword is for the sentinels, whose user is the default one; empty for none.
	SentinelPassword string
	// Control decides whether a connection may be made to an address, as that of net.Dialer does; nil for any. It is asked for all nodes that
	// the server names too.
	Control func(network, address string, conn syscall.RawConn) error
}

// Store keeps answers in Valkey or Redis. It connects with the first command, so that a gateway starts while the server is away.
type Store struct {
	opt    client.ClientOption
	prefix string

	dialing sync.WaitGroup

	mu      sync.Mutex
	client  client.Client // nil until it is connected
	attempt *connecting   // nil if none is under way
	closed  bool
}

var _ cache.Store = (*Store)(nil)

// dialTimeout bounds how long a connection may take to be made.
const dialTimeout = 2 * time.Second

// Open makes a store. It makes no connection.
func Open(opt Options) (*Store, error) {
	own, err := client.ParseURL(opt.Address)
	if err != nil {
		return nil, errors.New("the address of the Valkey or Redis cannot be read") // it may have a password
	}
	own.DisableCache, own.Dialer.Timeout, own.Dialer.Control = true, dialTimeout, opt.Control
	own.PipelineMultiplex = -1 // one connection for each node, which all calls share
	own.ReadBufferEachConn, own.WriteBufferEachConn = 64<<10, 64<<10
	if own.TLSConfig != nil {
		if err := opt.TLS.apply(own.TLSConfig); err != nil {
			return nil, err
		}
		if len(opt.Nodes) > 0 {
			own.TLSConfig.ServerName = "" // each node has its own name, which is where it is reached
		}
	}
	if len(opt.Nodes) > 0 {
		own.InitAddress = opt.Nodes
	}
	if opt.Service != "" {
		own.Sentinel = client.SentinelOption{MasterSet: opt.Service, TLSConfig: own.TLSConfig, Dialer: own.Dialer, Password: opt.SentinelPassword}
	}
	if len(opt.Nodes) == 0 {
		own.ForceSingleClient = true
	}
	return &Store{opt: own, prefix: opt.Prefix}, nil
}

// connecting is an attempt to connect, for which callers wait.
type connecting struct {
	done   chan struct{}
	client client.Client
	err    error
}

// connected is the client, for which the caller waits until ctx ends. If there is none yet, one is made in the background: it takes as long
// as it takes, whoever waits. valkey-go itself connects again afterwards.
func (s *Store) connected(ctx context.Context) (client.Client, error) {
	s.mu.Lock()
	if s.client != nil || s.closed {
		c := s.client
		s.mu.Unlock()
		if c == nil {
			return nil, errClosed
		}
		return c, nil
	}
	attempt := s.attempt
	if attempt == nil {
		attempt = &connecting{done: make(chan struct{})}
		s.attempt = attempt
		s.dialing.Go(func() { s.connect(attempt) })
	}
	s.mu.Unlock()
	select {
	case <-attempt.done:
		return attempt.client, attempt.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

var errClosed = errors.New("the cache is closed")

func (s *Store) connect(attempt *connecting) {
	c, err := client.NewClient(s.opt)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attempt = nil
	switch {
	case err != nil:
		attempt.err = fmt.Errorf("connecting to Valkey: %w", err)
	case s.closed:
		c.Close()
		attempt.err = errClosed
	default:
		s.client, attempt.client = c, c
	}
	close(attempt.done)
}

// Get returns the value of a key.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	c, err := s.connected(ctx)
	if err != nil {
		return nil, err
	}
	value, err := c.Do(ctx, c.B().Get().Key(s.prefix+key).Build()).AsBytes()
	if client.IsValkeyNil(err) {
		return nil, nil
	}
	return value, err
}

// Set keeps a value.
func (s *Store) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	c, err := s.connected(ctx)
	if err != nil {
		return err
	}
	set := c.B().Set().Key(s.prefix + key).Value(client.BinaryString(value))
	command := set.Build()
	if ttl > 0 {
		command = c.B().Set().Key(s.prefix + key).Value(client.BinaryString(value)).Px(max(ttl, time.Millisecond)).Build()
	}
	return c.Do(ctx, command).Error()
}

// Delete forgets keys.
func (s *Store) Delete(ctx context.Context, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	c, err := s.connected(ctx)
	if err != nil {
		return err
	}
	return s.unlink(ctx, c, keys, s.prefix)
}

func (s *Store) unlink(ctx context.Context, c client.Client, keys []string, prefix string) error {
	commands := make(client.Commands, len(keys))
	for i, key := range keys {
		commands[i] = c.B().Unlink().Key(prefix + key).Build()
	}
	var errs []error
	for _, r := range c.DoMulti(ctx, commands...) {
		errs = append(errs, r.Error())
	}
	return errors.Join(errs...)
}

// scanned is how many keys the server looks at in one step of Flush.
const scanned = 1000

// Flush forgets all keys with the prefix of the cache. LiteLLM's FLUSHALL would delete what others have on the server.
func (s *Store) Flush(ctx context.Context) error {
	c, err := s.connected(ctx)
	if err != nil {
		return err
	}
	for address, node := range c.Nodes() {
		if err := s.flushNode(ctx, node, c); err != nil {
			return fmt.Errorf("%s: %w", address, err)
		}
	}
	return nil
}

func (s *Store) flushNode(ctx context.Context, node, all client.Client) error {
	pattern := escaped(s.prefix) + "*"
	for cursor := uint64(0); ; {
		page, err := node.Do(ctx, node.B().Scan().Cursor(cursor).Match(pattern).Count(scanned).Build()).AsScanEntry()
		if err != nil {
			return err
		}
		if len(page.Elements) > 0 {
			if err := s.unlink(ctx, all, page.Elements, ""); err != nil {
				return err
			}
		}
		if cursor = page.Cursor; cursor == 0 {
			return nil
		}
	}
}

// escaped is a text as a pattern that means it.
func escaped(text string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(text)
}

// Ping reports whether the server answers.
func (s *Store) Ping(ctx context.Context) error {
	c, err := s.connected(ctx)
	if err != nil {
		return err
	}
	return c.Do(ctx, c.B().Ping().Build()).Error()
}

// Info is what the server says of itself, by name, and how many clients it has; -1 if that is not known.
func (s *Store) Info(ctx context.Context) (names []string, values map[string]string, clients []string, err error) {
	c, err := s.connected(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	text, err := c.Do(ctx, c.B().Info().Build()).ToString()
	if err != nil {
		return nil, nil, nil, err
	}
	values = map[string]string{}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		if ok && !strings.HasPrefix(name, "#") {
			values[name] = value
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if n, err := strconv.Atoi(values["connected_clients"]); err == nil {
		clients = make([]string, n)
	}
	if list, err := c.Do(ctx, c.B().ClientList().Build()).ToString(); err == nil { // managed servers may forbid it
		clients = strings.Split(strings.TrimSpace(list), "\n")
	}
	return names, values, clients, nil
}

// Close ends the connections.
func (s *Store) Close() error {
	s.mu.Lock()
	s.closed = true
	c := s.client
	s.client = nil
	s.mu.Unlock()
	s.dialing.Wait()
	if c != nil {
		c.Close()
	}
	return nil
}
