package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"outcrop/alert"
	"outcrop/bearer"
	"outcrop/config"
	"outcrop/llm"
	"outcrop/quota"
	"outcrop/quota/valkey"
	"outcrop/spend"
	"outcrop/store"
	"outcrop/tenant"
)

// tenants opens what keys, budgets and spend need, when the first call asks who somebody is. It implements
// gateway.Tenants.
type tenants struct {
	cfg    atomic.Pointer[config.Accounting]
	dir    string
	logger *slog.Logger
	alerts *alerts // nil if none are sent

	// tokens verifies tokens from Start on; nil if only keys are accepted.
	tokens *bearer.Verifier

	mu      sync.Mutex
	parts   *parts   // nil until it is open
	opening *opening // nil unless it is being opened
	closed  bool
	// looked is whether the data folder was searched for a database, and found whether there was one.
	looked, found bool
	over          sync.WaitGroup
}

// opening is an attempt to open the parts.
type opening struct {
	done chan struct{}
	err  error // read after done
}

// parts are the open parts, in the order in which they were opened.
type parts struct {
	store     *store.Store
	budgets   *alert.Budgets // nil if no alerts are sent
	spend     *alert.Spend   // nil if nobody is told of what is spent
	journal   *spend.Journal
	bank      *store.Bank
	valkey    *valkey.Bank // nil if none is configured
	money     *quota.Ledger
	rates     *quota.Ledger
	directory *tenant.Directory
	retention *retention // nil if rows of the spend log are kept for ever
}

// openTimeout bounds an attempt to open the parts. Calls wait for it; those after it try again.
const openTimeout = 10 * time.Second

// get returns the open parts.
func (t *tenants) get(ctx context.Context) (*parts, error) {
	t.mu.Lock()
	p, o := t.parts, t.opening
	switch {
	case p != nil:
		t.mu.Unlock()
		return p, nil
	case t.closed:
		t.mu.Unlock()
		return nil, store.ErrClosed
	case o == nil:
		o = &opening{done: make(chan struct{})}
		t.opening = o
		t.over.Go(func() { t.attempt(context.WithoutCancel(ctx), o) })
	}
	t.mu.Unlock()
	select {
	case <-o.done:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if o.err != nil {
		return nil, &llm.Error{
			Code: llm.CodeLimitsAway, Status: 503, Message: "the database of keys cannot be opened.", RetryAfter: "1", Err: o.err,
			Fix: "The gateway's log says why; its operator has to act.",
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.parts == nil {
		return nil, store.ErrClosed
	}
	return t.parts, nil
}

// attempt opens the parts.
func (t *tenants) attempt(ctx context.Context, o *opening) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	p, err := t.open(ctx)
	if err != nil {
		t.logger.Error("the database of keys cannot be opened", slog.String("error", err.Error()))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil { // they may have changed meanwhile
		p.directory.Set(settingsOf(t.cfg.Load()))
	}
	t.parts, t.opening, o.err = p, nil, err
	close(o.done)
}

// open opens all parts, or none.
func (t *tenants) open(ctx context.Context) (_ *parts, err error) {
	p, cfg := &parts{}, t.cfg.Load()
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close(context.WithoutCancel(ctx)))
		}
	}()
	dir, url := t.dir, cfg.DatabaseURL.Reveal()
	if p.store, err = store.Open(ctx, store.Options{Dir: dir, URL: url}); err != nil {
		if url != "" || dir == "" {
			return nil, err
		}
		t.logger.Warn("keys and spend are kept in memory only, because the database cannot be opened",
			slog.String("data_dir", dir), slog.String("error", err.Error()), slog.String("hint", "set --data-dir or OUTCROP_DATA_DIR to a writable folder"))
		dir = ""
		if p.store, err = store.Open(ctx, store.Options{}); err != nil {
			return nil, err
		}
	}
	journal := spend.Options{Dir: dir, Store: p.store, Logger: t.logger}
	var budgets tenant.Budgets
	if t.alerts != nil {
		journal.Failed = t.alerts.calls.DatabaseFailed
		if t.alerts.sender.Wants(alert.BudgetAlerts) {
			p.budgets = alert.Watch(ctx, alert.BudgetOptions{Ledger: p.store, Sink: t.alerts.sender, Again: t.alerts.cfg.BudgetAgain, Logger: t.logger})
			journal.Posted, budgets = p.budgets.Posted, p.budgets
		}
	}
	p.spend = t.alerts.watchSpend(ctx, p.store, t.logger)
	if p.journal, err = spend.Open(ctx, journal); err != nil {
		return nil, err
	}
	if p.bank, err = p.store.Bank(ctx, p.journal.Replica()); err != nil {
		return nil, err
	}
	if err = p.bank.Reset(ctx); err != nil {
		return nil, err
	}
	p.money = quota.NewLedger(p.bank, quota.Options{})
	switch {
	case cfg.Valkey != "":
		p.valkey, err = valkey.Open(ctx, valkey.Options{URL: cfg.Valkey.Reveal(), Replica: p.journal.Replica(), Logger: t.logger})
		if err != nil {
			return nil, err
		}
		p.rates = quota.NewLedger(p.valkey, quota.Options{})
	case p.store.Shared():
		p.rates = p.money
	default:
		p.rates = quota.NewLedger(quota.NewMemory(nil), quota.Options{})
	}
	p.directory, err = tenant.Open(ctx, tenant.Options{
		Store: p.store, Money: p.money, Rates: p.rates, Journal: p.journal, Budgets: budgets, Woken: p.store.Revisions(), Logger: t.logger,
		Settings: settingsOf(cfg),
	})
	if err != nil {
		return nil, err
	}
	if cfg.LogRetention > 0 {
		p.retention = retain(p.store, cfg.LogRetention, cfg.LogSweep, t.logger)
	}
	return p, nil
}

