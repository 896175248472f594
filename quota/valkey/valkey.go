// Package valkey keeps counters of requests, tokens and parallel calls in Valkey or Redis 7, for the replicas of a
// gateway. See docs/adr/0013-who-calls-and-what-is-left.md.
//
// Each counter is one key, which one script reads and changes, so that a cluster can be used. The time is the
// server's. A replica is alive while its sign of life, a key that expires after Lifetime, is there. Each time it
// comes to life, a new epoch begins: shares belong to a replica's epoch, and those of an epoch that is over are given
// to others or, for requests and tokens, count as used until the period ends. Keys of counters expire a minute after
// their period, or the last slice of a window that slides, does not count any more; those of parallel calls an hour after their last share. Only a counter of requests or tokens that never
// begins anew never expires.
//
// What Valkey loses in a failover or a restart without a disk is not counted. An account that is restricted by ACLs needs
// the keys and channels that begin with the prefix.
package valkey

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	client "github.com/valkey-io/valkey-go"

	"outcrop/quota"
)

// Lifetime is how long a replica counts as alive after its last sign of life. After that, others get its shares.
const Lifetime = 10 * time.Second

const (
	beatEvery  = 2 * time.Second
	retryEvery = 200 * time.Millisecond // while the server is away
	idle       = time.Hour              // how long a counter of parallel calls is kept without a use
	trustAlive = time.Second            // how long a replica that was alive is not asked for again
)

// Options are the settings of a Bank. They print without the password.
type Options struct {
	// URL is the server, such as redis://USER:PASSWORD@HOST:PORT/DB, or rediss://HOST for TLS, or unix:///PATH.
	// ?addr=HOST:PORT adds a node of a cluster or a sentinel, and ?master_set=NAME says that they are sentinels.
	URL string
	// Addresses are nodes, such as HOST:PORT, in addition to that of the URL or in its place.
	Addresses []string
	// User, Password and TLS are in place of those of the URL; empty and nil for none.
	User, Password string
	TLS            *tls.Config
	// Prefix begins all names of keys and channels; empty for outcrop:.
	Prefix string
	// Replica is the id of this process, which no other running one has.
	Replica string
	// Timeout bounds each round trip to the server; 0 for half a second.
	Timeout time.Duration
	Logger  *slog.Logger
}

// String names the replica only, because the rest may contain a password.
func (o *Options) String() string { return "Valkey for replica " + o.Replica }

// Format writes String for every verb.
func (o Options) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(o.String())) }

// LogValue logs String.
func (o Options) LogValue() slog.Value { return slog.StringValue(o.String()) }

// parse makes the options of the client. Its errors do not contain the URL, which may have a password.
func (o *Options) parse() (client.ClientOption, error) {
	var c client.ClientOption
	if o.URL == "" && len(o.Addresses) == 0 {
		return c, errors.New("the address of Valkey is missing")
	}
	if o.URL != "" {
		var err error
		if c, err = client.ParseURL(o.URL); err != nil {
			return c, errors.New("the URL of Valkey cannot be read: write it as redis://USER:PASSWORD@HOST:PORT/DB, with % escapes for special characters")
		}
	}
	c.InitAddress = append(c.InitAddress, o.Addresses...)
	if o.User != "" {
		c.Username = o.User
	}
	if o.Password != "" {
		c.Password = o.Password
	}
	if o.TLS != nil {
		c.TLSConfig = o.TLS
	}
	if c.Sentinel.MasterSet != "" {
		c.Sentinel.TLSConfig, c.Sentinel.Dialer.Timeout = c.TLSConfig, o.Timeout
	}
	c.Dialer.Timeout = o.Timeout
	// An attempt with an unknown outcome is not repeated: it would draw twice.
	c.DisableRetry = true
	c.DisableCache = true
	c.PipelineMultiplex = -1 // one connection for each node, which all calls share
	c.ReadBufferEachConn, c.WriteBufferEachConn = 64<<10, 64<<10
	return c, nil
}

