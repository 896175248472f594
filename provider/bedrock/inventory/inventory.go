// Package inventory holds what an account can call: the model and inference profile lists of the
// regions in use, which it reads from AWS in the background, saves to disk and merges over the
// built-in catalogue; and what AWS's refusals have shown and no list contains.
package inventory

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"outcrop/provider/bedrock/catalog"
)

// Get makes one GET call in a region, with path segments and a query, and returns the response body: of the control
// plane or, for MantleModels, of bedrock-mantle. An error is an *llm.Error.
type Get func(ctx context.Context, region, query string, path ...string) ([]byte, error)

// Options configure an inventory.
type Options struct {
	// Base is the catalogue that the lists are merged over.
	Base *catalog.Catalogue
	// Overlays merges lists over Base for several inventories; nil if this is the only one. Bounded
	// inventories, those of client-supplied credentials, share its memory limit.
	Overlays *catalog.Overlays
	Bounded  bool
	// Dir is a folder in which lists survive restarts; empty for none. Name distinguishes the
	// account's files: 16 hexadecimal digits.
	Dir, Name string
	Now       func() time.Time
	Logger    *slog.Logger
}

// Inventory is what is known about one account. It is safe for use by many goroutines.
type Inventory struct {
	opt    Options
	state  atomic.Pointer[State]
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	// running are the refreshes in progress.
	running sync.WaitGroup

	mu           sync.Mutex
	regions      map[string]*region
	observations map[observationKey]observation
	warnedDenied bool // the warning that an action is denied was logged
	warnedFailed bool // the warning that an action fails for another reason was logged
	pace         pace // of look-ups
	closed       bool
	endLay       func() // releases the catalogue in use

	saving  sync.Mutex // held to write lists to disk, so that the newest are written last
	unsaved bool       // the warning that they cannot be saved was logged
	pruned  bool       // old files were removed
}

// region is what was read from one region.
type region struct {
	name      string
	live      *catalog.Live          // nil before the first refresh
	err       error                  // of the last refresh
	tried     time.Time              // when the last refresh began
	access    time.Time              // when access was last looked up
	again     time.Time              // when a refused call last refreshed the lists
	refreshes pace                   // of refreshes that anything else triggers
	flight    *flight                // the refresh in progress; nil if there is none
	lookups   map[string]lookupState // the ARNs whose base models are needed
	looking   bool                   // ARNs are being looked up
	asking    bool                   // single models are being looked up
}

// flight is one refresh, shared by all callers.
type flight struct {
	lists chan struct{} // closed when the lists have been read
	done  chan struct{} // closed when everything has been read
}

// State is a snapshot of what is known. It is immutable.
type State struct {
	// Generation identifies the state, so that derived values can be cached without retaining it.
	Generation   uint64
	Catalogue    *catalog.Catalogue
	observations map[observationKey]observation
	expires      time.Time // when the first observation expires; zero if there is none
}

// New returns an inventory that knows what Base knows.
func New(opt Options) *Inventory {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	if opt.Overlays == nil {
		opt.Overlays = catalog.NewOverlays(opt.Base, 0)
		opt.Bounded = false
	}
	opt.Base = opt.Overlays.Base()
	v := &Inventory{opt: opt, endLay: func() {}, regions: map[string]*region{}, observations: map[observationKey]observation{}, pace: pace{burst: lookUpBurst, every: lookUpEvery}}
	v.ctx, v.cancel = context.WithCancel(context.Background())
	v.state.Store(&State{Catalogue: opt.Base})
	return v
}

// Close cancels the refreshes in progress and waits for their goroutines. Snapshot still works.
func (v *Inventory) Close() {
	v.mu.Lock()
	v.closed = true
	v.mu.Unlock()
	v.cancel()
	v.running.Wait()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.endLay()
}

// Snapshot returns the current state. It does not wait for a refresh, and returns the same pointer
// until the state changes.
func (v *Inventory) Snapshot() *State {
	s := v.state.Load()
	if s.expires.IsZero() || v.opt.Now().Before(s.expires) {
		return s
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.publish(false)
	return v.state.Load()
}

// publish makes a new State; mu must be held. lists reports whether there are new lists; otherwise
// only the observations are new.
func (v *Inventory) publish(lists bool) {
	next := *v.state.Load()
	next.Generation++
	if lists {
		var live []*catalog.Live
		for _, r := range v.regions {
			if r.live != nil {
				live = append(live, r.live)
			}
		}
		slices.SortFunc(live, func(a, b *catalog.Live) int { return cmp.Compare(a.Region, b.Region) })
		made, end, ok := v.opt.Overlays.Lay(v.opt.Bounded, live...)
		if !ok {
			v.opt.Logger.Warn("no memory left for the model lists of another account; using the built-in catalogue for it")
		}
		v.endLay()
		next.Catalogue, v.endLay = made, end
	}
	v.forget(next.Catalogue)
	next.observations, next.expires = maps.Clone(v.observations), time.Time{}
	for _, l := range next.observations {
		if next.expires.IsZero() || l.until.Before(next.expires) {
			next.expires = l.until
		}
	}
	v.state.Store(&next)
}

// AddRegion adds a region that is in use, and loads its lists from disk. It makes no call.
func (v *Inventory) AddRegion(name string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.addRegion(name)
}

// addRegion is AddRegion; mu must be held.
func (v *Inventory) addRegion(name string) *region {
	if r := v.regions[name]; r != nil {
		return r
	}
	r := &region{name: name, lookups: map[string]lookupState{}, refreshes: pace{burst: refreshBurst, every: refreshEvery}}
	v.regions[name] = r
	if r.live = v.load(name); r.live != nil {
		v.publish(true)
	}
	return r
}

// Status is the status of the lists of a region.
type Status struct {
	Region string
	// Account is the account number; empty if no list contains it.
	Account string
	// At is when the lists were last read, possibly by an earlier process; zero if never.
	At               time.Time
	Models, Profiles int
	// Err is why the last refresh failed, fully or in part; nil if it succeeded.
	Err error
}

// Status returns the status of the regions in use, sorted by name.
func (v *Inventory) Status() []Status {
	v.mu.Lock()
	defer v.mu.Unlock()
	var all []Status
	for _, name := range slices.Sorted(maps.Keys(v.regions)) {
		r := v.regions[name]
		s := Status{Region: name, Err: r.err}
		if r.live != nil {
			s.Account, s.At = r.live.Account, r.live.At
			s.Models, s.Profiles = len(r.live.Models.Value), len(r.live.Profiles.Value)
		}
		all = append(all, s)
	}
	return all
}