// settingsOf are the settings of the directory.
func settingsOf(cfg *config.Accounting) tenant.Settings {
	return tenant.Settings{
		BudgetStatus: cfg.BudgetStatus, MaxBudget: cfg.MaxBudget, BudgetDuration: cfg.BudgetDuration,
		CustomerBudgetID: cfg.CustomerBudgetID, CustomerBudget: cfg.CustomerBudget, TagBudgets: cfg.TagBudgets,
		EstimatedOutput: cfg.EstimatedOutput, GlobalParallel: cfg.GlobalParallel, KeyParallel: cfg.KeyParallel, Counted: counted(cfg.CountedTokens), Sliding: cfg.Sliding, Full: cfg.Full, EndStreams: cfg.EndStreams, OpenWhenAway: cfg.OpenWhenAway, Tokens: cfg.Tokens.Policy,
		AdminRoutes: cfg.AdminRoutes, Priorities: cfg.Priorities,
	}
}

// set sets the limits for the calls that begin from then on. Where they are kept, which tokens are accepted and how windows move stays as it was at first.
func (t *tenants) set(next *config.Accounting) {
	t.mu.Lock()
	defer t.mu.Unlock()
	cfg := *next
	if was := t.cfg.Load(); was != nil {
		cfg.DatabaseURL, cfg.Valkey, cfg.StoreModels, cfg.Tokens, cfg.Sliding = was.DatabaseURL, was.Valkey, was.StoreModels, was.Tokens, was.Sliding
		cfg.LogRetention, cfg.LogSweep, cfg.Adjustments = was.LogRetention, was.LogSweep, was.Adjustments
	}
	t.cfg.Store(&cfg)
	if t.parts != nil {
		t.parts.directory.Set(settingsOf(&cfg))
	}
}

// counted are the tokens that limits count.
func counted(of config.CountedTokens) tenant.Counted {
	switch of {
	case config.InputTokens:
		return tenant.InputTokens
	case config.OutputTokens:
		return tenant.OutputTokens
	default:
		return tenant.AllTokens
	}
}

