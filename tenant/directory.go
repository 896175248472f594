package tenant

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"outcrop/alert"
	"outcrop/llm"
	"outcrop/quota"
	"outcrop/store"
)

// Store has the entities; *store.Store is one.
type Store interface {
	Entity(ctx context.Context, kind store.Kind, id string) (*store.Entity, error)
	Entities(ctx context.Context, f *store.Filter) (page []store.Entity, total int, err error)
	// Changes are the entities that have changed since a revision, and the revision up to which that is.
	Changes(ctx context.Context, after int64) (refs []store.Ref, upto int64, err error)
	// Change writes entities: users who come with a token for the first time.
	Change(ctx context.Context, c *store.Change) (revision int64, err error)
}

// Journal takes the rows of calls, and keeps nothing of a row itself; *spend.Journal is one.
type Journal interface {
	Append(row *store.Row) error
}

// Budgets watches budgets; *alert.Budgets is one. Its methods do not block.
type Budgets interface {
	// Know is called before the cost of a call that counts for budgets goes to the journal, and Refused when a call
	// was refused because one of some budgets is used up.
	Know(budgets []*alert.Budget)
	Refused(budgets []*alert.Budget)
}

// Options are a directory's parts.
type Options struct {
	Store Store
	// Money and Rates count what limits allow: money, and requests, tokens and parallel calls.
	Money, Rates *quota.Ledger
	Journal      Journal
	// Budgets watches what is spent of budgets; nil if nobody wants to be told.
	Budgets  Budgets
	Settings Settings
	// Woken receives when entities may have changed; nil to only ask now and then.
	Woken  <-chan struct{}
	Now    func() time.Time // time.Now if nil
	Logger *slog.Logger
}

// Settings are the operator's.
type Settings struct {
	// BudgetStatus is the HTTP status for a budget that is used up: litellm_settings.budget_exceeded_status_code.
	BudgetStatus int
	// MaxBudget and BudgetDuration are litellm_settings.max_budget and budget_duration: of the whole gateway.
	MaxBudget      llm.Opt[llm.Cost]
	BudgetDuration string
	// EstimatedOutput is how many tokens are reserved for a response whose request does not bound it; 0 for the
	// most that the model can write.
	EstimatedOutput int64
	// GlobalParallel is the most calls at a time of all keys together, and KeyParallel that of a key without a limit of its
	// own: general_settings.global_max_parallel_requests and max_parallel_requests.
	GlobalParallel, KeyParallel llm.Opt[int64]
	// Counted are the tokens that limits of tokens a minute count, but for those of deployments:
	// general_settings.token_rate_limit_type.
	Counted Counted
	// Sliding is whether limits of requests and tokens hold for every minute, wherever it begins:
	// outcrop_settings.limits.window.
	Sliding bool
	// Full is whether a call whose cost may be more than what is left of a budget is refused.
	Full bool
	// Tokens are what tokens of an identity provider may do.
	Tokens Tokens
	// CustomerBudgetID is the budget of customers without one of their own, known or not; empty for none. CustomerBudget is
	// that of customers for whom there is none after that: litellm_settings.max_end_user_budget_id and max_end_user_budget.
	CustomerBudgetID string
	CustomerBudget   llm.Opt[llm.Cost]
	// TagBudgets are budgets by tag, beside those that tags have in the store: litellm_settings.tag_budget_config.
	TagBudgets map[string]llm.Budget
	// Priorities are shares of models by priority; nil for none.
	Priorities *Priorities
	// AdminRoutes are the paths that only admins may call: general_settings.admin_only_routes.
	AdminRoutes []string
	// EndStreams is whether a stream ends when a budget is used up.
	EndStreams bool
	// OpenWhenAway is whether calls pass while their limits cannot be checked.
	OpenWhenAway bool
}

// Directory knows the keys, and what they belong to. It keeps what it has read until it changes. It is safe for
// concurrent use.
type Directory struct {
	opt     Options
	current atomic.Pointer[Settings]

	mu       sync.RWMutex
	revision int64
	callers  map[string]*Caller // by hash; nil for hashes that are no key
	docs     map[store.Ref]*found
	parties  map[store.Ref]*party // customers and tags
	served   map[string]*served   // deployments with limits, by their ids
	pools    map[pool]*pooled     // models of which priorities have shares
	groups   *groups              // nil if they have to be read
	readings map[*reading]struct{}
	master   *Caller
	charges  sync.Pool // of *Charge, empty

	poll sync.Mutex // one at a time asks for changes
	over sync.WaitGroup
	stop context.CancelFunc
}

// found is what was read of an entity; a document that is nil does not exist.
type found struct {
	doc     *document
	created time.Time
}

// Bounds of what is kept in memory.
const (
	maxCallers = 128 << 10
	maxDocs    = 64 << 10
)

// pollEvery is how often a directory asks for changes.
const pollEvery = 250 * time.Millisecond

// Open makes a directory, which follows the store's changes until Close.
func Open(ctx context.Context, opt Options) (*Directory, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	d := &Directory{opt: opt, callers: map[string]*Caller{}, docs: map[store.Ref]*found{}, parties: map[store.Ref]*party{}, readings: map[*reading]struct{}{}}
	d.replace(opt.Settings)
	if err := d.Refresh(ctx); err != nil {
		return nil, err
	}
	d.master = d.masterCaller()
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	d.stop = stop
	d.over.Go(func() { d.follow(background) })
	return d, nil
}