// Bank draws on the counters for one replica. It implements quota.Bank. It is safe for concurrent use.
type Bank struct {
	client             client.Client
	prefix, replica    string
	timeout            time.Duration
	log                *slog.Logger
	recalls, returned  *notes
	begin, beat        *script
	drawing, returning *script
	settling           *script
	cancel             context.CancelFunc
	ended              sync.WaitGroup
	wake               chan struct{} // the server is away, or a share is in doubt
	commands           atomic.Int64  // numbers the commands that change shares

	// using is held for reading while shares are changed, and for writing while they are settled.
	using sync.RWMutex

	mu     sync.Mutex
	closed bool
	away   bool
	epoch  int64
	seen   time.Time
	alive  map[string]time.Time // until when replicas are taken to be alive
	shares map[string]share     // by counter
	doubt  map[string]bool      // counters whose share the server may have changed without an answer
	muted  int64                // the last period of which the server may have taken back units without an answer
}

// share is what the replica has drawn of a counter and not returned.
type share struct {
	period, units int64
	ends          time.Time // the zero time if it does not end
}

var _ quota.Bank = (*Bank)(nil)

// Open connects to the server and says that the replica is alive, from now until Close. All shares of an earlier
// process with the same id are given back, as by Reset. ctx bounds the connecting. The error is
// quota.ErrAway if the server does not answer, and names neither the URL nor the password.
func Open(ctx context.Context, opt Options) (*Bank, error) {
	if opt.Prefix == "" {
		opt.Prefix = "outcrop:"
	}
	if opt.Timeout <= 0 {
		opt.Timeout = 500 * time.Millisecond
	}
	o, err := opt.parse()
	if err != nil {
		return nil, err
	}
	b := &Bank{
		prefix: opt.Prefix, replica: opt.Replica, timeout: opt.Timeout, log: opt.Logger,
		recalls: newNotes(), returned: newNotes(), wake: make(chan struct{}, 1),
		begin: newScript(beginLua), beat: newScript(beatLua), drawing: newScript(windowLua + drawLua), returning: newScript(returnLua), settling: newScript(settleLua),
	}
	if b.client, err = client.NewClient(o); err != nil {
		return nil, fmt.Errorf("connecting to Valkey: %w", unreachable(err))
	}
	if err := b.Reset(ctx); err != nil {
		b.client.Close()
		return nil, fmt.Errorf("connecting to Valkey: %w", err)
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	b.cancel = cancel
	b.ended.Go(func() { b.live(running) })
	b.ended.Go(func() { b.listen(running) })
	return b, nil
}

// Reset gives back all shares of the replica, which has none any more, because it was started again. Those of requests
// and tokens count as used until their periods end, because nobody knows how many calls were made.
func (b *Bank) Reset(ctx context.Context) error {
	began := time.Now()
	within, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	b.using.Lock()
	defer b.using.Unlock()
	result := b.run(within, b.begin, b.lifeKey(b.replica), millis(Lifetime), b.returnedChannel())
	epoch, err := result.AsInt64()
	if err != nil {
		return b.failed(ctx, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.epoch, b.seen, b.away = epoch, began, false
	b.alive, b.shares, b.doubt = map[string]time.Time{}, map[string]share{}, map[string]bool{}
	return nil
}

// Seen is when the server has last heard that the replica is alive, at the earliest. Lifetime after that, its shares
// may be given to others: it must not use them any more, and draw anew.
func (b *Bank) Seen() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seen
}

// Recalls is as quota.Bank has it.
func (b *Bank) Recalls() <-chan string { return b.recalls.c }

// Returned sends the ids of counters of which units have been returned by some replica, or of which a recall was answered,
// while draws wait for that; and an empty id if some may have been missed. A draw that waits should then be repeated. It is
// closed when the bank is closed. If nobody reads it, nothing waits.
func (b *Bank) Returned() <-chan string { return b.returned.c }

// Close ends the signs of life and the connections. What the replica has drawn is given back, as by Reset.
func (b *Bank) Close() error {
	b.mu.Lock()
	epoch, closed := b.epoch, b.closed
	b.closed = true
	b.mu.Unlock()
	if closed {
		return nil
	}
	b.cancel()
	b.ended.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), b.timeout)
	defer cancel()
	// If the server does not hear it, the sign of life expires.
	_ = b.run(ctx, b.beat, b.lifeKey(b.replica), number(epoch), "0", b.returnedChannel()).Error()
	b.client.Close()
	b.recalls.close()
	b.returned.close()
	return nil
}