// close ends all parts: what has not been posted is, if the context allows it.
func (p *parts) close(ctx context.Context) error {
	var errs []error
	if p.retention != nil {
		p.retention.close()
	}
	if p.spend != nil {
		p.spend.Close()
	}
	if p.directory != nil {
		p.directory.Close()
	}
	if p.rates != nil && p.rates != p.money {
		errs = append(errs, p.rates.Close())
	}
	if p.money != nil {
		errs = append(errs, p.money.Close())
	}
	if p.journal != nil {
		errs = append(errs, p.journal.Close(ctx))
	}
	if p.budgets != nil {
		p.budgets.Close(ctx)
	}
	if p.valkey != nil {
		errs = append(errs, p.valkey.Close())
	}
	if p.bank != nil {
		errs = append(errs, p.bank.Close())
	}
	if p.store != nil {
		errs = append(errs, p.store.Close())
	}
	return errors.Join(errs...)
}

// bearer returns who has a token.
func (t *tenants) bearer(ctx context.Context, token string) (*tenant.Caller, error) {
	id, err := t.tokens.Verify(ctx, token)
	if err != nil {
		return nil, err
	}
	p, err := t.get(ctx)
	if err != nil {
		return nil, err
	}
	return p.directory.Bearer(ctx, token, id)
}

// verify begins to verify tokens, if the configuration has them accepted.
func (t *tenants) verify() {
	c := &t.cfg.Load().Tokens
	if c.Enabled {
		t.tokens = bearer.Open(bearer.Options{URLs: c.URLs, Audience: c.Audience, Issuer: c.Issuer, Fields: c.Fields, TTL: c.TTL, Stale: c.Stale, Logger: t.logger})
	}
}

// Caller returns who has a key or a token.
func (t *tenants) Caller(ctx context.Context, key string) (*tenant.Caller, error) {
	if t.tokens != nil && bearer.IsToken(key) {
		return t.bearer(ctx, key)
	}
	if !t.used(true) { // nobody has made a key
		return nil, tenant.NoKey(key)
	}
	p, err := t.get(ctx)
	if err != nil {
		return nil, err
	}
	return p.directory.Caller(ctx, key)
}

// Anyone returns who calls a path that needs no key.
func (t *tenants) Anyone(ctx context.Context) (*tenant.Caller, error) {
	p, err := t.get(ctx)
	if err != nil {
		return nil, err
	}
	return p.directory.Anyone(), nil
}

// Master returns who has the master key; nil if calls need no account: as long as nobody has made a key, a user
// or the like, there is no budget of the whole gateway and no shared database, nothing is written about calls.
func (t *tenants) Master(ctx context.Context) (*tenant.Caller, error) {
	if !t.used(false) {
		return nil, nil //nolint:nilnil // nobody's
	}
	p, err := t.get(ctx)
	if err != nil {
		return nil, err
	}
	if t.configured() || p.directory.Accounts() {
		return p.directory.Master(), nil
	}
	return nil, nil //nolint:nilnil // nobody's
}

// configured reports whether the configuration asks for accounts.
func (t *tenants) configured() bool {
	cfg := t.cfg.Load()
	return cfg.DatabaseURL != "" || cfg.MaxBudget.Set || cfg.GlobalParallel.Set || cfg.Deployments ||
		cfg.CustomerBudgetID != "" || cfg.CustomerBudget.Set || len(cfg.TagBudgets) > 0
}

// used reports whether there may be keys: if so, the database is opened with the gateway. again is whether to look
// for one that another program has made meanwhile.
func (t *tenants) used(again bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.parts != nil || t.opening != nil || t.configured() || t.cfg.Load().StoreModels {
		return true
	}
	if t.dir != "" && !t.found && (again || !t.looked) {
		for _, name := range [...]string{spend.Folder, store.FileName} {
			_, err := os.Stat(filepath.Join(t.dir, name))
			t.found = t.found || err == nil
		}
	}
	t.looked = true
	return t.found
}

// close ends what is open.
func (t *tenants) close(ctx context.Context) error {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	if t.tokens != nil {
		t.tokens.Close()
	}
	t.over.Wait()
	t.mu.Lock()
	p := t.parts
	t.parts = nil
	t.mu.Unlock()
	if p == nil {
		return nil
	}
	return p.close(ctx)
}