// settings are the operator's at present.
func (d *Directory) settings() *Settings { return d.current.Load() }

func (d *Directory) replace(s Settings) {
	s.BudgetStatus = cmp.Or(s.BudgetStatus, 422)
	d.current.Store(&s)
}

// Set replaces the operator's settings for the calls that begin from then on. Those that are under way end with the limits that they have begun
// with; what is counted stays counted.
func (d *Directory) Set(s Settings) {
	d.replace(s)
	master := d.masterCaller()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.master = master
	clear(d.callers) // they are built from the settings
	clear(d.parties)
	d.served, d.pools = nil, nil
	for r := range d.readings {
		r.stale = true
	}
}

// Close ends the work in the background.
func (d *Directory) Close() {
	d.stop()
	d.over.Wait()
}

// follow asks for changes until the context ends.
func (d *Directory) follow(ctx context.Context) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	failed, woken := false, d.opt.Woken
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case _, ok := <-woken:
			if !ok { // the store is closed
				woken = nil
			}
		}
		err := d.Refresh(ctx)
		if err != nil && !failed && ctx.Err() == nil {
			d.opt.Logger.Warn("changes of keys cannot be read", slog.String("error", err.Error()))
		}
		failed = err != nil
	}
}

// Refresh forgets what has changed in the store since it last looked.
func (d *Directory) Refresh(ctx context.Context) error {
	d.poll.Lock()
	defer d.poll.Unlock()
	refs, upto, err := d.opt.Store.Changes(ctx, d.revision)
	if err != nil {
		return err
	}
	if upto == d.revision {
		return nil
	}
	d.mu.Lock()
	first := d.revision == 0 && len(d.callers)+len(d.docs)+len(d.parties)+len(d.readings) == 0
	if d.revision = upto; !first {
		for _, ref := range refs {
			d.forget(ref)
		}
	}
	d.mu.Unlock()
	if !first {
		for _, ref := range refs {
			d.opt.Money.Refresh(store.SpendCounter(ref.Kind, ref.ID))
		}
	}
	return nil
}

// Accounts reports whether anything was ever made to which calls belong.
func (d *Directory) Accounts() bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.revision > 0
}

// forget drops what depends on an entity; d.mu is held.
func (d *Directory) forget(ref store.Ref) {
	if team, user, _ := strings.Cut(ref.ID, "/"); ref.Kind == store.KindMember && team != "" {
		defer d.forget(memberships(user))
	}
	switch ref.Kind {
	case store.KindKey, store.KindOldKey:
		delete(d.callers, ref.ID)
	case store.KindAccessGroup:
		d.groups, ref = nil, allGroups
	default:
		delete(d.docs, ref)
	}
	for hash, c := range d.callers {
		if c != nil && c.dependsOn(ref) {
			delete(d.callers, hash)
		}
	}
	for of, p := range d.parties {
		if p.dependsOn(ref) {
			delete(d.parties, of)
		}
	}
	for r := range d.readings {
		r.stale = r.stale || slices.Contains(r.refs, ref)
	}
}

// document returns an entity's document, from memory if it is there; nil if there is no such entity.
func (d *Directory) document(ctx context.Context, kind store.Kind, id string) (*found, error) {
	ref := store.Ref{Kind: kind, ID: id}
	d.mu.RLock()
	known := d.docs[ref]
	d.mu.RUnlock()
	if known != nil {
		return known, nil
	}
	f := &found{}
	r := d.begin(ref)
	keep := func() {
		if len(d.docs) >= maxDocs {
			clear(d.docs)
		}
		d.docs[ref] = f
	}
	e, err := d.opt.Store.Entity(ctx, kind, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		d.end(r, nil)
		return nil, err
	default:
		if f.doc, err = decode(e); err != nil {
			d.end(r, nil)
			return nil, err
		}
		f.created = e.Created
	}
	d.end(r, keep) // what is stale is for a reading that is stale too
	return f, nil
}

// Caller returns who has a key. A key that may not be used is an *llm.Error.
func (d *Directory) Caller(ctx context.Context, key string) (*Caller, error) {
	if len(key) > MaxKey {
		return nil, Malformed()
	}
	hash, now := hashed(key), d.opt.Now()
	d.mu.RLock()
	c, known := d.callers[string(hash[:])]
	d.mu.RUnlock()
	if !known || c != nil && c.over(now) {
		var err error
		if c, err = d.load(ctx, string(hash[:])); err != nil {
			return nil, away(err)
		}
	}
	if c == nil {
		return nil, NoKey(key)
	}
	if err := c.usable(now); err != nil {
		return nil, err
	}
	return c, nil
}

// load reads a key and what it belongs to; nil for a hash that is no key's.
func (d *Directory) load(ctx context.Context, hash string) (c *Caller, err error) {
	err = d.again(ctx, func(r *reading) (func(), error) {
		c, err = d.build(ctx, r, hash)
		return func() {
			if len(d.callers) >= maxCallers {
				clear(d.callers)
			}
			if c != nil {
				c.refs = r.refs
				c.find(d)
			}
			d.callers[hash] = c
		}, err
	}, store.Ref{Kind: store.KindKey, ID: hash}, store.Ref{Kind: store.KindOldKey, ID: hash})
	return c, err
}