// live gives signs of life until ctx ends, and settles the shares that are in doubt.
func (b *Bank) live(ctx context.Context) {
	kept, next := time.Now(), time.Now().Add(beatEvery)
	for {
		timer := time.NewTimer(time.Until(next))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-b.wake:
			timer.Stop()
			if soon := time.Now().Add(retryEvery); soon.Before(next) {
				next = soon
			}
			continue
		case <-timer.C:
		}
		next = time.Now().Add(beatEvery)
		if b.sign(ctx) != nil || b.settle(ctx) != nil {
			next = time.Now().Add(retryEvery)
			continue
		}
		b.recalls.flush()
		b.returned.flush()
		if time.Since(kept) > idle/4 {
			kept = time.Now()
			b.keep(ctx)
		}
	}
}

// sign gives a sign of life. If the last one has expired, a new epoch begins.
func (b *Bank) sign(ctx context.Context) error {
	b.mu.Lock()
	epoch := b.epoch
	b.mu.Unlock()
	within, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	began := time.Now()
	alive, err := b.run(within, b.beat, b.lifeKey(b.replica), number(epoch), millis(Lifetime), b.returnedChannel()).AsInt64()
	if err != nil {
		return b.failed(ctx, err)
	}
	b.mu.Lock()
	back := b.away
	b.away = false
	if alive == 1 && b.epoch == epoch {
		b.seen = began
	}
	b.mu.Unlock()
	if back {
		b.log.Info("Valkey answers again")
	}
	if alive == 0 {
		b.log.Warn("this replica was not heard of, and its shares of limits were given to others: it begins anew")
		return b.Reset(ctx)
	}
	return nil
}

// keep keeps the counters of parallel calls of which this replica has shares, and forgets shares of periods that are over.
func (b *Bank) keep(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	now := time.Now()
	var commands client.Commands
	b.mu.Lock()
	for id, s := range b.shares {
		switch {
		case s.ends.IsZero():
			commands = append(commands, b.client.B().Pexpire().Key(b.key(id)).Milliseconds(idle.Milliseconds()).Build())
		case now.After(s.ends):
			delete(b.shares, id)
		}
	}
	b.mu.Unlock()
	for _, result := range b.client.DoMulti(ctx, commands...) {
		if result.Error() != nil {
			return // there is time for other attempts
		}
	}
}

// listen receives recalls, and what has been returned, until ctx ends.
func (b *Bank) listen(ctx context.Context) {
	recall := b.recallChannel(b.replica)
	// Each time the subscription begins, some messages may have been missed.
	hooked := client.WithOnSubscriptionHook(ctx, func(s client.PubSubSubscription) {
		if s.Kind == "subscribe" {
			b.recalls.send("")
			b.returned.send("")
		}
	})
	for ctx.Err() == nil {
		_ = b.client.Receive(hooked, b.client.B().Subscribe().Channel(recall, b.returnedChannel()).Build(), func(m client.PubSubMessage) {
			if m.Channel == recall {
				b.recalls.send(m.Message)
			} else {
				b.returned.send(m.Message)
			}
		}) // that the server is away is known from the signs of life
		timer := time.NewTimer(retryEvery)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}
